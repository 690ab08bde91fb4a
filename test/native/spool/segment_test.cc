// The layout itself: every field comes back, and fields that contradict each other are refused even
// when their checksums hold.
#include "spool/segment.h"

#include <array>
#include <limits>
#include <vector>

#include "native/harness.h"
#include "spool/checksum.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;

constexpr RecordingFacts kFacts{
    .id = {1, 2, 3},
    .format = {.kind = PayloadKind::kPcm16, .rate_hz = 16'000, .channel_count = 2},
    .started_unix_ms = 1'700'000'000'123};

SegmentHeader a_segment(const RecordingFacts& facts = kFacts) {
  std::array<std::uint8_t, kSegmentHeaderBytes> bytes;
  return write_segment_header(bytes, facts, {});
}

/// A header changed after it was written, its checksum made right again.
template <typename Change>
Result<SegmentHeader> read_changed(Change change) {
  std::array<std::uint8_t, kSegmentHeaderBytes> bytes;
  (void)write_segment_header(bytes, kFacts, {.index = 7});
  change(bytes);
  store_u32(bytes.data() + 68, crc32c(Bytes(bytes).first(68)));
  return read_segment_header(bytes);
}

ErrorCode read_block(const Block& block, const SegmentHeader& segment) {
  std::vector<std::uint8_t> bytes(kBlockHeaderBytes);
  write_block_header(bytes, block, segment.crc);
  bytes.insert(bytes.end(), block.payload.begin(), block.payload.end());
  return read_block_header(bytes, segment).code();
}

TEST("a segment header comes back as it was written") {
  std::array<std::uint8_t, kSegmentHeaderBytes> bytes;
  const SegmentPlace place{
      .index = kSegmentsMax - 1, .positions = {5, kRecordingPositionMax}, .hash_before = 0xabcd'ef};
  const SegmentHeader written = write_segment_header(bytes, kFacts, place);
  const Result<SegmentHeader> header = read_segment_header(bytes);
  REQUIRE(header.ok());
  CHECK_TRUE(header->recording == kFacts);
  CHECK_EQ(header->place.index, place.index);
  CHECK_TRUE(header->place.positions == place.positions);
  CHECK_EQ(header->place.hash_before, place.hash_before);
  CHECK_EQ(header->crc, written.crc);
}

TEST("a segment of another version, kind, rate, width or place is refused") {
  CHECK_TRUE(read_changed([](auto&) {}).ok());
  CHECK_EQ(read_changed([](auto& b) { b[0] = 'X'; }).code(), ErrorCode::kMediaMalformed);
  CHECK_EQ(read_changed([](auto& b) { b[5] = 2; }).code(), ErrorCode::kMediaUnsupported);
  CHECK_EQ(read_changed([](auto& b) { b[6] = kPayloadKinds; }).code(), ErrorCode::kMediaMalformed);
  CHECK_EQ(read_changed([](auto& b) { b[7] = 3; }).code(), ErrorCode::kMediaMalformed);
  CHECK_EQ(read_changed([](auto& b) { b[7] = 0; }).code(), ErrorCode::kMediaMalformed);
  CHECK_EQ(read_changed([](auto& b) { store_u32(b.data() + 8, 44'100); }).code(),
           ErrorCode::kMediaMalformed);
  CHECK_EQ(read_changed([](auto& b) { store_u32(b.data() + 12, kSegmentsMax); }).code(),
           ErrorCode::kMediaMalformed);
  CHECK_EQ(
      read_changed([](auto& b) { store_u64(b.data() + 40, kRecordingPositionMax + 1); }).code(),
      ErrorCode::kMediaMalformed);
}

TEST("a block header comes back as it was written") {
  const SegmentHeader segment = a_segment();
  const std::array<std::uint8_t, 40> payload{9, 8, 7};
  const Block block{.kind = BlockKind::kMedia,
                    .channel = 1,
                    .number = 77,
                    .position = kRecordingPositionMax - 20,
                    .samples = 20,
                    .payload = payload};
  std::vector<std::uint8_t> bytes(kBlockHeaderBytes);
  write_block_header(bytes, block, segment.crc);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  const Result<BlockHead> head = read_block_header(bytes, segment);
  REQUIRE(head.ok());
  CHECK_EQ(head->block.channel, 1u);
  CHECK_EQ(head->block.number, 77u);
  CHECK_EQ(head->block.position, block.position);
  CHECK_EQ(head->block.samples, 20u);
  CHECK_EQ(head->block.payload, payload);
  CHECK_EQ(head->payload_crc, crc32c(payload));
  // Its payload isn't all there: the header is still readable.
  const Result<BlockHead> cut = read_block_header(Bytes(bytes).first(bytes.size() - 1), segment);
  REQUIRE(cut.ok());
  CHECK_TRUE(cut->block.payload.empty());
  CHECK_EQ(cut->payload_bytes, payload.size());
  CHECK_EQ(read_block_header(Bytes(bytes).first(kBlockHeaderBytes - 1), segment).code(),
           ErrorCode::kMediaTruncated);
}

TEST("blocks that contradict the format are refused though their checksums hold") {
  const SegmentHeader segment = a_segment();
  const std::array<std::uint8_t, kSealPayloadBytes> payload{};
  const Block good{.samples = 24, .payload = payload};
  CHECK_EQ(read_block(good, segment), ErrorCode::kOk);
  const auto with = [&](auto change) {
    Block block = good;
    change(block);
    return read_block(block, segment);
  };
  constexpr ErrorCode kNo = ErrorCode::kMediaMalformed;
  CHECK_EQ(with([](Block& b) { b.channel = 2; }), kNo);
  CHECK_EQ(with([](Block& b) { b.channel = kAllChannels; }), kNo);
  CHECK_EQ(with([](Block& b) { b.reason = GapReason::kLoss; }), kNo);
  CHECK_EQ(with([](Block& b) { b.samples = 0; }), kNo);
  CHECK_EQ(with([](Block& b) { b.samples = 16'001; }), kNo);
  CHECK_EQ(with([](Block& b) { b.position = kRecordingPositionMax + 1; }), kNo);
  CHECK_EQ(with([](Block& b) { b.number = kSegmentBytesMax / kBlockHeaderBytes; }), kNo);
  CHECK_EQ(with([](Block& b) { b.number = 0xffff'ffff; }), kNo);
  CHECK_EQ(with([](Block& b) { b.position = kRecordingPositionMax - 23; }), kNo);
  CHECK_EQ(with([](Block& b) { b.position = kRecordingPositionMax - 24; }), ErrorCode::kOk);
  CHECK_EQ(with([](Block& b) { b.kind = static_cast<BlockKind>(0); }), kNo);
  CHECK_EQ(with([](Block& b) { b.kind = static_cast<BlockKind>(4); }), kNo);
  // A gap has no payload, a reason we know, and may be of all channels.
  const auto gap = [&](auto change) {
    Block block{.kind = BlockKind::kGap,
                .channel = kAllChannels,
                .reason = GapReason::kPause,
                .samples = 1'000'000,
                .payload = {}};
    change(block);
    return read_block(block, segment);
  };
  CHECK_EQ(gap([](Block&) {}), ErrorCode::kOk);
  CHECK_EQ(gap([](Block& b) { b.channel = 1; }), ErrorCode::kOk);
  CHECK_EQ(gap([](Block& b) { b.channel = 2; }), kNo);
  CHECK_EQ(gap([](Block& b) { b.samples = 0; }), kNo);
  CHECK_EQ(gap([](Block& b) { b.samples = kRecordingPositionMax + 1; }), kNo);
  CHECK_EQ(gap([](Block& b) { b.reason = static_cast<GapReason>(kGapReasons); }), kNo);
  CHECK_EQ(gap([&](Block& b) { b.payload = payload; }), kNo);
  // A seal has a payload of its length and nothing else.
  const auto seal = [&](auto change) {
    Block block{.kind = BlockKind::kSeal, .channel = kAllChannels, .payload = payload};
    change(block);
    return read_block(block, segment);
  };
  CHECK_EQ(seal([](Block&) {}), ErrorCode::kOk);
  CHECK_EQ(seal([](Block& b) { b.channel = 0; }), kNo);
  CHECK_EQ(seal([](Block& b) { b.samples = 1; }), kNo);
  CHECK_EQ(seal([&](Block& b) { b.payload = Bytes(payload).first(47); }), kNo);
}

TEST("a seal comes back as it was written, and with wrong flags not at all") {
  std::array<std::uint8_t, kSealPayloadBytes> bytes;
  const Seal written{.ends_recording = true,
                     .after_crash = true,
                     .blocks = 12,
                     .bytes = 1'234,
                     .hash = 0x0102'0304'0506'0708,
                     .samples = {5, 6},
                     .gaps = 7};
  write_seal(bytes, written);
  const Result<Seal> seal = read_seal(bytes);
  REQUIRE(seal.ok());
  CHECK_TRUE(seal->ends_recording);
  CHECK_TRUE(seal->after_crash);
  CHECK_EQ(seal->blocks, 12u);
  CHECK_EQ(seal->bytes, 1'234u);
  CHECK_EQ(seal->hash, written.hash);
  CHECK_TRUE(seal->samples == written.samples);
  CHECK_EQ(seal->gaps, 7u);
  for (const std::size_t flag : {0u, 1u}) {
    std::array<std::uint8_t, kSealPayloadBytes> wrong = bytes;
    wrong[flag] = 2;
    CHECK_EQ(read_seal(wrong).code(), ErrorCode::kMediaMalformed);
  }
  CHECK_EQ(read_seal(Bytes(bytes).first(47)).code(), ErrorCode::kMediaMalformed);
}

TEST("a payload is sound when its samples are those of its header") {
  const std::array<std::uint8_t, 100> bytes{};
  const auto is_sound = [&](PayloadKind kind, std::size_t size, std::uint64_t samples) {
    return is_payload_sound({.samples = samples, .payload = Bytes(bytes).first(size)},
                            {.kind = kind});
  };
  CHECK_TRUE(is_sound(PayloadKind::kPcmu, 100, 100));
  CHECK_FALSE(is_sound(PayloadKind::kPcmu, 99, 100));
  CHECK_TRUE(is_sound(PayloadKind::kPcm16, 100, 50));
  CHECK_FALSE(is_sound(PayloadKind::kPcm16, 99, 49));
  CHECK_TRUE(is_sound(PayloadKind::kG722, 100, 200));
  CHECK_FALSE(is_sound(PayloadKind::kG722, 100, 199));

  const std::array<std::uint8_t, 13> packets{3, 192, 0, 2, 1, 1, 3, 192, 0, 3, 2, 2, 2};
  const Block opus{.samples = 1'920, .payload = packets};
  const MediaFormat format{.kind = PayloadKind::kOpus, .rate_hz = 48'000};
  CHECK_TRUE(is_payload_sound(opus, format));
  CHECK_FALSE(is_payload_sound({.samples = 1'921, .payload = packets}, format));
  for (std::size_t cut = 1; cut < packets.size(); ++cut)
    CHECK_FALSE(is_payload_sound({.samples = 1'920, .payload = Bytes(packets).first(cut)}, format));
}

}  // namespace
