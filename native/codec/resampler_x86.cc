// The resampler in AVX2 and AVX-512: a product of 16 or 32 neighbours at a time for each output,
// then eight outputs' vectors are summed across together, because summing one alone would take as
// long as its products.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>

#include "codec/resampler_kernels.h"

// Each function may use the set it names, and is only called where the machine has it.
#define KERNEL_AVX2 __attribute__((target("avx2,fma")))
#define KERNEL_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

namespace trunkyard::codec::resampler_detail {
namespace {

constexpr std::size_t kOutputs = 8;

/// A vector of partial sums for each output.
struct Sums {
  __m256i of[kOutputs];
};

/// Walks through the outputs: phase by phase, then on to the next position.
class Walk {
 public:
  Walk(const Filter& filter, const std::int16_t* window) noexcept
      : filter_(&filter), window_(window) {}
  [[nodiscard]] const std::int16_t* window() const noexcept { return window_; }
  [[nodiscard]] const std::int16_t* row() const noexcept {
    return filter_->coefficients + std::size_t{phase_} * filter_->taps;
  }
  void advance() noexcept {
    if (++phase_ < filter_->up) return;
    phase_ = 0;
    window_ += filter_->down;
  }

 private:
  const Filter* filter_;
  const std::int16_t* window_;
  std::uint32_t phase_ = 0;
};

KERNEL_AVX2 inline __m256i products_avx2(const Walk& at, std::size_t taps) noexcept {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t tap = 0; tap < taps; tap += 16) {
    const __m256i row = _mm256_load_si256(reinterpret_cast<const __m256i*>(at.row() + tap));
    const __m256i samples = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at.window() + tap));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(row, samples));
  }
  return sum;
}

KERNEL_AVX512 inline __m256i products_avx512(const Walk& at, std::size_t taps) noexcept {
  __m512i sum = _mm512_setzero_si512();
  for (std::size_t tap = 0; tap < taps; tap += 32) {
    const __m512i row = _mm512_load_si512(at.row() + tap);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(row, _mm512_loadu_si512(at.window() + tap)));
  }
  // With masks of all lanes, because GCC 12 warns of the plain one's own undefined operand.
  return _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xff, sum, 0),
                          _mm512_maskz_extracti64x4_epi64(0xff, sum, 1));
}

/// Each vector's sum, rounded, scaled and saturated, in order.
KERNEL_AVX2 inline __m128i outputs_of(const Sums& sums, std::uint32_t shift) noexcept {
  const __m256i first = _mm256_hadd_epi32(_mm256_hadd_epi32(sums.of[0], sums.of[1]),
                                          _mm256_hadd_epi32(sums.of[2], sums.of[3]));
  const __m256i second = _mm256_hadd_epi32(_mm256_hadd_epi32(sums.of[4], sums.of[5]),
                                           _mm256_hadd_epi32(sums.of[6], sums.of[7]));
  // The two sums of resampler.h: lower halves and upper halves.
  const __m256i total =
      _mm256_add_epi32(_mm256_srai_epi32(_mm256_permute2x128_si256(first, second, 0x20), 1),
                       _mm256_srai_epi32(_mm256_permute2x128_si256(first, second, 0x31), 1));
  const auto places = static_cast<int>(shift) - 1;
  const __m256i rounded = _mm256_add_epi32(total, _mm256_set1_epi32(1 << (places - 1)));
  const __m256i scaled = _mm256_sra_epi32(rounded, _mm_cvtsi32_si128(places));
  return _mm_packs_epi32(_mm256_castsi256_si128(scaled), _mm256_extracti128_si256(scaled, 1));
}

KERNEL_AVX2 inline void store(__m128i outputs, std::int16_t* out, std::size_t count) noexcept {
  if (count == kOutputs) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), outputs);
    return;
  }
  alignas(16) std::array<std::int16_t, kOutputs> all;
  _mm_store_si128(reinterpret_cast<__m128i*>(all.data()), outputs);
  std::copy_n(all.begin(), count, out);
}

}  // namespace

KERNEL_AVX2 void run_avx2(const Filter& filter, const std::int16_t* window, std::int16_t* out,
                          std::size_t positions) noexcept {
  Walk walk(filter, window);
  const std::size_t outputs = positions * filter.up;
  for (std::size_t output = 0; output < outputs; output += kOutputs) {
    const std::size_t count = std::min(kOutputs, outputs - output);
    Sums sums = {};
    for (std::size_t index = 0; index < count; ++index, walk.advance())
      sums.of[index] = products_avx2(walk, filter.taps);
    store(outputs_of(sums, filter.shift), out + output, count);
  }
}

KERNEL_AVX512 void run_avx512(const Filter& filter, const std::int16_t* window, std::int16_t* out,
                              std::size_t positions) noexcept {
  Walk walk(filter, window);
  const std::size_t outputs = positions * filter.up;
  for (std::size_t output = 0; output < outputs; output += kOutputs) {
    const std::size_t count = std::min(kOutputs, outputs - output);
    Sums sums = {};
    for (std::size_t index = 0; index < count; ++index, walk.advance())
      sums.of[index] = products_avx512(walk, filter.taps);
    store(outputs_of(sums, filter.shift), out + output, count);
  }
}

}  // namespace trunkyard::codec::resampler_detail

#endif
