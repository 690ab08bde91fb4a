// Voice or silence: the level of each frame, a decision that adapts to the background, and the
// timer that Gather and Record ask (nobody spoke, the speaker has finished). Fed frames of decoded
// audio in order; time is counted in samples, so no clock is involved.
#pragma once

#include <array>
#include <cstdint>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// Blocks in which decisions are made, so that they don't depend on how a stream is cut.
inline constexpr std::uint32_t kActivityBlockMs = 10;

struct VoiceActivityConfig {
  std::uint32_t rate_hz = 8'000;  ///< one that is_pcm_rate() accepts (CHECKed)
  /// Nothing below this is a voice, however quiet the background. -127..0.
  float threshold_dbov = -50.0F;
  /// How far a voice stands out of the background, in dB.
  float margin_db = 9.0F;
  /// Still voice this long after the last loud block: bridges stops and weak word ends.
  std::uint32_t hangover_ms = 200;
};

/// What one frame was.
struct FrameActivity {
  float level_dbov = -127.0F;  ///< of the whole frame, as RTP reports it (RFC 6464); -127..0
  bool voice = false;          ///< at the end of the frame, hangover included
  std::uint32_t ms = 0;        ///< whole milliseconds of audio that these counts are about
  /// From the last block that was loud itself to the end of the frame: 0 while it goes on, and
  /// since the start of the stream as long as there was none.
  std::uint64_t quiet_ms = 0;
};

/// One direction of one leg. About 100 bytes; allocates nothing; one thread.
///
/// The background is the least level of the last 1 to 2 s, so a steady noise or tone of that length
/// becomes background; a voice doesn't, as syllables leave gaps. Three loud blocks in a row
/// make a voice, so that a click doesn't.
class VoiceActivity {
 public:
  explicit VoiceActivity(const VoiceActivityConfig& config) noexcept;

  /// @param frame the samples that follow the last frame's, of any number.
  FrameActivity handle(Pcm frame) noexcept;

  [[nodiscard]] bool voice() const noexcept { return voice_; }
  /// What is taken for background now.
  [[nodiscard]] float floor_dbov() const noexcept { return floor_dbov_; }

 private:
  static constexpr std::size_t kFloorWindows = 4;

  void filter(Pcm samples) noexcept;
  void finish_block() noexcept;
  void follow_floor(float block_dbov) noexcept;

  VoiceActivityConfig config_;
  std::uint32_t block_samples_;
  std::uint32_t hangover_blocks_;
  float pole_;
  // The block being filled: energy without what lies below the voice (hum, offset).
  float previous_in_ = 0;
  float previous_out_ = 0;
  float block_energy_ = 0;
  std::uint32_t filled_ = 0;
  // The background.
  std::array<float, kFloorWindows> minima_dbov_{};
  std::uint32_t window_ = 0;
  std::uint32_t window_blocks_ = 0;
  bool settled_ = false;  ///< a first window is full
  float floor_dbov_;
  // The decision.
  std::uint32_t loud_run_ = 0;
  std::uint64_t quiet_blocks_ = 0;
  bool voice_ = false;
};

struct SpeechTimerConfig {
  /// Without a voice for this long from the start: kNoSpeech. 0 = never.
  std::uint32_t no_speech_ms = 5'000;
  /// Silence of this length after a voice: kSpeechEnded. 0 = never. Below the hangover of the voice
  /// decision it has no effect of its own.
  std::uint32_t end_silence_ms = 1'000;
};

enum class SpeechEvent : std::uint8_t {
  kNone,
  kSpeechStarted,
  kNoSpeech,     ///< at most once, and not after speech
  kSpeechEnded,  ///< then a next kSpeechStarted may follow
};

/// Turns frames' activity into what an application waits for. A core without a clock.
class SpeechTimer {
 public:
  explicit SpeechTimer(const SpeechTimerConfig& config) noexcept : config_(config) {}

  /// @param activity of the next frame. At most one event a frame.
  SpeechEvent handle(const FrameActivity& activity) noexcept;
  [[nodiscard]] bool speaking() const noexcept { return speaking_; }

 private:
  SpeechTimerConfig config_;
  std::uint64_t waited_ms_ = 0;
  bool speaking_ = false;
  bool heard_ = false;
};

}  // namespace trunkyard::codec
