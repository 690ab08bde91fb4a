// Telephone-events received: see event_receiver.h.
#include "codec/event_receiver.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"

namespace trunkyard::codec {
namespace {

/// No packet is this late; a timestamp so far back means that the sender numbers anew, and a
/// segment that begins so long after its event has ended is another press.
constexpr std::int64_t kLateSecondsMax = 5;

}  // namespace

EventReceiver::EventReceiver(const EventReceiverConfig& config) noexcept : config_(config) {
  CHECK(config.clock_rate_hz > 0);
  CHECK(config.clock_rate_hz <= kPcmRateHzMax);
}

EventEdges EventReceiver::handle_packet(Instant now, rtp::RtpTimestamp timestamp,
                                        Bytes payload) noexcept {
  EventEdges edges;
  const Result<TelephoneEvent> parsed = parse_telephone_event(payload);
  if (!parsed.ok() || parsed->event > config_.event_max) {
    ++counters_.refused;
    return edges;
  }
  const TelephoneEvent& packet = *parsed;
  const Relation relation = relate(timestamp, packet);
  if (relation == Relation::kNew && packet.duration == 0) {
    // No length at all is for states that hold until further notice, and a key is none (§2.3.5).
    // Of a press that is known it is only behind what was said before.
    ++counters_.refused;
    return edges;
  }
  switch (relation) {
    case Relation::kRepeated:
      ++counters_.repeated;
      return edges;
    case Relation::kLate:
      ++counters_.late;
      return edges;
    case Relation::kSame:
      duration_units_ = std::max(duration_units_, lasted(timestamp, packet));
      volume_ = packet.volume;
      break;
    case Relation::kNew:
      if (down_) {
        ++counters_.lost_ends;
        end(edges);
      }
      any_ = true;
      down_ = true;
      event_ = packet.event;
      volume_ = packet.volume;
      began_ = timestamp;
      duration_units_ = packet.duration;
      edges.add(edge(EventEdge::Kind::kStart));
      break;
  }
  heard_at_ = now;
  if (packet.end) end(edges);
  return edges;
}

Instant EventReceiver::next_deadline() const noexcept {
  return down_ ? heard_at_ + config_.lost_end_after : Instant::never();
}

EventEdges EventReceiver::handle_deadline(Instant now) noexcept {
  EventEdges edges;
  if (now < next_deadline() || !down_) return edges;
  ++counters_.lost_ends;
  end(edges);
  return edges;
}

EventEdges EventReceiver::reset() noexcept {
  EventEdges edges;
  if (down_) {
    ++counters_.lost_ends;
    end(edges);
  }
  any_ = false;
  return edges;
}

EventReceiver::Relation EventReceiver::relate(rtp::RtpTimestamp timestamp,
                                              const TelephoneEvent& packet) const noexcept {
  if (!any_) return Relation::kNew;
  const std::int64_t ahead = rtp::timestamp_distance(began_, timestamp);
  if (ahead < 0) {
    const bool restarted = -ahead > kLateSecondsMax * config_.clock_rate_hz;
    return restarted ? Relation::kNew : Relation::kLate;
  }
  const Relation continued = down_ ? Relation::kSame : Relation::kRepeated;
  if (packet.event != event_) return ahead == 0 ? Relation::kLate : Relation::kNew;
  // The event itself or, at multiples of a full segment, a later segment of it.
  const std::int64_t beyond = ahead - duration_units_;
  const bool in_reach = down_ || beyond <= kLateSecondsMax * config_.clock_rate_hz;
  if (ahead % kSegmentUnitsMax == 0 && in_reach) return continued;
  // A timestamp that moves along within the event.
  const bool inside = down_ ? ahead <= duration_units_ : ahead < duration_units_;
  return inside ? continued : Relation::kNew;
}

/// From the event's start to the end of what this packet reports.
std::uint32_t EventReceiver::lasted(rtp::RtpTimestamp timestamp,
                                    const TelephoneEvent& packet) const noexcept {
  // Not negative: relate() has sorted those out.
  return static_cast<std::uint32_t>(rtp::timestamp_distance(began_, timestamp)) + packet.duration;
}

void EventReceiver::end(EventEdges& edges) noexcept {
  down_ = false;
  edges.add(edge(EventEdge::Kind::kEnd));
}

EventEdge EventReceiver::edge(EventEdge::Kind kind) const noexcept {
  return {.kind = kind,
          .event = event_,
          .volume = volume_,
          .timestamp = began_,
          .duration_units = duration_units_};
}

}  // namespace trunkyard::codec
