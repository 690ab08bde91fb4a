// The playing half: what is heard when, under loss, jitter, pauses and drift; behaviours A22 and
// A23; a naive buffer as a model.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <optional>

#include "base/prng.h"
#include "jitter/jitter_buffer.h"
#include "native/harness.h"
#include "native/jitter/rig.h"

namespace {

using namespace test;

/// What a network does to packet 0, 1, 2…: when it comes, in ms; nothing = never.
using Network = std::vector<std::optional<double>>;

struct Heard {
  std::vector<std::uint32_t> slots;
  double concealed_ms = 0;
  double comfort_ms = 0;
  double skipped_ms = 0;
  double delay_last_ms = 0;  ///< sent to heard
};

/// Plays a network through a buffer in ticks, stretching audio by what is asked for in pieces of up
/// to `period`. @param with_copies whether each packet brings a copy of the one before it.
Heard listen(BufferRig& rig, const Network& network, double tick_ms = 20,
             MediaTime period = media_ms(5), bool with_copies = false) {
  std::multimap<double, std::uint32_t> arrivals;
  for (std::uint32_t index = 0; index < network.size(); ++index) {
    if (network[index]) arrivals.emplace(*network[index], index);
  }
  Heard heard;
  const auto tick = static_cast<MediaTime>(tick_ms * kMediaPerMs);
  MediaTime queued = 0;
  auto next = arrivals.begin();
  // As long as there is something to come.
  for (double now = 3; next != arrivals.end(); now += tick_ms) {
    for (; next != arrivals.end() && next->first <= now; ++next) {
      rig.insert(next->first, arrival_of(next->second));
      if (!with_copies || next->second == 0) continue;
      Arrival copy = arrival_of(next->second);
      copy.packet.slot = next->second - 1;
      (void)rig.insert_redundant(next->first, copy, 160);
    }
    for (int asked = 0; queued < tick; ++asked) {
      if (asked == 100) {
        test::fail(__FILE__, __LINE__, "asks without end");
        return heard;
      }
      const Decision decision = rig.take(now, {.wanted = tick, .queued = queued});
      if (decision.kind == DecisionKind::kPlay) {
        heard.slots.push_back(decision.packet.slot);
        heard.delay_last_ms = now + queued / 48.0 - decision.packet.slot * 20.0;
        heard.skipped_ms += decision.skip / 48.0;
        if (decision.stretch >= period) queued += period;
        if (decision.stretch <= -period) queued -= period;
      }
      if (decision.kind == DecisionKind::kConceal) heard.concealed_ms += decision.length / 48.0;
      if (decision.kind == DecisionKind::kComfort) heard.comfort_ms += decision.length / 48.0;
      queued += decision.length;
    }
    queued -= tick;
  }
  return heard;
}

Network steady(std::uint32_t packets, double delay_ms = 30) {
  Network network;
  for (std::uint32_t index = 0; index < packets; ++index)
    network.emplace_back(index * 20.0 + delay_ms);
  return network;
}

bool is_rising(const std::vector<std::uint32_t>& slots) {
  return std::adjacent_find(slots.begin(), slots.end(), std::greater_equal<>()) == slots.end();
}

TEST("before anything has come there is silence, of the length that is needed") {
  BufferRig rig({});
  const Decision decision = rig.take(0, {.wanted = media_ms(20), .queued = media_ms(5)});
  CHECK_EQ(decision.kind, DecisionKind::kSilence);
  CHECK_EQ(decision.length, media_ms(15));
  CHECK_EQ(rig.buffer.statistics().comfort_length, 0);
}

TEST("a steady network is heard whole, at the least delay of the size") {
  for (const auto& [size, least_ms] :
       {std::pair{BufferSize::kOff, 0.0}, std::pair{BufferSize::kSmall, 10.0},
        std::pair{BufferSize::kMedium, 20.0}, std::pair{BufferSize::kLarge, 40.0}}) {
    BufferRig rig({.policy = delay_policy(size)});
    const Heard heard = listen(rig, steady(3'000), 10);
    CHECK_TRUE(heard.slots.size() >= 2'990);
    CHECK_TRUE(is_rising(heard.slots));
    CHECK_EQ(heard.concealed_ms, 0.0);
    const double delay_ms = heard.delay_last_ms - 30;
    CHECK_TRUE(delay_ms >= least_ms - 5 && delay_ms <= least_ms + 10);
    CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
  }
}

TEST("a missing packet is concealed at its length, and its successor is there to help") {
  BufferRig rig({.policy = fixed_delay(40)});
  for (const std::uint32_t index : {0u, 1u, 3u})
    rig.insert(index * 20.0, arrival_of(index));
  rig.take(40);
  rig.take(60);
  const Decision lost = rig.take(80);
  CHECK_EQ(lost.kind, DecisionKind::kConceal);
  CHECK_EQ(lost.length, media_ms(20));
  CHECK_TRUE(lost.has_next);
  CHECK_EQ(lost.next.slot, 3u);
  CHECK_EQ(rig.take(100).packet.slot, 3u);
  CHECK_EQ(rig.buffer.statistics().concealed_length, media_ms(20));
  CHECK_EQ(rig.buffer.statistics().unplayed, 1u);
  CHECK_EQ(rig.buffer.statistics().unplayed_runs, 1u);
}

TEST("where redundant copies mend losses, they are waited for") {
  for (const BufferSize size : {BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    for (const double delay_ms : {30.0, 32.0, 35.0, 38.0}) {
      BufferRig rig({.policy = delay_policy(size)});
      Network network = steady(1'000, delay_ms);
      for (std::uint32_t index = 4; index < network.size(); index += 5)
        network[index].reset();
      const Heard heard = listen(rig, network, 10, media_ms(5), true);
      // Until that was learnt.
      CHECK_TRUE(heard.concealed_ms <= 100);
      CHECK_TRUE(is_rising(heard.slots));
      // A packet's length later than without, and no more.
      const double waited_ms = heard.delay_last_ms - delay_ms;
      CHECK_TRUE(waited_ms <= (size == BufferSize::kLarge ? 55 : 35));
    }
  }
}

TEST("of several missing in a row only the last has a successor at hand") {
  BufferRig rig({.policy = fixed_delay(60)});
  for (const std::uint32_t index : {0u, 3u})
    rig.insert(index * 20.0, arrival_of(index));
  rig.take(60);
  CHECK_FALSE(rig.take(80).has_next);
  CHECK_TRUE(rig.take(100).has_next);
  CHECK_EQ(rig.take(120).packet.slot, 3u);
  CHECK_EQ(rig.buffer.statistics().unplayed, 2u);
  CHECK_EQ(rig.buffer.statistics().unplayed_runs, 1u);
}

TEST("what comes late while nothing else is there is still heard; the delay grows instead") {
  BufferRig rig({.policy = {Duration::milliseconds(20), Duration::milliseconds(200), 10'000, 500}});
  Network network = steady(2'000);
  // A stall: everything sent from 1,000 to 1,100 ms comes at 1,130.
  for (std::uint32_t index = 50; index < 55; ++index)
    network[index] = 1'130.0;
  const Heard heard = listen(rig, network, 10);
  CHECK_TRUE(is_rising(heard.slots));
  CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
  CHECK_TRUE(heard.concealed_ms >= 60 && heard.concealed_ms <= 110);
  CHECK_EQ(rig.buffer.statistics().concealed_length,
           static_cast<MediaTime>(std::lround(heard.concealed_ms * 48)));
  // Half a minute later it has come down again.
  CHECK_TRUE(heard.delay_last_ms < 30 + 20 + 15);
}

TEST("a packet late by a moment is heard from where its time has come to, and the delay stays") {
  constexpr JitterBuffer::Setup kSetup{
      .policy = {Duration::milliseconds(10), Duration::milliseconds(200), 50'000, 500}};
  BufferRig level(kSetup);
  const Heard undisturbed = listen(level, steady(1'000), 10);
  // One in a hundred comes 5 ms after the tick at which it should have been heard, and before its
  // successor.
  Network network = steady(1'000);
  for (std::uint32_t index = 400; index < 900; index += 100)
    network[index] = index * 20.0 + 48;
  BufferRig rig(kSetup);
  const Heard heard = listen(rig, network, 10);
  CHECK_TRUE(is_rising(heard.slots));
  CHECK_EQ(heard.concealed_ms, 50.0);
  CHECK_EQ(heard.skipped_ms, 50.0);
  CHECK_EQ(heard.delay_last_ms, undisturbed.delay_last_ms);
  CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
  CHECK_EQ(rig.buffer.statistics().concealed_length, media_ms(50));
  CHECK_EQ(rig.buffer.statistics().played_length,
           level.buffer.statistics().played_length - media_ms(50));
}

TEST("where ticks are as long as packets, one that is late by a moment is dropped for that") {
  constexpr JitterBuffer::Setup kSetup{
      .policy = {Duration::milliseconds(20), Duration::milliseconds(200), 50'000, 500}};
  BufferRig level(kSetup);
  const Heard undisturbed = listen(level, steady(1'000, 36), 20);
  Network network = steady(1'000, 36);
  for (std::uint32_t index = 400; index < 900; index += 100)
    network[index] = index * 20.0 + 70;
  BufferRig rig(kSetup);
  const Heard heard = listen(rig, network, 20);
  CHECK_TRUE(is_rising(heard.slots));
  CHECK_EQ(heard.concealed_ms, 100.0);
  CHECK_EQ(heard.skipped_ms, 0.0);
  CHECK_EQ(heard.delay_last_ms, undisturbed.delay_last_ms);
  CHECK_EQ(rig.buffer.statistics().late, 5u);
  CHECK_EQ(rig.buffer.statistics().unplayed, 5u);
  CHECK_EQ(rig.buffer.statistics().lost, 0u);
}

TEST("a network that was dead for a second is not waited for: silence, then a fresh start") {
  BufferRig rig({});
  Network network = steady(300);
  for (std::uint32_t index = 100; index < 150; ++index)
    network[index] = std::nullopt;
  const Heard heard = listen(rig, network, 10);
  CHECK_TRUE(is_rising(heard.slots));
  CHECK_EQ(heard.concealed_ms, 200.0);
  CHECK_TRUE(heard.comfort_ms > 700);
  CHECK_EQ(rig.buffer.statistics().lost, 50u);
  CHECK_EQ(rig.buffer.statistics().unplayed, 50u);
  CHECK_EQ(rig.buffer.statistics().unplayed_runs, 1u);
  CHECK_TRUE(heard.delay_last_ms < 30 + 20 + 15);
}

TEST("silence for want of packets is in the books as a loss, a pause beside it is not") {
  for (const bool pauses : {false, true}) {
    BufferRig rig({});
    // 600 ms without a packet: thirty that were lost, or one, and the sender had nothing to say.
    constexpr std::uint32_t kGap = 30;
    std::uint32_t number = 0;
    for (std::uint32_t index = 0; index < 200; ++index) {
      const bool in_gap = index >= 100 && index < 100 + kGap;
      Arrival arrival = arrival_of(index);
      arrival.sequence = static_cast<std::uint16_t>(65'530 + number);
      if (!in_gap || !pauses || index == 100) ++number;
      if (!in_gap) rig.insert(index * 20.0, arrival);
      rig.take(index * 20.0 + 1);
    }
    CHECK_EQ(rig.buffer.statistics().lost, pauses ? 1u : kGap);
    const double concealed_ms =
        static_cast<double>(rig.buffer.statistics().concealed_length) / kMediaPerMs;
    CHECK_TRUE(concealed_ms >= (pauses ? 200 : 560) && concealed_ms <= (pauses ? 200 : 620));
    CHECK_TRUE(rig.buffer.statistics().comfort_length <= media_ms(pauses ? 440 : 60));
  }
}

TEST("what a dead network kept back for a second is cut to the longest delay allowed") {
  BufferRig rig({});
  Network network = steady(300);
  for (std::uint32_t index = 100; index < 150; ++index)
    network[index] = 3'030.0;
  const Heard heard = listen(rig, network, 10);
  CHECK_TRUE(is_rising(heard.slots));
  CHECK_TRUE(rig.buffer.statistics().discarded >= 35);
  CHECK_EQ(rig.buffer.statistics().concealed_length, media_ms(200));
  CHECK_TRUE(rig.buffer.statistics().delay_max < Duration::milliseconds(300));
  CHECK_EQ(rig.held.size(), rig.buffer.size());
}

/// 30 s in which packets come up to 60 ms late, in order; then a minute in which they come later by
/// `step_ms`, for good.
Network stepped(double step_ms) {
  Prng prng(7);
  Network network;
  double last = 0;
  for (std::uint32_t index = 0; index < 4'500; ++index) {
    const double sent = index * 20.0 + (index >= 1'500 ? step_ms : 0.0);
    last = std::max(last, sent + prng.unit() * 60);
    network.emplace_back(last);
  }
  return network;
}

TEST("a longer path, or a pause that the sender's clock slept through, costs its first moment") {
  for (const BufferSize size : {BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    BufferRig level({.policy = delay_policy(size)});
    const Heard undisturbed = listen(level, stepped(0), 10);
    for (const double step_ms : {300.0, 450.0, 520.0, 600.0, 2'000.0, 10'000.0, 300'000.0}) {
      BufferRig rig({.policy = delay_policy(size)});
      const Heard heard = listen(rig, stepped(step_ms), 10);
      CHECK_TRUE(is_rising(heard.slots));
      // Half a second at most: ten packets until the step is believed, and the pause itself.
      CHECK_TRUE(rig.buffer.statistics().unplayed <= 25);
      CHECK_TRUE(heard.concealed_ms <= undisturbed.concealed_ms + 1'000);
      CHECK_TRUE(heard.delay_last_ms - step_ms <= undisturbed.delay_last_ms + 10);
    }
  }
}

TEST("a sender's pause without a gap in its numbers is no loss, and the delay is right after it") {
  for (const bool has_description : {true, false}) {
    BufferRig rig({});
    std::uint32_t index = 0;
    double concealed_ms = 0;
    std::uint32_t heard = 0;
    MediaTime queued = 0;
    for (double ms = 0; ms < 6'000; ms += 10) {
      const bool is_talking = std::fmod(ms, 1'000) < 400;
      const bool is_packet_time = std::fmod(ms, 20) == 0;
      if (is_packet_time && (is_talking || (has_description && std::fmod(ms, 1'000) == 400))) {
        Arrival arrival = arrival_of(index);
        arrival.timestamp = static_cast<rtp::RtpTimestamp>(static_cast<std::uint32_t>(ms) * 8);
        if (!is_talking) {
          arrival.kind = MediaKind::kComfort;
          arrival.payload_type = 13;
          arrival.clock_steps = 0;
        }
        rig.insert(ms, arrival);
        ++index;
      }
      while (queued < media_ms(10)) {
        const Decision decision = rig.take(ms + 1, {.wanted = media_ms(10), .queued = queued});
        queued += decision.length;
        if (decision.kind == DecisionKind::kConceal) concealed_ms += decision.length / 48.0;
        if (decision.kind == DecisionKind::kPlay) ++heard;
      }
      queued -= media_ms(10);
    }
    CHECK_EQ(heard, 120u);
    CHECK_EQ(rig.buffer.statistics().lost, 0u);
    CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
    CHECK_EQ(rig.buffer.statistics().concealed_length, 0);
    // Undescribed, it may be a loss until the next packet says that it wasn't.
    CHECK_TRUE(has_description ? concealed_ms == 0.0 : concealed_ms <= 6 * 200.0);
    CHECK_TRUE(rig.buffer.statistics().delay_max <= Duration::milliseconds(45));
  }
}

TEST("frames of 10 to 60 ms, changing in the middle of the stream, are heard in order") {
  BufferRig rig({});
  constexpr std::uint32_t kLengthsMs[] = {20, 60, 10, 30, 40, 50, 20};
  double sent_ms = 0;
  std::uint32_t index = 0;
  std::uint32_t heard = 0;
  MediaTime queued = 0;
  for (double ms = 0; ms < 7'000; ms += 10) {
    const std::uint32_t length_ms = kLengthsMs[static_cast<std::size_t>(ms / 1'000)];
    // A packet leaves when its last sample has been spoken.
    while (sent_ms + length_ms <= ms) {
      Arrival arrival = arrival_of(index++);
      arrival.timestamp = static_cast<rtp::RtpTimestamp>(static_cast<std::uint32_t>(sent_ms) * 8);
      arrival.clock_steps = length_ms * 8;
      rig.insert(ms, arrival);
      sent_ms += length_ms;
    }
    for (int asked = 0; queued < media_ms(10); ++asked) {
      REQUIRE(asked < 20);
      const Decision decision = rig.take(ms + 1, {.wanted = media_ms(10), .queued = queued});
      queued += decision.length;
      if (decision.kind == DecisionKind::kPlay) CHECK_EQ(decision.packet.slot, heard++);
    }
    queued -= media_ms(10);
  }
  CHECK_TRUE(heard >= index - 8);
  CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
  CHECK_EQ(rig.buffer.statistics().late, 0u);
}

TEST("clocks that drift by 200 ppm are followed for an hour without a repair to be heard") {
  for (const double drift : {200e-6, -200e-6}) {
    BufferRig rig({});
    Network network;
    for (std::uint32_t index = 0; index < 180'000; ++index) {
      network.emplace_back(index * 20.0 * (1 - drift) + 30 + (index * 7'919) % 97 * 0.1);
    }
    const Heard heard = listen(rig, network, 10);
    CHECK_TRUE(is_rising(heard.slots));
    CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
    CHECK_EQ(heard.concealed_ms, 0.0);
    CHECK_TRUE(rig.buffer.statistics().delay_max < Duration::milliseconds(45));
  }
}

TEST("drifts that no crystal has, 2 % and 10 %, neither build up delay nor silence the call") {
  for (const double drift : {0.02, -0.02, 0.1, -0.1}) {
    BufferRig rig({});
    Network network;
    for (std::uint32_t index = 0; index < 30'000; ++index) {
      network.emplace_back(index * 20.0 * (1 - drift) + 30 + (index * 7'919) % 97 * 0.1);
    }
    const Heard heard = listen(rig, network, 10);
    CHECK_TRUE(is_rising(heard.slots));
    CHECK_TRUE(heard.slots.size() >= network.size() * 99 / 100);
    // Pieces of 5 ms every 40 are all that this listener stretches: 10 % is about as much.
    const double share = std::abs(drift) > 0.05 ? 0.8 : 0.3;
    CHECK_TRUE(heard.concealed_ms < network.size() * 20 * std::abs(drift) * share);
    CHECK_TRUE(rig.buffer.statistics().delay_mean() < Duration::milliseconds(100));
  }
}

TEST("A23 under jitter, reordering and loss the output is in order and the counts are exact") {
  Prng prng(4'177);
  Network network;
  std::uint32_t lost = 0;
  for (std::uint32_t index = 0; index < 20'000; ++index) {
    const bool is_lost = index > 10 && prng.unit() < 0.02;
    double at = index * 20.0 + 20 + prng.unit() * 30;
    if (prng.unit() < 0.05) at += 45;
    network.push_back(is_lost ? std::nullopt : std::optional(at));
    lost += is_lost ? 1 : 0;
  }
  BufferRig rig({});
  const Heard heard = listen(rig, network, 10);
  const BufferStatistics& statistics = rig.buffer.statistics();
  CHECK_TRUE(is_rising(heard.slots));
  CHECK_EQ(heard.slots.size(), statistics.played);
  // Those that hadn't been asked for when the test ended aren't anyone's loss.
  const std::uint64_t passed = heard.slots.back() + 1u;
  std::uint64_t lost_passed = 0;
  for (std::uint32_t index = 0; index < passed; ++index)
    lost_passed += network[index] ? 0 : 1;
  CHECK_EQ(statistics.lost, lost_passed);
  CHECK_EQ(statistics.played + statistics.unplayed, passed);
  CHECK_EQ(statistics.unplayed, statistics.lost + statistics.late + statistics.discarded);
  CHECK_EQ(statistics.duplicates, 0u);
  CHECK_TRUE(statistics.reordered > 500);
  // Late ones stay within what the medium size allows, and everything missing was made up.
  CHECK_TRUE(statistics.late + statistics.discarded < passed * 15 / 1'000);
  CHECK_EQ(std::lround(heard.concealed_ms * 48), statistics.concealed_length);
  const double missing_ms = static_cast<double>(statistics.unplayed) * 20;
  CHECK_TRUE(heard.concealed_ms >= missing_ms * 0.99);
  CHECK_TRUE(statistics.delay_mean() > Duration::milliseconds(20));
  CHECK_TRUE(statistics.delay_mean() < Duration::milliseconds(90));
  CHECK_TRUE(statistics.delay_max < Duration::milliseconds(200));
  CHECK_TRUE(lost >= lost_passed);
}

TEST("A22 off, small, medium and large rise in delay and fall in concealment") {
  Prng prng(22);
  Network network;
  for (std::uint32_t index = 0; index < 15'000; ++index) {
    const double tail = -12 * std::log(1 - prng.unit());
    network.emplace_back(index * 20.0 + 20 + tail);
  }
  double delay_ms = -1;
  MediaTime concealed = media_ms(1'000'000);
  for (const BufferSize size :
       {BufferSize::kOff, BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    BufferRig rig({.policy = delay_policy(size)});
    (void)listen(rig, network, 10);
    const BufferStatistics& statistics = rig.buffer.statistics();
    CHECK_TRUE(statistics.delay_mean().ms_exact() > delay_ms + 5);
    CHECK_TRUE(statistics.concealed_length < concealed);
    delay_ms = statistics.delay_mean().ms_exact();
    concealed = statistics.concealed_length;
  }
}

TEST("in a pause the delay is led to its target at once, in speech by spaced steps") {
  for (const bool is_pause : {true, false}) {
    BufferRig rig({});
    double now = 0;
    std::uint32_t index = 0;
    // The first packets come 100 ms late, so playing starts far too late for those that follow.
    for (; index < 5; ++index)
      rig.insert(180 + index, arrival_of(index));
    std::uint32_t stretches = 0;
    for (now = 200; now < 600; now += 20) {
      while (index * 20.0 <= now)
        rig.insert(now, arrival_of(index++));
      const Decision decision = rig.take(
          now,
          {.wanted = media_ms(20), .activity = is_pause ? Activity::kPause : Activity::kSpeech});
      if (decision.kind != DecisionKind::kPlay || decision.stretch == 0) continue;
      CHECK_TRUE(decision.stretch < 0);
      CHECK_TRUE(decision.stretch >= -decision.length);
      ++stretches;
    }
    CHECK_TRUE(is_pause ? stretches > 15 : (stretches >= 4 && stretches <= 7));
  }
}

TEST("asks for ticks that come when packets have, and then for nothing more") {
  // Packets take 20 ms and up to 3 more; the least delay is 20 ms. Ticks of 10 ms can come at any
  // multiple of 2 ms.
  constexpr MediaTime kStep = media_ms(2);
  for (double phase = 0; phase < 10; phase += 1) {
    BufferRig rig({});
    Prng prng(31);
    double shift = 0;
    double last_ms = 0;
    MediaTime queued = 0;
    std::uint32_t sent = 0;
    std::uint32_t wishes = 0;
    for (int tick = 0; tick < 2'000; ++tick) {
      const double now = tick * 10 + phase + shift;
      for (; sent * 20.0 + 20 <= now; ++sent)
        rig.insert(std::min(now, sent * 20.0 + 20 + prng.unit() * 3), arrival_of(sent));
      while (queued < media_ms(10)) {
        const Decision decision = rig.take(now, {.wanted = media_ms(10), .queued = queued});
        queued += decision.length;
        if (decision.kind == DecisionKind::kPlay) {
          queued += decision.stretch;
          last_ms = now - decision.packet.slot * 20.0;
        }
      }
      queued -= media_ms(10);
      if (tick % 100 != 99) continue;
      const MediaTime wish = rig.buffer.tick_wish(kStep);
      CHECK_EQ(wish % kStep, 0);
      CHECK_TRUE(wish >= -media_ms(10) && wish <= media_ms(10));
      if (tick > 1'000) CHECK_EQ(wish, 0);
      shift += static_cast<double>(wish) / kMediaPerMs;
      wishes += wish == 0 ? 0 : 1;
    }
    CHECK_TRUE(wishes <= 3);
    CHECK_TRUE(last_ms >= 39 && last_ms <= 44);
    CHECK_EQ(rig.buffer.statistics().unplayed, 0u);
  }
  BufferRig idle({});
  CHECK_EQ(idle.buffer.tick_wish(kStep), 0);
  CHECK_ABORTS((void)idle.buffer.tick_wish(0));
}

/// The naive buffer: keeps all, plays what is due, knows no adaptation.
TEST("plays exactly what a ten-line buffer plays that waits as long, on random networks") {
  Prng prng(77);
  for (int round = 0; round < 200; ++round) {
    constexpr double kDelayMs = 60;
    Network network;
    for (std::uint32_t index = 0; index < 300; ++index) {
      // The fastest come often, so that it is clear at any time what the delay counts from.
      const bool is_fastest = index % 25 == 0;
      const double jitter = is_fastest ? 0.0 : std::floor(prng.unit() * 90) + 0.5;
      network.push_back(!is_fastest && prng.below(20) == 0 ? std::nullopt
                                                           : std::optional(index * 20.0 + jitter));
    }
    std::vector<std::uint32_t> naive;
    for (std::uint32_t index = 0; index < network.size(); ++index) {
      const double due = index * 20.0 + kDelayMs;
      if (network[index] && *network[index] <= due) naive.push_back(index);
    }
    std::multimap<double, std::uint32_t> arrivals;
    for (std::uint32_t index = 0; index < network.size(); ++index) {
      if (network[index]) arrivals.emplace(*network[index], index);
    }
    BufferRig rig({.policy = fixed_delay(60)});
    std::vector<std::uint32_t> heard;
    auto next = arrivals.begin();
    for (double now = 0; now <= 299 * 20.0 + kDelayMs; now += 20) {
      for (; next != arrivals.end() && next->first <= now; ++next) {
        rig.insert(next->first, arrival_of(next->second));
      }
      const Decision decision = rig.take(now);
      if (decision.kind == DecisionKind::kPlay) heard.push_back(decision.packet.slot);
    }
    CHECK_TRUE(is_rising(heard));
    CHECK_TRUE(heard == naive);
  }
}

}  // namespace
