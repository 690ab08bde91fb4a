// Comfort noise: the payload byte by byte, and whether what is generated sounds like what was
// heard.
#include "codec/comfort_noise.h"

#include <array>
#include <cfenv>
#include <cmath>
#include <vector>

#include "codec/level.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
using test::Samples;
using Payload = std::vector<std::uint8_t>;

TEST("reads the level and the coefficients as RFC 3389 quantises them") {
  const Result<ComfortNoise> noise = parse_comfort_noise(Payload{40, 127, 227, 27});
  REQUIRE(noise.ok());
  CHECK_EQ(noise->level_dbov, -40.0F);
  CHECK_EQ(noise->reflections[0], 0.0F);
  CHECK_TRUE(std::abs(noise->reflections[1] - 25'800.0F / 32'768) < 1e-6F);
  CHECK_TRUE(std::abs(noise->reflections[2] + 25'800.0F / 32'768) < 1e-6F);
  CHECK_EQ(noise->reflections[3], 0.0F);
}

TEST("a level alone is white noise, and the unused bit means nothing") {
  const Result<ComfortNoise> noise = parse_comfort_noise(Payload{0x80 | 33});
  REQUIRE(noise.ok());
  CHECK_EQ(noise->level_dbov, -33.0F);
  for (const float reflection : noise->reflections)
    CHECK_EQ(reflection, 0.0F);
}

