// Endpoint: one leg's media without its sockets. Decides whose packets count, keeps the leg's
// books, says what is to be forwarded and in which form, and what RTCP is due. Told the time; owns
// no memory beyond itself; nothing here allocates.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/prng.h"
#include "base/time.h"
#include "pipeline/leg_keys.h"
#include "pipeline/link.h"
#include "pipeline/reporter.h"
#include "pipeline/source_guard.h"
#include "rtp/packet.h"
#include "rtp/source_statistics.h"

namespace trunkyard::pipeline {

/// Payload types whose clock rate one endpoint can know.
inline constexpr std::uint32_t kClockRatesMax = 32;
/// RTCP datagrams a second that one leg may send through to the other; a burst of as many. Voice
/// needs one in five seconds, video feedback a few a second, a storm more.
inline constexpr std::int32_t kRtcpRelaysPerSecond = 10;

struct ClockRate {
  std::uint8_t payload_type = 0;
  std::uint32_t hz = 0;
};

/// What an offer or answer says about a leg.
struct EndpointSetup {
  /// Not known = nothing is sent and nothing accepted.
  SocketAddress remote_rtp;
  /// Ignored with rtcp_mux; not known = no RTCP.
  SocketAddress remote_rtcp;
  bool rtcp_mux = false;
  SourceRule source_rule = SourceRule::kStrict;
  /// Zero = never.
  Duration inactivity;
  /// At most kClockRatesMax (the rest is ignored).
  std::span<const ClockRate> clock_rates;
};

/// A leg's stream that needs nothing but forwarding, for somebody who does that by another way (the
/// kernel) and hands it back.
struct PlainStream {
  rtp::StreamPosition position;
  /// What payload types become that need no more than renumbering and share the stream's clock;
  /// kPayloadTypeDropped for all others, which are still to come here.
  PayloadMap types;
};

/// What became of such a stream since it was asked for, or since the last time.
struct ForwardedElsewhere {
  rtp::StreamPosition position;
  rtp::StreamCount counted;
  /// Arrival of the last packet.
  Instant last_at;
};

/// A bit for each payload type.
using PayloadTypeSet = std::bitset<kPayloadTypes>;

enum class DatagramKind : std::uint8_t { kRtp, kRtcp, kOther };

/// What a datagram claims to be, by its first two bytes (RFC 5761 §4, RFC 7983).
[[nodiscard]] DatagramKind classify(Bytes datagram) noexcept;
/// RTCP that receive_rtcp accepted, without its BYEs. @param into at least as long as the datagram.
/// @returns the copy; empty when nothing is left.
[[nodiscard]] Bytes without_bye(Bytes datagram, MutableBytes into) noexcept;

enum class RtpVerdict : std::uint8_t {
  kForward,      ///< rewritten in place; send it to link_to()
  kListen,       ///< for the leg's own audio receiver
  kRefused,      ///< foreign source
  kUnauthentic,  ///< keys are set, and it is not (or no longer) under them
  kMalformed,
  kUnlinked,  ///< counted as received, but leads nowhere
  kUnmapped,  ///< counted as received, but the link doesn't carry its payload type
};

struct RtpOutcome {
  RtpVerdict verdict = RtpVerdict::kRefused;
  /// First accepted packet since the last setup.
  bool media_started = false;
  /// This packet made its source the peer.
  bool latched = false;
  /// How much of the datagram, from its front, is the plain packet; with an accepted one only.
  std::uint32_t bytes = 0;
  /// What is still to be done with the packet; with kForward, and kWatch also where it leads
  /// nowhere.
  Treatment treatment = Treatment::kNone;
  /// Of the packet as it came.
  std::uint8_t payload_type = kPayloadTypeDropped;
  /// The leg's own receiver is to have a copy, with the payload type above.
  bool overheard = false;
  /// For the receiving endpoint's on_sent; only with kForward.
  SentPacket packet;
};

enum class RtcpVerdict : std::uint8_t {
  kRelay,
  kRelayWithoutBye,
  kConsumed,  ///< nothing in it for the far party
  kOwn,       ///< for us alone: this leg's audio is decoded here, an RTP session of its own
  kRefused,
  kUnauthentic,
  kMalformed,
  kLimited,
};

struct RtcpOutcome {
  RtcpVerdict verdict = RtcpVerdict::kRefused;
  /// This datagram made its source the peer's RTCP address (latch rule, own RTCP port).
  bool learned = false;
  /// How much of the datagram, from its front, is plain RTCP; with an accepted one only.
  std::uint32_t bytes = 0;
};

/// Totals of the leg over all its setups and streams; names as in contract.json.
struct EndpointCounters {
  std::uint64_t packets_received = 0;
  std::uint64_t octets_received = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t octets_sent = 0;
  std::uint64_t packets_lost = 0;
  double jitter_ms = 0;
  std::uint64_t packets_refused = 0;
  std::uint64_t packets_dropped = 0;
  std::uint64_t rtcp_received = 0;
  std::uint64_t rtcp_sent = 0;
  double round_trip_ms = 0;
  std::uint64_t srtp_refused = 0;
};

class Endpoint {
 public:
  /// @param own_ssrc random; see Reporter.
  Endpoint(Instant now, std::uint32_t own_ssrc) noexcept
      : reporter_(static_cast<rtp::Ssrc>(own_ssrc)), heard_at_(now) {}

