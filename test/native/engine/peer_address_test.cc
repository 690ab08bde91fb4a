// Which addresses media may be sent to, and how they are read from an order.
#include "engine/peer_address.h"

#include <algorithm>
#include <initializer_list>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;

SocketAddress v6(std::initializer_list<std::uint8_t> first, std::uint8_t last,
                 std::uint16_t port = 4'000) {
  SocketAddress address;
  address.family = 6;
  address.port = port;
  std::copy(first.begin(), first.end(), address.bytes.begin());
  address.bytes[15] = last;
  return address;
}

contract::AddressRecord record_of(const SocketAddress& address) {
  contract::AddressRecord record;
  record.family = address.family;
  record.port = address.port;
  std::copy(address.bytes.begin(), address.bytes.end(), record.bytes);
  return record;
}

constexpr SocketAddress kLocal4 = SocketAddress::v4(192, 0, 2, 1, 0);
const SocketAddress kLocal6 = v6({0x20, 0x01, 0x0d, 0xb8}, 1, 0);

TEST("media may go to a unicast address with a port, of the local side's family") {
  CHECK_TRUE(is_peer_address(SocketAddress::v4(198, 51, 100, 7, 4'000), kLocal4));
  CHECK_TRUE(is_peer_address(SocketAddress::v4(127, 0, 0, 1, 1), kLocal4));
  CHECK_TRUE(is_peer_address(v6({0x20, 0x01, 0x0d, 0xb8}, 9), kLocal6));
  CHECK_TRUE(is_peer_address(v6({}, 1), kLocal6));
  CHECK_TRUE(is_peer_address(v6({0xfd, 0x00}, 1), kLocal6));
  CHECK_FALSE(is_peer_address(SocketAddress::v4(198, 51, 100, 7, 0), kLocal4));
  CHECK_FALSE(is_peer_address(SocketAddress::v4(198, 51, 100, 7, 4'000), kLocal6));
  CHECK_FALSE(is_peer_address(v6({0x20, 0x01, 0x0d, 0xb8}, 9), kLocal4));
  CHECK_FALSE(is_peer_address({}, kLocal4));
}

TEST("nothing goes to nobody, to many, or to a link that nobody named") {
  CHECK_FALSE(is_peer_address(SocketAddress::v4(0, 0, 0, 0, 4'000), kLocal4));
  CHECK_FALSE(is_peer_address(SocketAddress::v4(224, 0, 0, 1, 4'000), kLocal4));
  CHECK_FALSE(is_peer_address(SocketAddress::v4(255, 255, 255, 255, 4'000), kLocal4));
  CHECK_FALSE(is_peer_address(v6({}, 0), kLocal6));
  CHECK_FALSE(is_peer_address(v6({0xff, 0x02}, 1), kLocal6));
  CHECK_FALSE(is_peer_address(v6({0xfe, 0x80}, 1), kLocal6));
  CHECK_FALSE(is_peer_address(v6({0xfe, 0xbf}, 1), kLocal6));
  CHECK_TRUE(is_peer_address(v6({0xfe, 0xc0}, 1), kLocal6));
}

TEST(
    "an order's record is read without what stands behind its address, or says that none is "
    "known") {
  contract::AddressRecord record = record_of(SocketAddress::v4(198, 51, 100, 7, 4'000));
  std::fill(std::begin(record.bytes) + 4, std::end(record.bytes), std::uint8_t{0xee});
  SocketAddress address;
  CHECK_TRUE(read_peer_address(record, kLocal4, address));
  CHECK_TRUE(address == SocketAddress::v4(198, 51, 100, 7, 4'000));
  CHECK_TRUE(read_peer_address({}, kLocal4, address));
  CHECK_FALSE(address.known());
  record.family = 5;
  CHECK_FALSE(read_peer_address(record, kLocal4, address));
}

}  // namespace
