// Link: a one-way path from one leg to another. Forwarding, RTP goes on as it is: timestamps,
// sequence numbers and SSRC stay the sender's; the payload type is renumbered when the two sides
// negotiated different numbers, and G.711 may change its law. Decoded, no packet goes through: the
// far leg hears what this one's sounds like, in packets of its own.
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

enum class LinkMode : std::uint8_t { kForward, kDecoded };

/// What is done to a packet's payload on its way through a forwarding link, or because of it.
enum class Treatment : std::uint8_t {
  kNone,
  kToALaw,   ///< PCMU becomes PCMA
  kToMuLaw,  ///< PCMA becomes PCMU
  kWatch,    ///< telephone-events are looked at; the link itself never asks for that
};

/// Payload types of one link that are converted; there is no third law.
inline constexpr std::uint32_t kConversionsMax = 4;
struct Conversion {
  std::uint8_t payload_type = kPayloadTypeDropped;  ///< as it comes in
  Treatment treatment = Treatment::kNone;
};
using Conversions = std::array<Conversion, kConversionsMax>;

class Link {
 public:
  /// Leads nowhere.
  Link() noexcept { map_.fill(kPayloadTypeDropped); }
  /// A forwarding one.
  /// @param to  checked by whoever follows the link: it may close before the link does.
  /// @param map valid (payload_map_valid).
  Link(Handle to, const PayloadMap& map, const Conversions& conversions = {}) noexcept
      : to_(to), map_(map), conversions_(conversions) {}
  /// @param to as above.
  [[nodiscard]] static Link decoded(Handle to) noexcept {
    Link link;
    link.to_ = to;
    link.mode_ = LinkMode::kDecoded;
    return link;
  }

  [[nodiscard]] bool open() const noexcept { return !to_.none(); }
  [[nodiscard]] Handle to() const noexcept { return to_; }
  [[nodiscard]] bool forwards() const noexcept { return open() && mode_ == LinkMode::kForward; }
  [[nodiscard]] bool decodes() const noexcept { return open() && mode_ == LinkMode::kDecoded; }

  /// The outgoing payload type, or kPayloadTypeDropped.
  [[nodiscard]] std::uint8_t map(std::uint8_t payload_type) const noexcept {
    return map_[payload_type & (kPayloadTypes - 1)];
  }
  [[nodiscard]] Treatment treatment(std::uint8_t payload_type) const noexcept {
    for (const Conversion& conversion : conversions_) {
      if (conversion.payload_type == payload_type) return conversion.treatment;
    }
    return Treatment::kNone;
  }

 private:
  Handle to_;
  LinkMode mode_ = LinkMode::kForward;
  PayloadMap map_;
  Conversions conversions_;
};

}  // namespace trunkyard::pipeline
