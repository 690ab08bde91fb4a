// Clips of every set of encodings, frame by frame; and files that only look like clips.
#include "spool/clip.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"
#include "spool/checksum.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using Buffer = std::vector<std::uint8_t>;

constexpr std::array<ClipEncoding, 7> kAll{
    ClipEncoding{PayloadKind::kPcmu, 8'000},   ClipEncoding{PayloadKind::kPcma, 8'000},
    ClipEncoding{PayloadKind::kG722, 16'000},  ClipEncoding{PayloadKind::kPcm16, 8'000},
    ClipEncoding{PayloadKind::kPcm16, 16'000}, ClipEncoding{PayloadKind::kPcm16, 48'000},
    ClipEncoding{PayloadKind::kOpus, 48'000}};

constexpr std::size_t frame_bytes(const ClipEncoding& encoding) {
  return encoding.rate_hz / 1'000 * 20 * bits_per_sample(encoding.kind) / 8;
}

/// A clip with the sources that it was made of.
struct Made {
  ClipFacts facts;
  std::vector<Buffer> data;
  std::vector<std::uint16_t> packets;
  std::vector<ClipSource> sources;
  Buffer file;
};

/// @param chosen bit n: with kAll[n].
Made make(std::uint32_t chosen, std::uint32_t frames, std::uint64_t seed = 1) {
  Prng prng(seed);
  Made made;
  made.facts = {.frame_count = frames,
                .loudness_tenths_db = -203,
                .duration_samples_48k = frames * std::uint64_t{960} - 100};
  for (std::uint32_t index = 0; index < frames; ++index)
    made.packets.push_back(static_cast<std::uint16_t>(index % 5 == 4 ? 0 : prng.below(200)));
  made.data.reserve(kAll.size());
  for (std::size_t index = 0; index < kAll.size(); ++index) {
    if ((chosen >> index & 1) == 0) continue;
    std::size_t bytes = frames * frame_bytes(kAll[index]);
    const bool is_opus = kAll[index].kind == PayloadKind::kOpus;
    if (is_opus) {
      for (const std::uint16_t packet : made.packets)
        bytes += packet;
    }
    Buffer& data = made.data.emplace_back(bytes);
    for (std::uint8_t& byte : data)
      byte = static_cast<std::uint8_t>(prng.next_u32());
    made.sources.push_back({.encoding = kAll[index], .data = data, .frame_bytes = {}});
    if (is_opus) made.sources.back().frame_bytes = made.packets;
  }
  const Result<std::size_t> bytes = clip_bytes(made.facts, made.sources);
  CHECK_TRUE(bytes.ok());
  if (!bytes.ok()) return made;
  made.file.assign(*bytes, 0xee);
  const Result<Bytes> written = write_clip(made.file, made.facts, made.sources);
  CHECK_TRUE(written.ok() && written->size() == made.file.size());
  return made;
}

/// Makes header, table and index right again after a change, so that the change itself is judged.
Result<ClipView> open_changed(Buffer file, std::size_t indices_end) {
  const Bytes covered = Bytes(file).subspan(kClipHeaderBytes, indices_end - kClipHeaderBytes);
  store_u32(file.data() + 60, crc32c(covered, crc32c(Bytes(file).first(60))));
  return ClipView::open(file);
}

TEST("every set of encodings comes back, frame by frame") {
  for (std::uint32_t chosen = 1; chosen < 1u << kAll.size(); ++chosen) {
    const Made made = make(chosen, 7, chosen);
    const Result<ClipView> clip = ClipView::open(made.file);
    REQUIRE(clip.ok());
    CHECK_EQ(clip->track_count(), made.sources.size());
    CHECK_EQ(clip->facts().frame_ms, 20u);
    CHECK_EQ(clip->facts().frame_count, 7u);
    CHECK_EQ(clip->facts().loudness_tenths_db, -203);
    CHECK_EQ(clip->facts().duration_samples_48k, 7u * 960u - 100u);
    CHECK_TRUE(clip->is_intact());
    for (std::size_t index = 0; index < kAll.size(); ++index)
      CHECK_EQ(clip->find(kAll[index]).has_value(), (chosen >> index & 1) == 1);
    for (std::uint32_t track = 0; track < clip->track_count(); ++track) {
      const ClipSource& source = made.sources[track];
      CHECK_TRUE(clip->encoding(track) == source.encoding);
      std::size_t at = 0;
      for (std::uint32_t index = 0; index < 7; ++index) {
        const std::size_t bytes = source.encoding.kind == PayloadKind::kOpus
                                      ? made.packets[index]
                                      : frame_bytes(source.encoding);
        CHECK_EQ(clip->frame(track, index), source.data.subspan(at, bytes));
        at += bytes;
      }
    }
  }
}

TEST("PCM is read as samples") {
  const Made made = make(1u << 4, 3);
  const ClipView clip = ClipView::open(made.file).value();
  std::array<std::int16_t, 320> samples{};
  CHECK_EQ(clip.read_pcm(0, 2, samples), 320u);
  const Bytes frame = clip.frame(0, 2);
  for (std::size_t index = 0; index < 320; ++index) {
    const auto expected = static_cast<std::int16_t>(frame[2 * index] | frame[2 * index + 1] << 8);
    CHECK_EQ(samples[index], expected);
  }
}

TEST("data begin where a cache line does") {
  const Made made = make(0x7f, 5);
  const ClipView clip = ClipView::open(made.file).value();
  for (std::uint32_t track = 0; track < clip.track_count(); ++track) {
    const std::ptrdiff_t offset = clip.frame(track, 0).data() - made.file.data();
    CHECK_EQ(offset % static_cast<std::ptrdiff_t>(kClipAlignment), 0);
  }
}

TEST("cut at any byte, a clip is refused") {
  const Made made = make(0x7f, 2);
  for (std::size_t cut = 0; cut < made.file.size(); ++cut) {
    const Buffer file(made.file.begin(), made.file.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK_EQ(ClipView::open(file).code(), ErrorCode::kMediaTruncated);
  }
  Buffer longer = made.file;
  longer.push_back(0);
  CHECK_EQ(ClipView::open(longer).code(), ErrorCode::kMediaMalformed);
}

TEST("a changed bit of header, table or index is found at opening, one of the data on asking") {
  const Made made = make(0x7f, 4);
  const std::size_t indices_end = kClipHeaderBytes + 7 * kClipTrackBytes + 4 * 5;
  for (std::size_t bit = 0; bit < made.file.size() * 8; bit += bit < indices_end * 8 ? 1 : 97) {
    Buffer file = made.file;
    file[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    const Result<ClipView> clip = ClipView::open(file);
    if (bit / 8 < indices_end) {
      CHECK_FALSE(clip.ok());
    } else if (file[bit / 8] != made.file[bit / 8] && clip.ok()) {
      // Between data there may be bytes that nobody reads.
      const auto at = file.begin() + static_cast<std::ptrdiff_t>(bit / 8);
      bool is_data = false;
      for (const ClipSource& source : made.sources) {
        const auto found =
            std::search(made.file.begin(), made.file.end(), source.data.begin(), source.data.end());
        const auto start = found - made.file.begin();
        const auto place = at - file.begin();
        is_data = is_data || (place >= start &&
                              place < start + static_cast<std::ptrdiff_t>(source.data.size()));
      }
      CHECK_EQ(clip->is_intact(), !is_data);
    }
  }
}

TEST("a table that contradicts itself is refused though its checksum holds") {
  const Made made = make(0x41, 4);  // PCMU and Opus
  const std::size_t indices_end = kClipHeaderBytes + 2 * kClipTrackBytes + 4 * 5;
  const std::size_t first = kClipHeaderBytes;
  const std::size_t second = first + kClipTrackBytes;
  const std::size_t index = second + kClipTrackBytes;
  CHECK_TRUE(open_changed(made.file, indices_end).ok());
  const auto code = [&](auto change) {
    Buffer file = made.file;
    change(file.data());
    return open_changed(file, indices_end).code();
  };
  constexpr ErrorCode kNo = ErrorCode::kMediaMalformed;
  const std::uint64_t size = made.file.size();
  CHECK_EQ(code([&](std::uint8_t* at) { at[5] = 2; }), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code([&](std::uint8_t* at) { at[6] = 0; }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { at[6] = 1; }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { at[6] = kClipTracksMax + 1; }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { at[7] = 25; }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + 8, 0); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + 8, 5); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + 8, kClipFramesMax + 1); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + 16, size + 1); }),
           ErrorCode::kMediaTruncated);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + 16, size - 1); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + 24, 960 * 3); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + 24, 960 * 4 + 1); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { at[first] = 1; }), ErrorCode::kOk);  // PCMA it says
  CHECK_EQ(code([&](std::uint8_t* at) { at[first] = kPayloadKinds; }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + first + 4, 16'000); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + first + 8, 161); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + first + 16, size + 64); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + first + 16, 0); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + first + 24, ~std::uint64_t{0}); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + first + 24, 639); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + first + 32, index); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + second + 32, 0); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + second + 32, ~std::uint64_t{0}); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u64(at + second + 16, load_u64(at + first + 16)); }),
           kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + index, 1); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + index + 4, 0xffff'ffff); }), kNo);
  CHECK_EQ(code([&](std::uint8_t* at) { store_u32(at + index + 16, 1); }), kNo);
}

