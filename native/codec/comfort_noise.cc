// Comfort noise: see comfort_noise.h.
#include "codec/comfort_noise.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::codec {
namespace {

constexpr std::uint8_t kLevelMask = 0x7f;
constexpr float kReflectionMax = 0.98F;
/// A coefficient travels as 127 more than itself in steps of 258/32768 (§3.2).
constexpr int kReflectionZero = 127;
constexpr float kReflectionStep = 258.0F / 32'768.0F;

constexpr double kAnalysisSeconds = 0.3;
/// White noise at -40 dB under the measured one keeps the model from sharp resonances.
constexpr double kWhitening = 1.0001;

constexpr std::uint32_t kGlideBlockMs = 10;
constexpr float kGlideShare = 0.0952F;  // 1 - e^(-10 ms / 100 ms)
/// Nearer than this is there. A glide without an end would lead to coefficients so small that the
/// CPU takes many times as long over every sample.
constexpr float kGlideEnd = 1e-4F;

/// Standard deviation of 16 random bits taken as a number from -32768 to 32767.
constexpr float kChanceDeviation = 18'918.6F;

float glided(float now, float target) noexcept {
  const float left = (target - now) * (1.0F - kGlideShare);
  return std::abs(left) < kGlideEnd ? target : target - left;
}

}  // namespace

Result<ComfortNoise> parse_comfort_noise(Bytes payload) noexcept {
  ByteReader reader(payload);
  ComfortNoise noise;
  noise.level_dbov = -static_cast<float>(reader.u8() & kLevelMask);
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  const std::size_t order = std::min(reader.remaining(), kComfortNoiseOrderMax);
  for (std::size_t index = 0; index < order; ++index) {
    const float reflection = static_cast<float>(reader.u8() - kReflectionZero) * kReflectionStep;
    noise.reflections[index] = std::clamp(reflection, -kReflectionMax, kReflectionMax);
  }
  return noise;
}

Bytes write_comfort_noise(const ComfortNoise& noise, std::size_t order, MutableBytes out) noexcept {
  ByteWriter writer(out);
  const float level = std::clamp(std::nearbyint(-noise.level_dbov), 0.0F, 127.0F);
  writer.u8(static_cast<std::uint8_t>(level));
  for (std::size_t index = 0; index < std::min(order, kComfortNoiseOrderMax); ++index) {
    const float reflection = std::clamp(noise.reflections[index], -kReflectionMax, kReflectionMax);
    const int steps = static_cast<int>(std::lrintf(reflection / kReflectionStep));
    writer.u8(static_cast<std::uint8_t>(kReflectionZero + steps));
  }
  return writer.written();
}

NoiseAnalysis::NoiseAnalysis(std::uint32_t rate_hz) noexcept : rate_hz_(rate_hz) {
  CHECK(is_pcm_rate(rate_hz));
}

void NoiseAnalysis::handle(Pcm frame) noexcept {
  CHECK(frame.size() <= kPcmSamplesMax);
  if (frame.size() <= kOrder) return;
  const double kept =
      heard_ ? std::exp(-static_cast<double>(frame.size()) / (kAnalysisSeconds * rate_hz_)) : 0.0;
  const auto count = static_cast<double>(frame.size());
  const double power = static_cast<double>(energy(frame)) / count;
  power_ = power_ * kept + power * (1.0 - kept);
  // A parabola fades both ends, so that they don't smear a loud low noise over the whole spectrum.
  std::array<float, kPcmSamplesMax> faded;
  const auto middle = static_cast<float>(count - 1) / 2;
  for (std::size_t index = 0; index < frame.size(); ++index) {
    const float place = (static_cast<float>(index) - middle) / (middle + 1);
    faded[index] = static_cast<float>(frame[index]) * (1 - place * place);
  }
  for (std::size_t lag = 0; lag <= kOrder; ++lag) {
    double sum = 0;
    for (std::size_t index = lag; index < frame.size(); ++index) {
      sum += double{faded[index]} * faded[index - lag];
    }
    // Over the whole frame's length, though there are fewer products: that keeps the model stable.
    correlations_[lag] = correlations_[lag] * kept + sum / count * (1.0 - kept);
  }
  heard_ = true;
}

