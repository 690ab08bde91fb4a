// Telephone-events sent: see event_sender.h.
#include "codec/event_sender.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::codec {

EventSender::EventSender(const EventSenderConfig& config) noexcept : config_(config) {
  CHECK(config.clock_rate_hz > 0);
  CHECK(config.clock_rate_hz <= kPcmRateHzMax);
  CHECK(config.packet_ms >= 10);
  CHECK(config.packet_ms <= kFrameMsMax);
  set_pause(config.pause_ms);
}

bool EventSender::press(const EventPress& press) noexcept {
  const std::uint32_t ms = std::clamp(press.duration_ms, kEventMsMin, kHeldEventMsMax);
  return push({.duration_units = units_of_ms(ms), .event = press.event, .volume = press.volume});
}

bool EventSender::relay(const EventEdge& edge, std::uint32_t edge_clock_rate_hz) noexcept {
  CHECK(edge_clock_rate_hz > 0);
  CHECK(edge_clock_rate_hz <= kPcmRateHzMax);
  if (edge.kind == EventEdge::Kind::kStart) {
    const bool room = push({.duration_units = kHeld, .event = edge.event, .volume = edge.volume});
    held_ = room;
    return room;
  }
  const std::uint64_t units =
      std::uint64_t{edge.duration_units} * config_.clock_rate_hz / edge_clock_rate_hz;
  release(static_cast<std::uint32_t>(std::min<std::uint64_t>(units, kHeld)));
  return true;
}

std::optional<EventPacket> EventSender::tick(rtp::RtpTimestamp now) noexcept {
  if (state_ == State::kPause) {
    const std::int32_t passed = rtp::timestamp_distance(ended_, now);
    if (passed >= 0 && static_cast<std::uint32_t>(passed) < units_of_ms(config_.pause_ms)) {
      return std::nullopt;
    }
    state_ = State::kIdle;
  }
  switch (state_) {
    case State::kPause:
      break;
    case State::kIdle:
      if (waiting_ == 0) return std::nullopt;
      last_ = begin(now);
      break;
    case State::kDown:
      last_ = go_on(now);
      break;
    case State::kEnding:
      last_.marker = false;
      if (--repeats_ == 0) state_ = State::kPause;
      break;
  }
  return last_;
}

void EventSender::cancel() noexcept {
  waiting_ = 0;
  held_ = false;
  if (state_ == State::kDown) current_.duration_units = said_units_;
}

bool EventSender::push(const Waiting& press) noexcept {
  // A press ends the one before it, should nobody have done so.
  release(0);
  if (waiting_ == kEventQueueMax) {
    ++refused_;
    return false;
  }
  queue_[(head_ + waiting_) % kEventQueueMax] = press;
  ++waiting_;
  return true;
}

void EventSender::release(std::uint32_t duration_units) noexcept {
  if (!held_) return;
  held_ = false;
  const std::uint32_t units =
      std::clamp(duration_units, units_of_ms(kEventMsMin), units_of_ms(kHeldEventMsMax));
  if (waiting_ > 0) {
    queue_[(head_ + waiting_ - 1) % kEventQueueMax].duration_units = units;
  } else {
    // What has been said can't be taken back.
    current_.duration_units = std::max(units, said_units_);
  }
}

EventPacket EventSender::begin(rtp::RtpTimestamp now) noexcept {
  current_ = queue_[head_];
  head_ = (head_ + 1) % kEventQueueMax;
  --waiting_;
  state_ = State::kDown;
  segment_ = now;
  segments_units_ = 0;
  said_units_ = 0;
  EventPacket packet = go_on(now);
  packet.marker = true;
  return packet;
}

/// The packet that covers the audio from `now` to the next tick.
EventPacket EventSender::go_on(rtp::RtpTimestamp now) noexcept {
  const std::uint32_t target_units =
      std::min(current_.duration_units, units_of_ms(kHeldEventMsMax));
  if (target_units == segments_units_ && segments_units_ > 0) {
    // Released at the end of a segment: that one was the last. A segment of no length at all would
    // be taken for a key press of its own, or for one without an end (§2.3.5).
    segments_units_ -= kSegmentUnitsMax;
    segment_ = rtp::timestamp_add(segment_, 0u - kSegmentUnitsMax);
  }
  const std::uint32_t left_units = target_units - segments_units_;
  // Ticks that were left out don't turn time back.
  const std::int32_t passed = std::max(rtp::timestamp_distance(segment_, now), 0);
  std::uint32_t in_segment = static_cast<std::uint32_t>(passed) + units_of_ms(config_.packet_ms);
  const bool end = in_segment >= left_units && left_units <= kSegmentUnitsMax;
  in_segment = std::min({in_segment, left_units, kSegmentUnitsMax});
  said_units_ = std::max(said_units_, segments_units_ + in_segment);

  const EventPacket packet{
      .timestamp = segment_,
      .payload = write_telephone_event({.event = current_.event,
                                        .end = end,
                                        .volume = current_.volume,
                                        .duration = static_cast<std::uint16_t>(in_segment)}),
  };
  if (end) {
    state_ = State::kEnding;
    repeats_ = kEndPackets - 1;
    ended_ = rtp::timestamp_add(segment_, in_segment);
    held_ = held_ && waiting_ > 0;
  } else if (in_segment == kSegmentUnitsMax) {
    segment_ = rtp::timestamp_add(segment_, kSegmentUnitsMax);
    segments_units_ += kSegmentUnitsMax;
  }
  return packet;
}

std::uint32_t EventSender::units_of_ms(std::uint32_t ms) const noexcept {
  return static_cast<std::uint32_t>(std::uint64_t{ms} * config_.clock_rate_hz / 1'000);
}

}  // namespace trunkyard::codec
