// RTCP: any datagram through the compound walk and every body parser; reports that parse are built
// again and must read back equal; a relayed compound must be valid and free of BYE.
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/native/targets.h"
#include "rtp/rtcp.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

bool lies_inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool equal(const ReportBlock& left, const ReportBlock& right) {
  return left.ssrc == right.ssrc && left.fraction_lost == right.fraction_lost &&
         left.cumulative_lost == right.cumulative_lost &&
         left.highest_sequence == right.highest_sequence && left.jitter == right.jitter &&
         left.last_sr == right.last_sr && left.delay_since_sr == right.delay_since_sr;
}

using Blocks = std::array<ReportBlock, kRtcpCountMax>;

std::span<const ReportBlock> decode(const ReportBlocks& blocks, Blocks& into) {
  CHECK(blocks.size() <= into.size());
  for (std::uint32_t index = 0; index < blocks.size(); ++index) {
    into[index] = blocks[index];
    CHECK(from_ntp_short(into[index].delay_since_sr) >= Duration::zero());
  }
  return {into.data(), blocks.size()};
}

RtcpPacket first_of(Bytes datagram) {
  Result<CompoundReader> reader = CompoundReader::parse(datagram, CompoundRule::kCompound);
  CHECK(reader.ok());
  RtcpPacket packet;
  CHECK(reader->next(packet));
  return packet;
}

void sender_report(const RtcpPacket& packet) {
  const Result<SenderReport> report = parse_sender_report(packet);
  if (!report.ok()) return;
  Blocks decoded;
  const auto blocks = decode(report->blocks, decoded);
  std::array<std::uint8_t, kPacketBytesMax> buffer;
  CompoundBuilder builder{buffer};
  builder.add_sender_report(report->ssrc,
                            {.ntp = report->ntp,
                             .rtp_timestamp = report->rtp_timestamp,
                             .packet_count = report->packet_count,
                             .octet_count = report->octet_count},
                            blocks);
  const Result<SenderReport> again = parse_sender_report(first_of(builder.finish()));
  CHECK(again.ok());
  CHECK(again->ntp == report->ntp);
  CHECK(again->octet_count == report->octet_count);
  CHECK(again->blocks.size() == report->blocks.size());
  for (std::uint32_t index = 0; index < blocks.size(); ++index) {
    CHECK(equal(again->blocks[index], blocks[index]));
  }
}

void receiver_report(const RtcpPacket& packet) {
  const Result<ReceiverReport> report = parse_receiver_report(packet);
  if (!report.ok()) return;
  Blocks decoded;
  const auto blocks = decode(report->blocks, decoded);
  std::array<std::uint8_t, kPacketBytesMax> buffer;
  CompoundBuilder builder{buffer};
  builder.add_receiver_report(report->ssrc, blocks);
  const Result<ReceiverReport> again = parse_receiver_report(first_of(builder.finish()));
  CHECK(again.ok());
  CHECK(again->blocks.size() == blocks.size());
  for (std::uint32_t index = 0; index < blocks.size(); ++index) {
    CHECK(equal(again->blocks[index], blocks[index]));
  }
}

void source_description(const RtcpPacket& packet) {
  SdesReader reader(packet);
  SdesItem item;
  std::size_t items = 0;
  while (reader.next(item)) {
    ++items;
    CHECK(items <= packet.body.size());
    CHECK(item.type != SdesType::kEnd);
    CHECK(lies_inside(item.text, packet.body));
    if (item.text.empty()) continue;
    std::array<std::uint8_t, 512> buffer;
    CompoundBuilder builder{buffer};
    builder.add_receiver_report(item.ssrc, {});
    builder.add_cname(item.ssrc, item.text);
    CHECK(!builder.finish().empty());
  }
  CHECK(!reader.next(item));
}

void body(const RtcpPacket& packet) {
  switch (packet.type) {
    case RtcpType::kSenderReport:
      return sender_report(packet);
    case RtcpType::kReceiverReport:
      return receiver_report(packet);
    case RtcpType::kSourceDescription:
      return source_description(packet);
    case RtcpType::kBye: {
      const Result<Bye> bye = parse_bye(packet);
      if (!bye.ok()) return;
      CHECK(bye->source_count() == packet.count);
      CHECK(lies_inside(bye->reason, packet.body));
      return;
    }
    case RtcpType::kApplication: {
      const Result<Application> application = parse_application(packet);
      CHECK(!application.ok() || application->name.size() == 4);
      return;
    }
    case RtcpType::kTransportFeedback:
    case RtcpType::kPayloadFeedback: {
      const Result<Feedback> feedback = parse_feedback(packet);
      CHECK(!feedback.ok() || lies_inside(feedback->control_information, packet.body));
      return;
    }
    case RtcpType::kExtendedReport: {
      ExtendedReportReader reader(packet);
      ExtendedBlock block;
      while (reader.next(block))
        CHECK(lies_inside(block.data, packet.body));
      return;
    }
  }
}

/// Another name for whoever speaks first changes names and no framing, and back again nothing.
void rename(Bytes datagram, std::uint32_t packet_count) {
  std::array<std::uint8_t, kPacketBytesMax> buffer;
  const MutableBytes copy = MutableBytes(buffer).first(datagram.size());
  std::copy(datagram.begin(), datagram.end(), copy.begin());
  if (datagram.size() < 8) return;
  const auto from = static_cast<Ssrc>(load_u32(datagram.data() + 4));
  // One that isn't in there yet.
  auto to = static_cast<std::uint32_t>(from);
  for (bool found = true; found;) {
    ++to;
    found = false;
    for (std::size_t at = 0; at + 4 <= datagram.size(); at += 4)
      found = found || load_u32(datagram.data() + at) == to;
  }
  rename_source(copy, from, static_cast<Ssrc>(to));
  Result<CompoundReader> reader = CompoundReader::parse(copy, CompoundRule::kReducedSize);
  CHECK(reader.ok());
  CHECK(reader->packet_count() == packet_count);
  rename_source(copy, static_cast<Ssrc>(to), from);
  CHECK(std::equal(copy.begin(), copy.end(), datagram.begin(), datagram.end()));
}

}  // namespace

int rtcp_fuzz(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram{data, size};
  Result<CompoundReader> reader = CompoundReader::parse(datagram, CompoundRule::kReducedSize);
  if (!reader.ok()) {
    // What even the lenient rule refuses, the strict one must refuse too.
    CHECK(!CompoundReader::parse(datagram, CompoundRule::kCompound).ok());
    return 0;
  }
  std::size_t bytes = 0;
  std::uint32_t packets = 0;
  RtcpPacket packet;
  while (reader->next(packet)) {
    CHECK(lies_inside(packet.body, packet.whole));
    bytes += packet.whole.size();
    ++packets;
    body(packet);
  }
  CHECK(bytes == size);
  CHECK(packets == reader->packet_count());

  std::array<std::uint8_t, kPacketBytesMax> relayed;
  if (size > relayed.size()) return 0;
  rename(datagram, packets);
  const Bytes copy = copy_without_bye(datagram, relayed);
  if (copy.empty()) return 0;
  Result<CompoundReader> again = CompoundReader::parse(copy, CompoundRule::kReducedSize);
  CHECK(again.ok());
  while (again->next(packet))
    CHECK(packet.type != RtcpType::kBye);
  return 0;
}

}  // namespace fuzz
