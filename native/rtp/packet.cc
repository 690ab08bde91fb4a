// Parsing and writing of the RTP header; see packet.h.
#include "rtp/packet.h"

namespace trunkyard::rtp {

Result<PacketView> PacketView::parse(Bytes datagram) noexcept {
  if (datagram.size() < kRtpHeaderBytes) return Error{ErrorCode::kPacketTruncated};
  if (datagram[0] >> 6 != 2) return Error{ErrorCode::kVersionUnsupported};

  PacketView view(datagram);
  const bool padded = (datagram[0] & 0x20) != 0;
  std::size_t offset = kRtpHeaderBytes + std::size_t{4} * view.csrc_count();
  if (offset > datagram.size()) return Error{ErrorCode::kPacketTruncated};

  if (view.has_extension()) {
    if (offset + 4 > datagram.size()) return Error{ErrorCode::kPacketTruncated};
    view.extension_offset_ = static_cast<std::uint32_t>(offset);
    offset += 4 + std::size_t{4} * load_u16(datagram.data() + offset + 2);
    if (offset > datagram.size()) return Error{ErrorCode::kPacketTruncated};
  }
  view.payload_offset_ = static_cast<std::uint32_t>(offset);

  if (padded) {
    // The count includes itself, so 0 can't be; and it must not reach into the header. RFC 3550
    // §A.1.
    if (offset == datagram.size()) return Error{ErrorCode::kPacketMalformed};
    const std::uint8_t count = datagram.back();
    if (count == 0 || count > datagram.size() - offset) {
      return Error{ErrorCode::kPacketMalformed};
    }
    view.padding_bytes_ = count;
  }
  return view;
}

void write_header(ByteWriter& writer, const RtpHeader& header) noexcept {
  CHECK(header.payload_type < kPayloadTypes);
  writer.u8(0x80);
  writer.u8(static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | header.payload_type));
  writer.u16(header.sequence);
  writer.u32(static_cast<std::uint32_t>(header.timestamp));
  writer.u32(static_cast<std::uint32_t>(header.ssrc));
}

}  // namespace trunkyard::rtp
