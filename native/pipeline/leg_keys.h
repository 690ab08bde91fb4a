// LegKeys: SRTP and SRTCP of one leg, both directions, over all the keys that its offers and
// answers bring (RFC 3711, RFC 4568). Joins the contexts of native/srtp with what a relay meets
// beside them: packets of the key before that are still under way, and streams whose numbers can't
// be sent as they are, because a part of the keystream would be used twice.
//
// Allocates when it is made and when keys change, never for a packet. One media thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/result.h"
#include "base/time.h"
#include "rtp/sequence.h"
#include "srtp/context.h"
#include "srtp/master_key.h"

namespace trunkyard::pipeline {

/// How long packets under the receive key before are understood after a change: the peer changes
/// when it has our answer, and what it sent before that is under way for another moment.
inline constexpr Duration kOldKeyHeard = Duration::seconds(5);

/// Both directions of a leg, under one suite.
struct KeyPair {
  srtp::MasterKey send;
  srtp::MasterKey receive;
};

class LegKeys {
 public:
  /// Takes 9 KB.
  /// @returns kCryptoUnavailable when the TLS library refuses, or has no memory; else never null.
  [[nodiscard]] static Result<std::unique_ptr<LegKeys>> create(const KeyPair& keys,
                                                               Isa isa) noexcept;

  /// What a new offer or answer brings. A key that is the same as before goes on with its rollover
  /// counters and replay windows; a new receive key is joined by the old one for kOldKeyHeard.
  /// @returns kCryptoUnavailable; the keys are then as before.
  [[nodiscard]] Result<void> change(Instant now, const KeyPair& keys) noexcept;

  /// Checks and decrypts in place; the plain packet lies at the front.
  /// @returns its length; 0 when it is refused: in the clear, forged, replayed, of no key of ours.
  [[nodiscard]] std::size_t unprotect_rtp(Instant now, MutableBytes packet) noexcept;
  [[nodiscard]] std::size_t unprotect_rtcp(Instant now, MutableBytes packet) noexcept;

  /// Encrypts and signs in place. A stream that went on at numbers used before is renumbered, from
  /// its second packet in order on, or its fifth where it went back by less than the replay window;
  /// when the key has met kSrtpSourcesMax streams, further ones continue the last of them.
  /// @param buffer       the packet, and behind it room for kSrtpTailBytesMax.
  /// @param packet_bytes at most buffer.size() (CHECKed).
  /// @returns its new length; 0 when it must not be sent: a number was used before, or no RTP.
  [[nodiscard]] std::size_t protect_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept;
  /// The same for a compound RTCP packet. Never renumbered; a stream that is sent under another
  /// SSRC has it in its reports too.
  [[nodiscard]] std::size_t protect_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept;

  /// Gives the old key's memory back once it is not heard any more; to be asked now and then.
  void handle_deadline(Instant now) noexcept;

 private:
  /// How a stream's numbers are changed on the way out.
  struct Renumbering {
    bool on = false;
    rtp::Ssrc from{};
    rtp::Ssrc to{};
    std::uint16_t offset = 0;
    std::uint16_t last = 0;  ///< the latest number as it came
  };
  /// Packets in order that were refused because their numbers were used: if enough of them come,
  /// the stream began anew.
  struct Suspect {
    std::uint8_t run = 0;  ///< 0 = none
    rtp::Ssrc ssrc{};
    std::uint16_t sequence = 0;  ///< the last one's
  };

  LegKeys(srtp::SendContext send, srtp::ReceiveContext receive) noexcept
      : send_(std::move(send)), receive_(std::move(receive)) {}
  /// Whether a packet whose number was used before is the last that it takes.
  /// @param run_enough of them, in order.
  [[nodiscard]] bool ends_suspicion(rtp::Ssrc ssrc, std::uint16_t sequence,
                                    std::uint8_t run_enough) noexcept;
  void apply_renumbering(MutableBytes packet, std::uint16_t sequence) noexcept;
  void note_sent(rtp::Ssrc ssrc, std::uint16_t sequence) noexcept;
  /// Whether a stream leaves under another SSRC than it came with.
  [[nodiscard]] bool renames() const noexcept {
    return renumbering_.on && renumbering_.from != renumbering_.to;
  }

  srtp::SendContext send_;
  srtp::ReceiveContext receive_;
  std::unique_ptr<srtp::ReceiveContext> old_;
  Instant old_until_;

  Renumbering renumbering_;
  Suspect suspect_;
  bool sent_any_ = false;
  rtp::Ssrc sent_ssrc_{};
  std::uint16_t sent_sequence_ = 0;  ///< the newest of sent_ssrc_
};

}  // namespace trunkyard::pipeline
