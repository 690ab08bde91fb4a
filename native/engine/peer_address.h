// Where a peer may be: an order's address record, checked before anything is sent there.
#pragma once

#include "base/address.h"
#include "engine/contract.gen.h"

namespace trunkyard::engine {

/// Whether media may be sent there: a unicast address and a port, of the local side's family.
/// 0.0.0.0 means "on hold" in SDP and "this very host" to the kernel. A link-local IPv6 address
/// means another host on every link, and neither SDP nor our own addresses say which link.
[[nodiscard]] bool is_peer_address(const SocketAddress& remote,
                                   const SocketAddress& local) noexcept;

/// @param local of the leg's own side.
/// @param address set; not known where the record says that it isn't.
/// @returns false when the record names an address that can't be used.
[[nodiscard]] bool read_peer_address(const contract::AddressRecord& record,
                                     const SocketAddress& local, SocketAddress& address) noexcept;

}  // namespace trunkyard::engine
