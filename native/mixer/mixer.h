// Mixer: one conference on one media thread. Told each tick what its participants say, it gives
// back what each of them hears: the sum of all others, in 32 bits, saturated to samples in the last
// step alone. No packets, codecs or clocks in here; frames come in and go out at the mixer's rate.
//
// A tick, always in this order:
//
//     begin()
//       add(slot, frame)                 whoever sounds; the others are silent, for nothing
//       add_remote(part, sum)            the other threads' parts of the conference
//     mix()
//       hear(slot, out), group(slot)     each listener
//       local_sum()                      for the other parts
//     join(), update(), leave()          orders, when all have heard, until the next begin()
//
// Listening is free. Only those who sounded in the tick hear a mix of their own; all others hear
// the very same samples, and group() says so, so that the caller resamples and encodes once for all
// listeners of one codec.
//
// Roles are a voice and ears:
//
//     role                          voice      ears
//     talks                         kRoom      kRoom
//     muted, listens only           kNobody    kRoom
//     coach, barred from the room   kOne       kRoom    hears all; heard by one
//     on hold                       kNobody    kNone    the caller plays him what it likes
//     announcement, beep, clip      kRoom      kNone
//     whispered announcement        kOne       kNone
//     trunk to another mixer        kRoom      kRoom    a participant like any other
//
// Nothing clicks. A voice that enters fades in over its first frame, one that goes leaves a ramp
// from its last sample down to nothing over the next tick; ears that are opened fade in, and a gain
// moves in a straight line over a frame. So whoever comes, goes, is muted or led elsewhere adds to
// what anyone hears no step greater than his loudest sample / samples of a tick: 410 at most at 80
// samples. Frames in between must follow each other: where a voice pauses and goes on by itself,
// its edges are the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/isa.h"
#include "base/limits.h"
#include "codec/pcm.h"
#include "mixer/active_speaker.h"
#include "mixer/kernels.h"
#include "mixer/loudness.h"

namespace trunkyard::mixer {

/// Who hears a participant.
enum class Voice : std::uint8_t {
  kRoom,    ///< everybody with ears but himself
  kOne,     ///< one participant
  kNobody,  ///< his frames may be added all the same, unheard
};
/// What a participant hears.
enum class Ears : std::uint8_t {
  kRoom,  ///< the room less himself, and those who speak to him alone
  kNone,
};

/// What may be said of a participant when he joins and changed at any time.
struct Participant {
  Voice voice = Voice::kRoom;
  Ears ears = Ears::kRoom;
  /// With Voice::kOne, whom: a participant (CHECKed). When that one leaves, nobody hears this one.
  Slot to = kNoSlot;
  /// Volume of what he says: kGainDbMin..kGainDbMax, beyond counts as the nearer end. 0 leaves
  /// samples as they are, to the bit; others saturate as his own would, at 16 bits.
  float gain_db = 0;
  /// Bring his voice to this level (loudness.h), before gain_db. Nothing: not at all.
  std::optional<float> loudness_dbov = {};
};

/// Participants with the same group hear the same samples in this tick.
using Group = std::uint16_t;
/// The whole sum: all who don't sound, and aren't spoken to alone.
inline constexpr Group kGroupRoom = 0;
/// Nothing, without ears.
inline constexpr Group kGroupNone = 0xffff;

/// What came of a tick.
struct MixReport {
  std::uint32_t sounding = 0;    ///< participants whose frames count in it
  bool silent = true;            ///< the room hears digital silence, remote parts included
  bool speaker_changed = false;  ///< active_speaker() names another one than after the last tick
};

struct MixerConfig {
  std::uint32_t rate_hz = 16'000;      ///< one that is_pcm_rate() accepts (CHECKed)
  std::uint32_t tick_ms = 10;          ///< 10 or 20 (CHECKed)
  std::uint32_t participants_max = 0;  ///< 1..kMixSlotsMax (CHECKed)
  Isa isa = Isa::kC;                   ///< no more than best_isa()
};

/// One thread. All memory is taken by the constructor: about 220 bytes and a frame for each
/// participant there may be, so 0.9 MB for 1,000 at 16 kHz and 20 ms. Calls out of order, slots
/// that are free and frames of another size are mistakes of ours (CHECKed).
class Mixer {
 public:
  /// What was asked for and could not be had, since the start.
  struct Counters {
    std::uint64_t joins_refused = 0;   ///< full
    std::uint64_t frames_refused = 0;  ///< a second one of a participant or part within a tick
  };

  explicit Mixer(const MixerConfig& config);
  Mixer(const Mixer&) = delete;
  Mixer& operator=(const Mixer&) = delete;

  // Orders, between two ticks. After one, nobody hears what was mixed before.

  /// @returns his slot; kNoSlot when all are taken, counted.
  [[nodiscard]] Slot join(const Participant& participant) noexcept;
  /// Takes effect with the next tick. A voice that is led elsewhere ends in one place and enters in
  /// the other.
  void update(Slot slot, const Participant& participant) noexcept;
  /// His slot is free at once.
  void leave(Slot slot) noexcept;

  // The tick.

  void begin() noexcept;
  /// Where a participant's frame may be written before it is added, so that it isn't copied. Holds
  /// anything; of frame_samples(); until mix().
  [[nodiscard]] codec::MutablePcm space(Slot slot) noexcept;
  /// @param frame of frame_samples(), at the mixer's rate; space(slot) or else copied. One of zeros
  ///        is as good as none. A second one of the same tick is refused, counted.
  void add(Slot slot, codec::Pcm frame) noexcept;
  /// What another part's participants said, in its last tick.
  /// @param part 0..kMixPartsMax - 1 (CHECKed), one number for each part. A second sum of one part
  ///        in a tick is refused, counted, as the first one can't be taken back.
  /// @param sum  what its local_sum() gave: frame_samples() or empty.
  void add_remote(std::uint32_t part, std::span<const std::int32_t> sum) noexcept;
  MixReport mix() noexcept;

