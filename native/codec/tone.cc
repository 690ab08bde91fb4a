// Tones: see tone.h.
#include "codec/tone.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::codec {
namespace {

/// Longer than any call, short enough that sums with it don't overflow.
constexpr std::int64_t kEndless = std::int64_t{1} << 62;

/// Two equal sines of -19 dBm0 have -16 dBm0 in sum.
constexpr float kSineOfTwoDbov = static_cast<float>(-19.0 + kDbovOfDbm0);
constexpr float kSineAloneDbov = static_cast<float>(-16.0 + kDbovOfDbm0);

constexpr std::array<float, 4> kDtmfLowHz{697, 770, 852, 941};
constexpr std::array<float, 4> kDtmfHighHz{1209, 1336, 1477, 1633};
/// Keypad position, row * 4 + column, of each event of RFC 4733 §3.2.
constexpr std::array<std::uint8_t, 16> kDtmfKeys{13, 0,  1,  2,  4, 5, 6,  8,
                                                 9,  10, 12, 14, 3, 7, 11, 15};
constexpr double kDtmfTwistDb = 2.0;

constexpr std::array<Sine, kToneSinesMax> pair(float low_hz, float high_hz) {
  return {Sine{low_hz, kSineOfTwoDbov}, Sine{high_hz, kSineOfTwoDbov}};
}
constexpr std::array<Sine, kToneSinesMax> alone(float frequency_hz) {
  return {Sine{frequency_hz, kSineAloneDbov}, Sine{}};
}

Tone north_america(ProgressTone signal) noexcept {
  switch (signal) {
    case ProgressTone::kDial:
      return {.sines = pair(350, 440)};
    case ProgressTone::kRingback:
      return {.sines = pair(440, 480), .steps = {{{2'000, 4'000}}}, .repeats = true};
    case ProgressTone::kBusy:
      return {.sines = pair(480, 620), .steps = {{{500, 500}}}, .repeats = true};
    case ProgressTone::kCongestion:
      return {.sines = pair(480, 620), .steps = {{{250, 250}}}, .repeats = true};
  }
  return {};
}

Tone united_kingdom(ProgressTone signal) noexcept {
  switch (signal) {
    case ProgressTone::kDial:
      return {.sines = pair(350, 440)};
    case ProgressTone::kRingback:
      return {.sines = pair(400, 450), .steps = {{{400, 200}, {400, 2'000}}}, .repeats = true};
    case ProgressTone::kBusy:
      return {.sines = alone(400), .steps = {{{375, 375}}}, .repeats = true};
    case ProgressTone::kCongestion:
      return {.sines = alone(400), .steps = {{{400, 350}, {225, 525}}}, .repeats = true};
  }
  return {};
}

Tone germany(ProgressTone signal) noexcept {
  switch (signal) {
    case ProgressTone::kDial:
      return {.sines = alone(425)};
    case ProgressTone::kRingback:
      return {.sines = alone(425), .steps = {{{1'000, 4'000}}}, .repeats = true};
    case ProgressTone::kBusy:
      return {.sines = alone(425), .steps = {{{480, 480}}}, .repeats = true};
    case ProgressTone::kCongestion:
      return {.sines = alone(425), .steps = {{{240, 240}}}, .repeats = true};
  }
  return {};
}

}  // namespace

Tone progress_tone(ProgressTone signal, ToneRegion region) noexcept {
  switch (region) {
    case ToneRegion::kNorthAmerica:
      return north_america(signal);
    case ToneRegion::kUnitedKingdom:
      return united_kingdom(signal);
    case ToneRegion::kGermany:
      return germany(signal);
  }
  return {};
}

std::optional<Tone> dtmf_tone(std::uint8_t event, const DtmfToneConfig& config) noexcept {
  if (event >= kDtmfKeys.size()) return std::nullopt;
  const std::uint8_t key = kDtmfKeys[event];
  // The sum has the level asked for: 1 part low, 10^(twist/10) parts high.
  const double high_parts = std::pow(10.0, kDtmfTwistDb / 10.0);
  const double low_dbov = config.level_dbov - 10.0 * std::log10(1.0 + high_parts);
  Tone tone;
  tone.sines = {Sine{kDtmfLowHz[key / 4], static_cast<float>(low_dbov)},
                Sine{kDtmfHighHz[key % 4], static_cast<float>(low_dbov + kDtmfTwistDb)}};
  tone.steps[0] = {config.on_ms, config.off_ms};
  return tone;
}

ToneGenerator::ToneGenerator(std::uint32_t rate_hz) noexcept
    : rate_hz_(rate_hz), edge_(static_cast<std::int64_t>(samples_of(rate_hz, kToneEdgeMs))) {
  CHECK(is_pcm_rate(rate_hz));
}

void ToneGenerator::start(const Tone& tone) noexcept {
  tone_ = tone;
  for (std::size_t index = 0; index < kToneSinesMax; ++index) {
    const Sine& sine = tone.sines[index];
    const double turn = 2.0 * std::numbers::pi * double{sine.frequency_hz} / rate_hz_;
    const double level_dbov = std::min(double{sine.level_dbov}, kSineDbovMax);
    oscillators_[index] = {
        .turn_cos = std::cos(turn),
        .turn_sin = std::sin(turn),
        .peak = sine.frequency_hz > 0 ? sine_peak_of_dbov(level_dbov) : 0.0,
    };
  }
  active_ = true;
  stopping_ = false;
  enter_step(0);
}

void ToneGenerator::stop() noexcept {
  if (!active_ || stopping_) return;
  stopping_ = true;
  if (position_ >= off_at_ + edge_) {
    active_ = false;
    return;
  }
  // An edge that is still rising falls from the height it has reached.
  if (position_ < off_at_) {
    off_at_ = position_ < edge_ ? 2 * position_ - edge_ : position_;
  }
  end_at_ = off_at_ + edge_;
}

std::size_t ToneGenerator::generate(MutablePcm out) noexcept {
  std::size_t done = 0;
  while (active_ && done < out.size()) {
    const std::int64_t silent_at = off_at_ + edge_;
    const bool silent = position_ >= silent_at;
    const std::int64_t until = silent ? end_at_ : silent_at;
    const auto count = static_cast<std::size_t>(
        std::min<std::int64_t>(until - position_, static_cast<std::int64_t>(out.size() - done)));
    const MutablePcm part = out.subspan(done, count);
    if (silent) {
      silence(part);
      position_ += static_cast<std::int64_t>(count);
    } else {
      sound(part);
    }
    done += count;
    if (position_ == end_at_) leave_step();
  }
  return done;
}

std::int64_t ToneGenerator::samples_of_ms(std::uint32_t ms) const noexcept {
  return static_cast<std::int64_t>(samples_of(rate_hz_, ms));
}

void ToneGenerator::enter_step(std::size_t step) noexcept {
  step_ = step;
  position_ = 0;
  const CadenceStep& cadence = tone_.steps[step];
  if (cadence.on_ms == 0) {
    off_at_ = kEndless;
    end_at_ = kEndless + edge_;
    return;
  }
  // Both parts leave room for an edge.
  off_at_ = std::max(samples_of_ms(cadence.on_ms), edge_);
  end_at_ = off_at_ + std::max(samples_of_ms(cadence.off_ms), edge_);
}

void ToneGenerator::leave_step() noexcept {
  const std::size_t next = step_ + 1;
  if (stopping_) {
    active_ = false;
  } else if (next < kToneStepsMax && tone_.steps[next].on_ms > 0) {
    enter_step(next);
  } else if (tone_.repeats) {
    enter_step(0);
  } else {
    active_ = false;
  }
}

double ToneGenerator::gain_at(std::int64_t position) const noexcept {
  double height = 1.0;
  if (position >= off_at_) {
    height = 1.0 - static_cast<double>(position - off_at_) / static_cast<double>(edge_);
  } else if (position < edge_) {
    height = static_cast<double>(position) / static_cast<double>(edge_);
  }
  // Flat at both ends, so that neither the signal nor its slope jumps.
  return height * height * (3.0 - 2.0 * height);
}

void ToneGenerator::sound(MutablePcm out) noexcept {
  for (std::int16_t& sample : out) {
    double sum = 0;
    for (Oscillator& oscillator : oscillators_) {
      sum += oscillator.y * oscillator.peak;
      const double x = oscillator.x * oscillator.turn_cos - oscillator.y * oscillator.turn_sin;
      oscillator.y = oscillator.x * oscillator.turn_sin + oscillator.y * oscillator.turn_cos;
      oscillator.x = x;
    }
    sample = to_sample(static_cast<float>(sum * gain_at(position_)));
    ++position_;
  }
  // Rounding moves the points off their circle by about 10^-16 a turn; back they go.
  for (Oscillator& oscillator : oscillators_) {
    const double shrink = 1.0 / std::hypot(oscillator.x, oscillator.y);
    oscillator.x *= shrink;
    oscillator.y *= shrink;
  }
}

}  // namespace trunkyard::codec
