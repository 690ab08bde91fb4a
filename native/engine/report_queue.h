// ReportQueue: what the control plane is to be told of one leg, until there is room for it in the
// event ring. Bounded, so the oldest make room for the newest: so many wait only when the control
// plane is away, and what it missed first is the least use.
#pragma once

#include <array>
#include <cstdint>

#include "base/check.h"

namespace trunkyard::engine {

/// One thread. Allocates nothing. @tparam Report plain data. @tparam kCapacity at least 1.
template <typename Report, std::uint32_t kCapacity>
class ReportQueue {
  static_assert(kCapacity > 0);

 public:
  [[nodiscard]] bool any() const noexcept { return count_ > 0; }
  /// The oldest. There is one (CHECKed).
  [[nodiscard]] const Report& first() const noexcept {
    CHECK(count_ > 0);
    return reports_[first_];
  }
  /// Takes it out. There is one (CHECKed).
  void pop_first() noexcept {
    CHECK(count_ > 0);
    first_ = (first_ + 1) % kCapacity;
    --count_;
  }
  /// In a full one, the oldest goes.
  void add(const Report& report) noexcept {
    if (count_ == kCapacity) pop_first();
    reports_[(first_ + count_) % kCapacity] = report;
    ++count_;
  }

 private:
  std::array<Report, kCapacity> reports_ = {};
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace trunkyard::engine
