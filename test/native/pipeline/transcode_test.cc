// Receiver and sender joined as a transcoding link joins them: every pair of codecs over a network
// that delays, loses and reorders, heard at the far end.
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include "codec/telephone_event.h"
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
        call.run(source, 300);
        const codec::Pcm heard = call.heard(1);
        const double at_hz = sines::loudest_near_hz(heard, hz, to.rate_hz);
        const double dbov = sines::tone_level_dbov(heard, hz, to.rate_hz);
        CHECK_TRUE(std::abs(at_hz - hz) <= 1);
        CHECK_TRUE(std::abs(dbov + 16) <= 1);
        if (std::abs(at_hz - hz) > 1 || std::abs(dbov + 16) > 1)
          std::printf("%d@%u -> %d@%u %.0f: %.1f Hz %.2f dB\n", int(from.kind), from.rate_hz,
                      int(to.kind), to.rate_hz, hz, at_hz, dbov);
        CHECK_EQ(call.leg_a.receiver.statistics().concealed_ms, 0u);
        CHECK_EQ(call.peer_b.receiver.statistics().concealed_ms, 0u);
      }
    }
  }
}

}  // namespace
