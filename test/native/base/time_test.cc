// Instant and Duration: arithmetic that stays inside its range.
#include "base/time.h"

#include <limits>

#include "native/harness.h"

namespace {

using trunkyard::Duration;
using trunkyard::Instant;

TEST("durations of different units are the same length") {
  CHECK_EQ(Duration::seconds(2), Duration::milliseconds(2'000));
  CHECK_EQ(Duration::milliseconds(3), Duration::microseconds(3'000));
  CHECK_EQ(Duration::microseconds(4).ns(), 4'000);
  CHECK_EQ(Duration::nanoseconds(-1'999'999).ms(), -1);
}

TEST("the difference of two instants added to the earlier gives the later") {
  const Instant earlier = Instant::from_ns(5'000);
  const Instant later = Instant::from_ns(12'345);
  CHECK_EQ(earlier + (later - earlier), later);
  CHECK_EQ((earlier - later).ns(), -7'345);
  CHECK_TRUE(earlier < later);
}

TEST("never is later than anything and stays never when something is added") {
  CHECK_TRUE(Instant::from_ns(std::numeric_limits<std::int64_t>::max() - 1) < Instant::never());
  CHECK_EQ(Instant::never() + Duration::seconds(5), Instant::never());
  CHECK_EQ(Instant::never() - Duration::seconds(-5), Instant::never());
}

TEST("instants saturate at the early end too") {
  const Instant earliest = Instant::from_ns(std::numeric_limits<std::int64_t>::min());
  CHECK_EQ(earliest - Duration::seconds(1), earliest);
  CHECK_EQ(earliest + Duration::seconds(-1), earliest);
  CHECK_EQ((earliest - Instant::never()).ns(), std::numeric_limits<std::int64_t>::min());
  CHECK_EQ((Instant::never() - earliest).ns(), std::numeric_limits<std::int64_t>::max());
}

}  // namespace
