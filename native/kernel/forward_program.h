// The kernel's program: forwards the packets of established streams on their way in, before any
// socket is looked up, and leaves everything else as it came.
//
// A packet is forwarded when all of this holds, and goes on to the sockets when anything doesn't:
//
//   frame    for this machine, no VLAN tag, not an aggregate of several packets
//   IP       version 4, no options, no fragment, lengths that agree with each other
//   UDP      from and to the addresses of a stream
//   RTP      version 2 without padding, extension and CSRCs; not RTCP (RFC 5761); the stream's
//            SSRC; a payload type that is carried; a sequence number that follows (§A.1)
//
// So the program never decides about anything unusual: a new source, a restart, a telephone-event,
// a keep-alive of another protocol all meet the same code as without it.
//
// What is forwarded gets the relay's addresses, a fresh TTL, the mapped payload type and right
// checksums, whatever state those were in (none, whole, or left to the network card), and is sent
// to the neighbour that the stream was given, or up the local stack.
#pragma once

#include "base/result.h"
#include "kernel/assembler.h"

namespace trunkyard::kernel {

/// Descriptors of the maps that the program uses.
struct ForwardMaps {
  /// Hash, StreamKey to the number of its slot (32 bits).
  int keys;
  /// Shared array of StreamSlot.
  int slots;
};

/// What a forwarded packet starts over with, as from a socket of ours (the kernel's default).
inline constexpr std::uint8_t kTimeToLive = 64;

/// Writes the whole program into an empty assembler, which it fits by far.
void write_forward_program(Assembler& code, const ForwardMaps& maps) noexcept;

}  // namespace trunkyard::kernel
