// Redundant audio: one RTP payload that carries earlier frames beside the present one, so that a
// lost packet's audio comes again with the next. RFC 2198. Copies nothing but what the writer
// writes.
//
//   earlier blocks, 4 bytes each:    |1|  block PT   |  timestamp offset (14)  | length (10) |
//   the present one, last, 1 byte:   |0|  block PT   |
//   then the payloads in the same order; the present one takes what is left
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/check.h"
#include "base/result.h"

namespace trunkyard::rtp {

/// Earlier frames in one packet. Two bridge a burst of two losses; more delay the call instead of
/// helping it. Of a packet that brings more, the newest are kept.
inline constexpr std::uint32_t kRedundantBlocksMax = 4;
inline constexpr std::uint32_t kRedundantOffsetMax = (1u << 14) - 1;
inline constexpr std::size_t kRedundantBytesMax = (1u << 10) - 1;

struct RedundantBlock {
  std::uint8_t payload_type = 0;  ///< 0..127, of what is inside
  std::uint32_t timestamp_offset =
      0;          ///< so many clock steps before the packet's timestamp; 0 = now
  Bytes payload;  ///< may be empty
};

/// What a redundant payload holds. Valid as long as the bytes it was parsed from.
class RedundantPayload {
 public:
  /// @param payload of a packet whose payload type is mapped to `audio/red`.
  /// @returns kPacketTruncated when headers or lengths reach beyond the payload. O(headers).
  [[nodiscard]] static Result<RedundantPayload> parse(Bytes payload) noexcept;

  /// The present frame; its offset is 0.
  [[nodiscard]] const RedundantBlock& primary() const noexcept { return blocks_[count_]; }
  /// How many earlier ones are kept: 0..kRedundantBlocksMax.
  [[nodiscard]] std::uint32_t earlier_count() const noexcept { return count_; }
  /// The newest of them in the order they were written, the oldest first. @param index below
  /// earlier_count()
  /// (CHECKed).
  [[nodiscard]] const RedundantBlock& earlier(std::uint32_t index) const noexcept {
    CHECK(index < count_);
    return blocks_[index];
  }

 private:
  RedundantPayload() noexcept = default;

  std::array<RedundantBlock, kRedundantBlocksMax + 1> blocks_ = {};
  std::uint32_t count_ = 0;
};

/// Writes a redundant payload.
/// @param earlier the oldest first. One that its header can't describe (no or too great an offset,
/// too
///                long) is left out, as are the oldest of more than kRedundantBlocksMax: redundancy
///                is a favour.
/// @param primary its offset is not looked at.
/// @returns the bytes written at the start of `into`, kBufferFull when they don't fit,
///          kPayloadTypeInvalid for a type above 127.
[[nodiscard]] Result<Bytes> write_redundant_payload(MutableBytes into,
                                                    std::span<const RedundantBlock> earlier,
                                                    const RedundantBlock& primary) noexcept;

}  // namespace trunkyard::rtp
