// Packets through a running engine, over real loopback sockets.
#include <array>
#include <optional>

#include "native/allocations.h"
#include "native/engine/forwarded_call.h"
#include "native/harness.h"

using namespace test;
using contract::Code;
using contract::Counter;
using contract::EventKind;
using contract::NodeCounter;

TEST("who floods his own leg is heard again a second later, and others all the time") {
  Rig rig;
  Call flooded(rig);
  Call quiet(rig);
  std::uint16_t number = 0;
  // The tests' receive buffers hold fewer, so the flood is sent in gulps that are let through.
  CHECK_TRUE(eventually([&] {
    for (int count = 0; count < 20; ++count)
      flooded.alice.send(flooded.left.rtp_port, packet(++number));
    return rig.node(NodeCounter::kSocketsPaused) >= 1.0;
  }));
  CHECK(number >= kSocketDatagramsPerSecondMax);
  quiet.alice.send(quiet.left.rtp_port, packet(1));
  CHECK_EQ(quiet.bob.receive(), packet(1));
  const double heard = rig.node(NodeCounter::kPacketsReceived);  // the quiet one may be missing
  CHECK_TRUE(eventually([&] {
    flooded.alice.send(flooded.left.rtp_port, packet(++number));
    return rig.node(NodeCounter::kPacketsReceived) > heard + 1.0;
  }));
}

TEST("packets go both ways unchanged and both legs' books agree") {
  Rig rig;
  Call call(rig);
  for (std::uint16_t number = 1; number <= 50; ++number) {
    call.alice.send(call.left.rtp_port, packet(number));
    CHECK_EQ(call.bob.receive(), packet(number));
    call.bob.send(call.right.rtp_port, packet(number, 0, 9));
    CHECK_EQ(call.alice.receive(), packet(number, 0, 9));
  }
  CHECK_TRUE(rig.hears(EventKind::kMediaStarted, call.left.handle));
  const auto left = rig.close(call.left.handle).as<contract::EndpointClosedEvent>();
  const auto count = [&](Counter counter) { return left.counters[static_cast<int>(counter)]; };
  CHECK_EQ(count(Counter::kPacketsReceived), 50.0);
  CHECK_EQ(count(Counter::kOctetsReceived), 50.0 * 160);
  CHECK_EQ(count(Counter::kPacketsSent), 50.0);
  CHECK_EQ(count(Counter::kOctetsSent), 50.0 * 160);
  CHECK_EQ(count(Counter::kPacketsLost), 0.0);
  CHECK_EQ(rig.closing_count(call.right.handle, Counter::kPacketsReceived), 50.0);
}

TEST("the link renumbers payload types, drops those it does not carry and ends when closed") {
  Rig rig;
  Call call(rig);
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle, {{96, 101}, {0, 0}}) == Code::kOk);
  call.alice.send(call.left.rtp_port, packet(1, 8));
  call.alice.send(call.left.rtp_port, packet(2, 96));
  CHECK_EQ(call.bob.receive(), packet(2, 101));
  CHECK_TRUE(rig.unlink(call.left.handle) == Code::kOk);
  call.alice.send(call.left.rtp_port, packet(3, 0));
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle) == Code::kOk);
  call.alice.send(call.left.rtp_port, packet(4, 0));
  // The packet before may have arrived on either side of the new link.
  Buffer next = call.bob.receive();
  if (next == packet(3, 0)) next = call.bob.receive();
  CHECK_EQ(next, packet(4, 0));
  CHECK_TRUE(rig.closing_count(call.left.handle, Counter::kPacketsDropped) >= 1.0);
}

