// Check values of the standards, and every length against the naive form.
#include "spool/checksum.h"

#include <string_view>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::uint32_t naive_crc32c(Bytes bytes) {
  std::uint32_t crc = 0xffff'ffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0x82f6'3b78u : 0u);
  }
  return ~crc;
}

std::uint32_t naive_ogg_crc(Bytes bytes) {
  std::uint32_t crc = 0;
  for (const std::uint8_t byte : bytes) {
    crc ^= std::uint32_t{byte} << 24;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc << 1 ^ (crc & 0x8000'0000u ? 0x04c1'1db7u : 0u);
  }
  return crc;
}

TEST("CRC-32C has the values of RFC 3720 appendix B.4") {
  CHECK_EQ(crc32c(bytes_of("123456789")), 0xe306'9283u);
  CHECK_EQ(crc32c({}), 0u);
  std::vector<std::uint8_t> bytes(32, 0);
  CHECK_EQ(crc32c(bytes), 0x8a91'36aau);
  bytes.assign(32, 0xff);
  CHECK_EQ(crc32c(bytes), 0x62a8'ab43u);
  for (std::size_t index = 0; index < 32; ++index)
    bytes[index] = static_cast<std::uint8_t>(index);
  CHECK_EQ(crc32c(bytes), 0x46dd'794eu);
}

TEST("the CRC of Ogg has its check value") {
  CHECK_EQ(ogg_crc(bytes_of("123456789")), 0x89a1'897fu);
  CHECK_EQ(ogg_crc({}), 0u);
}

TEST("XXH64 has its known values, with and without seed, of every branch by length") {
  CHECK_EQ(xxh64({}, 0), 0xef46'db37'51d8'e999u);
  CHECK_EQ(xxh64(bytes_of("a"), 0), 0xd24e'c4f1'a98c'6e5bu);
  CHECK_EQ(xxh64(bytes_of("abc"), 0), 0x44bc'2cf5'ad77'0999u);
  CHECK_EQ(xxh64(bytes_of("Nobody inspects the spammish repetition"), 0), 0xfbce'a83c'8a37'8bf1u);
}

TEST("both CRCs equal their naive forms over all lengths, whole and in two parts") {
  Prng prng(7);
  std::vector<std::uint8_t> bytes(300);
  for (std::uint8_t& byte : bytes)
    byte = static_cast<std::uint8_t>(prng.next_u32());
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const Bytes part = Bytes(bytes).first(length);
    CHECK_EQ(crc32c(part), naive_crc32c(part));
    CHECK_EQ(ogg_crc(part), naive_ogg_crc(part));
    const std::size_t cut = prng.below(static_cast<std::uint32_t>(length + 1));
    CHECK_EQ(crc32c(part.subspan(cut), crc32c(part.first(cut))), naive_crc32c(part));
    CHECK_EQ(ogg_crc(part.subspan(cut), ogg_crc(part.first(cut))), naive_ogg_crc(part));
  }
}

TEST("XXH64 changes with every bit of its input and of its seed") {
  std::vector<std::uint8_t> bytes(77, 0x5a);
  const std::uint64_t before = xxh64(bytes, 1);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK_TRUE(xxh64(bytes, 1) != before);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
  }
  for (int bit = 0; bit < 64; ++bit)
    CHECK_TRUE(xxh64(bytes, std::uint64_t{1} ^ std::uint64_t{1} << bit) != before || bit == 64);
}

}  // namespace