ComfortNoise NoiseAnalysis::describe() const noexcept {
  ComfortNoise noise;
  noise.level_dbov = dbov_of_mean_square(power_);
  if (noise.level_dbov <= kLevelDbovMin) return noise;
  // Levinson's recursion.
  std::array<double, kOrder + 1> predictor{1.0};
  double error = correlations_[0] * kWhitening;
  for (std::size_t order = 1; order <= kOrder; ++order) {
    double sum = 0;
    for (std::size_t index = 0; index < order; ++index) {
      sum += predictor[index] * correlations_[order - index];
    }
    const double reflection =
        std::clamp(-sum / error, -double{kReflectionMax}, double{kReflectionMax});
    const std::array<double, kOrder + 1> before = predictor;
    for (std::size_t index = 1; index <= order; ++index) {
      predictor[index] = before[index] + reflection * before[order - index];
    }
    error *= 1.0 - reflection * reflection;
    noise.reflections[order - 1] = static_cast<float>(reflection);
  }
  return noise;
}

NoiseGenerator::NoiseGenerator(std::uint32_t rate_hz, std::uint64_t seed) noexcept
    : block_samples_(static_cast<std::uint32_t>(samples_of(rate_hz, kGlideBlockMs))),
      block_left_(block_samples_),
      prng_(seed) {
  CHECK(is_pcm_rate(rate_hz));
}

void NoiseGenerator::describe(const ComfortNoise& noise) noexcept {
  target_ = noise;
  for (float& reflection : target_.reflections)
    reflection = std::clamp(reflection, -kReflectionMax, kReflectionMax);
  if (described_) return;
  described_ = true;
  now_ = target_;
  backward_.fill(0.0F);
  set_gain();
}

void NoiseGenerator::generate(MutablePcm out) noexcept {
  if (!described_) return silence(out);
  for (std::int16_t& sample : out) {
    if (--block_left_ == 0) {
      block_left_ = block_samples_;
      glide();
    }
    // All-pole lattice: stable whatever the coefficients, as each is below 1.
    float forward = excitation() * gain_;
    for (std::size_t index = kComfortNoiseOrderMax; index-- > 0;) {
      const float reflection = now_.reflections[index];
      forward -= reflection * backward_[index];
      if (index + 1 < kComfortNoiseOrderMax) {
        backward_[index + 1] = backward_[index] + reflection * forward;
      }
    }
    backward_[0] = forward;
    sample = to_sample(forward);
  }
}

void NoiseGenerator::glide() noexcept {
  now_.level_dbov = glided(now_.level_dbov, target_.level_dbov);
  for (std::size_t index = 0; index < kComfortNoiseOrderMax; ++index) {
    now_.reflections[index] = glided(now_.reflections[index], target_.reflections[index]);
  }
  set_gain();
}

/// What the excitation must have for the output to have the level: the lattice amplifies by the
/// product of 1/(1 - k²).
void NoiseGenerator::set_gain() noexcept {
  double power = std::pow(10.0, double{now_.level_dbov} / 10.0);
  for (const float reflection : now_.reflections)
    power *= 1.0 - double{reflection} * reflection;
  gain_ = static_cast<float>(std::sqrt(power) * kPcmFullScale / kChanceDeviation);
}

/// Evenly distributed; the filter makes it as good as normal, and no ear tells otherwise.
float NoiseGenerator::excitation() noexcept {
  if (chances_ == 0) {
    chance_ = prng_.next_u64();
    chances_ = 4;
  }
  --chances_;
  const auto drawn = static_cast<std::int16_t>(chance_);
  chance_ >>= 16;
  return drawn;
}

}  // namespace trunkyard::codec
