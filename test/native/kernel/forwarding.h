// Calls through a fast path, for tests: numbered packets, a call's sockets on the loopback or in
// the lab, and a call whose stream the kernel has.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "io/poller.h"
#include "io/udp_socket.h"
#include "kernel/fast_path.h"
#include "native/harness.h"
#include "native/kernel/net_lab.h"
#include "rtp/packet.h"

namespace test::forwarding {

using namespace trunkyard;
using io::BindProblem;
using io::IoStatus;
using io::UdpSocket;
using kernel::FastPath;
using kernel::kLeftToSocket;
using kernel::Lane;
using kernel::Obstacle;
using kernel::Stream;

inline constexpr std::uint32_t kSsrc = 77;
inline constexpr std::uint8_t kAudio = 0;
inline constexpr std::uint8_t kEvents = 101;
inline constexpr std::size_t kPacketBytes = 172;
/// Where the payload carries a number of 32 bits, which tells packets apart for longer than 65,536.
inline constexpr std::size_t kNumberAt = 12;

inline std::unique_ptr<FastPath> open_path(std::span<const char* const> interfaces,
                                           std::uint32_t streams = 4, std::uint32_t lanes = 1) {
  Obstacle obstacle;
  auto path = FastPath::open(
      {.interfaces = interfaces, .lanes = lanes, .streams_per_lane = streams}, obstacle);
  if (path) return std::move(*path);
  test::fail(__FILE__, __LINE__, describe(obstacle));
  return nullptr;
}

inline std::unique_ptr<FastPath> open_loopback(std::uint32_t streams = 4, std::uint32_t lanes = 1) {
  const char* const loopback = "lo";
  return open_path({&loopback, 1}, streams, lanes);
}

inline bool skipped() {
  const std::string missing = test::fast_path_missing();
  if (!missing.empty()) test::skip(missing);
  return !missing.empty();
}

inline std::array<std::uint8_t, kPacketBytes> packet_of(std::uint32_t number,
                                                        std::uint8_t payload_type = kAudio) {
  std::array<std::uint8_t, kPacketBytes> packet = {};
  ByteWriter writer(packet);
  rtp::write_header(writer, {.payload_type = payload_type,
                             .sequence = static_cast<std::uint16_t>(number),
                             .timestamp = static_cast<rtp::RtpTimestamp>(160 * number),
                             .ssrc = static_cast<rtp::Ssrc>(kSsrc)});
  writer.u32(number);
  return packet;
}

inline UdpSocket bind_loopback(std::uint8_t last_byte) {
  BindProblem problem = BindProblem::kNone;
  auto socket = UdpSocket::bind(SocketAddress::v4(127, 0, 0, last_byte, 0), 4 << 20, problem);
  return socket ? std::move(*socket) : UdpSocket();
}

/// Three namespaces, and a fast path on interfaces of the one in the middle. Nothing, and the test
/// skipped, where the machine has no such thing.
struct RelayLab {
  test::NetLab net;
  std::unique_ptr<FastPath> path;
};
inline std::optional<RelayLab> open_lab(std::span<const char* const> interfaces) {
  std::string problem = test::fast_path_missing();
  auto net = problem.empty() ? test::NetLab::make(problem) : std::nullopt;
  if (!net) {
    test::skip(problem);
    return std::nullopt;
  }
  CHECK(net->enter(Place::kRelay));
  auto path = open_path(interfaces);
  net->leave();
  if (path == nullptr) return std::nullopt;
  return RelayLab{std::move(*net), std::move(path)};
}
inline constexpr std::array<const char*, 2> kSides = {"left", "right"};

/// A call's sockets in one direction: caller to relay, relay to callee.
struct Call {
  UdpSocket caller;
  UdpSocket relay_in;
  UdpSocket relay_out;
  UdpSocket callee;

