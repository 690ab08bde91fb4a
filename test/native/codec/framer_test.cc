// The framer against a naive model: a long strip of samples with silence where nothing came, cut
// where the rules say.
#include "codec/framer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/prng.h"
#include "codec/format.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
using Samples = std::vector<std::int16_t>;

struct Got {
  std::uint64_t position;
  bool marker;
  Samples samples;
};

void take_all(Framer& framer, std::vector<Got>& into) {
  Framer::Frame frame;
  while (framer.next(frame))
    into.push_back({frame.position, frame.marker, {frame.samples.begin(), frame.samples.end()}});
}

/// Sample n has the value n, so that a frame tells where its samples come from.
Samples count_from(std::uint64_t position, std::size_t count) {
  Samples samples(count);
  for (std::size_t index = 0; index < count; ++index)
    samples[index] = static_cast<std::int16_t>((position + index) % 30'000 + 1);
  return samples;
}

std::size_t push(Framer& framer, std::uint64_t position, std::size_t count, std::vector<Got>& into,
                 bool starts_talk = false) {
  const Samples samples = count_from(position, count);
  const std::size_t old =
      framer.push({.position = position, .starts_talk = starts_talk, .samples = samples});
  take_all(framer, into);
  return old;
}

TEST("makes frames of its own length from pieces of any other, the first one marked") {
  for (const std::size_t piece : {80u, 160u, 240u, 320u, 480u, 33u}) {
    for (const std::size_t frame : {80u, 160u, 240u, 320u, 400u, 480u}) {
      Framer framer(frame);
      std::vector<Got> got;
      std::uint64_t pushed = 0;
      for (int index = 0; index < 40; ++index) {
        CHECK_EQ(push(framer, pushed, piece, got), 0u);
        pushed += piece;
        // Nothing waits that could have gone.
        CHECK_EQ(got.size(), pushed / frame);
        CHECK_EQ(framer.waiting(), pushed % frame);
      }
      for (std::size_t index = 0; index < got.size(); ++index) {
        CHECK_EQ(got[index].position, index * frame);
        CHECK_EQ(got[index].marker, index == 0);
        CHECK_TRUE(got[index].samples == count_from(index * frame, frame));
      }
    }
  }
}

TEST("hands out the caller's own memory where a frame lies within a piece") {
  Framer framer(160);
  const Samples samples(320, 7);
  (void)framer.push({.position = 0, .samples = samples});
  Framer::Frame frame;
  REQUIRE(framer.next(frame));
  CHECK_TRUE(frame.samples.data() == samples.data());
  REQUIRE(framer.next(frame));
  CHECK_TRUE(frame.samples.data() == samples.data() + 160);
  CHECK_FALSE(framer.next(frame));
}

TEST("leaves a silence out that falls between frames, and marks what follows") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 0, 320, got);
  push(framer, 1'600, 160, got);
  REQUIRE(got.size() == 3);
  CHECK_EQ(got[2].position, 1'600u);
  CHECK_TRUE(got[2].marker);
  push(framer, 1'760, 160, got);
  CHECK_FALSE(got.back().marker);
}

TEST("fills a frame that had begun with silence before a longer one is left out") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 0, 100, got);
  CHECK_EQ(got.size(), 0u);
  push(framer, 1'000, 160, got);
  REQUIRE(got.size() == 2);
  Samples expected = count_from(0, 100);
  expected.resize(160, 0);
  CHECK_TRUE(got[0].samples == expected);
  CHECK_EQ(got[0].position, 0u);
  CHECK_TRUE(got[0].marker);
  CHECK_EQ(got[1].position, 1'000u);
  CHECK_TRUE(got[1].marker);
}

TEST("closes a gap shorter than the rest of the frame without a mark") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 0, 160, got);
  push(framer, 160, 50, got);
  push(framer, 230, 90, got);
  REQUIRE(got.size() == 2);
  Samples expected = count_from(160, 50);
  expected.resize(70, 0);
  const Samples tail = count_from(230, 90);
  expected.insert(expected.end(), tail.begin(), tail.end());
  CHECK_TRUE(got[1].samples == expected);
  CHECK_FALSE(got[1].marker);
}

TEST("a gap that ends exactly where the frame does leaves nothing out") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 0, 100, got);
  push(framer, 160, 160, got);
  REQUIRE(got.size() == 2);
  CHECK_FALSE(got[1].marker);
}

