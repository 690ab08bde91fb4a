// The mixer's books: roles, groups of equal ears, orders, what is refused. Its sound is tested in
// mixer_sound_test.cc, its arithmetic in mixer_model_test.cc.
#include "mixer/mixer.h"

#include <array>
#include <set>

#include "codec/tone.h"
#include "mixer/beep.h"
#include "native/harness.h"
#include "native/mixer/party.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;
using codec::MutablePcm;
using codec::Pcm;
using test::Samples;

constexpr std::size_t kFrame = 80;
constexpr MixerConfig kConfig{.rate_hz = 8'000, .tick_ms = 10, .participants_max = 8};
constexpr Participant kTalker{};
constexpr Participant kMuted{.voice = Voice::kNobody};
constexpr Participant kHeld{.voice = Voice::kNobody, .ears = Ears::kNone};
constexpr Participant kSource{.ears = Ears::kNone};

Participant coach_of(Slot slot) {
  return {.voice = Voice::kOne, .to = slot};
}
Participant whisper_to(Slot slot) {
  return {.voice = Voice::kOne, .ears = Ears::kNone, .to = slot};
}

/// One sound of a tick: somebody's frame of equal samples.
struct Say {
  Slot slot;
  std::int16_t value;
};

MixReport tick(Mixer& mixer, std::initializer_list<Say> says) {
  mixer.begin();
  for (const Say& say : says)
    mixer.add(say.slot, Samples(mixer.frame_samples(), say.value));
  return mixer.mix();
}

/// The value that somebody hears throughout the tick; 99 for changing ones, -1 for nothing.
int heard(Mixer& mixer, Slot slot) {
  Samples out(mixer.frame_samples());
  const Pcm pcm = mixer.hear(slot, out);
  if (pcm.empty()) return -1;
  for (const std::int16_t sample : pcm) {
    if (sample != pcm[0]) return 99;
  }
  return pcm[0];
}

/// A tick for those who have just come: their ears are open after it, their voices at full level.
void settle(Mixer& mixer, std::initializer_list<Slot> voices) {
  mixer.begin();
  for (const Slot slot : voices)
    mixer.add(slot, Samples(mixer.frame_samples(), 1));
  (void)mixer.mix();
}

TEST("each hears the sum of the others, and who is silent hears all") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kTalker);
  const Slot c = mixer.join(kTalker);
  settle(mixer, {a, b, c});
  const MixReport report = tick(mixer, {{a, 100}, {b, 20}});
  CHECK_EQ(report.sounding, 2u);
  CHECK_FALSE(report.silent);
  CHECK_EQ(heard(mixer, a), 20);
  CHECK_EQ(heard(mixer, b), 100);
  CHECK_EQ(heard(mixer, c), 120);
}

TEST("all who don't sound share one group and one piece of memory; who sounds is alone") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kTalker);
  const Slot c = mixer.join(kTalker);
  const Slot d = mixer.join(kMuted);
  settle(mixer, {a, b, c});
  (void)tick(mixer, {{a, 100}, {b, 20}, {d, 7}});
  CHECK_EQ(mixer.group(c), kGroupRoom);
  CHECK_EQ(mixer.group(d), kGroupRoom);
  CHECK_TRUE(mixer.group(a) != kGroupRoom);
  CHECK_TRUE(mixer.group(a) != mixer.group(b));
  CHECK_EQ(mixer.hear(c, {}).data(), mixer.hear(d, {}).data());
  Samples out(kFrame);
  CHECK_EQ(mixer.hear(a, out).data(), out.data());
  // Whoever falls silent is one of the others again.
  (void)tick(mixer, {{b, 20}});
  CHECK_EQ(mixer.group(a), kGroupRoom);
}

TEST("a frame of digital silence is as good as none") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kTalker);
  settle(mixer, {a, b});
  const MixReport report = tick(mixer, {{a, 0}, {b, 0}});
  CHECK_EQ(report.sounding, 0u);
  CHECK_TRUE(report.silent);
  CHECK_EQ(mixer.group(a), kGroupRoom);
  CHECK_EQ(heard(mixer, a), 0);
  CHECK_TRUE(mixer.local_sum().empty());
}

TEST("A26 a muted party is absent from every ear, and hears all") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kMuted);
  settle(mixer, {a, b});
  CHECK_EQ(tick(mixer, {{a, 100}, {b, 20}}).sounding, 1u);
  CHECK_EQ(heard(mixer, a), 0);
  CHECK_EQ(heard(mixer, b), 100);
}

