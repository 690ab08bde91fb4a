// The mixer by ear: who hears whom, at which level, and that nothing clicks.
#include <algorithm>
#include <array>
#include <cmath>

#include "mixer/mixer.h"
#include "native/codec/listen.h"
#include "native/harness.h"
#include "native/mixer/party.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;
using codec::Pcm;
using test::Room;
using test::Samples;

constexpr std::uint32_t kRateHz = 8'000;
constexpr std::size_t kFrame = 80;
constexpr Participant kMuted{.voice = Voice::kNobody};

MixerConfig room_for(std::uint32_t participants) {
  return {.rate_hz = kRateHz, .participants_max = participants, .isa = best_isa()};
}

/// Tones that a window of 300 ms tells apart: 30 Hz from one to the next, 300 to 3,300 Hz.
double tone_hz(std::size_t party) {
  return 300 + 30.0 * static_cast<double>(party);
}
constexpr double kSilentDbov = -80;

TEST("A26 of N parties with tones of their own, each hears everyone but himself") {
  for (const std::size_t parties : {2u, 3u, 12u}) {
    for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
      Room room({.rate_hz = rate_hz,
                 .participants_max = static_cast<std::uint32_t>(parties),
                 .isa = best_isa()});
      for (std::size_t party = 0; party < parties; ++party)
        (void)room.join(tone_hz(7 * party));
      room.run_ms(20);
      room.forget();
      room.run_ms(300);
      for (std::size_t ear = 0; ear < parties; ++ear) {
        for (std::size_t source = 0; source < parties; ++source) {
          const double level = room.level(ear, source);
          if (ear == source) {
            CHECK_TRUE(level < kSilentDbov);
          } else {
            CHECK_TRUE(std::abs(level + 30) < 0.05);
          }
        }
      }
    }
  }
}

