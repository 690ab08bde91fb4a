// Rings between exactly one writer and one reader that live in memory given from outside, so that
// the same code works between threads and, over shared memory, between processes. Also the seqlock
// of a statistics slot. This is the only file of base with atomics.
//
// Nothing is lost: full is an answer ("took fewer").
//
// Memory, all numbers in the host's byte order:
//
//     0  magic u64 | record_bytes u32 | capacity u32       never written after create
//    64  tail  u64: records published so far               written by the producer alone
//   128  head  u64: records consumed so far                written by the consumer alone
//   192  armed u32: the consumer is (about to be) asleep   written by both
//   256  entries: capacity x record_bytes
//
// A record exists once `tail` says so, and `tail` moves after the bytes are in place; a writer
// killed half-way leaves nothing visible. Neither side trusts the other's numbers: a head or tail
// that can't be right (a damaged or hostile region) makes the ring answer `damaged()` and move
// nothing; no index is ever taken from shared memory without being bounded first.
//
// Sleeping: the consumer calls arm(); if that says true it may sleep, otherwise records came in and
// it must look again. The producer calls take_wake() after a push and wakes the consumer (by
// whatever means native/io has) exactly when that says true. Both sides use sequentially consistent
// accesses, so at least one of them sees the other and no wake-up is lost.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/result.h"

namespace trunkyard {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "rings must work between processes");
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

namespace detail {

struct RingHeader {
  std::uint64_t magic;
  std::uint32_t record_bytes;
  std::uint32_t capacity;
  alignas(kCacheLineBytes) std::atomic<std::uint64_t> tail;
  alignas(kCacheLineBytes) std::atomic<std::uint64_t> head;
  alignas(kCacheLineBytes) std::atomic<std::uint32_t> armed;
};
static_assert(sizeof(RingHeader) == 4 * kCacheLineBytes);
static_assert(std::is_standard_layout_v<RingHeader>);
static_assert(alignof(RingHeader) == kCacheLineBytes);

/// "TYring" and the layout's version; a region of another build is refused instead of misread.
inline constexpr std::uint64_t kRingMagic = 0x5459'7269'6e67'0002u;

/// Copies whole 64-bit words that another thread may be reading or writing meanwhile. Each store is
/// a release and each load an acquire, which orders them between the sequence numbers around them
/// without fences (TSan does not model fences); on x86 both are plain moves.
inline void store_words(std::uint8_t* target, const std::uint8_t* source, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, source + at, 8);
    std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(target + at))
        .store(word, std::memory_order_release);
  }
}
inline void load_words(std::uint8_t* target, std::uint8_t* source, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 8) {
    const std::uint64_t word =
        std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(source + at))
            .load(std::memory_order_acquire);
    std::memcpy(target + at, &word, 8);
  }
}

}  // namespace detail

/// A ring's place in memory. Copyable; owns nothing. Made once by `create` (which initialises the
/// memory) or `attach` (which checks it); then one side builds a producer, the other a consumer.
class RingMemory {
 public:
  /// Bytes that `create` needs.
  [[nodiscard]] static constexpr std::size_t bytes_needed(std::uint32_t record_bytes,
                                                          std::uint32_t capacity) noexcept {
    return sizeof(detail::RingHeader) + std::size_t{capacity} * record_bytes;
  }

  /// Initialises a ring. Nobody may be using the memory.
  /// @param memory       64-byte aligned, at least bytes_needed(); outlives every user.
  /// @param record_bytes multiple of 8, 8..kRingRecordBytesMax.
  /// @param capacity     power of two, 2..kRingRecordsMax.
  /// @returns kConfigInvalid for a shape or memory that breaks these rules.
  [[nodiscard]] static Result<RingMemory> create(MutableBytes memory, std::uint32_t record_bytes,
                                                 std::uint32_t capacity) noexcept {
    if (!shape_ok(record_bytes, capacity) || !aligned(memory) ||
        memory.size() < bytes_needed(record_bytes, capacity)) {
      return Error{ErrorCode::kConfigInvalid};
    }
    auto* header = ::new (static_cast<void*>(memory.data())) detail::RingHeader{};
    header->record_bytes = record_bytes;
    header->capacity = capacity;
    std::uint8_t* entries = memory.data() + sizeof(detail::RingHeader);
    std::memset(entries, 0, std::size_t{capacity} * record_bytes);
    // Last, and with release, so that whoever sees the magic sees the rest.
    std::atomic_ref<std::uint64_t>(header->magic)
        .store(detail::kRingMagic, std::memory_order_release);
    return RingMemory(header, entries, record_bytes, capacity);
  }