  /// A new offer or answer. Books go on, links stay.
  void set_up(Instant now, const EndpointSetup& setup) noexcept;
  void set_link(const Link& link) noexcept {
    link_ = link;
    link_to_ = link.to();
    cached_payload_type_ = kPayloadTypeDropped;
  }
  /// From now on everything is under these keys, both ways; null = in the clear.
  /// @param keys not owned; they live until others are set, or as long as the endpoint.
  void set_keys(LegKeys* keys) noexcept {
    keys_ = keys;
    keyed_ = keys != nullptr;
  }
  /// Keys were asked for and none could be set: until set_keys(), nothing is sent to the peer and
  /// nothing of it is accepted. The clear is no substitute for them.
  void await_keys() noexcept {
    keys_ = nullptr;
    keyed_ = true;
  }
  /// Whether what is sent to the peer has to be protected first.
  [[nodiscard]] bool keyed() const noexcept { return keyed_; }
  /// Hot path; where keyed(). Both as LegKeys has them; 0 also while keys are awaited.
  [[nodiscard]] std::size_t protect_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
    return keys_ == nullptr ? 0 : keys_->protect_rtp(buffer, packet_bytes);
  }
  [[nodiscard]] std::size_t protect_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
    return keys_ == nullptr ? 0 : keys_->protect_rtcp(buffer, packet_bytes);
  }

  /// Where packets go; none without a link.
  [[nodiscard]] Handle link_to() const noexcept { return link_to_; }
  [[nodiscard]] const Link& link() const noexcept { return link_; }

  /// Whether packets are for the leg's own audio receiver. @param on false where a link forwards.
  void set_listening(bool on) noexcept {
    listening_ = on;
    cached_payload_type_ = kPayloadTypeDropped;
  }
  [[nodiscard]] bool listening() const noexcept { return listening_; }
  /// What that receiver takes; all until this is called. While listening, packets of other payload
  /// types are counted and have no place in the stream.
  void set_receivable(const PayloadTypeSet& types) noexcept {
    receivable_ = types;
    cached_payload_type_ = kPayloadTypeDropped;
  }
  /// Whether packets that are forwarded go to the leg's own audio receiver as well.
  void set_overheard(bool on) noexcept { overheard_ = on; }
  [[nodiscard]] bool overheard() const noexcept { return overheard_; }
  /// Whether the peer is hearing something else, so that nothing is to be forwarded to it.
  void set_engaged(bool on) noexcept { engaged_ = on; }
  [[nodiscard]] bool engaged() const noexcept { return engaged_; }
  /// Telephone-events that are to be looked at while they are forwarded.
  /// @param payload_type kPayloadTypeDropped = none.
  void set_watched(std::uint8_t payload_type) noexcept {
    watched_payload_type_ = payload_type;
    cached_payload_type_ = kPayloadTypeDropped;
  }

  /// Names what we send of our own: in reports, and in audio that is encoded here.
  void set_own_ssrc(rtp::Ssrc ssrc) noexcept { reporter_.set_own_ssrc(ssrc); }

  [[nodiscard]] bool rtcp_mux() const noexcept { return rtcp_mux_; }
  /// The addresses a socket may be connected to; not known while uncertain.
  [[nodiscard]] SocketAddress rtp_peer() const noexcept { return guard_.peer(); }
  [[nodiscard]] SocketAddress rtcp_peer() const noexcept;
  /// Where to send, be the peer certain or not. Not known = don't send.
  [[nodiscard]] SocketAddress rtp_target() const noexcept { return guard_.target(); }
  [[nodiscard]] SocketAddress rtcp_target() const noexcept;

  /// Hot path. Judges, decrypts, counts and rewrites one datagram from the RTP port. Whoever has no
  /// key neither becomes the peer nor shows in the stream's statistics.
  /// @param source null when the kernel vouches for it (connected socket).
  [[nodiscard]] RtpOutcome receive_rtp(Instant now, MutableBytes datagram,
                                       const SocketAddress* source) noexcept;
  /// The stream that comes in, if all that its packets need is to be sent on: the peer is certain
  /// and has been heard, nothing is encrypted, nobody listens, and the payload type that came last
  /// is one that the link carries as it is.
  /// @param types_max payload types that may be among `types`, at least 1; the one that came last
  ///        is always.
  [[nodiscard]] std::optional<PlainStream> plain_stream(std::uint32_t types_max) const noexcept;
  /// Packets of plain_stream() were forwarded by another way: the books go on as if
  /// receive_rtp() had had them. Until the stream is handed back, no packet of it may come here.
  void on_forwarded_elsewhere(const ForwardedElsewhere& forwarded) noexcept;
  /// Packets went to this endpoint's peer by another way: as if on_sent() had been told of each.
  void on_sent_elsewhere(const SentElsewhere& sent) noexcept;

  /// Hot path. A packet was handed to the kernel for this endpoint's peer.
  void on_sent(Instant now, const SentPacket& packet) noexcept;
  /// A packet was accepted but could not be sent on.
  void on_drop() noexcept { ++packets_dropped_; }

  /// One datagram of RTCP, from either port; decrypted in place. @param source as above.
  [[nodiscard]] RtcpOutcome receive_rtcp(Instant now, MutableBytes datagram,
                                         const SocketAddress* source) noexcept;
  /// RTCP of the far party was sent to this endpoint's peer.
  void on_rtcp_relayed(Instant now, Bytes datagram, Prng& prng) noexcept;

  /// Whether the inactivity limit has just passed; true once per setup.
  [[nodiscard]] bool handle_silence(Instant now) noexcept;
  [[nodiscard]] Duration silence(Instant now) const noexcept { return now - heard_at_; }
  /// Writes the report that is due at context.now; call on_report_sent once it has gone out.
  /// @param into at least kReportBytesMax.
  /// @returns empty when none is due.
  [[nodiscard]] Bytes handle_report(const ReportContext& context, Prng& prng,
                                    MutableBytes into) noexcept;
  void on_report_sent() noexcept { ++rtcp_sent_; }
  /// Writes the last report of a stream of our own, with its BYE (RFC 3550 §6.6).
  /// @param into at least kReportBytesMax.
  /// @returns empty when no such stream was sent last, or RTCP is off.
  [[nodiscard]] Bytes write_goodbye(const ReportContext& context, Prng& prng,
                                    MutableBytes into) noexcept;

  [[nodiscard]] EndpointCounters counters() const noexcept;
  /// To the peer and back; zero while its reports don't say.
  [[nodiscard]] Duration round_trip() const noexcept { return reporter_.round_trip(); }

 private:
  /// Looks up what a stream's payload type means here; packets of one stream ask once.
  void know_payload_type(std::uint8_t payload_type) noexcept;
  /// Into the statistics, whose payload type know_payload_type() was asked for last.
  void count_received(Instant now, const rtp::PacketView& packet, const SentPacket& facts) noexcept;
  /// 0 = not known.
  [[nodiscard]] std::uint32_t clock_rate_of(std::uint8_t payload_type) const noexcept;
  /// Whether the link carries it as it is. @param payload_type 0..127, or kPayloadTypeDropped.
  [[nodiscard]] bool is_plain(std::uint8_t payload_type,
                              std::uint32_t clock_rate_hz) const noexcept;
  [[nodiscard]] bool rtcp_on() const noexcept {
    return accepting_ && (rtcp_mux_ || signalled_rtcp_.known());
  }
  [[nodiscard]] bool rtcp_source_possible(const SocketAddress& source) const noexcept;
  /// The same the other way.
  [[nodiscard]] std::size_t unprotect_rtp(Instant now, MutableBytes packet) noexcept {
    return keys_ == nullptr ? 0 : keys_->unprotect_rtp(now, packet);
  }
  [[nodiscard]] std::size_t unprotect_rtcp(Instant now, MutableBytes packet) noexcept {
    return keys_ == nullptr ? 0 : keys_->unprotect_rtcp(now, packet);
  }
  [[nodiscard]] bool take_relay_token(Instant now) noexcept;
  void read_reports(Instant now, const rtp::RtcpPacket& packet) noexcept;

  // Ordered by who touches it, because a packet's memory is rarely in the cache. In cache lines of
  // the engine's Leg, whose slot and socket come before: a packet received touches lines 0 and 3, a
  // packet sent lines 0 and 1; offers, reports and new streams need the rest.
  //
  //   0  slot, socket | flags, payload type, link
  //   1  sent: totals, the stream for sender reports
  //   2  reports, drops
  //   3  heard_at_, the current stream's statistics and the totals received
  bool accepting_ = false;  ///< signalling has named a peer
  bool rtcp_mux_ = false;
  bool media_started_ = false;
  bool silence_reported_ = false;
  bool keyed_ = false;
  bool overheard_ = false;
  bool engaged_ = false;
  std::uint8_t cached_payload_type_ = kPayloadTypeDropped;
  std::uint8_t cached_mapped_type_ = kPayloadTypeDropped;
  bool cached_stray_ = false;
  Treatment cached_treatment_ = Treatment::kNone;
  std::uint32_t cached_clock_rate_hz_ = 0;
  Handle link_to_;

  std::uint64_t packets_sent_ = 0;
  std::uint64_t octets_sent_ = 0;
  Reporter reporter_;

  std::uint64_t packets_refused_ = 0;
  std::uint64_t packets_dropped_ = 0;

  Instant heard_at_;
  rtp::SourceStatistics statistics_;

  LegKeys* keys_ = nullptr;  ///< with keyed_; null = awaited
  bool listening_ = false;
  PayloadTypeSet receivable_ = PayloadTypeSet{}.set();
  std::uint8_t watched_payload_type_ = kPayloadTypeDropped;
  SourceGuard guard_;
  Link link_;
  SocketAddress signalled_rtcp_;
  SocketAddress learned_rtcp_;
  Duration inactivity_;
  std::uint8_t clock_rate_count_ = 0;
  std::array<ClockRate, kClockRatesMax> clock_rates_ = {};
  std::uint64_t rtcp_received_ = 0;
  std::uint64_t rtcp_sent_ = 0;
  std::uint64_t srtp_refused_ = 0;
  std::int32_t relay_tokens_ = kRtcpRelaysPerSecond;
  Instant relay_tokens_at_;
};
static_assert(sizeof(Endpoint) <= 1536, "SPEC: 2 KB an endpoint, sockets and slot included");

}  // namespace trunkyard::pipeline
