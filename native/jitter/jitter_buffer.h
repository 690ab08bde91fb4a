// The jitter buffer of one leg: puts packets back into order, decides how long to wait for them,
// and says at each playout what is to be heard: this packet, a concealed piece, comfort noise. It
// decides; whoever owns it decodes, conceals and stretches (codec/). It owns no packet memory: it
// holds names of payloads and gives each of them back exactly once, with a decision or through
// next_released().
//
//   insert(now, arrival) ──> PacketWindow ──> take(now, pull) ──> Decision
//              └─ offset ──> PlayoutDelay ──── target ──┘  stretch: grow or shrink what you play
//
// Where it plays is an offset, local clock less sender's timestamp. The target is an offset too, so
// a drifting clock, a new path and a change of jitter are one thing: the offset is led to the
// target, at no cost where there is silence, elsewhere by pieces that the time-scaler takes out or
// puts in.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"
#include "jitter/media_time.h"
#include "jitter/packet_window.h"
#include "jitter/playout_delay.h"
#include "rtp/sequence.h"

namespace trunkyard::jitter {

/// Audio of one packet: 10 to 60 ms are usual, an Opus packet may be 120 (RFC 6716 §3.2).
inline constexpr MediaTime kPacketLengthMax = 120 * kMediaPerMs;
static_assert(kPacketLengthMax <= 0xffff, "WaitingPacket::length");
/// As long as this nothing comes, the buffer asks for concealment; then for silence.
inline constexpr MediaTime kDryMax = 200 * kMediaPerMs;

/// What the buffer needs of a packet.
struct Arrival {
  rtp::Ssrc ssrc{};
  rtp::RtpTimestamp timestamp{};
  std::uint16_t sequence = 0;
  std::uint8_t payload_type = 0;
  MediaKind kind = MediaKind::kAudio;
  std::uint32_t clock_rate_hz = 0;  ///< a rate of is_media_rate(); looked at if has_sound()
  /// Audio in it, in steps of its clock; above 0 and up to kPacketLengthMax for audio, 0 will do
  /// for the other kinds.
  std::uint32_t clock_steps = 0;
  PacketRef packet;
};

enum class InsertVerdict : std::uint8_t {
  kAccepted,
  kReordered,  ///< accepted, behind a later one
  kRecovered,  ///< accepted: a redundant copy of one that was missing
  kRestarted,  ///< accepted: it confirms a new SSRC, numbering or clock of the sender's
  kCandidate,  ///< kept aside: may be of a new SSRC, numbering, clock or path, if another one says
               ///< so
  // From here on the caller keeps the packet.
  kOutOfBand,  ///< an event or a filler of the stream: handle it now
  kBeside,     ///< one of another SSRC or numbering, or before any stream; nothing is noted
  kDuplicate,  ///< here already, or played already
  kLate,       ///< its time has passed
  kUnneeded,   ///< a redundant copy of one that is here
  kInvalid,    ///< a clock or length that can't be
};
/// Whether the buffer now holds the packet's name and will give it back.
[[nodiscard]] constexpr bool is_held(InsertVerdict verdict, MediaKind kind) noexcept {
  return verdict <= InsertVerdict::kCandidate && has_sound(kind);
}

/// What is being played at present, if the owner knows (codec/voice activity): in a pause, the
/// delay may change by as much as it likes.
enum class Activity : std::uint8_t { kUnknown, kSpeech, kPause };

/// A request for audio.
struct Pull {
  /// Length of one playout tick; above 0 (CHECKed), the same every time. The delay moves in ticks,
  /// so the shorter they are the closer it comes to its target: 10 ms do well, 20 cost some 5 ms.
  MediaTime wanted = 0;
  /// Decoded audio left over from earlier decisions; less than `wanted`, else there is no need to
  /// ask.
  MediaTime queued = 0;
  Activity activity = Activity::kUnknown;
};

enum class DecisionKind : std::uint8_t {
  kPlay,           ///< decode `packet`; the caller now owns it
  kComfortUpdate,  ///< `packet` describes the background; the caller owns it. Then ask again
  kConceal,  ///< make up `length`; if `has_next`, `next` may help (in-band FEC), it stays ours
  kComfort,  ///< background noise for `length`
  kSilence,  ///< nothing has been received to be played yet
};

/// What to do next. Ask until the audio in hand is `wanted`.
struct Decision {
  DecisionKind kind = DecisionKind::kSilence;
  std::uint8_t payload_type = 0;  ///< of `packet`
  std::uint16_t sequence = 0;     ///< of `packet`
  bool has_next = false;
  rtp::RtpTimestamp timestamp{};  ///< of `packet`
  PacketRef packet;
  PacketRef next;  ///< the packet right after the concealed one
  MediaTime length = 0;
  /// With kPlay: the packet begins with so much more than `length`, which has been made up already
  /// while it was late. To be decoded, but not to be heard.
  MediaTime skip = 0;
  /// With kPlay: make the audio longer (above 0) or shorter by up to so much, at pitch periods or
  /// in silence, without a click. Doing less or nothing is fine: the buffer looks at what comes of
  /// it.
  MediaTime stretch = 0;
};

/// Totals since construction, all streams of the leg.
struct BufferStatistics {
  std::uint64_t received = 0;  ///< all that was inserted, redundant copies aside
  std::uint64_t played = 0;
  std::uint64_t lost = 0;       ///< passed and never seen; falls when one of them comes late
  std::uint64_t late = 0;       ///< came after their time
  std::uint64_t discarded = 0;  ///< came in time, but too many waited, or nobody listened any more
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;
  std::uint64_t recovered = 0;  ///< by redundancy
  std::uint64_t events = 0;     ///< and fillers
  std::uint64_t invalid = 0;
  std::uint64_t restarts = 0;  ///< of SSRC, numbering or media clock
  /// Packets that should have been played and weren't, and how many runs of them there were: what
  /// the quality model wants (quality.h).
  std::uint64_t unplayed = 0;
  std::uint64_t unplayed_runs = 0;
  MediaTime played_length = 0;
  MediaTime concealed_length = 0;
  MediaTime comfort_length = 0;
  /// From arrival to being heard, of the latest packet, the sum over `played`, and the longest.
  Duration delay_last;
  Duration delay_sum;
  Duration delay_max;

