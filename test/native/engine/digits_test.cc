// Key presses through a running engine: forwarded, decoded, sounded, ordered; once each, in order.
#include <array>
#include <string>
#include <vector>

#include "codec/dtmf_detect.h"
#include "codec/tone.h"
#include "native/engine/room.h"
#include "native/harness.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::Counter;
using contract::DigitSource;
using contract::EventKind;
using contract::OrderKind;

namespace {

struct Call {
  Call(Rig& rig, const AudioWishes& left_wishes = {}, const AudioWishes& right_wishes = {})
      : alice(left_wishes.voice, 1'000),
        bob(right_wishes.voice, 620),
        left(rig.open()),
        right(rig.open()) {
    CHECK(rig.update(left.handle, {alice.address(), {}, true}) == Code::kOk);
    CHECK(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
    CHECK(set_audio(rig, left.handle, left_wishes) == Code::kOk);
    CHECK(set_audio(rig, right.handle, right_wishes) == Code::kOk);
  }
  void decode(Rig& rig) {
    CHECK(link_decoded(rig, left.handle, right.handle) == Code::kOk);
    CHECK(link_decoded(rig, right.handle, left.handle) == Code::kOk);
  }
  void talk() {
    alice.peer.send(left.rtp_port, alice.next_packet());
    hear();
  }
  void hear() {
    alice.hear();
    bob.hear();
  }
  void talk_for(int frames) {
    int frame = 0;
    (void)in_real_time([&] { talk(); }, [&] { return ++frame == frames; });
  }
  /// Alice presses a key; packets for which `lost` says so don't arrive.
  void press(
      std::uint8_t event, const std::function<bool(int)>& lost = [](int) { return false; }) {
    const std::vector<Buffer> packets = alice.press(event);
    int sent = 0;
    (void)in_real_time(
        [&] {
          if (!lost(sent)) alice.peer.send(left.rtp_port, packets[static_cast<std::size_t>(sent)]);
          hear();
        },
        [&] { return ++sent == static_cast<int>(packets.size()); });
    talk_for(4);
  }

  Party alice;
  Party bob;
  Opened left;
  Opened right;
};

/// The next digit that the engine tells of a leg.
std::string told(Rig& rig, std::uint32_t handle, DigitSource* source = nullptr,
                 std::uint32_t* duration_ms = nullptr) {
  AnyEvent event;
  if (!rig.hears(EventKind::kDigit, handle, &event)) return "none";
  const auto digit = event.as<contract::DigitEvent>();
  if (source != nullptr) *source = static_cast<DigitSource>(digit.source);
  if (duration_ms != nullptr) *duration_ms = digit.duration_ms;
  return std::string(1, codec::digit_of_event(digit.digit).value_or('?'));
}

Code send_digits(Rig& rig, std::uint32_t handle, const std::string& digits, int tone_ms = 100,
                 int pause_ms = 60) {
  contract::SendDigitsOrder order;
  order.endpoint = handle;
  order.tone_ms = static_cast<std::uint16_t>(tone_ms);
  order.pause_ms = static_cast<std::uint16_t>(pause_ms);
  order.count = static_cast<std::uint8_t>(digits.size());
  for (std::size_t index = 0; index < std::min<std::size_t>(digits.size(), 64); ++index)
    order.digits[index] = codec::event_of_digit(digits[index]).value_or(77);
  CHECK(rig.submit(OrderKind::kSendDigits, order));
  return rig.answer().code();
}

/// Alice sounds a digit for so many frames, then as many as six of silence.
void say_tone(Call& call, std::uint8_t event, int frames) {
  codec::ToneGenerator generator(8'000);
  generator.start(codec::dtmf_tone(event, {.on_ms = 0}).value());
  for (int frame = 0; frame < frames + 6; ++frame) {
    if (frame == frames) generator.stop();
    Samples samples(160);
    (void)generator.generate(samples);
    call.alice.peer.send(call.left.rtp_port, call.alice.packet_of(samples));
    call.hear();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// Digits that a detector finds in what a party heard.
std::string digits_in(const Samples& heard) {
  codec::DtmfDetector detector;
  std::string digits;
  const codec::Pcm all(heard);
  for (std::size_t at = 0; at + 80 <= all.size(); at += 80) {
    const codec::DtmfEdges found = detector.handle(all.subspan(at, 80));
    for (const codec::DtmfEdge& edge : found.edges()) {
      if (edge.kind == codec::DtmfEdge::Kind::kEnd)
        digits += codec::digit_of_event(edge.event).value_or('?');
    }
  }
  return digits;
}

}  // namespace

TEST(
    "A24 digits pass a transcoded call once each, in order, with a constant timestamp, under "
    "loss") {
  Rig rig;
  Call call(rig, {}, {.voice = kG722});
  call.decode(rig);
  call.talk_for(10);
  call.press(1);
  call.press(11, [](int packet) { return packet == 0 || packet == 4; });
  call.press(11, [](int packet) { return packet % 2 == 1; });
  call.press(0);
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.bob.digits.size() >= 4; }));
  call.talk_for(10);
  CHECK_EQ(call.bob.digits, "1##0");
  CHECK_EQ(call.bob.event_times.size(), 4u);
  for (const char digit : std::string("1##0")) {
    DigitSource source = DigitSource::kTone;
    std::uint32_t duration_ms = 0;
    CHECK_EQ(told(rig, call.left.handle, &source, &duration_ms), std::string(1, digit));
    CHECK_TRUE(source == DigitSource::kEvent);
    CHECK_EQ(duration_ms, 100u);
  }
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kDigitsReceived), 4.0);
}

