// The fast path with real sockets: on the loopback, and between three network namespaces.
#include "kernel/fast_path.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/poller.h"
#include "native/allocations.h"
#include "native/harness.h"
#include "native/kernel/forwarding.h"
#include "rtp/packet.h"
#include "rtp/sequence.h"

using namespace test::forwarding;
using kernel::StreamBooks;
using test::Place;

namespace {

/// Packets flow from one thread; this one is the media thread, which relays by sockets whatever
/// reaches them, and takes the stream into the kernel and out again, over and over. The callee must
/// get each packet once, and the books must hold exactly those that no socket had.
void switch_over_and_over(Call& call, Lane& lane, std::uint32_t cycles) {
  constexpr std::uint32_t kPacketsPerSwitch = 10;
  std::atomic<bool> stop = false;
  std::atomic<std::uint32_t> sent = 0;
  std::thread sender([&] {
    // A pace, not a wait for anything: about ten packets in a millisecond.
    for (std::uint32_t number = 1000; !stop.load() && call.send(number);
         sent.store(++number - 1000))
      std::this_thread::sleep_for(std::chrono::microseconds(30));
  });
  auto poller = io::Poller::create(2);
  CHECK(poller->add(call.relay_in.descriptor(), 1).ok());
  CHECK(poller->add(call.callee.descriptor(), 2).ok());

  std::vector<std::uint8_t> arrived;
  std::array<std::uint8_t, 2048> buffer;
  rtp::ExtendedSeq highest = rtp::ExtendedSeq::first(1000);
  std::uint64_t by_socket = 0;
  std::uint64_t by_kernel = 0;
  std::uint64_t doubled = 0;
  const auto relay = [&] {
    for (;;) {
      const io::Received received = call.relay_in.receive(buffer);
      if (received.status != IoStatus::kDone) break;
      highest = std::max(highest, highest.extend(load_u16(&buffer[2])));
      ++by_socket;
      (void)call.relay_out.send(Bytes(buffer).first(received.bytes));
    }
    for (;;) {
      const io::Received received = call.callee.receive(buffer);
      if (received.status != IoStatus::kDone) break;
      const std::uint32_t number = load_u32(&buffer[kNumberAt]) - 1000;
      if (number >= arrived.size()) arrived.resize(number + 1);
      if (++arrived[number] > 1) ++doubled;
    }
  };
  const auto relay_until = [&](std::uint32_t count) {
    while (sent.load() < count) {
      (void)poller->wait(1);
      relay();
    }
    relay();
  };

  std::uint64_t unwanted = 0;
  for (std::uint32_t cycle = 0; cycle < cycles; ++cycle) {
    relay_until(sent.load() + kPacketsPerSwitch);
    const Result<Handle> handle = lane.add(call.stream(highest.value()));
    if (!handle) {
      ++unwanted;
      continue;
    }
    relay_until(sent.load() + kPacketsPerSwitch);
    const Result<StreamBooks> books = lane.remove(*handle);
    if (!books) ++unwanted;
    highest = rtp::ExtendedSeq::from_value(books->highest);
    by_kernel += books->packets;
  }
  stop.store(true);
  sender.join();
  while (!poller->wait(100).empty())
    relay();

  const std::uint32_t total = sent.load();
  std::uint64_t lost = total - std::min<std::size_t>(total, arrived.size());
  for (const std::uint8_t count : arrived)
    lost += count == 0 ? 1 : 0;
  CHECK_EQ(unwanted, 0u);
  CHECK_EQ(lost, 0u);
  CHECK_EQ(doubled, 0u);
  CHECK_EQ(by_socket + by_kernel, total);
  CHECK_TRUE(by_kernel > total / 10);
  CHECK_TRUE(by_socket > total / 10);
}

}  // namespace

