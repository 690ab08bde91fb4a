// The legs of a relay under test, as whoever drives it names them: one connected socket each.
#pragma once

#include <netinet/in.h>

#include <vector>

namespace trunkyard::bench {

/// Legs 2n and 2n + 1 are one call.
struct RelayLeg {
  int socket = -1;
  sockaddr_in local = {};
  sockaddr_in remote = {};
};

/// Reads lines `LOCAL_IP LOCAL_PORT REMOTE_IP REMOTE_PORT` from standard input to its end, opens a
/// socket for each and has `poller` (epoll) watch it under the leg's number.
/// @return false when a line can't be read, a socket can't be had, or the last call is half a call.
[[nodiscard]] bool open_legs(int poller, std::vector<RelayLeg>& legs);

}  // namespace trunkyard::bench
