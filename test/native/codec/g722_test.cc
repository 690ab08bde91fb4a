// G.722 against a model that follows the Recommendation block by block, and by ear.
#include "codec/g722.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "base/prng.h"
#include "native/codec/g722_model.h"
#include "native/codec/sines.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
namespace sines = test::sines;
using sines::Samples;
using Codes = std::vector<std::uint8_t>;

std::vector<Isa> sets() {
  std::vector<Isa> all;
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512})
    if (isa <= best_isa()) all.push_back(isa);
  return all;
}

Codes encode(G722Encoder& encoder, Pcm in) {
  Codes out(in.size() / 2);
  encoder.encode(in, out);
  return out;
}
Samples decode(G722Decoder& decoder, Bytes in) {
  Samples out(in.size() * 2);
  decoder.decode(in, out);
  return out;
}

/// Sounds that drive every part: tones in both bands, noise at all levels, silence, full-scale
/// squares.
Samples programme(std::uint64_t seed) {
  Prng prng(seed);
  Samples samples;
  const auto append = [&samples](const Samples& piece) {
    samples.insert(samples.end(), piece.begin(), piece.end());
  };
  for (const double frequency_hz : {300.0, 1'000.0, 3'400.0, 5'000.0, 6'900.0}) {
    for (const double level : {-60.0, -20.0, -3.0}) {
      append(sines::make_tone(
          {.frequency_hz = frequency_hz, .level_dbov = level, .rate_hz = 16'000}, 800));
    }
  }
  append(Samples(600));
  for (int shift = 0; shift < 15; ++shift) {
    for (int index = 0; index < 600; ++index)
      samples.push_back(
          static_cast<std::int16_t>(static_cast<std::int16_t>(prng.next_u32()) >> shift));
  }
  for (int half = 1; half < 40; ++half) {
    for (int index = 0; index < 200; ++index)
      samples.push_back(index / half % 2 == 0 ? std::int16_t{32'767} : std::int16_t{-32'768});
  }
  append(Samples(600));
  return samples;
}

TEST("codes every sample as the Recommendation's blocks do") {
  const Samples samples = programme(722);
  test::G722Model model;
  const Codes expected = model.encode(samples);
  for (const Isa isa : sets()) {
    G722Encoder encoder(isa);
    CHECK_TRUE(encode(encoder, samples) == expected);
  }
}

TEST("decodes every byte as the Recommendation's blocks do, also bytes that no encoder sends") {
  test::G722Model encoding;
  Codes codes = encoding.encode(programme(16));
  Prng prng(7);
  for (int index = 0; index < 20'000; ++index)
    codes.push_back(static_cast<std::uint8_t>(prng.next_u32()));
  // One code for long: the predictors run to where they are held.
  for (const std::uint8_t code : {0x00, 0x3f, 0x84, 0xc4, 0xe0, 0xff, 0x20})
    codes.insert(codes.end(), 1'500, code);
  for (int index = 0; index < 3'000; ++index)
    codes.push_back(index % 2 == 0 ? 0x84 : 0x20);
  test::G722Model model;
  const Samples expected = model.decode(codes);
  for (const Isa isa : sets()) {
    G722Decoder decoder(isa);
    CHECK_TRUE(decode(decoder, codes) == expected);
  }
}

/// FNV-1a, so that golden data is one number.
std::uint64_t fingerprint(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t index = 0; index < count; ++index)
    hash = (hash ^ bytes[index]) * 0x100000001b3u;
  return hash;
}

/// Sounds made from integers alone, so that they are the same on every machine: a sweep of
/// triangles under a noise that grows.
Samples integer_programme() {
  Samples samples;
  std::uint32_t state = 1;
  std::int32_t phase = 0;
  for (std::int32_t index = 0; index < 32'000; ++index) {
    phase = (phase + 200 + index / 4) % 65'536;
    const std::int32_t triangle = (phase < 32'768 ? phase : 65'535 - phase) - 16'384;
    state = state * 1'664'525u + 1'013'904'223u;
    const std::int32_t noise = static_cast<std::int16_t>(state >> 16) / (64 - index / 512);
    samples.push_back(static_cast<std::int16_t>(std::clamp(triangle + noise, -32'768, 32'767)));
  }
  return samples;
}

TEST("codes and decodes to the same bits as other implementations do") {
  // The numbers were taken from SpanDSP 0.0.6 and from FFmpeg 5.1, which agree.
  constexpr std::uint64_t kCodes = 4'941'599'427'682'320'090u;
  constexpr std::uint64_t kSamples = 9'652'421'376'811'827'110u;
  for (const Isa isa : sets()) {
    G722Encoder encoder(isa);
    G722Decoder decoder(isa);
    const Codes codes = encode(encoder, integer_programme());
    const Samples samples = decode(decoder, codes);
    CHECK_EQ(fingerprint(codes.data(), codes.size()), kCodes);
    CHECK_EQ(fingerprint(reinterpret_cast<const std::uint8_t*>(samples.data()), 2 * samples.size()),
             kSamples);
  }
}

TEST("cut into frames of any sizes, a stream has the same bytes and the same samples") {
  const Samples samples = programme(3);
  Prng prng(9);
  for (const Isa isa : sets()) {
    G722Encoder whole_encoder(isa);
    G722Decoder whole_decoder(isa);
    const Codes codes = encode(whole_encoder, samples);
    const Samples expected = decode(whole_decoder, codes);
    G722Encoder encoder(isa);
    G722Decoder decoder(isa);
    for (std::size_t done = 0; done < codes.size();) {
      const std::size_t count = std::min<std::size_t>(prng.below(250), codes.size() - done);
      const Codes piece = encode(encoder, Pcm(samples).subspan(2 * done, 2 * count));
      CHECK_TRUE(std::equal(piece.begin(), piece.end(),
                            codes.begin() + static_cast<std::ptrdiff_t>(done)));
      const Samples heard = decode(decoder, piece);
      CHECK_TRUE(std::equal(heard.begin(), heard.end(),
                            expected.begin() + static_cast<std::ptrdiff_t>(2 * done)));
      done += count;
    }
  }
}

TEST("A25 keeps tones of both bands at their frequency and level, far above what it adds") {
  for (const double frequency_hz : {100.0, 300.0, 1'000.0, 3'000.0, 3'700.0, 4'300.0, 6'500.0}) {
    G722Encoder encoder(best_isa());
    G722Decoder decoder(best_isa());
    const Samples in = sines::make_tone(
        {.frequency_hz = frequency_hz, .level_dbov = -20, .rate_hz = 16'000}, 16'000);
    const Samples out = decode(decoder, encode(encoder, in));
    const Pcm settled = Pcm(out).subspan(4'000);
    CHECK_TRUE(std::abs(sines::loudest_near_hz(settled, frequency_hz, 16'000) - frequency_hz) <= 1);
    const double level = sines::tone_level_dbov(settled, frequency_hz, 16'000);
    CHECK_TRUE(std::abs(level + 20) <= 1);
    // The higher band has two bits a sample.
    const double rest = sines::level_dbov(settled);
    const double noise_share = std::pow(10, rest / 10) - std::pow(10, level / 10);
    const double least_db = frequency_hz < 3'500 ? 25 : 8;
    CHECK_TRUE(10 * std::log10(std::pow(10, level / 10) / std::max(noise_share, 1e-12)) >=
               least_db);
  }
}

TEST("delays by the 22 samples of its two filters") {
  G722Encoder encoder(best_isa());
  G722Decoder decoder(best_isa());
  Samples in(4'000);
  Prng prng(5);
  for (std::int16_t& sample : in)
    sample = static_cast<std::int16_t>(static_cast<std::int16_t>(prng.next_u32()) / 8);
  const Samples out = decode(decoder, encode(encoder, in));
  double best = 0;
  std::size_t best_lag = 0;
  for (std::size_t lag = 0; lag < 60; ++lag) {
    double sum = 0;
    for (std::size_t index = 500; index + lag < out.size(); ++index)
      sum += double{1} * in[index] * out[index + lag];
    if (sum > best) {
      best = sum;
      best_lag = lag;
    }
  }
  CHECK_EQ(best_lag, 22u);
}

TEST("falls silent when silence is coded") {
  G722Encoder encoder(best_isa());
  G722Decoder decoder(best_isa());
  Samples in = sines::make_tone({.frequency_hz = 800, .level_dbov = -10, .rate_hz = 16'000}, 8'000);
  in.resize(24'000);
  const Samples out = decode(decoder, encode(encoder, in));
  CHECK_TRUE(sines::level_dbov(Pcm(out).subspan(16'000)) <= -75);
}

TEST("aborts on an odd number of samples or too small a buffer: the codec refuses them before") {
  G722Encoder encoder(Isa::kC);
  G722Decoder decoder(Isa::kC);
  const Samples odd(3);
  const Samples four(4);
  Codes one(1);
  Codes codes(2);
  Samples three(3);
  CHECK_ABORTS(encoder.encode(odd, codes));
  CHECK_ABORTS(encoder.encode(four, one));
  CHECK_ABORTS(decoder.decode(codes, three));
}

}  // namespace
