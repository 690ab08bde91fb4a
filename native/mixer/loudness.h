// Loudness: brings one participant's voice to a wanted level, slowly, so that those who talk in a
// room sound equally loud. What counts is the level while he speaks: in pauses the gain stays where
// it is, so that noise isn't pumped up between words.
#pragma once

#include <cstdint>

#include "codec/pcm.h"
#include "codec/voice_activity.h"
#include "mixer/kernels.h"

namespace trunkyard::mixer {

/// How far a voice may be moved.
inline constexpr float kLoudnessDbMin = -15.0F;
inline constexpr float kLoudnessDbMax = 15.0F;
/// How fast: a voice that is too loud hurts, one that is too quiet only strains.
inline constexpr float kLoudnessRiseDbPerSecond = 3.0F;
inline constexpr float kLoudnessFallDbPerSecond = 10.0F;
/// Levels of active speech that may be wanted, and the usual one.
inline constexpr float kLoudnessTargetDbov = -26.0F;
inline constexpr float kLoudnessTargetDbovMin = -40.0F;
inline constexpr float kLoudnessTargetDbovMax = -15.0F;

/// One participant's. 128 bytes; allocates nothing; one thread.
class Loudness {
 public:
  /// @param rate_hz one that is_pcm_rate() accepts (CHECKed).
  explicit Loudness(std::uint32_t rate_hz) noexcept;

  /// The level wanted from now on; until it is told, kLoudnessTargetDbov.
  /// @param target_dbov beyond the bounds above it counts as the nearer one, and what is no number
  ///                    as the lower one.
  void aim(float target_dbov) noexcept;
  /// Another voice begins: starts over at 0 dB.
  void restart() noexcept;

  /// Listens to a frame and makes it louder or quieter. No sample comes out saturated, unless
  /// `volume` makes it so by itself: before the first one that would, the gain drops where the
  /// sound is nearest to zero, so that no step is greater than those the sound itself made.
  /// @param in     the frame that follows, of any length.
  /// @param out    as long as `in` (CHECKed); may be `in`.
  /// @param from   what the last frame ended with, 0 to fade in.
  /// @param volume a factor that goes on top.
  /// @returns what this frame ended with.
  float apply(const Kernels& kernels, codec::Pcm in, codec::MutablePcm out, float from,
              float volume) noexcept;

  /// The gain that the voice has now, without the volume.
  [[nodiscard]] float gain_db() const noexcept { return gain_db_; }

 private:
  void follow(codec::Pcm frame) noexcept;

  std::uint32_t rate_hz_;
  codec::VoiceActivity activity_;
  float target_dbov_ = kLoudnessTargetDbov;
  float gain_db_ = 0;
  double mean_square_ = 0;  // of the last seconds of voice
  double voiced_seconds_ = 0;
};

}  // namespace trunkyard::mixer
