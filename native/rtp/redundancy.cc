// Parsing and writing of redundant payloads; see redundancy.h.
#include "rtp/redundancy.h"

#include "base/limits.h"

namespace trunkyard::rtp {
namespace {

constexpr std::uint8_t kMoreFollow = 0x80;

bool is_describable(const RedundantBlock& block) noexcept {
  return block.timestamp_offset > 0 && block.timestamp_offset <= kRedundantOffsetMax &&
         block.payload.size() <= kRedundantBytesMax;
}

}  // namespace

Result<RedundantPayload> RedundantPayload::parse(Bytes payload) noexcept {
  RedundantPayload parsed;
  std::array<std::size_t, kRedundantBlocksMax> lengths{};
  ByteReader reader(payload);
  for (;;) {
    const std::uint8_t first = reader.u8();
    RedundantBlock& block = parsed.blocks_[parsed.count_];
    block.payload_type = first & 0x7f;
    if ((first & kMoreFollow) == 0) break;
    if (parsed.count_ == kRedundantBlocksMax) return Error{ErrorCode::kPacketMalformed};
    const std::uint32_t fields = reader.u24();
    block.timestamp_offset = fields >> 10;
    lengths[parsed.count_] = fields & kRedundantBytesMax;
    ++parsed.count_;
  }
  for (std::uint32_t index = 0; index < parsed.count_; ++index) {
    parsed.blocks_[index].payload = reader.take(lengths[index]);
  }
  parsed.blocks_[parsed.count_].payload = reader.rest();
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return parsed;
}

Result<Bytes> write_redundant_payload(MutableBytes into, std::span<const RedundantBlock> earlier,
                                      const RedundantBlock& primary) noexcept {
  if (primary.payload_type >= kPayloadTypes) return Error{ErrorCode::kPayloadTypeInvalid};
  std::array<const RedundantBlock*, kRedundantBlocksMax> written{};
  std::uint32_t count = 0;
  ByteWriter writer(into);
  for (const RedundantBlock& block : earlier) {
    if (block.payload_type >= kPayloadTypes) return Error{ErrorCode::kPayloadTypeInvalid};
    if (!is_describable(block) || count == kRedundantBlocksMax) continue;
    writer.u8(kMoreFollow | block.payload_type);
    writer.u24(block.timestamp_offset << 10 | static_cast<std::uint32_t>(block.payload.size()));
    written[count++] = &block;
  }
  writer.u8(primary.payload_type);
  for (std::uint32_t index = 0; index < count; ++index)
    writer.bytes(written[index]->payload);
  writer.bytes(primary.payload);
  if (!writer.ok()) return Error{ErrorCode::kBufferFull};
  return writer.written();
}

}  // namespace trunkyard::rtp
