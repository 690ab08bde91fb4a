#include "kernel/forward_program.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <cstddef>

#include "kernel/stream_slot.h"

namespace trunkyard::kernel {

namespace {

// Where things lie in a frame that the program looks at: Ethernet, IPv4 without options, UDP, RTP.
constexpr std::int16_t kIp = ETH_HLEN;
constexpr std::int16_t kUdp = kIp + 20;
constexpr std::int16_t kRtp = kUdp + 8;
constexpr std::int32_t kHeadBytes = kRtp + 12;
/// Of the frame, what is rewritten: the IP and UDP headers and the first two bytes of RTP.
constexpr std::int32_t kRewrittenBytes = kRtp + 2 - kIp;

constexpr std::int32_t kIpv4NoOptions = 0x45;
constexpr std::int32_t kUdpProtocol = 17;
constexpr std::int32_t kRtpPlainHeader = 0x80;
/// RTCP's packet types where RTP has marker and payload type (RFC 5761 §4).
constexpr std::int32_t kRtcpTypeMin = 192;
constexpr std::int32_t kRtcpTypes = 32;
constexpr std::int32_t kNsPerSecond = 1'000'000'000;
constexpr std::int32_t kFamilyIpv4 = 2;
constexpr std::int32_t kLoopbackIndex = 1;
/// How often the program tries to enter a slot that another CPU is in. A visit is far shorter.
constexpr std::int32_t kEnterTriesMax = 64;

// Verdicts (linux/bpf.h, enum tcx_action_base).
constexpr std::int32_t kNextProgram = -1;
constexpr std::int32_t kPassUp = 0;

// Flags of bpf_l4_csum_replace.
constexpr std::int32_t kAlsoPseudoHeader = BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0;
constexpr std::int32_t kZeroMeansNone = BPF_F_MARK_MANGLED_0;

/// Registers that live through the program. r1 to r5 and r0 are anybody's.
constexpr Reg kContext = Reg::r6;
constexpr Reg kPacket = Reg::r7;  ///< until a slot is found
constexpr Reg kSlot = Reg::r7;    ///< from then on
constexpr Reg kNow = Reg::r8;
constexpr Reg kTypeByte = Reg::r9;  ///< marker and payload type

using Label = Assembler::Label;

constexpr At stack(std::int16_t below) {
  return {Reg::r10, static_cast<std::int16_t>(-below)};
}
constexpr At plus(At at, std::int16_t bytes) {
  return {at.base, static_cast<std::int16_t>(at.offset + bytes)};
}

// The stack. The key is followed by the slot's number; the head is the rewritten part of the frame.
constexpr At kKey = stack(16);
constexpr At kSlotNumber = plus(kKey, sizeof(StreamKey));
constexpr At kHead = stack(48);
constexpr At kHeadTrafficClass = plus(kHead, 1);
constexpr At kHeadTimeToLive = plus(kHead, 8);
constexpr At kHeadIpChecksum = plus(kHead, 10);
constexpr At kHeadHosts = plus(kHead, 12);
constexpr At kHeadPorts = plus(kHead, 20);
constexpr At kHeadRtp = plus(kHead, 28);
constexpr At kHeadTypeByte = plus(kHead, 29);
/// struct bpf_redir_neigh: address family and 16 bytes of address.
constexpr At kNeighbour = stack(72);
constexpr std::int32_t kNeighbourBytes = 20;
constexpr At kSequence = stack(80);
constexpr At kTimestamp = stack(88);
constexpr At kSsrc = stack(96);
constexpr At kPayloadBytes = stack(104);
constexpr At kIpBytes = stack(112);
constexpr At kMappedType = stack(120);
constexpr At kHostsDelta = stack(128);
constexpr At kPortsDelta = stack(136);
constexpr At kEgress = stack(144);

#define FIELD_OF_SLOT(name)                                      \
  At {                                                           \
    kSlot, static_cast<std::int16_t>(offsetof(StreamSlot, name)) \
  }
#define FIELD_OF_CONTEXT(name)                                     \
  At {                                                             \
    kContext, static_cast<std::int16_t>(offsetof(__sk_buff, name)) \
  }

/// The frame's bytes at `offset`.
constexpr At frame(std::int16_t offset) {
  return {kPacket, offset};
}

/// Writes the program in the order in which a packet meets it.
class Writer {
 public:
  Writer(Assembler& code, const ForwardMaps& maps) noexcept
      : code_(code), maps_(maps), next_(code.label()), leave_(code.label()) {}

