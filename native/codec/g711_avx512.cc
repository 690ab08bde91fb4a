// G.711 in AVX-512: 32 samples at a time, a last shorter piece by masks. The method is told in
// g711_kernels.h; here shifts by a count of each word's own replace the multiplications.
#if defined(__x86_64__)

#include <immintrin.h>

#include "codec/g711_kernels.h"

// Every function below: it may use AVX-512, and is only called where the machine has it.
#define KERNEL __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

namespace trunkyard::codec {
namespace {

using namespace g711_detail;

constexpr std::size_t kWords = 32;
constexpr std::size_t kBytes = 64;

/// The first `count` lanes of 32 or 64; all of them when there are more left.
KERNEL inline __mmask32 first_words(std::size_t count) noexcept {
  return count >= kWords ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
}
KERNEL inline __mmask64 first_bytes(std::size_t count) noexcept {
  return count >= kBytes ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}
KERNEL inline __m512i table(const Row& row) noexcept {
  // With a mask of all lanes, because GCC 12 warns of the plain one's own undefined operand.
  return _mm512_maskz_broadcast_i32x4(
      0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(row.data())));
}
/// `value`, negated in the lanes of `mask`.
KERNEL inline __m512i negate(__m512i value, __mmask32 mask) noexcept {
  return _mm512_mask_sub_epi16(value, mask, _mm512_setzero_si512(), value);
}

/// The segment of each 16-bit magnitude.
KERNEL inline __m512i segments(__m512i magnitude) noexcept {
  const __m512i high = _mm512_srli_epi16(magnitude, 8);
  const __m512i by_low = _mm512_shuffle_epi8(table(kSegmentOfLowNibble),
                                             _mm512_and_si512(high, _mm512_set1_epi16(0x0f)));
  const __m512i by_high =
      _mm512_shuffle_epi8(table(kSegmentOfHighNibble), _mm512_srli_epi16(magnitude, 12));
  return _mm512_max_epu8(by_low, by_high);
}

KERNEL inline __m512i mu_codes(__m512i samples) noexcept {
  const __m512i sign = _mm512_srai_epi16(samples, 15);
  const __m512i magnitude =
      _mm512_adds_epi16(_mm512_xor_si512(samples, sign), _mm512_set1_epi16(kMuBias));
  const __m512i segment = segments(magnitude);
  // The shifted magnitude still has its leading one, worth 16.
  const __m512i step =
      _mm512_srlv_epi16(magnitude, _mm512_add_epi16(segment, _mm512_set1_epi16(3)));
  const __m512i code = _mm512_add_epi16(_mm512_slli_epi16(segment, 4),
                                        _mm512_sub_epi16(step, _mm512_set1_epi16(16)));
  return _mm512_xor_si512(_mm512_xor_si512(code, _mm512_set1_epi16(0xff)),
                          _mm512_and_si512(sign, _mm512_set1_epi16(0x80)));
}

KERNEL inline __m512i a_codes(__m512i samples) noexcept {
  const __m512i sign = _mm512_srai_epi16(samples, 15);
  const __m512i magnitude = _mm512_xor_si512(samples, sign);
  // Segments 0 and 1 have one step size: from 1 on, the leading one makes up for counting from 0.
  const __m512i above = _mm512_subs_epu16(segments(magnitude), _mm512_set1_epi16(1));
  const __m512i step = _mm512_srlv_epi16(magnitude, _mm512_add_epi16(above, _mm512_set1_epi16(4)));
  const __m512i code = _mm512_add_epi16(_mm512_slli_epi16(above, 4), step);
  return _mm512_xor_si512(_mm512_xor_si512(code, _mm512_set1_epi16(0xd5)),
                          _mm512_and_si512(sign, _mm512_set1_epi16(0x80)));
}

KERNEL void mu_encode_avx512(const std::int16_t* in, std::uint8_t* out,
                             std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; index += kWords) {
    const __mmask32 mask = first_words(count - index);
    const __m512i codes = mu_codes(_mm512_maskz_loadu_epi16(mask, in + index));
    _mm512_mask_cvtepi16_storeu_epi8(out + index, mask, codes);
  }
}

