// The receiving half: verdicts, restarts, clocks, redundancy, and who holds which packet.
#include "jitter/jitter_buffer.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include "base/prng.h"
#include "native/harness.h"
#include "native/jitter/rig.h"

namespace {

using namespace test;

constexpr JitterBuffer::Setup kFixed40{.policy = fixed_delay(40)};

/// A rig whose listener has heard packets 0 to `count` - 1 and waits for the next at 40 + 20 x
/// count.
void play_first(BufferRig& rig, std::uint32_t count) {
  for (std::uint32_t index = 0; index < count + 2; ++index)
    rig.insert(index * 20.0, arrival_of(index));
  for (std::uint32_t index = 0; index < count; ++index) {
    CHECK_EQ(rig.take(40 + index * 20.0).packet.slot, index);
  }
}

TEST("takes a packet once: in order, out of order, and refuses it the second time") {
  BufferRig rig(kFixed40);
  CHECK_EQ(rig.insert(0, arrival_of(0)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.insert(20, arrival_of(2)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.insert(21, arrival_of(1)), InsertVerdict::kReordered);
  CHECK_EQ(rig.insert(22, arrival_of(1)), InsertVerdict::kDuplicate);
  CHECK_EQ(rig.insert(23, arrival_of(2)), InsertVerdict::kDuplicate);
  CHECK_EQ(rig.buffer.size(), 3u);
  CHECK_EQ(rig.buffer.statistics().received, 5u);
  CHECK_EQ(rig.buffer.statistics().duplicates, 2u);
  CHECK_EQ(rig.buffer.statistics().reordered, 1u);
}

TEST("tells a packet that is late from a copy of one that was played") {
  BufferRig rig(kFixed40);
  for (const std::uint32_t index : {0u, 1u, 3u})
    rig.insert(index * 20.0, arrival_of(index));
  rig.take(40);
  rig.take(60);
  CHECK_EQ(rig.take(80).kind, DecisionKind::kConceal);
  CHECK_EQ(rig.buffer.statistics().lost, 1u);
  CHECK_EQ(rig.insert(81, arrival_of(2)), InsertVerdict::kLate);
  CHECK_EQ(rig.insert(82, arrival_of(2)), InsertVerdict::kDuplicate);
  CHECK_EQ(rig.insert(83, arrival_of(1)), InsertVerdict::kDuplicate);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);
  CHECK_EQ(rig.buffer.statistics().late, 1u);
  CHECK_EQ(rig.take(100).packet.slot, 3u);
}

TEST("a packet sent before the first one received is welcome until playing begins") {
  BufferRig rig(kFixed40);
  rig.insert(0, arrival_of(5));
  CHECK_EQ(rig.insert(1, arrival_of(4)), InsertVerdict::kReordered);
  CHECK_EQ(rig.insert(2, arrival_of(2)), InsertVerdict::kReordered);
  // The timestamps say when each is due: 40 ms after the fastest of them.
  double ms = 0;
  Decision decision;
  for (; decision.kind == DecisionKind::kSilence; ms += 20)
    decision = rig.take(ms);
  CHECK_EQ(decision.packet.slot, 2u);
  CHECK_EQ(rig.insert(ms, arrival_of(1)), InsertVerdict::kLate);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);
}

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

TEST("two in order of a new SSRC or numbering go on where the old one ends, and none is lost") {
  for (const bool is_new_source : {true, false}) {
    BufferRig rig(kFixed40);
    play_first(rig, 5);  // 5 and 6 wait
    Arrival first = arrival_of(7);
    first.ssrc = is_new_source ? static_cast<rtp::Ssrc>(0xb0b) : first.ssrc;
    first.sequence = 30'000;
    first.timestamp = static_cast<rtp::RtpTimestamp>(77);
    Arrival second = first;
    second.sequence = 30'001;
    second.timestamp = static_cast<rtp::RtpTimestamp>(77 + 160);
    second.packet.slot = 8;
    CHECK_EQ(rig.insert(140, first), InsertVerdict::kCandidate);
    CHECK_EQ(rig.insert(160, second), InsertVerdict::kRestarted);
    std::vector<std::uint32_t> heard;
    for (double ms = 140; ms < 300; ms += 20) {
      const Decision decision = rig.take(ms);
      if (decision.kind == DecisionKind::kPlay) heard.push_back(decision.packet.slot);
    }
    CHECK_TRUE((heard == std::vector<std::uint32_t>{5, 6, 7, 8}));
    CHECK_EQ(rig.buffer.statistics().restarts, 1u);
    CHECK_EQ(rig.buffer.statistics().lost, 0u);
    CHECK_EQ(rig.buffer.statistics().concealed_length, 0);
  }
}

TEST("a sender's new clock within its numbering is a restart of the clock, not a delay") {
  for (const std::uint32_t jump : {0x4000'0000u, 0u - 8'000u, 0xc000'0000u}) {
    BufferRig rig(kFixed40);
    std::uint32_t heard = 0;
    for (std::uint32_t index = 0; index < 100; ++index) {
      Arrival arrival = arrival_of(index);
      if (index >= 50) {
        arrival.timestamp = rtp::timestamp_add(arrival.timestamp, jump);
      }
      rig.insert(index * 20.0, arrival);
      const Decision decision = rig.take(index * 20.0 + 1);
      if (decision.kind == DecisionKind::kPlay) CHECK_EQ(decision.packet.slot, heard++);
    }
    CHECK_TRUE(heard >= 96);
    CHECK_EQ(rig.buffer.statistics().restarts, 1u);
    CHECK_EQ(rig.buffer.statistics().late + rig.buffer.statistics().discarded, 0u);
    CHECK_TRUE(rig.buffer.statistics().delay_max <= Duration::milliseconds(80));
  }
}

TEST("a payload with another clock rate goes on without a loss") {
  BufferRig rig(kFixed40);
  std::uint32_t heard = 0;
  for (std::uint32_t index = 0; index < 100; ++index) {
    Arrival arrival = arrival_of(index);
    if (index >= 50) {
      arrival.payload_type = 111;
      arrival.clock_rate_hz = 48'000;
      arrival.clock_steps = 960;
      arrival.timestamp = static_cast<rtp::RtpTimestamp>(index * 960);
    }
    rig.insert(index * 20.0, arrival);
    const Decision decision = rig.take(index * 20.0 + 1);
    if (decision.kind != DecisionKind::kPlay) continue;
    CHECK_EQ(decision.packet.slot, heard++);
    CHECK_EQ(decision.length, media_ms(20));
  }
  CHECK_TRUE(heard >= 96);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);
}

TEST("events are handed back at once, are no loss, and audio goes on behind them") {
  BufferRig rig(kFixed40);
  play_first(rig, 5);
  Arrival event = arrival_of(7);
  event.kind = MediaKind::kEvent;
  event.clock_rate_hz = 0;
  event.clock_steps = 0;
  for (std::uint16_t packet = 0; packet < 8; ++packet) {
    // One event: the timestamp stands still, the numbers go on.
    event.sequence = static_cast<std::uint16_t>(arrival_of(7).sequence + packet);
    CHECK_EQ(rig.insert(140 + packet * 20.0, event), InsertVerdict::kOutOfBand);
  }
  CHECK_EQ(rig.insert(141, event), InsertVerdict::kDuplicate);
  Arrival after = arrival_of(15);
  rig.insert(300, after);
  std::vector<std::uint32_t> heard;
  for (double ms = 140; ms < 360; ms += 20) {
    const Decision decision = rig.take(ms);
    CHECK_TRUE(decision.kind != DecisionKind::kConceal);
    if (decision.kind == DecisionKind::kPlay) heard.push_back(decision.packet.slot);
  }
  CHECK_TRUE((heard == std::vector<std::uint32_t>{5, 6, 15}));
  CHECK_EQ(rig.buffer.statistics().events, 8u);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);
  CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
}

