// RTCP: framing of compounds, every packet type, and what our builder makes of it.
#include "rtp/rtcp.h"

#include <array>
#include <string_view>

#include "base/prng.h"
#include "native/harness.h"
#include "native/rtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;
using test::an_rtcp_packet;
using test::Buffer;
using test::join;
using test::words;

Bytes text(std::string_view value) {
  return {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()};
}
Buffer a_receiver_report() {
  return an_rtcp_packet(201, 0, words({7}));
}
ErrorCode verdict(const Buffer& bytes, CompoundRule rule = CompoundRule::kCompound) {
  return CompoundReader::parse(bytes, rule).code();
}
/// The first packet of a datagram that frames correctly. The bytes must outlive it.
RtcpPacket first_packet(const Buffer& bytes) {
  RtcpPacket packet;
  Result<CompoundReader> reader = CompoundReader::parse(bytes, CompoundRule::kReducedSize);
  CHECK_TRUE(reader.ok() && reader->next(packet));
  return packet;
}

TEST("walks over the packets of a compound, unknown types included") {
  const Buffer bytes =
      join({a_receiver_report(), an_rtcp_packet(192, 3, {}), an_rtcp_packet(203, 1, words({7}))});
  Result<CompoundReader> reader = CompoundReader::parse(bytes, CompoundRule::kCompound);
  REQUIRE(reader.ok());
  CHECK_EQ(reader->packet_count(), 3u);
  RtcpPacket packet;
  CHECK_TRUE(reader->next(packet));
  CHECK_EQ(packet.type, RtcpType::kReceiverReport);
  CHECK_TRUE(reader->next(packet));
  CHECK_EQ(packet.type, static_cast<RtcpType>(192));
  CHECK_EQ(packet.count, 3);
  CHECK_TRUE(packet.body.empty());
  CHECK_TRUE(reader->next(packet));
  CHECK_EQ(packet.type, RtcpType::kBye);
  CHECK_EQ(packet.whole.size(), 8u);
  CHECK_FALSE(reader->next(packet));
}

TEST("refuses an empty datagram, a cut one and lengths that don't add up") {
  CHECK_EQ(verdict({}), ErrorCode::kPacketTruncated);
  const Buffer whole = join({a_receiver_report(), a_receiver_report()});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (length == 8) continue;  // exactly the first packet
    CHECK_EQ(verdict(Buffer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))),
             ErrorCode::kPacketTruncated);
  }
  Buffer longer = a_receiver_report();
  longer.push_back(0x80);
  CHECK_EQ(verdict(longer), ErrorCode::kPacketTruncated);
}

TEST("refuses another version in any packet of the compound") {
  Buffer bytes = join({a_receiver_report(), a_receiver_report()});
  bytes[8] = 0x40;
  CHECK_EQ(verdict(bytes), ErrorCode::kVersionUnsupported);
}

TEST("a compound begins with a report, a reduced-size packet with anything") {
  const Buffer feedback = an_rtcp_packet(205, 1, words({1, 2}));
  CHECK_EQ(verdict(feedback), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(feedback, CompoundRule::kReducedSize), ErrorCode::kOk);
  CHECK_EQ(verdict(an_rtcp_packet(203, 0, {})), ErrorCode::kPacketMalformed);
}

TEST("padding belongs to the last packet, in whole words, and is not part of its body") {
  const Buffer padded = an_rtcp_packet(201, 0, words({7, 4}), true);
  CHECK_EQ(verdict(join({a_receiver_report(), padded})), ErrorCode::kOk);
  CHECK_EQ(verdict(join({padded, a_receiver_report()})), ErrorCode::kPacketMalformed);
  CHECK_EQ(first_packet(padded).body.size(), 4u);
  for (const std::uint32_t count : {0u, 1u, 3u, 6u, 12u, 255u}) {
    CHECK_EQ(verdict(an_rtcp_packet(201, 0, words({7, count}), true)), ErrorCode::kPacketMalformed);
  }
  CHECK_EQ(verdict(an_rtcp_packet(201, 0, {}, true)), ErrorCode::kPacketMalformed);
}

TEST("refuses a compound of more packets than anyone needs") {
  Buffer bytes;
  for (std::uint32_t index = 0; index < kRtcpPacketsMax; ++index) {
    bytes = join({bytes, a_receiver_report()});
  }
  CHECK_EQ(verdict(bytes), ErrorCode::kOk);
  CHECK_EQ(verdict(join({bytes, a_receiver_report()})), ErrorCode::kPacketMalformed);
}

