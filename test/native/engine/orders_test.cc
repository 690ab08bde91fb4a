// Orders: what is answered, what is refused, what happens when something is full.
#include <algorithm>

#include "native/engine/rig.h"
#include "native/harness.h"

using namespace test;
using contract::Code;
using contract::EventKind;
using contract::NodeCounter;
using contract::OrderKind;

namespace {

Update update_of(const Peer& peer) {
  return {peer.address(), {}, true};
}

}  // namespace

TEST("endpoints get even RTP ports with the RTCP port above, all different") {
  Rig rig({.threads = 2, .endpoints_max = 32});
  std::vector<std::uint16_t> ports;
  for (std::uint32_t affinity = 0; affinity < 20; ++affinity) {
    const Opened leg = rig.open(affinity);
    CHECK_TRUE(leg.code == Code::kOk);
    CHECK_EQ(leg.rtp_port % 2, 0);
    CHECK_EQ(leg.rtcp_port, leg.rtp_port + 1);
    CHECK_EQ(Handle{leg.handle}.thread(), affinity % 2);
    CHECK_TRUE(std::find(ports.begin(), ports.end(), leg.rtp_port) == ports.end());
    ports.push_back(leg.rtp_port);
  }
}

TEST("a closed endpoint's handle is stale for every order") {
  Rig rig;
  Peer peer;
  const Opened closed = rig.open();
  const Opened open = rig.open();
  CHECK_TRUE(rig.close(closed.handle).code() == Code::kOk);
  CHECK_TRUE(rig.close(closed.handle).code() == Code::kHandleStale);
  CHECK_TRUE(rig.update(closed.handle, update_of(peer)) == Code::kHandleStale);
  CHECK_TRUE(rig.link(closed.handle, open.handle) == Code::kHandleStale);
  CHECK_TRUE(rig.link(open.handle, closed.handle) == Code::kHandleStale);
  CHECK_TRUE(rig.unlink(closed.handle) == Code::kHandleStale);
  CHECK_TRUE(rig.update(0, update_of(peer)) == Code::kHandleStale);
  CHECK_TRUE(rig.update(0xffff'ffff, update_of(peer)) == Code::kHandleStale);
  // The slot's next life has another handle.
  for (int round = 0; round < 16; ++round)
    CHECK_TRUE(rig.open().handle != closed.handle);
}

TEST("a link between two media threads is refused") {
  Rig rig({.threads = 2});
  const Opened one = rig.open(0);
  const Opened other = rig.open(1);
  CHECK_TRUE(rig.link(one.handle, other.handle) == Code::kOrderInvalid);
}

TEST("addresses that must not be sent to are refused: none, any, multicast, wrong family, port 0") {
  Rig rig;
  const Opened leg = rig.open();
  SocketAddress v6;
  v6.family = 6;
  v6.bytes[15] = 1;
  v6.port = 4000;
  SocketAddress nonsense = SocketAddress::v4(127, 0, 0, 1, 4000);
  nonsense.family = contract::kAddressFamilyUnreadable;
  for (const SocketAddress& bad :
       {SocketAddress::v4(0, 0, 0, 0, 4000), SocketAddress::v4(224, 0, 0, 1, 4000),
        SocketAddress::v4(255, 255, 255, 255, 4000), SocketAddress::v4(127, 0, 0, 1, 0), v6,
        nonsense}) {
    CHECK_TRUE(rig.update(leg.handle, {bad, {}, true}) == Code::kAddressInvalid);
    CHECK_TRUE(rig.update(leg.handle, {own_loopback(4000), bad}) == Code::kAddressInvalid);
  }
  CHECK_TRUE(rig.update(leg.handle, {own_loopback(4000), own_loopback(4001)}) == Code::kOk);
}

TEST("orders with impossible values are answered, not obeyed") {
  Rig rig;
  Peer peer;
  const Opened leg = rig.open();
  contract::UpdateEndpointOrder update;
  update.endpoint = leg.handle;
  update.remote_rtp = Rig::record_of(peer.address());
  update.rtcp_mux = 2;
  CHECK_TRUE(rig.submit(OrderKind::kUpdateEndpoint, update));
  CHECK_TRUE(rig.answer().code() == Code::kOrderInvalid);
  update.rtcp_mux = 1;
  update.source_rule = 9;
  CHECK_TRUE(rig.submit(OrderKind::kUpdateEndpoint, update));
  CHECK_TRUE(rig.answer().code() == Code::kOrderInvalid);
  update.source_rule = 0;
  update.clock_rate_count = 255;
  CHECK_TRUE(rig.submit(OrderKind::kUpdateEndpoint, update));
  CHECK_TRUE(rig.answer().code() == Code::kOrderInvalid);
  CHECK_TRUE(rig.link(leg.handle, leg.handle, {{0, 128}}) == Code::kOrderInvalid);
  contract::OpenEndpointOrder open;
  open.address_index = 1;
  CHECK_TRUE(rig.submit(OrderKind::kOpenEndpoint, open));
  CHECK_TRUE(rig.answer().code() == Code::kAddressInvalid);
  for (const std::uint16_t kind : {0, 9, 999}) {
    contract::CloseLinkOrder unknown;
    unknown.endpoint = leg.handle;
    CHECK_TRUE(rig.submit(static_cast<OrderKind>(kind), unknown));
    CHECK_TRUE(rig.answer().code() == Code::kOrderInvalid);
  }
  CHECK_EQ(rig.client().submit(Bytes{}), 0u);
  const std::array<std::uint8_t, 100> part = {};
  CHECK_EQ(rig.client().submit(part), 0u);
}

TEST("the endpoint after the last one is refused as full, and a closed one makes room") {
  Rig rig({.endpoints_max = 3});
  std::vector<Opened> legs;
  for (int count = 0; count < 3; ++count)
    legs.push_back(rig.open());
  CHECK_TRUE(rig.open().code == Code::kEndpointsFull);
  CHECK_TRUE(rig.close(legs[1].handle).code() == Code::kOk);
  CHECK_TRUE(rig.open().code == Code::kOk);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kEndpointsRefused) == 1.0; }));
}

