// Who speaks: see active_speaker.h.
#include "mixer/active_speaker.h"

#include <cmath>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::mixer {
namespace {

/// A syllable is believed soon, the gap after it isn't.
constexpr float kAttackMs = 40.0F;
constexpr float kReleaseMs = 300.0F;

/// Of a ratio of two powers.
float ratio_of_db(float db) noexcept {
  return std::pow(10.0F, db / 10.0F);
}

}  // namespace

ActiveSpeaker::ActiveSpeaker(std::uint32_t slots, std::uint32_t tick_ms)
    : heard_(slots),
      audible_(static_cast<float>(codec::kPcmFullScale * codec::kPcmFullScale) *
               ratio_of_db(kSpeakerLevelDbovMin)),
      margin_(ratio_of_db(kSpeakerMarginDb)),
      attack_(1.0F - std::exp(-static_cast<float>(tick_ms) / kAttackMs)),
      release_(1.0F - std::exp(-static_cast<float>(tick_ms) / kReleaseMs)),
      takeover_ticks_(kSpeakerTakeoverMs / tick_ms),
      quiet_ticks_max_(kSpeakerQuietMs / tick_ms) {}

void ActiveSpeaker::forget(Slot slot) noexcept {
  CHECK(slot < heard_.size());
  heard_[slot] = {};
  if (challenger_ == slot) challenger_ = kNoSlot;
  if (speaker_ == slot) speaker_ = kNoSlot;
}

bool ActiveSpeaker::decide() noexcept {
  float speaker_level = 0;
  if (speaker_ != kNoSlot) {
    Heard& heard = heard_[speaker_];
    if (heard.tick != tick_) heard = {.mean_square = smoothed(heard.mean_square, 0), .tick = tick_};
    speaker_level = heard.mean_square;
    quiet_ticks_ = speaker_level < audible_ ? quiet_ticks_ + 1 : 0;
    if (quiet_ticks_ >= quiet_ticks_max_) speaker_ = kNoSlot;
  }
  const float level = loudest_mean_square_;
  const bool challenges =
      loudest_ != speaker_ && level >= audible_ && level >= speaker_level * margin_;
  const Slot challenger = challenges ? loudest_ : kNoSlot;
  challenger_ticks_ = challenges && challenger == challenger_ ? challenger_ticks_ + 1 : 0;
  challenger_ = challenger;
  if (challenges && challenger_ticks_ >= takeover_ticks_) {
    speaker_ = challenger_;
    challenger_ = kNoSlot;
    quiet_ticks_ = 0;
  }
  loudest_ = kNoSlot;
  loudest_mean_square_ = 0;
  ++tick_;
  const bool changed = speaker_ != announced_;
  announced_ = speaker_;
  return changed;
}

float ActiveSpeaker::level_dbov() const noexcept {
  if (speaker_ == kNoSlot) return codec::kLevelDbovMin;
  return codec::dbov_of_mean_square(double{heard_[speaker_].mean_square});
}

}  // namespace trunkyard::mixer
