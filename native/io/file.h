// File: owns one descriptor. Everything in native/io that the kernel numbers is kept in one of
// these.
#pragma once

#include <utility>

namespace trunkyard::io {

/// Closes its descriptor when it goes. Movable, not copyable; -1 means "holds none".
class File {
 public:
  File() noexcept = default;
  explicit File(int descriptor) noexcept : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      close();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  [[nodiscard]] bool open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Closing twice is fine.
  void close() noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace trunkyard::io
