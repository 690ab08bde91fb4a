#include "engine/peer_address.h"

#include <algorithm>

namespace trunkyard::engine {

namespace {

/// fe80::/10 (RFC 4291 §2.5.6).
bool is_link_local(const SocketAddress& address) noexcept {
  return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

}  // namespace

bool is_peer_address(const SocketAddress& remote, const SocketAddress& local) noexcept {
  if (remote.family != local.family || remote.port == 0) return false;
  const auto& bytes = remote.bytes;
  if (remote.family == 4) return bytes[0] != 0 && bytes[0] < 224;
  const bool unspecified = std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
  return bytes[0] != 0xff && !unspecified && !is_link_local(remote);
}

bool read_peer_address(const contract::AddressRecord& record, const SocketAddress& local,
                       SocketAddress& address) noexcept {
  address = {};
  if (record.family == 0) return true;
  address.family = record.family;
  address.port = record.port;
  // IPv4 fills four bytes; the rest must be zero for comparison, whatever the record holds there.
  std::copy_n(record.bytes, record.family == 4 ? 4 : 16, address.bytes.begin());
  return is_peer_address(address, local);
}

}  // namespace trunkyard::engine
