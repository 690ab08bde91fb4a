// Who speaks: one answer for a room, that changes when somebody else has clearly taken over, and
// not with every cough. Told the loudness of everybody who sounded in a tick; the rest are silent.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"

namespace trunkyard::mixer {

/// A participant's place in one mixer, from 0 on; free again once he has left.
using Slot = std::uint16_t;
inline constexpr Slot kNoSlot = 0xffff;

/// Below this nobody speaks.
inline constexpr float kSpeakerLevelDbovMin = -50.0F;
/// How much louder than the speaker another one has to be, and for how long.
inline constexpr float kSpeakerMarginDb = 3.0F;
inline constexpr std::uint32_t kSpeakerTakeoverMs = 200;
/// For how long the speaker may be quiet before the room has none.
inline constexpr std::uint32_t kSpeakerQuietMs = 2'000;

/// One room's. Memory is taken by the constructor, 16 bytes a slot; one thread.
class ActiveSpeaker {
 public:
  /// @param slots   numbers 0 to slots - 1 will be named.
  /// @param tick_ms length of a tick, not 0.
  ActiveSpeaker(std::uint32_t slots, std::uint32_t tick_ms);

  /// What somebody sounded like in this tick; at most once a tick and slot.
  /// @param mean_square in units of squared samples.
  void hear(Slot slot, float mean_square) noexcept {
    CHECK(slot < heard_.size());
    Heard& heard = heard_[slot];
    // Whoever was silent in between starts from nothing; the speaker's silence is counted in
    // decide().
    const float before = heard.tick + 1 == tick_ ? heard.mean_square : 0.0F;
    heard.mean_square = smoothed(before, mean_square);
    heard.tick = tick_;
    if (heard.mean_square > loudest_mean_square_) {
      loudest_mean_square_ = heard.mean_square;
      loudest_ = slot;
    }
  }
  /// He has left, or isn't to be heard any more. Between two ticks.
  void forget(Slot slot) noexcept;
  /// Ends the tick. @returns whether speaker() is another one than after the last tick.
  bool decide() noexcept;

  /// kNoSlot while nobody speaks.
  [[nodiscard]] Slot speaker() const noexcept { return speaker_; }
  /// How loud he was over the last few hundred milliseconds; kLevelDbovMin without a speaker. Where
  /// a conference has several parts, the loudest of their speakers is the conference's.
  [[nodiscard]] float level_dbov() const noexcept;

 private:
  struct Heard {
    float mean_square = 0;  // smoothed
    std::uint64_t tick = 0;
  };
  [[nodiscard]] float smoothed(float before, float now) const noexcept {
    return before + (now - before) * (now > before ? attack_ : release_);
  }

  std::vector<Heard> heard_;
  float audible_;  // as a mean square
  float margin_;   // as a ratio of two
  float attack_;
  float release_;
  std::uint32_t takeover_ticks_;
  std::uint32_t quiet_ticks_max_;
  std::uint64_t tick_ = 1;
  // The loudest of the tick that is open, and the one who may take over.
  Slot loudest_ = kNoSlot;
  float loudest_mean_square_ = 0;
  Slot challenger_ = kNoSlot;
  std::uint32_t challenger_ticks_ = 0;
  Slot speaker_ = kNoSlot;
  Slot announced_ = kNoSlot;
  std::uint32_t quiet_ticks_ = 0;
};

}  // namespace trunkyard::mixer