  void write() noexcept {
    code_.move(kContext, Reg::r1);
    check_frame();
    check_ip_and_udp();
    check_rtp();
    find_slot();
    enter_slot();
    check_stream();
    count();
    count_jitter();
    rewrite_ip_header();
    rewrite_ports_and_type();
    take_way_out();
    leave_slot();
    store_head();
    send();

    // Inside the slot, but the packet is not for us after all.
    code_.bind(leave_);
    leave_slot();
    code_.bind(next_);
    code_.move(Reg::r0, kNextProgram);
    code_.exit();
  }

 private:
  void check_frame() noexcept;
  void check_ip_and_udp() noexcept;
  void check_rtp() noexcept;
  void find_slot() noexcept;
  void enter_slot() noexcept;
  void check_stream() noexcept;
  void count() noexcept;
  void count_jitter() noexcept;
  void rewrite_ip_header() noexcept;
  void rewrite_ports_and_type() noexcept;
  void take_way_out() noexcept;
  void leave_slot() noexcept;
  void store_head() noexcept;
  void send() noexcept;

  /// r0 gets the address of a map's value, by the key at `key`; on to the sockets without one.
  void look_up(int map, At key) noexcept {
    code_.load_map(Reg::r1, map);
    address(Reg::r2, key);
    code_.call(Helper::kMapLookup);
    code_.jump_if(Reg::r0, Test::kEqual, 0, next_);
  }
  void address(Reg target, At at) noexcept {
    code_.move(target, at.base);
    code_.alu(Op::kAdd, target, at.offset);
  }
  /// Takes 16 bits that go, or that come, into the sum of a checksum in r1 (RFC 1624).
  void subtract16(At at) noexcept {
    code_.load(Width::k16, Reg::r2, at);
    code_.alu(Op::kXor, Reg::r2, 0xffff);
    code_.alu(Op::kAdd, Reg::r1, Reg::r2);
  }
  void add16(At at) noexcept {
    code_.load(Width::k16, Reg::r2, at);
    code_.alu(Op::kAdd, Reg::r1, Reg::r2);
  }

