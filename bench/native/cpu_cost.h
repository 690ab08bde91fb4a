// What a piece of code costs: CPU time of the calling thread, or instructions under
// `valgrind --tool=callgrind --collect-atstart=no`, whose macros do nothing without valgrind's
// header.
#pragma once

#include <time.h>

#include <cstdio>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

namespace trunkyard::bench {

/// Ends what CALLGRIND_TOGGLE_COLLECT has counted for one line: a dump of its own, and a line that
/// says what it is of and how many packets or frames it was. `npm run bench -- counts` reads both.
inline void dump_count(const char* name, double units) {
  std::printf("count\t%s\t%.0f\n", name, units);
  CALLGRIND_DUMP_STATS_AT(name);
}

/// CPU time of this thread so far, in ns.
inline double cpu_ns() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace trunkyard::bench