TEST("a coach hears all and is heard by one, who hears him on top of the room") {
  Mixer mixer(kConfig);
  const Slot agent = mixer.join(kTalker);
  const Slot customer = mixer.join(kTalker);
  const Slot coach = mixer.join(coach_of(agent));
  settle(mixer, {agent, customer, coach});
  CHECK_EQ(tick(mixer, {{agent, 100}, {customer, 20}, {coach, 3}}).sounding, 3u);
  CHECK_EQ(heard(mixer, agent), 23);
  CHECK_EQ(heard(mixer, customer), 100);
  CHECK_EQ(heard(mixer, coach), 120);
  CHECK_EQ(mixer.group(coach), kGroupRoom);
  // An agent who is silent has a mix of his own all the same.
  (void)tick(mixer, {{customer, 20}, {coach, 3}});
  CHECK_EQ(heard(mixer, agent), 23);
  CHECK_TRUE(mixer.group(agent) != kGroupRoom);
  // The coach steps in.
  mixer.update(coach, kTalker);
  (void)tick(mixer, {{coach, 0}});
  (void)tick(mixer, {{coach, 3}});
  (void)tick(mixer, {{coach, 3}});
  CHECK_EQ(heard(mixer, customer), 3);
  CHECK_EQ(heard(mixer, agent), 3);
  CHECK_EQ(heard(mixer, coach), 0);
}

