#include "engine/play_desk.h"

#include <memory>
#include <new>

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

Code PlayDesk::check(const Leg& leg, const Manner& manner) const noexcept {
  if (manner.target >= contract::kPlayTargetCount || manner.replaces > 1 ||
      manner.ends_on_digit > 1 || manner.ends_on_voice > 1) {
    return Code::kOrderInvalid;
  }
  if (manner.target != static_cast<std::uint8_t>(contract::PlayTarget::kEndpoint))
    return Code::kOrderInvalid;
  if (leg.audio == nullptr || leg.audio->sender == nullptr) return Code::kOrderInvalid;
  if (manner.ends_on_voice == 1 && leg.audio->receiver == nullptr) return Code::kOrderInvalid;
  return Code::kOk;
}

Code PlayDesk::add(Leg& leg, PlayItem item, const Manner& manner) noexcept {
  LegAudio& audio = *leg.audio;
  if (audio.player == nullptr) {
    audio.player.reset(new (std::nothrow) pipeline::Player(isa_));
    if (audio.player == nullptr) return Code::kMemoryFull;
  }
  pipeline::Player& player = *audio.player;
  item.ends_on_digit = manner.ends_on_digit == 1;
  item.ends_on_voice = manner.ends_on_voice == 1;
  if (manner.replaces == 1) stop(leg);
  return player.add(item) ? Code::kOk : Code::kQueueFull;
}

/// Where nothing is sent no turn comes that would let it fade out.
void PlayDesk::stop(Leg& leg) noexcept {
  pipeline::Player& player = *leg.audio->player;
  if (leg.reachable()) {
    player.stop(pipeline::PlayEnd::kStopped);
  } else {
    player.abandon(pipeline::PlayEnd::kStopped);
  }
}

Code PlayDesk::play(Leg& leg, const contract::PlayOrder& order) noexcept {
  const Manner manner{order.target, order.replaces, order.ends_on_digit, order.ends_on_voice};
  if (const Code code = check(leg, manner); code != Code::kOk) return code;
  const spool::ClipView* view = clips_->take(order.clip);
  if (view == nullptr) return Code::kHandleStale;
  const bool begins = order.start_ms * kSamplesPerMs48k < view->facts().duration_samples_48k;
  const PlayItem item{.id = order.order,
                      .clip = order.clip,
                      .view = view,
                      .start_ms = order.start_ms,
                      .times = order.times};
  const Code code = begins ? add(leg, item, manner) : Code::kOrderInvalid;
  if (code != Code::kOk) clips_->give_back(order.clip);
  return code;
}

Code PlayDesk::play_tone(Leg& leg, const contract::PlayToneOrder& order) noexcept {
  const Manner manner{order.target, order.replaces, order.ends_on_digit, order.ends_on_voice};
  if (const Code code = check(leg, manner); code != Code::kOk) return code;
  PlayItem item{.id = order.order, .duration_ms = order.duration_ms};
  if (!read_tone(order, item.tone)) return Code::kOrderInvalid;
  return add(leg, item, manner);
}

Code PlayDesk::stop(Leg& leg, const contract::StopPlayOrder& order) noexcept {
  if (order.target != static_cast<std::uint8_t>(contract::PlayTarget::kEndpoint))
    return Code::kOrderInvalid;
  if (leg.audio != nullptr && leg.audio->player != nullptr) stop(leg);
  return Code::kOk;
}

const pipeline::PlayReport* PlayDesk::first_report(const Leg& leg) noexcept {
  if (leg.audio == nullptr || leg.audio->player == nullptr) return nullptr;
  const pipeline::Player& player = *leg.audio->player;
  return player.has_reports() ? &player.first_report() : nullptr;
}

void PlayDesk::pop_report(Leg& leg) noexcept {
  pipeline::Player& player = *leg.audio->player;
  if (const std::uint32_t clip = player.first_report().clip; clip != 0) clips_->give_back(clip);
  player.pop_report();
}

void PlayDesk::fail(Leg& leg) noexcept {
  if (leg.audio == nullptr || leg.audio->player == nullptr) return;
  leg.audio->player->abandon(pipeline::PlayEnd::kFailed);
}

void PlayDesk::close(Leg& leg) noexcept {
  fail(leg);
  while (first_report(leg) != nullptr)
    pop_report(leg);
}

}  // namespace trunkyard::engine
