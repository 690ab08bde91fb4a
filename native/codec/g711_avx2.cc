// G.711 in AVX2: sixteen samples at a time. The method is told in g711_kernels.h.
#if defined(__x86_64__)

#include <immintrin.h>

#include "codec/g711_kernels.h"

// Every function below: it may use AVX2, and is only called where the machine has it.
#define KERNEL __attribute__((target("avx2,fma")))

namespace trunkyard::codec {
namespace {

using namespace g711_detail;

constexpr std::size_t kStep = 32;

KERNEL inline __m256i load(const void* at) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}
KERNEL inline void store(void* at, __m256i value) noexcept {
  _mm256_storeu_si256(static_cast<__m256i*>(at), value);
}
KERNEL inline __m256i table(const Row& row) noexcept {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row.data())));
}

/// The segment of each 16-bit magnitude, in both of its bytes.
KERNEL inline __m256i segments(__m256i magnitude) noexcept {
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  const __m256i high = _mm256_shuffle_epi8(magnitude, table(kHighByteTwice));
  const __m256i by_low =
      _mm256_shuffle_epi8(table(kSegmentOfLowNibble), _mm256_and_si256(high, nibble));
  const __m256i by_high = _mm256_shuffle_epi8(table(kSegmentOfHighNibble),
                                              _mm256_and_si256(_mm256_srli_epi16(high, 4), nibble));
  return _mm256_max_epu8(by_low, by_high);
}

/// Each magnitude shifted right by 3 more than its entry of `places` (in both bytes, 0 to 7).
KERNEL inline __m256i shift_right(__m256i magnitude, __m256i places) noexcept {
  const __m256i halves = _mm256_add_epi8(places, _mm256_set1_epi16(0x0800));
  return _mm256_mulhi_epu16(magnitude, _mm256_shuffle_epi8(table(kShiftFactor), halves));
}

KERNEL inline __m256i mu_codes(__m256i samples) noexcept {
  const __m256i sign = _mm256_srai_epi16(samples, 15);
  const __m256i magnitude =
      _mm256_adds_epi16(_mm256_xor_si256(samples, sign), _mm256_set1_epi16(kMuBias));
  const __m256i segment = segments(magnitude);
  // The shifted magnitude still has its leading one, worth 16.
  const __m256i step = _mm256_sub_epi16(shift_right(magnitude, segment), _mm256_set1_epi16(16));
  const __m256i code = _mm256_add_epi16(_mm256_slli_epi16(segment, 4), step);
  const __m256i flip =
      _mm256_xor_si256(_mm256_set1_epi16(0xff), _mm256_and_si256(sign, _mm256_set1_epi16(0x80)));
  return _mm256_and_si256(_mm256_xor_si256(code, flip), _mm256_set1_epi16(0xff));
}

KERNEL inline __m256i a_codes(__m256i samples) noexcept {
  const __m256i sign = _mm256_srai_epi16(samples, 15);
  const __m256i magnitude = _mm256_xor_si256(samples, sign);
  // Segments 0 and 1 have one step size: from 1 on, the leading one makes up for counting from 0.
  const __m256i above = _mm256_subs_epu8(segments(magnitude), _mm256_set1_epi8(1));
  const __m256i step = shift_right(magnitude, _mm256_add_epi8(above, _mm256_set1_epi8(1)));
  const __m256i code = _mm256_add_epi16(_mm256_slli_epi16(above, 4), step);
  const __m256i flip =
      _mm256_xor_si256(_mm256_set1_epi16(0xd5), _mm256_and_si256(sign, _mm256_set1_epi16(0x80)));
  return _mm256_and_si256(_mm256_xor_si256(code, flip), _mm256_set1_epi16(0xff));
}

/// Two times sixteen words below 256 as 32 bytes, in order.
KERNEL inline __m256i pack(__m256i first, __m256i second) noexcept {
  return _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0b11'01'10'00);
}

KERNEL void mu_encode_avx2(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= count; index += kStep) {
    store(out + index, pack(mu_codes(load(in + index)), mu_codes(load(in + index + 16))));
  }
  for (; index < count; ++index)
    out[index] = mu_encode(in[index]);
}

