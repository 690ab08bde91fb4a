// DTMF in audio: see dtmf_detect.h.
#include "codec/dtmf_detect.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::codec {
namespace {

constexpr std::array<float, 4> kLowHz{697, 770, 852, 941};
constexpr std::array<float, 4> kHighHz{1209, 1336, 1477, 1633};
/// The event of each key, row by row (ITU-T Q.23, RFC 4733 §3.2).
constexpr std::array<std::uint8_t, 16> kEvents{1, 2, 3, 12, 4,  5, 6,  13,
                                               7, 8, 9, 14, 10, 0, 11, 15};

/// Filter outputs per second.
constexpr float kOutputsHz = 1'000.0F;
/// Outputs apart whose angle tells frequency and purity. Two harmonics of a voice, 100 to 300 Hz
/// apart, turn against each other by much in this time.
constexpr std::size_t kLag = 4;
constexpr std::size_t kSubWindows = 4;

/// Between 1.5 % + 2 Hz (1.8 % at 697 Hz), which must pass, and 3.5 %, which must not.
constexpr float kFrequencyTolerance = 0.026F;
/// Mean square of a sine of -43 dBm0, less half a decibel for the ripple of the filters.
constexpr float kSinePowerMin = 11'560.0F;
/// High to low: 4 dB above to 8 dB below, with 1 dB for noise.
constexpr float kTwistMax = 3.162F;
constexpr float kTwistMin = 0.1259F;
/// Share of all power that the two sines must have.
constexpr float kShareMin = 0.85F;
/// Share of a band's power that turns as one sine does.
constexpr float kPurityMin = 0.97F;
/// Weakest to strongest quarter of a window.
constexpr float kSteadinessMin = 0.6F;
/// Decisions in a row that start a digit, and without it that end one.
constexpr std::uint32_t kHitsToStart = 3;
constexpr std::uint32_t kMissesToEnd = 8;

constexpr double kLowCentreHz = 819;
constexpr double kHighCentreHz = 1421;
/// Half amplitude this far from the centre: half way between the group's edge and the other group.
constexpr double kLowHalfWidthHz = 250;
constexpr double kHighHalfWidthHz = 350;
/// Kaiser's shape for 40 dB, which suffices: 8 dB of twist leave the other group at -32 dB.
constexpr double kKaiserBeta = 3.4;

constexpr double cosine(double angle) {
  const double turn = 2 * std::numbers::pi;
  const double turns = angle / turn;
  const auto whole = static_cast<std::int64_t>(turns < 0 ? turns - 0.5 : turns + 0.5);
  const double x = angle - static_cast<double>(whole) * turn;
  double sum = 1;
  double term = 1;
  for (int n = 1; n <= 14; ++n) {
    term *= -x * x / ((2 * n - 1) * (2 * n));
    sum += term;
  }
  return sum;
}
constexpr double sine(double angle) {
  return cosine(angle - std::numbers::pi / 2);
}

/// Bessel's I0 of the square root of `square`.
constexpr double bessel_i0_of_root(double square) {
  double sum = 1;
  double term = 1;
  for (int n = 1; n <= 24; ++n) {
    term *= square / 4 / (n * n);
    sum += term;
  }
  return sum;
}

/// Tap `index` of a low-pass filter with `taps` taps that has half amplitude at `half_width_hz`.
constexpr double low_pass_tap(std::size_t index, std::size_t taps, double half_width_hz) {
  const double middle = (static_cast<double>(taps) - 1) / 2;
  const double at = static_cast<double>(index) - middle;  // never 0: the number of taps is even
  const double place = at / (middle + 0.5);
  const double window = bessel_i0_of_root(kKaiserBeta * kKaiserBeta * (1 - place * place)) /
                        bessel_i0_of_root(kKaiserBeta * kKaiserBeta);
  return window * sine(2 * std::numbers::pi * half_width_hz / kDtmfRateHz * at) /
         (std::numbers::pi * at);
}

/// The four parts of both complex filters side by side, so that one multiplication serves them all.
using Quad [[gnu::vector_size(16)]] = float;

/// Mean square of a sine from a band's summed output powers: the complex filter halves amplitudes.
constexpr float kPowerOfOutput = 2.0F;

struct Reading {
  float frequency_hz = 0;
  float purity = 0;
};

template <std::size_t N>
float power_of(const std::array<std::complex<float>, N>& outputs) noexcept {
  float sum = 0;
  for (const std::complex<float>& output : outputs)
    sum += std::norm(output);
  return sum;
}

template <std::size_t N>
bool steady(const std::array<std::complex<float>, N>& outputs) noexcept {
  std::array<float, kSubWindows> parts{};
  for (std::size_t index = 0; index < N; ++index) {
    parts[index * kSubWindows / N] += std::norm(outputs[index]);
  }
  const auto [least, most] = std::minmax_element(parts.begin(), parts.end());
  return *least >= kSteadinessMin * *most;
}

/// Sum of how far the outputs turn in `lag` steps.
template <std::size_t N>
std::complex<float> turn(const std::array<std::complex<float>, N>& outputs,
                         std::size_t lag) noexcept {
  float real = 0;
  float imaginary = 0;
  for (std::size_t index = lag; index < N; ++index) {
    const std::complex<float> now = outputs[index];
    const std::complex<float> then = outputs[index - lag];
    real += now.real() * then.real() + now.imag() * then.imag();
    imaginary += now.imag() * then.real() - now.real() * then.imag();
  }
  return {real, imaginary};
}

/// The frequency that an angle over `lag` steps means and that lies nearest to `near_hz`.
float frequency_of(std::complex<float> turned, std::size_t lag, float near_hz) noexcept {
  const float cycle_hz = kOutputsHz / static_cast<float>(lag);
  const float within = std::arg(turned) / (2 * std::numbers::pi_v<float>)*cycle_hz;
  return within + cycle_hz * std::nearbyint((near_hz - within) / cycle_hz);
}

template <std::size_t N>
Reading read(const std::array<std::complex<float>, N>& outputs, float centre_hz) noexcept {
  const std::complex<float> far = turn(outputs, kLag);
  float older = 0;
  float newer = 0;
  for (std::size_t index = kLag; index < N; ++index) {
    older += std::norm(outputs[index - kLag]);
    newer += std::norm(outputs[index]);
  }
  const float coarse_hz = frequency_of(turn(outputs, 1), 1, centre_hz);
  return {.frequency_hz = frequency_of(far, kLag, coarse_hz),
          .purity = std::abs(far) / std::sqrt(older * newer)};
}

/// -dBm0 of a mean square, as far as telephone-events can say it.
std::uint8_t volume_of(float power) noexcept {
  constexpr double kVolumeMax = 63;
  const double level_dbm0 = double{dbov_of_mean_square(double{power})} - kDbovOfDbm0;
  return static_cast<std::uint8_t>(std::lround(std::clamp(-level_dbm0, 0.0, kVolumeMax)));
}

/// Index of the nominal frequency; 4 = none is near enough.
std::size_t nominal(const std::array<float, 4>& group_hz, float frequency_hz) noexcept {
  std::size_t index = 0;
  while (index < group_hz.size() &&
         std::abs(frequency_hz - group_hz[index]) > kFrequencyTolerance * group_hz[index]) {
    ++index;
  }
  return index;
}

}  // namespace

