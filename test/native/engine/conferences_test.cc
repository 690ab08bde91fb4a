// Conferences through a running engine, by RTP: who hears whom, who comes and goes, digits, parts
// on several threads, and all that is refused.
#include <array>
#include <string>

#include "native/allocations.h"
#include "native/engine/room.h"
#include "native/harness.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::Counter;
using contract::EventKind;
using contract::NodeCounter;
using contract::OrderKind;
using contract::ParticipantRole;

namespace {

std::uint32_t opened(Rig& rig, const RoomWishes& wishes = {}) {
  const AnyEvent event = open_conference(rig, wishes);
  CHECK(event.code() == Code::kOk);
  return event.header().endpoint;
}

std::string told(Rig& rig, std::uint32_t handle) {
  AnyEvent event;
  if (!rig.hears(EventKind::kDigit, handle, &event)) return "none";
  return std::string(1,
                     codec::digit_of_event(event.as<contract::DigitEvent>().digit).value_or('?'));
}

/// Everybody but himself.
bool all_others(const Guest& ear, const Guest& source) {
  return &ear != &source;
}

}  // namespace

TEST("whoever forwards to a participant goes unheard beside the mix") {
  Rig rig({.endpoints_max = 32});
  Guest outsider(rig, {}, 2'000);
  Guest ear(rig, {}, 700);
  CHECK_TRUE(rig.link(outsider.leg.handle, ear.leg.handle) == Code::kOk);
  const std::uint32_t room = open_conference(rig).header().endpoint;
  CHECK_TRUE(take_part(rig, ear.leg.handle, room) == Code::kOk);
  Guests guests(rig);
  const Guest& other = guests.add({}, room);
  const auto talk = [&] {
    outsider.talk();
    ear.talk();
    guests.talk();
  };
  CHECK_TRUE(in_real_time(
      talk, [&] { return hears_tone(ear.party, other.hz); }, kMeasureEvery));
  CHECK_EQ(ear.party.ssrcs.size(), 1u);
  CHECK_TRUE(leave_conference(rig, ear.leg.handle) == Code::kOk);
  CHECK_TRUE(in_real_time(
      talk, [&] { return hears_tone(ear.party, 2'000); }, kMeasureEvery));
}

TEST("A26 parties with four codecs hear each other and not themselves, at every rate of a room") {
  for (const std::uint8_t rate_khz : {8, 16, 48}) {
    Rig rig;
    const std::uint32_t room = opened(rig, {.rate_khz = rate_khz});
    Guests guests(rig);
    for (const Voice& voice : {kPcmu, kG722, kOpus, kPcma})
      (void)guests.add({.voice = voice}, room);
    CHECK_TRUE(guests.come_to_hear(all_others));
    CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kParticipants) == 4.0; }));
    CHECK_EQ(rig.node(NodeCounter::kConferencesOpen), 1.0);
    CHECK_EQ(guests[0].party.ssrcs.size(), 1u);
    CHECK_EQ(guests[0].party.unreadable, 0u);
  }
}

TEST("A26 a muted party is absent, a coach is heard by one alone, and both hear the room") {
  Rig rig;
  const std::uint32_t room = opened(rig);
  Guests guests(rig);
  Guest& talks = guests.add({}, room);
  Guest& muted = guests.add({.voice = kG722}, room, {.role = ParticipantRole::kListen});
  Guest& coached = guests.add({}, room);
  Guest& coach = guests.add({.voice = kPcma}, room,
                            {.role = ParticipantRole::kCoach, .coached = coached.leg.handle});
  CHECK_TRUE(guests.come_to_hear([&](const Guest& ear, const Guest& source) {
    if (&source == &coach) return &ear == &coached;
    return &source != &muted && &ear != &source;
  }));
  // Each as the other was.
  CHECK_TRUE(take_part(rig, muted.leg.handle, room) == Code::kOk);
  CHECK_TRUE(take_part(rig, coach.leg.handle, room, {.role = ParticipantRole::kListen}) ==
             Code::kOk);
  guests.forget();
  CHECK_TRUE(guests.come_to_hear(
      [&](const Guest& ear, const Guest& source) { return &source != &coach && &ear != &source; }));
  // On hold nothing is sent.
  CHECK_TRUE(take_part(rig, talks.leg.handle, room, {.role = ParticipantRole::kHold}) == Code::kOk);
  guests.talk_for(5);
  guests.forget();
  guests.talk_for(30);
  CHECK_EQ(talks.party.packets, 0u);
  CHECK_TRUE(muted.party.packets > 20);
  CHECK_FALSE(hears_tone(muted.party, talks.hz));
}

TEST(
    "who leaves hears nothing more and isn't heard; who comes back is; so for one whose leg "
    "closes") {
  Rig rig;
  const std::uint32_t room = opened(rig, {.rate_khz = 8});
  Guests guests(rig);
  for (int index = 0; index < 3; ++index)
    (void)guests.add({}, room);
  CHECK_TRUE(guests.come_to_hear(all_others));
  Guest& goes = guests[2];
  CHECK_TRUE(leave_conference(rig, goes.leg.handle) == Code::kOk);
  CHECK_TRUE(leave_conference(rig, goes.leg.handle) == Code::kOrderInvalid);
  guests.talk_for(10);
  guests.forget();
  CHECK_TRUE(guests.come_to_hear([&](const Guest& ear, const Guest& source) {
    return all_others(ear, source) && &ear != &goes && &source != &goes;
  }));
  CHECK_EQ(goes.party.packets, 0u);
  CHECK_TRUE(take_part(rig, goes.leg.handle, room) == Code::kOk);
  guests.forget();
  CHECK_TRUE(guests.come_to_hear(all_others));
  CHECK_TRUE(rig.close(goes.leg.handle).code() == Code::kOk);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kParticipants) == 2.0; }));
  guests.talk_for(10);
  guests.forget();
  guests.talk_for(30);
  CHECK_FALSE(hears_tone(guests[0].party, goes.hz));
}

