// What one leg is heard like when the network or the peer misbehaves: delay, order, loss, lengths,
// restarts, strangers, garbage. Digits, pauses and new answers are in audio_playout_test.cc.
#include "pipeline/audio_receiver.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>

#include "codec/g711.h"
#include "codec/telephone_event.h"
#include "native/codec/listen.h"
#include "native/pipeline/audio_rig.h"
#include "native/rtp/build.h"
#include "rtp/redundancy.h"

namespace {

using namespace test;
using jitter::BufferSize;

/// A peer, a network and an ear.
struct Stream {
  struct Setup {
    Network::Setup network = {};
    BufferSize buffer_size = BufferSize::kMedium;
    std::uint32_t frame_ms = 20;
    std::uint32_t rate_hz = 0;  ///< of the ear; 0 = the format's
    double drift_ppm = 0;       ///< by which the peer's clock is fast
  };
  Stream(const Format& format, const Setup& setup)
      : mouth(sending(format, format.rate_hz, setup.frame_ms)),
        ear({audio_payload(format), payload_of(kEventType, PayloadRole::kTelephoneEvent),
             payload_of(kNoiseType, PayloadRole::kComfortNoise),
             payload_of(kRedundantType, PayloadRole::kRedundancy)},
            setup.rate_hz == 0 ? format.rate_hz : setup.rate_hz, setup.buffer_size),
        network(setup.network),
        step_ms(10 / (1 + setup.drift_ppm / 1e6)) {}

  PullFacts tick(codec::Pcm said) {
    for (; said_ms <= now_ms; said_ms += step_ms) {
      for (const Packet& packet : mouth.say(said_ms, said))
        network.send(said_ms, packet);
    }
    network.deliver(now_ms + 4, [&](double at, const Packet& packet) { ear.hear(at, packet); });
    const PullFacts facts = ear.pull(now_ms + 4);
    now_ms += 10;
    return facts;
  }
  void run(Source& source, int ticks) {
    for (int index = 0; index < ticks; ++index)
      (void)tick(source.next());
  }
  [[nodiscard]] ReceiverStatistics statistics() const { return ear.receiver.statistics(); }

