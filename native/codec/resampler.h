// Resampler: audio from one of our rates to another (8,000, 16,000 and 48,000 Hz) by a polyphase
// filter with linear phase, in 16-bit integers.
//
//   between              pass band, within 0.1 dB   at least 60 dB down from   delay
//   8,000 and 16,000     0 to 3,400 Hz              4,000 Hz                   3 ms
//   8,000 and 48,000     0 to 3,400 Hz              4,000 Hz                   3 ms
//   16,000 and 48,000    0 to 7,000 Hz              8,000 Hz                   1.8125 ms
//
// Going up, that is the rejection of images, going down that of aliases: nothing at or above half
// the lower rate gets through. State is carried from call to call; where a stream is cut into
// frames makes no difference to its samples, not even a bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "base/result.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

namespace resampler_detail {

/// One direction between two rates. Coefficients are stored newest sample last, a row of `taps` for
/// each phase, with zeros in front so that `taps` is a multiple of 32.
struct Filter {
  const std::int16_t* coefficients;
  std::uint16_t taps;
  std::uint8_t up;     ///< outputs for each position of the window
  std::uint8_t down;   ///< inputs from one position to the next
  std::uint8_t shift;  ///< coefficients are scaled by two to this
  std::uint8_t delay;  ///< in samples of the lower rate
};
/// The longest of them, checked in resampler.cc.
inline constexpr std::size_t kTapsMax = 320;

/// Writes filter.up samples for each of `positions`; `window` holds filter.taps samples for the
/// first one, and filter.down more for each further. All products of the loudest samples would not
/// fit 32 bits, so there are two sums, of every other eight taps, halved before they are added.
using Kernel = void (*)(const Filter& filter, const std::int16_t* window, std::int16_t* out,
                        std::size_t positions) noexcept;

}  // namespace resampler_detail

/// One direction of one stream; 0.7 KB. Copying it forks the stream.
class Resampler {
 public:
  struct Spec {
    std::uint32_t from_hz = 8'000;
    std::uint32_t to_hz = 8'000;
    Isa isa = Isa::kC;  ///< no more than best_isa()
  };

  /// Equal rates are served too: samples pass as they are, without delay.
  /// @returns kConfigInvalid for a rate that is none of ours (pcm.h).
  [[nodiscard]] static Result<Resampler> open(const Spec& spec) noexcept;

  /// How many samples the next `in` ones will yield. Going up that is always the multiple; going
  /// down it depends on how many were left over.
  [[nodiscard]] std::size_t output_size(std::size_t in) const noexcept;

  /// @param out at least output_size(in.size()) samples (CHECKed); not the memory of `in`.
  /// @returns the part of `out` that was written.
  MutablePcm process(Pcm in, MutablePcm out) noexcept;

  /// How much later a sound leaves than it came in, in samples at the rate it leaves with.
  [[nodiscard]] std::size_t delay_samples() const noexcept;
  [[nodiscard]] std::uint32_t from_hz() const noexcept { return from_hz_; }
  [[nodiscard]] std::uint32_t to_hz() const noexcept { return to_hz_; }

 private:
  Resampler(const Spec& spec, const resampler_detail::Filter* filter) noexcept;

  const resampler_detail::Filter* filter_;  ///< null where rates are equal
  resampler_detail::Kernel kernel_;
  std::uint32_t from_hz_;
  std::uint32_t to_hz_;
  std::uint32_t skip_ = 0;  ///< inputs before the next output, going down
  /// The last inputs, as many as filter_->taps less one.
  std::array<std::int16_t, resampler_detail::kTapsMax - 1> past_ = {};
};

}  // namespace trunkyard::codec