KERNEL void a_encode_avx512(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; index += kWords) {
    const __mmask32 mask = first_words(count - index);
    const __m512i codes = a_codes(_mm512_maskz_loadu_epi16(mask, in + index));
    _mm512_mask_cvtepi16_storeu_epi8(out + index, mask, codes);
  }
}

KERNEL void mu_decode_avx512(const std::uint8_t* in, std::int16_t* out,
                             std::size_t count) noexcept {
  const __m512i bias = _mm512_set1_epi16(kMuBias);
  for (std::size_t index = 0; index < count; index += kWords) {
    const __mmask32 mask = first_words(count - index);
    const __m512i code = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, in + index));
    const __m512i number = _mm512_xor_si512(code, _mm512_set1_epi16(0x7f));
    const __m512i segment = _mm512_and_si512(_mm512_srli_epi16(number, 4), _mm512_set1_epi16(0x07));
    const __m512i step = _mm512_slli_epi16(_mm512_and_si512(number, _mm512_set1_epi16(0x0f)), 3);
    const __m512i value =
        _mm512_sub_epi16(_mm512_sllv_epi16(_mm512_add_epi16(step, bias), segment), bias);
    const __mmask32 negative = _mm512_testn_epi16_mask(code, _mm512_set1_epi16(0x80));
    _mm512_mask_storeu_epi16(out + index, mask, negate(value, negative));
  }
}

KERNEL void a_decode_avx512(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; index += kWords) {
    const __mmask32 mask = first_words(count - index);
    const __m512i code = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, in + index));
    const __m512i number = _mm512_xor_si512(code, _mm512_set1_epi16(0x55));
    const __m512i segment = _mm512_and_si512(_mm512_srli_epi16(number, 4), _mm512_set1_epi16(0x07));
    const __mmask32 above = _mm512_test_epi16_mask(segment, segment);
    const __m512i step =
        _mm512_add_epi16(_mm512_slli_epi16(_mm512_and_si512(number, _mm512_set1_epi16(0x0f)), 4),
                         _mm512_set1_epi16(8));
    const __m512i based = _mm512_mask_add_epi16(step, above, step, _mm512_set1_epi16(256));
    const __m512i value =
        _mm512_sllv_epi16(based, _mm512_subs_epu16(segment, _mm512_set1_epi16(1)));
    const __mmask32 negative = _mm512_testn_epi16_mask(code, _mm512_set1_epi16(0x80));
    _mm512_mask_storeu_epi16(out + index, mask, negate(value, negative));
  }
}

KERNEL inline void translate(const Translation& by, const std::uint8_t* in, std::uint8_t* out,
                             std::size_t count) noexcept {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(by.flip));
  for (std::size_t index = 0; index < count; index += kBytes) {
    const __mmask64 mask = first_bytes(count - index);
    const __m512i code = _mm512_maskz_loadu_epi8(mask, in + index);
    __m512i number = _mm512_and_si512(_mm512_xor_si512(code, flip), _mm512_set1_epi8(0x7f));
    __m512i entry = _mm512_and_si512(code, _mm512_set1_epi8(static_cast<char>(0x80)));
    for (const Row& row : by.rows) {
      entry = _mm512_xor_si512(entry, _mm512_shuffle_epi8(table(row), number));
      number = _mm512_sub_epi8(number, _mm512_set1_epi8(16));
    }
    _mm512_mask_storeu_epi8(out + index, mask, entry);
  }
}

KERNEL void mu_to_a_avx512(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept {
  translate(kMuToARows, in, out, count);
}
KERNEL void a_to_mu_avx512(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept {
  translate(kAToMuRows, in, out, count);
}

}  // namespace

const G711Kernels kG711Avx512 = {mu_encode_avx512, a_encode_avx512, mu_decode_avx512,
                                 a_decode_avx512,  mu_to_a_avx512,  a_to_mu_avx512};

}  // namespace trunkyard::codec

#endif
