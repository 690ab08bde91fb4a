#include "engine/tap.h"

#include <algorithm>
#include <utility>

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
  const Duration since = std::max(nominal - began_at_, Duration::zero());
  const auto by_time = static_cast<std::uint32_t>((since + kPiece / 2).ns() / kPiece.ns());
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

void Tap::take(pipeline::Side side, Instant nominal, std::uint32_t rate_hz,
               codec::Pcm piece) noexcept {
  if (over()) return;
  if (feed_->refused()) return end(contract::RecordingEnd::kFailed);
  Clock& clock = clocks_[static_cast<std::size_t>(side)];
  if (!place(clock, nominal)) return;
  const std::uint32_t position = clock.position;
  length_ = std::max(length_, position + 1);
  if ((paused_ && cuts_) || position < cut_) return;
  const std::uint32_t at = position - cut_;
  if (setup_.maximum_ms > 0 && at >= setup_.maximum_ms / pipeline::kPieceMs) {
    length_ = cut_ + setup_.maximum_ms / pipeline::kPieceMs;
    return end(contract::RecordingEnd::kMaximum);
  }
  if (paused_) {
    clock.before = spool::GapReason::kPause;
    return;
  }
  const bool pushed = feed_->push(
      {.side = side, .position = at, .rate_hz = rate_hz, .before = clock.before, .samples = piece});
  clock.before = pushed ? spool::GapReason::kNone : spool::GapReason::kLoss;
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
