// What one leg makes of a peer that presses keys, falls silent, repeats itself or is asked anew:
// digits, comfort noise, redundancy, FEC, and answers in the middle of a stream.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "codec/g711.h"
#include "codec/telephone_event.h"
#include "codec/tone.h"
#include "native/codec/listen.h"
#include "native/codec/opus_sound.h"
#include "native/pipeline/audio_rig.h"
#include "native/rtp/build.h"
#include "rtp/redundancy.h"

namespace {

using namespace test;
using jitter::BufferSize;

Source tone_source(std::uint32_t rate_hz, double hz = 1'000, double dbov = -16) {
  return Source(
      sines::make_tone({.frequency_hz = hz, .level_dbov = dbov, .rate_hz = rate_hz}, rate_hz),
      rate_hz);
}

std::string starts_of(const std::vector<Digit>& digits) {
  std::string heard;
  for (const Digit& digit : digits) {
    if (digit.edge.kind == codec::EventEdge::Kind::kStart)
      heard += codec::digit_of_event(digit.edge.event).value_or('?');
  }
  return heard;
}

/// Says pieces to an ear over a network, and tells it to listen every ten milliseconds.
struct Line {
  Line(Mouth& mouth_in, Ear& ear_in, const Network::Setup& setup = {})
      : mouth(mouth_in), ear(ear_in), network(setup) {}
  PullFacts tick(codec::Pcm said) {
    for (const Packet& packet : mouth.say(now_ms, said))
      network.send(now_ms, packet);
    network.deliver(now_ms + 4, [&](double at, const Packet& packet) { ear.hear(at, packet); });
    const PullFacts facts = ear.pull(now_ms + 4);
    now_ms += 10;
    return facts;
  }
  void run(Source& source, int ticks) {
    for (int index = 0; index < ticks; ++index)
      (void)tick(source.next());
  }