TEST("ports run out as an answer and come back after their rest") {
  Rig rig({.ports = {20000, 20003}, .port_rest = Duration::milliseconds(300)});
  const Opened first = rig.open();
  const Opened second = rig.open();
  CHECK_TRUE(first.code == Code::kOk && second.code == Code::kOk);
  CHECK_TRUE(rig.open().code == Code::kPortsExhausted);
  CHECK_TRUE(rig.close(first.handle).code() == Code::kOk);
  CHECK_TRUE(rig.open().code == Code::kPortsExhausted);
  Opened again;
  CHECK_TRUE(eventually([&] { return (again = rig.open()).code == Code::kOk; }));
  CHECK_EQ(again.rtp_port, first.rtp_port);
}

TEST("ports that another program holds are passed over and counted") {
  Peer foreign_rtp(20000);
  Peer foreign_rtcp(20003);
  Rig rig({.ports = {20000, 20005}, .port_rest = Duration::seconds(60)});
  const Opened leg = rig.open();
  CHECK_TRUE(leg.code == Code::kOk);
  CHECK_EQ(leg.rtp_port, 20004);
  CHECK_TRUE(rig.open().code == Code::kPortsExhausted);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPortsForeign) == 2.0; }));
  CHECK_EQ(rig.node(NodeCounter::kPortsInUse), 2.0);
}

