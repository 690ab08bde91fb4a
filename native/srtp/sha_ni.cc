// See sha_ni.h. The instructions work on four rounds at a time: a, b, c, d lie in one register with
// `a` on top, the sum of e and the schedule in another. Twenty such groups make a block; the round
// function changes every five.
#include "srtp/sha_ni.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace trunkyard::srtp {

#if defined(__x86_64__)

#define SHA_NI [[gnu::target("sha,ssse3,sse4.1")]]

namespace {

constexpr int kGroups = 20;

/// What one group leaves to the next.
struct Working {
  __m128i abcd;
  __m128i before;  ///< abcd four rounds ago: its `a`, rotated, is this group's e
};

/// Groups `first` to `first + 4`, and the schedule words of four groups later.
template <int Function, int First>
SHA_NI [[gnu::always_inline]] inline void five_groups(Working& working,
                                                      __m128i (&words)[4]) noexcept {
#pragma GCC unroll 5
  for (int group = First; group < First + 5; ++group) {
    __m128i& current = words[group % 4];
    const __m128i sum = group == 0 ? _mm_add_epi32(working.before, current)
                                   : _mm_sha1nexte_epu32(working.before, current);
    working.before = working.abcd;
    working.abcd = _mm_sha1rnds4_epu32(working.abcd, sum, Function);
    if (group + 4 >= kGroups) continue;
    const __m128i& second = words[(group + 1) % 4];
    const __m128i& third = words[(group + 2) % 4];
    const __m128i& fourth = words[(group + 3) % 4];
    current = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(current, second), third), fourth);
  }
}

}  // namespace

bool has_sha_ni() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned kWanted = bit_SSSE3 | bit_SSE4_1;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kWanted) != kWanted) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

SHA_NI void compress_sha_ni(std::uint32_t* state, const std::uint8_t* data,
                            std::size_t blocks) noexcept {
  const __m128i big_endian = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state)), 0x1b);
  __m128i e = _mm_set_epi32(static_cast<int>(state[4]), 0, 0, 0);
  for (; blocks > 0; --blocks, data += 64) {
    __m128i words[4];
#pragma GCC unroll 4
    for (int index = 0; index < 4; ++index) {
      const auto* at = reinterpret_cast<const __m128i*>(data + 16 * index);
      words[index] = _mm_shuffle_epi8(_mm_loadu_si128(at), big_endian);
    }
    Working working{abcd, e};
    five_groups<0, 0>(working, words);
    five_groups<1, 5>(working, words);
    five_groups<2, 10>(working, words);
    five_groups<3, 15>(working, words);
    e = _mm_sha1nexte_epu32(working.before, e);
    abcd = _mm_add_epi32(working.abcd, abcd);
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_shuffle_epi32(abcd, 0x1b));
  state[4] = static_cast<std::uint32_t>(_mm_extract_epi32(e, 3));
}

#undef SHA_NI

#else

bool has_sha_ni() noexcept {
  return false;
}
void compress_sha_ni(std::uint32_t*, const std::uint8_t*, std::size_t) noexcept {}

#endif

}  // namespace trunkyard::srtp
