// Comfort noise: what is heard while a peer sends nothing because nobody speaks (RFC 3389). Three
// parts: the payload, the analysis that describes a background, and the generator that sounds like
// the description.
//
//   | 0 | level (7 bits, -dBov) | reflection coefficient 1 (8 bits) | ... | coefficient M |
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/prng.h"
#include "base/result.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

inline constexpr std::size_t kComfortNoiseBytesMax = 1 + kComfortNoiseOrderMax;

/// A background: how loud, and which colour as an all-pole model.
struct ComfortNoise {
  float level_dbov = -127.0F;  ///< -127..0
  /// k1, k2 ... of A(z) = 1 + sum of a z^-i, so that k1 = -R(1)/R(0); each within ±0.98, beyond
  /// which it would be a whistle and not a noise. All 0 = white.
  std::array<float, kComfortNoiseOrderMax> reflections{};
};

/// Coefficients beyond kComfortNoiseOrderMax are left out (§3 allows a smaller order).
/// @returns kPacketTruncated for an empty payload. The unused bit of the level is ignored.
[[nodiscard]] Result<ComfortNoise> parse_comfort_noise(Bytes payload) noexcept;

/// Quantises: the level to 1 dB, coefficients to 1/127.
/// @param order how many coefficients to write, 0..kComfortNoiseOrderMax (more is cut).
/// @returns what was written into `out`, 1 + order bytes; empty when it doesn't fit.
[[nodiscard]] Bytes write_comfort_noise(const ComfortNoise& noise, std::size_t order,
                                        MutableBytes out) noexcept;

/// Describes the background of one leg. Fed the frames that a voice decision calls silence; what it
/// heard fades with a time constant of 300 ms. Allocates nothing; one thread.
class NoiseAnalysis {
 public:
  /// @param rate_hz one that is_pcm_rate() accepts (CHECKed).
  explicit NoiseAnalysis(std::uint32_t rate_hz) noexcept;

  /// @param frame at most kPcmSamplesMax samples (CHECKed); a few samples alone are passed over.
  void handle(Pcm frame) noexcept;
  /// Whether anything was heard that could be described.
  [[nodiscard]] bool ready() const noexcept { return heard_; }
  /// Silence of -127 dBov before that. O(order²).
  [[nodiscard]] ComfortNoise describe() const noexcept;

 private:
  static constexpr std::size_t kOrder = 10;

  std::uint32_t rate_hz_;
  double power_ = 0;                               ///< mean square
  std::array<double, kOrder + 1> correlations_{};  ///< mean products of faded frames, by lag
  bool heard_ = false;
};

/// Sounds like a ComfortNoise. Level right to 0.5 dB over a second; changes glide with a time
/// constant of 100 ms. Allocates nothing; one thread.
class NoiseGenerator {
 public:
  /// @param rate_hz one that is_pcm_rate() accepts (CHECKed).
  /// @param seed    of the noise: legs with different seeds don't sound in step.
  NoiseGenerator(std::uint32_t rate_hz, std::uint64_t seed) noexcept;

  /// What to sound like from now on. The first one applies at once, later ones are glided to.
  void describe(const ComfortNoise& noise) noexcept;
  /// The pause is over: the next description applies at once.
  void reset() noexcept { described_ = false; }
  /// Whether there is a description to sound like.
  [[nodiscard]] bool described() const noexcept { return described_; }

  /// Fills `out`, of any number of samples; with zeros before the first description.
  void generate(MutablePcm out) noexcept;

 private:
  void glide() noexcept;
  void set_gain() noexcept;
  [[nodiscard]] float excitation() noexcept;

  std::uint32_t block_samples_;
  std::uint32_t block_left_;
  Prng prng_;
  std::uint64_t chance_ = 0;  ///< random bits not used yet
  std::uint32_t chances_ = 0;
  ComfortNoise target_{};
  ComfortNoise now_{};
  float gain_ = 0;
  std::array<float, kComfortNoiseOrderMax> backward_{};  ///< state of the lattice
  bool described_ = false;
};

}  // namespace trunkyard::codec
