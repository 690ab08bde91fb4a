#include "io/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace trunkyard::io {

namespace {

constexpr mode_t kOwnerOnly = 0600;

bool is_plain_name(const char* name) noexcept {
  return name[0] != '\0' && name[0] != '.' && std::strchr(name, '/') == nullptr;
}

}  // namespace

ErrorCode disk_error(int error) noexcept {
  return error == ENOSPC || error == EDQUOT || error == EFBIG ? ErrorCode::kDiskFull
                                                              : ErrorCode::kDiskFailed;
}

Result<Folder> Folder::open(const char* path) noexcept {
  File directory(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open()) return Error{disk_error(errno)};
  return Folder(std::move(directory));
}

bool Folder::take_alone() noexcept {
  return ::flock(directory_.descriptor(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void Folder::share() noexcept {
  while (::flock(directory_.descriptor(), LOCK_SH) != 0 && errno == EINTR)
    continue;
}

Result<File> Folder::create(const char* name) noexcept {
  return open_file(name, O_RDWR | O_CREAT | O_EXCL);
}

Result<void> Folder::sync() noexcept {
  if (::fsync(directory_.descriptor()) != 0) return Error{disk_error(errno)};
  return {};
}

Result<File> Folder::open_to_write(const char* name) noexcept {
  return open_file(name, O_RDWR);
}

Result<File> Folder::open_to_read(const char* name) noexcept {
  return open_file(name, O_RDONLY);
}

Result<File> Folder::open_file(const char* name, int flags) noexcept {
  if (!is_plain_name(name)) return Error{ErrorCode::kConfigInvalid};
  // Without O_NONBLOCK, a pipe of that name would hold this thread until somebody opens its other
  // end.
  File file(::openat(directory_.descriptor(), name,
                     flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, kOwnerOnly));
  if (!file.open()) return Error{disk_error(errno)};
  struct stat facts;
  if (::fstat(file.descriptor(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return Error{ErrorCode::kDiskFailed};
  return file;
}

Result<void> Folder::rename(const char* from, const char* to) noexcept {
  if (!is_plain_name(from) || !is_plain_name(to)) return Error{ErrorCode::kConfigInvalid};
  const int directory = directory_.descriptor();
  int renamed = ::renameat2(directory, from, directory, to, RENAME_NOREPLACE);
  // Network file systems don't know the flag. A second name is refused everywhere where there is
  // one already; between the two steps the file has both.
  if (renamed != 0 && errno == EINVAL) {
    renamed = ::linkat(directory, from, directory, to, 0);
    if (renamed == 0) renamed = ::unlinkat(directory, from, 0);
  }
  if (renamed != 0) return Error{disk_error(errno)};
  return sync();
}

Result<std::vector<std::string>> Folder::list() {
  // A reading position of its own, from the start.
  const int copy = ::openat(directory_.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return Error{disk_error(errno)};
  DIR* entries = ::fdopendir(copy);
  if (entries == nullptr) {
    const Error error{disk_error(errno)};
    ::close(copy);
    return error;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries)) {
    if (is_plain_name(entry->d_name)) names.emplace_back(entry->d_name);
  }
  ::closedir(entries);
  return names;
}

Result<void> Folder::remove(const char* name) noexcept {
  if (!is_plain_name(name)) return Error{ErrorCode::kConfigInvalid};
  if (::unlinkat(directory_.descriptor(), name, 0) != 0 && errno != ENOENT)
    return Error{disk_error(errno)};
  return {};
}

}  // namespace trunkyard::io
