// When a thread has too little time for its codecs, and when it has enough again.
#include "engine/load_gauge.h"

#include "native/engine/party.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using engine::kReliefMax;
using engine::LoadGauge;
namespace contract = engine::contract;

/// Turns every 2 ms that take `busy_us` and begin `late_us` late, for `ms`.
struct Thread {
  int lowered = 0;
  int raised = 0;
  void run(std::int64_t ms, std::int64_t busy_us, std::int64_t late_us = 0) {
    for (const std::int64_t end = now_us + ms * 1'000; now_us < end; now_us += 2'000) {
      const auto at = [](std::int64_t us) { return Instant::from_ns(us * 1'000); };
      const auto change =
          gauge.note_turn(at(now_us), at(now_us + late_us), at(now_us + late_us + busy_us));
      lowered += change == LoadGauge::Change::kLower;
      raised += change == LoadGauge::Change::kRaise;
    }
  }
  LoadGauge gauge;
  std::int64_t now_us = 1'000'000;
};

TEST("with time to spare nothing changes, however late single turns are") {
  Thread thread;
  thread.run(5'000, 1'000);
  thread.run(5'000, 500, 8'000);
  CHECK_EQ(thread.lowered + thread.raised, 0);
}

TEST("too little time makes encoders simpler step by step, calm brings them back slowly") {
  Thread thread;
  thread.run(1'100, 1'900);
  CHECK_EQ(thread.lowered, 4);
  CHECK_EQ(thread.gauge.relief(), 4u);
  thread.run(60'000, 1'900);
  CHECK_EQ(thread.gauge.relief(), kReliefMax);
  CHECK_EQ(thread.lowered, static_cast<int>(kReliefMax));
  thread.run(2'600, 900);
  CHECK_EQ(thread.raised, 1);
  thread.run(60'000, 900);
  CHECK_EQ(thread.gauge.relief(), 0u);
}

TEST("between enough and too little nothing moves, so that it doesn't swing") {
  Thread thread;
  thread.run(600, 1'900);
  const std::uint32_t before = thread.gauge.relief();
  CHECK_TRUE(before > 0);
  thread.run(30'000, 1'300);
  CHECK_EQ(thread.gauge.relief(), before);
}

TEST("turns that come late while packets take the rest of the time count as too little") {
  Thread thread;
  thread.run(600, 1'000, 6'000);
  CHECK_TRUE(thread.lowered > 0);
}

TEST("a thread with more Opus than it has time for makes it simpler and counts that") {
  // Every leg is played a tone, so that it has something to encode without anybody's packets.
  constexpr std::uint32_t kLegsMax = 600;
  constexpr std::uint32_t kLegsAtOnce = 100;
  test::Rig rig({.endpoints_max = kLegsMax, .ports = {20'000, 21'199}});
  const test::Peer peer;
  const auto lowered = [&] { return rig.node(contract::NodeCounter::kComplexityLowered); };
  const auto add_leg = [&] {
    const test::Opened leg = rig.open();
    CHECK(rig.update(leg.handle, {peer.address(), {}, true}) == contract::Code::kOk);
    contract::SetAudioOrder audio =
        test::party::audio_order(leg.handle, {.voice = test::party::kOpus});
    audio.opus_complexity = 10;
    audio.packet_ms = 10;
    CHECK(test::party::set_audio(rig, audio) == contract::Code::kOk);
    contract::PlayToneOrder tone;
    tone.endpoint = leg.handle;
    tone.frequencies_hz[0] = 440;
    tone.levels_below_full[0] = 17;
    tone.duration_ms = 600'000;
    CHECK(rig.submit(contract::OrderKind::kPlayTone, tone));
    CHECK(rig.answer().code() == contract::Code::kOk);
    return leg.handle;
  };
  std::vector<std::uint32_t> legs;
  for (std::uint32_t count = 0; count < kLegsAtOnce; ++count)
    legs.push_back(add_leg());
  while (lowered() == 0.0 && legs.size() < kLegsMax)
    legs.push_back(add_leg());
  CHECK_TRUE(test::eventually([&] { return lowered() >= 1.0; }));
}

}  // namespace
