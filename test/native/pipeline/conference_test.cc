// Conferences without sockets or clocks: who hears whom in whatever form, encoders that are shared
// and left and shared again without a blemish, roles, and orders in the middle of a tick.
#include "pipeline/conference.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "base/prng.h"
#include "native/codec/listen.h"
#include "native/pipeline/audio_rig.h"

namespace {

using namespace test;
using pipeline::Conference;
using pipeline::kNoSeat;
using pipeline::ParticipantRole;
using pipeline::Participation;
using pipeline::Seat;

/// Somebody with a tone of his own, a form he wants to hear in, and a decoder.
struct Member {
  Member(const Format& wanted, std::uint32_t room_hz, std::uint32_t number, std::uint32_t frame_ms)
      : format(wanted),
        sender({.ssrc = rtp::Ssrc{number}}, best_isa()),
        decoder(codec::Decoder::open({.format = wanted, .isa = best_isa()}).value()) {
    SenderSetup setup = sending(wanted, room_hz, frame_ms);
    setup.event_payload_type = kEventType;
    CHECK_TRUE(sender.set_up(setup).ok());
  }

  Format format;
  AudioSender sender;
  codec::Decoder decoder;
  Seat seat = kNoSeat;
  double tone_hz = 0;
  double level_dbov = -30;
  bool sounding = false;
  Collector out;
  Samples heard;
};

/// A room and its people, tick by tick.
class Rig {
 public:
  explicit Rig(std::uint32_t rate_hz, std::uint32_t capacity = 32)
      : room({.rate_hz = rate_hz, .capacity = capacity, .isa = best_isa()}) {}

  Member& join(const Format& format, double tone_hz = 0, const Participation& participation = {},
               std::uint32_t frame_ms = 20) {
    members.push_back(std::make_unique<Member>(
        format, room.rate_hz(), static_cast<std::uint32_t>(members.size() + 1), frame_ms));
    Member& member = *members.back();
    member.tone_hz = tone_hz;
    member.sounding = tone_hz > 0;
    member.seat = room.join(participation);
    CHECK_TRUE(member.seat != kNoSeat);
    room.set_sender(member.seat, &member.sender.setup());
    return member;
  }
  void leave(Member& member) {
    room.leave(member.seat, &member.sender);
    member.seat = kNoSeat;
  }
  /// @param between what happens after the mix, when some have had their turns.
  template <typename Between>
  void tick(Between&& between) {
    room.begin();
    for (const Seat seat : room.seats()) {
      const Member& member = member_of(seat);
      const codec::MutablePcm space = room.space(seat);
      fill(space, member.sounding ? member.tone_hz : 0, member.level_dbov);
      room.add(seat);
    }
    if (announced_hz > 0) {
      fill(room.announcement(), announced_hz, -30);
      room.announce();
    }
    position_ += codec::samples_of(room.rate_hz(), pipeline::kPieceMs);
    room.mix([&](Seat seat) { return &member_of(seat).sender; });
    const codec::Pcm heard = room.hear_room();
    recorded.insert(recorded.end(), heard.begin(), heard.end());
    for (std::size_t index = 0; index < members.size(); ++index) {
      if (index == members.size() / 2) between();
      Member& member = *members[index];
      if (member.seat == kNoSeat) continue;
      if (room.is_apart(member.seat)) {
        Samples piece(codec::samples_of(room.rate_hz(), pipeline::kPieceMs));
        if (room.listen(member.seat, piece)) member.sender.push(at_ms(now_ms), piece, member.out);
      } else {
        (void)room.say(member.seat, at_ms(now_ms), member.sender, member.out);
      }
    }
    now_ms += pipeline::kPieceMs;
  }
  void run_ms(double ms) {
    for (const double end = now_ms + ms; now_ms < end;)
      tick([] {});
  }
  /// Decodes what everybody got since the last time.
  void listen() {
    for (const auto& member : members) {
      member->heard.clear();
      for (const Packet& packet : member->out.packets) {
        if (packet.facts.kind != pipeline::SentKind::kAudio) continue;
        codec::PcmFrame frame;
        CHECK_TRUE(member->decoder.decode(packet.view().payload(), 0, frame).ok());
        member->heard.insert(member->heard.end(), frame.samples().begin(), frame.samples().end());
      }
      member->out.packets.clear();
    }
  }
  [[nodiscard]] double level(const Member& ear, const Member& source) const {
    return sine_dbov(ear.heard, ear.format.rate_hz, source.tone_hz);
  }

