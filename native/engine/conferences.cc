#include "engine/conferences.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace trunkyard::engine {

using contract::Code;
using pipeline::ParticipantRole;
using pipeline::Seat;

namespace {

/// How an order writes 0 dB.
constexpr int kGainUnit = 64;
/// By how much another part's speaker has to be louder than ours before we yield to him.
constexpr float kYieldDb = 3.0F;
/// Quieter than anyone.
constexpr float kNobodyDbov = -200.0F;

static_assert(static_cast<int>(contract::ParticipantRole::kTalk) ==
                  static_cast<int>(ParticipantRole::kTalk) &&
              static_cast<int>(contract::ParticipantRole::kListen) ==
                  static_cast<int>(ParticipantRole::kListen) &&
              static_cast<int>(contract::ParticipantRole::kCoach) ==
                  static_cast<int>(ParticipantRole::kCoach) &&
              static_cast<int>(contract::ParticipantRole::kHold) ==
                  static_cast<int>(ParticipantRole::kHold));

}  // namespace

Conferences::Conferences(const Config& config, Slab<Leg>& legs, AudioLegs& turns,
                         ConferenceLines& lines, PlayDesk& plays)
    : config_(config),
      legs_(legs),
      turns_(turns),
      lines_(lines),
      plays_(plays),
      parts_(config.thread, config.conferences) {
  CHECK(config.participants_max <= kMixParticipantsMax);
}

Conferences::~Conferences() {
  close_all();
}

Conferences::Part& Conferences::part_at(std::uint32_t slot) noexcept {
  std::unique_ptr<Part>* part = parts_.at_slot(slot);
  CHECK(part != nullptr);
  return **part;
}

Conferences::Part& Conferences::part_of(const Hears& hears) noexcept {
  CHECK(hears.kind == Hears::Kind::kConference);
  std::unique_ptr<Part>* part = parts_.find(hears.conference);
  CHECK(part != nullptr);
  return **part;
}

Leg& Conferences::leg_of(Handle handle) noexcept {
  Leg* leg = legs_.find(handle);
  CHECK(leg != nullptr);
  CHECK(leg->audio != nullptr);
  return *leg;
}

// Orders.

Code Conferences::open(Instant now, const contract::OpenConferenceOrder& order,
                       Handle& conference) noexcept {
  const std::uint32_t rate_hz = std::uint32_t{order.rate_khz} * 1'000;
  if (order.capacity < 2 || order.capacity > config_.participants_max ||
      !codec::is_pcm_rate(rate_hz)) {
    return Code::kOrderInvalid;
  }
  Code code = Code::kConferenceFull;
  if (order.capacity <= config_.seats - seats_ && !parts_.full()) {
    code = make(now, {.rate_hz = rate_hz, .capacity = order.capacity, .isa = config_.isa},
                Handle{order.part_of}, conference);
  }
  if (code != Code::kOk) ++counters_.refused;
  return code;
}

Code Conferences::make(Instant now, const pipeline::Conference::Config& config, Handle part_of,
                       Handle& conference) {
  const Handle handle = parts_.emplace();
  std::unique_ptr<Part>& part = *parts_.find(handle);
  part = std::make_unique<Part>(config, handle, plays_);
  if (part_of.none()) {
    lines_.open(handle, config.rate_hz);
  } else if (const Code code = lines_.join(handle, part_of, config.rate_hz); code != Code::kOk) {
    parts_.release(handle);
    return code;
  }
  seats_ += config.capacity;
  turns_.add_conference(now, handle.slot());
  conference = handle;
  return Code::kOk;
}

Code Conferences::close(Handle conference) noexcept {
  std::unique_ptr<Part>* part = parts_.find(conference);
  if (part == nullptr) return Code::kHandleStale;
  release(**part);
  return Code::kOk;
}

void Conferences::close_all() noexcept {
  for (std::uint32_t slot = 0; slot < parts_.capacity(); ++slot) {
    if (std::unique_ptr<Part>* part = parts_.at_slot(slot)) release(**part);
  }
}

void Conferences::release(Part& part) noexcept {
  for (std::size_t seat = 0; seat < part.seats.size(); ++seat) {
    if (part.room.is_taken(static_cast<Seat>(seat))) leave(leg_of(part.seats[seat].leg));
  }
  const Handle handle = part.self;
  lines_.close(handle);
  turns_.remove_conference(handle.slot());
  seats_ -= part.room.capacity();
  parts_.release(handle);
}

