// A leg without sockets: verdicts, books, reports, silence; time is handed in.
#include "pipeline/endpoint.h"

#include <array>

#include "native/harness.h"
#include "native/rtp/build.h"
#include "native/srtp/build.h"

using namespace trunkyard;
using pipeline::ClockRate;
using pipeline::Endpoint;
using pipeline::EndpointSetup;
using pipeline::Link;
using pipeline::PayloadMap;
using pipeline::RtcpVerdict;
using pipeline::RtpVerdict;
using pipeline::SourceRule;
using test::APacket;
using test::Buffer;

namespace {

const SocketAddress kRtp = SocketAddress::v4(127, 0, 0, 1, 4000);
const SocketAddress kRtcp = SocketAddress::v4(127, 0, 0, 1, 4001);
const SocketAddress kStranger = SocketAddress::v4(127, 0, 0, 9, 4000);
constexpr Handle kFarSide{0x4001};
constexpr std::uint32_t kOwnSsrc = 0x0badcafe;

constexpr std::array<ClockRate, 2> kRates = {{{0, 8000}, {96, 48000}}};

Instant at_ms(std::int64_t ms) {
  return Instant::from_ns(ms * 1'000'000);
}

EndpointSetup setup_of(SourceRule rule = SourceRule::kStrict) {
  EndpointSetup setup;
  setup.remote_rtp = kRtp;
  setup.remote_rtcp = kRtcp;
  setup.source_rule = rule;
  setup.clock_rates = kRates;
  return setup;
}

Endpoint endpoint_of(const EndpointSetup& setup = setup_of()) {
  Endpoint endpoint(at_ms(0), kOwnSsrc);
  endpoint.set_up(at_ms(0), setup);
  return endpoint;
}

Link link_of(std::initializer_list<std::pair<int, int>> pairs) {
  PayloadMap map;
  map.fill(pipeline::kPayloadTypeDropped);
  for (const auto& [from, to] : pairs)
    map[from] = static_cast<std::uint8_t>(to);
  return Link(kFarSide, map);
}

/// Report block about `ssrc` with an LSR and DLSR.
Buffer block(std::uint32_t ssrc, std::uint32_t last_sr, std::uint32_t delay) {
  return test::words({ssrc, 0, 0, 0, last_sr, delay});
}
Buffer receiver_report(std::uint32_t ssrc, const Buffer& blocks = {}) {
  return test::an_rtcp_packet(201, static_cast<int>(blocks.size() / 24),
                              test::join({test::words({ssrc}), blocks}));
}
Buffer sender_report(std::uint32_t ssrc, std::uint64_t ntp) {
  return test::an_rtcp_packet(200, 0,
                              test::words({ssrc, static_cast<std::uint32_t>(ntp >> 32),
                                           static_cast<std::uint32_t>(ntp), 1600, 10, 1600}));
}
const Buffer kBye = test::an_rtcp_packet(203, 1, test::words({7}));

pipeline::RtcpOutcome receive_rtcp(Endpoint& endpoint, Instant now, Buffer datagram,
                                   const SocketAddress* source) {
  return endpoint.receive_rtcp(now, datagram, source);
}

struct Reports {
  Prng prng{1};
  std::array<std::uint8_t, pipeline::kReportBytesMax> buffer = {};
  std::array<std::uint8_t, 4> cname = {'n', 'o', 'd', 'e'};

  Bytes of(Endpoint& endpoint, Instant now) {
    return endpoint.handle_report({now, Duration::zero(), cname}, prng, buffer);
  }
  /// The first report within 20 s of looking every 100 ms; `now` is when it came.
  Bytes first(Endpoint& endpoint, std::int64_t& now_ms) {
    for (const std::int64_t end = now_ms + 20'000; now_ms < end; now_ms += 100) {
      if (const Bytes report = of(endpoint, at_ms(now_ms)); !report.empty()) return report;
    }
    return {};
  }
};

}  // namespace

