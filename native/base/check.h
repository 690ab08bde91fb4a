// CHECK: a promise of our own code that holds whatever a peer sends. Stays on in release builds: a
// media process that has lost track of itself must stop at once and be restarted by the supervisor,
// instead of sending one caller's audio to another. Input from outside is never CHECKed; it is
// answered with an ErrorCode (result.h).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace trunkyard {

/// Prints `file:line: CHECK failed: text` to standard error and aborts. Never returns.
[[noreturn, gnu::cold, gnu::noinline]] inline void check_failed(const char* file, int line,
                                                                const char* text) noexcept {
  (void)std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, text);
  (void)std::fflush(stderr);
  std::abort();
}

}  // namespace trunkyard

/// One condition each, so that the message says which one.
#define CHECK(condition)                                         \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::trunkyard::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
