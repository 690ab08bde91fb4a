// Says key presses in telephone-event packets (RFC 4733 §2.5.1): asked once for each packet time,
// it answers with the payload that takes the place of audio. Presses come whole ("send 1234") or as
// edges from another leg, which makes it the relay of transcoded, mixed and tunnelled calls: an
// event is said anew in the far leg's own clock and media time instead of being rewritten packet by
// packet, so it stays one event when packet times, clock rates and losses of the two sides differ.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "codec/event_receiver.h"
#include "codec/telephone_event.h"
#include "rtp/sequence.h"

namespace trunkyard::codec {

/// The shortest press and pause that every receiver must take for one (ITU-T Q.24).
inline constexpr std::uint32_t kEventMsMin = 40;
/// A press that nobody releases ends after this.
inline constexpr std::uint32_t kHeldEventMsMax = 60'000;

struct EventSenderConfig {
  std::uint32_t clock_rate_hz =
      8'000;                     ///< of the payload type agreed on; 1..kPcmRateHzMax (CHECKed)
  std::uint32_t packet_ms = 20;  ///< between two calls of tick(), 10..kFrameMsMax (CHECKed)
  std::uint32_t pause_ms = kEventMsMin;  ///< between two events; less than kEventMsMin is raised
};

/// A key press of known length.
struct EventPress {
  std::uint8_t event = 0;
  std::uint8_t volume = 10;         ///< -dBm0, 0..63
  std::uint32_t duration_ms = 100;  ///< raised to kEventMsMin, cut to kHeldEventMsMax
};

/// What to send. The caller adds its own sequence number and SSRC and the agreed payload type.
struct EventPacket {
  bool marker = false;            ///< first packet of an event
  rtp::RtpTimestamp timestamp{};  ///< of the event's (or segment's) start, not of the packet
  std::array<std::uint8_t, kTelephoneEventBytes> payload{};
};

/// One leg's sending side. Allocates nothing; one thread.
class EventSender {
 public:
  explicit EventSender(const EventSenderConfig& config) noexcept;

  /// Queues a press of known length.
  /// @returns false, counted, when kEventQueueMax presses wait already.
  bool press(const EventPress& press) noexcept;

  /// Says another leg's edges: a start presses, its end releases after the same time.
  /// @param edge_clock_rate_hz of that leg's events; 1..kPcmRateHzMax (CHECKed).
  /// @returns false, counted, when a start found no room; its end is ignored then.
  bool relay(const EventEdge& edge, std::uint32_t edge_clock_rate_hz) noexcept;

  /// What to send in place of the audio packet that is due.
  /// @param now media time of that audio packet.
  /// @returns nothing while audio may go out. Within a pause between two queued events there is no
  ///          packet either; active() tells.
  std::optional<EventPacket> tick(rtp::RtpTimestamp now) noexcept;

  /// Whether events are being said or wait: audio then pauses, as a far end may hear in it what it
  /// is told already.
  [[nodiscard]] bool active() const noexcept { return state_ != State::kIdle || waiting_ > 0; }
  /// Another pause between two events. @param ms less than kEventMsMin is raised.
  void set_pause(std::uint32_t ms) noexcept { config_.pause_ms = std::max(ms, kEventMsMin); }
  /// Forgets what waits and ends what is being said with the next tick.
  void cancel() noexcept;
  /// Presses that can be queued now.
  [[nodiscard]] std::uint32_t room() const noexcept { return kEventQueueMax - waiting_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  enum class State : std::uint8_t { kIdle, kDown, kEnding, kPause };
  struct Waiting {
    std::uint32_t duration_units = 0;  ///< kHeld = until it is released
    std::uint8_t event = 0;
    std::uint8_t volume = 0;
  };
  static constexpr std::uint32_t kHeld = 0xffff'ffff;

  bool push(const Waiting& press) noexcept;
  void release(std::uint32_t duration_units) noexcept;
  EventPacket begin(rtp::RtpTimestamp now) noexcept;
  EventPacket go_on(rtp::RtpTimestamp now) noexcept;
  [[nodiscard]] std::uint32_t units_of_ms(std::uint32_t ms) const noexcept;

  EventSenderConfig config_;
  std::array<Waiting, kEventQueueMax> queue_{};
  std::uint32_t head_ = 0;
  std::uint32_t waiting_ = 0;
  bool held_ = false;  ///< the newest press has not been released yet
  std::uint64_t refused_ = 0;
  // What is being said.
  State state_ = State::kIdle;
  Waiting current_{};
  rtp::RtpTimestamp segment_{};       ///< start of the current segment
  std::uint32_t segments_units_ = 0;  ///< length of those before
  std::uint32_t said_units_ = 0;      ///< longest duration sent, all segments added up
  EventPacket last_{};
  std::uint32_t repeats_ = 0;
  rtp::RtpTimestamp ended_{};
};

}  // namespace trunkyard::codec
