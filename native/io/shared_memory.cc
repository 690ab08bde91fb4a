#include "io/shared_memory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace trunkyard::io {

namespace {

Result<MutableBytes> map(int descriptor, std::size_t bytes) noexcept {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) return Error{ErrorCode::kSystemCallFailed};
  return MutableBytes{static_cast<std::uint8_t*>(at), bytes};
}

}  // namespace

Result<SharedMemory> SharedMemory::create(const char* name, std::size_t bytes) noexcept {
  File file(::shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.open()) {
    return Error{errno == EEXIST ? ErrorCode::kRegionExists : ErrorCode::kSystemCallFailed};
  }
  // fallocate, not ftruncate: memory that is missing is reported now, instead of as SIGBUS when a
  // media thread first touches the page.
  if (::posix_fallocate(file.descriptor(), 0, static_cast<off_t>(bytes)) != 0) {
    ::shm_unlink(name);
    return Error{ErrorCode::kSystemCallFailed};
  }
  Result<MutableBytes> mapped = map(file.descriptor(), bytes);
  if (!mapped) {
    ::shm_unlink(name);
    return Error{mapped.error()};
  }
  return SharedMemory(std::move(file), *mapped);
}

Result<SharedMemory> SharedMemory::open(const char* name, std::size_t bytes_min) noexcept {
  File file(::shm_open(name, O_RDWR | O_CLOEXEC, 0));
  struct stat facts;
  if (!file.open() || ::fstat(file.descriptor(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
      facts.st_uid != ::geteuid() || facts.st_size < static_cast<off_t>(bytes_min)) {
    return Error{ErrorCode::kRegionInvalid};
  }
  Result<MutableBytes> mapped = map(file.descriptor(), static_cast<std::size_t>(facts.st_size));
  if (!mapped) return Error{mapped.error()};
  return SharedMemory(std::move(file), *mapped);
}

void SharedMemory::unlink(const char* name) noexcept {
  ::shm_unlink(name);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  if (this != &other) {
    unmap();
    file_ = std::move(other.file_);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

SharedMemory::~SharedMemory() {
  unmap();
}

void SharedMemory::unmap() noexcept {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  bytes_ = {};
}

bool SharedMemory::try_lock() noexcept {
  return ::flock(file_.descriptor(), LOCK_EX | LOCK_NB) == 0;
}

void SharedMemory::unlock() noexcept {
  ::flock(file_.descriptor(), LOCK_UN);
}

}  // namespace trunkyard::io
