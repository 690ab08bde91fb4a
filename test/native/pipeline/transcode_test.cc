// Receiver and sender joined as a transcoding link joins them: every pair of codecs over a network
// that delays, loses and reorders, heard at the far end.
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "codec/g711.h"
#include "codec/telephone_event.h"
#include "codec/tone.h"
#include "native/codec/listen.h"
#include "native/harness.h"
#include "native/pipeline/audio_rig.h"

namespace {

using namespace test;

/// Everything that a leg of one codec may send.
std::vector<ReceivablePayload> receivable(const Format& format) {
  return {audio_payload(format), payload_of(kEventType, PayloadRole::kTelephoneEvent),
          payload_of(kNoiseType, PayloadRole::kComfortNoise),
          payload_of(kRedundantType, PayloadRole::kRedundancy, format.clock_hz())};
}
SenderSetup sending_with_events(const Format& format, std::uint32_t source_rate_hz) {
  SenderSetup setup = sending(format, source_rate_hz);
  setup.event_payload_type = kEventType;
  return setup;
}

/// One direction of a transcoded call: peer A, our leg A, our leg B, peer B.
struct Call {
  struct Setup {
    Format from;
    Format to;
    Network::Setup network_in = {};
    Network::Setup network_out = {};
    jitter::BufferSize buffer_size = jitter::BufferSize::kMedium;
  };
  explicit Call(const Setup& setup)
      : peer_a(sending_with_events(setup.from, setup.from.rate_hz), 0xa),
        leg_a(receivable(setup.from), setup.to.rate_hz, setup.buffer_size),
        leg_b(sending_with_events(setup.to, setup.to.rate_hz), 0xb),
        peer_b(receivable(setup.to), setup.to.rate_hz, jitter::BufferSize::kMedium),
        in(setup.network_in),
        out(setup.network_out) {}

  /// Ten milliseconds. The threads' phases differ, as they do.
  void tick(codec::Pcm said) {
    for (const Packet& packet : peer_a.say(now_ms, said))
      in.send(now_ms, packet);
    const double leg_ms = now_ms + 3;
    in.deliver(leg_ms, [&](double at, const Packet& packet) {
      leg_a.hear(at, packet);
      relay();
    });
    (void)leg_a.pull(leg_ms);
    relay();
    for (const Packet& packet : leg_b.say(leg_ms, leg_a.piece()))
      out.send(leg_ms, packet);
    out.deliver(now_ms + 7, [&](double at, const Packet& packet) { peer_b.hear(at, packet); });
    (void)peer_b.pull(now_ms + 7);
    now_ms += 10;
  }
  void run(Source& source, int ticks) {
    for (int tick_index = 0; tick_index < ticks; ++tick_index)
      tick(source.next());
  }
  /// The last seconds that peer B heard.
  [[nodiscard]] codec::Pcm heard(double seconds) const {
    return codec::Pcm(peer_b.samples)
        .last(static_cast<std::size_t>(seconds * peer_b.receiver.rate_hz()));
  }

  Mouth peer_a;
  Ear leg_a;
  Mouth leg_b;
  Ear peer_b;
  Network in;
  Network out;
  double now_ms = 0;