TEST("reads a sender report with its blocks") {
  const Buffer bytes =
      an_rtcp_packet(200, 1,
                     words({0xa, 0x11112222, 0x33334444, 160, 5, 800, /* block */ 0xb, 0x40ff'fffe,
                            0x10007, 12, 0x22223333, 0x8000}));
  const Result<SenderReport> report = parse_sender_report(first_packet(bytes));
  REQUIRE(report.ok());
  CHECK_EQ(report->ssrc, static_cast<Ssrc>(0xa));
  CHECK_EQ(report->ntp.bits(), 0x1111'2222'3333'4444u);
  CHECK_EQ(report->rtp_timestamp, static_cast<RtpTimestamp>(160));
  CHECK_EQ(report->packet_count, 5u);
  CHECK_EQ(report->octet_count, 800u);
  REQUIRE(report->blocks.size() == 1);
  const ReportBlock block = report->blocks[0];
  CHECK_EQ(block.ssrc, static_cast<Ssrc>(0xb));
  CHECK_EQ(block.fraction_lost, 0x40);
  CHECK_EQ(block.cumulative_lost, -2);
  CHECK_EQ(block.highest_sequence, 0x10007u);
  CHECK_EQ(block.jitter, 12u);
  CHECK_EQ(block.last_sr, 0x22223333u);
  CHECK_EQ(block.delay_since_sr, 0x8000u);
}

TEST("refuses reports that count more blocks than they hold, and ignores profile extensions") {
  CHECK_EQ(
      parse_sender_report(first_packet(an_rtcp_packet(200, 1, words({1, 2, 3, 4, 5, 6})))).code(),
      ErrorCode::kPacketTruncated);
  CHECK_EQ(parse_sender_report(first_packet(an_rtcp_packet(200, 0, words({1, 2, 3, 4, 5})))).code(),
           ErrorCode::kPacketTruncated);
  const Buffer short_report = an_rtcp_packet(201, 31, words({1, 2, 3}));
  CHECK_EQ(parse_receiver_report(first_packet(short_report)).code(), ErrorCode::kPacketTruncated);
  const Buffer extended = an_rtcp_packet(201, 0, words({1, 0xeeee}));
  const Result<ReceiverReport> report = parse_receiver_report(first_packet(extended));
  REQUIRE(report.ok());
  CHECK_EQ(report->blocks.size(), 0u);
}

TEST("reads BYE with and without reason, and refuses a reason that runs over") {
  const Buffer plain = an_rtcp_packet(203, 2, words({1, 2}));
  const Result<Bye> bye = parse_bye(first_packet(plain));
  REQUIRE(bye.ok());
  CHECK_EQ(bye->source_count(), 2u);
  CHECK_EQ(bye->source(1), static_cast<Ssrc>(2));
  CHECK_TRUE(bye->reason.empty());
  const Buffer with_reason = an_rtcp_packet(203, 1, words({1, 0x03'627965}));
  CHECK_EQ(parse_bye(first_packet(with_reason))->reason, text("bye"));
  const Buffer over = an_rtcp_packet(203, 1, words({1, 0x04'627965}));
  CHECK_EQ(parse_bye(first_packet(over)).code(), ErrorCode::kPacketTruncated);
  const Buffer too_few = an_rtcp_packet(203, 3, words({1, 2}));
  CHECK_EQ(parse_bye(first_packet(too_few)).code(), ErrorCode::kPacketTruncated);
}

TEST("reads APP and both kinds of feedback") {
  const Buffer app = an_rtcp_packet(204, 9, words({1, 0x74657374, 0xcafe}));
  const Result<Application> application = parse_application(first_packet(app));
  REQUIRE(application.ok());
  CHECK_EQ(application->subtype, 9);
  CHECK_EQ(application->name, text("test"));
  CHECK_EQ(application->data.size(), 4u);
  for (const int type : {205, 206}) {
    const Buffer bytes = an_rtcp_packet(type, 1, words({1, 2, 3}));
    const Result<Feedback> feedback = parse_feedback(first_packet(bytes));
    REQUIRE(feedback.ok());
    CHECK_EQ(feedback->message_type, 1);
    CHECK_EQ(feedback->media, static_cast<Ssrc>(2));
    CHECK_EQ(feedback->control_information.size(), 4u);
    const Buffer cut = an_rtcp_packet(type, 1, words({1}));
    CHECK_EQ(parse_feedback(first_packet(cut)).code(), ErrorCode::kPacketTruncated);
  }
}

TEST("walks over the items of several SDES chunks") {
  // Chunk 1: CNAME "ab", NOTE "x", end; chunk 2: CNAME "cde", end and padding.
  Buffer body = words({1});
  body = join({body, {1, 2, 'a', 'b', 7, 1, 'x', 0}, words({2}), {1, 3, 'c', 'd', 'e', 0, 0, 0}});
  const Buffer bytes = an_rtcp_packet(202, 2, body);
  SdesReader reader(first_packet(bytes));
  SdesItem item;
  REQUIRE(reader.next(item));
  CHECK_EQ(item.type, SdesType::kCname);
  CHECK_EQ(item.text, text("ab"));
  REQUIRE(reader.next(item));
  CHECK_EQ(item.type, SdesType::kNote);
  REQUIRE(reader.next(item));
  CHECK_EQ(item.ssrc, static_cast<Ssrc>(2));
  CHECK_EQ(item.text, text("cde"));
  CHECK_FALSE(reader.next(item));
  CHECK_TRUE(reader.ok());
}

TEST("notices SDES that ends in the middle of a chunk, an item, or before its count") {
  for (const Buffer& body : {words({1}), join({words({1}), {1, 9, 'a', 'b'}}),
                             join({words({1}), {1, 2, 'a', 'b'}}), Buffer{}}) {
    const Buffer bytes = an_rtcp_packet(202, 1, body);
    SdesReader reader(first_packet(bytes));
    SdesItem item;
    while (reader.next(item)) {
    }
    CHECK_FALSE(reader.ok());
  }
}

TEST("walks over the blocks of an extended report") {
  const Buffer bytes = an_rtcp_packet(207, 0, words({5, 0x04'00'0002, 1, 2, 0x05'07'0000}));
  ExtendedReportReader reader(first_packet(bytes));
  CHECK_EQ(reader.ssrc(), static_cast<Ssrc>(5));
  ExtendedBlock block;
  REQUIRE(reader.next(block));
  CHECK_EQ(block.block_type, 4);
  CHECK_EQ(block.data.size(), 8u);
  REQUIRE(reader.next(block));
  CHECK_EQ(block.type_specific, 7);
  CHECK_FALSE(reader.next(block));
  CHECK_TRUE(reader.ok());
  const Buffer over = an_rtcp_packet(207, 0, words({5, 0x04'00'0003, 1, 2}));
  ExtendedReportReader cut(first_packet(over));
  CHECK_FALSE(cut.next(block));
  CHECK_FALSE(cut.ok());
}

TEST("builds a compound that reads back field by field") {
  std::array<std::uint8_t, 256> buffer{};
  const std::array<ReportBlock, 1> blocks{ReportBlock{.ssrc = static_cast<Ssrc>(2),
                                                      .fraction_lost = 9,
                                                      .cumulative_lost = -8'388'608,
                                                      .highest_sequence = 7,
                                                      .jitter = 6,
                                                      .last_sr = 5,
                                                      .delay_since_sr = 4}};
  CompoundBuilder builder{buffer};
  builder.add_sender_report(static_cast<Ssrc>(1),
                            {.ntp = NtpTime::from_bits(0x0123'4567'89ab'cdef),
                             .rtp_timestamp = static_cast<RtpTimestamp>(3),
                             .packet_count = 4,
                             .octet_count = 5},
                            blocks);
  builder.add_cname(static_cast<Ssrc>(1), text("node@example"));
  builder.add_bye(static_cast<Ssrc>(1), text("gone"));
  Result<CompoundReader> reader = CompoundReader::parse(builder.finish(), CompoundRule::kCompound);
  REQUIRE(reader.ok());
  RtcpPacket packet;
  REQUIRE(reader->next(packet));
  const Result<SenderReport> report = parse_sender_report(packet);
  REQUIRE(report.ok() && report->blocks.size() == 1);
  CHECK_EQ(report->ntp.bits(), 0x0123'4567'89ab'cdefu);
  CHECK_EQ(report->blocks[0].cumulative_lost, -8'388'608);
  CHECK_EQ(report->blocks[0].delay_since_sr, 4u);
  REQUIRE(reader->next(packet));
  SdesReader sdes(packet);
  SdesItem item;
  REQUIRE(sdes.next(item));
  CHECK_EQ(item.text, text("node@example"));
  CHECK_FALSE(sdes.next(item));
  CHECK_TRUE(sdes.ok());
  REQUIRE(reader->next(packet));
  const Result<Bye> bye = parse_bye(packet);
  REQUIRE(bye.ok());
  CHECK_EQ(bye->reason, text("gone"));
}

TEST("names and reasons of every length end at a word boundary") {
  for (std::size_t length = 1; length <= 255; ++length) {
    std::array<std::uint8_t, 600> buffer{};
    const Buffer name(length, 'n');
    CompoundBuilder builder{buffer};
    builder.add_receiver_report(static_cast<Ssrc>(1), {});
    builder.add_cname(static_cast<Ssrc>(1), name);
    builder.add_bye(static_cast<Ssrc>(1), name);
    Result<CompoundReader> reader =
        CompoundReader::parse(builder.finish(), CompoundRule::kCompound);
    REQUIRE(reader.ok() && reader->packet_count() == 3);
    RtcpPacket packet;
    (void)reader->next(packet);
    (void)reader->next(packet);
    SdesReader sdes(packet);
    SdesItem item;
    REQUIRE(sdes.next(item) && item.text.size() == length);
    REQUIRE(!sdes.next(item) && sdes.ok());
    (void)reader->next(packet);
    REQUIRE(parse_bye(packet).ok());
  }
}

TEST("a builder without room, or given too much, yields nothing rather than half") {
  std::array<std::uint8_t, 20> small{};
  CompoundBuilder cut{small};
  cut.add_receiver_report(static_cast<Ssrc>(1), {});
  cut.add_cname(static_cast<Ssrc>(1), text("does not fit in here"));
  CHECK_TRUE(cut.finish().empty());

  std::array<std::uint8_t, 2048> large{};
  const std::array<ReportBlock, 32> too_many{};
  CompoundBuilder crowded{large};
  crowded.add_receiver_report(static_cast<Ssrc>(1), too_many);
  CHECK_TRUE(crowded.finish().empty());
  CompoundBuilder nameless{large};
  nameless.add_cname(static_cast<Ssrc>(1), {});
  CHECK_TRUE(nameless.finish().empty());
  CompoundBuilder talkative{large};
  talkative.add_bye(static_cast<Ssrc>(1), Buffer(256, 'x'));
  CHECK_TRUE(talkative.finish().empty());
}

TEST("gives a source another name wherever a compound speaks of it, and touches nothing else") {
  const auto compound = [](std::uint32_t name) {
    const Buffer block = join({words({name}), Buffer(20, 9)});
    const Buffer other = join({words({5}), Buffer(20, 9)});
    return join({an_rtcp_packet(200, 2, join({words({name, 1, 2, 3, 7, 7}), other, block})),
                 an_rtcp_packet(201, 1, join({words({name}), block})),
                 an_rtcp_packet(202, 3,
                                join({words({5}),
                                      {1, 2, 'a', 'b', 7, 1, 'x', 0},
                                      words({name}),
                                      {1, 3, 'c', 'd', 'e', 0, 0, 0},
                                      words({name, 0})})),
                 an_rtcp_packet(203, 2, words({5, name})), an_rtcp_packet(204, 0, words({name, 7})),
                 an_rtcp_packet(205, 1, words({name, name, 7})),
                 an_rtcp_packet(206, 1, words({5, name, 7})),
                 an_rtcp_packet(207, 0, words({name}))});
  };
  Buffer bytes = compound(7);
  // The numbers in the sender's information and the packets' data are sevens too.
  rename_source(bytes, static_cast<Ssrc>(7), static_cast<Ssrc>(0xabcd'0001));
  CHECK_EQ(bytes, compound(0xabcd'0001));
  rename_source(bytes, static_cast<Ssrc>(8), static_cast<Ssrc>(1));
  CHECK_EQ(bytes, compound(0xabcd'0001));
}

TEST("renames nothing beyond what a damaged packet holds") {
  Prng prng(11);
  for (int turn = 0; turn < 20'000; ++turn) {
    const int type = 200 + static_cast<int>(prng.below(9));
    Buffer body(4 * prng.below(12));
    for (std::uint8_t& byte : body)
      byte = static_cast<std::uint8_t>(prng.below(3));
    Buffer bytes = an_rtcp_packet(type, static_cast<int>(prng.below(32)), body);
    const std::size_t size = bytes.size();
    rename_source(bytes, static_cast<Ssrc>(prng.below(3)), static_cast<Ssrc>(0x0101'0101));
    CHECK_EQ(bytes.size(), size);
    CHECK_TRUE(CompoundReader::parse(bytes, CompoundRule::kReducedSize).ok());
  }
  Buffer garbage(40, 0);
  rename_source(garbage, static_cast<Ssrc>(0), static_cast<Ssrc>(1));
  CHECK_EQ(garbage, Buffer(40, 0));
}

TEST("relays a compound without its BYE and everything else unchanged") {
  const Buffer report = a_receiver_report();
  const Buffer feedback = an_rtcp_packet(206, 1, words({1, 2}));
  const Buffer bye = an_rtcp_packet(203, 1, words({7}));
  std::array<std::uint8_t, 256> into{};
  CHECK_EQ(copy_without_bye(join({report, bye, feedback}), into), join({report, feedback}));
  CHECK_EQ(copy_without_bye(join({report, feedback}), into), join({report, feedback}));
  CHECK_TRUE(copy_without_bye(bye, into).empty());
}

}  // namespace