TEST("a conference that closes leaves its participants with nothing, and a link may follow") {
  Rig rig;
  const std::uint32_t room = opened(rig);
  Guests guests(rig);
  Guest& left = guests.add({}, room);
  Guest& right = guests.add({.voice = kG722}, room);
  CHECK_TRUE(guests.come_to_hear(all_others));
  CHECK_TRUE(close_conference(rig, room) == Code::kOk);
  CHECK_TRUE(close_conference(rig, room) == Code::kHandleStale);
  CHECK_TRUE(take_part(rig, left.leg.handle, room) == Code::kHandleStale);
  CHECK_TRUE(leave_conference(rig, left.leg.handle) == Code::kOrderInvalid);
  guests.talk_for(10);
  guests.forget();
  guests.talk_for(20);
  CHECK_EQ(left.party.packets, 0u);
  CHECK_TRUE(link_decoded(rig, left.leg.handle, right.leg.handle) == Code::kOk);
  CHECK_TRUE(link_decoded(rig, right.leg.handle, left.leg.handle) == Code::kOk);
  CHECK_TRUE(guests.come_to_hear(all_others));
  // The stream to a peer is one, whatever it carried.
  CHECK_EQ(left.party.ssrcs.size(), 1u);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kConferencesOpen) == 0.0; }));
}

TEST("a call moves into a conference and its links end; links of a participant are refused") {
  Rig rig;
  DecodedCall call(rig, {}, {.voice = kPcma});
  const std::uint32_t room = opened(rig);
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  CHECK_TRUE(take_part(rig, call.left.handle, room) == Code::kOk);
  // The one it talked to hears nothing now and may be linked elsewhere, only not to a participant.
  CHECK_TRUE(link_decoded(rig, call.right.handle, call.left.handle) == Code::kOrderInvalid);
  CHECK_TRUE(link_decoded(rig, call.left.handle, call.right.handle) == Code::kOrderInvalid);
  CHECK_TRUE(rig.link(call.right.handle, call.left.handle) == Code::kOrderInvalid);
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle) == Code::kOrderInvalid);
  CHECK_TRUE(take_part(rig, call.right.handle, room) == Code::kOk);
  call.alice.heard.clear();
  call.bob.heard.clear();
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  // From one conference to the next without leaving.
  const std::uint32_t other = opened(rig, {.rate_khz = 8});
  CHECK_TRUE(take_part(rig, call.left.handle, other) == Code::kOk);
  CHECK_TRUE(take_part(rig, call.right.handle, other) == Code::kOk);
  call.alice.heard.clear();
  call.bob.heard.clear();
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
}

