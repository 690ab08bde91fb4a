// Orders about clips, what is played to a leg and whether its peer speaks; and what is told of them
// later. Those about recordings have a file of their own. Loading and unloading a clip is the files
// thread's work, so these orders are answered when it has answered.
#include "engine/media_thread.h"

namespace trunkyard::engine {

using contract::Code;
using contract::EventKind;
using contract::SoundTarget;

void MediaThread::load_clip(const contract::LoadClipOrder& order) noexcept {
  static_assert(sizeof order.name == kFileNameBytesMax);
  FileRequest request{.kind = FileRequest::Kind::kLoadClip, .epoch = epoch_, .order = order.order};
  Code code = Code::kOrderInvalid;
  if (read_file_name(order.name, request.name)) {
    if (files_.ask(request)) return;
    code = Code::kQueueFull;
  }
  count(Counter::kOrdersRefused);
  count(Counter::kClipsRefused);
  contract::ClipLoadedEvent event;
  event.order = order.order;
  event.code = static_cast<std::uint16_t>(code);
  CHECK(push_event(event, EventKind::kClipLoaded));
}

void MediaThread::unload_clip(const contract::UnloadClipOrder& order) noexcept {
  const FileRequest request{.kind = FileRequest::Kind::kUnloadClip,
                            .epoch = epoch_,
                            .order = order.order,
                            .clip = order.clip};
  if (files_.ask(request)) return;
  count(Counter::kOrdersRefused);
  contract::OrderDoneEvent event;
  event.order = order.order;
  event.code = static_cast<std::uint16_t>(Code::kQueueFull);
  CHECK(push_event(event, EventKind::kOrderDone));
}

void MediaThread::take_file_answers() noexcept {
  FileAnswer answer;
  while (events_.free_count() > 0 && files_.next_answer(answer)) {
    // Asked for by a client that is gone.
    if (answer.epoch == epoch_) tell_file_answer(answer);
  }
}

void MediaThread::tell_file_answer(const FileAnswer& answer) noexcept {
  if (answer.kind == FileAnswer::Kind::kRecordingEnded) return tell_recording(answer);
  if (answer.code != Code::kOk) count(Counter::kOrdersRefused);
  if (answer.kind == FileAnswer::Kind::kClipUnloaded) {
    contract::OrderDoneEvent event;
    event.order = answer.order;
    event.code = static_cast<std::uint16_t>(answer.code);
    CHECK(push_event(event, EventKind::kOrderDone));
    return;
  }
  if (answer.code != Code::kOk) count(Counter::kClipsRefused);
  contract::ClipLoadedEvent event;
  event.order = answer.order;
  event.code = static_cast<std::uint16_t>(answer.code);
  event.clip = answer.clip;
  event.duration_ms = answer.duration_ms;
  CHECK(push_event(event, EventKind::kClipLoaded));
}

template <typename Order>
Code MediaThread::change_play(const Order& order) noexcept {
  const Handle handle{order.endpoint};
  Code code = Code::kOrderInvalid;
  if (order.target == static_cast<std::uint8_t>(SoundTarget::kConference)) {
    RoomSound* sound = conferences_.sound(handle);
    if (sound == nullptr) return Code::kHandleStale;
    code = plays_.carry_out(sound->place(), epoch_, order);
  } else if (order.target == static_cast<std::uint8_t>(SoundTarget::kEndpoint)) {
    Leg* leg = legs_.find(handle);
    if (leg == nullptr) return Code::kHandleStale;
    PlayPlace place;
    if (LegAudio* audio = leg->audio.get()) {
      place = {.player = &audio->player,
               .sends = audio->sender != nullptr,
               .has_turns = leg->reachable(),
               .hears_digits = true,
               .hears_voice = audio->receiver != nullptr};
    }
    code = plays_.carry_out(place, epoch_, order);
    if (leg->audio != nullptr) follow_player(*leg);
  }
  if (code == Code::kQueueFull) count(Counter::kPlaysRefused);
  return code;
}
template Code MediaThread::change_play(const contract::PlayOrder&) noexcept;
template Code MediaThread::change_play(const contract::PlayToneOrder&) noexcept;
template Code MediaThread::change_play(const contract::StopPlayOrder&) noexcept;

void MediaThread::follow_player(Leg& leg) noexcept {
  const pipeline::Player* player = leg.audio->player.get();
  leg.endpoint.set_engaged(confers(leg) || (player != nullptr && player->active()));
  leg.pending.plays = PlayDesk::first_report(player) != nullptr;
  // Whether the peer's voice is waited for may have changed, and what of its call is recorded.
  follow_tap(leg);
}

Code MediaThread::detect_speech(const contract::DetectSpeechOrder& order) noexcept {
  Leg* leg = legs_.find(Handle{order.endpoint});
  if (leg == nullptr) return Code::kHandleStale;
  if (order.on > 1) return Code::kOrderInvalid;
  if (order.on == 0) {
    if (leg->audio != nullptr) leg->audio->speech.stop();
  } else {
    if (leg->audio == nullptr || leg->audio->receiver == nullptr) return Code::kOrderInvalid;
    leg->audio->speech.start(
        {.no_speech_ms = order.no_speech_ms, .end_silence_ms = order.end_silence_ms});
  }
  follow_link(*leg);
  return Code::kOk;
}

bool MediaThread::tell_plays(SoundTarget target, Handle handle, pipeline::Player* player) noexcept {
  while (const pipeline::PlayReport* report = PlayDesk::first_report(player)) {
    contract::PlayEndedEvent event;
    event.endpoint = handle.bits;
    event.play = report->id;
    event.played_ms = report->played_ms;
    event.end = static_cast<std::uint8_t>(report->end);
    event.target = static_cast<std::uint8_t>(target);
    if (!push_event(event, EventKind::kPlayEnded)) return false;
    plays_.pop_report(*player);
  }
  return true;
}

/// @returns whether none is left.
bool MediaThread::tell_speech(Handle handle, Leg& leg) noexcept {
  for (SpeechWatch& speech = leg.audio->speech; speech.any(); speech.pop_first()) {
    contract::SpeechEvent event;
    event.endpoint = handle.bits;
    event.speech = static_cast<std::uint8_t>(speech.first());
    if (!push_event(event, EventKind::kSpeech)) return false;
  }
  return true;
}

}  // namespace trunkyard::engine
