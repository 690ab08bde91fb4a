// What a killed process left of its recordings, made good when the next one starts: segments get
// the seal that says what is there, WAV files a true header, and both, like Ogg files, their names.
#pragma once

#include <cstdint>

#include "io/folder.h"

namespace trunkyard::engine {

/// To be called before anything is recorded into the folder. Files that are whole are not touched,
/// nor those that can't be read or written, nor WAV files whose headers aren't ours.
/// @returns how many were finished.
std::uint32_t recover_recordings(io::Folder& folder);

}  // namespace trunkyard::engine
