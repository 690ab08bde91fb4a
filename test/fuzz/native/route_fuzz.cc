// The kernel's answers about routes (rtnetlink): any bytes. They come from the kernel alone, but a
// length that was believed unread would be ours to answer for.
#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/native/targets.h"
#include "kernel/route.h"

namespace fuzz {

int route_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace trunkyard;
  const SocketAddress to = SocketAddress::v4(10, 0, 0, 9, 4000);
  const Bytes reply{data, size};
  const Result<kernel::Route> route = kernel::parse_route(reply, to);
  if (!route) {
    CHECK(route.error() == ErrorCode::kAddressInvalid ||
          route.error() == ErrorCode::kPacketMalformed);
    return 0;
  }
  CHECK(route->egress != 0);
  // What was cut off behind the message's own length had no part in it.
  const std::size_t whole = std::size_t{data[0]} | std::size_t{data[1]} << 8;
  if (whole <= size) CHECK(kernel::parse_route(reply.first(whole), to).value() == *route);
  return 0;
}

}  // namespace fuzz