  Mouth& mouth;
  Ear& ear;
  Network network;
  double now_ms = 0;
};

SenderSetup with_events(const Format& format) {
  SenderSetup setup = sending(format, format.rate_hz);
  setup.event_payload_type = kEventType;
  return setup;
}
std::vector<ReceivablePayload> with_events_too(const Format& format) {
  return {audio_payload(format), payload_of(kEventType, PayloadRole::kTelephoneEvent)};
}

TEST("A24 each key press is one start and one end, however many of its packets are lost") {
  Mouth mouth(with_events(kPcmu));
  Ear ear(with_events_too(kPcmu), 8'000);
  Line line(mouth, ear, {.loss = 0.2, .jitter_ms = 30, .duplicate = 0.1, .seed = 3});
  Source source = tone_source(8'000);
  const std::string digits = "0123456789*#ABCD";
  std::string expected;
  for (int turn = 0; turn < 4; ++turn) {
    for (const char digit : digits) {
      expected += digit;
      CHECK_TRUE(mouth.sender.press(
          {.event = *codec::event_of_digit(digit), .duration_ms = 120u + 20u * turn}));
      line.run(source, 30);
    }
  }
  line.run(source, 50);
  CHECK_EQ(starts_of(ear.digits), expected);
  REQUIRE(ear.digits.size() == 2 * expected.size());
  for (std::size_t index = 0; index < ear.digits.size(); index += 2) {
    const Digit& start = ear.digits[index];
    const Digit& end = ear.digits[index + 1];
    CHECK_FALSE(start.in_band);
    CHECK_TRUE(start.edge.kind == codec::EventEdge::Kind::kStart);
    CHECK_TRUE(end.edge.kind == codec::EventEdge::Kind::kEnd);
    CHECK_EQ(end.edge.event, start.edge.event);
    CHECK_TRUE(end.edge.timestamp == start.edge.timestamp);
  }
}

TEST("plays nothing in place of a key and fades what was said before it, without a click") {
  Mouth mouth(with_events(kPcmu));
  Ear ear(with_events_too(kPcmu), 8'000);
  Line line(mouth, ear);
  Source source = tone_source(8'000, 400);
  line.run(source, 100);
  CHECK_TRUE(mouth.sender.press({.event = 1, .duration_ms = 500}));
  line.run(source, 40);
  CHECK_TRUE(sines::level_dbov(ear.piece()) < -90);
  line.run(source, 100);
  CHECK_TRUE(std::abs(sines::level_dbov(ear.piece()) + 16) < 1);
  CHECK_TRUE(sines::largest_jump(codec::Pcm(ear.samples).subspan(2'000)) <= 2'307 * 5 / 4);
  CHECK_EQ(ear.receiver.statistics().buffer.lost, 0u);
}

TEST("ends a key whose end never comes when its time is over") {
  Ear ear(with_events_too(kPcmu), 8'000);
  ear.hear(0, {.bytes = APacket{}.payload_type(kEventType).payload({5, 0x0a, 0, 160}).bytes()});
  CHECK_EQ(starts_of(ear.digits), "5");
  for (double ms = 0; ms < 190; ms += 10)
    (void)ear.pull(ms);
  CHECK_EQ(ear.digits.size(), 1u);
  (void)ear.pull(210);
  REQUIRE(ear.digits.size() == 2);
  CHECK_EQ(ear.digits[1].edge.duration_units, 160u);
  CHECK_EQ(ear.receiver.statistics().events.lost_ends, 1u);
}

TEST("a key of another source counts only once that source is believed") {
  Ear ear(with_events_too(kPcmu), 8'000);
  const auto event = [](std::uint32_t ssrc, std::uint16_t sequence, std::uint8_t digit) {
    return Packet{.bytes = APacket{}
                               .payload_type(kEventType)
                               .ssrc(ssrc)
                               .sequence(sequence)
                               .timestamp(1'000)
                               .payload({digit, 0x0a, 0, 160})
                               .bytes()};
  };
  CHECK_TRUE(ear.hear(0, event(1, 10, 1)) == PacketVerdict::kEvent);
  CHECK_TRUE(ear.hear(20, event(2, 500, 2)) == PacketVerdict::kRefused);
  CHECK_TRUE(ear.hear(40, event(1, 11, 1)) == PacketVerdict::kEvent);
  CHECK_EQ(starts_of(ear.digits), "1");
  CHECK_TRUE(ear.hear(60, event(2, 501, 3)) == PacketVerdict::kRefused);
  CHECK_TRUE(ear.hear(80, event(2, 502, 3)) == PacketVerdict::kEvent);
  CHECK_EQ(starts_of(ear.digits), "13");
  REQUIRE(ear.digits.size() == 3);
  CHECK_TRUE(ear.digits[1].edge.kind == codec::EventEdge::Kind::kEnd);
}

TEST("ends a key that is down when events are no longer agreed on") {
  Ear ear(with_events_too(kPcmu), 8'000);
  ear.hear(0, {.bytes = APacket{}.payload_type(kEventType).payload({7, 0x0a, 0, 160}).bytes()});
  ear.set_up(with_events_too(kPcma), 8'000);
  CHECK_EQ(ear.digits.size(), 1u);
  ear.set_up({audio_payload(kPcma)}, 8'000);
  REQUIRE(ear.digits.size() == 2);
  CHECK_TRUE(ear.digits[1].edge.kind == codec::EventEdge::Kind::kEnd);
}

TEST("hears digits in the audio only when asked to") {
  for (const bool asked : {true, false}) {
    Mouth mouth(sending(kG722, 8'000));
    Ear ear({audio_payload(kG722)}, 16'000, BufferSize::kMedium, asked);
    Line line(mouth, ear, {.jitter_ms = 10});
    Source source(test::voice(8'000, 130, 80'000, -20), 8'000);
    line.run(source, 100);
    for (const std::uint8_t event : {1, 5, 9})
      CHECK_TRUE(mouth.sender.press({.event = event, .duration_ms = 100}));
    line.run(source, 200);
    CHECK_EQ(starts_of(ear.digits), asked ? "159" : "");
    for (const Digit& digit : ear.digits)
      CHECK_TRUE(digit.in_band);
  }
}

TEST("a digit that sounds goes on at another rate, and ends when nobody listens for it") {
  for (const bool asked : {false, true}) {
    Mouth mouth(sending(kPcmu, 8'000));
    Ear ear({audio_payload(kPcmu)}, 8'000, BufferSize::kSmall, true);
    Line line(mouth, ear, {});
    Source source(Samples(80), 8'000);
    CHECK_TRUE(mouth.sender.press({.event = 5, .duration_ms = 400}));
    line.run(source, 25);
    REQUIRE(ear.digits.size() == 1);
    ear.set_up({audio_payload(kPcmu)}, asked ? 16'000 : 8'000, BufferSize::kSmall, asked);
    CHECK_EQ(ear.fresh.size(), asked ? 0u : 1u);
    line.run(source, 60);
    REQUIRE(ear.digits.size() == 2);
    const codec::EventEdge& end = ear.digits[1].edge;
    CHECK_TRUE(ear.digits[1].in_band);
    CHECK_TRUE(end.kind == codec::EventEdge::Kind::kEnd);
    CHECK_EQ(end.event, 5);
    CHECK_TRUE(end.timestamp == ear.digits[0].edge.timestamp);
    CHECK_TRUE(end.duration_units >= (asked ? 2'800u : 800u));
    CHECK_TRUE(end.duration_units <= (asked ? 3'400u : 1'800u));
  }
}

/// Silence with a digit in it, 300 ms from `offset` samples beyond half a second.
Samples digit_at(std::size_t offset) {
  codec::ToneGenerator generator(8'000);
  generator.start(codec::dtmf_tone(5, {.on_ms = 0}).value());
  Samples line(4'000 + offset);
  line.resize(line.size() + 2'400);
  (void)generator.generate(codec::MutablePcm(line).last(2'400));
  line.resize(9'600);
  return line;
}

TEST("less than 23 ms of a digit in the audio is given before or after its edges") {
  for (const Format& format : {kPcmu, kG722, kOpus16}) {
    for (std::size_t offset = 0; offset < 160; offset += format == kPcmu ? 4 : 20) {
      Mouth mouth(sending(format, 8'000));
      Ear ear({audio_payload(format)}, 8'000, BufferSize::kMedium, true);
      Line line(mouth, ear);
      Source source(digit_at(offset), 8'000);
      bool is_down = false;
      std::size_t sounding = 0;
      for (int tick = 0; tick < 118; ++tick) {
        (void)line.tick(source.next());
        for (const Digit& digit : ear.fresh)
          is_down = digit.edge.kind == codec::EventEdge::Kind::kStart;
        if (is_down) continue;
        for (const std::int16_t sample : ear.piece())
          sounding += std::abs(sample) > 500;
      }
      REQUIRE(ear.digits.size() == 2);
      // -8 dBm0 a sine of our own tones' pair, as the events are to say.
      CHECK_TRUE(ear.digits[0].edge.volume > 0 && ear.digits[0].edge.volume < 15);
      CHECK_TRUE(sounding < 23 * 8);
    }
  }
}

TEST("listening for digits makes everything later by what is held back, and is in the books") {
  Mouth mouth(sending(kPcmu, 8'000));
  Ear ear({audio_payload(kPcmu)}, 8'000, BufferSize::kSmall);
  Line line(mouth, ear);
  Source source = tone_source(8'000, 400);
  line.run(source, 200);
  const Duration before = ear.receiver.statistics().delay_mean;
  for (const bool listens : {true, false}) {
    ear.set_up({audio_payload(kPcmu)}, 8'000, BufferSize::kSmall, listens);
    line.run(source, 200);
    const Duration after = ear.receiver.statistics().delay_mean;
    const double longer_ms = (after - before).ms_exact();
    CHECK_TRUE(std::abs(longer_ms - (listens ? kHeldBackMs : 0)) < 2);
  }
  // Neither its beginning nor its end is a click.
  CHECK_TRUE(sines::largest_jump(codec::Pcm(ear.samples).subspan(2'000)) <= 2'307 * 5 / 4);
}

TEST("what was said while nobody listened is never heard, and is no loss") {
  for (const Format& format : {kPcmu, kG722, kOpus16}) {
    for (const bool detects : {false, true}) {
      Mouth mouth(sending(format, 8'000));
      Ear ear({audio_payload(format)}, 8'000, BufferSize::kMedium, detects);
      Line line(mouth, ear, {.delay_ms = 0});
      Source source = tone_source(8'000, 400);
      line.run(source, 100);
      const ReceiverStatistics before = ear.receiver.statistics();
      const auto format_before = ear.receiver.format();
      ear.receiver.restart();
      CHECK_TRUE(ear.receiver.format() == format_before);
      for (int tick = 0; tick < 500; ++tick, line.now_ms += 10)
        (void)mouth.say(line.now_ms, source.next());
      ear.samples.clear();
      for (int tick = 0; tick < 10; ++tick, line.now_ms += 10) {
        const PullFacts facts = ear.pull(line.now_ms);
        CHECK_FALSE(facts.activity.voice);
        CHECK_TRUE(facts.heard <= Heard::kPause);
      }
      CHECK_TRUE(std::all_of(ear.samples.begin(), ear.samples.end(),
                             [](std::int16_t sample) { return sample == 0; }));
      line.run(source, 100);
      // In the middle of a stream an Opus decoder finds its way within a packet or two.
      const int quarters = format == kOpus16 ? 6 : 5;
      CHECK_TRUE(sines::largest_jump(ear.samples) <= 2'307 * quarters / 4);
      const codec::Pcm last = codec::Pcm(ear.samples).last(4'000);
      CHECK_TRUE(std::abs(sine_dbov(last, 8'000, 400) + 16) < 1);
      const ReceiverStatistics after = ear.receiver.statistics();
      CHECK_EQ(after.buffer.lost, 0u);
      CHECK_EQ(after.buffer.unplayed, 0u);
      CHECK_EQ(after.concealed_ms, before.concealed_ms);
    }
  }
}

TEST("a digit in the audio ends when nobody listens any more") {
  Mouth mouth(sending(kPcmu, 8'000));
  Ear ear({audio_payload(kPcmu)}, 8'000, BufferSize::kSmall, true);
  Line line(mouth, ear, {});
  Source source(Samples(80), 8'000);
  CHECK_TRUE(mouth.sender.press({.event = 5, .duration_ms = 400}));
  line.run(source, 25);
  REQUIRE(ear.digits.size() == 1);
  ear.receiver.restart();
  Digit digit;
  REQUIRE(ear.receiver.next_digit(digit));
  CHECK_TRUE(digit.in_band);
  CHECK_TRUE(digit.edge.kind == codec::EventEdge::Kind::kEnd);
  CHECK_EQ(digit.edge.event, 5);
  CHECK_FALSE(ear.receiver.next_digit(digit));
}

TEST("digits that nobody asked for are our own fault") {
  Ear ear(with_events_too(kPcmu), 8'000);
  const Packet press{.bytes =
                         APacket{}.payload_type(kEventType).payload({5, 0x0a, 0, 160}).bytes()};
  Samples piece(80);
  CHECK_TRUE(ear.receiver.handle_packet(at_ms(0), press.view()) == PacketVerdict::kEvent);
  CHECK_ABORTS((void)ear.receiver.pull(at_ms(1), piece));
  Digit digit;
  CHECK_TRUE(ear.receiver.next_digit(digit));
  CHECK_FALSE(ear.receiver.next_digit(digit));
  (void)ear.receiver.pull(at_ms(1), piece);
}

TEST("sounds like the background that the peer describes, and joins it without a click") {
  for (const Format& format : {kPcmu, kG722, kL16}) {
    SenderSetup setup = sending(format, format.rate_hz);
    setup.noise_payload_type = kNoiseType;
    Mouth mouth(setup);
    Ear ear({audio_payload(format),
             payload_of(kNoiseType, PayloadRole::kComfortNoise, format.clock_hz())},
            8'000);
    Line line(mouth, ear, {.jitter_ms = 5});
    Prng prng(1);
    Samples sound = test::voice(format.rate_hz, 130, 2 * format.rate_hz, -20);
    sound.resize(5 * format.rate_hz);
    test::add_noise(sound, -56, prng);
    Source source(sound, format.rate_hz);
    line.run(source, 480);
    CHECK_TRUE(mouth.sender.statistics().frames_left_out > 100);
    const double heard = sines::level_dbov(codec::Pcm(ear.samples).last(8'000));
    // A codec of twice the ear's rate had half of the noise where nobody hears it.
    const double expected = format.rate_hz == 8'000 ? -56 : -59;
    CHECK_TRUE(std::abs(heard - expected) < 2.5);
    const int natural = sines::largest_jump(codec::Pcm(ear.samples).subspan(4'000, 11'000));
    CHECK_TRUE(sines::largest_jump(ear.samples) <= natural * 5 / 4);
    CHECK_TRUE(ear.receiver.statistics().comfort_ms > 2'000);
    CHECK_TRUE(ear.receiver.statistics().concealed_ms < 100);
  }
}

TEST("says what is heard: nothing, speech, what was made up, a pause") {
  Mouth mouth(sending(kPcmu, 8'000));
  Ear ear({audio_payload(kPcmu)}, 8'000);
  CHECK_TRUE(ear.pull(0).heard == Heard::kNothing);
  CHECK_FALSE(ear.receiver.format().has_value());
  Source source(test::voice(8'000, 130, 16'000, -20), 8'000);
  PullFacts facts;
  for (int tick = 1; tick < 100; ++tick) {
    for (const Packet& packet : mouth.say(10 * tick, source.next()))
      ear.hear(10 * tick, packet);
    facts = ear.pull(10 * tick + 1);
  }
  CHECK_TRUE(facts.heard == Heard::kSpeech);
  CHECK_TRUE(facts.activity.voice);
  CHECK_TRUE(*ear.receiver.format() == kPcmu);
  for (int tick = 100; tick < 110; ++tick)
    facts = ear.pull(10 * tick + 1);
  CHECK_TRUE(facts.heard == Heard::kConcealed);
  for (int tick = 110; tick < 200; ++tick)
    facts = ear.pull(10 * tick + 1);
  CHECK_TRUE(facts.heard == Heard::kPause);
  CHECK_FALSE(facts.activity.voice);
}

TEST("redundancy brings back single losses") {
  for (const Format& format : {kPcmu, kOpus16}) {
    SenderSetup setup = sending(format, format.rate_hz);
    setup.redundancy_payload_type = kRedundantType;
    Mouth mouth(setup);
    Ear ear({audio_payload(format),
             payload_of(kRedundantType, PayloadRole::kRedundancy, format.clock_hz())},
            format.rate_hz, BufferSize::kLarge);
    Line line(mouth, ear, {.loss = 0.1, .jitter_ms = 5, .seed = 9});
    Source source = tone_source(format.rate_hz, 400);
    line.run(source, 2'000);
    const ReceiverStatistics statistics = ear.receiver.statistics();
    CHECK_TRUE(line.network.lost > 80);
    CHECK_TRUE(statistics.buffer.recovered * 10 > line.network.lost * 8);
    CHECK_TRUE(statistics.concealed_ms < line.network.lost * 20 / 4);
  }
}

TEST("Opus fills losses from the next packet's copy, and that counts for quality") {
  double mos_without = 0;
  for (const bool fec : {false, true}) {
    SenderSetup setup = sending(kOpus16, 16'000);
    setup.opus =
        codec::opus_policy({.use_inband_fec = fec},
                           {.source_rate_hz = 16'000, .bitrate_bps = 32'000, .loss_percent = 20});
    Mouth mouth(setup);
    Ear ear({audio_payload(kOpus16)}, 16'000, BufferSize::kLarge);
    Line line(mouth, ear, {.loss = 0.1, .jitter_ms = 5, .seed = 2});
    Source source(test::voices::make_voice(16'000, 160'000), 16'000);
    line.run(source, 2'000);
    const std::uint64_t recovered = ear.receiver.statistics().recovered;
    const double mos = ear.receiver.quality(Duration::zero()).mos_lq;
    if (fec) {
      // Between syllables there is nothing worth a copy.
      CHECK_TRUE(recovered * 3 > line.network.lost);
      CHECK_TRUE(mos > mos_without + 0.1);
    } else {
      CHECK_EQ(recovered, 0u);
      mos_without = mos;
    }
  }
}

TEST("an answer that changes nothing changes not a sample") {
  for (const Format& format : {kPcmu, kG722, kOpus48}) {
    Mouth mouth(sending(format, format.rate_hz));
    Ear left({audio_payload(format)}, 8'000);
    Ear right({audio_payload(format)}, 8'000);
    Network network({.loss = 0.05, .jitter_ms = 30});
    Source source = tone_source(format.rate_hz);
    for (int tick = 0; tick < 400; ++tick) {
      for (const Packet& packet : mouth.say(10 * tick, source.next()))
        network.send(10 * tick, packet);
      network.deliver(10 * tick + 4, [&](double at, const Packet& packet) {
        left.hear(at, packet);
        right.hear(at, packet);
      });
      if (tick % 50 == 49) right.set_up({audio_payload(format)}, 8'000);
      (void)left.pull(10 * tick + 4);
      (void)right.pull(10 * tick + 4);
    }
    CHECK_TRUE(left.samples == right.samples);
  }
}

TEST("plays what waits with the codec that it came in, whatever the numbers mean by then") {
  Mouth mouth(sending(kPcmu, 8'000));
  Ear ear({audio_payload(kPcmu)}, 8'000, BufferSize::kLarge);
  Line line(mouth, ear, {.jitter_ms = 40});
  Source source = tone_source(8'000, 400);
  line.run(source, 200);
  // PCMA under PCMU's number: as noise it would be loud and wild.
  ReceivablePayload pcma = audio_payload(kPcma);
  pcma.payload_type = 0;
  ear.set_up({pcma, {.payload_type = 77, .format = kPcmu}}, 8'000, BufferSize::kLarge);
  for (int tick = 0; tick < 6; ++tick)
    (void)ear.pull(line.now_ms + 10 * tick + 4);
  CHECK_TRUE(sines::largest_jump(codec::Pcm(ear.samples).last(8'000)) <= 2'307 * 5 / 4);
  // Gone altogether: made up for.
  ear.set_up({audio_payload(kG722)}, 8'000, BufferSize::kLarge);
  for (int tick = 6; tick < 30; ++tick)
    (void)ear.pull(line.now_ms + 10 * tick + 4);
  CHECK_TRUE(sines::largest_jump(codec::Pcm(ear.samples).last(8'000)) <= 2'307 * 5 / 4);
}

TEST("a codec that is taken away is heard to the end of what waits, and fades") {
  for (const auto& [from, to] :
       {std::pair{kG722, kOpus8}, std::pair{kOpus8, kPcma}, std::pair{kPcmu, kG722}}) {
    for (const std::uint32_t rate_hz : {8'000u, 16'000u}) {
      Mouth mouth(sending(from, 8'000));
      Ear ear({audio_payload(from)}, 8'000);
      Line line(mouth, ear);
      Source source = tone_source(8'000, 400);
      line.run(source, 200);
      // The last sample before, so that the first one after is looked at too.
      ear.samples.erase(ear.samples.begin(), ear.samples.end() - 1);
      ear.set_up({audio_payload(to)}, rate_hz);
      for (int tick = 0; tick < 30; ++tick)
        (void)ear.pull(line.now_ms + 10 * tick + 4);
      const codec::Pcm heard = codec::Pcm(ear.samples).subspan(1);
      CHECK_TRUE(sines::level_dbov(heard.first(rate_hz * 3 / 100)) > -18);
      // Of Opus a little of its own noise stays.
      CHECK_TRUE(sines::level_dbov(heard.last(rate_hz / 20)) < -50);
      CHECK_TRUE(sines::largest_jump(ear.samples) <= 2'307 * 5 / 4);
    }
  }
}

TEST("goes over to another size, another rate and another codec within one stream") {
  Mouth mouth(sending(kPcmu, 8'000));
  const std::vector<ReceivablePayload> payloads = {audio_payload(kPcmu), audio_payload(kOpus8),
                                                   audio_payload(kG722)};
  Ear ear(payloads, 8'000, BufferSize::kSmall);
  Line line(mouth, ear, {.jitter_ms = 10});
  Source narrow = tone_source(8'000, 400);
  line.run(narrow, 300);
  ear.set_up(payloads, 8'000, BufferSize::kLarge);
  line.run(narrow, 300);
  CHECK_TRUE(ear.receiver.statistics().delay_mean >= Duration::milliseconds(30));
  CHECK_TRUE(sines::largest_jump(codec::Pcm(ear.samples).subspan(2'000)) <= 2'307 * 5 / 4);
  // The last sample at the old rate, so that the first at the new one is looked at too.
  ear.samples.erase(ear.samples.begin(), ear.samples.end() - 1);
  ear.set_up(payloads, 48'000, BufferSize::kLarge);
  for (const Format& format : {kOpus16, kG722, kPcmu}) {
    REQUIRE(mouth.sender.set_up(sending(format, 8'000)).ok());
    line.run(narrow, 300);
    const codec::Pcm heard = codec::Pcm(ear.samples).last(48'000);
    CHECK_TRUE(std::abs(sines::tone_level_dbov(heard, 400, 48'000) + 16) < 1);
  }
  // Neither where the rate changed nor where a codec followed another.
  CHECK_TRUE(sines::largest_jump(ear.samples) <= 600);
  CHECK_EQ(ear.receiver.statistics().buffer.received, line.network.sent - 1);
}

TEST("a burst greater than its memory displaces the oldest packets, not the newest") {
  Ear ear({audio_payload(kPcmu)}, 8'000, BufferSize::kSmall);
  const Samples silence(160);
  std::vector<std::uint8_t> payload(160, codec::kMuLawSilence);
  // A second of packets at once, the last of them loud.
  for (int index = 0; index < 50; ++index) {
    if (index == 45) payload.assign(160, codec::mu_encode(8'000));
    CHECK_TRUE(ear.hear(0, {.bytes = APacket{}
                                         .payload_type(0)
                                         .sequence(static_cast<std::uint16_t>(index))
                                         .timestamp(160u * index)
                                         .payload(payload)
                                         .bytes()}) == PacketVerdict::kBuffered);
  }
  for (int tick = 0; tick < 30; ++tick)
    (void)ear.pull(10 * tick + 1);
  CHECK_TRUE(ear.receiver.statistics().buffer.discarded >= 35);
  CHECK_TRUE(*std::max_element(ear.samples.begin(), ear.samples.end()) > 7'000);
}

TEST("refuses a setup that can't be, and goes on with the one before") {
  Ear ear({audio_payload(kPcmu)}, 8'000);
  const std::vector<ReceivablePayload> pcma = {audio_payload(kPcma)};
  const std::vector<ReceivablePayload> wrong = {{.payload_type = 130}};
  CHECK_EQ(ear.receiver.set_up({.payloads = pcma, .rate_hz = 11'025}).code(),
           ErrorCode::kConfigInvalid);
  CHECK_EQ(ear.receiver.set_up({.payloads = wrong}).code(), ErrorCode::kConfigInvalid);
  CHECK_EQ(ear.receiver.rate_hz(), 8'000u);
  CHECK_TRUE(ear.hear(0, {.bytes = APacket{}.payload_type(8).bytes()}) == PacketVerdict::kUnknown);
  CHECK_TRUE(ear.hear(0, {.bytes = APacket{}.payload_type(0).sequence(2).bytes()}) ==
             PacketVerdict::kBuffered);
}

TEST("a piece of another length is our own fault") {
  Ear ear({audio_payload(kPcmu)}, 16'000);
  Samples piece(80);
  CHECK_ABORTS((void)ear.receiver.pull(at_ms(0), piece));
}

}  // namespace
