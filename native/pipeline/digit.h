// Digit: a key that went down or up at one leg, however that leg said so. What the receiving half
// of a leg makes known, what the sending half of another takes (RFC 4733, or tones in the audio).
#pragma once

#include <cstdint>

#include "codec/event_receiver.h"

namespace trunkyard::pipeline {

/// One edge of a key press. A start is followed by its end before another start of the same leg.
struct Digit {
  codec::EventEdge edge;
  /// What edge.timestamp and edge.duration_units count in a second.
  std::uint32_t clock_rate_hz = 8'000;
  /// Heard in the audio, which goes on carrying it; else told in packets of its own.
  bool in_band = false;
};

}  // namespace trunkyard::pipeline
