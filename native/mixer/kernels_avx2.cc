// The mixer in AVX2: sixteen samples at a time, as two vectors of 32-bit sums.
#if defined(__x86_64__)

#include <immintrin.h>

#include "codec/level.h"
#include "mixer/kernels_detail.h"

// Every function below: it may use AVX2, and is only called where the machine has it.
#define KERNEL __attribute__((target("avx2,fma")))

namespace trunkyard::mixer {
namespace {

using namespace kernels_detail;

constexpr std::size_t kStep = 16;
/// Frames added up before the sum goes back to memory.
constexpr std::size_t kBlock = 4;

/// Sixteen sums in order.
struct Sums {
  __m256i low;
  __m256i high;
};

KERNEL inline Sums load_sums(const std::int32_t* at) noexcept {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 8))};
}
KERNEL inline Sums widen(const std::int16_t* at) noexcept {
  return {_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))),
          _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 8)))};
}
KERNEL inline Sums add(const Sums& left, const Sums& right) noexcept {
  return {_mm256_add_epi32(left.low, right.low), _mm256_add_epi32(left.high, right.high)};
}
KERNEL inline void store_sums(std::int32_t* at, const Sums& sums) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), sums.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + 8), sums.high);
}
/// Packing saturates within halves of a vector, so the quarters have to be put back in order.
KERNEL inline void store_samples(std::int16_t* at, const Sums& sums) noexcept {
  const __m256i packed = _mm256_packs_epi32(sums.low, sums.high);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm256_permute4x64_epi64(packed, 0xd8));
}

/// Adds `count` frames, 1 to kBlock of them, to `out`, or starts `out` with them.
template <std::size_t count, bool starts>
KERNEL inline void sum_block(const std::int16_t* const* frames, std::int32_t* out,
                             std::size_t samples) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    Sums sums = widen(frames[0] + index);
    for (std::size_t frame = 1; frame < count; ++frame)
      sums = add(sums, widen(frames[frame] + index));
    if (!starts) sums = add(sums, load_sums(out + index));
    store_sums(out + index, sums);
  }
  for (; index < samples; ++index) {
    std::int32_t sum = starts ? 0 : out[index];
    for (std::size_t frame = 0; frame < count; ++frame)
      sum += frames[frame][index];
    out[index] = sum;
  }
}

/// The first block is the odd one, so that all others are whole.
KERNEL void sum_avx2(const std::int16_t* const* frames, std::size_t frames_count, std::int32_t* out,
                     std::size_t samples) noexcept {
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

KERNEL void subtract_avx2(const std::int32_t* sum, const std::int16_t* own, std::int16_t* out,
                          std::size_t samples) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    const Sums all = load_sums(sum + index);
    const Sums one = widen(own + index);
    store_samples(out + index,
                  {_mm256_sub_epi32(all.low, one.low), _mm256_sub_epi32(all.high, one.high)});
  }
  for (; index < samples; ++index)
    out[index] = saturated(sum[index] - own[index]);
}

KERNEL void saturate_avx2(const std::int32_t* sum, std::int16_t* out,
                          std::size_t samples) noexcept {
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep)
    store_samples(out + index, load_sums(sum + index));
  for (; index < samples; ++index)
    out[index] = saturated(sum[index]);
}

KERNEL inline __m256i scaled_avx2(__m256i samples, __m256i gains, const Ramp& ramp) noexcept {
  const __m256i product = _mm256_mullo_epi32(samples, _mm256_srai_epi32(gains, 16));
  const __m256i rounded = _mm256_add_epi32(product, _mm256_set1_epi32(1 << (ramp.shift - 1)));
  return _mm256_sra_epi32(rounded, _mm_cvtsi32_si128(ramp.shift));
}

KERNEL void scale_avx2(const std::int16_t* in, std::int16_t* out, const Ramp& ramp,
                       std::size_t samples) noexcept {
  const __m256i step = _mm256_set1_epi32(ramp.step(samples));
  const __m256i eight_on = _mm256_slli_epi32(step, 3);
  __m256i gains =
      _mm256_add_epi32(_mm256_set1_epi32(ramp.from * 65'536),
                       _mm256_mullo_epi32(step, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    const Sums loud = widen(in + index);
    const __m256i low = scaled_avx2(loud.low, gains, ramp);
    gains = _mm256_add_epi32(gains, eight_on);
    store_samples(out + index, {low, scaled_avx2(loud.high, gains, ramp)});
    gains = _mm256_add_epi32(gains, eight_on);
  }
  scale_rest(in, out, ramp, samples, index);
}

KERNEL std::uint64_t energy_avx2(const std::int16_t* in, std::size_t samples) noexcept {
  const __m256i low_half = _mm256_set1_epi64x(0xffff'ffff);
  __m256i sums = _mm256_setzero_si256();
  std::size_t index = 0;
  for (; index + kStep <= samples; index += kStep) {
    const __m256i frame = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + index));
    // Two squares of -32,768 are 2^31: right as a number without a sign.
    const __m256i squares = _mm256_madd_epi16(frame, frame);
    const __m256i low = _mm256_and_si256(squares, low_half);
    sums = _mm256_add_epi64(sums, _mm256_add_epi64(low, _mm256_srli_epi64(squares, 32)));
  }
  const __m128i halves =
      _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  const auto total = static_cast<std::uint64_t>(_mm_cvtsi128_si64(halves)) +
                     static_cast<std::uint64_t>(_mm_extract_epi64(halves, 1));
  return total + codec::energy({in + index, samples - index});
}

}  // namespace

const Kernels kKernelsAvx2 = {sum_avx2, subtract_avx2, saturate_avx2, scale_avx2, energy_avx2};

}  // namespace trunkyard::mixer

#endif
