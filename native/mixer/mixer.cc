// Mixer: see mixer.h.
#include "mixer/mixer.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace trunkyard::mixer {
namespace {

using codec::MutablePcm;
using codec::Pcm;

constexpr std::size_t kSamplesOfLine = kCacheLineBytes / sizeof(std::int16_t);

/// The first sample in `memory` that begins a cache line. Vector loads that don't cross lines cost
/// half of those that do.
std::int16_t* first_of_line(std::vector<std::int16_t>& memory) noexcept {
  void* at = memory.data();
  std::size_t bytes = memory.size() * sizeof(std::int16_t);
  return static_cast<std::int16_t*>(std::align(kCacheLineBytes, sizeof(std::int16_t), at, bytes));
}

}  // namespace

Mixer::Mixer(const MixerConfig& config)
    : kernels_(&kernels(config.isa)),
      rate_hz_(config.rate_hz),
      samples_(codec::samples_of(config.rate_hz, config.tick_ms)),
      per_sample_(1.0F / static_cast<float>(samples_)),
      stride_((samples_ + kSamplesOfLine - 1) / kSamplesOfLine * kSamplesOfLine),
      states_(config.participants_max),
      loudness_(config.participants_max, Loudness(config.rate_hz)),
      frames_(config.participants_max * stride_ + kSamplesOfLine),
      frames_at_(first_of_line(frames_)),
      room_frames_(config.participants_max),
      local_(samples_),
      remote_(samples_),
      apart_(samples_),
      room_(samples_),
      active_speaker_(config.participants_max, config.tick_ms) {
  CHECK(codec::is_pcm_rate(config.rate_hz));
  CHECK(config.tick_ms == 10 || config.tick_ms == 20);
  CHECK(config.participants_max > 0);
  CHECK(config.participants_max <= kMixSlotsMax);
  for (std::uint32_t slot = 0; slot < config.participants_max; ++slot) {
    const bool last = slot + 1 == config.participants_max;
    states_[slot].free_next = last ? kNoSlot : static_cast<Slot>(slot + 1);
  }
}

Mixer::State& Mixer::state_of(Slot slot) noexcept {
  CHECK(slot < states_.size());
  State& state = states_[slot];
  CHECK(state.live);
  return state;
}

const Mixer::State& Mixer::state_of(Slot slot) const noexcept {
  CHECK(slot < states_.size());
  const State& state = states_[slot];
  CHECK(state.live);
  return state;
}

// Orders. They end the time of hearing, since they may change whose frame is where.

void Mixer::expect_orders() noexcept {
  CHECK(phase_ != Phase::kAdding);
  phase_ = Phase::kOrders;
}

Slot Mixer::join(const Participant& participant) noexcept {
  expect_orders();
  const Slot slot = free_first_;
  if (slot == kNoSlot) {
    ++counters_.joins_refused;
    return kNoSlot;
  }
  State& state = states_[slot];
  free_first_ = state.free_next;
  state = {};
  state.live = true;
  ++size_;
  set(slot, state, participant);
  return slot;
}

void Mixer::update(Slot slot, const Participant& participant) noexcept {
  expect_orders();
  State& state = state_of(slot);
  if (state.voice != participant.voice || state.to != participant.to) end_voice(slot, state);
  set(slot, state, participant);
}

void Mixer::set(Slot slot, State& state, const Participant& participant) noexcept {
  if (participant.voice == Voice::kOne) {
    CHECK(participant.to != slot);
    (void)state_of(participant.to);
  }
  if (participant.ears == Ears::kRoom && state.ears == Ears::kNone) state.opened = tick_ + 1;
  state.voice = participant.voice;
  state.ears = participant.ears;
  state.to = participant.voice == Voice::kOne ? participant.to : kNoSlot;
  state.volume = factor_of_db(participant.gain_db);
  const bool levelled = participant.loudness_dbov.has_value();
  if (levelled && !state.levelled) loudness_[slot].restart();
  if (levelled) loudness_[slot].aim(*participant.loudness_dbov);
  state.levelled = levelled;
  if (state.voice != Voice::kRoom || state.ears != Ears::kRoom) active_speaker_.forget(slot);
}