TEST("behind a filler a missing packet is a loss, behind an event a pause") {
  for (const MediaKind kind : {MediaKind::kFiller, MediaKind::kEvent}) {
    BufferRig rig(kFixed40);
    play_first(rig, 5);
    Arrival filler = arrival_of(7);
    filler.kind = kind;
    filler.timestamp = arrival_of(6).timestamp;
    CHECK_EQ(rig.insert(140, filler), InsertVerdict::kOutOfBand);
    // 8 has what 7 would have had, had it been audio; it is lost, and so a packet's time.
    for (std::uint32_t index = 9; index < 12; ++index) {
      Arrival arrival = arrival_of(index);
      arrival.timestamp = arrival_of(index - 1).timestamp;
      CHECK_EQ(rig.insert(index * 20.0 - 20, arrival), InsertVerdict::kAccepted);
    }
    CHECK_EQ(rig.take(140).packet.slot, 5u);
    CHECK_EQ(rig.take(160).packet.slot, 6u);
    const bool is_filler = kind == MediaKind::kFiller;
    CHECK_EQ(rig.take(180).kind, is_filler ? DecisionKind::kConceal : DecisionKind::kComfort);
    CHECK_EQ(rig.take(200).packet.slot, 9u);
    CHECK_EQ(rig.buffer.statistics().lost, 1u);
    CHECK_EQ(rig.buffer.statistics().concealed_length, is_filler ? media_ms(20) : 0);
    CHECK_EQ(rig.buffer.statistics().unplayed, 1u);
  }
}

