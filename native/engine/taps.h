// Taps: the recordings that run of one leg, or of one conference, at most kTapsMax at once. Each
// has its own way, length and end; what is copied is the same.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "engine/tap.h"

namespace trunkyard::engine {

/// One media thread. Nothing allocates; a tap that is over goes at once.
class Taps {
 public:
  [[nodiscard]] bool full() const noexcept;
  [[nodiscard]] bool empty() const noexcept;
  /// @param tap of a recording that isn't among them; there is room (CHECKed).
  void add(std::unique_ptr<Tap> tap) noexcept;
  /// The tap of a recording; null when it has ended.
  [[nodiscard]] Tap* find(std::uint32_t recording) noexcept;
  /// Ends a recording. @returns false when there is none.
  bool end(std::uint32_t recording, contract::RecordingEnd why) noexcept;

  [[nodiscard]] bool wants_sent() const noexcept;
  /// As Tap's, for each of them. @returns whether one is over by it.
  bool take(pipeline::Side side, Instant nominal, std::uint32_t rate_hz, codec::Pcm piece) noexcept;
  bool pass_time(Instant now) noexcept;
  void note_unheard() noexcept;
  void note_quiet(std::uint64_t quiet_ms) noexcept;

 private:
  bool drop_over() noexcept;

  std::array<std::unique_ptr<Tap>, kTapsMax> taps_;
};

}  // namespace trunkyard::engine
