// Loudness: see loudness.h.
#include "mixer/loudness.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::mixer {
namespace {

using codec::MutablePcm;
using codec::Pcm;

/// The level is the mean over this much voice, less at first.
constexpr double kMemorySeconds = 2.0;
/// A word's first moments say little: until then the gain stays.
constexpr double kFirstSeconds = 0.2;
/// The greatest sample that a gain may make. Below full scale by more than rounding.
constexpr float kPeakMax = 32'000.0F;

int peak_of(Pcm frame) noexcept {
  int peak = 0;
  for (const std::int16_t sample : frame)
    peak = std::max(peak, std::abs(int{sample}));
  return peak;
}

/// Where a gain may drop at once without being heard: nearest to zero, and not after the first
/// sample beyond `peak_max`.
std::size_t quietest_before_peak(Pcm frame, float peak_max) noexcept {
  std::size_t quietest = 0;
  for (std::size_t index = 0; index < frame.size(); ++index) {
    const int loud = std::abs(int{frame[index]});
    if (loud <= std::abs(int{frame[quietest]})) quietest = index;
    if (static_cast<float>(loud) > peak_max) break;
  }
  return quietest;
}

}  // namespace

Loudness::Loudness(std::uint32_t rate_hz) noexcept
    : rate_hz_(rate_hz), activity_({.rate_hz = rate_hz}) {}

void Loudness::aim(float target_dbov) noexcept {
  // std::clamp() would let through what is no number, and the gain would never be one again.
  target_dbov_ = std::max(kLoudnessTargetDbovMin, std::min(target_dbov, kLoudnessTargetDbovMax));
}

void Loudness::restart() noexcept {
  const float target_dbov = target_dbov_;
  *this = Loudness(rate_hz_);
  target_dbov_ = target_dbov;
}

void Loudness::follow(Pcm frame) noexcept {
  const codec::FrameActivity activity = activity_.handle(frame);
  // The hangover is no voice: its level is that of the pause.
  if (!activity.voice || activity.quiet_ms > 0 || frame.empty()) return;
  const double seconds = static_cast<double>(frame.size()) / rate_hz_;
  const double mean_square =
      static_cast<double>(codec::energy(frame)) / static_cast<double>(frame.size());
  voiced_seconds_ = std::min(voiced_seconds_ + seconds, kMemorySeconds);
  mean_square_ += (mean_square - mean_square_) * std::min(seconds / voiced_seconds_, 1.0);
  if (voiced_seconds_ < kFirstSeconds) return;
  const float wanted_db = std::clamp(target_dbov_ - codec::dbov_of_mean_square(mean_square_),
                                     kLoudnessDbMin, kLoudnessDbMax);
  const auto passed = static_cast<float>(seconds);
  gain_db_ = std::clamp(wanted_db, gain_db_ - kLoudnessFallDbPerSecond * passed,
                        gain_db_ + kLoudnessRiseDbPerSecond * passed);
}

float Loudness::apply(const Kernels& kernels, Pcm in, MutablePcm out, float from,
                      float volume) noexcept {
  CHECK(out.size() == in.size());
  follow(in);
  const int peak = peak_of(in);
  const float ceiling = std::max(kPeakMax / static_cast<float>(std::max(peak, 1)), volume);
  const float wanted = factor_of_db(gain_db_) * volume;
  const float to = std::min(wanted, ceiling);
  // It comes back as slowly as it rises, instead of pumping with each loud syllable.
  if (to < wanted) gain_db_ = 20.0F * std::log10(to / volume);
  if (from <= ceiling) {
    kernels.scale(in.data(), out.data(), ramp_of(from, to), in.size());
    return to;
  }
  const std::size_t cut = quietest_before_peak(in, kPeakMax / from);
  kernels.scale(in.data(), out.data(), ramp_of(from, from), cut);
  kernels.scale(in.data() + cut, out.data() + cut, ramp_of(to, to), in.size() - cut);
  return to;
}

}  // namespace trunkyard::mixer
