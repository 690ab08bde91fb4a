#include "io/file.h"

#include <unistd.h>

namespace trunkyard::io {

void File::close() noexcept {
  if (descriptor_ < 0) return;
  // Linux frees the descriptor even when close reports EINTR; a second try could hit another file.
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace trunkyard::io