  Mouth mouth;
  Ear ear;
  Network network;
  double step_ms;
  double now_ms = 0;
  double said_ms = 0;
};

Source tone_source(std::uint32_t rate_hz, double hz = 1'000, double dbov = -16) {
  return Source(
      sines::make_tone({.frequency_hz = hz, .level_dbov = dbov, .rate_hz = rate_hz}, rate_hz),
      rate_hz);
}
/// The greatest step that a tone makes by itself.
int slope_of(double hz, double dbov, std::uint32_t rate_hz) {
  return static_cast<int>(2 * M_PI * hz / rate_hz * 32'768 * std::sqrt(2.0) *
                          std::pow(10, dbov / 20)) +
         1;
}

TEST("A22 larger sizes play later and conceal less under the same jitter") {
  Duration delay_last = Duration::zero();
  std::uint64_t concealed_last = ~std::uint64_t{0};
  for (const BufferSize size :
       {BufferSize::kOff, BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    // Most packets come within 40 ms, one in fifty 60 ms later.
    Stream stream(kPcmu, {.network = {.jitter_ms = 40, .reorder = 0.02, .reorder_ms = 60},
                          .buffer_size = size});
    Source source = tone_source(8'000);
    stream.run(source, 6'000);
    const ReceiverStatistics statistics = stream.statistics();
    CHECK_TRUE(statistics.buffer.delay_mean() > delay_last);
    CHECK_TRUE(statistics.concealed_ms < concealed_last);
    delay_last = statistics.buffer.delay_mean();
    concealed_last = statistics.concealed_ms;
  }
}

TEST(
    "A22 a buffer holds all that comes within its delay, at every bitrate that speech has use "
    "for") {
  struct Case {
    BufferSize size;
    double jitter_ms;
  };
  for (const auto& [size, jitter_ms] :
       {Case{BufferSize::kSmall, 95}, {BufferSize::kMedium, 195}, {BufferSize::kLarge, 390}}) {
    for (const std::uint32_t bitrate_bps : {32'000u, 64'000u, 128'000u}) {
      Stream stream(kOpus48,
                    {.network = {.jitter_ms = jitter_ms}, .buffer_size = size, .rate_hz = 8'000});
      SenderSetup setup = sending(kOpus48, 48'000);
      setup.opus = codec::opus_policy(
          {.cbr = true}, {.source_rate_hz = 48'000, .bitrate_bps = bitrate_bps, .complexity = 0});
      REQUIRE(stream.mouth.sender.set_up(setup).ok());
      Source source = tone_source(48'000, 440);
      stream.run(source, 1'500);
      const ReceiverStatistics statistics = stream.statistics();
      CHECK_EQ(statistics.buffer.discarded, 0u);
      CHECK_EQ(statistics.malformed, 0u);
      CHECK_TRUE(statistics.delay_target.ms() > 0.8 * jitter_ms);
      CHECK_EQ(statistics.comfort_ms, 0u);
      // All but those that came too late.
      CHECK_TRUE(statistics.buffer.played + statistics.buffer.late > 720);
      const codec::Pcm heard = codec::Pcm(stream.ear.samples).last(4'000);
      CHECK_TRUE(std::abs(sines::tone_level_dbov(heard, 440, 8'000) + 16) <= 2);
    }
  }
}

TEST("A23 jitter, disorder and loss leave the order of what is heard, and are counted") {
  Stream stream(kPcmu, {.network = {.loss = 0.02, .jitter_ms = 30, .reorder = 0.05}});
  // A pitch that only ever rises.
  constexpr std::size_t kSeconds = 20;
  Samples sweep(8'000 * kSeconds);
  double phase = 0;
  for (std::size_t index = 0; index < sweep.size(); ++index) {
    phase += 2 * M_PI * (300 + 100.0 * static_cast<double>(index) / 8'000) / 8'000;
    sweep[index] = static_cast<std::int16_t>(8'000 * std::sin(phase));
  }
  Source source(sweep, 8'000);
  stream.run(source, 100 * kSeconds - 30);
  double highest_hz = 300;
  for (std::size_t at = 8'000; at + 800 < stream.ear.samples.size(); at += 800) {
    const codec::Pcm window = codec::Pcm(stream.ear.samples).subspan(at, 800);
    const double hz = test::loudest_hz(window, 8'000, highest_hz - 150, highest_hz + 250);
    CHECK_TRUE(hz > highest_hz - 20);
    highest_hz = std::max(highest_hz, hz);
  }
  CHECK_TRUE(highest_hz > 2'150);
  const ReceiverStatistics statistics = stream.statistics();
  CHECK_EQ(statistics.buffer.lost, stream.network.lost);
  CHECK_TRUE(statistics.buffer.late > 0);
  CHECK_TRUE(statistics.buffer.reordered > 0);
  CHECK_TRUE(statistics.concealed_ms >= 20 * (statistics.buffer.lost - 1));
  CHECK_TRUE(statistics.delay_mean > Duration::milliseconds(5));
  CHECK_TRUE(statistics.delay_mean < Duration::milliseconds(80));
  CHECK_TRUE(statistics.jitter > Duration::milliseconds(3));
}

TEST("A27 loss, jitter, delay and MOS come from the packets themselves") {
  Stream stream(kPcmu, {.network = {.loss = 0.03, .jitter_ms = 20, .seed = 4}});
  Source source = tone_source(8'000);
  stream.run(source, 3'000);
  const ReceiverStatistics statistics = stream.statistics();
  CHECK_EQ(statistics.buffer.lost, stream.network.lost);
  CHECK_TRUE(statistics.jitter > Duration::milliseconds(2));
  CHECK_TRUE(statistics.delay_mean > Duration::zero());
  const jitter::Quality quality = stream.ear.receiver.quality(Duration::zero());
  CHECK_TRUE(quality.mos_lq > 3.9 && quality.mos_lq < 4.4);
  CHECK_TRUE(quality.mos_cq <= quality.mos_lq);
  const jitter::Quality far = stream.ear.receiver.quality(Duration::milliseconds(400));
  CHECK_TRUE(far.mos_cq < quality.mos_cq - 0.5);
  CHECK_EQ(far.mos_lq, quality.mos_lq);
}

TEST("conceals at least 99 % of what 5 % of random loss takes, and sounds 3.9 or better") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    Stream stream(kPcmu, {.network = {.lost_of_20 = 1, .jitter_ms = 5, .seed = seed}});
    Source source = tone_source(8'000, 400);
    stream.run(source, 6'000);
    const ReceiverStatistics statistics = stream.statistics();
    CHECK_EQ(stream.network.lost, 150u);
    CHECK_TRUE(statistics.concealed_ms * 100 >= stream.network.lost * 20 * 99);
    CHECK_TRUE(stream.ear.receiver.quality(Duration::zero()).mos_lq >= 3.9);
    const codec::Pcm heard = codec::Pcm(stream.ear.samples).subspan(4'000);
    CHECK_TRUE(sines::largest_jump(heard) <= slope_of(400, -16, 8'000) * 5 / 4);
  }
}

TEST("survives bursts that take 10 %, with every codec, without a click") {
  for (const Format& format : {kPcmu, kPcma, kG722, kL16, kOpus8, kOpus48}) {
    Stream stream(format, {.network = {.loss = 0.1, .burst = 4, .jitter_ms = 10}});
    Source source = tone_source(format.rate_hz, 400);
    stream.run(source, 3'000);
    const codec::Pcm heard = codec::Pcm(stream.ear.samples).subspan(format.rate_hz / 2);
    // No step of more than one and a half times what the tone has itself.
    CHECK_TRUE(sines::largest_jump(heard) <= slope_of(400, -16, format.rate_hz) * 3 / 2);
    CHECK_TRUE(std::abs(sines::loudest_near_hz(heard.last(format.rate_hz), 400, format.rate_hz) -
                        400) < 1);
    CHECK_TRUE(stream.statistics().concealed_ms * 100 >= stream.network.lost * 20 * 90);
  }
}

TEST("follows a sender whose clock is off by 200 ppm either way, without a click") {
  for (const double ppm : {-200.0, 200.0}) {
    Stream stream(kPcmu, {.network = {.jitter_ms = 3}, .drift_ppm = ppm});
    Source source = tone_source(8'000, 400);
    stream.run(source, 12'000);
    const ReceiverStatistics statistics = stream.statistics();
    CHECK_TRUE(statistics.stretched > 0);
    CHECK_TRUE(statistics.delay_mean < Duration::milliseconds(45));
    CHECK_TRUE(statistics.buffer.late + statistics.buffer.discarded <= 2);
    CHECK_TRUE(sines::largest_jump(codec::Pcm(stream.ear.samples).subspan(4'000)) <=
               slope_of(400, -16, 8'000) * 5 / 4);
  }
}

TEST("takes packets of every length from 10 to 120 ms, and refuses longer ones") {
  for (const std::uint32_t ms : {10u, 20u, 30u, 60u, 90u, 120u, 130u, 187u}) {
    Ear ear({audio_payload(kPcmu)}, 8'000);
    const std::vector<std::uint8_t> payload = mu_tone(8 * ms);
    double due_ms = 0;
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    for (double now_ms = 0; now_ms < 2'000; now_ms += 10) {
      if (now_ms >= due_ms) {
        const PacketVerdict verdict = ear.hear(
            now_ms,
            packet_of(APacket{}.payload_type(0).sequence(sequence).timestamp(timestamp).payload(
                payload)));
        CHECK_TRUE(verdict == (ms <= 120 ? PacketVerdict::kBuffered : PacketVerdict::kMalformed));
        ++sequence;
        timestamp += 8 * ms;
        due_ms += ms;
      }
      (void)ear.pull(now_ms + 1);
    }
    const ReceiverStatistics statistics = ear.receiver.statistics();
    const double level = sines::level_dbov(codec::Pcm(ear.samples).last(8'000));
    if (ms > 120) {
      CHECK_EQ(level, -200);
      CHECK_EQ(statistics.buffer.invalid, sequence);
    } else {
      CHECK_TRUE(std::abs(level + 13) < 0.5);
      CHECK_EQ(statistics.concealed_ms, 0u);
    }
  }
}

TEST("takes Opus packets of 120 ms, whatever they are decoded at") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    // Six frames of 20 ms in one packet of our own making: code 3, sizes told (RFC 6716 §3.2.5).
    Mouth mouth(sending(kOpus16, 16'000));
    Ear ear({audio_payload(kOpus16)}, rate_hz);
    Source source = tone_source(16'000);
    std::uint16_t sequence = 0;
    for (int turn = 0; turn < 20; ++turn) {
      std::vector<std::uint8_t> frames;
      std::vector<std::uint8_t> sizes;
      std::uint8_t toc = 0;
      for (int index = 0; index < 12; ++index) {
        for (const Packet& packet : mouth.say(120 * turn + 10 * index, source.next())) {
          const Bytes payload = packet.view().payload();
          toc = payload[0];
          const std::size_t bytes = payload.size() - 1;
          frames.insert(frames.end(), payload.begin() + 1, payload.end());
          if (bytes >= 252) {
            sizes.push_back(static_cast<std::uint8_t>(252 + bytes % 4));
            sizes.push_back(static_cast<std::uint8_t>((bytes - sizes.back()) / 4));
          } else {
            sizes.push_back(static_cast<std::uint8_t>(bytes));
          }
        }
      }
      sizes.pop_back();
      std::vector<std::uint8_t> whole{static_cast<std::uint8_t>(toc | 3), 0x80 | 6};
      whole.insert(whole.end(), sizes.begin(), sizes.end());
      whole.insert(whole.end(), frames.begin(), frames.end());
      CHECK_TRUE(ear.hear(120 * turn, packet_of(APacket{}
                                                    .payload_type(111)
                                                    .sequence(sequence++)
                                                    .timestamp(5'760u * turn)
                                                    .payload(whole))) == PacketVerdict::kBuffered);
      for (int index = 0; index < 12; ++index)
        (void)ear.pull(120 * turn + 10 * index);
    }
    const codec::Pcm heard = codec::Pcm(ear.samples).last(rate_hz);
    CHECK_TRUE(std::abs(sines::tone_level_dbov(heard, 1'000, rate_hz) + 16) < 1);
    CHECK_EQ(ear.receiver.statistics().concealed_ms, 0u);
  }
}

TEST("a packet of a foreign source is counted and never heard") {
  Stream stream(kPcmu, {});
  Stream same(kPcmu, {});
  Source source = tone_source(8'000, 400);
  Source again = tone_source(8'000, 400);
  const std::vector<std::uint8_t> loud(160, 0x80);
  for (int index = 0; index < 300; ++index) {
    (void)stream.tick(source.next());
    (void)same.tick(again.next());
    if (index % 10 == 5) {
      CHECK_TRUE(stream.ear.hear(stream.now_ms - 1,
                                 packet_of(APacket{}
                                               .payload_type(0)
                                               .sequence(static_cast<std::uint16_t>(index * 77))
                                               .ssrc(0xbad)
                                               .payload(loud))) == PacketVerdict::kRefused);
    }
  }
  CHECK_TRUE(stream.ear.samples == same.ear.samples);
  CHECK_TRUE(stream.statistics().buffer.discarded >= 29);
}

TEST("packets that come a moment late are joined to what stood in for them without a click") {
  for (const Format& format : {kPcmu, kG722, kL16}) {
    // Now and then one comes after its time, but before the next one.
    Stream stream(format, {.network = {.reorder = 0.015, .reorder_ms = 18},
                           .buffer_size = BufferSize::kSmall});
    Source source = tone_source(format.rate_hz, 200);
    stream.run(source, 3'000);
    const ReceiverStatistics statistics = stream.statistics();
    CHECK_TRUE(statistics.concealed_ms >= 100);
    CHECK_TRUE(statistics.buffer.unplayed <= 3);
    CHECK_TRUE(statistics.buffer.delay_mean() < Duration::milliseconds(30));
    const codec::Pcm heard = codec::Pcm(stream.ear.samples).subspan(format.rate_hz);
    CHECK_TRUE(sines::largest_jump(heard) <= slope_of(200, -16, format.rate_hz) * 5 / 4);
  }
}

TEST("packets of an unknown type under a foreign SSRC, in order or not, leave the stream alone") {
  for (const std::uint16_t step : {1, 3}) {
    Stream stream(kPcmu, {});
    Stream same(kPcmu, {});
    Source source = tone_source(8'000, 400);
    Source again = tone_source(8'000, 400);
    std::uint16_t sequence = 40'000;
    for (int index = 0; index < 300; ++index) {
      (void)stream.tick(source.next());
      (void)same.tick(again.next());
      for (int packet = 0; packet < (index % 10 == 5 ? 3 : 0); ++packet, sequence += step) {
        const bool is_empty = index % 20 == 5;
        const PacketVerdict verdict = stream.ear.hear(
            stream.now_ms - 1,
            packet_of(APacket{}
                          .payload_type(is_empty ? 0 : 99)
                          .sequence(sequence)
                          .ssrc(0xbad)
                          .payload(std::vector<std::uint8_t>(is_empty ? 0 : 160, 0x80))));
        CHECK_TRUE(verdict == (is_empty ? PacketVerdict::kEmpty : PacketVerdict::kUnknown));
      }
    }
    CHECK_TRUE(stream.ear.samples == same.ear.samples);
    CHECK_EQ(stream.statistics().buffer.restarts, 0u);
  }
}

TEST("digits under an SSRC of their own are told, and the audio goes on as without them") {
  Stream stream(kPcmu, {});
  Stream same(kPcmu, {});
  Source source = tone_source(8'000, 400);
  Source again = tone_source(8'000, 400);
  std::uint16_t sequence = 9;
  std::uint16_t duration = 0;
  // The first before any audio.
  double said_ms = 0;
  const auto say = [&](std::uint8_t event, std::uint32_t timestamp, bool end) {
    duration = static_cast<std::uint16_t>(duration + (end ? 0 : 160));
    const auto payload =
        codec::write_telephone_event({.event = event, .end = end, .duration = duration});
    return stream.ear.hear(said_ms, packet_of(APacket{}
                                                  .payload_type(kEventType)
                                                  .sequence(sequence++)
                                                  .timestamp(timestamp)
                                                  .ssrc(0xd161)
                                                  .payload({payload.begin(), payload.end()})));
  };
  CHECK_TRUE(say(5, 1'000, false) == PacketVerdict::kEvent);
  for (int end = 0; end < 3; ++end)
    CHECK_TRUE(say(5, 1'000, true) == PacketVerdict::kEvent);
  for (int index = 0; index < 300; ++index) {
    (void)stream.tick(source.next());
    (void)same.tick(again.next());
    said_ms = stream.now_ms - 1;
    if (index == 100) duration = 0;
    if (index >= 100 && index < 116 && index % 2 == 0) {
      CHECK_TRUE(say(7, 20'000, index >= 110) == PacketVerdict::kEvent);
    }
  }
  REQUIRE(stream.ear.digits.size() == 4);
  for (const std::size_t press : {0u, 2u}) {
    const std::uint8_t event = press == 0 ? 5 : 7;
    CHECK_TRUE(stream.ear.digits[press].edge.kind == codec::EventEdge::Kind::kStart);
    CHECK_EQ(stream.ear.digits[press].edge.event, event);
    CHECK_TRUE(stream.ear.digits[press + 1].edge.kind == codec::EventEdge::Kind::kEnd);
    CHECK_EQ(stream.ear.digits[press + 1].edge.duration_units, press == 0 ? 160u : 800u);
  }
  CHECK_TRUE(stream.ear.samples == same.ear.samples);
  CHECK_EQ(stream.statistics().buffer.restarts, 0u);
}

TEST("while audio is heard, a stray event of another SSRC is no key, two in order are") {
  Stream stream(kPcmu, {});
  Source source = tone_source(8'000, 400);
  stream.run(source, 50);
  const auto payload = codec::write_telephone_event({.event = 3, .duration = 160});
  const auto say = [&](std::uint32_t ssrc, std::uint16_t sequence) {
    return stream.ear.hear(stream.now_ms,
                           packet_of(APacket{}
                                         .payload_type(kEventType)
                                         .sequence(sequence)
                                         .timestamp(5'000)
                                         .ssrc(ssrc)
                                         .payload({payload.begin(), payload.end()})));
  };
  CHECK_TRUE(say(7, 100) == PacketVerdict::kRefused);
  CHECK_TRUE(say(7, 100) == PacketVerdict::kRefused);
  CHECK_TRUE(say(8, 101) == PacketVerdict::kRefused);
  CHECK_TRUE(say(7, 102) == PacketVerdict::kRefused);
  CHECK_TRUE(stream.ear.digits.empty());
  CHECK_TRUE(say(7, 103) == PacketVerdict::kEvent);
  CHECK_TRUE(say(7, 104) == PacketVerdict::kEvent);
  CHECK_EQ(stream.ear.digits.size(), 1u);
}

TEST("never hears what it wasn't told of: wrong types, no payload, half a packet, garbage") {
  Ear ear(
      {audio_payload(kOpus8), audio_payload(kL16), payload_of(101, PayloadRole::kTelephoneEvent),
       payload_of(kRedundantType, PayloadRole::kRedundancy)},
      8'000);
  struct Case {
    std::uint8_t payload_type;
    std::vector<std::uint8_t> payload;
    PacketVerdict verdict;
  };
  const std::vector<Case> cases = {
      {0, std::vector<std::uint8_t>(160, 0x80), PacketVerdict::kUnknown},
      {127, std::vector<std::uint8_t>(1'500, 0x80), PacketVerdict::kUnknown},
      {111, {}, PacketVerdict::kEmpty},
      {96, {}, PacketVerdict::kEmpty},
      {111, std::vector<std::uint8_t>(1'500, 0x01), PacketVerdict::kMalformed},
      {111, {0x03, 0x3f}, PacketVerdict::kMalformed},
      {96, std::vector<std::uint8_t>(641, 0x7f), PacketVerdict::kMalformed},
      {kRedundantType, {0x80 | 111, 0xff}, PacketVerdict::kMalformed},
      {kRedundantType, {kRedundantType, 0, 0, 0}, PacketVerdict::kMalformed},
      {kRedundantType, {0, 0x80, 0x80}, PacketVerdict::kUnknown},
  };
  std::uint16_t sequence = 1;
  std::uint32_t counted = 0;
  for (int turn = 0; turn < 20; ++turn) {
    for (const Case& one : cases) {
      const PacketVerdict verdict =
          ear.hear(20 * sequence, packet_of(APacket{}
                                                .payload_type(one.payload_type)
                                                .sequence(sequence)
                                                .timestamp(sequence * 160u)
                                                .payload(one.payload)));
      CHECK_TRUE(verdict == one.verdict);
      ++sequence;
      ++counted;
      (void)ear.pull(20 * sequence + 5);
      (void)ear.pull(20 * sequence + 15);
    }
  }
  const ReceiverStatistics statistics = ear.receiver.statistics();
  CHECK_EQ(statistics.unknown + statistics.empty + statistics.malformed, counted);
  for (const std::int16_t sample : ear.samples)
    CHECK_EQ(sample, 0);
}

TEST("comfort noise that nobody agreed on is not heard, and its number is no loss") {
  Ear ear({audio_payload(kPcmu)}, 8'000);
  const std::vector<std::uint8_t> voice = mu_tone(160);
  const std::vector<std::uint8_t> noise = {20};
  std::uint64_t unasked = 0;
  for (int index = 0; index < 250; ++index) {
    const bool is_noise = index % 50 == 40;
    // After it the peer says nothing for as long as it pleases.
    const bool is_pause = index % 50 > 40;
    if (!is_pause) {
      const auto number = static_cast<std::uint16_t>(index / 50 * 41 + index % 50);
      const PacketVerdict verdict =
          ear.hear(20 * index, packet_of(APacket{}
                                             .payload_type(is_noise ? kStaticNoiseType : 0)
                                             .sequence(number)
                                             .timestamp(160u * index)
                                             .payload(is_noise ? noise : voice)));
      CHECK_TRUE(verdict == (is_noise ? PacketVerdict::kUnknown : PacketVerdict::kBuffered));
      unasked += is_noise;
    }
    (void)ear.pull(20 * index + 3);
    (void)ear.pull(20 * index + 13);
  }
  CHECK_EQ(ear.receiver.statistics().unknown, unasked);
  CHECK_EQ(ear.receiver.statistics().buffer.lost, 0u);
}

TEST("redundant payloads that are none are losses, and what is missing is in the books") {
  const std::vector<std::vector<std::uint8_t>> garbage = {{},
                                                          {0x80},
                                                          {0xff, 0xff, 0xff, 0xff},
                                                          std::vector<std::uint8_t>(400, 0x80),
                                                          {kRedundantType, 1, 2, 3},
                                                          {77, 1, 2, 3}};
  Ear ear({audio_payload(kPcmu), payload_of(kRedundantType, PayloadRole::kRedundancy)}, 8'000);
  std::vector<std::uint8_t> good = mu_tone(160);
  good.insert(good.begin(), 0);
  for (int index = 0; index < 300; ++index) {
    const bool is_bad = index >= 100 && index < 150;
    const auto& payload = is_bad ? garbage[static_cast<std::size_t>(index) % garbage.size()] : good;
    CHECK_TRUE((ear.hear(20 * index, packet_of(APacket{}
                                                   .payload_type(kRedundantType)
                                                   .sequence(static_cast<std::uint16_t>(index))
                                                   .timestamp(160u * index)
                                                   .payload(payload))) ==
                PacketVerdict::kBuffered) != is_bad);
    (void)ear.pull(20 * index + 3);
    (void)ear.pull(20 * index + 13);
  }
  const ReceiverStatistics statistics = ear.receiver.statistics();
  CHECK_EQ(statistics.malformed + statistics.unknown, 50u);
  CHECK_EQ(statistics.buffer.lost, 50u);
  CHECK_EQ(statistics.buffer.unplayed, 50u);
  CHECK_TRUE(statistics.concealed_ms >= 960 && statistics.concealed_ms <= 1'020);
}

}  // namespace
