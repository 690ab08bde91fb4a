// Which interfaces serve which addresses.
#include "kernel/interfaces.h"

#include <array>
#include <cerrno>

#include "native/harness.h"
#include "native/kernel/net_lab.h"

using namespace trunkyard;
using kernel::find_interfaces;
using kernel::Obstacle;
using Names = std::vector<std::string>;

TEST("the loopback serves its whole network, and each interface is named once") {
  Obstacle obstacle;
  const std::array<SocketAddress, 3> addresses = {SocketAddress::v4(127, 0, 0, 1, 0),
                                                  SocketAddress::v4(127, 9, 8, 7, 0),
                                                  SocketAddress::v4(127, 0, 0, 1, 4000)};
  const auto names = find_interfaces(addresses, obstacle);
  REQUIRE(names.ok());
  CHECK_TRUE(*names == Names{"lo"});
  CHECK_TRUE(obstacle.none());
}

TEST("IPv6 addresses are passed over, and an address of another machine is told as such") {
  Obstacle obstacle;
  SocketAddress address;
  address.family = 6;
  address.bytes[15] = 1;
  const auto none = find_interfaces({&address, 1}, obstacle);
  REQUIRE(none.ok());
  CHECK_TRUE(none->empty());
  address = SocketAddress::v4(192, 0, 2, 1, 0);
  CHECK_TRUE(find_interfaces({&address, 1}, obstacle).code() == ErrorCode::kSystemCallFailed);
  CHECK_EQ(obstacle.error, EADDRNOTAVAIL);
}

TEST("addresses on several interfaces are found, where only the exact one counts") {
  std::string problem;
  const auto lab = test::NetLab::make(problem);
  if (!lab) return test::skip(problem);
  REQUIRE(lab->enter(test::Place::kRelay));
  Obstacle obstacle;
  const std::array<SocketAddress, 3> addresses = {SocketAddress::v4(10, 77, 2, 1, 0),
                                                  SocketAddress::v4(10, 77, 1, 1, 0),
                                                  SocketAddress::v4(127, 0, 0, 9, 0)};
  const auto names = find_interfaces(addresses, obstacle);
  const SocketAddress neighbour = SocketAddress::v4(10, 77, 1, 2, 0);
  const auto missing = find_interfaces({&neighbour, 1}, obstacle);
  lab->leave();
  REQUIRE(names.ok());
  CHECK_TRUE(*names == (Names{"right", "left", "lo"}));
  CHECK_TRUE(missing.code() == ErrorCode::kSystemCallFailed);
}
