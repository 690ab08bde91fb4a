// Sums of another thread that come, don't come, and come again.
#include "pipeline/part_voice.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using pipeline::PartVoice;

using Frame = std::array<std::int32_t, 80>;

constexpr Frame flat(std::int32_t level) {
  Frame frame = {};
  frame.fill(level);
  return frame;
}

TEST("a sum passes as it is, silence as silence; a first one fades in") {
  PartVoice voice;
  Frame room = {};
  const Frame loud = flat(8'000);
  const PartVoice::Sum first = voice.take(loud, room);
  CHECK_EQ(first[0], 100);
  CHECK_EQ(first[79], 8'000);
  CHECK_TRUE(voice.take(loud, room).data() == loud.data());
  CHECK_TRUE(voice.take({}, room).empty());
  // Silence is the part's own: what follows it begins as the part let it begin.
  CHECK_TRUE(voice.take(loud, room).data() == loud.data());
}

TEST("a hole has a ramp before it and behind it, and nothing in between") {
  PartVoice voice;
  Frame room = {};
  const Frame loud = flat(-80'000);
  (void)voice.take(loud, room);
  const PartVoice::Sum ramp = voice.miss(room);
  CHECK_EQ(ramp.size(), 80u);
  CHECK_EQ(ramp[0], -79'000);
  CHECK_EQ(ramp[79], 0);
  CHECK_TRUE(voice.miss(room).empty());
  CHECK_TRUE(voice.miss(room).empty());
  CHECK_EQ(voice.take(loud, room)[0], -1'000);
  (void)voice.take({}, room);
  CHECK_TRUE(voice.miss(room).empty());
}

TEST("the loudest sums there are pass without overflow") {
  PartVoice voice;
  Frame room = {};
  const Frame loudest = flat(2'147'483'647);
  CHECK_EQ(voice.take(loudest, room)[79], 2'147'483'647);
  CHECK_EQ(voice.miss(room)[0], 2'120'640'101);
}

}  // namespace
