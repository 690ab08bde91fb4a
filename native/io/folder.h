// Folder: a directory kept open, by which the files in it are made, found, renamed and removed. A
// name is never a path, so that nothing written for one recording can end up elsewhere.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace trunkyard::io {

/// What an errno of a file call means: kDiskFull for no room (ENOSPC), no quota (EDQUOT) or too
/// large (EFBIG), else kDiskFailed.
[[nodiscard]] ErrorCode disk_error(int error) noexcept;

/// Movable; closed when it goes. Calls may come from any thread.
class Folder {
 public:
  /// @param path of a directory that exists.
  /// @returns kDiskFailed.
  [[nodiscard]] static Result<Folder> open(const char* path) noexcept;

  /// Takes the folder for this object's own, until share() or the object's end: whoever cleans up
  /// after a killed process must not meet files that a living one writes.
  /// @returns false when another one has it or shares it. A file system without locks says true.
  [[nodiscard]] bool take_alone() noexcept;
  /// Has the folder with others, until this goes: nobody takes it alone. Waits for one who does.
  void share() noexcept;
  /// Makes a file that isn't there yet, for writing, readable by this user alone. Name rules: not
  /// empty, not hidden (a dot first), no slash. The name outlives the machine's end from sync() on.
  /// @returns kConfigInvalid for such a name, kDiskFull or kDiskFailed; also when it exists.
  [[nodiscard]] Result<File> create(const char* name) noexcept;
  /// Waits until the names of all files made so far are on the disk: a file whose bytes were saved
  /// is lost all the same if the machine ends before its name was. @returns as create().
  [[nodiscard]] Result<void> sync() noexcept;
  /// Opens a plain file that is there; not through a symbolic link. @returns as create().
  [[nodiscard]] Result<File> open_to_write(const char* name) noexcept;
  [[nodiscard]] Result<File> open_to_read(const char* name) noexcept;
  /// Gives a file another name, which lasts when it returns. Whoever opens the new name finds
  /// nothing, or this file whole.
  /// @returns as create(); nothing happens when there is a file of the new name.
  [[nodiscard]] Result<void> rename(const char* from, const char* to) noexcept;
  /// The names of all that is in it and may be opened, in no order.
  [[nodiscard]] Result<std::vector<std::string>> list();
  /// Removes a file. One that isn't there is no error.
  [[nodiscard]] Result<void> remove(const char* name) noexcept;

 private:
  explicit Folder(File directory) noexcept : directory_(std::move(directory)) {}
  [[nodiscard]] Result<File> open_file(const char* name, int flags) noexcept;

  File directory_;
};

}  // namespace trunkyard::io
