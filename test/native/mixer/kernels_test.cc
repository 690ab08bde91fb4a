// Every table of kernels against ten lines of naive arithmetic, at all lengths, alignments and at
// the loudest.
#include "mixer/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;

using Samples = std::vector<std::int16_t>;
using Sums = std::vector<std::int32_t>;

constexpr std::array kTables = {Isa::kC, Isa::kAvx2, Isa::kAvx512};
/// Odd tails of every vector length, and our own frames.
constexpr std::array<std::size_t, 22> kLengths = {0,  1,  2,  3,  7,  8,  9,   15,  16,  17,  31,
                                                  32, 33, 47, 63, 65, 80, 160, 320, 480, 959, 960};

/// Any samples, the extremes among them.
Samples random_samples(Prng& prng, std::size_t count) {
  Samples samples(count);
  for (std::int16_t& sample : samples) {
    const std::uint32_t kind = prng.below(8);
    sample = kind == 0   ? std::int16_t{-32'768}
             : kind == 1 ? std::int16_t{32'767}
                         : static_cast<std::int16_t>(prng.next_u32());
  }
  return samples;
}

std::int16_t naive_saturated(std::int64_t value) {
  return static_cast<std::int16_t>(std::clamp<std::int64_t>(value, -32'768, 32'767));
}

TEST("every kernel's sums of any number of frames are the naive ones") {
  Prng prng(1);
  for (const Isa isa : kTables) {
    if (isa > best_isa()) continue;
    for (const std::size_t length : kLengths) {
      for (const std::size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 8u, 11u, 100u}) {
        std::vector<Samples> frames;
        std::vector<const std::int16_t*> pointers;
        for (std::size_t frame = 0; frame < count; ++frame)
          frames.push_back(random_samples(prng, length + 1));
        // Off by one sample, so that nothing is aligned.
        for (const Samples& frame : frames)
          pointers.push_back(frame.data() + 1);
        Sums out(length + 1, 77);
        kernels(isa).sum(pointers.data(), count, out.data(), length);
        Sums expected(length + 1, 77);
        for (std::size_t index = 0; index < length; ++index) {
          expected[index] = 0;
          for (const std::int16_t* frame : pointers)
            expected[index] += frame[index];
        }
        CHECK_TRUE(out == expected);
      }
    }
  }
}

TEST("sums of 65,536 loudest frames fit 32 bits") {
  const Samples least(33, std::int16_t{-32'768});
  const std::vector<const std::int16_t*> frames(65'536, least.data());
  for (const Isa isa : kTables) {
    if (isa > best_isa()) continue;
    Sums out(33);
    kernels(isa).sum(frames.data(), frames.size(), out.data(), out.size());
    CHECK_TRUE(out == Sums(33, std::int32_t{-2'147'483'648}));
  }
}

TEST("every kernel subtracts, then saturates, and writes not a sample more than asked") {
  Prng prng(2);
  for (const Isa isa : kTables) {
    if (isa > best_isa()) continue;
    for (const std::size_t length : kLengths) {
      const Samples own = random_samples(prng, length);
      Sums sum(length);
      for (std::int32_t& value : sum) {
        const std::uint32_t kind = prng.below(4);
        value = kind == 0   ? static_cast<std::int32_t>(prng.below(70'000)) - 35'000
                : kind == 1 ? std::int32_t{2'147'450'879}
                : kind == 2 ? std::int32_t{-2'147'450'880}
                            : static_cast<std::int32_t>(prng.next_u32()) / 2;
      }
      Samples less(length + 3, std::int16_t{55});
      Samples whole(length + 3, std::int16_t{55});
      kernels(isa).subtract(sum.data(), own.data(), less.data(), length);
      kernels(isa).saturate(sum.data(), whole.data(), length);
      for (std::size_t index = 0; index < length; ++index) {
        CHECK_EQ(less[index], naive_saturated(std::int64_t{sum[index]} - own[index]));
        CHECK_EQ(whole[index], naive_saturated(sum[index]));
      }
      for (std::size_t index = length; index < length + 3; ++index) {
        CHECK_EQ(less[index], 55);
        CHECK_EQ(whole[index], 55);
      }
    }
  }
}

TEST("every kernel scales along the ramp as the naive formula does, in place too") {
  Prng prng(3);
  for (const Isa isa : kTables) {
    if (isa > best_isa()) continue;
    for (const std::size_t length : kLengths) {
      for (int round = 0; round < 20; ++round) {
        const Ramp ramp{.from = static_cast<std::int32_t>(prng.below(32'768)),
                        .to = round == 0 ? 32'767 : static_cast<std::int32_t>(prng.below(32'768)),
                        .shift = static_cast<std::int32_t>(1 + prng.below(30))};
        const Samples in = random_samples(prng, length);
        Samples out(length + 3, std::int16_t{55});
        kernels(isa).scale(in.data(), out.data(), ramp, length);
        const auto count = static_cast<std::int64_t>(length);
        const std::int64_t step =
            length == 0 ? 0 : (std::int64_t{ramp.to} - ramp.from) * 65'536 / count;
        for (std::int64_t index = 0; index < count; ++index) {
          const std::int64_t gain = (std::int64_t{ramp.from} * 65'536 + step * index) >> 16;
          const std::int64_t product = in[static_cast<std::size_t>(index)] * gain;
          const std::int64_t rounded = (product + (std::int64_t{1} << (ramp.shift - 1)));
          CHECK_EQ(out[static_cast<std::size_t>(index)], naive_saturated(rounded >> ramp.shift));
        }
        CHECK_EQ(out[length], 55);
        Samples in_place = in;
        kernels(isa).scale(in_place.data(), in_place.data(), ramp, length);
        out.resize(length);
        CHECK_TRUE(in_place == out);
      }
    }
  }
}

TEST("every kernel's energy is exact, at full scale too") {
  Prng prng(4);
  for (const Isa isa : kTables) {
    if (isa > best_isa()) continue;
    for (const std::size_t length : kLengths) {
      const Samples in = random_samples(prng, length);
      std::uint64_t expected = 0;
      for (const std::int16_t sample : in)
        expected += static_cast<std::uint64_t>(std::int64_t{sample} * sample);
      CHECK_EQ(kernels(isa).energy(in.data(), length), expected);
      const Samples least(length, std::int16_t{-32'768});
      CHECK_EQ(kernels(isa).energy(least.data(), length), length << 30);
    }
  }
}

}  // namespace
