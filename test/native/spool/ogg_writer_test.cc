// Pages as RFC 7845 wants them, read back by the reader.
#include "spool/ogg_writer.h"

#include <array>

#include "native/harness.h"
#include "native/spool/ogg_file.h"
#include "spool/ogg_reader.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using Buffer = std::vector<std::uint8_t>;

TEST("head and tags have pages of their own, the first one marked as first") {
  OggOpusWriter writer(
      {.channel_count = 2, .pre_skip = 156, .input_rate_hz = 8'000, .gain_q8_db = -256}, 7);
  Buffer into(kOggPageBytesMax);
  const Bytes pages = writer.open(into);
  REQUIRE(pages.size() == 27 + 1 + 19 + 27 + 1 + 25);
  CHECK_EQ(pages[5], kOggFirst);
  CHECK_EQ(pages.subspan(28, 19),
           (std::array<std::uint8_t, 19>{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 156, 0, 0x40,
                                         0x1f, 0, 0, 0, 0xff, 0}));
  CHECK_EQ(pages[47 + 5], 0u);
  CHECK_EQ(pages[47 + 18], 1u);
  CHECK_EQ(pages.subspan(47 + 28, 8), kOpusTagsMagic);
}

TEST("a page holds half a second at most, and no packet crosses pages") {
  const Buffer file = test::ogg_file(std::vector<std::size_t>(65, 80));
  std::vector<std::uint64_t> granules;
  for (std::size_t at = 0; at < file.size();) {
    const std::uint8_t segments = file[at + 26];
    std::size_t body = 0;
    for (std::size_t index = 0; index < segments; ++index)
      body += file[at + 27 + index];
    CHECK_EQ(file[at + 5] & kOggContinued, 0);
    CHECK_TRUE(segments == 0 || file[at + 26 + segments] < 255);
    granules.push_back(__builtin_bswap64(load_u64(file.data() + at + 6)));
    at += 27u + segments + body;
  }
  CHECK_TRUE((granules == std::vector<std::uint64_t>{0, 0, 24'000, 48'000, 62'400}));
}

TEST("packets of every awkward length come back, in pages of up to 255 segments") {
  std::vector<std::size_t> lengths;
  for (const std::size_t length : {1u, 254u, 255u, 256u, 509u, 510u, 511u, 1'275u, 1'530u, 4'000u})
    lengths.insert(lengths.end(), 20, length);
  const Buffer file = test::ogg_file(lengths);
  Buffer scratch(kOpusPacketBytesMax);
  Result<OggOpusReader> reader = OggOpusReader::open(file, scratch);
  REQUIRE(reader.ok());
  std::uint32_t number = 0;
  for (OggPacket packet; reader->next(packet); ++number) {
    REQUIRE(number < lengths.size());
    CHECK_EQ(packet.bytes, test::ogg_packet(number, lengths[number]));
    CHECK_FALSE(packet.is_after_loss);
  }
  CHECK_EQ(number, lengths.size());
  CHECK_EQ(reader->damages(), 0u);
  CHECK_TRUE(reader->is_finished());
}

TEST("the last page is marked and its position cuts off what only fills the last packet") {
  for (const std::uint32_t trimmed : {0u, 100u, 960u * 3}) {
    const Buffer file = test::ogg_file({10, 10, 10}, trimmed);
    Buffer scratch(64);
    OggOpusReader reader = OggOpusReader::open(file, scratch).value();
    OggPacket packet;
    std::uint64_t granule = 0;
    while (reader.next(packet))
      granule = packet.granule.value_or(granule);
    CHECK_EQ(granule, 960u * 3 - trimmed);
    CHECK_TRUE(reader.is_finished());
  }
}

TEST("A12 a file cut off anywhere gives back every packet of its whole pages") {
  const Buffer whole = test::ogg_file(std::vector<std::size_t>(160, 30));
  Buffer scratch(64);
  for (std::size_t cut = 100; cut < whole.size(); cut += 3) {
    const Buffer file(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    Result<OggOpusReader> reader = OggOpusReader::open(file, scratch);
    REQUIRE(reader.ok());
    std::uint32_t packets = 0;
    for (OggPacket packet; reader->next(packet); ++packets)
      CHECK_EQ(packet.bytes, test::ogg_packet(packets, 30));
    // Heads, then pages of 25 packets: 27 bytes, 25 lengths, 25 packets.
    CHECK_EQ(packets, (cut - 100) / (27 + 25 + 750) * 25);
    CHECK_FALSE(reader->is_finished());
  }
}

TEST("a writer that goes back to an earlier place goes on from there as if nothing had followed") {
  const auto keep = [](Bytes bytes, Buffer& into) {
    into.insert(into.end(), bytes.begin(), bytes.end());
  };
  for (const std::uint32_t kept : {1u, 24u, 25u, 26u, 140u}) {
    const OpusHead head{.input_rate_hz = 16'000};
    OggOpusWriter writer(head, 0x1234'5678);
    OggOpusWriter mark(head, writer.serial());
    Buffer into(kOggPageBytesMax);
    Buffer file;
    keep(writer.open(into), file);
    std::size_t marked_bytes = 0;
    for (std::uint32_t count = 0; count < kept + 77; ++count) {
      if (count == kept) {
        mark.copy_state(writer);
        marked_bytes = file.size();
      }
      keep(writer.append(test::ogg_packet(count, 80), 960, into).value(), file);
    }
    file.resize(marked_bytes);
    writer.copy_state(mark);
    keep(writer.finish(5, into), file);
    CHECK_EQ(file, test::ogg_file(std::vector<std::size_t>(kept, 80), 5));
  }
  OggOpusWriter one({}, 1);
  CHECK_ABORTS(one.copy_state(OggOpusWriter({}, 2)));
  CHECK_ABORTS(one.copy_state(OggOpusWriter({.pre_skip = 1}, 1)));
}

TEST("what is no packet of Opus is refused, and nothing is added") {
  OggOpusWriter writer({}, 1);
  Buffer into(kOggPageBytesMax);
  (void)writer.open(into);
  const Buffer packet(kOpusPacketBytesMax + 1);
  const auto code = [&](std::size_t bytes, std::uint32_t samples) {
    return writer.append(Bytes(packet).first(bytes), samples, into).code();
  };
  CHECK_EQ(code(0, 960), ErrorCode::kMediaMalformed);
  CHECK_EQ(code(kOpusPacketBytesMax + 1, 960), ErrorCode::kMediaMalformed);
  CHECK_EQ(code(1, 0), ErrorCode::kMediaMalformed);
  CHECK_EQ(code(1, 5'761), ErrorCode::kMediaMalformed);
  CHECK_EQ(writer.samples(), 0u);
  CHECK_EQ(code(1, 5'760), ErrorCode::kOk);
  CHECK_EQ(writer.samples(), 5'760u);
}

TEST("calls out of order, a third channel or too small a buffer end the program") {
  Buffer into(kOggPageBytesMax);
  CHECK_ABORTS((void)OggOpusWriter({}, 1).finish(0, into));
  CHECK_ABORTS(OggOpusWriter({.channel_count = 3}, 1));
  CHECK_ABORTS((void)OggOpusWriter({}, 1).open(MutableBytes(into).first(100)));
}

}  // namespace