TEST("several may speak to the same one, and whoever speaks to nobody is heard nowhere") {
  Mixer mixer(kConfig);
  const Slot agent = mixer.join(kTalker);
  const Slot first = mixer.join(coach_of(agent));
  const Slot second = mixer.join(whisper_to(agent));
  const Slot third = mixer.join(coach_of(first));
  settle(mixer, {agent, first, second, third});
  (void)tick(mixer, {{agent, 1'000}, {first, 100}, {second, 20}, {third, 3}});
  CHECK_EQ(heard(mixer, agent), 120);
  CHECK_EQ(heard(mixer, first), 1'003);
  CHECK_EQ(heard(mixer, second), -1);
  CHECK_EQ(heard(mixer, third), 1'000);
}

TEST("a coach falls silent when the one he speaks to leaves, and isn't heard by the next one") {
  Mixer mixer(kConfig);
  const Slot agent = mixer.join(kTalker);
  const Slot coach = mixer.join(coach_of(agent));
  settle(mixer, {agent, coach});
  mixer.leave(agent);
  const Slot other = mixer.join(kTalker);
  CHECK_EQ(other, agent);
  settle(mixer, {coach});
  CHECK_EQ(tick(mixer, {{coach, 3}}).sounding, 0u);
  CHECK_EQ(heard(mixer, other), 0);
  CHECK_EQ(mixer.group(other), kGroupRoom);
  // Nor does he leave a trace with him when he goes.
  mixer.leave(coach);
  CHECK_TRUE(tick(mixer, {}).silent);
  CHECK_EQ(mixer.group(other), kGroupRoom);
}

TEST("a coach who leaves along with the one he spoke to leaves no trace in the room") {
  Mixer mixer(kConfig);
  const Slot agent = mixer.join(kTalker);
  const Slot customer = mixer.join(kTalker);
  const Slot coach = mixer.join(coach_of(agent));
  settle(mixer, {agent, coach});
  (void)tick(mixer, {{coach, 20'000}});
  mixer.leave(agent);
  mixer.leave(coach);
  CHECK_TRUE(tick(mixer, {}).silent);
  CHECK_EQ(heard(mixer, customer), 0);
}

TEST("who is on hold neither hears nor is heard") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kTalker);
  settle(mixer, {a, b});
  mixer.update(b, kHeld);
  (void)tick(mixer, {});
  (void)tick(mixer, {{a, 100}, {b, 20}});
  CHECK_EQ(mixer.group(b), kGroupNone);
  CHECK_EQ(heard(mixer, b), -1);
  CHECK_EQ(heard(mixer, a), 0);
}

TEST("an announcement is heard by all, and is never the speaker") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot beeper = mixer.join(kSource);
  settle(mixer, {a});
  codec::ToneGenerator generator(8'000);
  generator.start(beep(Beep::kJoin));
  Samples all;
  for (int index = 0; index < 50; ++index) {
    mixer.begin();
    if (generator.active()) {
      const MutablePcm space = mixer.space(beeper);
      const std::size_t written = generator.generate(space);
      std::fill(space.begin() + static_cast<std::ptrdiff_t>(written), space.end(), 0);
      mixer.add(beeper, space);
    }
    CHECK_FALSE(mixer.mix().speaker_changed);
    Samples out(kFrame);
    const Pcm heard = mixer.hear(a, out);
    all.insert(all.end(), heard.begin(), heard.end());
  }
  CHECK_FALSE(generator.active());
  CHECK_TRUE(std::abs(test::sine_dbov(Pcm(all).subspan(80, 1'280), 8'000, 880) + 26) < 0.5);
  CHECK_EQ(codec::level_dbov(Pcm(all).last(1'600)), codec::kLevelDbovMin);
  const double natural =
      2 * codec::sine_peak_of_dbov(-26) * std::sin(std::numbers::pi * 880 / 8'000);
  CHECK_TRUE(test::largest_jump(all) < natural + 1);
}

TEST("who has just joined hears nothing of the tick before, and has a mix of his own in the next") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  (void)tick(mixer, {{a, 100}});
  const Slot b = mixer.join(kMuted);
  (void)tick(mixer, {{a, 1'000}});
  CHECK_TRUE(mixer.group(b) != kGroupRoom);
  CHECK_EQ(heard(mixer, b), 99);
  (void)tick(mixer, {{a, 1'000}});
  CHECK_EQ(mixer.group(b), kGroupRoom);
  CHECK_EQ(heard(mixer, b), 1'000);
}

TEST("the loudest voice for a while is the speaker, and the report tells of a change once") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kTalker);
  const Slot music = mixer.join(kSource);
  std::uint32_t changes = 0;
  const auto run = [&](std::int16_t level_a, std::int16_t level_b) {
    for (int index = 0; index < 100; ++index)
      changes += tick(mixer, {{a, level_a}, {b, level_b}, {music, 20'000}}).speaker_changed;
  };
  run(1'000, 100);
  CHECK_EQ(mixer.active_speaker().speaker(), a);
  CHECK_EQ(changes, 1u);
  run(1'000, 10'000);
  CHECK_EQ(mixer.active_speaker().speaker(), b);
  CHECK_EQ(changes, 2u);
  mixer.leave(b);
  CHECK_EQ(mixer.active_speaker().speaker(), kNoSlot);
  CHECK_EQ(mixer.join(kTalker), b);
  run(1'000, 10'000);
  CHECK_EQ(mixer.active_speaker().speaker(), b);
  mixer.update(b, kMuted);
  CHECK_TRUE(tick(mixer, {}).speaker_changed);
  CHECK_EQ(mixer.active_speaker().speaker(), kNoSlot);
}

TEST("a full room refuses and counts, and has a place again when somebody leaves") {
  Mixer mixer(kConfig);
  std::set<Slot> slots;
  for (std::uint32_t index = 0; index < kConfig.participants_max; ++index)
    slots.insert(mixer.join(kTalker));
  CHECK_EQ(slots.size(), kConfig.participants_max);
  CHECK_EQ(slots.count(kNoSlot), 0u);
  CHECK_EQ(mixer.join(kTalker), kNoSlot);
  CHECK_EQ(mixer.join(kMuted), kNoSlot);
  CHECK_EQ(mixer.counters().joins_refused, 2u);
  CHECK_EQ(mixer.size(), kConfig.participants_max);
  mixer.leave(3);
  CHECK_EQ(mixer.join(kTalker), 3);
  CHECK_EQ(mixer.counters().joins_refused, 2u);
}

TEST("the largest room has a thousand participants and a place for announcements") {
  Mixer mixer({.rate_hz = 8'000, .tick_ms = 20, .participants_max = kMixSlotsMax});
  const Slot first = mixer.join(kTalker);
  for (std::uint32_t index = 1; index < kMixSlotsMax; ++index)
    CHECK_TRUE(mixer.join(index < 24 ? kSource : kTalker) != kNoSlot);
  CHECK_EQ(mixer.join(kTalker), kNoSlot);
  settle(mixer, {first});
  mixer.begin();
  for (Slot slot = 0; slot < kMixSlotsMax; ++slot)
    mixer.add(slot, Samples(160, 0));
  CHECK_TRUE(mixer.mix().silent);
}

TEST("the room is heard as whoever listens in it does, and also when nobody does") {
  Mixer mixer(kConfig);
  const Slot talks = mixer.join(kTalker);
  const Slot listens = mixer.join(kMuted);
  settle(mixer, {talks, listens});
  for (const bool somebody_listens : {true, false}) {
    if (!somebody_listens) mixer.leave(listens);
    mixer.begin();
    mixer.add(talks, Samples(mixer.frame_samples(), 900));
    (void)mixer.mix();
    const Pcm room = mixer.hear_room();
    CHECK_EQ(room.size(), mixer.frame_samples());
    CHECK_EQ(room.front(), 900);
    CHECK_EQ(room.back(), 900);
    if (somebody_listens) CHECK_TRUE(mixer.hear(listens, {}).data() == room.data());
  }
}

TEST("a second frame within a tick is refused and counted, of a muted one too") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Slot b = mixer.join(kMuted);
  settle(mixer, {a});
  CHECK_EQ(tick(mixer, {{a, 100}, {a, 50}, {b, 1}, {b, 1}}).sounding, 1u);
  CHECK_EQ(heard(mixer, b), 100);
  CHECK_EQ(mixer.counters().frames_refused, 2u);
}

TEST("a second sum of a part within a tick is refused and counted") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  settle(mixer, {});
  const std::vector<std::int32_t> sum(kFrame, 40'000);
  const std::vector<std::int32_t> less(kFrame, -30'000);
  mixer.begin();
  mixer.add_remote(0, sum);
  mixer.add_remote(0, sum);
  mixer.add_remote(15, less);
  mixer.add_remote(7, {});
  mixer.add_remote(7, less);
  const MixReport report = mixer.mix();
  CHECK_FALSE(report.silent);
  CHECK_EQ(report.sounding, 0u);
  CHECK_EQ(heard(mixer, a), 10'000);
  CHECK_EQ(mixer.counters().frames_refused, 2u);
  CHECK_TRUE(mixer.local_sum().empty());
}

TEST("frames may be written in place or elsewhere, at every rate and tick") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    for (const std::uint32_t tick_ms : {10u, 20u}) {
      Mixer mixer({.rate_hz = rate_hz, .tick_ms = tick_ms, .participants_max = 2});
      const Slot a = mixer.join(kTalker);
      const Slot b = mixer.join(kTalker);
      settle(mixer, {a, b});
      CHECK_EQ(mixer.frame_samples(), rate_hz / 1'000 * tick_ms);
      mixer.begin();
      const MutablePcm space = mixer.space(a);
      CHECK_EQ(space.size(), mixer.frame_samples());
      std::fill(space.begin(), space.end(), std::int16_t{70});
      mixer.add(a, space);
      mixer.add(b, Samples(mixer.frame_samples(), 8));
      (void)mixer.mix();
      CHECK_EQ(heard(mixer, a), 8);
      CHECK_EQ(heard(mixer, b), 70);
    }
  }
}

TEST("settings that make no sense are a mistake of ours") {
  CHECK_ABORTS(Mixer({.rate_hz = 44'100, .participants_max = 2}));
  CHECK_ABORTS(Mixer({.tick_ms = 15, .participants_max = 2}));
  CHECK_ABORTS(Mixer({.participants_max = 0}));
  CHECK_ABORTS(Mixer({.participants_max = kMixSlotsMax + 1}));
}

TEST("calls out of order, free slots and frames of another size are a mistake of ours") {
  Mixer mixer(kConfig);
  const Slot a = mixer.join(kTalker);
  const Samples frame(kFrame);
  Samples out(kFrame);
  CHECK_ABORTS((void)mixer.mix());
  CHECK_ABORTS((void)mixer.hear(a, out));
  CHECK_ABORTS((void)mixer.local_sum());
  CHECK_ABORTS(mixer.add(a, frame));
  CHECK_ABORTS(mixer.leave(a + 1));
  CHECK_ABORTS(mixer.update(kNoSlot, kTalker));
  CHECK_ABORTS(mixer.update(a, coach_of(a)));
  CHECK_ABORTS((void)mixer.join(coach_of(a + 1)));
  mixer.begin();
  CHECK_ABORTS(mixer.begin());
  CHECK_ABORTS((void)mixer.join(kTalker));
  CHECK_ABORTS(mixer.leave(a));
  CHECK_ABORTS(mixer.add(a, Pcm(frame).first(kFrame - 1)));
  CHECK_ABORTS(mixer.add(a + 1, frame));
  CHECK_ABORTS(mixer.add_remote(kMixPartsMax, {}));
  const std::vector<std::int32_t> sum(kFrame + 1);
  CHECK_ABORTS(mixer.add_remote(0, sum));
  (void)mixer.mix();
  CHECK_ABORTS((void)mixer.space(a));
  CHECK_ABORTS((void)mixer.hear(a, MutablePcm(out).first(1)));
  // An order moves frames, so nobody may hear after it.
  mixer.update(a, kMuted);
  CHECK_ABORTS((void)mixer.group(a));
}

}  // namespace
