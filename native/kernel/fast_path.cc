#include "kernel/fast_path.h"

#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "kernel/forward_program.h"

namespace trunkyard::kernel {

namespace {

/// A program is inside a slot for a fraction of a microsecond, unless the host has just taken its
/// CPU away. Waiting ends after some milliseconds; the books may then miss that packet.
constexpr std::uint32_t kLeaveTriesMax = 1u << 22;
constexpr std::uint32_t kReadTriesMax = 64;

std::atomic_ref<std::uint32_t> state_of(StreamSlot& slot) noexcept {
  return std::atomic_ref<std::uint32_t>(slot.state);
}

/// An IPv4 address as the bytes lie in a packet.
std::uint32_t host_of(const SocketAddress& address) noexcept {
  std::uint32_t host;
  std::memcpy(&host, address.bytes.data(), sizeof host);
  return host;
}

/// The same the other way round, without a port.
SocketAddress address_of(std::uint32_t host) noexcept {
  SocketAddress address;
  address.family = 4;
  std::memcpy(address.bytes.data(), &host, sizeof host);
  return address;
}

std::uint16_t port_of(const SocketAddress& address) noexcept {
  return __builtin_bswap16(address.port);
}

/// The sum of 16-bit words as internet checksums take it: carries come round again.
std::uint32_t folded(std::uint64_t sum) noexcept {
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint32_t>(sum);
}

/// What a checksum's sum gains when `after` stands where `before` stood (RFC 1624).
std::uint32_t delta(std::uint32_t before, std::uint32_t after) noexcept {
  return folded(std::uint64_t{static_cast<std::uint32_t>(~before)} + after);
}

/// The payload types that are carried, as the program wants them.
/// @returns false when one becomes what is none, or there are more than a slot holds.
bool take_types(const PayloadTypes& map, std::array<TypePair, kTypesForwardedMax>& pairs) noexcept {
  pairs.fill({});
  std::size_t count = 0;
  for (std::size_t type = 0; type < map.size(); ++type) {
    if (map[type] == kLeftToSocket) continue;
    if (map[type] >= kPayloadTypes || count == pairs.size()) return false;
    pairs[count] = {static_cast<std::uint8_t>(type), map[type]};
    ++count;
  }
  return true;
}

StreamKey key_of(const Stream& stream) noexcept {
  return {.from_host = host_of(stream.from),
          .at_host = host_of(stream.at),
          .from_port = port_of(stream.from),
          .at_port = port_of(stream.at)};
}

template <typename T>
Bytes bytes_of(const T& value) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

/// The longest packet, by IP, that the kernel forwards: what fits the way out and what the sockets
/// would have forwarded. A greater one is theirs to cut or to refuse, and to count.
std::uint32_t bytes_max_of(const Route& route) noexcept {
  constexpr std::uint32_t kIpAndUdpBytes = 20 + 8;
  constexpr auto kSocketBytesMax = static_cast<std::uint32_t>(kPacketBytesMax) + kIpAndUdpBytes;
  return std::min(route.mtu, kSocketBytesMax);
}

/// Fills a slot that is closed; the state is not touched.
void fill(StreamSlot& slot, const Stream& stream, const Route& route,
          const std::array<TypePair, kTypesForwardedMax>& types) noexcept {
  slot.egress = route.egress;
  slot.key = key_of(stream);
  slot.next_hop = route.next_hop;
  slot.by_host = host_of(stream.by);
  slot.to_host = host_of(stream.to);
  slot.by_port = port_of(stream.by);
  slot.to_port = port_of(stream.to);
  slot.hosts_delta =
      folded(delta(slot.key.from_host, slot.by_host) + delta(slot.key.at_host, slot.to_host));
  slot.ports_delta =
      folded(delta(slot.key.from_port, slot.by_port) + delta(slot.key.at_port, slot.to_port));
  slot.clock_rate_hz = stream.clock_rate_hz;
  slot.bytes_max = bytes_max_of(route);
  slot.traffic_class = stream.traffic_class;
  slot.books = stream.books;
  slot.books.packets = 0;
  slot.books.octets = 0;
  slot.types = types;
}

/// Copies books that a program on another CPU may be writing, word by word.
StreamBooks copy_books(StreamSlot& slot) noexcept {
  StreamBooks copy;
  auto* from = reinterpret_cast<std::uint64_t*>(&slot.books);
  auto* into = reinterpret_cast<unsigned char*>(&copy);
  for (std::size_t word = 0; word < sizeof copy / sizeof *from; ++word) {
    const std::uint64_t value =
        std::atomic_ref<std::uint64_t>(from[word]).load(std::memory_order_acquire);
    std::memcpy(into + word * sizeof value, &value, sizeof value);
  }
  return copy;
}

/// Shuts a slot's gate and waits for whoever is inside.
void close_slot(StreamSlot& slot) noexcept {
  std::uint32_t state = state_of(slot).fetch_or(kSlotClosed) | kSlotClosed;
  for (std::uint32_t tried = 0; (state & kSlotBusy) != 0 && tried < kLeaveTriesMax; ++tried)
    state = state_of(slot).load(std::memory_order_acquire);
}

Error refused(const char* step, const char* interface, int error, Obstacle& obstacle) noexcept {
  obstacle.step = step;
  obstacle.error = error;
  std::strncpy(obstacle.interface.data(), interface, obstacle.interface.size() - 1);
  return Error{ErrorCode::kSystemCallFailed};
}

/// The index of an interface whose packets begin with an Ethernet header.
Result<std::uint32_t> find_interface(const char* name, Obstacle& obstacle) noexcept {
  const io::File socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.open()) return refused("socket(AF_INET)", name, errno, obstacle);
  ifreq request = {};
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  if (::ioctl(socket.descriptor(), SIOCGIFHWADDR, &request) != 0) {
    return refused("ioctl(SIOCGIFHWADDR)", name, errno, obstacle);
  }
  const auto kind = request.ifr_hwaddr.sa_family;
  if (kind != ARPHRD_ETHER && kind != ARPHRD_LOOPBACK) {
    return refused("ioctl(SIOCGIFHWADDR)", name, EPROTONOSUPPORT, obstacle);
  }
  if (::ioctl(socket.descriptor(), SIOCGIFINDEX, &request) != 0) {
    return refused("ioctl(SIOCGIFINDEX)", name, errno, obstacle);
  }
  return static_cast<std::uint32_t>(request.ifr_ifindex);
}

bool config_valid(const FastPathConfig& config) noexcept {
  return !config.interfaces.empty() && config.interfaces.size() <= kInterfacesMax &&
         config.lanes >= 1 && config.lanes <= kMediaThreadsMax && config.streams_per_lane >= 1 &&
         config.streams_per_lane <= kSlotsPerThreadMax;
}

}  // namespace

