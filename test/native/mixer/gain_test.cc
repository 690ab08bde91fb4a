// Gains as whole numbers: how exact they are, and that ramps begin and end where they should.
#include "mixer/gain.h"

#include <cmath>

#include "mixer/kernels.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;
using test::Samples;

Samples scaled(const Samples& in, float from, float to) {
  Samples out(in.size());
  kernels(Isa::kC).scale(in.data(), out.data(), ramp_of(from, to), in.size());
  return out;
}

TEST("what is no number is the least gain, and beyond the bounds the nearer one") {
  CHECK_EQ(factor_of_db(std::nanf("")), factor_of_db(kGainDbMin));
  CHECK_EQ(factor_of_db(-INFINITY), factor_of_db(kGainDbMin));
  CHECK_EQ(factor_of_db(INFINITY), factor_of_db(kGainDbMax));
}

TEST("a gain changes the level by as many dB as asked, to a thousandth") {
  Samples tone(8'000);
  test::add_sine(tone, 8'000, 997, -30);
  for (const float gain_db : {-12.0F, -6.0F, -0.1F, 0.0F, 0.1F, 3.0F, 12.0F, 24.0F}) {
    const float factor = factor_of_db(gain_db);
    const double heard = test::sine_dbov(scaled(tone, factor, factor), 8'000, 997);
    CHECK_TRUE(std::abs(heard - (-30.0 + gain_db)) < 0.001);
  }
}

TEST("a gain of 0 dB leaves every sample as it is") {
  Samples all;
  for (int value = -32'768; value <= 32'767; ++value)
    all.push_back(static_cast<std::int16_t>(value));
  CHECK_EQ(factor_of_db(0.0F), 1.0F);
  CHECK_TRUE(scaled(all, 1.0F, 1.0F) == all);
}

TEST("gains beyond the bounds count as the nearer one") {
  CHECK_EQ(factor_of_db(90.0F), factor_of_db(kGainDbMax));
  CHECK_EQ(factor_of_db(-500.0F), factor_of_db(kGainDbMin));
  CHECK_TRUE(std::abs(factor_of_db(kGainDbMin) - 0.001F) < 1e-6F);
}

TEST("a ramp is a straight line from one gain to the other, up and down") {
  const Samples flat(100, std::int16_t{10'000});
  const Samples up = scaled(flat, 0.0F, 1.0F);
  const Samples down = scaled(flat, 2.0F, 0.5F);
  for (int index = 0; index < 100; ++index) {
    CHECK_TRUE(std::abs(up[static_cast<std::size_t>(index)] - 100 * index) <= 2);
    CHECK_TRUE(std::abs(down[static_cast<std::size_t>(index)] - (20'000 - 150 * index)) <= 2);
  }
}

TEST("no gain is too great or too small for a ramp") {
  const Samples loud(33, std::int16_t{-32'768});
  CHECK_EQ(scaled(loud, 16'384.0F, 16'384.0F).back(), -32'768);
  CHECK_EQ(scaled(loud, 1e30F, 1e30F).back(), -32'768);
  CHECK_EQ(scaled(loud, 1e-9F, 1e-9F).back(), 0);
  CHECK_EQ(scaled(loud, 0.0F, 0.0F).back(), 0);
  CHECK_EQ(scaled(loud, 0.001F, 0.001F).back(), -33);
}

}  // namespace