void Mixer::leave(Slot slot) noexcept {
  expect_orders();
  State& state = state_of(slot);
  end_voice(slot, state);
  active_speaker_.forget(slot);
  state.live = false;
  state.free_next = free_first_;
  free_first_ = slot;
  --size_;
  // Whoever takes the slot next must not be whispered to by those who spoke to this one.
  for (State& other : states_) {
    if (other.to != slot) continue;
    other.voice = Voice::kNobody;
    other.to = kNoSlot;
    other.ending_said = true;
  }
}

/// Says a ramp down from the last sample of a voice that was heard in the last tick.
void Mixer::end_voice(Slot slot, State& state) noexcept {
  state.gain_now = 0;
  if (!sounds(state) || state.ending_said) return;
  state.ending_said = true;
  const std::int32_t last = frame_of(slot)[samples_ - 1];
  if (state.voice == Voice::kOne) {
    end_in_ears(states_[state.to], last);
    return;
  }
  room_ending_ += last;
  end_in_ears(state, -last);  // not even this of himself
}

void Mixer::end_in_ears(State& state, std::int32_t last) noexcept {
  if (state.ended != tick_ + 1) state.ending = 0;
  state.ended = tick_ + 1;
  state.ending += last;
}

// The tick.

void Mixer::begin() noexcept {
  CHECK(phase_ != Phase::kAdding);
  phase_ = Phase::kAdding;
  ++tick_;
  room_frames_count_ = 0;
  whispers_count_ = 0;
  remote_parts_ = 0;
  remote_sounds_ = false;
  room_made_ = false;
}

MutablePcm Mixer::space(Slot slot) noexcept {
  CHECK(phase_ == Phase::kAdding);
  (void)state_of(slot);
  return {frame_of(slot), samples_};
}

void Mixer::add(Slot slot, Pcm frame) noexcept {
  CHECK(phase_ == Phase::kAdding);
  CHECK(frame.size() == samples_);
  State& state = state_of(slot);
  if (state.added == tick_) {
    ++counters_.frames_refused;
    return;
  }
  state.added = tick_;
  state.sounds = false;
  if (state.voice == Voice::kNobody) return;
  std::int16_t* own = frame_of(slot);
  if (state.levelled || state.gain_now != 1.0F || state.volume != 1.0F) {
    shape(slot, state, frame);
  } else if (frame.data() != own) {
    std::memcpy(own, frame.data(), frame.size_bytes());
  }
  const std::uint64_t energy = kernels_->energy(own, samples_);
  // Digital silence adds nothing to a sum, and its sender may share what all others hear.
  if (energy == 0) return;
  state.sounds = true;
  state.ending_said = false;
  if (state.voice == Voice::kRoom) {
    room_frames_[room_frames_count_++] = own;
    if (state.ears == Ears::kNone) return;
    active_speaker_.hear(slot, static_cast<float>(static_cast<std::int64_t>(energy)) * per_sample_);
    return;
  }
  State& target = state_of(state.to);
  state.whisperer_next = target.whispered == tick_ ? target.whisperer : kNoSlot;
  target.whisperer = slot;
  target.whispered = tick_;
  ++whispers_count_;
}

/// Puts what he contributes, where that isn't the frame itself, where his frames lie.
void Mixer::shape(Slot slot, State& state, Pcm frame) noexcept {
  std::int16_t* own = frame_of(slot);
  if (state.levelled) {
    state.gain_now =
        loudness_[slot].apply(*kernels_, frame, {own, samples_}, state.gain_now, state.volume);
    return;
  }
  kernels_->scale(frame.data(), own, ramp_of(state.gain_now, state.volume), samples_);
  state.gain_now = state.volume;
}

void Mixer::add_remote(std::uint32_t part, std::span<const std::int32_t> sum) noexcept {
  CHECK(phase_ == Phase::kAdding);
  CHECK(part < kMixPartsMax);
  const std::uint32_t bit = 1u << part;
  if ((remote_parts_ & bit) != 0) {
    ++counters_.frames_refused;
    return;
  }
  remote_parts_ |= bit;
  if (sum.empty()) return;
  CHECK(sum.size() == samples_);
  if (!remote_sounds_) {
    remote_sounds_ = true;
    std::copy(sum.begin(), sum.end(), remote_.begin());
    return;
  }
  for (std::size_t index = 0; index < samples_; ++index)
    remote_[index] += sum[index];
}

