// The sound that codecs are measured with: the same on every machine, and no steady tone, on which
// some of them have an easy time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/prng.h"

namespace trunkyard::bench {

/// A voice of sorts: a buzz whose pitch and level wander in syllables, with noise between.
inline std::vector<std::int16_t> make_buzz(std::uint32_t rate_hz, std::size_t samples_count) {
  Prng prng(20);
  std::vector<std::int16_t> samples(samples_count);
  double phase = 0;
  double smooth = 0;
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double seconds = static_cast<double>(index) / rate_hz;
    const double syllable = seconds * 4 - static_cast<double>(static_cast<int>(seconds * 4));
    phase += (110 + 40 * syllable) / rate_hz;
    if (phase >= 1) phase -= 1;
    const double source = syllable < 0.7 ? (phase < 0.1 ? 1.0 : -0.1) : 0.2 * (prng.unit() - 0.5);
    smooth += (source - smooth) * 0.4;
    samples[index] = static_cast<std::int16_t>(smooth * 16'000 * (1 - syllable));
  }
  return samples;
}

}  // namespace trunkyard::bench
