// See context.h.
#include "srtp/context.h"

#include <utility>

#include "base/check.h"
#include "rtp/packet.h"
#include "srtp/key_derivation.h"

namespace trunkyard::srtp {
namespace {

struct Header {
  Verdict verdict = Verdict::kOk;
  std::size_t bytes = 0;  ///< with CSRCs and extension
};

/// Where the payload of an RTP packet begins. Padding is not looked at: on the wire it is
/// encrypted.
Header read_rtp_header(Bytes packet, std::size_t tail_bytes) noexcept {
  if (packet.size() < rtp::kRtpHeaderBytes + tail_bytes) return {Verdict::kTruncated};
  if (packet[0] >> 6 != 2 || packet.size() > kPacketBytesMax) return {Verdict::kMalformed};
  const std::size_t end = packet.size() - tail_bytes;
  std::size_t bytes = rtp::kRtpHeaderBytes + std::size_t{4} * (packet[0] & 0x0f);
  if ((packet[0] & 0x10) != 0) {
    if (bytes + 4 > end) return {Verdict::kTruncated};
    bytes += 4 + std::size_t{4} * load_u16(packet.data() + bytes + 2);
  }
  if (bytes > end) return {Verdict::kTruncated};
  return {Verdict::kOk, bytes};
}

Verdict read_rtcp_header(Bytes packet, std::size_t tail_bytes) noexcept {
  if (packet.size() < kRtcpClearBytes + tail_bytes) return Verdict::kTruncated;
  if (packet[0] >> 6 != 2 || packet.size() > kPacketBytesMax) return Verdict::kMalformed;
  return Verdict::kOk;
}

std::uint16_t sequence_of(Bytes rtp_packet) noexcept {
  return load_u16(rtp_packet.data() + 2);
}
rtp::Ssrc ssrc_of_rtp(Bytes packet) noexcept {
  return static_cast<rtp::Ssrc>(load_u32(packet.data() + 8));
}
rtp::Ssrc ssrc_of_rtcp(Bytes packet) noexcept {
  return static_cast<rtp::Ssrc>(load_u32(packet.data() + 4));
}

Verdict verdict_of(ReplayWindow::Place place) noexcept {
  switch (place) {
    case ReplayWindow::Place::kNew:
      return Verdict::kOk;
    case ReplayWindow::Place::kSeen:
      return Verdict::kReplayed;
    case ReplayWindow::Place::kTooOld:
      return Verdict::kTooOld;
  }
  return Verdict::kTooOld;
}

/// The indices that a packet may have, most likely first.
struct Candidates {
  Verdict verdict = Verdict::kOk;  ///< otherwise there are none, and this is why
  std::array<std::uint64_t, 3> indices = {};
  std::uint32_t count = 0;

  void add(std::uint64_t index) noexcept {
    for (std::uint32_t known = 0; known < count; ++known) {
      if (indices[known] == index) return;
    }
    indices[count++] = index;
  }
};

/// Near a place where the stream has been: one index, if the window lets it in.
Candidates place_near(std::uint64_t highest, const ReplayWindow& window,
                      std::uint16_t sequence) noexcept {
  const std::optional<std::uint64_t> index = estimate_index(highest, sequence);
  if (!index.has_value()) return {Verdict::kTooOld};
  if (*index >= kRtpIndexEnd) return {Verdict::kKeyExhausted};
  const Verdict verdict = verdict_of(window.judge(*index));
  if (verdict != Verdict::kOk) return {verdict};
  return {Verdict::kOk, {*index}, 1};
}

/// Where a packet may stand: of a stream that has been met under this key there, of one that has
/// gone on under another key first where that left it, of one that has never been met see
/// ReceiveContext::unprotect_rtp. Never where this key's window has it already.
Candidates place_of(const Source* source, std::uint16_t sequence) noexcept {
  const bool is_met = source != nullptr && source->rtp.confirmed();
  const bool has_hint = source != nullptr && source->rtp_hint != Source::kNowhere;
  if (is_met && !has_hint) return place_near(source->rtp.highest(), source->rtp, sequence);
  Candidates candidates;
  if (has_hint) candidates = place_near(source->rtp_hint, source->rtp, sequence);
  if (is_met) {
    const Candidates before = place_near(source->rtp.highest(), source->rtp, sequence);
    if (candidates.count == 0) return before;
    if (before.count > 0) candidates.add(before.indices[0]);
    return candidates;
  }
  candidates.verdict = Verdict::kOk;
  candidates.add(rtp_index(0, sequence));
  if (sequence < 1u << 15) candidates.add(rtp_index(1, sequence));
  return candidates;
}

Result<Transform> transform_of(const MasterKey& key, Direction direction, Isa isa) noexcept {
  const Kernels kernels = choose_kernels(isa);
  const Result<SessionKeys> keys = derive_session_keys(key, kernels);
  if (!keys.ok()) return Error{keys.error()};
  return Transform::create(
      *keys, {.suite = key.suite(), .direction = direction, .mki = key.mki(), .kernels = kernels});
}

Outcome counted(VerdictCounts& counts, Verdict verdict, std::size_t bytes) noexcept {
  counts.add(verdict);
  return {verdict, verdict == Verdict::kOk ? static_cast<std::uint32_t>(bytes) : 0};
}

}  // namespace

// --- Sending

Result<SendContext> SendContext::create(const MasterKey& key, Isa isa) noexcept {
  Result<Transform> transform = transform_of(key, Direction::kProtect, isa);
  if (!transform.ok()) return Error{transform.error()};
  return SendContext(key, isa, std::move(transform).value());
}

Outcome SendContext::protect_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
  CHECK(packet_bytes <= buffer.size());
  const Verdict verdict = seal_rtp(buffer, packet_bytes);
  return counted(counts_, verdict, packet_bytes + transform_.rtp_tail_bytes());
}