  /// Joins a ring that another thread or process made.
  /// @returns kRegionInvalid unless magic and shape are right and fit into `memory`.
  [[nodiscard]] static Result<RingMemory> attach(MutableBytes memory) noexcept {
    if (!aligned(memory) || memory.size() < sizeof(detail::RingHeader)) {
      return Error{ErrorCode::kRegionInvalid};
    }
    auto* header = std::launder(reinterpret_cast<detail::RingHeader*>(memory.data()));
    const std::uint64_t magic =
        std::atomic_ref<std::uint64_t>(header->magic).load(std::memory_order_acquire);
    // Copied before they are judged: the memory may change under us, our copies can't.
    const std::uint32_t record_bytes = header->record_bytes;
    const std::uint32_t capacity = header->capacity;
    if (magic != detail::kRingMagic || !shape_ok(record_bytes, capacity) ||
        memory.size() < bytes_needed(record_bytes, capacity)) {
      return Error{ErrorCode::kRegionInvalid};
    }
    return RingMemory(header, memory.data() + sizeof(detail::RingHeader), record_bytes, capacity);
  }

  [[nodiscard]] std::uint32_t record_bytes() const noexcept { return record_bytes_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

 private:
  friend class RingSide;
  friend class SpscProducer;
  friend class SpscConsumer;

  RingMemory(detail::RingHeader* header, std::uint8_t* entries, std::uint32_t record_bytes,
             std::uint32_t capacity) noexcept
      : header_(header), entries_(entries), record_bytes_(record_bytes), capacity_(capacity) {}

  [[nodiscard]] static constexpr bool shape_ok(std::uint32_t record_bytes,
                                               std::uint32_t capacity) noexcept {
    return record_bytes >= 8 && record_bytes % 8 == 0 && record_bytes <= kRingRecordBytesMax &&
           capacity >= 2 && capacity <= kRingRecordsMax && (capacity & (capacity - 1)) == 0;
  }
  [[nodiscard]] static bool aligned(MutableBytes memory) noexcept {
    return reinterpret_cast<std::uintptr_t>(memory.data()) % kCacheLineBytes == 0;
  }
  [[nodiscard]] std::uint8_t* entry(std::uint64_t sequence) const noexcept {
    return entries_ + (sequence & (capacity_ - 1)) * std::size_t{record_bytes_};
  }

  detail::RingHeader* header_;
  std::uint8_t* entries_;
  std::uint32_t record_bytes_;
  std::uint32_t capacity_;
};

/// What both ends share.
class RingSide {
 public:
  [[nodiscard]] std::uint32_t record_bytes() const noexcept { return ring_.record_bytes_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return ring_.capacity_; }
  /// The other side's numbers couldn't be right once; nothing moves any more, whatever they say
  /// since: room announced by one call and refused by the next would break its caller's promises.
  /// Never true between our own well-behaved ends.
  [[nodiscard]] bool damaged() const noexcept { return damaged_; }

 protected:
  explicit RingSide(RingMemory ring) noexcept : ring_(ring) {}

