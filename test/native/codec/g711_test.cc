// G.711 against a reference made from the Recommendation's own definition: the lists of decision
// values by segments, the interval a value falls into, and its middle as the decoded value.
#include "codec/g711.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

/// The decision values x of one law's positive side, in the law's own units (tables 1 and 2).
std::vector<int> decision_values(Law law) {
  std::vector<int> values{0};
  const auto add = [&values](int intervals, int step) {
    for (int interval = 0; interval < intervals; ++interval)
      values.push_back(values.back() + step);
  };
  if (law == Law::kMu) {
    add(1, 1);
    add(15, 2);
    for (int step = 4; step <= 256; step *= 2)
      add(16, step);
  } else {
    add(32, 2);
    for (int step = 4; step <= 128; step *= 2)
      add(16, step);
  }
  return values;
}

/// One unit of the law in 16-bit samples: mu-law has 14 bits, A-law 13.
int unit_of(Law law) {
  return law == Law::kMu ? 4 : 8;
}

struct Reference {
  std::array<std::uint8_t, 65'536> codes;  ///< by sample + 32768
  std::array<std::int16_t, 256> values;
};

Reference make_reference(Law law) {
  const std::vector<int> decisions = decision_values(law);
  const int unit = unit_of(law);
  Reference made{};
  const auto code_of = [law](std::size_t interval, bool negative) {
    const auto number = static_cast<std::uint8_t>(interval);
    if (law == Law::kMu) return static_cast<std::uint8_t>(number ^ (negative ? 0x7f : 0xff));
    return static_cast<std::uint8_t>(number ^ (negative ? 0x55 : 0xd5));
  };
  for (int sample = -32'768; sample <= 32'767; ++sample) {
    const int magnitude = sample < 0 ? -sample - 1 : sample;
    const auto above = std::upper_bound(decisions.begin(), decisions.end(), magnitude / unit);
    const auto interval = std::min<std::ptrdiff_t>(above - decisions.begin() - 1, 127);
    made.codes[static_cast<std::size_t>(sample + 32'768)] =
        code_of(static_cast<std::size_t>(interval), sample < 0);
  }
  for (std::size_t interval = 0; interval < 128; ++interval) {
    // Mu-law's first interval reaches as far below 0 as above it.
    const int twice =
        law == Law::kMu && interval == 0 ? 0 : decisions[interval] + decisions[interval + 1];
    const auto value = static_cast<std::int16_t>(twice * unit / 2);
    made.values[code_of(interval, false)] = value;
    made.values[code_of(interval, true)] = static_cast<std::int16_t>(-value);
  }
  return made;
}

/// The sets of kernels this machine can run.
std::vector<Isa> sets() {
  std::vector<Isa> all;
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512})
    if (isa <= best_isa()) all.push_back(isa);
  return all;
}

std::vector<std::int16_t> every_sample() {
  std::vector<std::int16_t> samples;
  for (int sample = -32'768; sample <= 32'767; ++sample)
    samples.push_back(static_cast<std::int16_t>(sample));
  return samples;
}
std::vector<std::uint8_t> every_code() {
  std::vector<std::uint8_t> codes;
  for (int code = 0; code < 256; ++code)
    codes.push_back(static_cast<std::uint8_t>(code));
  return codes;
}

TEST("the decision values end where the Recommendation's tables do") {
  CHECK_EQ(decision_values(Law::kMu).back(), 8159);
  CHECK_EQ(decision_values(Law::kA).back(), 4096);
  CHECK_EQ(decision_values(Law::kMu).size(), 129u);
  CHECK_EQ(decision_values(Law::kA).size(), 129u);
}

TEST("codes every 16-bit sample into the interval it falls into, in both laws") {
  const std::vector<std::int16_t> samples = every_sample();
  for (const Law law : {Law::kMu, Law::kA}) {
    const Reference reference = make_reference(law);
    for (const Isa isa : sets()) {
      std::vector<std::uint8_t> codes(samples.size());
      G711(isa).encode(law, samples, codes);
      CHECK_TRUE(std::equal(codes.begin(), codes.end(), reference.codes.begin()));
    }
  }
}

TEST("decodes every code to the middle of its interval, in both laws") {
  const std::vector<std::uint8_t> codes = every_code();
  for (const Law law : {Law::kMu, Law::kA}) {
    const Reference reference = make_reference(law);
    for (const Isa isa : sets()) {
      std::vector<std::int16_t> samples(codes.size());
      G711(isa).decode(law, codes, samples);
      CHECK_TRUE(std::equal(samples.begin(), samples.end(), reference.values.begin()));
    }
  }
}

