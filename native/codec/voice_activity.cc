// Voice or silence: see voice_activity.h.
#include "codec/voice_activity.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::codec {
namespace {

/// Mains hum and offsets lie below, every voice above.
constexpr float kHighPassHz = 120.0F;
/// Of a sample's step: what nobody needs to know any more.
constexpr float kForgotten = 1e-6F;
/// Blocks of one window of the floor: with four windows the floor is the least of 1.5 to 2 s.
constexpr std::uint32_t kWindowBlocks = 50;
/// Loud blocks in a row that make a voice.
constexpr std::uint32_t kOnsetBlocks = 3;
/// Once speaking, a block counts as loud at this much less than the margin: weak syllables do.
constexpr float kStayDb = 3.0F;
/// The least block of a steady noise lies about this far under its mean.
constexpr float kMinimumBiasDb = 1.5F;
/// Loud music and machines may be steady too, but a background that a caller would talk over isn't
/// louder than this.
constexpr float kFloorMaxDbov = -30.0F;
/// In the first half second the least block may itself be a voice that began at once.
constexpr float kFloorFirstMaxDbov = -45.0F;

}  // namespace

VoiceActivity::VoiceActivity(const VoiceActivityConfig& config) noexcept
    : config_(config),
      block_samples_(static_cast<std::uint32_t>(samples_of(config.rate_hz, kActivityBlockMs))),
      hangover_blocks_(config.hangover_ms / kActivityBlockMs),
      pole_(std::exp(-2.0F * std::numbers::pi_v<float> * kHighPassHz /
                     static_cast<float>(config.rate_hz))),
      floor_dbov_(kLevelDbovMin) {
  CHECK(is_pcm_rate(config.rate_hz));
  minima_dbov_.fill(0.0F);
}

FrameActivity VoiceActivity::handle(Pcm frame) noexcept {
  for (Pcm rest = frame; !rest.empty();) {
    const Pcm part = rest.first(std::min<std::size_t>(rest.size(), block_samples_ - filled_));
    filter(part);
    filled_ += static_cast<std::uint32_t>(part.size());
    if (filled_ == block_samples_) finish_block();
    rest = rest.subspan(part.size());
  }
  return {
      .level_dbov = level_dbov(frame),
      .voice = voice_,
      .ms = static_cast<std::uint32_t>(frame.size() / samples_of(config_.rate_hz, 1)),
      .quiet_ms = quiet_blocks_ * kActivityBlockMs,
  };
}

/// Adds what passes the filter to the block's energy. Four samples at a time where there are as
/// many: a recursion waits for itself at each step, four of them at once but once.
void VoiceActivity::filter(Pcm samples) noexcept {
  const float pole = pole_;
  const float pole_2 = pole * pole;
  const float pole_3 = pole_2 * pole;
  const float pole_4 = pole_2 * pole_2;
  float in = previous_in_;
  float out = previous_out_;
  std::array<float, 4> energy{};
  std::size_t at = 0;
  for (; at + 4 <= samples.size(); at += 4) {
    const std::array<float, 4> next{
        static_cast<float>(samples[at]), static_cast<float>(samples[at + 1]),
        static_cast<float>(samples[at + 2]), static_cast<float>(samples[at + 3])};
    // What four steps give from silence; the memory's share is added to each.
    const float first = next[0] - in;
    const float second = next[1] - next[0] + pole * first;
    const float third = next[2] - next[1] + pole * second;
    const float fourth = next[3] - next[2] + pole * third;
    const std::array<float, 4> passed{first + pole * out, second + pole_2 * out,
                                      third + pole_3 * out, fourth + pole_4 * out};
    for (std::size_t step = 0; step < 4; ++step)
      energy[step] += passed[step] * passed[step];
    in = next[3];
    out = passed[3];
  }
  for (; at < samples.size(); ++at) {
    const float next = samples[at];
    out = next - in + pole * out;
    in = next;
    energy[0] += out * out;
  }
  previous_in_ = in;
  previous_out_ = out;
  block_energy_ += energy[0] + energy[1] + energy[2] + energy[3];
}

void VoiceActivity::finish_block() noexcept {
  const float block_dbov =
      dbov_of_mean_square(double{block_energy_} / static_cast<double>(block_samples_));
  block_energy_ = 0;
  filled_ = 0;
  // In digital silence the filter's memory would shrink to a number so small that the CPU takes
  // many times as long over it, for good.
  if (std::abs(previous_out_) < kForgotten) previous_out_ = 0;
  follow_floor(block_dbov);

  const float stay_db = voice_ ? kStayDb : 0.0F;
  const bool loud = block_dbov >= config_.threshold_dbov - stay_db &&
                    block_dbov >= floor_dbov_ + config_.margin_db - stay_db;
  loud_run_ = loud ? loud_run_ + 1 : 0;
  ++quiet_blocks_;
  if (loud_run_ >= kOnsetBlocks || (voice_ && loud)) {
    voice_ = true;
    quiet_blocks_ = 0;
  } else if (quiet_blocks_ > hangover_blocks_) {
    voice_ = false;
  }
}

void VoiceActivity::follow_floor(float block_dbov) noexcept {
  minima_dbov_[window_] = std::min(minima_dbov_[window_], block_dbov);
  const float least = *std::min_element(minima_dbov_.begin(), minima_dbov_.end());
  if (++window_blocks_ == kWindowBlocks) {
    window_blocks_ = 0;
    window_ = (window_ + 1) % kFloorWindows;
    minima_dbov_[window_] = 0.0F;
    settled_ = true;
  }
  floor_dbov_ = std::min(least + kMinimumBiasDb, settled_ ? kFloorMaxDbov : kFloorFirstMaxDbov);
}

SpeechEvent SpeechTimer::handle(const FrameActivity& activity) noexcept {
  if (speaking_) {
    if (config_.end_silence_ms == 0 || activity.quiet_ms < config_.end_silence_ms) {
      return SpeechEvent::kNone;
    }
    speaking_ = false;
    return SpeechEvent::kSpeechEnded;
  }
  // A voice that only hangs over doesn't start anything.
  if (activity.voice && activity.quiet_ms == 0) {
    speaking_ = true;
    heard_ = true;
    return SpeechEvent::kSpeechStarted;
  }
  if (heard_ || config_.no_speech_ms == 0) return SpeechEvent::kNone;
  const bool waited = waited_ms_ >= config_.no_speech_ms;
  waited_ms_ += activity.ms;
  return !waited && waited_ms_ >= config_.no_speech_ms ? SpeechEvent::kNoSpeech
                                                       : SpeechEvent::kNone;
}

}  // namespace trunkyard::codec
