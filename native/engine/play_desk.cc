#include "engine/play_desk.h"

#include <memory>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::engine {

using contract::Code;
using pipeline::PlayItem;

namespace {

constexpr std::uint64_t kSamplesPerMs48k = 48;
/// Half of the lowest rate there is: what every leg can sound.
constexpr std::uint16_t kToneHzMax = 3'999;
constexpr std::uint8_t kLevelBelowFullMax = 96;

static_assert(static_cast<int>(pipeline::PlayEnd::kFinished) ==
                  static_cast<int>(contract::PlayEnd::kFinished) &&
              static_cast<int>(pipeline::PlayEnd::kFailed) ==
                  static_cast<int>(contract::PlayEnd::kFailed));

/// False when the order can't be.
bool read_tone(const contract::PlayToneOrder& order, codec::Tone& tone) noexcept {
  static_assert(std::size(contract::PlayToneOrder{}.frequencies_hz) == codec::kToneSinesMax);
  static_assert(std::size(contract::PlayToneOrder{}.cadence_ms) == 2 * codec::kToneStepsMax);
  if (order.repeats > 1) return false;
  tone.repeats = order.repeats == 1;
  bool sounds = false;
  for (std::size_t index = 0; index < codec::kToneSinesMax; ++index) {
    const std::uint16_t hz = order.frequencies_hz[index];
    const std::uint8_t below = order.levels_below_full[index];
    if (hz > kToneHzMax || below > kLevelBelowFullMax) return false;
    sounds = sounds || hz > 0;
    tone.sines[index] = {static_cast<float>(hz),
                         static_cast<float>(codec::kSineDbovMax) - static_cast<float>(below)};
  }
  for (std::size_t step = 0; step < codec::kToneStepsMax; ++step)
    tone.steps[step] = {order.cadence_ms[2 * step], order.cadence_ms[2 * step + 1]};
  return sounds;
}

}  // namespace

Code PlayDesk::check(const PlayPlace& place, const Manner& manner) noexcept {
  if (manner.replaces > 1 || manner.ends_on_digit > 1 || manner.ends_on_voice > 1)
    return Code::kOrderInvalid;
  if (place.player == nullptr || !place.sends) return Code::kOrderInvalid;
  const bool digit_unheard = manner.ends_on_digit == 1 && !place.hears_digits;
  const bool voice_unheard = manner.ends_on_voice == 1 && !place.hears_voice;
  return digit_unheard || voice_unheard ? Code::kOrderInvalid : Code::kOk;
}

Code PlayDesk::add(const PlayPlace& place, PlayItem item, const Manner& manner) noexcept {
  std::unique_ptr<pipeline::Player>& player = *place.player;
  if (player == nullptr) player = std::make_unique<pipeline::Player>(isa_);
  item.ends_on_digit = manner.ends_on_digit == 1;
  item.ends_on_voice = manner.ends_on_voice == 1;
  if (manner.replaces == 1) stop(place);
  return player->add(item) ? Code::kOk : Code::kQueueFull;
}

void PlayDesk::stop(const PlayPlace& place) noexcept {
  if (place.player == nullptr || *place.player == nullptr) return;
  pipeline::Player& player = **place.player;
  if (place.has_turns) {
    player.stop(pipeline::PlayEnd::kStopped);
  } else {
    player.abandon(pipeline::PlayEnd::kStopped);
  }
}

Code PlayDesk::carry_out(const PlayPlace& place, std::uint32_t epoch,
                         const contract::PlayOrder& order) noexcept {
  const Manner manner{order.replaces, order.ends_on_digit, order.ends_on_voice};
  if (const Code code = check(place, manner); code != Code::kOk) return code;
  const spool::ClipView* view = clips_->take(order.clip, epoch);
  if (view == nullptr) return Code::kHandleStale;
  const bool begins = order.start_ms * kSamplesPerMs48k < view->facts().duration_samples_48k;
  const PlayItem item{.id = order.order,
                      .clip = order.clip,
                      .view = view,
                      .start_ms = order.start_ms,
                      .times = order.times};
  const Code code = begins ? add(place, item, manner) : Code::kOrderInvalid;
  if (code != Code::kOk) clips_->give_back(order.clip);
  return code;
}

Code PlayDesk::carry_out(const PlayPlace& place, std::uint32_t,
                         const contract::PlayToneOrder& order) noexcept {
  const Manner manner{order.replaces, order.ends_on_digit, order.ends_on_voice};
  if (const Code code = check(place, manner); code != Code::kOk) return code;
  PlayItem item{.id = order.order, .duration_ms = order.duration_ms};
  if (!read_tone(order, item.tone)) return Code::kOrderInvalid;
  return add(place, item, manner);
}

Code PlayDesk::carry_out(const PlayPlace& place, std::uint32_t,
                         const contract::StopPlayOrder&) noexcept {
  stop(place);
  return Code::kOk;
}

const pipeline::PlayReport* PlayDesk::first_report(const pipeline::Player* player) noexcept {
  return player != nullptr && player->has_reports() ? &player->first_report() : nullptr;
}

void PlayDesk::pop_report(pipeline::Player& player) noexcept {
  if (const std::uint32_t clip = player.first_report().clip; clip != 0) clips_->give_back(clip);
  player.pop_report();
}

void PlayDesk::fail(pipeline::Player* player) noexcept {
  if (player != nullptr) player->abandon(pipeline::PlayEnd::kFailed);
}

void PlayDesk::close(pipeline::Player* player) noexcept {
  fail(player);
  while (first_report(player) != nullptr)
    pop_report(*player);
}

}  // namespace trunkyard::engine