  [[nodiscard]] Duration delay_mean() const noexcept {
    return played == 0 ? Duration::zero() : delay_sum / static_cast<std::int64_t>(played);
  }
};

/// One leg's. 2 KB, and 56 bytes for each packet of its capacity, taken at construction and in
/// grow_to() alone; one media thread.
class JitterBuffer {
 public:
  struct Setup {
    DelayPolicy policy = delay_policy(BufferSize::kMedium);
    std::uint32_t capacity_packets = kWindowPacketsMax;  ///< 1..kWindowPacketsMax (CHECKed)
  };

  explicit JitterBuffer(const Setup& setup);

  /// A packet from the leg's right source. @param now its arrival.
  InsertVerdict insert(Instant now, const Arrival& arrival) noexcept;
  /// A redundant block (RFC 2198) of a packet that has been inserted.
  /// @param block as the packet it rides in, but with its own payload type, length and payload.
  /// @param steps_earlier its timestamp offset: so much before the packet it rides in.
  InsertVerdict insert_redundant(Instant now, const Arrival& block,
                                 std::uint32_t steps_earlier) noexcept;

  /// What to play next. @param now the tick's nominal time, not when the thread came round to it:
  /// that
  ///                               lateness would be taken for jitter.
  Decision take(Instant now, const Pull& pull) noexcept;

  /// When the caller can choose the time of its ticks: by how much they should come later (above 0)
  /// or sooner, a multiple of `step`, for packets to be played at the target instead of at the tick
  /// beside it. By what was played since the last time it was asked; to be asked about once a
  /// second, 0 when too little was played to tell. What comes of it shows in the next takes.
  /// @param step how finely the time can be chosen; above 0.
  [[nodiscard]] MediaTime tick_wish(MediaTime step) noexcept;

  /// Another size in the middle of a call: what waits stays, the delay is led to its new target.
  void set_policy(const DelayPolicy& policy) noexcept { delay_.set_policy(policy); }
  /// Room for more packets, for a policy with longer delays. Allocates; what waits stays.
  /// @param capacity_packets as in Setup; fewer than there are change nothing.
  void grow_to(std::uint32_t capacity_packets);
  /// Nobody listens for a while: gives up what waits. What is inserted next begins a stream, and
  /// whatever came before that and wasn't inserted is no loss. Totals go on.
  void restart() noexcept;
  /// Gives up the packet that has waited longest, for an owner who has no memory left for a newer
  /// one; the candidate when no other waits. @returns false when none does.
  bool discard_oldest() noexcept;

  /// Gives back a name that is no longer needed; false when there is none. To be asked after each
  /// insert, take and restart until it says so (CHECKed by the next of them).
  [[nodiscard]] bool next_released(PacketRef& packet) noexcept;

  [[nodiscard]] const BufferStatistics& statistics() const noexcept { return statistics_; }
  /// Whether there is a stream.
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// Packets waiting.
  [[nodiscard]] std::uint32_t size() const noexcept { return window_.size(); }
  /// How long the fastest packets are meant to wait at present.
  [[nodiscard]] Duration target_delay() const noexcept {
    return duration_of(delay_.target() - delay_.fastest());
  }
  /// Interarrival jitter (RFC 3550 §6.4.1).
  [[nodiscard]] Duration jitter() const noexcept { return duration_of(delay_.jitter()); }

 private:
  enum class Mode : std::uint8_t {
    kWaiting,  ///< until the head's time has come
    kPlaying,
  };
  /// Names beyond those that wait that one call may give back: the candidate's and the new one's.
  static constexpr std::uint32_t kReleasedSlack = 2;

  /// What a packet is to the stream that we know.
  enum class Standing : std::uint8_t {
    kInLine,
    kEarly,    ///< well before its time, as on a path that has become faster; or a stray
    kForeign,  ///< of another SSRC, numbering or clock; or a stray
  };

