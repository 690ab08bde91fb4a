#include "io/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace trunkyard::io {

Result<MappedFile> MappedFile::open(Folder& folder, const char* name, std::size_t bytes_max,
                                    Use use) noexcept {
  const Result<File> file = folder.open_to_read(name);
  if (!file.ok()) return Error{file.error()};
  struct stat facts;
  if (::fstat(file->descriptor(), &facts) != 0) return Error{disk_error(errno)};
  const auto bytes = static_cast<std::size_t>(facts.st_size);
  if (bytes > bytes_max) return Error{ErrorCode::kBufferFull};
  if (bytes == 0) return MappedFile(Bytes{});
  // A media thread must not wait for a disk while it plays a clip, so those are read now. That is a
  // favour: where memory is short, the kernel may take pages back.
  const int flags = MAP_SHARED | (use == Use::kOften ? MAP_POPULATE : 0);
  void* at = ::mmap(nullptr, bytes, PROT_READ, flags, file->descriptor(), 0);
  if (at == MAP_FAILED) return Error{disk_error(errno)};
  if (use == Use::kOnce) (void)::madvise(at, bytes, MADV_SEQUENTIAL);
  return MappedFile(Bytes{static_cast<const std::uint8_t*>(at), bytes});
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

MappedFile::~MappedFile() {
  unmap();
}

void MappedFile::unmap() noexcept {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

}  // namespace trunkyard::io
