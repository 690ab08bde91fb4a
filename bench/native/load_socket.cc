#include "load_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace trunkyard::bench {

namespace {

// Room for a host that stands still for half a second: 50,000 packets a second and socket, at the
// kernel's account of about 800 bytes each.
constexpr int kBufferBytes = 32 * 1024 * 1024;
constexpr std::size_t kControlBytes = 128;

bool set(int fd, int name, int value) noexcept {
  return setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) == 0;
}

// The privileged form passes the system's limit; the other takes what it is given.
void set_buffer(int fd, int forced, int plain) noexcept {
  if (!set(fd, forced, kBufferBytes)) set(fd, plain, kBufferBytes);
}

int open_socket() noexcept {
  return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// A socket stays in the network it was made in, so the thread goes there for a moment. -1 when
/// there is no such network, or no way back from it.
int socket_in(const std::string& network) noexcept {
  if (network.empty()) return open_socket();
  const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const int there = open(("/run/netns/" + network).c_str(), O_RDONLY | O_CLOEXEC);
  int made = -1;
  if (home >= 0 && setns(there, CLONE_NEWNET) == 0) {
    made = open_socket();
    if (setns(home, CLONE_NEWNET) != 0) std::abort();
  }
  for (const int file : {home, there}) {
    if (file >= 0) close(file);
  }
  return made;
}

struct ReceiveBatch {
  std::array<std::array<std::uint8_t, kReceiveBytesMax>, kBatchPackets> bytes;
  std::array<std::array<std::uint8_t, kControlBytes>, kBatchPackets> control;
  std::array<iovec, kBatchPackets> pieces;
  std::array<mmsghdr, kBatchPackets> messages;
  std::array<Arrival, kBatchPackets> arrivals;
};

ReceiveBatch& receive_batch() noexcept {
  static ReceiveBatch batch = {};
  return batch;
}

}  // namespace

std::uint64_t wall_ns() noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

LoadSocket::LoadSocket(LoadSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), dropped_(other.dropped_) {}

LoadSocket::~LoadSocket() {
  if (fd_ >= 0) close(fd_);
}

bool LoadSocket::open(const LocalPlan& local, std::string& problem) {
  const sockaddr_in& address = local.address;
  fd_ = socket_in(local.network);
  const bool ready = fd_ >= 0 && set(fd_, SO_TIMESTAMPNS, 1) && set(fd_, SO_RXQ_OVFL, 1) &&
                     bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!ready) {
    std::array<char, INET_ADDRSTRLEN> host = {};
    inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
    problem = std::string(host.data()) + ":" + std::to_string(ntohs(address.sin_port)) + ": " +
              std::strerror(errno);
    return false;
  }
  set_buffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF);
  set_buffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF);
  return true;
}

std::size_t LoadSocket::send(std::span<Datagram> datagrams) noexcept {
  std::array<mmsghdr, kBatchPackets> messages = {};
  std::array<iovec, kBatchPackets> pieces = {};
  for (std::size_t index = 0; index < datagrams.size(); ++index) {
    Datagram& datagram = datagrams[index];
    pieces[index] = {datagram.bytes.data(), datagram.size};
    messages[index].msg_hdr.msg_name = &datagram.target;
    messages[index].msg_hdr.msg_namelen = sizeof datagram.target;
    messages[index].msg_hdr.msg_iov = &pieces[index];
    messages[index].msg_hdr.msg_iovlen = 1;
  }
  const int sent = sendmmsg(fd_, messages.data(), static_cast<unsigned>(datagrams.size()), 0);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

std::span<const Arrival> LoadSocket::receive() noexcept {
  ReceiveBatch& batch = receive_batch();
  for (std::size_t index = 0; index < kBatchPackets; ++index) {
    batch.pieces[index] = {batch.bytes[index].data(), batch.bytes[index].size()};
    msghdr& header = batch.messages[index].msg_hdr;
    header = {};
    header.msg_iov = &batch.pieces[index];
    header.msg_iovlen = 1;
    header.msg_name = &batch.arrivals[index].source;
    header.msg_namelen = sizeof batch.arrivals[index].source;
    header.msg_control = batch.control[index].data();
    header.msg_controllen = batch.control[index].size();
  }
  const int got = recvmmsg(fd_, batch.messages.data(), kBatchPackets, MSG_DONTWAIT, nullptr);
  if (got <= 0) return {};
  for (std::size_t index = 0; index < static_cast<std::size_t>(got); ++index) {
    msghdr& header = batch.messages[index].msg_hdr;
    Arrival& arrival = batch.arrivals[index];
    arrival.bytes = std::span(batch.bytes[index]).first(batch.messages[index].msg_len);
    arrival.arrived_ns = 0;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level != SOL_SOCKET) continue;
      if (part->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp = {};
        std::memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
        arrival.arrived_ns = static_cast<std::uint64_t>(stamp.tv_sec) * 1'000'000'000u +
                             static_cast<std::uint64_t>(stamp.tv_nsec);
      } else if (part->cmsg_type == SO_RXQ_OVFL) {
        std::uint32_t dropped = 0;
        std::memcpy(&dropped, CMSG_DATA(part), sizeof dropped);
        dropped_ = dropped;
      }
    }
    if (arrival.arrived_ns == 0) arrival.arrived_ns = wall_ns();
  }
  return std::span(batch.arrivals).first(static_cast<std::size_t>(got));
}

}  // namespace trunkyard::bench
