// PartFile: a file that has another name while it grows, so that what bears its name is whole.
// Never takes the place of a file that is there. To be used on the files thread alone.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "io/append_file.h"
#include "io/folder.h"

namespace trunkyard::engine {

/// What a name has behind it while its file grows.
inline constexpr const char* kPartEnding = ".part";

/// Owns the file; movable.
class PartFile {
 public:
  /// @param folder outlives the file.
  /// @returns as io::AppendFile::create(); kDiskFailed when there is a file of either name.
  [[nodiscard]] static Result<PartFile> create(io::Folder& folder, const std::string& name) {
    // Asked now, so that whoever records learns it before he has spoken.
    if (folder.open_to_read(name.c_str()).ok()) return Error{ErrorCode::kDiskFailed};
    Result<io::AppendFile> file = io::AppendFile::create(folder, (name + kPartEnding).c_str());
    if (!file) return Error{file.error()};
    PartFile made(folder, name, std::move(*file));
    if (const Result<void> named = folder.sync(); !named) {
      made.discard();
      return Error{named.error()};
    }
    return made;
  }

  [[nodiscard]] io::AppendFile& file() noexcept { return file_; }
  [[nodiscard]] const io::AppendFile& file() const noexcept { return file_; }
  /// Removes it, as nothing could be written: its name is free again. Instead of finish().
  void discard() noexcept { (void)folder_->remove((name_ + kPartEnding).c_str()); }
  /// Saves it and gives it its name. To be called once, last.
  /// @returns as io::AppendFile::sync() and io::Folder::rename().
  [[nodiscard]] Result<void> finish() {
    const Result<void> synced = file_.sync();
    const Result<void> moved = folder_->rename((name_ + kPartEnding).c_str(), name_.c_str());
    return synced ? moved : synced;
  }

 private:
  PartFile(io::Folder& folder, std::string name, io::AppendFile file)
      : folder_(&folder), name_(std::move(name)), file_(std::move(file)) {}

  io::Folder* folder_;
  std::string name_;
  io::AppendFile file_;
};

}  // namespace trunkyard::engine