TEST("what stands in the way is told as a sentence with the call, the interface and the error") {
  Obstacle obstacle;
  obstacle.step = "bpf(BPF_PROG_LOAD)";
  obstacle.error = EPERM;
  CHECK_EQ(describe(obstacle),
           "bpf(BPF_PROG_LOAD): Operation not permitted; the media process needs CAP_BPF and "
           "CAP_NET_ADMIN, and in a container a seccomp profile that lets bpf(2) through");
  const char* const missing = "no-such-if";
  CHECK_TRUE(
      FastPath::open({.interfaces = {&missing, 1}, .streams_per_lane = 1}, obstacle).code() ==
      ErrorCode::kSystemCallFailed);
  if (obstacle.error == ENODEV) {
    CHECK_EQ(describe(obstacle), "ioctl(SIOCGIFHWADDR) on no-such-if: No such device");
  }
}

TEST("numbers out of range are refused before anything is asked of the kernel") {
  const char* const loopback = "lo";
  const std::span<const char* const> one(&loopback, 1);
  const std::vector<const char*> many(kernel::kInterfacesMax + 1, "lo");
  for (const kernel::FastPathConfig& config :
       {kernel::FastPathConfig{.interfaces = {}, .streams_per_lane = 1},
        kernel::FastPathConfig{.interfaces = many, .streams_per_lane = 1},
        kernel::FastPathConfig{.interfaces = one, .lanes = 0, .streams_per_lane = 1},
        kernel::FastPathConfig{
            .interfaces = one, .lanes = kMediaThreadsMax + 1, .streams_per_lane = 1},
        kernel::FastPathConfig{.interfaces = one, .streams_per_lane = 0},
        kernel::FastPathConfig{.interfaces = one, .streams_per_lane = kSlotsPerThreadMax + 1}}) {
    Obstacle obstacle;
    CHECK_TRUE(FastPath::open(config, obstacle).code() == ErrorCode::kConfigInvalid);
    CHECK_TRUE(obstacle.none());
  }
}

TEST("on the loopback the callee gets the packet from the relay's address, and no socket between") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  check_forwarded(call, 50);
  const auto books = stage->lane().remove(stage->handle);
  REQUIRE(books.ok());
  CHECK_EQ(books->packets, 50u);
  CHECK_EQ(books->octets, 50u * 160);
  CHECK_EQ(books->highest, 0x1'0000u + 50);

  REQUIRE(call.send(51));
  CHECK_EQ(receive(call.relay_in).number, 51);
  CHECK_TRUE(silent(call.callee));
}

TEST("A30 a stranger's packets go the way they went before: the connected socket refuses them") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  UdpSocket stranger = bind_loopback(2);
  REQUIRE(stranger.open());
  for (std::uint32_t number = 1; number <= 20; ++number)
    (void)stranger.send_to(packet_of(number), call.relay_in.local());
  CHECK_TRUE(silent(call.callee));
  CHECK_TRUE(silent(call.relay_in));
  CHECK_EQ(stage->lane().read(stage->handle)->packets, 0u);
  // And the stream is none the worse for it.
  REQUIRE(call.send(1));
  CHECK_EQ(receive(call.callee).number, 1);
}

TEST("RTCP, telephone-events and other SSRCs of the same party reach the socket") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  REQUIRE(call.send(1, kEvents));
  CHECK_EQ(receive(call.relay_in).number, 1);
  auto report = packet_of(2);
  report[1] = 200;
  REQUIRE(call.caller.send_to(report, call.relay_in.local()) == IoStatus::kDone);
  CHECK_EQ(receive(call.relay_in).number, 2);
  auto other = packet_of(3);
  rtp::rewrite_ssrc(other, static_cast<rtp::Ssrc>(kSsrc + 1));
  REQUIRE(call.caller.send_to(other, call.relay_in.local()) == IoStatus::kDone);
  CHECK_EQ(receive(call.relay_in).number, 3);
  CHECK_TRUE(silent(call.callee));
  CHECK_EQ(stage->lane().read(stage->handle)->packets, 0u);
}

