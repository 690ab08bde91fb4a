// KeyMemory: what was met under the keys that a direction of a leg has left. A peer may come back
// to a key it used before; its old packets are then authentic again, and so would be a second one
// of ours under the same part of the keystream. So the windows of a key outlive it, as long as the
// leg does.
//
// Only the newest kSrtpKeysRemembered keys are known: a leg that changes its key more often than
// that between two uses of one brings new keys each time.
#pragma once

#include <vector>

#include "base/limits.h"
#include "srtp/master_key.h"
#include "srtp/sources.h"

namespace trunkyard::srtp {

/// Empty and without memory of its own until a key is left; then 2 KB for each. One thread.
class KeyMemory {
 public:
  /// Takes note of a key that is left, or has been; what was known of it is replaced. The one left
  /// longest ago gives way. Allocates, unless the key is known. Keys with the same keystream are
  /// one.
  void leave(const MasterKey& key, const SourceTable& sources);

  /// Where all streams stand when a key is taken up: their windows as they were when it was left,
  /// empty if it never was; and where `streams`, those of the key before, have come to since, as
  /// places to look for the next packet.
  [[nodiscard]] SourceTable take_up(const MasterKey& key, const SourceTable& streams) const;

  /// Keys known.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    MasterKey key;
    SourceTable sources;
  };
  std::vector<Entry> entries_;  ///< the one left last at the end
};

}  // namespace trunkyard::srtp
