// Time-scaling of a frame; see time_scale.h.
#include "codec/time_scale.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace trunkyard::codec {
namespace {

// The search for the period runs at 8 kHz whatever the frame's rate is, then once more around what
// it has found. Pitch of 66 to 400 Hz.
constexpr std::uint32_t kSearchHz = 8'000;
constexpr std::size_t kSearchLagMin = kSearchHz / 400;
constexpr std::size_t kSearchLagMax = kSearchHz * 15 / 1'000;
constexpr std::size_t kSearchSamplesMax = kSearchHz / 1'000 * kFrameMsMax;
/// Alike over as much of them as there is, up to 10 ms.
constexpr std::size_t kCompareMs = 10;
constexpr std::size_t kCompareMsMin = 3;
constexpr std::size_t kFadeMs = 5;
/// Two periods that correlate less would be heard to be joined.
constexpr double kLikenessMin = 0.87;
/// Of several lags nearly as good as the best one the longest is taken: it gets further.
constexpr double kLikenessSlack = 0.01;
/// Mean square under which a frame is as good as silent: -60 dBov.
constexpr std::int64_t kSilentMeanSquare = std::int64_t{32'768} * 32'768 / 1'000'000;
/// Samples are compared with 11 bits and a sign, so that 480 products fit 32 bits.
constexpr int kCompareBits = 11;

using Samples = std::span<const std::int16_t>;

struct Scratch {
  std::array<std::int16_t, kPcmSamplesMax> full;
  std::array<std::int16_t, kSearchSamplesMax> low;
};

bool is_silent(Pcm samples) noexcept {
  std::int64_t sum = 0;
  for (const std::int16_t sample : samples)
    sum += std::int32_t{sample} * sample;
  return sum < kSilentMeanSquare * static_cast<std::int64_t>(samples.size());
}

/// Copies with the peak brought down to kCompareBits, and down-sampled by plain means: good enough
/// to find a period with.
void prepare(Pcm samples, std::size_t factor, Scratch& scratch) noexcept {
  std::uint32_t peak = 0;
  for (const std::int16_t sample : samples) {
    peak = std::max(peak, static_cast<std::uint32_t>(std::abs(std::int32_t{sample})));
  }
  const int shift = std::max(0, static_cast<int>(std::bit_width(peak)) - kCompareBits);
  for (std::size_t index = 0; index < samples.size(); ++index) {
    scratch.full[index] = static_cast<std::int16_t>(samples[index] >> shift);
  }
  for (std::size_t index = 0; index < samples.size() / factor; ++index) {
    std::int32_t sum = 0;
    for (std::size_t part = 0; part < factor; ++part)
      sum += scratch.full[index * factor + part];
    scratch.low[index] = static_cast<std::int16_t>(sum / static_cast<std::int32_t>(factor));
  }
}

std::int32_t dot(const std::int16_t* left, const std::int16_t* right, std::size_t count) noexcept {
  std::int32_t sum = 0;
  for (std::size_t index = 0; index < count; ++index) {
    sum += std::int32_t{left[index]} * right[index];
  }
  return sum;
}

/// Normalised cross-correlation of the frame's beginning with itself `lag` later: -1..1.
double likeness(Samples samples, std::size_t lag, std::size_t compare_max) noexcept {
  const std::size_t count = std::min(samples.size() - lag, compare_max);
  const double cross = dot(samples.data(), samples.data() + lag, count);
  const double energy = static_cast<double>(dot(samples.data(), samples.data(), count)) *
                        dot(samples.data() + lag, samples.data() + lag, count);
  return energy <= 0 ? 0 : cross / std::sqrt(energy);
}

struct Lag {
  std::size_t samples = 0;  ///< 0 = none found
  double likeness = 0;
};

/// The longest of the best lags from `least` to `most`.
Lag find_lag(Samples samples, std::size_t least, std::size_t most,
             std::size_t compare_max) noexcept {
  Lag best;
  for (std::size_t lag = least; lag <= most; ++lag) {
    const double alike = likeness(samples, lag, compare_max);
    if (alike + kLikenessSlack < best.likeness || alike <= 0) continue;
    best = {lag, std::max(alike, best.likeness)};
  }
  return best;
}

/// A pitch period of at most `most` samples, at the frame's own rate; 0 when there is none.
std::size_t find_period(Pcm samples, std::uint32_t rate_hz, std::size_t most) noexcept {
  const std::size_t factor = rate_hz / kSearchHz;
  Scratch scratch;
  prepare(samples, factor, scratch);
  const Samples low = Samples(scratch.low).first(samples.size() / factor);
  const std::size_t room = low.size() - std::min(low.size(), kCompareMsMin * kSearchHz / 1'000);
  const Lag coarse = find_lag(low, kSearchLagMin, std::min({kSearchLagMax, most / factor, room}),
                              kCompareMs * kSearchHz / 1'000);
  // At 8 kHz, half a sample beside the true lag costs a high voice some likeness.
  if (coarse.likeness < kLikenessMin - (factor > 1 ? 0.1 : 0.0)) return 0;
  if (factor == 1) return coarse.samples;
  const Samples full = Samples(scratch.full).first(samples.size());
  const Lag fine =
      find_lag(full, coarse.samples * factor - factor,
               std::min(most, coarse.samples * factor + factor), kCompareMs * rate_hz / 1'000);
  return fine.likeness < kLikenessMin ? 0 : fine.samples;
}

/// From `from` to `to` in count + 1 steps; `step` counts from 0.
std::int16_t cross_fade(std::int16_t from, std::int16_t to, std::size_t step,
                        std::size_t count) noexcept {
  const auto whole = static_cast<std::int32_t>(count + 1);
  const auto part = static_cast<std::int32_t>(step + 1);
  return static_cast<std::int16_t>((from * (whole - part) + to * part) / whole);
}

void shorten(PcmFrame& frame, std::size_t lag, std::size_t fade) noexcept {
  const std::size_t size = frame.size();
  const MutablePcm samples = frame.samples();
  for (std::size_t index = 0; index < fade; ++index) {
    samples[index] = cross_fade(samples[index], samples[index + lag], index, fade);
  }
  std::memmove(&samples[fade], samples.data() + fade + lag,
               (size - fade - lag) * sizeof(std::int16_t));
  frame.reset(frame.rate_hz(), size - lag);
}

void lengthen(PcmFrame& frame, std::size_t lag, std::size_t fade) noexcept {
  const std::size_t size = frame.size();
  const MutablePcm samples = frame.reset(frame.rate_hz(), size + lag);
  std::memmove(samples.data() + fade + lag, &samples[fade], (size - fade) * sizeof(std::int16_t));
  // Backwards, because with a fade longer than the lag the ends are read where the fade writes.
  for (std::size_t index = fade; index-- > 0;) {
    samples[index + lag] = cross_fade(samples[index + lag], samples[index], index, fade);
  }
}

}  // namespace

std::int32_t stretch_frame(PcmFrame& frame, std::int32_t samples_max) noexcept {
  const std::size_t size = frame.size();
  const bool is_usable =
      is_pcm_rate(frame.rate_hz()) && size >= samples_of(frame.rate_hz(), kTimeScaleFrameMsMin);
  if (!is_usable || samples_max == 0) return 0;
  const bool is_longer = samples_max > 0;
  const std::uint64_t wanted = static_cast<std::uint64_t>(std::abs(std::int64_t{samples_max}));
  const std::size_t room = is_longer ? kPcmSamplesMax - size : size;
  const std::size_t most = std::min<std::uint64_t>(wanted, room);

  const bool is_free = is_silent(frame.samples());
  const std::size_t lag =
      is_free ? std::min(most, size / 2) : find_period(frame.samples(), frame.rate_hz(), most);
  if (lag == 0) return 0;
  const std::size_t fade = std::min(size - lag, samples_of(frame.rate_hz(), kFadeMs));
  if (is_longer) {
    lengthen(frame, lag, fade);
    return static_cast<std::int32_t>(lag);
  }
  shorten(frame, lag, fade);
  return -static_cast<std::int32_t>(lag);
}

}  // namespace trunkyard::codec