  [[nodiscard]] bool wake_taken() noexcept {
    std::atomic<std::uint32_t>& armed = ring_.header_->armed;
    // Read first: most pushes meet a consumer that is awake and should not dirty its line.
    return armed.load(std::memory_order_seq_cst) != 0 &&
           armed.exchange(0, std::memory_order_seq_cst) != 0;
  }
  [[nodiscard]] bool armed_while_empty(std::uint64_t head) noexcept {
    ring_.header_->armed.store(1, std::memory_order_seq_cst);
    if (ring_.header_->tail.load(std::memory_order_seq_cst) == head) return true;
    ring_.header_->armed.store(0, std::memory_order_relaxed);
    return false;
  }
  void disarmed() noexcept { ring_.header_->armed.store(0, std::memory_order_relaxed); }

  RingMemory ring_;
  bool damaged_ = false;
};

/// The writing end of a ring. One thread at a time.
class SpscProducer : public RingSide {
 public:
  /// Goes on where the last producer of this ring stopped.
  explicit SpscProducer(RingMemory ring) noexcept
      : RingSide(ring),
        tail_(ring_.header_->tail.load(std::memory_order_acquire)),
        head_seen_(tail_ - capacity()) {}

  /// Records that fit now; more may fit a moment later. 0 when damaged.
  [[nodiscard]] std::uint32_t free_count() noexcept {
    if (damaged_) return 0;
    head_seen_ = ring_.header_->head.load(std::memory_order_acquire);
    const std::uint64_t used = tail_ - head_seen_;
    if (used > capacity()) {
      damaged_ = true;
      return 0;
    }
    return capacity() - static_cast<std::uint32_t>(used);
  }

  /// Copies in as many whole records as fit and publishes them together.
  /// @param records packed, a multiple of record_bytes() (CHECKed).
  /// @returns how many records were taken.
  [[nodiscard]] std::uint32_t try_push(Bytes records) noexcept {
    CHECK(records.size() % record_bytes() == 0);
    const std::size_t wanted = records.size() / record_bytes();
    std::uint64_t space = capacity() - (tail_ - head_seen_);
    if (space < wanted) space = free_count();
    if (damaged_) return 0;
    const auto count = static_cast<std::uint32_t>(wanted < space ? wanted : space);
    for (std::uint32_t index = 0; index < count; ++index) {
      std::memcpy(ring_.entry(tail_ + index), records.data() + std::size_t{index} * record_bytes(),
                  record_bytes());
    }
    if (count > 0) {
      tail_ += count;
      ring_.header_->tail.store(tail_, std::memory_order_seq_cst);
    }
    return count;
  }

  /// All of them or none.
  [[nodiscard]] bool try_push_all(Bytes records) noexcept {
    if (records.size() / record_bytes() > free_count()) return false;
    return try_push(records) == records.size() / record_bytes();
  }

  /// One record as a plain struct of exactly record_bytes() (CHECKed); false when full.
  template <typename Record>
    requires std::is_trivially_copyable_v<Record>
  [[nodiscard]] bool try_push_record(const Record& record) noexcept {
    CHECK(sizeof(Record) == record_bytes());
    return try_push(Bytes{reinterpret_cast<const std::uint8_t*>(&record), sizeof(Record)}) == 1;
  }

  /// True exactly when the consumer went to sleep and this side now has to wake it.
  [[nodiscard]] bool take_wake() noexcept { return wake_taken(); }

 private:
  std::uint64_t tail_;
  std::uint64_t head_seen_;
};

/// The reading end of a ring. One thread at a time.
class SpscConsumer : public RingSide {
 public:
  /// Goes on where the last consumer of this ring stopped.
  explicit SpscConsumer(RingMemory ring) noexcept
      : RingSide(ring), head_(ring_.header_->head.load(std::memory_order_acquire)) {}

  /// Records waiting now. 0 when damaged.
  [[nodiscard]] std::uint32_t available() noexcept {
    if (damaged_) return 0;
    const std::uint64_t waiting = ring_.header_->tail.load(std::memory_order_acquire) - head_;
    if (waiting > capacity()) {
      damaged_ = true;
      return 0;
    }
    return static_cast<std::uint32_t>(waiting);
  }

