// Clips and tones played by a running engine, heard over real loopback sockets: by legs with and
// without a link, forwarded or decoded; what ends them, what is told, what is refused. And whether
// a peer speaks.
#include <string>
#include <vector>

#include "native/engine/party.h"
#include "native/engine/sounds.h"
#include "native/harness.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::EventKind;
using contract::NodeCounter;
using contract::OrderKind;

namespace {

constexpr double kClipHz = 740;

/// An engine with a clip.
struct Studio : SoundRig {
  Studio() {
    clip = load("tone.clip",
                sound_clip({.tracks = {kClipPcmu, kClipPcma, kClipPcm16k, kClipOpus}, .ms = 2'000},
                           soft_tone(kClipHz, 2.0)));
  }
  contract::PlayOrder play_order(std::uint32_t leg) const {
    contract::PlayOrder order;
    order.endpoint = leg;
    order.clip = clip;
    order.times = 1;
    return order;
  }
  Code detect(std::uint32_t leg, std::uint32_t no_speech_ms, std::uint32_t end_silence_ms,
              std::uint8_t on = 1) {
    contract::DetectSpeechOrder order;
    order.endpoint = leg;
    order.no_speech_ms = no_speech_ms;
    order.end_silence_ms = end_silence_ms;
    order.on = on;
    return carry_out(OrderKind::kDetectSpeech, order);
  }
  contract::SpeechChange speech(std::uint32_t leg) {
    AnyEvent event;
    CHECK_TRUE(rig.hears(EventKind::kSpeech, leg, &event));
    return static_cast<contract::SpeechChange>(event.as<contract::SpeechEvent>().speech);
  }

  std::uint32_t clip = 0;
};

/// A party and its leg, which hears nothing yet.
struct Listener {
  Listener(Rig& rig, const AudioWishes& wishes = {}, double tone_hz = kLeftHz)
      : party(wishes.voice, tone_hz), leg(rig.open()) {
    CHECK(rig.update(leg.handle, {party.address(), {}, true}) == Code::kOk);
    CHECK(set_audio(rig, leg.handle, wishes) == Code::kOk);
  }
  [[nodiscard]] std::uint32_t handle() const { return leg.handle; }
  void talk() { party.peer.send(leg.rtp_port, party.next_packet()); }
  /// What has come by now, whatever the machine left out.
  [[nodiscard]] std::uint32_t heard_ms() {
    party.hear();
    return party.packets * kFrameMs;
  }
  Party party;
  Opened leg;
};

contract::PlayEnd end_of(const contract::PlayEndedEvent& event) {
  return static_cast<contract::PlayEnd>(event.end);
}

}  // namespace

TEST("one clip is heard by legs of every codec at its pitch and level, without a link") {
  Studio studio;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const Voice& voice : {kPcmu, kPcma, kG722, kOpus}) {
    for (const std::uint8_t packet_ms : {20, 40})
      listeners.push_back(std::make_unique<Listener>(
          studio.rig, AudioWishes{.voice = voice, .packet_ms = packet_ms}));
  }
  for (const auto& listener : listeners)
    CHECK_TRUE(studio.play(studio.play_order(listener->handle())) == Code::kOk);
  int frames = 0;
  (void)in_real_time(
      [&] {
        for (const auto& listener : listeners)
          listener->party.hear();
      },
      [&] { return ++frames == 120; });
  for (const auto& listener : listeners) {
    const contract::PlayEndedEvent event = studio.play_ended(listener->handle());
    CHECK_TRUE(end_of(event) == contract::PlayEnd::kFinished);
    CHECK_EQ(event.played_ms, 2'000u);
    CHECK_TRUE(hears_tone(listener->party, kClipHz));
    CHECK_EQ(listener->party.unreadable, 0u);
    // Nothing is lost, doubled or cut.
    const std::size_t rate = listener->party.rate_hz();
    CHECK_TRUE(listener->party.heard.size() >= 2 * rate);
    CHECK_TRUE(listener->party.heard.size() <= 2 * rate + rate / 10);
    CHECK_TRUE(largest_jump(listener->party.heard) < 5'000);
  }
}

TEST("a queue plays in order without a gap, and its clips may be unloaded meanwhile") {
  Studio studio;
  Listener listener(studio.rig);
  const std::uint32_t brief =
      studio.load("brief.clip", sound_clip({.tracks = {kClipPcmu}, .ms = 100}, sine_sound(500)));
  contract::PlayOrder order = studio.play_order(listener.handle());
  order.clip = brief;
  order.times = 3;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  const std::uint32_t first = studio.played;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  CHECK_TRUE(studio.unload(brief) == Code::kOk);
  CHECK_TRUE(studio.play(order) == Code::kHandleStale);
  CHECK_TRUE(studio.unload(brief) == Code::kHandleStale);
  contract::PlayEndedEvent event = studio.play_ended(listener.handle());
  CHECK_EQ(event.play, first);
  CHECK_EQ(event.played_ms, 300u);
  event = studio.play_ended(listener.handle());
  CHECK_EQ(event.played_ms, 300u);
  listener.party.hear();
  // 600 ms of one tone: loops and joins fall on whole waves, so any seam would show as a step.
  CHECK_EQ(listener.party.heard.size(), 4'800u);
  CHECK_TRUE(largest_jump(listener.party.heard) < 3'200);
  CHECK_EQ(listener.party.ssrcs.size(), 1u);
}

TEST("while a leg is played to, its decoded link goes unheard and comes back after, softly") {
  Studio studio;
  DecodedCall call(studio.rig, {}, {.voice = kPcma});
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  contract::PlayOrder order = studio.play_order(call.right.handle);
  order.times = 0;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  call.bob.heard.clear();
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return hears_tone(call.bob, kClipHz); },
                          kMeasureEvery));
  // Only this direction is played to.
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return hears_tone(call.alice, kRightHz); },
                          kMeasureEvery));
  CHECK_TRUE(studio.stop_play(call.right.handle) == Code::kOk);
  CHECK_TRUE(end_of(studio.play_ended(call.right.handle)) == contract::PlayEnd::kStopped);
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return hears_tone(call.bob, kLeftHz); },
                          kMeasureEvery));
}

