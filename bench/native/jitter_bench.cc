// jitter_bench: what a packet costs in the jitter buffer, and what it costs to stretch a frame.
//
//   jitter_bench           ns of CPU, the least of several runs, and a checksum
//   jitter_bench --count   runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/jitter_bench --count
//                          which counts instructions; one dump for each line printed

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "codec/time_scale.h"
#include "jitter/jitter_buffer.h"
#include "jitter/quality.h"
#include "jitter_traces.h"

#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;

constexpr std::uint32_t kPackets = 5'000;
constexpr int kRuns = 15;

/// What happens to a buffer, in order of time.
struct Step {
  Instant at;
  bool is_take = false;
  jitter::Arrival arrival;
};

std::vector<Step> steps_of(const Trace& trace) {
  std::vector<Step> steps;
  for (std::uint32_t index = 0; index < trace.size(); ++index) {
    steps.push_back({.at = Instant::from_ns(index * std::int64_t{20'000'000} + 7'000'000),
                     .is_take = true,
                     .arrival = {}});
    if (trace[index].is_lost) continue;
    steps.push_back({.at = Instant::from_ns(trace[index].arrived.ns()),
                     .is_take = false,
                     .arrival = {.timestamp = static_cast<rtp::RtpTimestamp>(index * 160),
                                 .sequence = static_cast<std::uint16_t>(index),
                                 .clock_rate_hz = 8'000,
                                 .clock_steps = 160,
                                 .packet = {.slot = index}}});
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.at < b.at; });
  return steps;
}

std::uint64_t play(const std::vector<Step>& steps, jitter::JitterBuffer& buffer) {
  std::uint64_t checksum = 0;
  for (const Step& step : steps) {
    if (step.is_take) {
      checksum = checksum * 31 + buffer.take(step.at, {.wanted = 960}).packet.slot;
    } else {
      checksum += static_cast<std::uint64_t>(buffer.insert(step.at, step.arrival));
    }
    jitter::PacketRef released;
    while (buffer.next_released(released))
      ++checksum;
  }
  return checksum;
}

codec::PcmFrame vowel(std::uint32_t rate_hz) {
  codec::PcmFrame frame;
  const codec::MutablePcm samples = frame.reset(rate_hz, codec::samples_of(rate_hz, 20));
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double phase = 2 * 3.14159265358979 * 130.0 * static_cast<double>(index) / rate_hz;
    samples[index] = static_cast<std::int16_t>(
        5'000 * (std::sin(phase) + 0.6 * std::sin(4 * phase) + 0.3 * std::sin(9 * phase)));
  }
  return frame;
}

/// @param body runs its work once and answers a checksum. @param units what the figure is divided
/// by.
template <typename Body>
void measure(const char* name, double units, bool is_counting, Body&& body) {
  double best = std::numeric_limits<double>::max();
  std::uint64_t checksum = 0;
  for (int run = 0; run < (is_counting ? 1 : kRuns); ++run) {
    const double start = cpu_ns();
    CALLGRIND_TOGGLE_COLLECT;
    checksum = body();
    CALLGRIND_TOGGLE_COLLECT;
    best = std::min(best, (cpu_ns() - start) / units);
  }
  if (is_counting) dump_count(name, units);
  if (is_counting) {
    std::printf("%-24s divide by %.0f, checksum %llu\n", name, units,
                static_cast<unsigned long long>(checksum));
  } else {
    std::printf("%-24s %8.1f ns, checksum %llu\n", name, best,
                static_cast<unsigned long long>(checksum));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_counting = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  for (const TraceKind& kind : trace_kinds()) {
    const std::vector<Step> steps = steps_of(kind.make(20, kPackets));
    measure(kind.name, kPackets, is_counting, [&] {
      jitter::JitterBuffer buffer({});
      return play(steps, buffer);
    });
  }
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    char name[32];
    std::snprintf(name, sizeof name, "stretch 20 ms, %u kHz", rate_hz / 1'000);
    const codec::PcmFrame frame = vowel(rate_hz);
    measure(name, 200, is_counting, [&] {
      std::uint64_t checksum = 0;
      for (int round = 0; round < 200; ++round) {
        codec::PcmFrame copy = frame;
        const auto most = static_cast<std::int32_t>(codec::samples_of(rate_hz, 15));
        checksum += static_cast<std::uint64_t>(
            codec::stretch_frame(copy, round % 2 == 0 ? most : -most) + 10'000);
      }
      return checksum;
    });
  }
  measure("quality", 1'000, is_counting, [] {
    double sum = 0;
    for (std::uint64_t round = 0; round < 1'000; ++round) {
      sum += jitter::estimate_quality(jitter::kG711Concealed, {10'000, round, round},
                                      Duration::milliseconds(100))
                 .mos_cq;
    }
    return static_cast<std::uint64_t>(sum);
  });
  return 0;
}
