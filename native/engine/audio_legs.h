// AudioLegs: when each leg with audio of its own has its turn, and when each conference. Every 10
// ms one; they hang in five phases two milliseconds apart, so that work and sends are spread and a
// packet that comes in between waits for a fifth of the encoders at most.
//
//   time     0    2    4    6    8   10   12  ms
//   phase    0    1    2    3    4    0    1
//
// Turns have nominal times, exactly two milliseconds apart, and come in their order however late
// the thread comes round to them: what is decoded and sent doesn't feel the thread's jitter. So a
// leg takes part in each tick of its conference exactly once, whatever phases the two hang in:
// within a phase conferences come first.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"
#include "pipeline/audio_receiver.h"

namespace trunkyard::engine {

/// Of one media thread. All memory is taken by the constructor.
class AudioLegs {
 public:
  static constexpr std::uint32_t kPhases = 5;
  static constexpr Duration kPhaseStep =
      Duration::milliseconds(pipeline::kPieceMs) / std::int64_t{kPhases};
  /// Turns that are further behind than this are left out instead of made up for: the peers'
  /// buffers have given them up.
  static constexpr Duration kBehindMax = Duration::milliseconds(100);

  /// Legs that may move in one round.
  static constexpr std::uint32_t kMovesMax = 64;
  /// How many times its share of all legs a phase may have by moves: a sender with many streams
  /// sends all of them at once, and its listeners would all have their turns right then.
  static constexpr std::uint32_t kCrowding = 2;
  /// Phases with no more legs than this are never crowded.
  static constexpr std::uint32_t kCrowdMin = 8;

  /// Whose turn it is.
  struct Turn {
    Instant nominal;
    /// Conferences, and then legs, by slot; valid until the next add or remove.
    std::span<const std::uint32_t> conferences;
    std::span<const std::uint32_t> slots;
  };

  /// @param slots, conferences the thread's; a slot is 0..slots-1, a conference's 0..conferences-1.
  AudioLegs(std::uint32_t slots, std::uint32_t conferences);

  /// Hangs a leg in the phase that has the fewest. Nothing happens when it hangs already.
  void add(Instant now, std::uint32_t slot) noexcept;
  /// Takes it out again, if it is there.
  void remove(std::uint32_t slot) noexcept;
  /// Lets a leg's turns come later (above 0) or sooner by so many phases from the next round on, as
  /// far as its round reaches: every round has one turn of it. Nothing happens when the leg doesn't
  /// hang, kMovesMax wait already, or the phase would have more than kCrowding times its share.
  void move(std::uint32_t slot, std::int32_t phases) noexcept;
  /// The same for conferences.
  void add_conference(Instant now, std::uint32_t slot) noexcept;
  void remove_conference(std::uint32_t slot) noexcept;

  /// When next_turn() has something; never() when nobody has turns.
  [[nodiscard]] Instant next_due() const noexcept;
  /// The oldest turn that is due and is anyone's. @returns false when there is none.
  [[nodiscard]] bool next_turn(Instant now, Turn& turn) noexcept;

  /// Legs.
  [[nodiscard]] std::uint32_t size() const noexcept { return legs_.size(); }
  /// All of them, phase by phase.
  [[nodiscard]] std::span<const std::uint32_t> phase(std::uint32_t index) const noexcept {
    return legs_.phase(index);
  }

 private:
  static constexpr std::uint8_t kNoPhase = 0xff;

  /// Who hangs where, of one sort.
  class Phases {
   public:
    explicit Phases(std::uint32_t slots);
    void add(std::uint32_t slot) noexcept;
    void remove(std::uint32_t slot) noexcept;
    /// Where a slot hangs, or kNoPhase.
    [[nodiscard]] std::uint8_t phase_of(std::uint32_t slot) const noexcept {
      return places_[slot].phase;
    }
    /// Hangs a slot elsewhere that hangs somewhere.
    void move(std::uint32_t slot, std::uint8_t phase) noexcept;
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] std::span<const std::uint32_t> phase(std::uint32_t index) const noexcept {
      return phases_[index];
    }

   private:
    void hang(std::uint32_t slot, std::uint8_t phase) noexcept;
    void take_out(std::uint32_t slot) noexcept;
    struct Place {
      std::uint32_t index = 0;
      std::uint8_t phase = kNoPhase;
    };
    std::array<std::vector<std::uint32_t>, kPhases> phases_;
    std::vector<Place> places_;  ///< by slot
    std::uint32_t size_ = 0;
  };

  [[nodiscard]] bool nobody() const noexcept { return legs_.size() + conferences_.size() == 0; }
  [[nodiscard]] bool nobody_in(std::uint32_t phase) const noexcept {
    return legs_.phase(phase).empty() && conferences_.phase(phase).empty();
  }
  struct Move {
    std::uint32_t slot = 0;
    std::uint8_t phase = 0;
  };
  /// Before the first one is added: turns begin in the future.
  void wake(Instant now) noexcept;
  void step() noexcept;
  void begin_round() noexcept;

  Phases legs_;
  Phases conferences_;
  std::array<Move, kMovesMax> moves_ = {};  ///< for the next round
  std::uint32_t move_count_ = 0;
  Instant next_at_;  ///< nominal time of next_phase_'s turn
  std::uint32_t next_phase_ = 0;
};

}  // namespace trunkyard::engine
