// G.722: 7 kHz audio in 64 kbit/s (mode 1, the only one that SIP offers as G722): the signal is
// split by a quadrature mirror filter into two bands of 8,000 samples a second, the lower coded
// with six bits and the higher with two, each by adaptive differential PCM. ITU-T G.722; integer
// arithmetic as the Recommendation writes it down, so encoder and decoder are bit exact.
//
// Every byte carries two samples at 16,000 Hz. On the wire the RTP clock nevertheless runs at 8,000
// Hz (RFC 3551 §4.5.2, an error kept for compatibility): codec.h knows.
//
// The predictors are recursive, so a frame costs a chain of 160 steps per 20 ms that no instruction
// set shortens much; kernels differ in the filters around it and in how many numbers one step of
// the chain handles at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/isa.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

inline constexpr std::uint32_t kG722RateHz = 16'000;

namespace g722_detail {

/// Taps of the mirror filter for each output pair, half of them a phase.
inline constexpr std::size_t kTaps = 24;
/// Steps handled between two runs of the filter: 10 ms; a multiple of eight, so that a kernel may
/// filter eight at a time and never leave the window.
inline constexpr std::size_t kChunkPairs = 80;
static_assert(kChunkPairs % 8 == 0);
/// What the filter slides over: the past it needs, then room for a chunk; all of it initialised.
using Window = std::array<std::int16_t, kTaps - 2 + 2 * kChunkPairs>;

/// What both bands know of the past, for each of them (index kLow, kHigh) in one row, so that one
/// vector holds a quantity of both. Names follow the Recommendation (clause 3.6) in lower case:
/// d quantised differences, b and a the predictor's zeros and poles, p and r partial and full
/// reconstructions, nb the logarithm of the quantiser's scale, det that scale, s the prediction.
inline constexpr std::size_t kLow = 0;
inline constexpr std::size_t kHigh = 1;
struct Bands {
  alignas(32) std::array<std::array<std::int16_t, 8>, 2> b = {};  ///< b1..b6, then two unused
  alignas(32) std::array<std::array<std::int16_t, 8>, 2> d = {};  ///< d1..d6, the newest first
  std::array<std::int32_t, 2> a1 = {};
  std::array<std::int32_t, 2> a2 = {};
  std::array<std::int32_t, 2> p1 = {};
  std::array<std::int32_t, 2> p2 = {};
  std::array<std::int32_t, 2> r1 = {};
  std::array<std::int32_t, 2> nb = {};
  std::array<std::int32_t, 2> det = {32, 8};
  std::array<std::int32_t, 2> sz = {};  ///< the zeros' share of s
  std::array<std::int32_t, 2> s = {};
};

/// Coding in one instruction set; all of them equal bit for bit. `pairs` is at most kChunkPairs.
struct Kernels {
  /// Splits pairs of samples, `window` holding them after the past ones, and codes a byte for each.
  void (*encode)(Bands& bands, const Window& window, std::uint8_t* out, std::size_t pairs) noexcept;
  /// Decodes bytes into sums and differences of the bands, put into `window` after the past ones,
  /// and joins them to a pair of samples for each byte.
  void (*decode)(Bands& bands, const std::uint8_t* in, Window& window, std::int16_t* out,
                 std::size_t pairs) noexcept;
};

[[nodiscard]] const Kernels& kernels(Isa isa) noexcept;

}  // namespace g722_detail

/// One direction of one stream; 0.3 KB. Copying it forks the stream.
class G722Encoder {
 public:
  /// @param isa no more than best_isa().
  explicit G722Encoder(Isa isa) noexcept : kernels_(&g722_detail::kernels(isa)) {}

  /// Codes samples at 16,000 Hz, two a byte; state is carried from call to call.
  /// @param in an even number of samples (CHECKed). @param out at least half as many bytes
  ///        (CHECKed); that many are written.
  void encode(Pcm in, MutableBytes out) noexcept;

 private:
  const g722_detail::Kernels* kernels_;
  g722_detail::Bands bands_;
  /// The samples before the next ones.
  std::array<std::int16_t, g722_detail::kTaps - 2> past_ = {};
};

/// One direction of one stream; 0.3 KB.
class G722Decoder {
 public:
  /// @param isa no more than best_isa().
  explicit G722Decoder(Isa isa) noexcept : kernels_(&g722_detail::kernels(isa)) {}

  /// Decodes bytes into samples at 16,000 Hz, two a byte; any bytes are valid.
  /// @param out at least twice as many samples (CHECKed); that many are written.
  void decode(Bytes in, MutablePcm out) noexcept;

 private:
  const g722_detail::Kernels* kernels_;
  g722_detail::Bands bands_;
  /// The last sums and differences of the bands, in turn.
  std::array<std::int16_t, g722_detail::kTaps - 2> past_ = {};
};

}  // namespace trunkyard::codec
