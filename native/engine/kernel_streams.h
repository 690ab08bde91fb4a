// KernelStreams: which of a media thread's legs have their streams forwarded inside the kernel
// (native/kernel), and the books of those that have. A leg that is plainly forwarded, and has been
// left in peace for a while, is given to the kernel; whatever happens to it brings it back first.
//
//   by the socket --(calm, plain, queue empty: offer)--> in the kernel --(settle: books go on)--+
//    ^                                                        |  ^                              |
//    |<-- release: an order about either leg, or its end -----|  +------------------------------+
//    |<-- on_stray: a packet of the stream met the socket ----|
//    +<-- settle: it brings too much; tick: its route changed +
//
// So nobody else has to know where a leg's packets go: before anything about a leg changes, its
// books are complete and its packets come to the socket again. Both streams that touch a leg count,
// the one that it receives and the one that it is sent. A leg is sent at most one by the kernel.
//
// A packet costs nothing here, unless it takes its stream back. All memory is taken by the
// constructor. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/address.h"
#include "base/slab.h"
#include "base/time.h"
#include "engine/contract.gen.h"
#include "engine/kernel_path.h"
#include "engine/leg.h"

namespace trunkyard::engine {

/// How long nothing may have happened to a leg before its stream goes to the kernel.
inline constexpr Duration kCalm = Duration::seconds(1);
/// A stream that comes back before it was worth it waits twice as long the next time, up to this:
/// one whose every packet has a header extension must not go to and fro for ever.
inline constexpr Duration kCalmMax = Duration::seconds(32);
/// Packets that make it worth it.
inline constexpr std::uint64_t kWorthPackets = 25;
/// Streams whose ways are looked at in one tick when routes have changed: some ten milliseconds of
/// questions would be too long for the packets of others.
inline constexpr std::uint32_t kWaysPerTickMax = 512;

class KernelStreams {
 public:
  using Counters = std::array<std::uint64_t, contract::kNodeCounterCount>;
  struct Setup {
    /// Null = off: nothing is ever given to the kernel. Outlives this object.
    KernelPath* path = nullptr;
    std::uint32_t thread = 0;
    /// Of the node; a leg names one by its index.
    std::vector<SocketAddress> addresses;
  };
  /// @param legs, counters of the thread; they outlive this object.
  KernelStreams(Setup setup, Slab<Leg>& legs, Counters& counters);

  /// Whether offer() would give the leg's stream to the kernel.
  /// @param slot of an open leg, here and below.
  [[nodiscard]] bool wants(Instant now, std::uint32_t slot) noexcept;
  /// Gives the leg's stream to the kernel, if that is still wanted. The socket's queue has just
  /// been seen empty: what is in it would come after packets that the kernel forwards from now on.
  /// It would take the stream back, so nothing but time is lost when a packet slips in.
  void offer(Instant now, std::uint32_t slot) noexcept;

  /// Something is about to be done to the leg, or it closes: its streams, to and from, are the
  /// sockets' again and all books are complete. Does nothing for a stale handle.
  void release(Instant now, Handle handle) noexcept;
  /// A packet of the leg's stream has met the socket although the kernel has the stream
  /// (Channel::bypassed): it is something that the kernel leaves to us. Before it is looked at.
  void on_stray(Instant now, std::uint32_t slot) noexcept;
  /// Brings the books of the leg up to this moment. Before they are reported, once a second or
  /// more. A stream that has used up its socket's share of packets is taken back, because only the
  /// socket can make it keep to that.
  void settle(Instant now, std::uint32_t slot) noexcept;
  /// Follows changes of routes. Every tick.
  void tick(Instant now) noexcept;

 private:
  static constexpr std::uint32_t kNobody = kSlotsPerThreadMax;
  /// Of a leg, by its slot.
  struct Entry {
    /// Its stream in the kernel; none = it comes to the socket.
    Handle stream;
    /// The leg that the stream goes to.
    Handle to;
    std::uint32_t clock_rate_hz = 0;
    /// Whose stream comes to this leg by the kernel.
    std::uint32_t fed_by = kNobody;
    Duration calm = kCalm;
    Instant not_before;
    /// What the books had been told when they were last settled, and when that was.
    rtp::StreamCount counted;
    Instant settled_at;
  };

  [[nodiscard]] bool in_kernel(std::uint32_t slot) const noexcept {
    return !entries_[slot].stream.none();
  }
  [[nodiscard]] SocketAddress local_of(const Leg& leg) const noexcept;
  /// The leg that the stream of this one may be sent to; null = none.
  [[nodiscard]] Leg* target_of(Leg& leg) noexcept;
  void settle_stream(Instant now, std::uint32_t slot) noexcept;
  /// Nothing happens when it isn't there. @returns the packets that the kernel has forwarded.
  std::uint64_t take_back(Instant now, std::uint32_t slot) noexcept;
  void take_back_calmly(Instant now, std::uint32_t slot) noexcept;
  void take_back_for_longer(Instant now, std::uint32_t slot) noexcept;
  void merge(Instant now, std::uint32_t slot, const kernel::StreamBooks& books) noexcept;
  [[nodiscard]] std::uint64_t& counter(contract::NodeCounter counter) noexcept {
    return counters_[static_cast<std::size_t>(counter)];
  }

  KernelPath* path_;
  const bool watches_routes_;
  const std::vector<SocketAddress> addresses_;
  Slab<Leg>& legs_;
  Counters& counters_;
  kernel::Lane* lane_ = nullptr;
  /// Empty while off.
  std::vector<Entry> entries_;
  std::uint32_t routes_version_ = 0;
  /// How far the last change of routes has been followed.
  std::uint32_t ways_slot_ = 0;
};

}  // namespace trunkyard::engine
