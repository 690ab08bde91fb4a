// What the kernel knows about this process and its threads.
#pragma once

#include <cstdint>

namespace trunkyard::io {

/// For messages and diagnosis; never to decide whether a process lives (numbers are reused).
[[nodiscard]] std::uint32_t process_id() noexcept;

/// Names the calling thread in top and in traces. @param name at most 15 characters are kept.
void name_thread(const char* name) noexcept;

}  // namespace trunkyard::io
