// Segments cut at every byte, flipped, doubled and mixed up: what comes back is what was written,
// and no more is lost than was touched.
#include "spool/segment_reader.h"

#include <algorithm>
#include <array>

#include "base/prng.h"
#include "native/spool/tape.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using test::Buffer;
using test::numbered;
using test::Tape;

constexpr MediaFormat kMono{.kind = PayloadKind::kPcm16, .rate_hz = 8'000, .channel_count = 1};
constexpr MediaFormat kDual{.kind = PayloadKind::kPcmu, .rate_hz = 8'000, .channel_count = 2};

/// Where each block of a whole segment begins, and last where it ends.
std::vector<std::size_t> borders_of(const Buffer& segment) {
  std::vector<std::size_t> borders{kSegmentHeaderBytes};
  const SegmentHeader header = read_segment_header(segment).value();
  while (borders.back() < segment.size()) {
    const Result<BlockHead> head =
        read_block_header(Bytes(segment).subspan(borders.back()), header);
    CHECK_TRUE(head.ok());
    if (!head.ok()) break;
    borders.push_back(borders.back() + head->block.bytes());
  }
  return borders;
}

/// Checks that every block given back is, byte for byte, what the tape wrote there.
/// @returns how many samples came back.
std::uint64_t check_contents(Bytes segment, const MediaFormat& format) {
  Result<SegmentReader> reader = SegmentReader::open(segment);
  if (!reader.ok()) return 0;
  std::uint64_t samples = 0;
  for (Block block; reader->next(block);) {
    if (block.kind != BlockKind::kMedia) continue;
    CHECK_EQ(block.payload, numbered(format, block.channel, block.position, block.samples));
    samples += block.samples;
  }
  return samples;
}

Buffer a_segment(const MediaFormat& format) {
  Tape tape(format, {.block_ms = 100});
  const std::uint64_t end = tape.run(0, 20);
  (void)tape.gap({.position = end, .samples = 8'000, .reason = GapReason::kPause});
  (void)tape.run(end + 8'000, 17);
  tape.seal(SealKind::kEndsRecording);
  return tape.segments[0];
}

TEST("A12 cut at any byte, a segment gives back every block before the cut and not a byte more") {
  for (const MediaFormat& format : {kMono, kDual}) {
    const Buffer whole = a_segment(format);
    const std::vector<std::size_t> borders = borders_of(whole);
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      const Buffer file(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
      const Result<SegmentReport> report = recover(file, {});
      if (cut < kSegmentHeaderBytes) {
        CHECK_EQ(report.code(), ErrorCode::kMediaTruncated);
        continue;
      }
      REQUIRE(report.ok());
      const auto after = std::upper_bound(borders.begin(), borders.end(), cut);
      CHECK_EQ(report->good_bytes, *(after - 1));
      CHECK_EQ(report->damages, 0u);
      CHECK_EQ(report->seal.has_value(), cut == whole.size());
      CHECK_EQ(report->is_whole(), cut == whole.size());
      (void)check_contents(file, format);
    }
  }
}

TEST("A12 sealed after a crash, what was left is a whole segment that says so") {
  const Buffer whole = a_segment(kDual);
  for (std::size_t cut = kSegmentHeaderBytes; cut < whole.size(); cut += 7) {
    Buffer file(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const SegmentReport before = recover(file, {}).value();
    file.resize(before.good_bytes);
    std::array<std::uint8_t, kSealBytes> seal;
    const Bytes bytes = write_recovery_seal(before, seal);
    file.insert(file.end(), bytes.begin(), bytes.end());
    const SegmentReport after = recover(file, {}).value();
    CHECK_TRUE(after.is_whole());
    CHECK_TRUE(after.seal->after_crash);
    CHECK_FALSE(after.seal->ends_recording);
    CHECK_EQ(after.seal->bytes, before.good_bytes);
    CHECK_EQ(after.hash, before.hash);
    CHECK_EQ(after.seal->samples[1], before.samples[1]);
  }
}

TEST("whether a file ends like a sealed segment is told without reading it") {
  const Buffer whole = a_segment(kMono);
  CHECK_TRUE(ends_like_sealed(whole));
  CHECK_FALSE(ends_like_sealed(Bytes(whole).first(whole.size() - 1)));
  CHECK_FALSE(ends_like_sealed(Bytes(whole).last(kSegmentHeaderBytes + kSealBytes - 1)));
  CHECK_FALSE(ends_like_sealed(Bytes(whole).first(whole.size() - kSealBytes)));
  CHECK_FALSE(ends_like_sealed({}));
}

TEST("a flipped bit costs the block that it is in and no other") {
  const Buffer whole = a_segment(kDual);
  const std::vector<std::size_t> borders = borders_of(whole);
  const SegmentReport sound = recover(whole, {}).value();
  Prng prng(11);
  for (int round = 0; round < 3'000; ++round) {
    Buffer file = whole;
    const std::size_t at =
        kSegmentHeaderBytes +
        prng.below(static_cast<std::uint32_t>(whole.size() - kSegmentHeaderBytes));
    file[at] ^= static_cast<std::uint8_t>(1u << prng.below(8));
    const SegmentReport report = recover(file, {}).value();
    CHECK_FALSE(report.is_whole());
    const std::size_t block = static_cast<std::size_t>(
        std::upper_bound(borders.begin(), borders.end(), at) - borders.begin());
    const bool is_seal = block == borders.size() - 1;
    CHECK_EQ(report.blocks, is_seal ? sound.blocks : sound.blocks - 1);
    (void)check_contents(file, kDual);
  }
}

TEST("whatever is done to a file, nothing comes back that wasn't written there") {
  const Buffer whole = a_segment(kDual);
  const std::uint64_t samples = check_contents(whole, kDual);
  Prng prng(12);
  for (int round = 0; round < 3'000; ++round) {
    Buffer file = whole;
    for (std::uint32_t changes = 1 + prng.below(5); changes > 0 && !file.empty(); --changes) {
      const auto size = static_cast<std::uint32_t>(file.size());
      const auto from = static_cast<std::ptrdiff_t>(prng.below(size));
      const auto until = from + static_cast<std::ptrdiff_t>(prng.below(size + 1 - from));
      switch (prng.below(5)) {
        case 0:
          file[from] ^= static_cast<std::uint8_t>(1 + prng.below(255));
          break;
        case 1:
          file.resize(from);
          break;
        case 2:
          file.erase(file.begin() + from, file.begin() + until);
          break;
        case 3: {
          const Buffer piece(file.begin() + from, file.begin() + until);
          file.insert(file.begin() + prng.below(size), piece.begin(), piece.end());
          break;
        }
        default:
          std::fill(file.begin() + from, file.begin() + until, std::uint8_t{0});
      }
    }
    CHECK_TRUE(check_contents(file, kDual) <= samples);
  }
}

TEST("a block of another segment or recording is not taken, nor one that is doubled") {
  const Buffer whole = a_segment(kMono);
  const std::vector<std::size_t> borders = borders_of(whole);
  const SegmentReport sound = recover(whole, {}).value();
  const auto part = [](const Buffer& from, std::size_t start, std::size_t stop) {
    return Buffer(from.begin() + static_cast<std::ptrdiff_t>(start),
                  from.begin() + static_cast<std::ptrdiff_t>(stop));
  };
  {  // the second block twice
    Buffer file = part(whole, 0, borders[2]);
    const Buffer rest = part(whole, borders[1], whole.size());
    file.insert(file.end(), rest.begin(), rest.end());
    const SegmentReport report = recover(file, {}).value();
    CHECK_EQ(report.blocks, sound.blocks);
    CHECK_EQ(report.damages, 1u);
    CHECK_EQ(report.hash, sound.hash);
  }
  {  // the second block from the next segment of the same recording
    Tape other(kMono, {.block_ms = 100}, {.index = 1});
    other.run(0, 10);
    const Buffer foreign = part(other.segments[0], kSegmentHeaderBytes, other.segments[0].size());
    Buffer file = part(whole, 0, borders[1]);
    file.insert(file.end(), foreign.begin(), foreign.end());
    CHECK_EQ(recover(file, {})->blocks, 1u);
  }
}

TEST("the list of what is missing tells pauses, silences of a channel and damages apart") {
  Tape tape(kDual, {.block_ms = 100});
  tape.run(0, 5);
  for (std::uint64_t index = 5; index < 15; ++index)
    CHECK_TRUE(tape.add(0, index * 160) == AppendVerdict::kTaken);
  (void)tape.gap({.position = 2'400, .samples = 800, .reason = GapReason::kPause});
  tape.run(3'200, 15);
  tape.seal(SealKind::kEndsRecording);
  std::array<MissingPiece, 8> missing;
  const SegmentReport report = recover(tape.segments[0], missing).value();
  REQUIRE(report.missing == 2);
  CHECK_TRUE((missing[0] == MissingPiece{1, GapReason::kNone, 800, 1'600}));
  CHECK_TRUE((missing[1] == MissingPiece{kAllChannels, GapReason::kPause, 2'400, 800}));
  CHECK_EQ(report.samples[0], 2'400u + 2'400u);
  CHECK_EQ(report.samples[1], 800u + 2'400u);

  // The same with a damage in the first block after the pause, which is channel 0's.
  Buffer file = tape.segments[0];
  const std::vector<std::size_t> borders = borders_of(file);
  file[borders[5] + kBlockHeaderBytes + 3] ^= 1;
  const SegmentReport damaged = recover(file, missing).value();
  REQUIRE(damaged.missing == 3);
  CHECK_TRUE((missing[2] == MissingPiece{0, GapReason::kDamage, 3'200, 800}));
  CHECK_EQ(damaged.damages, 1u);

  // All are counted, though there is room for one.
  CHECK_EQ(recover(file, std::span(missing).first(1))->missing, 3u);
}

TEST("a header that isn't one is refused by the reason") {
  const Buffer whole = a_segment(kMono);
  for (std::size_t byte = 0; byte < kSegmentHeaderBytes; ++byte) {
    Buffer file = whole;
    file[byte] ^= 0x10;
    CHECK_EQ(recover(file, {}).code(), ErrorCode::kMediaMalformed);
  }
  CHECK_EQ(recover({}, {}).code(), ErrorCode::kMediaTruncated);
  const Buffer long_file(kSegmentBytesMax + 1);
  CHECK_EQ(recover(long_file, {}).code(), ErrorCode::kMediaMalformed);
  Buffer grown = whole;
  grown.resize(kSegmentBytesMax + 1);
  CHECK_EQ(recover(grown, {}).code(), ErrorCode::kMediaMalformed);
}

TEST("what follows a seal is not looked at") {
  Buffer file = a_segment(kMono);
  const SegmentReport sound = recover(file, {}).value();
  file.insert(file.end(), 1'000, 0x55);
  const SegmentReport report = recover(file, {}).value();
  CHECK_TRUE(report.is_whole());
  CHECK_EQ(report.good_bytes, sound.good_bytes);
}

TEST("a seal is made once") {
  const Buffer whole = a_segment(kMono);
  std::array<std::uint8_t, kSealBytes> into;
  CHECK_ABORTS((void)write_recovery_seal(recover(whole, {}).value(), into));
}

}  // namespace
