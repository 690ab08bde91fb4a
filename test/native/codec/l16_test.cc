// L16 there and back; what the codec interface must refuse before it gets here.
#include "codec/l16.h"

#include <array>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

TEST("puts the high byte first") {
  const std::array<std::int16_t, 3> samples{0x0102, -2, -32'768};
  std::array<std::uint8_t, 6> bytes{};
  l16_encode(samples, bytes);
  CHECK_EQ(Bytes(bytes), Bytes(std::array<std::uint8_t, 6>{1, 2, 0xff, 0xfe, 0x80, 0}));
}

TEST("gives every sample back, whatever the number and the alignment") {
  Prng prng(16);
  for (std::size_t count = 0; count < 100; ++count) {
    std::vector<std::int16_t> samples(count);
    for (std::int16_t& sample : samples)
      sample = static_cast<std::int16_t>(prng.next_u32());
    std::vector<std::uint8_t> bytes(2 * count + 1);
    l16_encode(samples, MutableBytes(bytes).subspan(1));
    std::vector<std::int16_t> decoded(count);
    l16_decode(Bytes(bytes).subspan(1), decoded);
    CHECK_TRUE(decoded == samples);
  }
}

TEST("aborts on half a sample or too small a buffer: the codec refuses them before") {
  std::array<std::int16_t, 2> samples{};
  std::array<std::uint8_t, 3> bytes{};
  CHECK_ABORTS(l16_decode(bytes, samples));
  CHECK_ABORTS(l16_encode(samples, bytes));
}

}  // namespace
