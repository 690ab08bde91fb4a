// Comfort noise: any payload through the parser, back and forth over the wire, and into a generator
// that goes on from payload to payload and must be as good as new after all of them.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "codec/comfort_noise.h"
#include "codec/level.h"
#include "fuzz/native/targets.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

void read_back(const ComfortNoise& noise) {
  std::array<std::uint8_t, kComfortNoiseBytesMax> buffer;
  const Bytes written = write_comfort_noise(noise, kComfortNoiseOrderMax, buffer);
  CHECK(written.size() == kComfortNoiseBytesMax);
  const Result<ComfortNoise> again = parse_comfort_noise(written);
  CHECK(again.ok());
  CHECK(again->level_dbov == noise.level_dbov);
  for (std::size_t index = 0; index < kComfortNoiseOrderMax; ++index) {
    CHECK(std::abs(again->reflections[index] - noise.reflections[index]) < 0.008F);
  }
}

}  // namespace

int comfort_noise_fuzz(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(Bytes{data, size});
  NoiseGenerator generator(reader.u8() % 2 == 0 ? 8'000 : 16'000, 1);
  std::array<std::int16_t, 20> made;
  // Payloads of any length, one after the other.
  for (int payloads = 0; payloads < 8 && reader.remaining() > 0; ++payloads) {
    const std::size_t wanted = reader.u8() % 16;
    const std::size_t length = std::min(wanted, reader.remaining());
    const Result<ComfortNoise> noise = parse_comfort_noise(reader.take(length));
    CHECK(noise.ok() == (length > 0));
    if (!noise.ok()) continue;
    CHECK(noise->level_dbov <= 0.0F);
    CHECK(noise->level_dbov >= kLevelDbovMin);
    read_back(*noise);
    generator.describe(*noise);
    generator.generate(made);
  }
  generator.reset();
  generator.describe({});
  generator.generate(made);
  // Whatever came before, 127 dB below overload is less than one step.
  CHECK(std::all_of(made.begin(), made.end(), [](std::int16_t sample) { return sample == 0; }));
  return 0;
}

}  // namespace fuzz