  Assembler& code_;
  ForwardMaps maps_;
  Label next_;
  Label leave_;
};

void Writer::check_frame() noexcept {
  code_.load(Width::k32, Reg::r2, FIELD_OF_CONTEXT(protocol));
  code_.jump_if(Reg::r2, Test::kNotEqual, __builtin_bswap16(ETH_P_IP), next_);
  // Not 0: for another machine, seen because the interface is promiscuous, or for many.
  code_.load(Width::k32, Reg::r2, FIELD_OF_CONTEXT(pkt_type));
  code_.jump_if(Reg::r2, Test::kNotEqual, 0, next_);
  code_.load(Width::k32, Reg::r2, FIELD_OF_CONTEXT(vlan_present));
  code_.jump_if(Reg::r2, Test::kNotEqual, 0, next_);
  code_.load(Width::k32, Reg::r2, FIELD_OF_CONTEXT(gso_size));
  code_.jump_if(Reg::r2, Test::kNotEqual, 0, next_);

  // Drivers leave the head of a packet in one piece, mostly; else the kernel puts it together.
  const Label in_one_piece = code_.label();
  const auto load_and_compare = [&](Test test, Label to) {
    code_.load(Width::k32, kPacket, FIELD_OF_CONTEXT(data));
    code_.load(Width::k32, Reg::r3, FIELD_OF_CONTEXT(data_end));
    code_.move(Reg::r2, kPacket);
    code_.alu(Op::kAdd, Reg::r2, kHeadBytes);
    code_.jump_if(Reg::r2, test, Reg::r3, to);
  };
  load_and_compare(Test::kLessOrEqual, in_one_piece);
  code_.load(Width::k32, Reg::r2, FIELD_OF_CONTEXT(len));
  code_.jump_if(Reg::r2, Test::kLess, kHeadBytes, next_);
  code_.move(Reg::r1, kContext);
  code_.move(Reg::r2, kHeadBytes);
  code_.call(Helper::kPullData);
  code_.jump_if(Reg::r0, Test::kNotEqual, 0, next_);
  load_and_compare(Test::kGreater, next_);
  code_.bind(in_one_piece);
}

void Writer::check_ip_and_udp() noexcept {
  code_.load(Width::k8, Reg::r0, frame(kIp));
  code_.jump_if(Reg::r0, Test::kNotEqual, kIpv4NoOptions, next_);
  // "More fragments" or an offset: only the first fragment would have ports, and none is whole.
  code_.load(Width::k16, Reg::r0, frame(kIp + 6));
  code_.jump_if(Reg::r0, Test::kAnyBit, __builtin_bswap16(0x3fff), next_);
  code_.load(Width::k8, Reg::r0, frame(kIp + 9));
  code_.jump_if(Reg::r0, Test::kNotEqual, kUdpProtocol, next_);

  // r2: the length by IP, r3: by UDP. The frame may be longer, never shorter.
  code_.load(Width::k16, Reg::r2, frame(kIp + 2));
  code_.from_network(Reg::r2, 16);
  code_.store(Width::k64, kIpBytes, Reg::r2);
  code_.load(Width::k16, Reg::r3, frame(kUdp + 4));
  code_.from_network(Reg::r3, 16);
  code_.jump_if(Reg::r3, Test::kLess, kHeadBytes - kUdp, next_);
  code_.move(Reg::r4, Reg::r3);
  code_.alu(Op::kAdd, Reg::r4, kUdp - kIp);
  code_.jump_if(Reg::r4, Test::kNotEqual, Reg::r2, next_);
  code_.load(Width::k32, Reg::r4, FIELD_OF_CONTEXT(len));
  code_.alu(Op::kSubtract, Reg::r4, kIp);
  code_.jump_if(Reg::r4, Test::kLess, Reg::r2, next_);
  code_.alu(Op::kSubtract, Reg::r3, kHeadBytes - kUdp);
  code_.store(Width::k64, kPayloadBytes, Reg::r3);
}

void Writer::check_rtp() noexcept {
  code_.load(Width::k8, Reg::r0, frame(kRtp));
  code_.jump_if(Reg::r0, Test::kNotEqual, kRtpPlainHeader, next_);
  code_.load(Width::k8, kTypeByte, frame(kRtp + 1));
  code_.move(Reg::r0, kTypeByte);
  code_.alu32(Op::kSubtract, Reg::r0, kRtcpTypeMin);
  code_.jump_if(Reg::r0, Test::kLess, kRtcpTypes, next_);

  code_.load(Width::k16, Reg::r0, frame(kRtp + 2));
  code_.from_network(Reg::r0, 16);
  code_.store(Width::k64, kSequence, Reg::r0);
  code_.load(Width::k32, Reg::r0, frame(kRtp + 4));
  code_.from_network(Reg::r0, 32);
  code_.store(Width::k64, kTimestamp, Reg::r0);
  code_.load(Width::k32, Reg::r0, frame(kRtp + 8));
  code_.from_network(Reg::r0, 32);
  code_.store(Width::k64, kSsrc, Reg::r0);

  // The head as it came; what changes is overwritten later.
  for (std::int16_t at = 0; at < kRewrittenBytes - 2; at += 4) {
    code_.load(Width::k32, Reg::r0, frame(kIp + at));
    code_.store(Width::k32, plus(kHead, at), Reg::r0);
  }
  code_.load(Width::k16, Reg::r0, frame(kRtp));
  code_.store(Width::k16, kHeadRtp, Reg::r0);
}

void Writer::find_slot() noexcept {
  // Source, destination and the two ports stand in the packet as they stand in the key.
  for (std::int16_t at = 0; at < static_cast<std::int16_t>(sizeof(StreamKey)); at += 4) {
    code_.load(Width::k32, Reg::r0, plus(kHeadHosts, at));
    code_.store(Width::k32, plus(kKey, at), Reg::r0);
  }
  look_up(maps_.keys, kKey);
  code_.load(Width::k32, Reg::r0, {Reg::r0, 0});
  code_.store(Width::k32, kSlotNumber, Reg::r0);
  look_up(maps_.slots, kSlotNumber);
  code_.move(kSlot, Reg::r0);

  // A packet that somebody else looks at too (a capture) must be made ours before it is counted:
  // afterwards nothing may fail any more.
  code_.move(Reg::r1, kContext);
  code_.move(Reg::r2, kHeadBytes);
  code_.call(Helper::kPullData);
  code_.jump_if(Reg::r0, Test::kNotEqual, 0, next_);
  code_.call(Helper::kMonotonicNs);
  code_.move(kNow, Reg::r0);
}

void Writer::enter_slot() noexcept {
  const Label again = code_.label();
  const Label occupied = code_.label();
  const Label inside = code_.label();
  code_.move(Reg::r3, kEnterTriesMax);
  code_.bind(again);
  code_.load(Width::k32, Reg::r0, FIELD_OF_SLOT(state));
  code_.jump_if(Reg::r0, Test::kAnyBit, kSlotClosed, next_);
  code_.jump_if(Reg::r0, Test::kAnyBit, kSlotBusy, occupied);
  code_.move(Reg::r1, Reg::r0);
  code_.move(Reg::r2, Reg::r0);
  code_.alu32(Op::kAdd, Reg::r2, kSlotBusy);
  code_.compare_exchange32(FIELD_OF_SLOT(state), Reg::r2);
  code_.jump_if32(Reg::r0, Test::kEqual, Reg::r1, inside);
  code_.bind(occupied);
  code_.alu(Op::kSubtract, Reg::r3, 1);
  code_.jump_if(Reg::r3, Test::kNotEqual, 0, again);
  code_.jump(next_);
  code_.bind(inside);
}

void Writer::leave_slot() noexcept {
  code_.move(Reg::r1, kSlotEntered - kSlotBusy);
  code_.fetch_add32(FIELD_OF_SLOT(state), Reg::r1);
}

void Writer::check_stream() noexcept {
  // The slot may have been given to another stream since its number was looked up.
  code_.load(Width::k64, Reg::r0, FIELD_OF_SLOT(key));
  code_.load(Width::k64, Reg::r1, kKey);
  code_.jump_if(Reg::r0, Test::kNotEqual, Reg::r1, leave_);
  code_.load(Width::k32, Reg::r0, plus(FIELD_OF_SLOT(key), 8));
  code_.load(Width::k32, Reg::r1, plus(kKey, 8));
  code_.jump_if(Reg::r0, Test::kNotEqual, Reg::r1, leave_);

  code_.load(Width::k32, Reg::r0, FIELD_OF_SLOT(books.ssrc));
  code_.load(Width::k64, Reg::r1, kSsrc);
  code_.jump_if(Reg::r0, Test::kNotEqual, Reg::r1, leave_);
  code_.load(Width::k32, Reg::r0, FIELD_OF_SLOT(bytes_max));
  code_.load(Width::k64, Reg::r1, kIpBytes);
  code_.jump_if(Reg::r1, Test::kGreater, Reg::r0, leave_);

  const Label carried = code_.label();
  code_.move(Reg::r1, kTypeByte);
  code_.alu(Op::kAnd, Reg::r1, kPayloadTypes - 1);
  for (std::size_t pair = 0; pair < kTypesForwardedMax; ++pair) {
    const At in = plus(FIELD_OF_SLOT(types), static_cast<std::int16_t>(pair * sizeof(TypePair)));
    code_.load(Width::k8, Reg::r2, in);
    code_.load(Width::k8, Reg::r0, plus(in, offsetof(TypePair, out)));
    code_.jump_if(Reg::r1, Test::kEqual, Reg::r2, carried);
  }
  code_.jump(leave_);
  code_.bind(carried);
  code_.store(Width::k64, kMappedType, Reg::r0);
}

void Writer::count() noexcept {
  // r2: how far ahead of the highest, in 16 bits, so that a step back is a great step ahead.
  const Label follows = code_.label();
  const Label counted = code_.label();
  code_.load(Width::k64, Reg::r1, FIELD_OF_SLOT(books.highest));
  code_.load(Width::k64, Reg::r2, kSequence);
  code_.alu(Op::kSubtract, Reg::r2, Reg::r1);
  code_.alu(Op::kAnd, Reg::r2, 0xffff);
  code_.jump_if(Reg::r2, Test::kLess, kStepAheadMax, follows);
  code_.jump_if(Reg::r2, Test::kLessOrEqual, (1 << 16) - kStepBackMax, leave_);
  code_.jump(counted);
  code_.bind(follows);
  code_.alu(Op::kAdd, Reg::r1, Reg::r2);
  code_.store(Width::k64, FIELD_OF_SLOT(books.highest), Reg::r1);

  code_.bind(counted);
  code_.load(Width::k64, Reg::r1, FIELD_OF_SLOT(books.packets));
  code_.alu(Op::kAdd, Reg::r1, 1);
  code_.store(Width::k64, FIELD_OF_SLOT(books.packets), Reg::r1);
  code_.load(Width::k64, Reg::r1, FIELD_OF_SLOT(books.octets));
  code_.load(Width::k64, Reg::r2, kPayloadBytes);
  code_.alu(Op::kAdd, Reg::r1, Reg::r2);
  code_.store(Width::k64, FIELD_OF_SLOT(books.octets), Reg::r1);
  code_.store(Width::k64, FIELD_OF_SLOT(books.arrived_ns), kNow);
  code_.load(Width::k64, Reg::r1, kTimestamp);
  code_.store(Width::k32, FIELD_OF_SLOT(books.timestamp), Reg::r1);
}

// RFC 3550 §A.8. The arrival is first put into timestamp units, seconds and the rest of one apart,
// because nanoseconds times the clock rate would pass 64 bits within hours of uptime.
void Writer::count_jitter() noexcept {
  const Label counted = code_.label();
  const Label distance = code_.label();
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(clock_rate_hz));
  code_.jump_if(Reg::r1, Test::kEqual, 0, counted);
  code_.move(Reg::r2, kNow);
  code_.alu(Op::kDivide, Reg::r2, kNsPerSecond);
  code_.move(Reg::r3, Reg::r2);
  code_.alu(Op::kMultiply, Reg::r3, kNsPerSecond);
  code_.move(Reg::r4, kNow);
  code_.alu(Op::kSubtract, Reg::r4, Reg::r3);
  code_.alu(Op::kMultiply, Reg::r2, Reg::r1);
  code_.alu(Op::kMultiply, Reg::r4, Reg::r1);
  code_.alu(Op::kDivide, Reg::r4, kNsPerSecond);
  code_.alu(Op::kAdd, Reg::r2, Reg::r4);
  code_.load(Width::k64, Reg::r3, kTimestamp);
  code_.alu32(Op::kSubtract, Reg::r2, Reg::r3);

