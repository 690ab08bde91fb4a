#include "engine/leg.h"

namespace trunkyard::engine {

namespace {

/// Far longer than a packet takes through the kernel, far shorter than a call.
constexpr Duration kVouchAfter = Duration::milliseconds(100);

}  // namespace

Result<void> Channel::follow(Instant now, const SocketAddress& peer) noexcept {
  if (!open() || peer == peer_) return {};
  vouched_ = false;
  if (!peer.known()) {
    peer_ = {};
    return socket_.disconnect();
  }
  if (const Result<void> connected = socket_.connect(peer); !connected) {
    // The old connection, if any, is not wanted any more either.
    peer_ = {};
    (void)socket_.disconnect();
    return connected;
  }
  peer_ = peer;
  connected_at_ = now;
  return {};
}

bool Channel::send(Bytes packet, const SocketAddress& target, std::uint64_t& icmp_errors) noexcept {
  if (!open() || (!peer_.known() && !target.known())) return false;
  const auto once = [&] {
    return peer_.known() ? socket_.send(packet) : socket_.send_to(packet, target);
  };
  io::IoStatus status = once();
  if (status == io::IoStatus::kUnreachable) {
    // An ICMP error of an earlier packet took this call's place. It is cleared now and the packet
    // has not gone out: send it again.
    ++icmp_errors;
    status = once();
  }
  return status == io::IoStatus::kDone;
}

bool Channel::vouch_due(Instant now) const noexcept {
  return !vouched_ && peer_.known() && now - connected_at_ >= kVouchAfter;
}

}  // namespace trunkyard::engine
