// OpusPacket against hand-made packets, and against what libopus itself makes of random ones.
#include "codec/opus_packet.h"

#include <opus.h>

#include <array>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

using Payload = std::vector<std::uint8_t>;

/// The first byte (RFC 6716 §3.1).
std::uint8_t toc(std::uint32_t config, std::uint32_t code, bool stereo = false) {
  return static_cast<std::uint8_t>(config << 3 | (stereo ? 4 : 0) | code);
}

/// A head followed by zeros.
Payload payload_of(Payload head, std::size_t bytes) {
  head.resize(head.size() + bytes);
  return head;
}

ErrorCode verdict(const Payload& payload) {
  return OpusPacket::parse(payload).code();
}

TEST("tells mode, bandwidth and frame length of all 32 configurations") {
  struct Expected {
    OpusMode mode;
    OpusBandwidth bandwidth;
    std::array<std::size_t, 4> tenths_ms;
    std::size_t lengths;
  };
  static constexpr Expected kTable[] = {
      {OpusMode::kSilk, OpusBandwidth::kNarrow, {100, 200, 400, 600}, 4},
      {OpusMode::kSilk, OpusBandwidth::kMedium, {100, 200, 400, 600}, 4},
      {OpusMode::kSilk, OpusBandwidth::kWide, {100, 200, 400, 600}, 4},
      {OpusMode::kHybrid, OpusBandwidth::kSuperWide, {100, 200}, 2},
      {OpusMode::kHybrid, OpusBandwidth::kFull, {100, 200}, 2},
      {OpusMode::kCelt, OpusBandwidth::kNarrow, {25, 50, 100, 200}, 4},
      {OpusMode::kCelt, OpusBandwidth::kWide, {25, 50, 100, 200}, 4},
      {OpusMode::kCelt, OpusBandwidth::kSuperWide, {25, 50, 100, 200}, 4},
      {OpusMode::kCelt, OpusBandwidth::kFull, {25, 50, 100, 200}, 4},
  };
  std::uint32_t config = 0;
  for (const Expected& expected : kTable) {
    for (std::size_t length = 0; length < expected.lengths; ++length, ++config) {
      const Payload payload = payload_of({toc(config, 0)}, 10);
      const Result<OpusPacket> packet = OpusPacket::parse(payload);
      REQUIRE(packet.ok());
      CHECK_EQ(packet->mode(), expected.mode);
      CHECK_EQ(packet->bandwidth(), expected.bandwidth);
      CHECK_EQ(packet->samples_per_frame(48'000), expected.tenths_ms[length] * 48 / 10);
      CHECK_EQ(packet->samples_per_frame(8'000), expected.tenths_ms[length] * 8 / 10);
      CHECK_EQ(packet->channel_count(), 1u);
    }
  }
  CHECK_EQ(config, 32u);
}

TEST("finds the frames of each of the four packings") {
  const Payload one = payload_of({toc(1, 0, true)}, 40);
  CHECK_EQ(OpusPacket::parse(one)->channel_count(), 2u);
  CHECK_EQ(OpusPacket::parse(one)->frame(0).size(), 40u);

  const Payload two_equal = payload_of({toc(1, 1)}, 40);
  CHECK_EQ(OpusPacket::parse(two_equal)->frame_count(), 2u);
  CHECK_EQ(OpusPacket::parse(two_equal)->frame(1).size(), 20u);
  CHECK_EQ(OpusPacket::parse(two_equal)->samples(48'000), 1'920u);

  const Payload two = {toc(1, 2), 2, 11, 12, 21};
  CHECK_EQ(OpusPacket::parse(two)->frame(0), (Payload{11, 12}));
  CHECK_EQ(OpusPacket::parse(two)->frame(1), (Payload{21}));

  const Payload three = {toc(1, 3), 0xc3, 2,  1, 0,
                         11,        21,   22, 0, 0};  // sizes differ, 2 bytes of padding
  const Result<OpusPacket> packet = OpusPacket::parse(three);
  REQUIRE(packet.ok());
  CHECK_EQ(packet->frame_count(), 3u);
  CHECK_EQ(packet->frame(0), (Payload{11}));
  CHECK_EQ(packet->frame(1).size(), 0u);
  CHECK_EQ(packet->frame(2), (Payload{21, 22}));
  CHECK_EQ(packet->single_frame_toc(), toc(1, 0));
}

TEST("reads sizes of two bytes and padding of more than 254") {
  Payload large = {toc(1, 2), 252, 1};  // 252 + 4 x 1
  large.resize(large.size() + 256 + 3);
  CHECK_EQ(OpusPacket::parse(large)->frame(0).size(), 256u);
  CHECK_EQ(OpusPacket::parse(large)->frame(1).size(), 3u);

  Payload padded = {toc(1, 3), 0x41, 255, 6};  // 254 + 6 bytes of padding
  padded.resize(padded.size() + 7 + 260);
  CHECK_EQ(OpusPacket::parse(padded)->frame(0).size(), 7u);
}

TEST("refuses lengths beyond the packet as truncated") {
  CHECK_EQ(verdict({}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 2)}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 2), 252}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 2), 3, 1, 2}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 3)}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 3), 0x41}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 3), 0x41, 255}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 3), 0x41, 2, 0}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 3), 0x83, 1, 1, 0}), ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict({toc(1, 3), 0xc2, 1, 1, 0}),
           ErrorCode::kPacketTruncated);  // the size is padding
}

