// Conference: many endpoints through a mixer; one part of a conference, on one media thread. Who is
// in it and how, what each of them hears in each tick, and how that gets into packets with no more
// encoders than there are different things to be encoded.
//
// A tick, every 10 ms:
//
//     begin()                          orders given since the last tick take effect
//       space(seat), add(seat)         what each participant's receiver gave
//       announcement(), announce()     what is played into the room
//       add_remote(part, sum)          what other parts of the conference say
//     mix(sender_of)                   the sums; encoders that many listeners share
//     hear_room()                      what is recorded
//     say(seat, sender, sink) ...      each participant's packets, in his own turn, until begin()
//
// Whoever doesn't sound hears the very same samples as all others like him: they are encoded once
// for each form that listeners want them in (SharedEncoder). Whoever sounds, or is spoken to alone,
// hears a mix of his own through his own sender's encoder:
//
//     shared ──(hears something of his own: encoder copied)──> own
//       ^                                                        │
//       └──(heard what all hear for a while, at a frame's end) ──┘
//
// Frames of all listeners begin at the same ticks, so nobody's frame is cut by a change. An encoder
// with memory is left alone for two seconds: until then the far decoder's memory of the own mix has
// faded, and going over is no more than coding noise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/isa.h"
#include "base/limits.h"
#include "base/time.h"
#include "mixer/mixer.h"
#include "pipeline/audio_sender.h"
#include "pipeline/part_voice.h"
#include "pipeline/shared_encoder.h"

namespace trunkyard::pipeline {

/// A participant's place in one part of a conference; free again once he has left.
using Seat = std::uint16_t;
inline constexpr Seat kNoSeat = 0xffff;

/// Forms in which one part encodes for many; listeners with a further one have encoders of their
/// own.
inline constexpr std::uint32_t kSharedEncodersMax = 16;

enum class ParticipantRole : std::uint8_t {
  kTalk,
  kListen,  ///< muted
  kCoach,   ///< hears all, is heard by one
  kHold,    ///< hears nothing of the room and says nothing to it
};

/// What may be said of a participant when he joins and changed at any time.
struct Participation {
  ParticipantRole role = ParticipantRole::kTalk;
  /// With kCoach: who hears him; kNoSeat = nobody, as when that one has left.
  Seat coached = kNoSeat;
  /// Of his voice: mixer::kGainDbMin..kGainDbMax.
  float gain_db = 0;
  /// Brings his voice to the level of a usual one.
  bool levelled = false;
};

/// One part. Neither copied nor moved; one media thread. All memory of a tick is taken by the
/// constructor and by set_sender(). Wrong seats and calls out of order are mistakes of ours
/// (CHECKed).
class Conference {
 public:
  struct Config {
    std::uint32_t rate_hz = 16'000;  ///< of everything said and heard here: 8,000, 16,000, 48,000
    std::uint32_t capacity = 0;      ///< 1..kMixParticipantsMax
    Isa isa = Isa::kC;               ///< no more than best_isa()
  };
  explicit Conference(const Config& config);
  Conference(const Conference&) = delete;
  Conference& operator=(const Conference&) = delete;

  // Orders, at any time. Who joins is heard and hears from the next tick on.

  /// @returns his seat; kNoSeat when all are taken.
  [[nodiscard]] Seat join(const Participation& participation) noexcept;
  /// @param participation coached is none, or a seat that is taken and another one (CHECKed).
  void change(Seat seat, const Participation& participation) noexcept;
  /// The seat is no longer his at once; what he said last fades out.
  /// @param sender his, of the setup told last, if it is to go on with something else; else null.
  void leave(Seat seat, AudioSender* sender) noexcept;
  /// In which form he wants what he hears; null = he is sent nothing. Allocates when a second
  /// participant wants the same.
  void set_sender(Seat seat, const SenderSetup* setup);
  /// Lowers complexities of shared Opus encoders by so much, as far as they go.
  void relieve(std::uint32_t steps) noexcept;

  // The tick.

