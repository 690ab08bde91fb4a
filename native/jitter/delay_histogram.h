// How long packets take, as a histogram that forgets. Delays are absolute (local clock less
// sender's clock), in bins of 1 ms on a ring: a sender whose clock drifts moves round the ring and
// nothing has to be shifted. Every packet weighs a little more than the one before it; once the
// weight has doubled, all counts are halved. That is exponential forgetting at the price of an
// addition.
//
//   floor_                       quantile_
//     |   . : | | : .              |        .
//     +----------------------------+----------------------> 512 bins, then round again
//     fastest packet remembered    tail_ = weight beyond
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace trunkyard::jitter {

/// 512 bins of 16 bits: 1 KB a leg. One thread; nothing allocates.
class DelayHistogram {
 public:
  /// Bins, and so the widest spread of delays in ms that is told apart; what lies higher counts as
  /// the highest bin.
  static constexpr std::int64_t kBins = 512;
  static constexpr std::uint32_t kMemoryMin = 32;
  static constexpr std::uint32_t kMemoryMax = 2'048;

  struct Setup {
    /// Packets after which a packet's weight has fallen to 1/e; kMemoryMin..kMemoryMax (CHECKed).
    std::uint32_t memory_packets = kMemoryMax;
    /// Share of packets allowed beyond quantile(), per million; below 1,000,000 (CHECKed).
    std::uint32_t beyond_ppm = 0;
  };

  explicit DelayHistogram(const Setup& setup) noexcept;

  /// Counts one packet. @param bin its delay in whole ms; any number. O(1) but for every
  /// memory_packets x 0.7th packet and for the first of a new range, which touch all bins.
  void add(std::int64_t bin) noexcept;
  /// Halves what earlier packets weigh against later ones.
  void fade() noexcept { halve(); }
  /// As newly made.
  void clear() noexcept;

  [[nodiscard]] bool empty() const noexcept { return total_ == 0; }
  /// The lowest bin remembered; 0 when empty().
  [[nodiscard]] std::int64_t lowest() const noexcept { return floor_; }
  /// The lowest bin beyond which lies no more than the allowed share; 0 when empty().
  [[nodiscard]] std::int64_t quantile() const noexcept { return quantile_; }
  /// Whether more than half of what is remembered lies beyond a bin. O(kBins).
  [[nodiscard]] bool is_mostly_beyond(std::int64_t bin) const noexcept;
  /// How the share beyond a bin falls towards the quantile: over so many bins to 1/e. At least 1.
  /// O(what it answers).
  [[nodiscard]] std::int64_t fall() const noexcept;

 private:
  [[nodiscard]] std::uint16_t& count_at(std::int64_t bin) noexcept {
    return counts_[static_cast<std::size_t>(bin & (kBins - 1))];
  }
  [[nodiscard]] std::uint32_t count_at(std::int64_t bin) const noexcept {
    return counts_[static_cast<std::size_t>(bin & (kBins - 1))];
  }
  [[nodiscard]] std::uint32_t allowed() const noexcept {
    return static_cast<std::uint32_t>(std::uint64_t{total_} * beyond_ppm_ / 1'000'000);
  }
  void make_room_below(std::int64_t bin) noexcept;
  void raise_floor() noexcept;
  void halve() noexcept;
  void settle_quantile() noexcept;

  std::array<std::uint16_t, kBins> counts_ = {};
  std::int64_t floor_ = 0;
  std::int64_t quantile_ = 0;
  std::uint32_t total_ = 0;
  std::uint32_t tail_ = 0;
  // A packet's weight in 1/65536, between its start and twice that.
  std::uint32_t weight_ = 0;
  std::uint32_t weight_start_ = 0;
  std::uint32_t memory_packets_;
  std::uint32_t beyond_ppm_;
};

}  // namespace trunkyard::jitter
