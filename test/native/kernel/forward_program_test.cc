// The kernel's program, run by the kernel on frames that we make (BPF_PROG_TEST_RUN): every byte
// that comes out, everything that is left alone, and the books against a naive model and against
// rtp::SourceStatistics.
#include "kernel/forward_program.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/prng.h"
#include "kernel/fast_path.h"
#include "native/harness.h"
#include "native/kernel/net_lab.h"
#include "rtp/source_statistics.h"

using namespace trunkyard;
using namespace trunkyard::kernel;

static_assert(kStepAheadMax == rtp::kMaxDropout && kStepBackMax == rtp::kMaxMisorder);
static_assert(kTransitJumpSecondsMax == rtp::kTransitJumpMax.ns() / 1'000'000'000);

namespace {

constexpr std::size_t kIp = 14;
constexpr std::size_t kUdp = 34;
constexpr std::size_t kRtp = 42;
constexpr std::uint32_t kSsrc = 0xcafe'0001;
constexpr std::uint32_t kRateHz = 8000;
constexpr std::uint8_t kTypeIn = 8;
constexpr std::uint8_t kTypeOut = 108;

using Frame = std::vector<std::uint8_t>;

std::uint32_t sum16(Bytes bytes, std::uint32_t sum = 0) {
  for (std::size_t at = 0; at < bytes.size(); ++at)
    sum += at % 2 == 0 ? bytes[at] << 8 : bytes[at];
  return sum;
}
std::uint16_t fold(std::uint32_t sum) {
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}
std::uint32_t pseudo_header_sum(Bytes frame) {
  return sum16(frame.subspan(kIp + 12, 8)) + 17u + static_cast<std::uint32_t>(frame.size() - kUdp);
}
/// Whether the IP header's checksum and the UDP checksum (unless there is none) are right.
bool checksums_right(Bytes frame) {
  if (fold(sum16(frame.subspan(kIp, 20))) != 0xffff) return false;
  if (load_u16(&frame[kUdp + 6]) == 0) return true;
  return fold(sum16(frame.subspan(kUdp), pseudo_header_sum(frame))) == 0xffff;
}

/// What a packet is made from.
struct Packet {
  SocketAddress from = SocketAddress::v4(127, 0, 0, 2, 40000);
  SocketAddress at = SocketAddress::v4(127, 0, 0, 1, 20000);
  std::uint8_t payload_type = kTypeIn;
  bool marker = false;
  std::uint16_t sequence = 1000;
  std::uint32_t timestamp = 160;
  std::uint32_t ssrc = kSsrc;
  std::size_t payload_bytes = 160;
  std::uint8_t fill = 0xd5;
  bool udp_checksum = true;
};

/// Writes both checksums anew, after a test has bent a frame.
void seal(Frame& frame, bool udp_checksum) {
  store_u16(&frame[kIp + 10], 0);
  const std::uint16_t header =
      static_cast<std::uint16_t>(~fold(sum16(Bytes(frame).subspan(kIp, 20))));
  store_u16(&frame[kIp + 10], header);
  store_u16(&frame[kUdp + 6], 0);
  if (!udp_checksum) return;
  const std::uint16_t whole = static_cast<std::uint16_t>(
      ~fold(sum16(Bytes(frame).subspan(kUdp), pseudo_header_sum(frame))));
  store_u16(&frame[kUdp + 6], whole == 0 ? 0xffff : whole);
}

Frame frame_of(const Packet& packet) {
  Frame frame(kRtp + 12 + packet.payload_bytes, packet.fill);
  ByteWriter writer(frame);
  writer.zeros(12);
  writer.u16(0x0800);
  writer.u16(0x4510);
  writer.u16(static_cast<std::uint16_t>(frame.size() - kIp));
  writer.u32(0x1234'4000);
  writer.u32(0x3a11'0000);
  writer.bytes(Bytes(packet.from.bytes).first(4));
  writer.bytes(Bytes(packet.at.bytes).first(4));
  writer.u16(packet.from.port);
  writer.u16(packet.at.port);
  writer.u16(static_cast<std::uint16_t>(frame.size() - kUdp));
  writer.u16(0);
  writer.u8(0x80);
  writer.u8(static_cast<std::uint8_t>((packet.marker ? 0x80 : 0) | packet.payload_type));
  writer.u16(packet.sequence);
  writer.u32(packet.timestamp);
  writer.u32(packet.ssrc);
  seal(frame, packet.udp_checksum);
  return frame;
}

struct Outcome {
  std::int32_t verdict = -2;
  Frame frame;
};

/// The kernel runs a program on a frame as if it had come in on the loopback.
Outcome run(int program, const Frame& frame, std::uint32_t gso_size = 0) {
  Outcome outcome;
  outcome.frame.resize(2048);
  __sk_buff context = {};
  context.gso_size = gso_size;
  bpf_attr attributes = {};
  attributes.test.prog_fd = static_cast<std::uint32_t>(program);
  attributes.test.data_in = reinterpret_cast<std::uintptr_t>(frame.data());
  attributes.test.data_size_in = static_cast<std::uint32_t>(frame.size());
  attributes.test.data_out = reinterpret_cast<std::uintptr_t>(outcome.frame.data());
  attributes.test.data_size_out = static_cast<std::uint32_t>(outcome.frame.size());
  attributes.test.ctx_in = reinterpret_cast<std::uintptr_t>(&context);
  attributes.test.ctx_size_in = sizeof context;
  attributes.test.repeat = 1;
  if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) != 0) return outcome;
  outcome.verdict = static_cast<std::int32_t>(attributes.test.retval);
  outcome.frame.resize(attributes.test.data_size_out);
  return outcome;
}

constexpr std::int32_t kForwarded = 0;
constexpr std::int32_t kLeft = -1;

Stream stream_of(const Packet& packet) {
  Stream stream;
  stream.from = packet.from;
  stream.at = packet.at;
  stream.by = SocketAddress::v4(127, 0, 0, 1, 20002);
  stream.to = SocketAddress::v4(127, 0, 0, 3, 50000);
  stream.payload_types.fill(kLeftToSocket);
  stream.payload_types[kTypeIn] = kTypeOut;
  stream.clock_rate_hz = kRateHz;
  stream.traffic_class = 0xb8;
  stream.books.ssrc = packet.ssrc;
  stream.books.highest = 0x1'0000u + packet.sequence - 1u;
  return stream;
}

/// A fast path on the loopback with room for one stream; null, and the test skipped, without one.
std::unique_ptr<FastPath> open_path() {
  const char* const loopback = "lo";
  Obstacle obstacle;
  auto path = FastPath::open({.interfaces = {&loopback, 1}, .streams_per_lane = 1}, obstacle);
  if (path) return std::move(*path);
  test::skip(describe(obstacle));
  return nullptr;
}

/// The arrival in timestamp units, by way of 128 bits.
std::uint32_t clock_units(std::uint64_t ns) {
  return static_cast<std::uint32_t>(static_cast<unsigned __int128>(ns) * kRateHz / 1'000'000'000u);
}

}  // namespace

TEST("a packet leaves as a socket of ours would send it, byte for byte") {
  const auto path = open_path();
  if (path == nullptr) return;
  for (const bool udp_checksum : {true, false}) {
    Packet packet;
    packet.marker = true;
    packet.udp_checksum = udp_checksum;
    const Stream stream = stream_of(packet);
    const auto handle = path->lane(0).add(stream);
    REQUIRE(handle.ok());

    Packet expected_packet = packet;
    expected_packet.from = stream.by;
    expected_packet.at = stream.to;
    expected_packet.payload_type = kTypeOut;
    Frame expected = frame_of(expected_packet);
    expected[kIp + 1] = 0xb8;
    expected[kIp + 8] = kTimeToLive;
    seal(expected, udp_checksum);

    const Outcome outcome = run(path->program(), frame_of(packet));
    CHECK_EQ(outcome.verdict, kForwarded);
    CHECK_EQ(Bytes(outcome.frame), Bytes(expected));
    const auto books = path->lane(0).remove(*handle);
    REQUIRE(books.ok());
    CHECK_EQ(books->packets, 1u);
    CHECK_EQ(books->octets, 160u);
    CHECK_EQ(books->highest, 0x1'0000u + packet.sequence);
    CHECK_EQ(books->timestamp, packet.timestamp);
  }
}

TEST("each payload type becomes what it was given, up to four of them, markers kept") {
  const auto path = open_path();
  if (path == nullptr) return;
  Packet packet;
  Stream stream = stream_of(packet);
  stream.payload_types.fill(kLeftToSocket);
  stream.payload_types[0] = 127;
  stream.payload_types[13] = 13;
  stream.payload_types[96] = 0;
  stream.payload_types[127] = 97;
  const auto handle = path->lane(0).add(stream);
  REQUIRE(handle.ok());
  for (std::uint32_t type_byte = 0; type_byte < 256; ++type_byte) {
    const auto type = static_cast<std::uint8_t>(type_byte & 0x7f);
    packet.payload_type = type;
    packet.marker = type_byte >= 128;
    const bool rtcp = type_byte >= 192 && type_byte < 224;
    const Outcome outcome = run(path->program(), frame_of(packet));
    const bool carried = stream.payload_types[type] != kLeftToSocket && !rtcp;
    CHECK_EQ(outcome.verdict, carried ? kForwarded : kLeft);
    CHECK_EQ(outcome.frame[kRtp + 1],
             (type_byte & 0x80) | (carried ? stream.payload_types[type] : type));
  }
  CHECK_EQ(path->lane(0).remove(*handle)->packets, 8u);
}

TEST("checksums stay right over any addresses, ports, payloads and lengths") {
  const auto path = open_path();
  if (path == nullptr) return;
  Prng prng(20260807);
  const auto draw = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(prng.next_u64() % below);
  };
  const auto loopback = [&] {
    return SocketAddress::v4(
        127, static_cast<std::uint8_t>(draw(256)), static_cast<std::uint8_t>(draw(256)),
        static_cast<std::uint8_t>(1 + draw(254)), static_cast<std::uint16_t>(1 + draw(65535)));
  };
  for (int round = 0; round < 1'500; ++round) {
    Packet packet;
    packet.from = loopback();
    packet.at = loopback();
    packet.sequence = static_cast<std::uint16_t>(draw(65536));
    packet.timestamp = draw(0xffff'ffff);
    packet.fill = static_cast<std::uint8_t>(draw(3) == 0 ? 0 : draw(256));
    packet.payload_bytes = draw(1200);
    packet.udp_checksum = draw(4) != 0;
    Stream stream = stream_of(packet);
    stream.by = loopback();
    stream.to = loopback();
    const auto handle = path->lane(0).add(stream);
    REQUIRE(handle.ok());
    const Outcome outcome = run(path->program(), frame_of(packet));
    CHECK_EQ(outcome.verdict, kForwarded);
    CHECK_TRUE(checksums_right(outcome.frame));
    CHECK_EQ(load_u16(&outcome.frame[kUdp + 6]) != 0, packet.udp_checksum);
    CHECK_TRUE(path->lane(0).remove(*handle).ok());
  }
}

TEST("a UDP checksum that comes out as zero is written as its other form") {
  const auto path = open_path();
  if (path == nullptr) return;
  // Among all values of two payload bytes some make the outgoing sum zero; one is enough.
  Packet packet;
  packet.payload_bytes = 2;
  const auto handle = path->lane(0).add(stream_of(packet));
  REQUIRE(handle.ok());
  bool met = false;
  for (std::uint32_t value = 0; value < 0x1'0000 && !met; ++value) {
    Frame frame = frame_of(packet);
    store_u16(&frame[kRtp + 12], static_cast<std::uint16_t>(value));
    seal(frame, true);
    const Outcome outcome = run(path->program(), frame);
    const std::uint16_t checksum = load_u16(&outcome.frame[kUdp + 6]);
    if (checksum == 0 || !checksums_right(outcome.frame)) {
      test::fail(__FILE__, __LINE__, "payload " + std::to_string(value));
      return;
    }
    met = checksum == 0xffff;
  }
  CHECK_TRUE(met);
}

TEST("what isn't plainly a packet of the stream is left as it came, and not counted") {
  const auto path = open_path();
  if (path == nullptr) return;
  const Packet packet;
  const auto handle = path->lane(0).add(stream_of(packet));
  REQUIRE(handle.ok());
  struct Case {
    const char* what;
    std::function<void(Frame&)> bend;
  };
  const std::vector<Case> cases = {
      {"for another machine", [](Frame& f) { f[0] = 2; }},
      {"not IPv4", [](Frame& f) { store_u16(&f[12], 0x86dd); }},
      {"a VLAN tag", [](Frame& f) { store_u16(&f[12], 0x8100); }},
      {"IP version 6", [](Frame& f) { f[kIp] = 0x65; }},
      {"IP options", [](Frame& f) { f[kIp] = 0x46; }},
      {"first fragment", [](Frame& f) { store_u16(&f[kIp + 6], 0x2000); }},
      {"later fragment", [](Frame& f) { store_u16(&f[kIp + 6], 0x0001); }},
      {"the last possible fragment", [](Frame& f) { store_u16(&f[kIp + 6], 0x1000); }},
      {"TCP", [](Frame& f) { f[kIp + 9] = 6; }},
      {"another source address", [](Frame& f) { f[kIp + 15] ^= 1; }},
      {"another destination address", [](Frame& f) { f[kIp + 19] ^= 1; }},
      {"another source port", [](Frame& f) { f[kUdp + 1] ^= 1; }},
      {"another destination port", [](Frame& f) { f[kUdp + 3] ^= 1; }},
      {"UDP shorter than IP says", [](Frame& f) { store_u16(&f[kUdp + 4], 100); }},
      {"UDP longer than IP says", [](Frame& f) { store_u16(&f[kUdp + 4], 181); }},
      {"IP longer than the frame",
       [](Frame& f) {
         store_u16(&f[kIp + 2], 201);
         store_u16(&f[kUdp + 4], 181);
       }},
      {"no room for an RTP header",
       [](Frame& f) {
         store_u16(&f[kIp + 2], 39);
         store_u16(&f[kUdp + 4], 19);
       }},
      {"RTP version 1", [](Frame& f) { f[kRtp] = 0x40; }},
      {"STUN", [](Frame& f) { f[kRtp] = 0x00; }},
      {"DTLS", [](Frame& f) { f[kRtp] = 22; }},
      {"padding", [](Frame& f) { f[kRtp] |= 0x20; }},
      {"an extension", [](Frame& f) { f[kRtp] |= 0x10; }},
      {"a CSRC", [](Frame& f) { f[kRtp] |= 0x01; }},
      {"a payload type that isn't carried", [](Frame& f) { f[kRtp + 1] = 101; }},
      {"another SSRC", [](Frame& f) { f[kRtp + 11] ^= 1; }},
      {"a jump ahead", [](Frame& f) { store_u16(&f[kRtp + 2], 999 + kStepAheadMax); }},
      {"a jump back", [](Frame& f) { store_u16(&f[kRtp + 2], 999 - kStepBackMax); }},
      {"half a cycle away", [](Frame& f) { store_u16(&f[kRtp + 2], 999 + 0x8000); }},
  };
  for (const Case& each : cases) {
    Frame frame = frame_of(packet);
    each.bend(frame);
    const Outcome outcome = run(path->program(), frame);
    if (outcome.verdict != kLeft || outcome.frame != frame) {
      test::fail(__FILE__, __LINE__, std::string("not left alone: ") + each.what);
    }
  }
  // Each type of RTCP, with which muxed reports arrive on the stream's own port.
  for (std::uint32_t type = 192; type < 224; ++type) {
    Frame frame = frame_of(packet);
    frame[kRtp + 1] = static_cast<std::uint8_t>(type);
    CHECK_EQ(run(path->program(), frame).verdict, kLeft);
  }
  CHECK_EQ(run(path->program(), frame_of(packet), 600).verdict, kLeft);
  for (std::size_t bytes = kUdp; bytes < kRtp + 12; ++bytes) {
    Frame frame = frame_of(packet);
    frame.resize(bytes);
    CHECK_EQ(run(path->program(), frame).verdict, kLeft);
  }
  CHECK_EQ(path->lane(0).read(*handle)->packets, 0u);
  CHECK_EQ(run(path->program(), frame_of(packet)).verdict, kForwarded);
  CHECK_EQ(path->lane(0).read(*handle)->packets, 1u);
}

TEST("the steps of a sequence number that are still the stream's are those of RFC 3550") {
  const auto path = open_path();
  if (path == nullptr) return;
  struct Case {
    std::uint16_t sequence;
    bool forwarded;
  };
  // The highest number is 0xfffe, so the steps cross the end of a cycle.
  for (const auto& [sequence, forwarded] :
       {Case{0xfffe, true}, Case{0xffff, true}, Case{0, true},
        Case{static_cast<std::uint16_t>(0xfffe + kStepAheadMax - 1), true},
        Case{static_cast<std::uint16_t>(0xfffe + kStepAheadMax), false}, Case{0xfffe - 1, true},
        Case{0xfffe - kStepBackMax + 1, true}, Case{0xfffe - kStepBackMax, false}}) {
    Packet packet;
    packet.sequence = 0xffff;
    const auto handle = path->lane(0).add(stream_of(packet));
    REQUIRE(handle.ok());
    packet.sequence = sequence;
    CHECK_EQ(run(path->program(), frame_of(packet)).verdict, forwarded ? kForwarded : kLeft);
    const auto books = path->lane(0).remove(*handle);
    const std::uint64_t ahead = static_cast<std::uint16_t>(sequence - 0xfffe);
    const bool higher = forwarded && ahead < kStepAheadMax;
    CHECK_EQ(books->highest, 0x1'fffeu + (higher ? ahead : 0));
    CHECK_EQ(books->packets, forwarded ? 1u : 0u);
  }
}

TEST("A27 the books equal those of the socket path over loss, reorder, duplicates and pauses") {
  const auto path = open_path();
  if (path == nullptr) return;
  Prng prng(42);
  for (int round = 0; round < 10; ++round) {
    // Two packets through user space, as before any stream is added; then the kernel takes over.
    rtp::SourceStatistics model;
    Packet packet;
    packet.sequence = static_cast<std::uint16_t>(prng.next_u64());
    packet.timestamp = static_cast<std::uint32_t>(prng.next_u64());
    const auto arrive = [&](std::uint64_t ns) {
      model.on_packet(Instant::from_ns(static_cast<std::int64_t>(ns)),
                      {.ssrc = static_cast<rtp::Ssrc>(packet.ssrc),
                       .sequence = packet.sequence,
                       .timestamp = static_cast<rtp::RtpTimestamp>(packet.timestamp),
                       .payload_bytes = static_cast<std::uint32_t>(packet.payload_bytes),
                       .clock_rate_hz = kRateHz});
    };
    const auto probe = path->lane(0).add(stream_of(packet));
    REQUIRE(probe.ok());
    CHECK_EQ(run(path->program(), frame_of(packet)).verdict, kForwarded);
    const std::uint64_t begin_ns = path->lane(0).remove(*probe)->arrived_ns;
    arrive(begin_ns);
    packet.sequence = static_cast<std::uint16_t>(packet.sequence + 1);
    arrive(begin_ns);

    Stream stream = stream_of(packet);
    stream.books.highest = model.highest().value();
    stream.books.transit = clock_units(begin_ns) - packet.timestamp;
    stream.books.transit_known = 1;
    const auto handle = path->lane(0).add(stream);
    REQUIRE(handle.ok());

    std::uint64_t octets = 0;
    std::uint64_t packets = 0;
    std::uint16_t newest = packet.sequence;
    for (int index = 0; index < 500; ++index) {
      const std::uint64_t dice = prng.next_u64() % 100;
      if (dice < 70) {
        packet.sequence = ++newest;
      } else if (dice < 80) {
        newest = static_cast<std::uint16_t>(newest + 1 + prng.next_u64() % 2998);
        packet.sequence = newest;
      } else {
        packet.sequence = static_cast<std::uint16_t>(newest - prng.next_u64() % 100);
      }
      // Timestamps of any kind: in step, far off, beyond the jump that counts as a new clock.
      packet.timestamp += static_cast<std::uint32_t>(dice % 10 == 0 ? prng.next_u64() % 100'000
                                                                    : prng.next_u64() % 400);
      packet.payload_bytes = prng.next_u64() % 200;
      CHECK_EQ(run(path->program(), frame_of(packet)).verdict, kForwarded);
      const auto books = path->lane(0).read(*handle);
      REQUIRE(books.ok());
      arrive(books->arrived_ns);
      octets += packet.payload_bytes;
      ++packets;
      CHECK_EQ(books->highest, model.highest().value());
      CHECK_EQ(books->jitter_scaled >> 4, model.jitter_units());
      CHECK_EQ(static_cast<double>(books->jitter_scaled) * 1000.0 / 16.0 / kRateHz,
               model.jitter_ms());
      CHECK_EQ(books->timestamp, packet.timestamp);
    }
    const auto books = path->lane(0).remove(*handle);
    REQUIRE(books.ok());
    CHECK_EQ(books->packets, packets);
    CHECK_EQ(books->octets, octets);
    const std::uint64_t expected = books->highest - stream.books.highest;
    CHECK_EQ(model.packets_lost(), expected > packets ? expected - packets : 0);
  }
}

TEST("a slot that is closed, busy or another stream's leaves the packet to the socket") {
  Obstacle obstacle;
  const auto keys =
      create_hash_map("test_keys", sizeof(StreamKey), sizeof(std::uint32_t), 1, obstacle);
  const auto slots = create_shared_array("test_slots", sizeof(StreamSlot), 1, obstacle);
  if (!keys || !slots) {
    test::skip(describe(obstacle));
    return;
  }
  const auto memory = SharedArray::map(slots->descriptor(), sizeof(StreamSlot), obstacle);
  auto code = std::make_unique<Assembler>();
  write_forward_program(*code, {.keys = keys->descriptor(), .slots = slots->descriptor()});
  const auto written = code->finish();
  REQUIRE(memory.ok() && written.ok());
  const auto program = load_ingress_program(*written, "test_forward", obstacle);
  REQUIRE(program.ok());

  const Packet packet;
  StreamKey key = {.from_host = 0x0200'007f,
                   .at_host = 0x0100'007f,
                   .from_port = __builtin_bswap16(packet.from.port),
                   .at_port = __builtin_bswap16(packet.at.port)};
  const std::uint32_t number = 0;
  const auto bytes_of = [](const auto& value) {
    return Bytes{reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
  };
  REQUIRE(map_insert(keys->descriptor(), bytes_of(key), bytes_of(number), obstacle).ok());
  auto& slot = *reinterpret_cast<StreamSlot*>(memory->bytes().data());
  slot.key = key;
  slot.egress = 1;
  slot.bytes_max = 1500;
  slot.types[0] = {kTypeIn, kTypeOut};
  slot.books.ssrc = packet.ssrc;
  slot.books.highest = 0x1'0000u + packet.sequence;

  for (const std::uint32_t state : {kSlotClosed, kSlotBusy, kSlotClosed | kSlotBusy}) {
    slot.state = state;
    CHECK_EQ(run(program->descriptor(), frame_of(packet)).verdict, kLeft);
    CHECK_EQ(slot.state, state);
  }
  CHECK_EQ(slot.books.packets, 0u);

  // Found by its number, but the slot has been given away meanwhile; each part of the key tells.
  slot.state = 0;
  std::uint32_t entered = 0;
  for (std::size_t byte = 0; byte < sizeof(StreamKey); ++byte) {
    reinterpret_cast<std::uint8_t*>(&slot.key)[byte] ^= 1;
    CHECK_EQ(run(program->descriptor(), frame_of(packet)).verdict, kLeft);
    slot.key = key;
    CHECK_EQ(slot.state, ++entered * kSlotEntered);
  }
  CHECK_EQ(slot.books.packets, 0u);

  // The count of visits wraps without touching the two bits below it.
  slot.state = ~(kSlotClosed | kSlotBusy);
  CHECK_EQ(run(program->descriptor(), frame_of(packet)).verdict, kForwarded);
  CHECK_EQ(slot.state, 0u);
  CHECK_EQ(slot.books.packets, 1u);
}

TEST(
    "whatever a frame holds, it leaves untouched, or rewritten with its checksums as right as "
    "before") {
  const auto path = open_path();
  if (path == nullptr) return;
  const Packet packet;
  const Stream stream = stream_of(packet);
  Prng prng(7);
  std::uint64_t forwarded = 0;
  for (int round = 0; round < 6'000; ++round) {
    const auto handle = path->lane(0).add(stream);
    REQUIRE(handle.ok());
    Frame frame = frame_of(packet);
    for (std::uint32_t changes = prng.below(4); changes > 0; --changes) {
      frame[prng.below(round % 2 == 0 ? kRtp + 12 : static_cast<std::uint32_t>(frame.size()))] =
          static_cast<std::uint8_t>(prng.next_u32());
    }
    const bool sealed = prng.below(2) == 0;
    if (sealed) seal(frame, load_u16(&frame[kUdp + 6]) != 0);
    const Outcome outcome = run(path->program(), frame);
    const auto books = path->lane(0).remove(*handle);
    REQUIRE(books.ok());
    if (outcome.verdict == kForwarded) {
      ++forwarded;
      CHECK_EQ(books->packets, 1u);
      CHECK_EQ(checksums_right(outcome.frame), checksums_right(frame));
      CHECK_EQ(Bytes(outcome.frame).subspan(kRtp + 2), Bytes(frame).subspan(kRtp + 2));
    } else {
      CHECK_EQ(outcome.verdict, kLeft);
      CHECK_EQ(books->packets, 0u);
      CHECK_EQ(Bytes(outcome.frame), Bytes(frame));
    }
  }
  CHECK_TRUE(forwarded > 600);
  CHECK_TRUE(forwarded < 5'400);
}

TEST("without a clock rate there is no jitter, and everything else is counted") {
  const auto path = open_path();
  if (path == nullptr) return;
  Packet packet;
  Stream stream = stream_of(packet);
  stream.clock_rate_hz = 0;
  const auto handle = path->lane(0).add(stream);
  REQUIRE(handle.ok());
  for (int index = 0; index < 3; ++index) {
    CHECK_EQ(run(path->program(), frame_of(packet)).verdict, kForwarded);
    ++packet.sequence;
  }
  const auto books = path->lane(0).remove(*handle);
  CHECK_EQ(books->packets, 3u);
  CHECK_EQ(books->jitter_scaled, 0u);
  CHECK_EQ(books->transit_known, 0u);
}

TEST("a frame that is longer than its packet is forwarded with what follows it") {
  const auto path = open_path();
  if (path == nullptr) return;
  Packet packet;
  packet.payload_bytes = 0;
  Frame frame = frame_of(packet);
  frame.resize(60);
  const auto handle = path->lane(0).add(stream_of(packet));
  REQUIRE(handle.ok());
  const Outcome outcome = run(path->program(), frame);
  CHECK_EQ(outcome.verdict, kForwarded);
  CHECK_EQ(outcome.frame.size(), 60u);
  CHECK_TRUE(checksums_right(Bytes(outcome.frame).first(kRtp + 12)));
  CHECK_EQ(path->lane(0).remove(*handle)->octets, 0u);
}