TEST("A24 digits pass a forwarding link untouched and are told once each") {
  Rig rig;
  Call call(rig);
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle, {{0, 0}, {kEventType, kEventType}}) ==
             Code::kOk);
  const std::vector<Buffer> packets = call.alice.press(5);
  for (const Buffer& packet : packets) {
    call.alice.peer.send(call.left.rtp_port, packet);
    CHECK_EQ(call.bob.peer.receive(), packet);
  }
  CHECK_EQ(told(rig, call.left.handle), "5");
  for (const Buffer& packet : call.alice.press(6)) {
    call.alice.peer.send(call.left.rtp_port, packet);
    CHECK_EQ(call.bob.peer.receive(), packet);
  }
  CHECK_EQ(told(rig, call.left.handle), "6");
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kDigitsReceived), 2.0);
}

TEST("A24 a leg that names telephone-events alone tells them without a buffer, carried on or not") {
  Rig rig;
  Call call(rig);
  contract::SetAudioOrder order = audio_order(call.left.handle);
  order.receive[0] = order.receive[1];
  order.receive_count = 1;
  order.send_payload_type = kNoType;
  CHECK_TRUE(set_audio(rig, order) == Code::kOk);
  CHECK_TRUE(eventually(
      [&] { return rig.node(contract::NodeCounter::kAudioEndpoints) == 1.0; }));  // the other leg
  // The far party has none, so the link doesn't carry them.
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle) == Code::kOk);
  for (const Buffer& packet : call.alice.press(3))
    call.alice.peer.send(call.left.rtp_port, packet);
  CHECK_EQ(told(rig, call.left.handle), "3");
  CHECK_TRUE(rig.unlink(call.left.handle) == Code::kOk);
  for (const Buffer& packet : call.alice.press(4))
    call.alice.peer.send(call.left.rtp_port, packet);
  CHECK_EQ(told(rig, call.left.handle), "4");
  // Packets that stop without an end are a press as well.
  const std::vector<Buffer> packets = call.alice.press(9);
  call.alice.peer.send(call.left.rtp_port, packets[0]);
  CHECK_EQ(told(rig, call.left.handle), "9");
}

