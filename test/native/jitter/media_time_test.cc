// Media time: the factors of the clocks, and the way from the local clock and back.
#include "jitter/media_time.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::jitter;

TEST("clocks that divide 48 kHz can be told, others can't") {
  for (const std::uint32_t rate_hz : {8'000u, 12'000u, 16'000u, 24'000u, 48'000u}) {
    CHECK_TRUE(is_media_rate(rate_hz));
    CHECK_EQ(media_per_step(rate_hz) * rate_hz, 48'000);
  }
  for (const std::uint32_t rate_hz : {0u, 1u, 6'000u, 11'025u, 44'100u, 90'000u, 96'000u}) {
    CHECK_FALSE(is_media_rate(rate_hz));
  }
}

TEST("20 ms are 960 steps, on either clock, after years of uptime too") {
  CHECK_EQ(media_of(Duration::milliseconds(20)), 960);
  CHECK_EQ(duration_of(960), Duration::milliseconds(20));
  const Instant late = Instant::from_ns(std::int64_t{40} * 365 * 86'400 * 1'000'000'000);
  CHECK_EQ(media_of(late + Duration::milliseconds(20)) - media_of(late), 960);
  CHECK_EQ(duration_of(-1), Duration::nanoseconds(-20'833));
}

}  // namespace
