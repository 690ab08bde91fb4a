#include "io/append_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace trunkyard::io {

Result<AppendFile> AppendFile::create(Folder& folder, const char* name) noexcept {
  Result<File> file = folder.create(name);
  if (!file.ok()) return Error{file.error()};
  return AppendFile(std::move(*file), 0);
}

Result<AppendFile> AppendFile::reopen(Folder& folder, const char* name) noexcept {
  Result<File> file = folder.open_to_write(name);
  if (!file.ok()) return Error{file.error()};
  struct stat facts;
  if (::fstat(file->descriptor(), &facts) != 0) return Error{disk_error(errno)};
  return AppendFile(std::move(*file), static_cast<std::uint64_t>(facts.st_size));
}

Result<void> AppendFile::append(Bytes bytes) noexcept {
  ++counters_.writes;
  const Result<void> written = write_at(size_, bytes);
  if (!written.ok()) {
    // If this fails too, a reader finds an unfinished write at the end, as after a crash.
    (void)::ftruncate(file_.descriptor(), static_cast<off_t>(size_));
    return written;
  }
  size_ += bytes.size();
  return {};
}

Result<void> AppendFile::overwrite_start(Bytes bytes) noexcept {
  CHECK(bytes.size() <= size_);
  ++counters_.writes;
  return write_at(0, bytes);
}

Result<void> AppendFile::truncate(std::uint64_t bytes) noexcept {
  CHECK(bytes <= size_);
  if (::ftruncate(file_.descriptor(), static_cast<off_t>(bytes)) != 0) return count_error(errno);
  size_ = bytes;
  return {};
}

Result<void> AppendFile::sync() noexcept {
  if (::fdatasync(file_.descriptor()) != 0) return count_error(errno);
  return {};
}

Result<void> AppendFile::write_at(std::uint64_t offset, Bytes bytes) noexcept {
  // Each turn writes at least a byte, or is a signal's.
  bool is_first = true;
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file_.descriptor(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return count_error(errno);
    // POSIX leaves open what this means for a file; more of it must not become an endless loop.
    if (written == 0) return count_error(EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
    if (is_first && !bytes.empty()) ++counters_.writes_short;
    is_first = false;
  }
  return {};
}

Error AppendFile::count_error(int error) noexcept {
  const ErrorCode code = disk_error(error);
  ++(code == ErrorCode::kDiskFull ? counters_.full : counters_.failed);
  return Error{code};
}

}  // namespace trunkyard::io
