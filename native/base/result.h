// Result<T>: a value or the reason why there is none; shaped like C++23's std::expected, which
// GCC 12 does not offer in C++20. Expected outcomes (input refused, table full, port taken) travel
// as ErrorCode; nothing in native/ throws.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace trunkyard {

/// Why something was refused. The first block crosses the waist and equals `EngineCode` of
/// src/engine/types.ts by number (native/binding/contract.json); the rest stays in native/.
enum class ErrorCode : std::uint8_t {
  kOk = 0,  ///< never stored in a Result; the wire's word for "no error"
  kHandleStale = 1,
  kEndpointsFull = 2,
  kPortsExhausted = 3,
  kSocketFailed = 4,
  kAddressInvalid = 5,
  kOrderInvalid = 6,

  kPacketTruncated = 32,  ///< shorter than its own lengths say
  kPacketMalformed = 33,  ///< lengths hold, contents contradict the protocol
  kVersionUnsupported = 34,
  kPayloadTypeInvalid = 35,
  kBufferFull = 36,  ///< the output does not fit the space given

  kRingFull = 48,
  kRegionInvalid = 49,  ///< shared memory that is not ours, is damaged or of another version
  kRegionExists = 50,
  kConfigInvalid = 51,
  kSystemCallFailed = 52,
  kCryptoUnavailable = 53,  ///< the TLS library refuses, or is not the one we were compiled for

  kMediaTruncated = 64,    ///< a media file that ends before what every one of its kind has
  kMediaMalformed = 65,    ///< a media file whose contents contradict its format
  kMediaUnsupported = 66,  ///< a sound media file of a kind, rate or version that we don't read
  kDiskFull = 67,          ///< no room, no quota, or the file would be larger than allowed
  kDiskFailed = 68,        ///< the disk or file system refuses or fails (EIO and its kin)
};

/// Wraps an error so that `return Error{ErrorCode::kRingFull};` converts to any Result<T>.
struct Error {
  ErrorCode code;
};

/// Either a T or an ErrorCode. Reading the side that is not there aborts (CHECK): ask `ok()` first.
template <typename T>
class [[nodiscard]] Result {
  static_assert(!std::is_reference_v<T>, "return a pointer instead of a reference");

 public:
  using value_type = T;

  // Implicit on purpose, as std::expected is: `return value;` and `return Error{code};` read well.
  constexpr Result(T value) noexcept(std::is_nothrow_move_constructible_v<T>)
      : value_(std::move(value)), code_(ErrorCode::kOk) {}
  constexpr Result(Error error) noexcept : nothing_(), code_(error.code) {
    CHECK(error.code != ErrorCode::kOk);
  }

  constexpr Result(const Result& other) noexcept(std::is_nothrow_copy_constructible_v<T>)
    requires std::is_copy_constructible_v<T>
      : nothing_(), code_(other.code_) {
    if (other.ok()) std::construct_at(std::addressof(value_), other.value_);
  }
  constexpr Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : nothing_(), code_(other.code_) {
    if (other.ok()) std::construct_at(std::addressof(value_), std::move(other.value_));
  }
  // A result is an answer, not a variable: it is returned and read, never overwritten.
  Result& operator=(const Result&) = delete;
  Result& operator=(Result&&) = delete;

  constexpr ~Result()
    requires std::is_trivially_destructible_v<T>
  = default;
  constexpr ~Result() {
    if (ok()) std::destroy_at(std::addressof(value_));
  }

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == ErrorCode::kOk; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return ok(); }

  [[nodiscard]] constexpr const T& value() const& noexcept {
    CHECK(ok());
    return value_;
  }
  [[nodiscard]] constexpr T& value() & noexcept {
    CHECK(ok());
    return value_;
  }
  [[nodiscard]] constexpr T&& value() && noexcept {
    CHECK(ok());
    return std::move(value_);
  }
  [[nodiscard]] constexpr const T& operator*() const& noexcept { return value(); }
  [[nodiscard]] constexpr T& operator*() & noexcept { return value(); }
  [[nodiscard]] constexpr T&& operator*() && noexcept { return std::move(*this).value(); }
  [[nodiscard]] constexpr const T* operator->() const noexcept { return std::addressof(value()); }
  [[nodiscard]] constexpr T* operator->() noexcept { return std::addressof(value()); }

  /// The reason; aborts when there is a value.
  [[nodiscard]] constexpr ErrorCode error() const noexcept {
    CHECK(!ok());
    return code_;
  }
  /// kOk, or the reason: what an answer record carries.
  [[nodiscard]] constexpr ErrorCode code() const noexcept { return code_; }

 private:
  struct Nothing {};
  union {
    Nothing nothing_;
    T value_;
  };
  ErrorCode code_;
};

/// A step that yields nothing but may fail.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  constexpr Result() noexcept = default;
  constexpr Result(Error error) noexcept : code_(error.code) {
    CHECK(error.code != ErrorCode::kOk);
  }

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == ErrorCode::kOk; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] constexpr ErrorCode error() const noexcept {
    CHECK(!ok());
    return code_;
  }
  [[nodiscard]] constexpr ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_ = ErrorCode::kOk;
};

}  // namespace trunkyard
