// First bytes of every protocol that may share a port, each range at both its ends (RFC 7983,
// 5761).
#include "rtp/demux.h"

#include <array>

#include "native/harness.h"

namespace {

using trunkyard::Bytes;
using trunkyard::rtp::classify;
using trunkyard::rtp::DatagramKind;

DatagramKind kind(std::uint8_t first, std::uint8_t second = 0) {
  return classify(std::array<std::uint8_t, 2>{first, second});
}

TEST("tells the protocols apart at both ends of each range") {
  CHECK_EQ(kind(0), DatagramKind::kStun);
  CHECK_EQ(kind(3), DatagramKind::kStun);
  CHECK_EQ(kind(4), DatagramKind::kUnknown);
  CHECK_EQ(kind(15), DatagramKind::kUnknown);
  CHECK_EQ(kind(16), DatagramKind::kZrtp);
  CHECK_EQ(kind(19), DatagramKind::kZrtp);
  CHECK_EQ(kind(20), DatagramKind::kDtls);
  CHECK_EQ(kind(63), DatagramKind::kDtls);
  CHECK_EQ(kind(64), DatagramKind::kTurnChannel);
  CHECK_EQ(kind(79), DatagramKind::kTurnChannel);
  CHECK_EQ(kind(80), DatagramKind::kUnknown);
  CHECK_EQ(kind(127), DatagramKind::kUnknown);
  CHECK_EQ(kind(128), DatagramKind::kRtp);
  CHECK_EQ(kind(191), DatagramKind::kRtp);
  CHECK_EQ(kind(192), DatagramKind::kUnknown);
  CHECK_EQ(kind(255), DatagramKind::kUnknown);
}

TEST("payload types 64 to 95 are RTCP whatever the marker would be") {
  CHECK_EQ(kind(0x80, 191), DatagramKind::kRtp);
  CHECK_EQ(kind(0x80, 192), DatagramKind::kRtcp);
  CHECK_EQ(kind(0x80, 200), DatagramKind::kRtcp);
  CHECK_EQ(kind(0x80, 223), DatagramKind::kRtcp);
  CHECK_EQ(kind(0x80, 224), DatagramKind::kRtp);
  CHECK_EQ(kind(0x80, 64), DatagramKind::kRtp);
}

TEST("what is too short to tell is unknown") {
  CHECK_EQ(classify(Bytes{}), DatagramKind::kUnknown);
  CHECK_EQ(classify(std::array<std::uint8_t, 1>{0x80}), DatagramKind::kUnknown);
}

}  // namespace
