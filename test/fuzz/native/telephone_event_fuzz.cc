// Telephone-events: any payload through the parser; then the input as a script of packets, losses,
// pauses and resets for a receiver, whose edges go on to a sender at another clock, whose packets a
// second receiver hears. Of every event there must be one start and then one end, and the far end
// must hear the same events in the same order.
#include <array>
#include <cstdint>

#include "base/check.h"
#include "codec/event_receiver.h"
#include "codec/event_sender.h"
#include "codec/telephone_event.h"
#include "fuzz/native/targets.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

/// Starts and ends take turns, and an end belongs to its start.
class Watch {
 public:
  void see(const EventEdges& found) {
    for (const EventEdge& edge : found.edges()) {
      const bool start = edge.kind == EventEdge::Kind::kStart;
      CHECK(start != down_);
      if (!start) {
        CHECK(edge.event == last_.event);
        CHECK(edge.timestamp == last_.timestamp);
        CHECK(edge.duration_units >= last_.duration_units);
      }
      down_ = start;
      last_ = edge;
      if (start) hash_ = hash_ * 31 + edge.event + 1;
    }
  }
  [[nodiscard]] bool down() const { return down_; }
  /// Of the events in their order.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  EventEdge last_{};
  bool down_ = false;
  std::uint64_t hash_ = 0;
};

void parse(Bytes payload) {
  const Result<TelephoneEvent> event = parse_telephone_event(payload);
  CHECK(event.ok() == (payload.size() >= kTelephoneEventBytes));
  if (!event.ok()) return;
  const auto written = write_telephone_event(*event);
  CHECK(written[0] == payload[0]);
  CHECK(written[1] == (payload[1] & 0xbf));
  CHECK(load_u16(written.data() + 2) == load_u16(payload.data() + 2));
}

/// The far leg, at another clock and with nothing lost on the way.
class FarLeg {
 public:
  void relay(const EventEdges& found) {
    for (const EventEdge& edge : found.edges()) {
      const bool said = sender_.relay(edge, 8'000);
      lossless_ = lossless_ && said;
    }
  }
  void tick() {
    now_ = now_ + Duration::milliseconds(20);
    media_ = rtp::timestamp_add(media_, 960);
    const std::optional<EventPacket> packet = sender_.tick(media_);
    if (packet.has_value()) {
      watch_.see(receiver_.handle_packet(now_, packet->timestamp, packet->payload));
    } else if (receiver_.next_deadline() <= now_) {
      watch_.see(receiver_.handle_deadline(now_));
    }
  }
  void finish(std::uint64_t wanted) {
    // Long events in a full queue would take minutes; those are cut short.
    for (int ticks = 0; sender_.active(); ++ticks) {
      CHECK(ticks < 90);
      if (ticks == 60) {
        sender_.cancel();
        lossless_ = false;
      }
      tick();
    }
    CHECK(!watch_.down());
    CHECK(!lossless_ || watch_.hash() == wanted);
  }

 private:
  EventSender sender_{{.clock_rate_hz = 48'000}};
  EventReceiver receiver_{{.clock_rate_hz = 48'000, .event_max = 255}};
  Watch watch_;
  Instant now_;
  rtp::RtpTimestamp media_{0xffff'0000};
  bool lossless_ = true;
};

void play(Bytes script) {
  EventReceiver receiver({.event_max = 255});
  Watch watch;
  FarLeg far;
  ByteReader reader(script);
  Instant now;
  rtp::RtpTimestamp timestamp{0xffff'f000};
  const auto take = [&](const EventEdges& found) {
    watch.see(found);
    far.relay(found);
  };
  for (int steps = 0; steps < 64 && reader.remaining() >= 4; ++steps) {
    const std::uint8_t operation = reader.u8();
    const std::uint8_t amount = reader.u8();
    now = now + Duration::milliseconds(operation & 0x1f);
    if (receiver.next_deadline() <= now) take(receiver.handle_deadline(now));
    switch (operation >> 5) {
      case 0:
        take(receiver.reset());
        break;
      case 1:
        now = now + Duration::milliseconds(amount);
        break;
      case 2:
        timestamp = rtp::timestamp_add(timestamp, amount * 257u);
        break;
      case 3:
        timestamp = rtp::timestamp_add(timestamp, 0u - amount * 65'521u);
        break;
      case 4:
        timestamp = rtp::timestamp_add(timestamp, kSegmentUnitsMax);
        break;
      default:
        take(receiver.handle_packet(now, timestamp, reader.take(amount % 6)));
        break;
    }
    for (int ticks = amount % 4; ticks > 0; --ticks)
      far.tick();
  }
  take(receiver.reset());
  CHECK(!watch.down());
  CHECK(receiver.next_deadline() == Instant::never());
  far.finish(watch.hash());
}

}  // namespace

int telephone_event_fuzz(const std::uint8_t* data, std::size_t size) {
  const Bytes input{data, size};
  parse(input);
  play(input);
  return 0;
}

}  // namespace fuzz
