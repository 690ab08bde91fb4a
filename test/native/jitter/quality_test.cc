// The E-model: figures that the standard and its readers know, and the edges.
#include "jitter/quality.h"

#include <cmath>
#include <initializer_list>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::jitter;

bool is_near(double value, double expected, double distance) {
  return std::abs(value - expected) <= distance;
}

/// Random losses: runs as long as chance makes them.
PlayoutCounts random_loss(double share) {
  const double packets = 1e6;
  const double lost = packets * share;
  return {static_cast<std::uint64_t>(packets - lost), static_cast<std::uint64_t>(lost),
          static_cast<std::uint64_t>(lost * (1 - share))};
}

TEST("a clean G.711 leg has the default rating of 93.2, MOS 4.41") {
  const Quality quality = estimate_quality(kG711Concealed, {.played = 1'000}, Duration::zero());
  CHECK_TRUE(is_near(quality.rating_lq, 93.2, 1e-9));
  CHECK_TRUE(is_near(quality.mos_lq, 4.41, 0.005));
  CHECK_TRUE(is_near(quality.mos_cq, 4.41, 0.005));
}

TEST("A27 5 % random loss on concealed G.711 is MOS-LQ 3.92, 10 % is 3.41; bare 2.17 and 1.48") {
  const auto mos = [](const CodecImpairment& codec, double share) {
    return estimate_quality(codec, random_loss(share), Duration::zero()).mos_lq;
  };
  CHECK_TRUE(is_near(mos(kG711Concealed, 0.05), 3.92, 0.005));
  CHECK_TRUE(is_near(mos(kG711Concealed, 0.10), 3.41, 0.005));
  CHECK_TRUE(is_near(mos(kG711Bare, 0.05), 2.17, 0.01));
  CHECK_TRUE(is_near(mos(kG711Bare, 0.10), 1.48, 0.01));
}

TEST("losses in bursts of three weigh more than as many single ones") {
  const PlayoutCounts bursts{.played = 9'000, .unplayed = 1'000, .unplayed_runs = 333};
  CHECK_TRUE(is_near(burst_ratio(bursts), 2.7, 0.01));
  const Quality quality = estimate_quality(kG711Concealed, bursts, Duration::zero());
  CHECK_TRUE(is_near(quality.mos_lq, 3.11, 0.01));
  CHECK_TRUE(quality.mos_lq < estimate_quality(kG711Concealed, random_loss(0.1), {}).mos_lq);
}

TEST("delay lowers MOS-CQ alone: little up to 150 ms, much at 400") {
  CHECK_EQ(delay_impairment(Duration::zero()), 0.0);
  CHECK_EQ(delay_impairment(Duration::milliseconds(-50)), 0.0);
  CHECK_TRUE(delay_impairment(Duration::milliseconds(50)) < 2.5);
  CHECK_TRUE(is_near(delay_impairment(Duration::milliseconds(400)), 31.0, 1.0));
  double previous = 0;
  for (std::int64_t ms = 0; ms <= 2'000; ms += 5) {
    const double impairment = delay_impairment(Duration::milliseconds(ms));
    CHECK_TRUE(impairment >= previous - 1e-9);
    previous = impairment;
  }
  const Quality quality =
      estimate_quality(kG711Concealed, {.played = 100}, Duration::milliseconds(400));
  CHECK_TRUE(is_near(quality.mos_lq, 4.41, 0.005));
  CHECK_TRUE(quality.mos_cq < 3.3);
}

TEST("wide-band codecs share the scale of the narrow ones, and none beats its clean self") {
  for (const CodecImpairment& codec :
       {kG711Concealed, kG711Bare, kLinearConcealed, kG722Concealed, kOpusWide, kOpusNarrow}) {
    double previous = 5;
    for (const double share : {0.0, 0.01, 0.05, 0.1, 0.3, 0.6, 1.0}) {
      const Quality quality = estimate_quality(codec, random_loss(share), Duration::zero());
      CHECK_TRUE(quality.mos_lq >= 1 && quality.mos_lq <= 4.5);
      CHECK_TRUE(quality.mos_lq <= previous);
      previous = quality.mos_lq;
    }
  }
  CHECK_TRUE(is_near(estimate_quality(kG722Concealed, {.played = 1}, {}).rating_lq, 89.9, 0.05));
}

TEST("nothing received is no loss, nothing played is all of it") {
  CHECK_EQ(loss_percent({}), 0.0);
  CHECK_EQ(burst_ratio({}), 1.0);
  CHECK_EQ(loss_percent({.unplayed = 7, .unplayed_runs = 1}), 100.0);
  CHECK_EQ(burst_ratio({.unplayed = 7, .unplayed_runs = 1}), 1.0);
  CHECK_EQ(burst_ratio({.played = 1'000, .unplayed = 1'000, .unplayed_runs = 1}), 8.0);
}

TEST("MOS stays between 1 and 4.5 for any rating") {
  CHECK_EQ(mos_of_rating(-10), 1.0);
  CHECK_EQ(mos_of_rating(3), 1.0);
  CHECK_EQ(mos_of_rating(100), 4.5);
  CHECK_EQ(mos_of_rating(1e9), 4.5);
  CHECK_TRUE(is_near(mos_of_rating(70), 3.6, 0.01));
  CHECK_TRUE(is_near(mos_of_rating(50), 2.58, 0.01));
}

}  // namespace
