// How we encode Opus for one far side: its wishes (the fmtp and ptime lines, RFC 7587 §6.1, read by
// the control plane) and ours joined to one setting of the encoder. Pure; the text of SDP never
// comes here.
#pragma once

#include <cstdint>

#include "base/limits.h"
#include "codec/opus_packet.h"

namespace trunkyard::codec {

/// The least and the most that RFC 7587 §6.1 knows for a stream.
inline constexpr std::uint32_t kOpusBitrateBpsMin = 6'000;
inline constexpr std::uint32_t kOpusBitrateBpsMax = 510'000;
/// More than this makes one channel of speech no better, and keeps 60 ms within one datagram of an
/// Ethernet.
inline constexpr std::uint32_t kOpusVoiceBitrateBpsMax = 128'000;
inline constexpr std::uint32_t kOpusComplexityMax = 10;

/// What the far side says of itself as a receiver. The defaults are those of an absent parameter.
struct OpusFmtp {
  std::uint32_t max_playback_rate_hz = 48'000;
  std::uint32_t max_average_bitrate_bps = kOpusBitrateBpsMax;
  std::uint32_t ptime_ms = 20;
  std::uint32_t min_ptime_ms = 3;  ///< not in RFC 7587, but every browser says it
  std::uint32_t max_ptime_ms = kOpusPacketMsMax;
  bool use_inband_fec = false;
  bool use_dtx = false;
  bool cbr = false;
  // `stereo` is left out: we send one channel, which every receiver must take (RFC 7587 §6.1).
};

/// What we have and want ourselves.
struct OpusWishes {
  /// Rate of the audio at hand: 8,000, 16,000 or 48,000 Hz. A caller from G.711 needs the 8 kHz
  /// encoder alone, which costs less than half.
  std::uint32_t source_rate_hz = 48'000;
  /// 0 = what suits the bandwidth, the frame and FEC.
  std::uint32_t bitrate_bps = 0;
  /// 0 (cheap) to 10 (best). Below 2 libopus may leave FEC out at a bitrate that suits the rest.
  std::uint32_t complexity = 5;
  /// How much of what we send is expected to be lost, percent; the encoder puts the more bits into
  /// FEC the more it is. Used only when the far side wants FEC.
  std::uint32_t loss_percent = 5;
  /// Whether silence may be left out when the far side would like that.
  bool dtx_allowed = true;
};

/// One setting of the encoder (OpusEncoder::open).
struct OpusPolicy {
  std::uint32_t rate_hz = 48'000;  ///< of the PCM that goes in: 8,000, 16,000 or 48,000
  std::uint32_t frame_ms = 20;     ///< 10, 20, 40 or 60
  OpusBandwidth bandwidth_max = OpusBandwidth::kFull;
  std::uint32_t bitrate_bps = 32'000;  ///< kOpusBitrateBpsMin to kOpusBitrateBpsMax
  std::uint32_t complexity = 5;        ///< 0 to kOpusComplexityMax
  std::uint32_t loss_percent = 0;      ///< 0 to 100; 0 writes no FEC
  bool fec = false;
  bool dtx = false;
  bool cbr = false;

  [[nodiscard]] bool operator==(const OpusPolicy&) const noexcept = default;
};

/// The frame to send for a wished packet time: the longest of 10, 20, 40 and 60 ms that isn't
/// longer, 10 if all are. So 30 becomes 20 and 50 becomes 40. Opus has no such frames, and a packet
/// of three of 10 ms could not follow the encoder when it changes its mode between them (RFC 6716
/// §3.2); ptime is a wish that a sender may decline (RFC 8866 §6.4).
[[nodiscard]] constexpr std::uint32_t opus_frame_ms(std::uint32_t ptime_ms) noexcept {
  if (ptime_ms >= 60) return 60;
  if (ptime_ms >= 40) return 40;
  return ptime_ms >= 20 ? 20 : 10;
}

/// With FEC, Opus is made no simpler than this: below it libopus may leave the FEC out.
inline constexpr std::uint32_t kOpusFecComplexityMin = 2;

/// The complexity to work at when there is too little time.
/// @param steps how much simpler than the policy wants, as far as that goes.
[[nodiscard]] constexpr std::uint32_t relieved_complexity(const OpusPolicy& policy,
                                                          std::uint32_t steps) noexcept {
  const std::uint32_t least = policy.fec ? kOpusFecComplexityMin : 0;
  if (policy.complexity <= least) return policy.complexity;
  return steps < policy.complexity - least ? policy.complexity - steps : least;
}

/// Joins both sides' wishes. Values of the far side out of range are moved to the nearest that
/// makes sense.
/// @param wishes source_rate_hz must be one of the three rates (CHECKed).
/// @returns a policy that OpusEncoder::open accepts: never a wider band, a higher rate or a longer
///          packet than the far side asked for (10 ms being our shortest).
[[nodiscard]] OpusPolicy opus_policy(const OpusFmtp& far, const OpusWishes& wishes) noexcept;

}  // namespace trunkyard::codec
