// A synthetic voice to send through a codec, and how like two sounds are; the rest of what tests of
// audio need is in sines.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "native/codec/sines.h"

namespace test::voices {

using sines::Samples;

/// Something like a voice: harmonics of a gliding pitch under two resonances, in syllables of a
/// quarter second.
inline Samples make_voice(std::uint32_t rate_hz, std::size_t count) {
  Samples samples(count);
  double pitch_phase = 0;
  for (std::size_t index = 0; index < count; ++index) {
    const double at = static_cast<double>(index) / rate_hz;
    const double pitch_hz = 130 + 25 * std::sin(2 * std::numbers::pi * 0.7 * at);
    pitch_phase += 2 * std::numbers::pi * pitch_hz / rate_hz;
    double sum = 0;
    for (int harmonic = 1; harmonic * pitch_hz < 3'400; ++harmonic) {
      const double hz = harmonic * pitch_hz;
      const double shape =
          1 / (1 + std::pow((hz - 500) / 200, 2)) + 0.5 / (1 + std::pow((hz - 1'500) / 300, 2));
      sum += shape * std::sin(harmonic * pitch_phase);
    }
    const double syllable = 0.25 + 0.75 * std::pow(std::sin(std::numbers::pi * 4 * at), 2);
    samples[index] = static_cast<std::int16_t>(std::lround(5'000 * syllable * sum));
  }
  return samples;
}

/// Signal to noise, dB: how like `reference` the samples are.
inline double likeness_db(trunkyard::codec::Pcm reference, trunkyard::codec::Pcm samples) {
  double signal = 1;
  double noise = 1;
  for (std::size_t index = 0; index < std::min(reference.size(), samples.size()); ++index) {
    const double difference = double{1} * reference[index] - samples[index];
    signal += double{1} * reference[index] * reference[index];
    noise += difference * difference;
  }
  return 10 * std::log10(signal / noise);
}

}  // namespace test::voices
