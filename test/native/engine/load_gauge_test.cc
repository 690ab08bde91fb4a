// When a thread has too little time for its codecs, and when it has enough again.
#include "engine/load_gauge.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using engine::kReliefMax;
using engine::LoadGauge;

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

}  // namespace
