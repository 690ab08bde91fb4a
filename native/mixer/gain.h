// Gain: how much louder or quieter a frame is made, in whole numbers, so that every instruction set
// comes to the same samples. A gain never jumps within sound: it runs in a straight line from where
// the last frame left it to where it is wanted.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace trunkyard::mixer {

/// What a participant's volume may be set to.
inline constexpr float kGainDbMin = -60.0F;
inline constexpr float kGainDbMax = 24.0F;

/// As a factor; 1 for 0 dB, exactly. @param gain_db outside of the range above it counts as the
/// nearer end, and what is no number as the lower one.
[[nodiscard]] inline float factor_of_db(float gain_db) noexcept {
  // std::clamp() would let through what is no number.
  return std::pow(10.0F, std::max(kGainDbMin, std::min(gain_db, kGainDbMax)) / 20.0F);
}

/// A straight line of gains over one frame. Both ends share an exponent, so the lesser of them is
/// as exact as 15 bits below the greater make it:
///
///     gain at sample n of N = ((from * 2^16 + n * step) >> 16) / 2^shift,
///     step = (to - from) * 2^16 / N, towards zero
struct Ramp {
  std::int32_t from = 0;   ///< 0..32,767
  std::int32_t to = 0;     ///< 0..32,767
  std::int32_t shift = 1;  ///< 1..30

  [[nodiscard]] constexpr std::int32_t step(std::size_t samples) const noexcept {
    return samples == 0 ? 0 : (to - from) * 65'536 / static_cast<std::int32_t>(samples);
  }
};

/// What a ramp can multiply with at most; factor_of_db() stays far below.
inline constexpr float kRampFactorMax = 16'384.0F;

/// From the gain before the first sample to the gain after the last one.
/// @param from, to factors from 0 on; beyond kRampFactorMax counts as that.
[[nodiscard]] inline Ramp ramp_of(float from, float to) noexcept {
  constexpr int kShiftMin = 1;
  constexpr int kShiftMax = 30;
  const auto limited = [](float factor) { return std::min(factor, kRampFactorMax); };
  int exponent = 0;
  (void)std::frexp(limited(std::max(from, to)), &exponent);
  const int shift = std::clamp(15 - exponent, kShiftMin, kShiftMax);
  const auto mantissa = [&](float factor) {
    const long scaled = std::lrint(std::ldexp(limited(factor), shift));
    return static_cast<std::int32_t>(std::min(scaled, 32'767L));
  };
  return {.from = mantissa(from), .to = mantissa(to), .shift = shift};
}

}  // namespace trunkyard::mixer
