// Session keys from master keys.
#include "srtp/key_derivation.h"

#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using test::Buffer;
using test::hex;

MasterKey key_of_rfc_3711_b3() {
  return MasterKey::from_bytes(Suite::kAesCm128HmacSha1Tag80,
                               hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
                               hex("0EC675AD498AFEEBB6960B3AABE6"))
      .value();
}

TEST("derives the keys of RFC 3711 B.3") {
  for (const Kernels kernels : {Kernels{}, choose_kernels(best_isa())}) {
    KeyDerivation derivation = KeyDerivation::create(key_of_rfc_3711_b3(), kernels).value();
    Buffer cipher(16);
    Buffer salt(14);
    Buffer authentication(96);
    REQUIRE(derivation.derive(KeyLabel::kRtpCipher, cipher));
    REQUIRE(derivation.derive(KeyLabel::kRtpSalt, salt));
    REQUIRE(derivation.derive(KeyLabel::kRtpAuthentication, authentication));
    CHECK_EQ(cipher, hex("C61E7A93744F39EE10734AFE3FF7A087"));
    CHECK_EQ(salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
    CHECK_EQ(authentication, hex("CEBE321F6FF7716B6FD4AB49AF256A15"
                                 "6D38BAA48F0A0ACF3C34E2359E6CDBCE"
                                 "E049646C43D9327AD175578EF7227098"
                                 "6371C10C9A369AC2F94A8C5FBCDDDC25"
                                 "6D6E919A48B610EF17C2041E47403576"
                                 "6B68642C59BBFC2F34DB60DBDFB2DC68"));
  }
}

TEST("all session keys of a master key come out at once and none twice") {
  const SessionKeys keys = derive_session_keys(key_of_rfc_3711_b3(), {}).value();
  CHECK_EQ(Bytes(keys.rtp.cipher).first(16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
  CHECK_EQ(keys.rtp.authentication, hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
  CHECK_EQ(keys.rtp.salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
  CHECK_FALSE(keys.rtcp.cipher == keys.rtp.cipher);
  CHECK_FALSE(keys.rtcp.authentication == keys.rtp.authentication);
  CHECK_FALSE(keys.rtcp.salt == keys.rtp.salt);
}

TEST("the AEAD suites need no authentication key, and 256 bits give 32 bytes of key") {
  const SessionKeys small = derive_session_keys(test::a_key(Suite::kAeadAes128Gcm), {}).value();
  const SessionKeys large = derive_session_keys(test::a_key(Suite::kAeadAes256Gcm), {}).value();
  CHECK_EQ(small.rtp.authentication, Buffer(20, 0));
  CHECK_EQ(Bytes(small.rtp.cipher).last(16), Buffer(16, 0));
  CHECK_EQ(Bytes(small.rtp.salt).last(2), Buffer(2, 0));
  CHECK_FALSE(Bytes(large.rtp.cipher).last(16)[0] == 0 && large.rtp.cipher[31] == 0);
}

}  // namespace
