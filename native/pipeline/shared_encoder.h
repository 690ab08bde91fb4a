// SharedEncoder: one encoder for all listeners who hear the same and want it in the same form.
// Takes 10 ms of samples at a time and has a payload ready with every piece that completes a frame;
// each listener's AudioSender puts it into packets of its own (push_payload).
//
//   push ─> Resampler ─> frame ─> Encoder ─> payload() ─┬─> AudioSender of one listener
//                                                       └─> AudioSender of the next ...
//
// A listener who hears something of his own goes on with his sender's encoder from where this one
// stands (AudioSender::take_over), and comes back when he has long heard the same again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/limits.h"
#include "base/result.h"
#include "codec/codec.h"
#include "codec/pcm.h"
#include "codec/resampler.h"
#include "pipeline/audio_sender.h"

namespace trunkyard::pipeline {

/// Whether payloads made for one setup are right for the other. Payload types, digits and
/// redundancy, which a sender adds by itself, may differ.
[[nodiscard]] bool encodes_alike(const SenderSetup& left, const SenderSetup& right) noexcept;
/// Whether a sender with this setup can do with payloads encoded elsewhere: not where it has to
/// hear the pauses itself to describe them (comfort noise).
[[nodiscard]] constexpr bool can_share_encoder(const SenderSetup& setup) noexcept {
  return setup.noise_payload_type == kPayloadTypeDropped;
}

/// One form of one conference. Opening takes all memory: 2 KB, and 44 more for Opus. One thread.
class SharedEncoder {
 public:
  /// @param setup of one of its listeners. @param isa no more than best_isa().
  /// @returns kConfigInvalid for what Encoder::open() refuses and a source rate that is none.
  [[nodiscard]] static Result<std::unique_ptr<SharedEncoder>> open(const SenderSetup& setup,
                                                                   Isa isa);
  SharedEncoder(const SharedEncoder&) = delete;
  SharedEncoder& operator=(const SharedEncoder&) = delete;

  /// Hot path, every 10 ms. @param piece exactly 10 ms at the setup's source_rate_hz (CHECKed).
  void push(codec::Pcm piece) noexcept;
  /// Whether the last piece completed a frame.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  /// That frame's; empty where Opus leaves it out (DTX). Until the next push().
  [[nodiscard]] Bytes payload() const noexcept { return {payload_.data(), payload_bytes_}; }

  /// Goes on where a sender's own encoder stands, which has just completed a frame.
  /// @param sender of the same encoding (CHECKed).
  void take_over(const AudioSender& sender) noexcept;
  /// Lowers the Opus encoder's complexity to so much; nothing for other codecs.
  void set_complexity(std::uint32_t complexity) noexcept;

  [[nodiscard]] const SenderSetup& setup() const noexcept { return setup_; }
  [[nodiscard]] const codec::Encoder& encoder() const noexcept { return encoder_; }
  /// Null where rates are equal.
  [[nodiscard]] const codec::Resampler* resampler() const noexcept {
    return resampler_ ? &*resampler_ : nullptr;
  }
  /// The samples that wait for the rest of their frame.
  [[nodiscard]] codec::Pcm waiting() const noexcept { return {frame_.get(), filled_}; }

 private:
  SharedEncoder(const SenderSetup& setup, codec::Encoder encoder);

  SenderSetup setup_;
  codec::Encoder encoder_;
  std::optional<codec::Resampler> resampler_;
  std::unique_ptr<std::int16_t[]> frame_;
  std::size_t filled_ = 0;
  bool complete_ = false;
  std::size_t payload_bytes_ = 0;
  std::array<std::uint8_t, kPacketBytesMax> payload_;
};

}  // namespace trunkyard::pipeline
