// Segments told in any order: what is missing, whether it is all, and the one hash.
#include "spool/recording_index.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/prng.h"
#include "native/spool/tape.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using test::Buffer;
using test::Tape;

constexpr MediaFormat kDual{.kind = PayloadKind::kPcmu, .rate_hz = 8'000, .channel_count = 2};
constexpr SegmentPolicy kShort{.block_ms = 100, .segment_ms = 500};

Tape a_recording() {
  Tape tape(kDual, kShort);
  tape.run(0, 120);
  tape.seal(SealKind::kEndsRecording);
  return tape;
}

SegmentReport report_of(Bytes segment) {
  return recover(segment, {}).value();
}

TEST("A10 two places that hold all segments have the same hash, whatever order they came in") {
  const Tape tape = a_recording();
  std::vector<std::size_t> order(tape.segments.size());
  for (std::size_t index = 0; index < order.size(); ++index)
    order[index] = index;
  Prng prng(3);
  for (int round = 0; round < 50; ++round) {
    for (std::size_t index = order.size() - 1; index > 0; --index)
      std::swap(order[index], order[prng.below(static_cast<std::uint32_t>(index + 1))]);
    RecordingIndex index(Tape::facts(kDual), 64);
    for (const std::size_t segment : order) {
      CHECK_FALSE(index.summary().is_complete);
      CHECK_TRUE(index.add(report_of(tape.segments[segment])) == IndexVerdict::kAdded);
    }
    const RecordingSummary summary = index.summary();
    CHECK_TRUE(summary.is_complete);
    CHECK_EQ(summary.hash, tape.writer().hash());
    CHECK_EQ(summary.samples[0], 120u * 160u);
    CHECK_EQ(summary.samples[1], 120u * 160u);
    CHECK_EQ(summary.end, 120u * 160u);
    std::size_t bytes = 0;
    for (const Buffer& segment : tape.segments)
      bytes += segment.size();
    CHECK_EQ(summary.bytes, bytes);
  }
}

TEST("missing segments are named, and without one of them nothing is complete") {
  const Tape tape = a_recording();
  REQUIRE(tape.segments.size() == 5);
  for (std::size_t left_out = 0; left_out < 5; ++left_out) {
    RecordingIndex index(Tape::facts(kDual), 64);
    for (std::size_t segment = 0; segment < 5; ++segment) {
      if (segment != left_out) (void)index.add(report_of(tape.segments[segment]));
    }
    std::array<std::uint32_t, 4> missing{};
    const bool is_last = left_out == 4;
    CHECK_EQ(index.list_missing(missing), is_last ? 0u : 1u);
    if (!is_last) CHECK_EQ(missing[0], left_out);
    CHECK_FALSE(index.summary().is_complete);
    CHECK_EQ(index.summary().segments_missing, is_last ? 0u : 1u);
    CHECK_EQ(index.summary().segments_unsound, 0u);
  }
}

TEST("a segment seen while it grew is replaced by the whole one, and never the other way") {
  const Tape tape = a_recording();
  const Bytes whole = tape.segments[0];
  const SegmentReport early = report_of(whole.first(whole.size() / 3));
  const SegmentReport later = report_of(whole.first(whole.size() / 2));
  RecordingIndex index(Tape::facts(kDual), 64);
  CHECK_TRUE(index.add(early) == IndexVerdict::kAdded);
  CHECK_EQ(index.summary().segments_unsound, 1u);
  CHECK_TRUE(index.add(later) == IndexVerdict::kReplaced);
  CHECK_TRUE(index.add(early) == IndexVerdict::kKnown);
  CHECK_TRUE(index.add(report_of(whole)) == IndexVerdict::kReplaced);
  CHECK_TRUE(index.add(later) == IndexVerdict::kKnown);
  CHECK_TRUE(index.add(report_of(whole)) == IndexVerdict::kKnown);
  CHECK_EQ(index.summary().segments_unsound, 0u);
}

TEST("segments of another recording, beyond the end or in conflict are not taken") {
  const Tape tape = a_recording();
  RecordingFacts other = Tape::facts(kDual);
  other.id[0] ^= 1;
  RecordingIndex foreign(other, 64);
  CHECK_TRUE(foreign.add(report_of(tape.segments[0])) == IndexVerdict::kForeign);
  RecordingIndex small(Tape::facts(kDual), 2);
  CHECK_TRUE(small.add(report_of(tape.segments[1])) == IndexVerdict::kAdded);
  CHECK_TRUE(small.add(report_of(tape.segments[2])) == IndexVerdict::kBeyondEnd);

  RecordingIndex index(Tape::facts(kDual), 64);
  (void)index.add(report_of(tape.segments[0]));
  Tape twin(kDual, kShort);
  twin.run(160, 3);
  twin.seal(SealKind::kGoesOn);
  CHECK_TRUE(index.add(report_of(twin.segments[0])) == IndexVerdict::kConflict);
  Tape elsewhere(kDual, kShort, {.positions = {160, 160}});
  CHECK_TRUE(index.add(report_of(elsewhere.segments[0])) == IndexVerdict::kConflict);
}

TEST("a segment that doesn't follow the one before is unsound though it is whole") {
  const Tape tape = a_recording();
  Tape stray(kDual, kShort, {.index = 1, .positions = {4'000, 4'000}, .hash_before = 12'345});
  stray.run(4'000, 3);
  stray.seal(SealKind::kEndsRecording);
  RecordingIndex index(Tape::facts(kDual), 64);
  (void)index.add(report_of(tape.segments[0]));
  (void)index.add(report_of(stray.segments[0]));
  CHECK_EQ(index.summary().segments_unsound, 1u);
  CHECK_FALSE(index.summary().is_complete);
}

TEST("A12 after a crash the recording goes on, complete, and names the outage and its length") {
  Tape tape(kDual, kShort);
  tape.run(0, 40);
  // Killed in the second segment; what reached its file ends within the last block.
  Buffer left = tape.segments.back();
  left.resize(left.size() - 30);
  const SegmentReport before = report_of(left);
  left.resize(before.good_bytes);
  std::array<std::uint8_t, kSealBytes> seal;
  const Bytes sealed = write_recovery_seal(before, seal);
  left.insert(left.end(), sealed.begin(), sealed.end());

  // 3 s later by the clock, a new process takes over.
  const std::uint64_t resumed = 40 * 160 + kDual.samples_of_ms(3'000);
  Tape second(kDual, kShort,
              {.index = before.header.place.index + 1,
               .positions = {resumed, resumed},
               .hash_before = before.hash});
  second.run(resumed, 10);
  second.seal(SealKind::kEndsRecording);

  RecordingIndex index(Tape::facts(kDual), 64);
  (void)index.add(report_of(tape.segments[0]));
  (void)index.add(report_of(left));
  (void)index.add(report_of(second.segments[0]));
  CHECK_TRUE(index.summary().is_complete);
  CHECK_EQ(index.summary().outages, 1u);
  std::array<MissingPiece, 2> outages;
  CHECK_EQ(index.list_outages(outages), 1u);
  CHECK_TRUE(outages[0].reason == GapReason::kOutage);
  CHECK_EQ(outages[0].position, before.end());
  CHECK_EQ(outages[0].position + outages[0].samples, resumed);
  // No longer than the outage and the block that was open.
  CHECK_TRUE(outages[0].samples <= kDual.samples_of_ms(3'000 + 100));
}

TEST("an index of no or too many segments ends the program") {
  CHECK_ABORTS(RecordingIndex(Tape::facts(kDual), 0));
  CHECK_ABORTS(RecordingIndex(Tape::facts(kDual), kSegmentsMax + 1));
}

}  // namespace
