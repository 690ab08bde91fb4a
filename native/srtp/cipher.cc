// See cipher.h.
//
// SHA1_Update and SHA_CTX are marked as deprecated by OpenSSL 3, whose EVP interface can't start
// from a state that was hashed before without allocating for each packet. They are part of the
// library's stable interface as long as its major version is 3, which check_library() makes sure
// of.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "srtp/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/check.h"
#include "srtp/sha_ni.h"

namespace trunkyard::srtp {
namespace {

static_assert(OPENSSL_VERSION_MAJOR == 3, "read what became of SHA_CTX before moving on");

constexpr std::size_t kShaBlockBytes = SHA_CBLOCK;
/// The blocks of one keystream are counted in 16 bits.
constexpr std::size_t kCounterBytesMax = kAesBlockBytes << 16;

void compress_by_library(std::uint32_t* state, const std::uint8_t* data,
                         std::size_t blocks) noexcept {
  SHA_CTX context;
  (void)SHA1_Init(&context);
  context.h0 = state[0];
  context.h1 = state[1];
  context.h2 = state[2];
  context.h3 = state[3];
  context.h4 = state[4];
  (void)SHA1_Update(&context, data, blocks * kShaBlockBytes);
  state[0] = context.h0;
  state[1] = context.h1;
  state[2] = context.h2;
  state[3] = context.h3;
  state[4] = context.h4;
}

[[nodiscard]] int length_of(Bytes bytes) noexcept {
  CHECK(bytes.size() <= kCounterBytesMax);
  return static_cast<int>(bytes.size());
}

/// A context keyed once for good. @returns none when the library refuses.
CipherContext keyed(const EVP_CIPHER* cipher, Bytes key, bool seal) noexcept {
  CipherContext context(EVP_CIPHER_CTX_new());
  if (context == nullptr) return context;
  if (EVP_CipherInit_ex(context.get(), cipher, nullptr, key.data(), nullptr, seal ? 1 : 0) != 1) {
    context.reset();
  }
  return context;
}

/// One pass of the library over `data` in place; over associated data when `out` is none.
[[nodiscard]] bool update(EVP_CIPHER_CTX* context, std::uint8_t* out, Bytes data) noexcept {
  if (data.empty()) return true;
  int written = 0;
  return EVP_CipherUpdate(context, out, &written, data.data(), length_of(data)) == 1;
}

[[nodiscard]] bool set_iv(EVP_CIPHER_CTX* context, const std::uint8_t* iv) noexcept {
  // -1: encrypting or decrypting stays as it was.
  return EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, iv, -1) == 1;
}

}  // namespace

Result<void> check_library() noexcept {
  if (OPENSSL_version_major() != OPENSSL_VERSION_MAJOR) {
    return Error{ErrorCode::kCryptoUnavailable};
  }
  return {};
}

Kernels choose_kernels(Isa isa) noexcept {
  if (isa == Isa::kC) return {};
  return {.aes_ni = has_aes_ni(), .sha_ni = has_sha_ni()};
}

void wipe(MutableBytes secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
}

bool equal_in_constant_time(Bytes left, Bytes right) noexcept {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

void FreeCipherContext::operator()(evp_cipher_ctx_st* context) const noexcept {
  EVP_CIPHER_CTX_free(context);
}

// --- AES in counter mode

Result<CounterMode> CounterMode::create(Bytes key, Kernels kernels) noexcept {
  if (key.size() != 16 && key.size() != 32) return Error{ErrorCode::kConfigInvalid};
  CounterMode mode;
  if (key.size() == 16 && kernels.aes_ni) {
    expand_key_aes_ni(key.data(), mode.schedule_);
    return mode;
  }
  mode.library_ = keyed(key.size() == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), key, true);
  if (mode.library_ == nullptr) return Error{ErrorCode::kCryptoUnavailable};
  return mode;
}

CounterMode::~CounterMode() {
  wipe(schedule_.bytes);
}

bool CounterMode::apply(const Counter& first, MutableBytes data) noexcept {
  CHECK(first[14] == 0 && first[15] == 0);
  CHECK(data.size() <= kCounterBytesMax);
  if (library_ == nullptr) {
    apply_counter_aes_ni(schedule_, first.data(), data.data(), data.size());
    return true;
  }
  return set_iv(library_.get(), first.data()) && update(library_.get(), data.data(), data);
}

// --- HMAC-SHA1

