// G.711: 8-bit logarithmic PCM in its two laws, mu (PCMU) and A (PCMA), to and from 16-bit linear
// samples and from law to law. ITU-T G.711; the linear side as in the ITU's own software tools
// (G.191): a 16-bit sample is cut to the 14 or 13 bits of the law towards minus infinity and a
// negative one is coded by its one's complement, so both signs have intervals of the same widths.
//
// The functions for one sample are the definition; class G711 does frames, at the machine's speed,
// with the same results bit for bit.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/isa.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

enum class Law : std::uint8_t { kMu, kA };

/// The code of silence: the smallest positive value of each law.
inline constexpr std::uint8_t kMuLawSilence = 0xff;
inline constexpr std::uint8_t kALawSilence = 0xd5;

namespace g711_detail {

/// Added to a mu-law magnitude (16-bit scale) so that every segment starts at a power of two.
inline constexpr int kMuBias = 132;
inline constexpr int kMagnitudeMax = 32'767;

constexpr int magnitude_of(std::int16_t sample) noexcept {
  return sample < 0 ? ~int{sample} : int{sample};
}
/// Which of the eight segments: 0 up to 255, then one more for each doubling.
constexpr int segment_of(int magnitude) noexcept {
  return std::bit_width(static_cast<unsigned>(magnitude) >> 8);
}

/// Number of the A-law decoder value that stands for each mu-law one, counted from 1 as in G.711
/// table 3; the same for both signs. Not quite what decoding and encoding would give: the table
/// keeps more codes apart, so that more of them survive a way there and back.
inline constexpr std::array<std::uint8_t, 128> kMuToA = {
    1,   1,   2,   2,   3,   3,   4,   4,   5,   5,   6,   6,   7,   7,   8,   8,    //
    9,   10,  11,  12,  13,  14,  15,  16,  17,  18,  19,  20,  21,  22,  23,  24,   //
    25,  27,  29,  31,  33,  34,  35,  36,  37,  38,  39,  40,  41,  42,  43,  44,   //
    46,  48,  49,  50,  51,  52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  62,   //
    64,  65,  66,  67,  68,  69,  70,  71,  72,  73,  74,  75,  76,  77,  78,  79,   //
    81,  82,  83,  84,  85,  86,  87,  88,  89,  90,  91,  92,  93,  94,  95,  96,   //
    97,  98,  99,  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112,  //
    113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128};
/// The other way, by G.711 table 4: mu-law values are counted from 0.
inline constexpr std::array<std::uint8_t, 128> kAToMu = {
    1,   3,   5,   7,   9,   11,  13,  15,  16,  17,  18,  19,  20,  21,  22,  23,   //
    24,  25,  26,  27,  28,  29,  30,  31,  32,  32,  33,  33,  34,  34,  35,  35,   //
    36,  37,  38,  39,  40,  41,  42,  43,  44,  45,  46,  47,  48,  48,  49,  49,   //
    50,  51,  52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  62,  63,  64,  64,   //
    65,  66,  67,  68,  69,  70,  71,  72,  73,  74,  75,  76,  77,  78,  79,  79,   //
    80,  81,  82,  83,  84,  85,  86,  87,  88,  89,  90,  91,  92,  93,  94,  95,   //
    96,  97,  98,  99,  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,  //
    112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127};

}  // namespace g711_detail

/// One sample to mu-law. Beyond the last decision value (32,635 of 32,767) all is the last
/// interval.
[[nodiscard]] constexpr std::uint8_t mu_encode(std::int16_t sample) noexcept {
  using namespace g711_detail;
  const int biased = magnitude_of(sample) + kMuBias;
  const int magnitude = biased < kMagnitudeMax ? biased : kMagnitudeMax;
  const int segment = segment_of(magnitude);
  const int code = segment << 4 | (magnitude >> (segment + 3) & 0x0f);
  return static_cast<std::uint8_t>(code ^ (sample < 0 ? 0x7f : 0xff));
}
/// One mu-law code to linear, -32,124 to 32,124 in steps of four.
[[nodiscard]] constexpr std::int16_t mu_decode(std::uint8_t code) noexcept {
  const int number = ~code & 0x7f;
  const int value =
      ((((number & 0x0f) << 3) + g711_detail::kMuBias) << (number >> 4)) - g711_detail::kMuBias;
  return static_cast<std::int16_t>((code & 0x80) != 0 ? value : -value);
}
/// One sample to A-law, even bits inverted as on the wire.
[[nodiscard]] constexpr std::uint8_t a_encode(std::int16_t sample) noexcept {
  using namespace g711_detail;
  const int magnitude = magnitude_of(sample);
  const int segment = segment_of(magnitude);
  // The first two segments have the same step, 16.
  const int shift = (segment > 1 ? segment : 1) + 3;
  const int code = segment << 4 | (magnitude >> shift & 0x0f);
  return static_cast<std::uint8_t>(code ^ (sample < 0 ? 0x55 : 0xd5));
}
/// One A-law code to linear, -32,256 to 32,256 in steps of eight.
[[nodiscard]] constexpr std::int16_t a_decode(std::uint8_t code) noexcept {
  const int number = (code ^ 0x55) & 0x7f;
  const int segment = number >> 4;
  const int step = ((number & 0x0f) << 4) + 8;
  const int value = segment == 0 ? step : (step + 256) << (segment - 1);
  return static_cast<std::int16_t>((code & 0x80) != 0 ? value : -value);
}
/// One code of one law to the other, by the tables of G.711.
[[nodiscard]] constexpr std::uint8_t mu_to_a(std::uint8_t code) noexcept {
  const int number = g711_detail::kMuToA[~code & 0x7f] - 1;
  return static_cast<std::uint8_t>((code & 0x80) | (number ^ 0x55));
}
[[nodiscard]] constexpr std::uint8_t a_to_mu(std::uint8_t code) noexcept {
  const int number = g711_detail::kAToMu[(code ^ 0x55) & 0x7f];
  return static_cast<std::uint8_t>((code & 0x80) | (number ^ 0x7f));
}

/// The kernels of one instruction set. Pointers need no alignment; `count` samples are read and
/// written; in and out may be the same bytes where their types agree.
struct G711Kernels {
  void (*mu_encode)(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept;
  void (*a_encode)(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept;
  void (*mu_decode)(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept;
  void (*a_decode)(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept;
  void (*mu_to_a)(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept;
  void (*a_to_mu)(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept;
};

/// @param isa no more than best_isa().
[[nodiscard]] const G711Kernels& g711_kernels(Isa isa) noexcept;

/// Frames of G.711. Has no state but the choice of kernels: one object serves a whole thread.
class G711 {
 public:
  /// @param isa no more than best_isa().
  explicit G711(Isa isa) noexcept : kernels_(&g711_kernels(isa)) {}

  /// @param out at least in.size() bytes (CHECKed); that many are written.
  void encode(Law law, Pcm in, MutableBytes out) const noexcept;
  /// @param out at least in.size() samples (CHECKed); that many are written.
  void decode(Law law, Bytes in, MutablePcm out) const noexcept;
  /// Straight from the other law to `law`. @param out at least in.size() bytes (CHECKed); may be
  ///        `in` itself, so that a payload is rewritten in its packet.
  void transcode_to(Law law, Bytes in, MutableBytes out) const noexcept;

 private:
  const G711Kernels* kernels_;
};

}  // namespace trunkyard::codec