TEST("knows the values everyone quotes") {
  CHECK_EQ(mu_decode(0x00), -32'124);
  CHECK_EQ(mu_decode(0x80), 32'124);
  CHECK_EQ(mu_decode(kMuLawSilence), 0);
  CHECK_EQ(mu_encode(0), kMuLawSilence);
  CHECK_EQ(a_decode(0xaa), 32'256);
  CHECK_EQ(a_decode(0x2a), -32'256);
  CHECK_EQ(a_decode(kALawSilence), 8);
  CHECK_EQ(a_encode(0), kALawSilence);
}

TEST("decoding and coding again gives every code back, but for mu-law's negative zero") {
  for (const std::uint8_t code : every_code()) {
    CHECK_EQ(a_encode(a_decode(code)), code);
    CHECK_EQ(mu_encode(mu_decode(code)), code == 0x7f ? kMuLawSilence : code);
  }
}

TEST("passes from law to law by a value whose interval holds or adjoins the original") {
  for (const std::uint8_t code : every_code()) {
    const int before = mu_decode(code);
    const int after = a_decode(mu_to_a(code));
    CHECK_TRUE(before == 0 || (before < 0) == (after < 0));
    // Never farther off than one whole interval of the coarser law, 256 units at the most.
    const int step = std::max(16, std::abs(before) / 16);
    CHECK_TRUE(std::abs(after - before) <= step);
    CHECK_TRUE(std::abs(mu_decode(a_to_mu(code)) - a_decode(code)) <=
               std::max(16, std::abs(a_decode(code)) / 16));
  }
}

TEST("passes on the sign, keeps the order of magnitudes, and ends at the largest of both laws") {
  for (int number = 1; number < 128; ++number) {
    const auto mu = [](int of) { return static_cast<std::uint8_t>(0xff ^ of); };
    const auto a = [](int of) { return static_cast<std::uint8_t>(0xd5 ^ of); };
    CHECK_TRUE(a_decode(mu_to_a(mu(number))) >= a_decode(mu_to_a(mu(number - 1))));
    CHECK_TRUE(mu_decode(a_to_mu(a(number))) >= mu_decode(a_to_mu(a(number - 1))));
    CHECK_EQ(mu_to_a(static_cast<std::uint8_t>(mu(number) & 0x7f)), mu_to_a(mu(number)) & 0x7f);
    CHECK_EQ(a_to_mu(static_cast<std::uint8_t>(a(number) & 0x7f)), a_to_mu(a(number)) & 0x7f);
  }
  CHECK_EQ(mu_to_a(0x80), 0xaa);
  CHECK_EQ(a_to_mu(0xaa), 0x80);
}

TEST("differs from decoding and coding in no more entries than the tables of G.711 do") {
  int mu_differences = 0;
  int a_differences = 0;
  for (int code = 0x80; code < 0x100; ++code) {
    const auto byte = static_cast<std::uint8_t>(code);
    if (mu_to_a(byte) != a_encode(mu_decode(byte))) ++mu_differences;
    if (a_to_mu(byte) != mu_encode(a_decode(byte))) ++a_differences;
  }
  CHECK_EQ(mu_differences, 19);
  CHECK_EQ(a_differences, 17);
}

TEST("A25 a second crossing between the laws changes nothing any more") {
  for (const std::uint8_t code : every_code()) {
    const std::uint8_t once = a_to_mu(mu_to_a(code));
    CHECK_EQ(a_to_mu(mu_to_a(once)), once);
    const std::uint8_t back = mu_to_a(a_to_mu(code));
    CHECK_EQ(mu_to_a(a_to_mu(back)), back);
  }
}

/// Runs one kernel over random input at every length and offset and compares with plain C; what
/// lies beyond the end must stay as it was.
template <typename In, typename Out>
void compare(void (*plain)(const In*, Out*, std::size_t) noexcept,
             void (*kernel)(const In*, Out*, std::size_t) noexcept) {
  Prng prng(711);
  std::vector<In> in(320);
  for (In& value : in)
    value = static_cast<In>(prng.next_u32());
  for (std::size_t length = 0; length <= 260; ++length) {
    const std::size_t offset = prng.below(9);
    std::vector<Out> expected(300, Out{42});
    std::vector<Out> out(300, Out{42});
    plain(in.data() + offset, expected.data() + 1, length);
    kernel(in.data() + offset, out.data() + 1, length);
    CHECK_TRUE(out == expected);
  }
}

TEST("every kernel equals plain C at all lengths and writes nothing beyond them") {
  const G711Kernels& plain = g711_kernels(Isa::kC);
  for (const Isa isa : sets()) {
    const G711Kernels& kernels = g711_kernels(isa);
    compare(plain.mu_encode, kernels.mu_encode);
    compare(plain.a_encode, kernels.a_encode);
    compare(plain.mu_decode, kernels.mu_decode);
    compare(plain.a_decode, kernels.a_decode);
    compare(plain.mu_to_a, kernels.mu_to_a);
    compare(plain.a_to_mu, kernels.a_to_mu);
  }
}

TEST("crosses between the laws in place, every code by the table") {
  for (const Isa isa : sets()) {
    std::vector<std::uint8_t> codes = every_code();
    G711(isa).transcode_to(Law::kA, codes, codes);
    for (const std::uint8_t code : every_code())
      CHECK_EQ(codes[code], mu_to_a(code));
    codes = every_code();
    G711(isa).transcode_to(Law::kMu, codes, codes);
    for (const std::uint8_t code : every_code())
      CHECK_EQ(codes[code], a_to_mu(code));
  }
}

TEST("aborts rather than write past the caller's buffer") {
  const std::array<std::int16_t, 8> samples{};
  std::array<std::uint8_t, 7> codes{};
  CHECK_ABORTS(G711(Isa::kC).encode(Law::kMu, samples, codes));
  std::array<std::int16_t, 6> decoded{};
  CHECK_ABORTS(G711(Isa::kC).decode(Law::kA, codes, decoded));
}

}  // namespace
