// Files of other writers: packets across pages, several streams, long tags, losses and damages.
#include "spool/ogg_reader.h"

#include <array>

#include "base/prng.h"
#include "native/harness.h"
#include "native/spool/ogg_file.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;
using test::add_ogg_packet;
using test::add_ogg_page;
using Buffer = std::vector<std::uint8_t>;

Buffer heads() {
  Buffer file;
  add_ogg_packet(file, {.flags = kOggFirst}, test::opus_head());
  add_ogg_packet(file, {.number = 1}, test::opus_tags());
  return file;
}

struct Got {
  Buffer bytes;
  std::optional<std::uint64_t> granule;
  bool is_after_loss;
};

std::vector<Got> read_all(const Buffer& file, std::uint32_t damages, std::size_t scratch = 4'000) {
  Buffer memory(scratch);
  std::vector<Got> got;
  Result<OggOpusReader> reader = OggOpusReader::open(file, memory);
  CHECK_EQ(reader.code(), ErrorCode::kOk);
  if (!reader.ok()) return got;
  for (OggPacket packet; reader->next(packet);)
    got.push_back(
        {{packet.bytes.begin(), packet.bytes.end()}, packet.granule, packet.is_after_loss});
  CHECK_EQ(reader->damages(), damages);
  return got;
}

ErrorCode code_of(const Buffer& file) {
  Buffer memory(64);
  return OggOpusReader::open(file, memory).code();
}

