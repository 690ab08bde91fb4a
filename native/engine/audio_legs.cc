#include "engine/audio_legs.h"

#include <algorithm>
#include <span>

#include "base/check.h"

namespace trunkyard::engine {

namespace {

constexpr Duration kRound = AudioLegs::kPhaseStep * std::int64_t{AudioLegs::kPhases};
static_assert(kRound == Duration::milliseconds(pipeline::kPieceMs));

}  // namespace

AudioLegs::Phases::Phases(std::uint32_t slots) : places_(slots) {
  // Untouched pages cost nothing, so each phase may have room for all.
  for (auto& phase : phases_)
    phase.reserve(slots);
}

void AudioLegs::Phases::add(std::uint32_t slot) noexcept {
  CHECK(slot < places_.size());
  if (places_[slot].phase != kNoPhase) return;
  const auto fewest = std::min_element(
      phases_.begin(), phases_.end(),
      [](const auto& left, const auto& right) { return left.size() < right.size(); });
  hang(slot, static_cast<std::uint8_t>(fewest - phases_.begin()));
  ++size_;
}

void AudioLegs::Phases::remove(std::uint32_t slot) noexcept {
  CHECK(slot < places_.size());
  if (places_[slot].phase == kNoPhase) return;
  take_out(slot);
  --size_;
}

void AudioLegs::Phases::move(std::uint32_t slot, std::uint8_t phase) noexcept {
  take_out(slot);
  hang(slot, phase);
}

void AudioLegs::Phases::hang(std::uint32_t slot, std::uint8_t phase) noexcept {
  places_[slot] = {static_cast<std::uint32_t>(phases_[phase].size()), phase};
  phases_[phase].push_back(slot);
}

void AudioLegs::Phases::take_out(std::uint32_t slot) noexcept {
  const Place place = places_[slot];
  auto& phase = phases_[place.phase];
  phase[place.index] = phase.back();
  places_[phase.back()].index = place.index;
  phase.pop_back();
  places_[slot] = {};
}

AudioLegs::AudioLegs(std::uint32_t slots, std::uint32_t conferences)
    : legs_(slots), conferences_(conferences) {}

void AudioLegs::wake(Instant now) noexcept {
  if (nobody()) next_at_ = std::max(next_at_, now + kPhaseStep);
}

void AudioLegs::add(Instant now, std::uint32_t slot) noexcept {
  wake(now);
  legs_.add(slot);
}

void AudioLegs::remove(std::uint32_t slot) noexcept {
  legs_.remove(slot);
  // The slot may be another leg's by the next round.
  const auto end = std::remove_if(moves_.begin(), moves_.begin() + move_count_,
                                  [&](const Move& move) { return move.slot == slot; });
  move_count_ = static_cast<std::uint32_t>(end - moves_.begin());
}

void AudioLegs::move(std::uint32_t slot, std::int32_t phases) noexcept {
  const std::uint8_t from = legs_.phase_of(slot);
  if (from == kNoPhase || move_count_ == kMovesMax) return;
  const std::int32_t to = std::clamp<std::int32_t>(from + phases, 0, kPhases - 1);
  if (to == from) return;
  moves_[move_count_++] = {slot, static_cast<std::uint8_t>(to)};
}

void AudioLegs::add_conference(Instant now, std::uint32_t slot) noexcept {
  wake(now);
  conferences_.add(slot);
}

void AudioLegs::remove_conference(std::uint32_t slot) noexcept {
  conferences_.remove(slot);
}

Instant AudioLegs::next_due() const noexcept {
  if (nobody()) return Instant::never();
  Instant at = next_at_;
  for (std::uint32_t phase = next_phase_; nobody_in(phase); at = at + kPhaseStep)
    phase = (phase + 1) % kPhases;
  return at;
}

bool AudioLegs::next_turn(Instant now, Turn& turn) noexcept {
  if (nobody()) return false;
  if (now - next_at_ > kBehindMax) {
    // By whole rounds, so that everyone keeps the distance to his turns of before.
    next_at_ = next_at_ + kRound * ((now - next_at_).ns() / kRound.ns());
  }
  if (next_phase_ == 0) begin_round();
  while (nobody_in(next_phase_)) {
    step();
    if (next_phase_ == 0) begin_round();
  }
  if (now < next_at_) return false;
  turn = {next_at_, conferences_.phase(next_phase_), legs_.phase(next_phase_)};
  step();
  return true;
}

void AudioLegs::step() noexcept {
  next_phase_ = (next_phase_ + 1) % kPhases;
  next_at_ = next_at_ + kPhaseStep;
}

/// Nobody has had his turn of this round yet, so nobody misses it or has it twice by moving.
void AudioLegs::begin_round() noexcept {
  const std::size_t crowd = std::max(kCrowdMin, kCrowding * legs_.size() / kPhases);
  for (const Move& move : std::span(moves_).first(move_count_)) {
    if (legs_.phase(move.phase).size() < crowd) legs_.move(move.slot, move.phase);
  }
  move_count_ = 0;
}

}  // namespace trunkyard::engine
