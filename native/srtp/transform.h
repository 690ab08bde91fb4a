// What a suite does to the bytes of one packet whose index is known: encrypts and signs, or checks
// and decrypts. Knows nothing of sources, replays or rollover; context.h does.
//
//   AES_CM   RTP   | header | payload*       | MKI | tag |
//            RTCP  | 8      | rest*          | E, index | MKI | tag |
//   AEAD     RTP   | header | payload*       | tag | MKI |
//            RTCP  | 8      | rest*          | tag | E, index | MKI |       * encrypted
//
// RFC 3711 §3.1, §3.4; RFC 7714 §8, §9.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "rtp/sequence.h"
#include "srtp/cipher.h"
#include "srtp/key_derivation.h"
#include "srtp/suite.h"

namespace trunkyard::srtp {

/// Of an RTCP packet, what stays readable: type, length and the sender's SSRC.
inline constexpr std::size_t kRtcpClearBytes = 8;

enum class Direction : std::uint8_t { kProtect, kUnprotect };

/// Choices of a transform beside its keys.
struct TransformOptions {
  Suite suite = Suite::kAesCm128HmacSha1Tag80;
  Direction direction = Direction::kProtect;
  Bytes mki = {};  ///< 0..kMkiBytesMax bytes; copied
  Kernels kernels = {};
};

class Transform {
 public:
  /// @returns kConfigInvalid for a longer MKI, kCryptoUnavailable when the TLS library refuses.
  [[nodiscard]] static Result<Transform> create(const SessionKeys& keys,
                                                const TransformOptions& options) noexcept;

  /// How much longer a packet gets.
  [[nodiscard]] std::size_t rtp_tail_bytes() const noexcept { return rtp_tail_bytes_; }
  [[nodiscard]] std::size_t rtcp_tail_bytes() const noexcept { return rtcp_tail_bytes_; }

  // For all four: `whole` is the packet and its tail; lengths are CHECKed. A transform made for
  // one direction is CHECKed not to be used for the other.

  /// @param header_bytes  what stays readable: header, CSRCs, extension.
  /// @param index  below 2^48.
  /// @returns false when the TLS library failed; the packet must then not be sent.
  [[nodiscard]] bool protect_rtp(MutableBytes whole, std::size_t header_bytes,
                                 std::uint64_t index) noexcept;
  /// @param index  below 2^31.
  [[nodiscard]] bool protect_rtcp(MutableBytes whole, std::uint32_t index) noexcept;

  /// @returns false when the packet is not authentic under this index; not one byte of it has then
  ///          changed.
  [[nodiscard]] bool unprotect_rtp(MutableBytes whole, std::size_t header_bytes,
                                   std::uint64_t index) noexcept;
  /// The index is the packet's own, which must be marked as encrypted (`rtcp_encrypted`).
  [[nodiscard]] bool unprotect_rtcp(MutableBytes whole) noexcept;

  /// Whether the packet carries our MKI. Always, when there is none.
  [[nodiscard]] bool names_our_key_rtp(Bytes whole) const noexcept;
  [[nodiscard]] bool names_our_key_rtcp(Bytes whole) const noexcept;
  /// The index that an RTCP packet carries, 31 bits; and its E bit. Neither is authentic yet.
  [[nodiscard]] std::uint32_t rtcp_index(Bytes whole) const noexcept;
  [[nodiscard]] bool rtcp_encrypted(Bytes whole) const noexcept;

 private:
  /// The keys of RTP, or of RTCP, made ready.
  struct Machine {
    std::optional<CounterMode> counter;
    std::optional<Authenticator> authenticator;
    std::optional<GcmMode> gcm;
    std::array<std::uint8_t, kMasterSaltBytesMax> salt;
  };

  Transform(const TransformOptions& options) noexcept;
  [[nodiscard]] static Result<void> set_up(Machine& machine, const SessionKey& key,
                                           const TransformOptions& options) noexcept;
  [[nodiscard]] Bytes mki() const noexcept { return {mki_.data(), mki_bytes_}; }
  [[nodiscard]] std::size_t rtcp_index_offset(Bytes whole) const noexcept;

  Machine rtp_;
  Machine rtcp_;
  SuiteShape shape_;
  Direction direction_;
  std::uint8_t mki_bytes_ = 0;
  std::array<std::uint8_t, kMkiBytesMax> mki_ = {};
  std::size_t rtp_tail_bytes_;
  std::size_t rtcp_tail_bytes_;
};

}  // namespace trunkyard::srtp
