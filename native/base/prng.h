// Prng: xoshiro256** (Blackman and Vigna, public domain algorithm), seeded from outside. Native
// cores need chance for RTCP intervals and initial SSRCs; handing the seed in keeps them
// replayable. Not for secrets: keys come from the TLS library.
#pragma once

#include <cstdint>

namespace trunkyard {

/// One thread's own generator; 32 bytes of state, copyable (a copy repeats the same sequence).
class Prng {
 public:
  /// @param seed any number; equal seeds give equal sequences.
  explicit constexpr Prng(std::uint64_t seed) noexcept {
    // splitmix64 spreads the seed, because xoshiro must not start from an all-zero state.
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  constexpr std::uint64_t next_u64() noexcept {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  constexpr std::uint32_t next_u32() noexcept {
    return static_cast<std::uint32_t>(next_u64() >> 32);
  }

  /// Uniform in [0, bound), without bias; 0 when bound is 0.
  constexpr std::uint32_t below(std::uint32_t bound) noexcept {
    if (bound == 0) return 0;
    // Numbers under 2^32 mod bound would make the small results more likely; they are redrawn.
    const std::uint32_t uneven = (0u - bound) % bound;
    for (;;) {
      const std::uint64_t product = std::uint64_t{next_u32()} * bound;
      if (static_cast<std::uint32_t>(product) >= uneven) {
        return static_cast<std::uint32_t>(product >> 32);
      }
    }
  }

  /// Uniform in [0, 1), 53 bits.
  constexpr double unit() noexcept { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }

 private:
  [[nodiscard]] static constexpr std::uint64_t rotate(std::uint64_t value, int bits) noexcept {
    return (value << bits) | (value >> (64 - bits));
  }
  std::uint64_t state_[4];
};

}  // namespace trunkyard