TEST("a packet that lies in pieces is put together and forwarded") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  REQUIRE(call.caller.connect(call.relay_in.local()).ok());
  // What is spliced stays in the pipe's pages: only the headers up to UDP lie in the packet's head.
  std::array<int, 2> pipe_ends = {};
  REQUIRE(pipe2(pipe_ends.data(), O_CLOEXEC) == 0);
  const io::File out(pipe_ends[0]);
  const io::File in(pipe_ends[1]);
  const auto packet = packet_of(1);
  REQUIRE(write(in.descriptor(), packet.data(), packet.size()) == kPacketBytes);
  REQUIRE(splice(out.descriptor(), nullptr, call.caller.descriptor(), nullptr, kPacketBytes, 0) ==
          kPacketBytes);
  CHECK_EQ(receive(call.callee).number, 1);
  CHECK_EQ(stage->lane().remove(stage->handle)->packets, 1u);
}

TEST("what is too long for the sockets is left to them, and forwarded up to there") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  const auto send = [&](std::size_t bytes) {
    const auto head = packet_of(1);
    std::vector<std::uint8_t> packet(head.begin(), head.end());
    packet.resize(bytes);
    return call.caller.send_to(packet, call.relay_in.local()) == IoStatus::kDone;
  };
  std::array<std::uint8_t, kPacketBytesMax> room;
  REQUIRE(send(kPacketBytesMax));
  CHECK_EQ(call.callee.receive(room).bytes, kPacketBytesMax);
  CHECK_TRUE(silent(call.relay_in));
  for (const std::size_t bytes : {kPacketBytesMax + 1, std::size_t{9'000}, std::size_t{60'000}}) {
    REQUIRE(send(bytes));
    CHECK_TRUE(call.relay_in.receive(room).status == IoStatus::kTruncated);
    CHECK_TRUE(silent(call.callee));
  }
  CHECK_EQ(stage->lane().read(stage->handle)->packets, 1u);
  CHECK_TRUE(stage->lane().way_holds(stage->handle));
}

TEST("a capture sees the packet as it came in, not as it goes out") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  const io::File capture(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  REQUIRE(capture.open());
  REQUIRE(call.send(1));
  CHECK_EQ(receive(call.callee).number, 1);
  // It holds on to the packet that the program then changed. IPv4 without options: UDP is at 20.
  std::uint32_t seen = 0;
  std::array<std::uint8_t, 2048> bytes;
  while (recv(capture.descriptor(), bytes.data(), bytes.size(), 0) > 28) {
    if (load_u16(&bytes[20]) != call.caller.local().port) continue;
    CHECK_EQ(load_u16(&bytes[22]), call.relay_in.local().port);
    ++seen;
  }
  CHECK_TRUE(seen >= 1);
}

TEST("a stream that can't be is refused, and leaves no trace") {
  if (skipped()) return;
  const auto path = open_loopback(2);
  Call call = loopback_call();
  REQUIRE(path != nullptr && call.connect());
  Lane& lane = path->lane(0);
  Stream stream = call.stream(0x1'0000);
  stream.payload_types[5] = 128;
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kOrderInvalid);
  stream = call.stream(0x1'0000);
  for (std::uint8_t type = 96; type < 100; ++type)
    stream.payload_types[type] = type;
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kOrderInvalid);
  stream = call.stream(0x1'0000);
  stream.from.family = 6;
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kAddressInvalid);
  stream = call.stream(0x1'0000);
  stream.to.family = 6;
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kAddressInvalid);
  stream = call.stream(0x1'0000);
  stream.by = SocketAddress::v4(192, 0, 2, 1, 9);
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kAddressInvalid);
  CHECK_EQ(lane.size(), 0u);

  stream = call.stream(0x1'0000);
  const auto first = lane.add(stream);
  REQUIRE(first.ok());
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kOrderInvalid);
  CHECK_EQ(lane.size(), 1u);
  stream.from.port ^= 1;
  const auto second = lane.add(stream);
  REQUIRE(second.ok());
  stream.from.port ^= 2;
  CHECK_TRUE(lane.add(stream).code() == ErrorCode::kEndpointsFull);

  CHECK_TRUE(lane.remove(*first).ok());
  CHECK_TRUE(lane.remove(*first).code() == ErrorCode::kHandleStale);
  CHECK_TRUE(lane.read(*first).code() == ErrorCode::kHandleStale);
  const auto third = lane.add(stream);
  CHECK_TRUE(third.ok());
  CHECK_TRUE(lane.read(*first).code() == ErrorCode::kHandleStale);
  CHECK_TRUE(lane.remove(kHandleNone).code() == ErrorCode::kHandleStale);
}