Result<Handle> Lane::add(const Stream& stream) noexcept {
  obstacle_ = {};
  std::array<TypePair, kTypesForwardedMax> types;
  if (!take_types(stream.payload_types, types)) return Error{ErrorCode::kOrderInvalid};
  if (stream.from.family != 4 || stream.at.family != 4) return Error{ErrorCode::kAddressInvalid};
  const Result<Route> route = routes_.find(stream.by, stream.to, obstacle_);
  if (!route) return Error{route.error()};

  const Handle handle = keys_.emplace(key_of(stream));
  if (handle.none()) return Error{ErrorCode::kEndpointsFull};
  StreamSlot& slot = slots_[handle.slot()];
  const std::uint32_t state = state_of(slot).load(std::memory_order_acquire);
  if ((state & kSlotBusy) != 0) {
    // close_slot() gave up on a program whose CPU stands still, and it does so yet.
    keys_.release(handle);
    return Error{ErrorCode::kEndpointsFull};
  }
  fill(slot, stream, *route, types);
  state_of(slot).store(state & ~(kSlotBusy | kSlotClosed), std::memory_order_release);

  const std::uint32_t number = first_slot_ + handle.slot();
  if (!map_insert(map_, bytes_of(slot.key), bytes_of(number), obstacle_)) {
    close_slot(slot);
    keys_.release(handle);
    return Error{obstacle_.error == EEXIST ? ErrorCode::kOrderInvalid
                                           : ErrorCode::kSystemCallFailed};
  }
  return handle;
}

Result<StreamBooks> Lane::remove(Handle handle) noexcept {
  const StreamKey* key = keys_.find(handle);
  if (key == nullptr) return Error{ErrorCode::kHandleStale};
  StreamSlot& slot = slots_[handle.slot()];
  close_slot(slot);
  const StreamBooks books = copy_books(slot);
  // A key that is left behind would lead to a closed slot, or to another stream's, and there the
  // program compares the addresses again: it can do no harm but take up its place.
  (void)map_erase(map_, bytes_of(*key), obstacle_);
  keys_.release(handle);
  return books;
}

