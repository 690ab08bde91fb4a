// G.722 in plain C, the choice of kernels, and the streams' carrying of state between frames.
#include "codec/g722.h"

#include <algorithm>

#include "base/check.h"
#include "codec/g722_steps.h"

namespace trunkyard::codec {
namespace g722_detail {
namespace {

/// QUANTL: the 6-bit code of the low band's difference, by halving the range of levels.
std::uint8_t quantise_low(std::int32_t difference, std::int32_t det) noexcept {
  const std::int32_t magnitude = magnitude_of(difference);
  std::size_t reached = 0;
  for (std::size_t step = 16; step > 0; step /= 2) {
    const std::size_t next = reached + step;
    if (next < kLevels6.size() && magnitude >= (kLevels6[next] * det) >> 12) reached = next;
  }
  return difference < 0 ? kCodes6Negative[reached + 1] : kCodes6Positive[reached + 1];
}

/// UPZERO and FILTEZ, after the poles have used the old share: the zeros of one band move by the
/// signs of the differences and yield their share of the next prediction. Sums saturate one by one
/// and from the oldest on, as in the Recommendation.
void adapt(Bands& bands, std::size_t band, std::int32_t difference) noexcept {
  const std::int32_t poles = adapt_poles(bands, band, difference);
  auto& b = bands.b[band];
  auto& d = bands.d[band];
  const std::int32_t step = difference == 0 ? 0 : 128;
  std::int32_t sum = 0;
  for (std::size_t tap = 6; tap-- > 0;) {
    const bool same = (difference ^ d[tap]) >= 0;
    b[tap] = static_cast<std::int16_t>(multiply(b[tap], 32'640) + (same ? step : -step));
    d[tap] = tap == 0 ? static_cast<std::int16_t>(difference) : d[tap - 1];
    sum = saturate(sum + multiply(saturate(2 * d[tap]), b[tap]));
  }
  bands.sz[band] = sum;
  bands.s[band] = saturate(poles + sum);
}

void encode_c(Bands& bands, const Window& window, std::uint8_t* out, std::size_t pairs) noexcept {
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const std::int16_t* const taps = window.data() + 2 * pair;
    std::int32_t even = 0;
    std::int32_t odd = 0;
    for (std::size_t tap = 0; tap < kMirror.size(); ++tap) {
      even += kMirror[tap] * taps[2 * tap];
      odd += kMirror[kMirror.size() - 1 - tap] * taps[2 * tap + 1];
    }
    const std::int32_t low = limit((odd + even) >> 14);
    const std::int32_t high = limit((odd - even) >> 14);

    const std::uint8_t low_code = quantise_low(saturate(low - bands.s[kLow]), bands.det[kLow]);
    const std::uint8_t high_code = quantise_high(saturate(high - bands.s[kHigh]), bands.det[kHigh]);
    out[pair] = static_cast<std::uint8_t>(high_code << 6 | low_code);

    const std::int32_t low_difference = multiply(bands.det[kLow], kValues4[low_code >> 2]);
    const std::int32_t high_difference = multiply(bands.det[kHigh], kValues2[high_code]);
    scale_low(bands, low_code);
    scale_high(bands, high_code);
    adapt(bands, kLow, low_difference);
    adapt(bands, kHigh, high_difference);
  }
}

void decode_c(Bands& bands, const std::uint8_t* in, Window& window, std::int16_t* out,
              std::size_t pairs) noexcept {
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    std::int16_t* const taps = window.data() + 2 * pair;
    const std::uint8_t low_code = in[pair] & 0x3f;
    const std::uint8_t high_code = in[pair] >> 6;
    const std::int32_t low_difference = multiply(bands.det[kLow], kValues4[low_code >> 2]);
    const std::int32_t high_difference = multiply(bands.det[kHigh], kValues2[high_code]);
    // What is heard has all six bits; what is learnt from has four, so that a network may take two.
    const std::int32_t low =
        limit(saturate(bands.s[kLow] + multiply(bands.det[kLow], kValues6[low_code])));
    const std::int32_t high = limit(saturate(bands.s[kHigh] + high_difference));
    scale_low(bands, low_code);
    scale_high(bands, high_code);
    adapt(bands, kLow, low_difference);
    adapt(bands, kHigh, high_difference);

    taps[kTaps - 2] = static_cast<std::int16_t>(low + high);
    taps[kTaps - 1] = static_cast<std::int16_t>(low - high);
    std::int32_t first = 0;
    std::int32_t second = 0;
    for (std::size_t tap = 0; tap < kMirror.size(); ++tap) {
      second += kMirror[tap] * taps[2 * tap];
      first += kMirror[kMirror.size() - 1 - tap] * taps[2 * tap + 1];
    }
    out[2 * pair] = static_cast<std::int16_t>(saturate(first >> 11));
    out[2 * pair + 1] = static_cast<std::int16_t>(saturate(second >> 11));
  }
}

constexpr Kernels kPlain = {encode_c, decode_c};

}  // namespace

const Kernels& kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa >= Isa::kAvx2) return kAvx2Kernels;
#endif
  (void)isa;
  return kPlain;
}

}  // namespace g722_detail

using namespace g722_detail;

void G722Encoder::encode(Pcm in, MutableBytes out) noexcept {
  CHECK(in.size() % 2 == 0);
  CHECK(out.size() >= in.size() / 2);
  Window window = {};
  std::size_t done = 0;
  while (done < in.size()) {
    const std::size_t count = std::min(in.size() - done, 2 * kChunkPairs);
    std::copy(past_.begin(), past_.end(), window.begin());
    std::copy_n(in.begin() + static_cast<std::ptrdiff_t>(done), count,
                window.begin() + past_.size());
    kernels_->encode(bands_, window, out.data() + done / 2, count / 2);
    std::copy_n(window.begin() + static_cast<std::ptrdiff_t>(count), past_.size(), past_.begin());
    done += count;
  }
}

void G722Decoder::decode(Bytes in, MutablePcm out) noexcept {
  CHECK(out.size() >= 2 * in.size());
  Window window = {};
  std::size_t done = 0;
  while (done < in.size()) {
    const std::size_t count = std::min(in.size() - done, kChunkPairs);
    std::copy(past_.begin(), past_.end(), window.begin());
    kernels_->decode(bands_, in.data() + done, window, out.data() + 2 * done, count);
    std::copy_n(window.begin() + static_cast<std::ptrdiff_t>(2 * count), past_.size(),
                past_.begin());
    done += count;
  }
}

}  // namespace trunkyard::codec