TEST("an endpoint linked to itself echoes") {
  Rig rig;
  Peer alice;
  const Opened leg = rig.open();
  CHECK_TRUE(rig.update(leg.handle, {alice.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.link(leg.handle, leg.handle) == Code::kOk);
  alice.send(leg.rtp_port, packet(5));
  CHECK_EQ(alice.receive(), packet(5));
}

TEST("a foreign packet is never relayed, whether it came before or after the update") {
  Rig rig;
  Peer alice;
  Peer bob;
  Peer stranger;
  const Opened left = rig.open();
  const Opened right = rig.open();
  CHECK_TRUE(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.link(left.handle, right.handle) == Code::kOk);
  for (std::uint16_t number = 1; number <= 20; ++number) {
    stranger.send(left.rtp_port, packet(number, 0, 666));
  }
  CHECK_TRUE(rig.update(left.handle, {alice.address(), {}, true}) == Code::kOk);
  for (std::uint16_t number = 1; number <= 20; ++number) {
    stranger.send(left.rtp_port, packet(number, 0, 666));
    alice.send(left.rtp_port, packet(number));
    CHECK_EQ(bob.receive(), packet(number));
  }
  CHECK_TRUE(bob.quiet());
  const auto closed = rig.close(left.handle).as<contract::EndpointClosedEvent>();
  CHECK_EQ(closed.counters[static_cast<int>(Counter::kPacketsReceived)], 20.0);
  // The kernel refuses what comes after connect, so only the earlier ones are in our books.
  CHECK_EQ(closed.counters[static_cast<int>(Counter::kPacketsRefused)], 20.0);
}

TEST("A30 the first source with two packets in a row is latched, told, and the only one heard") {
  Rig rig;
  Peer alice;
  Peer bob;
  Peer stranger;
  const Opened left = rig.open();
  const Opened right = rig.open();
  CHECK_TRUE(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.link(left.handle, right.handle) == Code::kOk);
  CHECK_TRUE(rig.link(right.handle, left.handle) == Code::kOk);
  // Signalling names a private address that nothing comes from.
  CHECK_TRUE(rig.update(left.handle, {SocketAddress::v4(10, 1, 2, 3, 4000), {}, true, true}) ==
             Code::kOk);
  stranger.send(left.rtp_port, packet(100, 0, 666));
  alice.send(left.rtp_port, packet(1));
  stranger.send(left.rtp_port, packet(200, 0, 666));
  alice.send(left.rtp_port, packet(2));
  CHECK_EQ(bob.receive(), packet(2));
  AnyEvent event;
  REQUIRE(rig.hears(EventKind::kLatched, left.handle, &event));
  CHECK_EQ(event.as<contract::LatchedEvent>().remote.port, alice.address().port);
  for (std::uint16_t number = 201; number < 210; ++number) {
    stranger.send(left.rtp_port, packet(number, 0, 666));
  }
  alice.send(left.rtp_port, packet(3));
  CHECK_EQ(bob.receive(), packet(3));
  CHECK_TRUE(bob.quiet());
  bob.send(right.rtp_port, packet(1, 0, 9));
  CHECK_EQ(alice.receive(), packet(1, 0, 9));
  CHECK_TRUE(stranger.quiet());
}

TEST("A30 an update opens the latch for a peer that moved, and statistics go on") {
  Rig rig;
  Call call(rig, true);
  for (const std::uint16_t number : {1, 2})
    call.alice.send(call.left.rtp_port, packet(number));
  CHECK_EQ(call.bob.receive(), packet(2));
  CHECK_TRUE(rig.hears(EventKind::kLatched, call.left.handle));
  CHECK_TRUE(rig.update(call.left.handle, {call.alice.address(), {}, true, true}) == Code::kOk);
  Peer moved;
  for (const std::uint16_t number : {3, 4, 5})
    moved.send(call.left.rtp_port, packet(number));
  CHECK_EQ(call.bob.receive(), packet(4));
  CHECK_EQ(call.bob.receive(), packet(5));
  AnyEvent event;
  REQUIRE(rig.hears(EventKind::kLatched, call.left.handle, &event));
  CHECK_EQ(event.as<contract::LatchedEvent>().remote.port, moved.address().port);
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kPacketsReceived), 3.0);
}

