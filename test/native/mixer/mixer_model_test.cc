// The mixer against a naive one: for each ear, add up in 64 bits whatever it should hear. Random
// roles, gains, comings and goings; every sample of every ear must agree.
#include <array>
#include <memory>
#include <optional>

#include "base/prng.h"
#include "mixer/mixer.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;
using codec::Pcm;
using test::Samples;

constexpr std::size_t kSlots = 12;
using Sums = std::vector<std::int64_t>;

/// A voice's last sample, from which it goes down to nothing.
struct Ending {
  std::size_t who = 0;
  std::optional<std::size_t> to;  // nothing: the room
  std::int64_t last = 0;
};

/// Everything that the mixer promises, one listener at a time.
class NaiveMixer {
 public:
  explicit NaiveMixer(std::size_t samples) : samples_(samples) {}

  void join(std::size_t slot, const Participant& participant) {
    people_[slot] = Person{};
    set(slot, participant);
  }
  void update(std::size_t slot, const Participant& participant) {
    const Participant& before = people_[slot]->setup;
    if (before.voice != participant.voice || before.to != participant.to) end(slot);
    set(slot, participant);
  }
  void leave(std::size_t slot) {
    end(slot);
    people_[slot].reset();
    for (auto& person : people_) {
      if (person && person->setup.to == slot) {
        person->setup.voice = Voice::kNobody;
        person->setup.to = kNoSlot;
        person->said.clear();
      }
    }
    // Ears that are gone hear no ending, nor does the next one in their place.
    std::erase_if(endings_, [&](const Ending& ending) { return ending.to == slot; });
    for (Ending& ending : endings_) {
      if (ending.who == slot) ending.who = kSlots;
    }
  }

  void begin() {
    for (auto& person : people_) {
      if (person) person->said.clear();
    }
    remote_.assign(samples_, 0);
    ending_now_ = std::move(endings_);
    endings_.clear();
  }
  void add(std::size_t slot, const Samples& frame) {
    Person& person = *people_[slot];
    if (person.setup.voice == Voice::kNobody) return;
    const float volume = person.setup.gain_db == 0 ? 1 : factor_of_db(person.setup.gain_db);
    person.said.resize(samples_);
    kernels(Isa::kC).scale(frame.data(), person.said.data(), ramp_of(person.gain, volume),
                           samples_);
    person.gain = volume;
  }
  void add_remote(std::span<const std::int32_t> sum) {
    for (std::size_t index = 0; index < sum.size(); ++index)
      remote_[index] += sum[index];
  }

  [[nodiscard]] Samples hear(std::size_t slot) {
    Person& person = *people_[slot];
    if (person.setup.ears == Ears::kNone) return {};
    Sums sum = remote_;
    for (std::size_t other = 0; other < kSlots; ++other) {
      if (other == slot || !people_[other] || people_[other]->said.empty()) continue;
      const Person& source = *people_[other];
      if (source.setup.voice == Voice::kOne && source.setup.to != slot) continue;
      for (std::size_t index = 0; index < samples_; ++index)
        sum[index] += source.said[index];
    }
    add_endings(sum, slot);
    Samples out(samples_);
    for (std::size_t index = 0; index < samples_; ++index)
      out[index] = static_cast<std::int16_t>(std::clamp<std::int64_t>(sum[index], -32'768, 32'767));
    if (std::exchange(person.opening, false))
      kernels(Isa::kC).scale(out.data(), out.data(), ramp_of(0, 1), samples_);
    return out;
  }

 private:
  struct Person {
    Participant setup{.ears = Ears::kNone};
    float gain = 0;
    bool opening = false;
    Samples said;
  };

  void set(std::size_t slot, const Participant& participant) {
    Person& person = *people_[slot];
    if (participant.ears == Ears::kRoom && person.setup.ears == Ears::kNone) person.opening = true;
    person.setup = participant;
  }
  void end(std::size_t slot) {
    Person& person = *people_[slot];
    person.gain = 0;
    if (person.said.empty()) return;
    Ending ending{.who = slot, .to = {}, .last = person.said.back()};
    if (person.setup.voice == Voice::kOne) ending.to = person.setup.to;
    endings_.push_back(ending);
    person.said.clear();
  }
  /// Those in the room are rounded together, those in one ear with what he mustn't hear of himself.
  void add_endings(Sums& sum, std::size_t slot) const {
    std::int64_t room = 0;
    std::int64_t ear = 0;
    for (const Ending& ending : ending_now_) {
      if (!ending.to) room += ending.last;
      if (!ending.to && ending.who == slot) ear -= ending.last;
      if (ending.to == slot) ear += ending.last;
    }
    const auto count = static_cast<std::int64_t>(samples_);
    for (std::int64_t index = 0; index < count; ++index) {
      const std::int64_t left = count - 1 - index;
      sum[static_cast<std::size_t>(index)] += room * left / count + ear * left / count;
    }
  }

  std::size_t samples_;
  std::array<std::optional<Person>, kSlots> people_;
  Sums remote_;
  std::vector<Ending> endings_;
  std::vector<Ending> ending_now_;
};

