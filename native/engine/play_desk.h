// PlayDesk: orders to play on one media thread. Reads them, hands clips to the players of legs and
// takes them back. When and what is sent is the players' (pipeline/player.h) and the turns'.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "engine/clip_table.h"
#include "engine/contract.gen.h"
#include "engine/leg.h"

namespace trunkyard::engine {

/// One media thread's.
class PlayDesk {
 public:
  /// @param clips of the host; outlives the desk.
  PlayDesk(ClipTable& clips, Isa isa) noexcept : clips_(&clips), isa_(isa) {}

  // Orders. Refusals: kOrderInvalid for a leg that sends no audio of its own, one that is to end by
  // a voice nobody listens to, and numbers out of range; kHandleStale for a clip that isn't there;
  // kQueueFull; kMemoryFull.

  [[nodiscard]] contract::Code play(Leg& leg, const contract::PlayOrder& order) noexcept;
  [[nodiscard]] contract::Code play_tone(Leg& leg, const contract::PlayToneOrder& order) noexcept;
  [[nodiscard]] contract::Code stop(Leg& leg, const contract::StopPlayOrder& order) noexcept;

  /// The oldest play of a leg that has ended and was not told yet; null = none.
  [[nodiscard]] static const pipeline::PlayReport* first_report(const Leg& leg) noexcept;
  /// It was told: its clip may go. There is one (CHECKed).
  void pop_report(Leg& leg) noexcept;
  /// The leg can't send any more: everything fails, to be told.
  static void fail(Leg& leg) noexcept;
  /// The leg closes: everything ends untold.
  void close(Leg& leg) noexcept;

 private:
  /// What both orders say.
  struct Manner {
    std::uint8_t target = 0;
    std::uint8_t replaces = 0;
    std::uint8_t ends_on_digit = 0;
    std::uint8_t ends_on_voice = 0;
  };
  [[nodiscard]] contract::Code check(const Leg& leg, const Manner& manner) const noexcept;
  static void stop(Leg& leg) noexcept;
  [[nodiscard]] contract::Code add(Leg& leg, pipeline::PlayItem item,
                                   const Manner& manner) noexcept;

  ClipTable* clips_;
  Isa isa_;
};

}  // namespace trunkyard::engine
