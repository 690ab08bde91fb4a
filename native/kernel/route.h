// Where a packet of ours would leave this machine, asked of the kernel's routing table (rtnetlink),
// and the news that an earlier answer may not hold any more.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "io/file.h"
#include "kernel/bpf.h"

namespace trunkyard::kernel {

struct Route {
  /// The interface, by index.
  std::uint32_t egress = 0;
  /// IPv4 address of the neighbour there, as in a packet; 0 when the destination is this machine.
  std::uint32_t next_hop = 0;
  /// Of the route when it has one of its own, else of the interface; 0 = not known, nothing fits.
  std::uint32_t mtu = 0;

  bool operator==(const Route&) const noexcept = default;
};

/// Reads the kernel's answer to a question for the route to `to`.
/// @param reply one netlink message, as received.
/// @returns kAddressInvalid when there is no route that a single packet to a single party can take
///          (unreachable, broadcast, a neighbour that has no IPv4 address), kPacketMalformed when
///          the lengths in it are wrong.
[[nodiscard]] Result<Route> parse_route(Bytes reply, const SocketAddress& to) noexcept;

/// Asks for routes. One thread.
class RouteTable {
 public:
  [[nodiscard]] static Result<RouteTable> open(Obstacle& obstacle) noexcept;
  /// @param by our address, which the packet will carry. Both IPv4.
  /// @returns as parse_route; also kAddressInvalid when `by` is not an address of this machine, and
  ///          kSystemCallFailed with `obstacle` set.
  [[nodiscard]] Result<Route> find(const SocketAddress& by, const SocketAddress& to,
                                   Obstacle& obstacle) noexcept;

 private:
  explicit RouteTable(io::File file) noexcept : file_(std::move(file)) {}
  [[nodiscard]] std::uint32_t interface_mtu(std::uint32_t interface_index) noexcept;

  io::File file_;
  std::uint32_t number_ = 0;
};

/// Hears of changes to routes, addresses and interfaces.
class RouteWatch {
 public:
  [[nodiscard]] static Result<RouteWatch> open(Obstacle& obstacle) noexcept;
  /// Whether anything has changed since the last question, or since open(). One system call as long
  /// as nothing has.
  [[nodiscard]] bool changed() noexcept;

 private:
  explicit RouteWatch(io::File file) noexcept : file_(std::move(file)) {}
  io::File file_;
};

}  // namespace trunkyard::kernel