TEST("lanes hold streams of their own, and don't know each other's") {
  if (skipped()) return;
  const auto path = open_loopback(1, 3);
  REQUIRE(path != nullptr);
  std::vector<Call> calls;
  std::vector<Handle> handles;
  for (std::uint32_t number = 0; number < 3; ++number) {
    calls.push_back(loopback_call());
    REQUIRE(calls.back().connect());
    const auto handle = path->lane(number).add(calls.back().stream(0x1'0000));
    REQUIRE(handle.ok());
    handles.push_back(*handle);
  }
  for (std::uint32_t number = 0; number < 3; ++number) {
    REQUIRE(calls[number].send(number + 1));
    CHECK_EQ(receive(calls[number].callee).number, number + 1);
    CHECK_EQ(path->lane(number).read(handles[number])->packets, 1u);
    CHECK_TRUE(path->lane((number + 1) % 3).read(handles[number]).code() ==
               ErrorCode::kHandleStale);
  }
}

TEST("when the fast path goes, its streams are the sockets' again") {
  auto stage = forwarded_on_loopback();
  if (!stage) return;
  Call& call = stage->call;
  stage->path.reset();
  REQUIRE(call.send(1));
  CHECK_EQ(receive(call.relay_in).number, 1);
  CHECK_TRUE(silent(call.callee));
}

TEST("when its process is killed, its streams are the sockets' again") {
  if (skipped()) return;
  Call call = loopback_call();
  std::array<int, 2> pipe_ends = {};
  REQUIRE(call.connect() && pipe2(pipe_ends.data(), O_CLOEXEC) == 0);
  const io::File out(pipe_ends[0]);
  const io::File in(pipe_ends[1]);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto path = open_loopback();
    const std::uint8_t done =
        path != nullptr && path->lane(0).add(call.stream(0x1'0000)).ok() ? 1 : 0;
    if (write(in.descriptor(), &done, 1) == 1) pause();
    _exit(1);
  }
  std::uint8_t done = 0;
  CHECK_EQ(read(out.descriptor(), &done, 1), 1);
  CHECK_EQ(done, 1);
  CHECK_TRUE(call.send(1));
  CHECK_EQ(receive(call.callee).number, 1);
  CHECK_EQ(kill(child, SIGKILL), 0);
  CHECK_EQ(waitpid(child, nullptr, 0), child);
  CHECK_TRUE(call.send(2));
  CHECK_EQ(receive(call.relay_in).number, 2);
  CHECK_TRUE(silent(call.callee));
}

TEST("adding, reading and removing allocate nothing") {
  if (skipped()) return;
  const auto path = open_loopback();
  Call call = loopback_call();
  REQUIRE(path != nullptr && call.connect());
  const Stream stream = call.stream(0x1'0000);
  Lane& lane = path->lane(0);
  const std::uint64_t before = test::allocations_of_this_thread();
  bool fine = true;
  for (int round = 0; round < 100; ++round) {
    const auto handle = lane.add(stream);
    fine = fine && handle.ok() && lane.read(*handle).ok() && lane.remove(*handle).ok();
  }
  (void)path->routes_changed();
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(fine);
}

TEST("1,000 switches in and out of the kernel on the loopback lose nothing and double nothing") {
  if (skipped()) return;
  const auto path = open_loopback();
  Call call = loopback_call();
  REQUIRE(path != nullptr && call.connect());
  switch_over_and_over(call, path->lane(0), 1000);
}

TEST("over veth the first packet waits for its neighbour and arrives, as all others do") {
  auto stage = forwarded_over_veth();
  if (!stage) return;
  Call& call = stage->call;
  // veth leaves the UDP checksum to the other end: a wrong one would never arrive.
  check_forwarded(call, 50);
  REQUIRE(call.send(51, kEvents));
  CHECK_EQ(receive(call.relay_in).number, 51);
  CHECK_EQ(stage->lane().remove(stage->handle)->packets, 50u);
}

TEST("a packet too long for its way out goes to the socket, and a changed route is told") {
  const auto lab = open_lab(kSides);
  if (!lab) return;
  REQUIRE(lab->net.ip(Place::kRelay, "link set right mtu 180"));
  CHECK_TRUE(lab->path->routes_changed());
  Call call = lab_call(lab->net);
  REQUIRE(call.connect());
  const auto handle = lab->path->lane(0).add(call.stream(0x1'0000));
  REQUIRE(handle.ok());
  // The socket knows how to cut it.
  REQUIRE(call.send(1));
  CHECK_EQ(receive(call.relay_in).number, 1);
  CHECK_EQ(lab->path->lane(0).read(*handle)->packets, 0u);
  CHECK_FALSE(lab->path->routes_changed());
  CHECK_TRUE(lab->path->lane(0).way_holds(*handle));
  REQUIRE(lab->net.ip(Place::kRelay, "link set right mtu 1500"));
  CHECK_TRUE(lab->path->routes_changed());
  CHECK_FALSE(lab->path->lane(0).way_holds(*handle));
  CHECK_TRUE(lab->path->lane(0).remove(*handle).ok());
  CHECK_FALSE(lab->path->lane(0).way_holds(*handle));
  const auto again = lab->path->lane(0).add(call.stream(0x1'0000));
  REQUIRE(again.ok());
  REQUIRE(call.send(2));
  CHECK_EQ(receive(call.callee).number, 2);
}

TEST("a call from the network to a party on the relay's own machine, and back, is forwarded") {
  constexpr std::array<const char*, 2> kInterfaces = {"left", "lo"};
  const auto lab = open_lab(kInterfaces);
  if (!lab) return;
  Call inwards = {lab->net.bind(Place::kCaller, SocketAddress::v4(10, 77, 1, 2, 0)),
                  lab->net.bind(Place::kRelay, SocketAddress::v4(10, 77, 1, 1, 0)),
                  lab->net.bind(Place::kRelay, SocketAddress::v4(127, 0, 0, 1, 0)),
                  lab->net.bind(Place::kRelay, SocketAddress::v4(127, 0, 0, 9, 0))};
  Call outwards = {lab->net.bind(Place::kRelay, SocketAddress::v4(127, 0, 0, 9, 0)),
                   lab->net.bind(Place::kRelay, SocketAddress::v4(127, 0, 0, 1, 0)),
                   lab->net.bind(Place::kRelay, SocketAddress::v4(10, 77, 1, 1, 0)),
                   lab->net.bind(Place::kCaller, SocketAddress::v4(10, 77, 1, 2, 0))};
  for (Call* call : {&inwards, &outwards}) {
    REQUIRE(call->connect());
    const auto handle = lab->path->lane(0).add(call->stream(0x1'0000));
    REQUIRE(handle.ok());
    check_forwarded(*call, 20);
    CHECK_EQ(lab->path->lane(0).remove(*handle)->packets, 20u);
  }
}

TEST("1,000 switches in and out of the kernel over veth lose nothing and double nothing") {
  const auto lab = open_lab(kSides);
  if (!lab) return;
  Call call = lab_call(lab->net);
  REQUIRE(call.connect());
  switch_over_and_over(call, lab->path->lane(0), 1000);
}