MixReport Mixer::mix() noexcept {
  CHECK(phase_ == Phase::kAdding);
  phase_ = Phase::kHearing;
  kernels_->sum(room_frames_.data(), room_frames_count_, local_.data(), samples_);
  local_sounds_ = room_frames_count_ > 0 || room_ending_ != 0;
  if (room_ending_ != 0) add_ending(local_.data(), room_ending_);
  room_ending_ = 0;
  heard_ = local_.data();
  if (remote_sounds_) {
    for (std::size_t index = 0; index < samples_; ++index)
      remote_[index] += local_[index];
    heard_ = remote_.data();
  }
  return {
      .sounding = static_cast<std::uint32_t>(room_frames_count_) + whispers_count_,
      .silent = !local_sounds_ && !remote_sounds_,
      .speaker_changed = active_speaker_.decide(),
  };
}

/// A straight line from just below `last` to 0 at the frame's end.
void Mixer::add_ending(std::int32_t* sum, std::int32_t last) const noexcept {
  const auto samples = static_cast<std::int64_t>(samples_);
  for (std::int64_t index = 0; index < samples; ++index)
    sum[index] += static_cast<std::int32_t>(last * (samples - 1 - index) / samples);
}

// Hearing.

bool Mixer::sounds(const State& state) const noexcept {
  return state.added == tick_ && state.sounds;
}

bool Mixer::sounds_in_room(const State& state) const noexcept {
  return sounds(state) && state.voice == Voice::kRoom;
}

/// Where a mix is more than the sum less himself.
bool Mixer::hears_apart(const State& state) const noexcept {
  return state.whispered == tick_ || state.ended == tick_ || state.opened == tick_;
}

Group Mixer::group(Slot slot) const noexcept {
  CHECK(phase_ == Phase::kHearing);
  const State& state = state_of(slot);
  if (state.ears == Ears::kNone) return kGroupNone;
  if (sounds_in_room(state) || hears_apart(state)) return static_cast<Group>(slot + 1);
  return kGroupRoom;
}

Pcm Mixer::hear(Slot slot, MutablePcm out) noexcept {
  CHECK(phase_ == Phase::kHearing);
  const State& state = state_of(slot);
  if (state.ears == Ears::kNone) return {};
  if (hears_apart(state)) {
    CHECK(out.size() == samples_);
    mix_apart(slot, state, out);
    return out;
  }
  if (sounds_in_room(state)) {
    CHECK(out.size() == samples_);
    kernels_->subtract(heard_, frame_of(slot), out.data(), samples_);
    return out;
  }
  return hear_room();
}

Pcm Mixer::hear_room() noexcept {
  CHECK(phase_ == Phase::kHearing);
  if (!room_made_) kernels_->saturate(heard_, room_.data(), samples_);
  room_made_ = true;
  return room_;
}

void Mixer::mix_apart(Slot slot, const State& state, MutablePcm out) noexcept {
  std::copy_n(heard_, samples_, apart_.begin());
  if (sounds_in_room(state)) {
    const std::int16_t* own = frame_of(slot);
    for (std::size_t index = 0; index < samples_; ++index)
      apart_[index] -= own[index];
  }
  Slot whisperer = state.whispered == tick_ ? state.whisperer : kNoSlot;
  while (whisperer != kNoSlot) {
    const std::int16_t* frame = frame_of(whisperer);
    for (std::size_t index = 0; index < samples_; ++index)
      apart_[index] += frame[index];
    whisperer = states_[whisperer].whisperer_next;
  }
  if (state.ended == tick_) add_ending(apart_.data(), state.ending);
  kernels_->saturate(apart_.data(), out.data(), samples_);
  if (state.opened == tick_) kernels_->scale(out.data(), out.data(), ramp_of(0.0F, 1.0F), samples_);
}

std::span<const std::int32_t> Mixer::local_sum() const noexcept {
  CHECK(phase_ == Phase::kHearing);
  if (!local_sounds_) return {};
  return local_;
}

}  // namespace trunkyard::mixer
