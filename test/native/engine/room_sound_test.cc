// What is played into conferences of a running engine and recorded of them, in one part and across
// several; and what is played to or recorded of one participant alone.
#include "engine/room_sound.h"

#include <array>
#include <string>

#include "native/allocations.h"
#include "native/engine/room.h"
#include "native/engine/sounds.h"
#include "native/harness.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::RecordingContainer;
using contract::RecordingEnd;
using contract::RecordingSound;
using contract::SoundTarget;

namespace {

/// Between two guests' tones.
constexpr double kClipHz = 1'170;
constexpr auto kConference = static_cast<std::uint8_t>(SoundTarget::kConference);

/// An engine with an endless tone to play.
struct Studio : SoundRig {
  explicit Studio(std::uint32_t threads = 1)
      : SoundRig({.threads = threads, .endpoints_max = 48}),
        clip(load("tone.clip", sound_clip({.tracks = {kClipPcmu, kClipPcm16k}, .ms = 2'000},
                                          sine_sound(kClipHz)))) {}
  [[nodiscard]] std::uint32_t open(const RoomWishes& wishes = {}) {
    const AnyEvent event = open_conference(rig, wishes);
    CHECK(event.code() == Code::kOk);
    return event.header().endpoint;
  }
  [[nodiscard]] contract::PlayOrder play_order(std::uint32_t handle, SoundTarget target) const {
    contract::PlayOrder order;
    order.endpoint = handle;
    order.target = static_cast<std::uint8_t>(target);
    order.clip = clip;
    return order;
  }
  Code play_in(std::uint32_t conference) {
    return play(play_order(conference, SoundTarget::kConference));
  }
  [[nodiscard]] static contract::StartRecordingOrder recording(std::uint32_t conference,
                                                               const std::string& name) {
    auto order = recording_order(conference, name, {.sound = RecordingSound::kMixed});
    order.target = kConference;
    return order;
  }

  std::uint32_t clip;
};

bool all_others(const Guest& ear, const Guest& source) {
  return &ear != &source;
}

/// The recording's second second and a half: everybody has come to be heard by then.
bool sounds(const Samples& samples, double hz) {
  if (samples.size() < 20'000) return false;
  const codec::Pcm piece = codec::Pcm(samples).last(16'000).first(12'000);
  return std::abs(sine_dbov(piece, 8'000, hz) - Party::kToneDbov) < 2;
}

}  // namespace

TEST("what is played into a conference is heard by all of all its parts beside what they say") {
  Studio studio(2);
  const std::uint32_t room = studio.open();
  const std::uint32_t part = studio.open({.affinity = 1, .part_of = room});
  Guests guests(studio.rig);
  (void)guests.add({}, room);
  (void)guests.add({.voice = kG722}, part, {}, 1);
  (void)guests.add({.voice = kPcma}, part, {.role = contract::ParticipantRole::kListen}, 1);
  Guest& held = guests.add({}, room, {.role = contract::ParticipantRole::kHold});
  CHECK_TRUE(studio.play_in(room) == Code::kOk);
  const std::uint32_t play = studio.played;
  const auto hears_clip = [&](const Guest& guest) { return hears_tone(guest.party, kClipHz); };
  CHECK_TRUE(in_real_time([&] { guests.talk(); },
                          [&] {
                            for (std::size_t index = 0; index < 3; ++index)
                              if (!hears_clip(guests[index])) return false;
                            return hears_tone(guests[2].party, guests[0].hz) &&
                                   hears_tone(guests[0].party, guests[1].hz);
                          },
                          kMeasureEvery));
  CHECK_FALSE(hears_clip(held));
  CHECK_TRUE(studio.stop_play(room, SoundTarget::kConference) == Code::kOk);
  const auto ended = studio.play_ended(room);
  CHECK_EQ(ended.play, play);
  CHECK_EQ(ended.target, kConference);
  CHECK_TRUE(static_cast<contract::PlayEnd>(ended.end) == contract::PlayEnd::kStopped);
  guests.talk_for(20);
  guests.forget();
  guests.talk_for(40);
  for (std::size_t index = 0; index < 3; ++index)
    CHECK_FALSE(hears_clip(guests[index]));
}

TEST("a beep is a tone played into a conference, and a queue goes on without a click") {
  Studio studio;
  const std::uint32_t room = studio.open({.rate_khz = 8});
  Guests guests(studio.rig);
  Guest& listens = guests.add({}, room, {.role = contract::ParticipantRole::kListen});
  guests.talk_for(10);
  listens.forget();
  contract::PlayToneOrder beep;
  beep.endpoint = room;
  beep.target = kConference;
  beep.frequencies_hz[0] = 1'000;
  beep.levels_below_full[0] = 13;
  beep.duration_ms = 250;
  for (int count = 0; count < 2; ++count)
    CHECK_TRUE(studio.play(beep) == Code::kOk);
  guests.talk_for(50);
  for (int count = 0; count < 2; ++count)
    CHECK_EQ(studio.play_ended(room).played_ms, 250u);
  CHECK_TRUE(hears_tone(listens.party, 1'000));
  // The steps of the tone itself and what G.711 adds.
  CHECK_TRUE(largest_jump(listens.party.heard) < 8'000);
}

TEST("a conference is recorded with all that is said in all its parts and played into it") {
  CHECK_TRUE(in_some_run([] {
    Studio studio(2);
    const std::uint32_t room = studio.open();
    const std::uint32_t part = studio.open({.affinity = 1, .part_of = room});
    Guests guests(studio.rig);
    (void)guests.add({}, room);
    (void)guests.add({.voice = kOpus}, room);
    Guest& muted = guests.add({}, room, {.role = contract::ParticipantRole::kListen});
    // Nobody is in the part that is recorded.
    CHECK_TRUE(studio.record(Studio::recording(part, "room.wav")) == Code::kOk);
    CHECK_TRUE(studio.play_in(part) == Code::kOk);
    guests.talk_for(175);
    CHECK_TRUE(studio.stop_recording(part, SoundTarget::kConference) == Code::kOk);
    const auto ended = studio.recording_ended(part);
    CHECK_EQ(ended.target, kConference);
    CHECK_TRUE(static_cast<RecordingEnd>(ended.end) == RecordingEnd::kStopped);
    const Samples samples = wav_channel(studio.folder, "room.wav", 0);
    CHECK_EQ(samples.size(), std::size_t{ended.duration_ms} * 8);
    CHECK_TRUE(ended.duration_ms >= 3'000);
    CHECK_TRUE(sine_dbov(codec::Pcm(samples).last(12'000), 8'000, muted.hz) < -45);
    return sounds(samples, guests[0].hz) && sounds(samples, guests[1].hz) &&
           sounds(samples, kClipHz);
  }));
}

TEST("a conference's recording ends by silence, is shorter by its pause, and ends with the room") {
  Studio studio;
  const std::uint32_t room = studio.open({.rate_khz = 8});
  Guests guests(studio.rig);
  Guest& guest = guests.add({}, room);
  auto order = Studio::recording(room, "silence.wav");
  order.end_silence_ms = 400;
  order.maximum_ms = 60'000;
  CHECK_TRUE(studio.record(order) == Code::kOk);
  const std::uint32_t by_silence = studio.recorded;
  order = Studio::recording(room, "pause.wav");
  order.container = static_cast<std::uint8_t>(RecordingContainer::kWavPcmu);
  const Moment began = moment_of([&] { CHECK_TRUE(studio.record(order) == Code::kOk); });
  CHECK_TRUE(studio.record(Studio::recording(room, "third.wav")) == Code::kQueueFull);
  const auto pause = [&](bool on) {
    return moment_of(
        [&] { CHECK_TRUE(studio.pause(room, {.on = on}, SoundTarget::kConference) == Code::kOk); });
  };
  guests.talk_for(40);
  const Moment paused = pause(true);
  guests.talk_for(50);
  const Moment resumed = pause(false);
  guest.talks = false;
  guests.talk_for(50);
  auto ended = studio.recording_ended(room);
  CHECK_EQ(ended.recording, by_silence);
  CHECK_TRUE(static_cast<RecordingEnd>(ended.end) == RecordingEnd::kSilence);
  CHECK_TRUE(studio.play_in(room) == Code::kOk);
  const Moment closed =
      moment_of([&] { CHECK_TRUE(close_conference(studio.rig, room) == Code::kOk); });
  ended = studio.recording_ended(room);
  CHECK_EQ(ended.recording, studio.recorded);
  CHECK_TRUE(static_cast<RecordingEnd>(ended.end) == RecordingEnd::kClosed);
  RecordedTime recorded;
  recorded.add(began, paused);
  recorded.add(resumed, closed);
  CHECK_TRUE(recorded.holds(ended.duration_ms));
  const auto file = studio.folder.contents("pause.wav");
  const auto wav = spool::read_wav(file);
  REQUIRE(wav.ok());
  CHECK_TRUE(wav->format.kind == spool::PayloadKind::kPcmu);
  CHECK_EQ(wav->data.size(), std::size_t{ended.duration_ms} * 8);
  // The clip was given back with the room.
  CHECK_TRUE(studio.unload(studio.clip) == Code::kOk);
}

TEST("a participant is played to and recorded alone, and the room goes on without hearing it") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    const std::uint32_t room = studio.open();
    Guests guests(studio.rig);
    Guest& alone = guests.add({}, room);
    (void)guests.add({.voice = kG722}, room);
    (void)guests.add({}, room);
    CHECK_TRUE(guests.come_to_hear(all_others));
    const std::uint32_t leg = alone.leg.handle;
    CHECK_TRUE(studio.play(studio.play_order(leg, SoundTarget::kEndpoint)) == Code::kOk);
    CHECK_TRUE(studio.record(recording_order(leg, "a.wav")) == Code::kOk);
    guests.forget();
    guests.talk_for(150);
    // In place of the room, and of nobody else's.
    const bool heard = hears_tone(alone.party, kClipHz) && !hears_tone(alone.party, guests[1].hz) &&
                       hears_tone(guests[1].party, alone.hz) &&
                       hears_tone(guests[1].party, guests[2].hz);
    CHECK_FALSE(hears_tone(guests[1].party, kClipHz));
    CHECK_FALSE(hears_tone(guests[2].party, kClipHz));
    CHECK_TRUE(studio.stop_play(leg) == Code::kOk);
    CHECK_EQ(studio.play_ended(leg).target, 0u);
    CHECK_TRUE(studio.stop_recording(leg) == Code::kOk);
    CHECK_EQ(studio.recording_ended(leg).target, 0u);
    const bool recorded = sounds(wav_channel(studio.folder, "a.wav", 0), alone.hz) &&
                          sounds(wav_channel(studio.folder, "a.wav", 1), kClipHz);
    guests.forget();
    CHECK_TRUE(guests.come_to_hear(all_others));
    return heard && recorded;
  }));
}

TEST("what makes no sense in a conference, or where there is none, is refused") {
  Studio studio;
  const std::uint32_t room = studio.open();
  auto play = studio.play_order(room, SoundTarget::kConference);
  play.ends_on_digit = 1;
  CHECK_TRUE(studio.play(play) == Code::kOrderInvalid);
  play.ends_on_digit = 0;
  play.ends_on_voice = 1;
  CHECK_TRUE(studio.play(play) == Code::kOrderInvalid);
  for (const RecordingSound sound : {RecordingSound::kReceived, RecordingSound::kDual}) {
    auto order = Studio::recording(room, "a.wav");
    order.sound = static_cast<std::uint8_t>(sound);
    CHECK_TRUE(studio.record(order) == Code::kOrderInvalid);
  }
  for (const std::uint32_t wrong : {room ^ 0x4000u, room + 1, 0u, 0xffff'ffffu}) {
    CHECK_TRUE(studio.play_in(wrong) == Code::kHandleStale);
    CHECK_TRUE(studio.record(Studio::recording(wrong, "a.wav")) == Code::kHandleStale);
    CHECK_TRUE(studio.pause(wrong, {.on = true}, SoundTarget::kConference) == Code::kHandleStale);
    CHECK_TRUE(studio.stop_recording(wrong, SoundTarget::kConference) == Code::kHandleStale);
    CHECK_TRUE(studio.stop_play(wrong, SoundTarget::kConference) == Code::kHandleStale);
  }
  CHECK_TRUE(close_conference(studio.rig, room) == Code::kOk);
  CHECK_TRUE(studio.play_in(room) == Code::kHandleStale);
}

TEST("turns of a conference that is played into and recorded allocate nothing") {
  Studio studio;
  const std::uint32_t room = studio.open();
  Guests guests(studio.rig);
  (void)guests.add({}, room);
  (void)guests.add({.voice = kOpus}, room);
  auto order = Studio::recording(room, "a.wav");
  order.rate_khz = 16;
  CHECK_TRUE(studio.record(order) == Code::kOk);
  CHECK_TRUE(studio.play_in(room) == Code::kOk);
  guests.talk_for(100);
  const auto others = [] { return allocations_total() - allocations_of_this_thread(); };
  const std::uint64_t before = others();
  guests.talk_for(100);
  CHECK_EQ(others() - before, 0u);
}
