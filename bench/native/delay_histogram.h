// Counts of delays in buckets whose width grows with the value: exact below 64 ns, then within 1.6
// % up to 73 minutes. Recording is a shift and an addition, so that the load tool stays cheaper
// than what it measures.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace trunkyard::bench {

/// Where a value of 0 to kNsMax lies: the values of one power of two share kSteps buckets, those
/// below 2 * kSteps have one each.
struct DelayBuckets {
  static constexpr std::uint32_t kStepBits = 5;
  static constexpr std::uint64_t kSteps = 1u << kStepBits;
  static constexpr std::uint32_t kValueBits = 42;
  static constexpr std::uint64_t kNsMax = (std::uint64_t{1} << kValueBits) - 1;
  static constexpr std::size_t kCount = (kValueBits - kStepBits + 1) * kSteps;

  static constexpr std::size_t index_of(std::uint64_t value) noexcept {
    const auto bits = static_cast<std::uint32_t>(std::bit_width(value));
    const std::uint64_t shift = bits > kStepBits + 1 ? bits - kStepBits - 1 : 0;
    return static_cast<std::size_t>(shift * kSteps + (value >> shift));
  }

  static constexpr std::uint64_t middle_of(std::size_t index) noexcept {
    if (index < 2 * kSteps) return index;
    const std::uint64_t shift = index / kSteps - 1;
    const std::uint64_t low = (index - shift * kSteps) << shift;
    return low + ((std::uint64_t{1} << shift) - 1) / 2;
  }
};

static_assert(DelayBuckets::index_of(63) == 63 && DelayBuckets::index_of(66) == 65);
static_assert(DelayBuckets::middle_of(65) == 66);
static_assert(DelayBuckets::index_of(DelayBuckets::kNsMax) == DelayBuckets::kCount - 1);

class DelayHistogram {
 public:
  void record(std::uint64_t delay_ns) noexcept {
    counts_[DelayBuckets::index_of(std::min(delay_ns, DelayBuckets::kNsMax))] += 1;
    count_ += 1;
    max_ns_ = std::max(max_ns_, delay_ns);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max_ns() const noexcept { return max_ns_; }

  /// The middle of the bucket in which the given share of the delays is reached; 0 without delays.
  [[nodiscard]] std::uint64_t quantile_ns(std::uint32_t per_mille) const noexcept {
    const std::uint64_t rank = (count_ * per_mille + 999) / 1000;
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      seen += counts_[index];
      if (seen > 0 && seen >= rank) return std::min(DelayBuckets::middle_of(index), max_ns_);
    }
    return 0;
  }

 private:
  std::array<std::uint64_t, DelayBuckets::kCount> counts_ = {};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace trunkyard::bench
