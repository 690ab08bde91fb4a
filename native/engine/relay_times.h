// RelayTimes: how long packets take through this thread, from their coming in to their going out,
// as a histogram (SPEC A28). Samples, since two readings of the clock cost what a hundredth of a
// packet does: one packet in one of sixteen rounds of the thread.
//
//   asked ── poll ── woken ── receive ── handle ── sent
//   |                  |                            |
//   |                  from here, if the poll slept: what woke it has just come
//   from the asking of the round before, if it didn't: it may have come right after that,
//   while the thread was busy. So the figure is the longest it can have been.
//
// Where packets wait for nobody it says what the thread takes for them; where they have to wait, it
// grows by that. What the kernel takes before and after is not in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "engine/contract.gen.h"

namespace trunkyard::engine {

/// Of one media thread. Told the time; fixed memory; O(buckets) a sample, next to nothing
/// otherwise.
class RelayTimes {
 public:
  /// Counts of the buckets, the last one for all beyond the last bound; then the sum in µs.
  static constexpr std::size_t kValueCount = contract::kRelayTimeValueCount;
  /// Rounds of which one is sampled.
  static constexpr std::uint32_t kRoundsPerSample = 16;
  /// A poll that took longer has slept.
  static constexpr Duration kSleptMin = Duration::nanoseconds(20'000);

  /// Before each poll.
  void handle_asked(Instant now) noexcept {
    asked_before_ = asked_;
    asked_ = now;
  }

  /// After each poll that found something. @returns whether this round is sampled; then
  /// handle_woken() has to be called at once.
  [[nodiscard]] bool begin_round() noexcept {
    timed_ = ++rounds_ % kRoundsPerSample == 0;
    return timed_;
  }
  /// @param found how much the poll found, above 0: the packet to be timed is one of so many.
  void handle_woken(Instant now, std::size_t found) noexcept {
    came_ = now - asked_ > kSleptMin ? now : asked_before_;
    // Every place has its turn, whatever the rhythm of the senders.
    place_ = rounds_ / kRoundsPerSample * kStride % found;
  }

  /// Whether the packet about to be handled is the one. @param place in this round, from 0.
  [[nodiscard]] bool is_timed(std::size_t place) const noexcept {
    return timed_ && place == place_;
  }
  /// That packet has been sent on.
  void handle_sent(Instant now) noexcept;

  [[nodiscard]] std::span<const std::uint64_t, kValueCount> values() const noexcept {
    return values_;
  }

 private:
  /// Odd and large, so that products fall on all places.
  static constexpr std::uint64_t kStride = 0x9e37'79b1;

  Instant asked_;
  Instant asked_before_;
  Instant came_;  ///< the sampled packet, at the earliest
  std::uint64_t place_ = 0;
  std::uint32_t rounds_ = 0;
  bool timed_ = false;
  std::array<std::uint64_t, kValueCount> values_ = {};
};

}  // namespace trunkyard::engine
