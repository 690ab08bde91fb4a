// PortPool: one media thread's share of a port range, handed out in even/odd pairs (RFC 3550 §11).
// A pair that comes back rests, and the one that has rested longest goes out first, so that a late
// packet of the last call finds a closed port instead of the next call.
#pragma once

#include <cstdint>
#include <optional>

#include "base/prng.h"
#include "base/ring.h"
#include "base/time.h"

namespace trunkyard::io {

struct PortRange {
  std::uint16_t min;
  std::uint16_t max;  ///< inclusive
};

/// Which pairs are this thread's: every `count`-th, starting with number `index`. Threads share a
/// range that way without ever asking each other.
struct PortShare {
  std::uint32_t index;
  std::uint32_t count;
};

/// Pairs in the whole range; 0 when it holds none.
[[nodiscard]] std::uint32_t port_pairs(PortRange range) noexcept;

class PortPool {
 public:
  /// @param range port_pairs(range) must be at least share.count (CHECKed).
  /// @param rest  how long a pair stays unused after give_back.
  /// @param prng  shuffles the first order, so that the next port is not a neighbour's guess.
  PortPool(PortRange range, PortShare share, Duration rest, Prng& prng);

  /// The even port of a pair, or nothing when none has rested enough.
  [[nodiscard]] std::optional<std::uint16_t> take(Instant now) noexcept;
  /// Must have come from take(). Starts the rest.
  void give_back(std::uint16_t even_port, Instant now) noexcept;

  [[nodiscard]] std::uint32_t pairs() const noexcept { return pairs_; }
  [[nodiscard]] std::uint32_t pairs_in_use() const noexcept { return pairs_ - waiting_.size(); }
  [[nodiscard]] std::uint32_t pairs_resting(Instant now) noexcept;

 private:
  struct Entry {
    Instant rested_at;
    std::uint16_t even_port;
  };
  /// Release times only grow along the ring, so one mark divides rested from resting.
  void advance(Instant now) noexcept;

  Duration rest_;
  std::uint32_t pairs_;
  std::uint32_t rested_ = 0;
  Ring<Entry> waiting_;
};

}  // namespace trunkyard::io
