// Parsing and writing of redundant payloads; see redundancy.h.
#include "rtp/redundancy.h"

#include <algorithm>

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
  std::size_t skipped_bytes = 0;
  ByteReader reader(payload);
  // As many turns as the payload has headers: a reader that has nothing left reads zeros.
  for (;;) {
    const std::uint8_t first = reader.u8();
    const auto payload_type = static_cast<std::uint8_t>(first & 0x7f);
    if ((first & kMoreFollow) == 0) {
      parsed.blocks_[parsed.count_].payload_type = payload_type;
      break;
    }
    if (parsed.count_ == kRedundantBlocksMax) {
      // The oldest gives way: whoever lost it has concealed it by now.
      skipped_bytes += lengths[0];
      std::shift_left(parsed.blocks_.begin(), parsed.blocks_.begin() + kRedundantBlocksMax, 1);
      std::shift_left(lengths.begin(), lengths.end(), 1);
      --parsed.count_;
    }
    const std::uint32_t fields = reader.u24();
    parsed.blocks_[parsed.count_].payload_type = payload_type;
    parsed.blocks_[parsed.count_].timestamp_offset = fields >> 10;
    lengths[parsed.count_] = fields & kRedundantBytesMax;
    ++parsed.count_;
  }
  (void)reader.take(skipped_bytes);
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
  for (const RedundantBlock& block : earlier) {
    if (block.payload_type >= kPayloadTypes) return Error{ErrorCode::kPayloadTypeInvalid};
    if (!is_describable(block)) continue;
    if (count == kRedundantBlocksMax) {
      std::shift_left(written.begin(), written.end(), 1);
      --count;
    }
    written[count++] = &block;
  }
  ByteWriter writer(into);
  for (std::uint32_t index = 0; index < count; ++index) {
    const RedundantBlock& block = *written[index];
    writer.u8(kMoreFollow | block.payload_type);
    writer.u24(block.timestamp_offset << 10 | static_cast<std::uint32_t>(block.payload.size()));
  }
  writer.u8(primary.payload_type);
  for (std::uint32_t index = 0; index < count; ++index)
    writer.bytes(written[index]->payload);
  writer.bytes(primary.payload);
  if (!writer.ok()) return Error{ErrorCode::kBufferFull};
  return writer.written();
}

}  // namespace trunkyard::rtp
