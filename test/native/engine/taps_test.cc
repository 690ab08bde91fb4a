// Several recordings of one leg: each is given what it wants and ends by itself.
#include "engine/taps.h"

#include <memory>

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

struct Rig {
  RecordingFeed& add(const TapSetup& setup) {
    feeds.push_back(std::make_unique<RecordingFeed>(8'000));
    taps.add(std::make_unique<Tap>(setup, *feeds.back()));
    return *feeds.back();
  }
  bool take(Side side) {
    now = now + Duration::milliseconds(10);
    return taps.take(side, now, 8'000, piece);
  }
  static std::size_t count(RecordingFeed& feed) {
    RecordingFeed::Piece popped;
    std::size_t pieces = 0;
    while (feed.pop(popped))
      ++pieces;
    return pieces;
  }
  std::vector<std::unique_ptr<RecordingFeed>> feeds;  // outlive the taps
  Taps taps;
  Samples piece = Samples(80, 1'000);
  Instant now;
};

TEST("each recording is given what it wants, and what is sent only where it is wanted") {
  Rig rig;
  CHECK_TRUE(rig.taps.empty());
  RecordingFeed& received = rig.add({.recording = 1, .sound = RecordedSound::kReceived});
  CHECK_FALSE(rig.taps.wants_sent());
  CHECK_FALSE(rig.taps.full());
  RecordingFeed& both = rig.add({.recording = 2, .sound = RecordedSound::kDual});
  CHECK_TRUE(rig.taps.wants_sent());
  CHECK_TRUE(rig.taps.full());
  for (int turn = 0; turn < 5; ++turn) {
    CHECK_FALSE(rig.take(Side::kReceived));
    CHECK_FALSE(rig.take(Side::kSent));
  }
  CHECK_EQ(Rig::count(received), 5u);
  CHECK_EQ(Rig::count(both), 10u);
  CHECK_TRUE(rig.taps.find(2)->recording() == 2);
  CHECK_TRUE(rig.taps.find(3) == nullptr);
}

TEST("a recording that ends makes room and leaves the other alone") {
  Rig rig;
  RecordingFeed& brief = rig.add({.recording = 1, .maximum_ms = 30});
  RecordingFeed& long_one = rig.add({.recording = 2});
  const std::uint64_t before = allocations_of_this_thread();
  for (int turn = 0; turn < 3; ++turn)
    CHECK_FALSE(rig.take(Side::kReceived));
  CHECK_TRUE(rig.take(Side::kReceived));
  CHECK_EQ(allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(brief.closed());
  CHECK_TRUE(brief.end() == RecordingEnd::kMaximum);
  CHECK_FALSE(rig.taps.full());
  CHECK_TRUE(rig.taps.find(1) == nullptr);
  CHECK_FALSE(rig.taps.end(1, RecordingEnd::kStopped));
  CHECK_FALSE(long_one.closed());
  CHECK_TRUE(rig.taps.end(2, RecordingEnd::kStopped));
  CHECK_TRUE(long_one.closed());
  CHECK_EQ(Rig::count(long_one), 4u);
  CHECK_TRUE(rig.taps.empty());
}

TEST("a silence ends those that are to end by it, and they go with their next turn") {
  Rig rig;
  RecordingFeed& by_silence = rig.add({.recording = 1, .end_silence_ms = 20});
  RecordingFeed& other = rig.add({.recording = 2});
  for (int turn = 0; turn < 5; ++turn)
    (void)rig.take(Side::kReceived);
  rig.taps.note_quiet(500);
  CHECK_TRUE(by_silence.end() == RecordingEnd::kSilence);
  CHECK_TRUE(rig.take(Side::kReceived));
  CHECK_FALSE(other.closed());
}

TEST("one that the disk refused makes room, though nothing comes that would show it") {
  Rig rig;
  RecordingFeed& refused = rig.add({.recording = 1});
  RecordingFeed& other = rig.add({.recording = 2});
  refused.refuse();
  CHECK_TRUE(rig.taps.pass_time(rig.now));
  CHECK_FALSE(rig.taps.pass_time(rig.now));
  CHECK_FALSE(rig.taps.full());
  CHECK_TRUE(refused.closed());
  CHECK_TRUE(refused.end() == RecordingEnd::kFailed);
  CHECK_FALSE(other.closed());
}

TEST("one too many is a mistake of ours") {
  Rig rig;
  (void)rig.add({.recording = 1});
  (void)rig.add({.recording = 2});
  CHECK_ABORTS(rig.add({.recording = 3}));
}

}  // namespace