TEST("an endpoint without a far address takes nothing and sends nowhere") {
  Endpoint endpoint(at_ms(0), kOwnSsrc);
  Buffer packet = APacket{}.bytes();
  CHECK_TRUE(endpoint.receive_rtp(at_ms(1), packet, &kRtp).verdict == RtpVerdict::kRefused);
  CHECK_FALSE(endpoint.rtp_target().known());
  CHECK_EQ(endpoint.counters().packets_refused, 1u);
}

TEST("a packet is counted before its payload type is rewritten, and nothing else changes") {
  Endpoint endpoint = endpoint_of();
  endpoint.set_link(link_of({{0, 8}}));
  Buffer packet = APacket{}.payload_type(0).marker().payload(Buffer(160, 1)).bytes();
  const Buffer before = packet;
  const auto outcome = endpoint.receive_rtp(at_ms(1), packet, &kRtp);
  CHECK_TRUE(outcome.verdict == RtpVerdict::kForward);
  CHECK_TRUE(outcome.media_started);
  CHECK_EQ(outcome.packet.payload_bytes, 160u);
  CHECK_EQ(packet[1], 0x80 | 8);
  packet[1] = before[1];
  CHECK_EQ(Bytes(packet), Bytes(before));
  CHECK_EQ(endpoint.counters().packets_received, 1u);
  CHECK_EQ(endpoint.counters().octets_received, 160u);
  CHECK_FALSE(endpoint.receive_rtp(at_ms(2), packet, nullptr).media_started);
}

TEST("a payload type the link does not carry is dropped, as is everything without a link") {
  Endpoint endpoint = endpoint_of();
  Buffer packet = APacket{}.payload_type(0).bytes();
  CHECK_TRUE(endpoint.receive_rtp(at_ms(1), packet, nullptr).verdict == RtpVerdict::kUnlinked);
  endpoint.set_link(link_of({{8, 8}}));
  packet = APacket{}.payload_type(0).sequence(2).bytes();
  CHECK_TRUE(endpoint.receive_rtp(at_ms(1), packet, nullptr).verdict == RtpVerdict::kUnmapped);
  CHECK_EQ(endpoint.counters().packets_received, 2u);
  CHECK_EQ(endpoint.counters().packets_dropped, 2u);
}

TEST("a foreign or malformed packet touches no statistics") {
  Endpoint endpoint = endpoint_of();
  Buffer foreign = APacket{}.bytes();
  CHECK_TRUE(endpoint.receive_rtp(at_ms(1), foreign, &kStranger).verdict == RtpVerdict::kRefused);
  Buffer broken = {0x80, 0, 0};
  CHECK_TRUE(endpoint.receive_rtp(at_ms(1), broken, &kRtp).verdict == RtpVerdict::kMalformed);
  const auto counters = endpoint.counters();
  CHECK_EQ(counters.packets_received, 0u);
  CHECK_EQ(counters.packets_refused, 1u);
  CHECK_EQ(counters.packets_dropped, 1u);
}

TEST("A27 loss and jitter come from the packets, without the peer's RTCP") {
  Endpoint endpoint = endpoint_of();
  endpoint.set_link(link_of({{0, 0}}));
  for (std::uint16_t number = 0; number < 100; ++number) {
    if (number % 10 == 3) continue;
    Buffer packet = APacket{}.payload_type(0).sequence(number).timestamp(number * 160u).bytes();
    const std::int64_t late_ms = number % 2 == 0 ? 0 : 4;
    (void)endpoint.receive_rtp(at_ms(number * 20 + late_ms), packet, nullptr);
  }
  const auto counters = endpoint.counters();
  CHECK_EQ(counters.packets_received, 90u);
  CHECK_EQ(counters.packets_lost, 10u);
  CHECK_TRUE(counters.jitter_ms > 2.0 && counters.jitter_ms < 4.0);
}

TEST("a relayed report loses its BYE and one without anything else goes nowhere") {
  Endpoint endpoint = endpoint_of();
  const Buffer report = receiver_report(9);
  const Buffer with_bye = test::join({report, kBye});
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), with_bye, &kRtcp).verdict ==
             RtcpVerdict::kRelayWithoutBye);
  std::array<std::uint8_t, 256> copy;
  CHECK_EQ(pipeline::without_bye(with_bye, copy), Bytes(report));
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &kRtcp).verdict == RtcpVerdict::kRelay);
}

