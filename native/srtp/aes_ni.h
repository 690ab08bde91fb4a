// AES-128 in counter mode by the CPU's AES instructions. For a packet of voice the library's own
// code is about as fast, but setting its IV costs more than the encryption itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace trunkyard::srtp {

/// The eleven round keys of AES-128 (FIPS 197 §5.2).
struct alignas(16) AesSchedule {
  std::array<std::uint8_t, 176> bytes;
};

/// Whether this CPU has the instructions that the two functions below use.
[[nodiscard]] bool has_aes_ni() noexcept;

/// @param key  16 bytes. Only where has_aes_ni().
void expand_key_aes_ni(const std::uint8_t* key, AesSchedule& schedule) noexcept;

/// Adds the keystream in place. Only where has_aes_ni().
/// @param counter  16 bytes, the block of the first 16 of `data`; its last 32 bits count on,
///                 big-endian, without a carry into the rest.
void apply_counter_aes_ni(const AesSchedule& schedule, const std::uint8_t* counter,
                          std::uint8_t* data, std::size_t bytes) noexcept;

}  // namespace trunkyard::srtp