  code_.load(Width::k32, Reg::r3, FIELD_OF_SLOT(books.transit_known));
  code_.load(Width::k32, Reg::r4, FIELD_OF_SLOT(books.transit));
  code_.store(Width::k32, FIELD_OF_SLOT(books.transit), Reg::r2);
  code_.store(Width::k32, FIELD_OF_SLOT(books.transit_known), 1);
  code_.jump_if(Reg::r3, Test::kEqual, 0, counted);

  // r2: the distance of the two transit times, as a positive number.
  code_.alu32(Op::kSubtract, Reg::r2, Reg::r4);
  code_.alu(Op::kShiftLeft, Reg::r2, 32);
  code_.alu(Op::kShiftRightSigned, Reg::r2, 32);
  code_.jump_if(Reg::r2, Test::kSignedGreaterOrEqual, 0, distance);
  code_.negate(Reg::r2);
  code_.bind(distance);
  code_.alu(Op::kMultiply, Reg::r1, kTransitJumpSecondsMax);
  code_.jump_if(Reg::r2, Test::kGreater, Reg::r1, counted);

  code_.load(Width::k64, Reg::r3, FIELD_OF_SLOT(books.jitter_scaled));
  code_.move(Reg::r4, Reg::r3);
  code_.alu(Op::kAdd, Reg::r4, 8);
  code_.alu(Op::kShiftRight, Reg::r4, 4);
  code_.alu(Op::kAdd, Reg::r3, Reg::r2);
  code_.alu(Op::kSubtract, Reg::r3, Reg::r4);
  code_.store(Width::k64, FIELD_OF_SLOT(books.jitter_scaled), Reg::r3);
  code_.bind(counted);
}

// The checksum over the IP header is always whole, so it is carried on by what changes in it.
void Writer::rewrite_ip_header() noexcept {
  code_.move(Reg::r1, 0);
  subtract16(kHeadIpChecksum);
  subtract16(kHead);
  code_.load(Width::k8, Reg::r2, FIELD_OF_SLOT(traffic_class));
  code_.store(Width::k8, kHeadTrafficClass, Reg::r2);
  add16(kHead);
  subtract16(kHeadTimeToLive);
  code_.store(Width::k8, kHeadTimeToLive, kTimeToLive);
  add16(kHeadTimeToLive);
  code_.load(Width::k32, Reg::r2, FIELD_OF_SLOT(hosts_delta));
  code_.store(Width::k64, kHostsDelta, Reg::r2);
  code_.alu(Op::kAdd, Reg::r1, Reg::r2);
  for (int fold = 0; fold < 2; ++fold) {
    code_.move(Reg::r2, Reg::r1);
    code_.alu(Op::kShiftRight, Reg::r2, 16);
    code_.alu(Op::kAnd, Reg::r1, 0xffff);
    code_.alu(Op::kAdd, Reg::r1, Reg::r2);
  }
  code_.alu(Op::kXor, Reg::r1, 0xffff);
  code_.store(Width::k16, kHeadIpChecksum, Reg::r1);
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(by_host));
  code_.store(Width::k32, kHeadHosts, Reg::r1);
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(to_host));
  code_.store(Width::k32, plus(kHeadHosts, 4), Reg::r1);
}

