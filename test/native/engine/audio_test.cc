// Calls whose audio is decoded and encoded in the engine, over real loopback sockets and in real
// time: who hears what, at what pitch and level; RTP sessions of our own; counters; bad orders.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "native/allocations.h"
#include "native/engine/party.h"
#include "native/harness.h"
#include "native/srtp/build.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::Counter;
using contract::NodeCounter;

namespace {

constexpr double kAliceHz = kLeftHz;
constexpr double kBobHz = kRightHz;

}  // namespace

TEST("A25 any two of PCMU, PCMA, G.722 and Opus hear each other at the right pitch and level") {
  Rig rig({.endpoints_max = 32});
  const std::array<Voice, 4> voices = {kPcmu, kPcma, kG722, kOpus};
  std::vector<std::unique_ptr<DecodedCall>> calls;
  for (const Voice& left : voices) {
    for (const Voice& right : voices) {
      if (left.kind > right.kind) continue;
      // A caller from a narrow band needs the 8 kHz encoder alone.
      const bool narrow = left.rate_khz == 8 && right.kind == kOpus.kind;
      calls.push_back(std::make_unique<DecodedCall>(
          rig, AudioWishes{.voice = left},
          AudioWishes{.voice = right, .send_rate_khz = static_cast<std::uint8_t>(narrow ? 8 : 0)}));
    }
  }
  CHECK_EQ(calls.size(), 10u);
  std::size_t done = 0;
  (void)in_real_time(
      [&] {
        for (const auto& call : calls)
          call->talk();
      },
      [&] {
        done = static_cast<std::size_t>(std::count_if(
            calls.begin(), calls.end(), [](auto& call) { return call->both_hear(); }));
        return done == calls.size();
      },
      kMeasureEvery);
  CHECK_EQ(done, calls.size());
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kAudioEndpoints) == 20.0; }));
  for (const auto& call : calls) {
    CHECK_EQ(call->alice.unreadable + call->bob.unreadable, 0u);
    // One stream, numbered without a gap.
    CHECK_EQ(call->bob.ssrcs.size(), 1u);
    for (std::size_t index = 1; index < call->bob.sequences.size(); ++index) {
      const auto step =
          static_cast<std::uint16_t>(call->bob.sequences[index] - call->bob.sequences[index - 1]);
      CHECK_EQ(step, 1);
    }
  }
}

TEST(
    "each leg of a decoded call is an RTP session of its own: own reports, no relayed ones, a "
    "BYE") {
  Rig rig;
  DecodedCall call(rig, {}, {.voice = kPcma});
  const Buffer report = an_rtcp_packet(201, 0, words({7}));
  CHECK_TRUE(in_real_time(
      [&] {
        call.talk();
        call.alice.peer.send(call.left.rtp_port, report);
      },
      [&] { return !call.bob.reports.empty() && !call.alice.reports.empty(); }));
  const std::uint32_t ours = *call.bob.ssrcs.begin();
  for (const Buffer& heard : call.bob.reports) {
    CHECK_TRUE(heard != report);
    CHECK_EQ(heard[1], 200);
    CHECK_EQ(heard[0] & 0x1f, 1);
    CHECK_EQ(load_u32(heard.data() + 4), ours);
  }
  CHECK_EQ(rig.node(NodeCounter::kRtcpRelayed), 0.0);
  call.bob.reports.clear();
  const AnyEvent closed = rig.close(call.right.handle);
  CHECK_TRUE(eventually([&] {
    call.bob.hear();
    return !call.bob.reports.empty();
  }));
  // Report, CNAME, BYE of the same stream.
  const Buffer& last = call.bob.reports.back();
  CHECK_EQ(last[last.size() - 7], 203);
  CHECK_EQ(load_u32(last.data() + last.size() - 4), ours);
  CHECK_TRUE(count_of(closed, Counter::kPacketsSent) > 0);
  CHECK_EQ(count_of(closed, Counter::kPacketsSent), call.bob.packets + 0.0);
}

