// DigitReports: the key presses of one leg on their way to the control plane. Each press is told
// once, when it has ended, whoever of the leg's listeners noticed it: a stream may pass from
// forwarding to decoding while a key is down, and the end of a press comes in three packets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "engine/contract.gen.h"
#include "engine/report_queue.h"
#include "pipeline/digit.h"

namespace trunkyard::engine {

/// A key press by telephone-events, named by its beginning (RFC 4733 §2.2.2).
struct Press {
  bool any = false;
  rtp::RtpTimestamp at{};
};

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

  [[nodiscard]] bool any() const noexcept { return waiting_.any(); }
  /// The oldest that waits. There is one (CHECKed).
  [[nodiscard]] const DigitReport& first() const noexcept { return waiting_.first(); }
  void pop_first() noexcept { waiting_.pop_first(); }
  /// Presses noticed, told or not.
  [[nodiscard]] std::uint64_t noticed() const noexcept { return noticed_; }

 private:
  /// Whether a press was noticed before; from now on it was.
  [[nodiscard]] bool seen(rtp::RtpTimestamp at) noexcept;

  ReportQueue<DigitReport, kDigitReportsMax> waiting_;
  std::uint64_t noticed_ = 0;
  static constexpr std::size_t kPressesKnown = 8;
  /// The presses noticed last.
  std::array<Press, kPressesKnown> known_ = {};
  std::uint32_t known_next_ = 0;
};

}  // namespace trunkyard::engine
