#include "load_run.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace trunkyard::bench {

namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
/// Fine enough that a program under test sees a flow rather than bursts, coarse enough to stay
/// cheap.
constexpr std::uint64_t kTickNs = 250'000;
constexpr std::uint64_t kDrainNs = 500 * kNsPerMs;
constexpr std::uint32_t kMagic = 0x54596c64;

// Layout of a packet's payload after the 12 bytes of RTP header; the rest is silence.
constexpr std::size_t kMagicAt = 12;
constexpr std::size_t kStreamAt = 16;
constexpr std::size_t kNumberAt = 20;
constexpr std::size_t kSentAt = 24;
constexpr std::size_t kPayloadEnd = 32;
constexpr std::uint8_t kSilence = 0xff;
/// A sender report without report blocks (RFC 3550 §6.4.1).
constexpr std::size_t kReportBytes = 28;
constexpr std::size_t kHeaderBytes = 12;
static_assert(kPayloadEnd <= kPacketBytes && kReportBytes <= kDatagramBytesMax);
static_assert(kHeaderBytes + kPayloadBytesMax + kLoadSrtpTailBytes <= kDatagramBytesMax);

void put32(std::uint8_t* at, std::uint32_t value) noexcept {
  for (int index = 0; index < 4; ++index)
    at[index] = static_cast<std::uint8_t>(value >> (24 - 8 * index));
}

std::uint32_t get32(const std::uint8_t* at) noexcept {
  std::uint32_t value = 0;
  for (int index = 0; index < 4; ++index)
    value = value << 8 | at[index];
  return value;
}

