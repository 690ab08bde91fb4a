// How much later than the fastest packet audio should be played. From the delay of each packet it
// keeps a histogram that forgets (delay_histogram.h) and the jitter of RFC 3550 §6.4.1, and names
// the offset that all but a chosen share of packets stay within, inside the bounds of a size.
//
// Delays are offsets: local clock less the sender's timestamp, both as media time. Only differences
// of them mean anything, since the two clocks start anywhere; a sender whose clock drifts moves
// them, and the target with them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "jitter/delay_histogram.h"
#include "jitter/media_time.h"

namespace trunkyard::jitter {

/// What an operator or a call asks for (`jitterBufferSize`).
enum class BufferSize : std::uint8_t { kOff, kSmall, kMedium, kLarge };

struct DelayPolicy {
  /// Least and most that the fastest packets wait. 0 <= min <= max <= kDelayMax (CHECKed).
  Duration delay_min;
  Duration delay_max;
  /// Packets of a million that may come too late; below 1,000,000 (CHECKed).
  std::uint32_t late_ppm = 0;
  /// Packets after which one counts 1/e; kMemoryMin..kMemoryMax of DelayHistogram (CHECKed).
  std::uint32_t memory_packets = DelayHistogram::kMemoryMax;
};
/// The histogram tells no more apart; the rest up to 512 ms is for the delays it must still see.
inline constexpr Duration kDelayMax = Duration::milliseconds(480);

/// The four sizes. Off plays at once what is there and waits for nobody: for legs that lead to
/// another packet network, whose receiver has a buffer of its own. The others differ in how much
/// lateness they tolerate rather than in a fixed length: on a good network all three come down to
/// their least.
[[nodiscard]] constexpr DelayPolicy delay_policy(BufferSize size) noexcept {
  switch (size) {
    case BufferSize::kOff:
      return {Duration::zero(), Duration::zero(), 50'000, 128};
    case BufferSize::kSmall:
      return {Duration::milliseconds(10), Duration::milliseconds(100), 30'000, 384};
    case BufferSize::kMedium:
      return {Duration::milliseconds(20), Duration::milliseconds(200), 10'000, 1'024};
    case BufferSize::kLarge:
      return {Duration::milliseconds(40), Duration::milliseconds(400), 2'000, 2'048};
  }
  return {};
}

/// One stream's. 1.1 KB; one thread; nothing allocates.
class PlayoutDelay {
 public:
  explicit PlayoutDelay(const DelayPolicy& policy) noexcept;

  /// Takes note of a packet, a late one too. @param offset local clock at arrival less timestamp.
  void add(MediaTime offset) noexcept;
  /// Takes note of a redundant copy of a packet that is missing: audio is worth waiting for in
  /// whichever packet it comes, but what came late on purpose says nothing about the path or its
  /// jitter. @param offset local clock at its arrival less the missing one's timestamp.
  void add_copy(MediaTime offset) noexcept;
  /// Forgets the offsets, which mean nothing to another clock, and keeps the jitter.
  void restart() noexcept;
  /// Another size in the middle of a stream. Its bounds hold at once; of what was learnt, the
  /// fastest packet and the jitter are kept. @param policy as at construction.
  void set_policy(const DelayPolicy& policy) noexcept;

  /// Whether anything is known.
  [[nodiscard]] bool known() const noexcept { return !histogram_.empty(); }
  /// Offset of the fastest packet of the last few seconds. 0 until known().
  [[nodiscard]] MediaTime fastest() const noexcept { return fastest_ + shift(); }
  /// The offset to play at: between fastest() + delay_min and fastest() + delay_max. 0 until
  /// known().
  [[nodiscard]] MediaTime target() const noexcept { return target_ + shift(); }
  /// The soonest offset to play at for whoever plays by ticks: the target lies between two of them,
  /// and the one before it is as good as the one after when what it loses more is worth less than
  /// the wait. Steep tails are waited for, flat ones rounded to the nearest tick. Within half a
  /// tick of target(). 0 until known(). @param tick above 0.
  [[nodiscard]] MediaTime soonest(MediaTime tick) noexcept;
  /// Whether the target can be trusted to stay about where it is: known for five seconds, and not
  /// led by a drift that only a broken clock has.
  [[nodiscard]] bool is_steady() const noexcept {
    return packets_ >= kSteadyPackets && drift_scaled_ <= kSteadyDrift &&
           drift_scaled_ >= -kSteadyDrift;
  }
  /// What no playout offset should pass: fastest() + delay_max.
  [[nodiscard]] MediaTime limit() const noexcept { return fastest() + delay_max_; }
  /// Mean deviation of the differences of successive offsets (RFC 3550 A.8).
  [[nodiscard]] MediaTime jitter() const noexcept { return jitter_scaled_ >> kJitterShift; }

 private:
  static constexpr int kJitterShift = 4;
  static constexpr int kDriftShift = 10;
  // A young histogram has seen too little to know its tail; until then the jitter stands in for it.
  static constexpr std::uint32_t kYoungPackets = 50;
  static constexpr std::uint32_t kSteadyPackets = 250;
  static constexpr std::int64_t kYoungJitters = 3;
  // 0.5 % of 20 ms a packet: what a wandering network looks like for a while stays below.
  static constexpr std::int64_t kSteadyDrift = 20 * kMediaPerMs * (1 << kDriftShift) / 200;
  // Blocks of 50 packets: the fastest of so many is close to the path's least.
  static constexpr std::uint32_t kBlockPackets = 50;
  static constexpr std::size_t kBlocks = 4;
  // Packets beyond reach without a new fastest among them, after which the path is another one.
  static constexpr std::uint32_t kStepPackets = 10;

  [[nodiscard]] MediaTime shift() const noexcept { return shift_scaled_ >> kDriftShift; }
  void add_to_histogram(MediaTime relative) noexcept;
  void add_to_block(MediaTime relative) noexcept;
  void end_block() noexcept;
  void follow_drift(MediaTime residue) noexcept;
  void forget_longer_path() noexcept;
  void forget_sooner() noexcept;
  [[nodiscard]] bool is_step(MediaTime relative, MediaTime change) noexcept;
  void forget_path() noexcept;
  void aim() noexcept;

  // All offsets from here on are relative to shift().
  DelayHistogram histogram_;
  MediaTime delay_min_ = 0;
  MediaTime delay_max_ = 0;
  MediaTime fastest_ = 0;
  MediaTime wanted_ = 0;  // by the histogram alone
  MediaTime target_ = 0;
  // How steep the histogram's tail is: over so much to 1/e; 0 until known. And how much sooner than
  // wanted a tick of early_tick_ may be for that.
  MediaTime fall_ = 0;
  MediaTime early_tick_ = 0;
  MediaTime early_ = 0;
  std::array<MediaTime, kBlocks> block_fastest_ = {};
  MediaTime block_slowest_ = 0;
  MediaTime block_slowest_last_ = 0;
  std::uint32_t blocks_ = 0;         // counted up to kBlocks
  std::uint32_t block_packets_ = 0;  // in the one that is open, block_fastest_[0]
  MediaTime residue_last_ = 0;
  // Packets in a row that came beyond reach: the fastest of them, and how many have come since.
  MediaTime beyond_fastest_ = 0;
  std::uint32_t beyond_packets_ = 0;
  bool is_beyond_ = false;
  // The drift measured, per packet and summed up, times 1024.
  std::int64_t drift_scaled_ = 0;
  std::int64_t shift_scaled_ = 0;

  MediaTime offset_last_ = 0;
  std::int64_t jitter_scaled_ = 0;
  std::uint32_t packets_ = 0;
  // Packets in a row that stayed within the quantile, and how many of them are too many for chance.
  std::uint32_t within_run_ = 0;
  std::uint32_t within_run_max_ = 0;
};

}  // namespace trunkyard::jitter
