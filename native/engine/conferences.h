// Conferences: those of one media thread, or their parts on it. Knows which leg sits where, asks
// the participants' receivers once a tick, passes on digits, exchanges sums with the other parts.
// What is heard is pipeline/conference.h's; how parts meet, conference_lines.h's.
//
//   orders:  open, close, set_participant, leave
//   turn of a conference:  pull every participant, and what is played ─> mix ─> sum for the other
//                          parts, what is recorded
//   turn of a leg in it:   say ─> packets
//
// A leg is in at most one conference. Which, and on which seat, stands in its LegAudio::hears and
// nowhere else; it is in there exactly as long as the seat is its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/slab.h"
#include "base/time.h"
#include "engine/audio_legs.h"
#include "engine/conference_lines.h"
#include "engine/contract.gen.h"
#include "engine/leg.h"
#include "engine/part_listener.h"
#include "engine/room_sound.h"
#include "pipeline/conference.h"

namespace trunkyard::engine {

/// The least time between two tellings of who speaks in a conference.
inline constexpr Duration kSpeakerEvery = Duration::milliseconds(300);

/// Of one media thread.
class Conferences {
 public:
  struct Config {
    std::uint32_t thread = 0;
    std::uint32_t conferences = 0;       ///< that may be open at a time
    std::uint32_t seats = 0;             ///< in all of them together
    std::uint32_t participants_max = 0;  ///< of one; at most kMixParticipantsMax
    Isa isa = Isa::kC;
  };
  struct Counters {
    std::uint64_t refused = 0;
    std::uint64_t parts_late = 0;
  };
  /// Who speaks; no endpoint = nobody here.
  struct Speaker {
    Handle conference;
    Handle endpoint;
  };

  /// @param legs, turns, plays of the thread. @param lines of the host. All outlive this.
  Conferences(const Config& config, Slab<Leg>& legs, AudioLegs& turns, ConferenceLines& lines,
              PlayDesk& plays);
  /// Closes all.
  ~Conferences();
  Conferences(const Conferences&) = delete;
  Conferences& operator=(const Conferences&) = delete;

  // Orders; memory is taken here.

  /// @param conference set when the answer is kOk.
  [[nodiscard]] contract::Code open(Instant now, const contract::OpenConferenceOrder& order,
                                    Handle& conference) noexcept;
  /// Its participants hear nothing from now on.
  [[nodiscard]] contract::Code close(Handle conference) noexcept;
  void close_all() noexcept;
  /// Brings a leg in, or changes how it takes part.
  /// @param leg of the order's endpoint, with audio (CHECKed).
  [[nodiscard]] contract::Code set_participant(const contract::SetParticipantOrder& order,
                                               Handle handle, Leg& leg) noexcept;
  /// The leg hears and says nothing any more. Nothing happens unless it is in one.
  void leave(Leg& leg) noexcept;
  /// A participant's codecs have changed. Nothing happens unless it is one.
  void renew(Leg& leg) noexcept;
  /// What a participant's audio is to be decoded to, and encoded from.
  /// @param hears of a leg that is in a conference (CHECKed).
  [[nodiscard]] std::uint32_t rate_hz(const Hears& hears) noexcept;
  /// What is played into a conference's part and recorded of it; null for a stale handle.
  [[nodiscard]] RoomSound* sound(Handle conference) noexcept;
  [[nodiscard]] Handle handle_of(std::uint32_t slot) noexcept { return part_at(slot).self; }
  /// Lowers the complexity of shared Opus encoders.
  void relieve(std::uint32_t steps) noexcept;

  // Turns.

