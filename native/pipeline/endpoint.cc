#include "pipeline/endpoint.h"

#include <algorithm>

#include "rtp/demux.h"

namespace trunkyard::pipeline {

DatagramKind classify(Bytes datagram) noexcept {
  switch (rtp::classify(datagram)) {
    case rtp::DatagramKind::kRtp:
      return DatagramKind::kRtp;
    case rtp::DatagramKind::kRtcp:
      return DatagramKind::kRtcp;
    default:
      return DatagramKind::kOther;
  }
}

Bytes without_bye(Bytes datagram, MutableBytes into) noexcept {
  return rtp::copy_without_bye(datagram, into);
}

void Endpoint::set_up(Instant now, const EndpointSetup& setup) noexcept {
  guard_.reset(setup.source_rule, setup.remote_rtp, statistics_.ssrc(),
               statistics_.highest().sequence());
  accepting_ = setup.remote_rtp.known();
  signalled_rtcp_ = setup.rtcp_mux ? SocketAddress{} : setup.remote_rtcp;
  learned_rtcp_ = {};
  rtcp_mux_ = setup.rtcp_mux;
  inactivity_ = setup.inactivity;
  heard_at_ = now;
  media_started_ = false;
  silence_reported_ = false;
  cached_payload_type_ = kPayloadTypeDropped;
  clock_rate_count_ =
      static_cast<std::uint8_t>(std::min<std::size_t>(setup.clock_rates.size(), kClockRatesMax));
  std::copy_n(setup.clock_rates.begin(), clock_rate_count_, clock_rates_.begin());
}

void Endpoint::know_payload_type(std::uint8_t payload_type) noexcept {
  cached_payload_type_ = payload_type;
  cached_mapped_type_ = listening_ ? kPayloadTypeDropped : link_.map(payload_type);
  cached_stray_ = listening_ && !receivable_[payload_type];
  cached_treatment_ =
      payload_type == watched_payload_type_ ? Treatment::kWatch : link_.treatment(payload_type);
  cached_clock_rate_hz_ = clock_rate_of(payload_type);
}

std::uint32_t Endpoint::clock_rate_of(std::uint8_t payload_type) const noexcept {
  std::uint32_t clock_rate_hz = 0;
  for (std::uint32_t index = 0; index < clock_rate_count_; ++index) {
    if (clock_rates_[index].payload_type == payload_type) clock_rate_hz = clock_rates_[index].hz;
  }
  return clock_rate_hz;
}

bool Endpoint::is_plain(std::uint8_t payload_type, std::uint32_t clock_rate_hz) const noexcept {
  return payload_type < kPayloadTypes && payload_type != watched_payload_type_ &&
         link_.map(payload_type) != kPayloadTypeDropped &&
         link_.treatment(payload_type) == Treatment::kNone &&
         clock_rate_of(payload_type) == clock_rate_hz;
}

std::optional<PlainStream> Endpoint::plain_stream(std::uint32_t types_max) const noexcept {
  // Without media_started_ the first packet is still to be told of.
  if (!guard_.certain() || !media_started_ || keyed_) return std::nullopt;
  if (listening_ || overheard_) return std::nullopt;
  if (!link_.forwards() || !statistics_.has_stream()) return std::nullopt;
  PlainStream plain{statistics_.position(), {}};
  const std::uint32_t clock_rate_hz = plain.position.clock_rate_hz;
  if (clock_rate_hz == 0 || !is_plain(cached_payload_type_, clock_rate_hz)) return std::nullopt;
  plain.types.fill(kPayloadTypeDropped);
  plain.types[cached_payload_type_] = link_.map(cached_payload_type_);
  std::uint32_t count = 1;
  for (std::uint8_t type = 0; type < kPayloadTypes && count < types_max; ++type) {
    if (type == cached_payload_type_ || !is_plain(type, clock_rate_hz)) continue;
    plain.types[type] = link_.map(type);
    ++count;
  }
  return plain;
}

void Endpoint::on_forwarded_elsewhere(const ForwardedElsewhere& forwarded) noexcept {
  statistics_.resume(forwarded.position, forwarded.counted);
  if (forwarded.counted.packets > 0) heard_at_ = std::max(heard_at_, forwarded.last_at);
}

void Endpoint::on_sent_elsewhere(const SentElsewhere& sent) noexcept {
  packets_sent_ += sent.counted.packets;
  octets_sent_ += sent.counted.octets;
  reporter_.on_sent_elsewhere(sent);
}

SocketAddress Endpoint::rtcp_peer() const noexcept {
  if (rtcp_mux_) return guard_.peer();
  return guard_.rule() == SourceRule::kStrict ? signalled_rtcp_ : learned_rtcp_;
}

SocketAddress Endpoint::rtcp_target() const noexcept {
  if (rtcp_mux_) return rtp_target();
  if (const SocketAddress peer = rtcp_peer(); peer.known()) return peer;
  // Behind NAT only the address that signalling named may be tried, and only until RTP has shown
  // that the peer is elsewhere; guessing a port there would send reports to a stranger.
  const bool moved = guard_.certain() && !guard_.peer().same_host(signalled_rtcp_);
  return moved ? SocketAddress{} : signalled_rtcp_;
}

RtpOutcome Endpoint::receive_rtp(Instant now, MutableBytes datagram,
                                 const SocketAddress* source) noexcept {
  RtpOutcome outcome;
  if (!accepting_ || (source != nullptr && !guard_.possible(*source))) {
    ++packets_refused_;
    return outcome;
  }
  if (keyed_) {
    datagram = datagram.first(unprotect_rtp(now, datagram));
    if (datagram.empty()) {
      ++srtp_refused_;
      outcome.verdict = RtpVerdict::kUnauthentic;
      return outcome;
    }
  }
  const Result<rtp::PacketView> parsed = rtp::PacketView::parse(datagram);
  if (!parsed) {
    ++packets_dropped_;
    outcome.verdict = RtpVerdict::kMalformed;
    return outcome;
  }
  const rtp::PacketView& packet = *parsed;
  if (source != nullptr) {
    const SourceGuard::Verdict verdict = guard_.judge(*source, packet.ssrc(), packet.sequence());
    if (verdict == SourceGuard::Verdict::kRefused) {
      ++packets_refused_;
      return outcome;
    }
    outcome.latched = verdict == SourceGuard::Verdict::kLatched;
  }
  const std::uint8_t payload_type = packet.payload_type();
  if (payload_type != cached_payload_type_) know_payload_type(payload_type);
  outcome.packet = {packet.ssrc(), packet.timestamp(),
                    static_cast<std::uint32_t>(packet.payload().size()), cached_clock_rate_hz_};
  count_received(now, packet, outcome.packet);
  heard_at_ = now;
  outcome.bytes = static_cast<std::uint32_t>(datagram.size());
  outcome.media_started = !media_started_;
  media_started_ = true;

  outcome.treatment = cached_treatment_;
  outcome.payload_type = payload_type;
  outcome.overheard = overheard_;
  const std::uint8_t mapped = cached_mapped_type_;
  if (mapped == kPayloadTypeDropped) {
    if (listening_) {
      outcome.verdict = RtpVerdict::kListen;
      return outcome;
    }
    ++packets_dropped_;
    outcome.verdict = !link_to_.none() ? RtpVerdict::kUnmapped : RtpVerdict::kUnlinked;
    return outcome;
  }
  if (mapped != payload_type) rtp::rewrite_payload_type(datagram, mapped);
  outcome.verdict = RtpVerdict::kForward;
  return outcome;
}

void Endpoint::count_received(Instant now, const rtp::PacketView& packet,
                              const SentPacket& facts) noexcept {
  if (cached_stray_) return statistics_.on_stray(facts.payload_bytes);
  statistics_.on_packet(now, {.ssrc = facts.ssrc,
                              .sequence = packet.sequence(),
                              .timestamp = facts.timestamp,
                              .payload_bytes = facts.payload_bytes,
                              .clock_rate_hz = facts.clock_rate_hz});
}

void Endpoint::on_sent(Instant now, const SentPacket& packet) noexcept {
  ++packets_sent_;
  octets_sent_ += packet.payload_bytes;
  reporter_.on_sent(now, packet);
}

bool Endpoint::rtcp_source_possible(const SocketAddress& source) const noexcept {
  if (const SocketAddress peer = rtcp_peer(); peer.known()) return source == peer;
  // Before RTP has settled who the peer is, nobody's reports count.
  return !rtcp_mux_ && guard_.certain() && source.same_host(guard_.peer());
}

bool Endpoint::take_relay_token(Instant now) noexcept {
  constexpr Duration kTokenEvery = Duration::seconds(1) / kRtcpRelaysPerSecond;
  const std::int64_t earned = (now - relay_tokens_at_).ns() / kTokenEvery.ns();
  if (earned > 0) {
    relay_tokens_ = static_cast<std::int32_t>(
        std::min<std::int64_t>(kRtcpRelaysPerSecond, relay_tokens_ + earned));
    relay_tokens_at_ = now;
  }
  if (relay_tokens_ == 0) return false;
  --relay_tokens_;
  return true;
}

void Endpoint::read_reports(Instant now, const rtp::RtcpPacket& packet) noexcept {
  rtp::ReportBlocks blocks;
  if (packet.type == rtp::RtcpType::kSenderReport) {
    const auto report = rtp::parse_sender_report(packet);
    if (!report) return;
    statistics_.on_sender_report(now, report->ssrc, report->ntp);
    blocks = report->blocks;
  } else if (packet.type == rtp::RtcpType::kReceiverReport) {
    const auto report = rtp::parse_receiver_report(packet);
    if (!report) return;
    blocks = report->blocks;
  }
  for (std::uint32_t index = 0; index < blocks.size(); ++index) {
    reporter_.on_peer_block(now, blocks[index]);
  }
}

RtcpOutcome Endpoint::receive_rtcp(Instant now, MutableBytes datagram,
                                   const SocketAddress* source) noexcept {
  RtcpOutcome outcome;
  if (!rtcp_on() || (source != nullptr && !rtcp_source_possible(*source))) {
    ++packets_refused_;
    return outcome;
  }
  if (keyed_) {
    datagram = datagram.first(unprotect_rtcp(now, datagram));
    if (datagram.empty()) {
      ++srtp_refused_;
      outcome.verdict = RtcpVerdict::kUnauthentic;
      return outcome;
    }
  }
  auto reader = rtp::CompoundReader::parse(datagram, rtp::CompoundRule::kCompound);
  if (!reader) {
    ++packets_dropped_;
    outcome.verdict = RtcpVerdict::kMalformed;
    return outcome;
  }
  if (source != nullptr && !rtcp_peer().known()) {
    learned_rtcp_ = *source;
    outcome.learned = true;
  }
  ++rtcp_received_;
  outcome.bytes = static_cast<std::uint32_t>(datagram.size());
  heard_at_ = now;
  bool bye = false;
  bool other = false;
  rtp::RtcpPacket packet;
  while (reader->next(packet)) {
    if (packet.type == rtp::RtcpType::kBye) {
      bye = true;
      continue;
    }
    other = true;
    read_reports(now, packet);
  }
  // A stream's goodbye is not the call's: parties hang up by SIP, and a forged BYE must end
  // nothing.
  if (listening_ || link_.decodes()) {
    outcome.verdict = RtcpVerdict::kOwn;
  } else if (!other) {
    outcome.verdict = RtcpVerdict::kConsumed;
  } else if (!take_relay_token(now)) {
    outcome.verdict = RtcpVerdict::kLimited;
  } else {
    outcome.verdict = bye ? RtcpVerdict::kRelayWithoutBye : RtcpVerdict::kRelay;
  }
  return outcome;
}

void Endpoint::on_rtcp_relayed(Instant now, Bytes datagram, Prng& prng) noexcept {
  ++rtcp_sent_;
  reporter_.on_relayed(now, datagram, prng);
}

bool Endpoint::handle_silence(Instant now) noexcept {
  if (inactivity_ == Duration::zero() || silence_reported_ || silence(now) < inactivity_) {
    return false;
  }
  silence_reported_ = true;
  return true;
}

Bytes Endpoint::handle_report(const ReportContext& context, Prng& prng,
                              MutableBytes into) noexcept {
  if (!rtcp_on() || !reporter_.due(context.now, statistics_.has_stream(), prng)) return {};
  return reporter_.write(context, statistics_, prng, into);
}

Bytes Endpoint::write_goodbye(const ReportContext& context, Prng& prng,
                              MutableBytes into) noexcept {
  if (!rtcp_on()) return {};
  return reporter_.write_goodbye(context, statistics_, prng, into);
}

EndpointCounters Endpoint::counters() const noexcept {
  return {.packets_received = statistics_.packets_received(),
          .octets_received = statistics_.octets_received(),
          .packets_sent = packets_sent_,
          .octets_sent = octets_sent_,
          .packets_lost = statistics_.packets_lost(),
          .jitter_ms = statistics_.jitter_ms(),
          .packets_refused = packets_refused_,
          .packets_dropped = packets_dropped_,
          .rtcp_received = rtcp_received_,
          .rtcp_sent = rtcp_sent_,
          .round_trip_ms = reporter_.round_trip().ms_exact(),
          .srtp_refused = srtp_refused_};
}

}  // namespace trunkyard::pipeline
