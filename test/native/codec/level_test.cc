// What levels mean: full scale, sines, silence, and how values become samples.
#include "codec/level.h"

#include <array>
#include <limits>

#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard::codec;

TEST("a square wave of full scale has 0 dBov and a sine of full scale 3.01 less") {
  std::array<std::int16_t, 160> square{};
  square.fill(-32'768);
  CHECK_EQ(level_dbov(square), 0.0F);
  test::Samples sine(8'000);
  test::add_sine(sine, 8'000, 1'000, kSineDbovMax);
  CHECK_TRUE(std::abs(level_dbov(sine) - kSineDbovMax) < 0.01);
}

TEST("silence and nothing at all have the least level") {
  const std::array<std::int16_t, 160> silence{};
  CHECK_EQ(level_dbov(silence), kLevelDbovMin);
  CHECK_EQ(level_dbov({}), kLevelDbovMin);
  CHECK_EQ(dbov_of_mean_square(0.0), kLevelDbovMin);
}

TEST("a single step of the least significant bit still has a level") {
  const std::array<std::int16_t, 2> least{1, -1};
  CHECK_TRUE(std::abs(level_dbov(least) + 90.31F) < 0.01F);
}

TEST("energy adds up exactly at the extremes of a longest frame") {
  test::Samples samples(trunkyard::kPcmSamplesMax, std::int16_t{-32'768});
  CHECK_EQ(energy(samples), std::uint64_t{trunkyard::kPcmSamplesMax} << 30);
}

TEST("the peak of a sine and its level belong together") {
  CHECK_TRUE(std::abs(sine_peak_of_dbov(kSineDbovMax) - kPcmFullScale) < 1.0);
  CHECK_TRUE(std::abs(sine_peak_of_dbov(-23.0103) - 3'276.8) < 0.5);
}

TEST("samples are rounded to the nearest and saturate at both ends") {
  CHECK_EQ(to_sample(0.6F), 1);
  CHECK_EQ(to_sample(-0.6F), -1);
  CHECK_EQ(to_sample(40'000.0F), 32'767);
  CHECK_EQ(to_sample(-1e9F), -32'768);
  CHECK_EQ(to_sample(std::numeric_limits<float>::infinity()), 32'767);
}

}  // namespace