TEST("A24 a press that is down while the call changes its mode is told once and heard once") {
  Rig rig;
  Call call(rig);
  const auto forward = [&] {
    CHECK_TRUE(rig.link(call.left.handle, call.right.handle, {{0, 0}, {kEventType, kEventType}}) ==
               Code::kOk);
  };
  const auto press_across = [&](std::uint8_t event, const std::function<void()>& change) {
    const std::vector<Buffer> packets = call.alice.press(event);
    int sent = 0;
    (void)in_real_time(
        [&] {
          if (sent == 3) change();
          call.alice.peer.send(call.left.rtp_port, packets[static_cast<std::size_t>(sent)]);
          call.hear();
        },
        [&] { return ++sent == static_cast<int>(packets.size()); });
    call.talk_for(15);
  };
  forward();
  call.talk_for(5);
  press_across(1, [&] { call.decode(rig); });
  CHECK_EQ(told(rig, call.left.handle), "1");
  CHECK_EQ(call.bob.event_times.size(), 1u);
  press_across(2, forward);
  CHECK_EQ(told(rig, call.left.handle), "2");
  CHECK_EQ(call.bob.event_times.size(), 2u);
  // The end's repetitions come after the change.
  const std::vector<Buffer> packets = call.alice.press(3);
  for (std::size_t index = 0; index < 5; ++index)
    call.alice.peer.send(call.left.rtp_port, packets[index]);
  CHECK_EQ(told(rig, call.left.handle), "3");
  call.decode(rig);
  for (std::size_t index = 5; index < 7; ++index)
    call.alice.peer.send(call.left.rtp_port, packets[index]);
  call.talk_for(15);
  CHECK_EQ(call.bob.event_times.size(), 3u);
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kDigitsReceived), 3.0);
}

TEST("A24 a key that is down when nothing is decoded any more is told all the same") {
  for (const bool is_watched : {false, true}) {
    Rig rig;
    Call call(rig);
    call.decode(rig);
    call.talk_for(5);
    const std::vector<Buffer> packets = call.alice.press(5);
    for (std::size_t index = 0; index < 2; ++index)
      call.alice.peer.send(call.left.rtp_port, packets[index]);
    CHECK_TRUE(
        in_real_time([&] { call.hear(); }, [&] { return call.bob.event_times.size() == 1; }));
    contract::SetAudioOrder order = audio_order(call.left.handle);
    if (is_watched) order.receive[0] = order.receive[1];
    order.receive_count = is_watched ? 1 : 0;
    CHECK_TRUE(set_audio(rig, order) == Code::kOk);
    CHECK_TRUE(rig.link(call.left.handle, call.right.handle) == Code::kOk);
    // Whoever watches hears the press to its end.
    for (std::size_t index = 2; is_watched && index < packets.size(); ++index)
      call.alice.peer.send(call.left.rtp_port, packets[index]);
    std::uint32_t duration_ms = 0;
    CHECK_EQ(told(rig, call.left.handle, nullptr, &duration_ms), "5");
    CHECK_EQ(duration_ms, is_watched ? 100u : 40u);
    CHECK_EQ(rig.closing_count(call.left.handle, Counter::kDigitsReceived), 1.0);
  }
}

TEST("A24 a peer without telephone-events hears digits as tones") {
  Rig rig;
  Call call(rig, {}, {.events = false});
  call.decode(rig);
  call.talk_for(10);
  call.press(7);
  call.press(8);
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return digits_in(call.bob.heard) == "78"; }));
}

TEST("A24 digits in the audio of one party are events for the other, and told as tones") {
  Rig rig;
  Call call(rig, {.events = false, .detect_tones = true}, {});
  call.decode(rig);
  say_tone(call, 4, 6);
  say_tone(call, 14, 6);
  DigitSource source = DigitSource::kEvent;
  CHECK_EQ(told(rig, call.left.handle, &source), "4");
  CHECK_TRUE(source == DigitSource::kTone);
  CHECK_EQ(told(rig, call.left.handle), "C");
  CHECK_TRUE(in_real_time([&] { call.hear(); }, [&] { return call.bob.digits == "4C"; }));
}

