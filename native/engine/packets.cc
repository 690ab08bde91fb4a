// The packet's path through a media thread: one receive, one send; no allocation, no lock.
#include <algorithm>

#include "base/check.h"
#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

using pipeline::DatagramKind;
using pipeline::RtcpVerdict;
using pipeline::RtpVerdict;

void MediaThread::note_receive_error(io::IoStatus status) noexcept {
  if (status == io::IoStatus::kUnreachable) count(Counter::kIcmpErrors);
  if (status == io::IoStatus::kTruncated) count(Counter::kPacketsMalformed);
}

bool MediaThread::within_rate(Leg& leg, Channel& channel) noexcept {
  if (channel.spend()) return true;
  leg.endpoint.on_drop();
  if (!channel.paused()) {
    // From here the kernel drops for us, at the door and for next to nothing.
    count(Counter::kSocketsPaused);
    channel.pause(true);
    poller_.remove(channel.descriptor());
  }
  return false;
}

io::IoStatus MediaThread::take_from_rtp_port(std::uint32_t slot, Leg& leg, Arrival& into) noexcept {
  into.slot = slot;
  const MutableBytes room = MutableBytes(into.data).first(kPacketBytesMax);
  const io::Received received = leg.rtp.receive(room, into.source, into.vouched);
  into.bytes = received.bytes;
  if (received.status != io::IoStatus::kDone) note_receive_error(received.status);
  return received.status;
}

void MediaThread::handle_arrival(Instant now, Arrival& arrival) noexcept {
  // Orders are not carried out between taking and handling, so the leg is still the same one.
  Leg* leg = legs_.at_slot(arrival.slot);
  CHECK(leg != nullptr);
  if (!within_rate(*leg, leg->rtp)) return;
  const MutableBytes buffer = MutableBytes(arrival.data).first(arrival.bytes + kSrtpTailBytesMax);
  const MutableBytes datagram = buffer.first(arrival.bytes);
  const SocketAddress* compare = arrival.vouched ? nullptr : &arrival.source;
  // Also without rtcp-mux: RTCP on the RTP port is not a packet of the stream and must not be taken
  // for one (RFC 5761 §4 keeps the two apart by payload type).
  const DatagramKind kind = pipeline::classify(datagram);
  if (kind == DatagramKind::kRtcp && leg->endpoint.rtcp_mux()) {
    handle_rtcp(now, *leg, datagram, compare);
  } else if (kind == DatagramKind::kRtp) {
    handle_rtp(now, arrival.slot, *leg, buffer, compare);
  } else {
    leg->endpoint.on_drop();
    count(Counter::kPacketsMalformed);
  }
}

bool MediaThread::receive_rtp_port(std::uint32_t slot, Leg& leg) noexcept {
  Arrival& arrival = arrivals_[0];
  const io::IoStatus status = take_from_rtp_port(slot, leg, arrival);
  if (status == io::IoStatus::kDone) handle_arrival(io::now(), arrival);
  return status != io::IoStatus::kWouldBlock;
}

void MediaThread::handle_rtp(Instant now, std::uint32_t slot, Leg& leg, MutableBytes buffer,
                             const SocketAddress* source) noexcept {
  // What the kernel leaves to us ends its part: the books are whole before this packet gets in.
  if (leg.rtp.bypassed()) kernel_streams_.on_stray(now, slot);
  const MutableBytes datagram = buffer.first(buffer.size() - kSrtpTailBytesMax);
  const pipeline::RtpOutcome outcome = leg.endpoint.receive_rtp(now, datagram, source);
  if (outcome.latched) {
    count(Counter::kLatches);
    leg.pending.latched = true;
    // A failed connect leaves the guard comparing every source, which is as safe and only slower.
    (void)leg.rtp.follow(now, leg.endpoint.rtp_peer());
  }
  if (outcome.media_started) leg.pending.media_started = true;
  switch (outcome.verdict) {
    case RtpVerdict::kForward:
      count(Counter::kPacketsReceived);
      forward(leg, now, buffer, outcome);
      break;
    case RtpVerdict::kListen:
      count(Counter::kPacketsReceived);
      listen(leg, now, datagram.first(outcome.bytes));
      break;
    case RtpVerdict::kUnlinked:
    case RtpVerdict::kUnmapped:
      count(Counter::kPacketsReceived);
      count(outcome.verdict == RtpVerdict::kUnlinked ? Counter::kPacketsUnlinked
                                                     : Counter::kPacketsUnmapped);
      // The far party may have no telephone-events; the control plane has.
      if (outcome.treatment == pipeline::Treatment::kWatch) {
        (void)treat(leg, now, datagram.first(outcome.bytes), outcome.treatment);
      }
      break;
    case RtpVerdict::kRefused:
      count(Counter::kPacketsRefused);
      break;
    case RtpVerdict::kUnauthentic:
      count(Counter::kSrtpRefused);
      break;
    case RtpVerdict::kMalformed:
      count(Counter::kPacketsMalformed);
      break;
  }
  // Last, because telling may have to wait for the ring and the packet should not.
  if (leg.pending.any()) tell_pending(legs_.handle_of(slot), leg);
}

