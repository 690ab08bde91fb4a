// Finds DTMF digits in audio (ITU-T Q.23, Q.24), for legs whose far end sends no telephone-events.
//
// Every 1 ms two complex band filters, one for each group of frequencies, are evaluated. In either
// group a digit is a single steady sine, so that the angle between filter outputs 4 ms apart tells
// its frequency to a fraction of a hertz, and how well the outputs agree on that angle tells how
// pure it is: a voice, which has several harmonics in each band, does not agree.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// The rate at which the detector listens; other audio is resampled first.
inline constexpr std::uint32_t kDtmfRateHz = 8'000;

/// A digit began or ended.
struct DtmfEdge {
  enum class Kind : std::uint8_t { kStart, kEnd };
  Kind kind = Kind::kStart;
  std::uint8_t event = 0;  ///< 0..15 as RFC 4733 §3.2 numbers them: 0-9, *, #, A-D
  /// Power of both sines together in -dBm0, 0..63 (RFC 4733 §2.3.4); the same in start and end.
  std::uint8_t volume = 0;
  /// First sample of the digit, counted from the first sample ever handled; right to about 5 ms.
  std::uint64_t start_sample = 0;
  /// kEnd: how long it lasted, right to about 10 ms. 0 for kStart.
  std::uint32_t duration_samples = 0;
};

/// Edges found in one frame, oldest first; a start is never given without its end.
class DtmfEdges {
 public:
  /// A digit takes at least 3 decisions, 5 ms apart, so 60 ms have room for 4 starts and 5 ends.
  static constexpr std::size_t kMax = 9;

  [[nodiscard]] std::span<const DtmfEdge> edges() const noexcept {
    return std::span(edges_).first(count_);
  }
  void add(const DtmfEdge& edge) noexcept {
    if (count_ < kMax) edges_[count_++] = edge;
  }

 private:
  std::array<DtmfEdge, kMax> edges_{};
  std::size_t count_ = 0;
};

/// One direction of one leg. 1 KB; allocates nothing; one thread.
///
/// Accepts (ITU-T Q.24, the strictest administration for each): each sine -43..0 dBm0, frequencies
/// within 1.5 % + 2 Hz, high sine from 8 dB below to 4 dB above the low one, tones and pauses from
/// 40 ms. Refuses: frequencies off by 3.5 % or more, tones below 23 ms, and whatever holds more
/// than 15 % of its power elsewhere. A break of up to 10 ms does not end a digit.
class DtmfDetector {
 public:
  DtmfDetector() noexcept = default;

  /// @param frame what follows the last frame, at kDtmfRateHz; at most kFrameMsMax (CHECKed).
  DtmfEdges handle(Pcm frame) noexcept;
  /// Ends a digit that still sounds, for the end of the stream.
  DtmfEdges finish() noexcept;
  /// Whether a digit sounds now.
  [[nodiscard]] bool sounding() const noexcept { return event_ != kNone; }

 private:
  static constexpr std::size_t kTaps = 80;    ///< samples under a filter: 10 ms
  static constexpr std::size_t kStep = 8;     ///< samples between filter outputs: 1 ms
  static constexpr std::size_t kWindow = 20;  ///< outputs a decision looks at
  static constexpr std::size_t kHop = 5;      ///< outputs between decisions
  static constexpr std::uint8_t kNone = 0xff;
  static constexpr std::size_t kFrameSamplesMax = samples_of(kDtmfRateHz, kFrameMsMax);

  struct Filters;
  static const Filters kFilters;

  /// What a decision found.
  struct Hit {
    std::uint8_t event = kNone;
    float power = 0;  ///< mean square of both sines together
  };

  /// A group's recent filter outputs, oldest first.
  using Band = std::array<std::complex<float>, kWindow>;

  void step(const float* samples) noexcept;
  [[nodiscard]] Hit decide() const noexcept;
  void take(const Hit& hit, DtmfEdges& found) noexcept;
  void start(std::uint8_t event, DtmfEdges& found) noexcept;
  void end(DtmfEdges& found) noexcept;
  [[nodiscard]] static std::uint64_t sample_of(std::uint64_t step) noexcept;

  /// Samples that filters to come still need.
  std::array<float, kTaps> tail_{};
  std::size_t tail_size_ = kTaps - kStep;
  Band low_{};
  Band high_{};
  /// Energy of the kStep samples under the middle of each output.
  std::array<float, kWindow> energies_{};
  std::size_t hop_ = 0;
  std::uint64_t steps_ = 0;  ///< outputs so far
  // The decisions so far.
  std::uint8_t candidate_ = kNone;
  std::uint32_t hits_ = 0;
  std::uint64_t first_hit_ = 0;  ///< steps_ at the candidate's first hit
  float power_ = 0;              ///< of its strongest hit: the first may hold half a tone
  std::uint8_t event_ = kNone;   ///< what sounds
  std::uint8_t volume_ = 0;      ///< of that
  std::uint32_t misses_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t last_hit_ = 0;
};

}  // namespace trunkyard::codec
