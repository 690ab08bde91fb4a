// G.722: the tables, and the parts of one coding step that all instruction sets share. Included by
// the g722_*.cc files alone. Clause numbers are those of ITU-T G.722.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "codec/g722.h"

namespace trunkyard::codec::g722_detail {

extern const Kernels kAvx2Kernels;

/// Table 11: the mirror filter's first half, scaled by 2^13 as a whole.
inline constexpr std::array<std::int16_t, kTaps / 2> kMirror = {3,     -11,  12,  32,   -210, 951,
                                                                3'876, -805, 362, -156, 53,   -11};

/// Table 14, 6-bit quantiser: decision levels, entry 0 being none; scaled by 2^12.
inline constexpr std::array<std::uint16_t, 30> kLevels6 = {
    0,   35,  72,  110, 150,  190,  233,  276,  323,  370,  422,  473,  530,  587,  650,
    714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};
/// Codes by the number of decision levels reached, of a negative and of a positive difference.
inline constexpr std::array<std::uint8_t, 31> kCodes6Negative = {
    0,  63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
    18, 17, 16, 15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4};
inline constexpr std::array<std::uint8_t, 31> kCodes6Positive = {
    0,  61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
    46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32};
/// The 2-bit quantiser's only level, and its codes: [negative or positive][level reached].
inline constexpr std::int32_t kLevel2 = 564;
inline constexpr std::array<std::array<std::uint8_t, 2>, 2> kCodes2 = {{{1, 0}, {3, 2}}};

/// Inverse quantisers by code, scaled by 2^15.
inline constexpr std::array<std::int16_t, 64> kValues6 = {
    -136,    -136,    -136,   -136,   -24'808, -21'904, -19'008, -16'704, -14'984, -13'512, -12'280,
    -11'192, -10'232, -9'360, -8'576, -7'856,  -7'192,  -6'576,  -6'000,  -5'456,  -4'944,  -4'464,
    -4'008,  -3'576,  -3'168, -2'776, -2'400,  -2'032,  -1'688,  -1'360,  -1'040,  -728,    24'808,
    21'904,  19'008,  16'704, 14'984, 13'512,  12'280,  11'192,  10'232,  9'360,   8'576,   7'856,
    7'192,   6'576,   6'000,  5'456,  4'944,   4'464,   4'008,   3'576,   3'168,   2'776,   2'400,
    2'032,   1'688,   1'360,  1'040,  728,     432,     136,     -432,    -136};
inline constexpr std::array<std::int16_t, 16> kValues4 = {
    0,      -20'456, -12'896, -8'968, -6'288, -4'240, -2'584, -1'200,
    20'456, 12'896,  8'968,   6'288,  4'240,  2'584,  1'200,  0};
inline constexpr std::array<std::int16_t, 4> kValues2 = {-7'408, -1'616, 7'408, 1'616};

/// What a code adds to the logarithm of the scale: by the low band's upper four bits, and by the
/// high band's two.
inline constexpr std::array<std::int16_t, 16> kGrowthLow = {
    -60, 3'042, 1'198, 538, 334, 172, 58, -30, 3'042, 1'198, 538, 334, 172, 58, -30, -60};
inline constexpr std::array<std::int16_t, 4> kGrowthHigh = {798, -214, 798, -214};
inline constexpr std::array<std::int32_t, 2> kLogScaleMax = {18'432, 22'528};

/// Table of 2^(n / 32) scaled by 2^11, from which the scales come (3.5.2).
inline constexpr std::array<std::int32_t, 32> kTwoToThe = {
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};
/// The scale for each value of nb / 64. The low band starts two octaves up: 64 entries later.
inline constexpr std::size_t kScaleOffsetLow = 64;
inline constexpr auto kScales = [] {
  std::array<std::int16_t, 22'528 / 64 + 1> table{};
  for (std::size_t index = 0; index < table.size(); ++index) {
    const auto octave = static_cast<int>(index / 32);
    const std::int32_t mantissa = kTwoToThe[index % 32];
    table[index] = static_cast<std::int16_t>(
        (octave <= 10 ? mantissa >> (10 - octave) : mantissa << (octave - 10)) << 2);
  }
  return table;
}();
static_assert(18'432 / 64 + kScaleOffsetLow < kScales.size());
static_assert(kScales[kScaleOffsetLow] == 32 && kScales[0] == 8);

[[nodiscard]] constexpr std::int32_t saturate(std::int32_t value) noexcept {
  return std::clamp(value, -32'768, 32'767);
}
/// LIMIT: the bands have 15 bits.
[[nodiscard]] constexpr std::int32_t limit(std::int32_t value) noexcept {
  return std::clamp(value, -16'384, 16'383);
}
/// The Recommendation's product of two 15-bit fractions, cut towards minus infinity. None of its
/// uses has -1 times -1.
[[nodiscard]] constexpr std::int32_t multiply(std::int32_t left, std::int32_t right) noexcept {
  return (left * right) >> 15;
}
/// What a difference is compared by: the one's complement if negative.
[[nodiscard]] constexpr std::int32_t magnitude_of(std::int32_t difference) noexcept {
  return difference < 0 ? ~difference : difference;
}

/// QUANTH: the 2-bit code of the high band's difference.
[[nodiscard]] inline std::uint8_t quantise_high(std::int32_t difference,
                                                std::int32_t det) noexcept {
  const bool reached = magnitude_of(difference) >= (kLevel2 * det) >> 12;
  return kCodes2[difference < 0 ? 0 : 1][reached ? 1 : 0];
}

/// LOGSCL, SCALEL and LOGSCH, SCALEH: the next step's scale.
inline void scale_low(Bands& bands, std::uint8_t code) noexcept {
  const std::int32_t nb = multiply(bands.nb[kLow], 32'512) + kGrowthLow[code >> 2];
  bands.nb[kLow] = std::clamp(nb, 0, kLogScaleMax[kLow]);
  bands.det[kLow] = kScales[(static_cast<std::size_t>(bands.nb[kLow]) >> 6) + kScaleOffsetLow];
}
inline void scale_high(Bands& bands, std::uint8_t code) noexcept {
  const std::int32_t nb = multiply(bands.nb[kHigh], 32'512) + kGrowthHigh[code];
  bands.nb[kHigh] = std::clamp(nb, 0, kLogScaleMax[kHigh]);
  bands.det[kHigh] = kScales[static_cast<std::size_t>(bands.nb[kHigh]) >> 6];
}

/// PARREC, RECONS, UPPOL2, UPPOL1 and FILTEP: the poles of one band.
/// @returns the poles' share of the next prediction.
[[nodiscard]] inline std::int32_t adapt_poles(Bands& bands, std::size_t band,
                                              std::int32_t difference) noexcept {
  const std::int32_t p = saturate(difference + bands.sz[band]);
  const std::int32_t r = saturate(bands.s[band] + difference);
  const bool same_as_last = (p ^ bands.p1[band]) >= 0;
  const bool same_as_before = (p ^ bands.p2[band]) >= 0;

  const std::int32_t gain = saturate(bands.a1[band] * 4);
  const std::int32_t turned = same_as_last ? saturate(-gain) : gain;
  const std::int32_t a2 =
      std::clamp((turned >> 7) + (same_as_before ? 128 : -128) + multiply(bands.a2[band], 32'512),
                 -12'288, 12'288);
  const std::int32_t bound = 15'360 - a2;
  const std::int32_t a1 =
      std::clamp((same_as_last ? 192 : -192) + multiply(bands.a1[band], 32'640), -bound, bound);

  const std::int32_t older = bands.r1[band];
  bands.p2[band] = bands.p1[band];
  bands.p1[band] = p;
  bands.r1[band] = r;
  bands.a1[band] = a1;
  bands.a2[band] = a2;
  return saturate(multiply(a1, saturate(2 * r)) + multiply(a2, saturate(2 * older)));
}

}  // namespace trunkyard::codec::g722_detail
