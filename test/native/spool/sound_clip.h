// Clips with sound in them, made as a tool would make them: one sound, encoded once for each track.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>
#include <vector>

#include "codec/codec.h"
#include "codec/level.h"
#include "native/harness.h"
#include "spool/clip.h"

namespace test {

/// What sounds at a moment, in seconds: -1..1 of full scale.
using Sound = std::function<double(double)>;

/// A sine without soft edges, so that a cut shows.
inline Sound sine_sound(double hz, double dbov = -16) {
  const double peak = trunkyard::codec::sine_peak_of_dbov(dbov) / trunkyard::codec::kPcmFullScale;
  return [=](double at_s) { return peak * std::sin(2 * std::numbers::pi * hz * at_s); };
}

struct ClipShape {
  std::vector<trunkyard::spool::ClipEncoding> tracks;
  std::uint32_t ms = 1'000;  ///< whole frames
  std::uint8_t frame_ms = 20;
};

/// The file of a clip.
inline std::vector<std::uint8_t> sound_clip(const ClipShape& shape, const Sound& sound) {
  using namespace trunkyard;
  const std::uint32_t frames = shape.ms / shape.frame_ms;
  std::vector<std::vector<std::uint8_t>> data;
  std::vector<std::vector<std::uint16_t>> lengths;
  for (const spool::ClipEncoding& track : shape.tracks) {
    const codec::Format format{static_cast<codec::CodecKind>(track.kind), track.rate_hz};
    codec::OpusPolicy policy;
    if (format.kind == codec::CodecKind::kOpus) policy = codec::opus_policy({}, {});
    codec::Encoder encoder =
        codec::Encoder::open({.format = format, .frame_ms = shape.frame_ms, .opus = policy})
            .value();
    auto& bytes = data.emplace_back();
    auto& sizes = lengths.emplace_back();
    std::vector<std::int16_t> frame(encoder.frame_samples());
    std::vector<std::uint8_t> payload(codec::kOpusPayloadBytesMax);
    for (std::uint32_t index = 0; index < frames; ++index) {
      for (std::size_t at = 0; at < frame.size(); ++at) {
        const double second =
            static_cast<double>(index * frame.size() + at) / static_cast<double>(track.rate_hz);
        frame[at] = codec::to_sample(static_cast<float>(32'768 * sound(second)));
      }
      if (track.kind == spool::PayloadKind::kPcm16) {
        // Little-endian in a clip, unlike L16.
        const auto* raw = reinterpret_cast<const std::uint8_t*>(frame.data());
        bytes.insert(bytes.end(), raw, raw + 2 * frame.size());
        continue;
      }
      const std::size_t size = encoder.encode(frame, payload).value().bytes;
      bytes.insert(bytes.end(), payload.begin(),
                   payload.begin() + static_cast<std::ptrdiff_t>(size));
      if (track.kind == spool::PayloadKind::kOpus)
        sizes.push_back(static_cast<std::uint16_t>(size));
    }
  }
  std::vector<spool::ClipSource> sources;
  for (std::size_t index = 0; index < data.size(); ++index)
    sources.push_back(
        {.encoding = shape.tracks[index], .data = data[index], .frame_bytes = lengths[index]});
  const spool::ClipFacts facts{.frame_ms = shape.frame_ms,
                               .frame_count = frames,
                               .loudness_tenths_db = -160,
                               .duration_samples_48k = std::uint64_t{48} * shape.ms};
  std::vector<std::uint8_t> file(spool::clip_bytes(facts, sources).value());
  CHECK_TRUE(spool::write_clip(file, facts, sources).ok());
  return file;
}

inline constexpr trunkyard::spool::ClipEncoding kClipPcmu{trunkyard::spool::PayloadKind::kPcmu,
                                                          8'000};
inline constexpr trunkyard::spool::ClipEncoding kClipPcma{trunkyard::spool::PayloadKind::kPcma,
                                                          8'000};
inline constexpr trunkyard::spool::ClipEncoding kClipG722{trunkyard::spool::PayloadKind::kG722,
                                                          16'000};
inline constexpr trunkyard::spool::ClipEncoding kClipPcm16k{trunkyard::spool::PayloadKind::kPcm16,
                                                            16'000};
inline constexpr trunkyard::spool::ClipEncoding kClipOpus{trunkyard::spool::PayloadKind::kOpus,
                                                          48'000};

}  // namespace test
