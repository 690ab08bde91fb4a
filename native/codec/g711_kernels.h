// What the kernels of g711_avx2.cc and g711_avx512.cc share; nobody else includes it.
//
// Segments. Of a magnitude below 2^15 the high byte decides, one nibble at a time, because a byte
// shuffle is a look-up among sixteen: the upper nibble yields 5, 6 or 7, or 0 when it is empty, and
// then the lower one yields 0 to 4. The larger of both is the segment.
//
// Law to law. 128 entries are eight shuffles. Each row but the first holds the exclusive or with
// the row before; 16 is taken off the index from row to row, and a shuffle yields 0 for an index
// below 0. So the rows up to the wanted one cancel into its entry and later ones add nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "codec/g711.h"

namespace trunkyard::codec {

extern const G711Kernels kG711Avx2;
extern const G711Kernels kG711Avx512;

namespace g711_detail {

using Row = std::array<std::uint8_t, 16>;

inline constexpr Row kSegmentOfLowNibble = {0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4};
inline constexpr Row kSegmentOfHighNibble = {0, 5, 6, 6, 7, 7, 7, 7};

/// As a shuffle: both bytes of a word become its high byte.
inline constexpr Row kHighByteTwice = {1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15};
/// Entry s is 2^(13 - s) in two halves, low bytes first: as a factor whose product's upper 16 bits
/// are kept, it shifts right by s + 3.
inline constexpr Row kShiftFactor = {0,    0,    0,   0,   0,   0,   0x80, 0x40,
                                     0x20, 0x10, 0x8, 0x4, 0x2, 0x1, 0,    0};
/// 2^segment, and 2^(segment - 1) for segments from 1 on.
inline constexpr Row kTwoToThe = {1, 2, 4, 8, 16, 32, 64, 128};
inline constexpr Row kHalfTwoToThe = {1, 1, 2, 4, 8, 16, 32, 64};

/// The codes of one law for the numbers 0 to 127 of the other, as chained rows (see above).
struct Translation {
  std::array<Row, 8> rows = {};
  std::uint8_t flip = 0;  ///< makes a code's low seven bits a number
};

template <typename Function>
constexpr Translation make_translation(std::uint8_t flip, Function translate) noexcept {
  Translation made;
  made.flip = flip;
  for (std::size_t number = 0; number < 128; ++number) {
    const std::uint8_t entry = translate(static_cast<std::uint8_t>(number ^ flip)) & 0x7f;
    made.rows[number / 16][number % 16] = entry;
  }
  for (std::size_t row = 7; row > 0; --row) {
    for (std::size_t column = 0; column < 16; ++column) {
      made.rows[row][column] ^= made.rows[row - 1][column];
    }
  }
  return made;
}
inline constexpr Translation kMuToARows =
    make_translation(0x7f, [](std::uint8_t code) { return mu_to_a(code); });
inline constexpr Translation kAToMuRows =
    make_translation(0x55, [](std::uint8_t code) { return a_to_mu(code); });

}  // namespace g711_detail
}  // namespace trunkyard::codec
