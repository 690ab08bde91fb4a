// Makes events of telephone-event packets (RFC 4733 §2.5.2): one start and one end for each key
// press, in order, however many packets say so and whichever of them are lost.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/time.h"
#include "codec/telephone_event.h"
#include "rtp/sequence.h"

namespace trunkyard::codec {

/// An event began or ended.
struct EventEdge {
  enum class Kind : std::uint8_t { kStart, kEnd };
  Kind kind = Kind::kStart;
  std::uint8_t event = 0;
  std::uint8_t volume = 0;  ///< -dBm0, of the packet that said it
  /// When the event began, in the sender's media time; the same in its start and end.
  rtp::RtpTimestamp timestamp{};
  /// How long it has lasted so far or in all, in units of the clock rate, all segments added up.
  std::uint32_t duration_units = 0;
};

/// Edges that one packet made known, in order: the end of the event before, start, end.
class EventEdges {
 public:
  static constexpr std::size_t kMax = 3;
  [[nodiscard]] std::span<const EventEdge> edges() const noexcept {
    return std::span(edges_).first(count_);
  }

 private:
  friend class EventReceiver;
  void add(const EventEdge& edge) noexcept { edges_[count_++] = edge; }
  std::array<EventEdge, kMax> edges_{};
  std::size_t count_ = 0;
};

struct EventReceiverConfig {
  std::uint32_t clock_rate_hz = 8'000;  ///< 1..kPcmRateHzMax (CHECKed)
  /// Events above this were not agreed on and are counted, not reported (fmtp, §2.4.1).
  std::uint8_t event_max = 16;
  /// An event whose packets stop without an end ends after this. Three packets of 50 ms, the
  /// slowest that senders use (§2.5.1.2), have been missed by then.
  Duration lost_end_after = Duration::milliseconds(200);
};

/// Packets that made no edge and didn't continue an event, by the reason.
struct EventCounters {
  std::uint64_t repeated = 0;   ///< of an event that has ended: the second and third end packet
  std::uint64_t late = 0;       ///< of an event before the one that came last
  std::uint64_t refused = 0;    ///< too short, without a duration, or of an event not agreed on
  std::uint64_t lost_ends = 0;  ///< events that ended by the next one's start or by time
};

/// One stream of one leg (one SSRC): a new stream is a new receiver or reset(). No allocation; one
/// thread.
///
/// What tells one press from the next is the timestamp (§2.2.2). Two senders' habits are taken for
/// what they mean: a timestamp that moves on while the key is down (it then lies inside the event
/// as reported so far), and numbering that restarts (an event that would be 5 s late is new).
class EventReceiver {
 public:
  explicit EventReceiver(const EventReceiverConfig& config) noexcept;

  /// @param now       arrival; not before an earlier call's.
  /// @param timestamp of the RTP packet.
  /// @param payload   of the RTP packet.
  EventEdges handle_packet(Instant now, rtp::RtpTimestamp timestamp, Bytes payload) noexcept;

  /// When an event that hears no more of itself ends; never() while none is down.
  [[nodiscard]] Instant next_deadline() const noexcept;
  /// Ends it when that is due.
  EventEdges handle_deadline(Instant now) noexcept;
  /// Ends what is down and forgets the stream.
  EventEdges reset() noexcept;

  [[nodiscard]] bool down() const noexcept { return down_; }
  [[nodiscard]] const EventCounters& counters() const noexcept { return counters_; }

 private:
  enum class Relation : std::uint8_t { kSame, kNew, kRepeated, kLate };

  [[nodiscard]] Relation relate(rtp::RtpTimestamp timestamp,
                                const TelephoneEvent& packet) const noexcept;
  [[nodiscard]] std::uint32_t lasted(rtp::RtpTimestamp timestamp,
                                     const TelephoneEvent& packet) const noexcept;
  void end(EventEdges& edges) noexcept;
  [[nodiscard]] EventEdge edge(EventEdge::Kind kind) const noexcept;

  EventReceiverConfig config_;
  EventCounters counters_;
  Instant heard_at_;
  rtp::RtpTimestamp began_{};  ///< of the event that came last
  std::uint32_t duration_units_ = 0;
  std::uint8_t event_ = 0;
  std::uint8_t volume_ = 0;
  bool any_ = false;  ///< there was an event
  bool down_ = false;
};

}  // namespace trunkyard::codec
