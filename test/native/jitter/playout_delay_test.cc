// The target of the playout delay: bounds, following of changes, drift.
#include "jitter/playout_delay.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::jitter;

constexpr DelayPolicy kPolicy{Duration::milliseconds(10), Duration::milliseconds(200), 10'000, 500};

MediaTime ms(std::int64_t count) {
  return count * kMediaPerMs;
}

TEST("nothing is known before the first packet, then the least delay of the policy") {
  PlayoutDelay delay(kPolicy);
  CHECK_FALSE(delay.known());
  CHECK_EQ(delay.target(), 0);
  delay.add(ms(-5'000));
  CHECK_TRUE(delay.known());
  CHECK_EQ(delay.fastest(), ms(-5'000));
  CHECK_EQ(delay.target(), ms(-4'990));
  CHECK_EQ(delay.limit(), ms(-4'800));
}

TEST("the target covers all but the allowed share, and never more than the policy's most") {
  PlayoutDelay delay(kPolicy);
  for (int index = 0; index < 2'000; ++index)
    delay.add(ms(index % 10 == 0 ? 60 : 0));
  CHECK_EQ(delay.target(), ms(61));
  for (int index = 0; index < 2'000; ++index)
    delay.add(ms(index % 10 == 0 ? 300 : 0));
  CHECK_EQ(delay.target(), ms(200));
}

TEST("a young stream allows for three times its jitter") {
  PlayoutDelay delay(kPolicy);
  for (int index = 0; index < 10; ++index)
    delay.add(ms(index % 2 == 0 ? 0 : 40));
  CHECK_TRUE(delay.jitter() > ms(15) && delay.jitter() < ms(20));
  CHECK_TRUE(delay.target() > ms(45));
}

TEST("jitter is the filter of RFC 3550 A.8") {
  PlayoutDelay delay(kPolicy);
  double expected = 0;
  std::int64_t last = 0;
  Prng prng(5);
  for (int index = 0; index < 1'000; ++index) {
    const std::int64_t offset = prng.below(2'000);
    delay.add(offset);
    const auto change = static_cast<double>(offset > last ? offset - last : last - offset);
    if (index > 0) expected += (change - expected) / 16;
    last = offset;
    CHECK_TRUE(static_cast<double>(delay.jitter()) > expected - 2);
    CHECK_TRUE(static_cast<double>(delay.jitter()) < expected + 2);
  }
}

TEST("a path that becomes worse is believed within a second, one that becomes better within ten") {
  PlayoutDelay delay(kPolicy);
  for (int index = 0; index < 3'000; ++index)
    delay.add(ms(index % 5));
  int packets = 0;
  for (; delay.target() < ms(80) && packets < 1'000; ++packets)
    delay.add(ms(80 + packets % 5));
  CHECK_TRUE(packets <= 50);

  for (int index = 0; index < 3'000; ++index)
    delay.add(ms(80 + index % 5));
  packets = 0;
  const MediaTime good = ms(15);
  for (; delay.target() > good && packets < 10'000; ++packets)
    delay.add(ms(packets % 5));
  CHECK_TRUE(packets <= 1'000);
}

TEST("a path that becomes shorter is believed within three seconds, at any size") {
  for (const BufferSize size : {BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    PlayoutDelay delay(delay_policy(size));
    Prng prng(21);
    const auto least = media_of(delay_policy(size).delay_min);
    for (int packet = 0; packet < 10'000; ++packet)
      delay.add(ms(120) + prng.below(ms(30)));
    CHECK_TRUE(delay.target() > ms(145));
    int packets = 0;
    for (; delay.target() > std::max(least, ms(31)) && packets < 10'000; ++packets)
      delay.add(prng.below(ms(30)));
    CHECK_TRUE(packets <= 150);
  }
}

TEST("a pause of two seconds between stalls is no shorter path") {
  PlayoutDelay delay(delay_policy(BufferSize::kLarge));
  Prng prng(22);
  // Every third second packets come up to 200 ms late: a third of them.
  for (int packet = 0; packet < 10'000; ++packet) {
    const bool is_stalled = packet / 50 % 3 == 0;
    delay.add(ms(is_stalled ? 200 - packet % 10 * 20 : 0) + prng.below(ms(5)));
    if (packet > 100) CHECK_TRUE(delay.target() >= ms(180));
  }
}

TEST("a tick a little before a flat tail's target will do, before a steep one's it won't") {
  const auto early_of = [](double mean_ms, MediaTime tick) {
    PlayoutDelay delay({Duration::zero(), Duration::milliseconds(400), 10'000, 2'048});
    Prng prng(23);
    for (int packet = 0; packet < 5'000; ++packet)
      delay.add(static_cast<MediaTime>(-mean_ms * 48 * std::log(1 - prng.unit())));
    return delay.target() - delay.soonest(tick);
  };
  // With an exponential tail of 1/e in s, a tick of T: s x ln((T / s) / (1 - e^(-T / s))).
  CHECK_TRUE(std::abs(early_of(40, ms(20)) - ms(9)) <= ms(1));
  CHECK_TRUE(std::abs(early_of(10, ms(20)) - ms(8)) <= ms(1));
  CHECK_TRUE(std::abs(early_of(4, ms(20)) - ms(13) / 2) <= ms(1));
  CHECK_TRUE(std::abs(early_of(4, ms(10)) - ms(4)) <= ms(1));
  CHECK_TRUE(early_of(1, ms(20)) <= ms(5));
  CHECK_TRUE(early_of(4, ms(2)) <= ms(1));
}

TEST("bounds hold to the nearest tick, for the soonest one too") {
  PlayoutDelay delay(kPolicy);
  CHECK_EQ(delay.soonest(ms(10)), 0);
  for (int index = 0; index < 500; ++index)
    delay.add(ms(index % 3));
  CHECK_EQ(delay.target(), ms(10));
  CHECK_EQ(delay.soonest(ms(10)), ms(5));
  for (int index = 0; index < 500; ++index)
    delay.add(ms(index % 7 == 0 ? 450 : 0));
  CHECK_EQ(delay.target(), ms(200));
  CHECK_EQ(delay.soonest(ms(20)), ms(190));
}

TEST("the target moves with a clock that drifts by 500 ppm, either way, for an hour") {
  for (const int sign : {1, -1}) {
    PlayoutDelay delay(kPolicy);
    Prng prng(8);
    for (std::int64_t packet = 0; packet < 180'000; ++packet) {
      const MediaTime base = sign * packet * 960 * 500 / 1'000'000;
      delay.add(base + static_cast<MediaTime>(prng.below(480)));
      if (packet < 1'000) continue;
      const MediaTime lead = delay.target() - base;
      if (lead < ms(8) || lead > ms(35))
        return test::fail(__FILE__, __LINE__, "the target strayed");
    }
  }
}

TEST("ten packets beyond reach are another path; drift and a network's released packets are not") {
  PlayoutDelay step(kPolicy);
  PlayoutDelay release(kPolicy);
  for (std::uint32_t index = 0; index < 1'000; ++index) {
    step.add(ms(50 + index % 7));
    release.add(ms(50 + index % 7));
  }
  for (std::uint32_t index = 0; index < 11; ++index) {
    CHECK_EQ(step.fastest(), ms(50));
    step.add(ms(400 + index % 3));
  }
  CHECK_EQ(step.fastest(), ms(401));
  CHECK_TRUE(step.target() >= ms(411) && step.target() <= ms(401 + 200));
  // A second of packets at once: each is 20 ms faster than the one before.
  for (std::int64_t index = 0; index < 50; ++index)
    release.add(ms(1'050 - 20 * index));
  CHECK_EQ(release.fastest(), ms(50));

  PlayoutDelay drift(kPolicy);
  for (std::int64_t index = 0; index < 150; ++index)
    drift.add(ms(2 * index));
  CHECK_EQ(drift.fastest(), 0);
}

TEST("a pause of minutes is no jitter") {
  PlayoutDelay delay(kPolicy);
  for (std::int64_t index = 0; index < 100; ++index)
    delay.add(ms(0));
  delay.add(ms(300'000));
  CHECK_TRUE(delay.jitter() <= ms(30));
}

TEST("a restart forgets the offsets of another clock and keeps the jitter") {
  PlayoutDelay delay(kPolicy);
  for (int index = 0; index < 100; ++index)
    delay.add(ms(index % 2 * 20));
  const MediaTime jitter = delay.jitter();
  delay.restart();
  CHECK_FALSE(delay.known());
  CHECK_EQ(delay.jitter(), jitter);
  delay.add(ms(1'000'000));
  CHECK_EQ(delay.jitter(), jitter);
  CHECK_EQ(delay.fastest(), ms(1'000'000));
}

TEST("the sizes are ordered in least, most and tolerance; impossible policies abort") {
  DelayPolicy previous = delay_policy(BufferSize::kOff);
  CHECK_EQ(previous.delay_max, Duration::zero());
  for (const BufferSize size : {BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    const DelayPolicy policy = delay_policy(size);
    CHECK_TRUE(policy.delay_min > previous.delay_min);
    CHECK_TRUE(policy.delay_max > previous.delay_max);
    CHECK_TRUE(policy.late_ppm < previous.late_ppm);
    previous = policy;
  }
  CHECK_ABORTS(PlayoutDelay({Duration::milliseconds(-1), Duration::zero(), 1, 100}));
  CHECK_ABORTS(PlayoutDelay({Duration::milliseconds(2), Duration::milliseconds(1), 1, 100}));
  CHECK_ABORTS(PlayoutDelay({Duration::zero(), Duration::milliseconds(481), 1, 100}));
  CHECK_ABORTS(PlayoutDelay({Duration::zero(), Duration::zero(), 1'000'000, 100}));
  CHECK_ABORTS(PlayoutDelay({Duration::zero(), Duration::zero(), 1, 2'049}));
}

TEST("another policy holds at once, and keeps the fastest packet and the jitter") {
  PlayoutDelay delay(delay_policy(BufferSize::kSmall));
  for (int index = 0; index < 200; ++index)
    delay.add(ms(1'000) + ms(index % 4 * 5));
  const MediaTime fastest = delay.fastest();
  const MediaTime jitter = delay.jitter();
  delay.set_policy(delay_policy(BufferSize::kLarge));
  CHECK_TRUE(delay.known());
  CHECK_EQ(delay.fastest(), fastest);
  CHECK_EQ(delay.jitter(), jitter);
  CHECK_TRUE(delay.target() >= fastest + ms(40));
  CHECK_EQ(delay.limit(), fastest + ms(400));
  delay.set_policy(delay_policy(BufferSize::kOff));
  CHECK_EQ(delay.target(), fastest);
  for (int index = 0; index < 200; ++index)
    delay.add(ms(1'000) + ms(index % 4 * 5));
  CHECK_EQ(delay.target(), fastest);
  CHECK_ABORTS(delay.set_policy({Duration::milliseconds(2), Duration::milliseconds(1), 1, 100}));
}

TEST("another policy before the first packet is as one from the start") {
  PlayoutDelay delay(delay_policy(BufferSize::kOff));
  delay.set_policy(delay_policy(BufferSize::kLarge));
  CHECK_FALSE(delay.known());
  delay.add(ms(500));
  CHECK_EQ(delay.fastest(), ms(500));
  CHECK_EQ(delay.target(), ms(540));
}

}  // namespace