/// What an order says of a participant, checked.
Code Conferences::read(const contract::SetParticipantOrder& order, Handle handle,
                       pipeline::Participation& participation) noexcept {
  const float gain_db = static_cast<float>(int{order.gain_db_above64} - kGainUnit);
  if (order.role >= contract::kParticipantRoleCount || order.levelled > 1 ||
      order.pass_digits > 1 || gain_db < mixer::kGainDbMin || gain_db > mixer::kGainDbMax) {
    return Code::kOrderInvalid;
  }
  participation = {.role = static_cast<ParticipantRole>(order.role),
                   .gain_db = gain_db,
                   .levelled = order.levelled == 1};
  if (participation.role != ParticipantRole::kCoach) return Code::kOk;
  const Handle coached{order.coached};
  Leg* leg = legs_.find(coached);
  if (leg == nullptr) return Code::kHandleStale;
  // Whispers don't cross from part to part.
  if (coached == handle || leg->audio == nullptr ||
      leg->audio->hears.kind != Hears::Kind::kConference ||
      leg->audio->hears.conference != Handle{order.conference}) {
    return Code::kOrderInvalid;
  }
  participation.coached = leg->audio->hears.seat;
  return Code::kOk;
}

Code Conferences::set_participant(const contract::SetParticipantOrder& order, Handle handle,
                                  Leg& leg) noexcept {
  CHECK(leg.audio != nullptr);
  const Handle conference{order.conference};
  if (conference.thread() != config_.thread) return Code::kOrderInvalid;
  std::unique_ptr<Part>* found = parts_.find(conference);
  if (found == nullptr) return Code::kHandleStale;
  Part& part = **found;
  pipeline::Participation participation;
  if (const Code code = read(order, handle, participation); code != Code::kOk) return code;

  Hears& hears = leg.audio->hears;
  const bool is_in = hears.kind == Hears::Kind::kConference && hears.conference == conference;
  if (is_in) {
    part.room.change(hears.seat, participation);
  } else {
    const Seat seat = part.room.join(participation);
    if (seat == pipeline::kNoSeat) {
      ++counters_.refused;
      return Code::kConferenceFull;
    }
    leave(leg);
    ++participants_;
    hears = Hears::of_conference(conference, seat);
    // Whoever forwards to him goes unheard as long as he is in here.
    leg.endpoint.set_engaged(true);
    // What is receivable at one rate is at all.
    CHECK(leg.audio->tune(part.room.rate_hz()));
    leg.audio->set_source_rate(part.room.rate_hz());
    renew(leg);
  }
  part.seats[hears.seat] = {.leg = handle, .passes_digits = order.pass_digits == 1};
  return Code::kOk;
}

void Conferences::leave(Leg& leg) noexcept {
  if (leg.audio == nullptr || leg.audio->hears.kind != Hears::Kind::kConference) return;
  LegAudio& audio = *leg.audio;
  part_of(audio.hears).room.leave(audio.hears.seat, audio.sender.get());
  audio.hears = {};
  leg.endpoint.set_engaged(audio.player != nullptr && audio.player->active());
  --participants_;
  if (audio.sender != nullptr) audio.set_source_rate(audio.sender->setup().format.rate_hz);
}

void Conferences::renew(Leg& leg) noexcept {
  const Hears& hears = leg.audio->hears;
  if (hears.kind != Hears::Kind::kConference) return;
  const pipeline::AudioSender* sender = leg.audio->sender.get();
  part_of(hears).room.set_sender(hears.seat, sender == nullptr ? nullptr : &sender->setup());
}

std::uint32_t Conferences::rate_hz(const Hears& hears) noexcept {
  return part_of(hears).room.rate_hz();
}

RoomSound* Conferences::sound(Handle conference) noexcept {
  std::unique_ptr<Part>* part = parts_.find(conference);
  return part == nullptr ? nullptr : &(*part)->sound;
}

void Conferences::relieve(std::uint32_t steps) noexcept {
  for (std::uint32_t slot = 0; slot < parts_.capacity(); ++slot) {
    if (std::unique_ptr<Part>* part = parts_.at_slot(slot)) (*part)->room.relieve(steps);
  }
}

// Other parts.

void Conferences::hear_parts(Part& part) noexcept {
  part.spans = lines_.find(part.self, part.place);
  const std::uint32_t lines =
      part.spans ? lines_.lines(part.place.span) & ~(1u << part.place.line) : 0;
  // Of a part that has gone, what sounds is ended and no more is expected.
  for (std::uint32_t left = part.lines & ~lines; left != 0; left &= left - 1) {
    const auto line = static_cast<std::uint32_t>(std::countr_zero(left));
    part.room.miss_remote(line);
  }
  for (std::uint32_t come = lines & ~part.lines; come != 0; come &= come - 1) {
    const auto line = static_cast<std::uint32_t>(std::countr_zero(come));
    part.listeners[line] = {};
    part.speakers_dbov[line] = kNobodyDbov;
  }
  part.lines = lines;
  for (std::uint32_t each = lines; each != 0; each &= each - 1)
    hear_part(part, static_cast<std::uint32_t>(std::countr_zero(each)));
}

