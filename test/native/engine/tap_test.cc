// What a tap copies: in its place, whatever turn it comes in, with pauses, ends and losses.
#include "engine/tap.h"

#include <algorithm>
#include <vector>

#include "native/allocations.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using namespace test;
using contract::RecordingEnd;
using pipeline::RecordedSound;
using pipeline::Side;

const Samples kPiece(80, 1'000);

Instant at_ms(std::int64_t ms) {
  return Instant{} + Duration::milliseconds(1'000 + ms);
}

struct Rig {
  explicit Rig(const TapSetup& setup = {}) : tap(setup, feed) {}
  void take(Side side, std::int64_t ms) { tap.take(side, at_ms(ms), 8'000, kPiece); }
  std::vector<std::uint32_t> positions() {
    std::vector<std::uint32_t> all;
    RecordingFeed::Piece piece;
    while (feed.pop(piece)) {
      all.push_back(piece.position);
      last_reason = piece.before;
    }
    return all;
  }
  RecordingFeed feed{8'000};
  Tap tap;
  spool::GapReason last_reason = spool::GapReason::kNone;
};

using Positions = std::vector<std::uint32_t>;

TEST("pieces are numbered in a row, also where their turn moves by a phase") {
  Rig rig;
  for (const std::int64_t ms : {0, 10, 20, 28, 38, 50, 60})
    rig.take(Side::kReceived, ms);
  CHECK_TRUE(rig.positions() == Positions({0, 1, 2, 3, 4, 5, 6}));
  rig.take(Side::kReceived, 1'060);
  CHECK_TRUE(rig.positions() == Positions({106}));
}

TEST("pieces of two sources in turn keep to the time that passes") {
  Rig rig;
  std::int64_t ms = 0;
  // A link's turns, then those of what is played instead, in another phase, and back: fifty times
  // ten pieces in 90 ms.
  for (int change = 0; change < 50; ++change) {
    for (int count = 0; count < 5; ++count, ms += 10)
      rig.take(Side::kSent, ms);
    ms -= 4;
    for (int count = 0; count < 5; ++count, ms += 10)
      rig.take(Side::kSent, ms);
    ms -= 6;
  }
  const Positions positions = rig.positions();
  CHECK_TRUE(std::is_sorted(positions.begin(), positions.end()));
  CHECK_TRUE(positions.back() >= 449u);
  CHECK_TRUE(positions.back() <= 451u);
  // Two at once are one too many.
  Rig twice;
  for (std::int64_t at = 0; at < 3'000; at += 10) {
    twice.take(Side::kSent, at);
    twice.take(Side::kSent, at + 4);
  }
  CHECK_TRUE(twice.positions().back() <= 301u);
}

TEST("a pause is cut out, or heard as silence with its reason") {
  for (const bool silence : {false, true}) {
    Rig rig;
    for (std::int64_t ms = 0; ms < 100; ms += 10)
      rig.take(Side::kReceived, ms);
    rig.tap.pause(true, silence);
    for (std::int64_t ms = 100; ms < 600; ms += 10)
      rig.take(Side::kReceived, ms);
    rig.tap.pause(false, silence);
    (void)rig.positions();
    rig.take(Side::kReceived, 600);
    CHECK_TRUE(rig.positions() == Positions({silence ? 60u : 10u}));
    CHECK_EQ(rig.last_reason == spool::GapReason::kPause, silence);
    rig.tap.end(RecordingEnd::kStopped);
    CHECK_EQ(rig.feed.length(), silence ? 61u : 11u);
  }
}

TEST("the longest length, a silence and an order end it, each once") {
  Rig longest({.maximum_ms = 100});
  for (std::int64_t ms = 0; ms < 300; ms += 10)
    longest.take(Side::kReceived, ms);
  CHECK_TRUE(longest.tap.over());
  CHECK_TRUE(longest.feed.closed());
  CHECK_TRUE(longest.feed.end() == RecordingEnd::kMaximum);
  CHECK_EQ(longest.feed.length(), 10u);
  CHECK_EQ(longest.positions().size(), 10u);

  Rig silent({.end_silence_ms = 200});
  silent.take(Side::kReceived, 0);
  silent.tap.note_quiet(60'000);
  CHECK_FALSE(silent.tap.over());
  for (std::int64_t ms = 10; ms < 250; ms += 10)
    silent.take(Side::kReceived, ms);
  silent.tap.note_quiet(190);
  CHECK_FALSE(silent.tap.over());
  silent.tap.note_quiet(60'000);
  CHECK_TRUE(silent.feed.end() == RecordingEnd::kSilence);
  silent.tap.end(RecordingEnd::kStopped);
  CHECK_TRUE(silent.feed.end() == RecordingEnd::kSilence);
}

TEST("a tap that goes closes its feed, and one that the disk refuses is over") {
  RecordingFeed feed(8'000);
  { const Tap tap({}, feed); }
  CHECK_TRUE(feed.closed());
  CHECK_TRUE(feed.end() == RecordingEnd::kClosed);
  Rig rig;
  rig.feed.refuse();
  rig.take(Side::kReceived, 0);
  CHECK_TRUE(rig.tap.over());
}

TEST("without room pieces are lost, counted, and the next one says so; nothing is allocated") {
  Rig rig;
  const std::uint64_t before = allocations_of_this_thread();
  for (std::int64_t index = 0; index < kTapRecordsMax + 50; ++index)
    rig.take(Side::kReceived, 10 * index);
  CHECK_EQ(allocations_of_this_thread() - before, 0u);
  CHECK_EQ(rig.feed.lost(), 50u);
  CHECK_EQ(rig.positions().size(), kTapRecordsMax);
  rig.take(Side::kReceived, 10 * (kTapRecordsMax + 50));
  CHECK_TRUE(rig.positions() == Positions({kTapRecordsMax + 50}));
  CHECK_TRUE(rig.last_reason == spool::GapReason::kLoss);
}

TEST("a pause that is heard as silence counts for the longest length, and none for its end") {
  Rig longest({.maximum_ms = 200});
  for (std::int64_t ms = 0; ms < 100; ms += 10)
    longest.take(Side::kReceived, ms);
  longest.tap.pause(true, true);
  for (std::int64_t ms = 100; ms < 300; ms += 10)
    longest.take(Side::kReceived, ms);
  CHECK_TRUE(longest.feed.closed());
  CHECK_TRUE(longest.feed.end() == RecordingEnd::kMaximum);
  CHECK_EQ(longest.feed.length(), 20u);

  for (const bool silence : {false, true}) {
    Rig silent({.end_silence_ms = 200});
    silent.take(Side::kReceived, 0);
    silent.tap.pause(true, silence);
    for (std::int64_t ms = 10; ms < 500; ms += 10)
      silent.take(Side::kReceived, ms);
    silent.tap.pause(false, silence);
    silent.take(Side::kReceived, 500);
    silent.tap.note_quiet(60'000);
    CHECK_FALSE(silent.tap.over());
    for (std::int64_t ms = 510; ms < 700; ms += 10)
      silent.take(Side::kReceived, ms);
    silent.tap.note_quiet(60'000);
    CHECK_TRUE(silent.tap.over());
  }
}

TEST("time passes without turns, and pieces keep their places in it") {
  Rig rig({.maximum_ms = 1'000});
  rig.tap.pass_time(at_ms(0));
  CHECK_EQ(rig.feed.reached(), 0u);
  rig.tap.pass_time(at_ms(600));
  CHECK_EQ(rig.feed.reached(), 50u);
  // For a turn as late as turns may be, and then in order.
  for (const std::int64_t ms : {502, 512, 600, 610})
    rig.take(Side::kReceived, ms);
  CHECK_TRUE(rig.positions() == Positions({50, 51, 60, 61}));
  rig.tap.pass_time(at_ms(1'090));
  CHECK_FALSE(rig.tap.over());
  CHECK_EQ(rig.feed.reached(), 99u);
  rig.tap.pass_time(at_ms(60'000));
  CHECK_TRUE(rig.feed.closed());
  CHECK_TRUE(rig.feed.end() == RecordingEnd::kMaximum);
  CHECK_EQ(rig.feed.length(), 100u);
}

TEST("a pause that is heard as silence is told while it lasts, one that is cut out never") {
  for (const bool silence : {false, true}) {
    for (const bool has_turns : {false, true}) {
      Rig rig;
      rig.take(Side::kReceived, 0);
      rig.tap.pause(true, silence);
      for (std::int64_t ms = 10; ms <= 5'000; ms += 10) {
        if (has_turns) rig.take(Side::kReceived, ms);
        rig.tap.pass_time(at_ms(ms));
      }
      const std::uint32_t passed = has_turns ? 501 : 490;
      CHECK_EQ(rig.feed.reached(), silence ? passed : 0u);
      rig.tap.pause(false, silence);
      rig.tap.end(RecordingEnd::kStopped);
      CHECK_EQ(rig.feed.length(), silence ? passed : 1u);
    }
  }
}

TEST("a peer whom nobody listens to is silent since its last piece") {
  Rig rig({.end_silence_ms = 500});
  rig.take(Side::kReceived, 0);
  for (std::int64_t ms = 0; ms < 400; ms += 10)
    rig.take(Side::kReceived, ms);
  rig.tap.pass_time(at_ms(990));
  rig.tap.note_unheard();
  CHECK_FALSE(rig.tap.over());
  rig.tap.pass_time(at_ms(1'020));
  rig.tap.note_unheard();
  CHECK_TRUE(rig.feed.end() == RecordingEnd::kSilence);
  Rig never({.end_silence_ms = 500});
  never.tap.pass_time(at_ms(0));
  never.tap.pass_time(at_ms(590));
  never.tap.note_unheard();
  CHECK_FALSE(never.tap.over());
  never.tap.pass_time(at_ms(600));
  never.tap.note_unheard();
  CHECK_TRUE(never.feed.end() == RecordingEnd::kSilence);
}

TEST("a feed holds five seconds of both sides at any rate") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    RecordingFeed feed(rate_hz);
    const Samples samples(codec::samples_of(rate_hz, 10));
    for (std::uint32_t position = 0; position < 500; ++position) {
      for (const Side side : {Side::kReceived, Side::kSent}) {
        const bool pushed =
            feed.push({.side = side, .position = position, .rate_hz = rate_hz, .samples = samples});
        REQUIRE(pushed);
      }
    }
  }
}

TEST("a piece of a higher rate comes out whole") {
  RecordingFeed feed(8'000);
  Samples samples(480);
  for (std::size_t index = 0; index < samples.size(); ++index)
    samples[index] = static_cast<std::int16_t>(index);
  CHECK_TRUE(
      feed.push({.side = Side::kSent, .position = 3, .rate_hz = 48'000, .samples = samples}));
  RecordingFeed::Piece piece;
  REQUIRE(feed.pop(piece));
  CHECK_TRUE(piece.side == Side::kSent);
  CHECK_EQ(piece.samples.size(), 480u);
  CHECK_TRUE(std::equal(samples.begin(), samples.end(), piece.samples.begin()));
  CHECK_FALSE(feed.pop(piece));
}

}  // namespace