TEST("while a leg is played to, nothing is forwarded to it, and it is again after") {
  Studio studio;
  Listener left(studio.rig, {}, kLeftHz);
  Listener right(studio.rig, {}, kRightHz);
  CHECK_TRUE(studio.rig.link(left.handle(), right.handle()) == Code::kOk);
  CHECK_TRUE(studio.rig.link(right.handle(), left.handle()) == Code::kOk);
  const auto talk = [&] {
    left.talk();
    right.talk();
    left.party.hear();
    right.party.hear();
  };
  CHECK_TRUE(in_real_time(
      talk, [&] { return hears_tone(right.party, kLeftHz); }, kMeasureEvery));
  CHECK_TRUE(studio.play(studio.play_order(right.handle())) == Code::kOk);
  right.party.heard.clear();
  CHECK_TRUE(in_real_time(
      talk, [&] { return hears_tone(right.party, kClipHz); }, kMeasureEvery));
  CHECK_EQ(right.party.ssrcs.size(), 2u);
  CHECK_TRUE(hears_tone(left.party, kRightHz));
  CHECK_EQ(studio.play_ended(right.handle()).played_ms, 2'000u);
  right.party.heard.clear();
  CHECK_TRUE(in_real_time(
      talk, [&] { return hears_tone(right.party, kLeftHz); }, kMeasureEvery));
}

TEST("a forwarded leg hears its link again after a play that ended before it sounded") {
  for (const bool has_address : {true, false}) {
    Studio studio;
    Listener left(studio.rig, {}, kLeftHz);
    Listener right(studio.rig, {}, kRightHz);
    CHECK_TRUE(studio.rig.link(left.handle(), right.handle()) == Code::kOk);
    CHECK_TRUE(studio.rig.link(right.handle(), left.handle()) == Code::kOk);
    if (!has_address) {
      CHECK_TRUE(studio.rig.update(right.handle(), {{}, {}, true}) == Code::kOk);
    }
    // In one batch, and so between two turns.
    contract::StopPlayOrder stop;
    stop.endpoint = right.handle();
    CHECK_TRUE(studio.rig.submit(OrderKind::kPlay, studio.play_order(right.handle())));
    CHECK_TRUE(studio.rig.submit(OrderKind::kStopPlay, stop));
    CHECK_TRUE(studio.rig.answer().code() == Code::kOk);
    CHECK_TRUE(end_of(studio.play_ended(right.handle())) == contract::PlayEnd::kStopped);
    if (!has_address) {
      CHECK_TRUE(studio.rig.update(right.handle(), {right.party.address(), {}, true}) == Code::kOk);
    }
    CHECK_TRUE(in_real_time(
        [&] {
          left.talk();
          right.party.hear();
        },
        [&] { return hears_tone(right.party, kLeftHz); }, kMeasureEvery));
  }
}

TEST("what is stopped on a leg that lost its address is over and told at once") {
  Studio studio;
  Listener listener(studio.rig);
  contract::PlayOrder order = studio.play_order(listener.handle());
  order.times = 0;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  CHECK_TRUE(eventually([&] {
    listener.party.hear();
    return listener.party.packets > 2;
  }));
  CHECK_TRUE(studio.rig.update(listener.handle(), {{}, {}, true}) == Code::kOk);
  CHECK_TRUE(studio.play(order) == Code::kOk);
  order.replaces = 1;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  CHECK_TRUE(end_of(studio.play_ended(listener.handle())) == contract::PlayEnd::kStopped);
  CHECK_TRUE(end_of(studio.play_ended(listener.handle())) == contract::PlayEnd::kStopped);
  CHECK_TRUE(studio.stop_play(listener.handle()) == Code::kOk);
  CHECK_TRUE(end_of(studio.play_ended(listener.handle())) == contract::PlayEnd::kStopped);
}

TEST("a play that ends is told in the turn that ends it, though the peer is silent") {
  Studio studio;
  Listener listener(studio.rig);
  // Nobody decodes him, so no pull tells it either.
  contract::SetAudioOrder order = audio_order(listener.handle());
  order.receive_count = 0;
  CHECK_TRUE(set_audio(studio.rig, order) == Code::kOk);
  contract::PlayToneOrder tone;
  tone.endpoint = listener.handle();
  tone.frequencies_hz[0] = 440;
  tone.duration_ms = 100;
  // By the sweep, which comes once a second, ten would take ten seconds.
  const auto began = std::chrono::steady_clock::now();
  for (int count = 0; count < 10; ++count) {
    CHECK_TRUE(studio.play(tone) == Code::kOk);
    (void)studio.play_ended(listener.handle());
  }
  CHECK_TRUE(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST("a digit ends what it is to end, at once and with its time, on a forwarded leg too") {
  Studio studio;
  for (const bool forwarded : {false, true}) {
    Listener listener(studio.rig);
    if (forwarded) {
      CHECK_TRUE(studio.rig.link(listener.handle(), listener.handle(), {{0, 0}, {101, 101}}) ==
                 Code::kOk);
    }
    contract::PlayOrder order = studio.play_order(listener.handle());
    order.times = 0;
    order.ends_on_digit = 1;
    CHECK_TRUE(studio.play(order) == Code::kOk);
    CHECK_TRUE(in_real_time([&] { listener.talk(); }, [&] { return listener.heard_ms() >= 400; }));
    const std::uint32_t before_ms = listener.heard_ms();
    // Its first packet is enough.
    listener.party.peer.send(listener.leg.rtp_port, listener.party.press(5).front());
    const contract::PlayEndedEvent event = studio.play_ended(listener.handle());
    CHECK_TRUE(end_of(event) == contract::PlayEnd::kDigit);
    CHECK_TRUE(event.played_ms >= before_ms);
    CHECK_TRUE(event.played_ms <= listener.heard_ms() + kFrameMs);
    // Not twenty seconds of it: it is over.
    CHECK_TRUE(studio.rig.close(listener.handle()).code() == Code::kOk);
  }
}

TEST("a voice ends what it is to end, on a forwarded leg too") {
  Studio studio;
  for (const bool forwarded : {false, true}) {
    Listener listener(studio.rig);
    if (forwarded) CHECK_TRUE(studio.rig.link(listener.handle(), listener.handle()) == Code::kOk);
    contract::PlayOrder order = studio.play_order(listener.handle());
    order.times = 0;
    order.ends_on_voice = 1;
    CHECK_TRUE(studio.play(order) == Code::kOk);
    const Samples quiet(160, 0);
    CHECK_TRUE(in_real_time(
        [&] { listener.party.peer.send(listener.leg.rtp_port, listener.party.packet_of(quiet)); },
        [&] { return listener.heard_ms() >= 500; }));
    // All that he heard before his voice.
    const std::uint32_t before_ms = listener.heard_ms();
    int frames = 0;
    (void)in_real_time([&] { listener.talk(); }, [&] { return ++frames == 25; });
    const contract::PlayEndedEvent over = studio.play_ended(listener.handle());
    CHECK_TRUE(end_of(over) == contract::PlayEnd::kVoice);
    CHECK_TRUE(over.played_ms >= before_ms);
  }
}

TEST("who barges in as soon as it is waited for ends the prompt, though he spoke the last time") {
  Studio studio;
  Listener listener(studio.rig);
  CHECK_TRUE(studio.rig.link(listener.handle(), listener.handle()) == Code::kOk);
  contract::PlayOrder order = studio.play_order(listener.handle());
  order.times = 0;
  order.ends_on_voice = 1;
  // The first ends while he speaks, and nobody listens to the end of that.
  for (int prompt = 0; prompt < 2; ++prompt) {
    CHECK_TRUE(studio.play(order) == Code::kOk);
    int frames = 0;
    (void)in_real_time([&] { listener.talk(); }, [&] { return ++frames == 25; });
    const contract::PlayEndedEvent over = studio.play_ended(listener.handle());
    CHECK_EQ(over.play, studio.played);
    CHECK_TRUE(end_of(over) == contract::PlayEnd::kVoice);
  }
}

TEST("an order that replaces ends what sounds and what waits") {
  Studio studio;
  Listener listener(studio.rig);
  contract::PlayOrder order = studio.play_order(listener.handle());
  order.times = 0;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  CHECK_TRUE(studio.play(order) == Code::kOk);
  contract::PlayToneOrder tone;
  tone.endpoint = listener.handle();
  tone.frequencies_hz[0] = 440;
  tone.levels_below_full[0] = 17;
  tone.duration_ms = 500;
  tone.replaces = 1;
  CHECK_TRUE(studio.play(tone) == Code::kOk);
  const std::uint32_t last = studio.played;
  CHECK_TRUE(end_of(studio.play_ended(listener.handle())) == contract::PlayEnd::kStopped);
  CHECK_TRUE(end_of(studio.play_ended(listener.handle())) == contract::PlayEnd::kStopped);
  const contract::PlayEndedEvent event = studio.play_ended(listener.handle());
  CHECK_EQ(event.play, last);
  CHECK_EQ(event.played_ms, 500u);
  listener.party.hear();
  CHECK_TRUE(std::abs(sine_dbov(codec::Pcm(listener.party.heard).last(3'200), 8'000, 440) + 20) <
             1);
}

TEST("what can't be played is refused by code, and a full queue counted") {
  Studio studio;
  Listener listener(studio.rig);
  const Opened bare = studio.rig.open();
  contract::PlayOrder order = studio.play_order(listener.handle());
  const auto refused = [&](auto change, Code code = Code::kOrderInvalid) {
    contract::PlayOrder changed = order;
    change(changed);
    CHECK_TRUE(studio.play(changed) == code);
  };
  refused([&](auto& it) { it.endpoint = bare.handle; });
  refused([&](auto& it) { it.endpoint = 0xffff'ffff; }, Code::kHandleStale);
  refused([&](auto& it) { it.clip = 0; }, Code::kHandleStale);
  refused([&](auto& it) { it.clip ^= 1u << 12; }, Code::kHandleStale);
  refused([&](auto& it) { it.start_ms = 2'000; });
  refused([&](auto& it) { it.start_ms = 0xffff'ffff; });
  refused([&](auto& it) { it.target = 2; });
  refused([&](auto& it) { it.replaces = 2; });
  refused([&](auto& it) { it.ends_on_digit = 2; });
  refused([&](auto& it) { it.ends_on_voice = 2; });
  contract::PlayToneOrder tone;
  tone.endpoint = listener.handle();
  CHECK_TRUE(studio.play(tone) == Code::kOrderInvalid);
  tone.frequencies_hz[0] = 4'000;
  CHECK_TRUE(studio.play(tone) == Code::kOrderInvalid);
  tone.frequencies_hz[0] = 440;
  tone.levels_below_full[1] = 97;
  CHECK_TRUE(studio.play(tone) == Code::kOrderInvalid);
  for (const char* name : {"", "../x", ".hidden"})
    CHECK_EQ(load_clip(studio.rig, name).code, static_cast<int>(Code::kOrderInvalid));
  CHECK_EQ(load_clip(studio.rig, "missing").code, static_cast<int>(Code::kFileFailed));
  studio.folder.write("text", {'h', 'i'});
  CHECK_EQ(load_clip(studio.rig, "text").code, static_cast<int>(Code::kClipInvalid));
  order.times = 0;
  for (std::uint32_t count = 0; count < kPlayQueueMax; ++count)
    CHECK_TRUE(studio.play(order) == Code::kOk);
  refused([](auto&) {}, Code::kQueueFull);
  CHECK_TRUE(eventually([&] { return studio.rig.node(NodeCounter::kPlaysRefused) == 1.0; }));
  CHECK_EQ(studio.rig.node(NodeCounter::kClipsRefused), 5.0);
}

TEST(
    "a leg that can't send any more has its plays fail, and one that closes gives its clips back") {
  Studio studio;
  Listener listener(studio.rig);
  contract::PlayOrder order = studio.play_order(listener.handle());
  order.times = 0;
  CHECK_TRUE(studio.play(order) == Code::kOk);
  contract::SetAudioOrder nothing = audio_order(listener.handle());
  nothing.send_payload_type = kNoType;
  CHECK_TRUE(set_audio(studio.rig, nothing) == Code::kOk);
  CHECK_TRUE(end_of(studio.play_ended(listener.handle())) == contract::PlayEnd::kFailed);
  CHECK_TRUE(set_audio(studio.rig, listener.handle()) == Code::kOk);
  CHECK_TRUE(studio.play(order) == Code::kOk);
  CHECK_TRUE(studio.rig.close(listener.handle()).code() == Code::kOk);
  CHECK_TRUE(studio.unload(studio.clip) == Code::kOk);
}

TEST("the next client finds no clip of the last one, from its first order on") {
  Studio studio;
  studio.rig.drop_client();
  studio.rig.attach();
  Listener listener(studio.rig);
  CHECK_TRUE(studio.play(studio.play_order(listener.handle())) == Code::kHandleStale);
  const auto again = load_clip(studio.rig, "tone.clip");
  CHECK_TRUE(studio.play(studio.play_order(listener.handle())) == Code::kHandleStale);
  CHECK_EQ(again.code, 0);
  CHECK_TRUE(again.clip != studio.clip);
  CHECK_EQ(again.duration_ms, 2'000u);
}

TEST("speech that begins, ends and never comes is told, forwarded or not") {
  Studio studio;
  for (const bool forwarded : {false, true}) {
    Listener listener(studio.rig);
    if (forwarded) CHECK_TRUE(studio.rig.link(listener.handle(), listener.handle()) == Code::kOk);
    const Samples quiet(160, 0);
    const auto keep_quiet = [&] {
      listener.party.peer.send(listener.leg.rtp_port, listener.party.packet_of(quiet));
    };
    CHECK_TRUE(studio.detect(listener.handle(), 300, 0) == Code::kOk);
    int frames = 0;
    (void)in_real_time(keep_quiet, [&] { return ++frames == 30; });
    CHECK_TRUE(studio.speech(listener.handle()) == contract::SpeechChange::kNone);
    CHECK_TRUE(studio.detect(listener.handle(), 0, 400) == Code::kOk);
    frames = 0;
    (void)in_real_time([&] { listener.talk(); }, [&] { return ++frames == 25; });
    CHECK_TRUE(studio.speech(listener.handle()) == contract::SpeechChange::kStarted);
    frames = 0;
    (void)in_real_time(keep_quiet, [&] { return ++frames == 40; });
    CHECK_TRUE(studio.speech(listener.handle()) == contract::SpeechChange::kEnded);
    CHECK_TRUE(studio.detect(listener.handle(), 0, 0, 0) == Code::kOk);
  }
  const Opened bare = studio.rig.open();
  CHECK_TRUE(studio.detect(bare.handle, 0, 0) == Code::kOrderInvalid);
  CHECK_TRUE(studio.detect(bare.handle, 0, 0, 2) == Code::kOrderInvalid);
  CHECK_TRUE(studio.detect(0xffff'ffff, 0, 0) == Code::kHandleStale);
}
