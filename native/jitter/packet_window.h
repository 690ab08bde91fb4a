// The packets that wait, in the order they were sent. Orders are sequence numbers without the wrap
// and without a sender's restarts: they only grow. The window begins at the next order to be played
// and is a ring, so a packet finds its place without a search; a bit for each place says what is
// there, and a history of bits tells a packet that comes too late from one that comes twice.
//
//      history_ (64 passed)      next()                      next() + capacity
//   ... 1 1 0 1 1 1 1 1 1 1 1 | _ X X _ X _ _ _ _ _ _ _ _ _ |   beyond: overflow
//           missing             ^ head() is the first X
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/time.h"
#include "jitter/media_time.h"

namespace trunkyard::jitter {

/// Packets that one window can hold: more than a second at 20 ms, 640 ms at 10 ms, so that the
/// largest playout delay fits.
inline constexpr std::uint32_t kWindowPacketsMax = 64;

/// Names a payload in memory that belongs to someone else: a slot of a packet pool and the bytes in
/// it. Two blocks of one redundant packet (RFC 2198) name the same slot.
struct PacketRef {
  std::uint32_t slot = 0;
  std::uint16_t offset = 0;
  std::uint16_t bytes = 0;
  constexpr bool operator==(const PacketRef&) const noexcept = default;
};

/// What a packet carries, as its payload type says.
enum class MediaKind : std::uint8_t {
  kAudio,
  /// A description of the silence that follows: comfort noise (RFC 3389), an Opus packet of up to
  /// two bytes. After it, no packets are no loss.
  kComfort,
  /// A telephone-event (RFC 4733). Handled when it arrives; the buffer only notes that its sequence
  /// number is no loss, and that the sender says nothing meanwhile.
  kEvent,
  /// Nothing to be heard, as what keeps an address translation alive (RFC 6263 §4.6). The buffer
  /// notes its number; what is missing before or behind it is missing all the same.
  kFiller,
};
/// Whether the buffer holds its payload; of the other kinds it notes the number alone.
[[nodiscard]] constexpr bool has_sound(MediaKind kind) noexcept {
  return kind == MediaKind::kAudio || kind == MediaKind::kComfort;
}

/// A packet that waits.
struct WaitingPacket {
  std::int64_t order = 0;
  MediaTime timestamp = 0;  ///< without wrap; comparable within one epoch
  Instant arrived_at;
  PacketRef packet;
  std::uint32_t timestamp_wire = 0;
  std::uint16_t length = 0;  ///< media time, up to kPacketLengthMax
  std::uint16_t sequence = 0;
  std::uint8_t payload_type = 0;
  std::uint8_t epoch = 0;  ///< changes where the sender's numbering or clock does
  MediaKind kind = MediaKind::kAudio;
};
static_assert(sizeof(WaitingPacket) <= 48);

/// What the window knows of an order.
enum class Place : std::uint8_t {
  kFree,           ///< not passed, not here
  kBeyond,         ///< further ahead than the window reaches
  kHeld,           ///< waiting
  kPassed,         ///< played or dropped
  kPassedMissing,  ///< its time went by without it
  kForgotten,      ///< passed so long ago that nobody knows, or before the first one
  kEarlier,        ///< before the first one, while nothing has been passed
};

/// Takes 48 bytes a packet, rounded up to a power of two, at construction and in grow_to(). One
/// thread; O(1) throughout.
class PacketWindow {
 public:
  /// @param capacity packets, 1..kWindowPacketsMax (CHECKed).
  explicit PacketWindow(std::uint32_t capacity) : places_(places_for(capacity)) {
    entries_ = std::make_unique<WaitingPacket[]>(places_);
    capacity_ = capacity;
  }

  /// Takes more memory; what waits stays. Never gives any back.
  /// @param capacity as at construction; one below the present one changes nothing.
  void grow_to(std::uint32_t capacity) {
    const std::uint32_t places = places_for(capacity);
    if (places > places_) {
      auto entries = std::make_unique<WaitingPacket[]>(places);
      for (std::int64_t order = next_; order < next_ + capacity_; ++order) {
        if ((held_ & bit_of(order)) != 0)
          entries[static_cast<std::size_t>(order) & (places - 1)] = entries_[index_of(order)];
      }
      entries_ = std::move(entries);
      places_ = places;
    }
    capacity_ = std::max(capacity_, capacity);
  }

  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(std::popcount(held_));
  }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  /// The order that the window begins with.
  [[nodiscard]] std::int64_t next() const noexcept { return next_; }

