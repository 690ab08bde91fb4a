// Reading and recovering segments; see segment_reader.h.
#include "spool/segment_reader.h"

#include <algorithm>

#include "base/check.h"
#include "spool/checksum.h"

namespace trunkyard::spool {
namespace {

constexpr std::array<std::uint8_t, 4> kBlockMagicBytes{kBlockMagic >> 24, kBlockMagic >> 16 & 0xff,
                                                       kBlockMagic >> 8 & 0xff, kBlockMagic & 0xff};

/// Finds what is missing between the blocks of a segment.
class HoleFinder {
 public:
  HoleFinder(SegmentReport& report, std::span<MissingPiece> list) noexcept
      : report_(report), list_(list) {
    report_.ends = report.header.place.positions;
  }

  void take(const Block& block, std::uint32_t damages) noexcept {
    for (std::uint8_t channel = 0; channel < report_.header.recording.format.channel_count;
         ++channel) {
      if (block.channel != channel && block.channel != kAllChannels) continue;
      std::uint64_t& end = report_.ends[channel];
      if (block.position > end) {
        note({.channel = channel,
              .reason = damages > damages_[channel] ? GapReason::kDamage : GapReason::kNone,
              .position = end,
              .samples = block.position - end});
      }
      end = block.end();
      damages_[channel] = damages;
      if (block.kind == BlockKind::kMedia) report_.samples[channel] += block.samples;
    }
    if (block.kind != BlockKind::kGap) return;
    note({.channel = block.channel,
          .reason = block.reason,
          .position = block.position,
          .samples = block.samples});
  }

 private:
  void note(const MissingPiece& piece) noexcept {
    if (report_.missing < list_.size()) list_[report_.missing] = piece;
    ++report_.missing;
  }

  SegmentReport& report_;
  std::span<MissingPiece> list_;
  std::array<std::uint32_t, kRecordingChannelsMax> damages_{};
};

}  // namespace

Result<SegmentReader> SegmentReader::open(Bytes bytes) noexcept {
  const Result<SegmentHeader> header = read_segment_header(bytes);
  if (!header.ok()) return Error{header.error()};
  if (bytes.size() > kSegmentBytesMax) return Error{ErrorCode::kMediaMalformed};
  return SegmentReader(bytes, *header);
}

SegmentReader::SegmentReader(Bytes bytes, const SegmentHeader& header) noexcept
    : bytes_(bytes),
      header_(header),
      hash_(xxh64(bytes.first(kSegmentHeaderBytes), header.place.hash_before)),
      ends_(header.place.positions) {}

bool SegmentReader::next(Block& block) noexcept {
  // Each turn passes over at least a block header, so the file's length bounds them.
  while (!seal_.has_value() && offset_ < bytes_.size()) {
    const Result<BlockHead> head = read_block_header(bytes_.subspan(offset_), header_);
    if (!head.ok()) {
      if (!find_block()) return false;
      ++damages_;
      continue;
    }
    const Block& found = head->block;
    // The header holds, so its length does: what is left of the file is the start of this block.
    if (found.payload.size() < head->payload_bytes) return false;
    const std::size_t start = offset_;
    offset_ += found.bytes();
    if (crc32c(found.payload) != head->payload_crc || !in_order(found) ||
        !is_payload_sound(found, header_.recording.format)) {
      ++damages_;
      continue;
    }
    if (found.kind == BlockKind::kSeal) {
      const Result<Seal> seal = read_seal(found.payload);
      if (!seal.ok()) {
        ++damages_;
        continue;
      }
      seal_ = *seal;
      good_bytes_ = offset_;
      return false;
    }
    good_bytes_ = offset_;
    next_number_ = found.number + 1;
    hash_ = xxh64(bytes_.subspan(start, found.bytes()), hash_);
    ++blocks_;
    accept(found);
    block = found;
    return true;
  }
  return false;
}

bool SegmentReader::in_order(const Block& block) noexcept {
  if (block.number < next_number_) return false;
  if (block.kind == BlockKind::kSeal) return true;
  for (std::uint8_t channel = 0; channel < header_.recording.format.channel_count; ++channel) {
    const bool concerned = block.channel == channel || block.channel == kAllChannels;
    if (concerned && block.position < ends_[channel]) return false;
  }
  return true;
}

void SegmentReader::accept(const Block& block) noexcept {
  if (block.channel == kAllChannels) {
    ends_.fill(block.end());
  } else {
    ends_[block.channel] = block.end();
  }
}

/// After something that is no block: goes to the next thing that is one.
bool SegmentReader::find_block() noexcept {
  Bytes rest = bytes_.subspan(offset_ + 1);
  for (;;) {
    const auto at =
        std::search(rest.begin(), rest.end(), kBlockMagicBytes.begin(), kBlockMagicBytes.end());
    rest = rest.subspan(static_cast<std::size_t>(at - rest.begin()));
    if (rest.size() < kBlockHeaderBytes) return false;
    const Result<BlockHead> head = read_block_header(rest, header_);
    if (head.ok()) {
      if (head->block.payload.size() < head->payload_bytes) return false;
      offset_ = bytes_.size() - rest.size();
      return true;
    }
    rest = rest.subspan(1);
  }
}

Result<SegmentReport> recover(Bytes segment, std::span<MissingPiece> missing) noexcept {
  Result<SegmentReader> reader = SegmentReader::open(segment);
  if (!reader.ok()) return Error{reader.error()};
  SegmentReport report;
  report.header = reader->header();
  HoleFinder finder(report, missing);
  Block block;
  while (reader->next(block))
    finder.take(block, reader->damages());
  report.good_bytes = reader->good_bytes();
  report.seal = reader->seal();
  report.blocks = reader->blocks();
  report.next_number = reader->next_number();
  report.damages = reader->damages();
  report.hash = reader->hash();
  return report;
}

bool ends_like_sealed(Bytes segment) noexcept {
  if (segment.size() < kSegmentHeaderBytes + kSealBytes) return false;
  const Bytes last = segment.last(kSealBytes);
  return load_u32(last.data()) == kBlockMagic && last[4] == static_cast<int>(BlockKind::kSeal);
}

Bytes write_recovery_seal(const SegmentReport& report, MutableBytes into) noexcept {
  CHECK(!report.seal.has_value());
  CHECK(into.size() >= kSealBytes);
  std::array<std::uint8_t, kSealPayloadBytes> payload;
  write_seal(payload, {.after_crash = true,
                       .blocks = report.blocks,
                       .bytes = report.good_bytes,
                       .hash = report.hash,
                       .samples = report.samples,
                       .gaps = report.missing});
  ByteWriter writer(into.first(kSealBytes));
  std::array<std::uint8_t, kBlockHeaderBytes> header;
  write_block_header(header,
                     {.kind = BlockKind::kSeal,
                      .channel = kAllChannels,
                      .number = report.next_number,
                      .position = report.end(),
                      .payload = payload},
                     report.header.crc);
  writer.bytes(header);
  writer.bytes(payload);
  return writer.written();
}

}  // namespace trunkyard::spool
