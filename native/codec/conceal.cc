// Concealment of lost packets: see conceal.h.
#include "codec/conceal.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::codec {
namespace {

// The choices below were made by ear of code: bench/native/conceal_quality over eight voices.

/// Three of the longest periods and a blend.
constexpr std::uint32_t kHistoryMs = 50;
/// The stretch that is compared with what came a period earlier. The Appendix takes 20 ms; a
/// shorter one follows a pitch that moves.
constexpr std::uint32_t kTemplateMs = 12;
/// Periods looked for: 2.5 to 15 ms, voices of 67 to 400 Hz.
constexpr std::uint32_t kCoarseRateHz = 4'000;
constexpr std::size_t kCoarsePeriodMin = 10;
constexpr std::size_t kCoarsePeriodMax = 60;
constexpr std::size_t kCoarseTemplate = kCoarseRateHz / 1'000 * kTemplateMs;
constexpr std::size_t kCoarseSize = kCoarseRateHz / 1'000 * kHistoryMs;
static_assert(kCoarsePeriodMax + kCoarseTemplate <= kCoarseSize);
/// The loop grows by a period every so often, as one period alone soon sounds like an organ.
constexpr std::uint32_t kGrowMs = 20;
constexpr std::size_t kLoopPeriodsMax = 3;
static_assert(kLoopPeriodsMax * kCoarsePeriodMax + kCoarsePeriodMax / 4 < kCoarseSize);
/// A correlation below this is no pitch. Then the loop is long at once, as a short one would give
/// the noise a pitch, and a little softer, as nothing in it will match.
constexpr float kVoicedMin = 0.4F;
constexpr std::size_t kUnvoicedPeriods = 2;
constexpr float kUnvoicedGain = 0.8F;
/// The blend with the first good frame: long enough for an edge without a click, short because the
/// frame is the better of the two. After silence it is a fade-in.
constexpr std::uint32_t kJoinUs = 1'500;
constexpr std::uint32_t kFadeInUs = 2'000;

/// Normalised by both energies: -1..1; 0 when either is silent.
float normalised(double product, double energy, double earlier_energy) noexcept {
  const double root = std::sqrt(energy * earlier_energy);
  return root > 0 ? static_cast<float>(product / root) : 0.0F;
}

}  // namespace

Concealer::Concealer(std::uint32_t rate_hz)
    : rate_hz_(rate_hz),
      size_(samples_of(rate_hz, kHistoryMs)),
      history_(std::make_unique<std::int16_t[]>(size_)),
      source_(std::make_unique<std::int16_t[]>(size_)),
      silent_at_(samples_of(rate_hz, kConcealMsMax)) {
  CHECK(is_pcm_rate(rate_hz));
}

void Concealer::good(MutablePcm frame) noexcept {
  if (gap_samples_ > 0) {
    const std::size_t blend = std::size_t{rate_hz_} * (silent() ? kFadeInUs : kJoinUs) / 1'000'000;
    const std::size_t join = std::min(blend, frame.size());
    const float slope = 1.0F / static_cast<float>(join + 1);
    for (std::size_t index = 0; index < join; ++index) {
      const float share = static_cast<float>(index + 1) * slope;
      const float concealed = next();
      frame[index] = to_sample(concealed + (static_cast<float>(frame[index]) - concealed) * share);
    }
    gap_samples_ = 0;
  }
  remember(frame);
}

void Concealer::lost(MutablePcm out) noexcept {
  if (out.empty()) return;
  if (gap_samples_ == 0) analyse();
  for (std::int16_t& sample : out)
    sample = to_sample(next());
  remember(out);
}

void Concealer::reset() noexcept {
  std::fill_n(history_.get(), size_, std::int16_t{0});
  gap_samples_ = 0;
}

void Concealer::remember(Pcm samples) noexcept {
  if (samples.size() >= size_) {
    std::copy(samples.end() - static_cast<std::ptrdiff_t>(size_), samples.end(), history_.get());
    return;
  }
  std::copy(history_.get() + samples.size(), history_.get() + size_, history_.get());
  std::copy(samples.begin(), samples.end(), history_.get() + size_ - samples.size());
}

