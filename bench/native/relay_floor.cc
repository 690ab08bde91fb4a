// relay_floor: the least a relay over UDP sockets can do, and nothing else: one connected socket a
// leg, epoll, a receive and a send for each packet. No checks, no statistics, no RTCP. What it
// costs is the kernel's share of any such relay, so it tells how much of a relay's cost its own
// code could still save.
//
// Reads its legs (relay_legs.h); says `ready` at the end of its input and relays until it is
// killed.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "relay_legs.h"

namespace {

using trunkyard::bench::RelayLeg;

constexpr std::size_t kBatchEvents = 512;
constexpr std::size_t kDatagramBytesMax = 2048;

[[noreturn]] void relay(int poller, const std::vector<RelayLeg>& legs) {
  std::array<epoll_event, kBatchEvents> events;
  std::array<std::uint8_t, kDatagramBytesMax> datagram;
  for (;;) {
    const int ready = epoll_wait(poller, events.data(), kBatchEvents, -1);
    for (int index = 0; index < ready; ++index) {
      const std::size_t leg = events[static_cast<std::size_t>(index)].data.u64;
      const ssize_t bytes = recv(legs[leg].socket, datagram.data(), datagram.size(), 0);
      // A packet that can't be sent is lost, as on any relay.
      if (bytes > 0)
        (void)send(legs[leg ^ 1].socket, datagram.data(), static_cast<std::size_t>(bytes), 0);
    }
  }
}

}  // namespace

int main() {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  std::vector<RelayLeg> legs;
  if (poller < 0 || !trunkyard::bench::open_legs(poller, legs)) {
    std::fputs("relay_floor: a leg can't be read or opened\n", stderr);
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  relay(poller, legs);
}
