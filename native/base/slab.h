// Slab<T>: a fixed number of slots named by handles that go stale. All memory is taken by the
// constructor. A handle carries the slot's generation, so one kept after release finds nothing
// instead of the next call's endpoint. Slots are reused oldest first (FIFO), which puts the
// greatest possible number of other uses between two lives of a handle.
//
//   handle  31      26 25            14 13             0
//          +----------+----------------+----------------+
//          |  thread  |   generation   |      slot      |
//          +----------+----------------+----------------+
//
// One thread owns a slab. Generations run 1..4095 and wrap past 0, so an all-zero handle is never
// valid; with FIFO reuse a stale handle can match again only after 4,095 lives of its slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace trunkyard {

/// What crosses the waist: an unsigned 32-bit number. `kNone` (0) names nothing.
struct Handle {
  std::uint32_t bits = 0;

  /// CHECKs that each part is in range.
  [[nodiscard]] static constexpr Handle pack(std::uint32_t thread, std::uint32_t generation,
                                             std::uint32_t slot) noexcept {
    CHECK(thread < kMediaThreadsMax);
    CHECK(generation <= kHandleGenerationMax);
    CHECK(slot < kSlotsPerThreadMax);
    return Handle{thread << (kHandleGenerationBits + kHandleSlotBits) |
                  generation << kHandleSlotBits | slot};
  }
  [[nodiscard]] constexpr std::uint32_t thread() const noexcept {
    return bits >> (kHandleGenerationBits + kHandleSlotBits);
  }
  [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
    return bits >> kHandleSlotBits & kHandleGenerationMax;
  }
  [[nodiscard]] constexpr std::uint32_t slot() const noexcept {
    return bits & (kSlotsPerThreadMax - 1);
  }
  [[nodiscard]] constexpr bool none() const noexcept { return bits == 0; }
  constexpr bool operator==(const Handle&) const noexcept = default;
};
static_assert(sizeof(Handle) == 4);
inline constexpr Handle kHandleNone{};

/// @tparam T constructed in its slot by `emplace`, destroyed by `release` or with the slab. Never
///         moved, so pointers to it hold until then.
template <typename T>
class Slab {
 public:
  /// @param thread   0..kMediaThreadsMax-1, becomes part of every handle.
  /// @param capacity 1..kSlotsPerThreadMax.
  Slab(std::uint32_t thread, std::uint32_t capacity)
      : slots_(std::make_unique<Slot[]>(capacity)), thread_(thread), capacity_(capacity) {
    CHECK(thread < kMediaThreadsMax);
    CHECK(capacity > 0);
    CHECK(capacity <= kSlotsPerThreadMax);
    for (std::uint32_t slot = 0; slot < capacity; ++slot) {
      slots_[slot].next_free = slot + 1 < capacity ? slot + 1 : kNoSlot;
    }
    free_first_ = 0;
    free_last_ = capacity - 1;
  }
  ~Slab() {
    for (std::uint32_t slot = 0; slot < capacity_; ++slot) {
      if (slots_[slot].live) value(slot).~T();
    }
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }

  /// Constructs a T in the slot that has been free the longest; kHandleNone when full.
  template <typename... Args>
  [[nodiscard]] Handle emplace(Args&&... args) {
    if (free_first_ == kNoSlot) return kHandleNone;
    const std::uint32_t slot = free_first_;
    Slot& entry = slots_[slot];
    ::new (static_cast<void*>(entry.storage)) T(std::forward<Args>(args)...);
    free_first_ = entry.next_free;
    if (free_first_ == kNoSlot) free_last_ = kNoSlot;
    entry.next_free = kNoSlot;
    entry.live = true;
    ++size_;
    return handle_of(slot);
  }

  /// The T of a live handle; null when it is stale, of another thread or no handle at all.
  [[nodiscard]] T* find(Handle handle) noexcept {
    const std::uint32_t slot = handle.slot();
    if (handle.thread() != thread_ || slot >= capacity_) return nullptr;
    const Slot& entry = slots_[slot];
    if (!entry.live || entry.generation != handle.generation()) return nullptr;
    return &value(slot);
  }

  /// Destroys the T and makes every copy of its handle stale; false when it was stale already.
  bool release(Handle handle) noexcept {
    T* found = find(handle);
    if (found == nullptr) return false;
    found->~T();
    const std::uint32_t slot = handle.slot();
    Slot& entry = slots_[slot];
    entry.live = false;
    entry.generation = entry.generation == kHandleGenerationMax
                           ? std::uint16_t{1}
                           : static_cast<std::uint16_t>(entry.generation + 1);
    entry.next_free = kNoSlot;
    if (free_last_ == kNoSlot) {
      free_first_ = slot;
    } else {
      slots_[free_last_].next_free = slot;
    }
    free_last_ = slot;
    --size_;
    return true;
  }

  /// For sweeps over all slots: the T of slot 0..capacity-1, or null when the slot is free.
  [[nodiscard]] T* at_slot(std::uint32_t slot) noexcept {
    CHECK(slot < capacity_);
    return slots_[slot].live ? &value(slot) : nullptr;
  }
  /// Asks the processor for the first bytes of a slot, live or not, that will be wanted soon. Does
  /// nothing for a slot that doesn't exist.
  /// @param bytes at most the size of T.
  void prefetch(std::uint32_t slot, std::size_t bytes) const noexcept {
    if (slot >= capacity_) return;
    const auto* at = reinterpret_cast<const unsigned char*>(&slots_[slot]);
    for (std::size_t line = 0; line < bytes; line += kCacheLineBytes)
      __builtin_prefetch(at + line);
  }
  /// The handle a slot has now (or will have when it is next taken).
  [[nodiscard]] Handle handle_of(std::uint32_t slot) const noexcept {
    CHECK(slot < capacity_);
    return Handle::pack(thread_, slots_[slot].generation, slot);
  }

 private:
  static constexpr std::uint32_t kNoSlot = 0xffff'ffff;
  // The book-keeping shares its cache line with the first bytes of T: whoever looks a handle up
  // wants the T next.
  static_assert(kHandleGenerationMax <= 0xffff);
  struct alignas(kCacheLineBytes) Slot {
    std::uint32_t next_free = kNoSlot;
    std::uint16_t generation = 1;
    bool live = false;
    alignas(T) unsigned char storage[sizeof(T)];
  };

  [[nodiscard]] T& value(std::uint32_t slot) noexcept {
    return *std::launder(reinterpret_cast<T*>(slots_[slot].storage));
  }

  std::unique_ptr<Slot[]> slots_;
  std::uint32_t thread_;
  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  std::uint32_t free_first_ = kNoSlot;
  std::uint32_t free_last_ = kNoSlot;
};

}  // namespace trunkyard
