// Which instruction set the fast kernels use. Rooms with kernels (codec, mixer, srtp) keep a table
// of functions for each set and take an Isa at construction; every table's results equal the plain
// C one's bit for bit, so the choice is about speed alone and tests run all of them on one machine.
//
// Kernels are marked __attribute__((target(...))), not built with flags of their own: one build for
// all machines, and no function of theirs can be inlined into code that runs everywhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace trunkyard {

/// Ordered: what a machine has, it has of all sets before it.
enum class Isa : std::uint8_t {
  kC,
  kAvx2,    ///< AVX2 and FMA
  kAvx512,  ///< AVX-512 F, BW, DQ and VL
};

/// The best set that this machine can run. Cheap, but meant for the start.
[[nodiscard]] inline Isa best_isa() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) return Isa::kAvx512;
  if (avx2) return Isa::kAvx2;
#endif
  return Isa::kC;
}

/// What an operator or a test asks for (`c`, `avx2`, `avx512`), but no more than `best`. Anything
/// else is `best`.
[[nodiscard]] constexpr Isa choose_isa(std::string_view wanted, Isa best) noexcept {
  Isa asked = best;
  if (wanted == "c") asked = Isa::kC;
  if (wanted == "avx2") asked = Isa::kAvx2;
  if (wanted == "avx512") asked = Isa::kAvx512;
  return asked < best ? asked : best;
}

[[nodiscard]] constexpr std::string_view isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::kC:
      return "c";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "?";
}

}  // namespace trunkyard
