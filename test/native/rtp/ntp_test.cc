// NTP time, whole and short.
#include "rtp/ntp.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

TEST("the Unix epoch is 2,208,988,800 seconds after NTP's") {
  const NtpTime epoch = NtpTime::at(Instant::from_ns(5), Duration::nanoseconds(-5));
  CHECK_EQ(epoch.seconds(), 2'208'988'800u);
  CHECK_EQ(epoch.fraction(), 0u);
}

TEST("half a second is half the fraction, also before the epoch") {
  const NtpTime half = NtpTime::at(Instant::from_ns(500'000'000), Duration::zero());
  CHECK_EQ(half.fraction(), 0x8000'0000u);
  const NtpTime before = NtpTime::at(Instant::from_ns(-500'000'000), Duration::zero());
  CHECK_EQ(before.seconds(), 2'208'988'799u);
  CHECK_EQ(before.fraction(), 0x8000'0000u);
}

TEST("the middle 32 bits are 16 of seconds and 16 of fraction") {
  CHECK_EQ(NtpTime::from_bits(0x1111'2222'3333'4444u).middle(), 0x2222'3333u);
}

TEST("short form holds what DLSR can say and no more") {
  CHECK_EQ(to_ntp_short(Duration::seconds(1)), 0x1'0000u);
  CHECK_EQ(to_ntp_short(Duration::milliseconds(500)), 0x8000u);
  CHECK_EQ(to_ntp_short(Duration::seconds(-1)), 0u);
  CHECK_EQ(to_ntp_short(Duration::seconds(65'535)), 0xffff'0000u);
  CHECK_EQ(to_ntp_short(Duration::seconds(65'536)), 0xffff'ffffu);
  CHECK_EQ(from_ntp_short(0x1'8000), Duration::milliseconds(1'500));
}

}  // namespace