TEST("RTCP of a foreign source or that is none has no effect") {
  Endpoint endpoint = endpoint_of();
  const Buffer report = receiver_report(9);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &kStranger).verdict == RtcpVerdict::kRefused);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &kRtp).verdict == RtcpVerdict::kRefused);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), kBye, &kRtcp).verdict == RtcpVerdict::kMalformed);
  CHECK_EQ(endpoint.counters().rtcp_received, 0u);
}

TEST("more RTCP than a leg may send through is read but not relayed") {
  Endpoint endpoint = endpoint_of();
  const Buffer report = receiver_report(9);
  int relayed = 0;
  for (int count = 0; count < 100; ++count) {
    relayed += receive_rtcp(endpoint, at_ms(5000), report, nullptr).verdict == RtcpVerdict::kRelay;
  }
  CHECK_EQ(relayed, pipeline::kRtcpRelaysPerSecond);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(5050), report, nullptr).verdict == RtcpVerdict::kLimited);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(5200), report, nullptr).verdict == RtcpVerdict::kRelay);
}

TEST("A30 behind NAT the RTCP address is learned from the host that sends the RTP, then locked") {
  EndpointSetup setup = setup_of(SourceRule::kLatch);
  setup.remote_rtp = SocketAddress::v4(10, 0, 0, 1, 4000);
  setup.remote_rtcp = SocketAddress::v4(10, 0, 0, 1, 4001);
  Endpoint endpoint = endpoint_of(setup);
  const Buffer report = receiver_report(9);
  CHECK_TRUE(endpoint.rtcp_target() == setup.remote_rtcp);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &kRtcp).verdict == RtcpVerdict::kRefused);
  for (const std::uint16_t number : {1, 2}) {
    Buffer packet = APacket{}.sequence(number).bytes();
    CHECK_EQ(endpoint.receive_rtp(at_ms(0), packet, &kRtp).latched, number == 2);
  }
  CHECK_TRUE(endpoint.rtp_peer() == kRtp);
  CHECK_FALSE(endpoint.rtcp_target().known());
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &kStranger).verdict == RtcpVerdict::kRefused);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &kRtcp).learned);
  CHECK_TRUE(endpoint.rtcp_peer() == kRtcp);
  const SocketAddress other_port = kRtcp.with_port(4099);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), report, &other_port).verdict ==
             RtcpVerdict::kRefused);
}

