// The playing half of the jitter buffer: what is to be heard now, and whether the delay should grow
// or shrink; see jitter_buffer.h. The receiving half is jitter_buffer.cc.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "jitter/jitter_buffer.h"

namespace trunkyard::jitter {
namespace {

/// Stretches within speech stay this far apart: closer together, one begins to hear them. Growing
/// is the more urgent, since what comes too late has to be made up. Far too long a delay, as after
/// a network's pause, is worse than hurried speech.
constexpr MediaTime kGrowSpacing = 40 * kMediaPerMs;
constexpr MediaTime kShrinkSpacing = 60 * kMediaPerMs;
constexpr MediaTime kHurrySpacing = 20 * kMediaPerMs;
constexpr MediaTime kHurryExcess = 50 * kMediaPerMs;
/// Left-over audio delays everything by itself and keeps nothing from being late. It is taken out
/// leisurely.
constexpr MediaTime kTrimSpacing = 400 * kMediaPerMs;
constexpr MediaTime kTrimMin = kMediaPerMs;
/// The target moves by a millisecond or two with every other packet; the offset doesn't follow
/// that.
constexpr MediaTime kGrowSlack = 2 * kMediaPerMs;
/// Made up for a packet that comes after all, so much is a loss that is hardly heard.
constexpr MediaTime kSkipMax = 20 * kMediaPerMs;
/// Half a second of packets must agree that ticks would better come at another time, and by more
/// than the target's own steps.
constexpr std::uint32_t kWishPackets = 25;
constexpr MediaTime kWishSlack = kMediaPerMs;

/// How far beyond the soonest tick is no reason for a change: a tick, and a quarter of one for the
/// target's wandering. Less costs steps to and fro, more costs delay.
MediaTime longest_ahead(const Pull& pull) noexcept {
  return pull.wanted + pull.wanted / 4;
}

MediaTime needed(const Pull& pull) noexcept {
  return std::max<MediaTime>(pull.wanted - pull.queued, 1);
}

}  // namespace

Decision JitterBuffer::take(Instant now, const Pull& pull) noexcept {
  CHECK(released_count_ == 0);
  CHECK(pull.wanted > 0);
  const MediaTime local = media_of(now);
  Decision decision;
  // Each turn takes a packet out of the window, changes the mode towards playing, or answers.
  for (;;) {
    const WaitingPacket* head = window_.head();
    if (head == nullptr) return mode_ == Mode::kWaiting ? fill(pull) : run_dry(local, pull);
    if (!has_sound(head->kind)) {
      if (pass_event(*head, decision)) return decision;
      continue;
    }
    if (is_stale(*head, local, pull)) {
      discard_head(statistics_.discarded);
      mode_ = Mode::kWaiting;
      continue;
    }
    if (mode_ == Mode::kPlaying && head->epoch != epoch_playing_) mode_ = Mode::kWaiting;
    if (mode_ == Mode::kWaiting) {
      if (!is_due(*head, local, pull)) return fill(pull);
      start_playing(*head);
    }
    if (head->kind == MediaKind::kAudio && head->timestamp + head->length <= cursor_) {
      // Something was made up in its place and time went on.
      discard_head(statistics_.late);
      continue;
    }
    if (bridge_gap(*head, decision)) return decision;
    if (mode_ == Mode::kWaiting) continue;
    const MediaTime skip = choose_skip(*head, local, pull);
    if (skip == 0 || skip < head->length) return play(now, pull, skip);
    cursor_ = head->timestamp + head->length;
    discard_head(statistics_.late);
  }
}

/// Whether the head's time has come, to the better tick. Packets of a clock that is no longer the
/// newest have no target any more; they are played out as they come.
bool JitterBuffer::is_due(const WaitingPacket& head, MediaTime local, const Pull& pull) noexcept {
  if (head.epoch != epoch_) return true;
  return local - head.timestamp >= delay_.soonest(pull.wanted);
}

/// Whether the head has waited longer than the policy ever allows while others wait behind it, as
/// after a network's pause. A length and a tick are spared: less than that is between two packets.
bool JitterBuffer::is_stale(const WaitingPacket& head, MediaTime local,
                            const Pull& pull) const noexcept {
  if (head.epoch != epoch_ || window_.size() < 2) return false;
  return local - head.timestamp > delay_.limit() + head.length + pull.wanted;
}

void JitterBuffer::start_playing(const WaitingPacket& head) noexcept {
  const std::uint64_t missing = window_.pass_to(head.order);
  statistics_.lost += missing;
  missing_ += missing;
  if (missing_ > 0 && head.epoch == epoch_playing_ && !in_pause_) {
    // What stayed quiet for want of them was no pause; the rest of a longer quiet was one.
    const auto lost = static_cast<MediaTime>(missing_) * length_playing_;
    const MediaTime made_up = std::clamp<MediaTime>(lost - dry_, 0, quiet_);
    statistics_.concealed_length += made_up;
    statistics_.comfort_length -= made_up;
  }
  // A packet that goes on where the last one ended was late; one with a gap before it, and all
  // their numbers there, ends a pause.
  settle_dry(missing > 0 || head.epoch != epoch_playing_ || head.timestamp <= cursor_);
  mode_ = Mode::kPlaying;
  epoch_playing_ = head.epoch;
  cursor_ = head.timestamp;
}

/// Passes an event or a filler, which was handled when it came. @returns whether `decision` says
/// what to play instead: audio sent before the event is missing and is made up first, a packet at a
/// time.
bool JitterBuffer::pass_event(const WaitingPacket& head, Decision& decision) noexcept {
  const bool is_audio_missing =
      mode_ == Mode::kPlaying && !in_pause_ && head.order > window_.next() && length_playing_ > 0;
  if (is_audio_missing) {
    statistics_.lost += window_.pass_to(window_.next() + 1);
    decision.kind = DecisionKind::kConceal;
    decision.length = length_playing_;
    cursor_ += decision.length;
    statistics_.concealed_length += decision.length;
    return true;
  }
  statistics_.lost += window_.pass_to(head.order);
  const WaitingPacket packet = window_.pop();
  note_played(packet.order);
  in_pause_ = in_pause_ || packet.kind == MediaKind::kEvent;
  return false;
}

/// Deals with the time between the cursor and the head. @returns whether `decision` says what to
/// play in it; if not, either the head's turn has come, or the mode is waiting: a pause of the
/// sender's.
bool JitterBuffer::bridge_gap(const WaitingPacket& head, Decision& decision) noexcept {
  const std::int64_t missing = head.order - window_.next();
  MediaTime gap = head.timestamp - cursor_;
  if (gap > 0 && (missing == 0 || in_pause_)) {
    // Time has passed for the sender without packets: discontinuous transmission. No loss, and a
    // chance to start at the right delay again.
    settle_dry(false);
    mode_ = Mode::kWaiting;
    return false;
  }
  if (missing > 0 && gap > 0) {
    // What was made up while nothing was here stands for the missing ones.
    const MediaTime covered = std::min(stalled_, gap);
    stalled_ -= covered;
    cursor_ += covered;
    gap -= covered;
  }
  if (missing == 0 || gap <= 0) {
    statistics_.lost += window_.pass_to(head.order);
    if (stalled_ > 0) made_up_ = stalled_;
    settle_dry(true);
    return false;
  }
  decision.kind = DecisionKind::kConceal;
  decision.length =
      length_playing_ > 0 ? std::min(length_playing_, gap) : std::max<MediaTime>(gap / missing, 1);
  decision.has_next = decision.length == gap;
  decision.next = head.packet;
  decision.payload_type = head.payload_type;
  // As many numbers stay missing as there are packets left to make up, if they were that many.
  const std::int64_t left = (gap - 1) / decision.length;
  statistics_.lost += window_.pass_to(head.order - std::min(left, missing - 1));
  cursor_ += decision.length;
  statistics_.concealed_length += decision.length;
  return true;
}

Decision JitterBuffer::play(Instant now, const Pull& pull, MediaTime skip) noexcept {
  const WaitingPacket packet = window_.pop();
  note_played(packet.order);
  Decision decision;
  decision.packet = packet.packet;
  decision.payload_type = packet.payload_type;
  decision.sequence = packet.sequence;
  decision.timestamp = static_cast<rtp::RtpTimestamp>(packet.timestamp_wire);
  decision.length = packet.length - skip;
  decision.skip = skip;
  cursor_ = packet.timestamp + packet.length;
  in_pause_ = packet.kind == MediaKind::kComfort;
  heard_ = true;
  if (in_pause_) {
    decision.kind = DecisionKind::kComfortUpdate;
    mode_ = Mode::kWaiting;
    return decision;
  }
  decision.kind = DecisionKind::kPlay;
  decision.stretch = skip > 0 ? 0 : choose_stretch(packet, media_of(now), pull);
  length_playing_ = packet.length;
  ++statistics_.played;
  statistics_.played_length += decision.length;
  const Duration delay = now - packet.arrived_at + duration_of(pull.queued);
  statistics_.delay_last = delay;
  statistics_.delay_sum = statistics_.delay_sum + delay;
  statistics_.delay_max = std::max(statistics_.delay_max, delay);
  return decision;
}

/// Nothing waits. The next packet may be late, lost or never sent; which of them it is, it will say
/// itself. Until the delay is as long as it may be, time stands still for the stream, so that a
/// late one isn't too late.
Decision JitterBuffer::run_dry(MediaTime local, const Pull& pull) noexcept {
  const MediaTime length =
      length_playing_ > 0 ? std::min(needed(pull), length_playing_) : needed(pull);
  if (in_pause_ || dry_ + length > kDryMax) {
    mode_ = Mode::kWaiting;
    return fill(pull);
  }
  const bool may_stall =
      epoch_playing_ == epoch_ && local - cursor_ + pull.wanted <= delay_.limit();
  if (may_stall) {
    stalled_ += length;
  } else {
    cursor_ += length;
  }
  dry_ += length;
  Decision decision;
  decision.kind = DecisionKind::kConceal;
  decision.length = length;
  return decision;
}

Decision JitterBuffer::fill(const Pull& pull) noexcept {
  Decision decision;
  decision.kind = heard_ ? DecisionKind::kComfort : DecisionKind::kSilence;
  decision.length = needed(pull);
  if (heard_) {
    statistics_.comfort_length += decision.length;
    quiet_ += decision.length;
  }
  return decision;
}

/// How much of the head isn't heard because it was made up before it came. A packet that was late
/// by chance shall not keep the delay longer than the target for the packets after it, and nowhere
/// can audio be taken out with less harm than behind what was made up. After a longer silence of
/// the network that would be words, and the delay comes down by stretching.
MediaTime JitterBuffer::choose_skip(const WaitingPacket& head, MediaTime local,
                                    const Pull& pull) noexcept {
  const MediaTime made_up = std::exchange(made_up_, 0);
  if (made_up == 0 || made_up > kSkipMax || head.kind != MediaKind::kAudio) return 0;
  // A target that is still to rise needs what was made up.
  if (!delay_.is_steady()) return 0;
  const MediaTime ahead = local - head.timestamp - delay_.soonest(pull.wanted);
  if (head.epoch != epoch_ || ahead <= longest_ahead(pull)) return 0;
  return std::min(ahead / pull.wanted * pull.wanted + pull.queued, made_up);
}

/// How much longer or shorter the packet should be. Audio is handed out in ticks, so the offset of
/// playing moves in ticks too; the aim is the better tick beside the target, with nothing left
/// over.
MediaTime JitterBuffer::choose_stretch(const WaitingPacket& packet, MediaTime local,
                                       const Pull& pull) noexcept {
  if (packet.epoch != epoch_) return 0;
  const MediaTime offset = local - packet.timestamp;
  const MediaTime excess = offset - delay_.target();
  const MediaTime ahead = offset - delay_.soonest(pull.wanted);
  note_excess(excess);
  MediaTime spacing = excess > kHurryExcess ? kHurrySpacing : kShrinkSpacing;
  MediaTime stretch = 0;
  if (-ahead > kGrowSlack) {
    stretch = (pull.wanted - ahead) / pull.wanted * pull.wanted - pull.queued;
    spacing = kGrowSpacing;
  } else if (ahead > longest_ahead(pull)) {
    stretch = -(ahead / pull.wanted * pull.wanted) - pull.queued;
  } else if (pull.queued >= kTrimMin) {
    stretch = -pull.queued;
    spacing = kTrimSpacing;
  }
  if (stretch == 0) return 0;
  if (pull.activity != Activity::kPause && local - stretched_at_ < spacing) return 0;
  stretched_at_ = local;
  const MediaTime most = packet.length;
  return std::clamp(stretch, -most, most);
}

void JitterBuffer::note_excess(MediaTime excess) noexcept {
  excess_least_ = excess_count_ == 0 ? excess : std::min(excess_least_, excess);
  excess_most_ = excess_count_ == 0 ? excess : std::max(excess_most_, excess);
  ++excess_count_;
}

MediaTime JitterBuffer::tick_wish(MediaTime step) noexcept {
  CHECK(step > 0);
  const std::uint32_t count = std::exchange(excess_count_, 0);
  if (count < kWishPackets) return 0;
  // Ahead of the soonest tick that is as good, as the finer ticks have it. What not all packets
  // want is the target's own wandering.
  const MediaTime early = delay_.target() - delay_.soonest(step);
  const MediaTime least = excess_least_ + early;
  const MediaTime most = excess_most_ + early;
  if (most < 0) return (step - 1 - most) / step * step;
  if (least >= step + kWishSlack) return -(least / step * step);
  return 0;
}

/// The end of a stretch without packets: what was made up in it was concealment of a loss or of
/// lateness, or it bridged a pause.
void JitterBuffer::settle_dry(bool was_loss) noexcept {
  (was_loss ? statistics_.concealed_length : statistics_.comfort_length) += dry_;
  dry_ = 0;
  stalled_ = 0;
  quiet_ = 0;
  missing_ = 0;
}

/// Books an order as played, and what lies between it and the last one as not.
void JitterBuffer::note_played(std::int64_t order) noexcept {
  const std::int64_t between = order - order_played_ - 1;
  if (between > 0) {
    statistics_.unplayed += static_cast<std::uint64_t>(between);
    ++statistics_.unplayed_runs;
  }
  order_played_ = order;
}

}  // namespace trunkyard::jitter
