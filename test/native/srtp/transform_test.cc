// The bytes of protected packets: RFC 7714's vectors, and where everything lies in the tail.
#include "srtp/transform.h"

#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using test::Buffer;
using test::hex;

const char* const kSessionSalt = "517569642070726f2071756f";
const char* const kPlainRtp =
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070"
    "61727465 73207472 6573";
const char* const kPlainRtcp =
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef"
    "deadbeef deadbeef deadbeef";
constexpr std::uint32_t kRtcpIndex = 0x5d4;

struct Vector {
  Suite suite;
  const char* rtp;
  const char* rtcp;
};
/// RFC 7714 §16.1.1, §17.1 and §16.2.1, §17.2.
const Vector kVectors[] = {
    {Suite::kAeadAes128Gcm,
     "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a"
     "51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
     "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda"
     "4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4"},
    {Suite::kAeadAes256Gcm,
     "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02"
     "76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
     "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be"
     "8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4"},
};

SessionKeys keys_of_rfc_7714() {
  SessionKeys keys;
  for (SessionKey* key : {&keys.rtp, &keys.rtcp}) {
    for (std::uint8_t byte = 0; byte < 32; ++byte)
      key->cipher[byte] = byte;
    const Buffer salt = hex(kSessionSalt);
    std::copy(salt.begin(), salt.end(), key->salt.begin());
  }
  return keys;
}

TEST("protects and unprotects the RTP packet of RFC 7714 §16") {
  for (const Vector& vector : kVectors) {
    TransformOptions options{.suite = vector.suite};
    Transform protect = Transform::create(keys_of_rfc_7714(), options).value();
    Buffer packet = hex(kPlainRtp);
    packet.resize(packet.size() + protect.rtp_tail_bytes());
    REQUIRE(protect.protect_rtp(packet, 12, 0xf17b));
    CHECK_EQ(packet, hex(vector.rtp));

    options.direction = Direction::kUnprotect;
    Transform unprotect = Transform::create(keys_of_rfc_7714(), options).value();
    REQUIRE(unprotect.unprotect_rtp(packet, 12, 0xf17b));
    packet.resize(packet.size() - unprotect.rtp_tail_bytes());
    CHECK_EQ(packet, hex(kPlainRtp));
  }
}

TEST("protects and unprotects the RTCP packet of RFC 7714 §17") {
  for (const Vector& vector : kVectors) {
    TransformOptions options{.suite = vector.suite};
    Transform protect = Transform::create(keys_of_rfc_7714(), options).value();
    Buffer packet = hex(kPlainRtcp);
    packet.resize(packet.size() + protect.rtcp_tail_bytes());
    REQUIRE(protect.protect_rtcp(packet, kRtcpIndex));
    CHECK_EQ(packet, hex(vector.rtcp));

    options.direction = Direction::kUnprotect;
    Transform unprotect = Transform::create(keys_of_rfc_7714(), options).value();
    CHECK_EQ(unprotect.rtcp_index(packet), kRtcpIndex);
    CHECK_TRUE(unprotect.rtcp_encrypted(packet));
    REQUIRE(unprotect.unprotect_rtcp(packet));
    packet.resize(packet.size() - unprotect.rtcp_tail_bytes());
    CHECK_EQ(packet, hex(kPlainRtcp));
  }
}

TEST("AES-CM packets are the keystream, the MKI and the first bytes of HMAC-SHA1") {
  const SessionKeys keys =
      derive_session_keys(test::a_key(Suite::kAesCm128HmacSha1Tag32), {}).value();
  const Buffer mki{0xab, 0xcd};
  Transform transform =
      Transform::create(keys, {.suite = Suite::kAesCm128HmacSha1Tag32, .mki = mki}).value();
  CHECK_EQ(transform.rtp_tail_bytes(), 4u + 2);
  CHECK_EQ(transform.rtcp_tail_bytes(), 10u + 4 + 2);

  const Buffer plain = hex("8000 0007 00000001 11223344 0102030405");
  Buffer packet = plain;
  packet.resize(plain.size() + transform.rtp_tail_bytes());
  REQUIRE(transform.protect_rtp(packet, 12, rtp_index(2, 7)));

  // RFC 3711 §4.1.1: SSRC and index, in bytes 4 to 7 and 8 to 13, over the salt.
  CounterMode::Counter counter{};
  std::copy(keys.rtp.salt.begin(), keys.rtp.salt.end(), counter.begin());
  const Buffer over = hex("00000000 11223344 00000002 0007 0000");
  for (std::size_t index = 0; index < 16; ++index)
    counter[index] ^= over[index];
  Buffer payload(plain.begin() + 12, plain.end());
  REQUIRE(
      CounterMode::create(Bytes(keys.rtp.cipher).first(16), {}).value().apply(counter, payload));
  CHECK_EQ(Bytes(packet).subspan(12, 5), payload);
  CHECK_EQ(Bytes(packet).subspan(17, 2), mki);
  const auto tag =
      Authenticator(keys.rtp.authentication, {}).sign(Bytes(packet).first(17), std::uint32_t{2});
  CHECK_EQ(Bytes(packet).last(4), Bytes(tag).first(4));
}

TEST("the MKI lies before the tag of HMAC-SHA1 and behind that of GCM") {
  const Buffer mki{1, 2, 3, 4};
  for (const Suite suite : test::kAllSuites) {
    const SuiteShape shape = shape_of(suite);
    const SessionKeys keys = derive_session_keys(test::a_key(suite), {}).value();
    Transform transform = Transform::create(keys, {.suite = suite, .mki = mki}).value();
    Buffer packet = test::APacket{}.bytes();
    packet.resize(packet.size() + transform.rtp_tail_bytes());
    REQUIRE(transform.protect_rtp(packet, 12, 1));
    CHECK_EQ(Bytes(packet).last(shape.aead ? 4 : 4 + shape.rtp_tag_bytes).first(4), mki);
    CHECK_TRUE(transform.names_our_key_rtp(packet));

    Buffer report = hex("80c90001 11223344");
    report.resize(report.size() + transform.rtcp_tail_bytes());
    REQUIRE(transform.protect_rtcp(report, 9));
    const Bytes tail = Bytes(report).subspan(8);
    CHECK_EQ(tail.subspan(shape.aead ? 16 : 0, 8), hex("80000009 01020304"));
    CHECK_TRUE(transform.names_our_key_rtcp(report));
  }
}

TEST("an identifier of five bytes is refused") {
  const SessionKeys keys = derive_session_keys(test::a_key(Suite::kAeadAes128Gcm), {}).value();
  CHECK_EQ(Transform::create(keys, {.mki = Buffer(5, 1)}).code(), ErrorCode::kConfigInvalid);
}

}  // namespace
