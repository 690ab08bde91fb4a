#include "kernel/route.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace trunkyard::kernel {

namespace {

constexpr std::size_t kReplyBytesMax = 2048;
constexpr std::size_t kIpv4Bytes = 4;
/// Answers looked at for one question: its own, and what earlier ones may have left.
constexpr int kRepliesMax = 8;
/// Notices taken in one go; more are still there at the next question.
constexpr int kNoticesMax = 64;

/// One attribute of a netlink message, or of a list within an attribute.
struct Attribute {
  std::uint16_t type = 0;
  Bytes value;
};

/// A copy of what lies at the front; false when there is less than that. Netlink speaks the host's
/// byte order, so ByteReader is not the tool.
template <typename T>
bool copy_front(Bytes bytes, T& into) noexcept {
  if (bytes.size() < sizeof into) return false;
  std::memcpy(&into, bytes.data(), sizeof into);
  return true;
}

/// Cuts the next attribute off the front of `rest`. False at the end.
bool next_attribute(Bytes& rest, Attribute& attribute, bool& malformed) noexcept {
  rtattr header;
  if (!copy_front(rest, header)) return false;
  if (header.rta_len < sizeof header || header.rta_len > rest.size()) {
    malformed = true;
    return false;
  }
  attribute = {static_cast<std::uint16_t>(header.rta_type & NLA_TYPE_MASK),
               rest.first(header.rta_len).subspan(sizeof header)};
  const std::size_t step = RTA_ALIGN(header.rta_len);
  rest = rest.subspan(step < rest.size() ? step : rest.size());
  return true;
}

/// The MTU among a route's metrics; 0 when there is none.
std::uint32_t mtu_of(Bytes metrics, bool& malformed) noexcept {
  std::uint32_t mtu = 0;
  Attribute metric;
  while (next_attribute(metrics, metric, malformed)) {
    if (metric.type == RTAX_MTU && !copy_front(metric.value, mtu)) malformed = true;
  }
  return mtu;
}

Error refused(const char* step, Obstacle& obstacle) noexcept {
  obstacle.step = step;
  obstacle.error = errno;
  return Error{ErrorCode::kSystemCallFailed};
}

Result<io::File> open_netlink(std::uint32_t groups, Obstacle& obstacle) noexcept {
  io::File file(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!file.open()) return refused("socket(AF_NETLINK)", obstacle);
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(file.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return refused("bind of a netlink socket", obstacle);
  }
  return file;
}

struct Question {
  nlmsghdr header;
  rtmsg route;
  rtattr to_header;
  std::uint8_t to[kIpv4Bytes];
  rtattr by_header;
  std::uint8_t by[kIpv4Bytes];
};
static_assert(sizeof(Question) == sizeof(nlmsghdr) + sizeof(rtmsg) + 2 * RTA_LENGTH(kIpv4Bytes));

Question question(std::uint32_t number, const SocketAddress& by, const SocketAddress& to) noexcept {
  Question asked = {};
  asked.header.nlmsg_len = sizeof asked;
  asked.header.nlmsg_type = RTM_GETROUTE;
  asked.header.nlmsg_flags = NLM_F_REQUEST;
  asked.header.nlmsg_seq = number;
  asked.route.rtm_family = AF_INET;
  asked.route.rtm_dst_len = 8 * kIpv4Bytes;
  asked.route.rtm_src_len = 8 * kIpv4Bytes;
  asked.to_header = {RTA_LENGTH(kIpv4Bytes), RTA_DST};
  std::memcpy(asked.to, to.bytes.data(), kIpv4Bytes);
  asked.by_header = {RTA_LENGTH(kIpv4Bytes), RTA_SRC};
  std::memcpy(asked.by, by.bytes.data(), kIpv4Bytes);
  return asked;
}

}  // namespace

