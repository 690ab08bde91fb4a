// Tones: DTMF, call progress (busy, ringback ...), beeps. A Tone is plain data that says what to
// sound; a ToneGenerator sounds it into frames of any size, with continuous phase and soft edges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// One sine of a tone.
struct Sine {
  float frequency_hz = 0;  ///< 0 = none; below half the rate it is played at
  float level_dbov = 0;    ///< at most -3.01; the sum of a tone's peaks beyond full scale saturates
};

/// One part of a cadence. Edges are soft: on_ms counts from half amplitude to half amplitude.
struct CadenceStep {
  std::uint16_t on_ms = 0;
  std::uint16_t off_ms = 0;
};

inline constexpr std::size_t kToneSinesMax = 2;
inline constexpr std::size_t kToneStepsMax = 3;
/// Length of an edge: long enough that a switched tone has no audible splatter, short against the
/// 40 ms of the shortest DTMF digit.
inline constexpr std::uint32_t kToneEdgeMs = 4;

/// What to sound: sines added up, switched by a cadence. Steps end at the first one whose on_ms
/// is 0; without any step the tone sounds until it is stopped.
struct Tone {
  std::array<Sine, kToneSinesMax> sines{};
  std::array<CadenceStep, kToneStepsMax> steps{};
  bool repeats = false;  ///< start over after the last step; otherwise the tone is over then
};

/// Call-progress signals and the telephone networks whose sound we know (ITU-T E.180 supplement 2).
enum class ProgressTone : std::uint8_t { kDial, kRingback, kBusy, kCongestion };
enum class ToneRegion : std::uint8_t { kNorthAmerica, kUnitedKingdom, kGermany };

/// @returns the tone at -19 dBm0 a sine in North America, -16 dBm0 in sum elsewhere.
[[nodiscard]] Tone progress_tone(ProgressTone signal, ToneRegion region) noexcept;

struct DtmfToneConfig {
  float level_dbov = -13.0F;  ///< both sines together; about -7 dBm0
  std::uint16_t on_ms = 100;  ///< at least 40 (ITU-T Q.24), 0 = until stopped
  std::uint16_t off_ms = 60;  ///< at least 40
};

/// The tone of a DTMF digit, the high sine 2 dB above the low one as lines lose more of it.
/// @param event 0..15 as RFC 4733 §3.2 numbers them: 0-9, *, #, A-D.
/// @returns nothing for another event.
[[nodiscard]] std::optional<Tone> dtmf_tone(std::uint8_t event,
                                            const DtmfToneConfig& config = {}) noexcept;

/// Sounds one tone after the other. One thread; allocates nothing.
class ToneGenerator {
 public:
  /// @param rate_hz one that is_pcm_rate() accepts (CHECKed).
  explicit ToneGenerator(std::uint32_t rate_hz) noexcept;

  /// Starts a tone at phase 0. One that still sounds is dropped at once: stop() it first and play
  /// it out where its end is heard.
  void start(const Tone& tone) noexcept;
  /// Lets the tone fade out within kToneEdgeMs of the samples generated next.
  void stop() noexcept;
  /// Whether generate() has anything to give.
  [[nodiscard]] bool active() const noexcept { return active_; }

  /// Overwrites `out` from its start with the next samples.
  /// @returns how many were written: all, or fewer when the tone is over within the frame. The rest
  ///          is untouched, so that a next tone can follow in the same frame without a gap.
  std::size_t generate(MutablePcm out) noexcept;

 private:
  /// One sine as a point that turns on a circle: no table, exact frequency, no drift.
  struct Oscillator {
    double x = 1;
    double y = 0;
    double turn_cos = 1;
    double turn_sin = 0;
    double peak = 0;
  };

  [[nodiscard]] std::int64_t samples_of_ms(std::uint32_t ms) const noexcept;
  void enter_step(std::size_t step) noexcept;
  void leave_step() noexcept;
  void sound(MutablePcm out) noexcept;
  [[nodiscard]] double gain_at(std::int64_t position) const noexcept;

  // A step on its own time line, in samples:
  //   0 rising, edge_ full, off_at_ falling, off_at_ + edge_ silent, end_at_ the next step
  std::uint32_t rate_hz_;
  std::int64_t edge_;
  std::int64_t position_ = 0;
  std::int64_t off_at_ = 0;
  std::int64_t end_at_ = 0;
  Tone tone_{};
  std::array<Oscillator, kToneSinesMax> oscillators_{};
  std::size_t step_ = 0;
  bool active_ = false;
  bool stopping_ = false;
};

}  // namespace trunkyard::codec
