// See aes_ni.h. Eight blocks are in flight at a time: one AES round takes about four cycles and a
// new one can start every cycle or half, so a single block would leave the unit idle.
#include "srtp/aes_ni.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace trunkyard::srtp {

#if defined(__x86_64__)

#define AES_NI [[gnu::target("aes,ssse3,sse4.1")]]

namespace {

constexpr int kRounds = 10;
constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kBlocksInFlight = 8;

/// Round key from the one before it: each word takes in all words before it, and the substituted
/// last one (FIPS 197 §5.2).
AES_NI inline __m128i next_round_key(__m128i key, __m128i assisted) noexcept {
  assisted = _mm_shuffle_epi32(assisted, 0xff);
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  return _mm_xor_si128(key, assisted);
}

AES_NI inline const __m128i* round_keys(const AesSchedule& schedule) noexcept {
  return reinterpret_cast<const __m128i*>(schedule.bytes.data());
}

/// Counter blocks `first`, `first + 1`, ... encrypted: Blocks x 16 bytes of keystream.
template <std::size_t Blocks>
AES_NI [[gnu::always_inline]] inline void encrypt_counters(const __m128i* keys,
                                                           __m128i counter_reversed,
                                                           std::uint32_t first,
                                                           __m128i (&stream)[Blocks]) noexcept {
  const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma GCC unroll 8
  for (std::size_t block = 0; block < Blocks; ++block) {
    const auto number = static_cast<int>(first + static_cast<std::uint32_t>(block));
    const __m128i counter = _mm_add_epi32(counter_reversed, _mm_cvtsi32_si128(number));
    stream[block] = _mm_xor_si128(_mm_shuffle_epi8(counter, reverse), keys[0]);
  }
#pragma GCC unroll 9
  for (int round = 1; round < kRounds; ++round) {
#pragma GCC unroll 8
    for (std::size_t block = 0; block < Blocks; ++block) {
      stream[block] = _mm_aesenc_si128(stream[block], keys[round]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t block = 0; block < Blocks; ++block) {
    stream[block] = _mm_aesenclast_si128(stream[block], keys[kRounds]);
  }
}

AES_NI inline void add_block(std::uint8_t* data, __m128i stream) noexcept {
  auto* at = reinterpret_cast<__m128i*>(data);
  _mm_storeu_si128(at, _mm_xor_si128(_mm_loadu_si128(at), stream));
}

}  // namespace

bool has_aes_ni() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned kWanted = bit_AES | bit_SSSE3 | bit_SSE4_1;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & kWanted) == kWanted;
}

AES_NI void expand_key_aes_ni(const std::uint8_t* key, AesSchedule& schedule) noexcept {
  auto* keys = reinterpret_cast<__m128i*>(schedule.bytes.data());
  keys[0] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
  // The round constants are operands of the instruction, hence no loop.
  keys[1] = next_round_key(keys[0], _mm_aeskeygenassist_si128(keys[0], 0x01));
  keys[2] = next_round_key(keys[1], _mm_aeskeygenassist_si128(keys[1], 0x02));
  keys[3] = next_round_key(keys[2], _mm_aeskeygenassist_si128(keys[2], 0x04));
  keys[4] = next_round_key(keys[3], _mm_aeskeygenassist_si128(keys[3], 0x08));
  keys[5] = next_round_key(keys[4], _mm_aeskeygenassist_si128(keys[4], 0x10));
  keys[6] = next_round_key(keys[5], _mm_aeskeygenassist_si128(keys[5], 0x20));
  keys[7] = next_round_key(keys[6], _mm_aeskeygenassist_si128(keys[6], 0x40));
  keys[8] = next_round_key(keys[7], _mm_aeskeygenassist_si128(keys[7], 0x80));
  keys[9] = next_round_key(keys[8], _mm_aeskeygenassist_si128(keys[8], 0x1b));
  keys[10] = next_round_key(keys[9], _mm_aeskeygenassist_si128(keys[9], 0x36));
}

AES_NI void apply_counter_aes_ni(const AesSchedule& schedule, const std::uint8_t* counter,
                                 std::uint8_t* data, std::size_t bytes) noexcept {
  const __m128i* keys = round_keys(schedule);
  const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m128i counter_reversed =
      _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(counter)), reverse);
  std::uint32_t number = 0;
  for (; bytes >= kBlocksInFlight * kBlockBytes; bytes -= kBlocksInFlight * kBlockBytes) {
    __m128i stream[kBlocksInFlight];
    encrypt_counters(keys, counter_reversed, number, stream);
#pragma GCC unroll 8
    for (std::size_t block = 0; block < kBlocksInFlight; ++block) {
      add_block(data + block * kBlockBytes, stream[block]);
    }
    data += kBlocksInFlight * kBlockBytes;
    number += kBlocksInFlight;
  }
  // What is left is computed as up to four pairs, which overlap as they don't depend on each other.
  for (; bytes >= 2 * kBlockBytes; bytes -= 2 * kBlockBytes) {
    __m128i stream[2];
    encrypt_counters(keys, counter_reversed, number, stream);
    add_block(data, stream[0]);
    add_block(data + kBlockBytes, stream[1]);
    data += 2 * kBlockBytes;
    number += 2;
  }
  if (bytes == 0) return;
  __m128i stream[2];
  encrypt_counters(keys, counter_reversed, number, stream);
  if (bytes >= kBlockBytes) {
    add_block(data, stream[0]);
    data += kBlockBytes;
    bytes -= kBlockBytes;
    stream[0] = stream[1];
  }
  alignas(16) std::uint8_t last[kBlockBytes];
  _mm_store_si128(reinterpret_cast<__m128i*>(last), stream[0]);
  for (std::size_t index = 0; index < bytes; ++index) {
    data[index] ^= last[index];
  }
}

#undef AES_NI

#else

bool has_aes_ni() noexcept {
  return false;
}
void expand_key_aes_ni(const std::uint8_t*, AesSchedule&) noexcept {}
void apply_counter_aes_ni(const AesSchedule&, const std::uint8_t*, std::uint8_t*,
                          std::size_t) noexcept {}

#endif

}  // namespace trunkyard::srtp
