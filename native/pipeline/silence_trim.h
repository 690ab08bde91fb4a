// SilenceTrim: leaves the silence before and after a recording's sound out. Takes the rows of a
// Recorder and gives them on, from a moment before the first sound; and says at every moment where
// the sound has ended so far, so that whoever writes them can go back to there.
//
//   take(row) ──> has anything sounded yet? ─ no ─> the last kTrimMarginRows wait, the rest is left
//                        │ yes                      out: left_out()
//                        └──> next(row), in order ──> ends_here() after the row with which the
//                                                     recording would end if nothing more sounded
//
// Sound is what stays above a level for a moment, in any channel, whatever it is: speech, music, a
// tone. So nothing is lost that somebody could miss, and the hiss of a line isn't kept. A margin on
// both sides keeps weak beginnings and ends of words.
//
// A core; takes its memory at construction, nothing grows with the silence.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/pcm.h"
#include "pipeline/recorder.h"

namespace trunkyard::pipeline {

/// Rows of silence that are kept before the first sound and after the last.
inline constexpr std::uint32_t kTrimMarginRows = 20;
/// What is no louder is silence.
inline constexpr float kTrimLevelDbov = -50.0F;
/// Loud rows in a row that make a sound: a click doesn't.
inline constexpr std::uint32_t kTrimSoundRows = 3;

/// One recording's; one thread.
class SilenceTrim {
 public:
  /// @param row_samples of one channel of each row, at most kPieceSamplesMax (CHECKed).
  explicit SilenceTrim(std::size_t row_samples);

  /// The recording's next row, once next() has nothing more (CHECKed).
  void take(const RecorderRow& row) noexcept;
  /// The next row to be kept; its samples lie here until take(). @returns false when there is none.
  [[nodiscard]] bool next(RecorderRow& row) noexcept;

  /// Rows left out before the first that next() gives.
  [[nodiscard]] std::uint32_t left_out() const noexcept { return left_out_; }
  /// Whether the recording ends with the row that next() gave last, if nothing sounds any more.
  [[nodiscard]] bool ends_here() const noexcept {
    return sounded_ && quiet_rows_ == kTrimMarginRows;
  }
  /// Whether it would have ended before the row given last.
  [[nodiscard]] bool has_ended() const noexcept {
    return sounded_ && quiet_rows_ > kTrimMarginRows;
  }
  /// The recording is over. While nothing has sounded, all of it is left out.
  void finish() noexcept;

 private:
  /// The margin, and the rows that made the first sound.
  static constexpr std::uint32_t kWaitingMax = kTrimMarginRows + kTrimSoundRows;

  [[nodiscard]] codec::MutablePcm samples_of(std::uint32_t place, std::size_t channel) noexcept;
  void keep(const RecorderRow& row) noexcept;

  std::size_t row_samples_;
  std::vector<std::int16_t> memory_;
  std::array<RecorderRow, kWaitingMax> waiting_ = {};
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t left_out_ = 0;
  std::uint32_t loud_rows_ = 0;   ///< in a row, up to now
  std::uint32_t quiet_rows_ = 0;  ///< since the last sound
  bool sounded_ = false;
};

}  // namespace trunkyard::pipeline
