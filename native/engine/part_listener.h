// PartListener: one other part of a conference, as heard here: its words in order, one a tick. Both
// threads tick a hundred times a second by one clock, each a little late in its own way, so a
// reader stays a word or two behind; what piles up beyond that is left out where nobody speaks.
#pragma once

#include <cstdint>

#include "engine/conference_lines.h"

namespace trunkyard::engine {

/// Of one line at one reader. 16 bytes; one thread.
class PartListener {
 public:
  enum class Outcome : std::uint8_t {
    kNothing,  ///< the part has only begun
    kWord,
    kMissed,  ///< there should be a word and there is none, or so many that some were left out
  };

  /// The tick's word. @param left_out called with each word that is passed over and had presses.
  template <typename LeftOut>
  Outcome listen(const ConferenceLines& lines, const PartPlace& place, PartWord& word,
                 LeftOut&& left_out) noexcept {
    const std::uint64_t said = lines.said(place);
    if (state_ == State::kNew) {
      next_ = said;
      state_ = State::kFilling;
    }
    if (state_ == State::kFilling) {
      if (said - next_ < kCushion) return Outcome::kNothing;
      state_ = State::kFollowing;
    }
    if (said == next_) return Outcome::kMissed;
    if (said - next_ > kBehindMax) {
      if (said - next_ > ConferenceLines::kWords) next_ = said - ConferenceLines::kWords;
      for (; said - next_ > 1; ++next_) {
        if (lines.read(place, next_, word) && word.presses_count > 0) left_out(word);
      }
      return Outcome::kMissed;
    }
    const bool plenty = said - next_ > kCushion;
    if (!lines.read(place, next_++, word)) return Outcome::kMissed;
    const bool silent = word.samples == 0 && word.presses_count == 0;
    if (plenty && silent && !lines.read(place, next_++, word)) return Outcome::kMissed;
    return Outcome::kWord;
  }

 private:
  enum class State : std::uint8_t { kNew, kFilling, kFollowing };
  /// Words that wait when reading begins: one for the tick, one for a thread that is late.
  static constexpr std::uint64_t kCushion = 2;
  static constexpr std::uint64_t kBehindMax = ConferenceLines::kWords - 3;

  std::uint64_t next_ = 0;
  State state_ = State::kNew;
};

}  // namespace trunkyard::engine
