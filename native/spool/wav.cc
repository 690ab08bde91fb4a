// WAV in and out; see wav.h.
#include "spool/wav.h"

#include <array>

#include "base/check.h"

namespace trunkyard::spool {
namespace {

// Chunk names as ByteReader::u32() reads them; numbers in RIFF are little-endian, hence the swaps.
constexpr std::uint32_t kRiff = 0x52494646;
constexpr std::uint32_t kRf64 = 0x52463634;
constexpr std::uint32_t kWave = 0x57415645;
constexpr std::uint32_t kJunk = 0x4a554e4b;
constexpr std::uint32_t kDs64 = 0x64733634;
constexpr std::uint32_t kFmt = 0x666d7420;
constexpr std::uint32_t kFact = 0x66616374;
constexpr std::uint32_t kData = 0x64617461;

constexpr std::uint16_t kTagPcm = 1;
constexpr std::uint16_t kTagAlaw = 6;
constexpr std::uint16_t kTagMulaw = 7;
constexpr std::uint16_t kTagExtensible = 0xfffe;

/// "Not known", or "see ds64".
constexpr std::uint32_t kSizeOpen = 0xffff'ffff;
/// Of what says no size: longer than any file, so that it is as long as its file is.
constexpr std::uint64_t kSizeMax = ~std::uint64_t{0};
constexpr std::size_t kDs64Bytes = 28;
constexpr std::size_t kChunkHeaderBytes = 8;

/// What follows the tag in the sub-format of an extensible header (16 bytes with the tag).
constexpr std::array<std::uint8_t, 14> kSubFormatTail{0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                                      0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};

constexpr std::uint64_t swap_u64(std::uint64_t value) noexcept {
  return __builtin_bswap64(value);
}
constexpr std::uint32_t swap_u32(std::uint32_t value) noexcept {
  return __builtin_bswap32(value);
}
constexpr std::uint16_t swap_u16(std::uint16_t value) noexcept {
  return __builtin_bswap16(value);
}

std::uint16_t tag_of(PayloadKind kind) noexcept {
  if (kind == PayloadKind::kPcmu) return kTagMulaw;
  return kind == PayloadKind::kPcma ? kTagAlaw : kTagPcm;
}

void write_format(ByteWriter& writer, const MediaFormat& format) noexcept {
  const bool is_pcm = format.kind == PayloadKind::kPcm16;
  const std::uint32_t bits = bits_per_sample(format.kind);
  const std::uint32_t frame_bytes = bits / 8 * format.channel_count;
  writer.u32(kFmt);
  writer.u32(swap_u32(is_pcm ? 16 : 18));
  writer.u16(swap_u16(tag_of(format.kind)));
  writer.u16(swap_u16(format.channel_count));
  writer.u32(swap_u32(format.rate_hz));
  writer.u32(swap_u32(format.rate_hz * frame_bytes));
  writer.u16(swap_u16(static_cast<std::uint16_t>(frame_bytes)));
  writer.u16(swap_u16(static_cast<std::uint16_t>(bits)));
  if (!is_pcm) writer.u16(0);
}

/// The coding that a tag and a depth mean together, if we have it.
std::optional<PayloadKind> kind_of(std::uint16_t tag, std::uint16_t bits) noexcept {
  if (tag == kTagPcm && bits == 16) return PayloadKind::kPcm16;
  if (tag == kTagMulaw && bits == 8) return PayloadKind::kPcmu;
  if (tag == kTagAlaw && bits == 8) return PayloadKind::kPcma;
  return std::nullopt;
}

/// A chunk "fmt ". @returns kMediaTruncated, kMediaMalformed or kMediaUnsupported.
Result<MediaFormat> read_format(Bytes chunk) noexcept {
  ByteReader reader(chunk);
  std::uint16_t tag = swap_u16(reader.u16());
  const std::uint16_t channels = swap_u16(reader.u16());
  const std::uint32_t rate_hz = swap_u32(reader.u32());
  reader.skip(4);  // bytes a second, which many writers get wrong and nobody needs
  const std::uint16_t frame_bytes = swap_u16(reader.u16());
  const std::uint16_t bits = swap_u16(reader.u16());
  if (!reader.ok()) return Error{ErrorCode::kMediaTruncated};
  if (tag == kTagExtensible) {
    reader.skip(2);
    const std::uint16_t valid_bits = swap_u16(reader.u16());
    reader.skip(4);  // which loudspeaker each channel is for
    tag = swap_u16(reader.u16());
    const Bytes tail = reader.take(kSubFormatTail.size());
    if (!reader.ok()) return Error{ErrorCode::kMediaTruncated};
    if (std::memcmp(tail.data(), kSubFormatTail.data(), tail.size()) != 0 ||
        (valid_bits != 0 && valid_bits != bits)) {
      return Error{ErrorCode::kMediaUnsupported};
    }
  }
  if (channels == 0 || rate_hz == 0) return Error{ErrorCode::kMediaMalformed};
  const std::optional<PayloadKind> kind = kind_of(tag, bits);
  if (!kind.has_value() || channels > kRecordingChannelsMax)
    return Error{ErrorCode::kMediaUnsupported};
  const MediaFormat format{
      .kind = *kind, .rate_hz = rate_hz, .channel_count = static_cast<std::uint8_t>(channels)};
  // WAV knows G.711 at any rate. A telephone knows one.
  if (!format.is_valid()) return Error{ErrorCode::kMediaUnsupported};
  if (frame_bytes != bits / 8 * channels) return Error{ErrorCode::kMediaMalformed};
  return format;
}

/// The chunks of a file, one after the other.
class Chunks {
 public:
  explicit Chunks(Bytes body) noexcept : reader_(body) {}

