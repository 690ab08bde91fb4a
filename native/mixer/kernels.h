// The mixer's arithmetic over frames, one table of functions for each instruction set. Sums are of
// 32 bits and become samples, saturated, in the last step alone; every table's results are the same
// to the bit. Who is summed and who hears what is decided in mixer.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "mixer/gain.h"

namespace trunkyard::mixer {

/// Pointers need no alignment; any `samples` will do.
struct Kernels {
  /// out[n] = frames[0][n] + frames[1][n] + ...; zeros when there are none. What was in `out` is
  /// overwritten. At most 2^16 frames, so that no sum overflows.
  void (*sum)(const std::int16_t* const* frames, std::size_t frames_count, std::int32_t* out,
              std::size_t samples) noexcept;
  /// out[n] = sum[n] - own[n], saturated. |sum[n]| stays below 2^31 - 2^15.
  void (*subtract)(const std::int32_t* sum, const std::int16_t* own, std::int16_t* out,
                   std::size_t samples) noexcept;
  /// out[n] = sum[n], saturated.
  void (*saturate)(const std::int32_t* sum, std::int16_t* out, std::size_t samples) noexcept;
  /// out[n] = in[n] times the ramp's gain at n, rounded, saturated. `out` may be `in`.
  void (*scale)(const std::int16_t* in, std::int16_t* out, const Ramp& ramp,
                std::size_t samples) noexcept;
  /// The sum of the squares, exact.
  std::uint64_t (*energy)(const std::int16_t* in, std::size_t samples) noexcept;
};

/// @param isa no more than best_isa().
[[nodiscard]] const Kernels& kernels(Isa isa) noexcept;

}  // namespace trunkyard::mixer
