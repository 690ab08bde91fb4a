// What follows from a codec's name and rate.
#include "codec/format.h"

#include "native/harness.h"

namespace {

using namespace trunkyard::codec;

constexpr Format kPcmu{CodecKind::kPcmu, 8'000};
constexpr Format kPcma{CodecKind::kPcma, 8'000};
constexpr Format kG722{CodecKind::kG722, 16'000};
constexpr Format kOpus8{CodecKind::kOpus, 8'000};
constexpr Format kOpus48{CodecKind::kOpus, 48'000};

TEST("takes each codec at its rates and no other") {
  CHECK_TRUE(kPcmu.is_valid() && kPcma.is_valid() && kG722.is_valid() && kOpus8.is_valid());
  CHECK_FALSE((Format{CodecKind::kPcmu, 16'000}).is_valid());
  CHECK_FALSE((Format{CodecKind::kG722, 8'000}).is_valid());
  CHECK_FALSE((Format{CodecKind::kL16, 44'100}).is_valid());
  CHECK_FALSE((Format{CodecKind::kOpus, 24'000}).is_valid());
  CHECK_FALSE((Format{static_cast<CodecKind>(9), 8'000}).is_valid());
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u})
    CHECK_TRUE((Format{CodecKind::kL16, rate_hz}).is_valid());
}

TEST("G.722's clock runs at half its rate, Opus's at 48,000 whatever its rate") {
  CHECK_EQ(kG722.clock_hz(), 8'000u);
  CHECK_EQ(kG722.clock_of(320), 160u);
  CHECK_EQ(kG722.samples_of_clock(160), 320u);
  CHECK_EQ(kOpus8.clock_hz(), 48'000u);
  CHECK_EQ(kOpus8.clock_of(160), 960u);
  CHECK_EQ(kOpus8.samples_of_clock(960), 160u);
  CHECK_EQ(kOpus48.clock_of(960), 960u);
  CHECK_EQ((Format{CodecKind::kL16, 16'000}).clock_hz(), 16'000u);
  CHECK_EQ(kPcmu.clock_of(160), 160u);
}

TEST("timestamps of positions beyond 32 bits wrap where the clock does") {
  const std::uint64_t position = std::uint64_t{1} << 33;
  CHECK_EQ(static_cast<std::uint32_t>(kG722.clock_of(position + 320)), 160u);
  CHECK_EQ(static_cast<std::uint32_t>(kOpus8.clock_of(position + 160)), 960u);
}

TEST("knows how long a payload is, but for Opus") {
  CHECK_EQ(kPcmu.payload_bytes(20), 160u);
  CHECK_EQ(kPcma.payload_bytes(60), 480u);
  CHECK_EQ(kG722.payload_bytes(20), 160u);
  CHECK_EQ((Format{CodecKind::kL16, 48'000}).payload_bytes(10), 960u);
  CHECK_EQ(kOpus48.payload_bytes(20), 0u);
}

TEST("frames are 10 to 60 ms, in steps of 10") {
  for (std::uint32_t ms = 0; ms <= 70; ++ms)
    CHECK_EQ(is_frame_ms(ms), ms == 10 || ms == 20 || ms == 30 || ms == 40 || ms == 50 || ms == 60);
}

}  // namespace
