// A sender, a buffer and a listener with a clock of the test's own.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "jitter/jitter_buffer.h"
#include "native/harness.h"

namespace test {

using namespace trunkyard;
using namespace trunkyard::jitter;

/// Media time of so many ms.
constexpr MediaTime media_ms(std::int64_t count) {
  return count * kMediaPerMs;
}
constexpr Instant at_ms(double ms) {
  return Instant::from_ns(static_cast<std::int64_t>(ms * 1e6));
}

/// Packet `index` of a stream of 20 ms G.711 packets, its slot numbered alike. Numbers and
/// timestamps wrap early in every test.
inline Arrival arrival_of(std::uint32_t index) {
  return {.ssrc = static_cast<rtp::Ssrc>(0xa11ce),
          .timestamp = static_cast<rtp::RtpTimestamp>(0xffff'fc00u + index * 160),
          .sequence = static_cast<std::uint16_t>(65'530 + index),
          .payload_type = 0,
          .clock_rate_hz = 8'000,
          .clock_steps = 160,
          .packet = {.slot = index, .offset = 12, .bytes = 160}};
}

/// Wraps a buffer and keeps account of who holds which slot.
class BufferRig {
 public:
  explicit BufferRig(const JitterBuffer::Setup& setup) : buffer(setup) {}

  InsertVerdict insert(double ms, const Arrival& arrival) {
    const InsertVerdict verdict = buffer.insert(at_ms(ms), arrival);
    note(verdict, arrival);
    return verdict;
  }
  InsertVerdict insert_redundant(double ms, const Arrival& block, std::uint32_t steps_earlier) {
    const InsertVerdict verdict = buffer.insert_redundant(at_ms(ms), block, steps_earlier);
    note(verdict, block);
    return verdict;
  }
  Decision take(double ms, const Pull& pull) {
    const Decision decision = buffer.take(at_ms(ms), pull);
    if (decision.kind == DecisionKind::kPlay || decision.kind == DecisionKind::kComfortUpdate) {
      give_back(decision.packet.slot);
    }
    if (decision.has_next) CHECK_TRUE(held.contains(decision.next.slot));
    drain();
    return decision;
  }
  void restart() {
    buffer.restart();
    drain();
  }
  /// One tick of 20 ms, as a listener asks who keeps no audio over.
  Decision take(double ms) { return take(ms, {.wanted = media_ms(20)}); }

  /// Slots that the buffer holds, and those it gave back unplayed.
  std::multiset<std::uint32_t> held;
  std::vector<std::uint32_t> released;
  JitterBuffer buffer;

 private:
  void note(InsertVerdict verdict, const Arrival& arrival) {
    if (is_held(verdict, arrival.kind)) held.insert(arrival.packet.slot);
    drain();
  }
  void drain() {
    PacketRef packet;
    while (buffer.next_released(packet)) {
      released.push_back(packet.slot);
      give_back(packet.slot);
    }
  }
  void give_back(std::uint32_t slot) {
    const auto found = held.find(slot);
    if (found == held.end()) return test::fail(__FILE__, __LINE__, "gave back what it didn't hold");
    held.erase(found);
  }
};

/// A policy whose delay is the same for any network.
constexpr DelayPolicy fixed_delay(std::int64_t ms) {
  return {Duration::milliseconds(ms), Duration::milliseconds(ms), 10'000, 500};
}

inline constexpr JitterBuffer::Setup kFixed40{.policy = fixed_delay(40)};

/// A rig whose listener has heard packets 0 to `count` - 1 and waits for the next at 40 + 20 x
/// count.
inline void play_first(BufferRig& rig, std::uint32_t count) {
  for (std::uint32_t index = 0; index < count + 2; ++index)
    rig.insert(index * 20.0, arrival_of(index));
  for (std::uint32_t index = 0; index < count; ++index) {
    CHECK_EQ(rig.take(40 + index * 20.0).packet.slot, index);
  }
}

}  // namespace test
