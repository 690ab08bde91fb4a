// People in a room, for tests of the mixer: each has a tone of his own, and a Goertzel filter at
// every ear tells exactly whom it hears.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mixer/mixer.h"
#include "native/codec/listen.h"

namespace test {

/// Somebody who sounds a tone whenever he is told to, and remembers what he heard.
struct Party {
  trunkyard::mixer::Slot slot = trunkyard::mixer::kNoSlot;
  double frequency_hz = 0;
  double level_dbov = -30;
  bool sounding = true;
  bool gone = false;
  Samples heard = {};
};

/// A mixer and its people, in step. Tones go on in phase whether they sound or not.
class Room {
 public:
  explicit Room(const trunkyard::mixer::MixerConfig& config)
      : mixer_(config), rate_hz_(config.rate_hz) {}

  /// @returns his number here.
  std::size_t join(double frequency_hz, const trunkyard::mixer::Participant& participant = {}) {
    parties_.push_back({.slot = mixer_.join(participant), .frequency_hz = frequency_hz});
    return parties_.size() - 1;
  }
  void update(std::size_t party, const trunkyard::mixer::Participant& participant) {
    mixer_.update(parties_[party].slot, participant);
  }
  void leave(std::size_t party) {
    mixer_.leave(parties_[party].slot);
    parties_[party].gone = true;
  }

  /// One tick. Ears without sound hear zeros.
  /// @param remote what another part said.
  void tick(std::span<const std::int32_t> remote = {}) {
    mixer_.begin();
    mixer_.add_remote(0, remote);
    finish_tick();
  }
  /// One in which somebody else's frame is mixed in.
  void tick_with(trunkyard::mixer::Slot slot, trunkyard::codec::Pcm frame) {
    mixer_.begin();
    mixer_.add(slot, frame);
    finish_tick();
  }
  void run_ms(std::uint32_t ms) {
    const std::size_t wanted = position_ + trunkyard::codec::samples_of(rate_hz_, ms);
    while (position_ < wanted)
      tick();
  }
  /// What was heard until now doesn't count.
  void forget() {
    for (Party& party : parties_)
      party.heard.clear();
  }

  /// Level of one party's tone at another's ear, over all he heard since forget().
  [[nodiscard]] double level(std::size_t ear, std::size_t source) const {
    return sine_dbov(parties_[ear].heard, rate_hz_, parties_[source].frequency_hz);
  }

  [[nodiscard]] trunkyard::mixer::Mixer& mixer() { return mixer_; }
  [[nodiscard]] Party& operator[](std::size_t party) { return parties_[party]; }
  [[nodiscard]] std::size_t size() const { return parties_.size(); }

 private:
  void finish_tick() {
    const std::size_t samples = mixer_.frame_samples();
    for (const Party& party : parties_) {
      if (party.gone || !party.sounding) continue;
      const auto frame = mixer_.space(party.slot);
      const double peak = trunkyard::codec::sine_peak_of_dbov(party.level_dbov);
      for (std::size_t index = 0; index < samples; ++index) {
        const double at = static_cast<double>(position_ + index) / rate_hz_;
        frame[index] = trunkyard::codec::to_sample(
            static_cast<float>(peak * std::sin(2 * std::numbers::pi * party.frequency_hz * at)));
      }
      mixer_.add(party.slot, frame);
    }
    position_ += samples;
    (void)mixer_.mix();
    Samples out(samples);
    for (Party& party : parties_) {
      if (party.gone) continue;
      const trunkyard::codec::Pcm heard = mixer_.hear(party.slot, out);
      if (heard.empty()) party.heard.insert(party.heard.end(), samples, 0);
      party.heard.insert(party.heard.end(), heard.begin(), heard.end());
    }
  }

  trunkyard::mixer::Mixer mixer_;
  std::uint32_t rate_hz_;
  std::size_t position_ = 0;
  std::vector<Party> parties_;
};

}  // namespace test