TEST("two tracks of one encoding are refused, written or read") {
  Made made = make(0x3, 4);  // PCMU and PCMA
  Buffer file = made.file;
  file[kClipHeaderBytes + kClipTrackBytes] = 0;
  CHECK_EQ(open_changed(file, kClipHeaderBytes + 2 * kClipTrackBytes).code(),
           ErrorCode::kMediaMalformed);
  made.sources[1].encoding = made.sources[0].encoding;
  CHECK_EQ(clip_bytes(made.facts, made.sources).code(), ErrorCode::kMediaMalformed);
}

TEST("sources that don't agree with the facts make no clip") {
  const auto code = [](auto change) {
    Made made = make(0x41, 4);
    change(made);
    Buffer into(100'000);
    const ErrorCode sized = clip_bytes(made.facts, made.sources).code();
    CHECK_EQ(write_clip(into, made.facts, made.sources).code(), sized);
    return sized;
  };
  constexpr ErrorCode kNo = ErrorCode::kMediaMalformed;
  CHECK_EQ(code([](Made&) {}), ErrorCode::kOk);
  CHECK_EQ(code([](Made& made) { made.sources.clear(); }), kNo);
  CHECK_EQ(code([](Made& made) { made.facts.frame_ms = 15; }), kNo);
  CHECK_EQ(code([](Made& made) { made.facts.frame_count = 0; }), kNo);
  CHECK_EQ(code([](Made& made) { made.facts.frame_count = 3; }), kNo);
  CHECK_EQ(code([](Made& made) { made.facts.duration_samples_48k = 960 * 3; }), kNo);
  CHECK_EQ(code([](Made& made) { made.sources[0].data = made.sources[0].data.first(639); }), kNo);
  CHECK_EQ(code([](Made& made) { made.sources[0].encoding.rate_hz = 16'000; }), kNo);
  CHECK_EQ(code([](Made& made) { made.sources[0].frame_bytes = made.packets; }), kNo);
  CHECK_EQ(code([](Made& made) { made.sources[1].frame_bytes = {}; }), kNo);
  CHECK_EQ(code([](Made& made) { ++made.packets[0]; }), kNo);
  CHECK_EQ(code([](Made& made) { made.packets[0] = kOpusPacketBytesMax + 1; }), kNo);
  CHECK_EQ(code([](Made& made) { made.sources.resize(kClipTracksMax + 1, made.sources[0]); }), kNo);
}

TEST("too small a buffer is told") {
  const Made made = make(0x41, 4);
  Buffer into(made.file.size() - 1);
  CHECK_EQ(write_clip(into, made.facts, made.sources).code(), ErrorCode::kBufferFull);
}

TEST("asking beyond the last track or frame ends the program") {
  const Made made = make(0x1, 4);
  const ClipView clip = ClipView::open(made.file).value();
  CHECK_ABORTS((void)clip.frame(0, 4));
  CHECK_ABORTS((void)clip.frame(1, 0));
  CHECK_ABORTS((void)clip.encoding(1));
  std::array<std::int16_t, 160> samples;
  CHECK_ABORTS((void)clip.read_pcm(0, 0, samples));
}

}  // namespace