  void begin() noexcept;
  /// Those who take part in the tick.
  [[nodiscard]] std::span<const Seat> seats() const noexcept { return present_; }
  /// Where a participant's 10 ms are to be written before add().
  [[nodiscard]] codec::MutablePcm space(Seat seat) noexcept;
  void add(Seat seat) noexcept;
  /// Whether he is to be asked for by listen(). Before mix(), so that he is led away between two
  /// pieces; what is told later holds from the next tick on.
  void set_apart(Seat seat, bool apart) noexcept { place_of(seat).apart = apart; }
  /// Where 10 ms that are nobody's are to be written before announce(): everybody hears them who
  /// hears the room, of the other parts too. Their edges are the caller's to soften.
  [[nodiscard]] codec::MutablePcm announcement() noexcept { return mixer_.space(announcer_); }
  void announce() noexcept { mixer_.add(announcer_, mixer_.space(announcer_)); }
  /// What another part says in this tick; no call = it has nothing new to say and is left out.
  /// @param part 0..kMixPartsMax - 1, at most once a tick. @param sum as PartVoice::take() has it.
  void add_remote(std::uint32_t part, PartVoice::Sum sum) noexcept;
  /// The same for a part whose sum should be there and isn't.
  void miss_remote(std::uint32_t part) noexcept;
  /// @param sender_of what gives a seat's AudioSender*, null when it has none: asked where a
  ///        listener goes over to another encoder.
  template <typename SenderOf>
  void mix(SenderOf&& sender_of) noexcept {
    report_ = mixer_.mix();
    for (const Seat seat : present_)
      follow(seats_[seat], [&] { return sender_of(seat); });
    encode_shared();
  }

  // What came of it, until the next begin().

  /// Sends what a participant hears, in his own turn, once a tick.
  /// @param nominal the turn's. @param sender of the setup told by set_sender().
  /// @returns false when he hears nothing: not in the tick yet, or on hold.
  template <typename Sink>
  bool say(Seat seat, Instant nominal, AudioSender& sender, Sink& sink) noexcept {
    Place& place = place_of(seat);
    if (!hears(place)) return false;
    if (place.shares) {
      const SharedEncoder& shared = *kinds_[place.kind].encoder;
      if (!shared.complete()) return true;
      // Digits are sounded in place of the payload, so from here on he hears something of his own.
      if (sender.sounding_digits()) leave_shared(place, &sender);
      const std::uint32_t ms = shared.setup().frame_ms;
      // A payload's time is that of its first piece.
      const Duration before = Duration::milliseconds(ms - kPieceMs);
      sender.push_payload(nominal - before, shared.payload(), ms, sink);
      return true;
    }
    std::array<std::int16_t, kPieceSamplesMax> own;
    const codec::Pcm heard = mixer_.hear(place.slot, codec::MutablePcm(own).first(samples_));
    if (sender.sounding_digits()) place.apart_at = tick_;
    if (in_step(place, sender)) sender.push(nominal, heard, sink);
    return true;
  }
  /// What a participant hears, for a caller who sends it in a form of its own or something else in
  /// its place. As say(), in the participant's turn; only while is_apart() (CHECKed).
  /// @param out 10 ms; written when he hears something.
  /// @returns false when he hears nothing.
  bool listen(Seat seat, codec::MutablePcm out) noexcept;
  /// Whether he is led by his own encoder in this tick because of set_apart().
  [[nodiscard]] bool is_apart(Seat seat) noexcept {
    const Place& place = place_of(seat);
    return place.apart && !place.shares;
  }
  /// 10 ms of what somebody hears who says nothing, until the next begin() or order.
  [[nodiscard]] codec::Pcm hear_room() noexcept { return mixer_.hear_room(); }
  /// What this part's participants say to the other parts; empty when nobody does.
  [[nodiscard]] PartVoice::Sum local_sum() const noexcept { return mixer_.local_sum(); }
  /// Who speaks, of this part; kNoSeat for nobody. And how loud, in dBov.
  [[nodiscard]] Seat speaker() const noexcept;
  [[nodiscard]] float speaker_dbov() const noexcept { return mixer_.active_speaker().level_dbov(); }