KERNEL void a_encode_avx2(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= count; index += kStep) {
    store(out + index, pack(a_codes(load(in + index)), a_codes(load(in + index + 16))));
  }
  for (; index < count; ++index)
    out[index] = a_encode(in[index]);
}

/// Powers of two by segment; the upper byte of each word must come out as 0.
KERNEL inline __m256i powers(const Row& of, __m256i number) noexcept {
  const __m256i segment = _mm256_and_si256(_mm256_srli_epi16(number, 4), _mm256_set1_epi16(0x07));
  return _mm256_shuffle_epi8(table(of), _mm256_or_si256(segment, _mm256_set1_epi16(-0x8000)));
}

KERNEL void mu_decode_avx2(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept {
  std::size_t index = 0;
  for (; index + 16 <= count; index += 16) {
    const __m256i code =
        _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + index)));
    const __m256i number = _mm256_xor_si256(code, _mm256_set1_epi16(0xff));
    const __m256i step = _mm256_slli_epi16(_mm256_and_si256(number, _mm256_set1_epi16(0x0f)), 3);
    const __m256i bias = _mm256_set1_epi16(kMuBias);
    const __m256i value = _mm256_sub_epi16(
        _mm256_mullo_epi16(_mm256_add_epi16(step, bias), powers(kTwoToThe, number)), bias);
    const __m256i sign = _mm256_srai_epi16(_mm256_slli_epi16(number, 8), 15);
    store(out + index, _mm256_sub_epi16(_mm256_xor_si256(value, sign), sign));
  }
  for (; index < count; ++index)
    out[index] = mu_decode(in[index]);
}

KERNEL void a_decode_avx2(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept {
  std::size_t index = 0;
  for (; index + 16 <= count; index += 16) {
    const __m256i code =
        _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + index)));
    const __m256i number = _mm256_xor_si256(code, _mm256_set1_epi16(0xd5));
    const __m256i first_segment = _mm256_cmpeq_epi16(
        _mm256_and_si256(number, _mm256_set1_epi16(0x70)), _mm256_setzero_si256());
    const __m256i step =
        _mm256_add_epi16(_mm256_slli_epi16(_mm256_and_si256(number, _mm256_set1_epi16(0x0f)), 4),
                         _mm256_set1_epi16(8));
    const __m256i base = _mm256_andnot_si256(first_segment, _mm256_set1_epi16(256));
    const __m256i value =
        _mm256_mullo_epi16(_mm256_add_epi16(step, base), powers(kHalfTwoToThe, number));
    const __m256i sign = _mm256_srai_epi16(_mm256_slli_epi16(number, 8), 15);
    store(out + index, _mm256_sub_epi16(_mm256_xor_si256(value, sign), sign));
  }
  for (; index < count; ++index)
    out[index] = a_decode(in[index]);
}

KERNEL inline void translate(const Translation& by, const std::uint8_t* in, std::uint8_t* out,
                             std::size_t steps) noexcept {
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(by.flip));
  for (std::size_t index = 0; index < steps * kStep; index += kStep) {
    const __m256i code = load(in + index);
    __m256i number = _mm256_and_si256(_mm256_xor_si256(code, flip), _mm256_set1_epi8(0x7f));
    __m256i entry = _mm256_and_si256(code, _mm256_set1_epi8(static_cast<char>(0x80)));
    for (const Row& row : by.rows) {
      entry = _mm256_xor_si256(entry, _mm256_shuffle_epi8(table(row), number));
      number = _mm256_sub_epi8(number, _mm256_set1_epi8(16));
    }
    store(out + index, entry);
  }
}

KERNEL void mu_to_a_avx2(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept {
  translate(kMuToARows, in, out, count / kStep);
  for (std::size_t index = count / kStep * kStep; index < count; ++index)
    out[index] = mu_to_a(in[index]);
}
KERNEL void a_to_mu_avx2(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept {
  translate(kAToMuRows, in, out, count / kStep);
  for (std::size_t index = count / kStep * kStep; index < count; ++index)
    out[index] = a_to_mu(in[index]);
}

}  // namespace

const G711Kernels kG711Avx2 = {mu_encode_avx2, a_encode_avx2, mu_decode_avx2,
                               a_decode_avx2,  mu_to_a_avx2,  a_to_mu_avx2};

}  // namespace trunkyard::codec

#endif