TEST("A26 a muted party is heard by nobody, a coach by one alone, and both hear all") {
  Room room(room_for(5));
  const std::size_t agent = room.join(500);
  const std::size_t customer = room.join(700);
  const std::size_t muted = room.join(900, kMuted);
  const std::size_t coach = room.join(1'100, {.voice = Voice::kOne, .to = room[agent].slot});
  const std::size_t held = room.join(1'300, {.voice = Voice::kNobody, .ears = Ears::kNone});
  room.run_ms(20);
  room.forget();
  room.run_ms(300);
  const auto hears = [&](std::size_t ear, std::size_t source) {
    const double level = room.level(ear, source);
    CHECK_TRUE(level < kSilentDbov || std::abs(level + 30) < 0.05);
    return level > kSilentDbov;
  };
  // Rows are ears: agent, customer, muted, coach, held.
  constexpr std::array<std::array<bool, 5>, 5> kExpected{{{false, true, false, true, false},
                                                          {true, false, false, false, false},
                                                          {true, true, false, false, false},
                                                          {true, true, false, false, false},
                                                          {false, false, false, false, false}}};
  CHECK_EQ(held, 4u);
  CHECK_EQ(muted + coach + customer, 6u);
  for (std::size_t ear = 0; ear < room.size(); ++ear) {
    for (std::size_t source = 0; source < room.size(); ++source)
      CHECK_EQ(hears(ear, source), kExpected[ear][source]);
  }
}

TEST("A26 with all talking at full level, the mix saturates and never wraps round") {
  Room room(room_for(40));
  for (std::size_t party = 0; party < 40; ++party) {
    const std::size_t joined = room.join(400);  // in phase: the worst there is
    room[joined].level_dbov = -3.02;
  }
  room.run_ms(20);
  room.forget();
  room.run_ms(100);
  for (std::size_t ear = 0; ear < room.size(); ++ear) {
    // What everybody hears has the sign of the one tone they all sound.
    const Samples& heard = room[ear].heard;
    CHECK_EQ(*std::max_element(heard.begin(), heard.end()), 32'767);
    CHECK_EQ(*std::min_element(heard.begin(), heard.end()), -32'768);
    for (std::size_t index = 0; index < heard.size(); ++index) {
      const double value =
          std::sin(2 * std::numbers::pi * 400 * static_cast<double>(index % 20) / kRateHz);
      if (std::abs(value) > 0.1) CHECK_EQ(heard[index] > 0, value > 0);
    }
  }
}

TEST("A26 of a hundred, groups of eight sound in turn and every ear hears exactly them") {
  constexpr std::size_t kParties = 100;
  constexpr std::size_t kTogether = 8;
  Room room(room_for(kParties));
  for (std::size_t party = 0; party < kParties; ++party) {
    (void)room.join(tone_hz(party));
    room[party].sounding = false;
  }
  room.run_ms(20);
  for (std::size_t first = 0; first < kParties; first += kTogether) {
    const auto sounds = [&](std::size_t party) {
      return party >= first && party < first + kTogether;
    };
    for (std::size_t party = 0; party < kParties; ++party)
      room[party].sounding = sounds(party);
    room.run_ms(20);
    room.forget();
    room.run_ms(300);
    std::size_t wrong = 0;
    for (std::size_t ear = 0; ear < kParties; ++ear) {
      // All others share one mix; one of them listens for all.
      if (!sounds(ear) && room.mixer().group(room[ear].slot) != kGroupRoom) ++wrong;
      if (!sounds(ear) && ear != (first + 50) % kParties) continue;
      for (std::size_t source = 0; source < kParties; ++source) {
        const double level = room.level(ear, source);
        const bool expected = sounds(source) && source != ear;
        const bool right = expected ? std::abs(level + 30) < 0.1 : level < kSilentDbov;
        wrong += !right;
      }
    }
    CHECK_EQ(wrong, 0u);
  }
}

TEST("A26 ninety-nine at once at -45 dBov are all heard by the hundredth and by each other") {
  constexpr std::size_t kParties = 100;
  Room room(room_for(kParties));
  for (std::size_t party = 0; party < kParties; ++party) {
    (void)room.join(tone_hz(party));
    room[party].level_dbov = -45;
  }
  room[99].sounding = false;
  room.run_ms(20);
  room.forget();
  room.run_ms(1'000);
  std::size_t wrong = 0;
  for (const std::size_t ear : {0u, 1u, 50u, 98u, 99u}) {
    for (std::size_t source = 0; source < kParties; ++source) {
      const double level = room.level(ear, source);
      const bool expected = source != ear && source != 99;
      wrong += expected ? std::abs(level + 45) > 0.1 : level > kSilentDbov;
    }
  }
  CHECK_EQ(wrong, 0u);
}

TEST("a participant's gain is heard by all others, in dB, and changes without a click") {
  Room room(room_for(3));
  const std::size_t speaker = room.join(500);
  const std::size_t ear = room.join(700, kMuted);
  room.run_ms(20);
  for (const float gain_db : {6.0F, -12.0F, 0.0F}) {
    room.update(speaker, {.gain_db = gain_db});
    room.forget();
    room.run_ms(10);
    const double natural =
        2 * codec::sine_peak_of_dbov(-24) * std::sin(std::numbers::pi * 500 / kRateHz);
    CHECK_TRUE(test::largest_jump(room[ear].heard) < natural + 50);
    room.forget();
    room.run_ms(300);
    CHECK_TRUE(std::abs(room.level(ear, speaker) - (-30 + gain_db)) < 0.01);
  }
}

/// A full-scale square wave is the worst that can be cut off; a listener hears it come and go.
TEST("nobody's coming, going or change adds a step above full scale / samples of a tick") {
  constexpr int kStepMax = 32'768 / static_cast<int>(kFrame) + 1;
  for (const std::int16_t value : {std::int16_t{32'767}, std::int16_t{-32'768}}) {
    const Samples frame(kFrame, value);
    Mixer mixer(room_for(4));
    const Slot ear = mixer.join(kMuted);
    const Slot other_ear = mixer.join(kMuted);
    Samples heard;
    Samples other_heard;
    Slot voice = kNoSlot;
    const auto run = [&](int ticks) {
      for (; ticks > 0; --ticks) {
        mixer.begin();
        if (voice != kNoSlot) mixer.add(voice, frame);
        (void)mixer.mix();
        Samples out(kFrame);
        const Pcm one = mixer.hear(ear, out);
        if (one.empty()) heard.insert(heard.end(), kFrame, 0);
        heard.insert(heard.end(), one.begin(), one.end());
        const Pcm other = mixer.hear(other_ear, out);
        other_heard.insert(other_heard.end(), other.begin(), other.end());
      }
    };
    run(2);
    voice = mixer.join({});
    run(3);
    CHECK_EQ(heard.back(), value);
    mixer.update(voice, {.voice = Voice::kNobody});
    run(2);
    CHECK_EQ(heard.back(), 0);
    mixer.update(voice, {.gain_db = -6});
    run(2);
    mixer.update(voice, {});
    run(2);
    mixer.update(voice, {.voice = Voice::kOne, .to = ear});
    run(3);
    CHECK_EQ(heard.back(), value);
    CHECK_EQ(other_heard.back(), 0);
    mixer.update(voice, {.voice = Voice::kOne, .to = other_ear});
    run(3);
    CHECK_EQ(heard.back(), 0);
    CHECK_EQ(other_heard.back(), value);
    mixer.update(voice, {});
    run(2);
    mixer.leave(voice);
    voice = kNoSlot;
    run(2);
    CHECK_EQ(heard.back(), 0);
    CHECK_TRUE(test::largest_jump(heard) <= kStepMax);
    CHECK_TRUE(test::largest_jump(other_heard) <= kStepMax);
  }
}

TEST("ears that are opened in the middle of a sound fade in") {
  Room room(room_for(3));
  const std::size_t speaker = room.join(500);
  room[speaker].level_dbov = -6;
  room.run_ms(100);
  const std::size_t late = room.join(700, kMuted);
  room.run_ms(100);
  const double natural =
      2 * codec::sine_peak_of_dbov(-6) * std::sin(std::numbers::pi * 500 / kRateHz);
  CHECK_EQ(room[late].heard.front(), 0);
  CHECK_TRUE(test::largest_jump(room[late].heard) < natural + 1);
  // Back from hold, the same.
  room.update(late, {.voice = Voice::kNobody, .ears = Ears::kNone});
  room.run_ms(50);
  CHECK_EQ(room[late].heard.back(), 0);
  room.forget();
  room.update(late, kMuted);
  room.run_ms(50);
  CHECK_EQ(room[late].heard.front(), 0);
  CHECK_TRUE(test::largest_jump(room[late].heard) < natural + 1);
}

TEST("who mutes himself doesn't hear the end of himself") {
  Room room(room_for(3));
  const std::size_t speaker = room.join(500);
  const std::size_t ear = room.join(700, kMuted);
  room[speaker].level_dbov = -6;
  room.run_ms(103);
  room.update(speaker, kMuted);
  room.forget();
  room.run_ms(20);
  CHECK_EQ(codec::level_dbov(room[speaker].heard), codec::kLevelDbovMin);
  CHECK_TRUE(codec::level_dbov(room[ear].heard) > -60);
}

TEST("two parts hear each other a tick late, and nobody himself through the other part") {
  Room left(room_for(4));
  Room right(room_for(4));
  for (std::size_t party = 0; party < 3; ++party) {
    (void)left.join(tone_hz(10 * party));
    (void)right.join(tone_hz(10 * party + 5));
  }
  std::vector<std::int32_t> from_left;
  std::vector<std::int32_t> from_right;
  const auto run = [&](int ticks) {
    for (; ticks > 0; --ticks) {
      left.tick(from_right);
      right.tick(from_left);
      const auto left_sum = left.mixer().local_sum();
      const auto right_sum = right.mixer().local_sum();
      from_left.assign(left_sum.begin(), left_sum.end());
      from_right.assign(right_sum.begin(), right_sum.end());
    }
  };
  run(3);
  left.forget();
  right.forget();
  run(30);
  for (std::size_t ear = 0; ear < 3; ++ear) {
    for (std::size_t source = 0; source < 3; ++source) {
      const double own_side = left.level(ear, source);
      CHECK_TRUE(ear == source ? own_side < kSilentDbov : std::abs(own_side + 30) < 0.05);
      const double other_side =
          test::sine_dbov(left[ear].heard, kRateHz, right[source].frequency_hz);
      CHECK_TRUE(std::abs(other_side + 30) < 0.05);
    }
  }
}

TEST("the end of a voice goes to the other parts too") {
  Mixer left(room_for(2));
  Mixer right(room_for(2));
  const Slot voice = left.join({});
  const Slot ear = right.join(kMuted);
  const Samples frame(kFrame, std::int16_t{20'000});
  std::vector<std::int32_t> sum;
  Samples heard;
  for (int tick = 0; tick < 6; ++tick) {
    if (tick == 3) left.leave(voice);
    left.begin();
    if (tick < 3) left.add(voice, frame);
    (void)left.mix();
    right.begin();
    right.add_remote(0, sum);
    (void)right.mix();
    sum.assign(left.local_sum().begin(), left.local_sum().end());
    Samples out(kFrame);
    const Pcm pcm = right.hear(ear, out);
    heard.insert(heard.end(), pcm.begin(), pcm.end());
  }
  CHECK_EQ(*std::max_element(heard.begin(), heard.end()), 20'000);
  CHECK_EQ(heard.back(), 0);
  CHECK_TRUE(test::largest_jump(heard) <= 20'000 / static_cast<int>(kFrame) + 1);
}

TEST("A21 mixers of two regions share one trunk: everybody hears everybody else once") {
  Room near(room_for(4));
  Room far(room_for(4));
  const std::size_t a = near.join(500);
  const std::size_t b = near.join(700);
  const std::size_t c = far.join(900);
  const std::size_t d = far.join(1'100);
  const Slot near_trunk = near.mixer().join({});
  const Slot far_trunk = far.mixer().join({});
  // What goes over the trunk each way: the sum of that side less what came over the trunk.
  Samples to_far(kFrame);
  Samples to_near(kFrame);
  const auto run = [&](int ticks) {
    for (; ticks > 0; --ticks) {
      const auto one_side = [](Room& room, Slot trunk, const Samples& in, Samples& out) {
        Mixer& mixer = room.mixer();
        room.tick_with(trunk, in);
        const Pcm heard = mixer.hear(trunk, out);
        if (heard.data() != out.data()) std::copy(heard.begin(), heard.end(), out.begin());
      };
      Samples next_far(kFrame);
      one_side(near, near_trunk, to_near, next_far);
      one_side(far, far_trunk, to_far, to_near);
      to_far = next_far;
    }
  };
  run(4);
  near.forget();
  far.forget();
  run(30);
  const auto level = [](const Samples& heard, double hz) {
    return test::sine_dbov(heard, kRateHz, hz);
  };
  for (const auto& [room, ear] : {std::pair{&near, a}, {&near, b}, {&far, c}, {&far, d}}) {
    const test::Party& party = (*room)[ear];
    for (const double hz : {500.0, 700.0, 900.0, 1'100.0}) {
      const double heard = level(party.heard, hz);
      CHECK_TRUE(hz == party.frequency_hz ? heard < kSilentDbov : std::abs(heard + 30) < 0.05);
    }
  }
}

TEST("with loudness on, a quiet and a loud voice come to sound alike; off, bits stay as they are") {
  Mixer mixer(room_for(3));
  const Slot quiet = mixer.join({.loudness_dbov = -26.0F});
  const Slot loud = mixer.join({.loudness_dbov = -26.0F});
  const Slot ear = mixer.join(kMuted);
  const auto level_of = [&](Slot speaker, double level_dbov) {
    Samples said = test::voice(kRateHz, 120, kFrame * 1'000, level_dbov);
    for (std::size_t index = 0; index < said.size(); ++index) {
      if (index / 8 % 250 > 180) said[index] = 0;
    }
    Samples heard;
    for (std::size_t at = 0; at < said.size(); at += kFrame) {
      mixer.begin();
      mixer.add(speaker, Pcm(said).subspan(at, kFrame));
      (void)mixer.mix();
      Samples out(kFrame);
      const Pcm pcm = mixer.hear(ear, out);
      heard.insert(heard.end(), pcm.begin(), pcm.end());
    }
    return codec::level_dbov(Pcm(heard).last(16'000));
  };
  const float from_quiet = level_of(quiet, -38);
  const float from_loud = level_of(loud, -14);
  CHECK_TRUE(std::abs(from_quiet - from_loud) < 2.0F);
  CHECK_TRUE(std::abs(from_quiet + 27.4F) < 2.0F);  // pauses make it 1.4 dB less than the voice
  // Who takes a slot begins at 0 dB.
  mixer.leave(loud);
  CHECK_EQ(mixer.join({.loudness_dbov = -26.0F}), loud);
  Samples first(kFrame);
  test::add_sine(first, kRateHz, 900, -26);
  Samples out(kFrame);
  for (int index = 0; index < 2; ++index) {
    mixer.begin();
    mixer.add(loud, first);
    (void)mixer.mix();
  }
  const Pcm begun = mixer.hear(ear, out);
  CHECK_TRUE(std::equal(begun.begin(), begun.end(), first.begin()));
  mixer.update(quiet, {});
  Samples frame(kFrame);
  test::add_sine(frame, kRateHz, 900, -38);
  for (int index = 0; index < 2; ++index) {
    mixer.begin();
    mixer.add(quiet, frame);
    (void)mixer.mix();
  }
  const Pcm heard = mixer.hear(ear, out);
  CHECK_TRUE(std::equal(heard.begin(), heard.end(), frame.begin()));
}

}  // namespace
