#include "relay_legs.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <string>

namespace trunkyard::bench {

namespace {

bool to_address(const std::string& host, std::uint32_t port, sockaddr_in& address) {
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return port <= 0xffff && inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
}

/// A socket bound to one address and connected to another; -1 when it can't be had.
int open_leg(const RelayLeg& leg) {
  const int file = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const auto* bind_to = reinterpret_cast<const sockaddr*>(&leg.local);
  const auto* connect_to = reinterpret_cast<const sockaddr*>(&leg.remote);
  if (file >= 0 && bind(file, bind_to, sizeof leg.local) == 0 &&
      connect(file, connect_to, sizeof leg.remote) == 0) {
    return file;
  }
  if (file >= 0) close(file);
  return -1;
}

}  // namespace

bool open_legs(int poller, std::vector<RelayLeg>& legs) {
  std::string local_host;
  std::string remote_host;
  std::uint32_t local_port = 0;
  std::uint32_t remote_port = 0;
  while (std::cin >> local_host >> local_port >> remote_host >> remote_port) {
    RelayLeg leg;
    if (!to_address(local_host, local_port, leg.local) ||
        !to_address(remote_host, remote_port, leg.remote))
      return false;
    leg.socket = open_leg(leg);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = legs.size();
    if (leg.socket < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, leg.socket, &event) != 0) return false;
    legs.push_back(leg);
  }
  return std::cin.eof() && !legs.empty() && legs.size() % 2 == 0;
}

}  // namespace trunkyard::bench
