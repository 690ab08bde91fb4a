// What recorded media is made of: the kind of its payload, its rate, how many channels. Segments,
// WAV files and clips speak of it in the same words.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace trunkyard::spool {

/// By number the `payloadKind` of native/binding/contract.json, as far as it is media; a test
/// compares the two lists.
enum class PayloadKind : std::uint8_t {
  kPcmu = 0,
  kPcma = 1,
  kG722 = 2,
  /// The contract's `l16`. In files its samples are little-endian, as in WAV and in this machine's
  /// memory; on the wire they are not (RFC 3551 §4.5.11).
  kPcm16 = 3,
  kOpus = 4,
};
inline constexpr std::uint8_t kPayloadKinds = 5;

/// Rates at which audio lives inside the engine.
[[nodiscard]] constexpr bool is_media_rate(std::uint32_t rate_hz) noexcept {
  return rate_hz == 8'000 || rate_hz == 16'000 || rate_hz == 48'000;
}

/// Bits of a sample of one channel; 0 for Opus, whose packets are as long as they need to be.
[[nodiscard]] constexpr std::uint32_t bits_per_sample(PayloadKind kind) noexcept {
  switch (kind) {
    case PayloadKind::kPcmu:
    case PayloadKind::kPcma:
      return 8;
    case PayloadKind::kG722:
      return 4;
    case PayloadKind::kPcm16:
      return 16;
    case PayloadKind::kOpus:
      return 0;
  }
  return 0;
}

/// Whether a kind of payload can have this rate: the one of its codec, any for PCM, and for Opus
/// the clock that its packets are counted in (RFC 7587 §4.1).
[[nodiscard]] constexpr bool is_rate_of(PayloadKind kind, std::uint32_t rate_hz) noexcept {
  switch (kind) {
    case PayloadKind::kPcmu:
    case PayloadKind::kPcma:
      return rate_hz == 8'000;
    case PayloadKind::kG722:
      return rate_hz == 16'000;
    case PayloadKind::kPcm16:
      return is_media_rate(rate_hz);
    case PayloadKind::kOpus:
      return rate_hz == 48'000;
  }
  return false;
}

/// A byte that is silence when repeated: PCM's zero, or the zero of either law (G.711 table 1a,
/// 2a). Not for G.722 and Opus, which are no series of samples.
[[nodiscard]] constexpr std::uint8_t silence_byte(PayloadKind kind) noexcept {
  if (kind == PayloadKind::kPcmu) return 0xff;
  return kind == PayloadKind::kPcma ? 0xd5 : 0x00;
}

/// Kind, rate and channels of a recording. Each channel is a stream of its own on one time axis.
struct MediaFormat {
  PayloadKind kind = PayloadKind::kPcm16;
  /// Samples a second of one channel: the unit of all positions.
  std::uint32_t rate_hz = 8'000;
  /// 1, or 2 for the two parties of a call side by side.
  std::uint8_t channel_count = 1;

  [[nodiscard]] bool operator==(const MediaFormat&) const noexcept = default;

  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return is_rate_of(kind, rate_hz) && channel_count >= 1 &&
           channel_count <= kRecordingChannelsMax;
  }
  /// Whether payloads are samples one after the other, so that they may be cut anywhere. G.722 may
  /// be cut too, but is not readable from the middle without its decoder's state.
  [[nodiscard]] constexpr bool is_fixed() const noexcept { return kind != PayloadKind::kOpus; }
  /// Samples of `ms` milliseconds. Exact for every rate.
  [[nodiscard]] constexpr std::uint64_t samples_of_ms(std::uint64_t ms) const noexcept {
    return ms * (rate_hz / 1'000);
  }
  /// Bytes of so many samples of one channel; 0 for Opus.
  /// @param samples even for G.722, which has two in a byte.
  [[nodiscard]] constexpr std::uint64_t bytes_of(std::uint64_t samples) const noexcept {
    return samples * bits_per_sample(kind) / 8;
  }
  /// Samples in so many bytes of one channel; 0 for Opus. Half a sample is left out.
  [[nodiscard]] constexpr std::uint64_t samples_of_bytes(std::uint64_t bytes) const noexcept {
    return is_fixed() ? bytes * 8 / bits_per_sample(kind) : 0;
  }
};

}  // namespace trunkyard::spool