  struct Chunk {
    std::uint32_t name = 0;
    Bytes body;
    /// As its header says; nothing where that leaves it open.
    std::optional<std::uint64_t> bytes;
    bool is_cut = false;
  };

  /// @returns false when not even a chunk's header is left.
  bool next(Chunk& chunk) noexcept {
    if (reader_.remaining() < kChunkHeaderBytes) return false;
    chunk.name = reader_.u32();
    chunk.bytes = swap_u32(reader_.u32());
    if (chunk.bytes == kSizeOpen && chunk.name == kData) chunk.bytes = data_bytes_;
    chunk.is_cut = chunk.bytes.value_or(kSizeMax) > reader_.remaining();
    chunk.body = reader_.take(chunk.is_cut ? reader_.remaining() : *chunk.bytes);
    if (chunk.body.size() % 2 != 0 && reader_.remaining() > 0) reader_.skip(1);
    return true;
  }
  /// Where RF64 says how long its data are.
  void set_data_bytes(std::uint64_t bytes) noexcept { data_bytes_ = bytes; }

 private:
  ByteReader reader_;
  std::optional<std::uint64_t> data_bytes_;
};

}  // namespace

Bytes write_wav_header(MutableBytes into, const MediaFormat& format,
                       std::optional<std::uint64_t> data_bytes) noexcept {
  CHECK(into.size() >= kWavHeaderBytesMax);
  CHECK(format.is_valid());
  CHECK(format.kind != PayloadKind::kG722);
  CHECK(format.kind != PayloadKind::kOpus);
  const bool is_pcm = format.kind == PayloadKind::kPcm16;
  const std::size_t header_bytes = kWavHeaderBytesMax - (is_pcm ? 14 : 0);
  const std::uint64_t data = data_bytes.value_or(0);
  const std::uint64_t riff = header_bytes - kChunkHeaderBytes + data + data % 2;
  const std::uint64_t samples = data / (bits_per_sample(format.kind) / 8 * format.channel_count);
  const bool is_large = riff >= kSizeOpen;
  const bool is_open = !data_bytes.has_value() || is_large;

  ByteWriter writer(into);
  writer.u32(is_large ? kRf64 : kRiff);
  writer.u32(is_open ? kSizeOpen : swap_u32(static_cast<std::uint32_t>(riff)));
  writer.u32(kWave);
  writer.u32(is_large ? kDs64 : kJunk);
  writer.u32(swap_u32(kDs64Bytes));
  writer.u64(is_large ? swap_u64(riff) : 0);
  writer.u64(is_large ? swap_u64(data) : 0);
  writer.u64(is_large ? swap_u64(samples) : 0);
  writer.u32(0);
  write_format(writer, format);
  if (!is_pcm) {
    writer.u32(kFact);
    writer.u32(swap_u32(4));
    // Readers take a count for the truth, so one that isn't known is none.
    writer.u32(is_large ? kSizeOpen : swap_u32(static_cast<std::uint32_t>(samples)));
  }
  writer.u32(kData);
  writer.u32(is_open ? kSizeOpen : swap_u32(static_cast<std::uint32_t>(data)));
  CHECK(writer.size() == header_bytes);
  return writer.written();
}

Result<WavView> read_wav(Bytes file) noexcept {
  ByteReader reader(file);
  const std::uint32_t form = reader.u32();
  reader.skip(4);  // the file's length is the file's length
  const std::uint32_t type = reader.u32();
  if (!reader.ok()) return Error{ErrorCode::kMediaTruncated};
  if ((form != kRiff && form != kRf64) || type != kWave) return Error{ErrorCode::kMediaMalformed};

  Chunks chunks(reader.rest());
  Chunks::Chunk chunk;
  WavView view;
  bool has_format = false;
  bool has_data = false;
  for (std::uint32_t count = 0; !(has_format && has_data) && chunks.next(chunk); ++count) {
    if (count == kWavChunksMax) return Error{ErrorCode::kMediaMalformed};
    if (chunk.name == kDs64 && form == kRf64) {
      if (chunk.body.size() < kDs64Bytes - 4) return Error{ErrorCode::kMediaTruncated};
      chunks.set_data_bytes(swap_u64(load_u64(chunk.body.data() + 8)));
    } else if (chunk.name == kFmt && !has_format) {
      const Result<MediaFormat> format = read_format(chunk.body);
      if (!format.ok()) return Error{format.error()};
      view.format = *format;
      has_format = true;
    } else if (chunk.name == kData && !has_data) {
      view.data = chunk.body;
      view.data_bytes = chunk.bytes;
      view.is_cut = chunk.is_cut;
      has_data = true;
    }
  }
  if (!has_format || !has_data) return Error{ErrorCode::kMediaTruncated};
  const std::size_t frame_bytes = bits_per_sample(view.format.kind) / 8 * view.format.channel_count;
  view.data = view.data.first(view.data.size() / frame_bytes * frame_bytes);
  return view;
}

}  // namespace trunkyard::spool