 private:
  void relay() {
    for (const Digit& digit : leg_a.fresh)
      CHECK_TRUE(leg_b.sender.relay(digit));
  }
};

constexpr std::array kFormats = {kPcmu, kPcma, kG722, kL16, kOpus8, kOpus16, kOpus48};

Source tone_source(const Format& format, double hz, double dbov = -16) {
  return Source(
      sines::make_tone({.frequency_hz = hz, .level_dbov = dbov, .rate_hz = format.rate_hz},
                       format.rate_hz * 10),
      format.rate_hz);
}

TEST("A25 a tone keeps frequency and level between every two codecs, both ways") {
  for (const Format& from : kFormats) {
    for (const Format& to : kFormats) {
      for (const double hz : {440.0, 1'600.0}) {
        Call call({.from = from, .to = to, .network_in = {.jitter_ms = 4}});
        Source source = tone_source(from, hz);
        call.run(source, 130);
        const codec::Pcm heard = call.heard(0.5);
        CHECK_TRUE(std::abs(sines::loudest_near_hz(heard, hz, to.rate_hz) - hz) <= 1);
        CHECK_TRUE(std::abs(sines::tone_level_dbov(heard, hz, to.rate_hz) + 16) <= 1);
        CHECK_EQ(call.leg_a.receiver.statistics().concealed_ms, 0u);
        CHECK_EQ(call.peer_b.receiver.statistics().concealed_ms, 0u);
      }
    }
  }
}

TEST("A24 digits cross a transcoded call with losses on both sides: each once, in order") {
  for (const auto& [from, to] : {std::pair{kPcmu, kOpus16}, std::pair{kOpus8, kPcma},
                                 std::pair{kG722, kPcmu}, std::pair{kPcma, kG722}}) {
    Call call({.from = from,
               .to = to,
               .network_in = {.loss = 0.1, .jitter_ms = 20, .seed = 6},
               .network_out = {.loss = 0.1, .jitter_ms = 20, .seed = 8}});
    Source source = tone_source(from, 400);
    const std::string digits = "13579*#0ABCD2468";
    for (const char digit : digits) {
      CHECK_TRUE(
          call.peer_a.sender.press({.event = *codec::event_of_digit(digit), .duration_ms = 160}));
      call.run(source, 40);
    }
    call.run(source, 60);
    std::string heard;
    for (const Digit& digit : call.peer_b.digits) {
      if (digit.edge.kind == codec::EventEdge::Kind::kStart)
        heard += codec::digit_of_event(digit.edge.event).value_or('?');
    }
    CHECK_EQ(heard, digits);
    CHECK_EQ(call.peer_b.digits.size(), 2 * digits.size());
  }
}

TEST("digits reach a peer without events as tones, and as events from a peer without them") {
  // Tones out of events.
  Call call({.from = kPcmu, .to = kPcma});
  REQUIRE(call.leg_b.sender.set_up(sending(kPcma, 8'000)).ok());
  call.peer_b.set_up({audio_payload(kPcma)}, 8'000, jitter::BufferSize::kMedium, true);
  // Events out of tones.
  Call back({.from = kPcma, .to = kPcmu});
  REQUIRE(back.peer_a.sender.set_up(sending(kPcma, 8'000)).ok());
  back.leg_a.set_up({audio_payload(kPcma)}, 8'000, jitter::BufferSize::kMedium, true);
  for (Call* one : {&call, &back}) {
    Source source(Samples(8'000), 8'000);
    one->run(source, 50);
    for (const std::uint8_t event : {4, 11, 4}) {
      CHECK_TRUE(one->peer_a.sender.press({.event = event, .duration_ms = 120}));
      one->run(source, 30);
    }
    one->run(source, 50);
    std::vector<int> heard;
    for (const Digit& digit : one->peer_b.digits) {
      if (digit.edge.kind == codec::EventEdge::Kind::kStart) heard.push_back(digit.edge.event);
      CHECK_EQ(digit.in_band, one == &call);
    }
    CHECK_TRUE((heard == std::vector<int>{4, 11, 4}));
  }
}

TEST("less than 23 ms of a digit in the audio goes out beside the events that say it") {
  for (std::size_t offset = 0; offset < 160; offset += 4) {
    Mouth peer(sending(kPcma, 8'000));
    Ear leg({audio_payload(kPcma)}, 8'000, jitter::BufferSize::kMedium, true);
    Mouth far(sending_with_events(kPcmu, 8'000));
    Network network({});
    Samples line(4'000 + offset + 800);
    codec::ToneGenerator generator(8'000);
    generator.start(codec::dtmf_tone(5, {.on_ms = 0}).value());
    (void)generator.generate(codec::MutablePcm(line).last(800));
    line.resize(8'000);
    Source source(line, 8'000);
    std::size_t sounding = 0;
    std::uint32_t events = 0;
    for (double now_ms = 0; now_ms < 980; now_ms += 10) {
      for (const Packet& packet : peer.say(now_ms, source.next()))
        network.send(now_ms, packet);
      network.deliver(now_ms, [&](double at, const Packet& packet) { leg.hear(at, packet); });
      (void)leg.pull(now_ms + 3);
      for (const Digit& digit : leg.fresh)
        CHECK_TRUE(far.sender.relay(digit));
      for (const Packet& packet : far.say(now_ms + 3, leg.piece())) {
        if (packet.facts.kind == SentKind::kEvent) {
          const auto event = codec::parse_telephone_event(packet.view().payload()).value();
          CHECK_EQ(event.event, 5);
          CHECK_EQ(event.volume, leg.digits[0].edge.volume);
          ++events;
          continue;
        }
        for (const std::uint8_t code : packet.view().payload())
          sounding += std::abs(codec::mu_decode(code)) > 500;
      }
    }
    CHECK_TRUE(events >= 5);
    CHECK_TRUE(sounding < 23 * 8);
  }
}

TEST("no loss on the way in makes a click on the way out, between any two codecs") {
  for (const Format& from : kFormats) {
    for (const Format& to : {kPcmu, kG722, kOpus8, kOpus48}) {
      Call call(
          {.from = from, .to = to, .network_in = {.loss = 0.08, .burst = 2, .jitter_ms = 15}});
      Source source = tone_source(from, 400);
      call.run(source, 600);
      // A step of 1.5 times the tone's own: the worst is Opus at 48 kHz, whose own concealment has
      // 1.4.
      const double slope = 2 * M_PI * 400 / to.rate_hz * 7'344;
      CHECK_TRUE(sines::largest_jump(call.heard(5)) <= static_cast<int>(1.5 * slope));
      CHECK_TRUE(call.leg_a.receiver.statistics().concealed_ms >= 20 * (call.in.lost - 2));
    }
  }
}

}  // namespace
