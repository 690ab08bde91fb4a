// ReplayWindow: which of the newest packets of a stream have been seen (RFC 3711 §3.3.2), and where
// the stream stands. Indices are whole numbers that never wrap: 48 bits for RTP, 31 for RTCP.
//
//   bit      127 ................ 2  1  0
//   index    highest-127 ...............highest        older than that: too old to tell
#pragma once

#include <cstdint>

#include "base/limits.h"

namespace trunkyard::srtp {

class ReplayWindow {
 public:
  enum class Place : std::uint8_t {
    kNew,
    kSeen,
    kTooOld,  ///< left of the window: whether it was seen is no longer known
  };

  /// Whether a packet has been marked.
  [[nodiscard]] bool confirmed() const noexcept { return (low_ | high_) != 0; }
  /// The highest index marked; 0 before.
  [[nodiscard]] std::uint64_t highest() const noexcept { return highest_; }

  [[nodiscard]] Place judge(std::uint64_t index) const noexcept {
    if (index > highest_ || !confirmed()) return Place::kNew;
    const std::uint64_t age = highest_ - index;
    if (age >= kReplayWindowPackets) return Place::kTooOld;
    const std::uint64_t bits = age < 64 ? low_ >> age : high_ >> (age - 64);
    return (bits & 1) != 0 ? Place::kSeen : Place::kNew;
  }

  /// Notes an authenticated packet. One that is too old leaves no trace.
  void mark(std::uint64_t index) noexcept {
    if (!confirmed()) highest_ = index;
    if (index > highest_) {
      shift(index - highest_);
      highest_ = index;
    }
    const std::uint64_t age = highest_ - index;
    if (age >= kReplayWindowPackets) return;
    (age < 64 ? low_ : high_) |= std::uint64_t{1} << (age % 64);
  }

 private:
  static_assert(kReplayWindowPackets == 128, "two words of 64 bits");

  void shift(std::uint64_t packets) noexcept {
    if (packets >= 128) {
      high_ = 0;
      low_ = 0;
    } else if (packets >= 64) {
      high_ = low_ << (packets - 64);
      low_ = 0;
    } else {
      high_ = high_ << packets | low_ >> (64 - packets);
      low_ <<= packets;
    }
  }

  std::uint64_t highest_ = 0;
  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
};

}  // namespace trunkyard::srtp
