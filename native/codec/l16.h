// L16: linear PCM on the wire, 16-bit big-endian samples of one channel (RFC 3551 §4.5.11). Served
// at the rates audio has inside (pcm.h), each of which is then also the RTP clock.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

/// @param in an even number of bytes (CHECKed). @param out at least half as many samples (CHECKed).
inline void l16_decode(Bytes in, MutablePcm out) noexcept {
  CHECK(in.size() % 2 == 0);
  CHECK(out.size() >= in.size() / 2);
  for (std::size_t index = 0; index < in.size() / 2; ++index) {
    out[index] = static_cast<std::int16_t>(load_u16(in.data() + 2 * index));
  }
}

/// @param out at least two bytes a sample (CHECKed).
inline void l16_encode(Pcm in, MutableBytes out) noexcept {
  CHECK(out.size() >= 2 * in.size());
  for (std::size_t index = 0; index < in.size(); ++index) {
    store_u16(out.data() + 2 * index, static_cast<std::uint16_t>(in[index]));
  }
}

}  // namespace trunkyard::codec
