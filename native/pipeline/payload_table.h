// PayloadTable: what the payload types of one peer mean, with a decoder for each codec among them.
// A new offer or answer changes the table, and what both have in common goes on: a decoder keeps
// its state and its id, by which packets that still wait know it although numbers have changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/isa.h"
#include "base/limits.h"
#include "base/result.h"
#include "codec/codec.h"
#include "codec/format.h"
#include "codec/resampler.h"

namespace trunkyard::pipeline {

/// Payload types that one leg may send us; an answer has five or six.
inline constexpr std::uint32_t kReceivablePayloadsMax = 16;
/// Comfort noise of 8 kHz, by static assignment (RFC 3551 §6).
inline constexpr std::uint8_t kStaticNoiseType = 13;
/// Different codecs among them, each with a decoder of its own.
inline constexpr std::uint32_t kReceivableCodecsMax = 8;

enum class PayloadRole : std::uint8_t {
  kAudio,
  kTelephoneEvent,  ///< RFC 4733; of several, the last one's clock is that of all
  kComfortNoise,    ///< RFC 3389
  kRedundancy,      ///< RFC 2198; what is inside has payload types of the same table
};

/// What a payload type of the peer's means.
struct ReceivablePayload {
  std::uint8_t payload_type = 0;  ///< 0..127
  PayloadRole role = PayloadRole::kAudio;
  /// For kAudio. The rate of Opus is not looked at: it is decoded at the listener's own.
  codec::Format format = {};
  /// For the other roles: what their timestamps count in a second, 1..48,000 (rtpmap).
  std::uint32_t clock_rate_hz = 8'000;
};

/// One leg's. Allocates in set_up() alone; one thread.
class PayloadTable {
 public:
  /// The id of no codec.
  static constexpr std::uint8_t kNoCodec = 0;

  /// A codec that the peer may send.
  struct Codec {
    Codec(codec::Decoder opened, std::uint8_t name) noexcept
        : decoder(std::move(opened)), id(name) {}
    codec::Decoder decoder;
    std::unique_ptr<codec::Resampler> resampler;  ///< to the listener's rate; null where equal
    std::uint8_t id;
  };
  struct Meaning {
    PayloadRole role = PayloadRole::kAudio;
    Codec* codec = nullptr;  ///< for kAudio; valid until the next set_up()
    std::uint32_t clock_rate_hz = 0;
  };
  struct Setup {
    /// At most kReceivablePayloadsMax. Of one payload type given twice, the last counts.
    std::span<const ReceivablePayload> payloads;
    std::uint32_t rate_hz = 8'000;  ///< the listener's
    /// Id of a codec that is kept as long as it is asked for here, received or not: what waits of
    /// it is still to be heard, and to fade out. kNoCodec = none.
    std::uint8_t kept_id = kNoCodec;
    Isa isa = Isa::kC;  ///< no more than best_isa()
  };

  PayloadTable() noexcept { index_.fill(kNone); }

  /// @returns kConfigInvalid, and nothing changed, for a rate, format, payload type or clock that
  ///          is none, and for too many payload types or codecs.
  [[nodiscard]] Result<void> set_up(const Setup& setup);

  /// Null for a payload type that isn't receivable. @param payload_type 0..127 (CHECKed).
  [[nodiscard]] const Meaning* find(std::uint8_t payload_type) const noexcept {
    CHECK(payload_type < kPayloadTypes);
    const std::uint8_t index = index_[payload_type];
    return index == kNone ? nullptr : &meanings_[index];
  }
  /// Null when the codec of that id is neither received any more nor kept.
  [[nodiscard]] Codec* codec(std::uint8_t id) const noexcept;
  /// Clock of the telephone-events; 0 without.
  [[nodiscard]] std::uint32_t event_clock_hz() const noexcept { return event_clock_hz_; }
  /// Bytes of a millisecond of the densest codec, of Opus at most times; 0 without any.
  [[nodiscard]] std::size_t bytes_per_ms() const noexcept;

 private:
  using Codecs = std::array<std::unique_ptr<Codec>, kReceivableCodecsMax>;
  /// What will be: formats, and decoders for those that aren't open yet.
  struct Plan {
    std::array<codec::Format, kReceivableCodecsMax> formats = {};
    std::size_t count = 0;
    Codecs opened;
  };
  static constexpr std::uint8_t kNone = 0xff;

  [[nodiscard]] Result<void> make_plan(const Setup& setup, Plan& plan);
  void adopt(const Setup& setup, Plan& plan);
  void keep(const Setup& setup, Codecs& before);
  static void resample(const Setup& setup, Codec& codec);
  [[nodiscard]] static Codec* find_codec(const Codecs& codecs,
                                         const codec::Format& format) noexcept;
  [[nodiscard]] static Codec* find_by_id(const Codecs& codecs, std::uint8_t id) noexcept;
  [[nodiscard]] std::uint8_t fresh_id() noexcept;

  std::array<std::uint8_t, kPayloadTypes> index_;
  std::array<Meaning, kReceivablePayloadsMax> meanings_ = {};
  Codecs codecs_;
  std::unique_ptr<Codec> kept_;  ///< received no more; null without one
  std::uint32_t event_clock_hz_ = 0;
  std::uint8_t id_last_ = 0;
};

}  // namespace trunkyard::pipeline
