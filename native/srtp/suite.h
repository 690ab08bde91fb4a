// The crypto suites we speak, by their lengths. RFC 4568 §6.2 (AES_CM_128_HMAC_SHA1_80, _32), RFC
// 7714 §14 (AEAD_AES_128_GCM, AEAD_AES_256_GCM).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace trunkyard::srtp {

enum class Suite : std::uint8_t {
  kAesCm128HmacSha1Tag80,
  kAesCm128HmacSha1Tag32,
  kAeadAes128Gcm,
  kAeadAes256Gcm,
};
inline constexpr std::size_t kSuites = 4;

/// Lengths in bytes.
struct SuiteShape {
  std::size_t key_bytes;   ///< master key and session encryption key alike
  std::size_t salt_bytes;  ///< master salt and session salt alike
  std::size_t rtp_tag_bytes;
  std::size_t rtcp_tag_bytes;
  bool aead;
};

/// SRTCP has the long tag under _32 too: a report is worth forging more than 20 ms of sound (RFC
/// 4568 §6.2.2).
[[nodiscard]] constexpr SuiteShape shape_of(Suite suite) noexcept {
  switch (suite) {
    case Suite::kAesCm128HmacSha1Tag80:
      return {16, 14, 10, 10, false};
    case Suite::kAesCm128HmacSha1Tag32:
      return {16, 14, 4, 10, false};
    case Suite::kAeadAes128Gcm:
      return {16, 12, 16, 16, true};
    case Suite::kAeadAes256Gcm:
      return {32, 12, 16, 16, true};
  }
  return {};
}

inline constexpr std::size_t kMasterKeyBytesMax = 32;
inline constexpr std::size_t kMasterSaltBytesMax = 14;
/// E bit and index behind every SRTCP packet (RFC 3711 §3.4).
inline constexpr std::size_t kRtcpIndexBytes = 4;
static_assert(16 + kRtcpIndexBytes + kMkiBytesMax <= kSrtpTailBytesMax);

}  // namespace trunkyard::srtp