TEST("a participant changes its codec in the middle and goes on hearing and being heard") {
  Rig rig;
  const std::uint32_t room = opened(rig);
  Guests guests(rig);
  (void)guests.add({}, room);
  (void)guests.add({}, room);
  CHECK_TRUE(guests.come_to_hear(all_others));
  Guest wide(rig, {.voice = kG722}, 1'900);
  CHECK_TRUE(take_part(rig, wide.leg.handle, room) == Code::kOk);
  const auto talk = [&] {
    guests.talk();
    wide.talk();
  };
  CHECK_TRUE(in_real_time(
      talk, [&] { return hears_tone(wide.party, guests[0].hz); }, kMeasureEvery));
  contract::SetAudioOrder order = audio_order(wide.leg.handle, {.voice = kOpus});
  CHECK_TRUE(set_audio(rig, order) == Code::kOk);
  Guest changed(rig, {}, 1'900);
  CHECK_TRUE(rig.update(wide.leg.handle, {changed.party.address(), {}, true}) == Code::kOk);
  order = audio_order(wide.leg.handle);
  CHECK_TRUE(set_audio(rig, order) == Code::kOk);
  changed.leg.rtp_port = wide.leg.rtp_port;
  CHECK_TRUE(in_real_time(
      [&] {
        guests.talk();
        changed.talk();
      },
      [&] { return hears_tone(changed.party, guests[0].hz) && hears_tone(guests[1].party, 1'900); },
      kMeasureEvery));
}

TEST("A24 digits of a participant are told once, and said to the others when that is wished") {
  Rig rig;
  const std::uint32_t room = opened(rig);
  Guests guests(rig);
  Guest& presses = guests.add({}, room, {.pass_digits = true});
  Guest& hears = guests.add({.voice = kG722}, room);
  Guest& silent = guests.add({}, room);
  Guest& held = guests.add({}, room, {.role = ParticipantRole::kHold});
  guests.talk_for(10);
  const auto press = [&](Guest& guest, std::uint8_t event, bool lossy) {
    guest.talks = false;
    int count = 0;
    for (const Buffer& packet : guest.party.press(event)) {
      // Of seven packets some are lost.
      if (!lossy || count++ % 3 != 1) guest.party.peer.send(guest.leg.rtp_port, packet);
      guests.talk_for(1);
    }
    guest.talks = true;
    guests.talk_for(12);
  };
  for (const std::uint8_t event : {1, 1, 10, 7})
    press(presses, event, event == 1);
  press(silent, 9, false);
  CHECK_TRUE(in_real_time([&] { guests.talk(); }, [&] { return hears.party.digits.size() >= 4; }));
  guests.talk_for(15);
  for (const Guest* guest : {&hears, &silent}) {
    CHECK_EQ(guest->party.digits, "11*7");
    CHECK_EQ(guest->party.event_times.size(), 4u);
  }
  CHECK_EQ(presses.party.digits, "");
  CHECK_EQ(held.party.digits, "");
  for (const char digit : std::string("11*7"))
    CHECK_EQ(told(rig, presses.leg.handle), std::string(1, digit));
  CHECK_EQ(told(rig, silent.leg.handle), "9");
  CHECK_EQ(rig.closing_count(presses.leg.handle, Counter::kDigitsReceived), 4.0);
}

TEST("who speaks is told with the conference, and when nobody does any more") {
  Rig rig;
  const std::uint32_t room = opened(rig);
  Guests guests(rig);
  Guest& first = guests.add({}, room);
  Guest& second = guests.add({}, room);
  const auto speaker = [&](std::uint32_t handle) {
    bool found = false;
    return in_real_time(
        [&] { guests.talk(); },
        [&] {
          while (!found) {
            std::array<AnyEvent, 1> batch;
            if (rig.client().drain(MutableBytes{batch[0].bytes.data(), sizeof batch}) == 0) break;
            if (batch[0].kind() != EventKind::kSpeaker) continue;
            CHECK_EQ(batch[0].header().endpoint, room);
            found = batch[0].as<contract::SpeakerEvent>().speaking == handle;
          }
          return found;
        });
  };
  second.talks = false;
  CHECK_TRUE(speaker(first.leg.handle));
  first.talks = false;
  second.talks = true;
  CHECK_TRUE(speaker(second.leg.handle));
  second.talks = false;
  CHECK_TRUE(speaker(0));
}

TEST("A26 a conference with parts on three threads: everyone hears everyone but himself") {
  Rig rig({.threads = 3, .endpoints_max = 48});
  const std::uint32_t room = opened(rig);
  const std::uint32_t second = opened(rig, {.affinity = 1, .part_of = room});
  const std::uint32_t third = opened(rig, {.affinity = 2, .part_of = second});
  Guests guests(rig);
  const std::array<std::uint32_t, 3> parts = {room, second, third};
  for (std::uint32_t index = 0; index < 6; ++index) {
    const Voice& voice = index % 2 == 0 ? kPcmu : kG722;
    (void)guests.add({.voice = voice}, parts[index % 3], {.pass_digits = index == 0}, index % 3);
  }
  CHECK_TRUE(guests.come_to_hear(all_others));
  // Digits go from part to part.
  for (const Buffer& packet : guests[0].party.press(4)) {
    guests[0].party.peer.send(guests[0].leg.rtp_port, packet);
    for (std::size_t index = 1; index < guests.size(); ++index)
      guests[index].talk();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK_TRUE(in_real_time([&] { guests.talk(); },
                          [&] {
                            for (std::size_t index = 1; index < guests.size(); ++index)
                              if (guests[index].party.digits != "4") return false;
                            return true;
                          }));
  // A part that goes takes its own with it and nobody else.
  CHECK_TRUE(close_conference(rig, room) == Code::kOk);
  guests.talk_for(10);
  guests.forget();
  CHECK_TRUE(guests.come_to_hear([&](const Guest& ear, const Guest& source) {
    const auto gone = [&](const Guest& guest) {
      return &guest == &guests[0] || &guest == &guests[3];
    };
    return all_others(ear, source) && !gone(ear) && !gone(source);
  }));
  // And another may come.
  const std::uint32_t again = opened(rig, {.part_of = third});
  CHECK_TRUE(take_part(rig, guests[0].leg.handle, again) == Code::kOk);
  CHECK_TRUE(take_part(rig, guests[3].leg.handle, again) == Code::kOk);
  guests.forget();
  CHECK_TRUE(guests.come_to_hear(all_others));
}

TEST("what is no conference, and what doesn't fit, is refused") {
  Rig rig({.threads = 2, .endpoints_max = 16});
  const auto refused = [&](const RoomWishes& wishes) {
    return open_conference(rig, wishes).code();
  };
  CHECK_TRUE(refused({.capacity = 1}) == Code::kOrderInvalid);
  CHECK_TRUE(refused({.capacity = 1'025}) == Code::kOrderInvalid);
  CHECK_TRUE(refused({.rate_khz = 44}) == Code::kOrderInvalid);
  CHECK_TRUE(refused({.part_of = 0x0001'4001}) == Code::kHandleStale);
  CHECK_TRUE(refused({.part_of = 0xffff'ffff}) == Code::kHandleStale);
  const std::uint32_t room = opened(rig, {.capacity = 2, .rate_khz = 8});
  CHECK_TRUE(refused({.affinity = 1, .rate_khz = 16, .part_of = room}) == Code::kOrderInvalid);
  // Four a thread, for eight endpoints.
  for (int count = 0; count < 3; ++count)
    (void)opened(rig, {.capacity = 2});
  CHECK_TRUE(refused({.capacity = 2}) == Code::kConferenceFull);
  const std::uint32_t elsewhere = opened(rig, {.affinity = 1, .capacity = 2});

  const Opened leg = rig.open();
  CHECK_TRUE(take_part(rig, leg.handle, room) == Code::kOrderInvalid);
  CHECK_TRUE(set_audio(rig, leg.handle) == Code::kOk);
  CHECK_TRUE(take_part(rig, leg.handle, 0) == Code::kHandleStale);
  CHECK_TRUE(take_part(rig, 0, room) == Code::kHandleStale);
  CHECK_TRUE(take_part(rig, leg.handle, elsewhere) == Code::kOrderInvalid);
  CHECK_TRUE(take_part(rig, leg.handle, leg.handle ^ 1) == Code::kHandleStale);
  CHECK_TRUE(leave_conference(rig, leg.handle) == Code::kOrderInvalid);
  CHECK_TRUE(leave_conference(rig, 0) == Code::kHandleStale);
  for (const std::uint8_t gain : {3, 89, 255})
    CHECK_TRUE(take_part(rig, leg.handle, room, {.gain = gain}) == Code::kOrderInvalid);
  contract::SetParticipantOrder order = participant_order(leg.handle, room);
  order.role = 4;
  CHECK_TRUE(take_part(rig, order) == Code::kOrderInvalid);
  order = participant_order(leg.handle, room);
  order.levelled = 2;
  CHECK_TRUE(take_part(rig, order) == Code::kOrderInvalid);
  order = participant_order(leg.handle, room);
  order.pass_digits = 2;
  CHECK_TRUE(take_part(rig, order) == Code::kOrderInvalid);

  const Opened coached = rig.open();
  const auto coach = [&](std::uint32_t whom) {
    return take_part(rig, leg.handle, room, {.role = ParticipantRole::kCoach, .coached = whom});
  };
  CHECK_TRUE(coach(0) == Code::kHandleStale);
  CHECK_TRUE(coach(leg.handle) == Code::kOrderInvalid);
  CHECK_TRUE(coach(coached.handle) == Code::kOrderInvalid);
  CHECK_TRUE(set_audio(rig, coached.handle) == Code::kOk);
  CHECK_TRUE(take_part(rig, coached.handle, room) == Code::kOk);
  CHECK_TRUE(coach(coached.handle) == Code::kOk);
  const Opened third = rig.open();
  CHECK_TRUE(set_audio(rig, third.handle) == Code::kOk);
  CHECK_TRUE(take_part(rig, third.handle, room) == Code::kConferenceFull);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kConferencesRefused) >= 2.0; }));
}

TEST("a conference has no more than sixteen parts, and a host only so many seats") {
  Rig rig({.threads = 1, .endpoints_max = 64});
  const std::uint32_t alone = opened(rig, {.capacity = 2});
  // With one thread there is nowhere else a part could be.
  CHECK_TRUE(open_conference(rig, {.part_of = alone}).code() == Code::kMemoryFull);
  CHECK_TRUE(open_conference(rig, {.capacity = 1'000}).code() == Code::kOk);
  CHECK_TRUE(open_conference(rig, {.capacity = 1'000}).code() == Code::kConferenceFull);
  Rig wide({.threads = 2, .endpoints_max = 128});
  const std::uint32_t first = opened(wide, {.capacity = 2});
  for (std::uint32_t part = 1; part < kMixPartsMax; ++part)
    (void)opened(wide, {.affinity = part, .capacity = 2, .part_of = first});
  CHECK_TRUE(open_conference(wide, {.capacity = 2, .part_of = first}).code() ==
             Code::kConferenceFull);
}

TEST("the next client finds no conference of the one before") {
  Rig rig;
  const std::uint32_t room = opened(rig);
  {
    Guests guests(rig);
    (void)guests.add({}, room);
    (void)guests.add({}, room);
    guests.talk_for(10);
  }
  rig.drop_client();
  rig.attach();
  CHECK_TRUE(close_conference(rig, room) == Code::kHandleStale);
  CHECK_TRUE(eventually([&] {
    return rig.node(NodeCounter::kConferencesOpen) + rig.node(NodeCounter::kParticipants) == 0.0;
  }));
}

TEST("neither ticks of a conference nor its packets allocate, on one thread and across two") {
  Rig rig({.threads = 2, .endpoints_max = 32});
  const std::uint32_t room = opened(rig);
  const std::uint32_t part = opened(rig, {.affinity = 1, .part_of = room});
  Guests guests(rig);
  const std::array<Voice, 4> voices = {kPcmu, kG722, kOpus, kPcma};
  for (std::uint32_t index = 0; index < 8; ++index) {
    Guest& guest = guests.add({.voice = voices[index % 4]}, index < 4 ? room : part, {}, index / 4);
    guest.talks = index % 2 == 0;
  }
  guests.talk_for(150);
  const auto others = [] { return allocations_total() - allocations_of_this_thread(); };
  const std::uint64_t before = others();
  // Some begin to talk and some stop, so encoders are left and shared again.
  for (std::uint32_t index = 0; index < 8; ++index)
    guests[index].talks = index % 2 == 1;
  guests.talk_for(50);
  for (std::uint32_t index = 0; index < 8; ++index)
    guests[index].talks = false;
  guests.talk_for(150);
  CHECK_EQ(others() - before, 0u);
}
