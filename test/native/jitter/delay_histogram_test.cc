// The delay histogram: quantile, forgetting and the ring's edges, also against a naive model.
#include "jitter/delay_histogram.h"

#include <algorithm>
#include <map>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::jitter;

TEST("an empty histogram says so, and a single packet is both its least and its quantile") {
  DelayHistogram histogram({.memory_packets = 100, .beyond_ppm = 10'000});
  CHECK_TRUE(histogram.empty());
  histogram.add(-12'345);
  CHECK_FALSE(histogram.empty());
  CHECK_EQ(histogram.lowest(), -12'345);
  CHECK_EQ(histogram.quantile(), -12'345);
  histogram.clear();
  CHECK_TRUE(histogram.empty());
}

TEST("the quantile leaves no more than the allowed share beyond it") {
  DelayHistogram histogram({.memory_packets = 1'000, .beyond_ppm = 50'000});
  // 96 of 100 take 10 ms, four take 60.
  for (int index = 0; index < 2'000; ++index)
    histogram.add(index % 25 == 24 ? 60 : 10);
  CHECK_EQ(histogram.quantile(), 10);
  // Now eight of 100.
  for (int index = 0; index < 4'000; ++index)
    histogram.add(index % 25 < 2 ? 60 : 10);
  CHECK_EQ(histogram.quantile(), 60);
}

TEST("what isn't seen any more is forgotten at the set pace") {
  DelayHistogram histogram({.memory_packets = 100, .beyond_ppm = 50'000});
  for (int index = 0; index < 1'000; ++index)
    histogram.add(90);
  int packets = 0;
  while (histogram.quantile() > 20 && packets < 10'000) {
    histogram.add(20);
    ++packets;
  }
  // 1/20 of the weight is left after ln(20) = 3.0 memories.
  CHECK_TRUE(packets > 270 && packets < 330);
}

TEST("fading lets the newest win sooner") {
  DelayHistogram histogram({.memory_packets = 1'000, .beyond_ppm = 50'000});
  for (int index = 0; index < 1'000; ++index)
    histogram.add(90);
  for (int index = 0; index < 6; ++index)
    histogram.fade();
  for (int index = 0; index < 220; ++index)
    histogram.add(20);
  CHECK_EQ(histogram.quantile(), 20);
}

TEST("a histogram that has faded to nothing starts afresh") {
  DelayHistogram histogram({.memory_packets = 100, .beyond_ppm = 0});
  histogram.add(5);
  for (int index = 0; index < 20; ++index)
    histogram.fade();
  CHECK_TRUE(histogram.empty());
  histogram.add(7);
  CHECK_EQ(histogram.lowest(), 7);
  CHECK_EQ(histogram.quantile(), 7);
}

TEST("a delay beyond the ring counts as its highest, a much faster one begins a new range") {
  DelayHistogram histogram({.memory_packets = 100, .beyond_ppm = 0});
  histogram.add(1'000);
  histogram.add(1'000'000);
  CHECK_EQ(histogram.quantile(), 1'000 + DelayHistogram::kBins - 1);
  histogram.add(900);
  CHECK_EQ(histogram.lowest(), 900);
  CHECK_EQ(histogram.quantile(), 900 + DelayHistogram::kBins - 1);
  histogram.add(-1'000'000);
  CHECK_EQ(histogram.lowest(), -1'000'000);
  CHECK_EQ(histogram.quantile(), -1'000'000 + DelayHistogram::kBins - 1);
}

TEST("a clock that drifts through many rings keeps quantile and least beside each other") {
  DelayHistogram histogram({.memory_packets = 200, .beyond_ppm = 20'000});
  for (std::int64_t step = 0; step < 200'000; ++step) {
    const std::int64_t base = step / 20;  // 10,000 bins, twenty times round
    histogram.add(base + step % 10);
    if (step < 2'000) continue;
    CHECK_TRUE(histogram.quantile() >= base - 40 && histogram.quantile() <= base + 10);
    CHECK_TRUE(histogram.lowest() <= base + 9);
    if (base - histogram.lowest() > 150) return test::fail(__FILE__, __LINE__, "the floor stayed");
  }
}

TEST("quantile agrees with a naive weighted count over random delays") {
  Prng prng(99);
  for (int round = 0; round < 20; ++round) {
    const std::uint32_t memory = 50 + prng.below(400);
    const std::uint32_t beyond_ppm = 2'000 + prng.below(200'000);
    DelayHistogram histogram({.memory_packets = memory, .beyond_ppm = beyond_ppm});
    std::map<std::int64_t, double> naive;
    double total = 0;
    for (int packet = 0; packet < 3'000; ++packet) {
      const auto bin = static_cast<std::int64_t>(prng.below(20) * prng.below(20)) - 100;
      histogram.add(bin);
      const double kept = 1.0 - 1.0 / (memory + 1.0);
      for (auto& [unused, weight] : naive)
        weight *= kept;
      total = total * kept + 1.0;
      naive[bin] += 1.0;
      // The counts are 16 bits and cut off at each halving, so the share is met within 1.5 points.
      double beyond = 0;
      for (const auto& [at, weight] : naive)
        beyond += at > histogram.quantile() ? weight : 0.0;
      if (packet < 100) continue;
      CHECK_TRUE(beyond / total <= beyond_ppm * 1e-6 + 0.015);
      double at_or_beyond = 0;
      for (const auto& [at, weight] : naive)
        at_or_beyond += at >= histogram.quantile() ? weight : 0;
      CHECK_TRUE(at_or_beyond / total >= beyond_ppm * 1e-6 - 0.015);
    }
  }
}

}  // namespace
