// G.722 in AVX2. The mirror filters do eight pairs at a time. In the chain of steps one vector
// holds the zeros of both bands, so their twelve products are one; and the low band's difference is
// compared with all decision levels at once, the code being the number of those it reaches.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "codec/g722_steps.h"

// Every function below: it may use AVX2, and is only called where the machine has it.
#define KERNEL __attribute__((target("avx2,fma")))

namespace trunkyard::codec::g722_detail {
namespace {

constexpr std::size_t kGroup = 8;

/// The decision levels as factors for products whose upper 16 bits are kept: 16 times as large.
/// The two entries too many are levels that every difference reaches, as does entry 0.
alignas(32) constexpr auto kLevelFactors = [] {
  std::array<std::uint16_t, 32> factors{};
  for (std::size_t index = 0; index < kLevels6.size(); ++index) {
    factors[index] = static_cast<std::uint16_t>(kLevels6[index] * 16);
  }
  return factors;
}();
static_assert(kLevels6.back() * 16 <= 0xffff);

/// Taps for a pair of neighbours in the window, as 32 bits: the even one's in the lower half.
constexpr std::int32_t pair_of(std::int16_t even, std::int16_t odd) noexcept {
  return static_cast<std::int32_t>(std::uint32_t{static_cast<std::uint16_t>(odd)} << 16 |
                                   static_cast<std::uint16_t>(even));
}
template <typename Function>
constexpr std::array<std::int32_t, 12> make_taps(Function pair) noexcept {
  std::array<std::int32_t, 12> taps{};
  for (std::size_t tap = 0; tap < taps.size(); ++tap)
    taps[tap] = pair(kMirror[tap], kMirror[kMirror.size() - 1 - tap]);
  return taps;
}
constexpr auto kSumTaps = make_taps([](auto even, auto odd) { return pair_of(even, odd); });
constexpr auto kDifferenceTaps =
    make_taps([](auto even, auto odd) { return pair_of(static_cast<std::int16_t>(-even), odd); });
constexpr auto kFirstTaps = make_taps([](auto, auto odd) { return pair_of(0, odd); });
constexpr auto kSecondTaps = make_taps([](auto even, auto) { return pair_of(even, 0); });

/// The filter's sums for eight pairs, `at` being the first one's oldest neighbour.
KERNEL inline __m256i filter(const std::int16_t* at, const std::array<std::int32_t, 12>& taps) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t tap = 0; tap < taps.size(); ++tap) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 2 * tap));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi32(taps[tap])));
  }
  return sum;
}

/// Samples of both bands, by band.
struct Split {
  alignas(32) std::array<std::int16_t, kChunkPairs> low;
  alignas(32) std::array<std::int16_t, kChunkPairs> high;
};

KERNEL void split(const Window& window, Split& out, std::size_t pairs) noexcept {
  const __m256i least = _mm256_set1_epi16(-16'384);
  const __m256i most = _mm256_set1_epi16(16'383);
  for (std::size_t pair = 0; pair < pairs; pair += kGroup) {
    const std::int16_t* at = window.data() + 2 * pair;
    const __m256i low = _mm256_srai_epi32(filter(at, kSumTaps), 14);
    const __m256i high = _mm256_srai_epi32(filter(at, kDifferenceTaps), 14);
    const __m256i both = _mm256_min_epi16(
        _mm256_max_epi16(_mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0b11'01'10'00),
                         least),
        most);
    _mm_store_si128(reinterpret_cast<__m128i*>(out.low.data() + pair),
                    _mm256_castsi256_si128(both));
    _mm_store_si128(reinterpret_cast<__m128i*>(out.high.data() + pair),
                    _mm256_extracti128_si256(both, 1));
  }
}

KERNEL void join(const Window& window, std::int16_t* out, std::size_t pairs) noexcept {
  for (std::size_t pair = 0; pair < pairs; pair += kGroup) {
    const std::int16_t* at = window.data() + 2 * pair;
    const __m256i first = _mm256_srai_epi32(filter(at, kFirstTaps), 11);
    const __m256i second = _mm256_srai_epi32(filter(at, kSecondTaps), 11);
    const __m256i samples = _mm256_packs_epi32(_mm256_unpacklo_epi32(first, second),
                                               _mm256_unpackhi_epi32(first, second));
    if (pair + kGroup <= pairs) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * pair), samples);
    } else {
      alignas(32) std::array<std::int16_t, 2 * kGroup> last;
      _mm256_store_si256(reinterpret_cast<__m256i*>(last.data()), samples);
      std::copy_n(last.begin(), 2 * (pairs - pair), out + 2 * pair);
    }
  }
}

/// The zeros of both bands while they are in registers: low band in the lower half.
struct Zeros {
  __m256i b;
  __m256i d;
};

KERNEL inline Zeros load(const Bands& bands) noexcept {
  return {_mm256_load_si256(reinterpret_cast<const __m256i*>(bands.b.data())),
          _mm256_load_si256(reinterpret_cast<const __m256i*>(bands.d.data()))};
}
KERNEL inline void store(const Zeros& zeros, Bands& bands) noexcept {
  _mm256_store_si256(reinterpret_cast<__m256i*>(bands.b.data()), zeros.b);
  _mm256_store_si256(reinterpret_cast<__m256i*>(bands.d.data()), zeros.d);
}

