// What of a packet's way is timed, and where a time is counted.
#include "engine/relay_times.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using engine::RelayTimes;
namespace contract = engine::contract;

Instant at_us(std::int64_t us) {
  return Instant::from_ns(us * 1'000);
}

/// A thread whose rounds each find `found` packets.
struct Rounds {
  /// @param asked, woken, sent of the next sampled round, in µs; `asked_before` of the round before
  /// it.
  void sample(std::int64_t asked_before, std::int64_t asked, std::int64_t woken,
              std::int64_t sent) {
    times.handle_asked(at_us(asked_before));
    while (!times.begin_round()) {
    }
    times.handle_asked(at_us(asked));
    times.handle_woken(at_us(woken), found);
    for (std::size_t place = 0; place < found; ++place) {
      if (!times.is_timed(place)) continue;
      places.push_back(place);
      times.handle_sent(at_us(sent));
    }
  }
  [[nodiscard]] std::uint64_t counted() const {
    return std::accumulate(times.values().begin(), times.values().end() - 1, std::uint64_t{0});
  }
  /// Samples up to a bound, all buckets below it included.
  [[nodiscard]] std::uint64_t up_to_us(std::uint32_t bound) const {
    std::uint64_t sum = 0;
    for (std::size_t index = 0; index < contract::kRelayTimeBoundsUs.size(); ++index) {
      if (contract::kRelayTimeBoundsUs[index] <= bound) sum += times.values()[index];
    }
    return sum;
  }
  RelayTimes times;
  std::size_t found = 1;
  std::vector<std::size_t> places;
};

TEST("A28 a packet that woke the thread is timed from then on") {
  Rounds rounds;
  rounds.sample(1'000, 1'010, 9'000, 9'015);
  CHECK_EQ(rounds.counted(), 1u);
  CHECK_EQ(rounds.times.values().back(), 15u);
  CHECK_EQ(rounds.up_to_us(15), 1u);
  CHECK_EQ(rounds.up_to_us(10), 0u);
}

TEST("A28 a packet that found the thread busy has waited since it last asked, at most") {
  Rounds rounds;
  rounds.sample(1'000, 3'500, 3'501, 3'520);
  CHECK_EQ(rounds.times.values().back(), 2'520u);
  CHECK_EQ(rounds.up_to_us(2'000), 0u);
  CHECK_EQ(rounds.up_to_us(3'000), 1u);
}

TEST("A28 a bound belongs to its bucket, what lies beyond the last has one of its own") {
  Rounds rounds;
  const std::uint32_t first = contract::kRelayTimeBoundsUs.front();
  const std::uint32_t last = contract::kRelayTimeBoundsUs.back();
  rounds.sample(0, 0, 100, 100 + first);
  rounds.sample(0, 0, 100, 100 + last);
  rounds.sample(0, 0, 100, 101 + last);
  const auto values = rounds.times.values();
  CHECK_EQ(values.front(), 1u);
  CHECK_EQ(values[values.size() - 3], 1u);
  CHECK_EQ(values[values.size() - 2], 1u);
  CHECK_EQ(values.back(), std::uint64_t{first} + 2 * std::uint64_t{last} + 1);
}

TEST("A28 a clock that seems to stand counts as no time") {
  Rounds rounds;
  rounds.sample(0, 0, 100, 90);
  CHECK_EQ(rounds.times.values().front(), 1u);
  CHECK_EQ(rounds.times.values().back(), 0u);
}

TEST("one round of sixteen is sampled, one packet of it, and every place comes up") {
  RelayTimes times;
  int sampled = 0;
  for (std::uint32_t round = 0; round < 10 * RelayTimes::kRoundsPerSample; ++round)
    sampled += times.begin_round() ? 1 : 0;
  CHECK_EQ(sampled, 10);
  Rounds rounds;
  rounds.found = 7;
  for (int count = 0; count < 700; ++count)
    rounds.sample(0, 0, 100, 110);
  CHECK_EQ(rounds.counted(), 700u);
  for (std::size_t place = 0; place < 7; ++place)
    CHECK_TRUE(std::count(rounds.places.begin(), rounds.places.end(), place) > 70);
}

TEST("a packet that isn't sent on is no sample, and the next round's isn't mistaken for it") {
  RelayTimes times;
  while (!times.begin_round()) {
  }
  times.handle_woken(at_us(1), 1);
  CHECK_TRUE(times.is_timed(0));
  CHECK_FALSE(times.begin_round());
  CHECK_FALSE(times.is_timed(0));
}

}  // namespace
