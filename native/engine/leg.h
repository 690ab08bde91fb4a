// Leg: an endpoint with its sockets and ports, as one media thread owns it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/address.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/leg_audio.h"
#include "io/udp_socket.h"
#include "pipeline/endpoint.h"
#include "pipeline/leg_keys.h"

namespace trunkyard::engine {

/// One socket, how far its source can be trusted, and how much more it may bring this second.
///
///   open --follow(peer)--> connected, sources compared --(quiet for a moment)--> connected,
///   vouched
///    ^                                     |                                          |
///    +------------- follow(nobody) --------+------------------------------------------+
///
/// After connect the kernel drops strangers, but what was queued before is still there, and a
/// packet may have been on its way through the kernel during the call. So sources go on being
/// compared until the queue was seen empty some time later.
class Channel {
 public:
  Channel() noexcept = default;
  explicit Channel(io::UdpSocket socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] bool open() const noexcept { return socket_.open(); }
  [[nodiscard]] int descriptor() const noexcept { return socket_.descriptor(); }
  void close() noexcept { *this = Channel(); }

  /// Connects to a peer that is certain, or hears everyone again when none is. Nothing happens when
  /// it is connected there already.
  [[nodiscard]] Result<void> follow(Instant now, const SocketAddress& peer) noexcept;

  /// @param source set, and `vouched` false, when the caller has to compare it.
  [[nodiscard]] io::Received receive(MutableBytes into, SocketAddress& source,
                                     bool& vouched) noexcept {
    vouched = vouched_;
    return vouched_ ? socket_.receive(into) : socket_.receive_from(into, source);
  }
  /// Whether a peer is certain, so that `send` knows where to.
  [[nodiscard]] bool connected() const noexcept { return peer_.known(); }
  /// To the certain peer.
  /// @param icmp_errors raised for each error of an earlier packet that the kernel hands us here.
  [[nodiscard]] bool send(Bytes packet, std::uint64_t& icmp_errors) noexcept;
  /// While no peer is certain: to where one is said to be. False when that isn't known either.
  [[nodiscard]] bool send_to(Bytes packet, const SocketAddress& target,
                             std::uint64_t& icmp_errors) noexcept;

  /// Whether what comes in is the peer's for certain, without comparing.
  [[nodiscard]] bool vouched() const noexcept { return vouched_; }
  /// Whether the queue should now be emptied with sources compared, and the kernel trusted after.
  [[nodiscard]] bool vouch_due(Instant now) const noexcept;
  void vouch() noexcept { vouched_ = true; }

  /// Pays for a datagram that came in. @returns false when the second's share is used up.
  [[nodiscard]] bool spend() noexcept {
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  /// Pays for packets that the kernel forwarded past the socket.
  void spend_past(std::uint64_t datagrams) noexcept {
    left_ = datagrams < left_ ? static_cast<std::uint16_t>(left_ - datagrams) : 0;
  }
  [[nodiscard]] bool share_left() const noexcept { return left_ > 0; }
  void refill() noexcept { left_ = kSocketDatagramsPerSecondMax; }
  /// Whether the socket is not being read because its share was used up.
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  void pause(bool on) noexcept { paused_ = on; }
  /// Whether the kernel forwards the stream that comes in here (KernelStreams), so that no packet
  /// of it is expected.
  [[nodiscard]] bool bypassed() const noexcept { return bypassed_; }
  void bypass(bool on) noexcept { bypassed_ = on; }

 private:
  io::UdpSocket socket_;
  SocketAddress peer_;  ///< connected to; not known = unconnected
  Instant connected_at_;
  bool vouched_ = false;
  bool paused_ = false;
  bool bypassed_ = false;
  std::uint16_t left_ = kSocketDatagramsPerSecondMax;
};

/// What happened to a leg and could not be told yet because the event ring was full.
struct PendingEvents {
  bool media_started = false;
  bool media_timeout = false;
  bool latched = false;
  // In LegAudio.
  bool digits = false;
  bool plays = false;
  bool speech = false;

  [[nodiscard]] bool any() const noexcept {
    return media_started || media_timeout || latched || digits || plays || speech;
  }
};

/// How much of a leg, from its beginning, sending a packet touches (Endpoint has the picture); for
/// prefetching. Only speed depends on it.
inline constexpr std::size_t kSendingBytes = 2 * kCacheLineBytes;

struct Leg {
  Leg(Instant now, std::uint32_t own_ssrc) noexcept : endpoint(now, own_ssrc) {}

  /// Whether there is an address to send to.
  [[nodiscard]] bool reachable() const noexcept {
    return rtp.connected() || endpoint.rtp_target().known();
  }

  // In the order of use, see Endpoint.
  Channel rtp;
  pipeline::Endpoint endpoint;
  Channel rtcp;
  std::uint16_t even_port = 0;
  std::uint8_t address_index = 0;
  PendingEvents pending;
  std::uint32_t silent_ms = 0;
  /// Whose packets are forwarded to the peer, and so what is recorded as sent; of several the one
  /// linked last. May be none, stale, or linked elsewhere by now (MediaThread::is_recorded).
  Handle forwarded_from = kHandleNone;
  /// Kept when the suite is taken off, so that the same key set again goes on where it stood: its
  /// keystream must not be used from the beginning.
  std::unique_ptr<pipeline::LegKeys> keys;
  /// Null while setAudio has not been ordered.
  std::unique_ptr<LegAudio> audio;
};
static_assert(sizeof(Leg) <= 2048, "goal: 2 KB an endpoint, both directions");

}  // namespace trunkyard::engine
