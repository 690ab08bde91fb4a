// The resampler measured with sines, as its header promises: ripple, rejection, delay; and frames
// of any sizes against the stream in one piece.
#include "codec/resampler.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/prng.h"
#include "native/codec/sines.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
namespace sines = test::sines;
using sines::Samples;

struct Pair {
  std::uint32_t from_hz;
  std::uint32_t to_hz;
};
constexpr Pair kPairs[] = {{8'000, 16'000}, {16'000, 8'000},  {8'000, 48'000},
                           {48'000, 8'000}, {16'000, 48'000}, {48'000, 16'000}};

std::uint32_t lower_hz(const Pair& pair) {
  return std::min(pair.from_hz, pair.to_hz);
}
double pass_hz(const Pair& pair) {
  return lower_hz(pair) == 8'000 ? 3'400 : 7'000;
}

Resampler open(const Pair& pair, Isa isa = best_isa()) {
  return Resampler::open({.from_hz = pair.from_hz, .to_hz = pair.to_hz, .isa = isa}).value();
}

Samples run(Resampler& resampler, Pcm in) {
  Samples out(resampler.output_size(in.size()));
  const std::size_t written = resampler.process(in, out).size();
  CHECK_EQ(written, out.size());
  return out;
}

/// What is left once the filter has filled: half a second.
Pcm settled(const Samples& samples, std::uint32_t rate_hz) {
  return Pcm(samples).subspan(rate_hz / 10, rate_hz / 2);
}

constexpr double kLevelDbov = -9;

Samples hear(const Pair& pair, double frequency_hz) {
  Resampler resampler = open(pair);
  return run(resampler,
             sines::make_tone(
                 {.frequency_hz = frequency_hz, .level_dbov = kLevelDbov, .rate_hz = pair.from_hz},
                 pair.from_hz * 7 / 10));
}

TEST("A25 keeps every frequency of the pass band within 0.1 dB") {
  for (const Pair& pair : kPairs) {
    for (double frequency_hz = 40; frequency_hz <= pass_hz(pair); frequency_hz += 60) {
      const Samples out = hear(pair, frequency_hz);
      const double level =
          sines::tone_level_dbov(settled(out, pair.to_hz), frequency_hz, pair.to_hz);
      CHECK_TRUE(std::abs(level - kLevelDbov) <= 0.1);
    }
    const Samples edge = hear(pair, pass_hz(pair));
    CHECK_TRUE(
        std::abs(sines::tone_level_dbov(settled(edge, pair.to_hz), pass_hz(pair), pair.to_hz) -
                 kLevelDbov) <= 0.1);
  }
}

TEST("going down, what lies above half the new rate is 60 dB down, wherever it folds to") {
  for (const Pair& pair : kPairs) {
    if (pair.from_hz < pair.to_hz) continue;
    for (double frequency_hz = pair.to_hz / 2.0; frequency_hz < pair.from_hz / 2.0;
         frequency_hz += 90) {
      const Samples out = hear(pair, frequency_hz);
      CHECK_TRUE(sines::level_dbov(settled(out, pair.to_hz)) <= kLevelDbov - 60);
    }
  }
}

TEST("going up, every image of a tone is 60 dB down") {
  for (const Pair& pair : kPairs) {
    if (pair.from_hz > pair.to_hz) continue;
    for (double frequency_hz = 40; frequency_hz < pair.from_hz / 2.0; frequency_hz += 80) {
      const Samples out = hear(pair, frequency_hz);
      for (std::uint32_t multiple = pair.from_hz; multiple <= pair.to_hz / 2 + pair.from_hz / 2;
           multiple += pair.from_hz) {
        for (const double image_hz : {multiple - frequency_hz, multiple + frequency_hz}) {
          if (image_hz >= pair.to_hz / 2.0) continue;
          CHECK_TRUE(sines::tone_level_dbov(settled(out, pair.to_hz), image_hz, pair.to_hz) <=
                     kLevelDbov - 60);
        }
      }
    }
  }
}

