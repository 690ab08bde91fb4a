// Opus in Ogg, read; see ogg_reader.h.
#include "spool/ogg_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "spool/checksum.h"

namespace trunkyard::spool {
namespace {

constexpr std::array<std::uint8_t, 4> kMagicBytes{'O', 'g', 'g', 'S'};
constexpr std::size_t kCrcAt = 22;
/// "No packet ends on this page" (RFC 3533 §6).
constexpr std::uint64_t kNoGranule = ~std::uint64_t{0};
constexpr std::size_t kOpusHeadBytes = 19;

bool begins_with(Bytes bytes, Bytes start) noexcept {
  return bytes.size() >= start.size() && std::memcmp(bytes.data(), start.data(), start.size()) == 0;
}

Result<OpusHead> read_head(Bytes packet) noexcept {
  if (packet.size() < kOpusHeadBytes) return Error{ErrorCode::kMediaMalformed};
  ByteReader reader(packet);
  reader.skip(kOpusHeadMagic.size());
  const std::uint8_t version = reader.u8();
  OpusHead head;
  head.channel_count = reader.u8();
  head.pre_skip = __builtin_bswap16(reader.u16());
  head.input_rate_hz = __builtin_bswap32(reader.u32());
  head.gain_q8_db = static_cast<std::int16_t>(__builtin_bswap16(reader.u16()));
  const std::uint8_t mapping_family = reader.u8();
  if (head.channel_count == 0) return Error{ErrorCode::kMediaMalformed};
  // Versions that differ in the lower half are readable (RFC 7845 §5.1).
  if (version >> 4 != 0 || mapping_family != 0 || head.channel_count > kRecordingChannelsMax)
    return Error{ErrorCode::kMediaUnsupported};
  return head;
}

}  // namespace

Result<OggOpusReader> OggOpusReader::open(Bytes file, MutableBytes scratch) noexcept {
  CHECK(scratch.size() >= kOpusTagsMagic.size());
  OggOpusReader reader(file, scratch);
  const ErrorCode code = reader.read_heads();
  if (code != ErrorCode::kOk) return Error{code};
  return reader;
}

ErrorCode OggOpusReader::read_heads() noexcept {
  // All streams of a file begin before any of them goes on (RFC 3533 §4).
  bool is_ogg = false;
  do {
    if (!next_page(page_) || (page_.flags & kOggFirst) == 0)
      return is_ogg ? ErrorCode::kMediaUnsupported : ErrorCode::kMediaMalformed;
    is_ogg = true;
  } while (!begins_with(page_.body, kOpusHeadMagic));
  const Result<OpusHead> head = read_head(page_.body);
  if (!head.ok()) return head.error();
  head_ = *head;
  segment_ = page_.lengths.size();

  // The tags begin a page and may go over many; only that they are there matters.
  OggPacket tags;
  bool fits = false;
  if (!begin_page()) return ErrorCode::kMediaTruncated;
  if (!begins_with(page_.body, kOpusTagsMagic)) return ErrorCode::kMediaMalformed;
  if (!take_packet(tags, fits)) return ErrorCode::kMediaTruncated;
  lost_ = false;
  return ErrorCode::kOk;
}

bool OggOpusReader::next(OggPacket& packet) noexcept {
  OggPacket found;
  bool fits = false;
  while (take_packet(found, fits)) {
    if (!fits) {
      ++damages_;
      lost_ = true;
    } else if (!found.bytes.empty()) {
      found.is_after_loss = std::exchange(lost_, false);
      packet = found;
      return true;
    }
  }
  return false;
}

/// The next good page of any stream.
bool OggOpusReader::next_page(Page& page) noexcept {
  while (offset_ < file_.size()) {
    const std::optional<Page> found = page_at_offset();
    if (found.has_value()) {
      offset_ += found->bytes();
      page = *found;
      return true;
    }
    if (++damages_ >= kOggDamagesMax) break;
    const auto at = std::search(file_.begin() + static_cast<std::ptrdiff_t>(offset_) + 1,
                                file_.end(), kMagicBytes.begin(), kMagicBytes.end());
    offset_ = static_cast<std::size_t>(at - file_.begin());
  }
  offset_ = file_.size();
  return false;
}

std::optional<OggOpusReader::Page> OggOpusReader::page_at_offset() const noexcept {
  const Bytes rest = file_.subspan(offset_);
  ByteReader reader(rest);
  const std::uint32_t magic = reader.u32();
  const std::uint8_t version = reader.u8();
  Page page;
  page.flags = reader.u8();
  page.granule = __builtin_bswap64(reader.u64());
  page.serial = __builtin_bswap32(reader.u32());
  page.number = __builtin_bswap32(reader.u32());
  const std::uint32_t crc = __builtin_bswap32(reader.u32());
  page.lengths = reader.take(reader.u8());
  std::size_t body_bytes = 0;
  for (const std::uint8_t length : page.lengths)
    body_bytes += length;
  page.body = reader.take(body_bytes);
  if (!reader.ok() || magic != kOggMagic || version != 0) return std::nullopt;

  std::array<std::uint8_t, kOggHeaderBytes> header;
  std::memcpy(header.data(), rest.data(), header.size());
  store_u32(header.data() + kCrcAt, 0);
  if (ogg_crc(page.body, ogg_crc(page.lengths, ogg_crc(header))) != crc) return std::nullopt;
  return page;
}

/// Goes to the next page of our stream, and past what on it belongs to a packet whose start we
/// don't have.
bool OggOpusReader::begin_page() noexcept {
  Page page;
  do {
    if (finished_ || !next_page(page)) return false;
    // A page that we have had already is a doubled one.
  } while (page.serial != page_.serial ||
           static_cast<std::int32_t>(page.number - page_.number) <= 0);
  if (page.number != page_.number + 1) {
    if (damages_ == damages_before_) ++damages_;
    lost_ = true;
    part_bytes_ = 0;
  }
  damages_before_ = damages_;
  page_ = page;
  segment_ = 0;
  body_offset_ = 0;
  finished_ = (page.flags & kOggLast) != 0;
  const bool is_continued = (page.flags & kOggContinued) != 0;
  if (is_continued == (part_bytes_ > 0)) return true;
  lost_ = true;
  part_bytes_ = 0;
  bool ends = false;
  if (is_continued) (void)take_segments(ends);
  return true;
}

/// The bytes of the next packet, as far as they are on this page.
Bytes OggOpusReader::take_segments(bool& ends) noexcept {
  std::size_t bytes = 0;
  ends = false;
  while (!ends && segment_ < page_.lengths.size()) {
    const std::uint8_t length = page_.lengths[segment_++];
    bytes += length;
    ends = length < kOggSegmentBytesMax;
  }
  const Bytes part = page_.body.subspan(body_offset_, bytes);
  body_offset_ += bytes;
  return part;
}

/// The next packet that ends, whole if it fits.
bool OggOpusReader::take_packet(OggPacket& packet, bool& fits) noexcept {
  for (;;) {
    if (segment_ == page_.lengths.size()) {
      if (!begin_page()) return false;
      continue;
    }
    bool ends = false;
    const Bytes part = take_segments(ends);
    if (!ends) {
      keep_part(part);
      continue;
    }
    packet.bytes = part;
    fits = true;
    if (part_bytes_ > 0) {
      keep_part(part);
      fits = part_bytes_ <= scratch_.size();
      packet.bytes = scratch_.first(fits ? part_bytes_ : 0);
      part_bytes_ = 0;
    }
    const bool is_last_on_page = std::all_of(
        page_.lengths.begin() + static_cast<std::ptrdiff_t>(segment_), page_.lengths.end(),
        [](std::uint8_t length) { return length == kOggSegmentBytesMax; });
    packet.granule.reset();
    if (is_last_on_page && page_.granule != kNoGranule) packet.granule = page_.granule;
    return true;
  }
}

void OggOpusReader::keep_part(Bytes part) noexcept {
  if (part_bytes_ + part.size() <= scratch_.size())
    std::memcpy(scratch_.data() + part_bytes_, part.data(), part.size());
  // Counted on beyond the scratch, which is how a packet is known to be too long.
  part_bytes_ += part.size();
}

}  // namespace trunkyard::spool
