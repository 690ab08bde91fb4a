// OpusEncoder and OpusDecoder: libopus behind our words. One channel inside: a stereo packet is
// decoded to its sum, and we send mono. The only file that knows libopus is opus.cc. RFC 6716; over
// RTP RFC 7587.
//
// Each object takes its memory once, in open(); afterwards nothing allocates. libopus works on the
// stack of the caller: up to about 64 KB for 60 ms at 48 kHz. An object belongs to one media thread
// at a time; two share nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "codec/opus_packet.h"
#include "codec/opus_policy.h"
#include "codec/pcm.h"

namespace trunkyard::codec {

/// No packet of ours is longer, whatever the policy: it fits a datagram with every header.
inline constexpr std::size_t kOpusPayloadBytesMax = 1'275;
static_assert(kOpusPayloadBytesMax + 128 < kPacketBytesMax);

/// What an encoder made of a frame.
struct OpusEncoded {
  /// In the buffer that was handed in; at least 1, at most kOpusPayloadBytesMax.
  std::size_t bytes = 0;
  /// False in the middle of a silence with DTX: don't send it, only let the RTP timestamp go on
  /// (RFC 7587 §3.1.3).
  bool send = true;
};

/// PCM to Opus, one packet a frame.
class OpusEncoder {
 public:
  /// Takes 30 KB.
  /// @returns kConfigInvalid when the policy is none that opus_policy() could have made: another
  ///          rate or frame length, a bitrate, complexity or loss out of range.
  [[nodiscard]] static Result<OpusEncoder> open(const OpusPolicy& policy);

  /// Samples of every frame: frame_ms at rate_hz.
  [[nodiscard]] std::size_t frame_samples() const noexcept { return frame_samples_; }
  /// What the RTP timestamp goes on by with every frame.
  [[nodiscard]] std::uint32_t frame_clock() const noexcept { return frame_clock_; }
  /// How much later the far side hears a sample than without coding, at rate_hz; the rest of the
  /// way not counted.
  [[nodiscard]] std::size_t delay_samples() const noexcept;

  /// @param frame exactly frame_samples() (CHECKed: our own framing makes them).
  /// @param into  for the payload; contents beyond the answer's `bytes` are spoiled.
  /// @returns kBufferFull when `into` has less than kOpusPayloadBytesMax, kPacketMalformed when
  ///          libopus can't encode the frame (no audio is known to do that).
  [[nodiscard]] Result<OpusEncoded> encode(Pcm frame, MutableBytes into) noexcept;

  // Settings that may change between two frames; what is out of range is moved to the nearest in
  // range.

  /// 0 to kOpusComplexityMax: lowered under load. 0 costs half of 5, but below 2 FEC may stop.
  void set_complexity(std::uint32_t complexity) noexcept;
  void set_bitrate(std::uint32_t bitrate_bps) noexcept;
  /// From the far side's receiver reports, percent; decides how much goes into FEC. No effect
  /// without FEC.
  void set_expected_loss(std::uint32_t loss_percent) noexcept;

  /// As if just opened, with the settings as they are: for a source that begins anew.
  void reset() noexcept;
  /// As if this one had encoded what `other` has, with the settings of that one.
  /// @param other of the same rate, frame length and DTX (CHECKed); stays as it is.
  void copy_state(const OpusEncoder& other) noexcept;

 private:
  OpusEncoder(std::unique_ptr<std::byte[]> state, const OpusPolicy& policy) noexcept;

  std::unique_ptr<std::byte[]> state_;  // libopus's, in place
  std::uint32_t frame_samples_;
  std::uint32_t frame_clock_;
  bool dtx_;
};

/// How a lost frame was filled.
enum class OpusRecovery : std::uint8_t {
  kRecovered,  ///< with the copy in the next packet
  kConcealed,  ///< by guessing on from what was heard
};

/// Opus to PCM of one rate; any packet of any sender, one after the other.
class OpusDecoder {
 public:
  /// Takes 18 KB.
  /// @param rate_hz of the PCM: 8,000, 16,000 or 48,000, whatever the packets hold; else
  ///                kConfigInvalid.
  [[nodiscard]] static Result<OpusDecoder> open(std::uint32_t rate_hz);

  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }

  /// Decodes a packet, as much of it as a PcmFrame holds (kFrameMsMax): nearly always all. Packets
  /// may last twice as long; so begin with frame 0, use `into`, and go on with the answer until it
  /// is the packet's frame_count(). After an error the rest of the packet is to be concealed. A
  /// silent packet (DTX) gives comfort noise.
  /// @param first_frame 0, or what the last call for this packet answered; below frame_count()
  ///                    (CHECKed).
  /// @param into        whole frames at rate_hz(); empty after an error.
  /// @returns the frame to go on with, or kPacketMalformed when the contents make no sense.
  [[nodiscard]] Result<std::uint32_t> decode(const OpusPacket& packet, std::uint32_t first_frame,
                                             PcmFrame& into) noexcept;

  /// Fills in for a packet that won't come, or for a gap in a sender's DTX: goes on as before and
  /// fades, or keeps up the comfort noise. Zeros before the first packet.
  /// @param samples a multiple of 2.5 ms, up to kFrameMsMax; else kConfigInvalid and `into` empty.
  ///                kPacketMalformed when libopus can't go on from what it decoded last (no packet
  ///                is known to do that).
  [[nodiscard]] Result<void> conceal(std::size_t samples, PcmFrame& into) noexcept;

  /// The same with the packet after the lost one at hand: takes the copy that it brings, if it
  /// does. `next` is to be decoded afterwards as usual.
  /// @param samples how much was lost, as for conceal(). When it's more than one frame of `next`,
  ///                only the end of it comes from the copy; when it's less, all is guessed.
  [[nodiscard]] Result<OpusRecovery> recover(const OpusPacket& next, std::size_t samples,
                                             PcmFrame& into) noexcept;

  /// As if just opened: for a stream that begins anew (another SSRC).
  void reset() noexcept;

 private:
  OpusDecoder(std::unique_ptr<std::byte[]> state, std::uint32_t rate_hz) noexcept;
  [[nodiscard]] bool is_concealable(std::size_t samples) const noexcept;

  std::unique_ptr<std::byte[]> state_;  // libopus's, in place
  std::uint32_t rate_hz_;
  bool last_was_celt_ = false;
};

}  // namespace trunkyard::codec
