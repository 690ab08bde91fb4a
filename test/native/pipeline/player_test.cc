// What a player says in each turn, heard as the leg's peer would: pieces through a framer that
// fills frames, ready payloads through a decoder. No cut may click, and no clip may lose a sample.
#include "pipeline/player.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "native/allocations.h"
#include "native/codec/listen.h"
#include "native/harness.h"
#include "native/spool/sound_clip.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;
using namespace test;
using codec::CodecKind;

/// A tone of 500 Hz at -16 dBov moves by at most so much from one sample to the next at 8 kHz, and
/// G.711 adds its own steps.
constexpr int kToneJump = 3'200;

struct Clip {
  explicit Clip(const ClipShape& shape, const Sound& sound = sine_sound(500))
      : file(sound_clip(shape, sound)), view(spool::ClipView::open(file).value()) {}
  std::vector<std::uint8_t> file;
  spool::ClipView view;
};

/// The leg's peer.
struct Ear {
  explicit Ear(const codec::Format& format, std::uint32_t frame_ms = 20)
      : decoder(codec::Decoder::open({.format = format}).value()) {
    outlet.format = format;
    outlet.frame_ms = frame_ms;
    outlet.rate_hz = format.rate_hz;
  }
  /// One turn. @param link what the link brings; none = nothing.
  PlayTurn turn(Player& player, const Samples& link = {}) {
    Samples piece(codec::samples_of(outlet.rate_hz, 10));
    outlet.link_heard = !link.empty();
    std::copy(link.begin(), link.end(), piece.begin());
    const Player::Outcome outcome = player.take_turn(outlet, piece);
    turns += outcome.turn == PlayTurn::kPiece     ? 's'
             : outcome.turn == PlayTurn::kPayload ? 'P'
             : outcome.turn == PlayTurn::kGoesOn  ? '.'
                                                  : 'l';
    const bool sends =
        outcome.turn == PlayTurn::kPiece || (outcome.turn == PlayTurn::kLink && outlet.link_heard);
    if (sends) {
      heard.insert(heard.end(), piece.begin(), piece.end());
      outlet.waiting_ms = (outlet.waiting_ms + 10) % outlet.frame_ms;
    } else if (outcome.turn == PlayTurn::kPayload) {
      CHECK_EQ(outlet.waiting_ms, 0u);
      codec::PcmFrame frame;
      CHECK_TRUE(decoder.decode(outcome.payload, 0, frame).ok());
      heard.insert(heard.end(), frame.samples().begin(), frame.samples().end());
    }
    return outcome.turn;
  }
  void play_out(Player& player) {
    for (int turns_left = 1'000; player.active() && turns_left > 0; --turns_left)
      (void)turn(player);
  }

  PlayOutlet outlet;
  codec::Decoder decoder;
  Samples heard;
  std::string turns;
};

const codec::Format kMu{CodecKind::kPcmu, 8'000};
const codec::Format kWide{CodecKind::kG722, 16'000};
const codec::Format kFull{CodecKind::kOpus, 48'000};

PlayReport report_of(Player& player) {
  const PlayReport report = player.first_report();
  player.pop_report();
  return report;
}

TEST("a clip in the leg's codec goes out as it lies there, but for soft edges") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 200});
  Player player(best_isa());
  REQUIRE(player.add({.id = 7, .clip = 9, .view = &clip.view}));
  Ear ear(kMu);
  ear.play_out(player);
  CHECK_EQ(ear.turns, "ssP.P.P.P.P.P.P.P.ssl");
  CHECK_EQ(ear.heard.size(), 1'600u);
  CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
  CHECK_TRUE(std::abs(ear.heard.front()) < 20);
  CHECK_TRUE(std::abs(ear.heard.back()) < 20);
  const PlayReport report = report_of(player);
  CHECK_EQ(report.id, 7u);
  CHECK_EQ(report.clip, 9u);
  CHECK_EQ(report.played_ms, 200u);
  CHECK_TRUE(report.end == PlayEnd::kFinished);
  CHECK_FALSE(player.has_reports());
}

TEST("loops and queued clips follow each other without a gap or a step, in every codec") {
  // 500 Hz: a clip of 200 ms holds whole waves, so an uncut row of them is one long tone.
  const Clip clip({.tracks = {kClipPcmu, kClipPcma, kClipG722, kClipPcm16k, kClipOpus}, .ms = 200});
  for (const codec::Format& format :
       {kMu, codec::Format{CodecKind::kPcma, 8'000}, kWide, kFull,
        codec::Format{CodecKind::kL16, 16'000}, codec::Format{CodecKind::kL16, 8'000},
        codec::Format{CodecKind::kL16, 48'000}}) {
    for (const std::uint32_t frame_ms : {20u, 30u}) {
      if (format.kind == CodecKind::kOpus && frame_ms == 30) continue;
      Player player(best_isa());
      REQUIRE(player.add({.id = 1, .view = &clip.view, .times = 3}));
      REQUIRE(player.add({.id = 2, .view = &clip.view}));
      Ear ear(format, frame_ms);
      ear.play_out(player);
      const double rate = format.rate_hz;
      const codec::Pcm middle =
          codec::Pcm(ear.heard).subspan(ear.heard.size() / 16, ear.heard.size() * 14 / 16);
      CHECK_TRUE(std::abs(sine_dbov(middle, rate, 500) + 16) < 0.3);
      CHECK_TRUE(std::abs(loudest_hz(middle, rate, 492, 508) - 500) < 0.5);
      CHECK_TRUE(largest_jump(middle) < kToneJump);
      CHECK_EQ(report_of(player).played_ms, 600u);
      CHECK_EQ(report_of(player).played_ms, 200u);
    }
  }
}

TEST("payloads of Opus are taken from clips with soft ends alone, those of G.722 never") {
  const Sound hard = sine_sound(500);
  const Sound soft = [&](double at_s) {
    return hard(at_s) * std::clamp(at_s / 0.02, 0.0, 1.0) *
           std::clamp((0.4 - at_s) / 0.02, 0.0, 1.0);
  };
  const ClipShape shape{.tracks = {kClipG722, kClipPcm16k, kClipOpus}, .ms = 400};
  const Clip hard_clip(shape, hard);
  const Clip soft_clip(shape, soft);
  for (const codec::Format& format : {kWide, kFull}) {
    for (const Clip* clip : {&hard_clip, &soft_clip}) {
      Player player(best_isa());
      REQUIRE(player.add({.view = &clip->view, .times = 3}));
      Ear ear(format);
      ear.play_out(player);
      const bool ready = clip == &soft_clip && format.kind == CodecKind::kOpus;
      CHECK_EQ(ear.turns.find('P') != std::string::npos, ready);
      CHECK_TRUE(largest_jump(ear.heard) < kToneJump / 2);
    }
  }
}

TEST("a clip is looped for ever with 0, and stopped within a turn by a fade") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 100});
  Player player(best_isa());
  REQUIRE(player.add({.id = 1, .view = &clip.view, .times = 0}));
  REQUIRE(player.add({.id = 2, .view = &clip.view}));
  Ear ear(kMu);
  for (int turn = 0; turn < 501; ++turn)
    (void)ear.turn(player);
  CHECK_FALSE(player.has_reports());
  player.stop(PlayEnd::kStopped);
  ear.play_out(player);
  CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
  // The one that waited is over at once, the one that sounds when it has faded out.
  const PlayReport waited = report_of(player);
  CHECK_EQ(waited.id, 2u);
  CHECK_EQ(waited.played_ms, 0u);
  CHECK_TRUE(waited.end == PlayEnd::kStopped);
  const PlayReport stopped = report_of(player);
  CHECK_EQ(stopped.id, 1u);
  CHECK_EQ(stopped.played_ms, 5'025u);
}

TEST("playing begins in the middle with a fade, at the start of a frame") {
  const Clip clip({.tracks = {kClipPcmu, kClipG722, kClipPcm16k}, .ms = 400});
  for (const codec::Format& format : {kMu, kWide}) {
    Player player(best_isa());
    REQUIRE(player.add({.view = &clip.view, .start_ms = 253}));
    Ear ear(format);
    ear.play_out(player);
    CHECK_EQ(report_of(player).played_ms, 160u);
    CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
    CHECK_TRUE(std::abs(ear.heard.front()) < 20);
    // Only payloads of G.711 may stand anywhere.
    CHECK_EQ(ear.turns.find('P') == std::string::npos, format.kind == CodecKind::kG722);
  }
}

TEST("the link fades out before and in after, and fills the frame it had begun") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 100});
  Samples link(80, 12'000);
  for (const bool half_frame : {false, true}) {
    Player player(best_isa());
    Ear ear(kMu);
    ear.heard = link;
    ear.outlet.waiting_ms = half_frame ? 10 : 0;
    REQUIRE(player.add({.view = &clip.view}));
    for (int turn = 0; turn < 20; ++turn)
      (void)ear.turn(player, player.active() ? link : Samples{});
    CHECK_EQ(ear.turns.find("ll"), ear.turns.find('l'));
    CHECK_TRUE(ear.turns.find('P') != std::string::npos);
    CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
    CHECK_EQ(ear.heard.back(), 12'000);
  }
}

TEST("a digit ends what it is to end, sounding or waiting, and the rest goes on") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 200});
  Player player(best_isa());
  REQUIRE(player.add({.id = 1, .view = &clip.view, .ends_on_digit = true}));
  REQUIRE(player.add({.id = 2, .view = &clip.view, .ends_on_voice = true}));
  REQUIRE(player.add({.id = 3, .view = &clip.view, .ends_on_digit = true}));
  Ear ear(kMu);
  for (int turn = 0; turn < 5; ++turn)
    (void)ear.turn(player);
  CHECK_TRUE(player.waits_for_voice());
  player.handle_digit();
  (void)ear.turn(player);
  (void)ear.turn(player);
  PlayReport report = report_of(player);
  CHECK_TRUE(report.id == 3 && report.end == PlayEnd::kDigit && report.played_ms == 0);
  report = report_of(player);
  CHECK_TRUE(report.id == 1 && report.end == PlayEnd::kDigit && report.played_ms == 65);
  for (int turn = 0; turn < 4; ++turn)
    (void)ear.turn(player);
  player.handle_digit();
  CHECK_EQ(player.size(), 1u);
  player.handle_voice();
  ear.play_out(player);
  report = report_of(player);
  CHECK_TRUE(report.id == 2 && report.end == PlayEnd::kVoice);
  CHECK_FALSE(player.waits_for_voice());
  CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
  // The second one began with payloads again.
  CHECK_TRUE(ear.turns.find("P.", ear.turns.rfind("ss")) != std::string::npos ||
             ear.turns.find("P.") != ear.turns.rfind("P."));
}