TEST("A30 a party behind NAT that is put on hold hears the music, though it sends nothing") {
  Rig rig;
  Peer alice;
  Peer bob;
  const Opened left = rig.open();
  const Opened right = rig.open();
  const Update behind_nat = {SocketAddress::v4(10, 1, 2, 3, 4000), {}, true, true};
  CHECK_TRUE(rig.update(left.handle, behind_nat) == Code::kOk);
  CHECK_TRUE(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.link(left.handle, right.handle) == Code::kOk);
  CHECK_TRUE(rig.link(right.handle, left.handle) == Code::kOk);
  for (const std::uint16_t number : {1, 2, 3})
    alice.send(left.rtp_port, packet(number));
  CHECK_EQ(bob.receive(), packet(2));
  CHECK_EQ(bob.receive(), packet(3));
  for (std::uint16_t number = 1; number < 4; ++number) {
    CHECK_TRUE(rig.update(left.handle, behind_nat) == Code::kOk);
    bob.send(right.rtp_port, packet(number, 0, 9));
    CHECK_EQ(alice.receive(), packet(number, 0, 9));
  }
  alice.send(left.rtp_port, packet(4));
  CHECK_EQ(bob.receive(), packet(4));
}

TEST("an update to another address follows the peer there and leaves the old one out") {
  Rig rig;
  Call call(rig);
  call.alice.send(call.left.rtp_port, packet(1));
  CHECK_EQ(call.bob.receive(), packet(1));
  Peer moved;
  CHECK_TRUE(rig.update(call.left.handle, {moved.address(), {}, true}) == Code::kOk);
  call.alice.send(call.left.rtp_port, packet(2, 0, 666));
  moved.send(call.left.rtp_port, packet(3));
  CHECK_EQ(call.bob.receive(), packet(3));
  call.bob.send(call.right.rtp_port, packet(1, 0, 9));
  CHECK_EQ(moved.receive(), packet(1, 0, 9));
  CHECK_TRUE(call.alice.quiet());
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kPacketsReceived), 2.0);
}

TEST("a peer whose port is closed for a while gets packets again, and the leg lives") {
  Rig rig;
  Call call(rig);
  auto carol = std::make_unique<Peer>();
  const std::uint16_t port = carol->address().port;
  CHECK_TRUE(rig.update(call.right.handle, {carol->address(), {}, true}) == Code::kOk);
  carol.reset();
  const double before = rig.node(NodeCounter::kIcmpErrors);
  std::uint16_t number = 0;
  CHECK_TRUE(eventually([&] {
    call.alice.send(call.left.rtp_port, packet(++number));
    return rig.node(NodeCounter::kIcmpErrors) > before;
  }));
  carol = std::make_unique<Peer>(port);
  CHECK_TRUE(eventually([&] {
    call.alice.send(call.left.rtp_port, packet(++number));
    return !carol->receive(10).empty();
  }));
  carol->send(call.right.rtp_port, packet(1, 0, 9));
  CHECK_EQ(call.alice.receive(), packet(1, 0, 9));
}

TEST("RTCP is relayed to the far leg's RTCP port, without BYE and not from strangers") {
  Rig rig;
  Call call(rig);
  Peer stranger;
  const Buffer bye = test::an_rtcp_packet(203, 1, test::words({7}));
  stranger.send(call.left.rtcp_port, receiver_report(666));
  call.alice_rtcp.send(call.left.rtcp_port, test::join({receiver_report(1), bye}));
  CHECK_EQ(call.bob_rtcp.receive(), receiver_report(1));
  call.alice_rtcp.send(call.left.rtcp_port, receiver_report(2));
  CHECK_EQ(call.bob_rtcp.receive(), receiver_report(2));
  CHECK_TRUE(call.bob.quiet());
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kRtcpReceived), 2.0);
  CHECK_EQ(rig.closing_count(call.right.handle, Counter::kRtcpSent), 2.0);
}

