// Link: a one-way path that forwards RTP as it is. Timestamps, sequence numbers and SSRC stay the
// sender's; only the payload type is renumbered, when the two sides negotiated different numbers.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/slab.h"

namespace trunkyard::pipeline {

/// In a PayloadMap: not carried.
inline constexpr std::uint8_t kPayloadTypeDropped = 255;

/// What each payload type becomes: 0..127, or kPayloadTypeDropped.
using PayloadMap = std::array<std::uint8_t, kPayloadTypes>;

/// Whether every entry is a payload type or kPayloadTypeDropped.
[[nodiscard]] constexpr bool payload_map_valid(const PayloadMap& map) noexcept {
  for (const std::uint8_t entry : map) {
    if (entry >= kPayloadTypes && entry != kPayloadTypeDropped) return false;
  }
  return true;
}

class Link {
 public:
  /// Leads nowhere.
  Link() noexcept { map_.fill(kPayloadTypeDropped); }
  /// @param to  checked by whoever follows the link: it may close before the link does.
  /// @param map valid (payload_map_valid).
  Link(Handle to, const PayloadMap& map) noexcept : to_(to), map_(map) {}

  [[nodiscard]] bool open() const noexcept { return !to_.none(); }
  [[nodiscard]] Handle to() const noexcept { return to_; }

  /// The outgoing payload type, or kPayloadTypeDropped.
  [[nodiscard]] std::uint8_t map(std::uint8_t payload_type) const noexcept {
    return map_[payload_type & (kPayloadTypes - 1)];
  }

 private:
  Handle to_;
  PayloadMap map_;
};

}  // namespace trunkyard::pipeline
