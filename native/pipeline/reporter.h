// Reporter: the RTCP that an endpoint owes its peer. While the far party's reports pass through,
// the peer has them and nothing is written here; when none passed for an interval (RFC 3550 §6.2),
// the relay reports in its own name: a sender report for the stream it forwards, a receiver report
// else. Also measures the round trip to the peer from its answers to the sender reports it got, no
// matter who wrote those, by our own clock alone.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/prng.h"
#include "base/time.h"
#include "rtp/rtcp.h"
#include "rtp/source_statistics.h"

namespace trunkyard::pipeline {

/// What a packet that went out means for the sender report.
struct SentPacket {
  rtp::Ssrc ssrc{};
  rtp::RtpTimestamp timestamp{};
  std::uint32_t payload_bytes = 0;
  /// 0 = not known, or the timestamp isn't the stream's present one (telephone-events); the
  /// report's RTP time then stands still between packets, or goes on from the packets that have a
  /// clock.
  std::uint32_t clock_rate_hz = 0;
};

/// Packets of one stream that went out without on_sent() being told of each.
struct SentElsewhere {
  /// The last one; its payload bytes don't matter.
  SentPacket last;
  Instant last_at;
  rtp::StreamCount counted;
};

/// Facts of the node that a report needs.
struct ReportContext {
  Instant now;
  /// What turns `now` into time since 1970.
  Duration unix_offset;
  /// Random name of this node (RFC 7022), the same in all its reports.
  Bytes cname;
};

/// Largest datagram that Reporter writes: sender report with one block, a CNAME and a BYE.
inline constexpr std::size_t kReportBytesMax = 512;

class Reporter {
 public:
  /// @param own_ssrc names this relay while it forwards nothing.
  explicit Reporter(rtp::Ssrc own_ssrc) noexcept : own_ssrc_(own_ssrc) {}
  void set_own_ssrc(rtp::Ssrc ssrc) noexcept { own_ssrc_ = ssrc; }

  /// Hot path: a packet was sent to the peer.
  void on_sent(Instant now, const SentPacket& packet) noexcept;
  /// Packets went to the peer by another way. As if on_sent() had been told of each.
  void on_sent_elsewhere(const SentElsewhere& sent) noexcept;
  /// The far party's RTCP was passed on to the peer.
  void on_relayed(Instant now, Bytes datagram, Prng& prng) noexcept;
  /// A report of the peer about a stream it receives.
  void on_peer_block(Instant now, const rtp::ReportBlock& block) noexcept;

  /// Whether a report is due. The first question after media began starts the clock.
  [[nodiscard]] bool due(Instant now, bool receiving, Prng& prng) noexcept;
  /// Writes the report that is due and schedules the next.
  /// @param into at least kReportBytesMax.
  /// @returns the datagram; empty when there is nothing to say.
  [[nodiscard]] Bytes write(const ReportContext& context, rtp::SourceStatistics& statistics,
                            Prng& prng, MutableBytes into) noexcept;

  /// The same at once, and BYE behind it, when what was sent last is a stream of our own.
  /// @returns the datagram; empty else.
  [[nodiscard]] Bytes write_goodbye(const ReportContext& context, rtp::SourceStatistics& statistics,
                                    Prng& prng, MutableBytes into) noexcept;

  /// Zero until a report of the peer allowed it.
  [[nodiscard]] Duration round_trip() const noexcept { return round_trip_; }

 private:
  /// Two, because a report may cross our next one on the way.
  static constexpr std::size_t kReportsRemembered = 2;
  struct SentReport {
    std::uint32_t middle = 0;
    Instant at;
  };

  /// Counts of a sender report start again with a new SSRC (RFC 3550 §6.4.1).
  void follow_stream(rtp::Ssrc ssrc) noexcept;
  /// Report and CNAME. @returns in whose name it speaks.
  rtp::Ssrc add_report(const ReportContext& context, rtp::SourceStatistics& statistics,
                       rtp::CompoundBuilder& builder) noexcept;
  void remember(Instant now, std::uint32_t middle) noexcept;
  void schedule(Instant now, bool initial, Prng& prng) noexcept;

  // The stream forwarded to the peer; what each packet touches, so it stands first.
  Instant sent_at_;
  rtp::Ssrc sent_ssrc_{};
  rtp::RtpTimestamp sent_timestamp_{};
  std::uint32_t sent_clock_rate_hz_ = 0;
  std::uint32_t sent_packets_ = 0;
  std::uint32_t sent_octets_ = 0;
  bool sending_ = false;
  bool sent_since_report_ = false;

  bool scheduled_ = false;
  rtp::Ssrc own_ssrc_;
  Instant next_at_ = Instant::never();
  std::array<SentReport, kReportsRemembered> reports_ = {};
  std::uint8_t reports_next_ = 0;
  Duration round_trip_;
};

}  // namespace trunkyard::pipeline
