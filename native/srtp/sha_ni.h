// SHA-1's compression function by the CPU's SHA instructions. The library has the same, but behind
// a buffer and three calls a packet, which cost a voice packet about a fifth of its HMAC.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trunkyard::srtp {

/// Whether this CPU has the instructions that the function below uses.
[[nodiscard]] bool has_sha_ni() noexcept;

/// Hashes whole blocks into `state`, FIPS 180-4 §6.1.2. Only where has_sha_ni().
/// @param state  five words, host order. @param data  `blocks` x 64 bytes.
void compress_sha_ni(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) noexcept;

}  // namespace trunkyard::srtp
