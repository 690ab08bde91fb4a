#include "pipeline/leg_keys.h"

#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace trunkyard::pipeline {

namespace {

/// A renumbered stream that steps further than this in either direction has not lost packets: it
/// began anew, or a straggler of its old numbers came (MAX_DROPOUT of RFC 3550 §A.1).
constexpr std::int32_t kStepMax = 3'000;
/// Packets in order at numbers used before that make a stream which began anew. Far back two are
/// trusted (MIN_SEQUENTIAL of RFC 3550 §A.1). Within the replay window they may also have been
/// doubled on the way, but not so many in a row without a new one between them.
constexpr std::uint8_t kRunTooOld = 2;
constexpr std::uint8_t kRunReplayed = 5;

std::uint16_t sequence_of(Bytes packet) noexcept {
  return load_u16(packet.data() + 2);
}
rtp::Ssrc ssrc_of(Bytes packet) noexcept {
  return static_cast<rtp::Ssrc>(load_u32(packet.data() + 8));
}

}  // namespace

Result<std::unique_ptr<LegKeys>> LegKeys::create(const KeyPair& keys, Isa isa) noexcept {
  Result<srtp::SendContext> send = srtp::SendContext::create(keys.send, isa);
  if (!send) return Error{send.error()};
  Result<srtp::ReceiveContext> receive = srtp::ReceiveContext::create(keys.receive, isa);
  if (!receive) return Error{receive.error()};
  return std::unique_ptr<LegKeys>(new LegKeys(std::move(send).value(), std::move(receive).value()));
}

Result<void> LegKeys::change(Instant now, const KeyPair& keys) noexcept {
  if (old_ != nullptr && old_->uses(keys.receive)) {
    // Back to the key before: its context remembers what it has seen.
    if (const Result<void> changed = send_.rekey(keys.send, srtp::RolloverRule::kKeep); !changed) {
      return changed;
    }
    std::swap(receive_, *old_);
    receive_.remember(*old_);
    old_until_ = now + kOldKeyHeard;
    return {};
  }
  if (receive_.uses(keys.receive)) return send_.rekey(keys.send, srtp::RolloverRule::kKeep);
  Result<srtp::ReceiveContext> next = receive_.successor(keys.receive);
  if (!next) return Error{next.error()};
  // The port of a leg stays, so the peer keeps our counters (RFC 3711 §3.3.1).
  if (const Result<void> changed = send_.rekey(keys.send, srtp::RolloverRule::kKeep); !changed) {
    return changed;
  }
  if (old_ != nullptr) next->remember(*old_);
  old_ = std::make_unique<srtp::ReceiveContext>(std::move(receive_));
  receive_ = std::move(next).value();
  old_until_ = now + kOldKeyHeard;
  return {};
}

std::size_t LegKeys::unprotect_rtp(Instant now, MutableBytes packet) noexcept {
  const std::size_t bytes = receive_.unprotect_rtp(packet).bytes;
  if (bytes != 0 || old_ == nullptr || now >= old_until_) return bytes;
  return old_->unprotect_rtp(packet).bytes;
}

std::size_t LegKeys::unprotect_rtcp(Instant now, MutableBytes packet) noexcept {
  std::size_t bytes = receive_.unprotect_rtcp(packet).bytes;
  if (bytes == 0 && old_ != nullptr && now < old_until_) bytes = old_->unprotect_rtcp(packet).bytes;
  // What the peer reports about the stream is for whoever knows it by its own name.
  if (renames()) rtp::rename_source(packet.first(bytes), renumbering_.to, renumbering_.from);
  return bytes;
}

std::size_t LegKeys::protect_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
  CHECK(packet_bytes <= buffer.size());
  if (packet_bytes < rtp::kRtpHeaderBytes) return 0;
  const MutableBytes packet = buffer.first(packet_bytes);
  const rtp::Ssrc ssrc = ssrc_of(packet);
  const std::uint16_t sequence = sequence_of(packet);
  bool begun_anew = false;
  if (renumbering_.on && renumbering_.from == ssrc) {
    const std::int32_t step = rtp::sequence_distance(renumbering_.last, sequence);
    if (std::abs(step) > kStepMax) {
      begun_anew = ends_suspicion(ssrc, sequence, kRunTooOld);
      if (!begun_anew) return 0;
    } else {
      apply_renumbering(packet, sequence);
    }
  }
  srtp::Outcome outcome;
  if (!begun_anew) {
    outcome = send_.protect_rtp(buffer, packet_bytes);
    begun_anew =
        (outcome.verdict == srtp::Verdict::kTooOld && ends_suspicion(ssrc, sequence, kRunTooOld)) ||
        (outcome.verdict == srtp::Verdict::kReplayed &&
         ends_suspicion(ssrc, sequence, kRunReplayed));
  }
  if (begun_anew || (outcome.verdict == srtp::Verdict::kSourcesFull && sent_any_)) {
    renumbering_ = {.on = true,
                    .from = ssrc,
                    .to = sent_ssrc_,
                    .offset = static_cast<std::uint16_t>(sent_sequence_ + 1 - sequence)};
    apply_renumbering(packet, sequence);
    outcome = send_.protect_rtp(buffer, packet_bytes);
  }
  if (outcome.verdict == srtp::Verdict::kOk) {
    note_sent(ssrc_of(packet), sequence_of(packet));
    if (suspect_.ssrc == ssrc) suspect_.run = 0;
  }
  return outcome.bytes;
}

bool LegKeys::ends_suspicion(rtp::Ssrc ssrc, std::uint16_t sequence,
                             std::uint8_t run_enough) noexcept {
  const bool follows = suspect_.run > 0 && suspect_.ssrc == ssrc &&
                       sequence == static_cast<std::uint16_t>(suspect_.sequence + 1);
  const auto run = static_cast<std::uint8_t>(follows ? suspect_.run + 1 : 1);
  suspect_ = {.run = run, .ssrc = ssrc, .sequence = sequence};
  if (run < run_enough) return false;
  suspect_.run = 0;
  return true;
}

void LegKeys::apply_renumbering(MutableBytes packet, std::uint16_t sequence) noexcept {
  renumbering_.last = sequence;
  rtp::rewrite_ssrc(packet, renumbering_.to);
  rtp::rewrite_sequence(packet, static_cast<std::uint16_t>(sequence + renumbering_.offset));
}

void LegKeys::note_sent(rtp::Ssrc ssrc, std::uint16_t sequence) noexcept {
  const bool newest =
      !sent_any_ || ssrc != sent_ssrc_ || rtp::sequence_newer(sequence, sent_sequence_);
  if (newest) sent_sequence_ = sequence;
  sent_ssrc_ = ssrc;
  sent_any_ = true;
}

std::size_t LegKeys::protect_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
  CHECK(packet_bytes <= buffer.size());
  if (renames()) rtp::rename_source(buffer.first(packet_bytes), renumbering_.from, renumbering_.to);
  return send_.protect_rtcp(buffer, packet_bytes).bytes;
}

void LegKeys::handle_deadline(Instant now) noexcept {
  if (old_ == nullptr || now < old_until_) return;
  // With what it has heard since the change.
  receive_.remember(*old_);
  old_.reset();
}

}  // namespace trunkyard::pipeline
