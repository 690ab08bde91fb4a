// The receiving half: verdicts, restarts, clocks, redundancy, and who holds which packet.
#include "jitter/jitter_buffer.h"

#include <algorithm>

#include "native/harness.h"
#include "native/jitter/rig.h"

namespace {

using namespace test;

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
