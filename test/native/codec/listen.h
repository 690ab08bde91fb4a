// Ears for tests: makes signals and measures them (frequency, level, jumps, match).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <vector>

#include "base/prng.h"
#include "codec/level.h"
#include "codec/pcm.h"

namespace test {

using Samples = std::vector<std::int16_t>;

inline double db(double ratio) {
  return 10.0 * std::log10(std::max(ratio, 1e-20));
}

/// Adds a sine of the given level to what is there.
inline void add_sine(Samples& samples, double rate_hz, double frequency_hz, double level_dbov,
                     double phase = 0.0) {
  const double peak = trunkyard::codec::sine_peak_of_dbov(level_dbov);
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double angle =
        2 * std::numbers::pi * frequency_hz * static_cast<double>(index) / rate_hz + phase;
    samples[index] =
        trunkyard::codec::to_sample(static_cast<float>(samples[index] + peak * std::sin(angle)));
  }
}

/// Adds white noise of the given level, evenly distributed.
inline void add_noise(Samples& samples, double level_dbov, trunkyard::Prng& prng) {
  const double half_width =
      trunkyard::codec::kPcmFullScale * std::pow(10.0, level_dbov / 20.0) * std::sqrt(3.0);
  for (std::int16_t& sample : samples) {
    sample = trunkyard::codec::to_sample(
        static_cast<float>(sample + (2 * prng.unit() - 1) * half_width));
  }
}

/// A voice of sorts: a buzz with falling harmonics and two resonances, its pitch wandering.
inline Samples voice(double rate_hz, double pitch_hz, std::size_t count, double level_dbov) {
  std::vector<double> sum(count, 0.0);
  const double highest_hz = std::min(rate_hz / 2, 4'000.0) * 0.9;
  for (int harmonic = 1; harmonic * pitch_hz * 1.05 < highest_hz; ++harmonic) {
    const double hz = harmonic * pitch_hz;
    const double near = 1 / (1 + std::pow((hz - 600) / 150, 2)) +
                        0.5 / (1 + std::pow((hz - 1'700) / 200, 2)) + 0.03;
    double phase = harmonic * harmonic;
    for (std::size_t index = 0; index < count; ++index) {
      const double seconds = static_cast<double>(index) / rate_hz;
      phase += 2 * std::numbers::pi * hz * (1 + 0.03 * std::sin(9 * seconds)) / rate_hz;
      sum[index] += near * std::sin(phase);
    }
  }
  double square = 0;
  for (const double value : sum)
    square += value * value;
  const double gain = trunkyard::codec::kPcmFullScale * std::pow(10.0, level_dbov / 20.0) /
                      std::sqrt(square / static_cast<double>(count));
  Samples samples(count);
  for (std::size_t index = 0; index < count; ++index) {
    samples[index] = trunkyard::codec::to_sample(static_cast<float>(sum[index] * gain));
  }
  return samples;
}

/// Level of the sine at one frequency, under a Hann window. Neighbours 4 / duration away don't
/// count.
inline double sine_dbov(trunkyard::codec::Pcm samples, double rate_hz, double frequency_hz) {
  double real = 0;
  double imaginary = 0;
  const auto count = static_cast<double>(samples.size());
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double at = static_cast<double>(index);
    const double window = 1 - std::cos(2 * std::numbers::pi * (at + 0.5) / count);
    const double angle = 2 * std::numbers::pi * frequency_hz * at / rate_hz;
    real += samples[index] * window * std::cos(angle);
    imaginary += samples[index] * window * std::sin(angle);
  }
  const double peak = 2 * std::hypot(real, imaginary) / count;
  return 20 * std::log10(std::max(peak, 1e-9) / std::sqrt(2.0) / trunkyard::codec::kPcmFullScale);
}

/// The frequency between two where the sine is strongest.
inline double loudest_hz(trunkyard::codec::Pcm samples, double rate_hz, double from_hz,
                         double to_hz) {
  double best_hz = from_hz;
  for (double step = (to_hz - from_hz) / 64; step > 0.005; step /= 4) {
    double best = -1e9;
    for (double hz = from_hz; hz <= to_hz; hz += step) {
      const double level = sine_dbov(samples, rate_hz, hz);
      if (level <= best) continue;
      best = level;
      best_hz = hz;
    }
    from_hz = best_hz - 2 * step;
    to_hz = best_hz + 2 * step;
  }
  return best_hz;
}

/// The greatest step from one sample to the next.
inline int largest_jump(trunkyard::codec::Pcm samples) {
  int largest = 0;
  for (std::size_t index = 1; index < samples.size(); ++index) {
    largest = std::max(largest, std::abs(samples[index] - samples[index - 1]));
  }
  return largest;
}

/// Signal to noise of what was heard against what was sent.
inline double snr_db(trunkyard::codec::Pcm sent, trunkyard::codec::Pcm heard) {
  double signal = 0;
  double noise = 0;
  for (std::size_t index = 0; index < sent.size(); ++index) {
    const double error = double{1} * sent[index] - heard[index];
    signal += double{1} * sent[index] * sent[index];
    noise += error * error;
  }
  return db(signal / std::max(noise, 1e-9));
}

}  // namespace test
