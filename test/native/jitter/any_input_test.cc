// Whatever comes: each packet is given back once, none is heard twice.
#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "jitter/jitter_buffer.h"
#include "native/harness.h"
#include "native/jitter/rig.h"

namespace {

using namespace test;

TEST("packets of one stream in any order are heard once and in order, and each is given back") {
  Prng prng(2'026);
  for (int round = 0; round < 300; ++round) {
    BufferRig rig({.policy = delay_policy(static_cast<BufferSize>(prng.below(4))),
                   .capacity_packets = 1 + prng.below(kWindowPacketsMax)});
    double now = 0;
    std::uint32_t sent = 0;
    std::uint32_t slot = 0;
    std::vector<std::uint32_t> heard;
    for (int step = 0; step < 500; ++step) {
      if (prng.below(3) > 0) {
        const std::uint32_t back = prng.below(8) == 0 ? prng.below(30) : 0;
        Arrival arrival = arrival_of(sent > back ? sent - back : sent);
        arrival.packet.slot = slot++;
        if (back == 0) sent += 1 + (prng.below(10) == 0 ? prng.below(5) : 0);
        rig.insert(now, arrival);
      }
      if (prng.below(2) == 0) {
        const Decision decision = rig.take(
            now, {.wanted = media_ms(10), .queued = static_cast<MediaTime>(prng.below(480))});
        if (decision.kind == DecisionKind::kPlay) heard.push_back(decision.sequence);
      }
      now += prng.below(25);
      // Those that wait, and one candidate at most.
      CHECK_TRUE(rig.held.size() - rig.buffer.size() <= 1);
    }
    for (std::size_t index = 1; index < heard.size(); ++index) {
      CHECK_TRUE(rtp::sequence_newer(static_cast<std::uint16_t>(heard[index]),
                                     static_cast<std::uint16_t>(heard[index - 1])));
    }
  }
}

/// An arrival as a peer out of its mind might send it, near the stream or anywhere.
Arrival wild_arrival(Prng& prng, std::uint32_t index) {
  constexpr MediaKind kKinds[] = {MediaKind::kComfort, MediaKind::kEvent};
  constexpr std::uint32_t kRates[] = {8'000, 16'000, 48'000, 44'100};
  Arrival arrival = arrival_of(index);
  switch (prng.below(6)) {
    case 0:
      arrival.ssrc = static_cast<rtp::Ssrc>(prng.below(2));
      break;
    case 1:
      arrival.sequence = static_cast<std::uint16_t>(arrival.sequence + prng.below(60));
      break;
    case 2:
      arrival.timestamp = rtp::timestamp_add(arrival.timestamp, prng.below(16'000) - 8'000u);
      break;
    case 3:
      arrival.clock_rate_hz = kRates[prng.below(4)];
      break;
    case 4:
      arrival.clock_steps = prng.below(1'000);
      break;
    default:
      arrival.kind = kKinds[prng.below(2)];
  }
  return arrival;
}

TEST("whatever sources, clocks, lengths and kinds come, each packet is given back once") {
  Prng prng(2'027);
  for (int round = 0; round < 300; ++round) {
    BufferRig rig({.policy = delay_policy(static_cast<BufferSize>(prng.below(4))),
                   .capacity_packets = 1 + prng.below(kWindowPacketsMax)});
    double now = 0;
    std::uint32_t slot = 0;
    std::uint64_t played = 0;
    const std::uint32_t wild_of_ten = prng.below(10);
    for (int step = 0; step < 500; ++step) {
      const std::uint32_t index = step + prng.below(4);
      Arrival arrival =
          prng.below(10) < wild_of_ten ? wild_arrival(prng, index) : arrival_of(index);
      arrival.packet.slot = slot++;
      rig.insert(now, arrival);
      if (prng.below(4) == 0) {
        arrival.packet.slot = slot++;
        rig.insert_redundant(now, arrival, arrival.clock_steps * (1 + prng.below(3)));
      }
      const Decision decision = rig.take(
          now, {.wanted = media_ms(10), .queued = static_cast<MediaTime>(prng.below(480))});
      played += decision.kind == DecisionKind::kPlay ? 1 : 0;
      now += prng.below(40);
      // Those that wait, of which events have only a number, and one candidate.
      CHECK_TRUE(rig.held.size() <= rig.buffer.size() + 1);
    }
    const BufferStatistics& statistics = rig.buffer.statistics();
    CHECK_EQ(statistics.played, played);
    CHECK_TRUE(statistics.lost < 1'000'000);
    CHECK_TRUE(statistics.unplayed >= statistics.unplayed_runs);
  }
}

}  // namespace
