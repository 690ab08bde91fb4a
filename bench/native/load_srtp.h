// SRTP of the load tool: AES_CM_128_HMAC_SHA1_80 (RFC 3711), sending alone. By the engine's own
// room, since OpenSSL by itself would cost the tool more than what it measures; whether that room
// is right is proved elsewhere, against another's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace trunkyard::bench {

/// Bytes that protection adds behind a packet.
inline constexpr std::size_t kLoadSrtpTailBytes = 10;

/// One stream's.
class LoadSrtp {
 public:
  /// @param key_and_salt 16 bytes of key, 14 of salt. Aborts when there is no cryptography.
  explicit LoadSrtp(std::span<const std::uint8_t> key_and_salt);
  ~LoadSrtp();

  /// Protects a packet in place. @param buffer has room for the tail behind it.
  /// @return the bytes that it has then.
  [[nodiscard]] std::size_t protect(std::span<std::uint8_t> buffer, std::size_t packet_bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace trunkyard::bench