TEST("the head says channels, pre-skip, rate and gain") {
  Buffer file;
  Buffer head = test::opus_head(1, 2);
  head[16] = 0x80;  // -128 in 1/256 dB: 0xff80
  head[17] = 0xff;
  add_ogg_packet(file, {.flags = kOggFirst}, head);
  add_ogg_packet(file, {.number = 1}, test::opus_tags());
  Buffer memory(64);
  const OggOpusReader reader = OggOpusReader::open(file, memory).value();
  CHECK_EQ(reader.head().channel_count, 2u);
  CHECK_EQ(reader.head().pre_skip, 312u);
  CHECK_EQ(reader.head().input_rate_hz, 48'000u);
  CHECK_EQ(reader.head().gain_q8_db, -128);
}

TEST("a packet over three pages comes back whole, with the position of the page it ends on") {
  Buffer file = heads();
  add_ogg_page(file, {.granule = ~std::uint64_t{0}, .number = 2}, {255, 255}, Buffer(510, 7));
  add_ogg_page(file, {.flags = kOggContinued, .granule = ~std::uint64_t{0}, .number = 3}, {255},
               Buffer(255, 7));
  Buffer body(10, 7);
  body.resize(15, 8);
  add_ogg_page(file, {.flags = kOggContinued | kOggLast, .granule = 1'920, .number = 4}, {10, 5},
               body);
  const std::vector<Got> got = read_all(file, 0);
  REQUIRE(got.size() == 2);
  CHECK_EQ(got[0].bytes, Buffer(775, 7));
  CHECK_FALSE(got[0].granule.has_value());
  CHECK_EQ(got[1].bytes, Buffer(5, 8));
  CHECK_EQ(got[1].granule.value_or(0), 1'920u);
}

TEST("a packet too long for the scratch is left out and counted") {
  Buffer file = heads();
  add_ogg_page(file, {.number = 2}, {255}, Buffer(255, 7));
  Buffer body(10, 7);
  body.resize(15, 8);
  add_ogg_page(file, {.flags = kOggContinued, .granule = 1'920, .number = 3}, {10, 5}, body);
  const std::vector<Got> got = read_all(file, 1, 264);
  REQUIRE(got.size() == 1);
  CHECK_EQ(got[0].bytes, Buffer(5, 8));
  CHECK_TRUE(got[0].is_after_loss);
  CHECK_EQ(read_all(file, 0, 265).size(), 2u);
}

TEST("a missing page takes with it the packets that it shared, and no others") {
  for (std::uint32_t left_out = 2; left_out < 5; ++left_out) {
    Buffer file = heads();
    Buffer first(5, 1);
    first.resize(260, 2);
    if (left_out != 2) add_ogg_page(file, {.number = 2}, {5, 255}, first);
    Buffer second(3, 2);
    second.resize(258, 3);
    if (left_out != 3) add_ogg_page(file, {.flags = kOggContinued, .number = 3}, {3, 255}, second);
    Buffer third(4, 3);
    third.resize(10, 4);
    if (left_out != 4) add_ogg_page(file, {.flags = kOggContinued, .number = 4}, {4, 6}, third);
    add_ogg_page(file, {.flags = kOggLast, .number = 5}, {9}, Buffer(9, 5));
    const std::vector<Got> got = read_all(file, 1);
    std::vector<std::uint8_t> heard;
    for (const Got& packet : got)
      heard.push_back(packet.bytes[0]);
    // 1 | 2 over pages 2 and 3 | 3 over 3 and 4 | 4 | 5
    if (left_out == 2) CHECK_EQ(heard, (Buffer{3, 4, 5}));
    if (left_out == 3) CHECK_EQ(heard, (Buffer{1, 4, 5}));
    if (left_out == 4) CHECK_EQ(heard, (Buffer{1, 2, 5}));
    std::uint32_t losses = 0;
    for (const Got& packet : got)
      losses += packet.is_after_loss ? 1 : 0;
    CHECK_EQ(losses, 1u);
  }
}

TEST("a damaged page is found out by its CRC and the next one found after it") {
  const Buffer whole = test::ogg_file(std::vector<std::size_t>(200, 40));
  Prng prng(8);
  for (int round = 0; round < 300; ++round) {
    Buffer file = whole;
    const std::size_t at = 100 + prng.below(static_cast<std::uint32_t>(file.size() - 100));
    file[at] ^= static_cast<std::uint8_t>(1u << prng.below(8));
    Buffer memory(4'000);
    Result<OggOpusReader> reader = OggOpusReader::open(file, memory);
    REQUIRE(reader.ok());
    std::uint32_t packets = 0;
    for (OggPacket packet; reader->next(packet); ++packets) {
      CHECK_EQ(packet.bytes.size(), 40u);
      CHECK_EQ(packet.bytes[0], packet.bytes[39]);
    }
    CHECK_EQ(packets, 175u);
    CHECK_EQ(reader->damages(), 1u);
  }
}

TEST("another stream in the file is passed over, and a doubled page is heard once") {
  Buffer file;
  add_ogg_packet(file, {.flags = kOggFirst, .serial = 9}, Buffer(30, 1));
  add_ogg_packet(file, {.flags = kOggFirst}, test::opus_head());
  add_ogg_packet(file, {.serial = 9, .number = 1}, Buffer(30, 1));
  add_ogg_packet(file, {.number = 1}, test::opus_tags());
  add_ogg_packet(file, {.granule = 960, .number = 2}, Buffer(5, 2));
  add_ogg_packet(file, {.granule = 960, .number = 2}, Buffer(5, 2));
  add_ogg_packet(file, {.serial = 9, .number = 2}, Buffer(30, 1));
  add_ogg_packet(file, {.flags = kOggLast, .granule = 1'920, .number = 3}, Buffer(5, 3));
  add_ogg_packet(file, {.granule = 2'880, .number = 4}, Buffer(5, 4));
  const std::vector<Got> got = read_all(file, 0);
  REQUIRE(got.size() == 2);
  CHECK_EQ(got[0].bytes[0], 2u);
  CHECK_EQ(got[1].bytes[0], 3u);
}

TEST("tags may be longer than the scratch") {
  Buffer file;
  add_ogg_packet(file, {.flags = kOggFirst}, test::opus_head());
  Buffer tags = test::opus_tags(255 * 3 - 16);
  add_ogg_page(file, {.number = 1}, {255, 255}, Buffer(tags.begin(), tags.begin() + 510));
  add_ogg_page(file, {.flags = kOggContinued, .number = 2}, {255, 0},
               Buffer(tags.begin() + 510, tags.end()));
  add_ogg_packet(file, {.flags = kOggLast, .number = 3}, Buffer(5, 3));
  CHECK_EQ(read_all(file, 0, 64).size(), 1u);
}

TEST("empty packets and empty pages are passed over") {
  Buffer file = heads();
  add_ogg_page(file, {.number = 2}, {}, {});
  add_ogg_page(file, {.granule = 960, .number = 3}, {0, 0, 4, 0}, Buffer(4, 6));
  const std::vector<Got> got = read_all(file, 0);
  REQUIRE(got.size() == 1);
  CHECK_EQ(got[0].bytes, Buffer(4, 6));
}

TEST("what isn't Opus in Ogg is refused by the reason") {
  CHECK_EQ(code_of({}), ErrorCode::kMediaMalformed);
  CHECK_EQ(code_of(Buffer(1'000, 'O')), ErrorCode::kMediaMalformed);
  const auto with_head = [](const Buffer& head) {
    Buffer file;
    add_ogg_packet(file, {.flags = kOggFirst}, head);
    add_ogg_packet(file, {.number = 1}, test::opus_tags());
    return file;
  };
  CHECK_EQ(code_of(with_head(test::opus_head())), ErrorCode::kOk);
  CHECK_EQ(code_of(with_head(test::opus_head(15))), ErrorCode::kOk);
  CHECK_EQ(code_of(with_head(test::opus_head(16))), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(with_head(test::opus_head(1, 3))), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(with_head(test::opus_head(1, 2, 1))), ErrorCode::kMediaUnsupported);
  CHECK_EQ(code_of(with_head(test::opus_head(1, 0))), ErrorCode::kMediaMalformed);
  CHECK_EQ(code_of(with_head({'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 1})),
           ErrorCode::kMediaMalformed);
  CHECK_EQ(code_of(with_head(Buffer(30, 3))), ErrorCode::kMediaUnsupported);
  Buffer head_alone;
  add_ogg_packet(head_alone, {.flags = kOggFirst}, test::opus_head());
  CHECK_EQ(code_of(head_alone), ErrorCode::kMediaTruncated);
  Buffer no_tags = head_alone;
  add_ogg_packet(no_tags, {.number = 1}, Buffer(30, 3));
  CHECK_EQ(code_of(no_tags), ErrorCode::kMediaMalformed);
}

TEST("a file of nothing but false pages is given up on") {
  Buffer file = heads();
  for (int index = 0; index < 2'000; ++index) {
    const std::size_t start = file.size();
    add_ogg_page(file, {.number = 2}, Buffer(255, 255), {});
    file.resize(start + 282);
  }
  CHECK_EQ(read_all(file, kOggDamagesMax).size(), 0u);
}

}  // namespace
