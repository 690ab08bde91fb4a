// Two sides of a leg as rows of a recording: in step, at one rate, with silence for what is
// missing.
#include "pipeline/recorder.h"

#include <vector>

#include "native/allocations.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;
using namespace test;
using spool::GapReason;

constexpr GapReason kNoGap = GapReason::kNone;

/// Takes every row that may leave; channels one after the other.
struct Tape {
  void drain(Recorder& recorder) {
    RecorderRow row;
    while (recorder.next_row(row)) {
      CHECK_EQ(row.position, rows++);
      if (row.empty()) ++empty;
      for (std::size_t channel = 0; channel < recorder.channel_count(); ++channel) {
        Samples& to = channels[channel];
        if (row.channels[channel].empty()) {
          to.resize(to.size() + recorder.row_samples());
        } else {
          to.insert(to.end(), row.channels[channel].begin(), row.channels[channel].end());
        }
      }
    }
  }
  std::uint32_t rows = 0;
  std::uint32_t empty = 0;
  std::array<Samples, 2> channels;
};

Samples tone(std::uint32_t rate_hz, double hz, std::size_t pieces) {
  Samples samples(codec::samples_of(rate_hz, 10) * pieces);
  add_sine(samples, rate_hz, hz, -16);
  return samples;
}

codec::Pcm piece_of(const Samples& samples, std::uint32_t rate_hz, std::size_t index) {
  const std::size_t count = codec::samples_of(rate_hz, 10);
  return codec::Pcm(samples).subspan(index * count, count);
}

TEST("each side has a channel of its own, at the recording's rate whatever its own") {
  Recorder recorder({.sound = RecordedSound::kDual, .rate_hz = 16'000, .isa = best_isa()});
  const Samples left = tone(8'000, 500, 100);
  const Samples right = tone(48'000, 1'200, 100);
  Tape tape;
  for (std::uint32_t index = 0; index < 100; ++index) {
    CHECK_TRUE(recorder.take(Side::kReceived, index, 8'000, piece_of(left, 8'000, index), kNoGap));
    tape.drain(recorder);
    CHECK_TRUE(recorder.take(Side::kSent, index, 48'000, piece_of(right, 48'000, index), kNoGap));
    tape.drain(recorder);
  }
  recorder.finish(100);
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 100u);
  CHECK_EQ(tape.channels[0].size(), 16'000u);
  CHECK_TRUE(std::abs(sine_dbov(tape.channels[0], 16'000, 500) + 16) < 0.3);
  CHECK_TRUE(std::abs(sine_dbov(tape.channels[1], 16'000, 1'200) + 16) < 0.3);
  CHECK_TRUE(sine_dbov(tape.channels[0], 16'000, 1'200) < -60);
  CHECK_TRUE(sine_dbov(tape.channels[1], 16'000, 500) < -60);
}

TEST("mixed, both sides add up and saturate") {
  Recorder recorder({.sound = RecordedSound::kMixed});
  const Samples loud(80, 20'000);
  Tape tape;
  CHECK_TRUE(recorder.take(Side::kReceived, 0, 8'000, loud, kNoGap));
  CHECK_TRUE(recorder.take(Side::kSent, 0, 8'000, loud, kNoGap));
  CHECK_TRUE(recorder.take(Side::kReceived, 1, 8'000, loud, kNoGap));
  CHECK_TRUE(recorder.take(Side::kSent, 2, 8'000, loud, kNoGap));
  recorder.finish(4);
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 4u);
  CHECK_EQ(tape.empty, 1u);
  CHECK_EQ(tape.channels[0][0], 32'767);
  CHECK_EQ(tape.channels[0][80], 20'000);
  CHECK_EQ(tape.channels[0][160], 20'000);
  CHECK_EQ(tape.channels[0][240], 0);
}

TEST("a side that stays away is waited for, but not for long, and comes back in its place") {
  Recorder recorder({.sound = RecordedSound::kDual});
  const Samples piece(80, 1'000);
  Tape tape;
  for (std::uint32_t index = 0; index < 100; ++index) {
    CHECK_TRUE(recorder.take(Side::kReceived, index, 8'000, piece, kNoGap));
    tape.drain(recorder);
    CHECK_EQ(tape.rows, index < kRecorderSkewRows ? 0 : index + 1 - kRecorderSkewRows);
  }
  CHECK_TRUE(recorder.take(Side::kSent, 10, 8'000, piece, kNoGap));
  CHECK_EQ(recorder.statistics().late, 1u);
  CHECK_TRUE(recorder.take(Side::kSent, 99, 8'000, piece, kNoGap));
  recorder.finish(100);
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 100u);
  CHECK_EQ(tape.channels[1][80 * 98], 0);
  CHECK_EQ(tape.channels[1][80 * 99], 1'000);
}

TEST("a gap of any length goes by in rows of nothing, with its reason") {
  Recorder recorder({.sound = RecordedSound::kReceived});
  const Samples piece(80, 1'000);
  Tape tape;
  CHECK_TRUE(recorder.take(Side::kReceived, 0, 8'000, piece, kNoGap));
  int tries = 0;
  while (!recorder.take(Side::kReceived, 5'000, 8'000, piece, GapReason::kPause)) {
    tape.drain(recorder);
    REQUIRE(++tries < 10);
  }
  RecorderRow row;
  row.reason = kNoGap;
  recorder.finish(5'001);
  while (recorder.next_row(row)) {
  }
  CHECK_EQ(row.position, 5'000u);
  CHECK_TRUE(row.reason == GapReason::kPause);
  CHECK_FALSE(row.empty());
}

TEST("rows whose time has passed leave though nothing comes, and what comes then is in its place") {
  Recorder recorder({.sound = RecordedSound::kDual});
  const Samples piece(80, 1'000);
  Tape tape;
  recorder.pass(100);
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 100 - kRecorderSkewRows);
  recorder.pass(50);
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 100 - kRecorderSkewRows);
  for (const Side side : {Side::kReceived, Side::kSent})
    CHECK_TRUE(recorder.take(side, 90, 8'000, piece, kNoGap));
  recorder.finish(101);
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 101u);
  CHECK_EQ(tape.empty, 100u);
  CHECK_EQ(tape.channels[1][80 * 90], 1'000);
}

TEST("recording what was received leaves the rest out") {
  Recorder recorder({.sound = RecordedSound::kReceived});
  CHECK_EQ(recorder.channel_count(), 1u);
  const Samples piece(80, 1'000);
  Tape tape;
  CHECK_TRUE(recorder.take(Side::kSent, 0, 8'000, piece, kNoGap));
  CHECK_TRUE(recorder.take(Side::kReceived, 0, 8'000, piece, kNoGap));
  tape.drain(recorder);
  CHECK_EQ(tape.rows, 1u);
  CHECK_EQ(tape.channels[0][0], 1'000);
}

TEST("taking and giving rows allocates nothing") {
  Recorder recorder({.sound = RecordedSound::kMixed, .rate_hz = 16'000, .isa = best_isa()});
  const Samples narrow(80, 100);
  const Samples full(480, 100);
  RecorderRow row;
  const std::uint64_t before = allocations_of_this_thread();
  for (std::uint32_t index = 0; index < 500; ++index) {
    CHECK_TRUE(recorder.take(Side::kReceived, index, 8'000, narrow, kNoGap));
    CHECK_TRUE(recorder.take(Side::kSent, index, 48'000, full, kNoGap));
    while (recorder.next_row(row)) {
    }
  }
  CHECK_EQ(allocations_of_this_thread() - before, 0u);
}

}  // namespace