/// Decides what the gap that begins now is filled with.
void Concealer::analyse() noexcept {
  std::copy_n(history_.get(), size_, source_.get());
  const std::size_t decimation = rate_hz_ / kCoarseRateHz;
  const std::size_t coarse = coarse_period() * decimation;
  const std::size_t from = std::max(coarse - decimation, kCoarsePeriodMin * decimation);
  const std::size_t to = std::min(coarse + decimation, kCoarsePeriodMax * decimation);
  float best = -1.0F;
  for (std::size_t period = from; period <= to; ++period) {
    const float match = correlation(period);
    if (match <= best) continue;
    best = match;
    period_ = period;
  }
  voiced_ = best >= kVoicedMin;
  if (!voiced_) period_ = kCoarsePeriodMax * decimation;
  quarter_ = period_ / 4;
  loop_ = voiced_ ? period_ : kUnvoicedPeriods * period_;
  position_ = size_ - period_;
  blend_left_ = 0;
  gain_ = voiced_ ? 1.0F : kUnvoicedGain;
  edge_ = static_cast<float>(source_[size_ - 1]) -
          gain_ * static_cast<float>(source_[size_ - 1 - period_]);
}

/// The best period at kCoarseRateHz, where the search costs little.
std::size_t Concealer::coarse_period() const noexcept {
  const std::size_t decimation = rate_hz_ / kCoarseRateHz;
  std::array<float, kCoarseSize> coarse;
  for (std::size_t index = 0; index < kCoarseSize; ++index) {
    std::int32_t sum = 0;
    for (std::size_t offset = 0; offset < decimation; ++offset) {
      sum += source_[index * decimation + offset];
    }
    coarse[index] = static_cast<float>(sum);
  }
  const float* now = coarse.data() + kCoarseSize - kCoarseTemplate;
  std::size_t best = kCoarsePeriodMin;
  float best_match = -1.0F;
  for (std::size_t period = kCoarsePeriodMin; period <= kCoarsePeriodMax; ++period) {
    const float* earlier = now - period;
    float product = 0;
    float energy = 0;
    for (std::size_t index = 0; index < kCoarseTemplate; ++index) {
      product += now[index] * earlier[index];
      energy += earlier[index] * earlier[index];
    }
    // The template's own energy is the same for all.
    const float match = normalised(product, 1.0, energy);
    if (match <= best_match) continue;
    best_match = match;
    best = period;
  }
  return best;
}

/// How well the last kTemplateMs agree with what came `period` samples before.
float Concealer::correlation(std::size_t period) const noexcept {
  const std::size_t count = samples_of(rate_hz_, kTemplateMs);
  const std::int16_t* now = source_.get() + size_ - count;
  const std::int16_t* earlier = now - period;
  std::int64_t product = 0;
  std::int64_t now_energy = 0;
  std::int64_t earlier_energy = 0;
  for (std::size_t index = 0; index < count; ++index) {
    product += std::int32_t{now[index]} * earlier[index];
    now_energy += std::int32_t{now[index]} * now[index];
    earlier_energy += std::int32_t{earlier[index]} * earlier[index];
  }
  return normalised(static_cast<double>(product), static_cast<double>(now_energy),
                    static_cast<double>(earlier_energy));
}

/// The next sample of the gap.
float Concealer::next() noexcept {
  const std::size_t at = gap_samples_++;
  if (at >= silent_at_) return 0.0F;
  if (voiced_ && at > 0 && at % samples_of(rate_hz_, kGrowMs) == 0 &&
      loop_ < kLoopPeriodsMax * period_) {
    // Goes over into the longer loop at the same place within a period.
    blend_position_ = position_;
    blend_loop_ = loop_;
    blend_left_ = quarter_;
    loop_ += period_;
    position_ -= period_;
  }
  float value = looped(position_, loop_);
  if (++position_ == size_) position_ = size_ - loop_;
  if (blend_left_ > 0) {
    const float share = static_cast<float>(blend_left_) / static_cast<float>(quarter_ + 1);
    value += (looped(blend_position_, blend_loop_) - value) * share;
    if (++blend_position_ == size_) blend_position_ = size_ - blend_loop_;
    --blend_left_;
  }
  value *= gain_;
  if (at < quarter_) {
    value += edge_ * (1.0F - static_cast<float>(at + 1) / static_cast<float>(quarter_ + 1));
  }
  return value * static_cast<float>(silent_at_ - at) / static_cast<float>(silent_at_);
}

/// A sample of the source as part of a loop: the last quarter goes over into what came before the
/// loop's start, so that its end fits its beginning.
float Concealer::looped(std::size_t position, std::size_t loop) const noexcept {
  const auto value = static_cast<float>(source_[position]);
  if (position < size_ - quarter_) return value;
  const auto before = static_cast<float>(source_[position - loop]);
  const std::size_t into = position - (size_ - quarter_);
  return value + (before - value) * static_cast<float>(into + 1) / static_cast<float>(quarter_ + 1);
}

}  // namespace trunkyard::codec