TEST("with rtcp-mux RTP and RTCP share the port and the RTCP port is closed, until mux ends") {
  Rig rig;
  Call call(rig, false, true);
  call.alice.send(call.left.rtp_port, receiver_report(1));
  CHECK_EQ(call.bob.receive(), receiver_report(1));
  call.alice.send(call.left.rtp_port, packet(1));
  CHECK_EQ(call.bob.receive(), packet(1));
  CHECK_TRUE(rig.update(call.right.handle, {call.bob.address(), call.bob_rtcp.address()}) ==
             Code::kOk);
  call.alice.send(call.left.rtp_port, receiver_report(2));
  CHECK_EQ(call.bob_rtcp.receive(), receiver_report(2));
  call.bob_rtcp.send(call.right.rtcp_port, receiver_report(3));
  CHECK_EQ(call.alice.receive(), receiver_report(3));
}

TEST("reports are generated for both legs when the parties send none") {
  Rig rig;
  Call call(rig);
  std::uint16_t number = 0;
  Buffer to_alice;
  Buffer to_bob;
  // The first report is due within half to one and a half times 2.5 s / (e - 1.5).
  CHECK_TRUE(eventually([&] {
    call.alice.send(call.left.rtp_port, packet(++number));
    if (to_alice.empty()) to_alice = call.alice_rtcp.receive(1);
    if (to_bob.empty()) to_bob = call.bob_rtcp.receive(1);
    return !to_alice.empty() && !to_bob.empty();
  }));
  REQUIRE(to_alice.size() > 8 && to_bob.size() > 8);
  CHECK_EQ(to_alice[1], 201);  // alice sends and gets nothing: a receiver report, with a block
  CHECK_EQ(to_alice[0] & 0x1f, 1);
  CHECK_EQ(to_bob[1], 200);  // bob is sent alice's stream: a sender report in its name, no block
  CHECK_EQ(to_bob[0] & 0x1f, 0);
  CHECK_EQ(load_u32(to_bob.data() + 4), 7u);
}

TEST("silence raises mediaTimeout once") {
  Rig rig;
  Call call(rig);
  CHECK_TRUE(rig.update(call.left.handle, {call.alice.address(), call.alice_rtcp.address(), false,
                                           false, 50}) == Code::kOk);
  AnyEvent event;
  REQUIRE(rig.hears(EventKind::kMediaTimeout, call.left.handle, &event));
  CHECK_TRUE(event.as<contract::MediaTimeoutEvent>().silent_ms >= 50);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kMediaTimeouts) == 1.0; }));
}

TEST("what is not RTP, or RTCP on the RTP port without mux, is dropped and counted") {
  Rig rig;
  Call call(rig);
  call.alice.send(call.left.rtp_port, {0x16, 0xfe, 0xfd});
  call.alice.send(call.left.rtp_port, receiver_report(1));
  call.alice.send(call.left.rtp_port, Buffer(1, 0x80));
  call.alice.send(call.left.rtp_port, Buffer(4000, 0x80));
  call.alice_rtcp.send(call.left.rtcp_port, packet(1));
  call.alice.send(call.left.rtp_port, packet(1));
  CHECK_EQ(call.bob.receive(), packet(1));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPacketsMalformed) == 5.0; }));
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kPacketsReceived), 1.0);
}

TEST("a media thread allocates nothing while four thousand packets flow") {
  constexpr std::uint16_t kPacketsEach = 800;  // less than a socket may bring in a second
  Rig rig;
  std::array<std::optional<Call>, 5> calls;
  for (std::optional<Call>& call : calls)
    call.emplace(rig);
  const auto others = [] { return allocations_total() - allocations_of_this_thread(); };
  const auto pass = [](Call& call, std::uint16_t number) {
    call.alice.send(call.left.rtp_port, packet(number));
    return !call.bob.receive().empty();
  };
  for (std::optional<Call>& call : calls)
    CHECK_TRUE(pass(*call, 0));
  const std::uint64_t before = others();
  for (std::optional<Call>& call : calls)
    for (std::uint16_t number = 1; number <= kPacketsEach; ++number)
      CHECK_TRUE(pass(*call, number));
  CHECK_EQ(others() - before, 0u);
}
