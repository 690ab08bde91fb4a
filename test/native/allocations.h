// How often this program has allocated so far; counted in alloc_test.cc by its operator new.
#pragma once

#include <cstdint>

namespace test {

/// By all threads.
[[nodiscard]] std::uint64_t allocations_total();
/// By the calling thread.
[[nodiscard]] std::uint64_t allocations_of_this_thread();

}  // namespace test