std::uint64_t clock_ns(clockid_t clock) noexcept {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void sleep_until(std::uint64_t monotonic_ns) noexcept {
  const timespec until = {static_cast<time_t>(monotonic_ns / 1'000'000'000u),
                          static_cast<long>(monotonic_ns % 1'000'000'000u)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

std::uint64_t key_of(const sockaddr_in& address) noexcept {
  return std::uint64_t{address.sin_addr.s_addr} << 16 | address.sin_port;
}

void announce(const char* event) {
  std::printf("{\"event\":\"%s\"}\n", event);
  std::fflush(stdout);
}

}  // namespace

LoadRun::LoadRun(const LoadPlan& plan)
    : plan_(plan),
      rtp_(plan.locals.size()),
      rtcp_(plan.locals.size()),
      outgoing_(plan.locals.size()) {
  streams_.reserve(plan.streams.size());
  for (const StreamPlan& stream : plan.streams) {
    const auto index = static_cast<std::uint32_t>(streams_.size());
    // Far apart, so that a program which mixes streams up is found out.
    streams_.push_back({stream, 0x9e3779b9u * (index + 1), 0, 0, nullptr});
    if (stream.key) streams_.back().srtp = std::make_unique<LoadSrtp>(*stream.key);
    if (stream.source) by_source_.emplace(key_of(*stream.source), index);
  }
}

bool LoadRun::open(std::string& problem) {
  for (std::size_t local = 0; local < plan_.locals.size(); ++local) {
    LocalPlan place = plan_.locals[local];
    if (!rtp_[local].open(place, problem)) return false;
    sockaddr_in& address = place.address;
    address.sin_port = htons(static_cast<std::uint16_t>(ntohs(address.sin_port) + 1));
    if (!rtcp_[local].open(place, problem)) return false;
  }
  return true;
}

const LoadResult& LoadRun::run() {
  begin_ns_ = clock_ns(CLOCK_MONOTONIC);
  const std::uint64_t measure_at = begin_ns_ + plan_.warmup_ms * kNsPerMs;
  const std::uint64_t end_at = measure_at + plan_.measure_ms * kNsPerMs;
  std::uint64_t cpu_begin = 0;
  std::uint64_t measured_from = 0;
  for (std::uint64_t tick = begin_ns_;; tick += kTickNs) {
    sleep_until(tick);
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (measured_from == 0 && now >= measure_at) {
      announce("measuring");
      cpu_begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
      measured_from = now;
      measure_begin_ns_ = wall_ns();
    }
    if (now >= end_at && measured_from != 0) break;
    send_due(now);
    send_reports(now);
    receive_all();
    // A host that stood still must not make us run through the ticks it took.
    if (now > tick) tick += (now - tick) / kTickNs * kTickNs;
  }
  const std::uint64_t measured_to = clock_ns(CLOCK_MONOTONIC);
  measure_end_ns_ = wall_ns();
  const std::uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
  announce("measured");
  for (std::uint64_t tick = measured_to; tick < measured_to + kDrainNs; tick += kTickNs) {
    sleep_until(tick);
    receive_all();
  }
  receive_reports();
  const auto measured_ns = static_cast<double>(measured_to - measured_from);
  result_.measured_s = measured_ns / 1e9;
  result_.own_cpu = static_cast<double>(cpu_ns) / measured_ns;
  result_.planned = static_cast<std::uint64_t>(measured_ns * static_cast<double>(streams_.size()) /
                                               static_cast<double>(plan_.interval_ms * kNsPerMs));
  for (const LoadSocket& socket : rtp_)
    result_.own_drops += socket.dropped();
  return result_;
}

// Packet k of all streams together is due at begin + k * interval / streams: evenly staggered by
// construction.
void LoadRun::send_due(std::uint64_t now_ns) {
  const std::uint64_t interval_ns = plan_.interval_ms * kNsPerMs;
  const std::uint64_t count = streams_.size();
  for (;; ++next_) {
    const std::uint64_t due =
        begin_ns_ + next_ / count * interval_ns + next_ % count * interval_ns / count;
    if (due > now_ns) break;
    if (measure_begin_ns_ != 0) result_.lateness.record(now_ns - due);
    // A burst of all that a standing host kept back would be a load that no carrier sends.
    if (now_ns - due > interval_ns) continue;
    const auto index = static_cast<std::uint32_t>(next_ % count);
    Stream& stream = streams_[index];
    queue(stream, index);
    if (outgoing_[stream.plan.from].count == kBatchPackets) flush(stream.plan.from);
  }
  for (std::size_t local = 0; local < outgoing_.size(); ++local)
    flush(local);
}

void LoadRun::queue(Stream& stream, std::uint32_t index) {
  Outgoing& out = outgoing_[stream.plan.from];
  Datagram& packet = out.packets[out.count];
  packet.target = stream.plan.target;
  packet.bytes[0] = 0x80;                            // version 2, no padding, extension or CSRC
  packet.bytes[1] = stream.sent == 0 ? 0x80 : 0x00;  // PCMU; the marker opens the talkspurt
  packet.bytes[2] = static_cast<std::uint8_t>(stream.sent >> 8);
  packet.bytes[3] = static_cast<std::uint8_t>(stream.sent);
  put32(&packet.bytes[4], stream.sent * static_cast<std::uint32_t>(8 * plan_.interval_ms));
  put32(&packet.bytes[8], stream.ssrc);
  out.stamped[out.count] = !stream.plan.source;
  if (stream.plan.source) {
    write_payload(stream, index, packet);
  } else {
    write_stamped(stream, index, packet);
  }
  out.count += 1;
  stream.sent += 1;
}

void LoadRun::write_stamped(const Stream& stream, std::uint32_t index, Datagram& packet) const {
  packet.size = kPacketBytes;
  std::fill(packet.bytes.begin() + kMagicAt, packet.bytes.begin() + kPacketBytes, kSilence);
  put32(&packet.bytes[kMagicAt], kMagic);
  put32(&packet.bytes[kStreamAt], index);
  put32(&packet.bytes[kNumberAt], stream.sent);
}

void LoadRun::write_payload(Stream& stream, std::uint32_t index, Datagram& packet) const {
  packet.size = kPacketBytes;
  if (stream.plan.payload) {
    const PayloadPlan& said = plan_.payloads[*stream.plan.payload];
    // Each begins somewhere else: parties don't say the same at the same time.
    const std::vector<std::uint8_t>& payload =
        said.payloads[(stream.sent + 17 * std::size_t{index}) % said.payloads.size()];
    packet.bytes[1] = static_cast<std::uint8_t>(packet.bytes[1] | said.payload_type);
    put32(&packet.bytes[4], stream.sent * said.timestamp_step);
    std::copy(payload.begin(), payload.end(), packet.bytes.begin() + kHeaderBytes);
    packet.size = kHeaderBytes + payload.size();
  } else {
    std::fill(packet.bytes.begin() + kHeaderBytes, packet.bytes.begin() + kPacketBytes, kSilence);
  }
  if (stream.srtp) packet.size = stream.srtp->protect(packet.bytes, packet.size);
}

void LoadRun::flush(std::size_t local) {
  Outgoing& out = outgoing_[local];
  if (out.count == 0) return;
  const std::uint64_t sent_ns = wall_ns();
  for (std::size_t index = 0; index < out.count; ++index) {
    if (out.stamped[index])
      std::memcpy(&out.packets[index].bytes[kSentAt], &sent_ns, sizeof sent_ns);
  }
  const std::size_t sent = rtp_[local].send(std::span(out.packets).first(out.count));
  if (is_measured(sent_ns)) result_.sent += sent;
  out.count = 0;
}

void LoadRun::send_reports(std::uint64_t now_ns) {
  if (plan_.rtcp_interval_ms == 0) return;
  const std::uint64_t interval_ns = plan_.rtcp_interval_ms * kNsPerMs;
  const std::uint64_t count = streams_.size();
  for (;; ++reports_) {
    // The first ones come half an interval late: a report before any packet says nothing.
    const std::uint64_t due = begin_ns_ + interval_ns / 2 + reports_ / count * interval_ns +
                              reports_ % count * interval_ns / count;
    if (due > now_ns) break;
    send_report(streams_[reports_ % count]);
  }
  if (reports_ % 64 == 0) receive_reports();
}

void LoadRun::send_report(const Stream& stream) {
  Datagram report = {.bytes = {}, .size = kReportBytes, .target = stream.plan.target};
  report.target.sin_port = htons(static_cast<std::uint16_t>(ntohs(report.target.sin_port) + 1));
  auto& bytes = report.bytes;
  bytes[0] = 0x80;
  bytes[1] = 200;
  bytes[3] = kReportBytes / 4 - 1;
  put32(&bytes[4], stream.ssrc);
  const std::uint64_t now = wall_ns();
  constexpr std::uint64_t kNtpEpochOffsetS = 2'208'988'800u;  // 1900 to 1970
  put32(&bytes[8], static_cast<std::uint32_t>(now / 1'000'000'000u + kNtpEpochOffsetS));
  put32(&bytes[12], static_cast<std::uint32_t>(((now % 1'000'000'000u) << 32) / 1'000'000'000u));
  put32(&bytes[16], stream.sent * static_cast<std::uint32_t>(8 * plan_.interval_ms));
  put32(&bytes[20], stream.sent);
  put32(&bytes[24], stream.sent * static_cast<std::uint32_t>(kPacketBytes - 12));
  const std::size_t sent = rtcp_[stream.plan.from].send(std::span(&report, 1));
  if (is_measured(now)) result_.rtcp_sent += sent;
}

void LoadRun::receive_all() {
  for (std::size_t local = 0; local < rtp_.size(); ++local) {
    for (;;) {
      const std::span<const Arrival> arrivals = rtp_[local].receive();
      for (const Arrival& arrival : arrivals)
        receive(local, arrival);
      if (arrivals.size() < kBatchPackets) break;
    }
  }
}

void LoadRun::receive(std::size_t local, const Arrival& arrival) {
  const auto found = by_source_.find(key_of(arrival.source));
  if (found == by_source_.end()) return receive_stamped(local, arrival);
  if (streams_[found->second].plan.to != local || arrival.bytes.size() <= kHeaderBytes) {
    result_.misdelivered += 1;
  } else if (is_measured(arrival.arrived_ns)) {
    result_.received += 1;
  }
}

void LoadRun::receive_stamped(std::size_t local, const Arrival& arrival) {
  if (arrival.bytes.size() != kPacketBytes || get32(&arrival.bytes[kMagicAt]) != kMagic) {
    result_.misdelivered += 1;
    return;
  }
  const std::uint32_t index = get32(&arrival.bytes[kStreamAt]);
  if (index >= streams_.size() || streams_[index].plan.to != local) {
    result_.misdelivered += 1;
    return;
  }
  Stream& stream = streams_[index];
  const std::uint32_t number = get32(&arrival.bytes[kNumberAt]);
  std::uint64_t sent_ns = 0;
  std::memcpy(&sent_ns, &arrival.bytes[kSentAt], sizeof sent_ns);
  const bool measured = is_measured(sent_ns);
  // Loopback keeps a stream in order, so a number below the expected one came before.
  if (number < stream.expected) {
    if (measured) result_.duplicates += 1;
    return;
  }
  if (measured) {
    if (number > stream.expected) result_.gaps += 1;
    result_.received += 1;
    result_.delay.record(arrival.arrived_ns > sent_ns ? arrival.arrived_ns - sent_ns : 0);
  }
  stream.expected = number + 1;
}

void LoadRun::receive_reports() {
  for (LoadSocket& socket : rtcp_) {
    for (std::size_t got = kBatchPackets; got == kBatchPackets;) {
      got = socket.receive().size();
      result_.rtcp_received += got;
    }
  }
}

bool LoadRun::is_measured(std::uint64_t sent_ns) const noexcept {
  return measure_begin_ns_ != 0 && sent_ns >= measure_begin_ns_ &&
         (measure_end_ns_ == 0 || sent_ns <= measure_end_ns_);
}

}  // namespace trunkyard::bench
