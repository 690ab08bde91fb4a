// OpusPacket: what an Opus packet is made of, told without decoding it. RFC 6716 §3. The jitter
// buffer and the decoder learn from it how long the packet lasts, whether it carries a copy of the
// frame before (FEC) and whether it holds sound at all. Copies nothing, owns nothing.
//
//    0 1 2 3 4 5 6 7
//   | config  |s| c |   config: mode, bandwidth and frame length; s: two channels; c: what follows
//
//   c = 0   one frame
//   c = 1   two frames of one size
//   c = 2   |size of the first| two frames
//   c = 3   |v|p|  count  | padding size, if p | sizes of all but the last, if v | frames | padding
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "base/result.h"

namespace trunkyard::codec {

/// The RTP clock of Opus, whatever the audio's own rate (RFC 7587 §4.1).
inline constexpr std::uint32_t kOpusClockHz = 48'000;
/// Frames last 2.5 to 60 ms, packets up to 120 ms (RFC 6716 §3.2, R5).
inline constexpr std::uint32_t kOpusPacketMsMax = 120;
inline constexpr std::uint32_t kOpusFramesMax = 48;
/// What the two size bytes of a frame can say (RFC 6716 §3.2.1, R2).
inline constexpr std::size_t kOpusFrameBytesMax = 1'275;

/// Linear prediction, for speech; the other for music; both, one for each half of the spectrum.
enum class OpusMode : std::uint8_t { kSilk, kHybrid, kCelt };

/// Audio up to 4, 6, 8, 12 and 20 kHz (RFC 6716 §2, table 1). Ordered.
enum class OpusBandwidth : std::uint8_t { kNarrow, kMedium, kWide, kSuperWide, kFull };

/// A packet whose lengths have been checked. Valid as long as the bytes it was parsed from.
class OpusPacket {
 public:
  /// Accepts what libopus accepts, no more and no less (the fuzz target compares).
  /// @returns kPacketTruncated when a length says more than there is (an empty payload too),
  ///          kPacketMalformed when frames of one size don't divide the bytes, a frame is over
  ///          kOpusFrameBytesMax, or the count is 0 or makes the packet last over 120 ms.
  [[nodiscard]] static Result<OpusPacket> parse(Bytes payload) noexcept;

  [[nodiscard]] OpusMode mode() const noexcept;
  [[nodiscard]] OpusBandwidth bandwidth() const noexcept;
  /// 1 or 2.
  [[nodiscard]] std::uint32_t channel_count() const noexcept { return (toc_ & 0x04) != 0 ? 2 : 1; }
  /// 1 to kOpusFramesMax.
  [[nodiscard]] std::uint32_t frame_count() const noexcept { return frame_count_; }
  /// One frame; may be empty or a single byte, which means that the sender has left it out (DTX).
  /// @param index below frame_count() (CHECKed).
  [[nodiscard]] Bytes frame(std::uint32_t index) const noexcept {
    CHECK(index < frame_count_);
    return payload_.subspan(frames_[index].offset, frames_[index].size);
  }

  /// Samples of one channel in a frame, and in the whole packet, if decoded at a rate.
  /// @param rate_hz 8,000, 12,000, 16,000, 24,000 or 48,000; kOpusClockHz for the step of the RTP
  ///                timestamp.
  [[nodiscard]] std::size_t samples_per_frame(std::uint32_t rate_hz) const noexcept;
  [[nodiscard]] std::size_t samples(std::uint32_t rate_hz) const noexcept {
    return samples_per_frame(rate_hz) * frame_count_;
  }

  /// No frame holds any sound: the sender is silent (DTX) and wants comfort noise for this long.
  [[nodiscard]] bool silent() const noexcept;
  /// The first frame brings a coarser copy of the frame before it, so that a lost packet can be
  /// recovered (RFC 6716 §4.2.4). For a stereo packet: of its sum, the channel that we decode.
  [[nodiscard]] bool has_fec() const noexcept;

  /// The first byte, without the two bits that say how many frames follow: the first byte of a
  /// packet of one frame.
  [[nodiscard]] std::uint8_t single_frame_toc() const noexcept {
    return static_cast<std::uint8_t>(toc_ & 0xfc);
  }
  [[nodiscard]] Bytes payload() const noexcept { return payload_; }

 private:
  struct Frame {
    std::uint32_t offset;
    std::uint16_t size;
  };

  explicit OpusPacket(Bytes payload, std::uint8_t toc) noexcept : payload_(payload), toc_(toc) {}
  [[nodiscard]] std::uint8_t config() const noexcept { return toc_ >> 3; }
  [[nodiscard]] ErrorCode place_frames(std::size_t offset, Bytes body, bool sizes_differ) noexcept;

  Bytes payload_;
  std::array<Frame, kOpusFramesMax> frames_ = {};
  std::uint8_t frame_count_ = 1;
  std::uint8_t toc_;
};

}  // namespace trunkyard::codec
