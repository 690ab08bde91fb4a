// Sockets on the real loopback interface: sources, connecting, the errors that must end nothing.
#include "io/udp_socket.h"

#include <array>

#include "io/poller.h"
#include "native/harness.h"

using namespace trunkyard;
using io::BindProblem;
using io::IoStatus;
using io::UdpSocket;

namespace {

const SocketAddress kAnyPort = SocketAddress::v4(127, 0, 0, 1, 0);

UdpSocket bound(const SocketAddress& local = kAnyPort) {
  BindProblem problem = BindProblem::kNone;
  return UdpSocket::bind(local, 65536, problem).value();
}

/// One datagram within a second; empty when none came.
Bytes receive_within(UdpSocket& socket, MutableBytes into, SocketAddress& source) {
  auto poller = io::Poller::create(4);
  CHECK(poller->add(socket.descriptor(), 1).ok());
  if (poller->wait(1000).empty()) return {};
  const io::Received received = socket.receive_from(into, source);
  return received.status == IoStatus::kDone ? Bytes(into).first(received.bytes) : Bytes{};
}

constexpr std::array<std::uint8_t, 3> kHello = {1, 2, 3};

}  // namespace

TEST("a datagram arrives with its source") {
  UdpSocket left = bound();
  UdpSocket right = bound();
  CHECK_TRUE(left.send_to(kHello, right.local()) == IoStatus::kDone);
  std::array<std::uint8_t, 64> buffer;
  SocketAddress source;
  CHECK_EQ(receive_within(right, buffer, source), Bytes(kHello));
  CHECK_TRUE(source == left.local());
}

TEST("an IPv6 datagram arrives with its source") {
  SocketAddress loopback;
  loopback.family = 6;
  loopback.bytes[15] = 1;
  BindProblem problem = BindProblem::kNone;
  auto left = UdpSocket::bind(loopback, 65536, problem);
  if (!left) {
    test::skip("no IPv6 loopback here");
    return;
  }
  UdpSocket right = bound(loopback);
  CHECK_TRUE(left->send_to(kHello, right.local()) == IoStatus::kDone);
  std::array<std::uint8_t, 64> buffer;
  SocketAddress source;
  CHECK_EQ(receive_within(right, buffer, source), Bytes(kHello));
  CHECK_TRUE(source == left->local());
}

TEST("a connected socket hears its peer alone, a disconnected one everyone, on the same port") {
  UdpSocket peer = bound();
  UdpSocket stranger = bound();
  // By number: a port that the kernel chose is given up with the connection (udp(7)).
  const SocketAddress local = UdpSocket(bound()).local();
  UdpSocket socket = bound(local);
  CHECK_TRUE(socket.connect(peer.local()).ok());
  // The kernel may tell the stranger that nobody listens there; that is not what is asked here.
  (void)stranger.send_to(kHello, local);
  CHECK_TRUE(peer.send_to(kHello, local) == IoStatus::kDone);
  std::array<std::uint8_t, 64> buffer;
  SocketAddress source;
  CHECK_EQ(receive_within(socket, buffer, source), Bytes(kHello));
  CHECK_TRUE(source == peer.local());
  CHECK_TRUE(socket.receive(buffer).status == IoStatus::kWouldBlock);

  CHECK_TRUE(socket.disconnect().ok());
  CHECK_TRUE(socket.local() == local);
  UdpSocket other = bound();
  CHECK_TRUE(other.send_to(kHello, local) == IoStatus::kDone);
  CHECK_EQ(receive_within(socket, buffer, source), Bytes(kHello));
  CHECK_TRUE(source == other.local());
}

TEST("an unreachable peer shows as one cleared error, not as a broken socket") {
  UdpSocket socket = bound();
  SocketAddress nobody;
  {
    UdpSocket gone = bound();
    nobody = gone.local();
  }
  CHECK_TRUE(socket.connect(nobody).ok());
  CHECK_TRUE(socket.send(kHello) == IoStatus::kDone);
  auto poller = io::Poller::create(4);
  CHECK_TRUE(poller->add(socket.descriptor(), 7).ok());
  CHECK_EQ(poller->wait(1000).size(), 1u);
  std::array<std::uint8_t, 64> buffer;
  CHECK_TRUE(socket.receive(buffer).status == IoStatus::kUnreachable);
  CHECK_TRUE(socket.receive(buffer).status == IoStatus::kWouldBlock);
}

TEST("a datagram larger than the buffer is told apart from one that fits") {
  UdpSocket left = bound();
  UdpSocket right = bound();
  const std::array<std::uint8_t, 65> large = {};
  CHECK_TRUE(left.send_to(large, right.local()) == IoStatus::kDone);
  auto poller = io::Poller::create(4);
  CHECK_TRUE(poller->add(right.descriptor(), 7).ok());
  CHECK_EQ(poller->wait(1000).size(), 1u);
  std::array<std::uint8_t, 64> buffer;
  CHECK_TRUE(right.receive(buffer).status == IoStatus::kTruncated);
}

TEST("binding says whether another port is worth a try") {
  UdpSocket first = bound();
  BindProblem problem = BindProblem::kNone;
  CHECK_EQ(UdpSocket::bind(first.local(), 4096, problem).code(), ErrorCode::kSocketFailed);
  CHECK_TRUE(problem == BindProblem::kInUse);
  CHECK_EQ(UdpSocket::bind(SocketAddress::v4(192, 0, 2, 1, 0), 4096, problem).code(),
           ErrorCode::kAddressInvalid);
  CHECK_TRUE(problem == BindProblem::kAddress);
  CHECK_EQ(UdpSocket::bind(SocketAddress{}, 4096, problem).code(), ErrorCode::kAddressInvalid);
}
