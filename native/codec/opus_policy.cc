#include "codec/opus_policy.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "codec/pcm.h"

namespace trunkyard::codec {
namespace {

struct Band {
  std::uint32_t
      playback_rate_hz;       ///< the least maxplaybackrate that lets it be heard (RFC 7587 §6.1)
  std::uint32_t pcm_rate_hz;  ///< the least of our rates that carries it
  std::uint32_t bitrate_bps;  ///< what suits speech in it (RFC 7587 §3.1.1, with room for FEC)
  OpusBandwidth bandwidth;
};

constexpr std::array<Band, 5> kBands = {{
    {8'000, 8'000, 16'000, OpusBandwidth::kNarrow},
    {12'000, 16'000, 20'000, OpusBandwidth::kMedium},
    {16'000, 16'000, 24'000, OpusBandwidth::kWide},
    {24'000, 48'000, 28'000, OpusBandwidth::kSuperWide},
    {48'000, 48'000, 32'000, OpusBandwidth::kFull},
}};

/// Under a rate that depends on band, loss and complexity, libopus leaves FEC out even if it is on.
/// With this much more it doesn't, from complexity 2 and a loss of 1 % up (a test tries).
constexpr std::uint32_t kFecBitrateBps = 4'000;
/// What frames of 10 ms need beyond those of 20 for the same sound.
constexpr std::uint32_t kShortFrameBitrateBps = 4'000;

/// The widest band that both the far side's ears and our source have.
const Band& widest_band(std::uint32_t playback_rate_hz, std::uint32_t source_rate_hz) noexcept {
  const Band* widest = &kBands[0];
  for (const Band& band : kBands) {
    if (band.playback_rate_hz <= playback_rate_hz && band.playback_rate_hz <= source_rate_hz) {
      widest = &band;
    }
  }
  return *widest;
}

/// The frame for the wished packet time, within the far side's bounds. When no frame of ours lies
/// between them, the upper one holds: a packet too long may not fit the far side's buffer.
std::uint32_t frame_ms_within(const OpusFmtp& far) noexcept {
  std::uint32_t wanted = std::max(far.ptime_ms, far.min_ptime_ms);
  std::uint32_t frame_ms = opus_frame_ms(wanted);
  for (const std::uint32_t longer : {20u, 40u, 60u}) {
    if (frame_ms < far.min_ptime_ms && longer > frame_ms) frame_ms = longer;
  }
  return std::min(frame_ms, opus_frame_ms(far.max_ptime_ms));
}

}  // namespace

OpusPolicy opus_policy(const OpusFmtp& far, const OpusWishes& wishes) noexcept {
  CHECK(is_pcm_rate(wishes.source_rate_hz));
  const Band& band = widest_band(far.max_playback_rate_hz, wishes.source_rate_hz);
  const std::uint32_t frame_ms = frame_ms_within(far);
  const std::uint32_t suitable_bps = band.bitrate_bps + (far.use_inband_fec ? kFecBitrateBps : 0) +
                                     (frame_ms < 20 ? kShortFrameBitrateBps : 0);
  const std::uint32_t wanted_bps = wishes.bitrate_bps == 0 ? suitable_bps : wishes.bitrate_bps;
  const std::uint32_t bitrate_bps_max =
      std::clamp(far.max_average_bitrate_bps, kOpusBitrateBpsMin, kOpusVoiceBitrateBpsMax);
  return {
      .rate_hz = band.pcm_rate_hz,
      .frame_ms = frame_ms,
      .bandwidth_max = band.bandwidth,
      .bitrate_bps = std::clamp(wanted_bps, kOpusBitrateBpsMin, bitrate_bps_max),
      .complexity = std::min(wishes.complexity, kOpusComplexityMax),
      .loss_percent = far.use_inband_fec ? std::min(wishes.loss_percent, 100u) : 0,
      .fec = far.use_inband_fec,
      .dtx = far.use_dtx && wishes.dtx_allowed,
      .cbr = far.cbr,
  };
}

}  // namespace trunkyard::codec
