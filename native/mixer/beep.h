// What a room sounds when somebody comes or goes: to be played by a codec::ToneGenerator into a
// participant with a voice and no ears.
#pragma once

#include "codec/tone.h"

namespace trunkyard::mixer {

enum class Beep : std::uint8_t { kJoin, kLeave };

/// One high note for him who comes, two low ones for him who goes; quieter than a voice.
[[nodiscard]] constexpr codec::Tone beep(Beep kind) noexcept {
  constexpr float kLevelDbov = -26.0F;
  if (kind == Beep::kJoin) {
    return {.sines = {{{.frequency_hz = 880.0F, .level_dbov = kLevelDbov}, {}}},
            .steps = {{{.on_ms = 180, .off_ms = 0}}}};
  }
  return {.sines = {{{.frequency_hz = 440.0F, .level_dbov = kLevelDbov}, {}}},
          .steps = {{{.on_ms = 120, .off_ms = 60}, {.on_ms = 120, .off_ms = 0}}}};
}

}  // namespace trunkyard::mixer