TEST("refuses what contradicts itself as malformed") {
  CHECK_EQ(verdict(payload_of({toc(1, 1)}, 41)), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict({toc(1, 3), 0}), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(payload_of({toc(1, 3), 3}, 40)), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(payload_of({toc(1, 3), 7}, 70)), ErrorCode::kPacketMalformed);  // 140 ms
  CHECK_EQ(verdict(payload_of({toc(1, 3), 6}, 60)), ErrorCode::kOk);               // 120 ms
  CHECK_EQ(verdict(payload_of({toc(16, 3), 49}, 49)), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(payload_of({toc(16, 3), 48}, 48)), ErrorCode::kOk);
  CHECK_EQ(verdict(payload_of({toc(1, 0)}, kOpusFrameBytesMax)), ErrorCode::kOk);
  CHECK_EQ(verdict(payload_of({toc(1, 0)}, kOpusFrameBytesMax + 1)), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(payload_of({toc(1, 1)}, 2 * kOpusFrameBytesMax + 2)),
           ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(payload_of({toc(1, 2), 0}, kOpusFrameBytesMax + 1)),
           ErrorCode::kPacketMalformed);
}

TEST("calls a packet silent when no frame has more than a byte") {
  CHECK_TRUE(OpusPacket::parse(Payload{toc(1, 0)})->silent());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(1, 0), 7})->silent());
  CHECK_FALSE(OpusPacket::parse(Payload{toc(1, 0), 7, 7})->silent());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(1, 1)})->silent());
  CHECK_FALSE(OpusPacket::parse(Payload{toc(1, 2), 0, 7, 7})->silent());
}

TEST("knows the copy of the frame before by its bit, which SILK alone has") {
  // 20 ms: one bit of voice activity, then the bit of the copy; 60 ms: three bits, then that.
  CHECK_TRUE(OpusPacket::parse(Payload{toc(9, 0), 0x40, 0})->has_fec());
  CHECK_FALSE(OpusPacket::parse(Payload{toc(9, 0), 0x80, 0})->has_fec());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(8, 0), 0x40, 0})->has_fec());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(10, 0), 0x20, 0})->has_fec());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(11, 0), 0x10, 0})->has_fec());
  CHECK_FALSE(OpusPacket::parse(Payload{toc(11, 0), 0xe0, 0})->has_fec());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(15, 0), 0x40, 0})->has_fec());
  CHECK_FALSE(OpusPacket::parse(Payload{toc(31, 0), 0x40, 0})->has_fec());
  CHECK_FALSE(OpusPacket::parse(Payload{toc(9, 0), 0x40})->has_fec());
  CHECK_TRUE(OpusPacket::parse(Payload{toc(9, 2), 2, 0x40, 0, 0, 0})->has_fec());
}

TEST("gives the same verdict and the same frames as libopus on 200,000 random packets") {
  Prng prng(6'716);
  std::uint32_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    Payload payload(1 + prng.below(63));
    for (std::uint8_t& byte : payload)
      byte = static_cast<std::uint8_t>(prng.next_u32() & prng.next_u32());
    std::array<const unsigned char*, kOpusFramesMax> frames{};
    std::array<opus_int16, kOpusFramesMax> sizes{};
    const int count = opus_packet_parse(payload.data(), static_cast<opus_int32>(payload.size()),
                                        nullptr, frames.data(), sizes.data(), nullptr);
    const Result<OpusPacket> packet = OpusPacket::parse(payload);
    CHECK_EQ(packet.ok(), count > 0);
    if (!packet.ok() || count <= 0) continue;
    ++accepted;
    REQUIRE(packet->frame_count() == static_cast<std::uint32_t>(count));
    for (std::uint32_t index = 0; index < packet->frame_count(); ++index) {
      CHECK_EQ(packet->frame(index), Bytes(frames[index], static_cast<std::size_t>(sizes[index])));
    }
  }
  CHECK_TRUE(accepted > 50'000);
}

}  // namespace
