// PlayDesk: orders to play on one media thread. Reads them, hands clips to the players of legs and
// conferences and takes them back. When and what is sent is the players' (pipeline/player.h) and
// the turns'.
#pragma once

#include <cstdint>
#include <memory>

#include "base/isa.h"
#include "engine/clip_table.h"
#include "engine/contract.gen.h"
#include "pipeline/player.h"

namespace trunkyard::engine {

/// Where something is to be played.
struct PlayPlace {
  /// Of the leg or conference; made by the first order. Null = it can't have one.
  std::unique_ptr<pipeline::Player>* player = nullptr;
  /// Whether there is anything to send it with.
  bool sends = false;
  /// Whether turns come in which what is stopped can fade out; without an address none do.
  bool has_turns = false;
  /// Whether the place knows of key presses, and of a voice, that may end it.
  bool hears_digits = false;
  bool hears_voice = false;
};

/// One media thread's.
class PlayDesk {
 public:
  /// @param clips of the host; outlives the desk.
  PlayDesk(ClipTable& clips, Isa isa) noexcept : clips_(&clips), isa_(isa) {}

  // Orders. Refusals: kOrderInvalid for a place that sends nothing, one that is to end by what
  // isn't heard there, and numbers out of range; kHandleStale for a clip that isn't there;
  // kQueueFull.

  /// @param epoch of the client that orders.
  [[nodiscard]] contract::Code carry_out(const PlayPlace& place, std::uint32_t epoch,
                                         const contract::PlayOrder& order) noexcept;
  [[nodiscard]] contract::Code carry_out(const PlayPlace& place, std::uint32_t epoch,
                                         const contract::PlayToneOrder& order) noexcept;
  [[nodiscard]] contract::Code carry_out(const PlayPlace& place, std::uint32_t epoch,
                                         const contract::StopPlayOrder& order) noexcept;

  // A player may be null: there is none yet.

  /// The oldest play that has ended and was not told yet; null = none.
  [[nodiscard]] static const pipeline::PlayReport* first_report(
      const pipeline::Player* player) noexcept;
  /// It was told: its clip may go. There is one (CHECKed).
  void pop_report(pipeline::Player& player) noexcept;
  /// There is nothing left to send with: everything fails, to be told.
  static void fail(pipeline::Player* player) noexcept;
  /// The leg or conference closes: everything ends untold.
  void close(pipeline::Player* player) noexcept;

 private:
  /// What both orders say.
  struct Manner {
    std::uint8_t replaces = 0;
    std::uint8_t ends_on_digit = 0;
    std::uint8_t ends_on_voice = 0;
  };
  [[nodiscard]] static contract::Code check(const PlayPlace& place, const Manner& manner) noexcept;
  static void stop(const PlayPlace& place) noexcept;
  [[nodiscard]] contract::Code add(const PlayPlace& place, pipeline::PlayItem item,
                                   const Manner& manner) noexcept;

  ClipTable* clips_;
  Isa isa_;
};

}  // namespace trunkyard::engine
