// Layout of segments; see segment.h.
#include "spool/segment.h"

#include "base/check.h"
#include "base/limits.h"
#include "spool/checksum.h"

namespace trunkyard::spool {
namespace {

constexpr std::uint32_t kSegmentMagic = 0x54595347;  // "TYSG"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kSegmentCrcAt = kSegmentHeaderBytes - 4;
constexpr std::size_t kBlockCrcAt = kBlockHeaderBytes - 4;
/// More blocks than a segment has room for, so that numbers never wrap.
constexpr std::uint32_t kBlocksMax = kSegmentBytesMax / kBlockHeaderBytes;

/// Whether the header contradicts neither itself nor the segment's format. What it says of its
/// payload is checked with the payload.
bool is_block_sound(const BlockHead& head, const SegmentHeader& segment) noexcept {
  const Block& block = head.block;
  const MediaFormat& format = segment.recording.format;
  if (block.position > kRecordingPositionMax ||
      block.samples > kRecordingPositionMax - block.position) {
    return false;
  }
  if (head.payload_bytes > kSegmentBlockBytesMax) return false;
  if (block.number > kBlocksMax || (block.number == kBlocksMax && block.kind != BlockKind::kSeal))
    return false;
  switch (block.kind) {
    case BlockKind::kMedia:
      return block.channel < format.channel_count && block.reason == GapReason::kNone &&
             block.samples > 0 && block.samples <= format.samples_of_ms(kSegmentBlockMsMax);
    case BlockKind::kGap:
      return (block.channel < format.channel_count || block.channel == kAllChannels) &&
             block.samples > 0 && head.payload_bytes == 0;
    case BlockKind::kSeal:
      return block.channel == kAllChannels && block.reason == GapReason::kNone &&
             block.samples == 0 && head.payload_bytes == kSealPayloadBytes;
  }
  return false;
}

}  // namespace

SegmentHeader write_segment_header(MutableBytes into, const RecordingFacts& recording,
                                   const SegmentPlace& place) noexcept {
  CHECK(into.size() >= kSegmentHeaderBytes);
  CHECK(recording.format.is_valid());
  CHECK(place.index < kSegmentsMax);
  for (const std::uint64_t position : place.positions)
    CHECK(position <= kRecordingPositionMax);
  ByteWriter writer(into.first(kSegmentHeaderBytes));
  writer.u32(kSegmentMagic);
  writer.u16(kVersion);
  writer.u8(static_cast<std::uint8_t>(recording.format.kind));
  writer.u8(recording.format.channel_count);
  writer.u32(recording.format.rate_hz);
  writer.u32(place.index);
  writer.bytes(recording.id);
  for (const std::uint64_t position : place.positions)
    writer.u64(position);
  writer.u64(place.hash_before);
  writer.u64(recording.started_unix_ms);
  writer.u32(0);
  const std::uint32_t crc = crc32c(into.first(kSegmentCrcAt));
  writer.u32(crc);
  return {.recording = recording, .place = place, .crc = crc};
}

Result<SegmentHeader> read_segment_header(Bytes bytes) noexcept {
  if (bytes.size() < kSegmentHeaderBytes) return Error{ErrorCode::kMediaTruncated};
  ByteReader reader(bytes.first(kSegmentHeaderBytes));
  if (reader.u32() != kSegmentMagic) return Error{ErrorCode::kMediaMalformed};
  const std::uint16_t version = reader.u16();
  SegmentHeader header;
  header.crc = load_u32(bytes.data() + kSegmentCrcAt);
  if (crc32c(bytes.first(kSegmentCrcAt)) != header.crc) return Error{ErrorCode::kMediaMalformed};
  if (version != kVersion) return Error{ErrorCode::kMediaUnsupported};

  const std::uint8_t kind = reader.u8();
  MediaFormat& format = header.recording.format;
  format.kind = static_cast<PayloadKind>(kind);
  format.channel_count = reader.u8();
  format.rate_hz = reader.u32();
  header.place.index = reader.u32();
  const Bytes id = reader.take(header.recording.id.size());
  std::memcpy(header.recording.id.data(), id.data(), id.size());
  for (std::uint64_t& position : header.place.positions)
    position = reader.u64();
  header.place.hash_before = reader.u64();
  header.recording.started_unix_ms = reader.u64();
  if (kind >= kPayloadKinds || !format.is_valid() || header.place.index >= kSegmentsMax)
    return Error{ErrorCode::kMediaMalformed};
  for (const std::uint64_t position : header.place.positions) {
    if (position > kRecordingPositionMax) return Error{ErrorCode::kMediaMalformed};
  }
  return header;
}

void write_block_header(MutableBytes into, const Block& block, std::uint32_t segment_crc) noexcept {
  CHECK(into.size() >= kBlockHeaderBytes);
  CHECK(block.payload.size() <= kSegmentBlockBytesMax);
  ByteWriter writer(into.first(kBlockHeaderBytes));
  writer.u32(kBlockMagic);
  writer.u8(static_cast<std::uint8_t>(block.kind));
  writer.u8(block.channel);
  writer.u8(static_cast<std::uint8_t>(block.reason));
  writer.u8(0);
  writer.u32(block.number);
  writer.u32(static_cast<std::uint32_t>(block.payload.size()));
  writer.u64(block.position);
  writer.u64(block.samples);
  writer.u32(crc32c(block.payload));
  writer.u32(crc32c(into.first(kBlockCrcAt), segment_crc));
}

Result<BlockHead> read_block_header(Bytes bytes, const SegmentHeader& segment) noexcept {
  if (bytes.size() < kBlockHeaderBytes) return Error{ErrorCode::kMediaTruncated};
  ByteReader reader(bytes.first(kBlockHeaderBytes));
  if (reader.u32() != kBlockMagic ||
      crc32c(bytes.first(kBlockCrcAt), segment.crc) != load_u32(bytes.data() + kBlockCrcAt)) {
    return Error{ErrorCode::kMediaMalformed};
  }
  const std::uint8_t kind = reader.u8();
  BlockHead head;
  head.block.kind = static_cast<BlockKind>(kind);
  head.block.channel = reader.u8();
  const std::uint8_t reason = reader.u8();
  head.block.reason = static_cast<GapReason>(reason);
  reader.skip(1);
  head.block.number = reader.u32();
  head.payload_bytes = reader.u32();
  head.block.position = reader.u64();
  head.block.samples = reader.u64();
  head.payload_crc = reader.u32();
  if (kind == 0 || kind > static_cast<std::uint8_t>(BlockKind::kSeal) || reason >= kGapReasons ||
      !is_block_sound(head, segment)) {
    return Error{ErrorCode::kMediaMalformed};
  }
  if (bytes.size() - kBlockHeaderBytes >= head.payload_bytes)
    head.block.payload = bytes.subspan(kBlockHeaderBytes, head.payload_bytes);
  return head;
}

void write_seal(MutableBytes into, const Seal& seal) noexcept {
  CHECK(into.size() >= kSealPayloadBytes);
  ByteWriter writer(into.first(kSealPayloadBytes));
  writer.u8(seal.ends_recording ? 1 : 0);
  writer.u8(seal.after_crash ? 1 : 0);
  writer.u16(0);
  writer.u32(seal.blocks);
  writer.u64(seal.bytes);
  writer.u64(seal.hash);
  for (const std::uint64_t samples : seal.samples)
    writer.u64(samples);
  writer.u64(seal.gaps);
}

Result<Seal> read_seal(Bytes payload) noexcept {
  if (payload.size() != kSealPayloadBytes) return Error{ErrorCode::kMediaMalformed};
  ByteReader reader(payload);
  const std::uint8_t ends = reader.u8();
  const std::uint8_t crashed = reader.u8();
  reader.skip(2);
  if (ends > 1 || crashed > 1) return Error{ErrorCode::kMediaMalformed};
  Seal seal{.ends_recording = ends == 1, .after_crash = crashed == 1};
  seal.blocks = reader.u32();
  seal.bytes = reader.u64();
  seal.hash = reader.u64();
  for (std::uint64_t& samples : seal.samples)
    samples = reader.u64();
  seal.gaps = reader.u64();
  return seal;
}

Result<MediaPacket> read_packet(ByteReader& reader) noexcept {
  MediaPacket packet;
  packet.samples = reader.u16();
  packet.bytes = reader.take(reader.u16());
  if (!reader.ok()) return Error{ErrorCode::kMediaTruncated};
  return packet;
}

bool is_payload_sound(const Block& block, const MediaFormat& format) noexcept {
  if (block.kind != BlockKind::kMedia) return true;
  if (format.is_fixed()) {
    return block.samples * bits_per_sample(format.kind) == block.payload.size() * 8;
  }
  ByteReader reader(block.payload);
  std::uint64_t samples = 0;
  while (reader.remaining() > 0) {
    const Result<MediaPacket> packet = read_packet(reader);
    if (!packet.ok() || packet->samples == 0) return false;
    samples += packet->samples;
  }
  return samples == block.samples;
}

}  // namespace trunkyard::spool