  struct Candidate {
    bool present = false;
    Instant arrived_at;
    Arrival arrival;
  };

  // Insert side.
  [[nodiscard]] Standing standing_of(Instant at, const Arrival& arrival) const noexcept;
  void settle_candidate() noexcept;
  InsertVerdict hold_candidate(Instant now, const Arrival& arrival, Standing standing) noexcept;
  [[nodiscard]] bool bears_out_candidate(Instant now, const Arrival& arrival,
                                         Standing standing) const noexcept;
  InsertVerdict admit_both(Instant now, const Arrival& arrival, Standing standing) noexcept;
  void admit_candidate() noexcept;
  void drop_candidate() noexcept;
  void start_stream(const Arrival& first) noexcept;
  InsertVerdict admit(Instant now, const Arrival& arrival) noexcept;
  [[nodiscard]] MediaTime extend_timestamp(MediaTime local, const Arrival& arrival,
                                           std::int32_t ahead) noexcept;
  [[nodiscard]] bool is_clock_jump(MediaTime local, MediaTime timestamp,
                                   std::int32_t ahead) const noexcept;
  void start_epoch(std::int64_t order, const Arrival& arrival) noexcept;
  [[nodiscard]] Place place_of(std::int64_t order) noexcept;
  InsertVerdict refuse_passed(Place place, std::int64_t order) noexcept;
  void make_room_for(std::int64_t order) noexcept;

  // Take side.
  [[nodiscard]] bool is_due(const WaitingPacket& head, MediaTime local, const Pull& pull) noexcept;
  [[nodiscard]] bool is_stale(const WaitingPacket& head, MediaTime local,
                              const Pull& pull) const noexcept;
  void start_playing(const WaitingPacket& head) noexcept;
  [[nodiscard]] bool pass_event(const WaitingPacket& head, Decision& decision) noexcept;
  [[nodiscard]] bool bridge_gap(const WaitingPacket& head, Decision& decision) noexcept;
  Decision play(Instant now, const Pull& pull, MediaTime skip) noexcept;
  Decision run_dry(MediaTime local, const Pull& pull) noexcept;
  Decision fill(const Pull& pull) noexcept;
  [[nodiscard]] MediaTime choose_skip(const WaitingPacket& head, MediaTime local,
                                      const Pull& pull) noexcept;
  [[nodiscard]] MediaTime choose_stretch(const WaitingPacket& packet, MediaTime local,
                                         const Pull& pull) noexcept;
  void note_excess(MediaTime excess) noexcept;
  void settle_dry(bool was_loss) noexcept;
  void note_played(std::int64_t order) noexcept;
  void discard_head(std::uint64_t& counter) noexcept;
  void release(const PacketRef& packet) noexcept;

  PacketWindow window_;
  PlayoutDelay delay_;
  BufferStatistics statistics_;

  // The stream's numbering: the newest packet of it.
  bool started_ = false;
  std::uint8_t epoch_ = 0;
  std::uint16_t highest_sequence_ = 0;
  rtp::Ssrc ssrc_{};
  std::int64_t highest_order_ = 0;
  std::int64_t epoch_first_order_ = 0;
  // The newest timestamp, on the wire and without wrap, the length that came with it, and its
  // offset.
  bool timestamp_known_ = false;
  std::uint32_t clock_rate_hz_ = 0;
  rtp::RtpTimestamp timestamp_wire_{};
  MediaTime timestamp_ = 0;
  MediaTime length_last_ = 0;
  MediaTime offset_last_ = 0;
  Candidate candidate_;

  // Playout.
  Mode mode_ = Mode::kWaiting;
  bool heard_ = false;     ///< something has been played
  bool in_pause_ = false;  ///< the last thing played says that silence is no loss
  std::uint8_t epoch_playing_ = 0;
  MediaTime cursor_ = 0;          ///< timestamp of what is due next
  MediaTime length_playing_ = 0;  ///< of the last audio packet played
  MediaTime dry_ = 0;             ///< concealed since the window ran empty
  MediaTime stalled_ = 0;         ///< of that, without moving the cursor
  MediaTime quiet_ = 0;           ///< filled after that, when it was too long to be made up
  std::uint64_t missing_ = 0;     ///< passed meanwhile, as they were too many to wait for
  MediaTime made_up_ = 0;         ///< of the head, which was late
  MediaTime stretched_at_ = 0;    ///< local time of the last stretch asked for
  std::int64_t order_played_ = 0;
  // How far from the target packets were played since the last wish: least, most, and how many.
  MediaTime excess_least_ = 0;
  MediaTime excess_most_ = 0;
  std::uint32_t excess_count_ = 0;

  std::unique_ptr<PacketRef[]> released_;  ///< kReleasedSlack more than the window's capacity
  std::uint32_t released_count_ = 0;
};

static_assert(sizeof(JitterBuffer) <= 1'856);

}  // namespace trunkyard::jitter
