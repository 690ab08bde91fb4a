// What the writer hands out and when, read back by the reader.
#include "spool/segment_writer.h"

#include <algorithm>

#include "native/spool/tape.h"
#include "spool/segment_reader.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using test::Buffer;
using test::numbered;
using test::Tape;

constexpr MediaFormat kMono{.kind = PayloadKind::kPcm16, .rate_hz = 8'000, .channel_count = 1};
constexpr MediaFormat kDual{.kind = PayloadKind::kPcmu, .rate_hz = 8'000, .channel_count = 2};
constexpr MediaFormat kOpus{.kind = PayloadKind::kOpus, .rate_hz = 48'000, .channel_count = 1};

std::vector<Block> blocks_of(Bytes segment) {
  std::vector<Block> blocks;
  Result<SegmentReader> reader = SegmentReader::open(segment);
  CHECK_TRUE(reader.ok());
  if (!reader.ok()) return blocks;
  for (Block block; reader->next(block);)
    blocks.push_back(block);
  CHECK_EQ(reader->damages(), 0u);
  return blocks;
}

TEST("a segment begins with a header that says what it is and where it stands") {
  const Tape tape(kDual, {}, {.index = 3, .positions = {160, 320}, .hash_before = 99});
  const Result<SegmentHeader> header = read_segment_header(tape.segments[0]);
  REQUIRE(header.ok());
  CHECK_TRUE(header->recording == Tape::facts(kDual));
  CHECK_EQ(header->place.index, 3u);
  CHECK_EQ(header->place.positions[0], 160u);
  CHECK_EQ(header->place.positions[1], 320u);
  CHECK_EQ(header->place.hash_before, 99u);
  CHECK_EQ(tape.segments[0].size(), kSegmentHeaderBytes);
}

TEST("frames in a row become one block of half a second, byte for byte") {
  Tape tape(kMono);
  tape.run(0, 51);
  const std::vector<Block> blocks = blocks_of(tape.segments[0]);
  REQUIRE(blocks.size() == 2);
  CHECK_EQ(blocks[0].position, 0u);
  CHECK_EQ(blocks[0].samples, 4'000u);
  CHECK_EQ(blocks[0].payload, numbered(kMono, 0, 0, 4'000));
  CHECK_EQ(blocks[1].position, 4'000u);
  CHECK_EQ(blocks[1].payload, numbered(kMono, 0, 4'000, 4'000));
}

TEST("each channel has blocks of its own on one time axis") {
  Tape tape(kDual);
  tape.run(0, 26);
  tape.seal(SealKind::kEndsRecording);
  const std::vector<Block> blocks = blocks_of(tape.segments[0]);
  REQUIRE(blocks.size() == 4);
  for (std::uint8_t channel = 0; channel < 2; ++channel) {
    CHECK_EQ(blocks[channel].channel, channel);
    CHECK_EQ(blocks[channel].payload, numbered(kDual, channel, 0, 4'000));
    CHECK_EQ(blocks[channel + 2].payload, numbered(kDual, channel, 4'000, 160));
  }
}

TEST("a block goes out when its time is over though nothing fills it") {
  Tape tape(kMono);
  const Instant start = tape.now;
  CHECK_TRUE(tape.writer().next_deadline() == Instant::never());
  tape.run(0, 3);
  CHECK_EQ(tape.writer().next_deadline(), start + Duration::milliseconds(500));
  tape.pass(start + Duration::milliseconds(499));
  CHECK_EQ(blocks_of(tape.segments[0]).size(), 0u);
  tape.pass(start + Duration::milliseconds(500));
  const std::vector<Block> blocks = blocks_of(tape.segments[0]);
  REQUIRE(blocks.size() == 1);
  CHECK_EQ(blocks[0].samples, 480u);
  CHECK_TRUE(tape.writer().next_deadline() == Instant::never());
}

TEST("A12 what a killed process had in hand is less than a second of each channel") {
  for (const std::uint32_t block_ms : {100u, 500u, 1'000u}) {
    Tape tape(kDual, {.block_ms = block_ms});
    std::uint64_t position = 0;
    for (int index = 0; index < 500; ++index) {
      position = tape.run(position, 1);
      if (tape.writer().next_deadline() <= tape.now) tape.pass(tape.now);
      const Result<SegmentReport> report = recover(tape.segments.back(), {});
      REQUIRE(report.ok());
      for (const std::uint64_t end : report->ends)
        CHECK_TRUE(position - end <= kDual.samples_of_ms(block_ms));
    }
  }
}

TEST("a jump of position begins a new block and leaves a hole") {
  Tape tape(kMono);
  tape.run(0, 2);
  tape.run(8'000, 2);
  tape.seal(SealKind::kEndsRecording);
  const std::vector<Block> blocks = blocks_of(tape.segments[0]);
  REQUIRE(blocks.size() == 2);
  CHECK_EQ(blocks[0].end(), 320u);
  CHECK_EQ(blocks[1].position, 8'000u);
}

TEST("a pause is marked, of all channels, from where the media end") {
  Tape tape(kDual);
  tape.run(0, 2);
  CHECK_TRUE(tape.add(0, 320) == AppendVerdict::kTaken);
  CHECK_TRUE(tape.gap({.position = 320, .samples = 8'000, .reason = GapReason::kPause}) ==
             AppendVerdict::kTaken);
  const std::vector<Block> blocks = blocks_of(tape.segments[0]);
  REQUIRE(blocks.size() == 3);
  CHECK_TRUE(blocks[2].kind == BlockKind::kGap);
  CHECK_TRUE(blocks[2].reason == GapReason::kPause);
  CHECK_EQ(blocks[2].channel, kAllChannels);
  CHECK_EQ(blocks[2].position, 480u);
  CHECK_EQ(blocks[2].end(), 8'320u);
  CHECK_EQ(tape.writer().statistics().gaps, 1u);
  // What was said before the pause's end is not wanted, also when it comes late.
  CHECK_TRUE(tape.add(1, 8'160) == AppendVerdict::kLate);
  CHECK_TRUE(tape.add(1, 8'320) == AppendVerdict::kTaken);
}

TEST("a gap that media have overtaken is none") {
  Tape tape(kMono);
  tape.run(0, 10);
  CHECK_TRUE(tape.gap({.position = 0, .samples = 1'600}) == AppendVerdict::kLate);
  CHECK_TRUE(tape.gap({.position = 0, .samples = 0}) == AppendVerdict::kLate);
  CHECK_TRUE(tape.gap({.position = 1, .samples = kRecordingPositionMax}) ==
             AppendVerdict::kRefused);
  CHECK_EQ(tape.segments[0].size(), kSegmentHeaderBytes);
}

TEST("late, misshapen and foreign pieces are left out and counted") {
  Tape tape(kMono);
  tape.run(0, 10);
  CHECK_TRUE(tape.add(0, 1'440) == AppendVerdict::kLate);
  CHECK_TRUE(tape.add(0, 0) == AppendVerdict::kLate);
  const Buffer bytes(2'000);
  CHECK_TRUE(
      tape.add({.channel = 1, .position = 1'600, .samples = 10, .bytes = Bytes(bytes).first(20)}) ==
      AppendVerdict::kRefused);
  CHECK_TRUE(
      tape.add({.channel = 0, .position = 1'600, .samples = 10, .bytes = Bytes(bytes).first(19)}) ==
      AppendVerdict::kRefused);
  CHECK_TRUE(tape.add({.channel = 0, .position = 1'600, .samples = 0, .bytes = {}}) ==
             AppendVerdict::kRefused);
  CHECK_TRUE(
      tape.add(
          {.channel = 0, .position = 1'600, .samples = 961, .bytes = Bytes(bytes).first(1'922)}) ==
      AppendVerdict::kRefused);
  CHECK_TRUE(tape.add({.channel = 0,
                       .position = kRecordingPositionMax,
                       .samples = 10,
                       .bytes = Bytes(bytes).first(20)}) == AppendVerdict::kRefused);
  CHECK_EQ(tape.writer().statistics().late, 2u);
  CHECK_EQ(tape.writer().statistics().refused, 5u);
}

TEST("Opus packets keep their borders and lengths") {
  Tape tape(kOpus);
  std::vector<Buffer> packets;
  for (std::uint32_t index = 0; index < 60; ++index) {
    packets.emplace_back(1 + index * 13 % 300, static_cast<std::uint8_t>(index));
    CHECK_TRUE(
        tape.add(
            {.channel = 0, .position = index * 960, .samples = 960, .bytes = packets.back()}) ==
        AppendVerdict::kTaken);
  }
  tape.seal(SealKind::kEndsRecording);
  std::size_t count = 0;
  for (const Block& block : blocks_of(tape.segments[0])) {
    ByteReader reader(block.payload);
    while (reader.remaining() > 0) {
      const Result<MediaPacket> packet = read_packet(reader);
      REQUIRE(packet.ok());
      REQUIRE(count < packets.size());
      CHECK_EQ(packet->samples, 960u);
      CHECK_EQ(packet->bytes, packets[count]);
      ++count;
    }
  }
  CHECK_EQ(count, packets.size());
  const Buffer empty;
  const Buffer huge(kOpusPacketBytesMax + 1);
  CHECK_TRUE(tape.writer().statistics().refused == 0);
  Tape other(kOpus);
  CHECK_TRUE(other.add({.channel = 0, .position = 0, .samples = 960, .bytes = empty}) ==
             AppendVerdict::kRefused);
  CHECK_TRUE(other.add({.channel = 0, .position = 0, .samples = 960, .bytes = huge}) ==
             AppendVerdict::kRefused);
}

TEST("Opus at its greatest rate fits, in more blocks") {
  Tape tape(kOpus);
  const Buffer packet(kOpusPacketBytesMax, 7);
  for (std::uint64_t index = 0; index < 100; ++index) {
    CHECK_TRUE(tape.add({.channel = 0, .position = index * 960, .samples = 960, .bytes = packet}) ==
               AppendVerdict::kTaken);
  }
  tape.seal(SealKind::kEndsRecording);
  std::uint64_t samples = 0;
  for (const Block& block : blocks_of(tape.segments[0]))
    samples += block.samples;
  CHECK_EQ(samples, 96'000u);
}

TEST("a segment ends by its length and the next goes on where each channel was") {
  Tape tape(kDual, {.block_ms = 100, .segment_ms = 1'000});
  // Channel 0 fills the segment; channel 1's frame of the same time goes into the next.
  const std::uint64_t position = tape.run(0, 50);
  CHECK_EQ(tape.segments.size(), 2u);
  CHECK_FALSE(tape.writer().is_full());
  tape.run(position, 61);
  tape.seal(SealKind::kEndsRecording);
  REQUIRE(tape.segments.size() == 3);
  const SegmentHeader second = read_segment_header(tape.segments[1]).value();
  CHECK_EQ(second.place.index, 1u);
  CHECK_EQ(second.place.positions[0], 8'000u);
  CHECK_EQ(second.place.positions[1], 7'840u);
  CHECK_EQ(second.place.hash_before, recover(tape.segments[0], {})->hash);
  CHECK_EQ(tape.writer().hash(), recover(tape.segments[2], {})->hash);
  for (const Buffer& segment : tape.segments)
    CHECK_TRUE(recover(segment, {})->is_whole());
  CHECK_TRUE(recover(tape.segments[2], {})->seal->ends_recording);
  CHECK_FALSE(recover(tape.segments[1], {})->seal->ends_recording);
}

TEST("a segment ends by its bytes, and no segment is longer than a reader takes") {
  constexpr MediaFormat kWide{.kind = PayloadKind::kPcm16, .rate_hz = 48'000, .channel_count = 2};
  Tape tape(kWide, {.block_ms = 1'000, .segment_ms = 3'600'000, .segment_bytes = 7'000'000});
  tape.run(0, 2'000);
  CHECK_TRUE(tape.segments.size() >= 2);
  for (const Buffer& segment : tape.segments)
    CHECK_TRUE(segment.size() <= kSegmentBytesMax);
  tape.seal(SealKind::kEndsRecording);
  CHECK_TRUE(recover(tape.segments[0], {})->is_whole());
}

TEST("a channel that never speaks doesn't end segments early") {
  Tape tape(kDual, {.block_ms = 100, .segment_ms = 1'000});
  for (std::uint64_t index = 0; index < 500; ++index)
    CHECK_TRUE(tape.add(0, index * 160) == AppendVerdict::kTaken);
  CHECK_EQ(tape.segments.size(), 10u);
}

TEST("no call hands out more than it said, whatever was waiting") {
  for (const MediaFormat& format : {kMono, kDual, kOpus}) {
    Tape tape(format);  // its buffer is output_bytes_max() exactly, and the writer CHECKs
    const Buffer packet(kOpusPacketBytesMax, 1);
    for (std::uint64_t index = 0; index < 24; ++index) {
      for (std::uint8_t channel = 0; channel < format.channel_count; ++channel) {
        if (format.is_fixed()) {
          (void)tape.add(channel, index * tape.frame_samples());
        } else {
          (void)tape.add({.channel = 0, .position = index * 960, .samples = 960, .bytes = packet});
        }
      }
    }
    tape.seal(SealKind::kEndsRecording);
    CHECK_TRUE(recover(tape.segments[0], {})->is_whole());
  }
}

TEST("the last index of all is the last segment") {
  Tape tape(kMono, {}, {.index = kSegmentsMax - 1});
  tape.run(0, 1);
  tape.seal(SealKind::kGoesOn);
  SegmentWriter writer(Tape::facts(kMono), {}, {.index = kSegmentsMax});
  Buffer into(writer.output_bytes_max());
  CHECK_EQ(writer.open(into).code(), ErrorCode::kBufferFull);
}

TEST("positions up to the greatest one are kept") {
  const std::uint64_t start = kRecordingPositionMax - 160;
  Tape tape(kMono, {}, {.positions = {start, 0}});
  CHECK_TRUE(tape.add(0, start) == AppendVerdict::kTaken);
  CHECK_TRUE(tape.add(0, start + 160) == AppendVerdict::kRefused);
  tape.seal(SealKind::kEndsRecording);
  CHECK_EQ(recover(tape.segments[0], {})->end(), kRecordingPositionMax);
}

TEST("misuse of the order of calls ends the program") {
  CHECK_ABORTS(SegmentWriter(Tape::facts({.kind = PayloadKind::kPcmu, .rate_hz = 16'000}), {}));
  CHECK_ABORTS(SegmentWriter(Tape::facts(kMono), {.block_ms = 1'001}));
  CHECK_ABORTS(Tape(kMono).open());
  CHECK_ABORTS({
    Tape tape(kMono);
    tape.seal(SealKind::kEndsRecording);
    tape.open();
  });
}

}  // namespace
