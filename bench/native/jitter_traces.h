// Network traces for the jitter buffer's bench, made from seeds: what a path does to a stream of 20
// ms packets. A trace is the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace trunkyard::bench {

inline constexpr Duration kTracePacketLength = Duration::milliseconds(20);

struct TracePacket {
  Duration sent;     ///< since the start, on the receiver's clock
  Duration arrived;  ///< the same; meaningless when lost
  bool is_lost = false;
};

/// Packets in the order they were sent. The sender numbers them 0, 1, 2… and stamps each 20 ms
/// after the one before, whatever the receiver's clock thinks of that.
using Trace = std::vector<TracePacket>;

struct TraceKind {
  const char* name;
  const char* what;
  Trace (*make)(std::uint64_t seed, std::uint32_t packets);
};

/// All kinds, as the table of results lists them.
[[nodiscard]] const std::vector<TraceKind>& trace_kinds();

}  // namespace trunkyard::bench
