// DigitReports: the key presses of one leg on their way to the control plane. Each press is told
// once, when it has ended, whoever of the leg's listeners noticed it: a stream may pass from
// forwarding to decoding while a key is down, and the end of a press comes in three packets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "engine/contract.gen.h"
#include "pipeline/digit.h"

namespace trunkyard::engine {

/// A press that has ended.
struct DigitReport {
  std::uint8_t digit = 0;  ///< 0..15
  contract::DigitSource source = contract::DigitSource::kEvent;
  std::uint32_t duration_ms = 0;
};

/// Of one leg. Allocates nothing; one media thread.
class DigitReports {
 public:
  /// Notes an edge; starts, and events that are no digits, are not told.
  void add(const pipeline::Digit& digit) noexcept;

  [[nodiscard]] bool any() const noexcept { return count_ > 0; }
  /// The oldest that waits. There is one (CHECKed).
  [[nodiscard]] const DigitReport& first() const noexcept;
  void pop_first() noexcept;
  /// Presses noticed, told or not.
  [[nodiscard]] std::uint64_t noticed() const noexcept { return noticed_; }

 private:
  /// Whether a press was noticed before; from now on it was.
  [[nodiscard]] bool seen(rtp::RtpTimestamp at) noexcept;

  std::array<DigitReport, kDigitReportsMax> waiting_ = {};
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint64_t noticed_ = 0;
  /// The presses noticed last by telephone-events.
  struct Press {
    bool any = false;
    rtp::RtpTimestamp at{};
  };
  static constexpr std::size_t kPressesKnown = 8;
  std::array<Press, kPressesKnown> known_ = {};
  std::uint32_t known_next_ = 0;
};

}  // namespace trunkyard::engine
