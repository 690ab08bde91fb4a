#include "io/port_pool.h"

#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"

namespace trunkyard::io {

namespace {

std::uint32_t first_even(PortRange range) noexcept {
  return (std::uint32_t{range.min} + 1) & ~1u;
}

std::uint32_t share_of(PortRange range, PortShare share) noexcept {
  const std::uint32_t pairs = port_pairs(range);
  CHECK(share.count > 0);
  CHECK(share.index < share.count);
  CHECK(pairs >= share.count);
  return (pairs - share.index + share.count - 1) / share.count;
}

}  // namespace

std::uint32_t port_pairs(PortRange range) noexcept {
  const std::uint32_t first = first_even(range);
  return range.min == 0 || range.max < first ? 0 : (range.max + 1 - first) / 2;
}

PortPool::PortPool(PortRange range, PortShare share, Duration rest, Prng& prng)
    : rest_(rest), pairs_(share_of(range, share)), rested_(pairs_), waiting_(pairs_) {
  std::vector<std::uint16_t> order;
  order.reserve(pairs_);
  for (std::uint32_t pair = share.index; order.size() < pairs_; pair += share.count) {
    order.push_back(static_cast<std::uint16_t>(first_even(range) + 2 * pair));
  }
  for (std::uint32_t left = pairs_; left > 1; --left) {
    std::swap(order[left - 1], order[prng.below(left)]);
  }
  const Instant always = Instant::from_ns(std::numeric_limits<std::int64_t>::min());
  for (const std::uint16_t port : order)
    CHECK(waiting_.push_back(Entry{always, port}));
}

void PortPool::advance(Instant now) noexcept {
  while (rested_ < waiting_.size() && waiting_[rested_].rested_at <= now)
    ++rested_;
}

std::optional<std::uint16_t> PortPool::take(Instant now) noexcept {
  advance(now);
  if (rested_ == 0) return std::nullopt;
  const std::uint16_t port = waiting_.front().even_port;
  waiting_.pop_front();
  --rested_;
  return port;
}

void PortPool::give_back(std::uint16_t even_port, Instant now) noexcept {
  CHECK(waiting_.push_back(Entry{now + rest_, even_port}));
}

std::uint32_t PortPool::pairs_resting(Instant now) noexcept {
  advance(now);
  return waiting_.size() - rested_;
}

}  // namespace trunkyard::io
