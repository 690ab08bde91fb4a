// Audio of legs that is decoded and encoded here: packets into their receivers, every 10 ms a turn
// for each leg, digits from one leg to the other and up to the control plane. After the orders that
// set it up nothing here allocates.
//
//   turn of leg B:   who does B hear? ── leg A: pull 10 ms ──> push ──> packets to B's peer
//                                        nobody: nothing is sent, digits aside
//                    is something played to B? that instead ──> push, or a ready payload
//                    does nobody hear B? pull 10 ms and drop them, as digits may be in them
//   turn of a conference: pull 10 ms of each participant, mix; their own turns send what they hear
#include <algorithm>

#include "base/check.h"
#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

namespace {

using Piece = std::array<std::int16_t, pipeline::kPieceSamplesMax>;

codec::MutablePcm piece_of(Piece& samples, std::uint32_t rate_hz) noexcept {
  return codec::MutablePcm(samples).first(codec::samples_of(rate_hz, pipeline::kPieceMs));
}

/// Turns taken before packets are looked at again; a round of them catches up with a late one.
constexpr std::uint32_t kTurnsAtOnceMax = AudioLegs::kPhases;

}  // namespace

/// What a sender's packets go through.
struct MediaThread::PacketSink {
  MediaThread& thread;
  Leg& leg;
  Instant at;

  void send(MutableBytes packet, const pipeline::SentFacts& facts) noexcept {
    // The sender left room for the tail behind its packet.
    const MutableBytes buffer(packet.data(), packet.size() + kSrtpTailBytesMax);
    if (!thread.send_rtp(leg, buffer, packet.size())) {
      thread.count(Counter::kPacketsUnsent);
      return;
    }
    leg.endpoint.on_sent(at, facts.packet);
    thread.count(Counter::kPacketsSent);
  }
};

void MediaThread::take_audio_turns() noexcept {
  AudioLegs::Turn turn;
  for (std::uint32_t turns = 0; turns < kTurnsAtOnceMax; ++turns) {
    const Instant began = io::now();
    if (!audio_legs_.next_turn(began, turn)) return;
    for (const std::uint32_t slot : turn.conferences)
      take_conference_turn(slot, turn.nominal);
    for (const std::uint32_t slot : turn.slots) {
      Leg* leg = legs_.at_slot(slot);
      CHECK(leg != nullptr);
      CHECK(leg->audio != nullptr);
      take_turn(legs_.handle_of(slot), *leg, turn.nominal);
    }
    const LoadGauge::Change change = load_gauge_.note_turn(turn.nominal, began, io::now());
    if (change == LoadGauge::Change::kNone) continue;
    if (change == LoadGauge::Change::kLower) count(Counter::kComplexityLowered);
    relieve_encoders();
  }
}

void MediaThread::relieve_encoders() noexcept {
  for (std::uint32_t phase = 0; phase < AudioLegs::kPhases; ++phase) {
    for (const std::uint32_t slot : audio_legs_.phase(phase))
      legs_.at_slot(slot)->audio->relieve(load_gauge_.relief());
  }
  conferences_.relieve(load_gauge_.relief());
}

/// A conference opens encoders in an order too, so these follow as well.
void MediaThread::relieve(LegAudio& audio) noexcept {
  const std::uint32_t steps = load_gauge_.relief();
  if (steps == 0) return;
  audio.relieve(steps);
  if (audio.hears.kind == Hears::Kind::kConference) conferences_.relieve(steps);
}

void MediaThread::take_conference_turn(std::uint32_t slot, Instant nominal) noexcept {
  conferences_.take_turn(slot, nominal,
                         [this](Handle handle, Leg& leg, Instant at, codec::MutablePcm into) {
                           pull(handle, leg, at, into);
                         });
  // With a full ring they are told after one of the next turns.
  const Handle conference = conferences_.handle_of(slot);
  (void)tell_plays(contract::SoundTarget::kConference, conference,
                   conferences_.sound(conference)->player());
  Conferences::Speaker speaker;
  if (!conferences_.speaker_due(slot, nominal, speaker)) return;
  contract::SpeakerEvent event;
  event.endpoint = speaker.conference.bits;
  event.speaking = speaker.endpoint.bits;
  // With a full ring whoever speaks at the next tick is told.
  if (push_event(event, contract::EventKind::kSpeaker)) {
    conferences_.note_speaker_told(slot, nominal);
  }
}

