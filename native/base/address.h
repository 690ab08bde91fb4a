// SocketAddress: an IP address and a port as plain bytes, the word that io, pipeline and engine
// share for "where a packet came from". The kernel's own sockaddr stays inside native/io.
#pragma once

#include <array>
#include <cstdint>

namespace trunkyard {

/// IPv4 uses the first four bytes, the rest stays zero, so that equality is equality of bytes.
struct SocketAddress {
  std::array<std::uint8_t, 16> bytes = {};
  std::uint16_t port = 0;
  /// 4, 6, or 0 for "not known".
  std::uint8_t family = 0;
  std::uint8_t unused = 0;

  [[nodiscard]] constexpr bool known() const noexcept { return family != 0; }
  /// Same IP, whatever the port.
  [[nodiscard]] constexpr bool same_host(const SocketAddress& other) const noexcept {
    return family == other.family && bytes == other.bytes;
  }
  constexpr bool operator==(const SocketAddress&) const noexcept = default;

  [[nodiscard]] static constexpr SocketAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                                  std::uint8_t d, std::uint16_t port) noexcept {
    SocketAddress address;
    address.bytes[0] = a;
    address.bytes[1] = b;
    address.bytes[2] = c;
    address.bytes[3] = d;
    address.port = port;
    address.family = 4;
    return address;
  }
  [[nodiscard]] constexpr SocketAddress with_port(std::uint16_t other) const noexcept {
    SocketAddress address = *this;
    address.port = other;
    return address;
  }
};
static_assert(sizeof(SocketAddress) == 20);

}  // namespace trunkyard
