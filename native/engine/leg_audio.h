// LegAudio: what a leg has beyond forwarding: its audio decoded and encoded here, its key presses.
// On the heap, made by the order setAudio, so that a leg that is only forwarded stays small.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/slab.h"
#include "engine/digit_reports.h"
#include "engine/speech_watch.h"
#include "engine/taps.h"
#include "pipeline/audio_receiver.h"
#include "pipeline/audio_sender.h"
#include "pipeline/conference.h"
#include "pipeline/digit_watch.h"
#include "pipeline/player.h"

namespace trunkyard::engine {

/// What the peer of a leg hears. It is the hearing leg that asks for it, in its own turns.
struct Hears {
  enum class Kind : std::uint8_t { kNothing, kLeg, kConference };
  Kind kind = Kind::kNothing;
  Handle leg;  ///< with kLeg; may be stale, or linked elsewhere by now
  // With kConference, as long as the leg is in it (Conferences).
  Handle conference = kHandleNone;
  pipeline::Seat seat = pipeline::kNoSeat;

  [[nodiscard]] static Hears of_leg(Handle leg) noexcept {
    Hears hears;
    hears.kind = Kind::kLeg;
    hears.leg = leg;
    return hears;
  }
  [[nodiscard]] static Hears of_conference(Handle conference, pipeline::Seat seat) noexcept {
    Hears hears;
    hears.kind = Kind::kConference;
    hears.conference = conference;
    hears.seat = seat;
    return hears;
  }
};

/// What the order says of the receiving half; kept because a listener of another rate needs it set
/// up again.
struct Receivable {
  std::array<pipeline::ReceivablePayload, pipeline::kReceivablePayloadsMax> payloads = {};
  std::uint32_t count = 0;
  jitter::BufferSize buffer_size = jitter::BufferSize::kMedium;
  bool detect_tones = false;

  [[nodiscard]] pipeline::ReceiverSetup setup(std::uint32_t rate_hz) const noexcept {
    return {.payloads = std::span(payloads).first(count),
            .buffer_size = buffer_size,
            .rate_hz = rate_hz,
            .detect_digits = detect_tones};
  }
};

/// Totals of decoded audio, names as in contract.json; and its quality as last estimated.
struct AudioCounters {
  std::uint64_t packets_late = 0;
  std::uint64_t packets_duplicate = 0;
  std::uint64_t played_ms = 0;
  std::uint64_t concealed_ms = 0;
  double playout_delay_ms = 0;
  double rating_factor = 0;
  double mos_listening = 0;
  double mos_conversational = 0;
};

struct LegAudio {
  /// Null when nothing is decoded: no codec is received.
  std::unique_ptr<pipeline::AudioReceiver> receiver;
  /// Null when nothing is sent of our own.
  std::unique_ptr<pipeline::AudioSender> sender;
  /// Telephone-events of a stream that is forwarded.
  std::optional<pipeline::DigitWatch> watch;
  Receivable receivable;
  Hears hears;
  /// Digits of whom it hears are kept from the peer, who is told of them in another way.
  bool mute_digits = false;
  /// The peer is sounding a digit in its audio, as far as tones are looked for.
  bool tone_down = false;
  /// The peer is holding a key, as its telephone-events say.
  bool key_down = false;
  /// Whose press this leg's peer is being told of, from its start to its end. Whatever order comes
  /// between the two, a peer isn't left with a key that nobody releases: MediaThread looks every
  /// turn whether that leg is still heard here and still holds it.
  Handle key_of = kHandleNone;
  DigitReports digits;
  SpeechWatch speech;
  /// What the peer hears in place of its link; null before the first order to play.
  std::unique_ptr<pipeline::Player> player;
  /// The recordings that run.
  Taps taps;

  /// The peer's last press by telephone-events.
  Press press;
  /// The last one when the leg's link changed its mode. The far party was told of it by the old
  /// mode, and what is left of its packets is not to tell it again by the new one.
  Press press_told;

  /// Whether what the peer says is to be decoded here although it is forwarded.
  [[nodiscard]] bool wants_sound() const noexcept {
    return !taps.empty() || speech.running() || (player != nullptr && player->waits_for_voice());
  }
  /// The higher rate of what is heard from the peer and what is said to it.
  [[nodiscard]] std::uint32_t rate_hz_max() const noexcept;
  /// Whether what the peer hears is wanted as samples: it is replaced, or recorded.
  [[nodiscard]] bool hears_apart() const noexcept {
    return records_sent() || (player != nullptr && player->active());
  }
  /// Whether what is sent to the peer is recorded.
  [[nodiscard]] bool records_sent() const noexcept { return taps.wants_sent(); }
  /// Whether the peer is in the middle of a press, however it says so.
  [[nodiscard]] bool presses() const noexcept { return key_down || tone_down; }
  /// @param round_trip to the leg's peer; zero if not known.
  [[nodiscard]] AudioCounters counters(Duration round_trip) const noexcept;
  /// Decodes to this rate from now on, if there is anything to decode. Ask the receiver for digits
  /// afterwards.
  /// @returns false when what is receivable can't be.
  [[nodiscard]] bool tune(std::uint32_t rate_hz) noexcept;
  /// Encodes from this rate from now on, if there is anything to encode. Complexities are as
  /// ordered afterwards.
  void set_source_rate(std::uint32_t rate_hz) noexcept;
  /// Ends decoding and keeps its totals.
  void drop_receiver(Duration round_trip) noexcept;
  /// Lowers the Opus encoder's complexity by so much, as far as it goes.
  void relieve(std::uint32_t steps) noexcept;

 private:
  AudioCounters before_;  ///< of receivers dropped since
};

}  // namespace trunkyard::engine