struct DtmfDetector::Filters {
  std::array<std::array<float, 4>, kTaps> taps{};

  consteval Filters() {
    for (std::size_t index = 0; index < kTaps; ++index) {
      const auto at = static_cast<double>(index);
      const double low = low_pass_tap(index, kTaps, kLowHalfWidthHz);
      const double high = low_pass_tap(index, kTaps, kHighHalfWidthHz);
      const double low_angle = -2 * std::numbers::pi * kLowCentreHz / kDtmfRateHz * at;
      const double high_angle = -2 * std::numbers::pi * kHighCentreHz / kDtmfRateHz * at;
      taps[index] = {static_cast<float>(low * cosine(low_angle)),
                     static_cast<float>(low * sine(low_angle)),
                     static_cast<float>(high * cosine(high_angle)),
                     static_cast<float>(high * sine(high_angle))};
    }
  }
};
constinit const DtmfDetector::Filters DtmfDetector::kFilters;

DtmfEdges DtmfDetector::handle(Pcm frame) noexcept {
  CHECK(frame.size() <= kFrameSamplesMax);
  std::array<float, kTaps + kFrameSamplesMax> samples;
  float* end = std::copy_n(tail_.begin(), tail_size_, samples.begin());
  end = std::copy(frame.begin(), frame.end(), end);

  DtmfEdges found;
  const float* at = samples.data();
  for (; static_cast<std::size_t>(end - at) >= kTaps; at += kStep) {
    step(at);
    if (++hop_ < kHop) continue;
    hop_ = 0;
    take(decide(), found);
  }
  tail_size_ = static_cast<std::size_t>(end - at);
  std::copy(at, const_cast<const float*>(end), tail_.begin());
  return found;
}