Verdict SendContext::seal_rtp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
  const MutableBytes packet = buffer.first(packet_bytes);
  const Header header = read_rtp_header(packet, 0);
  if (header.verdict != Verdict::kOk) return header.verdict;
  const std::size_t tail_bytes = transform_.rtp_tail_bytes();
  if (buffer.size() - packet_bytes < tail_bytes) return Verdict::kNoRoom;

  const rtp::Ssrc ssrc = ssrc_of_rtp(packet);
  const std::uint16_t sequence = sequence_of(packet);
  Source* source = sources_.find(ssrc);
  if (source == nullptr && !sources_.has_room()) return Verdict::kSourcesFull;
  const Candidates place = place_of(source, sequence);
  if (place.verdict != Verdict::kOk) return place.verdict;
  const std::uint64_t index = place.indices[0];
  if (!transform_.protect_rtp(buffer.first(packet_bytes + tail_bytes), header.bytes, index)) {
    return Verdict::kCipherFailed;
  }
  if (source == nullptr) source = &sources_.add(ssrc);
  source->mark_rtp(index);
  return Verdict::kOk;
}

Outcome SendContext::protect_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
  CHECK(packet_bytes <= buffer.size());
  const Verdict verdict = seal_rtcp(buffer, packet_bytes);
  return counted(counts_, verdict, packet_bytes + transform_.rtcp_tail_bytes());
}

Verdict SendContext::seal_rtcp(MutableBytes buffer, std::size_t packet_bytes) noexcept {
  const MutableBytes packet = buffer.first(packet_bytes);
  const Verdict header = read_rtcp_header(packet, 0);
  if (header != Verdict::kOk) return header;
  const std::size_t tail_bytes = transform_.rtcp_tail_bytes();
  if (buffer.size() - packet_bytes < tail_bytes) return Verdict::kNoRoom;

  const rtp::Ssrc ssrc = ssrc_of_rtcp(packet);
  Source* source = sources_.find(ssrc);
  if (source == nullptr && !sources_.has_room()) return Verdict::kSourcesFull;
  const std::uint32_t index = source == nullptr ? 0 : source->rtcp_next;
  if (index >= kRtcpIndexEnd) return Verdict::kKeyExhausted;
  if (!transform_.protect_rtcp(buffer.first(packet_bytes + tail_bytes), index)) {
    return Verdict::kCipherFailed;
  }
  if (source == nullptr) source = &sources_.add(ssrc);
  source->rtcp_next = index + 1;
  source->rtcp.mark(index);
  return Verdict::kOk;
}

Result<void> SendContext::rekey(const MasterKey& key, RolloverRule rule) noexcept {
  if (key_.same_as(key)) return {};
  Result<Transform> transform = transform_of(key, Direction::kProtect, isa_);
  if (!transform.ok()) return Error{transform.error()};
  transform_ = std::move(transform).value();
  // The same key under another suite has the same keystream: then every place stays taken.
  if (!key_.same_keystream_as(key)) {
    left_.leave(key_, sources_);
    sources_ = left_.take_up(key, rule == RolloverRule::kReset ? SourceTable{} : sources_);
  }
  key_ = key;
  return {};
}

bool SendContext::resume(rtp::Ssrc ssrc, std::uint64_t highest_rtp,
                         std::uint32_t next_rtcp) noexcept {
  CHECK(highest_rtp < kRtpIndexEnd);
  CHECK(next_rtcp <= kRtcpIndexEnd);
  Source* source = sources_.find(ssrc);
  if (source == nullptr && !sources_.has_room()) return false;
  if (source == nullptr) source = &sources_.add(ssrc);
  // As sent: neither this number nor an earlier one may be used again.
  source->mark_rtp(highest_rtp);
  source->rtcp_next = next_rtcp;
  return true;
}

