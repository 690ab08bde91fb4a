// Whole recordings against a naive strip of samples with silence where nothing came.
#include "spool/recording_reader.h"

#include <algorithm>
#include <vector>

#include "base/prng.h"
#include "native/spool/tape.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using test::Buffer;
using test::numbered;
using test::Tape;

constexpr MediaFormat kMono{.kind = PayloadKind::kPcm16, .rate_hz = 8'000, .channel_count = 1};
constexpr MediaFormat kDual{.kind = PayloadKind::kPcma, .rate_hz = 8'000, .channel_count = 2};
constexpr SegmentPolicy kShort{.block_ms = 100, .segment_ms = 300};

/// Reads a recording in pieces of odd lengths.
Buffer read_all(std::span<const Bytes> segments, const ExportRules& rules = {}) {
  Buffer all;
  Result<RecordingReader> reader = RecordingReader::open(segments, rules);
  CHECK_TRUE(reader.ok());
  if (!reader.ok()) return all;
  Prng prng(all.size() + 1);
  Buffer piece(3'000);
  for (;;) {
    const std::size_t size = reader->frame_bytes() + prng.below(2'990);
    const Bytes got = reader->read(MutableBytes(piece).first(size));
    if (got.empty()) return all;
    all.insert(all.end(), got.begin(), got.end());
  }
}

TEST("A10 a recording of many segments reads as one, sample for sample") {
  Tape tape(kMono, kShort);
  tape.run(0, 200);
  tape.seal(SealKind::kEndsRecording);
  CHECK_TRUE(tape.segments.size() > 5);
  CHECK_EQ(read_all(tape.views()), numbered(kMono, 0, 0, 32'000));
}

TEST("two channels lie side by side, and what is missing of one is silence") {
  Prng prng(5);
  for (int round = 0; round < 20; ++round) {
    Tape tape(kDual, kShort);
    Buffer expected;
    std::uint64_t end = 0;
    for (std::uint64_t index = 0; index < 100; ++index) {
      for (std::uint8_t channel = 0; channel < 2; ++channel) {
        if (prng.below(3) == 0) continue;
        CHECK_TRUE(tape.add(channel, index * 160) == AppendVerdict::kTaken);
        const Buffer bytes = numbered(kDual, channel, index * 160, 160);
        end = (index + 1) * 160;
        expected.resize(end * 2, silence_byte(kDual.kind));
        for (std::size_t at = 0; at < bytes.size(); ++at)
          expected[(index * 160 + at) * 2 + channel] = bytes[at];
      }
    }
    tape.seal(SealKind::kEndsRecording);
    const Buffer got = read_all(tape.views());
    CHECK_TRUE(got == expected);
  }
}

TEST("a channel that runs ahead across the border of segments loses nothing") {
  Tape tape(kDual, kShort);
  // Channel 1 comes 60 ms after channel 0, also where a segment ends in between.
  for (std::uint64_t index = 0; index < 103; ++index) {
    if (index < 100) CHECK_TRUE(tape.add(0, index * 160) == AppendVerdict::kTaken);
    if (index >= 3) CHECK_TRUE(tape.add(1, (index - 3) * 160) == AppendVerdict::kTaken);
  }
  tape.seal(SealKind::kEndsRecording);
  CHECK_TRUE(tape.segments.size() > 3);
  const Buffer got = read_all(tape.views());
  REQUIRE(got.size() == 100 * 160 * 2);
  for (std::uint8_t channel = 0; channel < 2; ++channel) {
    const Buffer expected = numbered(kDual, channel, 0, 16'000);
    bool same = true;
    for (std::size_t at = 0; at < expected.size(); ++at)
      same = same && got[2 * at + channel] == expected[at];
    CHECK_TRUE(same);
  }
  for (const Buffer& segment : tape.segments)
    CHECK_EQ(recover(segment, {})->missing, 0u);
}

TEST("pauses and silences are left out or filled as asked, losses always filled") {
  for (const GapReason reason : {GapReason::kPause, GapReason::kSilence, GapReason::kLoss}) {
    for (const bool as_silence : {false, true}) {
      Tape tape(kMono);
      tape.run(0, 5);
      (void)tape.gap({.position = 800, .samples = 1'600, .reason = reason});
      tape.run(2'400, 5);
      tape.seal(SealKind::kEndsRecording);
      Buffer expected = numbered(kMono, 0, 0, 800);
      if (as_silence || reason == GapReason::kLoss) expected.resize(expected.size() + 3'200);
      const Buffer tail = numbered(kMono, 0, 2'400, 800);
      expected.insert(expected.end(), tail.begin(), tail.end());
      CHECK_EQ(read_all(tape.views(),
                        {.pauses_as_silence = as_silence, .silences_as_silence = as_silence}),
               expected);
    }
  }
}

TEST("a segment that is missing, damaged or foreign is silence, and what follows is in its place") {
  Tape tape(kMono, {.block_ms = 100, .segment_ms = 500});
  tape.run(0, 100);
  tape.seal(SealKind::kEndsRecording);
  REQUIRE(tape.segments.size() == 4);
  Buffer expected = numbered(kMono, 0, 0, 16'000);
  std::fill(expected.begin() + 8'000, expected.begin() + 16'000, std::uint8_t{0});
  const std::vector<Bytes> views = tape.views();
  const Buffer noise(500, 0x3c);
  RecordingFacts facts = Tape::facts(kMono);
  facts.id[3] ^= 1;
  SegmentWriter writer(facts, {});
  Buffer foreign(writer.output_bytes_max());
  const Bytes header = writer.open(foreign).value();
  CHECK_TRUE(read_all(std::vector<Bytes>{views[0], views[2], views[3]}) == expected);
  CHECK_TRUE(read_all(std::vector<Bytes>{views[0], noise, views[2], views[3]}) == expected);
  CHECK_TRUE(read_all(std::vector<Bytes>{views[0], header, views[2], views[3]}) == expected);
  CHECK_TRUE(read_all(std::vector<Bytes>{views[0], views[0], views[2], views[3]}) == expected);
}

TEST("what needs a decoder, and a list of nothing, is refused") {
  for (const MediaFormat& format : {MediaFormat{.kind = PayloadKind::kG722, .rate_hz = 16'000},
                                    MediaFormat{.kind = PayloadKind::kOpus, .rate_hz = 48'000}}) {
    const Tape tape(format);
    CHECK_EQ(RecordingReader::open(tape.views(), {}).code(), ErrorCode::kMediaUnsupported);
  }
  CHECK_EQ(RecordingReader::open({}, {}).code(), ErrorCode::kMediaTruncated);
  const Buffer noise(500, 1);
  CHECK_EQ(RecordingReader::open(std::vector<Bytes>{noise}, {}).code(), ErrorCode::kMediaMalformed);
}

TEST("a buffer too small for a sample is given nothing") {
  Tape tape(kMono);
  tape.run(0, 5);
  tape.seal(SealKind::kEndsRecording);
  const std::vector<Bytes> views = tape.views();
  RecordingReader reader = RecordingReader::open(views, {}).value();
  std::array<std::uint8_t, 1> small;
  CHECK_TRUE(reader.read(small).empty());
}

}  // namespace
