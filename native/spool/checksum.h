// Checksums of files: CRC-32C over blocks and tables, Ogg's own CRC over pages, and a 64-bit hash
// that is chained from block to block, so that a whole recording has one number. None of them
// stands against an attacker; the hash that goes into a signed or billed record is made where files
// are sent.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace trunkyard::spool {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4): of "123456789" it is 0xe3069283.
/// @param before the CRC of what comes before `bytes`; 0 at the start.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0) noexcept;

/// The CRC of Ogg pages (RFC 3533 §6): polynomial 0x04c11db7, most significant bit first, no
/// inversion. Of "123456789" it is 0x89a1897f.
/// @param before as for crc32c().
[[nodiscard]] std::uint32_t ogg_crc(Bytes bytes, std::uint32_t before = 0) noexcept;

/// XXH64 (Yann Collet's xxHash, 64-bit variant, as its specification has it).
/// @param seed where blocks are chained, the hash of all before.
[[nodiscard]] std::uint64_t xxh64(Bytes bytes, std::uint64_t seed) noexcept;

}  // namespace trunkyard::spool
