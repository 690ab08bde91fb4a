// One UDP socket of the load tool: batches out, batches in, each datagram with the time at which
// the kernel got it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "load_plan.h"

namespace trunkyard::bench {

/// An RTP header and 20 ms of PCMU (RFC 3551 §4.5.14).
inline constexpr std::size_t kPacketBytes = 172;
inline constexpr std::size_t kBatchPackets = 32;
/// The longest that is sent: 60 ms of anything, and what SRTP adds.
inline constexpr std::size_t kDatagramBytesMax = 512;
inline constexpr std::size_t kReceiveBytesMax = 1'536;

/// What is to be sent.
struct Datagram {
  std::array<std::uint8_t, kDatagramBytesMax> bytes;
  std::size_t size = 0;
  sockaddr_in target = {};
};

/// CLOCK_REALTIME, which is also what the kernel stamps datagrams with.
[[nodiscard]] std::uint64_t wall_ns() noexcept;

struct Arrival {
  std::span<const std::uint8_t> bytes;
  sockaddr_in source = {};
  std::uint64_t arrived_ns = 0;
};

class LoadSocket {
 public:
  LoadSocket() = default;
  LoadSocket(LoadSocket&& other) noexcept;
  LoadSocket(const LoadSocket&) = delete;
  LoadSocket& operator=(const LoadSocket&) = delete;
  LoadSocket& operator=(LoadSocket&&) = delete;
  ~LoadSocket();

  /// @return whether it is bound; else `problem` says why not.
  [[nodiscard]] bool open(const LocalPlan& local, std::string& problem);

  /// Sends up to kBatchPackets datagrams. @return how many the kernel took.
  [[nodiscard]] std::size_t send(std::span<Datagram> datagrams) noexcept;

  /// What has arrived, at most a batch; valid until the next call on any socket.
  [[nodiscard]] std::span<const Arrival> receive() noexcept;

  /// Datagrams that the kernel dropped because we read too late, so far.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  int fd_ = -1;
  std::uint64_t dropped_ = 0;
};

}  // namespace trunkyard::bench
