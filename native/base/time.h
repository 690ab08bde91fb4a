// Instant and Duration: monotonic time as two types that can't be mixed up. Nobody in here reads a
// clock; native/io does, once a wake-up, and hands the Instant down. Resolution is 1 ns in a signed
// 64-bit number, so the range is 292 years.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace trunkyard {

/// A length of time; may be negative.
class Duration {
 public:
  constexpr Duration() noexcept = default;
  [[nodiscard]] static constexpr Duration nanoseconds(std::int64_t count) noexcept {
    return Duration(count);
  }
  [[nodiscard]] static constexpr Duration microseconds(std::int64_t count) noexcept {
    return Duration(count * 1'000);
  }
  [[nodiscard]] static constexpr Duration milliseconds(std::int64_t count) noexcept {
    return Duration(count * 1'000'000);
  }
  [[nodiscard]] static constexpr Duration seconds(std::int64_t count) noexcept {
    return Duration(count * 1'000'000'000);
  }
  [[nodiscard]] static constexpr Duration zero() noexcept { return Duration(0); }

  [[nodiscard]] constexpr std::int64_t ns() const noexcept { return ns_; }
  /// Whole milliseconds, towards zero.
  [[nodiscard]] constexpr std::int64_t ms() const noexcept { return ns_ / 1'000'000; }
  /// Milliseconds with their fraction, for reports.
  [[nodiscard]] constexpr double ms_exact() const noexcept {
    return static_cast<double>(ns_) / 1e6;
  }

  constexpr auto operator<=>(const Duration&) const noexcept = default;
  [[nodiscard]] constexpr Duration operator-() const noexcept { return Duration(-ns_); }
  [[nodiscard]] constexpr Duration operator+(Duration other) const noexcept {
    return Duration(ns_ + other.ns_);
  }
  [[nodiscard]] constexpr Duration operator-(Duration other) const noexcept {
    return Duration(ns_ - other.ns_);
  }
  [[nodiscard]] constexpr Duration operator*(std::int64_t factor) const noexcept {
    return Duration(ns_ * factor);
  }
  [[nodiscard]] constexpr Duration operator/(std::int64_t divisor) const noexcept {
    return Duration(ns_ / divisor);
  }

 private:
  constexpr explicit Duration(std::int64_t ns) noexcept : ns_(ns) {}
  std::int64_t ns_ = 0;
};

/// A point on the node's monotonic clock (CLOCK_MONOTONIC); says nothing about the time of day.
class Instant {
 public:
  constexpr Instant() noexcept = default;
  [[nodiscard]] static constexpr Instant from_ns(std::int64_t ns) noexcept { return Instant(ns); }
  /// Later than every other instant: "nothing is due".
  [[nodiscard]] static constexpr Instant never() noexcept {
    return Instant(std::numeric_limits<std::int64_t>::max());
  }

  [[nodiscard]] constexpr std::int64_t ns() const noexcept { return ns_; }
  constexpr auto operator<=>(const Instant&) const noexcept = default;

  /// Saturates, so that never() plus anything positive is still never().
  [[nodiscard]] constexpr Instant operator+(Duration delta) const noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(ns_, delta.ns(), &sum)) {
      return delta.ns() > 0 ? never() : Instant(std::numeric_limits<std::int64_t>::min());
    }
    return Instant(sum);
  }
  [[nodiscard]] constexpr Instant operator-(Duration delta) const noexcept {
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(ns_, delta.ns(), &difference)) {
      return delta.ns() < 0 ? never() : Instant(std::numeric_limits<std::int64_t>::min());
    }
    return Instant(difference);
  }
  /// The time from `earlier` to this one; saturates at the ends of the range.
  [[nodiscard]] constexpr Duration operator-(Instant earlier) const noexcept {
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(ns_, earlier.ns_, &difference)) {
      difference = ns_ > earlier.ns_ ? std::numeric_limits<std::int64_t>::max()
                                     : std::numeric_limits<std::int64_t>::min();
    }
    return Duration::nanoseconds(difference);
  }

 private:
  constexpr explicit Instant(std::int64_t ns) noexcept : ns_(ns) {}
  std::int64_t ns_ = 0;
};

}  // namespace trunkyard
