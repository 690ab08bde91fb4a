// kernel_bench: what the kernel's program takes for a packet, by the kernel's own clock
// (BPF_PROG_TEST_RUN), and what it costs to give it a stream, to read its books and to take it
// back. Needs the rights that the fast path needs. One line for each, the least of several runs,
// and last a checksum.
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "base/bytes.h"
#include "kernel/fast_path.h"

#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::kernel;

constexpr int kRuns = 9;
constexpr std::uint32_t kPackets = 200'000;
constexpr std::uint32_t kStreams = 20'000;
constexpr std::uint32_t kSsrc = 77;
constexpr std::uint16_t kSequence = 7;

/// An RTP header and 20 ms of PCMU, with what lies before them.
using Frame = std::array<std::uint8_t, 14 + 20 + 8 + 12 + 160>;

/// From and to one and the same pair of addresses, so that what the program makes of a packet is
/// again a packet of the stream, as often as it is run.
const SocketAddress kFrom = SocketAddress::v4(127, 0, 0, 1, 4000);
const SocketAddress kTo = SocketAddress::v4(127, 0, 0, 1, 5000);

/// @param protocol of the IP header.
Frame frame_of(std::uint8_t protocol, const SocketAddress& from) {
  Frame frame = {};
  ByteWriter writer(frame);
  writer.zeros(12);
  writer.u16(0x0800);
  writer.u16(0x4500);
  writer.u16(static_cast<std::uint16_t>(frame.size() - 14));
  writer.u32(0x1234'4000);
  writer.u8(64);
  writer.u8(protocol);
  writer.u16(0);
  writer.bytes(Bytes(from.bytes).first(4));
  writer.bytes(Bytes(kTo.bytes).first(4));
  writer.u16(from.port);
  writer.u16(kTo.port);
  writer.u16(static_cast<std::uint16_t>(frame.size() - 34));
  writer.u16(0x1234);
  writer.u16(0x8000);
  writer.u16(kSequence);
  writer.u32(160);
  writer.u32(kSsrc);
  return frame;
}

Stream stream_of() {
  Stream stream;
  stream.from = kFrom;
  stream.at = kTo;
  stream.by = kFrom;
  stream.to = kTo;
  stream.payload_types.fill(kLeftToSocket);
  stream.payload_types[0] = 0;
  stream.clock_rate_hz = 8000;
  stream.books.ssrc = kSsrc;
  stream.books.highest = 0x1'0000u + kSequence;
  return stream;
}

/// Mean time of a run of the program on a frame, in ns; the kernel gives whole ones.
double program_ns(int program, const Frame& frame) {
  bpf_attr attributes = {};
  attributes.test.prog_fd = static_cast<std::uint32_t>(program);
  attributes.test.data_in = reinterpret_cast<std::uintptr_t>(frame.data());
  attributes.test.data_size_in = frame.size();
  attributes.test.repeat = kPackets;
  if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) != 0) return 0;
  return attributes.test.duration;
}

template <typename Function>
void report(const char* what, Function&& once) {
  double least = std::numeric_limits<double>::max();
  for (int run = 0; run < kRuns; ++run)
    least = std::min(least, once());
  std::printf("%-40s %8.0f ns\n", what, least);
}

}  // namespace

int main() {
  const char* const loopback = "lo";
  Obstacle obstacle;
  const auto path = FastPath::open({.interfaces = {&loopback, 1}, .streams_per_lane = 1}, obstacle);
  if (!path) {
    std::fprintf(stderr, "kernel_bench: %s\n", describe(obstacle).c_str());
    return 1;
  }
  constexpr std::uint8_t kUdp = 17;
  constexpr std::uint8_t kTcp = 6;
  const int program = (*path)->program();
  Lane& lane = (*path)->lane(0);
  const Stream stream = stream_of();

  auto handle = lane.add(stream);
  if (!handle) return 1;
  report("a packet of a stream", [&] { return program_ns(program, frame_of(kUdp, kFrom)); });
  report("RTP of no stream",
         [&] { return program_ns(program, frame_of(kUdp, kFrom.with_port(4002))); });
  report("not UDP", [&] { return program_ns(program, frame_of(kTcp, kFrom)); });

  std::uint64_t checksum = lane.read(*handle)->packets;
  report("reading books", [&] {
    const double begin = cpu_ns();
    for (std::uint32_t index = 0; index < kStreams; ++index)
      checksum += lane.read(*handle)->octets != 0;
    return (cpu_ns() - begin) / kStreams;
  });
  if (!lane.remove(*handle)) return 1;
  report("adding a stream and taking it back", [&] {
    const double begin = cpu_ns();
    for (std::uint32_t index = 0; index < kStreams; ++index) {
      const auto added = lane.add(stream);
      if (added && lane.remove(*added)) ++checksum;
    }
    return (cpu_ns() - begin) / kStreams;
  });
  std::printf("checksum %llu\n", static_cast<unsigned long long>(checksum));
}
