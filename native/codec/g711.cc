// G.711 by frames: the plain C kernels and the choice between instruction sets.
#include "codec/g711.h"

#include "base/check.h"
#include "codec/g711_kernels.h"

namespace trunkyard::codec {
namespace {

// Decoding and translating are look-ups of 256 entries; encoding is arithmetic, because its table
// would take 16 KB of the cache away from everything else.
template <typename Value, Value (*kFunction)(std::uint8_t)>
constexpr std::array<Value, 256> make_table() noexcept {
  std::array<Value, 256> table{};
  for (std::size_t code = 0; code < table.size(); ++code) {
    table[code] = kFunction(static_cast<std::uint8_t>(code));
  }
  return table;
}
constexpr auto kMuDecoded = make_table<std::int16_t, mu_decode>();
constexpr auto kADecoded = make_table<std::int16_t, a_decode>();
constexpr auto kMuAsA = make_table<std::uint8_t, mu_to_a>();
constexpr auto kAAsMu = make_table<std::uint8_t, a_to_mu>();

void mu_encode_c(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; ++index)
    out[index] = mu_encode(in[index]);
}
void a_encode_c(const std::int16_t* in, std::uint8_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; ++index)
    out[index] = a_encode(in[index]);
}
void mu_decode_c(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; ++index)
    out[index] = kMuDecoded[in[index]];
}
void a_decode_c(const std::uint8_t* in, std::int16_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; ++index)
    out[index] = kADecoded[in[index]];
}
void mu_to_a_c(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; ++index)
    out[index] = kMuAsA[in[index]];
}
void a_to_mu_c(const std::uint8_t* in, std::uint8_t* out, std::size_t count) noexcept {
  for (std::size_t index = 0; index < count; ++index)
    out[index] = kAAsMu[in[index]];
}

constexpr G711Kernels kPlain = {mu_encode_c, a_encode_c, mu_decode_c,
                                a_decode_c,  mu_to_a_c,  a_to_mu_c};

}  // namespace

const G711Kernels& g711_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return kG711Avx512;
  if (isa == Isa::kAvx2) return kG711Avx2;
#endif
  (void)isa;
  return kPlain;
}

void G711::encode(Law law, Pcm in, MutableBytes out) const noexcept {
  CHECK(out.size() >= in.size());
  (law == Law::kMu ? kernels_->mu_encode : kernels_->a_encode)(in.data(), out.data(), in.size());
}

void G711::decode(Law law, Bytes in, MutablePcm out) const noexcept {
  CHECK(out.size() >= in.size());
  (law == Law::kMu ? kernels_->mu_decode : kernels_->a_decode)(in.data(), out.data(), in.size());
}

void G711::transcode_to(Law law, Bytes in, MutableBytes out) const noexcept {
  CHECK(out.size() >= in.size());
  (law == Law::kMu ? kernels_->a_to_mu : kernels_->mu_to_a)(in.data(), out.data(), in.size());
}

}  // namespace trunkyard::codec
