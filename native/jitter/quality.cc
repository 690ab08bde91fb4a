// The E-model; see quality.h. Names of the model's terms are G.107's. Runs once a report, not per
// packet.
#include "jitter/quality.h"

#include <algorithm>
#include <cmath>

namespace trunkyard::jitter {
namespace {

/// R with every parameter at its default: no loss, no delay (G.107 clause 7.7).
constexpr double kRatingDefault = 93.2;
/// The same for wide band, and what turns its scale into the narrow one (G.107.1 clauses 7.1, 7.7).
constexpr double kRatingDefaultWide = 129.0;
constexpr double kWideScale = 1.29;
constexpr double kImpairmentMax = 95.0;
/// Ro and -1.5 (No - RLR) at the defaults, both.
constexpr double kRo = 94.77;
constexpr double kTelrDb = 65.0;
constexpr double kWeplDb = 110.0;
constexpr double kSilentDelayMs = 100.0;  // mT: what nobody minds
constexpr double kBurstRatioMax = 8.0;

/// Talker echo, clause 7.4 with STMR at its default of 15 dB.
double idte(double ms) noexcept {
  if (ms < 1.0) return 0;
  const double terv = kTelrDb - 40.0 * std::log10((1.0 + ms / 10.0) / (1.0 + ms / 150.0)) +
                      6.0 * std::exp(-0.3 * ms * ms);
  const double re = 80.0 + 2.5 * (terv - 14.0);
  const double half = (kRo - re) / 2.0;
  return (half + std::sqrt(half * half + 100.0) - 1.0) * (1.0 - std::exp(-ms));
}

/// Listener echo: the path round is twice the one way.
double idle(double ms) noexcept {
  const double rle = 10.5 * (kWeplDb + 7.0) * std::pow(2.0 * ms + 1.0, -0.25);
  const double half = (kRo - rle) / 2.0;
  return half + std::sqrt(half * half + 169.0);
}

/// Delay itself, without any echo.
double idd(double ms) noexcept {
  if (ms <= kSilentDelayMs) return 0;
  const double x = std::log2(ms / kSilentDelayMs);
  const auto root = [](double value) { return std::pow(1.0 + std::pow(value, 6.0), 1.0 / 6.0); };
  return 25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0);
}

}  // namespace

double loss_percent(const PlayoutCounts& counts) noexcept {
  const std::uint64_t expected = counts.played + counts.unplayed;
  if (expected == 0) return 0;
  return 100.0 * static_cast<double>(counts.unplayed) / static_cast<double>(expected);
}

double burst_ratio(const PlayoutCounts& counts) noexcept {
  if (counts.unplayed_runs == 0 || counts.played == 0) return 1;
  const double run_mean =
      static_cast<double>(counts.unplayed) / static_cast<double>(counts.unplayed_runs);
  // Independent losses of probability p come in runs of 1/(1-p).
  const double by_chance = 1.0 / (1.0 - loss_percent(counts) / 100.0);
  return std::clamp(run_mean / by_chance, 1.0, kBurstRatioMax);
}

double delay_impairment(Duration delay) noexcept {
  const double ms = std::max(0.0, delay.ms_exact());
  // The default rating has the listener echo of no delay in it already.
  return idte(ms) + idle(ms) - idle(0) + idd(ms);
}

double loss_impairment(const CodecImpairment& codec, double percent, double burst_ratio) noexcept {
  return codec.equipment + (kImpairmentMax - codec.equipment) * percent /
                               (percent / burst_ratio + codec.loss_robustness);
}

double mos_of_rating(double rating) noexcept {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  const double mos = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
  return std::max(mos, 1.0);  // the cubic dips a little below it for the worst
}

Quality estimate_quality(const CodecImpairment& codec, const PlayoutCounts& counts,
                         Duration mouth_to_ear) noexcept {
  const double impairment = loss_impairment(codec, loss_percent(counts), burst_ratio(counts));
  const double clean = codec.is_wideband ? (kRatingDefaultWide - impairment) / kWideScale
                                         : kRatingDefault - impairment;
  Quality quality;
  quality.rating_lq = std::clamp(clean, 0.0, 100.0);
  quality.rating_cq = std::clamp(clean - delay_impairment(mouth_to_ear), 0.0, 100.0);
  quality.mos_lq = mos_of_rating(quality.rating_lq);
  quality.mos_cq = mos_of_rating(quality.rating_cq);
  return quality;
}

}  // namespace trunkyard::jitter
