// The receive statistics of a leg; see source_statistics.h.
#include "rtp/source_statistics.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::rtp {
namespace {

/// The arrival in units of the media clock, wrapping as timestamps do.
std::uint32_t to_clock_units(Instant now, std::uint32_t clock_rate_hz) noexcept {
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  const auto ns = static_cast<std::uint64_t>(now.ns());
  // Split, because ns x rate passes 64 bits within hours of uptime.
  const std::uint64_t whole = ns / kNsPerSecond * clock_rate_hz;
  const std::uint64_t part = ns % kNsPerSecond * clock_rate_hz / kNsPerSecond;
  return static_cast<std::uint32_t>(whole + part);
}

}  // namespace

ArrivalVerdict SourceStatistics::on_packet(Instant now, const PacketArrival& packet) noexcept {
  ++packets_total_;
  octets_total_ += packet.payload_bytes;
  if (!started_ || packet.ssrc != ssrc_) return on_unknown_stream(now, packet);

  const ArrivalVerdict verdict = on_known_stream(packet);
  // A packet that may belong to another numbering says nothing about delay yet. A restart is the
  // same sender, so its jitter goes on; a jump of its clock is caught by kTransitJumpMax.
  if (verdict != ArrivalVerdict::kJump) update_jitter(now, packet);
  return verdict;
}

ArrivalVerdict SourceStatistics::on_unknown_stream(Instant now,
                                                   const PacketArrival& packet) noexcept {
  const bool continues = candidate_present_ && packet.ssrc == candidate_ssrc_ &&
                         sequence_distance(candidate_last_, packet.sequence) == 1;
  if (!continues) {
    candidate_present_ = true;
    candidate_ssrc_ = packet.ssrc;
    candidate_first_ = packet.sequence;
    candidate_run_ = 0;
  }
  candidate_last_ = packet.sequence;
  ++candidate_run_;
  if (candidate_run_ < kMinSequential) return ArrivalVerdict::kProbation;

  start_stream(packet.ssrc, candidate_first_, packet.sequence);
  ++streams_;
  transit_known_ = false;
  jitter_scaled_ = 0;
  sender_report_known_ = false;
  update_jitter(now, packet);
  return ArrivalVerdict::kNewStream;
}

ArrivalVerdict SourceStatistics::on_known_stream(const PacketArrival& packet) noexcept {
  // Whatever else was on probation, the stream we know is alive: a candidate has to start over.
  candidate_present_ = false;

  const auto ahead = static_cast<std::uint16_t>(packet.sequence - highest_.sequence());
  if (ahead == 0) {
    ++received_;
    return ArrivalVerdict::kDuplicate;
  }
  if (ahead < kMaxDropout) {
    highest_ = highest_.extend(packet.sequence);
    ++received_;
    return ArrivalVerdict::kInOrder;
  }
  if (ahead > (1u << 16) - kMaxMisorder) {
    ++received_;
    return ArrivalVerdict::kLate;
  }
  if (packet.sequence == jump_successor_) {
    // Two in a row where none should be: the sender has restarted without telling (A.1).
    start_stream(ssrc_, static_cast<std::uint16_t>(packet.sequence - 1), packet.sequence);
    ++restarts_;
    return ArrivalVerdict::kRestart;
  }
  jump_successor_ = static_cast<std::uint16_t>(packet.sequence + 1);
  return ArrivalVerdict::kJump;
}

void SourceStatistics::start_stream(Ssrc ssrc, std::uint16_t first,
                                    std::uint16_t highest) noexcept {
  if (started_) {
    lost_earlier_ += stream_lost();
    expected_earlier_ += stream_expected();
  }
  started_ = true;
  ssrc_ = ssrc;
  base_ = ExtendedSeq::first(first);
  highest_ = base_.extend(highest);
  received_ = stream_expected();
  expected_prior_ = 0;
  received_prior_ = 0;
  jump_successor_ = kNoSequence;
  candidate_present_ = false;
}