TEST("A29 a decoded call between SRTP and plain RTP sends nothing in the clear") {
  Rig rig;
  DecodedCall call(rig, {.voice = kG722}, {});
  const auto ours = a_key(srtp::Suite::kAeadAes128Gcm, 1);
  const auto theirs = a_key(srtp::Suite::kAeadAes128Gcm, 2);
  contract::SetKeysOrder order;
  order.endpoint = call.left.handle;
  order.suite = static_cast<std::uint8_t>(contract::SrtpSuite::kAeadAes128Gcm);
  std::copy(ours.key().begin(), ours.key().end(), order.send_key);
  std::copy(ours.salt().begin(), ours.salt().end(), order.send_key + 16);
  std::copy(theirs.key().begin(), theirs.key().end(), order.receive_key);
  std::copy(theirs.salt().begin(), theirs.salt().end(), order.receive_key + 16);
  CHECK_TRUE(rig.submit(contract::OrderKind::kSetKeys, order));
  CHECK_TRUE(rig.answer().code() == Code::kOk);
  call.hear();
  auto send = srtp::SendContext::create(theirs, best_isa()).value();
  auto receive = srtp::ReceiveContext::create(ours, best_isa()).value();
  CHECK_TRUE(in_real_time(
      [&] {
        call.alice.peer.send(call.left.rtp_port, protect(send, call.alice.next_packet()).bytes);
        call.bob.peer.send(call.right.rtp_port, call.bob.next_packet());
        call.alice.hear(&receive);
        call.bob.hear();
      },
      [&] { return call.both_hear(); }, kMeasureEvery));
  CHECK_EQ(call.alice.unreadable, 0u);
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kSrtpRefused), 0.0);
}

TEST(
    "a link that ends is silence on the wire, and one that comes back goes on in the same stream") {
  Rig rig;
  DecodedCall call(rig, {}, {.voice = kPcma});
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  CHECK_TRUE(rig.unlink(call.left.handle) == Code::kOk);
  call.bob.hear();
  const std::uint32_t before = call.bob.packets;
  int frames = 0;
  (void)in_real_time([&] { call.talk(); }, [&] { return ++frames == 10; });
  CHECK_TRUE(call.bob.packets <= before + 1);
  CHECK_TRUE(link_decoded(rig, call.left.handle, call.right.handle) == Code::kOk);
  call.bob.heard.clear();
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return hears_tone(call.bob, kAliceHz); },
                          kMeasureEvery));
  CHECK_EQ(call.bob.ssrcs.size(), 1u);
}

