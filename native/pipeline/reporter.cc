#include "pipeline/reporter.h"

#include <algorithm>
#include <span>

#include "rtp/report_interval.h"

namespace trunkyard::pipeline {

namespace {

// A round trip below zero is a peer's rounding (DLSR is in 1/65536 s); further below it is a lie.
constexpr Duration kRoundingMax = Duration::milliseconds(1);

}  // namespace

void Reporter::follow_stream(rtp::Ssrc ssrc) noexcept {
  if (sending_ && ssrc == sent_ssrc_) return;
  sending_ = true;
  sent_clock_rate_hz_ = 0;
  sent_ssrc_ = ssrc;
  sent_packets_ = 0;
  sent_octets_ = 0;
}

void Reporter::on_sent_elsewhere(const SentElsewhere& sent) noexcept {
  if (sent.counted.packets == 0) return;
  follow_stream(sent.last.ssrc);
  // Both wrap in the report too.
  sent_packets_ += static_cast<std::uint32_t>(sent.counted.packets);
  sent_octets_ += static_cast<std::uint32_t>(sent.counted.octets);
  sent_since_report_ = true;
  sent_timestamp_ = sent.last.timestamp;
  sent_clock_rate_hz_ = sent.last.clock_rate_hz;
  sent_at_ = sent.last_at;
}

void Reporter::on_sent(Instant now, const SentPacket& packet) noexcept {
  follow_stream(packet.ssrc);
  ++sent_packets_;
  sent_octets_ += packet.payload_bytes;
  sent_since_report_ = true;
  // A telephone-event keeps the timestamp of its beginning for as long as the key is down (RFC 4733
  // §2.5.1.2): not what the stream's clock says now.
  if (packet.clock_rate_hz == 0 && sent_clock_rate_hz_ != 0) return;
  sent_timestamp_ = packet.timestamp;
  sent_clock_rate_hz_ = packet.clock_rate_hz;
  sent_at_ = now;
}

void Reporter::remember(Instant now, std::uint32_t middle) noexcept {
  reports_[reports_next_] = {middle, now};
  reports_next_ = static_cast<std::uint8_t>((reports_next_ + 1) % kReportsRemembered);
}

void Reporter::schedule(Instant now, bool initial, Prng& prng) noexcept {
  // Voice uses so little that the bandwidth rule stays below the minimum interval; the minimum
  // rules.
  next_at_ = now + rtp::report_interval({.initial = initial}, prng);
  scheduled_ = true;
}

void Reporter::on_relayed(Instant now, Bytes datagram, Prng& prng) noexcept {
  schedule(now, false, prng);
  sent_since_report_ = false;
  auto reader = rtp::CompoundReader::parse(datagram, rtp::CompoundRule::kCompound);
  rtp::RtcpPacket packet;
  if (!reader || !reader->next(packet) || packet.type != rtp::RtcpType::kSenderReport) return;
  if (const auto report = rtp::parse_sender_report(packet)) remember(now, report->ntp.middle());
}

void Reporter::on_peer_block(Instant now, const rtp::ReportBlock& block) noexcept {
  if (block.last_sr == 0) return;
  for (const SentReport& report : reports_) {
    if (report.middle != block.last_sr) continue;
    const Duration measured = now - report.at - rtp::from_ntp_short(block.delay_since_sr);
    if (measured >= -kRoundingMax) round_trip_ = std::max(measured, Duration::zero());
    return;
  }
}

bool Reporter::due(Instant now, bool receiving, Prng& prng) noexcept {
  if (!scheduled_) {
    if (sending_ || receiving) schedule(now, true, prng);
    return false;
  }
  return now >= next_at_;
}

Bytes Reporter::write(const ReportContext& context, rtp::SourceStatistics& statistics, Prng& prng,
                      MutableBytes into) noexcept {
  schedule(context.now, false, prng);
  rtp::CompoundBuilder builder(into);
  add_report(context, statistics, builder);
  return builder.finish();
}

Bytes Reporter::write_goodbye(const ReportContext& context, rtp::SourceStatistics& statistics,
                              Prng& prng, MutableBytes into) noexcept {
  if (!sending_ || sent_ssrc_ != own_ssrc_) return {};
  schedule(context.now, false, prng);
  rtp::CompoundBuilder builder(into);
  builder.add_bye(add_report(context, statistics, builder), {});
  return builder.finish();
}

rtp::Ssrc Reporter::add_report(const ReportContext& context, rtp::SourceStatistics& statistics,
                               rtp::CompoundBuilder& builder) noexcept {
  std::array<rtp::ReportBlock, 1> block;
  std::span<const rtp::ReportBlock> blocks;
  if (statistics.has_stream()) {
    block[0] = statistics.make_report_block(context.now);
    blocks = block;
  }
  // The report speaks in the forwarded stream's name, because to the peer the relay is its sender.
  const rtp::Ssrc ssrc = sending_ ? sent_ssrc_ : own_ssrc_;
  if (sent_since_report_) {
    const rtp::NtpTime ntp = rtp::NtpTime::at(context.now, context.unix_offset);
    const Duration since = context.now - sent_at_;
    const auto units =
        static_cast<std::uint32_t>(since.ns() / 1'000 * sent_clock_rate_hz_ / 1'000'000);
    builder.add_sender_report(ssrc,
                              {.ntp = ntp,
                               .rtp_timestamp = rtp::timestamp_add(sent_timestamp_, units),
                               .packet_count = sent_packets_,
                               .octet_count = sent_octets_},
                              blocks);
    remember(context.now, ntp.middle());
    sent_since_report_ = false;
  } else {
    builder.add_receiver_report(ssrc, blocks);
  }
  builder.add_cname(ssrc, context.cname);
  return ssrc;
}

}  // namespace trunkyard::pipeline
