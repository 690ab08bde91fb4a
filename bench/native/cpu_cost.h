// What a piece of code costs: CPU time of the calling thread, or instructions under
// `valgrind --tool=callgrind --collect-atstart=no`, whose macros do nothing without valgrind's
// header.
#pragma once

#include <time.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

namespace trunkyard::bench {

/// CPU time of this thread so far, in ns.
inline double cpu_ns() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace trunkyard::bench