void MediaThread::forward(Leg& leg, Instant now, MutableBytes buffer,
                          const pipeline::RtpOutcome& outcome) noexcept {
  Leg* target = legs_.find(leg.endpoint.link_to());
  if (target == nullptr) {
    leg.endpoint.on_drop();
    count(Counter::kPacketsUnlinked);
    return;
  }
  if (outcome.overheard) overhear(leg, now, buffer.first(outcome.bytes), outcome);
  if (outcome.treatment != pipeline::Treatment::kNone &&
      !treat(leg, now, buffer.first(outcome.bytes), outcome.treatment)) {
    leg.endpoint.on_drop();
    return;
  }
  // Its peer is hearing something of our own.
  if (target->endpoint.engaged()) return;
  if (!send_rtp(*target, buffer, outcome.bytes)) {
    leg.endpoint.on_drop();
    count(Counter::kPacketsUnsent);
    return;
  }
  target->endpoint.on_sent(now, outcome.packet);
  count(Counter::kPacketsSent);
}

bool MediaThread::send_rtp(Leg& leg, MutableBytes buffer, std::size_t bytes) noexcept {
  if (leg.endpoint.keyed()) {
    bytes = leg.endpoint.protect_rtp(buffer, bytes);
    if (bytes == 0) return false;
  }
  const Bytes packet = buffer.first(bytes);
  std::uint64_t& icmp_errors = counter(Counter::kIcmpErrors);
  return leg.rtp.connected() ? leg.rtp.send(packet, icmp_errors)
                             : leg.rtp.send_to(packet, leg.endpoint.rtp_target(), icmp_errors);
}

bool MediaThread::receive_rtcp_port(std::uint32_t, Leg& leg) noexcept {
  SocketAddress source;
  bool vouched = false;
  const io::Received received = leg.rtcp.receive(packet_, source, vouched);
  if (received.status != io::IoStatus::kDone) {
    note_receive_error(received.status);
    return received.status != io::IoStatus::kWouldBlock;
  }
  if (!within_rate(leg, leg.rtcp)) return true;
  const MutableBytes datagram = MutableBytes(packet_).first(received.bytes);
  if (pipeline::classify(datagram) != DatagramKind::kRtcp) {
    leg.endpoint.on_drop();
    count(Counter::kPacketsMalformed);
    return true;
  }
  handle_rtcp(io::now(), leg, datagram, vouched ? nullptr : &source);
  return true;
}

void MediaThread::handle_rtcp(Instant now, Leg& leg, MutableBytes datagram,
                              const SocketAddress* source) noexcept {
  const pipeline::RtcpOutcome outcome = leg.endpoint.receive_rtcp(now, datagram, source);
  if (outcome.learned) (void)leg.rtcp.follow(now, leg.endpoint.rtcp_peer());
  switch (outcome.verdict) {
    case RtcpVerdict::kRelay:
    case RtcpVerdict::kRelayWithoutBye:
      count(Counter::kRtcpReceived);
      relay_rtcp(leg, now, datagram.first(outcome.bytes),
                 outcome.verdict == RtcpVerdict::kRelayWithoutBye);
      break;
    case RtcpVerdict::kOwn:
      count(Counter::kRtcpReceived);
      break;
    case RtcpVerdict::kConsumed:
    case RtcpVerdict::kLimited:
      count(Counter::kRtcpReceived);
      count(Counter::kRtcpDropped);
      break;
    case RtcpVerdict::kRefused:
      count(Counter::kPacketsRefused);
      break;
    case RtcpVerdict::kUnauthentic:
      count(Counter::kSrtpRefused);
      break;
    case RtcpVerdict::kMalformed:
      count(Counter::kRtcpDropped);
      break;
  }
}

void MediaThread::relay_rtcp(Leg& leg, Instant now, Bytes datagram, bool without_bye) noexcept {
  Leg* target = legs_.find(leg.endpoint.link_to());
  // An echo sends a party's own stream back; its own reports would only confuse it.
  if (target == nullptr || target == &leg) return;
  if (target->endpoint.engaged()) {
    count(Counter::kRtcpDropped);
    return;
  }
  if (without_bye) datagram = pipeline::without_bye(datagram, scratch_);
  if (datagram.empty() || !send_rtcp(*target, datagram)) {
    count(Counter::kRtcpDropped);
    return;
  }
  target->endpoint.on_rtcp_relayed(now, datagram, prng_);
  count(Counter::kRtcpRelayed);
}

bool MediaThread::send_rtcp(Leg& leg, Bytes datagram) noexcept {
  if (leg.endpoint.keyed()) {
    // A copy, because the caller goes on reading the report.
    std::copy(datagram.begin(), datagram.end(), sealed_.begin());
    const std::size_t bytes = leg.endpoint.protect_rtcp(sealed_, datagram.size());
    if (bytes == 0) return false;
    datagram = Bytes(sealed_).first(bytes);
  }
  Channel& channel = leg.endpoint.rtcp_mux() ? leg.rtp : leg.rtcp;
  std::uint64_t& icmp_errors = counter(Counter::kIcmpErrors);
  return channel.connected() ? channel.send(datagram, icmp_errors)
                             : channel.send_to(datagram, leg.endpoint.rtcp_target(), icmp_errors);
}

}  // namespace trunkyard::engine
