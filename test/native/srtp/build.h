// Builders for the tests of SRTP: bytes from hexadecimal text, keys, packets in a buffer with room.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/prng.h"
#include "native/rtp/build.h"
#include "srtp/context.h"
#include "srtp/master_key.h"
#include "srtp/suite.h"

namespace test {

/// Bytes of hexadecimal text; anything but hexadecimal digits is skipped.
inline Buffer hex(std::string_view text) {
  Buffer out;
  int high = -1;
  for (const char letter : text) {
    const int digit = letter >= '0' && letter <= '9'   ? letter - '0'
                      : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                      : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                                       : -1;
    if (digit < 0) continue;
    if (high >= 0) out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

inline Buffer random_bytes(trunkyard::Prng& prng, std::size_t count) {
  Buffer out(count);
  for (std::uint8_t& byte : out)
    byte = static_cast<std::uint8_t>(prng.next_u32());
  return out;
}

inline constexpr trunkyard::srtp::Suite kAllSuites[] = {
    trunkyard::srtp::Suite::kAesCm128HmacSha1Tag80,
    trunkyard::srtp::Suite::kAesCm128HmacSha1Tag32,
    trunkyard::srtp::Suite::kAeadAes128Gcm,
    trunkyard::srtp::Suite::kAeadAes256Gcm,
};

/// A key that `number` chooses.
inline trunkyard::srtp::MasterKey a_key(trunkyard::srtp::Suite suite, std::uint64_t number = 1,
                                        const Buffer& mki = {}) {
  trunkyard::Prng prng(number);
  const auto shape = trunkyard::srtp::shape_of(suite);
  const Buffer key = random_bytes(prng, shape.key_bytes);
  const Buffer salt = random_bytes(prng, shape.salt_bytes);
  return trunkyard::srtp::MasterKey::from_bytes(suite, key, salt, mki).value();
}

/// What a context made of a packet.
struct Sent {
  trunkyard::srtp::Verdict verdict;
  Buffer bytes;
};

inline Sent protect(trunkyard::srtp::SendContext& context, Buffer packet) {
  const std::size_t plain_bytes = packet.size();
  packet.resize(plain_bytes + trunkyard::kSrtpTailBytesMax, 0xee);
  const auto outcome = context.protect_rtp(packet, plain_bytes);
  packet.resize(outcome.bytes);
  return {outcome.verdict, packet};
}
inline Sent protect_rtcp(trunkyard::srtp::SendContext& context, Buffer packet) {
  const std::size_t plain_bytes = packet.size();
  packet.resize(plain_bytes + trunkyard::kSrtpTailBytesMax, 0xee);
  const auto outcome = context.protect_rtcp(packet, plain_bytes);
  packet.resize(outcome.bytes);
  return {outcome.verdict, packet};
}
/// Of a refused packet, the bytes as they were left.
inline Sent unprotect(trunkyard::srtp::ReceiveContext& context, Buffer packet) {
  const auto outcome = context.unprotect_rtp(packet);
  if (outcome.verdict == trunkyard::srtp::Verdict::kOk) packet.resize(outcome.bytes);
  return {outcome.verdict, packet};
}
inline Sent unprotect_rtcp(trunkyard::srtp::ReceiveContext& context, Buffer packet) {
  const auto outcome = context.unprotect_rtcp(packet);
  if (outcome.verdict == trunkyard::srtp::Verdict::kOk) packet.resize(outcome.bytes);
  return {outcome.verdict, packet};
}

}  // namespace test
