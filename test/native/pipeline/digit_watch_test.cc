// Key presses seen in a stream that is forwarded.
#include "pipeline/digit_watch.h"

#include <string>
#include <vector>

#include "native/harness.h"
#include "native/rtp/build.h"

namespace {

using namespace trunkyard;
using pipeline::Digit;
using pipeline::DigitWatch;
using test::APacket;
using test::Buffer;

Instant at_ms(std::int64_t ms) {
  return Instant::from_ns(ms * 1'000'000);
}

struct Watcher {
  void packet(std::int64_t ms, std::uint8_t event, std::uint32_t timestamp, bool end,
              std::uint32_t ssrc = 7) {
    const auto payload =
        codec::write_telephone_event({.event = event, .end = end, .volume = 10, .duration = 800});
    const Buffer bytes = APacket{}
                             .payload_type(101)
                             .timestamp(timestamp)
                             .ssrc(ssrc)
                             .payload(Buffer(payload.begin(), payload.end()))
                             .bytes();
    watch.handle_packet(at_ms(ms), rtp::PacketView::parse(bytes).value());
    take();
  }
  void take() {
    Digit digit;
    while (watch.next_digit(digit)) {
      const bool end = digit.edge.kind == codec::EventEdge::Kind::kEnd;
      edges += (end ? "-" : "+") + std::to_string(digit.edge.event) + " ";
      CHECK_EQ(digit.clock_rate_hz, 8'000u);
      CHECK_FALSE(digit.in_band);
    }
  }
  DigitWatch watch{{.payload_type = 101, .clock_rate_hz = 8'000}};
  std::string edges;
};

TEST("A24 a press is seen once, however often its packets say so") {
  Watcher watcher;
  for (int count = 0; count < 3; ++count)
    watcher.packet(20 * count, 5, 1'000, false);
  CHECK_TRUE(watcher.watch.down());
  for (int count = 3; count < 6; ++count)
    watcher.packet(20 * count, 5, 1'000, true);
  watcher.packet(200, 5, 3'000, true);
  CHECK_EQ(watcher.edges, "+5 -5 +5 -5 ");
}

TEST("a press that is down ends when nobody watches any more") {
  Watcher watcher;
  watcher.packet(0, 5, 1'000, false);
  watcher.watch.finish();
  watcher.take();
  CHECK_EQ(watcher.edges, "+5 -5 ");
  CHECK_FALSE(watcher.watch.down());
}

TEST("a press whose packets stop ends by time, and one that is handed over doesn't") {
  Watcher watcher;
  watcher.packet(0, 1, 1'000, false);
  watcher.watch.handle_deadline(at_ms(100));
  watcher.take();
  CHECK_EQ(watcher.edges, "+1 ");
  watcher.watch.handle_deadline(at_ms(1'000));
  watcher.take();
  CHECK_EQ(watcher.edges, "+1 -1 ");
  watcher.packet(2'000, 2, 9'000, false);
  watcher.watch.hand_over();
  watcher.watch.handle_deadline(at_ms(5'000));
  watcher.take();
  CHECK_EQ(watcher.edges, "+1 -1 +2 ");
}

TEST("another SSRC ends the press of the one before") {
  Watcher watcher;
  watcher.packet(0, 3, 1'000, false);
  watcher.packet(20, 4, 1'000, true, 8);
  CHECK_EQ(watcher.edges, "+3 -3 +4 -4 ");
}

TEST("a payload too short for an event is none") {
  Watcher watcher;
  const Buffer bytes = APacket{}.payload_type(101).payload(Buffer(3, 0)).bytes();
  watcher.watch.handle_packet(at_ms(0), rtp::PacketView::parse(bytes).value());
  watcher.take();
  CHECK_EQ(watcher.edges, "");
}

}  // namespace
