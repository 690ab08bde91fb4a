// The SHA-1 kernel by itself, against a version that follows FIPS 180-4 §6.1.2 line by line.
#include "srtp/sha_ni.h"

#include <array>
#include <bit>

#include "base/prng.h"
#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using test::Buffer;
using State = std::array<std::uint32_t, 5>;

void compress_naively(State& state, const std::uint8_t* block) {
  std::array<std::uint32_t, 80> word{};
  for (std::size_t t = 0; t < 80; ++t) {
    word[t] = t < 16 ? load_u32(block + 4 * t)
                     : std::rotl(word[t - 3] ^ word[t - 8] ^ word[t - 14] ^ word[t - 16], 1);
  }
  auto [a, b, c, d, e] = state;
  for (std::size_t t = 0; t < 80; ++t) {
    const std::uint32_t mixed = t < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                                : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                                : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                         : (b ^ c ^ d) + 0xca62c1d6;
    const std::uint32_t next = std::rotl(a, 5) + mixed + e + word[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

TEST("SHA-1 blocks hash as the standard says, one or many, from any state") {
  if (!srtp::has_sha_ni()) return test::skip("this CPU has no SHA instructions");
  Prng prng(180);
  for (std::uint32_t round = 0; round < 500; ++round) {
    const std::uint32_t blocks = prng.below(6);
    const Buffer data = test::random_bytes(prng, std::size_t{64} * blocks + 1);
    State state;
    for (std::uint32_t& word : state)
      word = prng.next_u32();
    State expected = state;
    for (std::uint32_t block = 0; block < blocks; ++block) {
      compress_naively(expected, data.data() + std::size_t{64} * block);
    }
    srtp::compress_sha_ni(state.data(), data.data(), blocks);
    CHECK_TRUE(state == expected);
  }
}

}  // namespace
