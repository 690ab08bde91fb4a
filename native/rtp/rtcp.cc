// Parsing and building of RTCP; see rtcp.h.
#include "rtp/rtcp.h"

#include "base/check.h"

namespace trunkyard::rtp {
namespace {

/// A compound packet's whole length from its header.
std::size_t packet_bytes(const std::uint8_t* header) noexcept {
  return (std::size_t{load_u16(header + 2)} + 1) * 4;
}

/// 24 bits, two's complement.
std::int32_t to_signed_24(std::uint32_t bits) noexcept {
  return static_cast<std::int32_t>(bits << 8) >> 8;
}

ReportBlocks take_blocks(ByteReader& reader, std::uint32_t count) noexcept {
  return ReportBlocks(reader.take(std::size_t{count} * kReportBlockBytes));
}

Ssrc read_ssrc(ByteReader& reader) noexcept {
  return static_cast<Ssrc>(reader.u32());
}

}  // namespace

Result<CompoundReader> CompoundReader::parse(Bytes datagram, CompoundRule rule) noexcept {
  std::size_t offset = 0;
  std::uint32_t packet_count = 0;
  while (offset < datagram.size()) {
    if (datagram.size() - offset < kRtcpHeaderBytes) return Error{ErrorCode::kPacketTruncated};
    const std::uint8_t* header = datagram.data() + offset;
    if (header[0] >> 6 != 2) return Error{ErrorCode::kVersionUnsupported};
    const std::size_t length = packet_bytes(header);
    if (length > datagram.size() - offset) return Error{ErrorCode::kPacketTruncated};

    if (packet_count == 0 && rule == CompoundRule::kCompound) {
      const auto type = static_cast<RtcpType>(header[1]);
      if (type != RtcpType::kSenderReport && type != RtcpType::kReceiverReport) {
        return Error{ErrorCode::kPacketMalformed};
      }
    }
    if ((header[0] & 0x20) != 0) {
      // Only the last one may be padded, by whole words (RFC 3550 §6.4.1).
      const std::uint8_t padding = header[length - 1];
      const bool last = offset + length == datagram.size();
      if (!last || padding == 0 || padding % 4 != 0 || padding > length - kRtcpHeaderBytes) {
        return Error{ErrorCode::kPacketMalformed};
      }
    }
    if (++packet_count > kRtcpPacketsMax) return Error{ErrorCode::kPacketMalformed};
    offset += length;
  }
  if (packet_count == 0) return Error{ErrorCode::kPacketTruncated};
  return CompoundReader(datagram, packet_count);
}

bool CompoundReader::next(RtcpPacket& packet) noexcept {
  if (rest_.empty()) return false;
  const std::size_t length = packet_bytes(rest_.data());
  CHECK(length <= rest_.size());  // parse() has added them up
  packet.whole = rest_.first(length);
  packet.type = static_cast<RtcpType>(rest_[1]);
  packet.count = rest_[0] & 0x1f;
  const bool padded = (rest_[0] & 0x20) != 0;
  const std::size_t padding = padded ? packet.whole.back() : 0;
  packet.body = packet.whole.subspan(kRtcpHeaderBytes, length - kRtcpHeaderBytes - padding);
  rest_ = rest_.subspan(length);
  return true;
}

ReportBlock ReportBlocks::operator[](std::uint32_t index) const noexcept {
  CHECK(index < size());
  ByteReader reader(bytes_.subspan(index * kReportBlockBytes, kReportBlockBytes));
  ReportBlock block;
  block.ssrc = read_ssrc(reader);
  block.fraction_lost = reader.u8();
  block.cumulative_lost = to_signed_24(reader.u24());
  block.highest_sequence = reader.u32();
  block.jitter = reader.u32();
  block.last_sr = reader.u32();
  block.delay_since_sr = reader.u32();
  return block;
}

Result<SenderReport> parse_sender_report(const RtcpPacket& packet) noexcept {
  CHECK(packet.type == RtcpType::kSenderReport);
  ByteReader reader(packet.body);
  SenderReport report;
  report.ssrc = read_ssrc(reader);
  report.ntp = NtpTime::from_bits(reader.u64());
  report.rtp_timestamp = static_cast<RtpTimestamp>(reader.u32());
  report.packet_count = reader.u32();
  report.octet_count = reader.u32();
  report.blocks = take_blocks(reader, packet.count);
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return report;
}

Result<ReceiverReport> parse_receiver_report(const RtcpPacket& packet) noexcept {
  CHECK(packet.type == RtcpType::kReceiverReport);
  ByteReader reader(packet.body);
  ReceiverReport report;
  report.ssrc = read_ssrc(reader);
  report.blocks = take_blocks(reader, packet.count);
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return report;
}

Ssrc Bye::source(std::uint32_t index) const noexcept {
  CHECK(index < source_count());
  return static_cast<Ssrc>(load_u32(sources.data() + std::size_t{4} * index));
}

Result<Bye> parse_bye(const RtcpPacket& packet) noexcept {
  CHECK(packet.type == RtcpType::kBye);
  ByteReader reader(packet.body);
  Bye bye;
  bye.sources = reader.take(std::size_t{4} * packet.count);
  if (reader.ok() && reader.remaining() > 0) bye.reason = reader.take(reader.u8());
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return bye;
}

Result<Application> parse_application(const RtcpPacket& packet) noexcept {
  CHECK(packet.type == RtcpType::kApplication);
  ByteReader reader(packet.body);
  Application application;
  application.subtype = packet.count;
  application.ssrc = read_ssrc(reader);
  application.name = reader.take(4);
  application.data = reader.rest();
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return application;
}

Result<Feedback> parse_feedback(const RtcpPacket& packet) noexcept {
  CHECK(packet.type == RtcpType::kTransportFeedback || packet.type == RtcpType::kPayloadFeedback);
  ByteReader reader(packet.body);
  Feedback feedback;
  feedback.message_type = packet.count;
  feedback.sender = read_ssrc(reader);
  feedback.media = read_ssrc(reader);
  feedback.control_information = reader.rest();
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return feedback;
}

SdesReader::SdesReader(const RtcpPacket& packet) noexcept
    : reader_(packet.body), chunks_left_(packet.count) {
  CHECK(packet.type == RtcpType::kSourceDescription);
}

bool SdesReader::next(SdesItem& item) noexcept {
  while (!failed_ && (in_chunk_ || chunks_left_ > 0)) {
    if (!in_chunk_) {
      --chunks_left_;
      ssrc_ = read_ssrc(reader_);
      in_chunk_ = true;
      items_seen_ = 0;
    }
    const auto type = static_cast<SdesType>(reader_.u8());
    if (!reader_.ok()) break;
    if (type == SdesType::kEnd) {
      // The list ends with one or more zero bytes up to the next word (RFC 3550 §6.5). Chunks begin
      // at word boundaries of the body, so the offset tells how many are left.
      reader_.skip((4 - reader_.offset() % 4) % 4);
      in_chunk_ = false;
      if (!reader_.ok()) break;
      continue;
    }
    item.ssrc = ssrc_;
    item.type = type;
    item.text = reader_.take(reader_.u8());
    if (!reader_.ok() || ++items_seen_ > kSdesItemsMax) break;
    return true;
  }
  if (in_chunk_ || chunks_left_ > 0 || !reader_.ok()) failed_ = true;
  return false;
}

ExtendedReportReader::ExtendedReportReader(const RtcpPacket& packet) noexcept
    : reader_(packet.body), ssrc_(read_ssrc(reader_)) {
  CHECK(packet.type == RtcpType::kExtendedReport);
}

bool ExtendedReportReader::next(ExtendedBlock& block) noexcept {
  if (!reader_.ok() || reader_.remaining() == 0) return false;
  block.block_type = reader_.u8();
  block.type_specific = reader_.u8();
  block.data = reader_.take(std::size_t{4} * reader_.u16());
  return reader_.ok();
}

std::size_t CompoundBuilder::begin(RtcpType type, std::size_t count) noexcept {
  if (count > kRtcpCountMax) failed_ = true;
  const std::size_t start = writer_.size();
  writer_.u8(static_cast<std::uint8_t>(0x80 | (count & 0x1f)));
  writer_.u8(static_cast<std::uint8_t>(type));
  writer_.u16(0);  // the length, by end()
  return start;
}

void CompoundBuilder::end(std::size_t start) noexcept {
  const std::size_t bytes = writer_.size() - start;
  writer_.patch_u16(start + 2, static_cast<std::uint16_t>(bytes / 4 - 1));
}

void CompoundBuilder::write_block(const ReportBlock& block) noexcept {
  writer_.u32(static_cast<std::uint32_t>(block.ssrc));
  writer_.u8(block.fraction_lost);
  writer_.u24(static_cast<std::uint32_t>(block.cumulative_lost) & 0xff'ffff);
  writer_.u32(block.highest_sequence);
  writer_.u32(block.jitter);
  writer_.u32(block.last_sr);
  writer_.u32(block.delay_since_sr);
}

void CompoundBuilder::add_sender_report(Ssrc ssrc, const SenderInfo& info,
                                        std::span<const ReportBlock> blocks) noexcept {
  const std::size_t start = begin(RtcpType::kSenderReport, blocks.size());
  writer_.u32(static_cast<std::uint32_t>(ssrc));
  writer_.u64(info.ntp.bits());
  writer_.u32(static_cast<std::uint32_t>(info.rtp_timestamp));
  writer_.u32(info.packet_count);
  writer_.u32(info.octet_count);
  for (const ReportBlock& block : blocks)
    write_block(block);
  end(start);
}

void CompoundBuilder::add_receiver_report(Ssrc ssrc, std::span<const ReportBlock> blocks) noexcept {
  const std::size_t start = begin(RtcpType::kReceiverReport, blocks.size());
  writer_.u32(static_cast<std::uint32_t>(ssrc));
  for (const ReportBlock& block : blocks)
    write_block(block);
  end(start);
}

void CompoundBuilder::add_cname(Ssrc ssrc, Bytes cname) noexcept {
  if (cname.empty() || cname.size() > kSdesTextBytesMax) failed_ = true;
  const std::size_t start = begin(RtcpType::kSourceDescription, 1);
  writer_.u32(static_cast<std::uint32_t>(ssrc));
  writer_.u8(static_cast<std::uint8_t>(SdesType::kCname));
  writer_.u8(static_cast<std::uint8_t>(cname.size()));
  writer_.bytes(cname);
  // At least one zero byte ends the chunk, then up to the word boundary.
  writer_.zeros(4 - (writer_.size() - start) % 4);
  end(start);
}

void CompoundBuilder::add_bye(Ssrc ssrc, Bytes reason) noexcept {
  if (reason.size() > kSdesTextBytesMax) failed_ = true;
  const std::size_t start = begin(RtcpType::kBye, 1);
  writer_.u32(static_cast<std::uint32_t>(ssrc));
  if (!reason.empty()) {
    writer_.u8(static_cast<std::uint8_t>(reason.size()));
    writer_.bytes(reason);
    writer_.zeros((4 - (writer_.size() - start) % 4) % 4);
  }
  end(start);
}

namespace {

/// The body of one packet, in which sources are renamed.
struct Renaming {
  MutableBytes body;
  Ssrc from;
  Ssrc to;

  void at(std::size_t offset) const noexcept {
    if (offset + 4 > body.size()) return;
    std::uint8_t* name = body.data() + offset;
    if (load_u32(name) == static_cast<std::uint32_t>(from))
      store_u32(name, static_cast<std::uint32_t>(to));
  }
  /// As many as are counted, so far apart.
  void each(std::size_t first, std::size_t step, std::uint32_t count) const noexcept {
    for (std::uint32_t index = 0; index < count; ++index)
      at(first + index * step);
  }
  void chunks(std::uint32_t count) const noexcept {
    std::size_t offset = 0;
    for (std::uint32_t chunk = 0; chunk < count && offset + 4 <= body.size(); ++chunk) {
      at(offset);
      offset += 4;
      while (offset + 1 < body.size() && body[offset] != 0)
        offset += std::size_t{2} + body[offset + 1];
      // Past the zero that ends the items, to the next word.
      offset = (offset / 4 + 1) * 4;
    }
  }
};

}  // namespace

void rename_source(MutableBytes datagram, Ssrc from, Ssrc to) noexcept {
  Result<CompoundReader> reader = CompoundReader::parse(datagram, CompoundRule::kReducedSize);
  if (!reader.ok()) return;
  RtcpPacket packet;
  while (reader->next(packet)) {
    const auto offset = static_cast<std::size_t>(packet.body.data() - datagram.data());
    const Renaming names{datagram.subspan(offset, packet.body.size()), from, to};
    switch (packet.type) {
      case RtcpType::kSenderReport:
        names.at(0);
        names.each(4 + kSenderInfoBytes, kReportBlockBytes, packet.count);
        break;
      case RtcpType::kReceiverReport:
        names.at(0);
        names.each(4, kReportBlockBytes, packet.count);
        break;
      case RtcpType::kSourceDescription:
        names.chunks(packet.count);
        break;
      case RtcpType::kBye:
        names.each(0, 4, packet.count);
        break;
      case RtcpType::kTransportFeedback:
      case RtcpType::kPayloadFeedback:
        names.each(0, 4, 2);
        break;
      case RtcpType::kApplication:
      case RtcpType::kExtendedReport:
        names.at(0);
        break;
    }
  }
}

Bytes copy_without_bye(Bytes datagram, MutableBytes into) noexcept {
  Result<CompoundReader> reader = CompoundReader::parse(datagram, CompoundRule::kReducedSize);
  CHECK(reader.ok());
  CHECK(into.size() >= datagram.size());
  ByteWriter writer(into);
  RtcpPacket packet;
  while (reader->next(packet)) {
    if (packet.type != RtcpType::kBye) writer.bytes(packet.whole);
  }
  return writer.written();
}

}  // namespace trunkyard::rtp
