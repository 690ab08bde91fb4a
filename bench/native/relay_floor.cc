// relay_floor: the least a relay over UDP sockets can do, and nothing else: one connected socket a
// leg, epoll, a receive and a send for each packet. No checks, no statistics, no RTCP. What it
// costs is the kernel's share of any such relay, so it tells how much of a relay's cost its own
// code could still save.
//
// Reads lines `LOCAL_IP LOCAL_PORT REMOTE_IP REMOTE_PORT`, one for each leg, two legs a call; says
// `ready` at the end of its input and relays until it is killed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kBatchEvents = 512;
constexpr std::size_t kDatagramBytesMax = 2048;

bool to_address(const std::string& host, std::uint32_t port, sockaddr_in& address) {
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return port <= 0xffff && inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
}

/// A socket bound to one address and connected to another; -1 when it can't be had.
int open_leg(const sockaddr_in& local, const sockaddr_in& remote) {
  const int leg = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const auto* bind_to = reinterpret_cast<const sockaddr*>(&local);
  const auto* connect_to = reinterpret_cast<const sockaddr*>(&remote);
  if (leg >= 0 && bind(leg, bind_to, sizeof local) == 0 &&
      connect(leg, connect_to, sizeof remote) == 0) {
    return leg;
  }
  if (leg >= 0) close(leg);
  return -1;
}

bool open_legs(int poller, std::vector<int>& legs) {
  std::string local_host;
  std::string remote_host;
  std::uint32_t local_port = 0;
  std::uint32_t remote_port = 0;
  while (std::cin >> local_host >> local_port >> remote_host >> remote_port) {
    sockaddr_in local = {};
    sockaddr_in remote = {};
    if (!to_address(local_host, local_port, local) || !to_address(remote_host, remote_port, remote))
      return false;
    const int leg = open_leg(local, remote);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = legs.size();
    if (leg < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, leg, &event) != 0) return false;
    legs.push_back(leg);
  }
  return std::cin.eof() && !legs.empty() && legs.size() % 2 == 0;
}

[[noreturn]] void relay(int poller, const std::vector<int>& legs) {
  std::array<epoll_event, kBatchEvents> events;
  std::array<std::uint8_t, kDatagramBytesMax> datagram;
  for (;;) {
    const int ready = epoll_wait(poller, events.data(), kBatchEvents, -1);
    for (int index = 0; index < ready; ++index) {
      const std::size_t leg = events[static_cast<std::size_t>(index)].data.u64;
      const ssize_t bytes = recv(legs[leg], datagram.data(), datagram.size(), 0);
      // Legs 2n and 2n + 1 are one call. A packet that can't be sent is lost, as on any relay.
      if (bytes > 0) (void)send(legs[leg ^ 1], datagram.data(), static_cast<std::size_t>(bytes), 0);
    }
  }
}

}  // namespace

int main() {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> legs;
  if (poller < 0 || !open_legs(poller, legs)) {
    std::fputs("relay_floor: a leg can't be read or opened\n", stderr);
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  relay(poller, legs);
}