  [[nodiscard]] const Participation& participation(Seat seat) const noexcept {
    CHECK(is_taken(seat));
    return seats_[seat].wanted;
  }
  [[nodiscard]] bool is_taken(Seat seat) const noexcept {
    return seat < seats_.size() && seats_[seat].taken;
  }
  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return mixer_.rate_hz(); }
  /// Participants, those who join with the next tick included.
  [[nodiscard]] std::uint32_t size() const noexcept { return taken_count_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  /// How many seat numbers there are: more than participants, as one that is left is free again
  /// only after a tick.
  [[nodiscard]] std::size_t seat_numbers() const noexcept { return seats_.size(); }
  /// Payloads encoded for many so far, and how many listeners are on them now.
  [[nodiscard]] std::uint64_t shared_payloads() const noexcept { return shared_payloads_; }
  [[nodiscard]] std::uint32_t sharers() const noexcept;

 private:
  static constexpr std::uint8_t kNoKind = 0xff;
  /// One participant.
  struct Place {
    Participation wanted;
    mixer::Slot slot = mixer::kNoSlot;  ///< in the mixer, from his first tick to his last
    bool taken = false;                 ///< by a participant who has not left
    bool changed = false;               ///< listed in changed_
    bool shares = false;                ///< hears a shared encoder's payloads
    bool apart = false;                 ///< is asked for by listen()
    std::uint8_t kind = kNoKind;        ///< in kinds_; kNoKind = never shares
    std::uint64_t apart_at = 0;         ///< the last tick in which he heard something of his own
  };
  /// One form in which listeners want what they hear.
  struct Kind {
    SenderSetup setup;
    std::uint32_t members = 0;               ///< participants who want it
    std::uint32_t sharers = 0;               ///< those who hear the shared encoder now
    std::uint32_t pieces = 0;                ///< of a frame
    mixer::Slot one = mixer::kNoSlot;        ///< a sharer
    std::unique_ptr<SharedEncoder> encoder;  ///< from the second member on
  };

  [[nodiscard]] Place& place_of(Seat seat) noexcept {
    CHECK(seat < seats_.size());
    return seats_[seat];
  }
  /// Whether he heard, or could have, something in the last tick.
  [[nodiscard]] bool hears(const Place& place) const noexcept {
    return place.taken && place.slot != mixer::kNoSlot &&
           mixer_.group(place.slot) != mixer::kGroupNone;
  }
  void note_change(Seat seat) noexcept;
  [[nodiscard]] mixer::Participant participant_of(const Place& place) const noexcept;
  void leave_kind(Place& place, AudioSender* sender) noexcept;
  void join_kind(Place& place, const SenderSetup& setup);
  void leave_shared(Place& place, AudioSender* sender) noexcept;
  void join_shared(Place& place, AudioSender& sender) noexcept;
  void encode_shared() noexcept;
  /// Whether a frame of this kind begins with the piece of this tick.
  [[nodiscard]] bool frame_begins(const Kind& kind) const noexcept {
    return (tick_ - 1) % kind.pieces == 0;
  }
  /// Whether a sender's own frame has come as far as everyone's; begins a new one if not, when that
  /// is due.
  [[nodiscard]] bool in_step(const Place& place, AudioSender& sender) const noexcept;

  /// Leads a listener from one encoder to the other, where that is due.
  template <typename Sender>
  void follow(Place& place, Sender&& sender) noexcept {
    if (place.kind == kNoKind) return;
    const bool apart = place.apart || mixer_.group(place.slot) != mixer::kGroupRoom;
    if (apart) place.apart_at = tick_;
    if (place.shares) {
      if (apart) leave_shared(place, sender());
    } else if (may_share(place)) {
      if (AudioSender* own = sender()) join_shared(place, *own);
    }
  }
  [[nodiscard]] bool may_share(const Place& place) const noexcept;

  const std::uint32_t capacity_;
  const std::size_t samples_;
  const Isa isa_;
  mixer::Mixer mixer_;
  const mixer::Slot announcer_;
  mixer::MixReport report_;
  std::vector<Place> seats_;
  std::vector<Seat> present_;  ///< with a slot in the mixer
  std::vector<Seat> changed_;  ///< with orders for the next tick
  std::vector<Seat> free_;
  std::vector<Seat> seat_of_slot_;  ///< by the mixer's slot
  std::uint32_t taken_count_ = 0;
  std::uint64_t tick_ = 0;
  std::array<Kind, kSharedEncodersMax> kinds_ = {};
  std::array<PartVoice, kMixPartsMax> parts_ = {};
  std::vector<std::int32_t> remote_;
  std::uint64_t shared_payloads_ = 0;
};

}  // namespace trunkyard::pipeline
