// How good a leg sounds, as a number: the E-model of ITU-T G.107, fed with what the jitter buffer
// has seen of the received packets. Nothing of it needs RTCP from the peer.
//
//   R  = 93.2 - Id - Ie,eff          of 0 to 100; the other terms at their defaults (G.107 table 2)
//   Ie,eff = Ie + (95 - Ie) x Ppl / (Ppl / BurstR + Bpl)
//
// MOS-LQ leaves Id out: how it sounds. MOS-CQ has it: how one talks over it. Both are estimates for
// planning, made for averages over calls; no verdict on a single one.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace trunkyard::jitter {

/// How a codec takes losses, on the narrow-band scale of G.107 or the wide-band one of G.107.1.
struct CodecImpairment {
  double equipment = 0;        ///< Ie, or Ie,WB if is_wideband
  double loss_robustness = 1;  ///< Bpl; above 0
  /// Rated on the scale to 129 of G.107.1, then divided by 1.29, so that all legs compare.
  bool is_wideband = false;
};

/// G.711 with concealment as in its Appendix I, and without: G.113 table I.
inline constexpr CodecImpairment kG711Concealed{0, 25.1, false};
inline constexpr CodecImpairment kG711Bare{0, 4.3, false};
/// Linear samples, concealed like G.711, which adds next to nothing to them.
inline constexpr CodecImpairment kLinearConcealed{0, 25.1, false};
/// G.722 at 64 kbit/s: Ie,WB of G.113 appendix IV. Its Bpl holds for concealment in the linear
/// domain and is an assumption of ours: below G.711's, since the decoder's state is lost too.
inline constexpr CodecImpairment kG722Concealed{13, 13, true};
/// Opus is in no table of the ITU. Ours, on the cautious side: in wide band (from 20 kbit/s)
/// somewhat above G.722, in narrow band like the better mobile codecs, in either more robust than
/// G.722 and less than G.711, whose frames depend on no state.
inline constexpr CodecImpairment kOpusWide{8, 20, true};
inline constexpr CodecImpairment kOpusNarrow{5, 15, false};

/// What was heard of a stream; counts of BufferStatistics, or their growth over an interval.
struct PlayoutCounts {
  std::uint64_t played = 0;
  std::uint64_t unplayed = 0;  ///< lost, late or discarded
  std::uint64_t unplayed_runs = 0;
};

struct Quality {
  double rating_lq = 0;  ///< R without the delay term, 0..100
  double rating_cq = 0;
  double mos_lq = 1;  ///< 1..4.5
  double mos_cq = 1;
};

/// Packets not played, in percent. 0 when nothing was to be played.
[[nodiscard]] double loss_percent(const PlayoutCounts& counts) noexcept;
/// BurstR: the mean run of unplayed packets, compared with what chance alone would make of as many.
/// 1 = random; less is reported as 1, and 8 is the most: far beyond what the model was made for.
[[nodiscard]] double burst_ratio(const PlayoutCounts& counts) noexcept;

/// Id for a one-way delay from mouth to ear, with the default echo (TELR 65 dB, WEPL 110 dB) and
/// the default sensitivity to delay: G.107 clause 7.4. @param delay below zero counts as zero.
[[nodiscard]] double delay_impairment(Duration delay) noexcept;
/// Ie,eff. @param percent 0..100. @param burst_ratio at least 1.
[[nodiscard]] double loss_impairment(const CodecImpairment& codec, double percent,
                                     double burst_ratio) noexcept;
/// G.107 annex B; 1 to 4.5 for any rating.
[[nodiscard]] double mos_of_rating(double rating) noexcept;

/// @param mouth_to_ear one way: what is known of the network (half the round trip, else nothing),
/// the
///                     packets' length and the buffer's delay.
[[nodiscard]] Quality estimate_quality(const CodecImpairment& codec, const PlayoutCounts& counts,
                                       Duration mouth_to_ear) noexcept;

}  // namespace trunkyard::jitter
