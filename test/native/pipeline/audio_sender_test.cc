// The packets of one leg: their headers, numbers and times whatever is sent, and what is sent when
// it isn't audio.
#include "pipeline/audio_sender.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include "codec/dtmf_detect.h"
#include "codec/event_receiver.h"
#include "codec/opus_packet.h"
#include "native/codec/listen.h"
#include "native/pipeline/audio_rig.h"
#include "rtp/redundancy.h"

namespace {

using namespace test;

Source tone_source(std::uint32_t rate_hz, double hz = 1'000, double dbov = -16) {
  return Source(
      sines::make_tone({.frequency_hz = hz, .level_dbov = dbov, .rate_hz = rate_hz}, rate_hz),
      rate_hz);
}

/// Packets of `pieces` pieces, ten milliseconds apart.
std::vector<Packet> say(Mouth& mouth, Source& source, double from_ms, int pieces) {
  std::vector<Packet> packets;
  for (int index = 0; index < pieces; ++index) {
    for (const Packet& packet : mouth.say(from_ms + 10 * index, source.next()))
      packets.push_back(packet);
  }
  return packets;
}

std::uint32_t timestamp_step(const Packet& from, const Packet& to) {
  return static_cast<std::uint32_t>(
      rtp::timestamp_distance(from.view().timestamp(), to.view().timestamp()));
}
/// Numbers go up by one, the source stays, and what a sink is told agrees with the bytes.
void check_numbering(const std::vector<Packet>& packets) {
  for (std::size_t index = 0; index < packets.size(); ++index) {
    const rtp::PacketView view = packets[index].view();
    const SentFacts& facts = packets[index].facts;
    CHECK_TRUE(view.ssrc() == packets[0].view().ssrc());
    CHECK_EQ(view.sequence(), static_cast<std::uint16_t>(packets[0].view().sequence() + index));
    CHECK_EQ(facts.sequence, view.sequence());
    CHECK_EQ(facts.payload_type, view.payload_type());
    CHECK_EQ(facts.marker, view.marker());
    CHECK_TRUE(facts.packet.ssrc == view.ssrc());
    CHECK_TRUE(facts.packet.timestamp == view.timestamp());
    CHECK_EQ(facts.packet.payload_bytes, view.payload().size());
  }
}

TEST("sends nothing before it is told what the peer wants") {
  AudioSender sender(an_identity(), best_isa());
  Collector sink;
  const Samples piece(80);
  sender.push(at_ms(0), piece, sink);
  sender.push_payload(at_ms(10), std::vector<std::uint8_t>(160), 20, sink);
  CHECK_EQ(sink.packets.size(), 0u);
  CHECK_FALSE(sender.press({.event = 1}));
  CHECK_TRUE(sender.opus() == nullptr);
}

TEST("begins where its identity says, marks the first packet alone, and wraps both numbers") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  const std::vector<Packet> packets = say(mouth, source, 0, 200);
  REQUIRE(packets.size() == 100);
  check_numbering(packets);
  CHECK_EQ(packets[0].view().sequence(), 65'500);
  CHECK_EQ(static_cast<std::uint32_t>(packets[0].view().timestamp()), 0xffff'f000u);
  for (std::size_t index = 0; index < packets.size(); ++index) {
    CHECK_EQ(packets[index].view().marker(), index == 0);
    CHECK_EQ(packets[index].view().payload_type(), 0);
    CHECK_EQ(packets[index].view().payload().size(), 160u);
    if (index > 0) CHECK_EQ(timestamp_step(packets[index - 1], packets[index]), 160u);
  }
  CHECK_EQ(mouth.sender.statistics().audio_packets, 100u);
}

TEST("sends frames of every packet time in every codec's clock") {
  for (const Format& format : {kPcmu, kPcma, kG722, kL16, kOpus8, kOpus16, kOpus48}) {
    for (const std::uint32_t wish_ms : {10u, 20u, 30u, 40u, 50u, 60u}) {
      const std::uint32_t frame_ms =
          format.kind == CodecKind::kOpus ? codec::opus_frame_ms(wish_ms) : wish_ms;
      Mouth mouth(sending(format, 8'000, frame_ms));
      Source source = tone_source(8'000);
      const std::vector<Packet> packets = say(mouth, source, 0, 120);
      REQUIRE(packets.size() == 120 / (frame_ms / 10));
      check_numbering(packets);
      for (std::size_t index = 1; index < packets.size(); ++index) {
        CHECK_EQ(timestamp_step(packets[index - 1], packets[index]),
                 format.clock_hz() / 1'000 * frame_ms);
        CHECK_EQ(packets[index].facts.packet.clock_rate_hz, format.clock_hz());
        if (format.kind != CodecKind::kOpus)
          CHECK_EQ(packets[index].view().payload().size(), format.payload_bytes(frame_ms));
      }
    }
  }
}

TEST("lets time pass in the timestamps while nobody calls, and marks what follows") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  std::vector<Packet> packets = say(mouth, source, 0, 4);
  for (const Packet& packet : say(mouth, source, 1'040, 4))
    packets.push_back(packet);
  REQUIRE(packets.size() == 4);
  check_numbering(packets);
  CHECK_EQ(timestamp_step(packets[1], packets[2]), 160u + 8'000u);
  CHECK_TRUE(packets[2].view().marker());
  CHECK_FALSE(packets[3].view().marker());
}

TEST("takes a caller that comes a little late for one that makes up for it") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  std::vector<Packet> packets;
  for (const double ms : {0.0, 10.0, 55.0, 56.0, 57.0, 58.0, 59.0, 70.0}) {
    for (const Packet& packet : mouth.say(ms, source.next()))
      packets.push_back(packet);
  }
  REQUIRE(packets.size() == 4);
  for (std::size_t index = 1; index < packets.size(); ++index) {
    CHECK_EQ(timestamp_step(packets[index - 1], packets[index]), 160u);
    CHECK_FALSE(packets[index].view().marker());
  }
}

TEST("leaves out a frame that had begun before a gap: its time is over") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  std::vector<Packet> packets = say(mouth, source, 0, 3);
  for (const Packet& packet : say(mouth, source, 500, 4))
    packets.push_back(packet);
  REQUIRE(packets.size() == 3);
  CHECK_EQ(timestamp_step(packets[0], packets[1]), 4'000u);
  CHECK_TRUE(packets[1].view().marker());
  CHECK_EQ(timestamp_step(packets[1], packets[2]), 160u);
  check_numbering(packets);
}

TEST("goes on with numbers and media time when the codec changes, in the new clock") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  std::vector<Packet> packets = say(mouth, source, 0, 4);
  REQUIRE(mouth.sender.set_up(sending(kOpus8, 8'000)).ok());
  for (const Packet& packet : say(mouth, source, 40, 4))
    packets.push_back(packet);
  REQUIRE(mouth.sender.set_up(sending(kG722, 8'000)).ok());
  for (const Packet& packet : say(mouth, source, 80, 4))
    packets.push_back(packet);
  REQUIRE(packets.size() == 6);
  check_numbering(packets);
  CHECK_EQ(timestamp_step(packets[1], packets[2]), 160u);
  CHECK_EQ(timestamp_step(packets[2], packets[3]), 960u);
  CHECK_EQ(timestamp_step(packets[3], packets[4]), 960u);
  CHECK_EQ(timestamp_step(packets[4], packets[5]), 160u);
}

TEST("is not disturbed by an answer that changes nothing, not even in the middle of a frame") {
  for (const Format& format : {kPcmu, kG722, kOpus16}) {
    Mouth left(sending(format, 8'000));
    Mouth right(sending(format, 8'000));
    Source source = tone_source(8'000, 433);
    for (int index = 0; index < 60; ++index) {
      const codec::Pcm piece = source.next();
      if (index % 7 == 3) REQUIRE(right.sender.set_up(sending(format, 8'000)).ok());
      const std::vector<Packet> expected = left.say(10 * index, piece);
      const std::vector<Packet> is = right.say(10 * index, piece);
      REQUIRE(is.size() == expected.size());
      for (std::size_t packet = 0; packet < is.size(); ++packet)
        CHECK_EQ(Bytes(is[packet].bytes), Bytes(expected[packet].bytes));
    }
  }
}

TEST("tunes the Opus encoder it has where no other is needed") {
  SenderSetup setup = sending(kOpus16, 16'000);
  Mouth mouth(setup);
  codec::OpusEncoder* const before = mouth.sender.opus();
  REQUIRE(before != nullptr);
  Source source = tone_source(16'000);
  const std::vector<Packet> rich = say(mouth, source, 0, 100);
  setup.opus.bitrate_bps = 8'000;
  setup.opus.complexity = 0;
  REQUIRE(mouth.sender.set_up(setup).ok());
  const std::vector<Packet> poor = say(mouth, source, 1'000, 100);
  CHECK_TRUE(poor.back().bytes.size() * 3 < rich.back().bytes.size() * 2);
  CHECK_FALSE(poor.front().view().marker());
  setup.opus.complexity = 11;
  CHECK_EQ(mouth.sender.set_up(setup).code(), ErrorCode::kConfigInvalid);
  setup.opus.complexity = 5;
  setup.opus.bitrate_bps = 100;
  CHECK_EQ(mouth.sender.set_up(setup).code(), ErrorCode::kConfigInvalid);
}

TEST("sends ready payloads between encoded ones as one stream") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  const std::vector<std::uint8_t> clip(160, 0x55);
  std::vector<Packet> packets = say(mouth, source, 0, 4);
  for (int index = 0; index < 3; ++index) {
    const std::vector<Packet> sent = mouth.say_payload(40 + 20 * index, clip, 20);
    REQUIRE(sent.size() == 1);
    CHECK_EQ(sent[0].view().payload(), Bytes(clip));
    packets.push_back(sent[0]);
  }
  for (const Packet& packet : say(mouth, source, 100, 4))
    packets.push_back(packet);
  REQUIRE(packets.size() == 7);
  check_numbering(packets);
  for (std::size_t index = 1; index < packets.size(); ++index)
    CHECK_EQ(timestamp_step(packets[index - 1], packets[index]), 160u);
}

TEST("drops half a frame when a ready payload takes over, and counts its time") {
  Mouth mouth(sending(kPcmu, 8'000));
  Source source = tone_source(8'000);
  std::vector<Packet> packets = say(mouth, source, 0, 3);
  const std::vector<std::uint8_t> clip(240, 0x55);
  for (const Packet& packet : mouth.say_payload(30, clip, 30))
    packets.push_back(packet);
  for (const Packet& packet : say(mouth, source, 60, 2))
    packets.push_back(packet);
  REQUIRE(packets.size() == 3);
  check_numbering(packets);
  CHECK_EQ(timestamp_step(packets[0], packets[1]), 240u);
  CHECK_EQ(timestamp_step(packets[1], packets[2]), 240u);
}

TEST("leaves a frame out for an empty payload, and refuses one that fits no packet") {
  Mouth mouth(sending(kOpus8, 8'000));
  CHECK_EQ(mouth.say_payload(0, std::vector<std::uint8_t>(30, 1), 20).size(), 1u);
  CHECK_EQ(mouth.say_payload(20, {}, 20).size(), 0u);
  CHECK_EQ(mouth.say_payload(40, std::vector<std::uint8_t>(2'040, 1), 20).size(), 0u);
  const std::vector<Packet> after = mouth.say_payload(60, std::vector<std::uint8_t>(30, 1), 20);
  REQUIRE(after.size() == 1);
  CHECK_TRUE(after[0].view().marker());
  CHECK_EQ(after[0].view().sequence(), 65'501);
  CHECK_EQ(static_cast<std::uint32_t>(after[0].view().timestamp()), 0xffff'f000u + 3 * 960);
  CHECK_EQ(mouth.sender.statistics().frames_left_out, 1u);
  CHECK_EQ(mouth.sender.statistics().frames_failed, 1u);
}

SenderSetup sending_events(const Format& format, std::uint32_t event_clock_hz = 8'000) {
  SenderSetup setup = sending(format, 8'000);
  setup.event_payload_type = kEventType;
  setup.event_clock_rate_hz = event_clock_hz;
  return setup;
}

TEST("says a key in place of audio: one timestamp, a marker, the end three times") {
  for (const bool clip : {false, true}) {
    Mouth mouth(sending_events(kPcmu));
    Source source = tone_source(8'000);
    std::vector<Packet> packets = say(mouth, source, 0, 4);
    CHECK_TRUE(mouth.sender.press({.event = 5, .volume = 10, .duration_ms = 100}));
    for (int frame = 0; frame < 14; ++frame) {
      const double ms = 40 + 20 * frame;
      std::vector<Packet> sent = clip ? mouth.say_payload(ms, std::vector<std::uint8_t>(160, 7), 20)
                                      : say(mouth, source, ms, 2);
      packets.insert(packets.end(), sent.begin(), sent.end());
    }
    check_numbering(packets);
    std::vector<Packet> events;
    for (const Packet& packet : packets) {
      if (packet.view().payload_type() == kEventType) events.push_back(packet);
    }
    // 100 ms are five packets, the last of which is sent three times.
    REQUIRE(events.size() == 7);
    CHECK_EQ(mouth.sender.statistics().event_packets, 7u);
    CHECK_EQ(timestamp_step(packets[1], events[0]), 160u);
    for (std::size_t index = 0; index < events.size(); ++index) {
      CHECK_EQ(timestamp_step(events[0], events[index]), 0u);
      CHECK_EQ(events[index].view().marker(), index == 0);
      CHECK_EQ(events[index].facts.packet.clock_rate_hz, 0u);
      const codec::TelephoneEvent event =
          codec::parse_telephone_event(events[index].view().payload()).value();
      CHECK_EQ(event.event, 5);
      CHECK_EQ(event.end, index >= 4);
      CHECK_EQ(event.duration, std::min<std::size_t>((index + 1) * 160, 800));
    }
    // Audio comes back where media time has come to, marked.
    const Packet& back = packets[2 + 7];
    CHECK_EQ(back.view().payload_type(), 0);
    CHECK_TRUE(back.view().marker());
    CHECK_EQ(timestamp_step(events[0], back) % 160, 0u);
    CHECK_FALSE(mouth.sender.saying_digits());
  }
}

TEST("counts events in their own clock where it differs from the codec's") {
  Mouth mouth(sending_events(kOpus8, 8'000));
  Source source = tone_source(8'000);
  (void)say(mouth, source, 0, 100);
  std::vector<Packet> events;
  for (int press = 0; press < 2; ++press) {
    CHECK_TRUE(mouth.sender.press({.event = 1, .duration_ms = 60}));
    for (const Packet& packet : say(mouth, source, 1'000 + 500 * press, 50)) {
      if (packet.view().payload_type() == kEventType) events.push_back(packet);
    }
  }
  REQUIRE(events.size() == 10);
  CHECK_EQ(static_cast<std::uint32_t>(events[0].view().timestamp()), 0xffff'f000u + 8'000);
  CHECK_EQ(timestamp_step(events[0], events[5]), 4'000u);
}

TEST("says keys on the audio's own timestamps again once both have one clock") {
  Mouth mouth(sending_events(kOpus8, 8'000));
  Source source = tone_source(8'000);
  (void)say(mouth, source, 0, 100);
  REQUIRE(mouth.sender.set_up(sending_events(kPcmu, 8'000)).ok());
  const std::vector<Packet> before = say(mouth, source, 1'000, 2);
  CHECK_TRUE(mouth.sender.press({.event = 1, .duration_ms = 60}));
  const std::vector<Packet> events = say(mouth, source, 1'020, 2);
  REQUIRE(before.size() == 1);
  REQUIRE(events.size() == 1);
  CHECK_EQ(events[0].view().payload_type(), kEventType);
  CHECK_EQ(timestamp_step(before[0], events[0]), 160u);
}

TEST("a report that is written while a key is held tells the time that the stream has come to") {
  Mouth mouth(sending_events(kPcmu));
  Source source = tone_source(8'000);
  Reporter reporter(rtp::Ssrc{1});
  Prng prng(1);
  std::array<std::uint8_t, kReportBytesMax> room;
  const std::array<std::uint8_t, 4> cname{'n', 'o', 'd', 'e'};
  // Audio first, then the key, for as long as the report takes to become due.
  double ms = 0;
  Bytes report;
  for (; report.empty() && ms < 20'000; ms += 10) {
    if (ms == 100) CHECK_TRUE(mouth.sender.press({.event = 5, .duration_ms = 60'000}));
    for (const Packet& packet : mouth.say(ms, source.next()))
      reporter.on_sent(at_ms(ms), packet.facts.packet);
    rtp::SourceStatistics statistics;
    if (reporter.due(at_ms(ms), false, prng))
      report = reporter.write({at_ms(ms), Duration::zero(), cname}, statistics, prng, room);
  }
  REQUIRE(!report.empty());
  CHECK_TRUE(mouth.sender.statistics().event_packets > 20);
  auto reader = rtp::CompoundReader::parse(report, rtp::CompoundRule::kCompound);
  rtp::RtcpPacket packet;
  REQUIRE(reader.ok() && reader->next(packet));
  const auto parsed = rtp::parse_sender_report(packet);
  REQUIRE(parsed.ok());
  // A frame leaves when its last piece has come.
  const auto sent_ms = static_cast<std::uint32_t>(ms) - 10;
  CHECK_EQ(static_cast<std::uint32_t>(parsed->rtp_timestamp), 0xffff'f000u + (sent_ms - 10) * 8);
}

TEST("sounds digits to a peer without events, loud and clean enough for its detector") {
  for (const Format& format : {kPcmu, kG722}) {
    Mouth mouth(sending(format, 8'000));
    Ear ear({audio_payload(format)}, 8'000, jitter::BufferSize::kSmall, true);
    Source source(test::voice(8'000, 120, 80'000, -20), 8'000);
    const std::string digits = "159D*0#";
    mouth.sender.set_digit_pause(60);
    for (const char digit : digits) {
      const codec::EventPress press{.event = *codec::event_of_digit(digit), .duration_ms = 80};
      CHECK_TRUE(mouth.sender.press(press));
    }
    for (int tick = 0; tick < 200; ++tick) {
      for (const Packet& packet : mouth.say(10 * tick, source.next())) {
        CHECK_EQ(packet.view().payload_type(), type_of(format));
        ear.hear(10 * tick, packet);
      }
      (void)ear.pull(10 * tick);
    }
    std::string heard;
    for (const Digit& digit : ear.digits) {
      CHECK_TRUE(digit.in_band);
      if (digit.edge.kind == codec::EventEdge::Kind::kStart) {
        heard += *codec::digit_of_event(digit.edge.event);
      } else {
        CHECK_TRUE(std::abs(int(digit.edge.duration_units) - 80 * 8) <= 12 * 8);
      }
    }
    CHECK_EQ(heard, digits);
    CHECK_FALSE(mouth.sender.saying_digits());
  }
}

TEST("sounds digits in place of a clip too") {
  Mouth mouth(sending(kPcmu, 8'000));
  Ear ear({audio_payload(kPcmu)}, 8'000, jitter::BufferSize::kSmall, true);
  const std::vector<std::uint8_t> clip(160, 0x9a);
  for (int frame = 0; frame < 60; ++frame) {
    if (frame == 10) CHECK_TRUE(mouth.sender.press({.event = 9, .duration_ms = 100}));
    for (const Packet& packet : mouth.say_payload(20 * frame, clip, 20)) {
      CHECK_EQ(packet.view().payload().size(), 160u);
      ear.hear(20 * frame, packet);
    }
    (void)ear.pull(20 * frame);
    (void)ear.pull(20 * frame + 10);
  }
  REQUIRE(ear.digits.size() == 2);
  CHECK_EQ(ear.digits[0].edge.event, 9);
  CHECK_EQ(mouth.sender.statistics().audio_packets, 60u);
}

TEST("refuses digits beyond its queue, and forgets what waits when asked") {
  Mouth mouth(sending_events(kPcmu));
  for (std::uint32_t index = 0; index < kEventQueueMax; ++index)
    CHECK_TRUE(mouth.sender.press({.event = 1}));
  CHECK_FALSE(mouth.sender.press({.event = 1}));
  CHECK_EQ(mouth.sender.statistics().digits_refused, 1u);
  CHECK_TRUE(mouth.sender.saying_digits());
  mouth.sender.cancel_digits();
  CHECK_FALSE(mouth.sender.saying_digits());
}

TEST("goes on saying a digit over an answer that leaves events as they are") {
  Mouth mouth(sending_events(kPcmu));
  Source source = tone_source(8'000);
  CHECK_TRUE(mouth.sender.press({.event = 3, .duration_ms = 200}));
  std::vector<Packet> packets = say(mouth, source, 0, 6);
  REQUIRE(mouth.sender.set_up(sending_events(kPcma)).ok());
  for (const Packet& packet : say(mouth, source, 60, 60))
    packets.push_back(packet);
  std::size_t events = 0;
  for (const Packet& packet : packets) {
    if (packet.view().payload_type() != kEventType) continue;
    CHECK_TRUE(packet.view().timestamp() == packets[0].view().timestamp());
    ++events;
  }
  CHECK_EQ(events, 12u);
}

SenderSetup sending_noise(const Format& format) {
  SenderSetup setup = sending(format, 8'000);
  setup.noise_payload_type = kNoiseType;
  return setup;
}

TEST("describes a pause instead of encoding it, and marks the voice that ends it") {
  Mouth mouth(sending_noise(kPcmu));
  Prng prng(1);
  // Two seconds of voice over a faint background, three of the background alone, voice again.
  Samples sound = test::voice(8'000, 130, 16'000, -20);
  sound.resize(40'000);
  const Samples again = test::voice(8'000, 130, 8'000, -20);
  sound.insert(sound.end(), again.begin(), again.end());
  test::add_noise(sound, -60, prng);
  Source source(sound, 8'000);
  (void)say(mouth, source, 0, 200);
  const std::vector<Packet> pause = say(mouth, source, 2'000, 300);
  const std::vector<Packet> voice = say(mouth, source, 5'000, 50);
  std::size_t noises = 0;
  for (const Packet& packet : pause) {
    if (packet.view().payload_type() != kNoiseType) continue;
    ++noises;
    CHECK_TRUE(packet.facts.kind == SentKind::kComfortNoise);
    CHECK_FALSE(packet.view().marker());
    const codec::ComfortNoise noise = codec::parse_comfort_noise(packet.view().payload()).value();
    CHECK_TRUE(std::abs(noise.level_dbov + 60) <= 2);
  }
  CHECK_TRUE(noises >= 2 && noises <= 5);
  CHECK_TRUE(pause.size() < 150 / 4);
  CHECK_TRUE(mouth.sender.statistics().frames_left_out > 110);
  bool is_marked = false;
  for (const Packet& packet : voice) {
    if (packet.view().payload_type() != 0) continue;
    CHECK_EQ(packet.view().marker(), !is_marked);
    is_marked = true;
  }
  CHECK_TRUE(is_marked);
}

TEST("never takes a steady tone for a pause") {
  Mouth mouth(sending_noise(kPcmu));
  Source source = tone_source(8'000, 425, -20);
  CHECK_EQ(say(mouth, source, 0, 1'000).size(), 500u);
  CHECK_EQ(mouth.sender.statistics().noise_packets, 0u);
}

TEST("leaves silence to Opus where the peer likes that") {
  SenderSetup setup = sending_noise(kOpus8);
  setup.opus = codec::opus_policy({.use_dtx = true}, {.source_rate_hz = 8'000});
  Mouth mouth(setup);
  Source silence(Samples(8'000), 8'000);
  (void)say(mouth, silence, 0, 100);
  const std::vector<Packet> packets = say(mouth, silence, 1'000, 200);
  CHECK_TRUE(packets.size() < 15);
  CHECK_TRUE(mouth.sender.statistics().frames_left_out > 80);
  CHECK_EQ(mouth.sender.statistics().noise_packets, 0u);
  for (std::size_t index = 1; index < packets.size(); ++index)
    CHECK_TRUE(timestamp_step(packets[index - 1], packets[index]) >= 960);
}

TEST("sends each frame once more with the next, where the peer wants that") {
  SenderSetup setup = sending(kPcmu, 8'000);
  setup.redundancy_payload_type = kRedundantType;
  Mouth mouth(setup);
  Mouth plain(sending(kPcmu, 8'000));
  Source source = tone_source(8'000, 433);
  Source same = tone_source(8'000, 433);
  const std::vector<Packet> packets = say(mouth, source, 0, 20);
  const std::vector<Packet> expected = say(plain, same, 0, 20);
  REQUIRE(packets.size() == 10 && expected.size() == 10);
  check_numbering(packets);
  for (std::size_t index = 0; index < packets.size(); ++index) {
    CHECK_EQ(packets[index].view().payload_type(), kRedundantType);
    const rtp::RedundantPayload redundant =
        rtp::RedundantPayload::parse(packets[index].view().payload()).value();
    CHECK_EQ(redundant.primary().payload_type, 0);
    CHECK_EQ(redundant.primary().payload, expected[index].view().payload());
    REQUIRE(redundant.earlier_count() == (index == 0 ? 0u : 1u));
    if (index == 0) continue;
    CHECK_EQ(redundant.earlier(0).timestamp_offset, 160u);
    CHECK_EQ(redundant.earlier(0).payload, expected[index - 1].view().payload());
  }
}

TEST("has no redundancy across a gap, nor where it would not fit") {
  SenderSetup setup = sending(kPcmu, 8'000);
  setup.redundancy_payload_type = kRedundantType;
  Mouth mouth(setup);
  const auto earlier_count = [&](double ms, std::size_t bytes) {
    const std::vector<Packet> sent = mouth.say_payload(ms, std::vector<std::uint8_t>(bytes, 1), 20);
    CHECK_EQ(sent.size(), 1u);
    if (sent[0].view().payload_type() != kRedundantType) return -1;
    return static_cast<int>(
        rtp::RedundantPayload::parse(sent[0].view().payload()).value().earlier_count());
  };
  CHECK_EQ(earlier_count(0, 160), 0);
  CHECK_EQ(earlier_count(20, 160), 1);
  CHECK_EQ(earlier_count(500, 160), 0);
  CHECK_EQ(earlier_count(520, 1'020), 1);
  CHECK_EQ(earlier_count(540, 1'020), -1);
  CHECK_EQ(earlier_count(560, 1'500), -1);
  CHECK_EQ(earlier_count(580, 160), 0);
}

TEST("refuses a setup that can't be, and goes on with the one before") {
  Mouth mouth(sending(kPcmu, 8'000));
  const auto is_refused = [&](auto change) {
    SenderSetup setup = sending(kPcma, 8'000);
    change(setup);
    return mouth.sender.set_up(setup).code() == ErrorCode::kConfigInvalid &&
           mouth.sender.setup().payload_type == 0;
  };
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.payload_type = 128; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.source_rate_hz = 44'100; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.frame_ms = 15; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.format.rate_hz = 16'000; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.event_payload_type = 200; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.noise_payload_type = 128; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.redundancy_payload_type = 254; }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) {
    setup.event_payload_type = 101;
    setup.event_clock_rate_hz = 0;
  }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) {
    setup.format = {CodecKind::kL16, 48'000};
    setup.frame_ms = 30;
  }));
  CHECK_TRUE(is_refused([](SenderSetup& setup) { setup.format = kOpus16; }));
  Source source = tone_source(8'000);
  CHECK_EQ(say(mouth, source, 0, 4).size(), 2u);
}

TEST("a piece of another length is our own fault") {
  Mouth mouth(sending(kPcmu, 8'000));
  const Samples piece(160);
  CHECK_ABORTS((void)mouth.say(0, piece));
}

}  // namespace
