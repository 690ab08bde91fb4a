// The master key of one direction, as a=crypto (RFC 4568 §6.1) or the DTLS exporter (RFC 5764
// §4.2) brings it. Wipes itself when it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "srtp/suite.h"

namespace trunkyard::srtp {

class MasterKey {
 public:
  /// @param key, salt  of exactly the suite's lengths; copied.
  /// @param mki  0 to kMkiBytesMax bytes: what each packet carries to name this key (RFC 3711
  ///             §3.1). Empty when none was agreed, which is the rule.
  /// @returns kConfigInvalid for any other length.
  [[nodiscard]] static Result<MasterKey> from_bytes(Suite suite, Bytes key, Bytes salt,
                                                    Bytes mki = {}) noexcept;
  MasterKey(const MasterKey&) noexcept = default;
  MasterKey& operator=(const MasterKey&) noexcept = default;
  ~MasterKey();

  [[nodiscard]] Suite suite() const noexcept { return suite_; }
  [[nodiscard]] Bytes key() const noexcept { return {key_.data(), shape_of(suite_).key_bytes}; }
  [[nodiscard]] Bytes salt() const noexcept { return {salt_.data(), shape_of(suite_).salt_bytes}; }
  [[nodiscard]] Bytes mki() const noexcept { return {mki_.data(), mki_bytes_}; }

  /// Whether both would make the same packets: suite, key, salt and MKI. Takes the same time
  /// wherever they differ.
  [[nodiscard]] bool same_as(const MasterKey& other) const noexcept;
  /// Whether both would use the same keystream: key and salt alone. As above.
  [[nodiscard]] bool same_keystream_as(const MasterKey& other) const noexcept;

 private:
  explicit MasterKey(Suite suite) noexcept : suite_(suite) {}

  std::array<std::uint8_t, kMasterKeyBytesMax> key_ = {};
  std::array<std::uint8_t, kMasterSaltBytesMax> salt_ = {};
  std::array<std::uint8_t, kMkiBytesMax> mki_ = {};
  std::uint8_t mki_bytes_ = 0;
  Suite suite_;
};

}  // namespace trunkyard::srtp
