// Tap: a copy of one leg's sound for a recording. Numbers what it copies by the turns' nominal
// times, so that both sides and all gaps keep their place, and knows when the recording is over.
// Copies and counts, nothing else: it never slows the link.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "engine/recording_feed.h"

namespace trunkyard::engine {

struct TapSetup {
  std::uint32_t recording = 0;  ///< the order that began it
  pipeline::RecordedSound sound = pipeline::RecordedSound::kMixed;
  std::uint32_t maximum_ms = 0;      ///< 0 = none
  std::uint32_t end_silence_ms = 0;  ///< of the leg's peer; 0 = never
};

/// Of one leg; one media thread. Allocates nothing.
class Tap {
 public:
  /// @param feed closed by the tap, at the latest when it goes; not touched after that.
  Tap(const TapSetup& setup, RecordingFeed& feed) noexcept : setup_(setup), feed_(&feed) {}
  ~Tap() { end(contract::RecordingEnd::kClosed); }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  [[nodiscard]] std::uint32_t recording() const noexcept { return setup_.recording; }
  [[nodiscard]] bool wants_sent() const noexcept {
    return setup_.sound != pipeline::RecordedSound::kReceived;
  }
  /// Whether nothing more is taken: it was ended, has its length, or the disk refused.
  [[nodiscard]] bool over() const noexcept { return feed_ == nullptr; }

  /// 10 ms of one side, in its turn. @param nominal the turn's.
  void take(pipeline::Side side, Instant nominal, std::uint32_t rate_hz, codec::Pcm piece) noexcept;
  /// Time passes, whether anything comes or not; the recording begins with the first call, if with
  /// no piece before. What comes for a turn up to AudioLegs::kBehindMax ago still finds its place.
  void pass_time(Instant now) noexcept;
  /// Nobody listens to the peer by now: it has been silent since its last piece.
  void note_unheard() noexcept;
  /// How long the peer has been silent by now; ends a recording that is to end by it.
  void note_quiet(std::uint64_t quiet_ms) noexcept;
  /// @param silence_instead whether the pause is heard as silence; else it is cut out.
  void pause(bool paused, bool silence_instead) noexcept;
  void end(contract::RecordingEnd why) noexcept;

 private:
  struct Clock {
    bool begun = false;
    Instant last;                                       ///< nominal
    std::uint32_t position = 0;                         ///< of that, pauses not cut out
    spool::GapReason before = spool::GapReason::kNone;  ///< of the next piece
  };
  /// @returns false for a piece that there is no time for.
  [[nodiscard]] bool place(Clock& clock, Instant nominal) noexcept;
  /// Pieces from the recording's beginning to a time, pauses not cut out.
  [[nodiscard]] std::uint32_t pieces_until(Instant at) const noexcept;
  /// Lets the recording be so long, pauses not cut out, if it isn't yet. @returns false when that
  /// is too long; then it is over.
  [[nodiscard]] bool grow(std::uint32_t length) noexcept;

  TapSetup setup_;
  RecordingFeed* feed_;
  bool begun_ = false;
  Instant began_at_;
  std::array<Clock, pipeline::kSides> clocks_;
  std::uint32_t length_ = 0;  ///< in pieces, pauses not cut out
  bool paused_ = false;
  bool cuts_ = false;  ///< the pause that runs
  std::uint32_t paused_at_ = 0;
  std::uint32_t heard_from_ = 0;  ///< where the last pause ended
  std::uint32_t cut_ = 0;         ///< pieces of pauses cut out so far
};

}  // namespace trunkyard::engine