  [[nodiscard]] Place place_of(std::int64_t order) const noexcept {
    if (order >= next_ + capacity_) return Place::kBeyond;
    if (order >= next_) return (held_ & bit_of(order)) != 0 ? Place::kHeld : Place::kFree;
    if (!begun_) return Place::kEarlier;
    if (order < begin_) return Place::kForgotten;
    const std::int64_t back = next_ - 1 - order;
    if (back >= kHistory) return Place::kForgotten;
    return (history_ >> back & 1) != 0 ? Place::kPassed : Place::kPassedMissing;
  }

  /// Puts a packet into its place, which must be free (CHECKed).
  void store(const WaitingPacket& packet) noexcept {
    CHECK(place_of(packet.order) == Place::kFree);
    entries_[index_of(packet.order)] = packet;
    held_ |= bit_of(packet.order);
  }

  /// The waiting packet that was sent first; null when none waits. Valid until the next call.
  [[nodiscard]] const WaitingPacket* head() const noexcept {
    if (held_ == 0) return nullptr;
    const std::uint64_t turned = std::rotr(held_, static_cast<int>(next_ & (kBits - 1)));
    return &entries_[index_of(next_ + std::countr_zero(turned))];
  }

  /// Takes the head out and passes it. CHECKs that it stands at next().
  WaitingPacket pop() noexcept {
    CHECK((held_ & bit_of(next_)) != 0);
    const WaitingPacket packet = entries_[index_of(next_)];
    held_ &= ~bit_of(next_);
    history_ = history_ << 1 | 1;
    ++next_;
    begun_ = true;
    return packet;
  }

  /// Lets the window begin later. What it skips is missing; nothing that waits may be skipped
  /// (CHECKed). @returns how many were skipped; 0 if `order` isn't ahead.
  std::uint64_t pass_to(std::int64_t order) noexcept {
    if (order <= next_) return 0;
    const WaitingPacket* first = head();
    CHECK(first == nullptr || first->order >= order);
    const std::int64_t skipped = order - next_;
    history_ = skipped >= kHistory ? 0 : history_ << skipped;
    next_ = order;
    begun_ = true;
    return static_cast<std::uint64_t>(skipped);
  }

  /// Notes that a missing one came after all. @param order of Place::kPassedMissing.
  void note_late(std::int64_t order) noexcept {
    CHECK(place_of(order) == Place::kPassedMissing);
    history_ |= std::uint64_t{1} << (next_ - 1 - order);
  }

  /// Where a stream begins. CHECKs that nothing waits and nothing has been passed.
  void begin_at(std::int64_t order) noexcept {
    CHECK(held_ == 0);
    CHECK(!begun_);
    begin_ = next_ = order;
  }
  /// Lets the window begin at an order of Place::kEarlier after all (CHECKed), which then is free.
  /// @param highest the highest that waits.
  /// @returns false, and nothing changed, when that one would then be beyond the window.
  [[nodiscard]] bool begin_earlier_at(std::int64_t order, std::int64_t highest) noexcept {
    CHECK(place_of(order) == Place::kEarlier);
    if (highest - order >= capacity_) return false;
    begin_ = next_ = order;
    return true;
  }

 private:
  static constexpr std::int64_t kBits = kWindowPacketsMax;
  static constexpr std::int64_t kHistory = 64;

  [[nodiscard]] static std::uint32_t places_for(std::uint32_t capacity) noexcept {
    CHECK(capacity >= 1);
    CHECK(capacity <= kWindowPacketsMax);
    return std::bit_ceil(capacity);
  }
  [[nodiscard]] std::size_t index_of(std::int64_t order) const noexcept {
    return static_cast<std::size_t>(order) & (places_ - 1);
  }
  /// One for each order of the largest window, whatever the size of this one: orders that wait lie
  /// less than a window apart.
  [[nodiscard]] static constexpr std::uint64_t bit_of(std::int64_t order) noexcept {
    return std::uint64_t{1} << (order & (kBits - 1));
  }

  std::unique_ptr<WaitingPacket[]> entries_;
  std::uint64_t held_ = 0;
  std::uint64_t history_ = 0;
  std::int64_t begin_ = 0;  // where it all began
  std::int64_t next_ = 0;
  std::uint32_t places_;  // entries, a power of two
  std::uint32_t capacity_ = 0;
  bool begun_ = false;
};
static_assert(std::has_single_bit(kWindowPacketsMax));
static_assert(kWindowPacketsMax == 64, "a bit each in one word");

}  // namespace trunkyard::jitter