  // What came of it, until the next order or begin().

  /// Who hears the same as a participant. He is alone while he sounds, and one of all when he
  /// pauses; whether to follow him with an encoder at once is the caller's choice, since one with
  /// memory (G.722, Opus) goes on without a blemish only if it has heard the same until then.
  [[nodiscard]] Group group(Slot slot) const noexcept;
  /// @param out memory of frame_samples(), written only if his mix is his own.
  /// @returns what he hears: `out`, or memory of the mixer that all of kGroupRoom share and that
  ///          holds until begin(). Empty for kGroupNone.
  [[nodiscard]] codec::Pcm hear(Slot slot, codec::MutablePcm out) noexcept;
  /// What all of kGroupRoom hear, whether there is anybody or not: for recording the room. Memory
  /// of the mixer that holds until begin().
  [[nodiscard]] codec::Pcm hear_room() noexcept;
  /// What participants of this part say to the room, for add_remote() of the other parts. Nobody
  /// hears himself through them, as a part never passes on what it got. Empty when nobody sounded;
  /// holds until begin(). Who speaks to one participant alone has to be in his part.
  [[nodiscard]] std::span<const std::int32_t> local_sum() const noexcept;
  /// The one who speaks, of those with voice and ears in the room; kNoSlot for nobody.
  [[nodiscard]] const ActiveSpeaker& active_speaker() const noexcept { return active_speaker_; }

  [[nodiscard]] std::size_t frame_samples() const noexcept { return samples_; }
  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  /// Ticks are numbers. What a participant's state says of another tick than the present one holds
  /// no more (or not yet), so that nobody's state has to be visited each tick. 0 is none of them.
  using Tick = std::uint64_t;
  enum class Phase : std::uint8_t { kOrders, kAdding, kHearing };

  /// All of a participant that a tick looks at, in one cache line.
  struct alignas(kCacheLineBytes) State {
    Voice voice = Voice::kNobody;
    Ears ears = Ears::kNone;
    bool live = false;
    bool levelled = false;
    bool sounds = false;       // his last frame was heard, and wasn't silence
    bool ending_said = false;  // the ramp down from his last frame is on its way
    Slot to = kNoSlot;
    Slot whisperer = kNoSlot;       // the first one who speaks to him alone in this tick
    Slot whisperer_next = kNoSlot;  // the next one who speaks to the same participant
    Slot free_next = kNoSlot;
    float volume = 1;         // wanted
    float gain_now = 0;       // where his last frame ended
    std::int32_t ending = 0;  // of voices that end in his ears alone: the last samples' sum
    Tick added = 0;           // his last frame came in this tick
    Tick opened = 0;          // his ears are open from this one on
    Tick whispered = 0;       // `whisperer` holds in this one
    Tick ended = 0;           // `ending` holds in this one
  };
  static_assert(sizeof(State) == kCacheLineBytes);

  [[nodiscard]] State& state_of(Slot slot) noexcept;
  [[nodiscard]] const State& state_of(Slot slot) const noexcept;
  [[nodiscard]] std::int16_t* frame_of(Slot slot) noexcept { return frames_at_ + slot * stride_; }
  [[nodiscard]] bool sounds(const State& state) const noexcept;
  [[nodiscard]] bool sounds_in_room(const State& state) const noexcept;
  [[nodiscard]] bool hears_apart(const State& state) const noexcept;
  void expect_orders() noexcept;
  void set(Slot slot, State& state, const Participant& participant) noexcept;
  void end_voice(Slot slot, State& state) noexcept;
  void end_in_ears(State& state, std::int32_t last) noexcept;
  void shape(Slot slot, State& state, codec::Pcm frame) noexcept;
  void add_ending(std::int32_t* sum, std::int32_t last) const noexcept;
  void mix_apart(Slot slot, const State& state, codec::MutablePcm out) noexcept;

  const Kernels* kernels_;
  std::uint32_t rate_hz_;
  std::size_t samples_;
  float per_sample_;    // 1 / samples_
  std::size_t stride_;  // from one participant's frame to the next, in samples
  std::vector<State> states_;
  std::vector<Loudness> loudness_;
  std::vector<std::int16_t> frames_;
  std::int16_t* frames_at_;  // in frames_, where a cache line begins
  std::uint32_t size_ = 0;
  Slot free_first_ = 0;
  // The tick.
  Phase phase_ = Phase::kOrders;
  Tick tick_ = 1;
  std::vector<const std::int16_t*> room_frames_;  // of those who sound in the room
  std::size_t room_frames_count_ = 0;
  std::uint32_t whispers_count_ = 0;
  std::uint32_t remote_parts_ = 0;  // a bit for each that was added
  bool remote_sounds_ = false;
  std::int32_t room_ending_ = 0;  // of voices that end in the room: the last samples' sum
  bool local_sounds_ = false;
  bool room_made_ = false;
  // Frames of the tick, of 32 bits: what sounds here, what sounds elsewhere, what all hear, and a
  // mix of one listener's own.
  std::vector<std::int32_t> local_;
  std::vector<std::int32_t> remote_;
  const std::int32_t* heard_ = nullptr;
  std::vector<std::int32_t> apart_;
  std::vector<std::int16_t> room_;  // what all hear, saturated when the first one asks
  ActiveSpeaker active_speaker_;
  Counters counters_;
};

}  // namespace trunkyard::mixer
