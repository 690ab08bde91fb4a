// SharedMemory: a named region that two processes map, and the lock that says who is using it.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/result.h"
#include "io/file.h"

namespace trunkyard::io {

/// A mapping; unmapped when it goes, the name stays. Movable.
class SharedMemory {
 public:
  /// Makes a new region of zeroes, readable and writable by this user alone.
  /// @param name  starts with '/', no other slash (shm_open(3)).
  /// @returns kRegionExists when the name is taken, kSystemCallFailed otherwise.
  [[nodiscard]] static Result<SharedMemory> create(const char* name, std::size_t bytes) noexcept;
  /// Maps an existing region whole.
  /// @param bytes_min smaller regions are refused.
  /// @returns kRegionInvalid when there is none, it isn't a plain file of ours or it is too small.
  [[nodiscard]] static Result<SharedMemory> open(const char* name, std::size_t bytes_min) noexcept;
  /// Removes the name; mappings live on.
  static void unlink(const char* name) noexcept;

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory();

  [[nodiscard]] MutableBytes bytes() const noexcept { return bytes_; }
  /// Takes the region for this mapping alone, for as long as it or its process lives; the kernel
  /// gives it back even after a kill. False when another holds it.
  [[nodiscard]] bool try_lock() noexcept;
  void unlock() noexcept;

 private:
  SharedMemory(File file, MutableBytes bytes) noexcept : file_(std::move(file)), bytes_(bytes) {}
  void unmap() noexcept;

  File file_;
  MutableBytes bytes_;
};

}  // namespace trunkyard::io
