// Telephone-events through a network that loses, doubles, delays and reorders: one start and one
// end each, in order.
#include "codec/event_receiver.h"

#include <algorithm>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
using rtp::RtpTimestamp;

RtpTimestamp at(std::uint32_t units) {
  return static_cast<RtpTimestamp>(units);
}

/// Feeds packets 20 ms apart and keeps the edges.
struct Ear {
  EventReceiver receiver{{}};
  Instant now = Instant::from_ns(1'000'000'000);
  std::vector<EventEdge> edges;

  void keep(const EventEdges& found) {
    edges.insert(edges.end(), found.edges().begin(), found.edges().end());
  }
  void hear(std::uint32_t timestamp, const TelephoneEvent& event) {
    now = now + Duration::milliseconds(20);
    keep(receiver.handle_packet(now, at(timestamp), write_telephone_event(event)));
  }
  /// Lets time pass, with whatever falls due.
  void wait(std::int64_t ms) {
    now = now + Duration::milliseconds(ms);
    if (receiver.next_deadline() <= now) keep(receiver.handle_deadline(now));
  }
  /// A whole press as a good sender says it.
  void press(std::uint32_t timestamp, std::uint8_t event, std::uint16_t packets = 5) {
    for (std::uint16_t count = 1; count < packets; ++count)
      hear(timestamp, {.event = event, .duration = static_cast<std::uint16_t>(count * 160)});
    for (int repeat = 0; repeat < 3; ++repeat)
      hear(timestamp,
           {.event = event, .end = true, .duration = static_cast<std::uint16_t>(packets * 160)});
  }
  [[nodiscard]] bool is(std::size_t index, EventEdge::Kind kind, std::uint8_t event) const {
    return index < edges.size() && edges[index].kind == kind && edges[index].event == event;
  }
};

constexpr auto kStart = EventEdge::Kind::kStart;
constexpr auto kEnd = EventEdge::Kind::kEnd;

TEST("A24 a press is one start and one end with its timestamp and length") {
  Ear ear;
  ear.press(70'000, 5);
  REQUIRE(ear.edges.size() == 2);
  CHECK_TRUE(ear.is(0, kStart, 5));
  CHECK_TRUE(ear.is(1, kEnd, 5));
  CHECK_EQ(ear.edges[0].timestamp, at(70'000));
  CHECK_EQ(ear.edges[1].timestamp, at(70'000));
  CHECK_EQ(ear.edges[1].duration_units, 800u);
  CHECK_EQ(ear.receiver.counters().repeated, 2u);
  CHECK_FALSE(ear.receiver.down());
}

TEST("A24 the same digit again is another event when its timestamp is another") {
  Ear ear;
  ear.press(1'000, 7);
  ear.press(1'000 + 800 + 400, 7);
  CHECK_EQ(ear.edges.size(), 4u);
  CHECK_TRUE(ear.is(2, kStart, 7));
}

TEST("A24 any one packet of a press is enough, whichever it is") {
  for (int only = 0; only < 7; ++only) {
    Ear ear;
    const bool end = only >= 4;
    ear.hear(9'000, {.event = 3,
                     .end = end,
                     .duration = static_cast<std::uint16_t>(end ? 800 : (only + 1) * 160)});
    ear.wait(300);
    REQUIRE(ear.edges.size() == 2);
    CHECK_TRUE(ear.is(0, kStart, 3));
    CHECK_TRUE(ear.is(1, kEnd, 3));
    CHECK_EQ(ear.receiver.counters().lost_ends, end ? 0u : 1u);
  }
}

TEST("A24 an event whose ends are lost ends before the next one starts") {
  Ear ear;
  ear.hear(1'000, {.event = 1, .duration = 160});
  ear.hear(1'000, {.event = 1, .duration = 320});
  ear.press(3'000, 2);
  REQUIRE(ear.edges.size() == 4);
  CHECK_TRUE(ear.is(1, kEnd, 1));
  CHECK_EQ(ear.edges[1].duration_units, 320u);
  CHECK_TRUE(ear.is(2, kStart, 2));
  CHECK_TRUE(ear.is(3, kEnd, 2));
  CHECK_EQ(ear.receiver.counters().lost_ends, 1u);
}

TEST("an event that is heard no more ends at exactly the bound") {
  Ear ear;
  CHECK_EQ(ear.receiver.next_deadline(), Instant::never());
  ear.hear(1'000, {.event = 1, .duration = 160});
  CHECK_EQ(ear.receiver.next_deadline(), ear.now + Duration::milliseconds(200));
  ear.keep(ear.receiver.handle_deadline(ear.now + Duration::milliseconds(199)));
  CHECK_EQ(ear.edges.size(), 1u);
  ear.wait(200);
  CHECK_EQ(ear.edges.size(), 2u);
  CHECK_EQ(ear.receiver.next_deadline(), Instant::never());
  ear.keep(ear.receiver.handle_deadline(ear.now + Duration::seconds(9)));
  CHECK_EQ(ear.edges.size(), 2u);
  // What comes of it later is not a second press.
  ear.hear(1'000, {.event = 1, .duration = 4'000});
  ear.hear(1'000, {.event = 1, .end = true, .duration = 4'160});
  CHECK_EQ(ear.edges.size(), 2u);
}

TEST("packets in the wrong order change nothing but what they add") {
  Ear ear;
  ear.hear(1'000, {.event = 4, .duration = 480});
  ear.hear(1'000, {.event = 4, .duration = 160});
  ear.hear(1'000, {.event = 4, .end = true, .duration = 800});
  ear.hear(1'000, {.event = 4, .duration = 640});
  REQUIRE(ear.edges.size() == 2);
  CHECK_EQ(ear.edges[1].duration_units, 800u);
}

TEST("a straggler of the event before is late and does not start it again") {
  Ear ear;
  ear.press(1'000, 4);
  ear.hear(5'000, {.event = 9, .duration = 160});
  ear.hear(1'000, {.event = 4, .end = true, .duration = 800});
  ear.hear(5'000, {.event = 9, .end = true, .duration = 320});
  CHECK_EQ(ear.edges.size(), 4u);
  CHECK_EQ(ear.receiver.counters().late, 1u);
}

TEST("timestamps wrap in the middle of a press and between presses") {
  Ear ear;
  ear.press(0xffff'ff00, 8);
  ear.press(0xffff'ff00 + 1'600, 8);
  ear.press(0xffff'ff00 + 3'200, 9);
  CHECK_EQ(ear.edges.size(), 6u);
  CHECK_EQ(ear.receiver.counters().late, 0u);
}

TEST("an event beyond 65,535 units stays one event over its segments") {
  Ear ear;
  const std::uint32_t start = 0xffff'0000;  // wraps on the way as well
  std::uint32_t total = 0;
  for (std::uint32_t segment = 0; segment < 3; ++segment) {
    for (std::uint32_t units = 160; units < 0xffff; units += 160) {
      ear.hear(start + segment * 0xffff,
               {.event = 11, .duration = static_cast<std::uint16_t>(units)});
    }
    ear.hear(start + segment * 0xffff, {.event = 11, .duration = 0xffff});
    total += 0xffff;
  }
  ear.hear(start + 3 * 0xffff, {.event = 11, .end = true, .duration = 77});
  REQUIRE(ear.edges.size() == 2);
  CHECK_EQ(ear.edges[1].duration_units, total + 77);
  CHECK_EQ(ear.edges[1].timestamp, at(start));
}

TEST("a press that begins a whole number of segments after the last one is a press") {
  Ear ear;
  ear.press(1'000, 7);
  ear.press(1'000 + 32 * 0xffff,
            7);  // 262 s later: the first that is a whole number of packets too
  CHECK_EQ(ear.edges.size(), 4u);
  CHECK_EQ(ear.receiver.counters().repeated, 4u);
}

TEST("a segment whose first packets are lost still belongs to its event") {
  Ear ear;
  ear.hear(500, {.event = 2, .duration = 65'000});
  ear.hear(500 + 2 * 0xffff, {.event = 2, .duration = 100});
  ear.hear(500 + 2 * 0xffff, {.event = 2, .end = true, .duration = 260});
  CHECK_EQ(ear.edges.size(), 2u);
  CHECK_EQ(ear.edges.back().duration_units, 2 * 0xffffu + 260);
}

TEST("a sender that moves the timestamp along still makes one event a press") {
  Ear ear;
  for (std::uint32_t packet = 0; packet < 6; ++packet)
    ear.hear(1'000 + packet * 160,
             {.event = 6, .duration = static_cast<std::uint16_t>((packet + 1) * 160)});
  for (int repeat = 0; repeat < 3; ++repeat)
    ear.hear(1'960, {.event = 6, .end = true, .duration = 1'120});
  CHECK_EQ(ear.edges.size(), 2u);
  // The next press is apart from it.
  ear.hear(6'000, {.event = 6, .duration = 160});
  CHECK_EQ(ear.edges.size(), 3u);
}

TEST("a stream that numbers anew is heard again") {
  Ear ear;
  ear.press(4'000'000'000u, 1);
  ear.press(4'000'000'000u - 60'000, 2);
  CHECK_EQ(ear.edges.size(), 4u);
  CHECK_TRUE(ear.is(2, kStart, 2));
}

TEST("a second digit at the same timestamp is a contradiction and not heard") {
  Ear ear;
  ear.hear(1'000, {.event = 1, .duration = 160});
  ear.hear(1'000, {.event = 2, .duration = 320});
  CHECK_EQ(ear.edges.size(), 1u);
  CHECK_EQ(ear.receiver.counters().late, 1u);
}

TEST("truncated payloads and events that were not agreed on are counted and not heard") {
  Ear ear;
  ear.hear(1'000, {.event = 17, .duration = 160});
  ear.keep(ear.receiver.handle_packet(ear.now, at(1'000), std::vector<std::uint8_t>{1, 2, 3}));
  CHECK_TRUE(ear.edges.empty());
  CHECK_EQ(ear.receiver.counters().refused, 2u);
  ear.hear(1'000, {.event = 16, .end = true, .duration = 160});  // hook flash
  CHECK_EQ(ear.edges.size(), 2u);
}

TEST("without a duration an event is no press, and what is down goes on") {
  Ear ear;
  for (const bool end : {false, true})
    ear.hear(1'000, {.event = 5, .end = end, .duration = 0});
  CHECK_TRUE(ear.edges.empty());
  CHECK_EQ(ear.receiver.counters().refused, 2u);
  // A sender who counts from zero presses with its next packet.
  ear.hear(1'000, {.event = 5, .duration = 160});
  CHECK_TRUE(ear.is(0, kStart, 5));
  ear.hear(1'000, {.event = 5, .duration = 0});
  CHECK_TRUE(ear.receiver.down());
  ear.hear(1'000, {.event = 5, .end = true, .duration = 0});
  REQUIRE(ear.edges.size() == 2);
  CHECK_TRUE(ear.is(1, kEnd, 5));
  CHECK_EQ(ear.edges[1].duration_units, 160u);
}

TEST("a new stream ends what was down and starts afresh") {
  Ear ear;
  ear.hear(1'000, {.event = 1, .duration = 160});
  ear.keep(ear.receiver.reset());
  CHECK_TRUE(ear.is(1, kEnd, 1));
  ear.keep(ear.receiver.reset());
  CHECK_EQ(ear.edges.size(), 2u);
  ear.hear(1'000, {.event = 1, .end = true, .duration = 160});
  CHECK_EQ(ear.edges.size(), 4u);
}

TEST("A24 of random presses over a bad network each is told once and in order") {
  Prng prng(24);
  for (int run = 0; run < 200; ++run) {
    Ear ear;
    std::vector<std::uint8_t> pressed;
    std::vector<std::uint8_t> heard;
    std::uint32_t timestamp = prng.next_u32();
    for (int press = 0; press < 20; ++press) {
      const auto event = static_cast<std::uint8_t>(prng.below(16));
      const std::uint32_t packets = 3 + prng.below(8);
      struct Packet {
        std::uint32_t order;
        TelephoneEvent event;
      };
      std::vector<Packet> sent;
      for (std::uint32_t index = 0; index < packets + 2; ++index) {
        const std::uint32_t units = std::min(index + 1, packets) * 160;
        const TelephoneEvent packet{.event = event,
                                    .end = index + 1 >= packets,
                                    .duration = static_cast<std::uint16_t>(units)};
        if (prng.below(100) < 30) continue;  // lost
        sent.push_back({index * 2 + prng.below(5), packet});
        if (prng.below(100) < 20) sent.push_back({index * 2 + prng.below(5), packet});
      }
      std::stable_sort(sent.begin(), sent.end(),
                       [](const Packet& a, const Packet& b) { return a.order < b.order; });
      for (const Packet& packet : sent)
        ear.hear(timestamp, packet.event);
      if (!sent.empty()) pressed.push_back(event);
      timestamp += packets * 160 + 320 + prng.below(4'000);
    }
    ear.wait(500);
    bool down = false;
    for (const EventEdge& edge : ear.edges) {
      CHECK_EQ(edge.kind == kStart, !down);
      down = !down;
      if (edge.kind == kStart) heard.push_back(edge.event);
    }
    CHECK_FALSE(down);
    REQUIRE(heard == pressed);
  }
}

TEST("a clock rate of nothing is a mistake of ours") {
  CHECK_ABORTS(EventReceiver({.clock_rate_hz = 0}));
  CHECK_ABORTS(EventReceiver({.clock_rate_hz = 90'000}));
}

}  // namespace
