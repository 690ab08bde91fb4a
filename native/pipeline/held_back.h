// HeldBack: the last few pieces of what a leg is heard like, kept back until it is known whether
// they are a digit. A detector knows a tone only after it has sounded for a while; by then what
// stands here has not gone anywhere yet, and whoever must not hear the digit is spared its
// beginning too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "codec/pcm.h"

namespace trunkyard::pipeline {

/// How long it keeps audio. A digit is known in the piece that holds its 40th millisecond: 9 ms of
/// it are given away at most, and as much as 19 where a decision is hard; less than the 23 ms that
/// nobody may take for a digit (ITU-T Q.24).
inline constexpr std::uint32_t kHeldBackMs = 30;

/// One leg's. Allocates at construction alone; one media thread.
class HeldBack {
 public:
  /// Keeps silence at first. @param rate_hz of the pieces: 8,000, 16,000 or 48,000.
  explicit HeldBack(std::uint32_t rate_hz)
      : size_(codec::samples_of(rate_hz, kHeldBackMs)),
        rise_(codec::samples_of(rate_hz, kRiseMs)),
        samples_(std::make_unique<std::int16_t[]>(size_)) {}

  /// Begins anew: what is kept is silence.
  void clear() noexcept {
    std::fill_n(samples_.get(), size_, std::int16_t{0});
    begun_ = false;
  }

  /// Takes a piece and gives what came kHeldBackMs before in its place. The first one rises out of
  /// the silence before it, without a click.
  /// @param piece always of the same length, which kHeldBackMs is a multiple of (CHECKed).
  void exchange(codec::MutablePcm piece) noexcept {
    CHECK(!piece.empty());
    CHECK(size_ % piece.size() == 0);
    if (!begun_) rise(piece);
    begun_ = true;
    std::swap_ranges(piece.begin(), piece.end(), samples_.get() + at_);
    at_ = (at_ + piece.size()) % size_;
  }

 private:
  static constexpr std::uint32_t kRiseMs = 5;

  void rise(codec::MutablePcm piece) const noexcept {
    const std::size_t count = std::min(rise_, piece.size());
    const auto steps = static_cast<std::int32_t>(count);
    for (std::int32_t step = 0; step < steps; ++step) {
      std::int16_t& sample = piece[static_cast<std::size_t>(step)];
      sample = static_cast<std::int16_t>(sample * step / steps);
    }
  }

  std::size_t size_;
  std::size_t rise_;
  std::unique_ptr<std::int16_t[]> samples_;
  std::size_t at_ = 0;
  bool begun_ = false;
};

}  // namespace trunkyard::pipeline
