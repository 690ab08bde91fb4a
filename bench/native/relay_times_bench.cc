// relay_times_bench: what the histogram of relay times (SPEC A28) adds to a packet, in rounds of
// one packet, of a few and of many: all that a media thread does for it, its clock readings
// included.
//
//   relay_times_bench            ns of CPU a packet, the least of several runs
//   relay_times_bench --count    runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/relay_times_bench --count
//
// Without it nothing of this loop is there: the reading before the poll is taken in any case.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>

#include "engine/relay_times.h"
#include "io/clock.h"

#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;

constexpr std::size_t kRuns = 15;
constexpr std::size_t kPackets = 64'000;

struct Row {
  const char* name;
  std::size_t packets_a_round;
};
constexpr std::array<Row, 3> kRows = {
    {{"a packet a round", 1}, {"8 a round", 8}, {"32 a round", 32}}};

void run(engine::RelayTimes& times, std::size_t packets_a_round, Instant asked) {
  for (std::size_t packets = 0; packets < kPackets; packets += packets_a_round) {
    times.handle_asked(asked);
    if (times.begin_round()) times.handle_woken(io::now(), packets_a_round);
    for (std::size_t place = 0; place < packets_a_round; ++place)
      if (times.is_timed(place)) times.handle_sent(io::now());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  const Instant asked = io::now();
  for (const Row& row : kRows) {
    engine::RelayTimes times;
    double least = std::numeric_limits<double>::max();
    for (std::size_t turn = 0; turn < (count ? 1 : kRuns); ++turn) {
      const double before = cpu_ns();
      if (count) CALLGRIND_TOGGLE_COLLECT;
      run(times, row.packets_a_round, asked);
      if (count) CALLGRIND_TOGGLE_COLLECT;
      least = std::min(least, (cpu_ns() - before) / static_cast<double>(kPackets));
    }
    if (count) dump_count(row.name, kPackets);
    std::uint64_t timed = 0;
    for (std::size_t bucket = 0; bucket + 1 < times.values().size(); ++bucket)
      timed += times.values()[bucket];
    std::printf("%-18s %6.2f ns a packet, %llu timed\n", row.name, least,
                static_cast<unsigned long long>(timed));
  }
}