// --- Receiving

Result<ReceiveContext> ReceiveContext::create(const MasterKey& key, Isa isa) noexcept {
  Result<Transform> transform = transform_of(key, Direction::kUnprotect, isa);
  if (!transform.ok()) return Error{transform.error()};
  return ReceiveContext(key, isa, std::move(transform).value());
}

Outcome ReceiveContext::unprotect_rtp(MutableBytes packet) noexcept {
  const Verdict verdict = open_rtp(packet);
  return counted(counts_, verdict, packet.size() - transform_.rtp_tail_bytes());
}

Verdict ReceiveContext::open_rtp(MutableBytes packet) noexcept {
  const Header header = read_rtp_header(packet, transform_.rtp_tail_bytes());
  if (header.verdict != Verdict::kOk) return header.verdict;
  if (!transform_.names_our_key_rtp(packet)) return Verdict::kKeyUnknown;

  const rtp::Ssrc ssrc = ssrc_of_rtp(packet);
  Source* source = sources_.find(ssrc);
  if (source == nullptr && !sources_.has_room()) return Verdict::kSourcesFull;
  const Candidates candidates = place_of(source, sequence_of(packet));
  if (candidates.verdict != Verdict::kOk) return candidates.verdict;
  for (std::uint32_t index = 0; index < candidates.count; ++index) {
    if (!transform_.unprotect_rtp(packet, header.bytes, candidates.indices[index])) continue;
    if (source == nullptr) source = &sources_.add(ssrc);
    source->mark_rtp(candidates.indices[index]);
    return Verdict::kOk;
  }
  return Verdict::kUnauthentic;
}

Outcome ReceiveContext::unprotect_rtcp(MutableBytes packet) noexcept {
  const Verdict verdict = open_rtcp(packet);
  return counted(counts_, verdict, packet.size() - transform_.rtcp_tail_bytes());
}

Verdict ReceiveContext::open_rtcp(MutableBytes packet) noexcept {
  const Verdict header = read_rtcp_header(packet, transform_.rtcp_tail_bytes());
  if (header != Verdict::kOk) return header;
  if (!transform_.names_our_key_rtcp(packet)) return Verdict::kKeyUnknown;
  if (!transform_.rtcp_encrypted(packet)) return Verdict::kNotEncrypted;

  const rtp::Ssrc ssrc = ssrc_of_rtcp(packet);
  Source* source = sources_.find(ssrc);
  if (source == nullptr && !sources_.has_room()) return Verdict::kSourcesFull;
  const std::uint32_t index = transform_.rtcp_index(packet);
  if (source != nullptr) {
    const Verdict place = verdict_of(source->rtcp.judge(index));
    if (place != Verdict::kOk) return place;
  }
  if (!transform_.unprotect_rtcp(packet)) return Verdict::kUnauthentic;
  if (source == nullptr) source = &sources_.add(ssrc);
  source->rtcp.mark(index);
  return Verdict::kOk;
}

Result<void> ReceiveContext::rekey(const MasterKey& key) noexcept {
  if (key_.same_as(key)) return {};
  Result<Transform> transform = transform_of(key, Direction::kUnprotect, isa_);
  if (!transform.ok()) return Error{transform.error()};
  transform_ = std::move(transform).value();
  // The same key under another suite: packets seen before would still be authentic.
  if (!key_.same_keystream_as(key)) {
    left_.leave(key_, sources_);
    sources_ = left_.take_up(key, sources_);
  }
  key_ = key;
  return {};
}

Result<ReceiveContext> ReceiveContext::successor(const MasterKey& key) const noexcept {
  Result<ReceiveContext> next = create(key, isa_);
  if (!next.ok()) return next;
  next->left_ = left_;
  if (key_.same_keystream_as(key)) {
    next->sources_ = sources_;
  } else {
    next->remember(*this);
    next->sources_ = next->left_.take_up(key, sources_);
  }
  return next;
}

void ReceiveContext::remember(const ReceiveContext& other) noexcept {
  if (!key_.same_keystream_as(other.key_)) left_.leave(other.key_, other.sources_);
}

bool ReceiveContext::resume(rtp::Ssrc ssrc, std::uint64_t highest_rtp) noexcept {
  CHECK(highest_rtp < kRtpIndexEnd);
  Source* source = sources_.find(ssrc);
  if (source == nullptr && !sources_.has_room()) return false;
  if (source == nullptr) source = &sources_.add(ssrc);
  source->rtp_hint = highest_rtp;
  return true;
}

}  // namespace trunkyard::srtp
