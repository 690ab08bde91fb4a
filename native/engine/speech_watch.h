// SpeechWatch: whether the peer of a leg speaks, as far as the control plane asked to be told: for
// a prompt that waits for an answer, and for a message that ends with a silence.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "codec/voice_activity.h"
#include "engine/contract.gen.h"

namespace trunkyard::engine {

/// Of one leg. Told of each piece that its receiver gave. Allocates nothing; one media thread.
class SpeechWatch {
 public:
  /// Begins anew.
  void start(const codec::SpeechTimerConfig& config) noexcept { timer_.emplace(config); }
  /// What waits is told all the same.
  void stop() noexcept { timer_.reset(); }
  /// Nobody listens for a while: whoever speaks when somebody does again, begins to.
  void forget() noexcept { voice_ = false; }
  [[nodiscard]] bool running() const noexcept { return timer_.has_value(); }

  /// @returns whether the peer has just begun to speak.
  bool handle(const codec::FrameActivity& activity) noexcept;

  [[nodiscard]] bool any() const noexcept { return count_ > 0; }
  /// The oldest that waits. There is one (CHECKed).
  [[nodiscard]] contract::SpeechChange first() const noexcept;
  void pop_first() noexcept;

 private:
  void add(contract::SpeechChange event) noexcept;

  std::optional<codec::SpeechTimer> timer_;
  bool voice_ = false;
  std::array<contract::SpeechChange, kSpeechReportsMax> waiting_ = {};
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace trunkyard::engine
