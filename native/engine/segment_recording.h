// A recording in segments: <name>.00000.seg, <name>.00001.seg ..., PCM of 16 bits, readable at any
// moment up to the last half second, and known to be whole by their seals. Whoever needs them may
// take a sealed one away while the next is being written, so nothing is taken back from them:
// silence at the end stays. Silence left out at the beginning is a gap.
#pragma once

#include "engine/recording_file.h"

namespace trunkyard::engine {

/// @returns as RecordingFile::create().
[[nodiscard]] Result<std::unique_ptr<RecordingFile>> create_segment_recording(
    io::Folder& folder, const RecordingPlan& plan);

}  // namespace trunkyard::engine
