// ConferenceLines: where the parts of a conference on several media threads hear each other. Each
// part says what its own participants say, once a tick, into a line of its own; the others read it
// there. Nobody waits: who says more than is read writes over the oldest, who finds nothing goes
// without.
//
//   part on thread 0 ── say ──> line 0 [ . . . 5 6 7 8 ]  <── hear ── part on thread 1 (has read 6)
//                                                         <── hear ── part on thread 2 (has read 7)
//   part on thread 1 ── say ──> line 1 [ . . . 4 5 6 7 ]  <── hear ── ...
//
// Lines belong to a span, one for each conference that has more than one part; spans are made at
// the start and used again and again. How the parts find each other without a lock: every
// conference has a word in a table that all threads see, by thread and slot. It says which life of
// the slot this is and which span and line are its own. Whoever opens a further part of a
// conference that has no span yet puts one there by compare-and-swap; the conference's own thread
// notices at its next tick. A part that is the last one gives its span back then. Each use of a
// span has a number, so that who comes to the last part in that moment shares the span of nobody
// else: either he was in time and it is kept, or he finds it given back.
//
// A line is a ring with one writer and any number of readers, who leave no trace. Each entry
// carries a number, odd while it is being written; who finds another than he looks for, before or
// after reading, has been lapped.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/limits.h"
#include "base/slab.h"
#include "engine/contract.gen.h"

namespace trunkyard::engine {

/// A digit that a part's participant has pressed, for those of the other parts.
struct PartPress {
  std::uint8_t event = 0;
  std::uint8_t volume = 0;
  /// 1: it is in the sound of the part as well.
  std::uint8_t sounds = 0;
  std::uint8_t unused = 0;
  std::uint32_t duration_ms = 0;
};
/// Presses that one part passes on in one tick; people press a few keys a second.
inline constexpr std::uint32_t kPartPressesMax = 8;

/// What a part says in one tick. The sum comes last, as only its first `samples` are copied.
struct PartWord {
  float speaker_dbov = 0;
  std::uint32_t presses_count = 0;
  std::array<PartPress, kPartPressesMax> presses = {};
  std::uint32_t samples = 0;  ///< 0 = silence
  std::uint32_t unused = 0;
  std::array<std::int32_t, kPcmRateHzMax / 100> sum = {};
};
static_assert(sizeof(PartWord) % 8 == 0);

/// Where a part has its line.
struct PartPlace {
  std::uint16_t span = 0;
  std::uint8_t line = 0;
};

/// One host's; shared by its media threads. All memory is taken by the constructor, most of it
/// untouched until a conference has two parts.
class ConferenceLines {
 public:
  /// @param threads     of the host.
  /// @param conferences that each of them may have.
  /// @param spans       conferences that may have several parts at a time, at most
  ///                    kConferenceSpansMax.
  ConferenceLines(std::uint32_t threads, std::uint32_t conferences, std::uint32_t spans);
  ConferenceLines(const ConferenceLines&) = delete;
  ConferenceLines& operator=(const ConferenceLines&) = delete;

  // By the thread of the handle, with its orders.

  /// A conference of one part begins.
  void open(Handle part, std::uint32_t rate_hz) noexcept;
  /// A further part of one begins. @param of any part of it, of whatever thread.
  /// @returns kHandleStale when that is none, kOrderInvalid when it has another rate,
  ///          kConferenceFull when it has kMixPartsMax parts, kMemoryFull without a free span.
  [[nodiscard]] contract::Code join(Handle part, Handle of, std::uint32_t rate_hz) noexcept;
  /// A part ends.
  void close(Handle part) noexcept;

  // By the thread of the handle, in its tick.

  /// @returns false while the conference has no other part; its span, if it had one, is free then.
  [[nodiscard]] bool find(Handle part, PartPlace& place) noexcept;
  void say(const PartPlace& place, const PartWord& word) noexcept;
  /// The lines of all parts of a span, a bit for each.
  [[nodiscard]] std::uint32_t lines(std::uint16_t span) const noexcept;
  /// How many words were said into a line so far.
  [[nodiscard]] std::uint64_t said(const PartPlace& place) const noexcept;
  /// Copies a word out. @param number from 0 on, below said().
  /// @returns false when it has been written over.
  [[nodiscard]] bool read(const PartPlace& place, std::uint64_t number,
                          PartWord& word) const noexcept;

  /// Words that a line remembers.
  static constexpr std::uint32_t kWords = 8;

 private:
  /// A word of a line.
  struct Entry {
    std::uint64_t number;
    std::array<std::uint8_t, sizeof(PartWord)> bytes;
  };
  static_assert(sizeof(Entry) % 8 == 0);
  struct alignas(kCacheLineBytes) Span {
    /// Parts that use it, or are about to (0 = free), and above them the number of that use.
    std::atomic<std::uint32_t> use = 0;
    std::atomic<std::uint32_t> lines = 0;
    /// Words said into each line since the start of the host, whoever's it was.
    struct alignas(kCacheLineBytes) Count {
      std::atomic<std::uint64_t> said = 0;
    };
    std::array<Count, kMixPartsMax> counts;
  };
  /// In the table: generation (0 = no conference), rate in kHz, span + 1 (0 = none), number of the
  /// span's use, line.
  struct Entered {
    std::uint32_t generation = 0;
    std::uint32_t rate_khz = 0;
    std::uint32_t span_after = 0;
    std::uint32_t use = 0;
    std::uint32_t line = 0;

    /// The same conference, in no span.
    [[nodiscard]] Entered alone() const noexcept {
      return {.generation = generation, .rate_khz = rate_khz};
    }
    [[nodiscard]] static Entered unpack(std::uint64_t packed) noexcept;
    [[nodiscard]] std::uint64_t pack() const noexcept;
  };

  [[nodiscard]] std::atomic<std::uint64_t>* entry_of(Handle part) noexcept;
  /// Puts a conference into a span with two users, of which this one has line 0.
  /// @returns false when all are taken.
  [[nodiscard]] bool take_span(Entered& entered) noexcept;
  /// One more user of that use of a span. @returns false when that is over.
  [[nodiscard]] bool share_span(const Entered& entered) noexcept;
  /// @returns false when anyone else uses the span or is about to.
  [[nodiscard]] bool give_up_span(const Entered& entered) noexcept;
  void leave_span(const Entered& entered) noexcept;
  [[nodiscard]] bool take_line(Entered& entered) noexcept;
  /// @param found where a further part of `of` is to be, but for its line.
  [[nodiscard]] contract::Code find_span(Handle of, std::uint32_t rate_khz,
                                         Entered& found) noexcept;
  [[nodiscard]] Span& span_of(const Entered& entered) const noexcept {
    return spans_[entered.span_after - 1];
  }
  [[nodiscard]] Entry& word_at(const PartPlace& place, std::uint64_t number) const noexcept;

  const std::uint32_t threads_;
  const std::uint32_t conferences_;
  const std::uint32_t spans_count_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> table_;
  std::unique_ptr<Span[]> spans_;
  std::unique_ptr<Entry[]> words_;
};

}  // namespace trunkyard::engine
