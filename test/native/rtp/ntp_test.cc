// NTP time and the round trip.
#include "rtp/ntp.h"

#include "base/prng.h"
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

// The example of RFC 3550 §6.4.1, figure 2.
TEST("computes the RFC's own example of 6.125 s") {
  const std::uint32_t arrival = 0xb710'8000;
  const std::uint32_t last_sr = 0xb705'2000;
  const std::uint32_t delay = 0x0005'4000;
  const std::optional<Duration> trip = round_trip(arrival, last_sr, delay);
  REQUIRE(trip.has_value());
  CHECK_EQ(*trip, Duration::microseconds(6'125'000));
}

TEST("knows no round trip before the peer has had a report") {
  CHECK_FALSE(round_trip(1'000, 0, 0).has_value());
}

TEST("the middle of NTP time wraps every 18 hours and the round trip doesn't notice") {
  const std::optional<Duration> trip = round_trip(0x0000'8000, 0xffff'8000, 0x8000);
  REQUIRE(trip.has_value());
  CHECK_EQ(*trip, Duration::milliseconds(500));
}

TEST("a peer that claims more delay than has passed has no round trip; a rounding error is zero") {
  CHECK_FALSE(round_trip(1'000, 900, 200).has_value());
  CHECK_EQ(round_trip(1'000, 900, 110).value(), Duration::zero());
  CHECK_FALSE(round_trip(1'000, 900, 117).has_value());
}

TEST("recovers random round trips to within the rounding of its units") {
  Prng prng(17);
  for (int run = 0; run < 10'000; ++run) {
    const Duration offset = Duration::seconds(1'700'000'000);
    const Instant sent = Instant::from_ns(static_cast<std::int64_t>(prng.next_u64() >> 12));
    const Duration there = Duration::microseconds(prng.below(300'000));
    const Duration held = Duration::microseconds(prng.below(6'000'000));
    const Duration back = Duration::microseconds(prng.below(300'000));
    const std::uint32_t last_sr = NtpTime::at(sent, offset).middle();
    const std::uint32_t now = NtpTime::at(sent + there + held + back, offset).middle();
    const std::optional<Duration> trip = round_trip(now, last_sr, to_ntp_short(held));
    REQUIRE(trip.has_value() || last_sr == 0);
    const std::int64_t error = (*trip - (there + back)).ns();
    REQUIRE(error > -46'000 && error < 46'000);  // three units of 15.26 us
  }
}

}  // namespace
