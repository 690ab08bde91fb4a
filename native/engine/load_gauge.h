// LoadGauge: whether a media thread has time for its audio. Codecs are the one thing it can make
// cheaper without taking anything from a call that is heard: Opus sounds nearly the same at a lower
// complexity, and packets that come late do not.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace trunkyard::engine {

/// Steps that Opus can be made simpler by; each takes one from its complexity.
inline constexpr std::uint32_t kReliefMax = 10;

/// Of one media thread. Told when its turns at audio began and ended; reads no clock.
class LoadGauge {
 public:
  enum class Change : std::uint8_t { kNone, kLower, kRaise };

  /// @param due, began, ended of one turn; in order, and none before an earlier call's.
  /// @returns what has to be done to all encoders, rarely anything.
  Change note_turn(Instant due, Instant began, Instant ended) noexcept;

  /// By how much complexities are lowered now, 0..kReliefMax.
  [[nodiscard]] std::uint32_t relief() const noexcept { return relief_; }

 private:
  Change judge(Duration window) noexcept;

  std::uint32_t relief_ = 0;
  std::uint32_t calm_windows_ = 0;
  // The window that runs.
  bool begun_ = false;
  Instant window_at_;
  Duration busy_;
  std::uint32_t turns_ = 0;
  std::uint32_t late_turns_ = 0;
};

}  // namespace trunkyard::engine