/// One step of both predictors: what g722.cc's adapt() does for a band.
KERNEL inline void adapt(Bands& bands, Zeros& zeros, std::int32_t low, std::int32_t high) noexcept {
  const __m256i difference =
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(static_cast<short>(low))),
                              _mm_set1_epi16(static_cast<short>(high)), 1);
  // 128 in the six taps of each band, or nothing for a difference of 0; negative where signs
  // differ.
  const __m256i steps = _mm256_setr_epi16(128, 128, 128, 128, 128, 128, 0, 0,  //
                                          128, 128, 128, 128, 128, 128, 0, 0);
  const __m256i step =
      _mm256_andnot_si256(_mm256_cmpeq_epi16(difference, _mm256_setzero_si256()), steps);
  const __m256i differ = _mm256_srai_epi16(_mm256_xor_si256(difference, zeros.d), 15);
  const __m256i move = _mm256_sub_epi16(_mm256_xor_si256(step, differ), differ);
  // b * 32640 / 2^15 is b less b / 256, cut towards minus infinity.
  const __m256i leak = _mm256_mulhi_epi16(zeros.b, _mm256_set1_epi16(-256));
  zeros.b = _mm256_add_epi16(_mm256_add_epi16(zeros.b, leak), move);
  zeros.d = _mm256_blend_epi16(_mm256_bslli_epi128(zeros.d, 2), difference, 0x01);

  const __m256i doubled = _mm256_adds_epi16(zeros.d, zeros.d);
  const __m256i product =
      _mm256_or_si256(_mm256_slli_epi16(_mm256_mulhi_epi16(doubled, zeros.b), 1),
                      _mm256_srli_epi16(_mm256_mullo_epi16(doubled, zeros.b), 15));
  __m256i sum = _mm256_bsrli_epi128(product, 10);
  sum = _mm256_adds_epi16(sum, _mm256_bsrli_epi128(product, 8));
  sum = _mm256_adds_epi16(sum, _mm256_bsrli_epi128(product, 6));
  sum = _mm256_adds_epi16(sum, _mm256_bsrli_epi128(product, 4));
  sum = _mm256_adds_epi16(sum, _mm256_bsrli_epi128(product, 2));
  sum = _mm256_adds_epi16(sum, product);

  const std::int32_t low_poles = adapt_poles(bands, kLow, low);
  const std::int32_t high_poles = adapt_poles(bands, kHigh, high);
  bands.sz[kLow] = static_cast<std::int16_t>(_mm256_extract_epi16(sum, 0));
  bands.sz[kHigh] = static_cast<std::int16_t>(_mm256_extract_epi16(sum, 8));
  bands.s[kLow] = saturate(low_poles + bands.sz[kLow]);
  bands.s[kHigh] = saturate(high_poles + bands.sz[kHigh]);
}

/// QUANTL.
KERNEL inline std::uint8_t quantise_low(std::int32_t difference, std::int32_t det) noexcept {
  const __m256i scale = _mm256_set1_epi16(static_cast<short>(det));
  const auto* factors = reinterpret_cast<const __m256i*>(kLevelFactors.data());
  const __m256i lower = _mm256_mulhi_epu16(_mm256_load_si256(factors), scale);
  const __m256i upper = _mm256_mulhi_epu16(_mm256_load_si256(factors + 1), scale);
  const __m256i magnitude = _mm256_set1_epi16(static_cast<short>(magnitude_of(difference)));
  const __m256i missed = _mm256_packs_epi16(_mm256_cmpgt_epi16(lower, magnitude),
                                            _mm256_cmpgt_epi16(upper, magnitude));
  const auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(missed));
  const std::size_t reached = kLevels6.size() - static_cast<std::size_t>(_mm_popcnt_u32(mask));
  return difference < 0 ? kCodes6Negative[reached] : kCodes6Positive[reached];
}

KERNEL void encode_avx2(Bands& bands, const Window& window, std::uint8_t* out,
                        std::size_t pairs) noexcept {
  Split bandwise;
  split(window, bandwise, pairs);
  Zeros zeros = load(bands);
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const std::uint8_t low_code =
        quantise_low(saturate(bandwise.low[pair] - bands.s[kLow]), bands.det[kLow]);
    const std::uint8_t high_code =
        quantise_high(saturate(bandwise.high[pair] - bands.s[kHigh]), bands.det[kHigh]);
    out[pair] = static_cast<std::uint8_t>(high_code << 6 | low_code);
    const std::int32_t low = multiply(bands.det[kLow], kValues4[low_code >> 2]);
    const std::int32_t high = multiply(bands.det[kHigh], kValues2[high_code]);
    scale_low(bands, low_code);
    scale_high(bands, high_code);
    adapt(bands, zeros, low, high);
  }
  store(zeros, bands);
}

KERNEL void decode_avx2(Bands& bands, const std::uint8_t* in, Window& window, std::int16_t* out,
                        std::size_t pairs) noexcept {
  Zeros zeros = load(bands);
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const std::uint8_t low_code = in[pair] & 0x3f;
    const std::uint8_t high_code = in[pair] >> 6;
    const std::int32_t learnt_low = multiply(bands.det[kLow], kValues4[low_code >> 2]);
    const std::int32_t learnt_high = multiply(bands.det[kHigh], kValues2[high_code]);
    const std::int32_t low =
        limit(saturate(bands.s[kLow] + multiply(bands.det[kLow], kValues6[low_code])));
    const std::int32_t high = limit(saturate(bands.s[kHigh] + learnt_high));
    window[kTaps - 2 + 2 * pair] = static_cast<std::int16_t>(low + high);
    window[kTaps - 1 + 2 * pair] = static_cast<std::int16_t>(low - high);
    scale_low(bands, low_code);
    scale_high(bands, high_code);
    adapt(bands, zeros, learnt_low, learnt_high);
  }
  store(zeros, bands);
  join(window, out, pairs);
}

}  // namespace

const Kernels kAvx2Kernels = {encode_avx2, decode_avx2};

}  // namespace trunkyard::codec::g722_detail

#endif