void SourceStatistics::update_jitter(Instant now, const PacketArrival& packet) noexcept {
  if (packet.clock_rate_hz == 0) return;
  if (packet.clock_rate_hz != clock_rate_hz_) {
    // Another codec counts in another unit: the figure so far is converted, and the first transit
    // time in the new unit has nothing to be compared with.
    if (clock_rate_hz_ != 0) {
      jitter_scaled_ = jitter_scaled_ * packet.clock_rate_hz / clock_rate_hz_;
    }
    clock_rate_hz_ = packet.clock_rate_hz;
    transit_known_ = false;
  }
  const std::uint32_t transit =
      to_clock_units(now, packet.clock_rate_hz) - static_cast<std::uint32_t>(packet.timestamp);
  if (transit_known_) {
    const std::int64_t change = static_cast<std::int32_t>(transit - transit_);
    const auto distance = static_cast<std::uint64_t>(change < 0 ? -change : change);
    constexpr auto kJumpSeconds = static_cast<std::uint64_t>(kTransitJumpMax.ms() / 1000);
    if (distance <= kJumpSeconds * packet.clock_rate_hz) {
      // A.8 in integers, scaled by 16 with rounding.
      jitter_scaled_ += distance;
      jitter_scaled_ -= (jitter_scaled_ - distance + 8) >> 4;
    }
  }
  transit_ = transit;
  transit_known_ = true;
}

StreamPosition SourceStatistics::position() const noexcept {
  CHECK(started_);
  return {.ssrc = ssrc_,
          .highest = highest_,
          .jitter_scaled = jitter_scaled_,
          .transit = transit_,
          .transit_known = transit_known_,
          .clock_rate_hz = clock_rate_hz_};
}

void SourceStatistics::resume(const StreamPosition& position, const StreamCount& counted) noexcept {
  CHECK(started_);
  CHECK(position.ssrc == ssrc_);
  CHECK(position.clock_rate_hz == clock_rate_hz_);
  packets_total_ += counted.packets;
  octets_total_ += counted.octets;
  received_ += counted.packets;
  highest_ = std::max(highest_, position.highest);
  jitter_scaled_ = position.jitter_scaled;
  transit_ = position.transit;
  transit_known_ = position.transit_known;
  // As in on_known_stream(): the stream is alive, so whatever was on probation starts over.
  if (counted.packets > 0) candidate_present_ = false;
}

void SourceStatistics::on_sender_report(Instant now, Ssrc ssrc, NtpTime ntp) noexcept {
  if (!started_ || ssrc != ssrc_) return;
  sender_report_known_ = true;
  sender_report_middle_ = ntp.middle();
  sender_report_at_ = now;
}

ReportBlock SourceStatistics::make_report_block(Instant now) noexcept {
  CHECK(started_);
  constexpr std::int64_t kLostMax = 0x7f'ffff;
  constexpr std::int64_t kLostMin = -0x80'0000;

  const std::uint64_t expected = stream_expected();
  const auto lost = static_cast<std::int64_t>(expected - received_);
  const std::uint64_t expected_interval = expected - expected_prior_;
  const std::uint64_t received_interval = received_ - received_prior_;
  expected_prior_ = expected;
  received_prior_ = received_;

  ReportBlock block;
  block.ssrc = ssrc_;
  if (expected_interval > received_interval) {
    // Below 256, as nothing received at all is not more than everything expected; the cap is for
    // that one case, which 8 bits can't write.
    const std::uint64_t fraction =
        ((expected_interval - received_interval) << 8) / expected_interval;
    block.fraction_lost = static_cast<std::uint8_t>(fraction > 255 ? 255 : fraction);
  }
  block.cumulative_lost =
      static_cast<std::int32_t>(lost > kLostMax ? kLostMax : (lost < kLostMin ? kLostMin : lost));
  block.highest_sequence = highest_.wire();
  block.jitter = jitter_units();
  if (sender_report_known_) {
    block.last_sr = sender_report_middle_;
    block.delay_since_sr = to_ntp_short(now - sender_report_at_);
  }
  return block;
}

std::uint64_t SourceStatistics::stream_expected() const noexcept {
  return started_ ? static_cast<std::uint64_t>(base_.distance_to(highest_)) + 1 : 0;
}

std::uint64_t SourceStatistics::stream_lost() const noexcept {
  const std::uint64_t expected = stream_expected();
  return expected > received_ ? expected - received_ : 0;
}

std::uint64_t SourceStatistics::packets_lost() const noexcept {
  return lost_earlier_ + stream_lost();
}

std::uint64_t SourceStatistics::packets_expected() const noexcept {
  return expected_earlier_ + stream_expected();
}

}  // namespace trunkyard::rtp
