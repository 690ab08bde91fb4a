// From a master key to the session keys of one direction (RFC 3711 §4.3, with the AES-256 function
// of RFC 6188 for AEAD_AES_256_GCM). The key derivation rate is 0: derived once, never again; the
// other rates are declined in signalling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "srtp/cipher.h"
#include "srtp/master_key.h"
#include "srtp/suite.h"

namespace trunkyard::srtp {

/// Which key, RFC 3711 §4.3.2.
enum class KeyLabel : std::uint8_t {
  kRtpCipher = 0,
  kRtpAuthentication = 1,
  kRtpSalt = 2,
  kRtcpCipher = 3,
  kRtcpAuthentication = 4,
  kRtcpSalt = 5,
};

/// The pseudo-random function of one master key.
class KeyDerivation {
 public:
  /// @returns kCryptoUnavailable when the TLS library refuses.
  [[nodiscard]] static Result<KeyDerivation> create(const MasterKey& master,
                                                    Kernels kernels) noexcept;
  /// Fills `key` with as many bytes as it has room for.
  /// @returns false when the library failed.
  [[nodiscard]] bool derive(KeyLabel label, MutableBytes key) noexcept;

 private:
  KeyDerivation(CounterMode function, const CounterMode::Counter& salt) noexcept
      : function_(std::move(function)), salt_(salt) {}

  CounterMode function_;
  CounterMode::Counter salt_;
};

/// What protects RTP, or RTCP, in one direction. Bytes beyond the suite's lengths are 0.
struct SessionKey {
  std::array<std::uint8_t, kMasterKeyBytesMax> cipher = {};
  std::array<std::uint8_t, kSha1Bytes> authentication = {};  ///< unused by the AEAD suites
  std::array<std::uint8_t, kMasterSaltBytesMax> salt = {};

  SessionKey() noexcept = default;
  SessionKey(const SessionKey&) noexcept = default;
  SessionKey& operator=(const SessionKey&) noexcept = default;
  ~SessionKey();
};
struct SessionKeys {
  SessionKey rtp;
  SessionKey rtcp;
};

/// @returns kCryptoUnavailable when the TLS library refuses.
[[nodiscard]] Result<SessionKeys> derive_session_keys(const MasterKey& master,
                                                      Kernels kernels) noexcept;

}  // namespace trunkyard::srtp
