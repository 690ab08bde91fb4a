// The RTP header: what is accepted, what is refused and why, and rewriting in place.
#include "rtp/packet.h"

#include <array>

#include "native/harness.h"
#include "native/rtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;
using test::APacket;
using test::Buffer;

ErrorCode verdict(const Buffer& bytes) {
  return PacketView::parse(bytes).code();
}

TEST("reads every field of a plain packet") {
  const Buffer bytes = APacket{}
                           .payload_type(8)
                           .marker()
                           .sequence(0xfffe)
                           .timestamp(0x89abcdef)
                           .ssrc(0xdeadbeef)
                           .payload({1, 2, 3})
                           .bytes();
  const Result<PacketView> packet = PacketView::parse(bytes);
  REQUIRE(packet.ok());
  CHECK_EQ(packet->payload_type(), 8);
  CHECK_TRUE(packet->marker());
  CHECK_EQ(packet->sequence(), 0xfffe);
  CHECK_EQ(packet->timestamp(), static_cast<RtpTimestamp>(0x89abcdef));
  CHECK_EQ(packet->ssrc(), static_cast<Ssrc>(0xdeadbeef));
  CHECK_EQ(packet->payload(), (Buffer{1, 2, 3}));
  CHECK_EQ(packet->csrc_count(), 0u);
  CHECK_FALSE(packet->has_extension());
  CHECK_TRUE(packet->extension().empty());
  CHECK_EQ(packet->extension_profile(), 0);
}

TEST("takes CSRCs, extension and padding apart from the payload") {
  const Buffer bytes = APacket{}
                           .csrcs({5, 6})
                           .extension(0xbede, {0x10, 0xaa, 0, 0})
                           .payload({9, 8})
                           .padding({0, 0, 3})
                           .bytes();
  const Result<PacketView> packet = PacketView::parse(bytes);
  REQUIRE(packet.ok());
  CHECK_EQ(packet->csrc_count(), 2u);
  CHECK_EQ(packet->csrc(1), static_cast<Ssrc>(6));
  CHECK_EQ(packet->extension_profile(), kOneByteExtensionProfile);
  CHECK_EQ(packet->extension(), (Buffer{0x10, 0xaa, 0, 0}));
  CHECK_EQ(packet->payload(), (Buffer{9, 8}));
  CHECK_EQ(packet->padding_bytes(), 3u);
  CHECK_EQ(packet->header_bytes(), 12u + 8 + 8);
}

TEST("accepts an empty payload, an empty extension and nothing but padding") {
  CHECK_EQ(verdict(APacket{}.payload({}).bytes()), ErrorCode::kOk);
  CHECK_EQ(verdict(APacket{}.extension(0, {}).payload({}).bytes()), ErrorCode::kOk);
  CHECK_EQ(verdict(APacket{}.payload({}).padding({1}).bytes()), ErrorCode::kOk);
}

TEST("refuses every version but 2") {
  for (const int version : {0, 1, 3}) {
    CHECK_EQ(verdict(APacket{}.version(version).bytes()), ErrorCode::kVersionUnsupported);
  }
}

TEST("refuses a packet cut anywhere in its header") {
  const Buffer whole =
      APacket{}.csrcs({1, 2, 3}).extension(0x1000, {1, 2, 3, 4}).payload({}).bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK_EQ(verdict(Buffer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))),
             ErrorCode::kPacketTruncated);
  }
  CHECK_EQ(verdict(whole), ErrorCode::kOk);
}

TEST("refuses an extension that claims more than there is") {
  CHECK_EQ(verdict(APacket{}.extension_claiming(0, {0, 0, 0, 0}, 3).payload({}).bytes()),
           ErrorCode::kPacketTruncated);
  CHECK_EQ(verdict(APacket{}.extension_claiming(0, {}, 0xffff).payload({}).bytes()),
           ErrorCode::kPacketTruncated);
}

TEST(
    "refuses a padding count of nothing, of more than the payload, and without a byte to hold it") {
  CHECK_EQ(verdict(APacket{}.payload({1}).padding({0}).bytes()), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(APacket{}.payload({1}).padding({3}).bytes()), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(APacket{}.payload({}).padding({}).bytes()), ErrorCode::kPacketMalformed);
  CHECK_EQ(verdict(APacket{}.payload({1}).padding({2}).bytes()), ErrorCode::kOk);
}

TEST("asking for a CSRC that isn't there is our own mistake and aborts") {
  const Buffer bytes = APacket{}.csrcs({1}).bytes();
  const Result<PacketView> packet = PacketView::parse(bytes);
  REQUIRE(packet.ok());
  CHECK_ABORTS((void)packet->csrc(1));
}

TEST("rewrites one field and leaves the rest alone") {
  const APacket original = APacket{}.payload_type(0).marker().sequence(1).timestamp(2).ssrc(3);
  Buffer bytes = original.bytes();
  rewrite_payload_type(bytes, 101);
  CHECK_EQ(bytes, (APacket{original}.payload_type(101).bytes()));
  rewrite_sequence(bytes, 0xffff);
  rewrite_timestamp(bytes, static_cast<RtpTimestamp>(0xffff'fffe));
  rewrite_ssrc(bytes, static_cast<Ssrc>(0xabcd'ef01));
  CHECK_EQ(bytes, (APacket{original}
                       .payload_type(101)
                       .sequence(0xffff)
                       .timestamp(0xffff'fffe)
                       .ssrc(0xabcd'ef01)
                       .bytes()));
  rewrite_marker(bytes, false);
  CHECK_EQ(bytes[1], 101);
  rewrite_marker(bytes, true);
  CHECK_EQ(bytes[1], 0x80 | 101);
}

TEST("writes the header that it reads") {
  std::array<std::uint8_t, 12> buffer{};
  ByteWriter writer{buffer};
  write_header(writer, {.payload_type = 8,
                        .marker = true,
                        .sequence = 9,
                        .timestamp = static_cast<RtpTimestamp>(10),
                        .ssrc = static_cast<Ssrc>(11)});
  CHECK_EQ(
      writer.written(),
      (APacket{}.payload_type(8).marker().sequence(9).timestamp(10).ssrc(11).payload({}).bytes()));
}

}  // namespace
