// MappedFile: a file's bytes in memory, read-only and shared by all who map it: clips to be played,
// segments to be recovered or exported.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/result.h"
#include "io/folder.h"

namespace trunkyard::io {

/// Unmapped when it goes; movable. The mapping outlives its name, so a clip may be replaced while
/// it plays. It doesn't outlive a cut: a file shortened by somebody else ends this process at the
/// next look at what was cut off, so files to be mapped are written under another name, renamed,
/// and never changed.
class MappedFile {
 public:
  /// Whether the file is to be read once from front to back, or here and there again and again.
  enum class Use : std::uint8_t { kOnce, kOften };

  /// @param bytes_max longer files are refused.
  /// @returns kBufferFull when it is longer, kDiskFailed, or as Folder::open_to_read().
  [[nodiscard]] static Result<MappedFile> open(Folder& folder, const char* name,
                                               std::size_t bytes_max, Use use) noexcept;

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  /// Empty for an empty file.
  [[nodiscard]] Bytes bytes() const noexcept { return bytes_; }

 private:
  explicit MappedFile(Bytes bytes) noexcept : bytes_(bytes) {}
  void unmap() noexcept;

  Bytes bytes_;
};

}  // namespace trunkyard::io
