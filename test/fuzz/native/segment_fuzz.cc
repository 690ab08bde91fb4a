// Segments of recordings: the input is one, or a row of them, whole or not. Whatever it is, blocks
// come back in order and within bounds, what is called good is good when read again, and an export
// ends.
//
// A checksum would turn away nearly every change of the input before anything else saw it. So the
// input's own checksums are made right first, as far as they can be found; the first byte says how.
#include <array>
#include <vector>

#include "base/check.h"
#include "fuzz/native/targets.h"
#include "spool/checksum.h"
#include "spool/recording_index.h"
#include "spool/recording_reader.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using Buffer = std::vector<std::uint8_t>;

constexpr std::size_t kSegmentCrcAt = kSegmentHeaderBytes - 4;
constexpr std::size_t kBlockCrcAt = kBlockHeaderBytes - 4;

/// Makes the header's checksum right, and those of all blocks in a row behind it.
void mend(MutableBytes segment) {
  if (segment.size() < kSegmentHeaderBytes) return;
  const std::uint32_t crc = crc32c(segment.first(kSegmentCrcAt));
  store_u32(segment.data() + kSegmentCrcAt, crc);
  MutableBytes rest = segment.subspan(kSegmentHeaderBytes);
  while (rest.size() >= kBlockHeaderBytes) {
    const std::uint32_t payload_bytes = load_u32(rest.data() + 12);
    if (payload_bytes > rest.size() - kBlockHeaderBytes) return;
    store_u32(rest.data() + 32, crc32c(rest.subspan(kBlockHeaderBytes, payload_bytes)));
    store_u32(rest.data() + kBlockCrcAt, crc32c(rest.first(kBlockCrcAt), crc));
    rest = rest.subspan(kBlockHeaderBytes + payload_bytes);
  }
}

/// Reads a segment twice: as it is, and cut off where it says that it is good.
void check_segment(Bytes segment) {
  std::array<MissingPiece, 4> missing;
  const Result<SegmentReport> report = recover(segment, missing);
  if (!report.ok()) {
    CHECK(report.error() == ErrorCode::kMediaTruncated ||
          report.error() == ErrorCode::kMediaMalformed ||
          report.error() == ErrorCode::kMediaUnsupported);
    return;
  }
  CHECK(report->good_bytes >= kSegmentHeaderBytes);
  CHECK(report->good_bytes <= segment.size());
  for (const std::uint64_t end : report->ends)
    CHECK(end <= kRecordingPositionMax);

  const MediaFormat& format = report->header.recording.format;
  SegmentReader reader = SegmentReader::open(segment).value();
  std::array<std::uint64_t, kRecordingChannelsMax> ends = report->header.place.positions;
  std::uint32_t blocks = 0;
  for (Block block; reader.next(block); ++blocks) {
    CHECK(block.kind != BlockKind::kSeal);
    CHECK(block.samples > 0);
    CHECK(block.payload.size() <= kSegmentBlockBytesMax);
    CHECK(is_payload_sound(block, format));
    for (std::uint8_t channel = 0; channel < format.channel_count; ++channel) {
      if (block.channel != channel && block.channel != kAllChannels) continue;
      CHECK(block.position >= ends[channel]);
      ends[channel] = block.end();
    }
  }
  CHECK(blocks == report->blocks);

  Buffer good(segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(report->good_bytes));
  if (!report->seal.has_value()) {
    std::array<std::uint8_t, kSealBytes> seal;
    const Bytes bytes = write_recovery_seal(*report, seal);
    good.insert(good.end(), bytes.begin(), bytes.end());
  }
  const Result<SegmentReport> again = recover(good, {});
  CHECK(again.ok());
  CHECK(again->seal.has_value());
  CHECK(again->blocks == report->blocks);
  CHECK(again->hash == report->hash);
  CHECK(again->missing == report->missing);
  // What was damaged in the middle stays so; else the file is whole now.
  if (!report->seal.has_value() && again->damages == 0) CHECK(again->is_whole());
}

void check_recording(std::span<const Bytes> segments) {
  const Result<SegmentReport> first = recover(segments[0], {});
  if (!first.ok()) return;
  RecordingIndex index(first->header.recording, 16);
  for (const Bytes segment : segments) {
    const Result<SegmentReport> report = recover(segment, {});
    if (report.ok()) (void)index.add(*report);
  }
  const RecordingSummary summary = index.summary();
  CHECK(summary.segments_missing < 16);
  CHECK(!summary.is_complete || summary.segments_missing + summary.segments_unsound == 0);
  CHECK(index.list_missing({}) == summary.segments_missing);

  Result<RecordingReader> reader =
      RecordingReader::open(segments, {.pauses_as_silence = false, .silences_as_silence = false});
  if (!reader.ok()) return;
  std::array<std::uint8_t, 1'024> audio;
  // Holes may be as long as a hundred years; an export of one goes on as long as it is asked to.
  for (int pieces = 0; pieces < 3; ++pieces) {
    const Bytes piece = reader->read(audio);
    CHECK(piece.size() % reader->frame_bytes() == 0);
    if (piece.size() < audio.size() - reader->frame_bytes()) break;
  }
}

}  // namespace

int segment_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Buffer bytes(data + 1, data + size);
  if ((data[0] & 1) != 0) mend(bytes);
  check_segment(bytes);
  // The same bytes in two or three parts, as segments of one recording.
  const std::size_t cut = bytes.size() * (data[0] >> 1) / 128;
  const MutableBytes whole(bytes);
  if ((data[0] & 1) != 0) mend(whole.subspan(cut));
  const std::array<Bytes, 3> segments{whole.first(cut), whole.subspan(cut), whole};
  check_recording(segments);
  check_recording(std::span(segments).subspan(1));
  return 0;
}

}  // namespace fuzz