  /// Copies out as many whole records as are waiting and fit.
  /// @returns how many records were written to the front of `into`.
  [[nodiscard]] std::uint32_t try_pop(MutableBytes into) noexcept {
    const std::size_t room = into.size() / record_bytes();
    const std::uint32_t waiting = available();
    const auto count = static_cast<std::uint32_t>(room < waiting ? room : waiting);
    for (std::uint32_t index = 0; index < count; ++index) {
      std::memcpy(into.data() + std::size_t{index} * record_bytes(), ring_.entry(head_ + index),
                  record_bytes());
    }
    if (count > 0) {
      head_ += count;
      ring_.header_->head.store(head_, std::memory_order_release);
    }
    return count;
  }

  /// One record as a plain struct of exactly record_bytes() (CHECKed); false when empty.
  template <typename Record>
    requires std::is_trivially_copyable_v<Record>
  [[nodiscard]] bool try_pop_record(Record& record) noexcept {
    CHECK(sizeof(Record) == record_bytes());
    return try_pop(MutableBytes{reinterpret_cast<std::uint8_t*>(&record), sizeof(Record)}) == 1;
  }

  /// Announces sleep. False when records are waiting after all (and the announcement is withdrawn).
  [[nodiscard]] bool arm() noexcept { return armed_while_empty(head_); }
  /// Withdraws arm() after waking for another reason. A wake already on its way is harmless.
  void disarm() noexcept { disarmed(); }

 private:
  std::uint64_t head_;
};

// A statistics slot is a row of float64: [0] the sequence number, then the values. Odd means "being
// written". Everything is a float64 so that JavaScript reads it through one Float64Array; a counter
// is exact up to 2^53.

namespace detail {

/// A slot's sequence number, or none where no number of ours can be (damaged memory; converting
/// such a float64 to an integer would be undefined).
[[nodiscard]] inline bool sequence_of(double stored, std::uint64_t& sequence) noexcept {
  if (!(stored >= 0.0 && stored < 0x1p53)) return false;
  sequence = static_cast<std::uint64_t>(stored);
  return static_cast<double>(sequence) == stored;
}

}  // namespace detail

/// Publishes a slot's values. One writer at a time; never waits.
/// @param slot   at least values.size() + 1 numbers, 8-byte aligned (CHECKed).
inline void write_stats_slot(std::span<double> slot, std::span<const double> values) noexcept {
  CHECK(slot.size() > values.size());
  std::atomic_ref<double> stored(slot[0]);
  std::uint64_t sequence = 0;
  if (!detail::sequence_of(stored.load(std::memory_order_relaxed), sequence)) sequence = 0;
  // A writer killed half-way left an odd number; step over it, so that ours is odd and new.
  sequence += sequence % 2 == 0 ? 1 : 2;
  stored.store(static_cast<double>(sequence), std::memory_order_relaxed);
  for (std::size_t index = 0; index < values.size(); ++index) {
    std::atomic_ref<double>(slot[index + 1]).store(values[index], std::memory_order_release);
  }
  stored.store(static_cast<double>(sequence + 1), std::memory_order_release);
}

/// Copies a slot's values out, all of one write.
/// @returns false, with `values` unusable, when the slot stayed busy for kStatsReadTriesMax tries
/// (or
///          its writer died half-way).
[[nodiscard]] inline bool read_stats_slot(std::span<double> slot,
                                          std::span<double> values) noexcept {
  CHECK(slot.size() > values.size());
  std::atomic_ref<double> stored(slot[0]);
  for (std::uint32_t tries = 0; tries < kStatsReadTriesMax; ++tries) {
    const double before = stored.load(std::memory_order_acquire);
    for (std::size_t index = 0; index < values.size(); ++index) {
      values[index] = std::atomic_ref<double>(slot[index + 1]).load(std::memory_order_acquire);
    }
    const double after = stored.load(std::memory_order_relaxed);
    std::uint64_t sequence = 0;
    if (!detail::sequence_of(before, sequence)) return false;
    if (before == after && sequence % 2 == 0) return true;
  }
  return false;
}

}  // namespace trunkyard
