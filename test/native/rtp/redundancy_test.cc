// Redundant payloads: RFC 2198 written and read, its limits, and what must be refused.
#include "rtp/redundancy.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

TEST("reads the present frame and the earlier ones with their offsets") {
  // DVI of 20 ms ago (7 bytes) and PCMU now (3 bytes).
  const std::vector<std::uint8_t> payload = {0x85, 0x02, 0x80, 0x07, 0x00, 1, 2, 3,
                                             4,    5,    6,    7,    8,    9, 10};
  const Result<RedundantPayload> parsed = RedundantPayload::parse(payload);
  REQUIRE(parsed.ok());
  CHECK_EQ(parsed->earlier_count(), 1u);
  CHECK_EQ(parsed->earlier(0).payload_type, 5);
  CHECK_EQ(parsed->earlier(0).timestamp_offset, 160u);
  CHECK_EQ(parsed->earlier(0).payload, (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7}));
  CHECK_EQ(parsed->primary().payload_type, 0);
  CHECK_EQ(parsed->primary().payload, (std::vector<std::uint8_t>{8, 9, 10}));
  CHECK_ABORTS((void)parsed->earlier(1));
}

TEST("a payload may hold nothing but the present frame, and that may be empty") {
  const std::vector<std::uint8_t> payload = {0x60};
  const Result<RedundantPayload> parsed = RedundantPayload::parse(payload);
  REQUIRE(parsed.ok());
  CHECK_EQ(parsed->earlier_count(), 0u);
  CHECK_EQ(parsed->primary().payload_type, 96);
  CHECK_TRUE(parsed->primary().payload.empty());
}

TEST("headers and lengths that reach beyond the payload are truncated") {
  for (const std::vector<std::uint8_t>& payload : {std::vector<std::uint8_t>{},
                                                   {0x80},
                                                   {0x80, 0, 0},
                                                   {0x80, 0, 0, 0},
                                                   {0x80, 0x02, 0x80, 0x05, 0x00, 1, 2, 3, 4}}) {
    CHECK_EQ(RedundantPayload::parse(payload).code(), ErrorCode::kPacketTruncated);
  }
}

TEST("of more earlier blocks than we keep the newest are read, and the present frame") {
  constexpr std::uint8_t kSent = kRedundantBlocksMax + 3;
  std::vector<std::uint8_t> payload;
  // Block n is n + 1 bytes of value n, and so many steps of 160 old as come after it.
  for (std::uint32_t block = 0; block < kSent; ++block) {
    const std::uint32_t fields = (kSent - block) * 160 << 10 | (block + 1);
    payload.insert(payload.end(),
                   {0x88, static_cast<std::uint8_t>(fields >> 16),
                    static_cast<std::uint8_t>(fields >> 8), static_cast<std::uint8_t>(fields)});
  }
  payload.push_back(0);
  for (std::uint8_t block = 0; block < kSent; ++block)
    payload.insert(payload.end(), block + 1u, block);
  payload.insert(payload.end(), {0xaa, 0xbb});
  const Result<RedundantPayload> parsed = RedundantPayload::parse(payload);
  REQUIRE(parsed.ok());
  CHECK_EQ(parsed->earlier_count(), kRedundantBlocksMax);
  for (std::uint32_t index = 0; index < parsed->earlier_count(); ++index) {
    const std::uint32_t block = kSent - kRedundantBlocksMax + index;
    CHECK_EQ(parsed->earlier(index).payload_type, 8);
    CHECK_EQ(parsed->earlier(index).timestamp_offset, (kSent - block) * 160);
    CHECK_EQ(parsed->earlier(index).payload,
             std::vector<std::uint8_t>(block + 1, static_cast<std::uint8_t>(block)));
  }
  CHECK_EQ(parsed->primary().payload_type, 0);
  CHECK_EQ(parsed->primary().timestamp_offset, 0u);
  CHECK_EQ(parsed->primary().payload, (std::vector<std::uint8_t>{0xaa, 0xbb}));
  // Without the present frame's two bytes and one more, a block reaches beyond the payload.
  payload.resize(payload.size() - 3);
  CHECK_EQ(RedundantPayload::parse(payload).code(), ErrorCode::kPacketTruncated);
}

