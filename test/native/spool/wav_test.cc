// WAV written and read back, files as other programs write them, and files that nobody should.
#include "spool/wav.h"

#include <sys/mman.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using Buffer = std::vector<std::uint8_t>;

constexpr MediaFormat kMono8k{.kind = PayloadKind::kPcm16, .rate_hz = 8'000, .channel_count = 1};

/// Builds RIFF files chunk by chunk, with whatever sizes a test asks for.
class Riff {
 public:
  explicit Riff(std::string_view form = "RIFF") { text(form).u32(0).text("WAVE"); }
  Riff& text(std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    return *this;
  }
  Riff& u16(std::uint32_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value));
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    return *this;
  }
  Riff& u32(std::uint32_t value) { return u16(value & 0xffff).u16(value >> 16); }
  Riff& zeros(std::size_t count) {
    bytes.insert(bytes.end(), count, 0);
    return *this;
  }
  Riff& format(std::uint32_t tag, std::uint32_t channels, std::uint32_t rate, std::uint32_t bits) {
    text("fmt ").u32(16).u16(tag).u16(channels).u32(rate);
    return u32(rate * channels * bits / 8).u16(channels * bits / 8).u16(bits);
  }
  Riff& extensible(std::uint32_t tag, std::uint32_t valid_bits, std::uint32_t last = 0x719b) {
    text("fmt ").u32(40).u16(0xfffe).u16(1).u32(16'000).u32(32'000).u16(2).u16(16);
    u16(22).u16(valid_bits).u32(4).u16(tag).u16(0).u16(0).u16(0x10).u16(0x80).u16(0xaa00);
    return u16(0x3800).u16(last);
  }
  Riff& data(std::size_t count) {
    text("data").u32(static_cast<std::uint32_t>(count));
    for (std::size_t index = 0; index < count; ++index)
      bytes.push_back(static_cast<std::uint8_t>(index + 1));
    return *this;
  }

  Buffer bytes;
};

ErrorCode code_of(const Riff& riff) {
  return read_wav(riff.bytes).code();
}

TEST("a WAV file of every format we write is read back as it was written") {
  for (const PayloadKind kind : {PayloadKind::kPcm16, PayloadKind::kPcmu, PayloadKind::kPcma}) {
    for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
      for (const std::uint8_t channels : {1, 2}) {
        const MediaFormat format{.kind = kind, .rate_hz = rate_hz, .channel_count = channels};
        if (!format.is_valid()) continue;
        for (const std::size_t samples : {0u, 1u, 161u}) {
          const std::size_t size = samples * bits_per_sample(kind) / 8 * channels;
          std::array<std::uint8_t, kWavHeaderBytesMax> into;
          const Bytes header = write_wav_header(into, format, size);
          Buffer file(header.begin(), header.end());
          for (std::size_t index = 0; index < size; ++index)
            file.push_back(static_cast<std::uint8_t>(index));
          const Buffer data(file.begin() + static_cast<std::ptrdiff_t>(header.size()), file.end());
          if (wav_needs_padding(size)) file.push_back(0);
          CHECK_EQ(__builtin_bswap32(load_u32(file.data() + 4)), file.size() - 8);
          const Result<WavView> view = read_wav(file);
          REQUIRE(view.ok());
          CHECK_TRUE(view->format == format);
          CHECK_EQ(view->data, data);
          CHECK_FALSE(view->is_cut);
        }
      }
    }
  }
}

