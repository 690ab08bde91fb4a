// The segment: a piece of a recording, as a file that only grows. A recording is a row of segments
// of some seconds each, so that sending them away can begin at once and a crash spoils at most the
// end of the last one. All numbers are big-endian.
//
//   header, 72 bytes
//      0  "TYSG"   4  version (16)   6  payload kind (8)   7  channels (8)   8  rate in Hz (32)
//     12  index in the recording (32)   16  recording's id (16 bytes)
//     32  position at which each channel goes on; 0 for one that isn't there (2 x 64)
//     48  hash of all segments before (64)   56  time of day of position 0, ms since 1970 (64)
//     64  zero (32)   68  CRC-32C of all before (32)
//   blocks, 40 bytes and payload
//      0  "TYBK"   4  kind (8)   5  channel, 255 = all (8)   6  why a gap (8)   7  zero (8)
//      8  number in the segment, from 0 (32)   12  payload bytes (32)
//     16  position of the first sample (64)    24  samples (64)
//     32  CRC-32C of the payload (32)
//     36  CRC-32C of the block header before it, begun with the segment header's CRC (32)
//
// Because a block's CRC begins with its segment's, a block of another segment or recording that a
// disk brings back in the wrong place is not taken for one of ours; its number tells of lost and
// doubled ones. Header and payload have CRCs of their own, so that a damaged payload doesn't cost
// the way to the block after it.
//
// Blocks of media hold samples of one channel in a row; for Opus, packets, each behind its samples
// (16) and bytes (16). Blocks of different channels come as they were filled; within one channel
// positions only rise. Between them nothing was recorded: said by a gap block if we know why.
//
// The last block is the seal. The hash is XXH64 of the segment header with the hash of all segments
// before as seed, then of each block with the hash so far as seed. The seal's payload, 48 bytes:
//
//      0  1: the recording ends, 0: it goes on (8)    1  1: sealed after a crash (8)   2  zero (16)
//      4  blocks before this one (32)   8  bytes before this block (64)
//     16  hash of everything before (64)   24  samples of each channel (2 x 64)   40  gaps (64)
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "spool/format.h"

namespace trunkyard::spool {

/// What a block begins with: "TYBK".
inline constexpr std::uint32_t kBlockMagic = 0x5459424b;
inline constexpr std::size_t kSegmentHeaderBytes = 72;
inline constexpr std::size_t kBlockHeaderBytes = 40;
inline constexpr std::size_t kSealPayloadBytes = 48;
inline constexpr std::size_t kSealBytes = kBlockHeaderBytes + kSealPayloadBytes;
/// What stands before an Opus packet in a block.
inline constexpr std::size_t kPacketPrefixBytes = 4;
inline constexpr std::uint8_t kAllChannels = 0xff;

using RecordingId = std::array<std::uint8_t, 16>;

/// What all segments of a recording have in common.
struct RecordingFacts {
  RecordingId id{};
  MediaFormat format;
  /// Time of day of position 0, in ms since 1970. By it a recording that goes on after a crash
  /// finds the position to go on at.
  std::uint64_t started_unix_ms = 0;

  [[nodiscard]] bool operator==(const RecordingFacts&) const noexcept = default;
};

/// Where a segment stands in its recording.
struct SegmentPlace {
  std::uint32_t index = 0;  ///< below kSegmentsMax
  /// Where each channel goes on, in samples, at most kRecordingPositionMax.
  std::array<std::uint64_t, kRecordingChannelsMax> positions{};
  /// The hash of all segments before; 0 for the first.
  std::uint64_t hash_before = 0;
};

struct SegmentHeader {
  RecordingFacts recording;
  SegmentPlace place;
  /// Its CRC, with which those of its blocks begin.
  std::uint32_t crc = 0;
};

enum class BlockKind : std::uint8_t { kMedia = 1, kGap = 2, kSeal = 3 };

/// Why a piece of a recording is missing.
enum class GapReason : std::uint8_t {
  kNone = 0,     ///< nothing came: a silent sender, or one that wasn't there yet
  kPause = 1,    ///< recording was paused on order
  kSilence = 2,  ///< silence was left out on order
  kLoss = 3,     ///< the tap couldn't keep up, or the disk couldn't
  kOutage = 4,   ///< this machine or process was down
  kDamage = 5,   ///< it was written, but what is on the disk now is not what was written
};
inline constexpr std::uint8_t kGapReasons = 6;

/// A block as read or to be written. Its payload belongs to whoever owns the segment's bytes.
struct Block {
  BlockKind kind = BlockKind::kMedia;
  std::uint8_t channel = 0;
  GapReason reason = GapReason::kNone;
  std::uint32_t number = 0;
  std::uint64_t position = 0;
  std::uint64_t samples = 0;
  Bytes payload;

  [[nodiscard]] std::uint64_t end() const noexcept { return position + samples; }
  [[nodiscard]] std::size_t bytes() const noexcept { return kBlockHeaderBytes + payload.size(); }
};

/// What the seal says of its segment.
struct Seal {
  bool ends_recording = false;
  bool after_crash = false;
  std::uint32_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
  std::array<std::uint64_t, kRecordingChannelsMax> samples{};
  std::uint64_t gaps = 0;
};

/// @param into at least kSegmentHeaderBytes (CHECKed), as is the validity of facts and place.
/// @returns the header with its CRC, as reading it would.
SegmentHeader write_segment_header(MutableBytes into, const RecordingFacts& recording,
                                   const SegmentPlace& place) noexcept;
/// @returns kMediaTruncated for less than a header, kMediaMalformed for another magic, a wrong CRC
///          or numbers out of range, kMediaUnsupported for another version.
[[nodiscard]] Result<SegmentHeader> read_segment_header(Bytes bytes) noexcept;

/// Writes the header of a block whose payload is at hand.
/// @param into at least kBlockHeaderBytes (CHECKed).
void write_block_header(MutableBytes into, const Block& block, std::uint32_t segment_crc) noexcept;
/// The header at the start of `bytes`, with the payload's place if all of it is there.
struct BlockHead {
  Block block;
  std::uint32_t payload_bytes = 0;
  std::uint32_t payload_crc = 0;
};
/// @returns kMediaTruncated for less than a header, kMediaMalformed for anything that isn't the
///          header of a block of this segment, or contradicts its format.
[[nodiscard]] Result<BlockHead> read_block_header(Bytes bytes,
                                                  const SegmentHeader& segment) noexcept;

/// @param into at least kSealPayloadBytes (CHECKed).
void write_seal(MutableBytes into, const Seal& seal) noexcept;
/// @returns kMediaMalformed unless it is of the right length and its flags are 0 or 1.
[[nodiscard]] Result<Seal> read_seal(Bytes payload) noexcept;

/// One Opus packet out of a block.
struct MediaPacket {
  std::uint16_t samples = 0;
  Bytes bytes;
};
/// The next packet of a block's payload.
/// @param reader over the payload.
/// @returns kMediaTruncated when there is none or it is cut.
[[nodiscard]] Result<MediaPacket> read_packet(ByteReader& reader) noexcept;

/// Whether a media block's payload holds as many samples as its header says. O(1) but for Opus,
/// whose packets are counted.
[[nodiscard]] bool is_payload_sound(const Block& block, const MediaFormat& format) noexcept;

}  // namespace trunkyard::spool
