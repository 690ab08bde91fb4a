// What is known about the RTP that one leg receives: packets, octets, loss, jitter, from the
// packets themselves and without needing the peer's RTCP. RFC 3550 §6.4.1, A.1, A.3, A.8.
//
// A leg may bring several streams one after another (a hold server, a transfer: new SSRC or
// restarted numbers). Reports are about the stream of now; the totals of the leg go on across
// streams.
//
// Departure from A.1: the packets of a passed probation count as received. The RFC forgets them,
// which would make every call's books one packet short of the sender's.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "rtp/ntp.h"
#include "rtp/sequence.h"

namespace trunkyard::rtp {

/// Packets in order before a new source or a restarted numbering is believed (A.1).
inline constexpr std::uint32_t kMinSequential = 2;
/// A greater jump forwards is a restart, not loss (A.1).
inline constexpr std::uint32_t kMaxDropout = 3000;
/// A smaller step backwards is reordering, not a restart (A.1).
inline constexpr std::uint32_t kMaxMisorder = 100;
static_assert(kMaxDropout + kMaxMisorder < (1u << 16));
/// A jump of the relative transit time beyond this is a sender's new clock (a re-INVITE, a mixer
/// switching source), not network delay. Letting it into the jitter filter would spoil the figure
/// for some hundred packets; A.8 doesn't speak of it.
inline constexpr Duration kTransitJumpMax = Duration::seconds(5);

/// What the statistics need of a packet.
struct PacketArrival {
  Ssrc ssrc{};
  std::uint16_t sequence = 0;
  RtpTimestamp timestamp{};
  /// Bytes without header and padding, which is what RTCP counts (RFC 3550 §6.4.1).
  std::uint32_t payload_bytes = 0;
  /// Of the packet's payload type. 0 keeps the packet out of the jitter: unknown rate, or
  /// telephone-events, whose timestamp stands still during an event (RFC 4733 §2.5.1.2).
  std::uint32_t clock_rate_hz = 0;
};

enum class ArrivalVerdict : std::uint8_t {
  kProbation,  ///< first packet of an unknown stream; not believed yet
  kNewStream,  ///< this packet ended the probation of a stream
  kInOrder,    ///< ahead of the highest number so far, gaps included
  kDuplicate,  ///< same number as the highest
  kLate,       ///< behind the highest: reordered, or an older duplicate
  kJump,       ///< far off; believed if its successor follows
  kRestart,    ///< the successor followed: the sender has restarted its numbering
};

/// How far a stream has come: what somebody else needs who counts it for a while, and hands back.
struct StreamPosition {
  Ssrc ssrc{};
  ExtendedSeq highest;
  /// A.8, times 16, in units of `clock_rate_hz`.
  std::uint64_t jitter_scaled = 0;
  /// Arrival less timestamp of the last packet, in those units; wraps.
  std::uint32_t transit = 0;
  /// Whether there is a transit time to compare the next one with.
  bool transit_known = false;
  /// Of the packets so far; 0 = not known, then there is no jitter either.
  std::uint32_t clock_rate_hz = 0;
};

/// Packets that somebody else counted. Late ones and duplicates are among them, but none that
/// belongs to another numbering.
struct StreamCount {
  std::uint64_t packets = 0;
  /// Payload bytes, as in PacketArrival.
  std::uint64_t octets = 0;
};

/// A report block's contents (RFC 3550 §6.4.1), in and out.
struct ReportBlock {
  Ssrc ssrc{};                       ///< the stream reported on
  std::uint8_t fraction_lost = 0;    ///< of 256, since the last report
  std::int32_t cumulative_lost = 0;  ///< 24 bits, signed: duplicates can make it negative
  std::uint32_t highest_sequence = 0;
  std::uint32_t jitter = 0;  ///< in timestamp units
  std::uint32_t last_sr = 0;
  std::uint32_t delay_since_sr = 0;  ///< in 1/65536 s
};

/// One leg's receive side. About 150 bytes, no allocation, one thread.
class SourceStatistics {
 public:
  /// Counts a packet that came from the right source. O(1).
  ArrivalVerdict on_packet(Instant now, const PacketArrival& packet) noexcept;
  /// Counts a packet that came from the right source and belongs to no stream of it: its payload
  /// type was never agreed on, so its number says nothing about loss.
  void on_stray(std::uint32_t payload_bytes) noexcept {
    ++packets_total_;
    octets_total_ += payload_bytes;
  }
  /// Remembers the peer's sender report for LSR and DLSR. Reports of another SSRC than the current
  /// stream's are ignored.
  void on_sender_report(Instant now, Ssrc ssrc, NtpTime ntp) noexcept;