  Conference room;
  std::vector<std::unique_ptr<Member>> members;
  double announced_hz = 0;  ///< what is played into the room; 0 = nothing
  Samples recorded;         ///< what is heard in it
  double now_ms = 1'000;

 private:
  [[nodiscard]] Member& member_of(Seat seat) {
    for (const auto& member : members)
      if (member->seat == seat) return *member;
    CHECK_TRUE(false);
    return *members.front();
  }
  /// The tick's 10 ms of a tone.
  void fill(codec::MutablePcm into, double tone_hz, double level_dbov) const {
    const double peak = tone_hz > 0 ? codec::sine_peak_of_dbov(level_dbov) : 0;
    for (std::size_t index = 0; index < into.size(); ++index) {
      const double angle =
          2 * M_PI * tone_hz * static_cast<double>(position_ + index) / room.rate_hz();
      into[index] = codec::to_sample(static_cast<float>(peak * std::sin(angle)));
    }
  }
  std::uint64_t position_ = 0;
};

/// Every packet follows the one before it.
bool is_whole(const Member& member) {
  const auto& packets = member.out.packets;
  for (std::size_t index = 1; index < packets.size(); ++index) {
    const auto& before = packets[index - 1].facts;
    const auto& now = packets[index].facts;
    if (now.sequence != static_cast<std::uint16_t>(before.sequence + 1)) return false;
    const auto step = static_cast<std::uint32_t>(now.packet.timestamp) -
                      static_cast<std::uint32_t>(before.packet.timestamp);
    if (step != member.format.clock_of(
                    codec::samples_of(member.format.rate_hz, member.sender.setup().frame_ms)))
      return false;
  }
  return packets.size() > 1;
}

constexpr double kSilentDbov = -60;

TEST(
    "what is played into the room is heard by all who hear it, softly, and so is the room itself") {
  Rig rig(16'000);
  Member& talks = rig.join(kG722, 700);
  Member& listens = rig.join(kPcmu);
  Member& held = rig.join(kPcmu, 0, {.role = ParticipantRole::kHold});
  rig.run_ms(300);
  rig.listen();
  rig.announced_hz = 1'900;
  rig.recorded.clear();
  rig.run_ms(1'000);
  rig.listen();
  CHECK_TRUE(std::abs(sine_dbov(talks.heard, 16'000, 1'900) + 30) < 1);
  CHECK_TRUE(std::abs(sine_dbov(listens.heard, 8'000, 1'900) + 30) < 1);
  CHECK_TRUE(std::abs(sine_dbov(listens.heard, 8'000, 700) + 30) < 1);
  CHECK_TRUE(sine_dbov(talks.heard, 16'000, 700) < -60);
  CHECK_TRUE(held.heard.empty());
  CHECK_TRUE(std::abs(sine_dbov(rig.recorded, 16'000, 1'900) + 30) < 0.1);
  CHECK_TRUE(std::abs(sine_dbov(rig.recorded, 16'000, 700) + 30) < 0.1);
  // It is said to the other parts too, and is nobody who speaks.
  rig.announced_hz = 0;
  talks.sounding = false;
  rig.run_ms(100);
  rig.announced_hz = 1'900;
  rig.run_ms(500);
  CHECK_FALSE(rig.room.local_sum().empty());
  CHECK_TRUE(rig.room.speaker() != held.seat);
  CHECK_EQ(rig.room.size(), 3u);
}

}  // namespace

TEST("A26 in whatever form they hear it, each hears everyone but himself") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    Rig rig(rate_hz);
    const Format formats[] = {kPcmu, kG722, kOpus16, kL16, kPcma, kOpus48};
    for (int index = 0; index < 6; ++index)
      (void)rig.join(formats[index], 400 + 430 * index);
    for (int index = 0; index < 6; ++index)
      (void)rig.join(formats[index]);
    rig.run_ms(3'000);
    rig.listen();
    rig.run_ms(1'000);
    rig.listen();
    for (const auto& ear : rig.members) {
      for (int source = 0; source < 6; ++source) {
        const double level = rig.level(*ear, *rig.members[static_cast<std::size_t>(source)]);
        const bool own = ear == rig.members[static_cast<std::size_t>(source)];
        if (own) CHECK_TRUE(level < kSilentDbov);
        // What Opus makes of six tones at once is a decibel off here and there.
        const double off_db = ear->format.kind == CodecKind::kOpus ? 2 : 1;
        if (!own) CHECK_TRUE(std::abs(level + 30) < off_db);
      }
    }
  }
}

TEST("all who listen in one form have the same payloads, encoded once, in packets of their own") {
  Rig rig(16'000);
  const Member& talker = rig.join(kPcmu, 700);
  for (int index = 0; index < 20; ++index)
    (void)rig.join(index % 2 == 0 ? kG722 : kOpus16);
  CHECK_EQ(rig.room.sharers(), 0u);
  rig.run_ms(2'500);
  CHECK_EQ(rig.room.sharers(), 20u);
  rig.listen();
  const std::uint64_t before = rig.room.shared_payloads();
  rig.run_ms(1'000);
  CHECK_EQ(rig.room.shared_payloads() - before, 100u);
  for (std::size_t index = 3; index < rig.members.size(); ++index) {
    const Member& member = *rig.members[index];
    const Member& first = *rig.members[index - 2];
    CHECK_EQ(member.out.packets.size(), 50u);
    CHECK_TRUE(is_whole(member));
    for (std::size_t packet = 0; packet < 50; ++packet) {
      CHECK_EQ(member.out.packets[packet].view().payload(),
               first.out.packets[packet].view().payload());
      CHECK_TRUE(member.out.packets[packet].view().ssrc() !=
                 first.out.packets[packet].view().ssrc());
    }
  }
  CHECK_EQ(talker.out.packets.size(), 50u);
}

TEST("whom a recording asks for by samples goes on hearing without a change of a bit, and after") {
  for (const Format& format : {kPcmu, kG722, kOpus16, kL16}) {
    for (const int ticks : {300, 301, 303}) {
      Rig rig(16'000);
      (void)rig.join(kPcmu, 700);
      Member& recorded = rig.join(format, 0, {}, 40);
      const Member& other = rig.join(format, 0, {}, 40);
      rig.run_ms(ticks * 10);
      CHECK_EQ(rig.room.sharers(), 2u);
      // Ordered between two turns: he is led away by the next tick.
      rig.room.set_apart(recorded.seat, true);
      CHECK_FALSE(rig.room.is_apart(recorded.seat));
      rig.run_ms(1'010);
      CHECK_TRUE(rig.room.is_apart(recorded.seat));
      rig.room.set_apart(recorded.seat, false);
      rig.run_ms(3'000);
      CHECK_EQ(rig.room.sharers(), 2u);
      rig.run_ms(40);
      CHECK_TRUE(is_whole(recorded));
      // As many packets, and until he came back the same ones, as for who was never asked.
      const std::size_t count = other.out.packets.size();
      CHECK_TRUE(recorded.out.packets.size() + 1 >= count);
      CHECK_TRUE(recorded.out.packets.size() <= count + 1);
      rig.listen();
      CHECK_TRUE(largest_jump(recorded.heard) <= largest_jump(other.heard) + 200);
    }
  }
}

TEST(
    "who begins to speak goes on hearing without a change of a bit, in the middle of a frame too") {
  for (const Format& format : {kPcmu, kG722, kOpus16, kL16}) {
    for (const int ticks : {300, 301}) {
      Rig rig(16'000);
      (void)rig.join(kPcmu, 700);
      Member& speaks = rig.join(format, 0, {}, 40);
      (void)rig.join(format, 0, {}, 40);
      rig.run_ms(ticks * 10);
      CHECK_EQ(rig.room.sharers(), 2u);
      // What a listener hears who never begins.
      Rig still(16'000);
      (void)still.join(kPcmu, 700);
      (void)still.join(format, 0, {}, 40);
      Member& listens = still.join(format, 0, {}, 40);
      still.run_ms(ticks * 10);
      speaks.tone_hz = 1'100;
      speaks.sounding = true;
      rig.run_ms(1'000);
      still.run_ms(1'000);
      CHECK_EQ(rig.room.sharers(), 1u);
      CHECK_TRUE(is_whole(speaks));
      REQUIRE(speaks.out.packets.size() == listens.out.packets.size());
      std::size_t different = 0;
      for (std::size_t packet = 0; packet < speaks.out.packets.size(); ++packet) {
        const Bytes left = speaks.out.packets[packet].view().payload();
        const Bytes right = listens.out.packets[packet].view().payload();
        if (!std::equal(left.begin(), left.end(), right.begin(), right.end())) ++different;
      }
      CHECK_EQ(different, 0u);
    }
  }
}

TEST("who stops speaking is led back to the shared encoder, and what he hears has no break") {
  for (const Format& format : {kPcmu, kG722, kOpus16, kOpus48}) {
    Rig rig(format == kOpus48 ? 48'000 : 16'000);
    (void)rig.join(kPcmu, 700);
    Member& speaks = rig.join(format, 1'100);
    for (int index = 0; index < 3; ++index)
      (void)rig.join(format);
    rig.run_ms(3'000);
    rig.listen();
    speaks.sounding = false;
    rig.run_ms(1'000);
    const bool has_memory = format != kPcmu;
    CHECK_EQ(rig.room.sharers(), has_memory ? 3u : 4u);
    rig.run_ms(1'500);
    CHECK_EQ(rig.room.sharers(), 4u);
    CHECK_TRUE(is_whole(speaks));
    rig.listen();
    // One tone at -30 dBov all the time; its own steps, and what coding adds.
    const double rate_hz = format.rate_hz;
    const double step = 2 * codec::sine_peak_of_dbov(-30) * std::sin(M_PI * 700 / rate_hz);
    CHECK_TRUE(largest_jump(speaks.heard) < 1.3 * step + 40);
    const codec::Pcm heard(speaks.heard);
    const std::size_t piece = format.rate_hz / 10;
    for (std::size_t at = piece; at + piece <= heard.size(); at += piece)
      CHECK_TRUE(std::abs(sine_dbov(heard.subspan(at, piece), rate_hz, 700) + 30) < 1);
  }
}

TEST("A26 a muted one is heard by nobody, a coach by one alone, and one on hold hears nothing") {
  Rig rig(8'000);
  Member& talks = rig.join(kPcmu, 500);
  Member& muted = rig.join(kPcmu, 900, {.role = ParticipantRole::kListen});
  Member& coached = rig.join(kPcmu);
  Member& coach =
      rig.join(kPcmu, 1'300, {.role = ParticipantRole::kCoach, .coached = coached.seat});
  Member& held = rig.join(kPcmu, 1'700, {.role = ParticipantRole::kHold});
  rig.run_ms(100);
  rig.listen();
  rig.run_ms(500);
  CHECK_EQ(held.out.packets.size(), 0u);
  rig.listen();
  for (const Member* ear : {&talks, &muted, &coached, &coach}) {
    CHECK_EQ(rig.level(*ear, talks) > -31, ear != &talks);
    CHECK_TRUE(rig.level(*ear, muted) < kSilentDbov);
    CHECK_EQ(rig.level(*ear, coach) > -31, ear == &coached);
    CHECK_TRUE(rig.level(*ear, held) < kSilentDbov);
  }
  rig.room.change(muted.seat, {});
  rig.room.change(held.seat, {});
  rig.leave(coached);
  rig.run_ms(100);
  rig.listen();
  rig.run_ms(500);
  rig.listen();
  for (const Member* ear : {&talks, &muted, &coach, &held}) {
    CHECK_EQ(rig.level(*ear, muted) > -31, ear != &muted);
    CHECK_EQ(rig.level(*ear, held) > -31, ear != &held);
    // He has nobody to speak to any more.
    CHECK_TRUE(rig.level(*ear, coach) < kSilentDbov);
  }
  // Whoever takes the seat isn't spoken to by the coach of the one before.
  const Member& next = rig.join(kPcmu);
  rig.room.change(coach.seat, rig.room.participation(coach.seat));
  rig.run_ms(500);
  rig.listen();
  CHECK_TRUE(rig.level(next, coach) < kSilentDbov);
}

TEST("orders between two turns of a tick take nothing from those who have not had theirs") {
  Prng prng(3);
  Rig rig(8'000, 24);
  const Format formats[] = {kPcmu, kG722, kPcma};
  for (int index = 0; index < 16; ++index)
    (void)rig.join(formats[index % 3], index < 4 ? 400 + 300 * index : 0);
  std::vector<Member*> stay;
  for (std::size_t index = 0; index < 8; ++index)
    stay.push_back(rig.members[index].get());
  rig.run_ms(60);
  rig.listen();
  for (int tick = 0; tick < 2'000; ++tick) {
    rig.tick([&] {
      Member& member = *rig.members[8 + prng.below(8)];
      const std::uint32_t what = prng.below(8);
      if (what == 0 && member.seat != kNoSeat) {
        rig.leave(member);
      } else if (what == 1 && member.seat == kNoSeat) {
        member.seat = rig.room.join({});
        CHECK_TRUE(member.seat != kNoSeat);
        rig.room.set_sender(member.seat, &member.sender.setup());
      } else if (what == 2 && member.seat != kNoSeat) {
        rig.room.change(member.seat, {.role = static_cast<ParticipantRole>(prng.below(2))});
      } else if (what == 3) {
        member.sounding = !member.sounding && prng.below(4) == 0;
        member.tone_hz = 2'500;
      } else if (what == 4) {
        stay[4 + prng.below(4)]->sounding = prng.below(3) == 0;
      }
    });
  }
  for (const Member* member : stay) {
    CHECK_TRUE(is_whole(*member));
    CHECK_EQ(member->out.packets.size(), 1'000u);
  }
}

TEST("comers and goers make no step that is greater than the mixer allows") {
  Rig rig(8'000);
  Member& ear = rig.join(kPcmu);
  (void)rig.join(kPcmu, 500);
  rig.run_ms(500);
  rig.listen();
  for (int round = 0; round < 20; ++round) {
    Member& guest = rig.join(kG722, 300);
    rig.run_ms(70 + round);
    rig.leave(guest);
    rig.run_ms(50);
  }
  rig.listen();
  const double step = 2 * codec::sine_peak_of_dbov(-30) *
                      (std::sin(M_PI * 500 / 8'000) + std::sin(M_PI * 300 / 8'000));
  const double edge = codec::sine_peak_of_dbov(-30) / 80;
  // Mu-law's own steps at this level are 64 wide.
  CHECK_TRUE(largest_jump(ear.heard) < step + edge + 64);
}

TEST("digits are said to a listener in place of a shared payload, as events and as tones") {
  Rig rig(8'000);
  (void)rig.join(kG722, 1'900);
  Member& events = rig.join(kPcmu);
  Member& tones = rig.join(kPcmu);
  SenderSetup setup = tones.sender.setup();
  setup.event_payload_type = kPayloadTypeDropped;
  CHECK_TRUE(tones.sender.set_up(setup).ok());
  rig.run_ms(500);
  CHECK_EQ(rig.room.sharers(), 2u);
  rig.listen();
  for (Member* member : {&events, &tones})
    CHECK_TRUE(member->sender.press({.event = 5, .duration_ms = 100}));
  rig.run_ms(140);
  const auto said = std::count_if(
      events.out.packets.begin(), events.out.packets.end(),
      [](const Packet& packet) { return packet.facts.kind == pipeline::SentKind::kEvent; });
  CHECK_TRUE(said >= 5);
  CHECK_TRUE(is_whole(tones));
  rig.listen();
  CHECK_TRUE(sine_dbov(tones.heard, 8'000, 770) > -25);
  CHECK_TRUE(sine_dbov(tones.heard, 8'000, 1'336) > -25);
  rig.run_ms(600);
  CHECK_EQ(rig.room.sharers(), 2u);
  rig.listen();
  CHECK_TRUE(sine_dbov(codec::Pcm(tones.heard).last(1'600), 8'000, 770) < kSilentDbov);
}

TEST(
    "a listener with comfort noise has an encoder of his own, as he describes the pauses himself") {
  Rig rig(8'000);
  for (int index = 0; index < 3; ++index) {
    Member& member = rig.join(kPcmu);
    SenderSetup setup = member.sender.setup();
    setup.noise_payload_type = kNoiseType;
    CHECK_TRUE(member.sender.set_up(setup).ok());
    rig.room.set_sender(member.seat, &member.sender.setup());
  }
  rig.run_ms(2'500);
  CHECK_EQ(rig.room.sharers(), 0u);
}

TEST("a full part refuses, and has room as soon as somebody leaves") {
  Conference room({.rate_hz = 8'000, .capacity = 2, .isa = best_isa()});
  const Seat first = room.join({});
  CHECK_TRUE(first != kNoSeat);
  CHECK_TRUE(room.join({}) != kNoSeat);
  CHECK_EQ(room.join({}), kNoSeat);
  room.leave(first, nullptr);
  const Seat third = room.join({});
  CHECK_TRUE(third != kNoSeat);
  room.leave(third, nullptr);
  CHECK_TRUE(room.join({}) != kNoSeat);
  // Seats are numbers; those of this tick are used up although there is room.
  CHECK_EQ(room.size(), 2u);
  CHECK_EQ(room.join({}), kNoSeat);
  room.begin();
  room.mix([](Seat) { return nullptr; });
  CHECK_EQ(room.seats().size(), 2u);
  CHECK_EQ(room.size(), 2u);
}

TEST("the speaker is told by seat, and is nobody's when he has left") {
  Rig rig(8'000);
  Member& loud = rig.join(kPcmu, 500);
  Member& soft = rig.join(kPcmu, 700);
  soft.level_dbov = -45;
  rig.run_ms(600);
  CHECK_EQ(rig.room.speaker(), loud.seat);
  CHECK_TRUE(std::abs(rig.room.speaker_dbov() + 30) < 1);
  rig.leave(loud);
  rig.run_ms(600);
  CHECK_EQ(rig.room.speaker(), soft.seat);
  soft.sounding = false;
  rig.run_ms(2'500);
  CHECK_EQ(rig.room.speaker(), kNoSeat);
}

TEST("another part is heard by all, and where its sum is late there is a hole without an edge") {
  Rig rig(8'000);
  Member& ear = rig.join(kL16);
  SenderSetup setup = sending({CodecKind::kL16, 8'000}, 8'000);
  CHECK_TRUE(ear.sender.set_up(setup).ok());
  rig.room.set_sender(ear.seat, &ear.sender.setup());
  ear.decoder = codec::Decoder::open({.format = setup.format, .isa = best_isa()}).value();
  std::vector<std::int32_t> sum(80);
  std::uint64_t position = 0;
  for (int tick = 0; tick < 100; ++tick) {
    for (std::int32_t& sample : sum)
      sample = static_cast<std::int32_t>(
          8'000 * std::sin(2 * M_PI * 200 * static_cast<double>(position++) / 8'000));
    rig.room.begin();
    rig.room.add(ear.seat);
    if (tick % 10 == 7) {
      rig.room.miss_remote(3);
    } else {
      rig.room.add_remote(3, sum);
    }
    rig.room.mix([&](Seat) { return &ear.sender; });
    (void)rig.room.say(ear.seat, at_ms(tick * 10), ear.sender, ear.out);
  }
  rig.listen();
  CHECK_TRUE(largest_jump(ear.heard) <= 2 * 8'000 * std::sin(M_PI * 200 / 8'000) + 8'000 / 80 + 2);
  CHECK_TRUE(sine_dbov(ear.heard, 8'000, 200) > -20);
}
