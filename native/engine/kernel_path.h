// KernelPath: the kernel's fast path as the host holds it: opened on the interfaces of the media
// addresses, a lane for each media thread, and the news of changed routes passed on to all of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "kernel/fast_path.h"

namespace trunkyard::engine {

struct KernelPathConfig {
  /// Where media comes in; those of IPv6 stay with the sockets.
  std::span<const SocketAddress> addresses;
  /// Media threads, 1..kMediaThreadsMax.
  std::uint32_t threads = 1;
  /// One-way streams of a thread: its endpoints. 1..kSlotsPerThreadMax.
  std::uint32_t streams_per_thread = 0;
};

class KernelPath {
 public:
  /// Why this machine lets this process have none, a sentence without its full stop; empty when it
  /// does. Tries it on the loopback for a moment.
  [[nodiscard]] static std::string obstacle();

  /// Takes all memory and puts the program on the interfaces, from which it goes with this object
  /// or with the process.
  /// @param reason on failure a sentence for the operator, without its full stop.
  [[nodiscard]] static Result<std::unique_ptr<KernelPath>> open(const KernelPathConfig& config,
                                                                std::string& reason);

  /// Of that media thread, and for it alone.
  [[nodiscard]] kernel::Lane& lane(std::uint32_t thread) noexcept { return path_->lane(thread); }

  /// Asks for news of routes. For the first media thread alone, every tick: one system call.
  void watch_routes() noexcept {
    if (path_->routes_changed()) routes_version_.fetch_add(1, std::memory_order_release);
  }
  /// Raised by each change; any thread.
  [[nodiscard]] std::uint32_t routes_version() const noexcept {
    return routes_version_.load(std::memory_order_acquire);
  }

 private:
  explicit KernelPath(std::unique_ptr<kernel::FastPath> path) noexcept : path_(std::move(path)) {}

  std::unique_ptr<kernel::FastPath> path_;
  std::atomic<std::uint32_t> routes_version_ = 0;
};

}  // namespace trunkyard::engine
