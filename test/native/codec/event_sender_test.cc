// Key presses said in packets: marker, constant timestamp, growing duration, three ends, pauses,
// the queue's bound, and from leg to leg at different clocks.
#include "codec/event_sender.h"

#include <utility>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
using rtp::RtpTimestamp;

struct Sent {
  std::uint32_t tick;
  bool marker;
  std::uint32_t timestamp;
  TelephoneEvent event;
};

/// Ticks a sender once a packet time and keeps what it says.
struct Mouth {
  explicit Mouth(const EventSenderConfig& config = {}, std::uint32_t start = 1'000)
      : sender(config), step(config.clock_rate_hz / 1'000 * config.packet_ms), media(start) {}

  std::optional<Sent> tick() {
    const std::optional<EventPacket> packet = sender.tick(static_cast<RtpTimestamp>(media));
    media += step;
    ++ticks;
    if (!packet.has_value()) return std::nullopt;
    const Result<TelephoneEvent> event = parse_telephone_event(packet->payload);
    if (!event.ok()) return std::nullopt;
    sent.push_back({ticks, packet->marker, static_cast<std::uint32_t>(packet->timestamp), *event});
    return sent.back();
  }
  void run(int count) {
    for (int index = 0; index < count; ++index)
      (void)tick();
  }

  EventSender sender;
  std::uint32_t step;
  std::uint32_t media;
  std::uint32_t ticks = 0;
  std::vector<Sent> sent;
};

TEST("a press of 100 ms is five packets with growing duration and its end three times") {
  Mouth mouth;
  CHECK_TRUE(mouth.sender.press({.event = 5, .volume = 12, .duration_ms = 100}));
  mouth.run(20);
  REQUIRE(mouth.sent.size() == 7);
  for (std::size_t index = 0; index < 7; ++index) {
    const Sent& packet = mouth.sent[index];
    CHECK_EQ(packet.tick, index + 1);
    CHECK_EQ(packet.timestamp, 1'000u);
    CHECK_EQ(packet.marker, index == 0);
    CHECK_EQ(packet.event.event, 5);
    CHECK_EQ(packet.event.volume, 12);
    CHECK_EQ(packet.event.end, index >= 4);
    CHECK_EQ(packet.event.duration, std::min<std::size_t>(index + 1, 5) * 160);
  }
  CHECK_FALSE(mouth.sender.active());
}

TEST("a length that is no multiple of the packet time is said exactly") {
  Mouth mouth;
  (void)mouth.sender.press({.event = 0, .duration_ms = 95});
  mouth.run(20);
  CHECK_EQ(mouth.sent.size(), 7u);
  CHECK_EQ(mouth.sent.back().event.duration, 760);
}

TEST("a press shorter than one packet keeps its marker to the first of three packets") {
  Mouth mouth({.packet_ms = 60});
  (void)mouth.sender.press({.event = 1, .duration_ms = 10});
  mouth.run(6);
  REQUIRE(mouth.sent.size() == 3);
  CHECK_TRUE(mouth.sent[0].marker);
  CHECK_FALSE(mouth.sent[1].marker);
  CHECK_TRUE(mouth.sent[0].event.end);
  CHECK_EQ(mouth.sent[2].event.duration, 320);  // 40 ms, the least
}

TEST("queued presses follow in order, the pause between them kept") {
  Mouth mouth({.pause_ms = 100});
  for (std::uint8_t event = 1; event <= 4; ++event)
    CHECK_TRUE(mouth.sender.press({.event = event, .duration_ms = 60}));
  for (int index = 0; index < 200 && mouth.sender.active(); ++index)
    (void)mouth.tick();
  std::vector<std::uint32_t> starts;
  std::uint8_t expected = 1;
  for (const Sent& packet : mouth.sent) {
    if (!packet.marker) continue;
    CHECK_EQ(packet.event.event, expected);
    ++expected;
    starts.push_back(packet.timestamp);
  }
  REQUIRE(starts.size() == 4);
  for (std::size_t index = 1; index < 4; ++index)
    CHECK_TRUE(starts[index] - starts[index - 1] >= 480 + 800);
}

TEST("pauses hold over the wrap of timestamps") {
  Mouth mouth({}, 0xffff'fe00);
  (void)mouth.sender.press({.event = 1, .duration_ms = 60});
  (void)mouth.sender.press({.event = 2, .duration_ms = 60});
  mouth.run(20);
  REQUIRE(mouth.sent.size() == 10);
  CHECK_EQ(mouth.sent[5].timestamp, 0xffff'fe00u + 5 * 160);
}

TEST("the queue is bounded and says so") {
  Mouth mouth;
  for (std::uint32_t index = 0; index < kEventQueueMax; ++index)
    CHECK_TRUE(mouth.sender.press({.event = 1}));
  CHECK_FALSE(mouth.sender.press({.event = 2}));
  CHECK_EQ(mouth.sender.refused(), 1u);
  mouth.run(1);
  CHECK_TRUE(mouth.sender.press({.event = 3}));
  std::uint32_t markers = 0;
  for (int index = 0; index < 2'000; ++index) {
    const std::optional<Sent> packet = mouth.tick();
    markers += packet.has_value() && packet->marker;
  }
  CHECK_EQ(markers, kEventQueueMax);  // and the one before them
  CHECK_FALSE(mouth.sender.active());
}

TEST("an event of 20 s at 8 kHz is said in segments of 65,535 units") {
  Mouth mouth;
  (void)mouth.sender.press({.event = 9, .duration_ms = 20'000});
  mouth.run(1'010);
  EventReceiver receiver({});
  std::vector<EventEdge> edges;
  Instant now;
  std::uint32_t markers = 0;
  for (const Sent& packet : mouth.sent) {
    now = now + Duration::milliseconds(20);
    markers += packet.marker;
    CHECK_EQ((packet.timestamp - 1'000) % kSegmentUnitsMax, 0u);
    const EventEdges found = receiver.handle_packet(
        now, static_cast<RtpTimestamp>(packet.timestamp), write_telephone_event(packet.event));
    edges.insert(edges.end(), found.edges().begin(), found.edges().end());
  }
  CHECK_EQ(markers, 1u);
  CHECK_EQ(mouth.sent.back().timestamp, 1'000 + 2 * kSegmentUnitsMax);
  REQUIRE(edges.size() == 2);
  CHECK_EQ(edges[1].duration_units, 160'000u);
}

TEST("a length of exactly one segment ends in it") {
  Mouth mouth({.clock_rate_hz = 48'000, .packet_ms = 20});
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kStart, .event = 1}, 48'000);
  mouth.run(5);
  (void)mouth.sender.relay(
      {.kind = EventEdge::Kind::kEnd, .event = 1, .duration_units = kSegmentUnitsMax}, 48'000);
  mouth.run(200);
  CHECK_EQ(mouth.sent.back().event.duration, 0xffff);
  CHECK_TRUE(mouth.sent.back().event.end);
  CHECK_EQ(mouth.sent.back().timestamp, 1'000u);
}

TEST("a relayed press lasts until it is released, by its own length") {
  Mouth mouth;
  CHECK_TRUE(mouth.sender.relay({.kind = EventEdge::Kind::kStart, .event = 7, .volume = 9}, 8'000));
  mouth.run(30);
  for (const Sent& packet : mouth.sent)
    CHECK_FALSE(packet.event.end);
  CHECK_EQ(mouth.sent.back().event.duration, 4'800);
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kEnd, .event = 7, .duration_units = 5'000},
                           8'000);
  mouth.run(10);
  CHECK_EQ(mouth.sent.back().event.duration, 5'000);
  CHECK_TRUE(mouth.sent.back().event.end);
  CHECK_FALSE(mouth.sender.active());
}

TEST("a release that comes after more was said ends with what was said") {
  Mouth mouth;
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kStart, .event = 7}, 8'000);
  mouth.run(10);
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kEnd, .event = 7, .duration_units = 800},
                           8'000);
  mouth.run(10);
  CHECK_EQ(mouth.sent.back().event.duration, 1'600);
  CHECK_EQ(mouth.sent.size(), 13u);
}

TEST("a release right after a full segment ends that one and begins no empty one") {
  Mouth mouth;
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kStart, .event = 3}, 8'000);
  mouth.run(410);
  REQUIRE(mouth.sent.back().event.duration == 0xffff);
  CHECK_FALSE(mouth.sent.back().event.end);
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kEnd, .event = 3, .duration_units = 65'440},
                           8'000);
  mouth.run(10);
  REQUIRE(mouth.sent.size() == 413);
  for (std::size_t index = 410; index < 413; ++index) {
    CHECK_TRUE(mouth.sent[index].event.end);
    CHECK_EQ(mouth.sent[index].event.duration, 0xffff);
    CHECK_EQ(mouth.sent[index].timestamp, 1'000u);
  }
}

TEST("a press that nobody releases ends by itself, and a late release is harmless") {
  Mouth mouth;
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kStart, .event = 7}, 8'000);
  mouth.run(static_cast<int>(kHeldEventMsMax / 20) + 10);
  CHECK_TRUE(mouth.sent.back().event.end);
  CHECK_FALSE(mouth.sender.active());
  (void)mouth.sender.relay({.kind = EventEdge::Kind::kEnd, .event = 7, .duration_units = 100'000},
                           8'000);
  (void)mouth.sender.press({.event = 1, .duration_ms = 100});
  mouth.sent.clear();
  mouth.run(20);
  CHECK_EQ(mouth.sent.size(), 7u);
}

TEST("the release of a press that found no room releases nobody else's") {
  Mouth mouth;
  for (std::uint32_t index = 0; index < kEventQueueMax; ++index)
    (void)mouth.sender.press({.event = 1, .duration_ms = 500});
  CHECK_FALSE(mouth.sender.relay({.kind = EventEdge::Kind::kStart, .event = 2}, 8'000));
  CHECK_TRUE(mouth.sender.relay({.kind = EventEdge::Kind::kEnd, .event = 2}, 8'000));
  mouth.run(27);
  CHECK_EQ(mouth.sent.back().event.duration, 4'000);
}

TEST("cancel ends what is being said and forgets the rest") {
  Mouth mouth;
  (void)mouth.sender.press({.event = 1, .duration_ms = 5'000});
  (void)mouth.sender.press({.event = 2});
  mouth.run(10);
  mouth.sender.cancel();
  mouth.run(10);
  CHECK_EQ(mouth.sent.size(), 13u);
  CHECK_EQ(mouth.sent.back().event.duration, 1'600);
  CHECK_TRUE(mouth.sent.back().event.end);
  CHECK_FALSE(mouth.sender.active());
  mouth.sender.cancel();
  mouth.run(5);
  CHECK_EQ(mouth.sent.size(), 13u);
}

TEST("ticks left out only make the next duration longer") {
  Mouth mouth;
  (void)mouth.sender.press({.event = 1, .duration_ms = 1'000});
  (void)mouth.tick();
  mouth.media += 10 * 160;
  CHECK_EQ(mouth.tick()->event.duration, 12 * 160);
  // And a clock that steps back is not followed.
  mouth.media -= 100 * 160;
  CHECK_EQ(mouth.tick()->event.duration, 160);
}

/// From leg to leg: what one sender says, through loss and reordering, into another at other rates.
void relay_between(std::uint32_t in_hz, std::uint32_t out_hz, std::uint32_t out_packet_ms,
                   std::uint64_t seed) {
  Prng prng(seed);
  Mouth near({.clock_rate_hz = in_hz}, prng.next_u32());
  Mouth far({.clock_rate_hz = out_hz, .packet_ms = out_packet_ms}, prng.next_u32());
  EventReceiver between({.clock_rate_hz = in_hz});
  EventReceiver ear({.clock_rate_hz = out_hz});
  std::vector<EventEdge> heard;
  std::vector<std::uint8_t> pressed;
  std::vector<std::uint32_t> lengths_ms;
  for (int press = 0; press < 12; ++press) {
    pressed.push_back(static_cast<std::uint8_t>(prng.below(16)));
    lengths_ms.push_back(60 + prng.below(400));
    (void)near.sender.press({.event = pressed.back(), .duration_ms = lengths_ms.back()});
  }
  for (std::uint32_t ms = 0; ms < 14'000; ms += 10) {
    const Instant now = Instant::from_ns(std::int64_t{ms} * 1'000'000);
    const auto pass_on = [&](const EventEdges& found) {
      for (const EventEdge& edge : found.edges())
        CHECK_TRUE(far.sender.relay(edge, in_hz));
    };
    if (ms % 20 == 0) {
      const std::optional<Sent> packet = near.tick();
      // Of three packets in a row at most one is lost, so that every event gets through.
      if (packet.has_value() && (near.ticks % 3 != 0 || prng.below(2) == 0)) {
        pass_on(between.handle_packet(now, static_cast<RtpTimestamp>(packet->timestamp),
                                      write_telephone_event(packet->event)));
      }
    }
    if (between.next_deadline() <= now) pass_on(between.handle_deadline(now));
    if (ms % out_packet_ms == 0) {
      const std::optional<Sent> packet = far.tick();
      if (!packet.has_value()) continue;
      const EventEdges found = ear.handle_packet(now, static_cast<RtpTimestamp>(packet->timestamp),
                                                 write_telephone_event(packet->event));
      heard.insert(heard.end(), found.edges().begin(), found.edges().end());
    }
  }
  REQUIRE(heard.size() == pressed.size() * 2);
  for (std::size_t press = 0; press < pressed.size(); ++press) {
    const EventEdge& start = heard[press * 2];
    const EventEdge& end = heard[press * 2 + 1];
    CHECK_EQ(start.kind, EventEdge::Kind::kStart);
    CHECK_EQ(end.kind, EventEdge::Kind::kEnd);
    CHECK_EQ(start.event, pressed[press]);
    CHECK_EQ(end.event, pressed[press]);
    CHECK_EQ(start.timestamp, end.timestamp);
    // At most what passes until the end is known and the next packet is due.
    const double ms = end.duration_units * 1'000.0 / out_hz;
    CHECK_TRUE(ms >= lengths_ms[press] - 1.0);
    CHECK_TRUE(ms <= lengths_ms[press] + 40.0 + 2 * out_packet_ms);
  }
}

TEST("A24 digits survive from leg to leg at other clock rates and packet times") {
  std::uint64_t seed = 1;
  for (const std::uint32_t in_hz : {8'000u, 48'000u}) {
    for (const std::uint32_t out_hz : {8'000u, 16'000u, 48'000u}) {
      for (const std::uint32_t packet_ms : {10u, 20u, 60u})
        relay_between(in_hz, out_hz, packet_ms, seed++);
    }
  }
}

TEST("A24 an event of 3 s that fits one segment at 8 kHz is one event in segments at 48 kHz") {
  Mouth far({.clock_rate_hz = 48'000});
  EventReceiver ear({.clock_rate_hz = 48'000});
  std::vector<EventEdge> heard;
  (void)far.sender.relay({.kind = EventEdge::Kind::kStart, .event = 4}, 8'000);
  for (int tick = 0; tick < 160; ++tick) {
    if (tick == 150) {
      (void)far.sender.relay({.kind = EventEdge::Kind::kEnd, .event = 4, .duration_units = 24'000},
                             8'000);
    }
    const std::optional<Sent> packet = far.tick();
    if (!packet.has_value()) continue;
    const EventEdges found = ear.handle_packet(Instant::from_ns(std::int64_t{tick} * 20'000'000),
                                               static_cast<RtpTimestamp>(packet->timestamp),
                                               write_telephone_event(packet->event));
    heard.insert(heard.end(), found.edges().begin(), found.edges().end());
  }
  REQUIRE(heard.size() == 2);
  CHECK_EQ(heard[1].duration_units, 144'000u);
}

TEST("takes another pause between presses, but none that is too short to be heard") {
  for (const auto& [ms, ticks] : {std::pair{100u, 5u}, std::pair{1u, 2u}}) {
    Mouth mouth;
    mouth.sender.set_pause(ms);
    CHECK_TRUE(mouth.sender.press({.event = 1, .duration_ms = 60}));
    CHECK_TRUE(mouth.sender.press({.event = 2, .duration_ms = 60}));
    mouth.run(30);
    REQUIRE(mouth.sent.size() == 10);
    // 60 ms are over with the third packet.
    CHECK_EQ(mouth.sent[5].tick - mouth.sent[2].tick - 1, ticks);
  }
}

TEST("configurations that can't be are mistakes of ours") {
  CHECK_ABORTS(EventSender({.clock_rate_hz = 0}));
  CHECK_ABORTS(EventSender({.packet_ms = 0}));
  CHECK_ABORTS(EventSender({.packet_ms = 100}));
  CHECK_EQ(Mouth({.pause_ms = 0}).sender.active(), false);
}

}  // namespace
