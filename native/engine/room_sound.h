// RoomSound: what is played into one part of a conference, and what is recorded of it. Everybody in
// the conference hears what is played, those of its other parts too; and what is recorded is all
// that somebody hears who only listens.
#pragma once

#include <memory>
#include <optional>

#include "base/time.h"
#include "codec/pcm.h"
#include "codec/voice_activity.h"
#include "engine/play_desk.h"
#include "engine/taps.h"

namespace trunkyard::engine {

/// Of one media thread. After orders nothing allocates.
class RoomSound {
 public:
  /// @param plays of the thread; outlives this. @param rate_hz of the conference.
  RoomSound(PlayDesk& plays, std::uint32_t rate_hz) noexcept : plays_(plays), rate_hz_(rate_hz) {}
  /// Plays end untold; recordings with the room.
  ~RoomSound() { plays_.close(player_.get()); }
  RoomSound(const RoomSound&) = delete;
  RoomSound& operator=(const RoomSound&) = delete;

  /// For orders. Many people's keys and voices end nothing.
  [[nodiscard]] PlayPlace place() noexcept {
    return {.player = &player_, .sends = true, .has_turns = true};
  }
  [[nodiscard]] Taps& taps() noexcept { return taps_; }
  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  /// For reports; null before the first order to play.
  [[nodiscard]] pipeline::Player* player() noexcept { return player_.get(); }

  [[nodiscard]] bool plays() const noexcept { return player_ != nullptr && player_->active(); }
  /// The turn's 10 ms of what is played; ask plays() first. @param into 10 ms at the room's rate.
  /// @returns false when there are none.
  [[nodiscard]] bool play(codec::MutablePcm into) noexcept;
  [[nodiscard]] bool records() const noexcept { return !taps_.empty(); }
  /// The turn's 10 ms of what is heard in the room; only while records().
  void record(Instant nominal, codec::Pcm heard) noexcept;

 private:
  PlayDesk& plays_;
  const std::uint32_t rate_hz_;
  std::unique_ptr<pipeline::Player> player_;
  Taps taps_;
  /// For recordings that end by silence; while there are some.
  std::optional<codec::VoiceActivity> activity_;
};

}  // namespace trunkyard::engine
