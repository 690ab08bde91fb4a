#include "io/clock.h"

#include <sys/random.h>
#include <time.h>

#include "base/check.h"

namespace trunkyard::io {

namespace {

std::int64_t read_ns(clockid_t clock) noexcept {
  timespec reading;
  CHECK(clock_gettime(clock, &reading) == 0);
  return std::int64_t{reading.tv_sec} * 1'000'000'000 + reading.tv_nsec;
}

}  // namespace

Instant now() noexcept {
  return Instant::from_ns(read_ns(CLOCK_MONOTONIC));
}

std::int64_t epoch_offset_ns() noexcept {
  return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  // Requests of up to 256 bytes are never cut short once the pool is ready (getrandom(2)).
  CHECK(getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
  return seed;
}

}  // namespace trunkyard::io
