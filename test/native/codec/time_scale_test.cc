// Time-scaling: what changes (the length), what doesn't (pitch, level, the joins), and what is
// refused.
#include "codec/time_scale.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

constexpr double kPi = 3.14159265358979323846;
using Signal = std::vector<std::int16_t>;

Signal tone(std::uint32_t rate_hz, double hz, double amplitude, std::size_t samples) {
  Signal signal(samples);
  for (std::size_t index = 0; index < samples; ++index) {
    signal[index] = static_cast<std::int16_t>(
        std::lround(amplitude * std::sin(2 * kPi * hz * static_cast<double>(index) / rate_hz)));
  }
  return signal;
}

/// A voice: harmonics of a pitch that glides, under a formant-like slope.
Signal voice(std::uint32_t rate_hz, double pitch_hz, std::size_t samples) {
  Signal signal(samples);
  double phase = 0;
  for (std::size_t index = 0; index < samples; ++index) {
    const double seconds = static_cast<double>(index) / rate_hz;
    phase += 2 * kPi * pitch_hz * (1 + 0.05 * std::sin(2 * kPi * 3 * seconds)) / rate_hz;
    double sum = 0;
    for (int harmonic = 1; harmonic * pitch_hz < 3'400; ++harmonic) {
      sum += std::sin(harmonic * phase) / (1 + std::abs(harmonic * pitch_hz - 600) / 300);
    }
    signal[index] = static_cast<std::int16_t>(3'000 * sum);
  }
  return signal;
}

PcmFrame frame_of(std::uint32_t rate_hz, Pcm samples) {
  PcmFrame frame;
  const MutablePcm into = frame.reset(rate_hz, samples.size());
  std::copy(samples.begin(), samples.end(), into.begin());
  return frame;
}

int largest_jump(Pcm samples) {
  int largest = 0;
  for (std::size_t index = 1; index < samples.size(); ++index) {
    largest = std::max(largest, std::abs(samples[index] - samples[index - 1]));
  }
  return largest;
}

double level_db(Pcm samples) {
  double sum = 0;
  for (const std::int16_t sample : samples)
    sum += static_cast<double>(sample) * sample;
  return 10 * std::log10(sum / static_cast<double>(samples.size()) + 1e-9);
}

/// Power at a frequency against all power: 1 for a pure tone of it.
double share_at(Pcm samples, std::uint32_t rate_hz, double hz) {
  double cosine = 0;
  double sine = 0;
  double power = 0;
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double angle = 2 * kPi * hz * static_cast<double>(index) / rate_hz;
    cosine += samples[index] * std::cos(angle);
    sine += samples[index] * std::sin(angle);
    power += static_cast<double>(samples[index]) * samples[index];
  }
  return 2 * (cosine * cosine + sine * sine) / (power * static_cast<double>(samples.size()));
}

/// Runs a signal through frames of `frame_ms`, each asked to change by `samples_max`.
Signal stretched(std::uint32_t rate_hz, const Signal& signal, std::uint32_t frame_ms,
                 std::int32_t samples_max, int& changes) {
  Signal out;
  changes = 0;
  const std::size_t size = samples_of(rate_hz, frame_ms);
  for (std::size_t at = 0; at + size <= signal.size(); at += size) {
    PcmFrame frame = frame_of(rate_hz, Pcm(signal).subspan(at, size));
    const std::int32_t change = stretch_frame(frame, samples_max);
    CHECK_EQ(frame.size(), static_cast<std::int64_t>(size) + change);
    CHECK_TRUE(std::abs(change) <= std::abs(samples_max));
    CHECK_TRUE(change == 0 || (change > 0) == (samples_max > 0));
    changes += change != 0 ? 1 : 0;
    out.insert(out.end(), frame.samples().begin(), frame.samples().end());
  }
  return out;
}

TEST("a voice gets shorter and longer at every rate and frame length, without a click") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    for (const double pitch_hz : {90.0, 120.0, 180.0, 240.0, 330.0}) {
      for (const std::uint32_t frame_ms : {20u, 30u, 60u}) {
        for (const int sign : {1, -1}) {
          // The longest frame there can be has no room to get longer.
          if (sign > 0 && samples_of(rate_hz, frame_ms) == kPcmSamplesMax) continue;
          const Signal signal = voice(rate_hz, pitch_hz, rate_hz * 3);
          int changes = 0;
          const auto most = sign * static_cast<std::int32_t>(samples_of(rate_hz, 15));
          const Signal out = stretched(rate_hz, signal, frame_ms, most, changes);
          const auto frames = static_cast<int>(3'000 / frame_ms);
          CHECK_TRUE(changes >= frames / 2);
          CHECK_TRUE(sign > 0 ? out.size() > signal.size() : out.size() < signal.size());
          CHECK_TRUE(std::abs(level_db(out) - level_db(signal)) < 0.7);
          CHECK_TRUE(largest_jump(out) <= largest_jump(signal) * 12 / 10);
        }
      }
    }
  }
}

