// One sample at a time: plain C's kernels, and what the vector kernels do with the last few.
// Included by kernels*.cc alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "mixer/kernels.h"

namespace trunkyard::mixer {

extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;

namespace kernels_detail {

[[nodiscard]] constexpr std::int16_t saturated(std::int32_t value) noexcept {
  return static_cast<std::int16_t>(std::clamp(value, -32'768, 32'767));
}
/// @param gain 16 bits of it lie behind the point.
[[nodiscard]] constexpr std::int16_t scaled(std::int16_t sample, std::int32_t gain,
                                            std::int32_t shift) noexcept {
  const std::int32_t product = sample * (gain >> 16);
  return saturated((product + (1 << (shift - 1))) >> shift);
}
/// From sample `index` on.
constexpr void scale_rest(const std::int16_t* in, std::int16_t* out, const Ramp& ramp,
                          std::size_t samples, std::size_t index) noexcept {
  const std::int32_t step = ramp.step(samples);
  for (; index < samples; ++index) {
    const std::int32_t gain = ramp.from * 65'536 + step * static_cast<std::int32_t>(index);
    out[index] = scaled(in[index], gain, ramp.shift);
  }
}

}  // namespace kernels_detail
}  // namespace trunkyard::mixer
