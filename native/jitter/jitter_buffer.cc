// The receiving half of the jitter buffer: whose packets count, where they stand in order and what
// their arrival says about delay; see jitter_buffer.h. The playing half is playout.cc.
#include "jitter/jitter_buffer.h"

#include <algorithm>

#include "base/check.h"
#include "rtp/source_statistics.h"

namespace trunkyard::jitter {
namespace {

/// A timestamp this far from where it should be is a new clock at the sender (a re-INVITE, a mixer
/// switching sources) when the arrival doesn't bear it out. Below, it can be told from jitter by
/// nobody, and the histogram takes it in.
constexpr MediaTime kClockJump = 500 * kMediaPerMs;
/// What comes by so much before the fastest one's time waits aside until another one comes as
/// early, or its place in the stream is taken or played. A stray costs nothing so, and a path that
/// has become faster neither what it brings nor, as far as the policy waits, what is under way.
constexpr MediaTime kEarlyMax = 100 * kMediaPerMs;
/// Orders begin high enough for packets older than the first one.
constexpr std::int64_t kFirstOrder = std::int64_t{1} << 32;

bool is_valid(const Arrival& arrival) noexcept {
  if (!has_sound(arrival.kind)) return true;
  if (!is_media_rate(arrival.clock_rate_hz)) return false;
  const MediaTime length = arrival.clock_steps * media_per_step(arrival.clock_rate_hz);
  if (length > kPacketLengthMax) return false;
  return length > 0 || arrival.kind == MediaKind::kComfort;
}

MediaTime length_of(const Arrival& arrival) noexcept {
  if (!has_sound(arrival.kind)) return 0;
  return arrival.clock_steps * media_per_step(arrival.clock_rate_hz);
}

}  // namespace

JitterBuffer::JitterBuffer(const Setup& setup)
    : window_(setup.capacity_packets),
      delay_(setup.policy),
      highest_order_(kFirstOrder - 1),
      order_played_(kFirstOrder - 1),
      released_(std::make_unique<PacketRef[]>(setup.capacity_packets + kReleasedSlack)) {
  window_.begin_at(kFirstOrder);
}

void JitterBuffer::grow_to(std::uint32_t capacity_packets) {
  CHECK(released_count_ == 0);
  if (capacity_packets <= window_.capacity()) return;
  window_.grow_to(capacity_packets);
  released_ = std::make_unique<PacketRef[]>(capacity_packets + kReleasedSlack);
}

InsertVerdict JitterBuffer::insert(Instant now, const Arrival& arrival) noexcept {
  CHECK(released_count_ == 0);
  ++statistics_.received;
  if (!is_valid(arrival)) {
    ++statistics_.invalid;
    return InsertVerdict::kInvalid;
  }
  const Standing standing = started_ ? standing_of(now, arrival) : Standing::kForeign;
  if (!has_sound(arrival.kind) && standing != Standing::kInLine) {
    // A stream is what can be played. Events may come beside it under an SSRC of their own, as some
    // gateways send them, and what isn't audio is no reason to leave the one that is.
    ++statistics_.events;
    return InsertVerdict::kBeside;
  }
  if (!started_) {
    start_stream(arrival);
    return admit(now, arrival);
  }
  if (standing != Standing::kInLine) return hold_candidate(now, arrival, standing);
  const InsertVerdict verdict = admit(now, arrival);
  if (candidate_.present) settle_candidate();
  return verdict;
}

/// What a packet is to the stream we know, by its number and by its timestamp: were one believed at
/// once that can't have been sent yet, all that is still to come before it would be lost for a
/// single stray. @param at when it arrived.
JitterBuffer::Standing JitterBuffer::standing_of(Instant at,
                                                 const Arrival& arrival) const noexcept {
  const std::int32_t ahead = rtp::sequence_distance(highest_sequence_, arrival.sequence);
  if (arrival.ssrc != ssrc_ || ahead >= static_cast<std::int32_t>(rtp::kMaxDropout) ||
      ahead <= -static_cast<std::int32_t>(rtp::kMaxMisorder)) {
    return Standing::kForeign;
  }
  if (!timestamp_known_) return Standing::kInLine;
  // What lies between may be as short as the shorter of both.
  const bool is_sound = has_sound(arrival.kind);
  const MediaTime length = is_sound ? std::min(length_last_, length_of(arrival)) : length_last_;
  MediaTime sent = timestamp_ + ahead * length;
  if (is_sound && arrival.clock_rate_hz == clock_rate_hz_) {
    const MediaTime step = rtp::timestamp_distance(timestamp_wire_, arrival.timestamp);
    sent = std::max(sent, timestamp_ + step * media_per_step(clock_rate_hz_));
  }
  const MediaTime early = delay_.fastest() - (media_of(at) - sent);
  if (early <= kEarlyMax) return Standing::kInLine;
  return early <= kClockJump ? Standing::kEarly : Standing::kForeign;
}

/// Something of the stream we know has come. That is alive, so another one would have to start
/// over; what was early is in line now if that made it so, and else may wait until its place is
/// taken or played.
void JitterBuffer::settle_candidate() noexcept {
  const Standing standing = standing_of(candidate_.arrived_at, candidate_.arrival);
  if (standing == Standing::kInLine) return admit_candidate();
  if (standing == Standing::kForeign) return drop_candidate();
  const Place place = window_.place_of(
      highest_order_ + rtp::sequence_distance(highest_sequence_, candidate_.arrival.sequence));
  if (place != Place::kFree && place != Place::kBeyond) drop_candidate();
}

/// Two before a new SSRC, numbering or clock is believed, as RFC 3550 A.1 has it, or a path that is
/// so much faster; but the first of them isn't lost for that.
InsertVerdict JitterBuffer::hold_candidate(Instant now, const Arrival& arrival,
                                           Standing standing) noexcept {
  if (candidate_.present) {
    const Arrival& first = candidate_.arrival;
    if (first.ssrc == arrival.ssrc && first.sequence == arrival.sequence &&
        first.timestamp == arrival.timestamp) {
      ++statistics_.duplicates;
      return InsertVerdict::kDuplicate;
    }
    if (bears_out_candidate(now, arrival, standing)) return admit_both(now, arrival, standing);
    drop_candidate();
  }
  candidate_ = {.present = true, .arrived_at = now, .arrival = arrival};
  return InsertVerdict::kCandidate;
}

/// Whether the candidate and another one that is out of line too are no strays: next to each other,
/// or with numbers, timestamps and arrivals that go alike. How long two early ones took may differ
/// by as much as on any path.
bool JitterBuffer::bears_out_candidate(Instant now, const Arrival& arrival,
                                       Standing standing) const noexcept {
  const Arrival& first = candidate_.arrival;
  if (first.ssrc != arrival.ssrc) return false;
  const std::int32_t step = rtp::sequence_distance(first.sequence, arrival.sequence);
  if (step == 1) return true;
  const std::int32_t clock_steps = rtp::timestamp_distance(first.timestamp, arrival.timestamp);
  if (first.clock_rate_hz != arrival.clock_rate_hz) return false;
  if (step == 0 || clock_steps == 0 || (step > 0) != (clock_steps > 0)) return false;
  if (standing == Standing::kEarly &&
      standing_of(candidate_.arrived_at, first) == Standing::kEarly) {
    return true;
  }
  constexpr auto kNear = static_cast<std::int32_t>(rtp::kMaxMisorder);
  const MediaTime sent = clock_steps * media_per_step(arrival.clock_rate_hz);
  const MediaTime change = media_of(now) - media_of(candidate_.arrived_at) - sent;
  return step < kNear && step > -kNear && change < kEarlyMax && change > -kEarlyMax;
}

/// In the order of their numbers: a stream begins with its first.
InsertVerdict JitterBuffer::admit_both(Instant now, const Arrival& arrival,
                                       Standing standing) noexcept {
  const bool is_behind = rtp::sequence_newer(candidate_.arrival.sequence, arrival.sequence);
  if (standing == Standing::kForeign) {
    ++statistics_.restarts;
    start_stream(is_behind ? arrival : candidate_.arrival);
  }
  if (!is_behind) admit_candidate();
  const InsertVerdict verdict = admit(now, arrival);
  if (is_behind) admit_candidate();
  const bool is_restart = standing == Standing::kForeign && is_held(verdict, arrival.kind);
  return is_restart ? InsertVerdict::kRestarted : verdict;
}

void JitterBuffer::admit_candidate() noexcept {
  candidate_.present = false;
  const InsertVerdict verdict = admit(candidate_.arrived_at, candidate_.arrival);
  if (!is_held(verdict, candidate_.arrival.kind)) release(candidate_.arrival.packet);
}

void JitterBuffer::drop_candidate() noexcept {
  if (!candidate_.present) return;
  candidate_.present = false;
  ++statistics_.discarded;
  release(candidate_.arrival.packet);
}

/// The numbering goes on where the old one ended: what still waits is played first.
void JitterBuffer::start_stream(const Arrival& first) noexcept {
  started_ = true;
  ssrc_ = first.ssrc;
  highest_sequence_ = static_cast<std::uint16_t>(first.sequence - 1);
  // Whatever clock this one has, it isn't the last one's.
  timestamp_known_ = false;
}

InsertVerdict JitterBuffer::admit(Instant now, const Arrival& arrival) noexcept {
  const MediaTime local = media_of(now);
  const std::int32_t ahead = rtp::sequence_distance(highest_sequence_, arrival.sequence);
  const std::int64_t order = highest_order_ + ahead;
  const bool is_sound = has_sound(arrival.kind);

  const Place place = place_of(order);
  const bool is_known_missing = place == Place::kPassedMissing && order >= epoch_first_order_;
  if (place != Place::kFree && place != Place::kBeyond && !is_known_missing) {
    return refuse_passed(place, order);
  }
  if (is_sound && ahead <= 0 && timestamp_known_ && arrival.clock_rate_hz != clock_rate_hz_) {
    // Among packets of one clock, one of another has no time.
    ++statistics_.invalid;
    return InsertVerdict::kInvalid;
  }
  MediaTime timestamp = timestamp_;
  if (is_sound) {
    timestamp = extend_timestamp(local, arrival, ahead);
    delay_.add(local - timestamp);
  }
  if (ahead > 0) {
    highest_sequence_ = arrival.sequence;
    highest_order_ = order;
  }
  if (is_known_missing) return refuse_passed(place, order);
  if (place == Place::kBeyond) make_room_for(order);
  window_.store({.order = order,
                 .timestamp = timestamp,
                 .arrived_at = now,
                 .packet = arrival.packet,
                 .timestamp_wire = static_cast<std::uint32_t>(arrival.timestamp),
                 .length = static_cast<std::uint16_t>(length_of(arrival)),
                 .sequence = arrival.sequence,
                 .payload_type = arrival.payload_type,
                 .epoch = epoch_,
                 .kind = arrival.kind});
  if (!is_sound) {
    ++statistics_.events;
    return InsertVerdict::kOutOfBand;
  }
  if (ahead > 0) return InsertVerdict::kAccepted;
  ++statistics_.reordered;
  return InsertVerdict::kReordered;
}

/// As the window's, but for the ends of the stream: one that comes before the first is welcome
/// until playing begins, one of an earlier epoch has a timestamp that nothing can be compared with.
Place JitterBuffer::place_of(std::int64_t order) noexcept {
  const Place place = window_.place_of(order);
  if (place == Place::kEarlier) {
    if (epoch_first_order_ != window_.next()) return Place::kForgotten;
    if (!window_.begin_earlier_at(order, highest_order_)) return Place::kForgotten;
    epoch_first_order_ = order;
    order_played_ = order - 1;
    return Place::kFree;
  }
  return place == Place::kFree && order < epoch_first_order_ ? Place::kForgotten : place;
}

InsertVerdict JitterBuffer::refuse_passed(Place place, std::int64_t order) noexcept {
  if (place == Place::kHeld || place == Place::kPassed) {
    ++statistics_.duplicates;
    return InsertVerdict::kDuplicate;
  }
  if (place == Place::kPassedMissing) {
    window_.note_late(order);
    --statistics_.lost;
  }
  ++statistics_.late;
  return InsertVerdict::kLate;
}

/// The arrival's timestamp without wrap. Begins a new epoch where the sender's clock isn't the one
/// we know; only the newest packet can say that.
MediaTime JitterBuffer::extend_timestamp(MediaTime local, const Arrival& arrival,
                                         std::int32_t ahead) noexcept {
  const MediaTime per_step = media_per_step(arrival.clock_rate_hz);
  const auto wire = static_cast<std::uint32_t>(arrival.timestamp);
  const bool is_same_clock = timestamp_known_ && arrival.clock_rate_hz == clock_rate_hz_;
  MediaTime timestamp =
      is_same_clock
          ? timestamp_ + rtp::timestamp_distance(timestamp_wire_, arrival.timestamp) * per_step
          : wire * per_step;
  if (timestamp_known_ && ahead <= 0) return timestamp;

  if (!is_same_clock || is_clock_jump(local, timestamp, ahead)) {
    timestamp = wire * per_step;
    start_epoch(highest_order_ + ahead, arrival);
  }
  timestamp_known_ = true;
  timestamp_wire_ = arrival.timestamp;
  timestamp_ = timestamp;
  offset_last_ = local - timestamp;
  length_last_ = length_of(arrival);
  return timestamp;
}

bool JitterBuffer::is_clock_jump(MediaTime local, MediaTime timestamp,
                                 std::int32_t ahead) const noexcept {
  const MediaTime step = timestamp - timestamp_;
  // No sender goes back in time from one packet to the next.
  if (step < 0) return true;
  const MediaTime surplus = step - ahead * length_last_;
  const MediaTime offset_change = local - timestamp - offset_last_;
  const auto is_far = [](MediaTime value) { return value > kClockJump || value < -kClockJump; };
  // A pause moves the timestamp and the arrival alike; a stalled network the arrival alone.
  return is_far(surplus) && is_far(offset_change);
}

void JitterBuffer::start_epoch(std::int64_t order, const Arrival& arrival) noexcept {
  if (timestamp_known_) ++statistics_.restarts;
  ++epoch_;
  epoch_first_order_ = order;
  clock_rate_hz_ = arrival.clock_rate_hz;
  delay_.restart();
}

/// Too far ahead for the window: the oldest give way, since whoever waits that long has waited in
/// vain.
void JitterBuffer::make_room_for(std::int64_t order) noexcept {
  const std::int64_t next = order - window_.capacity() + 1;
  for (const WaitingPacket* head = window_.head(); head != nullptr && head->order < next;
       head = window_.head()) {
    discard_head(statistics_.discarded);
  }
  const std::uint64_t missing = window_.pass_to(next);
  statistics_.lost += missing;
  missing_ += missing;
  mode_ = Mode::kWaiting;
}

InsertVerdict JitterBuffer::insert_redundant(Instant now, const Arrival& block,
                                             std::uint32_t steps_earlier) noexcept {
  CHECK(released_count_ == 0);
  if (block.kind != MediaKind::kAudio || !is_valid(block) || steps_earlier == 0 ||
      steps_earlier % block.clock_steps != 0) {
    ++statistics_.invalid;
    return InsertVerdict::kInvalid;
  }
  // Packets of one length follow each other, so the offset tells how many packets back it was; of
  // which sequence number it was, RFC 2198 doesn't say.
  const std::int64_t back = steps_earlier / block.clock_steps;
  const std::int64_t order =
      highest_order_ + rtp::sequence_distance(highest_sequence_, block.sequence) - back;
  if (!started_ || block.ssrc != ssrc_ || !timestamp_known_ ||
      block.clock_rate_hz != clock_rate_hz_ || order >= highest_order_ ||
      order < epoch_first_order_) {
    return InsertVerdict::kUnneeded;
  }
  const Place place = window_.place_of(order);
  if (place != Place::kFree && place != Place::kPassedMissing) return InsertVerdict::kUnneeded;
  const auto wire =
      static_cast<rtp::RtpTimestamp>(static_cast<std::uint32_t>(block.timestamp) - steps_earlier);
  const MediaTime per_step = media_per_step(block.clock_rate_hz);
  const MediaTime timestamp =
      timestamp_ + rtp::timestamp_distance(timestamp_wire_, wire) * per_step;
  // Too late or not: where losses are mended so, that is when packets come.
  delay_.add_copy(media_of(now) - timestamp);
  if (place == Place::kPassedMissing) return InsertVerdict::kUnneeded;
  window_.store({.order = order,
                 .timestamp = timestamp,
                 .arrived_at = now,
                 .packet = block.packet,
                 .timestamp_wire = static_cast<std::uint32_t>(wire),
                 .length = static_cast<std::uint16_t>(block.clock_steps * per_step),
                 .sequence = static_cast<std::uint16_t>(block.sequence - back),
                 .payload_type = block.payload_type,
                 .epoch = epoch_,
                 .kind = MediaKind::kAudio});
  ++statistics_.recovered;
  return InsertVerdict::kRecovered;
}

void JitterBuffer::restart() noexcept {
  CHECK(released_count_ == 0);
  drop_candidate();
  while (window_.head() != nullptr)
    discard_head(statistics_.discarded);
  statistics_.lost += window_.pass_to(highest_order_ + 1);
  settle_dry(false);
  made_up_ = 0;
  // What nobody wanted to hear any more is not amiss.
  order_played_ = highest_order_;
  mode_ = Mode::kWaiting;
  heard_ = false;
  started_ = false;
}

bool JitterBuffer::discard_oldest() noexcept {
  CHECK(released_count_ == 0);
  if (window_.head() == nullptr) {
    const bool was_present = candidate_.present;
    drop_candidate();
    return was_present;
  }
  discard_head(statistics_.discarded);
  mode_ = Mode::kWaiting;
  return true;
}

bool JitterBuffer::next_released(PacketRef& packet) noexcept {
  if (released_count_ == 0) return false;
  packet = released_[--released_count_];
  return true;
}

void JitterBuffer::release(const PacketRef& packet) noexcept {
  CHECK(released_count_ < window_.capacity() + kReleasedSlack);
  released_[released_count_++] = packet;
}

/// Passes the head unplayed. It has to be the first in the window or preceded by missing ones
/// alone.
void JitterBuffer::discard_head(std::uint64_t& counter) noexcept {
  const WaitingPacket* head = window_.head();
  statistics_.lost += window_.pass_to(head->order);
  const WaitingPacket packet = window_.pop();
  if (!has_sound(packet.kind)) return note_played(packet.order);
  // If something was made up for want of it, that was for a loss.
  settle_dry(true);
  ++counter;
  release(packet.packet);
}

}  // namespace trunkyard::jitter
