#include "pipeline/conference.h"

#include <algorithm>

namespace trunkyard::pipeline {

namespace {

/// For how long a listener keeps an encoder of his own that he no longer needs. Codecs with memory
/// adapt within a second; where there is none only the resamplers have to be alike, and who pauses
/// between two words shouldn't go to and fro.
constexpr std::uint64_t kOwnTicksWithMemory = 2'000 / kPieceMs;
constexpr std::uint64_t kOwnTicksPlain = 200 / kPieceMs;
static_assert(kOwnTicksPlain * kPieceMs > kFrameMsMax);

constexpr bool has_memory(const codec::Format& format) noexcept {
  return format.kind == codec::CodecKind::kG722 || format.kind == codec::CodecKind::kOpus;
}

}  // namespace

Conference::Conference(const Config& config)
    : capacity_(config.capacity),
      samples_(codec::samples_of(config.rate_hz, kPieceMs)),
      isa_(config.isa),
      mixer_({.rate_hz = config.rate_hz,
              .tick_ms = kPieceMs,
              .participants_max = config.capacity + 1,
              .isa = config.isa}),
      announcer_(mixer_.join({.voice = mixer::Voice::kRoom, .ears = mixer::Ears::kNone})),
      // Twice as many numbers as participants: all may leave and others come between two ticks.
      seats_(2 * std::size_t{config.capacity}),
      seat_of_slot_(std::size_t{config.capacity} + 1, kNoSeat),
      remote_(samples_) {
  static_assert(2 * kMixParticipantsMax < kNoSeat);
  present_.reserve(seats_.size());
  changed_.reserve(seats_.size());
  free_.reserve(seats_.size());
  for (std::size_t seat = seats_.size(); seat > 0; --seat)
    free_.push_back(static_cast<Seat>(seat - 1));
}

Seat Conference::join(const Participation& participation) noexcept {
  if (taken_count_ == capacity_ || free_.empty()) return kNoSeat;
  const Seat seat = free_.back();
  free_.pop_back();
  seats_[seat] = {};
  seats_[seat].taken = true;
  ++taken_count_;
  change(seat, participation);
  return seat;
}

void Conference::change(Seat seat, const Participation& participation) noexcept {
  CHECK(is_taken(seat));
  if (participation.coached != kNoSeat) {
    CHECK(participation.coached != seat);
    CHECK(is_taken(participation.coached));
  }
  seats_[seat].wanted = participation;
  note_change(seat);
}

void Conference::leave(Seat seat, AudioSender* sender) noexcept {
  CHECK(is_taken(seat));
  Place& place = seats_[seat];
  leave_kind(place, sender);
  place.taken = false;
  --taken_count_;
  note_change(seat);
  // Whoever sits here next must not be spoken to by this one's coach.
  for (Place& other : seats_) {
    if (other.taken && other.wanted.coached == seat) other.wanted.coached = kNoSeat;
  }
}

void Conference::note_change(Seat seat) noexcept {
  if (seats_[seat].changed) return;
  seats_[seat].changed = true;
  changed_.push_back(seat);
}

mixer::Participant Conference::participant_of(const Place& place) const noexcept {
  mixer::Participant participant;
  participant.gain_db = place.wanted.gain_db;
  if (place.wanted.levelled) participant.loudness_dbov = mixer::kLoudnessTargetDbov;
  switch (place.wanted.role) {
    case ParticipantRole::kTalk:
      break;
    case ParticipantRole::kListen:
      participant.voice = mixer::Voice::kNobody;
      break;
    case ParticipantRole::kCoach:
      participant.voice = mixer::Voice::kNobody;
      if (place.wanted.coached != kNoSeat) {
        participant.voice = mixer::Voice::kOne;
        participant.to = seats_[place.wanted.coached].slot;
      }
      break;
    case ParticipantRole::kHold:
      participant.voice = mixer::Voice::kNobody;
      participant.ears = mixer::Ears::kNone;
      break;
  }
  return participant;
}

// Shared encoders.

void Conference::set_sender(Seat seat, const SenderSetup* setup) {
  CHECK(is_taken(seat));
  Place& place = seats_[seat];
  const bool shareable = setup != nullptr && can_share_encoder(*setup);
  if (shareable && place.kind != kNoKind && encodes_alike(kinds_[place.kind].setup, *setup)) return;
  // The sender has been set up anew, so what it would go on with is gone.
  leave_kind(place, nullptr);
  if (shareable) join_kind(place, *setup);
}

void Conference::join_kind(Place& place, const SenderSetup& setup) {
  std::size_t index = 0;
  while (index < kinds_.size() &&
         (kinds_[index].members == 0 || !encodes_alike(kinds_[index].setup, setup)))
    ++index;
  if (index == kinds_.size()) {
    const auto unused = std::find_if(kinds_.begin(), kinds_.end(),
                                     [](const Kind& kind) { return kind.members == 0; });
    if (unused == kinds_.end()) return;
    index = static_cast<std::size_t>(unused - kinds_.begin());
    unused->setup = setup;
    unused->pieces = setup.frame_ms / kPieceMs;
  }
  Kind& kind = kinds_[index];
  place.kind = static_cast<std::uint8_t>(index);
  // What he heard until now came from an encoder of his own.
  place.apart_at = tick_;
  if (++kind.members < 2 || kind.encoder != nullptr) return;
  Result<std::unique_ptr<SharedEncoder>> opened = SharedEncoder::open(setup, isa_);
  // A setup that a sender has taken can't be refused.
  CHECK(opened.ok());
  kind.encoder = std::move(opened).value();
}

void Conference::leave_kind(Place& place, AudioSender* sender) noexcept {
  if (place.kind == kNoKind) return;
  leave_shared(place, sender);
  Kind& kind = kinds_[place.kind];
  place.kind = kNoKind;
  if (--kind.members == 0) kind.encoder.reset();
}

void Conference::relieve(std::uint32_t steps) noexcept {
  for (Kind& kind : kinds_) {
    if (kind.encoder == nullptr) continue;
    const codec::OpusPolicy& policy = kind.setup.opus;
    kind.encoder->set_complexity(codec::relieved_complexity(policy, steps));
  }
}

/// @param sender goes on where the shared encoder stands; null where nothing goes on.
void Conference::leave_shared(Place& place, AudioSender* sender) noexcept {
  if (!place.shares) return;
  place.shares = false;
  place.apart_at = tick_;
  Kind& kind = kinds_[place.kind];
  --kind.sharers;
  if (sender != nullptr) sender->take_over(*kind.encoder);
}

void Conference::join_shared(Place& place, AudioSender& sender) noexcept {
  Kind& kind = kinds_[place.kind];
  // Nobody has used it for a while: it goes on where the first one's stands.
  if (kind.sharers == 0) kind.encoder->take_over(sender);
  sender.start_frame();
  ++kind.sharers;
  place.shares = true;
}

bool Conference::may_share(const Place& place) const noexcept {
  const Kind& kind = kinds_[place.kind];
  if (kind.encoder == nullptr || kind.members < 2 || !frame_begins(kind)) return false;
  const std::uint64_t own_ticks =
      has_memory(kind.setup.format) ? kOwnTicksWithMemory : kOwnTicksPlain;
  return tick_ - place.apart_at > own_ticks;
}

void Conference::encode_shared() noexcept {
  for (Kind& kind : kinds_)
    kind.one = mixer::kNoSlot;
  for (const Seat seat : present_) {
    const Place& place = seats_[seat];
    if (place.shares) kinds_[place.kind].one = place.slot;
  }
  for (Kind& kind : kinds_) {
    if (kind.one == mixer::kNoSlot) continue;
    // All of them hear the same, in memory of the mixer's.
    kind.encoder->push(mixer_.hear(kind.one, {}));
    if (kind.encoder->complete()) ++shared_payloads_;
  }
}

bool Conference::in_step(const Place& place, AudioSender& sender) const noexcept {
  if (place.kind == kNoKind) return true;
  const Kind& kind = kinds_[place.kind];
  const std::uint64_t wanted_ms = (tick_ - 1) % kind.pieces * kPieceMs;
  if (sender.waiting_ms() == wanted_ms) return true;
  sender.start_frame();
  return wanted_ms == 0;
}

std::uint32_t Conference::sharers() const noexcept {
  std::uint32_t count = 0;
  for (const Kind& kind : kinds_)
    count += kind.sharers;
  return count;
}

// The tick.

void Conference::begin() noexcept {
  ++tick_;
  // First those who leave, so that their slots are free; then those who come, so that all who are
  // spoken to have one; last what each of them does.
  for (const Seat seat : changed_) {
    Place& place = seats_[seat];
    if (place.taken) continue;
    if (place.slot != mixer::kNoSlot) {
      mixer_.leave(place.slot);
      seat_of_slot_[place.slot] = kNoSeat;
      std::erase(present_, seat);
    }
    place = {};
    free_.push_back(seat);
  }
  for (const Seat seat : changed_) {
    Place& place = seats_[seat];
    if (!place.taken || place.slot != mixer::kNoSlot) continue;
    place.slot = mixer_.join({.voice = mixer::Voice::kNobody, .ears = mixer::Ears::kNone});
    CHECK(place.slot != mixer::kNoSlot);
    seat_of_slot_[place.slot] = seat;
    present_.push_back(seat);
  }
  for (const Seat seat : changed_) {
    Place& place = seats_[seat];
    if (!place.taken) continue;
    place.changed = false;
    mixer_.update(place.slot, participant_of(place));
  }
  changed_.clear();
  mixer_.begin();
}

codec::MutablePcm Conference::space(Seat seat) noexcept {
  return mixer_.space(place_of(seat).slot);
}

void Conference::add(Seat seat) noexcept {
  const mixer::Slot slot = place_of(seat).slot;
  mixer_.add(slot, mixer_.space(slot));
}

void Conference::add_remote(std::uint32_t part, PartVoice::Sum sum) noexcept {
  CHECK(part < kMixPartsMax);
  mixer_.add_remote(part, parts_[part].take(sum, remote_));
}

void Conference::miss_remote(std::uint32_t part) noexcept {
  CHECK(part < kMixPartsMax);
  mixer_.add_remote(part, parts_[part].miss(remote_));
}

bool Conference::listen(Seat seat, codec::MutablePcm out) noexcept {
  Place& place = place_of(seat);
  CHECK(is_apart(seat));
  if (!hears(place)) return false;
  CHECK(out.size() == samples_);
  const codec::Pcm heard = mixer_.hear(place.slot, out);
  if (heard.data() != out.data()) std::copy(heard.begin(), heard.end(), out.begin());
  return true;
}

Seat Conference::speaker() const noexcept {
  const mixer::Slot slot = mixer_.active_speaker().speaker();
  return slot == mixer::kNoSlot ? kNoSeat : seat_of_slot_[slot];
}

}  // namespace trunkyard::pipeline