TEST("carries a marker of the sender's on the frame in which it begins") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 0, 240, got);
  push(framer, 240, 160, got, true);
  push(framer, 400, 240, got);
  REQUIRE(got.size() == 4);
  CHECK_FALSE(got[2].marker && got[1].marker);
  CHECK_TRUE(got[1].marker);
  CHECK_FALSE(got[2].marker);
  CHECK_FALSE(got[3].marker);
}

TEST("leaves out what lies before what came already, and says how much") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 1'000, 160, got);
  CHECK_EQ(push(framer, 1'000, 160, got), 160u);
  CHECK_EQ(push(framer, 1'100, 160, got), 60u);
  CHECK_EQ(framer.waiting(), 100u);
  CHECK_EQ(push(framer, 0, 0, got), 0u);
  push(framer, 1'260, 60, got);
  REQUIRE(got.size() == 2);
  CHECK_TRUE(got[1].samples == count_from(1'160, 160));
}

TEST("at the end fills up what is left, once") {
  Framer framer(160);
  std::vector<Got> got;
  push(framer, 0, 170, got);
  Framer::Frame frame;
  REQUIRE(framer.flush(frame));
  Samples expected = count_from(160, 10);
  expected.resize(160, 0);
  CHECK_TRUE(Samples(frame.samples.begin(), frame.samples.end()) == expected);
  CHECK_EQ(frame.position, 160u);
  CHECK_FALSE(framer.flush(frame));
  // What comes next goes on after the filled frame.
  CHECK_EQ(push(framer, 170, 310, got), 150u);
  CHECK_EQ(got.back().position, 320u);
}

TEST("refuses a new piece while frames of the last one are still to be taken") {
  Framer framer(160);
  const Samples samples(400, 7);
  (void)framer.push({.position = 0, .samples = samples});
  CHECK_ABORTS((void)framer.push({.position = 400, .samples = samples}));
  CHECK_ABORTS(Framer{0});
  CHECK_ABORTS(Framer{kPcmSamplesMax + 1});
}

TEST("agrees with a strip of samples on random pieces, gaps, overlaps and lengths") {
  Prng prng(60);
  for (int round = 0; round < 300; ++round) {
    const std::size_t frame = 1 + prng.below(300);
    Framer framer(frame);
    std::vector<Got> got;
    std::map<std::uint64_t, std::int16_t> strip;
    std::uint64_t end = 0;
    for (int piece = 0; piece < 60; ++piece) {
      const std::uint64_t back =
          prng.below(10) == 0 ? std::min<std::uint64_t>(end, prng.below(50)) : 0;
      const std::uint64_t gap = prng.below(4) == 0 ? prng.below(600) : 0;
      const std::uint64_t position = end + gap - back * (gap == 0 ? 1 : 0);
      const std::size_t count = prng.below(700);
      const std::size_t old = push(framer, position, count, got);
      const Samples samples = count_from(position, count);
      CHECK_EQ(old, std::min<std::uint64_t>(count, end > position ? end - position : 0));
      for (std::size_t index = old; index < count; ++index)
        strip.try_emplace(position + index, samples[index]);
      if (count > old) end = position + count;
    }
    Framer::Frame last;
    if (framer.flush(last))
      got.push_back({last.position, last.marker, {last.samples.begin(), last.samples.end()}});
    std::uint64_t next = 0;
    for (const Got& each : got) {
      CHECK_TRUE(each.position >= next);
      CHECK_EQ(each.marker, next == 0 || each.position > next);
      REQUIRE(each.samples.size() == frame);
      for (std::size_t index = 0; index < frame; ++index) {
        const auto found = strip.find(each.position + index);
        REQUIRE(each.samples[index] == (found == strip.end() ? 0 : found->second));
        if (found != strip.end()) strip.erase(found);
      }
      next = each.position + frame;
    }
    CHECK_TRUE(strip.empty());
  }
}

TEST("forgets what waits when told to, and goes on at the next sample") {
  Framer framer(160);
  std::vector<Got> got;
  (void)push(framer, 0, 100, got);
  framer.drop();
  CHECK_EQ(framer.waiting(), 0u);
  (void)push(framer, 100, 160, got);
  REQUIRE(got.size() == 1u);
  CHECK_EQ(got[0].position, 100u);
  CHECK_EQ(got[0].samples, count_from(100, 160));
  framer.drop();
  framer.drop();
  CHECK_EQ(framer.waiting(), 0u);
}

}  // namespace
