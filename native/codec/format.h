// Format: which codec, at which rate. What follows from that without any decoding stands here:
// the RTP clock, how timestamps and samples relate, how long a payload is. codec.h opens decoders
// and encoders from it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

enum class CodecKind : std::uint8_t { kPcmu, kPcma, kG722, kL16, kOpus };

/// A codec and the rate of its audio inside.
struct Format {
  CodecKind kind = CodecKind::kPcmu;
  /// PCMU and PCMA have 8,000, G.722 has 16,000; for L16 it is negotiated, for Opus ours to choose
  /// among the rates of pcm.h.
  std::uint32_t rate_hz = 8'000;

  [[nodiscard]] bool operator==(const Format&) const noexcept = default;

  [[nodiscard]] constexpr bool is_valid() const noexcept {
    switch (kind) {
      case CodecKind::kPcmu:
      case CodecKind::kPcma:
        return rate_hz == 8'000;
      case CodecKind::kG722:
        return rate_hz == 16'000;
      case CodecKind::kL16:
      case CodecKind::kOpus:
        return is_pcm_rate(rate_hz);
    }
    return false;
  }

  /// What RTP timestamps count in a second. G.722's is half its rate, because the first RFC said so
  /// by mistake (RFC 3551 §4.5.2); Opus's is always the same (RFC 7587 §4.1).
  [[nodiscard]] constexpr std::uint32_t clock_hz() const noexcept {
    if (kind == CodecKind::kG722) return 8'000;
    return kind == CodecKind::kOpus ? 48'000 : rate_hz;
  }

  /// Samples to steps of the timestamp. A position in a stream may be given too: timestamps are its
  /// answer's lower 32 bits, added to the first one.
  /// @param samples even for G.722; its last half step would be lost.
  [[nodiscard]] constexpr std::uint64_t clock_of(std::uint64_t samples) const noexcept {
    return clock_hz() >= rate_hz ? samples * (clock_hz() / rate_hz)
                                 : samples / (rate_hz / clock_hz());
  }
  /// Steps of the timestamp to samples; Opus cuts what is less than a sample of a lower rate.
  [[nodiscard]] constexpr std::uint64_t samples_of_clock(std::uint64_t clock) const noexcept {
    return clock_hz() >= rate_hz ? clock / (clock_hz() / rate_hz) : clock * (rate_hz / clock_hz());
  }

  /// Bits of a sample in a payload; 0 for Opus, whose packets are as long as they need to be.
  [[nodiscard]] constexpr std::size_t payload_bits_per_sample() const noexcept {
    switch (kind) {
      case CodecKind::kPcmu:
      case CodecKind::kPcma:
        return 8;
      case CodecKind::kG722:
        return 4;
      case CodecKind::kL16:
        return 16;
      case CodecKind::kOpus:
        return 0;
    }
    return 0;
  }
  /// Bytes of a payload of so many milliseconds; 0 for Opus.
  [[nodiscard]] constexpr std::size_t payload_bytes(std::uint32_t ms) const noexcept {
    return samples_of(rate_hz, ms) * payload_bits_per_sample() / 8;
  }
};

/// Frames are 10 to 60 ms long, in steps of 10.
[[nodiscard]] constexpr bool is_frame_ms(std::uint32_t ms) noexcept {
  return ms >= 10 && ms <= kFrameMsMax && ms % 10 == 0;
}

}  // namespace trunkyard::codec