TEST("a receiver report is written when nothing was relayed, about the stream that comes in") {
  Endpoint endpoint = endpoint_of();
  Reports reports;
  std::int64_t now_ms = 0;
  CHECK_TRUE(reports.first(endpoint, now_ms).empty());  // no media, no report
  now_ms = 0;
  for (const std::uint16_t number : {1, 2, 4}) {
    Buffer packet = APacket{}.ssrc(77).sequence(number).bytes();
    (void)endpoint.receive_rtp(at_ms(0), packet, nullptr);
  }
  const Bytes report = reports.first(endpoint, now_ms);
  REQUIRE(!report.empty());
  CHECK_TRUE(now_ms > 500 && now_ms < 10'000);
  auto reader = rtp::CompoundReader::parse(report, rtp::CompoundRule::kCompound);
  REQUIRE(reader.ok());
  rtp::RtcpPacket packet;
  REQUIRE(reader->next(packet));
  REQUIRE(packet.type == rtp::RtcpType::kReceiverReport);
  const auto parsed = rtp::parse_receiver_report(packet);
  REQUIRE(parsed.ok());
  CHECK_TRUE(parsed->ssrc == rtp::Ssrc{kOwnSsrc});
  REQUIRE(parsed->blocks.size() == 1);
  CHECK_TRUE(parsed->blocks[0].ssrc == rtp::Ssrc{77});
  CHECK_EQ(parsed->blocks[0].cumulative_lost, 1);
  REQUIRE(reader->next(packet));
  CHECK_TRUE(packet.type == rtp::RtcpType::kSourceDescription);
}

TEST(
    "a sender report maps the forwarded stream's time and the peer's answer gives the round trip") {
  Endpoint endpoint = endpoint_of();
  Reports reports;
  const pipeline::SentPacket sent{rtp::Ssrc{55}, rtp::RtpTimestamp{8000}, 160, 8000};
  endpoint.on_sent(at_ms(1000), sent);
  endpoint.on_sent(at_ms(1000), sent);
  std::int64_t now_ms = 1000;
  const Bytes report = reports.first(endpoint, now_ms);
  REQUIRE(!report.empty());
  auto reader = rtp::CompoundReader::parse(report, rtp::CompoundRule::kCompound);
  REQUIRE(reader.ok());
  rtp::RtcpPacket packet;
  REQUIRE(reader->next(packet));
  REQUIRE(packet.type == rtp::RtcpType::kSenderReport);
  const auto parsed = rtp::parse_sender_report(packet);
  REQUIRE(parsed.ok());
  CHECK_TRUE(parsed->ssrc == rtp::Ssrc{55});
  CHECK_EQ(parsed->packet_count, 2u);
  CHECK_EQ(parsed->octet_count, 320u);
  CHECK_TRUE(parsed->rtp_timestamp ==
             rtp::RtpTimestamp{8000 + 8 * static_cast<std::uint32_t>(now_ms - 1000)});

  // The peer holds the report for half a second and answers; the whole trip takes 540 ms.
  const Buffer answer = receiver_report(9, block(55, parsed->ntp.middle(), 1u << 15));
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(now_ms + 540), answer, nullptr).verdict ==
             RtcpVerdict::kRelay);
  CHECK_EQ(endpoint.counters().round_trip_ms, 40.0);
  // An answer to a report nobody sent, or one that claims to have waited too long, changes nothing.
  const Buffer forged = receiver_report(9, block(55, parsed->ntp.middle() + 99, 0));
  (void)receive_rtcp(endpoint, at_ms(now_ms + 900), forged, nullptr);
  const Buffer lying = receiver_report(9, block(55, parsed->ntp.middle(), 1u << 20));
  (void)receive_rtcp(endpoint, at_ms(now_ms + 900), lying, nullptr);
  CHECK_EQ(endpoint.counters().round_trip_ms, 40.0);
}

