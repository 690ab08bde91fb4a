// The mixer in AVX-512: sixteen samples at a time as one vector of 32-bit sums, a last shorter
// piece by masks.
#if defined(__x86_64__)

#include <immintrin.h>

#include "mixer/kernels_detail.h"

// Every function below: it may use AVX-512, and is only called where the machine has it. Masks of
// all lanes stand where GCC 12 warns of the plain form's own undefined operand.
#define KERNEL __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

namespace trunkyard::mixer {
namespace {

constexpr std::size_t kStep = 16;
/// Frames added up before the sum goes back to memory.
constexpr std::size_t kBlock = 4;
constexpr __mmask16 kAll = 0xffff;

/// The lanes of a last piece of fewer than sixteen.
KERNEL inline __mmask16 lanes_of(std::size_t left) noexcept {
  return static_cast<__mmask16>((1u << left) - 1);
}
KERNEL inline __m512i widen(const std::int16_t* at) noexcept {
  return _mm512_maskz_cvtepi16_epi32(kAll,
                                     _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}
KERNEL inline __m512i widen(const std::int16_t* at, __mmask16 lanes) noexcept {
  return _mm512_maskz_cvtepi16_epi32(kAll, _mm256_maskz_loadu_epi16(lanes, at));
}
KERNEL inline void store_samples(std::int16_t* at, __m512i sums) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm512_maskz_cvtsepi32_epi16(kAll, sums));
}
KERNEL inline void store_samples(std::int16_t* at, __m512i sums, __mmask16 lanes) noexcept {
  _mm256_mask_storeu_epi16(at, lanes, _mm512_maskz_cvtsepi32_epi16(kAll, sums));
}

/// Adds `count` frames, 1 to kBlock of them, to `out`, or starts `out` with them.
template <std::size_t count, bool starts>
KERNEL inline void sum_block(const std::int16_t* const* frames, std::int32_t* out,
                             std::size_t samples) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    __m512i sums = widen(frames[0] + index);
    for (std::size_t frame = 1; frame < count; ++frame)
      sums = _mm512_add_epi32(sums, widen(frames[frame] + index));
    if (!starts) sums = _mm512_add_epi32(sums, _mm512_loadu_si512(out + index));
    _mm512_storeu_si512(out + index, sums);
  }
  if (index == samples) return;
  const __mmask16 lanes = lanes_of(samples - index);
  __m512i sums = widen(frames[0] + index, lanes);
  for (std::size_t frame = 1; frame < count; ++frame)
    sums = _mm512_add_epi32(sums, widen(frames[frame] + index, lanes));
  if (!starts) sums = _mm512_add_epi32(sums, _mm512_maskz_loadu_epi32(lanes, out + index));
  _mm512_mask_storeu_epi32(out + index, lanes, sums);
}

/// The first block is the odd one, so that all others are whole.
KERNEL void sum_avx512(const std::int16_t* const* frames, std::size_t frames_count,
                       std::int32_t* out, std::size_t samples) noexcept {
  if (frames_count == 0) {
    std::fill_n(out, samples, 0);
    return;
  }
  const std::size_t first = (frames_count - 1) % kBlock + 1;
  if (first == 1) sum_block<1, true>(frames, out, samples);
  if (first == 2) sum_block<2, true>(frames, out, samples);
  if (first == 3) sum_block<3, true>(frames, out, samples);
  if (first == 4) sum_block<4, true>(frames, out, samples);
  for (std::size_t frame = first; frame < frames_count; frame += kBlock)
    sum_block<kBlock, false>(frames + frame, out, samples);
}

KERNEL void subtract_avx512(const std::int32_t* sum, const std::int16_t* own, std::int16_t* out,
                            std::size_t samples) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    const __m512i all = _mm512_loadu_si512(sum + index);
    store_samples(out + index, _mm512_sub_epi32(all, widen(own + index)));
  }
  if (index == samples) return;
  const __mmask16 lanes = lanes_of(samples - index);
  const __m512i all = _mm512_maskz_loadu_epi32(lanes, sum + index);
  store_samples(out + index, _mm512_sub_epi32(all, widen(own + index, lanes)), lanes);
}

KERNEL void saturate_avx512(const std::int32_t* sum, std::int16_t* out,
                            std::size_t samples) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep)
    store_samples(out + index, _mm512_loadu_si512(sum + index));
  if (index == samples) return;
  const __mmask16 lanes = lanes_of(samples - index);
  store_samples(out + index, _mm512_maskz_loadu_epi32(lanes, sum + index), lanes);
}

KERNEL inline __m512i scaled_avx512(__m512i samples, __m512i gains, const Ramp& ramp) noexcept {
  const __m512i product = _mm512_mullo_epi32(samples, _mm512_maskz_srai_epi32(kAll, gains, 16));
  const __m512i rounded = _mm512_add_epi32(product, _mm512_set1_epi32(1 << (ramp.shift - 1)));
  return _mm512_maskz_sra_epi32(kAll, rounded, _mm_cvtsi32_si128(ramp.shift));
}

KERNEL void scale_avx512(const std::int16_t* in, std::int16_t* out, const Ramp& ramp,
                         std::size_t samples) noexcept {
  const __m512i step = _mm512_set1_epi32(ramp.step(samples));
  const __m512i sixteen_on = _mm512_maskz_slli_epi32(kAll, step, 4);
  const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i gains =
      _mm512_add_epi32(_mm512_set1_epi32(ramp.from * 65'536), _mm512_mullo_epi32(step, places));
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    store_samples(out + index, scaled_avx512(widen(in + index), gains, ramp));
    gains = _mm512_add_epi32(gains, sixteen_on);
  }
  if (index == samples) return;
  const __mmask16 lanes = lanes_of(samples - index);
  store_samples(out + index, scaled_avx512(widen(in + index, lanes), gains, ramp), lanes);
}

/// Adds what each pair of lanes holds, as numbers without a sign: two squares of -32,768 are 2^31.
KERNEL inline __m512i add_squares(__m512i sums, __m512i frame) noexcept {
  const __m512i squares = _mm512_madd_epi16(frame, frame);
  const __m512i low = _mm512_and_si512(squares, _mm512_set1_epi64(0xffff'ffff));
  const __m512i high = _mm512_maskz_srli_epi64(0xff, squares, 32);
  return _mm512_add_epi64(sums, _mm512_add_epi64(low, high));
}

KERNEL std::uint64_t energy_avx512(const std::int16_t* in, std::size_t samples) noexcept {
  constexpr std::size_t kWords = 32;
  __m512i sums = _mm512_setzero_si512();
  std::size_t index = 0;
  for (; index + kWords <= samples; index += kWords)
    sums = add_squares(sums, _mm512_loadu_si512(in + index));
  if (index < samples) {
    const __mmask32 words = (__mmask32{1} << (samples - index)) - 1;
    sums = add_squares(sums, _mm512_maskz_loadu_epi16(words, in + index));
  }
  const __m256i halves = _mm256_add_epi64(_mm512_maskz_extracti64x4_epi64(0xff, sums, 0),
                                          _mm512_maskz_extracti64x4_epi64(0xff, sums, 1));
  const __m128i quarters =
      _mm_add_epi64(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(quarters)) +
         static_cast<std::uint64_t>(_mm_extract_epi64(quarters, 1));
}

}  // namespace

const Kernels kKernelsAvx512 = {sum_avx512, subtract_avx512, saturate_avx512, scale_avx512,
                                energy_avx512};

}  // namespace trunkyard::mixer

#endif
