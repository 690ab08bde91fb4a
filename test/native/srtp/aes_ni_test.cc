// The AES kernel by itself: standard vectors, lengths, and nothing written beyond the end. Against
// the library it is compared in cipher_test.cc.
#include "srtp/aes_ni.h"

#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard::srtp;
using test::Buffer;
using test::hex;

TEST("the round keys are those of FIPS 197 A.1") {
  if (!has_aes_ni()) return test::skip("this CPU has no AES instructions");
  AesSchedule schedule;
  expand_key_aes_ni(hex("2b7e151628aed2a6abf7158809cf4f3c").data(), schedule);
  const trunkyard::Bytes bytes = schedule.bytes;
  CHECK_EQ(bytes.first(16), hex("2b7e151628aed2a6abf7158809cf4f3c"));
  CHECK_EQ(bytes.subspan(16, 16), hex("a0fafe1788542cb123a339392a6c7605"));
  CHECK_EQ(bytes.subspan(144, 16), hex("ac7766f319fadc2128d12941575c006e"));
  CHECK_EQ(bytes.last(16), hex("d014f9a8c9ee2589e13f0cc8b6630ca6"));
}

TEST("a block is encrypted as in FIPS 197 C.1") {
  if (!has_aes_ni()) return test::skip("this CPU has no AES instructions");
  AesSchedule schedule;
  expand_key_aes_ni(hex("000102030405060708090a0b0c0d0e0f").data(), schedule);
  Buffer data(16, 0);
  apply_counter_aes_ni(schedule, hex("00112233445566778899aabbccddeeff").data(), data.data(), 16);
  CHECK_EQ(data, hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
}

TEST("every length is cut from the same keystream, and no byte behind it is touched") {
  if (!has_aes_ni()) return test::skip("this CPU has no AES instructions");
  AesSchedule schedule;
  expand_key_aes_ni(hex("000102030405060708090a0b0c0d0e0f").data(), schedule);
  const Buffer counter = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000");
  Buffer whole(400, 0);
  apply_counter_aes_ni(schedule, counter.data(), whole.data(), whole.size());
  for (std::size_t length = 0; length <= 384; ++length) {
    Buffer data(400, 0);
    apply_counter_aes_ni(schedule, counter.data(), data.data(), length);
    Buffer expected = whole;
    std::fill(expected.begin() + static_cast<std::ptrdiff_t>(length), expected.end(), 0);
    CHECK_EQ(data, expected);
  }
}

}  // namespace
