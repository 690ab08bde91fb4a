// The replay window: edges, and a ten-line set that remembers everything beside it.
#include "srtp/replay_window.h"

#include <algorithm>
#include <set>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using Place = ReplayWindow::Place;

TEST("before the first packet everything is new") {
  const ReplayWindow window;
  CHECK_FALSE(window.confirmed());
  CHECK_EQ(window.judge(0), Place::kNew);
  CHECK_EQ(window.judge(std::uint64_t{1} << 47), Place::kNew);
}

TEST("a packet is new once, even with index 0") {
  ReplayWindow window;
  window.mark(0);
  CHECK_TRUE(window.confirmed());
  CHECK_EQ(window.judge(0), Place::kSeen);
  CHECK_EQ(window.judge(1), Place::kNew);
}

TEST("the oldest packet that can be told is 127 behind the newest") {
  ReplayWindow window;
  window.mark(1'000);
  CHECK_EQ(window.judge(1'000 - 127), Place::kNew);
  CHECK_EQ(window.judge(1'000 - 128), Place::kTooOld);
  window.mark(1'000 - 127);
  CHECK_EQ(window.judge(1'000 - 127), Place::kSeen);
  window.mark(1'001);
  CHECK_EQ(window.judge(1'000 - 127), Place::kTooOld);
  CHECK_EQ(window.judge(1'000), Place::kSeen);
}

TEST("a jump of any width leaves the right ones marked") {
  for (const std::uint64_t jump : {1, 63, 64, 65, 126, 127, 128, 129, 1'000'000}) {
    ReplayWindow window;
    window.mark(500);
    window.mark(501);
    window.mark(501 + jump);
    CHECK_EQ(window.judge(501 + jump), Place::kSeen);
    CHECK_EQ(window.judge(501), jump < 128 ? Place::kSeen : Place::kTooOld);
    CHECK_EQ(window.judge(500), jump < 127 ? Place::kSeen : Place::kTooOld);
    if (jump > 1) CHECK_EQ(window.judge(500 + jump), Place::kNew);
  }
}

TEST("agrees with a set of everything seen over 200,000 random packets") {
  Prng prng(128);
  ReplayWindow window;
  std::set<std::uint64_t> seen;
  for (int packet = 0; packet < 200'000; ++packet) {
    const std::uint64_t highest = window.highest();
    const std::uint64_t spread = prng.below(20) == 0 ? 400 : 140;
    const std::uint64_t start = highest > 135 ? highest - 135 : 0;
    const std::uint64_t index = start + prng.below(static_cast<std::uint32_t>(spread));
    const std::uint64_t newest = seen.empty() ? index : *seen.rbegin();
    const Place expected = index + kReplayWindowPackets <= newest ? Place::kTooOld
                           : seen.contains(index)                 ? Place::kSeen
                                                                  : Place::kNew;
    CHECK_EQ(window.judge(index), expected);
    if (expected != Place::kNew) continue;
    window.mark(index);
    seen.insert(index);
    if (seen.size() > 1'000) seen.erase(seen.begin());
  }
}

}  // namespace