void Writer::rewrite_ports_and_type() noexcept {
  static_assert(offsetof(StreamSlot, to_port) == offsetof(StreamSlot, by_port) + 2);
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(by_port));
  code_.store(Width::k32, kHeadPorts, Reg::r1);
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(ports_delta));
  subtract16(kHeadRtp);
  code_.load(Width::k64, Reg::r3, kMappedType);
  code_.alu(Op::kAnd, kTypeByte, 0x80);
  code_.alu(Op::kOr, Reg::r3, kTypeByte);
  code_.store(Width::k8, kHeadTypeByte, Reg::r3);
  add16(kHeadRtp);
  code_.store(Width::k64, kPortsDelta, Reg::r1);
}

/// Notes where the packet goes, because the slot may change hands once it has been left.
void Writer::take_way_out() noexcept {
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(egress));
  code_.store(Width::k64, kEgress, Reg::r1);
  code_.store(Width::k32, kNeighbour, kFamilyIpv4);
  code_.load(Width::k32, Reg::r1, FIELD_OF_SLOT(next_hop));
  code_.store(Width::k32, plus(kNeighbour, 4), Reg::r1);
  for (std::int16_t at = 8; at < kNeighbourBytes; at += 4)
    code_.store(Width::k32, plus(kNeighbour, at), 0);
}