DtmfEdges DtmfDetector::finish() noexcept {
  DtmfEdges found;
  if (sounding()) this->end(found);
  return found;
}

/// One output of both filters over the kTaps samples from `samples` on.
void DtmfDetector::step(const float* samples) noexcept {
  std::array<Quad, 4> sums{};
  for (std::size_t index = 0; index < kTaps; index += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) {
      const std::array<float, 4>& taps = kFilters.taps[index + lane];
      sums[lane] += samples[index + lane] * Quad{taps[0], taps[1], taps[2], taps[3]};
    }
  }
  const Quad sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  std::shift_left(low_.begin(), low_.end(), 1);
  std::shift_left(high_.begin(), high_.end(), 1);
  std::shift_left(energies_.begin(), energies_.end(), 1);
  low_.back() = {sum[0], sum[1]};
  high_.back() = {sum[2], sum[3]};
  float energy = 0;
  for (std::size_t index = (kTaps - kStep) / 2; index < (kTaps + kStep) / 2; ++index) {
    energy += samples[index] * samples[index];
  }
  energies_.back() = energy;
  ++steps_;
}

/// The event that the window holds, if any. The cheap conditions come first: most of the time there
/// is silence or a voice.
DtmfDetector::Hit DtmfDetector::decide() const noexcept {
  constexpr float kPerOutput = kPowerOfOutput / static_cast<float>(kWindow);
  const float low = power_of(low_) * kPerOutput;
  const float high = power_of(high_) * kPerOutput;
  if (low < kSinePowerMin || high < kSinePowerMin) return {};
  if (high > low * kTwistMax || high < low * kTwistMin) return {};
  const float total = std::accumulate(energies_.begin(), energies_.end(), 0.0F) /
                      static_cast<float>(kWindow * kStep);
  if (low + high < kShareMin * total) return {};
  if (!steady(low_) || !steady(high_)) return {};

  const Reading low_reading = read(low_, static_cast<float>(kLowCentreHz));
  const Reading high_reading = read(high_, static_cast<float>(kHighCentreHz));
  if (low_reading.purity < kPurityMin || high_reading.purity < kPurityMin) return {};
  const std::size_t row = nominal(kLowHz, low_reading.frequency_hz);
  const std::size_t column = nominal(kHighHz, high_reading.frequency_hz);
  if (row == kLowHz.size() || column == kHighHz.size()) return {};
  return {.event = kEvents[row * kHighHz.size() + column], .power = low + high};
}

void DtmfDetector::take(const Hit& hit, DtmfEdges& found) noexcept {
  const std::uint8_t event = hit.event;
  if (event != candidate_ || event == kNone) {
    candidate_ = event;
    hits_ = 0;
    first_hit_ = steps_;
    power_ = 0;
  }
  if (event != kNone) ++hits_;
  power_ = std::max(power_, hit.power);
  if (sounding()) {
    if (event == event_) {
      misses_ = 0;
      last_hit_ = steps_;
      return;
    }
    // Another digit ends this one at once; a pause does it when it is too long for a break.
    ++misses_;
    if (hits_ < kHitsToStart && misses_ < kMissesToEnd) return;
    end(found);
  }
  if (hits_ >= kHitsToStart) start(event, found);
}

void DtmfDetector::start(std::uint8_t event, DtmfEdges& found) noexcept {
  event_ = event;
  volume_ = volume_of(power_);
  started_ = sample_of(std::max<std::uint64_t>(first_hit_, kWindow) - kWindow);
  last_hit_ = steps_;
  misses_ = 0;
  found.add({.kind = DtmfEdge::Kind::kStart,
             .event = event_,
             .volume = volume_,
             .start_sample = started_});
}

void DtmfDetector::end(DtmfEdges& found) noexcept {
  const std::uint64_t ended = sample_of(last_hit_);
  found.add({.kind = DtmfEdge::Kind::kEnd,
             .event = event_,
             .volume = volume_,
             .start_sample = started_,
             .duration_samples = static_cast<std::uint32_t>(ended - started_)});
  event_ = kNone;
}

/// The sample under the middle of a filter output. The first output is made of the first kStep
/// samples and the silence before the stream.
std::uint64_t DtmfDetector::sample_of(std::uint64_t step) noexcept {
  const std::uint64_t middle = (step + 1) * kStep;
  return middle > kTaps / 2 ? middle - kTaps / 2 : 0;
}

}  // namespace trunkyard::codec
