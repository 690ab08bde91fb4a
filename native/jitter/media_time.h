// The room's one unit of media time: 1/48,000 s. Every clock rate that a voice payload has divides
// 48,000, so timestamps, frames and delays of all of them are whole numbers of it, and a payload
// type with another clock in the middle of a call changes a factor instead of every figure kept so
// far.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace trunkyard::jitter {

/// Of the unit above, signed, in 64 bits: six million years.
using MediaTime = std::int64_t;

inline constexpr std::uint32_t kMediaHz = 48'000;
inline constexpr MediaTime kMediaPerMs = kMediaHz / 1'000;

/// Whether a payload's clock can be told in media time without a rest: 8, 12, 16, 24, 48 kHz and
/// the other divisors from 8 kHz on.
[[nodiscard]] constexpr bool is_media_rate(std::uint32_t clock_rate_hz) noexcept {
  return clock_rate_hz >= 8'000 && clock_rate_hz <= kMediaHz && kMediaHz % clock_rate_hz == 0;
}
/// What one step of a payload's clock is in media time. @param clock_rate_hz of is_media_rate().
[[nodiscard]] constexpr MediaTime media_per_step(std::uint32_t clock_rate_hz) noexcept {
  return kMediaHz / clock_rate_hz;
}

/// The local clock in media time. Wraps nowhere for 48 years of uptime.
[[nodiscard]] constexpr MediaTime media_of(Instant now) noexcept {
  return now.ns() * 6 / 125'000;
}
[[nodiscard]] constexpr MediaTime media_of(Duration duration) noexcept {
  return duration.ns() * 6 / 125'000;
}
/// Exact to 1 ns, rounded towards zero.
[[nodiscard]] constexpr Duration duration_of(MediaTime media) noexcept {
  return Duration::nanoseconds(media * 125'000 / 6);
}

}  // namespace trunkyard::jitter