  /// Both of the relay's sockets hear their peers alone, as the engine's do.
  bool connect() {
    return caller.open() && relay_in.open() && relay_out.open() && callee.open() &&
           relay_in.connect(caller.local()).ok() && relay_out.connect(callee.local()).ok();
  }
  Stream stream(std::uint64_t highest) const {
    Stream stream;
    stream.from = caller.local();
    stream.at = relay_in.local();
    stream.by = relay_out.local();
    stream.to = callee.local();
    stream.payload_types.fill(kLeftToSocket);
    stream.payload_types[kAudio] = kAudio;
    stream.clock_rate_hz = 8000;
    stream.books.ssrc = kSsrc;
    stream.books.highest = highest;
    return stream;
  }
  bool send(std::uint32_t number, std::uint8_t payload_type = kAudio) {
    return caller.send_to(packet_of(number, payload_type), relay_in.local()) == IoStatus::kDone;
  }
};

inline Call loopback_call() {
  return {bind_loopback(2), bind_loopback(1), bind_loopback(1), bind_loopback(3)};
}

inline Call lab_call(const test::NetLab& lab) {
  return {lab.bind(Place::kCaller, SocketAddress::v4(10, 77, 1, 2, 0)),
          lab.bind(Place::kRelay, SocketAddress::v4(10, 77, 1, 1, 0)),
          lab.bind(Place::kRelay, SocketAddress::v4(10, 77, 2, 1, 0)),
          lab.bind(Place::kCallee, SocketAddress::v4(10, 77, 2, 2, 0))};
}

/// The number of the packet that a socket gets within a second, and where it is from.
struct Got {
  std::int64_t number = -1;
  SocketAddress source;
};
inline Got receive(UdpSocket& socket, std::uint32_t timeout_ms = 1000) {
  auto poller = io::Poller::create(1);
  CHECK(poller->add(socket.descriptor(), 1).ok());
  Got got;
  if (poller->wait(timeout_ms).empty()) return got;
  std::array<std::uint8_t, 2048> buffer;
  const io::Received received = socket.receive_from(buffer, got.source);
  if (received.status != IoStatus::kDone || received.bytes != kPacketBytes) return got;
  got.number = load_u32(&buffer[kNumberAt]);
  return got;
}
/// Whether nothing is waiting. What the kernel delivers on the loopback it has delivered by now.
inline bool silent(UdpSocket& socket) {
  std::array<std::uint8_t, 2048> buffer;
  return socket.receive(buffer).status == IoStatus::kWouldBlock;
}

/// A call whose stream the kernel has, its highest number being 0 of the second cycle.
struct Forwarded {
  /// Goes last: the others live in it.
  std::optional<test::NetLab> net;
  std::unique_ptr<FastPath> path;
  Call call;
  Handle handle;

  [[nodiscard]] Lane& lane() const { return path->lane(0); }
};
inline std::optional<Forwarded> forwarded(Forwarded stage) {
  if (stage.path == nullptr) return std::nullopt;  // told already
  if (stage.call.connect()) {
    const auto added = stage.lane().add(stage.call.stream(0x1'0000));
    if (added) {
      stage.handle = *added;
      return stage;
    }
  }
  test::fail(__FILE__, __LINE__, "the call can't be connected or forwarded");
  return std::nullopt;
}
inline std::optional<Forwarded> forwarded_on_loopback() {
  if (skipped()) return std::nullopt;
  return forwarded({std::nullopt, open_loopback(), loopback_call(), {}});
}
inline std::optional<Forwarded> forwarded_over_veth() {
  auto lab = open_lab(kSides);
  if (!lab) return std::nullopt;
  Call call = lab_call(lab->net);
  return forwarded({std::move(lab->net), std::move(lab->path), std::move(call), {}});
}

/// Sends packets 1 to `count`: the callee gets each from the relay's address, no socket between.
inline void check_forwarded(Call& call, std::uint32_t count) {
  for (std::uint32_t number = 1; number <= count; ++number) {
    REQUIRE(call.send(number));
    const Got got = receive(call.callee);
    CHECK_EQ(got.number, number);
    CHECK_TRUE(got.source == call.relay_out.local());
  }
  CHECK_TRUE(silent(call.relay_in));
}

}  // namespace test::forwarding