void MediaThread::take_turn(Handle handle, Leg& leg, Instant nominal) noexcept {
  LegAudio& audio = *leg.audio;
  if (!audio.key_of.none()) release_key(handle, audio);
  Piece samples;
  const bool listens = leg.endpoint.listening() || leg.endpoint.overheard();
  // What a participant says, its conference asks for.
  if (!confers(leg) && audio.receiver != nullptr && listens && listener_of(leg) == nullptr) {
    pull(handle, leg, nominal, piece_of(samples, audio.receiver->rate_hz()));
  }
  if (audio.sender == nullptr || !leg.reachable()) return;
  const codec::MutablePcm piece = piece_of(samples, audio.sender->setup().source_rate_hz);
  PacketSink sink{*this, leg, nominal};
  bool sends = false;
  const bool plays = audio.player != nullptr && audio.player->active();
  if (confers(leg)) {
    // What is replaced or recorded is wanted as samples, from the tick on that was told so.
    const bool apart = conferences_.is_apart(audio.hears);
    if (!apart && conferences_.say(audio.hears, nominal, *audio.sender, sink)) return;
    sends = apart && conferences_.listen(audio.hears, piece);
  }
  if (Leg* talker = talker_of(handle, audio)) {
    pull(audio.hears.leg, *talker, nominal, piece);
    if (audio.mute_digits && talker->audio->tone_down) codec::silence(piece);
    sends = true;
  }
  if (audio.player != nullptr && audio.player->active())
    sends = play(handle, leg, nominal, piece, sends);
  if (!sends) {
    if (!audio.sender->saying_digits() || plays) return;
    codec::silence(piece);
  }
  // Silence that only carries digits is not recorded: the link may bring something meanwhile, and
  // where it doesn't a recording is silent by itself.
  if (sends && audio.records_sent()) {
    record(leg, pipeline::Side::kSent, nominal, audio.sender->setup().source_rate_hz, piece);
  }
  audio.sender->push(nominal, piece, sink);
}

bool MediaThread::play(Handle handle, Leg& leg, Instant nominal, codec::MutablePcm piece,
                       bool link_heard) noexcept {
  pipeline::AudioSender& sender = *leg.audio->sender;
  pipeline::Player& player = *leg.audio->player;
  const pipeline::SenderSetup& setup = sender.setup();
  const pipeline::Player::Outcome outcome =
      player.take_turn({.format = setup.format,
                        .frame_ms = setup.frame_ms,
                        .rate_hz = setup.source_rate_hz,
                        .waiting_ms = sender.waiting_ms(),
                        .link_heard = link_heard,
                        .samples_wanted = leg.audio->records_sent()},
                       piece);
  if (outcome.turn == pipeline::PlayTurn::kPayload) {
    PacketSink sink{*this, leg, nominal};
    sender.push_payload(nominal, outcome.payload, setup.frame_ms, sink);
  }
  if (!player.active() || player.has_reports()) {
    follow_player(leg);
    // The peer may be silent, so that nothing else would tell it for a second.
    if (leg.pending.any()) tell_pending(handle, leg);
  }
  return outcome.turn == pipeline::PlayTurn::kPiece ||
         (outcome.turn == pipeline::PlayTurn::kLink && link_heard);
}

void MediaThread::pull(Handle handle, Leg& leg, Instant nominal, codec::MutablePcm into) noexcept {
  LegAudio& audio = *leg.audio;
  const pipeline::PullFacts facts = audio.receiver->pull(nominal, into);
  if (audio.speech.handle(facts.activity) && audio.player != nullptr) {
    audio.player->handle_voice();
    follow_player(leg);
  }
  leg.pending.speech = audio.speech.any();
  const std::uint32_t rate_hz = audio.receiver->rate_hz();
  if (Leg* far = recorder_of(leg); far != nullptr && is_recorded(handle, leg, *far))
    record(*far, pipeline::Side::kSent, nominal, rate_hz, into);
  if (!audio.taps.empty()) {
    audio.taps.note_quiet(facts.activity.quiet_ms);
    record(leg, pipeline::Side::kReceived, nominal, rate_hz, into);
  }
  take_digits(leg);
  if (leg.pending.any()) tell_pending(handle, leg);
}

Leg* MediaThread::talker_of(Handle handle, const LegAudio& audio) noexcept {
  if (audio.hears.kind != Hears::Kind::kLeg) return nullptr;
  Leg* talker = legs_.find(audio.hears.leg);
  // It may have closed, or been linked elsewhere since.
  if (talker == nullptr || !talker->endpoint.link().decodes()) return nullptr;
  if (talker->endpoint.link_to() != handle || !talker->endpoint.listening()) return nullptr;
  return talker;
}

Leg* MediaThread::hearer_of(const Leg& leg) noexcept {
  if (!leg.endpoint.link().decodes()) return nullptr;
  const Handle to = leg.endpoint.link_to();
  Leg* listener = legs_.find(to);
  if (listener == nullptr || listener->audio == nullptr || listener->audio->sender == nullptr) {
    return nullptr;
  }
  // Of several that are linked to it, it hears the last.
  Leg* talker = talker_of(to, *listener->audio);
  return talker == &leg ? listener : nullptr;
}

