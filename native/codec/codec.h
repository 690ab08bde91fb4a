// Decoder and Encoder: any codec there is behind one pair of classes, so that a leg's payload
// becomes samples and samples a payload without its codec being asked for again. A closed sum of
// the codecs, no virtual functions; what a codec can't do by itself (conceal a loss) is added here.
//
//   payload -> Decoder -> PcmFrame at format().rate_hz -> (Resampler) -> (Framer) -> Encoder ->
//   payload
//
// Opening takes all memory a codec needs; afterwards nothing allocates. An object belongs to one
// media thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/result.h"
#include "codec/conceal.h"
#include "codec/format.h"
#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/opus.h"
#include "codec/opus_policy.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

/// How a lost frame was filled.
enum class Filling : std::uint8_t {
  kGuessed,    ///< by going on from what was heard
  kRecovered,  ///< with the copy that the next packet brought (Opus)
};

/// One received stream's payloads to samples.
class Decoder {
 public:
  struct Spec {
    Format format;
    Isa isa = Isa::kC;  ///< no more than best_isa()
  };
  /// How far into a payload decoding has come.
  struct Progress {
    std::size_t next = 0;  ///< where to go on
    bool done = true;
  };

  /// @returns kConfigInvalid unless spec.format.is_valid().
  [[nodiscard]] static Result<Decoder> open(const Spec& spec);

  [[nodiscard]] const Format& format() const noexcept { return format_; }

  /// How many samples a payload decodes to, without decoding it.
  /// @returns kPacketTruncated for an empty payload and an Opus packet shorter than it says,
  ///          kPacketMalformed for half a sample of L16 and an Opus packet that contradicts itself.
  [[nodiscard]] Result<std::size_t> samples_in(Bytes payload) const noexcept;

  /// Decodes a payload, as much of it as a PcmFrame may hold (kFrameMsMax of audio). Longer ones
  /// need further calls: begin with 0, go on with the answer's `next` until it is `done`. Every
  /// payload that samples_in() knows is decoded; frames of 10 to 60 ms take one call.
  /// @param from 0, or what the last call for this payload answered (CHECKed to lie inside).
  /// @param into the samples; empty after an error. Right after a loss their beginning is blended
  ///             with what filled it.
  /// @param skip so many samples are decoded but left out at the beginning, since what was made up
  ///             has taken their place; all of them if there are no more.
  /// @returns the errors of samples_in(), or kPacketMalformed when the inside of an Opus packet
  ///          makes no sense.
  [[nodiscard]] Result<Progress> decode(Bytes payload, std::size_t from, PcmFrame& into,
                                        std::size_t skip = 0) noexcept;

  /// Fills in for audio that won't come.
  /// @param samples 1 to kFrameMsMax of audio (CHECKed).
  /// @param next    the payload right after the lost one where it is there already, else empty. Is
  ///                to be decoded afterwards as usual.
  /// @param into    always `samples` of them; fading to silence as a loss goes on.
  Filling conceal(std::size_t samples, Bytes next, PcmFrame& into) noexcept;

  /// A stream that begins anew (another SSRC): what the codec knows of the old one is forgotten.
  void reset() noexcept;

 private:
  struct Linear {};
  using Codec = std::variant<G711, Linear, G722Decoder, OpusDecoder>;

  Decoder(const Spec& spec, Codec codec) noexcept;
  void decode_samples(Bytes payload, MutablePcm into) noexcept;

  Format format_;
  Isa isa_;
  Codec codec_;
  std::optional<Concealer> concealer_;  ///< for all that have none of their own
};

/// Samples to one stream's payloads, a frame at a time.
class Encoder {
 public:
  struct Spec {
    Format format;
    std::uint32_t frame_ms = 20;  ///< is_frame_ms(); for Opus what opus_frame_ms() answers
    Isa isa = Isa::kC;            ///< no more than best_isa()
    /// For Opus alone; its rate and frame length must be those of above.
    OpusPolicy opus = {};
  };
  struct Encoded {
    std::size_t bytes = 0;
    /// False in the middle of a silence that Opus leaves out (DTX): don't send it, only let the
    /// timestamp go on.
    bool send = true;
  };

  /// @returns kConfigInvalid unless spec.format.is_valid(), the frame length is one, and for Opus
  ///          the policy is sound and agrees.
  [[nodiscard]] static Result<Encoder> open(const Spec& spec);

  [[nodiscard]] const Format& format() const noexcept { return format_; }
  /// Samples of every frame: for Framer.
  [[nodiscard]] std::size_t frame_samples() const noexcept { return frame_samples_; }
  /// What the RTP timestamp goes on by with every frame.
  [[nodiscard]] std::uint32_t frame_clock() const noexcept {
    return static_cast<std::uint32_t>(format_.clock_of(frame_samples_));
  }
  /// The room a payload needs: exact for all but Opus, where it is the most there can be.
  [[nodiscard]] std::size_t payload_bytes_max() const noexcept;

  /// @param frame exactly frame_samples() (CHECKed: the framer makes them).
  /// @returns how much of `into` was written, kBufferFull when it has less than
  ///          payload_bytes_max(), or kPacketMalformed when libopus gives up (never seen).
  [[nodiscard]] Result<Encoded> encode(Pcm frame, MutableBytes into) noexcept;

  /// As if this one had encoded what `other` has: whoever decoded that one's payloads so far goes
  /// on with this one's. Allocates nothing.
  /// @param other of the same format and frame length, and for Opus of the same DTX (CHECKed);
  /// stays
  ///              as it is.
  void copy_state(const Encoder& other) noexcept;

  /// The Opus encoder inside, to be tuned between frames; null for other codecs.
  [[nodiscard]] OpusEncoder* opus() noexcept { return std::get_if<OpusEncoder>(&codec_); }

 private:
  struct Linear {};
  using Codec = std::variant<G711, Linear, G722Encoder, OpusEncoder>;

  Encoder(const Spec& spec, Codec codec) noexcept;

  Format format_;
  std::size_t frame_samples_;
  Codec codec_;
};

}  // namespace trunkyard::codec