TEST("a tone keeps its frequency and stays a tone when every frame is cut") {
  for (const double hz : {200.0, 440.0, 1'000.0, 1'633.0}) {
    for (const int sign : {1, -1}) {
      const Signal signal = tone(8'000, hz, 8'000, 8'000);
      int changes = 0;
      const Signal out = stretched(8'000, signal, 20, sign * 120, changes);
      CHECK_TRUE(changes > 25);
      CHECK_TRUE(std::abs(level_db(out) - level_db(signal)) < 0.5);
      CHECK_TRUE(largest_jump(out) <= largest_jump(signal) * 11 / 10 + 2);
      // Over 100 ms a hertz beside would show.
      const Pcm piece = Pcm(out).subspan(1'000, 800);
      CHECK_TRUE(share_at(piece, 8'000, hz) > 0.9);
    }
  }
}

TEST("the first and last samples stay near what they were, so neighbours fit") {
  const Signal signal = voice(8'000, 120, 1'600);
  for (const std::int32_t wish : {120, -120}) {
    for (std::size_t at = 0; at + 160 <= signal.size(); at += 160) {
      PcmFrame frame = frame_of(8'000, Pcm(signal).subspan(at, 160));
      if (stretch_frame(frame, wish) == 0) continue;
      CHECK_TRUE(std::abs(frame.samples().front() - signal[at]) < 300);
      CHECK_EQ(frame.samples().back(), signal[at + 159]);
    }
  }
}

TEST("near silence any length goes, exactly as asked, up to half a frame when cutting") {
  Prng prng(3);
  Signal hiss(160);
  for (std::int16_t& sample : hiss)
    sample = static_cast<std::int16_t>(prng.below(41)) - 20;
  for (const std::int32_t wish : {1, 7, 40, 80, -1, -33, -80}) {
    PcmFrame frame = frame_of(8'000, hiss);
    CHECK_EQ(stretch_frame(frame, wish), wish);
    CHECK_EQ(frame.size(), 160 + wish);
    CHECK_TRUE(largest_jump(frame.samples()) <= 41);
  }
  PcmFrame frame = frame_of(8'000, hiss);
  CHECK_EQ(stretch_frame(frame, -500), -80);
}

TEST("noise and onsets, where no two periods are alike, are left as they are") {
  Prng prng(4);
  int changed = 0;
  for (int round = 0; round < 200; ++round) {
    Signal noise(160);
    for (std::int16_t& sample : noise) {
      sample = static_cast<std::int16_t>(static_cast<std::int32_t>(prng.below(16'000)) - 8'000);
    }
    PcmFrame frame = frame_of(8'000, noise);
    if (stretch_frame(frame, round % 2 == 0 ? 120 : -120) != 0) {
      ++changed;
      continue;
    }
    CHECK_TRUE(std::equal(noise.begin(), noise.end(), frame.samples().begin()));
  }
  CHECK_TRUE(changed <= 2);
}

TEST("refuses what it can't: no wish, less than a period, short frames, odd rates, no room") {
  const Signal signal = voice(8'000, 120, 480);
  PcmFrame frame = frame_of(8'000, Pcm(signal).first(160));
  CHECK_EQ(stretch_frame(frame, 0), 0);
  CHECK_EQ(stretch_frame(frame, 19), 0);
  CHECK_EQ(stretch_frame(frame, -19), 0);
  PcmFrame brief = frame_of(8'000, Pcm(signal).first(79));
  CHECK_EQ(stretch_frame(brief, -40), 0);
  PcmFrame odd = frame_of(11'025, Pcm(signal).first(220));
  CHECK_EQ(stretch_frame(odd, -40), 0);
  PcmFrame empty;
  CHECK_EQ(stretch_frame(empty, 100), 0);
  const Signal wide = voice(48'000, 200, kPcmSamplesMax);
  PcmFrame full = frame_of(48'000, wide);
  CHECK_EQ(stretch_frame(full, 2'000'000'000), 0);
  CHECK_TRUE(stretch_frame(full, -2'000'000'000) < 0);
  PcmFrame most = frame_of(8'000, Signal(160, 0));
  CHECK_EQ(stretch_frame(most, -2'147'483'647 - 1), -80);
}

TEST("full-scale samples of either sign don't overflow anywhere") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    for (const std::uint32_t frame_ms : {10u, 20u, 60u}) {
      Signal square(samples_of(rate_hz, frame_ms));
      for (std::size_t index = 0; index < square.size(); ++index) {
        square[index] = index * 400 / rate_hz % 2 == 0 ? 32'767 : -32'768;
      }
      for (const std::int32_t wish : {3'000, -3'000}) {
        PcmFrame frame = frame_of(rate_hz, square);
        (void)stretch_frame(frame, wish);
        CHECK_TRUE(frame.size() <= kPcmSamplesMax);
      }
    }
  }
}

}  // namespace
