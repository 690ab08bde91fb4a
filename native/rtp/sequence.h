// Numbers of RTP that wrap round: sequence numbers (16 bits) and timestamps (32 bits). This is the
// only room that compares them; everyone else asks here. RFC 3550 §5.1, RFC 1982 for the
// arithmetic.
#pragma once

#include <compare>
#include <cstdint>

namespace trunkyard::rtp {

/// Names a stream within one RTP session. A type of its own so that it can't be taken for a time.
enum class Ssrc : std::uint32_t {};
/// Media time in units of the payload's clock; starts anywhere, wraps.
enum class RtpTimestamp : std::uint32_t {};

/// How far `to` is ahead of `from`: -32768..32767. The exact half way counts as behind.
[[nodiscard]] constexpr std::int32_t sequence_distance(std::uint16_t from,
                                                       std::uint16_t to) noexcept {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}
/// Whether `sequence` was sent after `reference`, given that they are less than half a cycle apart.
[[nodiscard]] constexpr bool sequence_newer(std::uint16_t sequence,
                                            std::uint16_t reference) noexcept {
  return sequence_distance(reference, sequence) > 0;
}

/// How far `to` is ahead of `from` in clock units; the exact half way counts as behind.
[[nodiscard]] constexpr std::int32_t timestamp_distance(RtpTimestamp from,
                                                        RtpTimestamp to) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(to) -
                                   static_cast<std::uint32_t>(from));
}
/// `timestamp` moved by `units`, wrapping.
[[nodiscard]] constexpr RtpTimestamp timestamp_add(RtpTimestamp timestamp,
                                                   std::uint32_t units) noexcept {
  return static_cast<RtpTimestamp>(static_cast<std::uint32_t>(timestamp) + units);
}

/// A sequence number with its cycles counted: 64 bits that never wrap in practice (at 10^6 packets
/// a second it takes half a million years), so plain comparison is right.
class ExtendedSeq {
 public:
  constexpr ExtendedSeq() noexcept = default;
  [[nodiscard]] static constexpr ExtendedSeq from_value(std::uint64_t value) noexcept {
    return ExtendedSeq(value);
  }
  /// The start of a stream. Counted from the second cycle, so that a packet older than the first
  /// one still has a number.
  [[nodiscard]] static constexpr ExtendedSeq first(std::uint16_t sequence) noexcept {
    return ExtendedSeq(std::uint64_t{kCycle} + sequence);
  }

  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }
  [[nodiscard]] constexpr std::uint16_t sequence() const noexcept {
    return static_cast<std::uint16_t>(value_);
  }
  /// Full wraps since the start of the stream.
  [[nodiscard]] constexpr std::uint64_t cycles() const noexcept { return value_ / kCycle - 1; }
  /// What a report block carries: 16 bits of cycles, 16 of sequence (RFC 3550 §6.4.1).
  [[nodiscard]] constexpr std::uint32_t wire() const noexcept {
    return static_cast<std::uint32_t>(cycles() << 16) | sequence();
  }

  /// The extended number of `sequence` that lies nearest to this one.
  [[nodiscard]] constexpr ExtendedSeq extend(std::uint16_t sequence) const noexcept {
    const std::int64_t near =
        static_cast<std::int64_t>(value_) + sequence_distance(this->sequence(), sequence);
    return ExtendedSeq(static_cast<std::uint64_t>(near < 0 ? near + kCycle : near));
  }
  /// How far `later` is ahead of this one.
  [[nodiscard]] constexpr std::int64_t distance_to(ExtendedSeq later) const noexcept {
    return static_cast<std::int64_t>(later.value_ - value_);
  }
  constexpr auto operator<=>(const ExtendedSeq&) const noexcept = default;

 private:
  static constexpr std::uint32_t kCycle = 1u << 16;
  constexpr explicit ExtendedSeq(std::uint64_t value) noexcept : value_(value) {}
  std::uint64_t value_ = kCycle;
};

}  // namespace trunkyard::rtp
