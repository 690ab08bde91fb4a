// What the control plane is told of a peer's speech.
#include "engine/speech_watch.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using contract::SpeechChange;

/// @param voice of so many pieces in a row. @returns how often speech began.
int hear(SpeechWatch& watch, bool voice, int pieces) {
  int begun = 0;
  for (int piece = 0; piece < pieces; ++piece) {
    const std::uint64_t quiet_ms = voice ? 0 : 10 * static_cast<std::uint64_t>(piece + 1);
    if (watch.handle({.voice = voice, .ms = 10, .quiet_ms = quiet_ms})) ++begun;
  }
  return begun;
}

TEST("speech is told when it starts and when a silence has ended it") {
  SpeechWatch watch;
  CHECK_EQ(hear(watch, true, 5), 1);
  CHECK_FALSE(watch.any());
  (void)hear(watch, false, 100);
  watch.start({.no_speech_ms = 2'000, .end_silence_ms = 500});
  CHECK_EQ(hear(watch, false, 100), 0);
  CHECK_EQ(hear(watch, true, 30), 1);
  (void)hear(watch, false, 60);
  REQUIRE(watch.any());
  CHECK_TRUE(watch.first() == SpeechChange::kStarted);
  watch.pop_first();
  REQUIRE(watch.any());
  CHECK_TRUE(watch.first() == SpeechChange::kEnded);
  watch.pop_first();
  CHECK_FALSE(watch.any());
}

TEST("nobody speaking is told once, and nothing after it was stopped") {
  SpeechWatch watch;
  watch.start({.no_speech_ms = 500, .end_silence_ms = 500});
  (void)hear(watch, false, 200);
  REQUIRE(watch.any());
  CHECK_TRUE(watch.first() == SpeechChange::kNone);
  watch.pop_first();
  CHECK_FALSE(watch.any());
  watch.stop();
  CHECK_FALSE(watch.running());
  (void)hear(watch, true, 200);
  CHECK_FALSE(watch.any());
}

TEST("who speaks when somebody listens again begins to speak") {
  SpeechWatch watch;
  CHECK_EQ(hear(watch, true, 5), 1);
  CHECK_EQ(hear(watch, true, 5), 0);
  watch.forget();
  CHECK_EQ(hear(watch, true, 5), 1);
}

TEST("while nobody takes them, the oldest make room") {
  SpeechWatch watch;
  watch.start({.no_speech_ms = 0, .end_silence_ms = 100});
  for (int round = 0; round < 20; ++round) {
    (void)hear(watch, true, 10);
    (void)hear(watch, false, 20);
  }
  for (std::uint32_t count = 0; count < kSpeechReportsMax; ++count) {
    REQUIRE(watch.any());
    watch.pop_first();
  }
  CHECK_FALSE(watch.any());
}

}  // namespace
