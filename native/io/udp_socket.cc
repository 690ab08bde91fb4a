#include "io/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace trunkyard::io {

namespace {

struct KernelAddress {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

KernelAddress to_kernel(const SocketAddress& address) noexcept {
  KernelAddress kernel;
  if (address.family == 4) {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    std::memcpy(&kernel.storage, &v4, sizeof v4);
    kernel.length = sizeof v4;
  } else {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    std::memcpy(&kernel.storage, &v6, sizeof v6);
    kernel.length = sizeof v6;
  }
  return kernel;
}

SocketAddress from_kernel(const sockaddr_storage& storage) noexcept {
  SocketAddress address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
    address.port = ntohs(v4.sin_port);
    address.family = 4;
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
    address.port = ntohs(v6.sin6_port);
    address.family = 6;
  }
  return address;
}

// ICMP errors arrive as errno of a later call (udp(7)); the call clears them. They say that some
// datagram was not wanted somewhere, which a forged ICMP can say too, so they are only counted.
bool unreachable(int error) noexcept {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
         error == EHOSTDOWN || error == ENETDOWN || error == EPROTO || error == ENOPROTOOPT;
}

IoStatus status_of(int error) noexcept {
  // A full device queue (ENOBUFS) passes like a full socket buffer does.
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS) {
    return IoStatus::kWouldBlock;
  }
  return unreachable(error) ? IoStatus::kUnreachable : IoStatus::kFailed;
}

Received received(ssize_t result, std::size_t room) noexcept {
  if (result < 0) return {status_of(errno), 0};
  const auto bytes = static_cast<std::size_t>(result);
  if (bytes > room) return {IoStatus::kTruncated, room};
  return {IoStatus::kDone, bytes};
}

}  // namespace

Result<UdpSocket> UdpSocket::bind(const SocketAddress& local, std::uint32_t receive_buffer_bytes,
                                  BindProblem& problem) noexcept {
  problem = BindProblem::kOther;
  if (!local.known()) {
    problem = BindProblem::kAddress;
    return Error{ErrorCode::kAddressInvalid};
  }
  const int family = local.family == 4 ? AF_INET : AF_INET6;
  File file(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!file.open()) return Error{ErrorCode::kSocketFailed};
  const int room = static_cast<int>(receive_buffer_bytes);
  if (::setsockopt(file.descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0) {
    return Error{ErrorCode::kSocketFailed};
  }
  const int only = 1;
  // A v6 socket that also took v4 would see mapped sources, which equal no address from SDP.
  if (family == AF_INET6 &&
      ::setsockopt(file.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
    return Error{ErrorCode::kSocketFailed};
  }
  const KernelAddress address = to_kernel(local);
  if (::bind(file.descriptor(), address.get(), address.length) != 0) {
    if (errno == EADDRINUSE || errno == EACCES) problem = BindProblem::kInUse;
    if (errno == EADDRNOTAVAIL) problem = BindProblem::kAddress;
    return Error{problem == BindProblem::kAddress ? ErrorCode::kAddressInvalid
                                                  : ErrorCode::kSocketFailed};
  }
  problem = BindProblem::kNone;
  return UdpSocket(std::move(file));
}

SocketAddress UdpSocket::local() const noexcept {
  KernelAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(descriptor(), address.get(), &address.length) != 0) return {};
  return from_kernel(address.storage);
}

Result<void> UdpSocket::connect(const SocketAddress& remote) noexcept {
  if (!remote.known()) return Error{ErrorCode::kAddressInvalid};
  const KernelAddress address = to_kernel(remote);
  if (::connect(descriptor(), address.get(), address.length) != 0) {
    return Error{ErrorCode::kAddressInvalid};
  }
  return {};
}

Result<void> UdpSocket::disconnect() noexcept {
  sockaddr nobody = {};
  nobody.sa_family = AF_UNSPEC;
  if (::connect(descriptor(), &nobody, sizeof nobody) != 0) return Error{ErrorCode::kSocketFailed};
  return {};
}

Received UdpSocket::receive(MutableBytes into) noexcept {
  return received(::recv(descriptor(), into.data(), into.size(), MSG_TRUNC), into.size());
}

Received UdpSocket::receive_from(MutableBytes into, SocketAddress& source) noexcept {
  KernelAddress address;
  address.length = sizeof address.storage;
  const ssize_t result =
      ::recvfrom(descriptor(), into.data(), into.size(), MSG_TRUNC, address.get(), &address.length);
  if (result >= 0) source = from_kernel(address.storage);
  return received(result, into.size());
}

IoStatus UdpSocket::send(Bytes packet) noexcept {
  return ::send(descriptor(), packet.data(), packet.size(), 0) >= 0 ? IoStatus::kDone
                                                                    : status_of(errno);
}

IoStatus UdpSocket::send_to(Bytes packet, const SocketAddress& remote) noexcept {
  const KernelAddress address = to_kernel(remote);
  return ::sendto(descriptor(), packet.data(), packet.size(), 0, address.get(), address.length) >= 0
             ? IoStatus::kDone
             : status_of(errno);
}

}  // namespace trunkyard::io
