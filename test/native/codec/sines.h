// Sines for tests of audio: makes tones and measures what came out. All levels in dB relative to a
// full-scale square wave (dBov, RFC 6465), so a full-scale sine is at -3.01.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "codec/pcm.h"

namespace test::sines {

using Samples = std::vector<std::int16_t>;

struct Tone {
  double frequency_hz = 1'000;
  double level_dbov = -13;
  std::uint32_t rate_hz = 8'000;
};

/// `count` samples of a sine, rounded to the nearest integers.
inline Samples make_tone(const Tone& tone, std::size_t count) {
  const double amplitude = 32'768 * std::sqrt(2.0) * std::pow(10, tone.level_dbov / 20);
  const double angle = 2 * M_PI * tone.frequency_hz / tone.rate_hz;
  Samples samples(count);
  for (std::size_t index = 0; index < count; ++index) {
    const double value = amplitude * std::sin(angle * static_cast<double>(index));
    samples[index] = static_cast<std::int16_t>(std::lrint(std::clamp(value, -32'768.0, 32'767.0)));
  }
  return samples;
}

/// Level of everything there is; -200 for nothing.
inline double level_dbov(trunkyard::codec::Pcm samples) {
  double energy = 0;
  for (const std::int16_t sample : samples)
    energy += double{1} * sample * sample;
  if (energy == 0) return -200;
  return 10 * std::log10(energy / static_cast<double>(samples.size()) / (32'768.0 * 32'768.0));
}

/// Level of the sine at one frequency, by a Goertzel filter under a Hann window: 30 dB less of what
/// is two bins (2 / duration) away, far less beyond.
inline double tone_level_dbov(trunkyard::codec::Pcm samples, double frequency_hz,
                              std::uint32_t rate_hz) {
  const double angle = 2 * M_PI * frequency_hz / rate_hz;
  double last = 0;
  double before = 0;
  double weight = 0;
  const auto count = static_cast<double>(samples.size());
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double window =
        0.5 - 0.5 * std::cos(2 * M_PI * (static_cast<double>(index) + 0.5) / count);
    const double now = window * samples[index] + 2 * std::cos(angle) * last - before;
    before = last;
    last = now;
    weight += window;
  }
  const double energy = last * last + before * before - 2 * std::cos(angle) * last * before;
  const double amplitude = 2 * std::sqrt(std::max(energy, 0.0)) / weight;
  return amplitude < 1e-9 ? -200 : 20 * std::log10(amplitude / std::sqrt(2.0) / 32'768.0);
}

/// The strongest frequency within 20 Hz of where one is expected, to 0.1 Hz.
inline double loudest_near_hz(trunkyard::codec::Pcm samples, double expected_hz,
                              std::uint32_t rate_hz) {
  double best_hz = 0;
  double best_dbov = -300;
  for (int step = -200; step <= 200; ++step) {
    const double frequency_hz = expected_hz + 0.1 * step;
    const double dbov = tone_level_dbov(samples, frequency_hz, rate_hz);
    if (dbov > best_dbov) {
      best_dbov = dbov;
      best_hz = frequency_hz;
    }
  }
  return best_hz;
}

/// The largest step from one sample to the next: a click is one that the sound itself can't make.
inline int largest_jump(trunkyard::codec::Pcm samples) {
  int largest = 0;
  for (std::size_t index = 1; index < samples.size(); ++index)
    largest = std::max(largest, std::abs(samples[index] - samples[index - 1]));
  return largest;
}

}  // namespace test::sines
