// See master_key.h.
#include "srtp/master_key.h"

#include <algorithm>

#include "srtp/cipher.h"

namespace trunkyard::srtp {

Result<MasterKey> MasterKey::from_bytes(Suite suite, Bytes key, Bytes salt, Bytes mki) noexcept {
  const SuiteShape shape = shape_of(suite);
  if (key.size() != shape.key_bytes || salt.size() != shape.salt_bytes ||
      mki.size() > kMkiBytesMax) {
    return Error{ErrorCode::kConfigInvalid};
  }
  MasterKey master(suite);
  std::copy(key.begin(), key.end(), master.key_.begin());
  std::copy(salt.begin(), salt.end(), master.salt_.begin());
  std::copy(mki.begin(), mki.end(), master.mki_.begin());
  master.mki_bytes_ = static_cast<std::uint8_t>(mki.size());
  return master;
}

MasterKey::~MasterKey() {
  wipe(key_);
  wipe(salt_);
}

bool MasterKey::same_keystream_as(const MasterKey& other) const noexcept {
  // Unused bytes are zero on both sides, so whole arrays may be compared.
  const bool key = equal_in_constant_time(key_, other.key_);
  const bool salt = equal_in_constant_time(salt_, other.salt_);
  return key && salt;
}

bool MasterKey::same_as(const MasterKey& other) const noexcept {
  const bool keystream = same_keystream_as(other);
  const bool mki = equal_in_constant_time(mki_, other.mki_);
  return suite_ == other.suite_ && mki_bytes_ == other.mki_bytes_ && keystream && mki;
}

}  // namespace trunkyard::srtp
