// The RTP packet: a checked, read-only view of the header and its parts, and in-place rewriting of
// the fields a relay may change. RFC 3550 §5.1; header extensions RFC 8285. Copies nothing, owns
// nothing.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//   |                           timestamp                           |
//   |                             SSRC                              |
//   |                   CSRC x CC (4 bytes each)                    |
//   |   X: profile  (16 bits)       |  length in 32-bit words       |  extension data ...
//   |   payload ...                            P: padding ... count |
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/result.h"
#include "rtp/sequence.h"

namespace trunkyard::rtp {

inline constexpr std::size_t kRtpHeaderBytes = 12;
static_assert(kRtpHeaderBytes + std::size_t{4} * kCsrcsMax < kPacketBytesMax);

/// Profile of the one-byte extension form, and the mask that tells the two-byte form (RFC 8285
/// §4.2, §4.3: 0x1000 to 0x100f, the low bits being the application's).
inline constexpr std::uint16_t kOneByteExtensionProfile = 0xbede;
inline constexpr std::uint16_t kTwoByteExtensionProfile = 0x1000;
inline constexpr std::uint16_t kTwoByteExtensionMask = 0xfff0;

/// Looks at a datagram as RTP. Valid as long as the bytes it was parsed from.
class PacketView {
 public:
  /// @returns kPacketTruncated when a length says more than there is, kVersionUnsupported unless
  /// the
  ///          version is 2, kPacketMalformed for a padding count of 0 or beyond the payload.
  [[nodiscard]] static Result<PacketView> parse(Bytes datagram) noexcept;

  [[nodiscard]] bool marker() const noexcept { return (bytes_[1] & 0x80) != 0; }
  /// 0..127.
  [[nodiscard]] std::uint8_t payload_type() const noexcept { return bytes_[1] & 0x7f; }
  [[nodiscard]] std::uint16_t sequence() const noexcept { return load_u16(bytes_.data() + 2); }
  [[nodiscard]] RtpTimestamp timestamp() const noexcept {
    return static_cast<RtpTimestamp>(load_u32(bytes_.data() + 4));
  }
  [[nodiscard]] Ssrc ssrc() const noexcept {
    return static_cast<Ssrc>(load_u32(bytes_.data() + 8));
  }

  /// 0..15.
  [[nodiscard]] std::uint32_t csrc_count() const noexcept { return bytes_[0] & 0x0f; }
  /// @param index below csrc_count() (CHECKed).
  [[nodiscard]] Ssrc csrc(std::uint32_t index) const noexcept {
    CHECK(index < csrc_count());
    return static_cast<Ssrc>(load_u32(bytes_.data() + kRtpHeaderBytes + std::size_t{4} * index));
  }

  [[nodiscard]] bool has_extension() const noexcept { return (bytes_[0] & 0x10) != 0; }
  /// The extension's 16-bit profile; 0 without extension.
  [[nodiscard]] std::uint16_t extension_profile() const noexcept {
    return has_extension() ? load_u16(bytes_.data() + extension_offset_) : std::uint16_t{0};
  }
  /// The extension's data, a multiple of 4 bytes; empty without extension.
  [[nodiscard]] Bytes extension() const noexcept {
    if (!has_extension()) return {};
    return bytes_.subspan(extension_offset_ + 4u, payload_offset_ - extension_offset_ - 4u);
  }

  /// What the codec gets: no header, no padding. May be empty (keep-alive, RFC 6263 §4.6).
  [[nodiscard]] Bytes payload() const noexcept {
    return bytes_.subspan(payload_offset_, bytes_.size() - payload_offset_ - padding_bytes_);
  }
  [[nodiscard]] std::size_t header_bytes() const noexcept { return payload_offset_; }
  /// Padding with its count byte; 0 without.
  [[nodiscard]] std::size_t padding_bytes() const noexcept { return padding_bytes_; }
  /// The whole datagram.
  [[nodiscard]] Bytes bytes() const noexcept { return bytes_; }

 private:
  explicit PacketView(Bytes bytes) noexcept : bytes_(bytes) {}

  Bytes bytes_;
  std::uint32_t extension_offset_ = 0;
  std::uint32_t payload_offset_ = 0;
  std::uint32_t padding_bytes_ = 0;
};

// In-place rewriting, of a packet that PacketView::parse accepted (at least 12 bytes, CHECKed).

/// Keeps the marker bit. @param payload_type 0..127 (CHECKed).
inline void rewrite_payload_type(MutableBytes packet, std::uint8_t payload_type) noexcept {
  CHECK(packet.size() >= kRtpHeaderBytes);
  CHECK(payload_type < kPayloadTypes);
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | payload_type);
}
inline void rewrite_marker(MutableBytes packet, bool marker) noexcept {
  CHECK(packet.size() >= kRtpHeaderBytes);
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x7f) | (marker ? 0x80 : 0));
}
inline void rewrite_sequence(MutableBytes packet, std::uint16_t sequence) noexcept {
  CHECK(packet.size() >= kRtpHeaderBytes);
  store_u16(packet.data() + 2, sequence);
}
inline void rewrite_timestamp(MutableBytes packet, RtpTimestamp timestamp) noexcept {
  CHECK(packet.size() >= kRtpHeaderBytes);
  store_u32(packet.data() + 4, static_cast<std::uint32_t>(timestamp));
}
inline void rewrite_ssrc(MutableBytes packet, Ssrc ssrc) noexcept {
  CHECK(packet.size() >= kRtpHeaderBytes);
  store_u32(packet.data() + 8, static_cast<std::uint32_t>(ssrc));
}

/// The fixed header of a packet we make ourselves.
struct RtpHeader {
  std::uint8_t payload_type = 0;  ///< 0..127
  bool marker = false;
  std::uint16_t sequence = 0;
  RtpTimestamp timestamp{};
  Ssrc ssrc{};
};

/// Writes the 12 bytes of a header without CSRCs, extension or padding. A writer without room
/// fails.
void write_header(ByteWriter& writer, const RtpHeader& header) noexcept;

}  // namespace trunkyard::rtp
