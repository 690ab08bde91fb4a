// PcmFrame: decoded audio, the only form in which rooms hand it to each other. One channel of
// signed 16-bit samples at one rate. Two channels exist only on the wire (Opus, decoded to one) and
// in files (a dual-channel recording is two frames side by side), so nothing in between has to ask.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/limits.h"

namespace trunkyard::codec {

/// Samples of one channel, not owned.
using Pcm = std::span<const std::int16_t>;
using MutablePcm = std::span<std::int16_t>;

/// Rates at which audio lives inside: 8,000, 16,000 and 48,000 Hz.
[[nodiscard]] constexpr bool is_pcm_rate(std::uint32_t rate_hz) noexcept {
  return rate_hz == 8'000 || rate_hz == 16'000 || rate_hz == 48'000;
}

/// Samples of `ms` milliseconds at a rate. Exact for every rate above.
[[nodiscard]] constexpr std::size_t samples_of(std::uint32_t rate_hz, std::uint32_t ms) noexcept {
  return std::size_t{rate_hz} / 1'000 * ms;
}

/// Makes all of it silence.
inline void silence(MutablePcm samples) noexcept {
  std::fill(samples.begin(), samples.end(), std::int16_t{0});
}

/// Up to kFrameMsMax of audio, held in place: 5.8 KB, so it lives in a thread's scratch, a codec's
/// state or a pool, never on the way through a queue.
class PcmFrame {
 public:
  PcmFrame() noexcept = default;

  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] Pcm samples() const noexcept { return Pcm(samples_).first(size_); }
  [[nodiscard]] MutablePcm samples() noexcept { return MutablePcm(samples_).first(size_); }

  /// Makes it `size` samples at `rate_hz`, contents as they were in memory; the caller fills them.
  /// @param size at most kPcmSamplesMax; more is cut.
  MutablePcm reset(std::uint32_t rate_hz, std::size_t size) noexcept {
    rate_hz_ = rate_hz;
    size_ = static_cast<std::uint16_t>(size < kPcmSamplesMax ? size : kPcmSamplesMax);
    return samples();
  }

 private:
  alignas(kCacheLineBytes) std::array<std::int16_t, kPcmSamplesMax> samples_ = {};
  std::uint32_t rate_hz_ = 0;
  std::uint16_t size_ = 0;
};

}  // namespace trunkyard::codec