TEST("a batch is taken whole or not at all, and a full ring drains when the client does") {
  Rig rig({.order_ring_records = 16, .event_ring_records = 16});
  std::array<contract::CloseLinkOrder, 17> batch;
  for (auto& order : batch)
    order.kind = static_cast<std::uint16_t>(OrderKind::kCloseLink);
  const auto bytes = [&](std::size_t count) {
    return Bytes{reinterpret_cast<const std::uint8_t*>(batch.data()), count * sizeof batch[0]};
  };
  CHECK_EQ(rig.client().submit(bytes(17)), 0u);
  // Nobody drains: 16 answers fill the event ring, 16 orders wait, the next is refused.
  std::size_t taken = 0;
  CHECK_TRUE(eventually([&] {
    taken += rig.client().submit(bytes(1));
    return taken == 32;
  }));
  CHECK_EQ(rig.client().submit(bytes(1)), 0u);
  std::size_t answers = 0;
  CHECK_TRUE(eventually([&] {
    std::array<AnyEvent, 5> into;
    answers += rig.client().drain(MutableBytes{into[0].bytes.data(), sizeof into}) /
               contract::kEventRecordBytes;
    return answers == 32;
  }));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kEventsDelayed) >= 1.0; }));
  CHECK_TRUE(rig.open().code == Code::kOk);
}

TEST("the alarm rings once for many events and again only after they were taken") {
  Rig rig;
  (void)rig.open();
  CHECK_TRUE(eventually([&] {
    std::array<std::uint8_t, contract::kEventRecordBytes> into;
    return rig.client().drain(into) == 0;
  }));
  // The opening's own ring may come after its event was taken.
  CHECK_TRUE(eventually([&] { return rig.alarm.events.load() >= 1; }));
  const int before = rig.alarm.events.load();
  contract::CloseLinkOrder order;
  for (int count = 0; count < 10; ++count)
    CHECK_TRUE(rig.submit(OrderKind::kCloseLink, order));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kOrders) >= 11.0; }));
  CHECK_TRUE(eventually([&] { return rig.alarm.events.load() == before + 1; }));
  std::array<AnyEvent, 32> into;
  CHECK_EQ(rig.client().drain(MutableBytes{into[0].bytes.data(), sizeof into}),
           10 * contract::kEventRecordBytes);
  CHECK_EQ(rig.client().drain(MutableBytes{into[0].bytes.data(), sizeof into}), 0u);
  CHECK_EQ(rig.alarm.events.load(), before + 1);
  CHECK_TRUE(rig.submit(OrderKind::kCloseLink, order));
  CHECK_TRUE(eventually([&] { return rig.alarm.events.load() == before + 2; }));
}

TEST("a media thread with many events does not keep those of another waiting") {
  Rig rig({.threads = 2});
  contract::CloseLinkOrder order;
  for (const std::uint32_t thread : {0u, 0u, 1u, 1u}) {
    order.endpoint = Handle::pack(thread, 1, 0).bits;
    CHECK_TRUE(rig.submit(OrderKind::kCloseLink, order));
  }
  REQUIRE(eventually([&] { return rig.node(NodeCounter::kOrders) == 4.0; }));
  std::array<std::uint32_t, 2> threads = {};
  for (std::uint32_t& thread : threads) {
    AnyEvent event;
    REQUIRE(rig.client().drain(event.bytes) == contract::kEventRecordBytes);
    thread = Handle{event.header().endpoint}.thread();
  }
  CHECK_TRUE(threads[0] != threads[1]);
}

TEST("a slot of shared memory shows an endpoint's counters while it lives") {
  Rig rig;
  Peer peer;
  const Opened leg = rig.open();
  const auto shown = [&] {
    std::array<double, 1 + contract::kCounterCount> values = {};
    CHECK_TRUE(
        read_stats_slot(rig.client().region().endpoint_slot(0, Handle{leg.handle}.slot()), values));
    return values;
  };
  CHECK_EQ(shown()[0], static_cast<double>(leg.handle));
  CHECK_TRUE(rig.update(leg.handle, update_of(peer)) == Code::kOk);
  peer.send(leg.rtp_port, APacket{}.bytes());
  CHECK_TRUE(eventually([&] { return shown()[1] == 1.0; }));
  CHECK_TRUE(rig.close(leg.handle).code() == Code::kOk);
  CHECK_EQ(shown()[0], 0.0);
}
