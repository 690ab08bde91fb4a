// AppendFile: a file that grows. Every write is whole or, when the disk refuses, taken back, so
// that what is in the file always ends where a write ended. To be used on a thread that may wait
// for a disk, never on a media thread.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "io/file.h"
#include "io/folder.h"

namespace trunkyard::io {

/// What a disk did to one file.
struct DiskCounters {
  std::uint64_t writes = 0;
  /// Writes that the kernel took in several parts.
  std::uint64_t writes_short = 0;
  /// Calls answered kDiskFull and kDiskFailed.
  std::uint64_t full = 0;
  std::uint64_t failed = 0;
};

/// Owns the file; movable. What is written survives this process at once, and the machine's end
/// from sync() on.
class AppendFile {
 public:
  /// Makes a new file. @returns as Folder::create().
  [[nodiscard]] static Result<AppendFile> create(Folder& folder, const char* name) noexcept;
  /// Goes on at the end of an existing one. @returns as Folder::open_to_write().
  [[nodiscard]] static Result<AppendFile> reopen(Folder& folder, const char* name) noexcept;

  /// Appends all of `bytes`, or nothing.
  /// @returns kDiskFull or kDiskFailed; the file may be tried again, and is as it was before. If
  /// the
  ///          disk refuses even that, it ends in part of `bytes`, as after a crash; the next write
  ///          begins there all the same.
  [[nodiscard]] Result<void> append(Bytes bytes) noexcept;
  /// Writes over the file's start: a header whose sizes are known at last.
  /// @param bytes no more than size() (CHECKed).
  /// @returns as append(), but what was written stays.
  [[nodiscard]] Result<void> overwrite_start(Bytes bytes) noexcept;
  /// Cuts the file: what follows is no good. @param bytes no more than size() (CHECKed).
  [[nodiscard]] Result<void> truncate(std::uint64_t bytes) noexcept;
  /// Waits until all that was written is on the disk.
  [[nodiscard]] Result<void> sync() noexcept;

  /// Up to the end of the last write that succeeded.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] const DiskCounters& counters() const noexcept { return counters_; }

 private:
  AppendFile(File file, std::uint64_t size) noexcept : file_(std::move(file)), size_(size) {}
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, Bytes bytes) noexcept;
  [[nodiscard]] Error count_error(int error) noexcept;

  File file_;
  std::uint64_t size_;
  DiskCounters counters_;
};

}  // namespace trunkyard::io
