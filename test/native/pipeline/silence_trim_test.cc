// Silence left out at both ends, whatever lies between; against a model that sees all rows at once.
#include "pipeline/silence_trim.h"

#include <vector>

#include "base/prng.h"
#include "native/allocations.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;
using namespace test;

constexpr std::size_t kSamples = 80;
constexpr std::uint32_t kMargin = kTrimMarginRows;

/// Rows of one recording, each loud or quiet; their first sample tells one from the next.
struct Take {
  void add(const std::vector<bool>& loud, std::size_t channel = 0) {
    for (const bool each : loud) {
      Samples samples(kSamples, each ? std::int16_t{2'000} : std::int16_t{10});
      samples[0] = mark_of(rows);
      RecorderRow row{.position = rows++, .channels = {}};
      row.channels[channel] = samples;
      trim.take(row);
      while (trim.next(row)) {
        CHECK_EQ(row.channels[channel][0], mark_of(row.position));
        CHECK_EQ(row.channels[channel].size(), kSamples);
        CHECK_TRUE(row.channels[1 - channel].empty());
        given.push_back(row.position);
        if (trim.ends_here()) end = row.position + 1;
      }
    }
  }
  /// What is in the file: first row and the one after the last.
  std::pair<std::uint32_t, std::uint32_t> finish() {
    trim.finish();
    if (given.empty()) return {trim.left_out(), trim.left_out()};
    return {given.front(), trim.has_ended() ? end : given.back() + 1};
  }
  /// Too small to be heard.
  static std::int16_t mark_of(std::uint32_t row) { return static_cast<std::int16_t>(row % 50); }

  SilenceTrim trim{kSamples};
  std::uint32_t rows = 0;
  std::uint32_t end = 0;
  std::vector<std::uint32_t> given;
};

using Range = std::pair<std::uint32_t, std::uint32_t>;

std::vector<bool> rows_of(std::size_t count, bool loud) {
  return std::vector<bool>(count, loud);
}

TEST("silence before the first sound and after the last is left out, but for a margin") {
  for (const std::size_t channel : {0u, 1u}) {
    Take take;
    take.add(rows_of(500, false), channel);
    take.add(rows_of(40, true), channel);
    take.add(rows_of(300, false), channel);
    take.add(rows_of(40, true), channel);
    take.add(rows_of(9'000, false), channel);
    CHECK_TRUE(take.finish() == Range(500 - kMargin, 880 + kMargin));
    CHECK_EQ(take.trim.left_out(), 500 - kMargin);
    // Nothing between is missing.
    CHECK_EQ(take.given.size(), take.rows - (500 - kMargin));
  }
}

TEST("a recording that begins and ends with sound is whole") {
  Take take;
  take.add(rows_of(50, true));
  take.add(rows_of(kMargin, false));
  CHECK_TRUE(take.finish() == Range(0, 50 + kMargin));
  CHECK_EQ(take.trim.left_out(), 0u);
}

TEST("where nothing sounds, nothing is left; a click is no sound and a steady tone is") {
  Take silent;
  silent.add(rows_of(1'000, false));
  CHECK_TRUE(silent.finish() == Range(1'000, 1'000));
  Take clicks;
  for (int count = 0; count < 100; ++count) {
    clicks.add(rows_of(kTrimSoundRows - 1, true));
    clicks.add(rows_of(5, false));
  }
  CHECK_TRUE(clicks.finish() == Range(clicks.rows, clicks.rows));
  Take tone;
  tone.add(rows_of(3'000, true));
  CHECK_TRUE(tone.finish() == Range(0, 3'000));
}

TEST("rows of nothing are silence, and keep their reason") {
  SilenceTrim trim(kSamples);
  const Samples loud(kSamples, 2'000);
  RecorderRow row;
  for (std::uint32_t position = 0; position < 10; ++position) {
    trim.take({.position = position, .channels = {}, .reason = spool::GapReason::kPause});
    CHECK_FALSE(trim.next(row));
  }
  for (std::uint32_t position = 10; position < 13; ++position)
    trim.take({.position = position, .channels = {loud, {}}});
  REQUIRE(trim.next(row));
  CHECK_EQ(row.position, 0u);
  CHECK_TRUE(row.empty());
  CHECK_TRUE(row.reason == spool::GapReason::kPause);
}

/// First row kept and the one after the last, seen from the end.
Range model(const std::vector<bool>& loud) {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t run = 0;
  for (std::uint32_t row = 0; row < loud.size(); ++row) {
    run = loud[row] ? run + 1 : 0;
    if (run < kTrimSoundRows) continue;
    if (last == 0) first = row + 1 - kTrimSoundRows;
    last = row + 1;
  }
  const auto count = static_cast<std::uint32_t>(loud.size());
  if (last == 0) return {count, count};
  return {first > kMargin ? first - kMargin : 0, std::min(count, last + kMargin)};
}

TEST("it keeps what a model keeps that knows the whole recording") {
  Prng prng(11);
  for (int round = 0; round < 500; ++round) {
    std::vector<bool> loud;
    for (std::uint32_t runs = prng.next_u32() % 12; runs > 0; --runs) {
      const std::uint32_t length = prng.next_u32() % (prng.next_u32() % 3 == 0 ? 80 : 6);
      loud.insert(loud.end(), length, prng.next_u32() % 2 == 0);
    }
    Take take;
    take.add(loud);
    CHECK_TRUE(take.finish() == model(loud));
  }
}

TEST("taking and giving rows allocates nothing, however long the silence") {
  SilenceTrim trim(kSamples);
  const Samples quiet(kSamples, 3);
  const Samples loud(kSamples, 900);
  RecorderRow row;
  const std::uint64_t before = allocations_of_this_thread();
  for (std::uint32_t position = 0; position < 5'000; ++position) {
    trim.take({.position = position, .channels = {position % 1'000 > 900 ? loud : quiet, {}}});
    while (trim.next(row)) {
    }
  }
  CHECK_EQ(allocations_of_this_thread() - before, 0u);
}

}  // namespace