TEST("more packets than fit push out the oldest, each given back once") {
  BufferRig rig({.policy = fixed_delay(40), .capacity_packets = 8});
  for (std::uint32_t index = 0; index < 20; ++index) {
    CHECK_EQ(rig.insert(0, arrival_of(index)), InsertVerdict::kAccepted);
  }
  CHECK_EQ(rig.buffer.size(), 8u);
  CHECK_EQ(rig.released.size(), 12u);
  CHECK_EQ(rig.buffer.statistics().discarded, 12u);
  // One far ahead empties it, and what lay between is lost.
  CHECK_EQ(rig.insert(20'000, arrival_of(1'000)), InsertVerdict::kAccepted);
  CHECK_EQ(rig.buffer.size(), 1u);
  CHECK_EQ(rig.buffer.statistics().discarded, 20u);
  CHECK_EQ(rig.buffer.statistics().lost, 1'000u - 7 - 20);
}

TEST("a redundant block fills the gap that its packet left, in time or not at all") {
  BufferRig rig(kFixed40);
  rig.insert(0, arrival_of(0));
  rig.insert(20, arrival_of(1));
  rig.insert(60, arrival_of(3));
  Arrival copy = arrival_of(3);
  copy.packet = {.slot = 3, .offset = 5, .bytes = 77};
  CHECK_EQ(rig.insert_redundant(60, copy, 160), InsertVerdict::kRecovered);
  CHECK_EQ(rig.insert_redundant(60, copy, 160), InsertVerdict::kUnneeded);
  CHECK_EQ(rig.insert_redundant(60, copy, 320), InsertVerdict::kUnneeded);
  CHECK_EQ(rig.insert(61, arrival_of(2)), InsertVerdict::kDuplicate);
  rig.take(40);
  rig.take(60);
  const Decision recovered = rig.take(80);
  CHECK_EQ(recovered.kind, DecisionKind::kPlay);
  CHECK_TRUE(recovered.packet == copy.packet);
  CHECK_EQ(recovered.sequence, arrival_of(2).sequence);
  CHECK_EQ(recovered.timestamp, arrival_of(2).timestamp);
  CHECK_EQ(rig.take(100).packet.slot, 3u);
  CHECK_EQ(rig.buffer.statistics().recovered, 1u);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);

  CHECK_EQ(rig.insert_redundant(120, copy, 0), InsertVerdict::kInvalid);
  CHECK_EQ(rig.insert_redundant(120, copy, 100), InsertVerdict::kInvalid);
  copy.ssrc = static_cast<rtp::Ssrc>(0xb0b);
  CHECK_EQ(rig.insert_redundant(120, copy, 160), InsertVerdict::kUnneeded);
}

TEST("refuses clocks and lengths that can't be, counted") {
  BufferRig rig(kFixed40);
  Arrival arrival = arrival_of(0);
  arrival.clock_rate_hz = 44'100;
  CHECK_EQ(rig.insert(0, arrival), InsertVerdict::kInvalid);
  arrival = arrival_of(0);
  arrival.clock_steps = 0;
  CHECK_EQ(rig.insert(0, arrival), InsertVerdict::kInvalid);
  arrival.clock_steps = 961;
  CHECK_EQ(rig.insert(0, arrival), InsertVerdict::kInvalid);
  arrival.clock_steps = 0xffff'ffff;
  CHECK_EQ(rig.insert(0, arrival), InsertVerdict::kInvalid);
  CHECK_EQ(rig.buffer.statistics().invalid, 4u);
  CHECK_EQ(rig.buffer.size(), 0u);
}

