// Strays, and what follows a new SSRC, numbering, clock or path: what is kept aside until another
// packet says what it was.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "jitter/jitter_buffer.h"
#include "native/harness.h"
#include "native/jitter/rig.h"

namespace {

using namespace test;

TEST("one stray of another SSRC or numbering changes nothing and is given back") {
  BufferRig rig(kFixed40);
  play_first(rig, 5);
  Arrival stray = arrival_of(7'000);
  stray.ssrc = static_cast<rtp::Ssrc>(0xbad);
  CHECK_EQ(rig.insert(141, stray), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(142, stray), InsertVerdict::kDuplicate);
  CHECK_EQ(rig.insert(143, arrival_of(7)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.released.size(), 1u);
  CHECK_EQ(rig.insert(144, arrival_of(20'000)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(145, arrival_of(8)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.released.size(), 2u);
  CHECK_EQ(rig.take(140).packet.slot, 5u);
  CHECK_EQ(rig.buffer.statistics().restarts, 0u);
  CHECK_EQ(rig.buffer.statistics().discarded, 2u);
}

/// What a packet may be ahead of its stream by.
enum class Stray { kBoth, kNumber, kTimestamp, kEvent };
constexpr Stray kStrays[] = {Stray::kBoth, Stray::kNumber, Stray::kTimestamp, Stray::kEvent};

/// A packet in place of `index`, 30 numbers, 600 ms or both ahead.
Arrival stray_of(Stray kind, std::uint32_t index) {
  Arrival stray = arrival_of(index + 30);
  if (kind == Stray::kNumber || kind == Stray::kEvent)
    stray.timestamp = arrival_of(index).timestamp;
  if (kind == Stray::kTimestamp) stray.sequence = arrival_of(index).sequence;
  if (kind == Stray::kEvent) stray.kind = MediaKind::kEvent;
  stray.packet.slot = 1'000'000;
  return stray;
}

TEST("one packet far ahead of its time is kept aside, and what comes in line is played") {
  for (const Stray kind : kStrays) {
    BufferRig rig(kFixed40);
    play_first(rig, 5);
    const bool is_event = kind == Stray::kEvent;
    CHECK_EQ(rig.insert(121, stray_of(kind, 7)),
             is_event ? InsertVerdict::kBeside : InsertVerdict::kCandidate);
    for (std::uint32_t index = 7; index < 60; ++index) {
      CHECK_EQ(rig.insert(index * 20.0, arrival_of(index)), InsertVerdict::kAccepted);
      CHECK_EQ(rig.take(index * 20.0).packet.slot, index - 2);
    }
    CHECK_EQ(rig.buffer.statistics().late, 0u);
    CHECK_EQ(rig.buffer.statistics().lost, 0u);
    CHECK_EQ(rig.buffer.statistics().discarded, is_event ? 0u : 1u);
    CHECK_EQ(rig.buffer.statistics().duplicates, 0u);
    CHECK_EQ(rig.buffer.statistics().restarts, 0u);
    CHECK_EQ(rig.buffer.statistics().concealed_length, 0);
    CHECK_EQ(rig.buffer.target_delay(), Duration::milliseconds(40));
  }
}

TEST("two packets far ahead of their time are a sender's new clock: nothing is made up for it") {
  BufferRig rig(kFixed40);
  play_first(rig, 5);  // 5 and 6 wait
  CHECK_EQ(rig.insert(140, arrival_of(37)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(160, arrival_of(38)), InsertVerdict::kRestarted);
  std::vector<std::uint32_t> heard;
  for (std::uint32_t tick = 0; tick < 8; ++tick) {
    const double ms = 140 + 20.0 * tick;
    if (tick >= 2) CHECK_EQ(rig.insert(ms, arrival_of(37 + tick)), InsertVerdict::kAccepted);
    const Decision decision = rig.take(ms);
    if (decision.kind == DecisionKind::kPlay) heard.push_back(decision.packet.slot);
  }
  CHECK_TRUE((heard == std::vector<std::uint32_t>{5, 6, 37, 38, 39, 40, 41, 42}));
  CHECK_EQ(rig.buffer.statistics().restarts, 1u);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);
  CHECK_EQ(rig.buffer.statistics().concealed_length, 0);
}

TEST("a packet that overtook others on a path that became faster is heard in its place") {
  BufferRig rig(kFixed40);
  rig.insert(200, arrival_of(0));
  CHECK_EQ(rig.insert(216, arrival_of(6)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(216, arrival_of(1)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.buffer.size(), 3u);
  CHECK_EQ(rig.buffer.statistics().discarded, 0u);
}

TEST("two far ahead of their time that aren't next to each other have to go with the time") {
  for (const bool is_swapped : {false, true}) {
    BufferRig rig(kFixed40);
    play_first(rig, 5);
    Arrival first = arrival_of(is_swapped ? 38 : 37);
    Arrival second = arrival_of(is_swapped ? 37 : 39);
    CHECK_EQ(rig.insert(140, first), InsertVerdict::kCandidate);
    CHECK_EQ(rig.insert(is_swapped ? 142 : 180, second), InsertVerdict::kRestarted);
    CHECK_EQ(rig.buffer.statistics().restarts, 1u);
    CHECK_EQ(rig.buffer.statistics().discarded, 0u);
  }
  BufferRig rig(kFixed40);
  play_first(rig, 5);
  CHECK_EQ(rig.insert(140, arrival_of(37)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(160, arrival_of(57)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(160, arrival_of(37)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.buffer.statistics().restarts, 0u);
}

/// A packet and when it comes, in ms.
using Sent = std::pair<double, Arrival>;

/// Plays what comes in ticks of 10 ms, half a second longer than it comes, and grants what is asked
/// for in pieces of 5 ms. @returns the slots that were heard.
std::vector<std::uint32_t> hear(BufferRig& rig, std::vector<Sent> sent) {
  std::stable_sort(sent.begin(), sent.end(),
                   [](const Sent& one, const Sent& other) { return one.first < other.first; });
  std::vector<std::uint32_t> heard;
  MediaTime queued = 0;
  auto next = sent.begin();
  for (double now = 3; now < sent.back().first + 500; now += 10) {
    for (; next != sent.end() && next->first <= now; ++next)
      (void)rig.insert(next->first, next->second);
    while (queued < media_ms(10)) {
      const Decision decision = rig.take(now, {.wanted = media_ms(10), .queued = queued});
      queued += decision.length;
      if (decision.kind != DecisionKind::kPlay) continue;
      heard.push_back(decision.packet.slot);
      if (decision.stretch >= media_ms(5)) queued += media_ms(5);
      if (decision.stretch <= -media_ms(5)) queued -= media_ms(5);
    }
    queued -= media_ms(10);
  }
  return heard;
}

/// What becomes of neighbours on their way.
enum class Disorder { kNone, kSwapped, kEverySecondLost };

TEST("a path that becomes faster loses nothing of what is still under way on the slower one") {
  for (const Disorder disorder :
       {Disorder::kNone, Disorder::kSwapped, Disorder::kEverySecondLost}) {
    for (double step_ms = 60; step_ms <= 450; step_ms += 10) {
      BufferRig rig({.policy = {Duration::milliseconds(50), kDelayMax, 10'000, 500}});
      std::vector<Sent> sent;
      std::vector<std::uint32_t> expected;
      for (std::uint32_t index = 0; index < 200; ++index) {
        if (disorder == Disorder::kEverySecondLost && index % 2 == 1) continue;
        const double ms = index * 20.0 + (index < 100 ? 500 : 500 - step_ms);
        const bool is_first = index % 2 == 0;
        sent.emplace_back(ms + (disorder == Disorder::kSwapped ? (is_first ? 21 : 0) : 0),
                          arrival_of(index));
        expected.push_back(index);
      }
      const std::vector<std::uint32_t> heard = hear(rig, sent);
      CHECK_TRUE(heard == expected);
      const BufferStatistics& statistics = rig.buffer.statistics();
      CHECK_EQ(statistics.duplicates + statistics.restarts, 0u);
      CHECK_EQ(statistics.late + statistics.discarded, 0u);
      CHECK_EQ(statistics.lost, disorder == Disorder::kEverySecondLost ? 99u : 0u);
    }
  }
}

TEST("a path that becomes faster by no more than a size may wait loses nothing, at any size") {
  for (const auto& [size, step_ms] :
       {std::pair{BufferSize::kSmall, 100.0}, std::pair{BufferSize::kMedium, 200.0},
        std::pair{BufferSize::kLarge, 380.0}}) {
    BufferRig rig({.policy = delay_policy(size)});
    std::vector<Sent> sent;
    for (std::uint32_t index = 0; index < 200; ++index)
      sent.emplace_back(index * 20.0 + (index < 100 ? 500 : 500 - step_ms), arrival_of(index));
    CHECK_EQ(hear(rig, sent).size(), 200u);
    CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
  }
}

TEST("a path that becomes faster leaves what is known of its delays") {
  BufferRig rig({.policy = {Duration::milliseconds(20), kDelayMax, 10'000, 2'048}});
  for (std::uint32_t index = 0; index < 190; ++index)
    (void)rig.insert(index * 20.0 + (index % 10 == 0 ? 360 : 300), arrival_of(index));
  CHECK_EQ(rig.buffer.target_delay(), Duration::milliseconds(61));
  // 190 to 199 are still under way.
  CHECK_EQ(rig.insert(4'120, arrival_of(201)), InsertVerdict::kCandidate);
  CHECK_EQ(rig.insert(4'125, arrival_of(200)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.buffer.target_delay(), Duration::milliseconds(261));
}

TEST("what is lost at the end of a delay spike is in the books as lost") {
  BufferRig rig({.policy = delay_policy(BufferSize::kMedium)});
  std::vector<Sent> sent;
  for (std::uint32_t index = 0; index < 300; ++index) {
    // Twenty packets come 350 ms late, and the thirty behind them never.
    const bool is_slow = index >= 100 && index < 120;
    if (index >= 120 && index < 150) continue;
    sent.emplace_back(index * 20.0 + (is_slow ? 400 : 50), arrival_of(index));
  }
  (void)hear(rig, sent);
  const BufferStatistics& statistics = rig.buffer.statistics();
  CHECK_EQ(statistics.restarts, 0u);
  CHECK_EQ(statistics.lost, 30u);
  CHECK_EQ(statistics.duplicates, 0u);
  CHECK_EQ(statistics.unplayed, statistics.lost + statistics.late + statistics.discarded);
  // A stretch of quiet is one as long as the spike, when it begins and when packets are missing.
  CHECK_TRUE(statistics.comfort_length <= media_ms(220));
}

TEST("packets that become shorter while some are lost are neither early nor a restart") {
  for (const std::uint32_t long_ms : {60u, 120u}) {
    BufferRig rig(kFixed40);
    std::uint32_t sent_ms = 0;
    for (std::uint32_t index = 0; index < 60; ++index) {
      const std::uint32_t length_ms = index < 20 ? long_ms : 20;
      Arrival arrival = arrival_of(index);
      arrival.timestamp = static_cast<rtp::RtpTimestamp>(sent_ms * 8);
      arrival.clock_steps = length_ms * 8;
      sent_ms += length_ms;
      if (index >= 20 && index < 23) continue;
      CHECK_EQ(rig.insert(sent_ms, arrival), InsertVerdict::kAccepted);
      (void)rig.take(sent_ms + 1, {.wanted = media_ms(length_ms)});
    }
    CHECK_EQ(rig.buffer.statistics().restarts, 0u);
    CHECK_EQ(rig.buffer.statistics().lost, 3u);
  }
}

/// A path of 20 s whose delay changes by up to 400 ms every few seconds, with jitter and losses,
/// and strays now and then.
struct Wandering {
  std::vector<Sent> sent;
  std::vector<std::uint32_t> expected;  ///< those that come in time for whoever knows the path
  std::set<std::uint32_t> excused;  ///< those that may be too late: the path is slower than it was
};

Wandering wander(std::uint64_t seed) {
  Prng prng(seed);
  Wandering path;
  double delay_ms = prng.below(400);
  double stepped_ms = 0;
  double steps_at_ms = 5'000;
  bool is_slower = false;
  double strays_at_ms = 1'500;
  const double jitter_ms = prng.below(40);
  for (std::uint32_t index = 0; index < 2'000; ++index) {
    const double sent_ms = index * 20.0;
    // Not at the very end: the first packet of a faster path is believed with the second.
    if (sent_ms >= steps_at_ms && index < 1'900) {
      const double delay_last_ms = std::exchange(delay_ms, prng.below(400));
      is_slower = delay_ms > delay_last_ms;
      stepped_ms = sent_ms;
      steps_at_ms = sent_ms + 5'500 + prng.below(3'000);
    }
    if (prng.below(30) == 0) continue;
    path.sent.emplace_back(sent_ms + delay_ms + prng.unit() * jitter_ms, arrival_of(index));
    if (is_slower && sent_ms < stepped_ms + 5'000) {
      path.excused.insert(index);
    } else {
      path.expected.push_back(index);
    }
    // One between the first two packets of a faster path can't be told from them.
    const bool is_calm = sent_ms > stepped_ms + 1'000 && sent_ms < steps_at_ms - 1'000;
    if (sent_ms < strays_at_ms || !is_calm) continue;
    strays_at_ms = sent_ms + 700 + prng.below(1'000);
    path.sent.emplace_back(sent_ms + delay_ms + prng.unit() * 20,
                           stray_of(kStrays[prng.below(std::size(kStrays))], index + 1));
  }
  return path;
}

TEST("whatever path it comes by, what comes in time is heard once and in order, a stray never") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Wandering path = wander(seed);
    BufferRig rig({.policy = {Duration::milliseconds(80), kDelayMax, 200, 2'048}});
    std::vector<std::uint32_t> heard = hear(rig, path.sent);
    CHECK_EQ(rig.buffer.statistics().duplicates, 0u);
    CHECK_EQ(rig.buffer.statistics().restarts, 0u);
    CHECK_TRUE(std::adjacent_find(heard.begin(), heard.end(), std::greater_equal<>()) ==
               heard.end());
    std::erase_if(heard, [&](std::uint32_t slot) { return path.excused.contains(slot); });
    CHECK_TRUE(heard == path.expected);
  }
}

TEST("gives up the candidate when no other packet waits") {
  BufferRig rig(kFixed40);
  (void)rig.insert(0, arrival_of(0));
  (void)rig.insert(20, arrival_of(20'000));
  CHECK_TRUE(rig.buffer.discard_oldest());
  PacketRef packet;
  REQUIRE(rig.buffer.next_released(packet));
  CHECK_EQ(packet.slot, 0u);
  CHECK_TRUE(rig.buffer.discard_oldest());
  REQUIRE(rig.buffer.next_released(packet));
  CHECK_EQ(packet.slot, 20'000u);
  CHECK_FALSE(rig.buffer.discard_oldest());
  CHECK_EQ(rig.buffer.statistics().discarded, 2u);
  CHECK_EQ(rig.insert(40, arrival_of(20'001)), InsertVerdict::kCandidate);
}

}  // namespace