  /// Whether a stream has passed its probation, so that there is something to report.
  [[nodiscard]] bool has_stream() const noexcept { return started_; }
  /// The current stream's. Meaningless before has_stream().
  [[nodiscard]] Ssrc ssrc() const noexcept { return ssrc_; }
  [[nodiscard]] ExtendedSeq highest() const noexcept { return highest_; }

  /// Where the current stream stands. CHECKs has_stream().
  [[nodiscard]] StreamPosition position() const noexcept;
  /// Goes on from where somebody else has counted the current stream to.
  /// @param position of the current stream and its clock rate (CHECKed).
  /// @param counted  since position() was asked for, or since the last time.
  void resume(const StreamPosition& position, const StreamCount& counted) noexcept;

  /// A report block about the current stream; starts the next interval (A.3). CHECKs has_stream().
  [[nodiscard]] ReportBlock make_report_block(Instant now) noexcept;

  // Totals of the leg, all streams.
  /// Every packet counted, duplicates, strays and packets on probation included.
  [[nodiscard]] std::uint64_t packets_received() const noexcept { return packets_total_; }
  [[nodiscard]] std::uint64_t octets_received() const noexcept { return octets_total_; }
  /// Sum over streams of expected minus received, each not below 0.
  [[nodiscard]] std::uint64_t packets_lost() const noexcept;
  /// Sum over streams of the numbers from first to highest.
  [[nodiscard]] std::uint64_t packets_expected() const noexcept;
  [[nodiscard]] std::uint32_t streams() const noexcept { return streams_; }
  [[nodiscard]] std::uint32_t restarts() const noexcept { return restarts_; }

  /// Of the current stream (A.8). In timestamp units.
  [[nodiscard]] std::uint32_t jitter_units() const noexcept {
    return static_cast<std::uint32_t>(jitter_scaled_ >> 4);
  }
  /// 0 while no clock rate is known.
  [[nodiscard]] double jitter_ms() const noexcept {
    return clock_rate_hz_ == 0 ? 0.0
                               : static_cast<double>(jitter_scaled_) * 1000.0 / 16.0 /
                                     static_cast<double>(clock_rate_hz_);
  }

 private:
  ArrivalVerdict on_unknown_stream(Instant now, const PacketArrival& packet) noexcept;
  ArrivalVerdict on_known_stream(const PacketArrival& packet) noexcept;
  void start_stream(Ssrc ssrc, std::uint16_t first, std::uint16_t highest) noexcept;
  void update_jitter(Instant now, const PacketArrival& packet) noexcept;
  [[nodiscard]] std::uint64_t stream_expected() const noexcept;
  [[nodiscard]] std::uint64_t stream_lost() const noexcept;

  // What every packet touches stands first, in less than a cache line: the current stream, its
  // jitter and the leg's totals.
  ExtendedSeq highest_;
  std::uint64_t received_ = 0;  // by A.1: late ones and duplicates included
  std::uint64_t packets_total_ = 0;
  std::uint64_t octets_total_ = 0;
  std::uint64_t jitter_scaled_ = 0;  // times 16
  std::uint32_t transit_ = 0;
  std::uint32_t clock_rate_hz_ = 0;
  Ssrc ssrc_{};
  bool started_ = false;
  bool candidate_present_ = false;
  bool transit_known_ = false;
  bool sender_report_known_ = false;

  // The current stream's reports.
  ExtendedSeq base_;
  std::uint64_t expected_prior_ = 0;
  std::uint64_t received_prior_ = 0;
  // The number that would confirm a restart; beyond 16 bits while there is none in sight.
  std::uint32_t jump_successor_ = kNoSequence;

  // A stream on probation.
  Ssrc candidate_ssrc_{};
  std::uint16_t candidate_first_ = 0;
  std::uint16_t candidate_last_ = 0;
  std::uint32_t candidate_run_ = 0;

  // The peer's last sender report.
  std::uint32_t sender_report_middle_ = 0;
  Instant sender_report_at_;

  // The leg's earlier streams.
  std::uint64_t lost_earlier_ = 0;
  std::uint64_t expected_earlier_ = 0;
  std::uint32_t streams_ = 0;
  std::uint32_t restarts_ = 0;

  static constexpr std::uint32_t kNoSequence = 1u << 16;
};

}  // namespace trunkyard::rtp