Leg* MediaThread::listener_of(const Leg& leg) noexcept {
  Leg* hearer = hearer_of(leg);
  return hearer != nullptr && hearer->reachable() ? hearer : nullptr;
}

void MediaThread::listen(Leg& leg, Instant now, Bytes datagram) noexcept {
  const Result<rtp::PacketView> packet = rtp::PacketView::parse(datagram);
  CHECK(packet.ok());  // the endpoint has read it
  const pipeline::PacketVerdict verdict = leg.audio->receiver->handle_packet(now, *packet);
  if (verdict == pipeline::PacketVerdict::kUnknown) {
    leg.endpoint.on_drop();
    count(Counter::kPacketsUnmapped);
  }
  take_digits(leg);
}

void MediaThread::overhear(Leg& leg, Instant now, Bytes datagram,
                           const pipeline::RtpOutcome& outcome) noexcept {
  // Key presses are watched for where the packet is treated, and are told once.
  if (outcome.treatment == pipeline::Treatment::kWatch) return;
  const MutableBytes copy = MutableBytes(scratch_).first(datagram.size());
  std::copy(datagram.begin(), datagram.end(), copy.begin());
  rtp::rewrite_payload_type(copy, outcome.payload_type);
  listen(leg, now, copy);
}

bool MediaThread::treat(Leg& leg, Instant now, MutableBytes datagram,
                        pipeline::Treatment treatment) noexcept {
  const Result<rtp::PacketView> packet = rtp::PacketView::parse(datagram);
  CHECK(packet.ok());
  if (treatment != pipeline::Treatment::kWatch) {
    const MutableBytes payload = datagram.subspan(packet->header_bytes(), packet->payload().size());
    (treatment == pipeline::Treatment::kToALaw ? to_a_law_ : to_mu_law_).convert(payload);
    return true;
  }
  LegAudio& audio = *leg.audio;
  audio.watch->handle_packet(now, *packet);
  take_watched_digits(leg);
  return !audio.press_told.any || packet->timestamp() != audio.press_told.at;
}

void MediaThread::take_digits(Leg& leg) noexcept {
  LegAudio& audio = *leg.audio;
  pipeline::Digit digit;
  while (audio.receiver->next_digit(digit)) {
    note_digit(leg, digit);
    const bool told = audio.press_told.any && digit.edge.timestamp == audio.press_told.at;
    if (told && !digit.in_band) continue;
    if (confers(leg)) conferences_.pass_digit(audio.hears, digit);
    Leg* listener = listener_of(leg);
    if (listener == nullptr || listener->audio->mute_digits) continue;
    LegAudio& hearing = *listener->audio;
    pipeline::AudioSender& sender = *hearing.sender;
    // Sound that says a digit goes through as sound where there is nothing better.
    const bool sounds = sender.setup().event_payload_type == pipeline::kPayloadTypeDropped;
    if (digit.in_band && sounds) continue;
    // Too many waiting are counted by the sender; nobody can say more at once.
    const bool relayed = sender.relay(digit);
    const bool begins = digit.edge.kind == codec::EventEdge::Kind::kStart;
    hearing.key_of = begins && relayed ? hearing.hears.leg : kHandleNone;
  }
}

void MediaThread::release_key(Handle handle, LegAudio& audio) noexcept {
  const Leg* talker = talker_of(handle, audio);
  const bool held = talker != nullptr && audio.hears.leg == audio.key_of &&
                    talker->audio->presses() && !audio.mute_digits;
  if (held) return;
  audio.key_of = kHandleNone;
  if (audio.sender != nullptr) audio.sender->release_digit();
}

void MediaThread::take_watched_digits(Leg& leg) noexcept {
  pipeline::Digit digit;
  while (leg.audio->watch->next_digit(digit))
    note_digit(leg, digit);
}

void MediaThread::note_digit(Leg& leg, const pipeline::Digit& digit) noexcept {
  LegAudio& audio = *leg.audio;
  audio.digits.add(digit);
  leg.pending.digits = audio.digits.any();
  const bool begins = digit.edge.kind == codec::EventEdge::Kind::kStart;
  if (begins && audio.player != nullptr) {
    audio.player->handle_digit();
    follow_player(leg);
  }
  if (digit.in_band) {
    audio.tone_down = begins;
  } else {
    audio.key_down = begins;
    audio.press = {.any = true, .at = digit.edge.timestamp};
  }
}

}  // namespace trunkyard::engine
