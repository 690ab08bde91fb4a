// Who is taken for the speaker, when that changes, and when it doesn't.
#include "mixer/active_speaker.h"

#include <cmath>

#include "codec/level.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;

constexpr std::uint32_t kTickMs = 10;

float power(float dbov) {
  return static_cast<float>(codec::kPcmFullScale * codec::kPcmFullScale) *
         std::pow(10.0F, dbov / 10);
}

/// Somebody's level in this tick; below -90: nothing.
struct Level {
  Slot slot = 0;
  float dbov = -100;
};

/// @returns after how many ms the speaker changed, 0 if not within `ms`.
std::uint32_t run(ActiveSpeaker& speakers, std::uint32_t ms, std::initializer_list<Level> levels) {
  std::uint32_t changed_ms = 0;
  for (std::uint32_t at = kTickMs; at <= ms; at += kTickMs) {
    for (const Level& level : levels) {
      if (level.dbov > -90) speakers.hear(level.slot, power(level.dbov));
    }
    if (speakers.decide() && changed_ms == 0) changed_ms = at;
  }
  return changed_ms;
}

TEST("nobody speaks until somebody has for a while") {
  ActiveSpeaker speakers(10, kTickMs);
  CHECK_EQ(speakers.speaker(), kNoSlot);
  CHECK_EQ(speakers.level_dbov(), codec::kLevelDbovMin);
  CHECK_EQ(run(speakers, 1'000, {}), 0u);
  const std::uint32_t after_ms = run(speakers, 1'000, {{3, -25}});
  CHECK_TRUE(after_ms >= kSpeakerTakeoverMs);
  CHECK_TRUE(after_ms <= kSpeakerTakeoverMs + 30);
  CHECK_EQ(speakers.speaker(), 3);
  CHECK_TRUE(std::abs(speakers.level_dbov() + 25.0F) < 0.1F);
}

TEST("a cough of 100 ms takes nothing from the speaker") {
  ActiveSpeaker speakers(10, kTickMs);
  (void)run(speakers, 1'000, {{3, -25}});
  CHECK_EQ(run(speakers, 100, {{3, -25}, {4, -10}}), 0u);
  CHECK_EQ(run(speakers, 1'000, {{3, -25}}), 0u);
  CHECK_EQ(speakers.speaker(), 3);
}

TEST("two who are about as loud don't take turns") {
  ActiveSpeaker speakers(10, kTickMs);
  (void)run(speakers, 1'000, {{3, -25}});
  CHECK_EQ(run(speakers, 5'000, {{3, -25}, {4, -23}}), 0u);
  CHECK_EQ(speakers.speaker(), 3);
  CHECK_TRUE(run(speakers, 1'000, {{3, -25}, {4, -21}}) > 0);
  CHECK_EQ(speakers.speaker(), 4);
}

TEST("who answers is the speaker within half a second") {
  ActiveSpeaker speakers(10, kTickMs);
  (void)run(speakers, 1'000, {{3, -20}});
  const std::uint32_t after_ms = run(speakers, 1'000, {{4, -20}});
  CHECK_TRUE(after_ms > 0);
  CHECK_TRUE(after_ms <= 500);
  CHECK_EQ(speakers.speaker(), 4);
}

TEST("pauses between words keep the speaker; two seconds and more don't") {
  ActiveSpeaker speakers(10, kTickMs);
  (void)run(speakers, 1'000, {{3, -20}});
  CHECK_EQ(run(speakers, 1'500, {}), 0u);
  CHECK_EQ(speakers.speaker(), 3);
  (void)run(speakers, 500, {{3, -20}});
  const std::uint32_t after_ms = run(speakers, 6'000, {});
  CHECK_TRUE(after_ms >= kSpeakerQuietMs);
  CHECK_EQ(speakers.speaker(), kNoSlot);
}

TEST("noise below the threshold is nobody's speech") {
  ActiveSpeaker speakers(10, kTickMs);
  CHECK_EQ(run(speakers, 5'000, {{1, -55}, {2, -52}}), 0u);
  CHECK_EQ(speakers.speaker(), kNoSlot);
}

TEST("a speaker who has left is none, and the change is told with the next tick") {
  ActiveSpeaker speakers(10, kTickMs);
  (void)run(speakers, 1'000, {{3, -20}});
  speakers.forget(3);
  CHECK_EQ(speakers.speaker(), kNoSlot);
  CHECK_EQ(run(speakers, kTickMs, {}), kTickMs);
  CHECK_EQ(run(speakers, 1'000, {}), 0u);
}

TEST("what the one before said counts for nothing with who takes his slot") {
  ActiveSpeaker speakers(10, kTickMs);
  (void)run(speakers, 1'000, {{3, -10}});
  speakers.forget(3);
  (void)run(speakers, 1'000, {{3, -60}});
  CHECK_EQ(speakers.speaker(), kNoSlot);
  // Nor does the time for which he was about to take over.
  (void)run(speakers, 150, {{4, -20}});
  speakers.forget(4);
  (void)run(speakers, 150, {{4, -20}});
  CHECK_EQ(speakers.speaker(), kNoSlot);
}

TEST("slots that it doesn't have are a mistake of ours") {
  ActiveSpeaker speakers(10, kTickMs);
  CHECK_ABORTS(speakers.hear(10, 1.0F));
  CHECK_ABORTS(speakers.forget(kNoSlot));
}

}  // namespace
