// Calls that are forwarded, and the packets in them.
#pragma once

#include "native/engine/rig.h"

namespace test {

inline Buffer packet(std::uint16_t sequence, int payload_type = 0, std::uint32_t ssrc = 7) {
  return APacket{}
      .payload_type(payload_type)
      .sequence(sequence)
      .timestamp(160u * sequence)
      .ssrc(ssrc)
      .payload(Buffer(160, 0xd5))
      .bytes();
}

inline Buffer receiver_report(std::uint32_t ssrc) {
  return test::an_rtcp_packet(201, 0, test::words({ssrc}));
}

/// Two parties, linked both ways.
struct Call {
  explicit Call(Rig& rig, bool latch = false, bool mux = false, std::uint32_t affinity = 0)
      : rig_(rig), left(rig.open(affinity)), right(rig.open(affinity)) {
    CHECK(rig.update(left.handle, update_of(alice, alice_rtcp, latch, mux)) == contract::Code::kOk);
    CHECK(rig.update(right.handle, update_of(bob, bob_rtcp, latch, mux)) == contract::Code::kOk);
    CHECK(rig.link(left.handle, right.handle) == contract::Code::kOk);
    CHECK(rig.link(right.handle, left.handle) == contract::Code::kOk);
  }
  static Update update_of(const Peer& rtp, const Peer& rtcp, bool latch, bool mux) {
    return {rtp.address(), mux ? SocketAddress{} : rtcp.address(), mux, latch};
  }

  Rig& rig_;
  Peer alice;
  Peer alice_rtcp;
  Peer bob;
  Peer bob_rtcp;
  Opened left;
  Opened right;
};

}  // namespace test
