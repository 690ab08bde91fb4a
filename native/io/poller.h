// Poller: waits for many descriptors at once (epoll, level-triggered). A tag of the caller's choice
// comes back for each descriptor that has something to read or an error to clear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "io/file.h"

namespace trunkyard::io {

class Poller {
 public:
  /// @param batch_max tags one wait can give, 1..4096.
  [[nodiscard]] static Result<Poller> create(std::uint32_t batch_max);
  Poller(Poller&&) noexcept;
  ~Poller();

  /// Watches for input until the descriptor is closed or removed.
  [[nodiscard]] Result<void> add(int descriptor, std::uint64_t tag) noexcept;
  /// Watches a descriptor no longer. Tags of it that were given before stay given.
  void remove(int descriptor) noexcept;

  /// Sleeps until something is ready or the time is up.
  /// @param timeout_ms 0 looks without sleeping.
  /// @returns the ready tags; valid until the next call.
  [[nodiscard]] std::span<const std::uint64_t> wait(std::uint32_t timeout_ms) noexcept;

 private:
  struct Batch;
  Poller(File file, std::unique_ptr<Batch> batch) noexcept;

  File file_;
  std::unique_ptr<Batch> batch_;
};

}  // namespace trunkyard::io
