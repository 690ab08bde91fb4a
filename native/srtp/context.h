// SendContext and ReceiveContext: SRTP and SRTCP of one direction of one leg, under one master key
// (RFC 3711 §3.2; a leg has two keys, one for each direction, RFC 4568 §5.1.2). They work in place
// on a packet in its buffer, allocate when made and when re-keyed, never in between, and belong to
// one thread.
//
// A packet that is refused is left exactly as it was, whatever the reason (but kCipherFailed). So a
// caller may ask a second context about it: the one of the key that was in use until a moment ago.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/result.h"
#include "rtp/sequence.h"
#include "srtp/key_memory.h"
#include "srtp/master_key.h"
#include "srtp/sources.h"
#include "srtp/suite.h"
#include "srtp/transform.h"

namespace trunkyard::srtp {

enum class Verdict : std::uint8_t {
  kOk,
  kTruncated,     ///< shorter than its own lengths and the tail of the suite say
  kMalformed,     ///< not RTP or RTCP of version 2, or longer than kPacketBytesMax
  kNoRoom,        ///< the buffer has no room for the tail
  kUnauthentic,   ///< wrong key, or changed on the way
  kReplayed,      ///< seen before; when sending: would use a part of the keystream twice
  kTooOld,        ///< older than the replay window
  kSourcesFull,   ///< a new SSRC, but kSrtpSourcesMax are known; told before authentication
  kKeyUnknown,    ///< carries another MKI than the one agreed; told before authentication
  kNotEncrypted,  ///< RTCP that is signed only, which we never agree to; told before authentication
  kKeyExhausted,  ///< 2^48 RTP or 2^31 RTCP packets; only a new key helps (RFC 3711 §9.2)
  kCipherFailed,  ///< the TLS library failed; never seen
};
inline constexpr std::size_t kVerdicts = 12;

struct Outcome {
  Verdict verdict = Verdict::kOk;
  /// Length of the packet afterwards; 0 unless kOk.
  std::uint32_t bytes = 0;
};

/// How often each verdict was given.
class VerdictCounts {
 public:
  [[nodiscard]] std::uint64_t operator[](Verdict verdict) const noexcept {
    return counts_[static_cast<std::size_t>(verdict)];
  }
  void add(Verdict verdict) noexcept { ++counts_[static_cast<std::size_t>(verdict)]; }

 private:
  std::array<std::uint64_t, kVerdicts> counts_ = {};
};

/// What becomes of rollover counters when we send under a new key.
enum class RolloverRule : std::uint8_t {
  kKeep,   ///< same addresses: the counters go on (RFC 3711 §3.3.1)
  kReset,  ///< our address or port is new: the peer can't know them (RFC 4568 §7.1.4)
};

/// Our packets to the peer, under the key that we sent it.
class SendContext {
 public:
  /// @param isa  Isa::kC leaves everything to the TLS library.
  /// @returns kCryptoUnavailable when the TLS library refuses.
  [[nodiscard]] static Result<SendContext> create(const MasterKey& key, Isa isa) noexcept;

  /// Protects an RTP packet in place. A packet in disorder is fine within the replay window; a
  /// second one of the same number is refused, and so is a stream that goes on at a lower number:
  /// renumber it or give it another SSRC first.
  /// @param buffer  the packet and, behind it, room for kSrtpTailBytesMax.
  /// @param packet_bytes  at most buffer.size() (CHECKed).
  [[nodiscard]] Outcome protect_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept;
  /// Protects a compound RTCP packet in place; under every suite it is encrypted and signed.
  [[nodiscard]] Outcome protect_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept;

  /// What a re-INVITE brings: another key, or the same one once more. The same changes nothing, its
  /// counters go on whatever the rule says, as a keystream must never be used twice; so do those of
  /// a key that was left before (KeyMemory).
  /// @returns kCryptoUnavailable; the old key is then still in use.
  [[nodiscard]] Result<void> rekey(const MasterKey& key, RolloverRule rule) noexcept;
  /// Lets the numbers of a source begin elsewhere: when a leg is taken over from another engine.
  /// @param highest_rtp  index of the last RTP packet sent, below 2^48 (CHECKed): the next goes on
  ///                     from there.
  /// @param next_rtcp  index of its next RTCP packet, at most 2^31 (CHECKed).
  /// @returns false when the table of sources is full.
  [[nodiscard]] bool resume(rtp::Ssrc ssrc, std::uint64_t highest_rtp,
                            std::uint32_t next_rtcp) noexcept;

