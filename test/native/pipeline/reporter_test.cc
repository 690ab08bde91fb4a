// What RTCP a leg owes its peer, when, and in whose name; the round trip from the peer's answers.
#include "pipeline/reporter.h"

#include <array>

#include "native/harness.h"
#include "native/rtp/build.h"
#include "rtp/report_interval.h"

namespace {

using namespace trunkyard;
using pipeline::ReportContext;
using pipeline::Reporter;
using pipeline::SentPacket;
using test::Buffer;

constexpr rtp::Ssrc kOwn{0xb0b};
constexpr rtp::Ssrc kForwarded{0xa11ce};
constexpr Duration kSince1970 = Duration::seconds(1'700'000'000);
constexpr std::array<std::uint8_t, 4> kCname = {'n', 'o', 'd', 'e'};
/// The longest that chance and RFC 3550 §6.3.1 make of the minimum.
constexpr std::int64_t kIntervalMsMax = 5'000 * 3 / 2 * 1'000 / 1'218;

Instant at_ms(std::int64_t ms) {
  return Instant::from_ns(ms * 1'000'000);
}
ReportContext context_at(std::int64_t ms) {
  return {at_ms(ms), kSince1970, kCname};
}

/// A reporter, and what it reads and writes.
struct Desk {
  void send(std::int64_t ms, const SentPacket& packet) { reporter.on_sent(at_ms(ms), packet); }
  void send_voice(std::int64_t ms, std::uint32_t timestamp, rtp::Ssrc ssrc = kForwarded) {
    send(ms, {ssrc, static_cast<rtp::RtpTimestamp>(timestamp), 160, 8'000});
  }
  void receive(std::int64_t ms, std::uint16_t sequence) {
    (void)statistics.on_packet(at_ms(ms), {.ssrc = rtp::Ssrc{7},
                                           .sequence = sequence,
                                           .timestamp = static_cast<rtp::RtpTimestamp>(ms * 8),
                                           .payload_bytes = 160,
                                           .clock_rate_hz = 8'000});
  }
  Buffer write(std::int64_t ms) {
    std::array<std::uint8_t, pipeline::kReportBytesMax> into;
    const Bytes report = reporter.write(context_at(ms), statistics, prng, into);
    return {report.begin(), report.end()};
  }
  Buffer goodbye(std::int64_t ms) {
    std::array<std::uint8_t, pipeline::kReportBytesMax> into;
    const Bytes report = reporter.write_goodbye(context_at(ms), statistics, prng, into);
    return {report.begin(), report.end()};
  }
  bool due(std::int64_t ms, bool receiving = false) {
    return reporter.due(at_ms(ms), receiving, prng);
  }

  Reporter reporter{kOwn};
  rtp::SourceStatistics statistics;
  Prng prng{5};
};

/// The packets of a datagram. The bytes must outlive them.
std::vector<rtp::RtcpPacket> packets_of(const Buffer& datagram) {
  std::vector<rtp::RtcpPacket> packets;
  auto reader = rtp::CompoundReader::parse(datagram, rtp::CompoundRule::kCompound);
  CHECK_TRUE(reader.ok());
  rtp::RtcpPacket packet;
  while (reader.ok() && reader->next(packet))
    packets.push_back(packet);
  return packets;
}
rtp::SenderReport sender_report_of(const Buffer& datagram) {
  return rtp::parse_sender_report(packets_of(datagram).front()).value();
}

TEST("nothing is due before there is media, then something within the shortened first interval") {
  Desk desk;
  for (std::int64_t ms = 0; ms < 60'000; ms += 1'000)
    CHECK_FALSE(desk.due(ms));
  desk.send_voice(60'000, 0);
  CHECK_FALSE(desk.due(60'000));
  CHECK_TRUE(desk.due(60'000 + kIntervalMsMax / 2));
  Desk listener;
  CHECK_FALSE(listener.due(0, true));
  CHECK_TRUE(listener.due(kIntervalMsMax / 2, true));
}

TEST("reports come five seconds apart on the average, and never in step") {
  Desk desk;
  desk.send_voice(0, 0);
  (void)desk.due(0);
  std::vector<std::int64_t> gaps;
  std::int64_t last_ms = 0;
  for (std::int64_t ms = 0; gaps.size() < 400; ms += 10) {
    if (!desk.due(ms)) continue;
    CHECK_FALSE(desk.write(ms).empty());
    if (last_ms > 0) gaps.push_back(ms - last_ms);
    last_ms = ms;
  }
  std::int64_t sum = 0;
  for (const std::int64_t gap : gaps) {
    CHECK_TRUE(gap >= 2'050 && gap <= kIntervalMsMax + 10);
    sum += gap;
  }
  // 5 s, divided by the 1.218 of RFC 3550 §6.3.1.
  const std::int64_t mean = sum / static_cast<std::int64_t>(gaps.size());
  CHECK_TRUE(mean > 3'900 && mean < 4'300);
}

TEST("a sender report speaks for the stream that was sent, with its counts, time and name") {
  Desk desk;
  desk.receive(0, 1);
  desk.receive(20, 2);
  for (std::int64_t index = 0; index < 50; ++index)
    desk.send_voice(1'000 + 20 * index, static_cast<std::uint32_t>(5'000 + 160 * index));
  const Buffer report = desk.write(2'000);
  const rtp::SenderReport read = sender_report_of(report);
  CHECK_EQ(read.ssrc, kForwarded);
  CHECK_EQ(read.packet_count, 50u);
  CHECK_EQ(read.octet_count, 8'000u);
  CHECK_EQ(read.ntp.bits(), rtp::NtpTime::at(at_ms(2'000), kSince1970).bits());
  // 20 ms after the last packet, which left at 1,980.
  CHECK_EQ(static_cast<std::uint32_t>(read.rtp_timestamp), 5'000u + 160 * 50);
  REQUIRE(read.blocks.size() == 1);
  CHECK_EQ(read.blocks[0].ssrc, rtp::Ssrc{7});
  const std::vector<rtp::RtcpPacket> packets = packets_of(report);
  REQUIRE(packets.size() == 2);
  rtp::SdesReader names(packets[1]);
  rtp::SdesItem item;
  REQUIRE(names.next(item));
  CHECK_EQ(item.ssrc, kForwarded);
  CHECK_TRUE(std::equal(item.text.begin(), item.text.end(), kCname.begin(), kCname.end()));
}

TEST("counts begin anew with another stream, and nobody's old time is told for it") {
  Desk desk;
  for (std::int64_t index = 0; index < 10; ++index)
    desk.send_voice(20 * index, static_cast<std::uint32_t>(160 * index));
  desk.send(300, {rtp::Ssrc{9}, rtp::RtpTimestamp{77}, 100, 0});
  const rtp::SenderReport read = sender_report_of(desk.write(1'000));
  CHECK_EQ(read.ssrc, rtp::Ssrc{9});
  CHECK_EQ(read.packet_count, 1u);
  CHECK_EQ(read.octet_count, 100u);
  // Without a clock it stands still.
  CHECK_EQ(static_cast<std::uint32_t>(read.rtp_timestamp), 77u);
}

TEST("whoever has sent nothing since the last report writes a receiver report, at first its own") {
  Desk desk;
  desk.receive(0, 1);
  desk.receive(20, 2);
  const Buffer first = desk.write(1'000);
  const auto read = rtp::parse_receiver_report(packets_of(first).front());
  REQUIRE(read.ok());
  CHECK_EQ(read->ssrc, kOwn);
  CHECK_EQ(read->blocks.size(), 1u);
  desk.send_voice(1'020, 0);
  (void)desk.write(6'000);
  const Buffer silent = desk.write(11'000);
  const auto later = rtp::parse_receiver_report(packets_of(silent).front());
  REQUIRE(later.ok());
  CHECK_EQ(later->ssrc, kForwarded);
}

TEST("packets that went by another way are counted as if each had been told of") {
  Desk told;
  Desk elsewhere;
  for (std::uint32_t index = 0; index < 30; ++index)
    told.send_voice(20 * index, 160 * index);
  elsewhere.send_voice(0, 0);
  elsewhere.reporter.on_sent_elsewhere({.last = {kForwarded, rtp::RtpTimestamp{160 * 29}, 0, 8'000},
                                        .last_at = at_ms(20 * 29),
                                        .counted = {.packets = 29, .octets = 29 * 160}});
  elsewhere.reporter.on_sent_elsewhere({});
  CHECK_EQ(elsewhere.write(5'000), told.write(5'000));
}

TEST("while the far party's reports pass, ours wait; they come when those stop") {
  Desk desk;
  desk.send_voice(0, 0);
  (void)desk.due(0);
  Buffer relayed;
  {
    std::array<std::uint8_t, pipeline::kReportBytesMax> into;
    rtp::CompoundBuilder builder(into);
    builder.add_receiver_report(rtp::Ssrc{3}, {});
    const Bytes bytes = builder.finish();
    relayed.assign(bytes.begin(), bytes.end());
  }
  std::int64_t ms = 0;
  for (; ms < 60'000; ms += 2'000) {
    CHECK_FALSE(desk.due(ms));
    desk.reporter.on_relayed(at_ms(ms), relayed, desk.prng);
  }
  CHECK_TRUE(desk.due(ms + kIntervalMsMax));
}

TEST("the round trip comes from the answer to a report, ours or relayed, by our clock alone") {
  Desk desk;
  CHECK_EQ(desk.reporter.round_trip(), Duration::zero());
  const auto answer = [&](std::int64_t ms, std::uint32_t last_sr, std::int64_t held_ms) {
    rtp::ReportBlock block;
    block.last_sr = last_sr;
    block.delay_since_sr = rtp::to_ntp_short(Duration::milliseconds(held_ms));
    desk.reporter.on_peer_block(at_ms(ms), block);
    return desk.reporter.round_trip().ms_exact();
  };
  const auto is_near = [](double ms, double expected) { return std::abs(ms - expected) < 0.1; };
  desk.send_voice(0, 0);
  const std::uint32_t first = sender_report_of(desk.write(1'000)).ntp.middle();
  CHECK_TRUE(is_near(answer(1'350, first, 300), 50));
  // One that answers nothing, or a report nobody remembers, says nothing.
  CHECK_TRUE(is_near(answer(9'000, 0, 0), 50));
  CHECK_TRUE(is_near(answer(9'000, first + 1, 0), 50));
  // Another peer's report that passed here, in that peer's own time.
  Buffer relayed;
  {
    std::array<std::uint8_t, pipeline::kReportBytesMax> into;
    rtp::CompoundBuilder builder(into);
    builder.add_sender_report(rtp::Ssrc{3}, {.ntp = rtp::NtpTime::from_bits(0x1234'5678'9abc'def0)},
                              {});
    const Bytes bytes = builder.finish();
    relayed.assign(bytes.begin(), bytes.end());
  }
  desk.reporter.on_relayed(at_ms(10'000), relayed, desk.prng);
  CHECK_TRUE(is_near(answer(10'120, 0x5678'9abc, 40), 80));
  // The one before is still remembered; a peer that claims more than has passed is not believed.
  CHECK_TRUE(is_near(answer(11'000, first, 9'980), 20));
  CHECK_TRUE(is_near(answer(11'000, first, 12'000), 20));
  // A rounding below zero is none.
  CHECK_TRUE(is_near(answer(11'000, first, 10'000), 0));
}

TEST("a stream of our own ends with BYE, one that was forwarded doesn't") {
  Desk own;
  CHECK_TRUE(own.goodbye(0).empty());
  own.send_voice(0, 0, kOwn);
  const Buffer farewell = own.goodbye(1'000);
  const std::vector<rtp::RtcpPacket> packets = packets_of(farewell);
  REQUIRE(packets.size() == 3);
  CHECK_TRUE(packets[2].type == rtp::RtcpType::kBye);
  CHECK_EQ(rtp::parse_bye(packets[2])->source(0), kOwn);
  Desk relay;
  relay.send_voice(0, 0);
  CHECK_TRUE(relay.goodbye(1'000).empty());
}

}  // namespace
