// Tells what kind of datagram arrived on a port that several protocols share, by its first two
// bytes (RFC 7983 for STUN, DTLS, TURN and ZRTP; RFC 5761 §4 for RTCP among RTP). Says nothing
// about validity: the parser of the protocol decides that.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace trunkyard::rtp {

enum class DatagramKind : std::uint8_t {
  kUnknown,  ///< nothing we know, or too short to tell
  kRtp,
  kRtcp,
  kStun,
  kDtls,
  kTurnChannel,
  kZrtp,
};

/// @param datagram as received. O(1).
[[nodiscard]] constexpr DatagramKind classify(Bytes datagram) noexcept {
  if (datagram.size() < 2) return DatagramKind::kUnknown;
  const std::uint8_t first = datagram[0];
  if (first >= 128 && first <= 191) {
    // An RTP packet has a marker bit and a 7-bit payload type here, an RTCP packet its 8-bit type
    // 192..223; so the payload types 64..95 are never used for RTP on such a port (RFC 5761 §4).
    const std::uint8_t second = datagram[1];
    return second >= 192 && second <= 223 ? DatagramKind::kRtcp : DatagramKind::kRtp;
  }
  if (first <= 3) return DatagramKind::kStun;
  if (first >= 16 && first <= 19) return DatagramKind::kZrtp;
  if (first >= 20 && first <= 63) return DatagramKind::kDtls;
  if (first >= 64 && first <= 79) return DatagramKind::kTurnChannel;
  return DatagramKind::kUnknown;
}

}  // namespace trunkyard::rtp
