// Clips, read and written; see clip.h.
#include "spool/clip.h"

#include <algorithm>

#include "spool/checksum.h"

namespace trunkyard::spool {
namespace {

constexpr std::uint32_t kMagic = 0x54594350;  // "TYCP"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kCrcAt = kClipHeaderBytes - 4;
constexpr std::uint32_t kSamplesPerMs48k = 48;

constexpr std::size_t align(std::size_t offset) noexcept {
  return (offset + kClipAlignment - 1) / kClipAlignment * kClipAlignment;
}

bool are_facts_sound(const ClipFacts& facts) noexcept {
  if (facts.frame_ms < 10 || facts.frame_ms > kFrameMsMax || facts.frame_ms % 10 != 0) return false;
  if (facts.frame_count == 0 || facts.frame_count > kClipFramesMax) return false;
  const std::uint64_t frame = std::uint64_t{facts.frame_ms} * kSamplesPerMs48k;
  return facts.duration_samples_48k > (facts.frame_count - 1) * frame &&
         facts.duration_samples_48k <= facts.frame_count * frame;
}

/// Bytes of each frame; 0 for Opus.
std::uint32_t frame_bytes_of(const ClipEncoding& encoding, const ClipFacts& facts) noexcept {
  return encoding.rate_hz / 1'000 * facts.frame_ms * bits_per_sample(encoding.kind) / 8;
}

/// Bytes of all that comes before the data.
std::size_t index_end(const ClipFacts& facts, std::span<const ClipSource> sources) noexcept {
  std::size_t bytes = kClipHeaderBytes + kClipTrackBytes * sources.size();
  for (const ClipSource& source : sources) {
    if (source.encoding.kind == PayloadKind::kOpus)
      bytes += std::size_t{4} * (facts.frame_count + 1);
  }
  return bytes;
}

bool is_source_sound(const ClipSource& source, const ClipFacts& facts) noexcept {
  if (!is_rate_of(source.encoding.kind, source.encoding.rate_hz)) return false;
  if (source.encoding.kind != PayloadKind::kOpus) {
    return source.frame_bytes.empty() &&
           source.data.size() ==
               std::size_t{facts.frame_count} * frame_bytes_of(source.encoding, facts);
  }
  if (source.frame_bytes.size() != facts.frame_count) return false;
  std::size_t bytes = 0;
  for (const std::uint16_t frame : source.frame_bytes) {
    if (frame > kOpusPacketBytesMax) return false;
    bytes += frame;
  }
  return bytes == source.data.size();
}

/// Whether each offset of an index is followed by one that is no less and not too far away, and the
/// last is the data's end.
bool is_index_sound(Bytes index, std::uint64_t data_bytes) noexcept {
  ByteReader reader(index);
  std::uint32_t before = reader.u32();
  if (before != 0) return false;
  while (reader.remaining() > 0) {
    const std::uint32_t offset = reader.u32();
    if (offset < before || offset - before > kOpusPacketBytesMax) return false;
    before = offset;
  }
  return before == data_bytes;
}

}  // namespace

Result<ClipView> ClipView::open(Bytes file) noexcept {
  if (file.size() < kClipHeaderBytes) return Error{ErrorCode::kMediaTruncated};
  ByteReader reader(file);
  if (reader.u32() != kMagic) return Error{ErrorCode::kMediaMalformed};
  if (reader.u16() != kVersion) return Error{ErrorCode::kMediaUnsupported};
  ClipView view;
  view.track_count_ = reader.u8();
  view.facts_.frame_ms = reader.u8();
  view.facts_.frame_count = reader.u32();
  view.facts_.loudness_tenths_db = static_cast<std::int16_t>(reader.u16());
  reader.skip(2);
  const std::uint64_t file_bytes = reader.u64();
  view.facts_.duration_samples_48k = reader.u64();
  reader.skip(kCrcAt - reader.offset());
  const std::uint32_t crc = reader.u32();
  if (view.track_count_ == 0 || view.track_count_ > kClipTracksMax ||
      !are_facts_sound(view.facts_)) {
    return Error{ErrorCode::kMediaMalformed};
  }
  if (file.size() < file_bytes) return Error{ErrorCode::kMediaTruncated};
  if (file.size() > file_bytes) return Error{ErrorCode::kMediaMalformed};

  std::size_t indices_end = kClipHeaderBytes + kClipTrackBytes * view.track_count_;
  std::size_t data_end = 0;
  for (std::uint32_t index = 0; index < view.track_count_; ++index) {
    Track& track = view.tracks_[index];
    const ErrorCode code = view.read_track(file, reader, track);
    if (code != ErrorCode::kOk) return Error{code};
    // Indices stand one behind the other, and so do data: nothing overlaps, nothing is hidden.
    if (!track.index.empty()) {
      const auto index_at = static_cast<std::size_t>(track.index.data() - file.data());
      if (index_at != indices_end) return Error{ErrorCode::kMediaMalformed};
      indices_end += track.index.size();
    }
    const auto data_at = static_cast<std::size_t>(track.data.data() - file.data());
    if (index > 0 && data_at != align(data_end)) return Error{ErrorCode::kMediaMalformed};
    data_end = data_at + track.data.size();
    for (std::uint32_t other = 0; other < index; ++other) {
      if (view.tracks_[other].encoding == track.encoding) return Error{ErrorCode::kMediaMalformed};
    }
  }
  const auto first_data = static_cast<std::size_t>(view.tracks_[0].data.data() - file.data());
  if (first_data != align(indices_end) || data_end != file.size())
    return Error{ErrorCode::kMediaMalformed};
  const Bytes covered = file.subspan(kClipHeaderBytes, indices_end - kClipHeaderBytes);
  if (crc32c(covered, crc32c(file.first(kCrcAt))) != crc) return Error{ErrorCode::kMediaMalformed};
  return view;
}

ErrorCode ClipView::read_track(Bytes file, ByteReader& reader, Track& track) const noexcept {
  const std::uint8_t kind = reader.u8();
  reader.skip(3);
  track.encoding.kind = static_cast<PayloadKind>(kind);
  track.encoding.rate_hz = reader.u32();
  track.frame_bytes = reader.u32();
  track.crc = reader.u32();
  const std::uint64_t data_at = reader.u64();
  const std::uint64_t data_bytes = reader.u64();
  const std::uint64_t index_at = reader.u64();
  if (!reader.ok()) return ErrorCode::kMediaTruncated;
  if (kind >= kPayloadKinds || !is_rate_of(track.encoding.kind, track.encoding.rate_hz) ||
      track.frame_bytes != frame_bytes_of(track.encoding, facts_)) {
    return ErrorCode::kMediaMalformed;
  }
  if (data_at > file.size() || data_bytes > file.size() - data_at || data_at % kClipAlignment != 0)
    return ErrorCode::kMediaMalformed;
  track.data = file.subspan(data_at, data_bytes);
  if (track.frame_bytes > 0) {
    const bool is_sound =
        index_at == 0 && data_bytes == std::uint64_t{facts_.frame_count} * track.frame_bytes;
    return is_sound ? ErrorCode::kOk : ErrorCode::kMediaMalformed;
  }
  const std::size_t index_bytes = std::size_t{4} * (facts_.frame_count + 1);
  if (index_at > file.size() || index_bytes > file.size() - index_at)
    return ErrorCode::kMediaMalformed;
  track.index = file.subspan(index_at, index_bytes);
  return is_index_sound(track.index, data_bytes) ? ErrorCode::kOk : ErrorCode::kMediaMalformed;
}

std::optional<std::uint32_t> ClipView::find(const ClipEncoding& encoding) const noexcept {
  for (std::uint32_t track = 0; track < track_count_; ++track) {
    if (tracks_[track].encoding == encoding) return track;
  }
  return std::nullopt;
}

std::size_t ClipView::read_pcm(std::uint32_t track, std::uint32_t index,
                               std::span<std::int16_t> into) const noexcept {
  const Bytes bytes = frame(track, index);
  CHECK(tracks_[track].encoding.kind == PayloadKind::kPcm16);
  const std::size_t count = bytes.size() / sizeof(std::int16_t);
  CHECK(into.size() >= count);
  std::memcpy(into.data(), bytes.data(), bytes.size());
  return count;
}

bool ClipView::is_intact() const noexcept {
  return std::all_of(tracks_.begin(), tracks_.begin() + track_count_,
                     [](const Track& track) { return crc32c(track.data) == track.crc; });
}

Result<std::size_t> clip_bytes(const ClipFacts& facts,
                               std::span<const ClipSource> sources) noexcept {
  if (!are_facts_sound(facts) || sources.empty() || sources.size() > kClipTracksMax)
    return Error{ErrorCode::kMediaMalformed};
  std::size_t bytes = index_end(facts, sources);
  for (std::size_t index = 0; index < sources.size(); ++index) {
    if (!is_source_sound(sources[index], facts)) return Error{ErrorCode::kMediaMalformed};
    for (std::size_t other = 0; other < index; ++other) {
      if (sources[other].encoding == sources[index].encoding)
        return Error{ErrorCode::kMediaMalformed};
    }
    bytes = align(bytes) + sources[index].data.size();
  }
  return bytes;
}

Result<Bytes> write_clip(MutableBytes into, const ClipFacts& facts,
                         std::span<const ClipSource> sources) noexcept {
  const Result<std::size_t> file_bytes = clip_bytes(facts, sources);
  if (!file_bytes.ok()) return Error{file_bytes.error()};
  if (into.size() < *file_bytes) return Error{ErrorCode::kBufferFull};
  const MutableBytes file = into.first(*file_bytes);
  const std::size_t indices_end = index_end(facts, sources);

  ByteWriter writer(file);
  writer.u32(kMagic);
  writer.u16(kVersion);
  writer.u8(static_cast<std::uint8_t>(sources.size()));
  writer.u8(facts.frame_ms);
  writer.u32(facts.frame_count);
  writer.u16(static_cast<std::uint16_t>(facts.loudness_tenths_db));
  writer.u16(0);
  writer.u64(*file_bytes);
  writer.u64(facts.duration_samples_48k);
  writer.zeros(kClipHeaderBytes - writer.size());

  std::size_t index_at = kClipHeaderBytes + kClipTrackBytes * sources.size();
  std::size_t data_at = align(indices_end);
  for (const ClipSource& source : sources) {
    const bool has_index = source.encoding.kind == PayloadKind::kOpus;
    writer.u8(static_cast<std::uint8_t>(source.encoding.kind));
    writer.u24(0);
    writer.u32(source.encoding.rate_hz);
    writer.u32(frame_bytes_of(source.encoding, facts));
    writer.u32(crc32c(source.data));
    writer.u64(data_at);
    writer.u64(source.data.size());
    writer.u64(has_index ? index_at : 0);
    if (has_index) index_at += std::size_t{4} * (facts.frame_count + 1);
    data_at = align(data_at + source.data.size());
  }
  for (const ClipSource& source : sources) {
    if (source.encoding.kind != PayloadKind::kOpus) continue;
    std::uint32_t offset = 0;
    writer.u32(offset);
    for (const std::uint16_t bytes : source.frame_bytes)
      writer.u32(offset += bytes);
  }
  CHECK(writer.size() == indices_end);
  for (const ClipSource& source : sources) {
    writer.zeros(align(writer.size()) - writer.size());
    writer.bytes(source.data);
  }
  CHECK(writer.ok());
  CHECK(writer.size() == file.size());
  const Bytes covered = file.subspan(kClipHeaderBytes, indices_end - kClipHeaderBytes);
  store_u32(file.data() + kCrcAt, crc32c(covered, crc32c(file.first(kCrcAt))));
  return Bytes(file);
}

}  // namespace trunkyard::spool
