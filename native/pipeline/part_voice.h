// PartVoice: what another thread's part of a conference says, made whole. Its sums come from a
// thread that is sometimes late; then a tick has none, and nobody waits for it. A hole in the
// middle of sound would click at both its edges, so the sound before it runs out in a ramp and the
// next one fades in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"

namespace trunkyard::pipeline {

/// One other part's, at one that hears it. 8 bytes; allocates nothing; one thread.
class PartVoice {
 public:
  using Sum = std::span<const std::int32_t>;

  /// The tick's sum has come. @param sum empty for silence.
  /// @param room as long as the sum (CHECKed); holds the answer where that isn't the sum itself.
  [[nodiscard]] Sum take(Sum sum, std::span<std::int32_t> room) noexcept {
    const bool was_away = away_;
    away_ = false;
    last_ = sum.empty() ? 0 : sum.back();
    if (!was_away || sum.empty()) return sum;
    CHECK(room.size() == sum.size());
    const auto samples = static_cast<std::int64_t>(sum.size());
    for (std::int64_t index = 0; index < samples; ++index) {
      const auto at = static_cast<std::size_t>(index);
      room[at] = static_cast<std::int32_t>(sum[at] * (index + 1) / samples);
    }
    return room;
  }
  /// The tick's sum hasn't come. @param room a tick's samples; holds the answer unless that is
  /// empty.
  [[nodiscard]] Sum miss(std::span<std::int32_t> room) noexcept {
    away_ = true;
    if (last_ == 0) return {};
    const auto samples = static_cast<std::int64_t>(room.size());
    for (std::int64_t index = 0; index < samples; ++index) {
      room[static_cast<std::size_t>(index)] =
          static_cast<std::int32_t>(last_ * (samples - 1 - index) / samples);
    }
    last_ = 0;
    return room;
  }

 private:
  std::int32_t last_ = 0;  ///< sample of a sum that was heard; 0 after silence and after a hole
  bool away_ = true;       ///< nothing was heard in the last tick because nothing came
};

}  // namespace trunkyard::pipeline
