// Orders about recordings, the copies that their taps are given, and how they ended.
#include <memory>
#include <new>
#include <utility>

#include "engine/media_thread.h"
#include "engine/recording_feed.h"

namespace trunkyard::engine {

using contract::Code;
using contract::EventKind;

namespace {

static_assert(static_cast<int>(pipeline::RecordedSound::kReceived) ==
                  static_cast<int>(contract::RecordingSound::kReceived) &&
              static_cast<int>(pipeline::RecordedSound::kDual) ==
                  static_cast<int>(contract::RecordingSound::kDual));

bool is_rate_khz(std::uint8_t khz) noexcept {
  return khz == 8 || khz == 16 || khz == 48;
}

/// False when the order can't be.
bool is_sound(const contract::StartRecordingOrder& order) noexcept {
  if (order.container >= contract::kRecordingContainerCount ||
      order.sound >= contract::kRecordingSoundCount || !is_rate_khz(order.rate_khz)) {
    return false;
  }
  // Opus is encoded in one channel.
  const auto container = static_cast<contract::RecordingContainer>(order.container);
  return container != contract::RecordingContainer::kOggOpus ||
         static_cast<contract::RecordingSound>(order.sound) != contract::RecordingSound::kDual;
}

}  // namespace

Code MediaThread::start_recording(const contract::StartRecordingOrder& order) noexcept {
  const Handle handle{order.endpoint};
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  FileRequest request{.kind = FileRequest::Kind::kRecord,
                      .epoch = epoch_,
                      .order = order.order,
                      .endpoint = order.endpoint,
                      .rate_hz = std::uint32_t{order.rate_khz} * 1'000,
                      .container = static_cast<contract::RecordingContainer>(order.container),
                      .sound = static_cast<contract::RecordingSound>(order.sound)};
  if (leg->audio == nullptr || !is_sound(order) || !read_file_name(order.name, request.name))
    return Code::kOrderInvalid;
  if (leg->audio->tap != nullptr) return Code::kQueueFull;
  std::unique_ptr<RecordingFeed> feed(new (std::nothrow) RecordingFeed());
  if (feed == nullptr) return Code::kMemoryFull;
  const TapSetup setup{.recording = order.order,
                       .sound = static_cast<pipeline::RecordedSound>(order.sound),
                       .maximum_ms = order.maximum_ms,
                       .end_silence_ms = order.end_silence_ms};
  std::unique_ptr<Tap> tap(new (std::nothrow) Tap(setup, *feed));
  if (tap == nullptr) return Code::kMemoryFull;
  request.feed = feed.get();
  if (!files_.ask(request)) {
    tap.reset();  // before the feed, which it closes
    return Code::kQueueFull;
  }
  (void)feed.release();
  leg->audio->tap = std::move(tap);
  follow_tap(*leg);
  return Code::kOk;
}

Tap* MediaThread::tap_of(Leg& leg, std::uint32_t recording) noexcept {
  if (leg.audio == nullptr || leg.audio->tap == nullptr) return nullptr;
  return leg.audio->tap->recording() == recording ? leg.audio->tap.get() : nullptr;
}

Code MediaThread::pause_recording(const contract::PauseRecordingOrder& order) noexcept {
  Leg* leg = legs_.find(Handle{order.endpoint});
  if (leg == nullptr) return Code::kHandleStale;
  if (order.paused > 1 || order.silence_instead > 1) return Code::kOrderInvalid;
  Tap* tap = tap_of(*leg, order.recording);
  if (tap == nullptr) return Code::kHandleStale;
  tap->pause(order.paused == 1, order.silence_instead == 1);
  return Code::kOk;
}

Code MediaThread::stop_recording(const contract::StopRecordingOrder& order) noexcept {
  const Handle handle{order.endpoint};
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  Tap* tap = tap_of(*leg, order.recording);
  if (tap == nullptr) return Code::kHandleStale;
  tap->end(contract::RecordingEnd::kStopped);
  leg->audio->tap.reset();
  follow_tap(*leg);
  return Code::kOk;
}

void MediaThread::follow_tap(Leg& leg) noexcept {
  follow_link(leg);
  // A call's legs feed each other; what is sent to this one comes from the one that it feeds.
  Leg* other = legs_.find(leg.endpoint.link_to());
  if (other != nullptr && legs_.find(other->endpoint.link_to()) == &leg) follow_link(*other);
}

Leg* MediaThread::recorder_of(const Leg& leg) noexcept {
  if (!leg.endpoint.link().forwards()) return nullptr;
  Leg* far = legs_.find(leg.endpoint.link_to());
  if (far == nullptr || far->audio == nullptr || !far->audio->records_sent()) return nullptr;
  // What it hears instead is recorded where that is sent.
  return far->endpoint.engaged() ? nullptr : far;
}

void MediaThread::record(Leg& leg, pipeline::Side side, Instant nominal, std::uint32_t rate_hz,
                         codec::Pcm piece) noexcept {
  Tap& tap = *leg.audio->tap;
  tap.take(side, nominal, rate_hz, piece);
  if (!tap.over()) return;
  leg.audio->tap.reset();
  follow_tap(leg);
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
  CHECK(push_event(event, EventKind::kRecordingEnded));
}

}  // namespace trunkyard::engine
