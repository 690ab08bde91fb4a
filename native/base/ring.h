// Ring<T>: a first-in first-out of fixed capacity for one thread. All memory is taken by the
// constructor; a full ring refuses, it never grows. Between threads or processes use spsc.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "base/check.h"

namespace trunkyard {

/// @tparam T copied in and out; plain data.
template <typename T>
class Ring {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// @param capacity entries, at least 1; any number (not only powers of two).
  explicit Ring(std::uint32_t capacity)
      : entries_(std::make_unique<T[]>(capacity)), capacity_(capacity) {
    CHECK(capacity > 0);
  }

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }

  /// False, and nothing stored, when full.
  [[nodiscard]] bool push_back(const T& value) noexcept {
    if (full()) return false;
    entries_[position(size_)] = value;
    ++size_;
    return true;
  }
  /// The oldest entry. CHECKs that there is one.
  [[nodiscard]] const T& front() const noexcept {
    CHECK(size_ > 0);
    return entries_[head_];
  }
  /// Removes the oldest entry. CHECKs that there is one.
  void pop_front() noexcept {
    CHECK(size_ > 0);
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    --size_;
  }
  /// Entry `index` counted from the oldest.
  [[nodiscard]] const T& operator[](std::uint32_t index) const noexcept {
    CHECK(index < size_);
    return entries_[position(index)];
  }
  void clear() noexcept {
    head_ = 0;
    size_ = 0;
  }

 private:
  [[nodiscard]] std::uint32_t position(std::uint32_t index) const noexcept {
    const std::uint64_t at = std::uint64_t{head_} + index;
    return static_cast<std::uint32_t>(at >= capacity_ ? at - capacity_ : at);
  }

  std::unique_ptr<T[]> entries_;
  std::uint32_t capacity_;
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace trunkyard