  [[nodiscard]] const VerdictCounts& counts() const noexcept { return counts_; }

 private:
  SendContext(const MasterKey& key, Isa isa, Transform transform) noexcept
      : key_(key), transform_(std::move(transform)), isa_(isa) {}

  [[nodiscard]] Verdict seal_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept;
  [[nodiscard]] Verdict seal_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept;

  MasterKey key_;
  Transform transform_;
  SourceTable sources_;
  KeyMemory left_;
  VerdictCounts counts_;
  Isa isa_;
};

/// The peer's packets, under the key that it sent us.
class ReceiveContext {
 public:
  /// See SendContext::create.
  [[nodiscard]] static Result<ReceiveContext> create(const MasterKey& key, Isa isa) noexcept;

  /// Checks and decrypts an RTP packet in place; `bytes` of the outcome are the plain packet, at
  /// the front of `packet`. Replays are refused before any cryptography, and the window moves only
  /// after authentication (RFC 3711 §3.3), so a forged number moves nothing.
  ///
  /// The first packet of a source is tried at rollover 0 and, if its number is in the lower half,
  /// at 1: the numbers may have wrapped before we could listen. After rekey() the first packet is
  /// also tried where the source stood, as some peers keep their counters and others don't. Under a
  /// key that was left before, what it has seen stays seen (KeyMemory).
  [[nodiscard]] Outcome unprotect_rtp(MutableBytes packet) noexcept;
  /// The same for a compound RTCP packet.
  [[nodiscard]] Outcome unprotect_rtcp(MutableBytes packet) noexcept;

  /// What a re-INVITE brings: another key, or the same one once more, which changes nothing.
  /// @returns kCryptoUnavailable; the old key is then still in use.
  [[nodiscard]] Result<void> rekey(const MasterKey& key) noexcept;
  /// What a re-INVITE brings, for both keys to be heard: a context of the next key that knows where
  /// the streams stand, as after rekey(). This one goes on for packets of its own key.
  /// @returns kCryptoUnavailable.
  [[nodiscard]] Result<ReceiveContext> successor(const MasterKey& key) const noexcept;
  /// Takes note of what a context of another key has heard, for a return to that key. Allocates the
  /// first time that it is told of that key.
  void remember(const ReceiveContext& other) noexcept;
  /// Whether rekey(key) would change nothing.
  [[nodiscard]] bool uses(const MasterKey& key) const noexcept { return key_.same_as(key); }
  /// Tells where a source stands: when a leg is taken over from another engine. Tried first, like
  /// the old place after rekey(), and so no harm when it is wrong.
  /// @param highest_rtp  index of the last RTP packet received, below 2^48 (CHECKed).
  /// @returns false when the table of sources is full.
  [[nodiscard]] bool resume(rtp::Ssrc ssrc, std::uint64_t highest_rtp) noexcept;

  [[nodiscard]] const VerdictCounts& counts() const noexcept { return counts_; }

 private:
  ReceiveContext(const MasterKey& key, Isa isa, Transform transform) noexcept
      : key_(key), transform_(std::move(transform)), isa_(isa) {}

  [[nodiscard]] Verdict open_rtp(MutableBytes packet) noexcept;
  [[nodiscard]] Verdict open_rtcp(MutableBytes packet) noexcept;

  MasterKey key_;
  Transform transform_;
  SourceTable sources_;
  KeyMemory left_;
  VerdictCounts counts_;
  Isa isa_;
};

/// A leg with SRTP has one of each.
static_assert(sizeof(SendContext) + sizeof(ReceiveContext) <= 6 * 1'024);

}  // namespace trunkyard::srtp