TEST("refuses an empty payload and leaves out what is beyond the order") {
  CHECK_EQ(parse_comfort_noise({}).code(), ErrorCode::kPacketTruncated);
  CHECK_TRUE(parse_comfort_noise(Payload(1'500, std::uint8_t{200})).ok());
}

TEST("coefficients that would whistle are held below 0.98") {
  const Result<ComfortNoise> noise = parse_comfort_noise(Payload{40, 255, 0, 254});
  REQUIRE(noise.ok());
  CHECK_EQ(noise->reflections[0], 0.98F);
  CHECK_EQ(noise->reflections[1], -0.98F);
  CHECK_EQ(noise->reflections[2], 0.98F);
}

TEST("what is written reads back within one step") {
  ComfortNoise noise{.level_dbov = -51.4F};
  for (std::size_t index = 0; index < noise.reflections.size(); ++index)
    noise.reflections[index] = static_cast<float>(index) * 0.15F - 0.9F;
  std::array<std::uint8_t, kComfortNoiseBytesMax> buffer{};
  for (std::size_t order = 0; order <= kComfortNoiseOrderMax; ++order) {
    const Bytes written = write_comfort_noise(noise, order, buffer);
    CHECK_EQ(written.size(), 1 + order);
    const Result<ComfortNoise> again = parse_comfort_noise(written);
    REQUIRE(again.ok());
    CHECK_EQ(again->level_dbov, -51.0F);
    for (std::size_t index = 0; index < order; ++index)
      CHECK_TRUE(std::abs(again->reflections[index] - noise.reflections[index]) < 0.0040F);
  }
  CHECK_EQ(write_comfort_noise(noise, 99, buffer).size(), kComfortNoiseBytesMax);
  CHECK_TRUE(write_comfort_noise(noise, 4, std::span(buffer).first(4)).empty());
  CHECK_EQ(write_comfort_noise({.level_dbov = -300.0F}, 0, buffer)[0], 127);
  CHECK_EQ(write_comfort_noise({.level_dbov = 3.0F}, 0, buffer)[0], 0);
}

/// Background like a fan's: white noise through a filter with a broad resonance.
Samples background(std::uint32_t rate_hz, double level_dbov, double resonance_hz, double radius) {
  Prng prng(17);
  Samples white(rate_hz * 4);
  test::add_noise(white, -25, prng);
  std::vector<double> coloured(white.size());
  const double turn = 2 * std::numbers::pi * resonance_hz / rate_hz;
  double square = 0;
  for (std::size_t index = 2; index < white.size(); ++index) {
    coloured[index] = white[index] + 2 * radius * std::cos(turn) * coloured[index - 1] -
                      radius * radius * coloured[index - 2];
    square += coloured[index] * coloured[index];
  }
  const double gain = kPcmFullScale * std::pow(10.0, level_dbov / 20.0) /
                      std::sqrt(square / static_cast<double>(coloured.size()));
  Samples samples(white.size());
  for (std::size_t index = 0; index < samples.size(); ++index)
    samples[index] = to_sample(static_cast<float>(coloured[index] * gain));
  return samples;
}

ComfortNoise described(const Samples& samples, std::uint32_t rate_hz) {
  NoiseAnalysis analysis(rate_hz);
  CHECK_FALSE(analysis.ready());
  const std::size_t frame = rate_hz / 50;
  for (std::size_t at = 0; at + frame <= samples.size(); at += frame)
    analysis.handle(Pcm(samples).subspan(at, frame));
  CHECK_TRUE(analysis.ready());
  return analysis.describe();
}

/// Power within a band in dB, from many short looks.
double band_db(Pcm samples, double rate_hz, double from_hz, double to_hz) {
  double power = 0;
  std::size_t looks = 0;
  for (std::size_t at = 0; at + 512 <= samples.size(); at += 512) {
    for (double hz = from_hz; hz < to_hz; hz += 50, ++looks)
      power += std::pow(10, test::sine_dbov(samples.subspan(at, 512), rate_hz, hz) / 10);
  }
  return test::db(power / static_cast<double>(looks));
}

TEST("over the wire a background comes back within 1 dB of its level and 2 dB of its spectrum") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u}) {
    for (const double level : {-70.0, -50.0, -35.0}) {
      for (const double resonance_hz : {150.0, 600.0, 2'500.0}) {
        const Samples heard = background(rate_hz, level, resonance_hz, 0.85);
        std::array<std::uint8_t, kComfortNoiseBytesMax> buffer{};
        const Result<ComfortNoise> noise =
            parse_comfort_noise(write_comfort_noise(described(heard, rate_hz), 10, buffer));
        REQUIRE(noise.ok());
        NoiseGenerator generator(rate_hz, 99);
        generator.describe(*noise);
        Samples made(heard.size());
        generator.generate(made);
        CHECK_TRUE(std::abs(level_dbov(made) - level) < 1.0);
        if (level < -60) continue;  // there the rounding to samples has a spectrum of its own
        double loudest = -200;
        for (double hz = 100; hz < 3'600; hz += 500)
          loudest = std::max(loudest, band_db(heard, rate_hz, hz, hz + 500));
        for (double hz = 100; hz < 3'600; hz += 500) {
          const double wanted = band_db(heard, rate_hz, hz, hz + 500);
          // What lies 25 dB below the loudest band is not heard beside it.
          if (wanted < loudest - 25) continue;
          CHECK_TRUE(std::abs(band_db(made, rate_hz, hz, hz + 500) - wanted) < 2.0);
        }
      }
    }
  }
}

TEST("the level holds whatever the coefficients are") {
  Prng prng(8);
  for (int run = 0; run < 30; ++run) {
    ComfortNoise noise{.level_dbov = -30.0F};
    for (float& reflection : noise.reflections)
      reflection = static_cast<float>(prng.unit() * 1.6 - 0.8);
    NoiseGenerator generator(8'000, static_cast<std::uint64_t>(run));
    generator.describe(noise);
    Samples made(80'000);
    generator.generate(made);
    CHECK_TRUE(std::abs(level_dbov(Pcm(made).subspan(8'000)) + 30.0F) < 2.0F);
  }
}

TEST("the extremes of a payload make bounded noise and end") {
  NoiseGenerator generator(8'000, 1);
  for (const std::uint8_t value : {0, 255, 1, 254}) {
    generator.describe(*parse_comfort_noise(Payload(13, value)));
    Samples made(16'000);
    generator.generate(made);
  }
  generator.describe(*parse_comfort_noise(Payload{127}));
  Samples made(16'000);
  generator.generate(made);
  CHECK_TRUE(level_dbov(Pcm(made).last(800)) < -90.0F);
}

TEST("a change of 20 dB glides and takes about a quarter of a second") {
  NoiseGenerator generator(8'000, 4);
  generator.describe({.level_dbov = -60.0F});
  Samples made(8'000);
  generator.generate(made);
  CHECK_TRUE(std::abs(level_dbov(made) + 60.0F) < 0.5F);
  generator.describe({.level_dbov = -40.0F});
  float last = -60.0F;
  for (int step = 0; step < 10; ++step) {
    Samples block(400);
    generator.generate(block);
    CHECK_TRUE(level_dbov(block) - last < 10.0F);
    last = level_dbov(block);
    if (step == 0) CHECK_TRUE(last < -48.0F);
  }
  CHECK_TRUE(std::abs(last + 40.0F) < 1.5F);
}

TEST("a glide comes to its end, and leaves no numbers behind that are too small to compute with") {
  NoiseGenerator generator(8'000, 1);
  ComfortNoise noise{.level_dbov = -40.0F};
  noise.reflections.fill(0.5F);
  generator.describe(noise);
  noise.reflections.fill(0.0F);
  generator.describe(noise);
  // Underflows set this flag; on most CPUs each costs a hundred cycles and more.
  std::feclearexcept(FE_UNDERFLOW);
  Samples heard(8'000 * 30);
  generator.generate(heard);
  CHECK_EQ(std::fetestexcept(FE_UNDERFLOW), 0);
  CHECK_TRUE(std::abs(level_dbov(Pcm(heard).last(8'000)) + 40.0F) < 0.5F);
}

TEST("after a reset the next description applies at once") {
  NoiseGenerator generator(8'000, 4);
  generator.describe({.level_dbov = -60.0F});
  Samples made(800);
  generator.generate(made);
  generator.reset();
  CHECK_FALSE(generator.described());
  generator.describe({.level_dbov = -30.0F});
  generator.generate(made);
  CHECK_TRUE(std::abs(level_dbov(made) + 30.0F) < 1.0F);
}

TEST("without a description there is silence") {
  NoiseGenerator generator(8'000, 1);
  Samples made(160, std::int16_t{7});
  generator.generate(made);
  CHECK_TRUE(made == Samples(160));
}

TEST("legs with different seeds don't sound in step, equal seeds do") {
  const auto make = [](std::uint64_t seed) {
    NoiseGenerator generator(8'000, seed);
    generator.describe({.level_dbov = -30.0F});
    Samples made(8'000);
    for (std::size_t at = 0; at < made.size(); at += 100)
      generator.generate(MutablePcm(made).subspan(at, 100));
    return made;
  };
  CHECK_TRUE(make(1) == make(1));
  CHECK_TRUE(std::abs(test::snr_db(make(1), make(2)) + 3.0) < 0.3);
}

TEST("silence is described as silence") {
  NoiseAnalysis analysis(8'000);
  const Samples silence(160);
  analysis.handle(silence);
  analysis.handle(Pcm(silence).first(5));
  CHECK_EQ(analysis.describe().level_dbov, -127.0F);
  CHECK_EQ(analysis.describe().reflections[0], 0.0F);
}

TEST("a pure tone is described without a whistle") {
  Samples tone(8'000);
  test::add_sine(tone, 8'000, 440, -20);
  const ComfortNoise noise = described(tone, 8'000);
  CHECK_TRUE(std::abs(noise.level_dbov + 20.0F) < 0.2F);
  for (const float reflection : noise.reflections)
    CHECK_TRUE(std::abs(reflection) <= 0.98F);
}

TEST("a rate that nothing runs at is a mistake of ours") {
  CHECK_ABORTS(NoiseGenerator(44'100, 1));
  CHECK_ABORTS(NoiseAnalysis(12'000));
}

}  // namespace
