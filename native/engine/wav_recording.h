// A recording as WAV: PCM of 16 bits, or G.711 of either law. Grows as <name>.part; at the end its
// header is made good and it gets its name.
#pragma once

#include "engine/recording_file.h"

namespace trunkyard::engine {

/// @returns as RecordingFile::create().
[[nodiscard]] Result<std::unique_ptr<RecordingFile>> create_wav_recording(
    io::Folder& folder, const RecordingPlan& plan);

}  // namespace trunkyard::engine