Result<StreamBooks> Lane::read(Handle handle) noexcept {
  if (keys_.find(handle) == nullptr) return Error{ErrorCode::kHandleStale};
  StreamSlot& slot = slots_[handle.slot()];
  for (std::uint32_t tried = 0; tried < kReadTriesMax; ++tried) {
    const std::uint32_t before = state_of(slot).load(std::memory_order_acquire);
    if ((before & kSlotBusy) != 0) continue;
    const StreamBooks books = copy_books(slot);
    if (state_of(slot).load(std::memory_order_acquire) == before) return books;
  }
  return Error{ErrorCode::kBufferFull};
}

bool Lane::way_holds(Handle handle) noexcept {
  if (keys_.find(handle) == nullptr) return false;
  // Only this thread writes these fields, and only while the slot is closed.
  const StreamSlot& slot = slots_[handle.slot()];
  const Result<Route> route =
      routes_.find(address_of(slot.by_host), address_of(slot.to_host), obstacle_);
  return route && route->egress == slot.egress && route->next_hop == slot.next_hop &&
         bytes_max_of(*route) == slot.bytes_max;
}

std::optional<Obstacle> FastPath::probe() {
  const char* const loopback = "lo";
  Obstacle obstacle;
  const FastPathConfig config = {.interfaces = {&loopback, 1}, .streams_per_lane = 1};
  if (open(config, obstacle)) return std::nullopt;
  return obstacle;
}

Result<std::unique_ptr<FastPath>> FastPath::open(const FastPathConfig& config, Obstacle& obstacle) {
  obstacle = {};
  if (!config_valid(config)) return Error{ErrorCode::kConfigInvalid};
  const std::uint32_t streams = config.lanes * config.streams_per_lane;
  Result<io::File> keys = create_hash_map("trunkyard_keys", sizeof(StreamKey),
                                          sizeof(std::uint32_t), streams, obstacle);
  if (!keys) return Error{keys.error()};
  Result<io::File> slots =
      create_shared_array("trunkyard_slots", sizeof(StreamSlot), streams, obstacle);
  if (!slots) return Error{slots.error()};
  Result<SharedArray> memory =
      SharedArray::map(slots->descriptor(), sizeof(StreamSlot) * std::size_t{streams}, obstacle);
  if (!memory) return Error{memory.error()};

  Assembler code;
  write_forward_program(code, {.keys = keys->descriptor(), .slots = slots->descriptor()});
  const auto written = code.finish();
  CHECK(written.ok());
  Result<io::File> program = load_ingress_program(*written, "trunkyard_rtp", obstacle);
  if (!program) return Error{program.error()};
  Result<RouteWatch> watch = RouteWatch::open(obstacle);
  if (!watch) return Error{watch.error()};

  std::unique_ptr<FastPath> path(new FastPath(std::move(*keys), std::move(*slots),
                                              std::move(*memory), std::move(*program),
                                              std::move(*watch)));
  if (const Result<void> done = path->open_lanes(config, obstacle); !done) {
    return Error{done.error()};
  }
  if (const Result<void> done = path->attach(config.interfaces, obstacle); !done) {
    return Error{done.error()};
  }
  return path;
}

Result<void> FastPath::open_lanes(const FastPathConfig& config, Obstacle& obstacle) {
  // The kernel gives zeroes, which would be open slots of the stream from and to 0.0.0.0.
  auto* first = reinterpret_cast<StreamSlot*>(memory_.bytes().data());
  const std::span<StreamSlot> slots(first, config.lanes * config.streams_per_lane);
  for (StreamSlot& slot : slots)
    slot.state = kSlotClosed;
  lanes_.reserve(config.lanes);
  for (std::uint32_t number = 0; number < config.lanes; ++number) {
    Result<RouteTable> routes = RouteTable::open(obstacle);
    if (!routes) return Error{routes.error()};
    const std::uint32_t first_slot = number * config.streams_per_lane;
    lanes_.emplace_back(new Lane(number, slots.subspan(first_slot, config.streams_per_lane),
                                 first_slot, keys_.descriptor(), std::move(*routes)));
  }
  return {};
}

Result<void> FastPath::attach(std::span<const char* const> interfaces, Obstacle& obstacle) {
  links_.reserve(interfaces.size());
  for (const char* name : interfaces) {
    const Result<std::uint32_t> index = find_interface(name, obstacle);
    if (!index) return Error{index.error()};
    Result<io::File> link = attach_ingress(program_.descriptor(), *index, obstacle);
    if (!link) return refused(obstacle.step, name, obstacle.error, obstacle);
    links_.push_back(std::move(*link));
  }
  return {};
}

Lane& FastPath::lane(std::uint32_t number) noexcept {
  CHECK(number < lanes_.size());
  return *lanes_[number];
}

}  // namespace trunkyard::kernel
