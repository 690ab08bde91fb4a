#include "engine/leg.h"

namespace trunkyard::engine {

namespace {

/// Far longer than a packet takes through the kernel, far shorter than a call.
constexpr Duration kVouchAfter = Duration::milliseconds(100);

/// Sends, and once more when an ICMP error of an earlier packet took the first call's place: it is
/// cleared then, and this packet has not gone out.
template <typename Send>
bool despite_icmp(const Send& once, std::uint64_t& icmp_errors) noexcept {
  io::IoStatus status = once();
  if (status == io::IoStatus::kUnreachable) {
    ++icmp_errors;
    status = once();
  }
  return status == io::IoStatus::kDone;
}

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

bool Channel::send(Bytes packet, std::uint64_t& icmp_errors) noexcept {
  if (!open() || !connected()) return false;
  return despite_icmp([&] { return socket_.send(packet); }, icmp_errors);
}

bool Channel::send_to(Bytes packet, const SocketAddress& target,
                      std::uint64_t& icmp_errors) noexcept {
  if (!open() || !target.known()) return false;
  return despite_icmp([&] { return socket_.send_to(packet, target); }, icmp_errors);
}

bool Channel::vouch_due(Instant now) const noexcept {
  return !vouched_ && peer_.known() && now - connected_at_ >= kVouchAfter;
}

}  // namespace trunkyard::engine
