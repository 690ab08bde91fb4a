// What tests of plays and recordings order from a running engine, and how they listen to its files.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

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
