// ClipTable: the clips that a host holds mapped, for all its legs. Made and unmapped by the files
// thread, so that no media thread ever waits for a disk; played by any number of legs of any media
// thread, each of which holds on to its clip while it plays.
//
//   handle  31          12 11          0
//          +--------------+-------------+
//          |  generation  |    slot     |
//          +--------------+-------------+
//
// A slot's state is one atomic word: its generation, whether it may still be taken, and how many
// play it. What the slot holds is written before it may be taken, and let go when nobody can take
// it and nobody plays it. A clip is its client's, named by the client's epoch: media threads and
// the files thread hear of a new client at different moments, and in between nobody plays what the
// dead one had loaded.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "io/mapped_file.h"
#include "spool/clip.h"

namespace trunkyard::engine {

class ClipTable {
 public:
  ClipTable();
  ClipTable(const ClipTable&) = delete;
  ClipTable& operator=(const ClipTable&) = delete;

  // The files thread.

  /// Checks a file through and through, which also brings it into memory.
  /// @param epoch of the client that wants it.
  /// @returns its handle, never 0; kBufferFull when kClipsMax clips are there, kMediaUnsupported
  ///          when it has no track that any leg could be given, else as ClipView::open(), or
  ///          kMediaMalformed when its data are not what was written.
  [[nodiscard]] Result<std::uint32_t> add(io::MappedFile file, std::uint32_t epoch);
  /// Nobody gets it from now on; whoever plays it goes on. @returns false for a stale handle.
  bool retire(std::uint32_t handle) noexcept;
  void retire_all() noexcept;
  /// Unmaps what was retired and is no longer played. @returns how many still wait for that.
  std::size_t sweep() noexcept;
  [[nodiscard]] std::uint32_t size() const noexcept {
    return kClipsMax - static_cast<std::uint32_t>(free_.size());
  }

  // Any media thread.

  /// @param epoch of the client that wants it.
  /// @returns the clip, to be given back exactly once; null for a stale handle, and for a clip of
  ///          another client.
  [[nodiscard]] const spool::ClipView* take(std::uint32_t handle, std::uint32_t epoch) noexcept;
  /// @param handle of a clip that was taken (CHECKed).
  void give_back(std::uint32_t handle) noexcept;

 private:
  struct Content {
    io::MappedFile file;
    spool::ClipView view;
    std::uint32_t epoch;
  };
  struct Slot {
    /// generation (32) | may be taken (1) | players (31)
    std::atomic<std::uint64_t> state = 0;
    std::optional<Content> content;
  };

  std::unique_ptr<Slot[]> slots_;
  std::vector<std::uint16_t> free_;     ///< oldest last
  std::vector<std::uint16_t> retired_;  ///< still mapped
};

}  // namespace trunkyard::engine