TEST("what is written reads back equal, over random blocks") {
  Prng prng(2'198);
  std::array<std::uint8_t, 8'192> buffer{};
  std::array<std::uint8_t, 1'200> audio{};
  for (std::uint8_t& byte : audio)
    byte = static_cast<std::uint8_t>(prng.next_u32());
  for (int round = 0; round < 2'000; ++round) {
    std::vector<RedundantBlock> earlier(prng.below(kRedundantBlocksMax + 1));
    for (RedundantBlock& block : earlier) {
      block = {static_cast<std::uint8_t>(prng.below(128)), 1 + prng.below(kRedundantOffsetMax),
               Bytes(audio).subspan(prng.below(100), prng.below(kRedundantBytesMax + 1))};
    }
    const RedundantBlock primary{static_cast<std::uint8_t>(prng.below(128)), 0,
                                 Bytes(audio).first(prng.below(1'200))};
    const Result<Bytes> written = write_redundant_payload(buffer, earlier, primary);
    REQUIRE(written.ok());
    const Result<RedundantPayload> parsed = RedundantPayload::parse(*written);
    REQUIRE(parsed.ok());
    CHECK_EQ(parsed->earlier_count(), earlier.size());
    for (std::uint32_t index = 0; index < parsed->earlier_count(); ++index) {
      CHECK_EQ(parsed->earlier(index).payload_type, earlier[index].payload_type);
      CHECK_EQ(parsed->earlier(index).timestamp_offset, earlier[index].timestamp_offset);
      CHECK_EQ(parsed->earlier(index).payload, earlier[index].payload);
    }
    CHECK_EQ(parsed->primary().payload_type, primary.payload_type);
    CHECK_EQ(parsed->primary().payload, primary.payload);
  }
}

TEST("leaves out what a header can't describe, and says when it doesn't fit") {
  std::array<std::uint8_t, 4'096> buffer{};
  const std::array<std::uint8_t, 1'024> audio{};
  const std::array<RedundantBlock, 3> earlier{{{0, kRedundantOffsetMax + 1, Bytes(audio).first(1)},
                                               {0, 160, Bytes(audio)},
                                               {0, 0, Bytes(audio).first(1)}}};
  const RedundantBlock primary{8, 0, Bytes(audio).first(160)};
  const Result<Bytes> written = write_redundant_payload(buffer, earlier, primary);
  REQUIRE(written.ok());
  CHECK_EQ(written->size(), 161u);
  CHECK_EQ(write_redundant_payload(MutableBytes(buffer).first(160), {}, primary).code(),
           ErrorCode::kBufferFull);
  CHECK_EQ(write_redundant_payload(buffer, {}, {128, 0, {}}).code(),
           ErrorCode::kPayloadTypeInvalid);
  const std::array<RedundantBlock, 1> wrong{{{200, 160, {}}}};
  CHECK_EQ(write_redundant_payload(buffer, wrong, primary).code(), ErrorCode::kPayloadTypeInvalid);
}

TEST("of too many earlier blocks the newest are written") {
  std::array<std::uint8_t, 256> buffer{};
  std::vector<RedundantBlock> earlier;
  for (std::uint32_t age = kRedundantBlocksMax + 3; age > 0; --age)
    earlier.push_back({0, age * 160, {}});
  const Result<Bytes> written = write_redundant_payload(buffer, earlier, {0, 0, {}});
  REQUIRE(written.ok());
  CHECK_EQ(written->size(), 4 * kRedundantBlocksMax + 1);
  const Result<RedundantPayload> parsed = RedundantPayload::parse(*written);
  REQUIRE(parsed.ok());
  REQUIRE(parsed->earlier_count() == kRedundantBlocksMax);
  for (std::uint32_t index = 0; index < kRedundantBlocksMax; ++index)
    CHECK_EQ(parsed->earlier(index).timestamp_offset, (kRedundantBlocksMax - index) * 160);
}

}  // namespace
