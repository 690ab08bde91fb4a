// The histogram of delays; see delay_histogram.h.
#include "jitter/delay_histogram.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::jitter {
namespace {

// All weight together is at most 2 x start x (memory + 1), which must fit a single 16-bit bin.
constexpr std::uint32_t kWeightBudget = 31'000;
static_assert(2 * kWeightBudget / DelayHistogram::kMemoryMin * (DelayHistogram::kMemoryMin + 1) <
              65'536);
static_assert(kWeightBudget / DelayHistogram::kMemoryMax > 8, "halvings must not erase the new");

}  // namespace

DelayHistogram::DelayHistogram(const Setup& setup) noexcept
    : memory_packets_(setup.memory_packets), beyond_ppm_(setup.beyond_ppm) {
  CHECK(setup.memory_packets >= kMemoryMin);
  CHECK(setup.memory_packets <= kMemoryMax);
  CHECK(setup.beyond_ppm < 1'000'000);
  weight_start_ = (kWeightBudget << 16) / memory_packets_;
  weight_ = weight_start_;
}

void DelayHistogram::clear() noexcept {
  counts_.fill(0);
  floor_ = 0;
  quantile_ = 0;
  total_ = 0;
  tail_ = 0;
  weight_ = weight_start_;
}

void DelayHistogram::add(std::int64_t bin) noexcept {
  if (empty()) {
    floor_ = bin;
    quantile_ = bin;
  } else if (bin < floor_) {
    make_room_below(bin);
  } else if (bin >= floor_ + kBins) {
    raise_floor();
    if (bin >= floor_ + kBins) bin = floor_ + kBins - 1;
  }
  const std::uint32_t weight = weight_ >> 16;
  std::uint16_t& count = count_at(bin);
  count = static_cast<std::uint16_t>(count + weight);
  total_ += weight;
  if (bin > quantile_) tail_ += weight;

  weight_ += weight_ / memory_packets_;
  if (weight_ >= 2 * weight_start_) {
    weight_ >>= 1;
    halve();
  } else {
    settle_quantile();
  }
}

/// A packet faster than all remembered: the ring now begins with it, and what no longer fits at the
/// upper end is counted in the highest bin.
void DelayHistogram::make_room_below(std::int64_t bin) noexcept {
  const std::int64_t top = bin + kBins - 1;
  std::uint32_t cut = 0;
  // Bins above the new top are those that the new lower ones will share places with.
  const std::int64_t last = floor_ + kBins - 1;
  const std::int64_t first = top + 1 > floor_ ? top + 1 : floor_;
  for (std::int64_t above = first; above <= last; ++above) {
    cut += count_at(above);
    count_at(above) = 0;
  }
  floor_ = bin;
  count_at(top) = static_cast<std::uint16_t>(count_at(top) + cut);
  if (quantile_ > top) quantile_ = top;
  tail_ = 0;
  for (std::int64_t beyond = quantile_ + 1; beyond <= top; ++beyond)
    tail_ += count_at(beyond);
}

void DelayHistogram::raise_floor() noexcept {
  for (std::int64_t step = 0; step < kBins - 1 && count_at(floor_) == 0; ++step)
    ++floor_;
  if (quantile_ < floor_) quantile_ = floor_;
}

void DelayHistogram::halve() noexcept {
  if (empty()) return;
  total_ = 0;
  for (std::uint16_t& count : counts_) {
    count = static_cast<std::uint16_t>(count >> 1);
    total_ += count;
  }
  if (total_ == 0) {
    const std::uint32_t weight = weight_;
    clear();
    weight_ = weight;
    return;
  }
  raise_floor();
  tail_ = 0;
  for (std::int64_t bin = quantile_ + 1; bin < floor_ + kBins; ++bin)
    tail_ += count_at(bin);
  settle_quantile();
}

/// Walks the few bins from the old quantile to the new one.
void DelayHistogram::settle_quantile() noexcept {
  const std::uint32_t most = allowed();
  while (tail_ > most) {
    ++quantile_;
    tail_ -= count_at(quantile_);
  }
  while (quantile_ > floor_ && tail_ + count_at(quantile_) <= most) {
    tail_ += count_at(quantile_);
    --quantile_;
  }
}

bool DelayHistogram::is_mostly_beyond(std::int64_t bin) const noexcept {
  std::uint32_t beyond = 0;
  for (std::int64_t above = std::max(bin + 1, floor_); above < floor_ + kBins; ++above)
    beyond += count_at(above);
  return beyond > total_ / 2;
}

std::int64_t DelayHistogram::fall() const noexcept {
  // Less than a packet can't be told from none.
  const std::uint64_t least = std::max(allowed(), weight_ >> 16);
  std::uint64_t beyond = tail_;
  std::int64_t bin = quantile_;
  for (; bin > floor_ && beyond * 1'000 < least * 2'718; --bin)
    beyond += count_at(bin);
  return std::max<std::int64_t>(quantile_ - bin, 1);
}

}  // namespace trunkyard::jitter
