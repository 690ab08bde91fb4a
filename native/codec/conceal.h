// Hides lost packets of codecs that can't do it themselves (G.711, L16, G.722): goes on with the
// last pitch periods heard, fading out, and joins the audio that follows without a click. After
// ITU-T G.711 Appendix I, with these departures: nothing is delayed (the Appendix holds back 3.75
// ms of every good frame to smooth the first edge; here the difference at the edge is carried into
// the gap and fades there), it works at any rate of pcm.h, sound without a pitch is not made to
// buzz, and the fade starts at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// A gap longer than this is silence from here on (Appendix I).
inline constexpr std::uint32_t kConcealMsMax = 60;

/// One leg's receiving side, after the decoder. Allocates once, 100 ms of samples (1.6 KB at
/// 8 kHz); one thread.
class Concealer {
 public:
  /// @param rate_hz one that is_pcm_rate() accepts (CHECKed).
  explicit Concealer(std::uint32_t rate_hz);

  /// A frame that arrived. Its start is blended with the concealment when it follows a gap;
  /// otherwise it stays as it is.
  /// @param frame decoded samples, of any number, written in place.
  void good(MutablePcm frame) noexcept;

  /// A frame that did not arrive.
  /// @param out filled with what takes its place, of any number of samples.
  void lost(MutablePcm out) noexcept;

  /// Forgets what was heard: a stream that begins anew. What is lost before its first frame is
  /// silence.
  void reset() noexcept;

  /// Whether the last frame was lost.
  [[nodiscard]] bool concealing() const noexcept { return gap_samples_ > 0; }
  /// Whether the gap has become so long that nothing is left to hear.
  [[nodiscard]] bool silent() const noexcept { return gap_samples_ >= silent_at_; }

 private:
  void remember(Pcm samples) noexcept;
  void analyse() noexcept;
  [[nodiscard]] std::size_t coarse_period() const noexcept;
  [[nodiscard]] float correlation(std::size_t period) const noexcept;
  [[nodiscard]] float next() noexcept;
  [[nodiscard]] float looped(std::size_t position, std::size_t loop) const noexcept;

  std::uint32_t rate_hz_;
  std::size_t size_;                         ///< samples in each of the two
  std::unique_ptr<std::int16_t[]> history_;  ///< the last audio played, oldest first
  std::unique_ptr<std::int16_t[]> source_;   ///< what it was when the gap began
  std::size_t silent_at_;
  // The gap.
  std::size_t gap_samples_ = 0;
  std::size_t period_ = 0;
  std::size_t quarter_ = 1;     ///< of a period: length of the blends
  std::size_t loop_ = 0;        ///< samples repeated: whole periods
  std::size_t position_ = 0;    ///< of the next sample in source_
  std::size_t blend_left_ = 0;  ///< samples until a longer loop has taken over
  std::size_t blend_position_ = 0;
  std::size_t blend_loop_ = 0;
  float edge_ = 0;  ///< what the first sample would jump by
  float gain_ = 1.0F;
  bool voiced_ = false;
};

}  // namespace trunkyard::codec
