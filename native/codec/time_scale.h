// Makes a frame of audio a little longer or shorter without changing its pitch: cuts out or repeats
// one period of the voice, joined by a cross-fade (WSOLA within a frame). It is how a jitter buffer
// changes its delay where somebody is talking. Keeps no state: a frame begins and ends as it did,
// so it fits its neighbours whatever was done to it.
//
//   shorter by L:   |x0 ... cross-fade x[i] -> x[i+L] ... xN|
//   longer by L:    |x0 ........ x[L-1]| cross-fade x[i+L] -> x[i] ... xN|
#pragma once

#include <cstdint>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// Shorter frames are left alone: there is no period to be found in them.
inline constexpr std::uint32_t kTimeScaleFrameMsMin = 10;

/// Changes the length of a frame by at most so much: by a pitch period of 2.5 to 15 ms where two in
/// a row are alike, by any amount where it is as good as silent, otherwise not at all.
/// @param frame       at a rate of is_pcm_rate(), at least kTimeScaleFrameMsMin long; else
/// unchanged.
///                    A longer one needs room: no frame gets longer than kPcmSamplesMax.
/// @param samples_max above 0: longer, below 0: shorter; at the frame's rate.
/// @returns the change in samples, with the sign of `samples_max`; 0 when it wouldn't have been
/// clean.
///          Pure but for the frame; no allocation; O(size) plus a search of at most 100 lags.
std::int32_t stretch_frame(PcmFrame& frame, std::int32_t samples_max) noexcept;

}  // namespace trunkyard::codec
