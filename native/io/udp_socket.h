// UdpSocket: one bound datagram socket, unconnected until the far address is certain, then
// connected so that the kernel drops strangers before they cost us anything. Never blocks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "io/file.h"

namespace trunkyard::io {

/// How a single receive or send went.
enum class IoStatus : std::uint8_t {
  kDone,
  kWouldBlock,   ///< nothing there to read, or no room to send
  kUnreachable,  ///< an ICMP error of an earlier send, reported now and thereby cleared
  kTruncated,    ///< the datagram was larger than the buffer
  kFailed,
};

struct Received {
  IoStatus status;
  std::size_t bytes;
};

/// Why a socket could not be bound.
enum class BindProblem : std::uint8_t { kNone, kInUse, kAddress, kOther };

class UdpSocket {
 public:
  UdpSocket() noexcept = default;

  /// Opens and binds.
  /// @param local               address and port to bind; port 0 lets the kernel choose.
  /// @param receive_buffer_bytes SO_RCVBUF; the kernel doubles it.
  /// @param problem             says whether another port is worth a try.
  [[nodiscard]] static Result<UdpSocket> bind(const SocketAddress& local,
                                              std::uint32_t receive_buffer_bytes,
                                              BindProblem& problem) noexcept;

  [[nodiscard]] bool open() const noexcept { return file_.open(); }
  [[nodiscard]] int descriptor() const noexcept { return file_.descriptor(); }
  /// Where it is bound; not known when the socket is closed.
  [[nodiscard]] SocketAddress local() const noexcept;
  void close() noexcept { file_.close(); }

  /// From now on the kernel passes on only what comes from `remote`. What is queued already stays
  /// queued: the caller must compare sources until it has emptied the queue once.
  /// @returns kAddressInvalid when the kernel has no way to such an address.
  [[nodiscard]] Result<void> connect(const SocketAddress& remote) noexcept;
  /// Hears everyone again; keeps address and port, given that both were bound by number.
  [[nodiscard]] Result<void> disconnect() noexcept;

  [[nodiscard]] Received receive(MutableBytes into) noexcept;
  [[nodiscard]] Received receive_from(MutableBytes into, SocketAddress& source) noexcept;
  /// To the connected address.
  [[nodiscard]] IoStatus send(Bytes packet) noexcept;
  [[nodiscard]] IoStatus send_to(Bytes packet, const SocketAddress& remote) noexcept;

 private:
  explicit UdpSocket(File file) noexcept : file_(std::move(file)) {}
  File file_;
};

}  // namespace trunkyard::io