Samples random_frame(Prng& prng, std::size_t count) {
  static constexpr std::array kLoudness = {0u, 1u, 100u, 5'000u, 32'767u, 32'767u};
  const std::uint32_t loudest = kLoudness[prng.below(kLoudness.size())];
  Samples frame(count);
  for (std::int16_t& sample : frame)
    sample = static_cast<std::int16_t>(static_cast<std::int32_t>(prng.below(2 * loudest + 1)) -
                                       static_cast<std::int32_t>(loudest));
  return frame;
}

/// Both mixers, and who is in them.
class Pair {
 public:
  Pair(const MixerConfig& config, std::uint64_t seed)
      : mixer_(config), naive_(mixer_.frame_samples()), prng_(seed) {}

  void order() {
    const std::uint32_t kind = prng_.below(10);
    const auto slot = static_cast<Slot>(prng_.below(kSlots));
    if (kind < 4 || count_ == 0) {
      const Participant participant = anybody(kNoSlot);
      const Slot joined = mixer_.join(participant);
      CHECK_EQ(joined == kNoSlot, count_ == kSlots);
      if (joined == kNoSlot) return;
      CHECK_FALSE(live_[joined]);
      live_[joined] = true;
      ++count_;
      naive_.join(joined, participant);
    } else if (live_[slot] && kind < 8) {
      const Participant participant = anybody(slot);
      mixer_.update(slot, participant);
      naive_.update(slot, participant);
    } else if (live_[slot]) {
      mixer_.leave(slot);
      naive_.leave(slot);
      live_[slot] = false;
      --count_;
    }
  }

  void begin() {
    mixer_.begin();
    naive_.begin();
  }
  void say() {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (!live_[slot] || prng_.below(4) == 0) continue;
      const Samples frame = random_frame(prng_, mixer_.frame_samples());
      mixer_.add(static_cast<Slot>(slot), frame);
      naive_.add(slot, frame);
    }
  }
  void say_remote(std::uint32_t part, std::span<const std::int32_t> sum) {
    mixer_.add_remote(part, sum);
    naive_.add_remote(sum);
  }
  void compare() {
    (void)mixer_.mix();
    Samples room;
    for (std::size_t index = 0; index < kSlots; ++index) {
      if (!live_[index]) continue;
      const auto slot = static_cast<Slot>(index);
      Samples out(mixer_.frame_samples());
      const Pcm heard = mixer_.hear(slot, out);
      const Samples mine(heard.begin(), heard.end());
      CHECK_TRUE(mine == naive_.hear(index));
      if (mixer_.group(slot) != kGroupRoom) continue;
      if (room.empty()) room = mine;
      CHECK_TRUE(mine == room);
      ++shared_;
    }
  }
  [[nodiscard]] std::vector<std::int32_t> local_sum() const {
    const auto sum = mixer_.local_sum();
    return {sum.begin(), sum.end()};
  }
  [[nodiscard]] std::uint64_t shared() const { return shared_; }

 private:
  Participant anybody(Slot self) {
    Participant participant;
    participant.ears = prng_.below(4) == 0 ? Ears::kNone : Ears::kRoom;
    const std::uint32_t voice = prng_.below(6);
    if (voice == 0) participant.voice = Voice::kNobody;
    const auto to = static_cast<Slot>(prng_.below(kSlots));
    if (voice == 1 && live_[to] && to != self) {
      participant.voice = Voice::kOne;
      participant.to = to;
    }
    if (prng_.below(3) == 0) participant.gain_db = static_cast<float>(prng_.below(400)) / 10 - 25;
    return participant;
  }

  Mixer mixer_;
  NaiveMixer naive_;
  Prng prng_;
  std::array<bool, kSlots> live_{};
  std::size_t count_ = 0;
  std::uint64_t shared_ = 0;
};

TEST("every ear hears what a naive mixer in 64 bits gives it, whoever comes, goes and changes") {
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512}) {
    if (isa > best_isa()) continue;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      Pair pair({.rate_hz = seed % 2 == 0 ? 8'000u : 16'000u,
                 .tick_ms = seed % 3 == 0 ? 20u : 10u,
                 .participants_max = kSlots,
                 .isa = isa},
                seed);
      Prng prng(seed + 100);
      for (int tick = 0; tick < 600; ++tick) {
        for (std::uint32_t orders = prng.below(4) == 0 ? prng.below(4) : 0; orders > 0; --orders)
          pair.order();
        pair.begin();
        pair.say();
        pair.compare();
      }
      CHECK_TRUE(pair.shared() > 100);
    }
  }
}

TEST("parts that pass on their sums a tick late hear what a naive mixer gives them") {
  constexpr std::size_t kParts = 3;
  std::vector<std::unique_ptr<Pair>> parts;
  for (std::uint64_t part = 0; part < kParts; ++part)
    parts.push_back(std::make_unique<Pair>(
        MixerConfig{.rate_hz = 8'000, .participants_max = kSlots, .isa = best_isa()}, part + 50));
  Prng prng(5);
  std::array<std::vector<std::int32_t>, kParts> sums;
  for (int tick = 0; tick < 600; ++tick) {
    for (std::uint32_t part = 0; part < kParts; ++part) {
      Pair& pair = *parts[part];
      if (prng.below(5) == 0) pair.order();
      pair.begin();
      pair.say();
      for (std::uint32_t other = 0; other < kParts; ++other) {
        if (other != part) pair.say_remote(other, sums[other]);
      }
      pair.compare();
    }
    for (std::uint32_t part = 0; part < kParts; ++part)
      sums[part] = parts[part]->local_sum();
  }
}

}  // namespace
