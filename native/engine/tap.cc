#include "engine/tap.h"

#include <algorithm>
#include <utility>

#include "engine/audio_legs.h"

namespace trunkyard::engine {

namespace {

constexpr Duration kPiece = Duration::milliseconds(pipeline::kPieceMs);

}  // namespace

/// Pieces of one side follow each other, whatever turn they come in; a longer way from one to the
/// next is a gap, measured by the recording's own time. That time also holds where they follow but
/// their turn has moved to and fro: what is sent comes now from the link's turns, now from the
/// leg's own, and every change brings some milliseconds too many.
bool Tap::place(Clock& clock, Instant nominal) noexcept {
  if (!begun_) {
    begun_ = true;
    began_at_ = nominal;
  }
  const std::uint32_t by_time = pieces_until(nominal);
  const Duration off = nominal - (clock.last + kPiece);
  const bool follows = clock.begun && off < kPiece && off > -kPiece;
  std::uint32_t next = by_time;
  if (clock.begun) next = follows ? clock.position + 1 : std::max(clock.position + 1, by_time);
  if (next > by_time + 1) return false;
  clock.position = next + 1 < by_time ? by_time : next;
  clock.begun = true;
  clock.last = nominal;
  return true;
}

std::uint32_t Tap::pieces_until(Instant at) const noexcept {
  const Duration since = std::max(at - began_at_, Duration::zero());
  return static_cast<std::uint32_t>((since + kPiece / 2).ns() / kPiece.ns());
}

bool Tap::grow(std::uint32_t length) noexcept {
  length_ = std::max(length_, length);
  const bool cutting = paused_ && cuts_;
  const std::uint32_t most = setup_.maximum_ms / pipeline::kPieceMs;
  if (setup_.maximum_ms == 0 || cutting || length_ <= cut_ + most) return true;
  length_ = cut_ + most;
  end(contract::RecordingEnd::kMaximum);
  return false;
}

void Tap::take(pipeline::Side side, Instant nominal, std::uint32_t rate_hz,
               codec::Pcm piece) noexcept {
  if (over()) return;
  if (feed_->refused()) return end(contract::RecordingEnd::kFailed);
  Clock& clock = clocks_[static_cast<std::size_t>(side)];
  if (!place(clock, nominal)) return;
  const std::uint32_t position = clock.position;
  if (!grow(position + 1) || (paused_ && cuts_) || position < cut_) return;
  const std::uint32_t at = position - cut_;
  if (paused_) {
    clock.before = spool::GapReason::kPause;
    // So that the silence is written while it lasts, not in one go behind it.
    return feed_->reach(length_ - cut_);
  }
  const bool pushed = feed_->push(
      {.side = side, .position = at, .rate_hz = rate_hz, .before = clock.before, .samples = piece});
  clock.before = pushed ? spool::GapReason::kNone : spool::GapReason::kLoss;
}

void Tap::pass_time(Instant now) noexcept {
  if (over()) return;
  if (feed_->refused()) return end(contract::RecordingEnd::kFailed);
  if (!begun_) {
    begun_ = true;
    began_at_ = now;
  }
  // Of the time since then turns may still bring something.
  if (!grow(pieces_until(now - AudioLegs::kBehindMax))) return;
  if (!(paused_ && cuts_)) feed_->reach(length_ - cut_);
}

void Tap::note_unheard() noexcept {
  const Clock& received = clocks_[static_cast<std::size_t>(pipeline::Side::kReceived)];
  const std::uint32_t heard = received.begun ? received.position + 1 : 0;
  note_quiet(std::uint64_t{length_ - std::min(heard, length_)} * pipeline::kPieceMs);
}

void Tap::note_quiet(std::uint64_t quiet_ms) noexcept {
  if (over() || paused_ || setup_.end_silence_ms == 0) return;
  // Silence from before the recording is none of its own, nor is that of a pause.
  const std::uint64_t own_ms = std::uint64_t{length_ - heard_from_} * pipeline::kPieceMs;
  if (std::min(quiet_ms, own_ms) >= setup_.end_silence_ms) end(contract::RecordingEnd::kSilence);
}

void Tap::pause(bool paused, bool silence_instead) noexcept {
  if (paused == paused_) return;
  if (paused) {
    cuts_ = !silence_instead;
    paused_at_ = length_;
  } else {
    if (cuts_) cut_ += length_ - paused_at_;
    heard_from_ = length_;
  }
  paused_ = paused;
}

void Tap::end(contract::RecordingEnd why) noexcept {
  if (over()) return;
  if (paused_) pause(false, false);
  std::exchange(feed_, nullptr)->close(why, length_ - std::min(cut_, length_));
}

}  // namespace trunkyard::engine