Authenticator::Authenticator(Bytes key, Kernels kernels) noexcept
    : compress_(kernels.sha_ni ? &compress_sha_ni : &compress_by_library) {
  CHECK(key.size() <= kShaBlockBytes);
  // FIPS 180-4 §5.3.1.
  constexpr State kStart{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<std::uint8_t, kShaBlockBytes> pad;
  for (State* state : {&inner_, &outer_}) {
    pad.fill(state == &inner_ ? 0x36 : 0x5c);
    for (std::size_t index = 0; index < key.size(); ++index) {
      pad[index] ^= key[index];
    }
    *state = kStart;
    compress_(state->data(), pad.data(), 1);
  }
  wipe(pad);
}

Authenticator::~Authenticator() {
  // Who has these states can sign.
  for (State* state : {&inner_, &outer_}) {
    OPENSSL_cleanse(state->data(), sizeof *state);
  }
}

Authenticator::Tag Authenticator::sign(Bytes text, std::uint32_t appended) const noexcept {
  std::array<std::uint8_t, 4> bytes;
  store_u32(bytes.data(), appended);
  return finish(text, bytes);
}

Authenticator::Tag Authenticator::sign(Bytes text) const noexcept {
  return finish(text, {});
}

Authenticator::Tag Authenticator::finish(Bytes text, Bytes appended) const noexcept {
  // Whole blocks are hashed where they lie; what is left goes into one or two blocks of our own,
  // with a bit set behind it and the count of bits at the end (FIPS 180-4 §5.1.1). The padded key
  // counts as a block of the text.
  State state = inner_;
  const std::size_t whole = text.size() / kShaBlockBytes;
  compress_(state.data(), text.data(), whole);

  std::array<std::uint8_t, 2 * kShaBlockBytes> tail;
  std::size_t used = text.size() - whole * kShaBlockBytes;
  if (used > 0) std::memcpy(tail.data(), text.data() + whole * kShaBlockBytes, used);
  for (const std::uint8_t byte : appended)
    tail[used++] = byte;
  tail[used++] = 0x80;
  const std::size_t blocks = used + 8 <= kShaBlockBytes ? 1 : 2;
  std::memset(tail.data() + used, 0, blocks * kShaBlockBytes - used);
  const std::uint64_t bytes = kShaBlockBytes + text.size() + appended.size();
  store_u64(tail.data() + blocks * kShaBlockBytes - 8, bytes * 8);
  compress_(state.data(), tail.data(), blocks);

  std::array<std::uint8_t, kShaBlockBytes> last = {};
  for (std::size_t index = 0; index < state.size(); ++index) {
    store_u32(last.data() + 4 * index, state[index]);
  }
  last[kSha1Bytes] = 0x80;
  store_u64(last.data() + kShaBlockBytes - 8, (kShaBlockBytes + kSha1Bytes) * 8);
  state = outer_;
  compress_(state.data(), last.data(), 1);

  Tag tag;
  for (std::size_t index = 0; index < state.size(); ++index) {
    store_u32(tag.data() + 4 * index, state[index]);
  }
  return tag;
}

// --- AES-GCM

Result<GcmMode> GcmMode::create(Bytes key, Direction direction) noexcept {
  if (key.size() != 16 && key.size() != 32) return Error{ErrorCode::kConfigInvalid};
  CipherContext context = keyed(key.size() == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), key,
                                direction == Direction::kSeal);
  if (context == nullptr) return Error{ErrorCode::kCryptoUnavailable};
  return GcmMode(std::move(context), direction);
}

bool GcmMode::seal(const Iv& iv, Bytes associated_head, Bytes associated_tail, MutableBytes data,
                   MutableBytes tag) noexcept {
  CHECK(direction_ == Direction::kSeal);
  CHECK(tag.size() == kGcmTagBytes);
  EVP_CIPHER_CTX* context = library_.get();
  int written = 0;
  return set_iv(context, iv.data()) && update(context, nullptr, associated_head) &&
         update(context, nullptr, associated_tail) && update(context, data.data(), data) &&
         EVP_CipherFinal_ex(context, tag.data(), &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kGcmTagBytes),
                             tag.data()) == 1;
}

bool GcmMode::open(const Iv& iv, Bytes associated_head, Bytes associated_tail, MutableBytes data,
                   Bytes tag) noexcept {
  CHECK(direction_ == Direction::kOpen);
  if (tag.size() != kGcmTagBytes) return false;
  EVP_CIPHER_CTX* context = library_.get();
  std::array<std::uint8_t, kGcmTagBytes> expected;
  std::memcpy(expected.data(), tag.data(), expected.size());
  if (!set_iv(context, iv.data()) || !update(context, nullptr, associated_head) ||
      !update(context, nullptr, associated_tail) || !update(context, data.data(), data)) {
    return false;
  }
  int written = 0;
  if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kGcmTagBytes),
                          expected.data()) == 1 &&
      EVP_CipherFinal_ex(context, expected.data(), &written) == 1) {
    return true;
  }
  // The library decrypts before it knows the tag. Adding the same keystream again undoes that, so
  // that nothing unauthenticated is left in the caller's hands and it may try another index.
  (void)(set_iv(context, iv.data()) && update(context, data.data(), data));
  return false;
}

}  // namespace trunkyard::srtp
