// The real clocks and the real dice. Everything above is told the time and handed its seeds.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace trunkyard::io {

/// CLOCK_MONOTONIC; about 25 ns, no system call.
[[nodiscard]] Instant now() noexcept;

/// What to add to now() to get nanoseconds since 1970; moves when the machine's clock is set.
[[nodiscard]] std::int64_t epoch_offset_ns() noexcept;

/// From the kernel's generator; for seeds.
[[nodiscard]] std::uint64_t random_seed() noexcept;

}  // namespace trunkyard::io