TEST("a buffer given more room keeps what waits and holds as much more") {
  BufferRig rig({.policy = fixed_delay(40), .capacity_packets = 2});
  (void)rig.insert(0, arrival_of(0));
  (void)rig.insert(0, arrival_of(1));
  rig.buffer.grow_to(4);
  (void)rig.insert(0, arrival_of(2));
  (void)rig.insert(0, arrival_of(3));
  CHECK_EQ(rig.buffer.size(), 4u);
  CHECK_EQ(rig.buffer.statistics().discarded, 0u);
  (void)rig.insert(0, arrival_of(4));
  CHECK_EQ(rig.buffer.statistics().discarded, 1u);
}

TEST("a caller who doesn't take back what was released is stopped") {
  JitterBuffer buffer({.policy = fixed_delay(40), .capacity_packets = 1});
  (void)buffer.insert(at_ms(0), arrival_of(0));
  (void)buffer.insert(at_ms(0), arrival_of(1));
  CHECK_ABORTS((void)buffer.insert(at_ms(0), arrival_of(2)));
  CHECK_ABORTS((void)buffer.take(at_ms(0), {.wanted = 960}));
}

TEST("gives up its oldest packet for an owner short of memory, counted and given back") {
  BufferRig rig(kFixed40);
  CHECK_FALSE(rig.buffer.discard_oldest());
  (void)rig.insert(0, arrival_of(0));
  (void)rig.insert(20, arrival_of(1));
  (void)rig.insert(60, arrival_of(3));
  CHECK_TRUE(rig.buffer.discard_oldest());
  PacketRef packet;
  REQUIRE(rig.buffer.next_released(packet));
  CHECK_EQ(packet.slot, 0u);
  CHECK_FALSE(rig.buffer.next_released(packet));
  CHECK_EQ(rig.buffer.size(), 2u);
  CHECK_EQ(rig.buffer.statistics().discarded, 1u);
  // Playing goes on with the next one, in its own time.
  CHECK_EQ(rig.take(30).kind, DecisionKind::kSilence);
  CHECK_EQ(rig.take(50).packet.slot, 1u);
}

TEST("what waited when nobody listened any more isn't played later, nor what came then amiss") {
  for (const bool is_new_source : {false, true}) {
    BufferRig rig(kFixed40);
    rig.restart();  // of nothing, which changes nothing
    play_first(rig, 5);
    (void)rig.insert(160, arrival_of(8));
    rig.restart();
    std::sort(rig.released.begin(), rig.released.end());
    CHECK_TRUE((rig.released == std::vector<std::uint32_t>{5, 6, 8}));
    CHECK_TRUE(rig.held.empty());
    CHECK_FALSE(rig.buffer.started());
    CHECK_EQ(rig.take(180).kind, DecisionKind::kSilence);
    std::uint32_t next = 500;
    for (std::uint32_t index = 500; index < 520; ++index) {
      Arrival arrival = arrival_of(index);
      if (is_new_source) arrival.ssrc = static_cast<rtp::Ssrc>(0xb0b);
      CHECK_EQ(rig.insert(index * 20.0, arrival), InsertVerdict::kAccepted);
      const Decision decision = rig.take(index * 20.0 + 1);
      if (decision.kind == DecisionKind::kPlay) CHECK_EQ(decision.packet.slot, next++);
    }
    CHECK_EQ(next, 518u);
    const BufferStatistics& statistics = rig.buffer.statistics();
    CHECK_EQ(statistics.discarded, 3u);
    CHECK_EQ(statistics.lost, 1u);  // 7, of those that were wanted
    CHECK_EQ(statistics.unplayed, 0u);
    CHECK_EQ(statistics.restarts, 0u);
    CHECK_EQ(statistics.concealed_length, 0);
    CHECK_EQ(statistics.comfort_length, 0);
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

TEST("keeps what waits when its size changes") {
  BufferRig rig(kFixed40);
  for (std::uint32_t index = 0; index < 10; ++index)
    (void)rig.insert(20 * index, arrival_of(index));
  rig.buffer.set_policy(fixed_delay(100));
  CHECK_EQ(rig.buffer.size(), 10u);
  CHECK_EQ(rig.buffer.target_delay(), Duration::milliseconds(100));
  CHECK_EQ(rig.buffer.statistics().discarded, 0u);
}

}  // namespace
