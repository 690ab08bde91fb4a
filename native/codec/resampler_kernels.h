// The resampler's kernels in vector instructions; included by resampler*.cc alone.
#pragma once

#include "codec/resampler.h"

namespace trunkyard::codec::resampler_detail {

void run_avx2(const Filter& filter, const std::int16_t* window, std::int16_t* out,
              std::size_t positions) noexcept;
void run_avx512(const Filter& filter, const std::int16_t* window, std::int16_t* out,
                std::size_t positions) noexcept;

}  // namespace trunkyard::codec::resampler_detail