TEST(
    "A24 a peer who is told of digits elsewhere hears none of them, and what is ordered all the "
    "same") {
  Rig rig;
  Call call(rig, {}, {.events = false});
  contract::SetAudioOrder order = audio_order(call.right.handle, {.events = false});
  order.mute_digits = 2;
  CHECK_TRUE(set_audio(rig, order) == Code::kOrderInvalid);
  order.mute_digits = 1;
  CHECK_TRUE(set_audio(rig, order) == Code::kOk);
  call.decode(rig);
  call.talk_for(10);
  call.press(7);
  CHECK_EQ(told(rig, call.left.handle), "7");
  CHECK_TRUE(send_digits(rig, call.right.handle, "3") == Code::kOk);
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return digits_in(call.bob.heard) == "3"; }));
}

TEST("A24 a tone in the audio is silenced towards a peer who is told of the digit elsewhere") {
  Rig rig;
  Call call(rig, {.events = false, .detect_tones = true}, {.events = false});
  contract::SetAudioOrder order = audio_order(call.right.handle, {.events = false});
  order.mute_digits = 1;
  CHECK_TRUE(set_audio(rig, order) == Code::kOk);
  call.decode(rig);
  call.talk_for(10);
  say_tone(call, 4, 15);
  CHECK_EQ(told(rig, call.left.handle), "4");
  call.talk_for(20);
  // What is given before the detector knows it for a digit is less than 23 ms of it.
  const codec::Pcm heard(call.bob.heard);
  std::uint32_t sounding_ms = 0;
  for (std::size_t at = 0; at + 160 <= heard.size(); at += 160)
    if (sine_dbov(heard.subspan(at, 160), 8'000, 770) > -30) sounding_ms += 20;
  CHECK_TRUE(sounding_ms <= 40);
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return hears_tone(call.bob, 1'000); },
                          kMeasureEvery));
}

TEST("A24 a key that is down when its leg is no longer heard goes up for whoever was told of it") {
  struct Way {
    const char* name;
    std::function<bool(Rig&, Call&, const Opened&)> leave;
  };
  const auto ok = [](Code code) { return code == Code::kOk; };
  const auto joins = [&](Rig& rig, const Opened& leg) {
    return ok(take_part(rig, leg.handle, open_conference(rig).header().endpoint));
  };
  const Way ways[] = {
      {"linked to another",
       [&](Rig& rig, Call& call, const Opened& third) {
         return ok(link_decoded(rig, call.left.handle, third.handle));
       }},
      {"another linked in its place",
       [&](Rig& rig, Call& call, const Opened& third) {
         return ok(link_decoded(rig, third.handle, call.right.handle));
       }},
      {"unlinked",
       [&](Rig& rig, Call& call, const Opened&) { return ok(rig.unlink(call.left.handle)); }},
      {"forwarded from now on",
       [&](Rig& rig, Call& call, const Opened&) {
         return ok(rig.link(call.left.handle, call.right.handle, {{0, 0}}));
       }},
      {"no longer decoded",
       [&](Rig& rig, Call& call, const Opened&) {
         contract::SetAudioOrder order = audio_order(call.left.handle);
         order.receive_count = 0;
         return ok(set_audio(rig, order));
       }},
      {"keys told elsewhere",
       [&](Rig& rig, Call& call, const Opened&) {
         contract::SetAudioOrder order = audio_order(call.right.handle);
         order.mute_digits = 1;
         return ok(set_audio(rig, order));
       }},
      {"talker into a conference",
       [&](Rig& rig, Call& call, const Opened&) { return joins(rig, call.left); }},
      {"listener into a conference",
       [&](Rig& rig, Call& call, const Opened&) { return joins(rig, call.right); }},
      {"closed", [&](Rig& rig, Call& call,
                     const Opened&) { return rig.close(call.left.handle).code() == Code::kOk; }},
  };
  for (const Way& way : ways) {
    Rig rig;
    Call call(rig);
    call.decode(rig);
    Party carol(kPcmu, 1'500);
    const Opened third = rig.open();
    CHECK(rig.update(third.handle, {carol.address(), {}, true}) == Code::kOk);
    CHECK(set_audio(rig, third.handle) == Code::kOk);
    call.talk_for(5);
    const std::vector<Buffer> packets = call.alice.press(5);
    for (std::size_t index = 0; index < 2; ++index)
      call.alice.peer.send(call.left.rtp_port, packets[index]);
    CHECK_TRUE(
        in_real_time([&] { call.hear(); }, [&] { return call.bob.event_times.size() == 1; }));
    CHECK_EQ(call.bob.digits, "");
    CHECK_TRUE(way.leave(rig, call, third));
    const bool released =
        in_real_time([&] { call.hear(); }, [&] { return call.bob.digits == "5"; });
    if (!released) std::fprintf(stderr, "still down: %s\n", way.name);
    CHECK_TRUE(released);
    carol.hear();
    CHECK_EQ(carol.event_times.size(), 0u);
  }
}

TEST("digits are said by order, also while the leg hears nobody, with length and pause as asked") {
  Rig rig;
  Call call(rig);
  CHECK_TRUE(send_digits(rig, call.right.handle, "12*D", 80, 120) == Code::kOk);
  CHECK_TRUE(in_real_time([&] { call.hear(); }, [&] { return call.bob.digits == "12*D"; }));
  CHECK_EQ(call.bob.event_times.size(), 4u);
  std::vector<std::uint32_t> starts(call.bob.event_times.begin(), call.bob.event_times.end());
  for (std::size_t index = 1; index < starts.size(); ++index) {
    // 80 ms and 120 ms, in packets of 20 ms.
    const std::uint32_t apart = starts[index] - starts[index - 1];
    CHECK_TRUE(apart >= 8 * 200 && apart <= 8 * 240);
  }
  CHECK_EQ(call.bob.heard.size(), 0u);
  CHECK_EQ(call.bob.digits, "12*D");
}

TEST("digits that can't be said are refused, none of an order is said then") {
  Rig rig;
  Call call(rig);
  const Opened mute = rig.open();
  CHECK_TRUE(send_digits(rig, mute.handle, "1") == Code::kOrderInvalid);
  CHECK_TRUE(send_digits(rig, 0x3fff'0001, "1") == Code::kHandleStale);
  CHECK_TRUE(send_digits(rig, call.right.handle, "") == Code::kOrderInvalid);
  CHECK_TRUE(send_digits(rig, call.right.handle, std::string(65, '1')) == Code::kOrderInvalid);
  CHECK_TRUE(send_digits(rig, call.right.handle, "1x") == Code::kOrderInvalid);
  CHECK_TRUE(send_digits(rig, call.right.handle, "1", 39) == Code::kOrderInvalid);
  CHECK_TRUE(send_digits(rig, call.right.handle, "1", 100, 0) == Code::kOrderInvalid);
  CHECK_TRUE(send_digits(rig, call.right.handle, std::string(64, '1')) == Code::kOk);
  CHECK_TRUE(send_digits(rig, call.right.handle, "22") == Code::kMemoryFull);
}

TEST("digits wait for a control plane that is away, and none is lost") {
  Rig rig({.event_ring_records = 16});
  Call call(rig);
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle, {{0, 0}, {kEventType, kEventType}}) ==
             Code::kOk);
  // Fill the ring with answers nobody takes.
  contract::CloseLinkOrder order;
  order.endpoint = call.right.handle;
  for (int count = 0; count < 16; ++count)
    CHECK_TRUE(rig.submit(OrderKind::kCloseLink, order));
  CHECK_TRUE(eventually([&] { return rig.node(contract::NodeCounter::kOrders) >= 23.0; }));
  for (const std::uint8_t event : {1, 2, 3}) {
    for (const Buffer& packet : call.alice.press(event)) {
      call.alice.peer.send(call.left.rtp_port, packet);
      CHECK_EQ(call.bob.peer.receive(), packet);
    }
  }
  for (const char digit : {'1', '2', '3'})
    CHECK_EQ(told(rig, call.left.handle), std::string(1, digit));
}
