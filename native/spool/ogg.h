// Ogg pages, as Opus uses them (RFC 3533 §6, RFC 7845): layout and constants that the writer and
// the reader share. Numbers are little-endian.
//
//    0  "OggS"   4  version 0   5  flags   6  granule position (64)   14  serial number (32)
//   18  page number (32)   22  CRC over the page with this field zero (32)
//   26  segments (8)   27  their lengths (8 each), then the packets' bytes
//
// A packet's length is the sum of its segments, all of 255 but the last; a packet of a multiple of
// 255 ends with an empty one. The granule position counts samples at 48,000 Hz to the end of the
// last packet that ends on the page, the pre-skip included.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace trunkyard::spool {

inline constexpr std::uint32_t kOggMagic = 0x4f676753;  // "OggS", as ByteReader::u32() reads it
inline constexpr std::size_t kOggHeaderBytes = 27;
inline constexpr std::size_t kOggSegmentsMax = 255;
inline constexpr std::size_t kOggSegmentBytesMax = 255;
inline constexpr std::size_t kOggPageBytesMax =
    kOggHeaderBytes + kOggSegmentsMax + kOggSegmentsMax * kOggSegmentBytesMax;

inline constexpr std::uint8_t kOggContinued = 0x01;  ///< begins within a packet
inline constexpr std::uint8_t kOggFirst = 0x02;      ///< of its stream
inline constexpr std::uint8_t kOggLast = 0x04;       ///< of its stream

/// Opus in Ogg counts at this rate, whatever the audio's own (RFC 7845 §4).
inline constexpr std::uint32_t kOggOpusRateHz = 48'000;
inline constexpr std::array<std::uint8_t, 8> kOpusHeadMagic{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd'};
inline constexpr std::array<std::uint8_t, 8> kOpusTagsMagic{'O', 'p', 'u', 's', 'T', 'a', 'g', 's'};

/// What the first packet says (RFC 7845 §5.1).
struct OpusHead {
  /// 1 or 2.
  std::uint8_t channel_count = 1;
  /// Samples at 48,000 Hz to be thrown away at the start: the encoder's look-ahead.
  std::uint16_t pre_skip = 312;
  /// Of the sound before it was encoded; for the record only.
  std::uint32_t input_rate_hz = 48'000;
  /// To be applied when decoding, in 1/256 dB.
  std::int16_t gain_q8_db = 0;

  [[nodiscard]] bool operator==(const OpusHead&) const noexcept = default;
};

}  // namespace trunkyard::spool
