#include "engine/leg_audio.h"

#include <algorithm>

namespace trunkyard::engine {

AudioCounters LegAudio::counters(Duration round_trip) const noexcept {
  AudioCounters counters = before_;
  if (receiver == nullptr) return counters;
  const pipeline::ReceiverStatistics statistics = receiver->statistics();
  counters.packets_late += statistics.buffer.late;
  counters.packets_duplicate += statistics.buffer.duplicates;
  counters.played_ms +=
      static_cast<std::uint64_t>(jitter::duration_of(statistics.buffer.played_length).ms());
  counters.concealed_ms += statistics.concealed_ms;
  counters.playout_delay_ms = statistics.delay_mean.ms_exact();
  if (statistics.buffer.played > 0) {
    const jitter::Quality quality = receiver->quality(round_trip / 2);
    counters.rating_factor = quality.rating_cq;
    counters.mos_listening = quality.mos_lq;
    counters.mos_conversational = quality.mos_cq;
  }
  return counters;
}

void LegAudio::drop_receiver(Duration round_trip) noexcept {
  before_ = counters(round_trip);
  receiver.reset();
}

void LegAudio::relieve(std::uint32_t steps) noexcept {
  codec::OpusEncoder* encoder = sender == nullptr ? nullptr : sender->opus();
  if (encoder == nullptr) return;
  const std::uint32_t least = std::min(opus_complexity, opus_complexity_min);
  encoder->set_complexity(std::max(least, opus_complexity - std::min(steps, opus_complexity)));
}

}  // namespace trunkyard::engine