TEST("whoever hears a leg decides its rate, also when his codec changes in mid-call") {
  Rig rig;
  DecodedCall call(rig, {.voice = kOpus}, {});
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  CHECK_TRUE(set_audio(rig, call.right.handle, {.voice = kG722}) == Code::kOk);
  Party carol(kG722, kBobHz);
  CHECK_TRUE(rig.update(call.right.handle, {carol.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(in_real_time(
      [&] {
        call.alice.peer.send(call.left.rtp_port, call.alice.next_packet());
        carol.peer.send(call.right.rtp_port, carol.next_packet());
        call.alice.hear();
        carol.hear();
      },
      [&] { return hears_tone(carol, kAliceHz) && hears_tone(call.alice, kBobHz); },
      kMeasureEvery));
  CHECK_EQ(*carol.ssrcs.begin(), *call.bob.ssrcs.begin());
}

TEST("an Opus peer is sent no more than it plays, however wide the source is") {
  Rig rig;
  struct Case {
    std::uint32_t playback_rate_hz;
    std::uint8_t source_rate_khz;
    codec::OpusBandwidth widest;
  };
  const std::array<Case, 5> cases = {{{0, 16, codec::OpusBandwidth::kNarrow},
                                      {8'000, 16, codec::OpusBandwidth::kNarrow},
                                      {12'000, 48, codec::OpusBandwidth::kMedium},
                                      {16'000, 48, codec::OpusBandwidth::kWide},
                                      {8'000, 48, codec::OpusBandwidth::kNarrow}}};
  DecodedCall call(rig, {.voice = kG722}, {.voice = kOpus});
  for (const Case& each : cases) {
    contract::SetAudioOrder order =
        audio_order(call.right.handle, {.voice = kOpus, .send_rate_khz = each.source_rate_khz});
    order.opus_playback_rate_hz = each.playback_rate_hz;
    CHECK_TRUE(set_audio(rig, order) == Code::kOk);
    call.bob.heard.clear();
    CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
    const auto packet = codec::OpusPacket::parse(call.bob.latest);
    CHECK_TRUE(packet.ok());
    CHECK_TRUE(packet->bandwidth() <= each.widest);
  }
}

TEST("who hears a leg decides its rate even while he has no address") {
  Rig rig;
  for (const bool changes_codec : {false, true}) {
    Party alice(kPcmu, kAliceHz);
    Party bob(kG722, kBobHz);
    const Opened left = rig.open();
    const Opened right = rig.open();
    CHECK_TRUE(rig.update(left.handle, {alice.address(), {}, true}) == Code::kOk);
    CHECK_TRUE(set_audio(rig, left.handle) == Code::kOk);
    CHECK_TRUE(set_audio(rig, right.handle, {.voice = changes_codec ? kPcma : kG722}) == Code::kOk);
    CHECK_TRUE(link_decoded(rig, left.handle, right.handle) == Code::kOk);
    if (changes_codec) {
      CHECK_TRUE(set_audio(rig, right.handle, {.voice = kG722}) == Code::kOk);
    }
    CHECK_TRUE(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
    CHECK_TRUE(in_real_time(
        [&] {
          alice.peer.send(left.rtp_port, alice.next_packet());
          bob.hear();
        },
        [&] { return hears_tone(bob, kAliceHz); }, kMeasureEvery));
  }
}

TEST("an endpoint that hears itself is an echo through the codecs") {
  Rig rig;
  Party alice(kG722, kAliceHz);
  const Opened leg = rig.open();
  CHECK_TRUE(rig.update(leg.handle, {alice.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(set_audio(rig, leg.handle, {.voice = kG722}) == Code::kOk);
  CHECK_TRUE(link_decoded(rig, leg.handle, leg.handle) == Code::kOk);
  CHECK_TRUE(in_real_time(
      [&] {
        alice.peer.send(leg.rtp_port, alice.next_packet());
        alice.hear();
      },
      [&] { return hears_tone(alice, kAliceHz); }, kMeasureEvery));
}

TEST("a call may change between forwarding and decoding, and each way is one stream at a time") {
  Rig rig;
  DecodedCall call(rig, {}, {});
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  const std::uint32_t ours = *call.bob.ssrcs.begin();
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle) == Code::kOk);
  call.bob.hear();
  call.bob.ssrcs.clear();
  call.bob.heard.clear();
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return hears_tone(call.bob, kAliceHz); },
                          kMeasureEvery));
  CHECK_EQ(call.bob.ssrcs.size(), 1u);
  CHECK_FALSE(call.bob.ssrcs.contains(ours));
  CHECK_TRUE(link_decoded(rig, call.left.handle, call.right.handle) == Code::kOk);
  call.bob.hear();
  call.bob.ssrcs.clear();
  call.bob.heard.clear();
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  CHECK_EQ(*call.bob.ssrcs.begin(), ours);
}

TEST("who is decoded again is not heard with what he had said before") {
  Rig rig;
  DecodedCall call(rig, {}, {});
  int frames = 0;
  (void)in_real_time([&] { call.talk(); }, [&] { return ++frames == 25; });
  CHECK_TRUE(rig.link(call.left.handle, call.right.handle) == Code::kOk);
  frames = 0;
  (void)in_real_time([&] { call.hear(); }, [&] { return ++frames == 10; });
  call.bob.heard.clear();
  CHECK_TRUE(link_decoded(rig, call.left.handle, call.right.handle) == Code::kOk);
  frames = 0;
  (void)in_real_time([&] { call.hear(); }, [&] { return ++frames == 15; });
  CHECK_FALSE(call.bob.heard.empty());
  CHECK_TRUE(std::all_of(call.bob.heard.begin(), call.bob.heard.end(),
                         [](std::int16_t sample) { return std::abs(sample) < 50; }));
}

TEST("PCMU becomes PCMA on its way through a forwarding link, and back") {
  Rig rig;
  Peer alice;
  Peer bob;
  const Opened left = rig.open();
  const Opened right = rig.open();
  CHECK_TRUE(rig.update(left.handle, {alice.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
  const auto convert = [&](const Opened& from, const Opened& to, int type, int other,
                           contract::PayloadConversion conversion) {
    contract::OpenLinkOrder order;
    order.endpoint = from.handle;
    order.to = to.handle;
    std::memset(order.payload_map, contract::kPayloadTypeDropped, sizeof order.payload_map);
    order.payload_map[type] = static_cast<std::uint8_t>(other);
    order.payload_map[13] = 13;
    order.conversion_count = 1;
    order.conversions[0] = static_cast<std::uint16_t>(type | static_cast<int>(conversion) << 8);
    CHECK_TRUE(rig.submit(contract::OrderKind::kOpenLink, order));
    CHECK_TRUE(rig.answer().code() == Code::kOk);
  };
  convert(left, right, 0, 8, contract::PayloadConversion::kPcmuToPcma);
  convert(right, left, 8, 0, contract::PayloadConversion::kPcmaToPcmu);
  Buffer payload(256);
  for (std::size_t index = 0; index < payload.size(); ++index)
    payload[index] = static_cast<std::uint8_t>(index);
  Buffer expected(256);
  codec::G711 g711(Isa::kC);
  g711.transcode_to(codec::Law::kA, payload, expected);
  // Header extension and padding are no payload.
  const auto packet = [&](int type, const Buffer& bytes) {
    return APacket{}.payload_type(type).sequence(5).timestamp(99).ssrc(7).payload(bytes).bytes();
  };
  alice.send(left.rtp_port, packet(0, payload));
  CHECK_EQ(bob.receive(), packet(8, expected));
  alice.send(left.rtp_port, packet(13, payload));
  CHECK_EQ(bob.receive(), packet(13, payload));
  g711.transcode_to(codec::Law::kMu, payload, expected);
  bob.send(right.rtp_port, packet(8, payload));
  CHECK_EQ(alice.receive(), packet(0, expected));
}

TEST("nothing to receive and nothing to send gives the memory back") {
  Rig rig;
  DecodedCall call(rig, {}, {});
  CHECK_TRUE(in_real_time([&] { call.talk(); }, [&] { return call.both_hear(); }, kMeasureEvery));
  contract::SetAudioOrder none = audio_order(call.left.handle);
  none.receive_count = 0;
  none.send_payload_type = kNoType;
  CHECK_TRUE(set_audio(rig, none) == Code::kOk);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kAudioEndpoints) == 1.0; }));
  call.alice.peer.send(call.left.rtp_port, call.alice.next_packet());
  const AnyEvent closed = rig.close(call.left.handle);
  CHECK_TRUE(count_of(closed, Counter::kPlayedMs) > 0);
  CHECK_TRUE(count_of(closed, Counter::kMosListening) > 0);
}

TEST("audio orders with impossible values are answered, not obeyed") {
  Rig rig;
  const Opened leg = rig.open();
  const Opened other = rig.open();
  using Change = void (*)(contract::SetAudioOrder&);
  const Change changes[] = {
      [](auto& order) { order.receive_count = 17; },
      [](auto& order) { order.receive_count = 255; },
      [](auto& order) { order.buffer_size = 4; },
      [](auto& order) { order.detect_tones = 2; },
      [](auto& order) { order.receive[0] = receivable(128, contract::PayloadKind::kPcmu, 8); },
      [](auto& order) { order.receive[0] = receivable(0, contract::PayloadKind{8}, 8); },
      [](auto& order) { order.receive[0] = receivable(0, contract::PayloadKind::kPcmu, 0xff); },
      [](auto& order) { order.receive[0] = receivable(0, contract::PayloadKind::kL16, 44); },
      [](auto& order) {
        order.receive[1] = receivable(9, contract::PayloadKind::kTelephoneEvent, 0);
      },
      [](auto& order) { order.receive[0] |= 0x0100'0000; },
      [](auto& order) { order.send_payload_type = 128; },
      [](auto& order) { order.send_kind = 5; },
      [](auto& order) { order.send_kind = 255; },
      [](auto& order) { order.send_rate_khz = 16; },
      [](auto& order) { order.packet_ms = 0; },
      [](auto& order) { order.packet_ms = 15; },
      [](auto& order) { order.packet_ms = 70; },
      [](auto& order) { order.event_payload_type = 128; },
      [](auto& order) { order.event_rate_khz = 0xff; },
      [](auto& order) { order.comfort_payload_type = 128; },
      [](auto& order) { order.redundancy_payload_type = 200; },
  };
  for (const Change change : changes) {
    contract::SetAudioOrder order = audio_order(leg.handle);
    change(order);
    CHECK_TRUE(set_audio(rig, order) == Code::kOrderInvalid);
  }
  const Change opus_changes[] = {
      [](auto& order) { order.send_rate_khz = 24; },
      [](auto& order) { order.opus_complexity = 11; },
      [](auto& order) { order.opus_loss_percent = 101; },
      [](auto& order) { order.opus_bitrate_bps = 510'001; },
      [](auto& order) { order.opus_bitrate_bps = 5'999; },
      [](auto& order) { order.opus_fec = 2; },
      [](auto& order) { order.opus_dtx = 255; },
      [](auto& order) { order.opus_cbr = 9; },
  };
  for (const Change change : opus_changes) {
    contract::SetAudioOrder order = audio_order(leg.handle, {.voice = kOpus});
    change(order);
    CHECK_TRUE(set_audio(rig, order) == Code::kOrderInvalid);
  }
  // L16 at 48 kHz fits no packet of 40 ms.
  contract::SetAudioOrder wide =
      audio_order(leg.handle, {.voice = {contract::PayloadKind::kL16, 96, 48}});
  wide.packet_ms = 40;
  CHECK_TRUE(set_audio(rig, wide) == Code::kOrderInvalid);
  // Nothing of all that has left audio behind.
  CHECK_TRUE(link_decoded(rig, leg.handle, other.handle) == Code::kOrderInvalid);
  CHECK_TRUE(set_audio(rig, leg.handle) == Code::kOk);
  CHECK_TRUE(link_decoded(rig, leg.handle, other.handle) == Code::kOrderInvalid);
  CHECK_TRUE(link_decoded(rig, other.handle, leg.handle) == Code::kOrderInvalid);
  CHECK_TRUE(link_decoded(rig, leg.handle, leg.handle) == Code::kOk);

  contract::OpenLinkOrder link;
  link.endpoint = leg.handle;
  link.to = leg.handle;
  const auto refused = [&] {
    CHECK_TRUE(rig.submit(contract::OrderKind::kOpenLink, link));
    return rig.answer().code() == Code::kOrderInvalid;
  };
  link.mode = 2;
  CHECK_TRUE(refused());
  link.mode = 1;
  link.conversion_count = 1;
  CHECK_TRUE(refused());
  link.mode = 0;
  link.conversion_count = 5;
  CHECK_TRUE(refused());
  link.conversion_count = 1;
  for (const int packed : {0x0180, 0x01ff, 0x0300, 0xff00}) {
    link.conversions[0] = static_cast<std::uint16_t>(packed);
    CHECK_TRUE(refused());
  }
}

TEST("an audio order for an endpoint that is closed finds nobody") {
  Rig rig;
  DecodedCall call(rig, {}, {});
  CHECK_TRUE(rig.close(call.right.handle).code() == Code::kOk);
  CHECK_TRUE(set_audio(rig, call.right.handle) == Code::kHandleStale);
  CHECK_TRUE(link_decoded(rig, call.left.handle, call.right.handle) == Code::kHandleStale);
  // The other one goes on: nobody hears it, and its packets are taken.
  int frames = 0;
  (void)in_real_time([&] { call.talk(); }, [&] { return ++frames == 10; });
  CHECK_TRUE(rig.closing_count(call.left.handle, Counter::kPacketsReceived) > 0);
}

TEST("neither packets nor turns of decoded calls allocate") {
  Rig rig;
  DecodedCall narrow(rig, {}, {.voice = kG722});
  DecodedCall wide(rig, {.voice = kOpus}, {.voice = kPcma});
  const auto both = [&] {
    narrow.talk();
    wide.talk();
  };
  CHECK_TRUE(in_real_time(
      both, [&] { return narrow.both_hear() && wide.both_hear(); }, kMeasureEvery));
  const auto others = [] { return allocations_total() - allocations_of_this_thread(); };
  const std::uint64_t before = others();
  int frames = 0;
  CHECK_TRUE(in_real_time(both, [&] { return ++frames == 50; }));
  CHECK_EQ(others() - before, 0u);
}

TEST("eight media threads decode side by side") {
  Rig rig({.threads = 8, .endpoints_max = 64});
  const std::array<Voice, 4> voices = {kPcmu, kPcma, kG722, kOpus};
  std::vector<std::unique_ptr<DecodedCall>> calls;
  for (std::uint32_t thread = 0; thread < 8; ++thread) {
    calls.push_back(std::make_unique<DecodedCall>(rig, AudioWishes{.voice = voices[thread % 4]},
                                                  AudioWishes{.voice = voices[thread / 2]},
                                                  thread));
  }
  CHECK_TRUE(in_real_time(
      [&] {
        for (const auto& call : calls)
          call->talk();
      },
      [&] {
        return std::all_of(calls.begin(), calls.end(),
                           [](auto& call) { return call->both_hear(); });
      },
      kMeasureEvery));
}
