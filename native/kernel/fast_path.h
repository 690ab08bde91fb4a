// FastPath: plain forwarding of established RTP streams inside the kernel. A stream that was added
// is recognised by its four addresses on the way in, rewritten, and sent on without ever meeting a
// socket (forward_program.h); what the program doesn't recognise goes to the sockets as always. So
// adding and removing a stream moves no socket and loses no packet: at any moment a packet meets
// either the one or the other.
//
// What it passes by, as any forwarding below the sockets does: netfilter's input and output hooks.
//
// Memory is taken by open(); adding, removing and reading take none. Everything ends with the
// object, or with the process, however that ends.
//
// Threads: FastPath belongs to one thread; each media thread has a lane of its own, and lanes know
// nothing of each other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/slab.h"
#include "io/file.h"
#include "kernel/bpf.h"
#include "kernel/route.h"
#include "kernel/stream_slot.h"

namespace trunkyard::kernel {

/// Interfaces whose way in is served.
inline constexpr std::size_t kInterfacesMax = 16;

struct FastPathConfig {
  /// Names of the interfaces on which streams may come in: Ethernet or loopback, 1..kInterfacesMax.
  std::span<const char* const> interfaces;
  /// One for each media thread, 1..kMediaThreadsMax.
  std::uint32_t lanes = 1;
  /// One-way streams that a lane holds, 1..kSlotsPerThreadMax.
  std::uint32_t streams_per_lane = 0;
};

/// A one-way stream, and what becomes of it. Addresses are IPv4.
struct Stream {
  /// The party that sends, and the address of ours that it sends to.
  SocketAddress from;
  SocketAddress at;
  /// The address of ours that the packets go out by, and the party that gets them.
  SocketAddress by;
  SocketAddress to;
  /// At most kTypesForwardedMax that aren't kLeftToSocket.
  PayloadTypes payload_types;
  /// The one clock rate of all payload types that are carried; 0 = not known.
  std::uint32_t clock_rate_hz = 0;
  /// DSCP and ECN, as in the IP header.
  std::uint8_t traffic_class = 0;
  /// What is known of the stream: SSRC, greatest number, jitter so far. Its counts are not used:
  /// they begin at 0.
  StreamBooks books;
};

/// One media thread's part.
class Lane {
 public:
  /// From now on the kernel forwards the stream. The socket that has had it stays open: it gets
  /// what the program leaves to it, and what is still queued.
  /// @returns the stream's handle; kEndpointsFull, kAddressInvalid when the far party can't be
  ///          reached or isn't IPv4, kOrderInvalid for payload types that can't be, or more than
  ///          kTypesForwardedMax, or when a stream with these addresses is there already,
  ///          kSystemCallFailed (see obstacle()).
  [[nodiscard]] Result<Handle> add(const Stream& stream) noexcept;

  /// Hands the stream back to its socket. When this returns, the kernel forwards none of its
  /// packets any more, and the books hold exactly those that it has forwarded (less one, should the
  /// host stop the CPU that is at it for milliseconds: then this doesn't wait for it).
  /// @returns kHandleStale when there is no such stream.
  [[nodiscard]] Result<StreamBooks> remove(Handle handle) noexcept;

  /// The books of a stream that goes on, as of one moment. No system call.
  /// @returns kHandleStale; kBufferFull when packets came so thick that no moment was found: ask
  ///          again.
  [[nodiscard]] Result<StreamBooks> read(Handle handle) noexcept;

  /// Whether the way out that a stream was given is still the one there is. A question to the
  /// kernel's routes; false also for a stale handle.
  [[nodiscard]] bool way_holds(Handle handle) noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return keys_.size(); }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return keys_.capacity(); }
  /// About the last call that returned kSystemCallFailed.
  [[nodiscard]] const Obstacle& obstacle() const noexcept { return obstacle_; }

 private:
  friend class FastPath;
  Lane(std::uint32_t number, std::span<StreamSlot> slots, std::uint32_t first_slot, int map,
       RouteTable routes) noexcept
      : slots_(slots),
        first_slot_(first_slot),
        map_(map),
        routes_(std::move(routes)),
        keys_(number, static_cast<std::uint32_t>(slots.size())) {}

  std::span<StreamSlot> slots_;
  std::uint32_t first_slot_;
  /// Of FastPath, which outlives its lanes.
  int map_;
  RouteTable routes_;
  /// The streams, each under the number of its slot in `slots_`.
  Slab<StreamKey> keys_;
  Obstacle obstacle_;
};

class FastPath {
 public:
  /// Whether this machine lets this process have a fast path: makes one on the loopback for a
  /// moment. @returns what stands in the way, or nothing.
  [[nodiscard]] static std::optional<Obstacle> probe();

  /// Takes all memory, has the kernel check the program, and puts it on the interfaces.
  /// @returns kConfigInvalid for numbers out of range, kSystemCallFailed with `obstacle` set.
  [[nodiscard]] static Result<std::unique_ptr<FastPath>> open(const FastPathConfig& config,
                                                              Obstacle& obstacle);

  /// @param number below the configured number of lanes (CHECKed). Lives as long as this object.
  [[nodiscard]] Lane& lane(std::uint32_t number) noexcept;

  /// Whether routes, addresses or interfaces have changed since the last question. A stream goes on
  /// by the way it was given when it was added; so those whose way holds no more (Lane::way_holds)
  /// must then be removed, and may be added again.
  [[nodiscard]] bool routes_changed() noexcept { return watch_.changed(); }

  /// The program's descriptor, for looking at it (bpftool, tests).
  [[nodiscard]] int program() const noexcept { return program_.descriptor(); }

 private:
  FastPath(io::File keys, io::File slots, SharedArray memory, io::File program,
           RouteWatch watch) noexcept
      : keys_(std::move(keys)),
        slots_(std::move(slots)),
        memory_(std::move(memory)),
        program_(std::move(program)),
        watch_(std::move(watch)) {}
  [[nodiscard]] Result<void> attach(std::span<const char* const> interfaces, Obstacle& obstacle);
  [[nodiscard]] Result<void> open_lanes(const FastPathConfig& config, Obstacle& obstacle);

  io::File keys_;
  io::File slots_;
  SharedArray memory_;
  io::File program_;
  RouteWatch watch_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  /// Last, because they go first: no program runs any more when its maps go.
  std::vector<io::File> links_;
};

}  // namespace trunkyard::kernel
