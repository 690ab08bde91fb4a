// relay_kernel: a relay whose streams are forwarded by native/kernel. The first packet of each
// stream goes by its socket, as in relay_floor, and tells what the stream is called; then the
// kernel has it. So it shows what the fast path costs, and nothing else of the engine.
//
// Usage: relay_kernel [--program-time] INTERFACE... < legs (relay_legs.h); says `ready` at the end
// of its input. At SIGTERM it prints, as JSON, how many packets went which way; with --program-time
// also how long the program took for one that it was shown, by the kernel's own clock, which costs
// time itself.
#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "kernel/fast_path.h"
#include "relay_legs.h"

namespace {

using trunkyard::Handle;
using trunkyard::SocketAddress;
using trunkyard::bench::RelayLeg;
using trunkyard::kernel::FastPath;
using trunkyard::kernel::Lane;
using trunkyard::kernel::Obstacle;
using trunkyard::kernel::Stream;

constexpr std::size_t kBatchEvents = 512;
constexpr std::size_t kDatagramBytesMax = 2048;
constexpr ssize_t kRtpHeaderBytes = 12;
constexpr std::uint8_t kPcmu = 0;
constexpr std::uint32_t kPcmuHz = 8000;

volatile std::sig_atomic_t stopped = 0;

void stop(int) {
  stopped = 1;
}

SocketAddress address_of(const sockaddr_in& from) {
  SocketAddress address;
  std::memcpy(address.bytes.data(), &from.sin_addr, sizeof from.sin_addr);
  address.port = ntohs(from.sin_port);
  address.family = 4;
  return address;
}

/// The stream that a packet belongs to, from one leg of a call to the other.
Stream stream_of(const RelayLeg& in, const RelayLeg& out, const std::uint8_t* packet) {
  Stream stream;
  stream.from = address_of(in.remote);
  stream.at = address_of(in.local);
  stream.by = address_of(out.local);
  stream.to = address_of(out.remote);
  stream.payload_types.fill(trunkyard::kernel::kLeftToSocket);
  stream.payload_types[kPcmu] = kPcmu;
  stream.clock_rate_hz = kPcmuHz;
  stream.books.ssrc = trunkyard::load_u32(packet + 8);
  stream.books.highest = 0x1'0000u + trunkyard::load_u16(packet + 2);
  return stream;
}

/// How long the program ran, and how often.
struct ProgramTime {
  std::uint64_t ns = 0;
  std::uint64_t runs = 0;
};

ProgramTime program_time(int program) {
  bpf_prog_info info = {};
  bpf_attr attributes = {};
  attributes.info.bpf_fd = static_cast<std::uint32_t>(program);
  attributes.info.info_len = sizeof info;
  attributes.info.info = reinterpret_cast<std::uintptr_t>(&info);
  if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof attributes) != 0) return {};
  return {info.run_time_ns, info.run_cnt};
}

/// The kernel times programs for as long as the returned descriptor is open.
int time_programs() {
  bpf_attr attributes = {};
  attributes.enable_stats.type = BPF_STATS_RUN_TIME;
  return static_cast<int>(syscall(SYS_bpf, BPF_ENABLE_STATS, &attributes, sizeof attributes));
}

/// Relays until SIGTERM. @return packets that went by the sockets.
std::uint64_t relay(int poller, const std::vector<RelayLeg>& legs, Lane& lane,
                    std::vector<Handle>& streams) {
  std::array<epoll_event, kBatchEvents> events;
  std::array<std::uint8_t, kDatagramBytesMax> datagram;
  std::uint64_t by_socket = 0;
  while (stopped == 0) {
    const int ready = epoll_wait(poller, events.data(), kBatchEvents, -1);
    for (int index = 0; index < ready; ++index) {
      const std::size_t leg = events[static_cast<std::size_t>(index)].data.u64;
      const ssize_t bytes = recv(legs[leg].socket, datagram.data(), datagram.size(), 0);
      if (bytes < kRtpHeaderBytes) continue;
      ++by_socket;
      (void)send(legs[leg ^ 1].socket, datagram.data(), static_cast<std::size_t>(bytes), 0);
      if (!streams[leg].none()) continue;
      const auto added = lane.add(stream_of(legs[leg], legs[leg ^ 1], datagram.data()));
      if (added) streams[leg] = *added;
    }
  }
  return by_socket;
}

}  // namespace

int main(int argc, char** argv) {
  const bool timed = argc > 1 && std::strcmp(argv[1], "--program-time") == 0;
  const std::span<const char* const> interfaces(argv + (timed ? 2 : 1), argv + argc);
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  std::vector<RelayLeg> legs;
  if (poller < 0 || !trunkyard::bench::open_legs(poller, legs)) {
    std::fputs("relay_kernel: a leg can't be read or opened\n", stderr);
    return 1;
  }
  Obstacle obstacle;
  const auto path = FastPath::open(
      {.interfaces = interfaces, .streams_per_lane = static_cast<std::uint32_t>(legs.size())},
      obstacle);
  if (!path || (timed && time_programs() < 0)) {
    std::fprintf(stderr, "relay_kernel: %s\n", describe(obstacle).c_str());
    return 1;
  }
  struct sigaction action = {};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  std::puts("ready");
  std::fflush(stdout);

  std::vector<Handle> streams(legs.size());
  Lane& lane = (*path)->lane(0);
  const std::uint64_t by_socket = relay(poller, legs, lane, streams);
  std::uint64_t by_kernel = 0;
  for (const Handle stream : streams) {
    if (const auto books = lane.remove(stream); books) by_kernel += books->packets;
  }
  const ProgramTime time = program_time((*path)->program());
  std::printf("{\"bySocket\":%llu,\"byKernel\":%llu,\"programNs\":%.1f}\n",
              static_cast<unsigned long long>(by_socket),
              static_cast<unsigned long long>(by_kernel),
              time.runs == 0 ? 0.0 : static_cast<double>(time.ns) / static_cast<double>(time.runs));
}
