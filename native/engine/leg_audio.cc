#include "engine/leg_audio.h"

#include <algorithm>

#include "base/check.h"

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

std::uint32_t LegAudio::rate_hz_max() const noexcept {
  const std::uint32_t heard_hz = receiver == nullptr ? 8'000 : receiver->rate_hz();
  return sender == nullptr ? heard_hz : std::max(heard_hz, sender->setup().source_rate_hz);
}

bool LegAudio::tune(std::uint32_t rate_hz) noexcept {
  return receiver == nullptr || receiver->set_up(receivable.setup(rate_hz)).ok();
}

void LegAudio::set_source_rate(std::uint32_t rate_hz) noexcept {
  if (sender == nullptr || sender->setup().source_rate_hz == rate_hz) return;
  pipeline::SenderSetup setup = sender->setup();
  setup.source_rate_hz = rate_hz;
  // It was taken at another rate, so it can't be refused now.
  CHECK(sender->set_up(setup).ok());
}

void LegAudio::drop_receiver(Duration round_trip) noexcept {
  before_ = counters(round_trip);
  receiver.reset();
  // Nobody is left to say when they end.
  key_down = false;
  tone_down = false;
}

void LegAudio::relieve(std::uint32_t steps) noexcept {
  codec::OpusEncoder* encoder = sender == nullptr ? nullptr : sender->opus();
  if (encoder == nullptr) return;
  encoder->set_complexity(codec::relieved_complexity(sender->setup().opus, steps));
}

}  // namespace trunkyard::engine
