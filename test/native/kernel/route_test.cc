// The kernel's answers about routes: real ones from this machine's table, and made-up bad ones.
#include "kernel/route.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <vector>

#include "native/harness.h"
#include "native/kernel/net_lab.h"

using namespace trunkyard;
using kernel::Obstacle;
using kernel::parse_route;
using kernel::Route;
using kernel::RouteTable;
using kernel::RouteWatch;

namespace {

const SocketAddress kTo = SocketAddress::v4(10, 0, 0, 9, 4000);

std::uint32_t host(const SocketAddress& address) {
  std::uint32_t bytes;
  std::memcpy(&bytes, address.bytes.data(), sizeof bytes);
  return bytes;
}

/// An answer of the kernel, attribute by attribute.
class Reply {
 public:
  explicit Reply(std::uint8_t type, std::uint8_t family = AF_INET) {
    bytes_.resize(sizeof(nlmsghdr) + sizeof(rtmsg));
    rtmsg message = {};
    message.rtm_family = family;
    message.rtm_type = type;
    std::memcpy(bytes_.data() + sizeof(nlmsghdr), &message, sizeof message);
    header_.nlmsg_type = RTM_NEWROUTE;
  }
  Reply& add(std::uint16_t type, Bytes value) {
    const rtattr header = {static_cast<std::uint16_t>(sizeof(rtattr) + value.size()), type};
    const auto* at = reinterpret_cast<const std::uint8_t*>(&header);
    bytes_.insert(bytes_.end(), at, at + sizeof header);
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  Reply& add(std::uint16_t type, std::uint32_t value) {
    return add(type, Bytes{reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  Reply& is(std::uint16_t message_type) {
    header_.nlmsg_type = message_type;
    return *this;
  }
  std::vector<std::uint8_t> bytes() {
    header_.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    return bytes_;
  }

 private:
  nlmsghdr header_ = {};
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

TEST("a destination on the same link is its own neighbour") {
  const auto route = parse_route(Reply(RTN_UNICAST).add(RTA_OIF, 7).bytes(), kTo);
  REQUIRE(route.ok());
  CHECK_EQ(route->egress, 7u);
  CHECK_EQ(route->next_hop, host(kTo));
  CHECK_EQ(route->mtu, 0u);
}

TEST("a gateway is the neighbour of what lies behind it, and a route may have an MTU") {
  const std::uint32_t gateway = host(SocketAddress::v4(10, 0, 0, 1, 0));
  const std::vector<std::uint8_t> metrics = {8, 0, RTAX_MTU, 0, 0x78, 0x05, 0, 0};
  const auto route = parse_route(Reply(RTN_UNICAST)
                                     .add(RTA_OIF, 7)
                                     .add(RTA_GATEWAY, gateway)
                                     .add(RTA_METRICS, metrics)
                                     .bytes(),
                                 kTo);
  REQUIRE(route.ok());
  CHECK_EQ(route->next_hop, gateway);
  CHECK_EQ(route->mtu, 1400u);
}

TEST("a destination on this machine has no neighbour") {
  const auto route = parse_route(Reply(RTN_LOCAL).add(RTA_OIF, 1).bytes(), kTo);
  REQUIRE(route.ok());
  CHECK_EQ(route->egress, 1u);
  CHECK_EQ(route->next_hop, 0u);
}

TEST("a route that no single party is at the end of is refused") {
  for (const std::uint8_t type : {RTN_BROADCAST, RTN_MULTICAST, RTN_UNREACHABLE, RTN_BLACKHOLE}) {
    CHECK_TRUE(parse_route(Reply(type).add(RTA_OIF, 7).bytes(), kTo).code() ==
               ErrorCode::kAddressInvalid);
  }
  CHECK_TRUE(parse_route(Reply(RTN_UNICAST).bytes(), kTo).code() == ErrorCode::kAddressInvalid);
  CHECK_TRUE(parse_route(Reply(RTN_UNICAST, AF_INET6).add(RTA_OIF, 7).bytes(), kTo).code() ==
             ErrorCode::kAddressInvalid);
  // A neighbour known by its IPv6 address only.
  CHECK_TRUE(parse_route(Reply(RTN_UNICAST).add(RTA_OIF, 7).add(RTA_VIA, 1).bytes(), kTo).code() ==
             ErrorCode::kAddressInvalid);
  CHECK_TRUE(parse_route(Reply(RTN_UNICAST).add(RTA_OIF, 7).is(NLMSG_ERROR).bytes(), kTo).code() ==
             ErrorCode::kAddressInvalid);
}

TEST("lengths that lie are refused wherever the answer is cut") {
  auto whole = Reply(RTN_UNICAST).add(RTA_OIF, 7).add(RTA_GATEWAY, 1).bytes();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
    CHECK_TRUE(parse_route(Bytes(whole).first(bytes), kTo).code() == ErrorCode::kPacketMalformed);
  // An attribute shorter than its own header, and one longer than the message.
  const std::size_t first = sizeof(nlmsghdr) + sizeof(rtmsg);
  for (const std::uint8_t length : {0, 3, 200}) {
    auto broken = whole;
    broken[first] = length;
    CHECK_TRUE(parse_route(broken, kTo).code() == ErrorCode::kPacketMalformed);
  }
  CHECK_TRUE(parse_route(Reply(RTN_UNICAST).add(RTA_OIF, Bytes()).bytes(), kTo).code() ==
             ErrorCode::kPacketMalformed);
}

TEST("the loopback's own addresses are found on the loopback, with its MTU") {
  Obstacle obstacle;
  auto table = RouteTable::open(obstacle);
  REQUIRE(table.ok());
  const SocketAddress by = SocketAddress::v4(127, 0, 0, 1, 5000);
  const auto route = table->find(by, SocketAddress::v4(127, 0, 0, 9, 5000), obstacle);
  REQUIRE(route.ok());
  CHECK_EQ(route->egress, 1u);
  CHECK_EQ(route->next_hop, 0u);
  CHECK_TRUE(route->mtu >= 1500);
}

TEST("an address that is not ours can't be sent by, and IPv6 is not asked for") {
  Obstacle obstacle;
  auto table = RouteTable::open(obstacle);
  REQUIRE(table.ok());
  const SocketAddress local = SocketAddress::v4(127, 0, 0, 1, 5000);
  CHECK_TRUE(table->find(SocketAddress::v4(192, 0, 2, 1, 5000), local, obstacle).code() ==
             ErrorCode::kAddressInvalid);
  SocketAddress six = local;
  six.family = 6;
  CHECK_TRUE(table->find(six, local, obstacle).code() == ErrorCode::kAddressInvalid);
  CHECK_TRUE(table->find(local, six, obstacle).code() == ErrorCode::kAddressInvalid);
}

TEST("routes over veth name neighbour and gateway, and changes are heard of once") {
  std::string problem;
  const auto lab = test::NetLab::make(problem);
  if (!lab) {
    test::skip(problem);
    return;
  }
  REQUIRE(lab->enter(test::Place::kRelay));
  Obstacle obstacle;
  auto table = RouteTable::open(obstacle);
  auto watch = RouteWatch::open(obstacle);
  lab->leave();
  REQUIRE(table.ok() && watch.ok());
  const SocketAddress by = SocketAddress::v4(10, 77, 2, 1, 5000);
  const SocketAddress neighbour = SocketAddress::v4(10, 77, 2, 2, 5000);
  const SocketAddress far = SocketAddress::v4(10, 99, 0, 1, 5000);
  const auto near_route = table->find(by, neighbour, obstacle);
  REQUIRE(near_route.ok());
  CHECK_EQ(near_route->next_hop, host(neighbour));
  CHECK_EQ(near_route->mtu, 1500u);
  CHECK_TRUE(table->find(by, far, obstacle).code() == ErrorCode::kAddressInvalid);
  CHECK_FALSE(watch->changed());

  REQUIRE(lab->ip(test::Place::kRelay, "route add 10.99.0.0/16 via 10.77.2.2 mtu 1300"));
  CHECK_TRUE(watch->changed());
  CHECK_FALSE(watch->changed());
  const auto far_route = table->find(by, far, obstacle);
  REQUIRE(far_route.ok());
  CHECK_EQ(far_route->next_hop, host(neighbour));
  CHECK_EQ(far_route->egress, near_route->egress);
  CHECK_EQ(far_route->mtu, 1300u);
}
