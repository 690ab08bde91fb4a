// The primitives against their standards' vectors, and our own kernels against the library.
#include "srtp/cipher.h"

#include <array>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using test::Buffer;
using test::hex;

/// Every choice of kernels that this CPU can run, the library's alone first.
std::vector<Kernels> all_kernels() {
  std::vector<Kernels> all{{}};
  const Kernels best = choose_kernels(Isa::kAvx2);
  if (best.aes_ni) all.push_back({.aes_ni = true});
  if (best.sha_ni) all.push_back({.sha_ni = true});
  return all;
}

CounterMode::Counter counter_of(const Buffer& bytes) {
  CounterMode::Counter counter{};
  std::copy(bytes.begin(), bytes.end(), counter.begin());
  return counter;
}

TEST("the TLS library is of the version we were compiled for") {
  CHECK_TRUE(check_library().ok());
}

TEST("plain C asks for none of our kernels") {
  CHECK_FALSE(choose_kernels(Isa::kC).aes_ni);
  CHECK_FALSE(choose_kernels(Isa::kC).sha_ni);
}

TEST("counter mode gives the keystream of RFC 3711 B.2, up to its last blocks") {
  for (const Kernels kernels : all_kernels()) {
    CounterMode mode =
        CounterMode::create(hex("2B7E151628AED2A6ABF7158809CF4F3C"), kernels).value();
    Buffer stream(0xff02 * 16, 0);
    REQUIRE(mode.apply(counter_of(hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")), stream));
    CHECK_EQ(Bytes(stream).first(48), hex("E03EAD0935C95E80E166B16DD92B4EB4"
                                          "D23513162B02D0F72A43A2FE4A5F97AB"
                                          "41E95B3BB0A2E8DD477901E4FCA894C0"));
    CHECK_EQ(Bytes(stream).last(48), hex("EC8CDF7398607CB0F2D21675EA9EA1E4"
                                         "362B7C3C6773516318A077D7FC5073AE"
                                         "6A2CC3787889374FBEB4C81B17BA6C44"));
  }
}

TEST("both counter modes agree byte for byte on every length from 0 to 600") {
  Prng prng(3711);
  for (std::size_t length = 0; length <= 600; ++length) {
    const Buffer key = test::random_bytes(prng, 16);
    Buffer first = test::random_bytes(prng, 16);
    first[14] = first[15] = 0;
    const Buffer plain = test::random_bytes(prng, length);
    Buffer expected;
    for (const Kernels kernels : all_kernels()) {
      Buffer data = plain;
      REQUIRE(CounterMode::create(key, kernels).value().apply(counter_of(first), data));
      if (expected.empty()) expected = data;
      CHECK_EQ(data, expected);
    }
  }
}

TEST("counter mode with 32 bytes of key is AES-256 whatever the kernels") {
  // NIST SP 800-38A F.5.5, its counter moved to where SRTP's begins.
  const Buffer key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  Buffer one(64, 0);
  Buffer other(64, 0);
  const auto counter = counter_of(hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"));
  REQUIRE(CounterMode::create(key, {}).value().apply(counter, one));
  REQUIRE(CounterMode::create(key, choose_kernels(best_isa())).value().apply(counter, other));
  CHECK_EQ(one, other);
}

TEST("keys of other lengths are refused") {
  for (const std::size_t bytes : {0, 15, 17, 24, 31, 33}) {
    const Buffer key(bytes, 7);
    CHECK_EQ(CounterMode::create(key, {}).code(), ErrorCode::kConfigInvalid);
    CHECK_EQ(GcmMode::create(key, GcmMode::Direction::kSeal).code(), ErrorCode::kConfigInvalid);
  }
}

TEST("HMAC-SHA1 gives the tags of RFC 2202") {
  for (const Kernels kernels : all_kernels()) {
    const auto tag = [&](const Buffer& key, const Buffer& text) {
      return Authenticator(key, kernels).sign(text);
    };
    CHECK_EQ(tag(Buffer(20, 0x0b), hex("4869205468657265")),
             hex("b617318655057264e28bc0b6fb378c8ef146be00"));
    CHECK_EQ(tag(hex("4a656665"), hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f")),
             hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
    CHECK_EQ(tag(Buffer(20, 0xaa), Buffer(50, 0xdd)),
             hex("125d7342b9ac11cd91a39af48aa17b4f63f175d3"));
    CHECK_EQ(tag(hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), Buffer(50, 0xcd)),
             hex("4c9007f4026250c6bc8414f9bf50c86c2d7235da"));
  }
}

TEST("both HMACs agree on every length from 0 to 600, with and without the rollover counter") {
  Prng prng(2104);
  for (std::size_t length = 0; length <= 600; ++length) {
    const Buffer key = test::random_bytes(prng, 20);
    const Buffer text = test::random_bytes(prng, length);
    const std::uint32_t appended = prng.next_u32();
    Buffer whole = text;
    test::append(whole, appended, 4);
    const Authenticator reference(key, {});
    for (const Kernels kernels : all_kernels()) {
      const Authenticator authenticator(key, kernels);
      CHECK_EQ(authenticator.sign(text), reference.sign(text));
      CHECK_EQ(authenticator.sign(text, appended), reference.sign(whole));
    }
  }
}

TEST("GCM opens what it sealed, and nothing that was changed by one bit") {
  Prng prng(7714);
  for (const std::size_t key_bytes : {16, 32}) {
    const Buffer key = test::random_bytes(prng, key_bytes);
    GcmMode sealer = GcmMode::create(key, GcmMode::Direction::kSeal).value();
    GcmMode opener = GcmMode::create(key, GcmMode::Direction::kOpen).value();
    GcmMode::Iv iv{1, 2, 3};
    const Buffer head = test::random_bytes(prng, 12);
    const Buffer tail = test::random_bytes(prng, 4);
    for (const std::size_t length : {0, 1, 15, 16, 17, 160, 1200}) {
      const Buffer plain = test::random_bytes(prng, length);
      Buffer data = plain;
      Buffer tag(kGcmTagBytes);
      REQUIRE(sealer.seal(iv, head, tail, data, tag));
      const Buffer sealed = data;
      for (std::size_t bit = 0; bit < tag.size() * 8; ++bit) {
        Buffer wrong = tag;
        wrong[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        CHECK_FALSE(opener.open(iv, head, tail, data, wrong));
        CHECK_EQ(data, sealed);
      }
      CHECK_FALSE(opener.open(iv, head, Bytes(tail).first(3), data, tag));
      CHECK_FALSE(opener.open(iv, head, tail, data, Bytes(tag).first(15)));
      CHECK_EQ(data, sealed);
      CHECK_TRUE(opener.open(iv, head, tail, data, tag));
      CHECK_EQ(data, plain);
    }
  }
}

TEST("comparing in constant time is comparing") {
  CHECK_TRUE(equal_in_constant_time({}, {}));
  CHECK_TRUE(equal_in_constant_time(hex("0102"), hex("0102")));
  CHECK_FALSE(equal_in_constant_time(hex("0102"), hex("0103")));
  CHECK_FALSE(equal_in_constant_time(hex("0102"), hex("010200")));
}

TEST("wiping leaves zeros") {
  Buffer secret = hex("aabbcc");
  wipe(secret);
  CHECK_EQ(secret, hex("000000"));
}

}  // namespace
