// See key_derivation.h.
#include "srtp/key_derivation.h"

#include <algorithm>
#include <utility>

namespace trunkyard::srtp {
namespace {

/// Where the label meets the salt: it is the first of the seven low bytes of the 14 (§4.3.1).
constexpr std::size_t kLabelByte = 7;

struct Labels {
  KeyLabel cipher;
  KeyLabel authentication;
  KeyLabel salt;
};

bool derive_one(KeyDerivation& derivation, Suite suite, const Labels& labels,
                SessionKey& key) noexcept {
  const SuiteShape shape = shape_of(suite);
  return derivation.derive(labels.cipher, MutableBytes(key.cipher).first(shape.key_bytes)) &&
         (shape.aead || derivation.derive(labels.authentication, key.authentication)) &&
         derivation.derive(labels.salt, MutableBytes(key.salt).first(shape.salt_bytes));
}

}  // namespace

Result<KeyDerivation> KeyDerivation::create(const MasterKey& master, Kernels kernels) noexcept {
  Result<CounterMode> function = CounterMode::create(master.key(), kernels);
  if (!function.ok()) return Error{function.error()};
  // A 12-byte salt is completed by zeros (RFC 7714 §11).
  CounterMode::Counter salt = {};
  std::copy(master.salt().begin(), master.salt().end(), salt.begin());
  return KeyDerivation(std::move(function).value(), salt);
}

bool KeyDerivation::derive(KeyLabel label, MutableBytes key) noexcept {
  CounterMode::Counter counter = salt_;
  counter[kLabelByte] ^= static_cast<std::uint8_t>(label);
  std::fill(key.begin(), key.end(), std::uint8_t{0});
  return function_.apply(counter, key);
}

SessionKey::~SessionKey() {
  wipe(cipher);
  wipe(authentication);
  wipe(salt);
}

Result<SessionKeys> derive_session_keys(const MasterKey& master, Kernels kernels) noexcept {
  Result<KeyDerivation> derivation = KeyDerivation::create(master, kernels);
  if (!derivation.ok()) return Error{derivation.error()};
  constexpr Labels kRtp{KeyLabel::kRtpCipher, KeyLabel::kRtpAuthentication, KeyLabel::kRtpSalt};
  constexpr Labels kRtcp{KeyLabel::kRtcpCipher, KeyLabel::kRtcpAuthentication, KeyLabel::kRtcpSalt};
  SessionKeys keys;
  if (!derive_one(*derivation, master.suite(), kRtp, keys.rtp) ||
      !derive_one(*derivation, master.suite(), kRtcp, keys.rtcp)) {
    return Error{ErrorCode::kCryptoUnavailable};
  }
  return keys;
}

}  // namespace trunkyard::srtp
