// Checksums; see checksum.h. Both CRCs take eight bytes a step through eight tables, which are made
// by the compiler.
#include "spool/checksum.h"

#include <array>
#include <bit>

namespace trunkyard::spool {
namespace {

using Table = std::array<std::uint32_t, 256>;
using Tables = std::array<Table, 8>;

constexpr std::uint32_t kCastagnoliReflected = 0x82f63b78;
constexpr std::uint32_t kOggPolynomial = 0x04c11db7;

/// tables[k][b]: what the byte b does to a CRC when k bytes of zero follow it.
constexpr Tables make_reflected_tables(std::uint32_t polynomial) noexcept {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t depth = 1; depth < 8; ++depth) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[depth - 1][byte];
      tables[depth][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables make_forward_tables(std::uint32_t polynomial) noexcept {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte << 24;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc << 1 ^ ((crc & 0x8000'0000) != 0 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t depth = 1; depth < 8; ++depth) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[depth - 1][byte];
      tables[depth][byte] = before << 8 ^ tables[0][before >> 24];
    }
  }
  return tables;
}

constexpr Tables kCrc32c = make_reflected_tables(kCastagnoliReflected);
constexpr Tables kOgg = make_forward_tables(kOggPolynomial);

std::uint64_t load_u64_le(const std::uint8_t* at) noexcept {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint32_t load_u32_le(const std::uint8_t* at) noexcept {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// The five primes of XXH64.
constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87;
constexpr std::uint64_t kPrime2 = 0xc2b2ae3d27d4eb4f;
constexpr std::uint64_t kPrime3 = 0x165667b19e3779f9;
constexpr std::uint64_t kPrime4 = 0x85ebca77c2b2ae63;
constexpr std::uint64_t kPrime5 = 0x27d4eb2f165667c5;

constexpr std::uint64_t xxh_round(std::uint64_t lane, std::uint64_t input) noexcept {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

constexpr std::uint64_t xxh_merge(std::uint64_t hash, std::uint64_t lane) noexcept {
  return (hash ^ xxh_round(0, lane)) * kPrime1 + kPrime4;
}

/// Four lanes over the 32-byte stripes; takes them off `bytes`.
std::uint64_t xxh_stripes(Bytes& bytes, std::uint64_t seed) noexcept {
  std::array<std::uint64_t, 4> lanes{seed + kPrime1 + kPrime2, seed + kPrime2, seed,
                                     seed - kPrime1};
  while (bytes.size() >= 32) {
    for (std::size_t lane = 0; lane < 4; ++lane)
      lanes[lane] = xxh_round(lanes[lane], load_u64_le(bytes.data() + 8 * lane));
    bytes = bytes.subspan(32);
  }
  std::uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                       std::rotl(lanes[3], 18);
  for (const std::uint64_t lane : lanes)
    hash = xxh_merge(hash, lane);
  return hash;
}

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_u64_le(at) ^ crc;
    crc = 0;
    for (std::uint32_t index = 0; index < 8; ++index)
      crc ^= kCrc32c[7 - index][word >> (8 * index) & 0xff];
  }
  for (; left > 0; --left, ++at)
    crc = crc >> 8 ^ kCrc32c[0][(crc ^ *at) & 0xff];
  return ~crc;
}

std::uint32_t ogg_crc(Bytes bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = before;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_u64(at) ^ std::uint64_t{crc} << 32;
    crc = 0;
    for (std::uint32_t index = 0; index < 8; ++index)
      crc ^= kOgg[index][word >> (8 * index) & 0xff];
  }
  for (; left > 0; --left, ++at)
    crc = crc << 8 ^ kOgg[0][(crc >> 24 ^ *at) & 0xff];
  return crc;
}

std::uint64_t xxh64(Bytes bytes, std::uint64_t seed) noexcept {
  const std::uint64_t total = bytes.size();
  std::uint64_t hash = (total >= 32 ? xxh_stripes(bytes, seed) : seed + kPrime5) + total;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8))
    hash = std::rotl(hash ^ xxh_round(0, load_u64_le(bytes.data())), 27) * kPrime1 + kPrime4;
  if (bytes.size() >= 4) {
    hash = std::rotl(hash ^ load_u32_le(bytes.data()) * kPrime1, 23) * kPrime2 + kPrime3;
    bytes = bytes.subspan(4);
  }
  for (const std::uint8_t byte : bytes)
    hash = std::rotl(hash ^ byte * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

}  // namespace trunkyard::spool
