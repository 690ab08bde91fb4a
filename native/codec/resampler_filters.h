// How the resampler's filters are made: a sinc under a Kaiser window, computed by the compiler, so
// that coefficients are the same on every machine. Included by resampler.cc alone.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace trunkyard::codec::resampler_detail {

inline constexpr double kPi = 3.141592653589793;

/// Series that converge fast enough for the arguments below: sine within a quarter turn of 0 ...
constexpr double sine(double angle) noexcept {
  double turned = angle;
  while (turned > kPi)
    turned -= 2 * kPi;
  while (turned < -kPi)
    turned += 2 * kPi;
  if (turned > kPi / 2) turned = kPi - turned;
  if (turned < -kPi / 2) turned = -kPi - turned;
  double term = turned;
  double sum = turned;
  for (int order = 3; order < 30; order += 2) {
    term *= -turned * turned / (order * (order - 1));
    sum += term;
  }
  return sum;
}
/// ... the modified Bessel function of order 0 for up to about 6 ...
constexpr double bessel(double x) noexcept {
  double term = 1;
  double sum = 1;
  for (int order = 1; order < 40; ++order) {
    term *= x / 2 / order * (x / 2 / order);
    sum += term;
  }
  return sum;
}
/// ... and Newton's square root of 0 to 1.
constexpr double root(double square) noexcept {
  double guess = 1;
  for (int round = 0; square > 0 && round < 60; ++round)
    guess = (guess + square / guess) / 2;
  return square > 0 ? guess : 0;
}

/// What a filter has to do, rates counted in units of 1,000 Hz.
struct Design {
  int low_khz;  ///< the lower rate
  int ratio;    ///< the higher one divided by it
  int delay;    ///< in samples of the lower rate
  double pass_khz;
};

/// Shape of the window, and where between the edges of pass and stop band the sinc is cut off:
/// found by trying, for the shortest filters that keep what resampler.h promises.
inline constexpr double kWindowBeta = 5.9;
inline constexpr double kCutoffPlace = 0.46;

constexpr std::size_t length_of(const Design& design) noexcept {
  return static_cast<std::size_t>(2 * design.delay * design.ratio + 1);
}

/// The impulse response at the higher rate, its sum being 1.
template <Design kDesign>
constexpr auto make_response() noexcept {
  std::array<double, length_of(kDesign)> response{};
  const double stop_khz = kDesign.low_khz / 2.0;
  const double cutoff_khz = kDesign.pass_khz + (stop_khz - kDesign.pass_khz) * kCutoffPlace;
  const double angle = 2 * kPi * cutoff_khz / (kDesign.low_khz * kDesign.ratio);
  const auto middle = static_cast<double>(response.size() / 2);
  double sum = 0;
  for (std::size_t index = 0; index < response.size(); ++index) {
    const double place = static_cast<double>(index) - middle;
    const double sinc = place == 0 ? angle : sine(angle * place) / place;
    const double off = place / middle;
    response[index] = sinc * bessel(kWindowBeta * root(1 - off * off)) / bessel(kWindowBeta);
    sum += response[index];
  }
  for (double& value : response)
    value /= sum;
  return response;
}

constexpr std::int16_t round_to_int16(double value) noexcept {
  return static_cast<std::int16_t>(value < 0 ? value - 0.5 : value + 0.5);
}
constexpr std::size_t pad(std::size_t taps) noexcept {
  return (taps + 31) / 32 * 32;
}

/// Scales by which no coefficient leaves 16 bits.
inline constexpr int kUpShift = 14;
inline constexpr int kDownShift = 15;

/// Rows of coefficients, one for each phase, in the order the kernels want (resampler.h).
template <std::size_t kRows, std::size_t kTaps>
struct Table {
  static constexpr std::size_t kRowTaps = kTaps;
  alignas(64) std::array<std::int16_t, kRows* kTaps> values = {};

  /// What neither of the two sums a kernel makes (resampler.h) can exceed, whatever the samples.
  constexpr std::int64_t sum_max() const noexcept {
    std::int64_t worst = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      std::array<std::int64_t, 2> sums = {};
      for (std::size_t tap = 0; tap < kTaps; ++tap) {
        const std::int64_t value = values[row * kTaps + tap];
        sums[tap / 8 % 2] += (value < 0 ? -value : value) * 32'768;
      }
      worst = std::max({worst, sums[0], sums[1]});
    }
    return worst;
  }
};

/// Going up, output `phase` of an input weighs every ratio-th value from `phase` on; the energy of
/// one sample is spread over `ratio` of them, hence the factor.
template <Design kDesign>
constexpr auto make_up_table() noexcept {
  constexpr auto kResponse = make_response<kDesign>();
  constexpr std::size_t kRatio = kDesign.ratio;
  Table<kRatio, pad((kResponse.size() + kRatio - 1) / kRatio)> table;
  for (std::size_t index = 0; index < kResponse.size(); ++index) {
    const std::size_t place = index % kRatio * table.kRowTaps + table.kRowTaps - 1 - index / kRatio;
    table.values[place] = round_to_int16(kResponse[index] * kDesign.ratio * (1 << kUpShift));
  }
  return table;
}
template <Design kDesign>
constexpr auto make_down_table() noexcept {
  constexpr auto kResponse = make_response<kDesign>();
  Table<1, pad(kResponse.size())> table;
  for (std::size_t index = 0; index < kResponse.size(); ++index) {
    table.values[table.kRowTaps - 1 - index] = round_to_int16(kResponse[index] * (1 << kDownShift));
  }
  return table;
}

}  // namespace trunkyard::codec::resampler_detail
