// The kernels in plain C, and which table is whose.
#include "mixer/kernels.h"

#include "codec/level.h"
#include "mixer/kernels_detail.h"

namespace trunkyard::mixer {
namespace {

using namespace kernels_detail;

void sum_c(const std::int16_t* const* frames, std::size_t frames_count, std::int32_t* out,
           std::size_t samples) noexcept {
  std::fill_n(out, samples, 0);
  for (std::size_t frame = 0; frame < frames_count; ++frame) {
    for (std::size_t index = 0; index < samples; ++index)
      out[index] += frames[frame][index];
  }
}

void subtract_c(const std::int32_t* sum, const std::int16_t* own, std::int16_t* out,
                std::size_t samples) noexcept {
  for (std::size_t index = 0; index < samples; ++index)
    out[index] = saturated(sum[index] - own[index]);
}

void saturate_c(const std::int32_t* sum, std::int16_t* out, std::size_t samples) noexcept {
  for (std::size_t index = 0; index < samples; ++index)
    out[index] = saturated(sum[index]);
}

void scale_c(const std::int16_t* in, std::int16_t* out, const Ramp& ramp,
             std::size_t samples) noexcept {
  scale_rest(in, out, ramp, samples, 0);
}

std::uint64_t energy_c(const std::int16_t* in, std::size_t samples) noexcept {
  return codec::energy({in, samples});
}

constexpr Kernels kPlain = {sum_c, subtract_c, saturate_c, scale_c, energy_c};

}  // namespace

const Kernels& kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return kKernelsAvx512;
  if (isa == Isa::kAvx2) return kKernelsAvx2;
#endif
  (void)isa;
  return kPlain;
}

}  // namespace trunkyard::mixer