Result<Route> parse_route(Bytes reply, const SocketAddress& to) noexcept {
  nlmsghdr header;
  rtmsg message;
  if (!copy_front(reply, header) || header.nlmsg_len < sizeof header ||
      header.nlmsg_len > reply.size()) {
    return Error{ErrorCode::kPacketMalformed};
  }
  if (header.nlmsg_type != RTM_NEWROUTE) return Error{ErrorCode::kAddressInvalid};
  Bytes rest = reply.first(header.nlmsg_len).subspan(sizeof header);
  if (!copy_front(rest, message)) return Error{ErrorCode::kPacketMalformed};
  rest = rest.subspan(sizeof message);

  Route route;
  bool malformed = false;
  bool usable = message.rtm_family == AF_INET &&
                (message.rtm_type == RTN_UNICAST || message.rtm_type == RTN_LOCAL);
  // On the same link the destination is the neighbour.
  if (message.rtm_type == RTN_UNICAST) {
    std::memcpy(&route.next_hop, to.bytes.data(), kIpv4Bytes);
  }
  Attribute attribute;
  while (next_attribute(rest, attribute, malformed)) {
    if (attribute.type == RTA_OIF && !copy_front(attribute.value, route.egress)) malformed = true;
    if (attribute.type == RTA_GATEWAY && !copy_front(attribute.value, route.next_hop)) {
      malformed = true;
    }
    if (attribute.type == RTA_METRICS) route.mtu = mtu_of(attribute.value, malformed);
    if (attribute.type == RTA_VIA) usable = false;
  }
  if (malformed) return Error{ErrorCode::kPacketMalformed};
  if (!usable || route.egress == 0) return Error{ErrorCode::kAddressInvalid};
  return route;
}

Result<RouteTable> RouteTable::open(Obstacle& obstacle) noexcept {
  Result<io::File> file = open_netlink(0, obstacle);
  if (!file) return Error{file.error()};
  return RouteTable(std::move(*file));
}

Result<Route> RouteTable::find(const SocketAddress& by, const SocketAddress& to,
                               Obstacle& obstacle) noexcept {
  if (by.family != 4 || to.family != 4) return Error{ErrorCode::kAddressInvalid};
  const Question asked = question(++number_, by, to);
  if (::send(file_.descriptor(), &asked, sizeof asked, 0) != sizeof asked) {
    return refused("send to rtnetlink", obstacle);
  }
  // The kernel answers before send() returns, so the answer is there or none will come.
  std::array<std::uint8_t, kReplyBytesMax> reply;
  for (int tried = 0; tried < kRepliesMax; ++tried) {
    const ssize_t received = ::recv(file_.descriptor(), reply.data(), reply.size(), 0);
    if (received < 0) break;
    const Bytes bytes = Bytes(reply).first(static_cast<std::size_t>(received));
    nlmsghdr header;
    // What an earlier question left behind is not an answer to this one.
    if (!copy_front(bytes, header) || header.nlmsg_seq != number_) continue;
    Result<Route> route = parse_route(bytes, to);
    if (route && route->mtu == 0) route->mtu = interface_mtu(route->egress);
    return route;
  }
  return refused("recv from rtnetlink", obstacle);
}

std::uint32_t RouteTable::interface_mtu(std::uint32_t interface_index) noexcept {
  ifreq request = {};
  request.ifr_ifindex = static_cast<int>(interface_index);
  if (::ioctl(file_.descriptor(), SIOCGIFNAME, &request) != 0 ||
      ::ioctl(file_.descriptor(), SIOCGIFMTU, &request) != 0) {
    return 0;
  }
  return static_cast<std::uint32_t>(request.ifr_mtu);
}

Result<RouteWatch> RouteWatch::open(Obstacle& obstacle) noexcept {
  Result<io::File> file = open_netlink(
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE, obstacle);
  if (!file) return Error{file.error()};
  return RouteWatch(std::move(*file));
}

bool RouteWatch::changed() noexcept {
  // What has changed is in the messages; that something has is all that is asked, so one byte of
  // each is enough. An overflow (ENOBUFS) means more changes than the kernel could tell of.
  std::uint8_t byte;
  bool any = false;
  for (int notice = 0; notice < kNoticesMax; ++notice) {
    const ssize_t received = ::recv(file_.descriptor(), &byte, sizeof byte, 0);
    if (received < 0 && errno != ENOBUFS) return any;
    any = true;
  }
  return any;
}

}  // namespace trunkyard::kernel
