#include "codec/resampler.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "codec/resampler_filters.h"
#include "codec/resampler_kernels.h"

namespace trunkyard::codec {
namespace resampler_detail {
namespace {

constexpr Design kNarrowToWide = {.low_khz = 8, .ratio = 2, .delay = 24, .pass_khz = 3.4};
constexpr Design kNarrowToFull = {.low_khz = 8, .ratio = 6, .delay = 24, .pass_khz = 3.4};
constexpr Design kWideToFull = {.low_khz = 16, .ratio = 3, .delay = 29, .pass_khz = 7.0};

constexpr auto kTable8To16 = make_up_table<kNarrowToWide>();
constexpr auto kTable8To48 = make_up_table<kNarrowToFull>();
constexpr auto kTable16To48 = make_up_table<kWideToFull>();
constexpr auto kTable16To8 = make_down_table<kNarrowToWide>();
constexpr auto kTable48To8 = make_down_table<kNarrowToFull>();
constexpr auto kTable48To16 = make_down_table<kWideToFull>();

template <typename Rows>
constexpr bool fits(const Rows& table) noexcept {
  return table.kRowTaps <= kTapsMax &&
         table.sum_max() <= std::numeric_limits<std::int32_t>::max() - (1 << kDownShift);
}
static_assert(fits(kTable8To16) && fits(kTable16To8));
static_assert(fits(kTable8To48) && fits(kTable48To8));
static_assert(fits(kTable16To48) && fits(kTable48To16));

template <typename Rows>
constexpr Filter up(const Rows& table, const Design& design) noexcept {
  return {table.values.data(),
          static_cast<std::uint16_t>(table.kRowTaps),
          static_cast<std::uint8_t>(design.ratio),
          1,
          kUpShift,
          static_cast<std::uint8_t>(design.delay)};
}
template <typename Rows>
constexpr Filter down(const Rows& table, const Design& design) noexcept {
  return {table.values.data(),
          static_cast<std::uint16_t>(table.kRowTaps),
          1,
          static_cast<std::uint8_t>(design.ratio),
          kDownShift,
          static_cast<std::uint8_t>(design.delay)};
}
constexpr Filter k8To16 = up(kTable8To16, kNarrowToWide);
constexpr Filter k8To48 = up(kTable8To48, kNarrowToFull);
constexpr Filter k16To48 = up(kTable16To48, kWideToFull);
constexpr Filter k16To8 = down(kTable16To8, kNarrowToWide);
constexpr Filter k48To8 = down(kTable48To8, kNarrowToFull);
constexpr Filter k48To16 = down(kTable48To16, kWideToFull);

const Filter* find_filter(std::uint32_t from_hz, std::uint32_t to_hz) noexcept {
  if (from_hz < to_hz) return to_hz == 16'000 ? &k8To16 : from_hz == 8'000 ? &k8To48 : &k16To48;
  if (from_hz > to_hz) return from_hz == 16'000 ? &k16To8 : to_hz == 8'000 ? &k48To8 : &k48To16;
  return nullptr;
}

void run_c(const Filter& filter, const std::int16_t* window, std::int16_t* out,
           std::size_t positions) noexcept {
  const int shift = filter.shift - 1;
  const std::int32_t rounding = 1 << (shift - 1);
  for (std::size_t position = 0; position < positions; ++position, window += filter.down) {
    const std::int16_t* row = filter.coefficients;
    for (std::size_t phase = 0; phase < filter.up; ++phase, row += filter.taps) {
      std::int32_t first = 0;
      std::int32_t second = 0;
      for (std::size_t tap = 0; tap < filter.taps; tap += 16) {
        for (std::size_t index = tap; index < tap + 8; ++index)
          first += row[index] * window[index];
        for (std::size_t index = tap + 8; index < tap + 16; ++index)
          second += row[index] * window[index];
      }
      const std::int32_t sum = (first >> 1) + (second >> 1) + rounding;
      *out++ = static_cast<std::int16_t>(std::clamp(sum >> shift, -32'768, 32'767));
    }
  }
}

Kernel kernel_of(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return run_avx512;
  if (isa == Isa::kAvx2) return run_avx2;
#endif
  (void)isa;
  return run_c;
}

}  // namespace
}  // namespace resampler_detail

using namespace resampler_detail;

Resampler::Resampler(const Spec& spec, const Filter* filter) noexcept
    : filter_(filter), kernel_(kernel_of(spec.isa)), from_hz_(spec.from_hz), to_hz_(spec.to_hz) {}

Result<Resampler> Resampler::open(const Spec& spec) noexcept {
  if (!is_pcm_rate(spec.from_hz) || !is_pcm_rate(spec.to_hz))
    return Error{ErrorCode::kConfigInvalid};
  return Resampler(spec, find_filter(spec.from_hz, spec.to_hz));
}

std::size_t Resampler::output_size(std::size_t in) const noexcept {
  if (filter_ == nullptr) return in;
  if (in <= skip_) return 0;
  return ((in - skip_ - 1) / filter_->down + 1) * filter_->up;
}

std::size_t Resampler::delay_samples() const noexcept {
  return filter_ == nullptr ? 0u : std::size_t{filter_->delay} * filter_->up;
}

MutablePcm Resampler::process(Pcm in, MutablePcm out) noexcept {
  CHECK(out.size() >= output_size(in.size()));
  if (filter_ == nullptr) {
    std::copy(in.begin(), in.end(), out.begin());
    return out.first(in.size());
  }
  // 20 ms at the highest rate; longer input takes several rounds.
  constexpr std::size_t kInputsARound = 960;
  const std::size_t past = filter_->taps - 1u;
  std::array<std::int16_t, kTapsMax - 1 + kInputsARound> window;
  std::size_t written = 0;
  while (!in.empty()) {
    const Pcm piece = in.first(std::min(in.size(), kInputsARound));
    in = in.subspan(piece.size());
    std::copy_n(past_.begin(), past, window.begin());
    std::copy(piece.begin(), piece.end(), window.begin() + static_cast<std::ptrdiff_t>(past));
    const std::size_t outputs = output_size(piece.size());
    const std::size_t positions = outputs / filter_->up;
    kernel_(*filter_, window.data() + skip_, out.data() + written, positions);
    written += outputs;
    skip_ = static_cast<std::uint32_t>(skip_ + positions * filter_->down - piece.size());
    std::copy_n(window.begin() + static_cast<std::ptrdiff_t>(piece.size()), past, past_.begin());
  }
  return out.first(written);
}

}  // namespace trunkyard::codec
