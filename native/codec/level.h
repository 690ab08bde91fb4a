// Loudness words of the room. dBov is decibels below overload: a square wave of full scale is
// 0 dBov, a sine of full scale -3.01 dBov (RFC 3389 §3.1, RFC 6465 §3). dBm0 is what telephone
// standards state levels in; with G.711's overload point it lies 6.18 dB above.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// The least level that RTP can say (7 bits); digital silence is reported as this.
inline constexpr float kLevelDbovMin = -127.0F;
/// A sine with peaks at full scale.
inline constexpr double kSineDbovMax = -3.0103;
/// dBov of 0 dBm0: the u-law overload point is +3.17 dBm0 for a sine (ITU-T G.711 §3, table 2b).
inline constexpr double kDbovOfDbm0 = -6.18;
inline constexpr double kPcmFullScale = 32'768.0;

/// Sum of the squares; exact, and far from overflow for any frame.
[[nodiscard]] constexpr std::uint64_t energy(Pcm samples) noexcept {
  std::uint64_t sum = 0;
  for (const std::int16_t sample : samples) {
    sum += static_cast<std::uint32_t>(std::int32_t{sample} * sample);
  }
  return sum;
}

/// Level of a mean square in units of squared samples: kLevelDbovMin..0.
[[nodiscard]] inline float dbov_of_mean_square(double mean_square) noexcept {
  const double share = mean_square / (kPcmFullScale * kPcmFullScale);
  if (share < 1e-13) return kLevelDbovMin;
  return static_cast<float>(std::clamp(10.0 * std::log10(share), double{kLevelDbovMin}, 0.0));
}

/// Level of some samples; kLevelDbovMin for none and for silence.
[[nodiscard]] inline float level_dbov(Pcm samples) noexcept {
  if (samples.empty()) return kLevelDbovMin;
  return dbov_of_mean_square(static_cast<double>(energy(samples)) /
                             static_cast<double>(samples.size()));
}

/// Peak of a sine with this level, in sample units.
[[nodiscard]] inline double sine_peak_of_dbov(double level_dbov) noexcept {
  return kPcmFullScale * std::sqrt(2.0) * std::pow(10.0, level_dbov / 20.0);
}

/// Nearest sample, saturated.
[[nodiscard]] inline std::int16_t to_sample(float value) noexcept {
  return static_cast<std::int16_t>(std::lrintf(std::clamp(value, -32'768.0F, 32'767.0F)));
}

}  // namespace trunkyard::codec