TEST("a sender report's time follows the media clock through a key held down, and a new stream's") {
  const auto report_time = [](const pipeline::SentPacket& last) {
    Endpoint endpoint = endpoint_of();
    Reports reports;
    endpoint.on_sent(at_ms(0), {rtp::Ssrc{55}, rtp::RtpTimestamp{8000}, 160, 8000});
    endpoint.on_sent(at_ms(1000), last);
    std::int64_t now_ms = 1000;
    auto reader =
        rtp::CompoundReader::parse(reports.first(endpoint, now_ms), rtp::CompoundRule::kCompound);
    rtp::RtcpPacket packet;
    CHECK(reader.ok() && reader->next(packet));
    const auto parsed = rtp::parse_sender_report(packet);
    CHECK(parsed.ok());
    const auto since = static_cast<std::uint32_t>(now_ms - 1000);
    return std::pair{static_cast<std::uint32_t>(parsed->rtp_timestamp), since};
  };
  // An event that began with the last audio packet and whose clock rate is not told.
  const auto [held, held_since] = report_time({rtp::Ssrc{55}, rtp::RtpTimestamp{8000}, 4, 0});
  CHECK_EQ(held, 16'000 + 8 * held_since);
  // Another stream of an unknown clock has nothing of the first one's.
  const auto [other, other_since] = report_time({rtp::Ssrc{56}, rtp::RtpTimestamp{500}, 160, 0});
  (void)other_since;
  CHECK_EQ(other, 500u);
}

TEST("while reports are relayed none is written, and their answers give the round trip as well") {
  Endpoint endpoint = endpoint_of();
  Reports reports;
  endpoint.on_sent(at_ms(0), {rtp::Ssrc{55}, rtp::RtpTimestamp{0}, 160, 8000});
  constexpr std::uint64_t kNtp = 0x1234'5678'9abc'def0;
  for (std::int64_t now_ms = 0; now_ms < 60'000; now_ms += 100) {
    if (now_ms % 2000 == 0) {
      const auto ntp = kNtp + (static_cast<std::uint64_t>(now_ms / 1000) << 32);
      endpoint.on_rtcp_relayed(at_ms(now_ms), sender_report(55, ntp), reports.prng);
    }
    CHECK_TRUE(reports.of(endpoint, at_ms(now_ms)).empty());
  }
  const Buffer answer = receiver_report(9, block(55, (0x5678u + 58) << 16 | 0x9abc, 0));
  (void)receive_rtcp(endpoint, at_ms(58'025), answer, nullptr);
  CHECK_EQ(endpoint.counters().round_trip_ms, 25.0);
}

TEST("with RTCP off nothing is written and nothing taken") {
  EndpointSetup setup = setup_of();
  setup.remote_rtcp = {};
  Endpoint endpoint = endpoint_of(setup);
  Reports reports;
  endpoint.on_sent(at_ms(0), {rtp::Ssrc{55}, rtp::RtpTimestamp{0}, 160, 8000});
  std::int64_t now_ms = 0;
  CHECK_TRUE(reports.first(endpoint, now_ms).empty());
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(0), receiver_report(9), nullptr).verdict ==
             RtcpVerdict::kRefused);
}

TEST("silence is reported once per setup, and RTP or RTCP ends it") {
  EndpointSetup setup = setup_of();
  setup.inactivity = Duration::seconds(60);
  Endpoint endpoint = endpoint_of(setup);
  CHECK_FALSE(endpoint.handle_silence(at_ms(59'999)));
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(59'999), receiver_report(9), nullptr).verdict ==
             RtcpVerdict::kRelay);
  CHECK_FALSE(endpoint.handle_silence(at_ms(119'998)));
  Buffer packet = APacket{}.bytes();
  (void)endpoint.receive_rtp(at_ms(119'998), packet, nullptr);
  CHECK_FALSE(endpoint.handle_silence(at_ms(179'997)));
  CHECK_TRUE(endpoint.handle_silence(at_ms(179'998)));
  CHECK_FALSE(endpoint.handle_silence(at_ms(300'000)));
  endpoint.set_up(at_ms(300'000), setup);
  CHECK_FALSE(endpoint.handle_silence(at_ms(359'999)));
  CHECK_TRUE(endpoint.handle_silence(at_ms(360'000)));
  setup.inactivity = Duration::zero();
  endpoint.set_up(at_ms(360'000), setup);
  CHECK_FALSE(endpoint.handle_silence(at_ms(9'000'000)));
}

TEST("a payload map with a number that is no payload type is invalid") {
  PayloadMap map = {};
  CHECK_TRUE(pipeline::payload_map_valid(map));
  map[127] = 128;
  CHECK_FALSE(pipeline::payload_map_valid(map));
  map[127] = pipeline::kPayloadTypeDropped;
  CHECK_TRUE(pipeline::payload_map_valid(map));
}

TEST("a leg that listens keeps its packets and its RTCP to itself") {
  Endpoint endpoint = endpoint_of();
  endpoint.set_link(Link::decoded(kFarSide));
  Buffer packet = APacket{}.payload_type(0).bytes();
  CHECK_TRUE(endpoint.receive_rtp(at_ms(1), packet, &kRtp).verdict == RtpVerdict::kUnmapped);
  endpoint.set_listening(true);
  CHECK_TRUE(endpoint.receive_rtp(at_ms(2), packet, &kRtp).verdict == RtpVerdict::kListen);
  CHECK_TRUE(receive_rtcp(endpoint, at_ms(3), receiver_report(5), &kRtcp).verdict ==
             RtcpVerdict::kOwn);
  CHECK_EQ(endpoint.counters().packets_received, 2u);
  CHECK_EQ(endpoint.counters().packets_dropped, 1u);
}

TEST("a listening leg's books leave out the numbers of what it can't receive") {
  for (const std::uint16_t ahead : {1, 30, 3'001, 9'000, 40'000}) {
    Endpoint endpoint = endpoint_of();
    endpoint.set_link(Link::decoded(kFarSide));
    pipeline::PayloadTypeSet receivable;
    receivable[0] = true;
    endpoint.set_receivable(receivable);
    endpoint.set_listening(true);
    for (std::uint16_t number = 0; number < 100; ++number) {
      Buffer voice = APacket{}.payload_type(0).sequence(number).timestamp(number * 160u).bytes();
      CHECK_TRUE(endpoint.receive_rtp(at_ms(number * 20), voice, nullptr).verdict ==
                 RtpVerdict::kListen);
      if (number < 20 || number >= 70) continue;
      Buffer stray =
          APacket{}.payload_type(77).sequence(static_cast<std::uint16_t>(number + ahead)).bytes();
      CHECK_TRUE(endpoint.receive_rtp(at_ms(number * 20 + 1), stray, nullptr).verdict ==
                 RtpVerdict::kListen);
    }
    const auto counters = endpoint.counters();
    CHECK_EQ(counters.packets_received, 150u);
    CHECK_EQ(counters.packets_lost, 0u);
    CHECK_TRUE(counters.jitter_ms < 0.1);
  }
}

TEST("conversions and watched payload types say what is still to be done, watched ones always") {
  Endpoint endpoint = endpoint_of();
  PayloadMap map;
  map.fill(pipeline::kPayloadTypeDropped);
  map[0] = 8;
  const pipeline::Conversions conversions = {{{0, pipeline::Treatment::kToALaw}}};
  endpoint.set_link(Link(kFarSide, map, conversions));
  endpoint.set_watched(101);
  Buffer voice = APacket{}.payload_type(0).sequence(1).bytes();
  const auto converted = endpoint.receive_rtp(at_ms(1), voice, &kRtp);
  CHECK_TRUE(converted.verdict == RtpVerdict::kForward);
  CHECK_TRUE(converted.treatment == pipeline::Treatment::kToALaw);
  CHECK_EQ(voice[1] & 0x7f, 8);
  Buffer event = APacket{}.payload_type(101).sequence(2).bytes();
  const auto watched = endpoint.receive_rtp(at_ms(2), event, &kRtp);
  CHECK_TRUE(watched.verdict == RtpVerdict::kUnmapped);
  CHECK_TRUE(watched.treatment == pipeline::Treatment::kWatch);
}

TEST("only a stream of our own ends with BYE, and its report comes with it") {
  Endpoint endpoint = endpoint_of();
  Reports reports;
  std::array<std::uint8_t, pipeline::kReportBytesMax> into = {};
  const auto goodbye = [&](std::int64_t ms) {
    return endpoint.write_goodbye({at_ms(ms), Duration::zero(), reports.cname}, reports.prng, into);
  };
  CHECK_EQ(goodbye(1).size(), 0u);
  endpoint.on_sent(at_ms(2), {rtp::Ssrc{99}, {}, 160, 8'000});
  CHECK_EQ(goodbye(3).size(), 0u);
  endpoint.set_own_ssrc(rtp::Ssrc{55});
  endpoint.on_sent(at_ms(4), {rtp::Ssrc{55}, {}, 160, 8'000});
  const Bytes last = goodbye(5);
  REQUIRE(last.size() > 16);
  CHECK_EQ(last[1], 200);
  CHECK_EQ(last[last.size() - 7], 203);
  CHECK_EQ(load_u32(last.data() + last.size() - 4), 55u);
  endpoint.set_up(at_ms(6), {});
  CHECK_EQ(goodbye(7).size(), 0u);
}

TEST("A30 whoever has no key neither latches nor counts as received") {
  Endpoint endpoint = endpoint_of(setup_of(SourceRule::kLatch));
  const auto suite = srtp::Suite::kAesCm128HmacSha1Tag80;
  const auto keys = std::move(pipeline::LegKeys::create(
                                  {test::a_key(suite, 1), test::a_key(suite, 2)}, best_isa()))
                        .value();
  endpoint.set_keys(keys.get());
  for (std::uint16_t number = 1; number < 9; ++number) {
    Buffer packet = APacket{}.sequence(number).bytes();
    const auto outcome = endpoint.receive_rtp(at_ms(number), packet, &kStranger);
    CHECK_TRUE(outcome.verdict == RtpVerdict::kUnauthentic);
    CHECK_FALSE(outcome.latched);
  }
  CHECK_EQ(endpoint.counters().srtp_refused, 8u);
  CHECK_EQ(endpoint.counters().packets_received, 0u);
  auto send = srtp::SendContext::create(test::a_key(suite, 2), best_isa()).value();
  for (std::uint16_t number = 1; number < 3; ++number) {
    Buffer packet = test::protect(send, APacket{}.sequence(number).bytes()).bytes;
    CHECK_EQ(endpoint.receive_rtp(at_ms(20 + number), packet, &kRtp).latched, number == 2);
  }
}

namespace {

/// An endpoint that has heard two packets of payload type 0 and forwards that and two more.
Endpoint heard_endpoint(const EndpointSetup& setup = setup_of()) {
  Endpoint endpoint = endpoint_of(setup);
  endpoint.set_link(link_of({{0, 8}, {13, 13}, {96, 97}, {101, 101}}));
  for (const std::uint16_t number : {1, 2}) {
    Buffer packet = APacket{}.ssrc(77).sequence(number).payload(Buffer(160, 1)).bytes();
    (void)endpoint.receive_rtp(at_ms(number), packet, nullptr);
  }
  return endpoint;
}
constexpr std::array<ClockRate, 4> kFourRates = {{{0, 8000}, {13, 8000}, {96, 48000}, {9, 8000}}};

EndpointSetup four_rates() {
  EndpointSetup setup = setup_of();
  setup.clock_rates = kFourRates;
  return setup;
}

}  // namespace

TEST("a plain stream is told with its renumbering, for the types that share its clock alone") {
  const auto plain = heard_endpoint(four_rates()).plain_stream(4);
  REQUIRE(plain.has_value());
  CHECK_TRUE(plain->position.ssrc == rtp::Ssrc{77});
  CHECK_EQ(plain->position.highest.sequence(), 2);
  CHECK_EQ(plain->position.clock_rate_hz, 8000u);
  for (std::size_t type = 0; type < plain->types.size(); ++type) {
    const int expected = type == 0 ? 8 : (type == 13 ? 13 : pipeline::kPayloadTypeDropped);
    CHECK_EQ(plain->types[type], expected);
  }
  // With room for one, it is the one that came last.
  const auto narrow = heard_endpoint(four_rates()).plain_stream(1);
  REQUIRE(narrow.has_value());
  CHECK_EQ(narrow->types[0], 8);
  CHECK_EQ(narrow->types[13], pipeline::kPayloadTypeDropped);
}

TEST("what needs more than forwarding is no plain stream") {
  const auto plain = [](Endpoint& endpoint) { return endpoint.plain_stream(4).has_value(); };
  const auto hear = [](Endpoint& endpoint, const APacket& packet) {
    Buffer bytes = packet.bytes();
    (void)endpoint.receive_rtp(at_ms(50), bytes, nullptr);
  };
  Endpoint unheard = endpoint_of();
  unheard.set_link(link_of({{0, 0}}));
  CHECK_FALSE(plain(unheard));
  hear(unheard, APacket{}.sequence(1));
  CHECK_FALSE(plain(unheard));  // on probation
  hear(unheard, APacket{}.sequence(2));
  CHECK_TRUE(plain(unheard));

  Endpoint endpoint = heard_endpoint();
  endpoint.set_listening(true);
  CHECK_FALSE(plain(endpoint));
  endpoint = heard_endpoint();
  endpoint.await_keys();
  CHECK_FALSE(plain(endpoint));
  endpoint = heard_endpoint();
  endpoint.set_link(Link());
  CHECK_FALSE(plain(endpoint));
  endpoint = heard_endpoint();
  endpoint.set_link(Link::decoded(kFarSide));
  CHECK_FALSE(plain(endpoint));
  // A changed link has to be seen at work first.
  endpoint = heard_endpoint();
  endpoint.set_link(link_of({{0, 0}}));
  CHECK_FALSE(plain(endpoint));
  hear(endpoint, APacket{}.ssrc(77).sequence(3));
  CHECK_TRUE(plain(endpoint));
  // So has a changed setup, whose first packet is told of.
  endpoint.set_up(at_ms(60), setup_of());
  CHECK_FALSE(plain(endpoint));
  // The last packet was a telephone-event, or one of a law to be changed.
  endpoint = heard_endpoint();
  hear(endpoint, APacket{}.ssrc(77).sequence(3).payload_type(101));
  CHECK_FALSE(plain(endpoint));
  endpoint = heard_endpoint();
  endpoint.set_watched(0);
  hear(endpoint, APacket{}.ssrc(77).sequence(3));
  CHECK_FALSE(plain(endpoint));
  endpoint = heard_endpoint();
  PayloadMap map;
  map.fill(0);
  endpoint.set_link(Link(kFarSide, map, {{{0, pipeline::Treatment::kToALaw}}}));
  hear(endpoint, APacket{}.ssrc(77).sequence(3));
  CHECK_FALSE(plain(endpoint));
  // Nobody knows the clock.
  EndpointSetup clockless = setup_of();
  clockless.clock_rates = {};
  endpoint = heard_endpoint(clockless);
  CHECK_FALSE(plain(endpoint));
  // The peer is not certain: behind NAT, and not latched.
  endpoint = heard_endpoint(setup_of(SourceRule::kLatch));
  CHECK_FALSE(plain(endpoint));
}

TEST("what was forwarded elsewhere is in the books, the reports and the inactivity") {
  EndpointSetup setup = setup_of();
  setup.inactivity = Duration::seconds(1);
  Endpoint receiver = heard_endpoint(setup);
  const auto plain = receiver.plain_stream(4);
  REQUIRE(plain.has_value());
  rtp::StreamPosition position = plain->position;
  position.highest = position.highest.extend(52);
  receiver.on_forwarded_elsewhere({position, {.packets = 49, .octets = 49 * 160}, at_ms(1002)});
  CHECK_FALSE(receiver.handle_silence(at_ms(1900)));
  CHECK_TRUE(receiver.handle_silence(at_ms(2002)));
  CHECK_EQ(receiver.counters().packets_received, 51u);
  CHECK_EQ(receiver.counters().octets_received, 51u * 160);
  CHECK_EQ(receiver.counters().packets_lost, 1u);

  Endpoint sender = endpoint_of();
  const rtp::Ssrc ssrc{77};
  sender.on_sent(at_ms(1), {ssrc, rtp::RtpTimestamp{0}, 160, 8000});
  sender.on_sent_elsewhere({.last = {ssrc, rtp::RtpTimestamp{8000}, 0, 8000},
                            .last_at = at_ms(1000),
                            .counted = {.packets = 50, .octets = 8000}});
  CHECK_EQ(sender.counters().packets_sent, 51u);
  CHECK_EQ(sender.counters().octets_sent, 8160u);
  Reports reports;
  std::int64_t now_ms = 1000;
  auto reader =
      rtp::CompoundReader::parse(reports.first(sender, now_ms), rtp::CompoundRule::kCompound);
  rtp::RtcpPacket packet;
  REQUIRE(reader.ok() && reader->next(packet));
  const auto report = rtp::parse_sender_report(packet);
  REQUIRE(report.ok());
  CHECK_TRUE(report->ssrc == ssrc);
  CHECK_EQ(report->packet_count, 51u);
  CHECK_EQ(report->octet_count, 8160u);
  CHECK_TRUE(report->rtp_timestamp ==
             rtp::RtpTimestamp{8000 + 8 * static_cast<std::uint32_t>(now_ms - 1000)});
}
