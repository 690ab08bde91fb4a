// SourceGuard: decides from whom an endpoint takes RTP. Strict: the address that signalling named,
// nobody else, ever. Latch: the peer sits behind NAT and signalling can't know its address, so the
// first source that sends kLatchRun valid packets in a row wins and is the only one until the next
// update (RFC 4961; SPEC A30). No packet is let through before that, so a stranger who merely
// sprays single packets never gets one of them to the far side.
#pragma once

#include <array>
#include <cstdint>

#include "base/address.h"
#include "rtp/sequence.h"

namespace trunkyard::pipeline {

enum class SourceRule : std::uint8_t { kStrict, kLatch };

/// Valid packets in a row that make a source the peer.
inline constexpr std::uint32_t kLatchRun = 2;
/// "In a row" allows this step of the sequence number: some loss, no wild guesses.
inline constexpr std::int32_t kLatchStepMax = 8;
/// The same for a peer that signalling has just sent elsewhere: a second of voice. It may be the
/// party itself, whose NAT kept its port; far more often it is the old media server, which sends
/// for another moment and would win against the new one, whose first packet takes a round trip.
inline constexpr std::uint32_t kLatchRunLeft = 50;
/// Sources watched at once. A spray of strangers pushes the oldest out, it can't win by that.
inline constexpr std::uint32_t kLatchCandidates = 4;

class SourceGuard {
 public:
  enum class Verdict : std::uint8_t {
    kAccepted,
    kLatched,  ///< accepted, and this packet decided it: peer() is new
    kRefused,
  };

  /// Starts over for a new offer or answer. While signalling still names the same address, the peer
  /// needs only its next packet in order to be believed again, because its run goes on. When
  /// signalling names another one, it needs kLatchRunLeft, until somebody else was the peer or
  /// signalling is back at the address that it was the peer under.
  /// @param signalled  where signalling says the peer is; not known = take nothing.
  /// @param last_ssrc, last_sequence  of the stream heard so far.
  void reset(SourceRule rule, const SocketAddress& signalled, rtp::Ssrc last_ssrc,
             std::uint16_t last_sequence) noexcept;

  /// Whether the peer's address is certain, so that a socket may be connected to it.
  [[nodiscard]] bool certain() const noexcept { return peer_.known(); }
  /// The certain address; not known before.
  [[nodiscard]] const SocketAddress& peer() const noexcept { return peer_; }
  /// Where to send: the certain address; until there is one, that of whoever was the peer while
  /// signalling named the same address, for who is on hold sends nothing that would show it again;
  /// else what signalling names. Not known = nowhere.
  [[nodiscard]] const SocketAddress& target() const noexcept {
    if (peer_.known()) return peer_;
    return met_.known() ? met_ : signalled_;
  }
  [[nodiscard]] SourceRule rule() const noexcept { return rule_; }

  /// Whether a packet from there may come in at all; the cheap question, asked before parsing.
  [[nodiscard]] bool possible(const SocketAddress& source) const noexcept {
    return peer_.known() ? source == peer_ : rule_ == SourceRule::kLatch && signalled_.known();
  }
  /// Judges a packet that parsed as RTP. O(kLatchCandidates).
  [[nodiscard]] Verdict judge(const SocketAddress& source, rtp::Ssrc ssrc,
                              std::uint16_t sequence) noexcept;

 private:
  struct Candidate {
    SocketAddress source;
    rtp::Ssrc ssrc{};
    std::uint16_t sequence = 0;
    std::uint16_t run = 0;
  };

  SocketAddress peer_;
  /// The last peer while signalling named the address that it names now; not known = none.
  SocketAddress met_;
  SocketAddress signalled_;
  /// The peer before signalling named another address, and what it named then; not known = none.
  SocketAddress left_;
  SocketAddress left_signalled_;
  SourceRule rule_ = SourceRule::kStrict;
  std::uint8_t oldest_ = 0;
  std::array<Candidate, kLatchCandidates> candidates_ = {};
};

}  // namespace trunkyard::pipeline
