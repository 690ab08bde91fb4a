// The cryptographic primitives of SRTP: AES in counter mode, HMAC-SHA1, AES-GCM. This room's only
// door to the TLS library (OpenSSL 3; in production the one that node itself exports), and the
// place where our own kernels stand in for it when they are faster. Both ways give the same bytes.
//
// Everything is allocated when a primitive is made: a packet sets an IV and computes. A primitive
// belongs to one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/result.h"
#include "srtp/aes_ni.h"

// OpenSSL's cipher context; its headers stay in cipher.cc.
struct evp_cipher_ctx_st;

namespace trunkyard::srtp {

inline constexpr std::size_t kAesBlockBytes = 16;
inline constexpr std::size_t kSha1Bytes = 20;
inline constexpr std::size_t kGcmIvBytes = 12;
inline constexpr std::size_t kGcmTagBytes = 16;

/// Whether the TLS library in this process is of the major version we were compiled for; others may
/// differ in the layout of what they hand out. Ask once at start.
/// @returns kCryptoUnavailable when it is not.
[[nodiscard]] Result<void> check_library() noexcept;

/// Which of our own kernels to use; what is false is left to the library.
struct Kernels {
  bool aes_ni = false;
  bool sha_ni = false;
};
/// The fastest kernels of this CPU; Isa::kC asks for the library's alone.
[[nodiscard]] Kernels choose_kernels(Isa isa) noexcept;

/// Overwrites a secret so that no compiler leaves it out.
void wipe(MutableBytes secret) noexcept;
/// Whether both hold the same; the time tells nothing of where they differ. False for different
/// lengths.
[[nodiscard]] bool equal_in_constant_time(Bytes left, Bytes right) noexcept;

struct FreeCipherContext {
  void operator()(evp_cipher_ctx_st* context) const noexcept;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, FreeCipherContext>;

/// AES in counter mode (RFC 3711 §4.1.1).
class CounterMode {
 public:
  using Counter = std::array<std::uint8_t, kAesBlockBytes>;

  /// @param key  16 or 32 bytes; 32 always go to the library (only key derivation needs them).
  /// @returns kConfigInvalid for other lengths, kCryptoUnavailable when the library refuses.
  [[nodiscard]] static Result<CounterMode> create(Bytes key, Kernels kernels) noexcept;
  CounterMode(CounterMode&&) noexcept = default;
  CounterMode& operator=(CounterMode&&) noexcept = default;
  ~CounterMode();

  /// Adds the keystream to `data` in place: encrypts what was plain, decrypts what was not.
  /// @param first  counter block of the first 16 bytes; its last two bytes are 0 (CHECKed), as they
  ///               count the blocks. So `data` is at most 1 MiB (CHECKed).
  /// @returns false when the library failed; `data` must then not be sent.
  [[nodiscard]] bool apply(const Counter& first, MutableBytes data) noexcept;

 private:
  CounterMode() noexcept = default;

  AesSchedule schedule_ = {};
  CipherContext library_;  // none: our own kernel
};

/// HMAC-SHA1 (RFC 2104) under one key. The two padded key blocks are hashed once, which saves half
/// of the work for a packet of voice.
class Authenticator {
 public:
  using Tag = std::array<std::uint8_t, kSha1Bytes>;

  /// @param key  at most 64 bytes (CHECKed); SRTP's has 20.
  Authenticator(Bytes key, Kernels kernels) noexcept;
  Authenticator(Authenticator&&) noexcept = default;
  Authenticator& operator=(Authenticator&&) noexcept = default;
  ~Authenticator();

  /// The full tag over `text` and four more bytes, which RFC 3711 §4.2 appends without sending them
  /// (the rollover counter), big-endian.
  [[nodiscard]] Tag sign(Bytes text, std::uint32_t appended) const noexcept;
  /// The full tag over `text`.
  [[nodiscard]] Tag sign(Bytes text) const noexcept;

 private:
  using State = std::array<std::uint32_t, 5>;
  using Compress = void (*)(std::uint32_t* state, const std::uint8_t* data,
                            std::size_t blocks) noexcept;

  [[nodiscard]] Tag finish(Bytes text, Bytes appended) const noexcept;

  Compress compress_;
  State inner_;
  State outer_;
};

/// AES-GCM with a 12-byte IV and a 16-byte tag (RFC 7714 §5).
class GcmMode {
 public:
  using Iv = std::array<std::uint8_t, kGcmIvBytes>;

  enum class Direction : std::uint8_t { kSeal, kOpen };

  /// @param key  16 or 32 bytes.
  /// @returns kConfigInvalid for other lengths, kCryptoUnavailable when the library refuses.
  [[nodiscard]] static Result<GcmMode> create(Bytes key, Direction direction) noexcept;

  /// Encrypts `data` in place and writes its tag, which covers the associated data too. Made for
  /// kSeal (CHECKed).
  /// @param tag  kGcmTagBytes (CHECKed); must not overlap `data`.
  /// @returns false when the library failed; `data` must then not be sent.
  [[nodiscard]] bool seal(const Iv& iv, Bytes associated_head, Bytes associated_tail,
                          MutableBytes data, MutableBytes tag) noexcept;
  /// Decrypts `data` in place when the tag is right. Made for kOpen (CHECKed).
  /// @returns false when the tag is wrong; `data` is then what it was before.
  [[nodiscard]] bool open(const Iv& iv, Bytes associated_head, Bytes associated_tail,
                          MutableBytes data, Bytes tag) noexcept;

 private:
  GcmMode(CipherContext library, Direction direction) noexcept
      : library_(std::move(library)), direction_(direction) {}

  CipherContext library_;
  Direction direction_;
};

}  // namespace trunkyard::srtp
