// What tests of plays and recordings order from a running engine, and how they listen to its files.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "engine/audio_legs.h"
#include "engine/contract.gen.h"
#include "native/codec/listen.h"
#include "native/engine/rig.h"
#include "native/harness.h"
#include "native/io/test_folder.h"
#include "native/spool/sound_clip.h"
#include "spool/wav.h"

namespace test {

struct RecordingWishes {
  contract::RecordingSound sound = contract::RecordingSound::kDual;
  contract::RecordingContainer container = contract::RecordingContainer::kWav;
};

/// Of a leg, at 8 kHz.
inline contract::StartRecordingOrder recording_order(std::uint32_t leg, const std::string& name,
                                                     const RecordingWishes& wishes = {}) {
  contract::StartRecordingOrder order;
  order.endpoint = leg;
  order.container = static_cast<std::uint8_t>(wishes.container);
  order.sound = static_cast<std::uint8_t>(wishes.sound);
  order.rate_khz = 8;
  std::memcpy(order.name, name.data(), name.size());
  return order;
}

inline contract::ClipLoadedEvent load_clip(Rig& rig, const std::string& name) {
  contract::LoadClipOrder order;
  std::memcpy(order.name, name.data(), name.size());
  CHECK(rig.submit(contract::OrderKind::kLoadClip, order));
  return rig.answer().as<contract::ClipLoadedEvent>();
}

/// A running engine with a folder of clips and recordings, and the orders about them, of a leg
/// unless told otherwise.
struct SoundRig {
  explicit SoundRig(RigOptions options = {.endpoints_max = 64})
      : rig([&] {
          options.media_folder = folder.path();
          return options;
        }()) {}

  template <typename Order>
  contract::Code carry_out(contract::OrderKind kind, const Order& order) {
    CHECK(rig.submit(kind, order));
    const AnyEvent event = rig.answer();
    last_order = event.header().order;
    return event.code();
  }
  /// @returns the clip's handle.
  std::uint32_t load(const std::string& name, const std::vector<std::uint8_t>& bytes) {
    folder.write(name, bytes);
    const auto event = load_clip(rig, name);
    CHECK(event.code == 0);
    return event.clip;
  }
  contract::Code unload(std::uint32_t clip) {
    contract::UnloadClipOrder order;
    order.clip = clip;
    return carry_out(contract::OrderKind::kUnloadClip, order);
  }
  contract::Code play(const contract::PlayOrder& order) {
    const contract::Code code = carry_out(contract::OrderKind::kPlay, order);
    played = last_order;
    return code;
  }
  contract::Code play(const contract::PlayToneOrder& order) {
    const contract::Code code = carry_out(contract::OrderKind::kPlayTone, order);
    played = last_order;
    return code;
  }
  contract::Code stop_play(std::uint32_t handle, contract::SoundTarget target = kLeg) {
    contract::StopPlayOrder order;
    order.endpoint = handle;
    order.target = static_cast<std::uint8_t>(target);
    return carry_out(contract::OrderKind::kStopPlay, order);
  }
  contract::PlayEndedEvent play_ended(std::uint32_t handle) {
    AnyEvent event;
    CHECK_TRUE(rig.hears(contract::EventKind::kPlayEnded, handle, &event));
    return event.as<contract::PlayEndedEvent>();
  }
  contract::Code record(const contract::StartRecordingOrder& order) {
    const contract::Code code = carry_out(contract::OrderKind::kStartRecording, order);
    if (code == contract::Code::kOk) recorded = last_order;
    return code;
  }
  contract::Code stop_recording(std::uint32_t handle, contract::SoundTarget target = kLeg) {
    contract::StopRecordingOrder order;
    order.endpoint = handle;
    order.recording = recorded;
    order.target = static_cast<std::uint8_t>(target);
    return carry_out(contract::OrderKind::kStopRecording, order);
  }
  struct Pause {
    bool on = true;
    bool silence_instead = false;
  };
  contract::Code pause(std::uint32_t handle, const Pause& pause,
                       contract::SoundTarget target = kLeg) {
    contract::PauseRecordingOrder order;
    order.endpoint = handle;
    order.recording = recorded;
    order.paused = pause.on ? 1 : 0;
    order.silence_instead = pause.silence_instead ? 1 : 0;
    order.target = static_cast<std::uint8_t>(target);
    return carry_out(contract::OrderKind::kPauseRecording, order);
  }
  contract::RecordingEndedEvent recording_ended(std::uint32_t handle) {
    AnyEvent event;
    CHECK_TRUE(rig.hears(contract::EventKind::kRecordingEnded, handle, &event));
    return event.as<contract::RecordingEndedEvent>();
  }

  static constexpr contract::SoundTarget kLeg = contract::SoundTarget::kEndpoint;
  TestFolder folder;
  Rig rig;
  std::uint32_t last_order = 0;
  std::uint32_t played = 0;    ///< the last order to play
  std::uint32_t recorded = 0;  ///< the last order to record that was taken
};

/// When an order was carried out, by the test's clock: after the first, before the second.
struct Moment {
  using Clock = std::chrono::steady_clock;
  Clock::time_point from;
  Clock::time_point to;
};
template <typename Order>
Moment moment_of(Order&& order) {
  Moment moment{.from = Moment::Clock::now(), .to = {}};
  order();
  moment.to = Moment::Clock::now();
  return moment;
}

/// How long a recording must be that ran from one moment to another, and again. However late a busy
/// machine is, an order counts from when it is carried out, less what turns may be behind.
class RecordedTime {
 public:
  void add(const Moment& from, const Moment& to) {
    least_ += to.from - from.to - kBehind;
    most_ += to.to - from.from + kBehind;
  }
  [[nodiscard]] bool holds(std::uint32_t duration_ms) const {
    const std::chrono::milliseconds duration(duration_ms);
    return duration >= least_ && duration <= most_;
  }

 private:
  static constexpr std::chrono::milliseconds kBehind{AudioLegs::kBehindMax.ms() + 20};
  Moment::Clock::duration least_{};
  Moment::Clock::duration most_{};
};

/// A tone with soft ends, so that Opus legs take a clip of it as it is.
inline Sound soft_tone(double hz, double end_s) {
  const Sound tone = sine_sound(hz);
  return [=](double at_s) {
    return tone(at_s) * std::clamp(at_s / 0.01, 0.0, 1.0) *
           std::clamp((end_s - at_s) / 0.01, 0.0, 1.0);
  };
}

/// One channel of a finished WAV file with PCM.
inline Samples wav_channel(const TestFolder& folder, const std::string& name, std::size_t index) {
  const std::vector<std::uint8_t> file = folder.contents(name);
  const auto wav = spool::read_wav(file);
  CHECK_TRUE(wav.ok());
  if (!wav) return {};
  CHECK_FALSE(wav->is_cut);
  CHECK_TRUE(wav->format.kind == spool::PayloadKind::kPcm16);
  const std::size_t channels = wav->format.channel_count;
  Samples samples(wav->data.size() / 2 / channels);
  for (std::size_t at = 0; at < samples.size(); ++at)
    std::memcpy(&samples[at], wav->data.data() + 2 * (at * channels + index), 2);
  return samples;
}

}  // namespace test
