// What outlives a key: windows of keys left before, places of the streams that went on without
// them.
#include "srtp/key_memory.h"

#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using rtp::Ssrc;
using test::a_key;
using Place = ReplayWindow::Place;

constexpr Suite kSuite = Suite::kAesCm128HmacSha1Tag80;

SourceTable heard(std::uint32_t ssrc, std::uint64_t index) {
  SourceTable sources;
  sources.add(Ssrc{ssrc}).mark_rtp(index);
  return sources;
}

TEST("under a key that was never left nothing is seen, and streams are looked for where they are") {
  const KeyMemory memory;
  SourceTable sources = memory.take_up(a_key(kSuite), heard(7, 1'000));
  const Source* source = sources.find(Ssrc{7});
  REQUIRE(source != nullptr);
  CHECK_FALSE(source->confirmed());
  CHECK_EQ(source->rtp_hint, 1'000u);
  CHECK_EQ(source->rtp_place(), 1'000u);
}

TEST("under a key left before, what was seen stays seen however far the stream has gone on") {
  KeyMemory memory;
  memory.leave(a_key(kSuite, 1), heard(7, 1'000));
  SourceTable sources = memory.take_up(a_key(kSuite, 1), heard(7, 200'000));
  const Source* source = sources.find(Ssrc{7});
  REQUIRE(source != nullptr);
  CHECK_EQ(source->rtp.judge(1'000), Place::kSeen);
  CHECK_EQ(source->rtp.judge(1'000 - 200), Place::kTooOld);
  CHECK_EQ(source->rtp.judge(200'000), Place::kNew);
  CHECK_EQ(source->rtp_place(), 200'000u);
}

TEST("the next RTCP index under a key is none that either key has had") {
  KeyMemory memory;
  SourceTable before = heard(7, 1);
  before.find(Ssrc{7})->rtcp_next = 50;
  memory.leave(a_key(kSuite, 1), before);
  SourceTable since = heard(7, 2);
  since.find(Ssrc{7})->rtcp_next = 9;
  CHECK_EQ(memory.take_up(a_key(kSuite, 1), since).find(Ssrc{7})->rtcp_next, 50u);
  since.find(Ssrc{7})->rtcp_next = 90;
  CHECK_EQ(memory.take_up(a_key(kSuite, 1), since).find(Ssrc{7})->rtcp_next, 90u);
}

TEST("a key is known by its keystream, whatever suite it comes with, and once") {
  KeyMemory memory;
  memory.leave(a_key(Suite::kAesCm128HmacSha1Tag80), heard(7, 10));
  memory.leave(a_key(Suite::kAesCm128HmacSha1Tag32), heard(7, 20));
  CHECK_EQ(memory.size(), 1u);
  SourceTable sources = memory.take_up(a_key(kSuite), {});
  CHECK_EQ(sources.find(Ssrc{7})->rtp.highest(), 20u);
}

TEST("the key left longest ago gives way, one left again is the newest") {
  KeyMemory memory;
  for (std::uint32_t number = 1; number <= kSrtpKeysRemembered; ++number)
    memory.leave(a_key(kSuite, number), heard(number, number));
  memory.leave(a_key(kSuite, 1), heard(1, 1));
  memory.leave(a_key(kSuite, 99), heard(99, 99));
  CHECK_EQ(memory.size(), kSrtpKeysRemembered);
  CHECK_TRUE(memory.take_up(a_key(kSuite, 1), {}).find(Ssrc{1}) != nullptr);
  CHECK_TRUE(memory.take_up(a_key(kSuite, 2), {}).find(Ssrc{2}) == nullptr);
  CHECK_TRUE(memory.take_up(a_key(kSuite, 99), {}).find(Ssrc{99}) != nullptr);
}

TEST("streams that a remembered key never met find no room beside those that it did") {
  KeyMemory memory;
  SourceTable full;
  for (std::uint32_t ssrc = 0; ssrc < kSrtpSourcesMax; ++ssrc)
    full.add(Ssrc{ssrc}).mark_rtp(5);
  memory.leave(a_key(kSuite), full);
  SourceTable sources = memory.take_up(a_key(kSuite), heard(1'000, 5));
  CHECK_TRUE(sources.find(Ssrc{1'000}) == nullptr);
  CHECK_TRUE(sources.find(Ssrc{0}) != nullptr);
  CHECK_FALSE(sources.has_room());
}

}  // namespace