// By the kernel's functions rather than by writing into the frame: a program that writes there
// itself has every packet of the interface copied for it that somebody else holds too, all TCP over
// the loopback among them. The UDP checksum is theirs to change because only they know whether it
// is whole yet or left to the network card.
void Writer::store_head() noexcept {
  code_.move(Reg::r1, kContext);
  code_.move(Reg::r2, kIp);
  address(Reg::r3, kHead);
  code_.move(Reg::r4, kRewrittenBytes);
  code_.move(Reg::r5, 0);
  code_.call(Helper::kStoreBytes);
  const auto carry = [&](At delta, std::int32_t flags) {
    code_.move(Reg::r1, kContext);
    code_.move(Reg::r2, kUdp + 6);
    code_.move(Reg::r3, 0);
    code_.load(Width::k64, Reg::r4, delta);
    code_.move(Reg::r5, flags);
    code_.call(Helper::kReplaceChecksum);
  };
  carry(kHostsDelta, kAlsoPseudoHeader);
  carry(kPortsDelta, kZeroMeansNone);
}

void Writer::send() noexcept {
  const Label elsewhere = code_.label();
  const Label here = code_.label();
  // From this machine to this machine: the packet is where it has to be already.
  code_.load(Width::k64, Reg::r1, kEgress);
  code_.jump_if(Reg::r1, Test::kNotEqual, kLoopbackIndex, elsewhere);
  code_.load(Width::k32, Reg::r2, FIELD_OF_CONTEXT(ifindex));
  code_.jump_if(Reg::r2, Test::kNotEqual, kLoopbackIndex, elsewhere);
  code_.move(Reg::r0, kPassUp);
  code_.exit();

  // To a neighbour by its address, or, without one, by the kernel's routes, which lead to the local
  // stack: the only way in for a packet that has come from outside and is from us now.
  code_.bind(elsewhere);
  code_.load(Width::k32, Reg::r2, plus(kNeighbour, 4));
  code_.jump_if(Reg::r2, Test::kEqual, 0, here);
  address(Reg::r2, kNeighbour);
  code_.move(Reg::r3, kNeighbourBytes);
  code_.move(Reg::r4, 0);
  code_.call(Helper::kRedirectNeighbour);
  code_.exit();
  code_.bind(here);
  code_.move(Reg::r2, 0);
  code_.move(Reg::r3, 0);
  code_.move(Reg::r4, 0);
  code_.call(Helper::kRedirectNeighbour);
  code_.exit();
}

#undef FIELD_OF_SLOT
#undef FIELD_OF_CONTEXT

}  // namespace

void write_forward_program(Assembler& code, const ForwardMaps& maps) noexcept {
  Writer(code, maps).write();
}

}  // namespace trunkyard::kernel
