#include "engine/tap_desk.h"

#include <memory>
#include <utility>

#include "engine/recording_feed.h"
#include "engine/recording_file.h"

namespace trunkyard::engine {

using contract::Code;
using contract::RecordingSound;
using contract::SoundTarget;

namespace {

static_assert(static_cast<int>(pipeline::RecordedSound::kReceived) ==
                  static_cast<int>(RecordingSound::kReceived) &&
              static_cast<int>(pipeline::RecordedSound::kDual) ==
                  static_cast<int>(RecordingSound::kDual));

/// False when the order can't be. What a conference says comes mixed, from one side.
bool read_request(const contract::StartRecordingOrder& order, FileRequest& request) noexcept {
  request.rate_hz = std::uint32_t{order.rate_khz} * 1'000;
  if (order.container >= contract::kRecordingContainerCount ||
      order.sound >= contract::kRecordingSoundCount ||
      order.target >= contract::kSoundTargetCount || order.trims > 1 ||
      !codec::is_pcm_rate(request.rate_hz) || !read_file_name(order.name, request.name)) {
    return false;
  }
  request.container = static_cast<contract::RecordingContainer>(order.container);
  request.sound = static_cast<RecordingSound>(order.sound);
  request.target = static_cast<SoundTarget>(order.target);
  request.trims = order.trims == 1;
  if (request.target == SoundTarget::kConference) {
    if (request.sound != RecordingSound::kMixed) return false;
    request.sound = RecordingSound::kReceived;
  }
  return can_hold(request.container, static_cast<pipeline::RecordedSound>(request.sound),
                  request.rate_hz);
}

}  // namespace

Code TapDesk::start(Taps& taps, std::uint32_t epoch, std::uint32_t rate_hz,
                    const contract::StartRecordingOrder& order) noexcept {
  FileRequest request{.kind = FileRequest::Kind::kRecord,
                      .epoch = epoch,
                      .order = order.order,
                      .endpoint = order.endpoint};
  if (!read_request(order, request)) return Code::kOrderInvalid;
  if (taps.full()) return Code::kQueueFull;
  auto feed = std::make_unique<RecordingFeed>(rate_hz);
  const TapSetup setup{.recording = order.order,
                       .sound = static_cast<pipeline::RecordedSound>(request.sound),
                       .maximum_ms = order.maximum_ms,
                       .end_silence_ms = order.end_silence_ms};
  auto tap = std::make_unique<Tap>(setup, *feed);
  request.feed = feed.get();
  if (!files_->ask(request)) {
    tap.reset();  // before the feed, which it closes
    return Code::kQueueFull;
  }
  (void)feed.release();
  taps.add(std::move(tap));
  return Code::kOk;
}

Code TapDesk::pause(Taps& taps, const contract::PauseRecordingOrder& order) noexcept {
  if (order.paused > 1 || order.silence_instead > 1) return Code::kOrderInvalid;
  Tap* tap = taps.find(order.recording);
  if (tap == nullptr) return Code::kHandleStale;
  tap->pause(order.paused == 1, order.silence_instead == 1);
  return Code::kOk;
}

Code TapDesk::stop(Taps& taps, const contract::StopRecordingOrder& order) noexcept {
  return taps.end(order.recording, contract::RecordingEnd::kStopped) ? Code::kOk
                                                                     : Code::kHandleStale;
}

}  // namespace trunkyard::engine
