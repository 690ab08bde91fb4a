// Orders about recordings, the copies that their taps are given, and how they ended.
#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

using contract::Code;
using contract::EventKind;
using contract::SoundTarget;

Code MediaThread::start_recording(const contract::StartRecordingOrder& order) noexcept {
  return change_taps(order, [&](Taps& taps, std::uint32_t rate_hz) {
    const Code code = recordings_.start(taps, epoch_, rate_hz, order);
    (void)taps.pass_time(io::now());
    return code;
  });
}

Code MediaThread::pause_recording(const contract::PauseRecordingOrder& order) noexcept {
  return change_taps(order, [&](Taps& taps, std::uint32_t) { return TapDesk::pause(taps, order); });
}

Code MediaThread::stop_recording(const contract::StopRecordingOrder& order) noexcept {
  return change_taps(order, [&](Taps& taps, std::uint32_t) { return TapDesk::stop(taps, order); });
}

template <typename Order, typename Change>
Code MediaThread::change_taps(const Order& order, Change change) noexcept {
  const Handle handle{order.endpoint};
  switch (static_cast<SoundTarget>(order.target)) {
    case SoundTarget::kEndpoint:
      break;
    case SoundTarget::kConference: {
      RoomSound* sound = conferences_.sound(handle);
      if (sound == nullptr) return Code::kHandleStale;
      (void)sound->taps().pass_time(io::now());
      return change(sound->taps(), sound->rate_hz());
    }
    default:
      return Code::kOrderInvalid;
  }
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  if (leg->audio == nullptr) return Code::kOrderInvalid;
  // So that a pause or an end counts from now, whatever the last turn was.
  const bool ended = leg->audio->taps.pass_time(io::now());
  const Code code = change(leg->audio->taps, leg->audio->rate_hz_max());
  if (ended || code == Code::kOk) follow_tap(*leg);
  return code;
}

void MediaThread::pass_recorded_time(Leg& leg, Instant now) noexcept {
  LegAudio& audio = *leg.audio;
  const bool ended = audio.taps.pass_time(now);
  if (audio.receiver == nullptr && !leg.endpoint.link().forwards()) audio.taps.note_unheard();
  if (ended) follow_tap(leg);
}

void MediaThread::follow_tap(Leg& leg) noexcept {
  follow_link(leg);
  // What is sent to this one comes from whoever was linked to it last, or as a call's legs feed
  // each other, from the one that it feeds.
  for (const Handle handle : {leg.endpoint.link_to(), leg.forwarded_from}) {
    Leg* other = legs_.find(handle);
    if (other != nullptr && legs_.find(other->endpoint.link_to()) == &leg) follow_link(*other);
  }
}

Leg* MediaThread::recorder_of(const Leg& leg) noexcept {
  if (!leg.endpoint.link().forwards()) return nullptr;
  Leg* far = legs_.find(leg.endpoint.link_to());
  if (far == nullptr || far->audio == nullptr || !far->audio->records_sent()) return nullptr;
  // What it hears instead is recorded where that is sent.
  return far->endpoint.engaged() ? nullptr : far;
}

bool MediaThread::is_recorded(Handle handle, const Leg& leg, Leg& far) noexcept {
  const Handle to = leg.endpoint.link_to();
  // What is decoded for it comes in its own turns.
  if (talker_of(to, *far.audio) != nullptr) return false;
  Handle& from = far.forwarded_from;
  const Leg* last = legs_.find(from);
  const bool forwards =
      last != nullptr && last->endpoint.link().forwards() && last->endpoint.link_to() == to;
  if (!forwards) from = handle;
  return from == handle;
}

void MediaThread::record(Leg& leg, pipeline::Side side, Instant nominal, std::uint32_t rate_hz,
                         codec::Pcm piece) noexcept {
  if (leg.audio->taps.take(side, nominal, rate_hz, piece)) follow_tap(leg);
}

void MediaThread::tell_recording(const FileAnswer& answer) noexcept {
  counter(Counter::kRecordingLostMs) += answer.lost_ms;
  if (answer.end == contract::RecordingEnd::kDiskFull ||
      answer.end == contract::RecordingEnd::kFailed) {
    count(Counter::kRecordingsFailed);
  }
  contract::RecordingEndedEvent event;
  event.endpoint = answer.endpoint;
  event.recording = answer.order;
  event.duration_ms = answer.duration_ms;
  event.bytes = static_cast<double>(answer.bytes);
  event.lost_ms = answer.lost_ms;
  event.end = static_cast<std::uint8_t>(answer.end);
  event.target = static_cast<std::uint8_t>(answer.target);
  event.trimmed_ms = answer.trimmed_ms;
  CHECK(push_event(event, EventKind::kRecordingEnded));
}

}  // namespace trunkyard::engine
