// ByteReader and ByteWriter: what they refuse matters most.
#include "base/bytes.h"

#include <array>

#include "native/harness.h"

namespace {

using trunkyard::ByteReader;
using trunkyard::Bytes;
using trunkyard::ByteWriter;

TEST("reads big-endian numbers of every width in a row") {
  const std::array<std::uint8_t, 18> bytes{1,  2,  3,  4,  5,  6,  7,  8,  9,
                                           10, 11, 12, 13, 14, 15, 16, 17, 18};
  ByteReader reader{bytes};
  CHECK_EQ(reader.u8(), 0x01);
  CHECK_EQ(reader.u16(), 0x0203);
  CHECK_EQ(reader.u24(), 0x040506u);
  CHECK_EQ(reader.u32(), 0x0708090au);
  CHECK_EQ(reader.u64(), 0x0b0c0d0e0f101112u);
  CHECK_EQ(reader.remaining(), 0u);
  CHECK_TRUE(reader.ok());
}

TEST("a read past the end yields zero, marks the reader and spoils every later read") {
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  ByteReader reader{bytes};
  CHECK_EQ(reader.u32(), 0u);
  CHECK_FALSE(reader.ok());
  CHECK_EQ(reader.u8(), 0u);
  CHECK_TRUE(reader.take(1).empty());
  CHECK_TRUE(reader.rest().empty());
}

TEST("take and skip refuse lengths that would wrap the offset") {
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  ByteReader reader{bytes};
  (void)reader.u8();
  CHECK_TRUE(reader.take(static_cast<std::size_t>(-1)).empty());
  CHECK_FALSE(reader.ok());
}

TEST("rest hands out everything that is left, and nothing twice") {
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  ByteReader reader{bytes};
  (void)reader.u8();
  CHECK_EQ(reader.rest(), (std::array<std::uint8_t, 2>{2, 3}));
  CHECK_TRUE(reader.rest().empty());
  CHECK_TRUE(reader.ok());
}

TEST("an empty buffer can be read of nothing") {
  ByteReader reader{Bytes{}};
  CHECK_TRUE(reader.take(0).empty());
  CHECK_TRUE(reader.ok());
}

TEST("writes what the reader reads back") {
  std::array<std::uint8_t, 32> buffer{};
  ByteWriter writer{buffer};
  writer.u8(0xfe);
  writer.u16(0xabcd);
  writer.u24(0x123456);
  writer.u32(0xdeadbeef);
  writer.u64(0x0102030405060708u);
  writer.bytes(std::array<std::uint8_t, 2>{7, 8});
  writer.zeros(1);
  REQUIRE(writer.ok());
  ByteReader reader{writer.written()};
  CHECK_EQ(reader.u8(), 0xfe);
  CHECK_EQ(reader.u16(), 0xabcd);
  CHECK_EQ(reader.u24(), 0x123456u);
  CHECK_EQ(reader.u32(), 0xdeadbeefu);
  CHECK_EQ(reader.u64(), 0x0102030405060708u);
  CHECK_EQ(reader.take(2), (std::array<std::uint8_t, 2>{7, 8}));
  CHECK_EQ(reader.u8(), 0);
}

TEST("a full writer writes nothing more and shows nothing, never half a message") {
  std::array<std::uint8_t, 4> buffer{1, 2, 3, 4};
  ByteWriter writer{buffer};
  writer.u16(0xffff);
  writer.u32(0);
  writer.u8(9);
  CHECK_FALSE(writer.ok());
  CHECK_TRUE(writer.written().empty());
  CHECK_EQ(buffer, (std::array<std::uint8_t, 4>{0xff, 0xff, 3, 4}));
}

TEST("patching fills in a length, and refuses a place not yet written") {
  std::array<std::uint8_t, 4> buffer{};
  ByteWriter writer{buffer};
  writer.u16(0);
  writer.u8(0);
  writer.patch_u16(0, 0x0102);
  writer.patch_u8(2, 3);
  CHECK_EQ(writer.written(), (std::array<std::uint8_t, 3>{1, 2, 3}));
  writer.patch_u16(2, 0xffff);
  CHECK_FALSE(writer.ok());
}

}  // namespace
