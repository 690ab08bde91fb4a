// By which interfaces packets to this machine's addresses come in, so that an operator names
// addresses alone.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "kernel/bpf.h"

namespace trunkyard::kernel {

/// The interfaces that have the addresses, each once; on the loopback all of its network counts. A
/// packet from this machine itself comes in by the loopback, whatever address it is for.
/// @param addresses IPv4; those of IPv6 are passed over, as the fast path serves none.
/// @returns their names, none for no IPv4 address; kSystemCallFailed with `obstacle` set, its error
///          EADDRNOTAVAIL when no interface has one of them.
[[nodiscard]] Result<std::vector<std::string>> find_interfaces(
    std::span<const SocketAddress> addresses, Obstacle& obstacle);

}  // namespace trunkyard::kernel
