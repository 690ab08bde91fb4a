// Writing segments; see segment_writer.h.
#include "spool/segment_writer.h"

#include <algorithm>

#include "base/check.h"
#include "spool/checksum.h"

namespace trunkyard::spool {
namespace {

/// Opus packets last up to 120 ms (RFC 6716 §3.2.1); no other piece is longer than a frame.
constexpr std::uint32_t kPieceMsMax = 120;
/// Room for Opus in a block: 128 kbit/s. Packets beyond it close the block earlier.
constexpr std::size_t kOpusBytesPerMs = 16;

std::size_t block_bytes_of(const MediaFormat& format, const SegmentPolicy& policy) noexcept {
  if (format.is_fixed())
    return static_cast<std::size_t>(format.bytes_of(format.samples_of_ms(policy.block_ms)));
  return kOpusBytesPerMs * policy.block_ms + kPacketPrefixBytes + kOpusPacketBytesMax;
}

}  // namespace

SegmentWriter::SegmentWriter(const RecordingFacts& recording, const SegmentPolicy& policy,
                             const SegmentPlace& first)
    : recording_(recording),
      policy_(policy),
      place_(first),
      block_samples_(recording.format.samples_of_ms(policy.block_ms)),
      block_bytes_(block_bytes_of(recording.format, policy)),
      output_bytes_max_(kSegmentHeaderBytes + kBlockHeaderBytes + kSealBytes +
                        recording.format.channel_count * (kBlockHeaderBytes + block_bytes_)) {
  CHECK(recording.format.is_valid());
  CHECK(policy.is_valid());
  CHECK(block_bytes_ <= kSegmentBlockBytesMax);
  for (std::uint8_t channel = 0; channel < recording.format.channel_count; ++channel)
    open_blocks_[channel].payload = std::make_unique<std::uint8_t[]>(block_bytes_);
  std::copy_n(first.positions.begin(), recording.format.channel_count, ends_.begin());
}

Result<Bytes> SegmentWriter::open(MutableBytes into) noexcept {
  CHECK(state_ == State::kClosed);
  CHECK(into.size() >= output_bytes_max_);
  if (place_.index >= kSegmentsMax) return Error{ErrorCode::kBufferFull};
  place_.positions = ends_;
  crc_ = write_segment_header(into, recording_, place_).crc;
  const Bytes header = into.first(kSegmentHeaderBytes);
  hash_ = xxh64(header, place_.hash_before);
  bytes_ = header.size();
  statistics_.bytes += header.size();
  blocks_ = 0;
  gaps_ = 0;
  samples_ = {};
  end_at_open_ = end();
  state_ = State::kOpen;
  return header;
}

Appended SegmentWriter::append(Instant now, const Piece& piece, MutableBytes into) noexcept {
  CHECK(state_ == State::kOpen);
  CHECK(into.size() >= output_bytes_max_);
  if (!is_sound(piece)) {
    ++statistics_.refused;
    return {.verdict = AppendVerdict::kRefused, .to_write = {}};
  }
  if (piece.position < ends_[piece.channel]) {
    ++statistics_.late;
    return {.verdict = AppendVerdict::kLate, .to_write = {}};
  }
  if (is_full()) return {.verdict = AppendVerdict::kFull, .to_write = {}};
  ByteWriter out(into);
  OpenBlock& open = open_blocks_[piece.channel];
  if (open.samples > 0 && !fits(open, piece)) close_block(piece.channel, out);
  if (open.samples == 0) {
    open.position = piece.position;
    open.due = now + Duration::milliseconds(policy_.block_ms);
  }
  add(open, piece);
  return {.verdict = AppendVerdict::kTaken, .to_write = out.written()};
}

Appended SegmentWriter::gap(const Gap& gap, MutableBytes into) noexcept {
  CHECK(state_ == State::kOpen);
  CHECK(into.size() >= output_bytes_max_);
  if (gap.samples > kRecordingPositionMax || gap.position > kRecordingPositionMax - gap.samples) {
    ++statistics_.refused;
    return {.verdict = AppendVerdict::kRefused, .to_write = {}};
  }
  const std::uint64_t start = std::max(gap.position, end());
  const std::uint64_t stop = gap.position + gap.samples;
  if (stop <= start) {
    ++statistics_.late;
    return {.verdict = AppendVerdict::kLate, .to_write = {}};
  }
  if (is_full()) return {.verdict = AppendVerdict::kFull, .to_write = {}};
  ByteWriter out(into);
  close_blocks(out);
  write_block({.kind = BlockKind::kGap,
               .channel = kAllChannels,
               .reason = gap.reason,
               .position = start,
               .samples = stop - start,
               .payload = {}},
              out);
  ++gaps_;
  ++statistics_.gaps;
  std::fill_n(ends_.begin(), recording_.format.channel_count, stop);
  return {.verdict = AppendVerdict::kTaken, .to_write = out.written()};
}

Instant SegmentWriter::next_deadline() const noexcept {
  return std::min(open_blocks_[0].due, open_blocks_[1].due);
}

Bytes SegmentWriter::handle_deadline(Instant now, MutableBytes into) noexcept {
  CHECK(into.size() >= output_bytes_max_);
  ByteWriter out(into);
  for (std::uint8_t channel = 0; channel < recording_.format.channel_count; ++channel) {
    if (open_blocks_[channel].due <= now) close_block(channel, out);
  }
  return out.written();
}

bool SegmentWriter::is_full() const noexcept {
  return state_ == State::kOpen &&
         (bytes_ + open_blocks_[0].bytes + open_blocks_[1].bytes >= policy_.segment_bytes ||
          end() - end_at_open_ >= recording_.format.samples_of_ms(policy_.segment_ms));
}

Bytes SegmentWriter::seal(SealKind kind, MutableBytes into) noexcept {
  CHECK(state_ == State::kOpen);
  CHECK(into.size() >= output_bytes_max_);
  ByteWriter out(into);
  close_blocks(out);
  std::array<std::uint8_t, kSealPayloadBytes> payload;
  const std::uint64_t hash = hash_;
  write_seal(payload, {.ends_recording = kind == SealKind::kEndsRecording,
                       .blocks = blocks_,
                       .bytes = bytes_,
                       .hash = hash,
                       .samples = samples_,
                       .gaps = gaps_});
  write_block(
      {.kind = BlockKind::kSeal, .channel = kAllChannels, .position = end(), .payload = payload},
      out);
  place_.hash_before = hash;
  ++place_.index;
  state_ = kind == SealKind::kEndsRecording ? State::kEnded : State::kClosed;
  return out.written();
}

std::uint64_t SegmentWriter::end() const noexcept {
  return std::max(ends_[0], ends_[1]);
}

bool SegmentWriter::is_sound(const Piece& piece) const noexcept {
  const MediaFormat& format = recording_.format;
  if (piece.channel >= format.channel_count || piece.samples == 0 ||
      piece.samples > std::min(format.samples_of_ms(kPieceMsMax), block_samples_) ||
      piece.position > kRecordingPositionMax - piece.samples) {
    return false;
  }
  if (format.is_fixed())
    return std::size_t{piece.samples} * bits_per_sample(format.kind) == piece.bytes.size() * 8;
  return !piece.bytes.empty() && piece.bytes.size() <= kOpusPacketBytesMax;
}

bool SegmentWriter::fits(const OpenBlock& open, const Piece& piece) const noexcept {
  const std::size_t prefix = recording_.format.is_fixed() ? 0 : kPacketPrefixBytes;
  return piece.position == open.position + open.samples &&
         open.samples + piece.samples <= block_samples_ &&
         open.bytes + prefix + piece.bytes.size() <= block_bytes_;
}

void SegmentWriter::add(OpenBlock& open, const Piece& piece) noexcept {
  ByteWriter writer(MutableBytes(open.payload.get(), block_bytes_).subspan(open.bytes));
  if (!recording_.format.is_fixed()) {
    writer.u16(static_cast<std::uint16_t>(piece.samples));
    writer.u16(static_cast<std::uint16_t>(piece.bytes.size()));
  }
  writer.bytes(piece.bytes);
  CHECK(writer.ok());
  open.bytes += writer.size();
  open.samples += piece.samples;
  ends_[piece.channel] = piece.position + piece.samples;
}

void SegmentWriter::close_block(std::uint8_t channel, ByteWriter& out) noexcept {
  OpenBlock& open = open_blocks_[channel];
  if (open.samples == 0) return;
  write_block({.kind = BlockKind::kMedia,
               .channel = channel,
               .position = open.position,
               .samples = open.samples,
               .payload = {open.payload.get(), open.bytes}},
              out);
  samples_[channel] += open.samples;
  statistics_.samples[channel] += open.samples;
  open.bytes = 0;
  open.samples = 0;
  open.due = Instant::never();
}

void SegmentWriter::close_blocks(ByteWriter& out) noexcept {
  for (std::uint8_t channel = 0; channel < recording_.format.channel_count; ++channel)
    close_block(channel, out);
}

void SegmentWriter::write_block(Block block, ByteWriter& out) noexcept {
  block.number = blocks_++;
  std::array<std::uint8_t, kBlockHeaderBytes> header;
  write_block_header(header, block, crc_);
  const std::size_t start = out.size();
  out.bytes(header);
  out.bytes(block.payload);
  CHECK(out.ok());
  const Bytes written = out.written().subspan(start);
  hash_ = xxh64(written, hash_);
  bytes_ += written.size();
  statistics_.bytes += written.size();
}

}  // namespace trunkyard::spool
