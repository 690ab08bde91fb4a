// Numbers that wrap, at the edges and against 64-bit arithmetic that doesn't.
#include "rtp/sequence.h"

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard::rtp;
using trunkyard::Prng;

TEST("65535 comes right before 0") {
  CHECK_EQ(sequence_distance(65535, 0), 1);
  CHECK_EQ(sequence_distance(0, 65535), -1);
  CHECK_TRUE(sequence_newer(0, 65535));
  CHECK_FALSE(sequence_newer(65535, 0));
  CHECK_FALSE(sequence_newer(5, 5));
}

TEST("half a cycle ahead counts as behind, one less as ahead") {
  CHECK_EQ(sequence_distance(10, 10 + 32767), 32767);
  CHECK_EQ(sequence_distance(10, 10 + 32768), -32768);
}

TEST("timestamps wrap the same way in 32 bits") {
  const auto last = static_cast<RtpTimestamp>(0xffff'ffff);
  const auto first = static_cast<RtpTimestamp>(0);
  CHECK_EQ(timestamp_distance(last, first), 1);
  CHECK_EQ(timestamp_distance(first, last), -1);
  CHECK_EQ(timestamp_add(last, 160), static_cast<RtpTimestamp>(159));
  CHECK_EQ(timestamp_distance(first, static_cast<RtpTimestamp>(0x8000'0000)), INT32_MIN);
}

TEST("an extended number counts cycles and puts them on the wire") {
  const ExtendedSeq start = ExtendedSeq::first(65534);
  CHECK_EQ(start.wire(), 65534u);
  const ExtendedSeq later = start.extend(3);
  CHECK_EQ(later.cycles(), 1u);
  CHECK_EQ(later.wire(), 0x1'0003u);
  CHECK_EQ(start.distance_to(later), 5);
  CHECK_EQ(later.extend(65534), start);
  CHECK_TRUE(start < later);
}

TEST("a packet older than the first one still has a number of its own") {
  const ExtendedSeq start = ExtendedSeq::first(2);
  const ExtendedSeq older = start.extend(65530);
  CHECK_EQ(older.distance_to(start), 8);
  CHECK_EQ(older.sequence(), 65530);
}

TEST("follows a stream that wanders by less than half a cycle through many cycles") {
  Prng prng(3);
  std::int64_t truth = 70'000;
  ExtendedSeq extended = ExtendedSeq::first(static_cast<std::uint16_t>(truth));
  const ExtendedSeq start = extended;
  for (int step = 0; step < 50'000; ++step) {
    const std::int64_t next = truth + static_cast<std::int64_t>(prng.below(64'001)) - 32'000;
    if (next < 65'536) continue;
    truth = next;
    extended = extended.extend(static_cast<std::uint16_t>(truth));
    REQUIRE(start.distance_to(extended) == truth - 70'000);
  }
}

}  // namespace
