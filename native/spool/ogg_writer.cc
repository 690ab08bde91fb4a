// Opus in Ogg, written; see ogg_writer.h.
#include "spool/ogg_writer.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "spool/checksum.h"

namespace trunkyard::spool {
namespace {

constexpr std::size_t kBodyBytesMax = kOggSegmentsMax * kOggSegmentBytesMax;
/// Audio on one page: what a killed process loses of what it was given.
constexpr std::uint64_t kPageSamplesMax = kOggOpusRateHz / 2;
/// Packets last up to 120 ms (RFC 6716 §3.2.1, R5).
constexpr std::uint32_t kPacketSamplesMax = 5'760;
constexpr std::string_view kVendor = "Trunkyard";
constexpr std::uint8_t kOpusHeadVersion = 1;
/// One or two channels in the usual order (RFC 7845 §5.1.1.1).
constexpr std::uint8_t kMappingFamily = 0;
constexpr std::size_t kCrcAt = 22;

std::size_t segments_of(std::size_t packet_bytes) noexcept {
  return packet_bytes / kOggSegmentBytesMax + 1;
}

}  // namespace

OggOpusWriter::OggOpusWriter(const OpusHead& head, std::uint32_t serial)
    : head_(head), serial_(serial), body_(std::make_unique<std::uint8_t[]>(kBodyBytesMax)) {
  CHECK(head.channel_count >= 1);
  CHECK(head.channel_count <= kRecordingChannelsMax);
}

Bytes OggOpusWriter::open(MutableBytes into) noexcept {
  CHECK(state_ == State::kNew);
  CHECK(into.size() >= kOggPageBytesMax);
  ByteWriter out(into);
  std::array<std::uint8_t, 64> packet;
  ByteWriter head(packet);
  head.bytes(kOpusHeadMagic);
  head.u8(kOpusHeadVersion);
  head.u8(head_.channel_count);
  head.u16(__builtin_bswap16(head_.pre_skip));
  head.u32(__builtin_bswap32(head_.input_rate_hz));
  head.u16(__builtin_bswap16(static_cast<std::uint16_t>(head_.gain_q8_db)));
  head.u8(kMappingFamily);
  add_packet(head.written());
  write_page(out, kOggFirst, 0);

  ByteWriter tags(packet);
  tags.bytes(kOpusTagsMagic);
  tags.u32(__builtin_bswap32(static_cast<std::uint32_t>(kVendor.size())));
  for (const char letter : kVendor)
    tags.u8(static_cast<std::uint8_t>(letter));
  tags.u32(0);
  add_packet(tags.written());
  write_page(out, 0, 0);
  state_ = State::kOpen;
  return out.written();
}

Result<Bytes> OggOpusWriter::append(Bytes packet, std::uint32_t samples,
                                    MutableBytes into) noexcept {
  CHECK(state_ == State::kOpen);
  CHECK(into.size() >= kOggPageBytesMax);
  if (packet.empty() || packet.size() > kOpusPacketBytesMax || samples == 0 ||
      samples > kPacketSamplesMax) {
    return Error{ErrorCode::kMediaMalformed};
  }
  ByteWriter out(into);
  // A page goes out when the next packet would make it too long and not before, so that there is
  // always a packet for the last page to hold.
  if (segment_count_ + segments_of(packet.size()) > kOggSegmentsMax ||
      granule_ + samples - granule_of_page_ > kPageSamplesMax) {
    write_page(out, 0, granule_);
  }
  add_packet(packet);
  granule_ += samples;
  return out.written();
}

Bytes OggOpusWriter::finish(std::uint32_t samples_trimmed, MutableBytes into) noexcept {
  CHECK(state_ == State::kOpen);
  CHECK(into.size() >= kOggPageBytesMax);
  ByteWriter out(into);
  granule_ -= std::min<std::uint64_t>(samples_trimmed, granule_ - granule_of_page_);
  write_page(out, kOggLast, granule_);
  state_ = State::kFinished;
  return out.written();
}

void OggOpusWriter::copy_state(const OggOpusWriter& other) noexcept {
  CHECK(other.serial_ == serial_);
  CHECK(other.head_ == head_);
  state_ = other.state_;
  pages_ = other.pages_;
  granule_ = other.granule_;
  granule_of_page_ = other.granule_of_page_;
  segments_ = other.segments_;
  segment_count_ = other.segment_count_;
  std::memcpy(body_.get(), other.body_.get(), other.body_bytes_);
  body_bytes_ = other.body_bytes_;
}

void OggOpusWriter::add_packet(Bytes packet) noexcept {
  CHECK(segment_count_ + segments_of(packet.size()) <= kOggSegmentsMax);
  std::size_t left = packet.size();
  for (; left >= kOggSegmentBytesMax; left -= kOggSegmentBytesMax)
    segments_[segment_count_++] = kOggSegmentBytesMax;
  segments_[segment_count_++] = static_cast<std::uint8_t>(left);
  std::memcpy(body_.get() + body_bytes_, packet.data(), packet.size());
  body_bytes_ += packet.size();
}

void OggOpusWriter::write_page(ByteWriter& out, std::uint8_t flags,
                               std::uint64_t granule) noexcept {
  std::array<std::uint8_t, kOggHeaderBytes> header;
  ByteWriter writer(header);
  writer.u32(kOggMagic);
  writer.u8(0);
  writer.u8(flags);
  writer.u64(__builtin_bswap64(granule));
  writer.u32(__builtin_bswap32(serial_));
  writer.u32(__builtin_bswap32(pages_++));
  writer.u32(0);
  writer.u8(static_cast<std::uint8_t>(segment_count_));
  const Bytes lengths{segments_.data(), segment_count_};
  const Bytes body{body_.get(), body_bytes_};
  const std::uint32_t crc = ogg_crc(body, ogg_crc(lengths, ogg_crc(header)));
  store_u32(header.data() + kCrcAt, __builtin_bswap32(crc));
  out.bytes(header);
  out.bytes(lengths);
  out.bytes(body);
  CHECK(out.ok());
  segment_count_ = 0;
  body_bytes_ = 0;
  granule_of_page_ = granule;
}

}  // namespace trunkyard::spool
