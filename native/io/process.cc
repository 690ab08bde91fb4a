#include "io/process.h"

#include <sys/prctl.h>
#include <unistd.h>

namespace trunkyard::io {

std::uint32_t process_id() noexcept {
  return static_cast<std::uint32_t>(::getpid());
}

void name_thread(const char* name) noexcept {
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

}  // namespace trunkyard::io
