// The traces; see jitter_traces.h.
#include "jitter_traces.h"

#include <algorithm>
#include <cmath>

#include "base/prng.h"

namespace trunkyard::bench {
namespace {

constexpr double kBaseMs = 30;

double exponential(Prng& prng, double mean) {
  return -mean * std::log(1.0 - prng.unit());
}
double normal(Prng& prng) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - prng.unit()));
  return radius * std::cos(6.283185307179586 * prng.unit());
}
double pareto(Prng& prng, double scale, double shape) {
  return scale * (std::pow(1.0 - prng.unit(), -1.0 / shape) - 1.0);
}

Duration of_ms(double ms) {
  return Duration::nanoseconds(static_cast<std::int64_t>(ms * 1e6));
}

/// A trace from the network's delay of each packet, in ms. @param drift_ppm how much faster the
/// sender's clock is. A path with a queue never reorders.
template <typename Delay>
Trace from_delays(std::uint32_t packets, double drift_ppm, bool is_queue, Delay&& delay_of) {
  Trace trace;
  Duration previous = Duration::zero();
  for (std::uint32_t index = 0; index < packets; ++index) {
    TracePacket packet;
    packet.sent = of_ms(index * 20.0 / (1.0 + drift_ppm * 1e-6));
    packet.arrived = packet.sent + of_ms(std::max(0.0, delay_of(packet.sent.ms_exact())));
    if (is_queue) packet.arrived = previous = std::max(packet.arrived, previous);
    trace.push_back(packet);
  }
  return trace;
}

Trace lan(std::uint64_t seed, std::uint32_t packets) {
  Prng prng(seed);
  return from_delays(packets, 0, true, [&](double) { return 1.0 + exponential(prng, 1.0); });
}

/// A long path: slowly wandering queues under a gamma-like spread.
Trace wan(std::uint64_t seed, std::uint32_t packets) {
  Prng prng(seed);
  double wander = 0;
  return from_delays(packets, 0, true, [&](double) {
    wander = 0.995 * wander + normal(prng) * 0.4;
    return kBaseMs + 8 + wander + exponential(prng, 4.0) + exponential(prng, 4.0);
  });
}

Trace pareto_tail(std::uint64_t seed, std::uint32_t packets) {
  Prng prng(seed);
  return from_delays(packets, 0, false, [&](double) { return kBaseMs + pareto(prng, 20.0, 3.0); });
}

/// Losses in bursts (Gilbert-Elliott: 2 % bad, 3 packets long at a mean) on the long path.
Trace gilbert(std::uint64_t seed, std::uint32_t packets) {
  Trace trace = wan(seed, packets);
  Prng prng(seed + 1);
  bool is_bad = false;
  for (TracePacket& packet : trace) {
    is_bad = prng.unit() < (is_bad ? 2.0 / 3.0 : 0.007);
    packet.is_lost = prng.unit() < (is_bad ? 0.9 : 0.001);
  }
  return trace;
}

/// Routes change every 10 to 40 s, by up to 80 ms.
Trace steps(std::uint64_t seed, std::uint32_t packets) {
  Prng prng(seed);
  double until = 0;
  double level = 0;
  return from_delays(packets, 0, true, [&](double at) {
    if (at >= until) {
      until = at + 10'000 + prng.unit() * 30'000;
      level = prng.unit() * 80;
    }
    return kBaseMs + level + exponential(prng, 3.0);
  });
}

/// The air is taken for 30 to 150 ms every 2 s or so; what has queued comes out at once.
Trace wifi(std::uint64_t seed, std::uint32_t packets) {
  Prng prng(seed);
  double next = 1'000;
  double open = 0;
  return from_delays(packets, 0, true, [&](double at) {
    while (at >= next) {
      open = next + 30 + prng.unit() * 120;
      next = open + exponential(prng, 2'000);
    }
    return (at < open ? open - at : 0.0) + 2 + exponential(prng, 2.0);
  });
}

/// Spikes of up to 300 ms that drain slowly, as of a full queue on a mobile link.
Trace mobile(std::uint64_t seed, std::uint32_t packets) {
  Prng prng(seed);
  double queue = 0;
  return from_delays(packets, 0, true, [&](double) {
    if (prng.unit() < 0.003) queue += 60 + prng.unit() * 240;
    queue *= 0.93;
    return kBaseMs + 20 + queue + exponential(prng, 8.0);
  });
}

Trace drift(std::uint64_t seed, std::uint32_t packets, double ppm) {
  Prng prng(seed);
  return from_delays(packets, ppm, true, [&](double) { return kBaseMs + exponential(prng, 4.0); });
}
Trace drift_fast(std::uint64_t seed, std::uint32_t packets) {
  return drift(seed, packets, 200);
}
Trace drift_slow(std::uint64_t seed, std::uint32_t packets) {
  return drift(seed, packets, -200);
}

}  // namespace

const std::vector<TraceKind>& trace_kinds() {
  static const std::vector<TraceKind> kKinds = {
      {"lan", "1 ms, exponential", lan},
      {"wan", "wandering queues, gamma spread 8 ms", wan},
      {"gilbert", "wan with 2 % loss in bursts of 3", gilbert},
      {"pareto", "heavy tail, reordering", pareto_tail},
      {"steps", "a new route every 10-40 s, up to 80 ms apart", steps},
      {"wifi", "stalls of 30-150 ms every 2 s", wifi},
      {"mobile", "spikes of up to 300 ms draining slowly", mobile},
      {"drift+200", "sender 200 ppm fast", drift_fast},
      {"drift-200", "sender 200 ppm slow", drift_slow},
  };
  return kKinds;
}

}  // namespace trunkyard::bench
