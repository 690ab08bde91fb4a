// Turns of legs: their times, their order, late threads, legs that come and go.
#include "engine/audio_legs.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using engine::AudioLegs;

Instant at_us(std::int64_t us) {
  return Instant::from_ns(us * 1'000);
}

TEST("without legs nothing is ever due") {
  AudioLegs legs(8, 4);
  AudioLegs::Turn turn;
  CHECK_TRUE(legs.next_due() == Instant::never());
  CHECK_FALSE(legs.next_turn(at_us(1'000'000), turn));
  legs.add(at_us(0), 3);
  legs.remove(3);
  legs.remove(3);
  CHECK_TRUE(legs.next_due() == Instant::never());
}

TEST("ten legs have two turns each in twenty milliseconds, two of them in each fifth") {
  AudioLegs legs(16, 4);
  for (std::uint32_t slot = 0; slot < 10; ++slot)
    legs.add(at_us(0), slot);
  legs.add(at_us(0), 4);
  CHECK_EQ(legs.size(), 10u);
  std::array<int, 16> turns = {};
  std::vector<std::int64_t> times;
  for (std::int64_t us = 0; us <= 20'000; us += 100) {
    AudioLegs::Turn turn;
    while (legs.next_turn(at_us(us), turn)) {
      CHECK_EQ(turn.slots.size(), 2u);
      CHECK_EQ(turn.nominal.ns(), us * 1'000);
      times.push_back(us);
      for (const std::uint32_t slot : turn.slots)
        ++turns[slot];
    }
  }
  CHECK_EQ(times.size(), 10u);
  for (std::size_t index = 1; index < times.size(); ++index)
    CHECK_EQ(times[index] - times[index - 1], 2'000);
  for (std::uint32_t slot = 0; slot < 16; ++slot)
    CHECK_EQ(turns[slot], slot < 10 ? 2 : 0);
}

TEST("a late thread makes up for its turns at their nominal times, in order") {
  AudioLegs legs(8, 4);
  legs.add(at_us(0), 0);
  legs.add(at_us(0), 1);
  AudioLegs::Turn turn;
  std::vector<std::int64_t> nominal_us;
  while (legs.next_turn(at_us(34'500), turn))
    nominal_us.push_back(turn.nominal.ns() / 1'000);
  const std::vector<std::int64_t> expected = {2'000,  4'000,  12'000, 14'000,
                                              22'000, 24'000, 32'000, 34'000};
  CHECK_TRUE(nominal_us == expected);
  CHECK_EQ(legs.next_due().ns(), 42'000'000);
}

TEST("what lies further behind is left out by whole rounds") {
  AudioLegs legs(8, 4);
  legs.add(at_us(0), 0);
  AudioLegs::Turn turn;
  REQUIRE(legs.next_turn(at_us(2'000), turn));
  CHECK_FALSE(legs.next_turn(at_us(1'000'000), turn));
  CHECK_EQ(legs.next_due().ns(), 1'002'000'000);
}

TEST(
    "legs that come and go at random keep their rhythm, and only those that are there have turns") {
  AudioLegs legs(64, 4);
  Prng prng(5);
  std::set<std::uint32_t> present;
  std::array<std::int64_t, 64> last = {};
  Instant newest;
  for (std::int64_t ms = 0; ms < 3'000; ++ms) {
    const std::uint32_t slot = prng.next_u32() % 64;
    if (present.contains(slot)) {
      legs.remove(slot);
      present.erase(slot);
    } else {
      legs.add(at_us(ms * 1'000), slot);
      present.insert(slot);
      last[slot] = 0;
    }
    CHECK_EQ(legs.size(), present.size());
    AudioLegs::Turn turn;
    while (legs.next_turn(at_us(ms * 1'000), turn)) {
      CHECK_TRUE(turn.nominal >= newest);
      newest = turn.nominal;
      for (const std::uint32_t heard : turn.slots) {
        CHECK_TRUE(present.contains(heard));
        if (last[heard] != 0) CHECK_EQ(turn.nominal.ns() - last[heard], 10'000'000);
        last[heard] = turn.nominal.ns();
      }
    }
  }
}

TEST("a leg that moves has one turn in every round, later or sooner by whole phases from then on") {
  AudioLegs legs(8, 4);
  Prng prng(3);
  for (std::uint32_t slot = 0; slot < 5; ++slot)
    legs.add(at_us(0), slot);
  std::array<std::int64_t, 5> round = {-1, -1, -1, -1, -1};
  std::array<std::int64_t, 5> phase = {0, 1, 2, 3, 4};
  std::array<std::int64_t, 5> wanted = phase;
  for (std::int64_t us = 0; us < 2'000'000; us += 500) {
    AudioLegs::Turn turn;
    while (legs.next_turn(at_us(us), turn)) {
      // The first turn of all is at 2 ms.
      const std::int64_t at = turn.nominal.ns() / 2'000'000 - 1;
      for (const std::uint32_t slot : turn.slots) {
        CHECK_EQ(at / 5, round[slot] + 1);
        round[slot] = at / 5;
        phase[slot] = at % 5;
      }
    }
    // Long enough before the next one for everybody to have had the turn that he was moved to.
    if (us % 50'000 == 0 && us > 0) CHECK_TRUE(phase == wanted);
    if (us % 50'000 == 0) {
      const std::uint32_t slot = prng.below(5);
      const std::int32_t by = static_cast<std::int32_t>(prng.below(13)) - 6;
      legs.move(slot, by);
      wanted[slot] = std::clamp<std::int64_t>(wanted[slot] + by, 0, 4);
    }
  }
}

TEST("who is gone doesn't move, and a phase takes no crowd by moves") {
  AudioLegs legs(256, 4);
  legs.move(3, 1);
  legs.add(at_us(0), 3);
  legs.move(3, 2);
  legs.remove(3);
  legs.add(at_us(0), 3);
  AudioLegs::Turn turn;
  REQUIRE(legs.next_turn(at_us(2'000), turn));
  CHECK_EQ(turn.nominal.ns(), 2'000'000);

  for (std::uint32_t slot = 0; slot < 200; ++slot)
    legs.add(at_us(2'000), slot);
  // More than move in one round; all to the last phase.
  for (std::int64_t us = 2'000; us < 200'000; us += 2'000) {
    for (std::uint32_t slot = 0; slot < 200; ++slot)
      legs.move(slot, 4);
    (void)legs.next_turn(at_us(us), turn);
  }
  CHECK_EQ(legs.phase(4).size(), AudioLegs::kCrowding * 200 / AudioLegs::kPhases);
  CHECK_EQ(legs.size(), 200u);
}

TEST(
    "a leg has one turn for each of its conference's, which comes first, however late the thread "
    "is") {
  AudioLegs legs(64, 16);
  Prng prng(9);
  for (std::uint32_t slot = 0; slot < 16; ++slot)
    legs.add_conference(at_us(0), slot);
  legs.add_conference(at_us(0), 3);
  for (std::uint32_t slot = 0; slot < 32; ++slot)
    legs.add(at_us(0), slot);
  std::array<int, 16> ticks = {};
  std::array<int, 32> turns = {};
  std::array<int, 32> ticks_before = {};
  std::int64_t us = 0;
  for (int step = 0; step < 2'000; ++step) {
    us += static_cast<std::int64_t>(prng.below(step % 100 == 0 ? 300'000 : 9'000));
    AudioLegs::Turn turn;
    while (legs.next_turn(at_us(us), turn)) {
      for (const std::uint32_t slot : turn.conferences)
        ++ticks[slot];
      for (const std::uint32_t slot : turn.slots) {
        if (slot >= 32) continue;
        const int now = ticks[slot % 16];
        if (++turns[slot] > 1) CHECK_EQ(now - ticks_before[slot], 1);
        ticks_before[slot] = now;
      }
    }
    // Others come and go meanwhile.
    const std::uint32_t other = 32 + prng.below(32);
    if (prng.below(2) == 0) {
      legs.add(at_us(us), other);
    } else {
      legs.remove(other);
    }
  }
  for (std::uint32_t slot = 0; slot < 16; ++slot) {
    legs.remove_conference(slot);
    legs.remove_conference(slot);
  }
  AudioLegs::Turn turn;
  CHECK_TRUE(legs.next_turn(at_us(us + 50'000), turn));
  CHECK_TRUE(turn.conferences.empty());
}

}  // namespace
