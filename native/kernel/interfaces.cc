#include "kernel/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace trunkyard::kernel {

namespace {

using AddressList = std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)>;

std::uint32_t host_of(const sockaddr* address) noexcept {
  sockaddr_in ipv4;
  std::memcpy(&ipv4, address, sizeof ipv4);
  return ipv4.sin_addr.s_addr;
}

/// Whether packets to `host` come in by an interface with that address.
bool serves(const ifaddrs& entry, std::uint32_t host) noexcept {
  if (entry.ifa_addr == nullptr || entry.ifa_addr->sa_family != AF_INET) return false;
  const std::uint32_t own = host_of(entry.ifa_addr);
  if (own == host) return true;
  if ((entry.ifa_flags & IFF_LOOPBACK) == 0 || entry.ifa_netmask == nullptr) return false;
  return ((own ^ host) & host_of(entry.ifa_netmask)) == 0;
}

}  // namespace

Result<std::vector<std::string>> find_interfaces(std::span<const SocketAddress> addresses,
                                                 Obstacle& obstacle) {
  obstacle = {};
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    obstacle.step = "getifaddrs";
    obstacle.error = errno;
    return Error{ErrorCode::kSystemCallFailed};
  }
  const AddressList list(first, &::freeifaddrs);
  std::vector<std::string> names;
  for (const SocketAddress& address : addresses) {
    if (address.family != 4) continue;
    std::uint32_t host;
    std::memcpy(&host, address.bytes.data(), sizeof host);
    const ifaddrs* entry = list.get();
    while (entry != nullptr && !serves(*entry, host))
      entry = entry->ifa_next;
    if (entry == nullptr) {
      obstacle.step = "looking for the interface of a media address";
      obstacle.error = EADDRNOTAVAIL;
      return Error{ErrorCode::kSystemCallFailed};
    }
    const std::string name = entry->ifa_name;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace trunkyard::kernel
