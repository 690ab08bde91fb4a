// A recording as Opus in Ogg, of one channel. Grows as <name>.part and gets its name at the end.
#pragma once

#include "engine/recording_file.h"

namespace trunkyard::engine {

/// @returns as RecordingFile::create().
[[nodiscard]] Result<std::unique_ptr<RecordingFile>> create_ogg_recording(
    io::Folder& folder, const RecordingPlan& plan);

}  // namespace trunkyard::engine