TEST("tones sound at pitch and level, for their duration or as their cadence says") {
  Player player(best_isa());
  const codec::Tone dial{.sines = {codec::Sine{440, -20}}};
  REQUIRE(player.add({.id = 1, .tone = dial, .duration_ms = 305}));
  const codec::Tone beeps{.sines = {codec::Sine{1'000, -20}}, .steps = {{{100, 50}}}};
  REQUIRE(player.add({.id = 2, .tone = beeps}));
  Ear ear(kWide);
  ear.play_out(player);
  CHECK_EQ(ear.turns.find('P'), std::string::npos);
  const codec::Pcm heard(ear.heard);
  CHECK_TRUE(std::abs(sine_dbov(heard.first(4'800), 16'000, 440) + 20) < 0.2);
  CHECK_TRUE(std::abs(sine_dbov(heard.subspan(5'120, 1'280), 16'000, 1'000) + 20) < 0.5);
  CHECK_EQ(report_of(player).played_ms, 305u);
  CHECK_EQ(report_of(player).played_ms, 150u);
  CHECK_TRUE(largest_jump(ear.heard) < 2'000);
}

TEST("a tone without end sounds until it is stopped, then lets a clip begin softly") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 100});
  Player player(best_isa());
  REQUIRE(player.add({.id = 1, .tone = {.sines = {codec::Sine{440, -20}}}}));
  Ear ear(kMu);
  for (int turn = 0; turn < 1'001; ++turn)
    (void)ear.turn(player);
  player.stop(PlayEnd::kStopped);
  REQUIRE(player.add({.id = 2, .view = &clip.view}));
  ear.play_out(player);
  CHECK_EQ(report_of(player).id, 1u);
  CHECK_EQ(report_of(player).played_ms, 100u);
  CHECK_TRUE(ear.turns.find("P.") != std::string::npos);
  CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
}

TEST("clips of different rates follow each other without a step") {
  const Clip wide({.tracks = {kClipPcm16k}, .ms = 200});
  const Clip full({.tracks = {{spool::PayloadKind::kPcm16, 48'000}}, .ms = 200});
  const Clip narrow({.tracks = {kClipPcma}, .ms = 200});
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    Player player(best_isa());
    for (const Clip* clip : {&wide, &full, &narrow, &wide})
      REQUIRE(player.add({.view = &clip->view}));
    Ear ear({CodecKind::kL16, rate_hz});
    ear.play_out(player);
    CHECK_EQ(ear.heard.size(), 8 * rate_hz / 10);
    CHECK_TRUE(largest_jump(ear.heard) < kToneJump);
  }
}

TEST("a change of the leg's codec goes on in the new one") {
  const Clip clip({.tracks = {kClipPcmu, kClipPcm16k}, .ms = 400});
  Player player(best_isa());
  REQUIRE(player.add({.id = 1, .view = &clip.view}));
  REQUIRE(player.add({.id = 2, .tone = {.sines = {codec::Sine{440, -20}}}, .duration_ms = 200}));
  Ear narrow(kMu);
  for (int turn = 0; turn < 11; ++turn)
    (void)narrow.turn(player);
  Ear wide(kWide);
  for (int turn = 0; turn < 40; ++turn)
    (void)wide.turn(player);
  CHECK_TRUE(std::abs(sine_dbov(codec::Pcm(wide.heard).first(3'200), 16'000, 500) + 16) < 0.5);
  Ear again(kMu);
  again.play_out(player);
  CHECK_EQ(report_of(player).played_ms, 400u);
  CHECK_EQ(report_of(player).played_ms, 200u);
}

TEST("somebody who listens in gets samples instead of payloads") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 200});
  Player player(best_isa());
  REQUIRE(player.add({.view = &clip.view}));
  Ear ear(kMu);
  ear.outlet.samples_wanted = true;
  ear.play_out(player);
  CHECK_EQ(ear.turns.find('P'), std::string::npos);
  CHECK_EQ(ear.heard.size(), 1'600u);
}

TEST("a full player refuses, and what nobody took fills it too") {
  const Clip clip({.tracks = {kClipPcmu}, .ms = 20});
  Player player(best_isa());
  const PlayItem item{.view = &clip.view};
  for (std::uint32_t count = 0; count < kPlayQueueMax; ++count)
    CHECK_TRUE(player.add(item));
  CHECK_FALSE(player.add(item));
  player.stop(PlayEnd::kStopped);
  CHECK_EQ(player.size(), 0u);
  for (std::uint32_t count = 0; count < kPlayQueueMax; ++count)
    CHECK_TRUE(player.add(item));
  player.abandon(PlayEnd::kFailed);
  CHECK_FALSE(player.active());
  CHECK_FALSE(player.add(item));
  for (std::uint32_t count = 0; count < kPlayQueueMax; ++count)
    CHECK_TRUE(report_of(player).end == PlayEnd::kStopped);
  for (std::uint32_t count = 0; count < kPlayQueueMax; ++count)
    CHECK_TRUE(report_of(player).end == PlayEnd::kFailed);
  CHECK_TRUE(player.add(item));
}

TEST("a clip without samples that any leg could be given is none to be played") {
  CHECK_TRUE(is_playable(Clip({.tracks = {kClipG722, kClipPcma}, .ms = 20}).view));
  CHECK_FALSE(is_playable(Clip({.tracks = {kClipG722, kClipOpus}, .ms = 20}).view));
}

TEST("playing allocates nothing") {
  const Clip clip({.tracks = {kClipPcmu, kClipPcm16k, kClipOpus}, .ms = 200});
  Player player(best_isa());
  Ear narrow(kMu);
  Ear full(kFull);
  Samples piece(480);
  const std::uint64_t before = allocations_of_this_thread();
  for (int round = 0; round < 20; ++round) {
    PlayOutlet outlet = round % 2 == 0 ? narrow.outlet : full.outlet;
    CHECK_TRUE(player.add({.view = &clip.view, .times = 2, .ends_on_digit = true}));
    CHECK_TRUE(player.add({.tone = {.sines = {codec::Sine{440, -20}}}, .duration_ms = 55}));
    for (int turn = 0; turn < 60; ++turn) {
      outlet.samples_wanted = turn % 20 > 10;
      (void)player.take_turn(outlet,
                             codec::MutablePcm(piece).first(codec::samples_of(outlet.rate_hz, 10)));
      if (turn == 35 && round % 3 == 0) player.handle_digit();
    }
    while (player.has_reports())
      player.pop_report();
    if (!player.active()) continue;
    player.abandon(PlayEnd::kStopped);
    while (player.has_reports())
      player.pop_report();
  }
  CHECK_EQ(allocations_of_this_thread() - before, 0u);
}

}  // namespace
