// Payloads of G.711 from law to law, compared with the functions for one code.
#include "pipeline/payload_converter.h"

#include <vector>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;

TEST("changes every code of one law to the other where it lies, at any length, on every machine") {
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512}) {
    if (isa > best_isa()) continue;
    const PayloadConverter to_a({.to = codec::Law::kA, .isa = isa});
    const PayloadConverter to_mu({.to = codec::Law::kMu, .isa = isa});
    for (std::size_t size = 0; size <= 300; ++size) {
      std::vector<std::uint8_t> codes(size + 1, 0x42);
      std::vector<std::uint8_t> other = codes;
      for (std::size_t index = 0; index < size; ++index)
        codes[index] = other[index] = static_cast<std::uint8_t>(index * 7 + size);
      to_a.convert(MutableBytes(codes).first(size));
      to_mu.convert(MutableBytes(other).first(size));
      for (std::size_t index = 0; index < size; ++index) {
        const auto code = static_cast<std::uint8_t>(index * 7 + size);
        CHECK_EQ(codes[index], codec::mu_to_a(code));
        CHECK_EQ(other[index], codec::a_to_mu(code));
      }
      CHECK_EQ(codes[size], 0x42);
      CHECK_EQ(other[size], 0x42);
    }
  }
}

}  // namespace
