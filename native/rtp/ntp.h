// NTP time as RTCP carries it, whole and in its short forms. RFC 3550 §4, §6.4.1.
#pragma once

#include <compare>
#include <cstdint>

#include "base/time.h"

namespace trunkyard::rtp {

/// Seconds since 1 January 1900 in the upper 32 bits, the fraction in the lower.
class NtpTime {
 public:
  constexpr NtpTime() noexcept = default;
  [[nodiscard]] static constexpr NtpTime from_bits(std::uint64_t bits) noexcept {
    return NtpTime(bits);
  }
  /// @param unix_offset what turns the monotonic clock into time since 1 January 1970; measured by
  ///                    native/io at start and now and then.
  [[nodiscard]] static constexpr NtpTime at(Instant now, Duration unix_offset) noexcept {
    const std::int64_t unix_ns = (now + unix_offset).ns();
    std::int64_t seconds = unix_ns / kNsPerSecond;
    std::int64_t rest_ns = unix_ns % kNsPerSecond;
    if (rest_ns < 0) {
      rest_ns += kNsPerSecond;
      --seconds;
    }
    // From 2036 on the seconds wrap; both ends then still agree on differences (RFC 3550 §4).
    const auto ntp_seconds = static_cast<std::uint64_t>(seconds + kUnixEpochNtpSeconds);
    const std::uint64_t fraction =
        (static_cast<std::uint64_t>(rest_ns) << 32) / static_cast<std::uint64_t>(kNsPerSecond);
    return NtpTime(ntp_seconds << 32 | fraction);
  }

  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr std::uint32_t seconds() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> 32);
  }
  [[nodiscard]] constexpr std::uint32_t fraction() const noexcept {
    return static_cast<std::uint32_t>(bits_);
  }
  /// The middle 32 bits, in units of 1/65536 s: what LSR and DLSR are written in.
  [[nodiscard]] constexpr std::uint32_t middle() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> 16);
  }
  constexpr auto operator<=>(const NtpTime&) const noexcept = default;

 private:
  static constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  static constexpr std::int64_t kUnixEpochNtpSeconds = 2'208'988'800;
  constexpr explicit NtpTime(std::uint64_t bits) noexcept : bits_(bits) {}
  std::uint64_t bits_ = 0;
};

/// A duration in units of 1/65536 s, as DLSR wants it: 0 when negative, the greatest number when it
/// doesn't fit (18 hours).
[[nodiscard]] constexpr std::uint32_t to_ntp_short(Duration duration) noexcept {
  if (duration <= Duration::zero()) return 0;
  const std::int64_t seconds = duration.ns() / 1'000'000'000;
  if (seconds > 0xffff) return 0xffff'ffff;
  const std::int64_t rest_ns = duration.ns() % 1'000'000'000;
  return static_cast<std::uint32_t>(seconds << 16 | (rest_ns << 16) / 1'000'000'000);
}
/// The inverse, exact to 1 ns (rounded down).
[[nodiscard]] constexpr Duration from_ntp_short(std::uint32_t units) noexcept {
  return Duration::nanoseconds(
      static_cast<std::int64_t>(std::uint64_t{units} * 1'000'000'000 >> 16));
}

}  // namespace trunkyard::rtp