  /// A conference's, in which all that its participants say is heard.
  /// @param slot its own. @param pull asks a leg's receiver:
  ///        pull(Handle, Leg&, Instant nominal, codec::MutablePcm into).
  template <typename Pull>
  void take_turn(std::uint32_t slot, Instant nominal, Pull&& pull) noexcept {
    Part& part = part_at(slot);
    part.room.begin();
    for (const pipeline::Seat seat : part.room.seats()) {
      const Handle handle = part.seats[seat].leg;
      Leg& leg = leg_of(handle);
      part.room.set_apart(seat, leg.audio->hears_apart());
      if (leg.audio->receiver == nullptr || !leg.endpoint.listening()) continue;
      pull(handle, leg, nominal, part.room.space(seat));
      part.room.add(seat);
    }
    if (part.sound.plays() && part.sound.play(part.room.announcement())) part.room.announce();
    hear_parts(part);
    part.room.mix([&](pipeline::Seat seat) noexcept {
      return leg_of(part.seats[seat].leg).audio->sender.get();
    });
    tell_parts(part);
    note_speaker(part);
    if (part.sound.records()) part.sound.record(nominal, part.room.hear_room());
  }
  /// A participant's. @returns false when he hears nothing.
  template <typename Sink>
  bool say(const Hears& hears, Instant nominal, pipeline::AudioSender& sender,
           Sink& sink) noexcept {
    return part_of(hears).room.say(hears.seat, nominal, sender, sink);
  }
  /// Whether what he hears in this tick is had as samples: his peer is played something or is
  /// recorded.
  [[nodiscard]] bool is_apart(const Hears& hears) noexcept {
    return part_of(hears).room.is_apart(hears.seat);
  }
  /// What a participant hears, as samples. @returns false when he hears nothing.
  bool listen(const Hears& hears, codec::MutablePcm out) noexcept {
    return part_of(hears).room.listen(hears.seat, out);
  }
  /// A participant has pressed or released a key: passes it on to the others, if that was ordered.
  void pass_digit(const Hears& hears, const pipeline::Digit& digit) noexcept;

  /// Whether someone else speaks than was told last, and long enough after that.
  [[nodiscard]] bool speaker_due(std::uint32_t slot, Instant now, Speaker& speaker) noexcept;
  /// The event is on its way.
  void note_speaker_told(std::uint32_t slot, Instant now) noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return parts_.size(); }
  [[nodiscard]] std::uint32_t participants() const noexcept { return participants_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  struct Participant {
    Handle leg;
    bool passes_digits = false;
  };
  /// A conference, or what of it is on this thread.
  struct Part {
    Part(const pipeline::Conference::Config& config, Handle handle, PlayDesk& plays)
        : room(config), sound(plays, config.rate_hz), self(handle), seats(room.seat_numbers()) {}

    pipeline::Conference room;
    RoomSound sound;
    const Handle self;
    std::vector<Participant> seats;  ///< by seat

    bool spans = false;  ///< there are other parts
    PartPlace place;
    PartWord saying;   ///< to the others, with the next tick
    PartWord hearing;  ///< of one of them
    std::array<PartListener, kMixPartsMax> listeners;
    std::array<float, kMixPartsMax> speakers_dbov;  ///< of the others, by line
    std::uint32_t lines = 0;                        ///< of the others, a bit for each

    Handle speaking;
    Handle told;
    Instant told_at;
  };

  [[nodiscard]] Part& part_at(std::uint32_t slot) noexcept;
  [[nodiscard]] Part& part_of(const Hears& hears) noexcept;
  [[nodiscard]] Leg& leg_of(Handle handle) noexcept;
  [[nodiscard]] contract::Code make(Instant now, const pipeline::Conference::Config& config,
                                    Handle part_of, Handle& conference);
  [[nodiscard]] contract::Code read(const contract::SetParticipantOrder& order, Handle handle,
                                    pipeline::Participation& participation) noexcept;
  void release(Part& part) noexcept;
  void hear_parts(Part& part) noexcept;
  void hear_part(Part& part, std::uint32_t line) noexcept;
  void tell_parts(Part& part) noexcept;
  void note_speaker(Part& part) noexcept;
  void press(Part& part, pipeline::Seat seat, const PartPress& press) noexcept;
  void press_all(Part& part, pipeline::Seat but, const PartPress& press) noexcept;

  const Config config_;
  Slab<Leg>& legs_;
  AudioLegs& turns_;
  ConferenceLines& lines_;
  PlayDesk& plays_;
  Slab<std::unique_ptr<Part>> parts_;
  std::uint32_t seats_ = 0;  ///< in all open ones
  std::uint32_t participants_ = 0;
  Counters counters_;
};

}  // namespace trunkyard::engine