void Conferences::hear_part(Part& part, std::uint32_t line) noexcept {
  const PartPlace place{part.place.span, static_cast<std::uint8_t>(line)};
  PartWord& word = part.hearing;
  const auto take_presses = [&](const PartWord& said) {
    for (std::uint32_t index = 0; index < said.presses_count; ++index)
      press_all(part, pipeline::kNoSeat, said.presses[index]);
  };
  switch (part.listeners[line].listen(lines_, place, word, take_presses)) {
    case PartListener::Outcome::kNothing:
      return;
    case PartListener::Outcome::kMissed:
      ++counters_.parts_late;
      part.room.miss_remote(line);
      return;
    case PartListener::Outcome::kWord:
      break;
  }
  const std::size_t tick_samples = codec::samples_of(part.room.rate_hz(), pipeline::kPieceMs);
  take_presses(word);
  part.speakers_dbov[line] = word.speaker_dbov;
  const bool sounds = word.samples == tick_samples;
  part.room.add_remote(line, pipeline::PartVoice::Sum(word.sum).first(sounds ? tick_samples : 0));
}

void Conferences::tell_parts(Part& part) noexcept {
  if (!part.spans) return;
  const pipeline::PartVoice::Sum sum = part.room.local_sum();
  part.saying.speaker_dbov = part.room.speaker_dbov();
  part.saying.samples = static_cast<std::uint32_t>(sum.size());
  std::copy(sum.begin(), sum.end(), part.saying.sum.begin());
  lines_.say(part.place, part.saying);
  part.saying.presses_count = 0;
}

// Who speaks.

void Conferences::note_speaker(Part& part) noexcept {
  const Seat seat = part.room.speaker();
  float others_dbov = kNobodyDbov;
  for (std::uint32_t each = part.lines; each != 0; each &= each - 1)
    others_dbov =
        std::max(others_dbov, part.speakers_dbov[static_cast<std::size_t>(std::countr_zero(each))]);
  const float yield_db = part.speaking.none() ? 0 : kYieldDb;
  const bool ours = seat != pipeline::kNoSeat && part.room.is_taken(seat) &&
                    part.room.speaker_dbov() + yield_db >= others_dbov;
  part.speaking = ours ? part.seats[seat].leg : kHandleNone;
}

bool Conferences::speaker_due(std::uint32_t slot, Instant now, Speaker& speaker) noexcept {
  const Part& part = part_at(slot);
  if (part.speaking == part.told || now - part.told_at < kSpeakerEvery) return false;
  speaker = {.conference = part.self, .endpoint = part.speaking};
  return true;
}

void Conferences::note_speaker_told(std::uint32_t slot, Instant now) noexcept {
  Part& part = part_at(slot);
  part.told = part.speaking;
  part.told_at = now;
}

// Digits. Those who hear them are told whole presses, when they have ended: so presses of several
// participants at once come one after the other, none is cut short, and none stays down for ever.

void Conferences::pass_digit(const Hears& hears, const pipeline::Digit& digit) noexcept {
  Part& part = part_of(hears);
  const codec::EventEdge& edge = digit.edge;
  if (!part.seats[hears.seat].passes_digits || edge.kind != codec::EventEdge::Kind::kEnd ||
      edge.event > codec::kDtmfEventMax) {
    return;
  }
  const pipeline::Participation& participation = part.room.participation(hears.seat);
  if (participation.role == ParticipantRole::kHold) return;
  const std::uint64_t ms = std::uint64_t{edge.duration_units} * 1'000 / digit.clock_rate_hz;
  const bool sounds = digit.in_band && participation.role != ParticipantRole::kListen;
  const PartPress pressed{.event = edge.event,
                          .volume = edge.volume,
                          .sounds = static_cast<std::uint8_t>(sounds ? 1 : 0),
                          .duration_ms = static_cast<std::uint32_t>(ms)};
  if (participation.role == ParticipantRole::kCoach) {
    if (participation.coached != pipeline::kNoSeat) press(part, participation.coached, pressed);
    return;
  }
  press_all(part, hears.seat, pressed);
  PartWord& saying = part.saying;
  // More than a tick's share in one tick isn't a person.
  if (part.spans && saying.presses_count < kPartPressesMax)
    saying.presses[saying.presses_count++] = pressed;
}

void Conferences::press_all(Part& part, Seat but, const PartPress& pressed) noexcept {
  for (const Seat seat : part.room.seats()) {
    if (seat != but) press(part, seat, pressed);
  }
}

void Conferences::press(Part& part, Seat seat, const PartPress& pressed) noexcept {
  if (!part.room.is_taken(seat)) return;
  if (part.room.participation(seat).role == ParticipantRole::kHold) return;
  const LegAudio& audio = *leg_of(part.seats[seat].leg).audio;
  pipeline::AudioSender* sender = audio.sender.get();
  // Some peers are told of digits in another way.
  if (sender == nullptr || audio.mute_digits) return;
  // Sound that says a digit goes through as sound where there is nothing better.
  const bool by_sound = sender->setup().event_payload_type == pipeline::kPayloadTypeDropped;
  if (by_sound && pressed.sounds == 1) return;
  // Too many waiting are counted by the sender; nobody can say more at once.
  (void)sender->press(
      {.event = pressed.event, .volume = pressed.volume, .duration_ms = pressed.duration_ms});
}

}  // namespace trunkyard::engine
