// SpeechWatch: whether the peer of a leg speaks, as far as the control plane asked to be told: for
// a prompt that waits for an answer, and for a message that ends with a silence.
#pragma once

#include <optional>

#include "base/limits.h"
#include "codec/voice_activity.h"
#include "engine/contract.gen.h"
#include "engine/report_queue.h"

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

  [[nodiscard]] bool any() const noexcept { return waiting_.any(); }
  /// The oldest that waits. There is one (CHECKed).
  [[nodiscard]] contract::SpeechChange first() const noexcept { return waiting_.first(); }
  void pop_first() noexcept { waiting_.pop_first(); }

 private:
  std::optional<codec::SpeechTimer> timer_;
  bool voice_ = false;
  ReportQueue<contract::SpeechChange, kSpeechReportsMax> waiting_;
};

}  // namespace trunkyard::engine