TEST("A12 a file whose writer was killed plays to the last sample that was written") {
  std::array<std::uint8_t, kWavHeaderBytesMax> into;
  const Bytes header = write_wav_header(into, kMono8k, std::nullopt);
  Buffer file(header.begin(), header.end());
  file.resize(header.size() + 16'001, 0x11);
  const Result<WavView> view = read_wav(file);
  REQUIRE(view.ok());
  CHECK_TRUE(view->is_cut);
  CHECK_FALSE(view->data_bytes.has_value());
  CHECK_EQ(view->data.size(), 16'000u);

  // Finished, the header is as long as it was, so that it fits over the first one.
  std::array<std::uint8_t, kWavHeaderBytesMax> again;
  const Bytes finished = write_wav_header(again, kMono8k, 16'000);
  REQUIRE(finished.size() == header.size());
  std::copy(finished.begin(), finished.end(), file.begin());
  file.resize(header.size() + 16'000);
  CHECK_FALSE(read_wav(file)->is_cut);
}

TEST("an unfinished file that has outgrown RIFF plays to its last sample, too") {
  // Pages that nobody touches take no memory.
  const std::size_t size = (std::size_t{4} << 30) + 12'345;
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(at != MAP_FAILED);
  const MutableBytes file(static_cast<std::uint8_t*>(at), size);
  const std::size_t header = write_wav_header(file, kMono8k, std::nullopt).size();
  const Result<WavView> view = read_wav(file);
  CHECK_TRUE(view.ok());
  if (view) {
    CHECK_TRUE(view->is_cut);
    CHECK_FALSE(view->data_bytes.has_value());
    CHECK_EQ(view->data.size(), (size - header) / 2 * 2);
  }
  ::munmap(at, size);
}

TEST("an unfinished file of G.711 doesn't claim a number of samples") {
  std::array<std::uint8_t, kWavHeaderBytesMax> into;
  const MediaFormat format{.kind = PayloadKind::kPcma};
  const Bytes open = write_wav_header(into, format, std::nullopt);
  CHECK_EQ(load_u32(open.data() + open.size() - 12), 0u);
  const Bytes finished = write_wav_header(into, format, 800);
  CHECK_EQ(__builtin_bswap32(load_u32(finished.data() + finished.size() - 12)), 800u);
}

TEST("a file that outgrows RIFF becomes RF64, and is read as such") {
  std::array<std::uint8_t, kWavHeaderBytesMax> into;
  const std::uint64_t huge = std::uint64_t{5} << 30;
  const Bytes header = write_wav_header(into, kMono8k, huge);
  CHECK_EQ(header.first(4), (std::array<std::uint8_t, 4>{'R', 'F', '6', '4'}));
  CHECK_EQ(__builtin_bswap64(load_u64(header.data() + 20)), huge + header.size() - 8);
  CHECK_EQ(__builtin_bswap64(load_u64(header.data() + 28)), huge);
  CHECK_EQ(__builtin_bswap64(load_u64(header.data() + 36)), huge / 2);
  Buffer file(header.begin(), header.end());
  file.resize(header.size() + 100);
  CHECK_TRUE(read_wav(file)->is_cut);
  CHECK_EQ(read_wav(file)->data_bytes.value(), huge);
  // The same with a length that is there, and something behind it.
  store_u64(file.data() + 28, __builtin_bswap64(60));
  const Result<WavView> view = read_wav(file);
  REQUIRE(view.ok());
  CHECK_EQ(view->data.size(), 60u);
  CHECK_FALSE(view->is_cut);
  // The last that fits RIFF, and the first that doesn't.
  const std::uint64_t limit = 0xffff'ffff - (header.size() - 8);
  CHECK_TRUE(write_wav_header(into, kMono8k, limit - 1)[3] == 'F');
  CHECK_TRUE(write_wav_header(into, kMono8k, limit)[3] == '4');
}

TEST("chunks are taken in any order, odd ones padded, strange ones passed over") {
  Riff riff;
  riff.text("LIST").u32(5).zeros(6).text("bext").u32(602).zeros(602).data(7).zeros(1);
  riff.text("cue ").u32(4).zeros(4).format(7, 1, 8'000, 8);
  const Result<WavView> view = read_wav(riff.bytes);
  REQUIRE(view.ok());
  CHECK_TRUE(view->format.kind == PayloadKind::kPcmu);
  CHECK_EQ(view->data, (Buffer{1, 2, 3, 4, 5, 6, 7}));
}

TEST("the first format and the first data count") {
  Riff riff;
  riff.format(1, 1, 8'000, 16).format(1, 2, 48'000, 16).data(4).data(8);
  CHECK_TRUE(read_wav(riff.bytes)->format == kMono8k);
  CHECK_EQ(read_wav(riff.bytes)->data.size(), 4u);
}

TEST("an extensible header means what its sub-format says") {
  CHECK_TRUE(read_wav(Riff().extensible(1, 16).data(8).bytes)->format.kind == PayloadKind::kPcm16);
  CHECK_TRUE(read_wav(Riff().extensible(1, 0).data(8).bytes).ok());
  CHECK_EQ(code_of(Riff().extensible(1, 12).data(8)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().extensible(3, 16).data(8)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().extensible(1, 16, 0).data(8)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().text("fmt ").u32(16).u16(0xfffe).u16(1).u32(8'000).u32(0).u16(2).u16(16)),
           ErrorCode::kMediaTruncated);
}

TEST("audio that the engine doesn't play is refused as unsupported") {
  for (const std::uint32_t rate : {11'025u, 22'050u, 44'100u, 96'000u})
    CHECK_EQ(code_of(Riff().format(1, 1, rate, 16).data(4)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().format(1, 1, 8'000, 8).data(4)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().format(1, 1, 8'000, 24).data(4)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().format(3, 1, 8'000, 32).data(4)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().format(17, 1, 8'000, 4).data(4)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().format(1, 3, 8'000, 16).data(6)), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(Riff().format(7, 1, 16'000, 8).data(4)), ErrorCode::kMediaUnsupported);
}

TEST("what is no WAV, or contradicts itself, is refused as malformed") {
  CHECK_EQ(code_of(Riff("RIFX").format(1, 1, 8'000, 16).data(4)), ErrorCode::kMediaMalformed);
  Riff avi;
  avi.bytes[8] = 'A';
  CHECK_EQ(code_of(avi), ErrorCode::kMediaMalformed);
  CHECK_EQ(code_of(Riff().format(1, 0, 8'000, 16).data(4)), ErrorCode::kMediaMalformed);
  CHECK_EQ(code_of(Riff().format(1, 1, 0, 16).data(4)), ErrorCode::kMediaMalformed);
  Riff align;
  align.text("fmt ").u32(16).u16(1).u16(1).u32(8'000).u32(16'000).u16(4).u16(16).data(4);
  CHECK_EQ(code_of(align), ErrorCode::kMediaMalformed);
  Riff many;
  for (std::uint32_t index = 0; index <= kWavChunksMax; ++index)
    many.text("junk").u32(0);
  CHECK_EQ(code_of(many.format(1, 1, 8'000, 16).data(4)), ErrorCode::kMediaMalformed);
}

TEST("cut at any byte before its data, a file is refused as truncated") {
  Riff riff;
  const Buffer whole = riff.format(1, 1, 8'000, 16).data(40).bytes;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Buffer file(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    const Result<WavView> view = read_wav(file);
    if (cut < 44) {
      CHECK_EQ(view.code(), ErrorCode::kMediaTruncated);
    } else {
      REQUIRE(view.ok());
      CHECK_TRUE(view->is_cut);
      CHECK_EQ(view->data.size(), (cut - 44) / 2 * 2);
    }
  }
}

TEST("a format that WAV doesn't have ends the program") {
  std::array<std::uint8_t, kWavHeaderBytesMax> into;
  CHECK_ABORTS((void)write_wav_header(into, {.kind = PayloadKind::kG722, .rate_hz = 16'000}, 0));
  CHECK_ABORTS((void)write_wav_header(into, {.kind = PayloadKind::kOpus, .rate_hz = 48'000}, 0));
}

}  // namespace