TEST("delays every frequency by as many samples as it says: the filter's phase is linear") {
  for (const Pair& pair : kPairs) {
    Resampler resampler = open(pair);
    Samples pulse(pair.from_hz / 10);
    // On a sample that is an output's own going down.
    const std::size_t at = pair.from_hz / 50;
    pulse[at] = 20'000;
    const Samples out = run(resampler, pulse);
    const std::size_t centre = at * pair.to_hz / pair.from_hz + resampler.delay_samples();
    CHECK_EQ(std::max_element(out.begin(), out.end()) - out.begin(),
             static_cast<std::ptrdiff_t>(centre));
    for (std::size_t off = 1; off < resampler.delay_samples(); ++off)
      CHECK_EQ(out[centre + off], out[centre - off]);
    // 24 or 29 samples of the lower rate: 3 or 1.8125 ms.
    CHECK_EQ(resampler.delay_samples() * lower_hz(pair) / pair.to_hz,
             pair.from_hz != 8'000 && pair.to_hz != 8'000 ? 29u : 24u);
  }
}

Samples noise(std::size_t count) {
  Prng prng(48);
  Samples samples(count);
  for (std::int16_t& sample : samples)
    sample = static_cast<std::int16_t>(prng.next_u32());
  // Runs of the extremes, where sums are largest.
  for (std::size_t index = 0; index < count / 4; ++index)
    samples[index] = (index / 40) % 2 == 0 ? std::int16_t{-32'768} : std::int16_t{32'767};
  return samples;
}

TEST("cut into frames of any sizes, a stream yields the same samples bit for bit") {
  Prng prng(20);
  for (const Pair& pair : kPairs) {
    const Samples in = noise(9'000);
    Resampler whole = open(pair);
    const Samples expected = run(whole, in);
    for (int round = 0; round < 20; ++round) {
      Resampler cut = open(pair);
      Samples out;
      std::size_t done = 0;
      while (done < in.size()) {
        const std::size_t most = round < 10 ? 12u : 1'500u;
        const std::size_t count = std::min<std::size_t>(prng.below(most + 1), in.size() - done);
        const Samples piece = run(cut, Pcm(in).subspan(done, count));
        out.insert(out.end(), piece.begin(), piece.end());
        done += count;
      }
      CHECK_TRUE(out == expected);
    }
  }
}

TEST("every kernel equals plain C bit for bit, at all lengths and at the loudest") {
  for (const Pair& pair : kPairs) {
    for (const Isa isa : {Isa::kAvx2, Isa::kAvx512}) {
      if (isa > best_isa()) continue;
      Resampler plain = open(pair, Isa::kC);
      Resampler fast = open(pair, isa);
      const Samples in = noise(20'000);
      std::size_t done = 0;
      for (std::size_t length = 0; length < 190; ++length) {
        const Pcm piece = Pcm(in).subspan(done, length);
        CHECK_TRUE(run(plain, piece) == run(fast, piece));
        done += length;
      }
    }
  }
}

TEST("saturates instead of wrapping round") {
  for (const Pair& pair : kPairs) {
    Resampler resampler = open(pair);
    Samples square(pair.from_hz / 10);
    for (std::size_t index = 0; index < square.size(); ++index)
      square[index] = index / 40 % 2 == 0 ? std::int16_t{32'767} : std::int16_t{-32'768};
    const Samples out = run(resampler, square);
    // A wrap would change the sign within a half wave, as the ringing before the first one does.
    const std::size_t half_wave = 40 * pair.to_hz / pair.from_hz;
    std::size_t changes = 0;
    for (std::size_t index = 2 * resampler.delay_samples(); index < out.size(); ++index)
      if ((out[index] < 0) != (out[index - 1] < 0)) ++changes;
    CHECK_TRUE(changes <= out.size() / half_wave + 1);
  }
}

TEST("passes samples on as they are between equal rates") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    Resampler resampler = open({rate_hz, rate_hz});
    const Samples in = noise(500);
    CHECK_TRUE(run(resampler, in) == in);
    CHECK_EQ(resampler.delay_samples(), 0u);
  }
}

TEST("refuses rates that audio doesn't have inside") {
  CHECK_EQ(Resampler::open({.from_hz = 44'100, .to_hz = 8'000}).code(), ErrorCode::kConfigInvalid);
  CHECK_EQ(Resampler::open({.from_hz = 8'000, .to_hz = 0}).code(), ErrorCode::kConfigInvalid);
}

TEST("aborts rather than write past the caller's buffer") {
  Resampler resampler = open({8'000, 16'000});
  const Samples in(10);
  Samples out(19);
  CHECK_ABORTS((void)resampler.process(in, out));
}

}  // namespace
