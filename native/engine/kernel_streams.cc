#include "engine/kernel_streams.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "pipeline/endpoint.h"

namespace trunkyard::engine {

using contract::NodeCounter;
using kernel::StreamBooks;

namespace {

// The kernel goes by the same rules as the pipeline, and both say "left out" the same way.
static_assert(kernel::kStepAheadMax == rtp::kMaxDropout);
static_assert(kernel::kStepBackMax == rtp::kMaxMisorder);
static_assert(kernel::kTransitJumpSecondsMax * 1'000 == rtp::kTransitJumpMax.ms());
static_assert(kernel::kLeftToSocket == pipeline::kPayloadTypeDropped);

/// What the sockets send with: nothing has been asked of them.
constexpr std::uint8_t kTrafficClass = 0;

StreamBooks books_of(const rtp::StreamPosition& position) noexcept {
  return {.highest = position.highest.value(),
          .jitter_scaled = position.jitter_scaled,
          .transit = position.transit,
          .transit_known = position.transit_known ? 1u : 0u,
          .ssrc = static_cast<std::uint32_t>(position.ssrc)};
}

rtp::StreamPosition position_of(const StreamBooks& books, std::uint32_t clock_rate_hz) noexcept {
  return {.ssrc = static_cast<rtp::Ssrc>(books.ssrc),
          .highest = rtp::ExtendedSeq::from_value(books.highest),
          .jitter_scaled = books.jitter_scaled,
          .transit = books.transit,
          .transit_known = books.transit_known != 0,
          .clock_rate_hz = clock_rate_hz};
}

/// Whether the kernel may send to the leg: where the socket does, and as it does.
bool reachable(const Leg& leg) noexcept {
  return leg.rtp.connected() && leg.endpoint.rtp_peer().family == 4 && !leg.endpoint.keyed();
}

}  // namespace

KernelStreams::KernelStreams(Setup setup, Slab<Leg>& legs, Counters& counters)
    : path_(setup.path),
      watches_routes_(setup.thread == 0),
      addresses_(std::move(setup.addresses)),
      legs_(legs),
      counters_(counters) {
  if (path_ == nullptr) return;
  lane_ = &path_->lane(setup.thread);
  CHECK(lane_->capacity() >= legs.capacity());
  entries_.resize(legs.capacity());
  ways_slot_ = legs.capacity();
}

SocketAddress KernelStreams::local_of(const Leg& leg) const noexcept {
  return addresses_[leg.address_index].with_port(leg.even_port);
}

Leg* KernelStreams::target_of(Leg& leg) noexcept {
  const Handle to = leg.endpoint.link_to();
  Leg* target = legs_.find(to);
  if (target == nullptr || !reachable(*target) || target->endpoint.engaged()) return nullptr;
  // A second one would make it unclear whose stream the leg's sender reports are about.
  return entries_[to.slot()].fed_by == kNobody ? target : nullptr;
}

bool KernelStreams::wants(Instant now, std::uint32_t slot) noexcept {
  if (lane_ == nullptr || in_kernel(slot) || now < entries_[slot].not_before) return false;
  Leg* leg = legs_.at_slot(slot);
  CHECK(leg != nullptr);
  if (!leg->rtp.vouched() || leg->rtp.paused() || !reachable(*leg)) return false;
  return target_of(*leg) != nullptr &&
         leg->endpoint.plain_stream(kernel::kTypesForwardedMax).has_value();
}

void KernelStreams::offer(Instant now, std::uint32_t slot) noexcept {
  if (!wants(now, slot)) return;
  Leg& leg = *legs_.at_slot(slot);
  const Leg& target = *target_of(leg);
  const auto plain = leg.endpoint.plain_stream(kernel::kTypesForwardedMax);
  Entry& entry = entries_[slot];
  const Result<Handle> added = lane_->add({.from = leg.endpoint.rtp_peer(),
                                           .at = local_of(leg),
                                           .by = local_of(target),
                                           .to = target.endpoint.rtp_peer(),
                                           .payload_types = plain->types,
                                           .clock_rate_hz = plain->position.clock_rate_hz,
                                           .traffic_class = kTrafficClass,
                                           .books = books_of(plain->position)});
  if (!added) {
    // No way that the kernel's program can take, most likely; there may be one later.
    entry.not_before = now + entry.calm;
    entry.calm = std::min(entry.calm * 2, kCalmMax);
    return;
  }
  entry.stream = *added;
  entry.to = leg.endpoint.link_to();
  entry.clock_rate_hz = plain->position.clock_rate_hz;
  entry.counted = {};
  entry.settled_at = now;
  entries_[entry.to.slot()].fed_by = slot;
  leg.rtp.bypass(true);
  ++counter(NodeCounter::kKernelStreams);
}

void KernelStreams::release(Instant now, Handle handle) noexcept {
  if (lane_ == nullptr || legs_.find(handle) == nullptr) return;
  take_back_calmly(now, handle.slot());
  const std::uint32_t feeder = entries_[handle.slot()].fed_by;
  if (feeder != kNobody) take_back_calmly(now, feeder);
}

void KernelStreams::on_stray(Instant now, std::uint32_t slot) noexcept {
  take_back_for_longer(now, slot);
  ++counter(NodeCounter::kKernelReturns);
}

void KernelStreams::settle(Instant now, std::uint32_t slot) noexcept {
  if (lane_ == nullptr) return;
  settle_stream(now, slot);
  const std::uint32_t feeder = entries_[slot].fed_by;
  if (feeder != kNobody && feeder != slot) settle_stream(now, feeder);
}

void KernelStreams::settle_stream(Instant now, std::uint32_t slot) noexcept {
  if (!in_kernel(slot)) return;
  // Too busy to be read now: the next time.
  if (const auto books = lane_->read(entries_[slot].stream)) merge(now, slot, *books);
  if (!legs_.at_slot(slot)->rtp.share_left()) take_back_for_longer(now, slot);
}

void KernelStreams::tick(Instant now) noexcept {
  if (lane_ == nullptr) return;
  if (watches_routes_) path_->watch_routes();
  if (const std::uint32_t version = path_->routes_version(); version != routes_version_) {
    routes_version_ = version;
    ways_slot_ = 0;
  }
  for (std::uint32_t asked = 0; asked < kWaysPerTickMax && ways_slot_ < entries_.size();
       ++ways_slot_) {
    if (!in_kernel(ways_slot_)) continue;
    ++asked;
    if (!lane_->way_holds(entries_[ways_slot_].stream)) take_back_calmly(now, ways_slot_);
  }
}

std::uint64_t KernelStreams::take_back(Instant now, std::uint32_t slot) noexcept {
  if (!in_kernel(slot)) return 0;
  Entry& entry = entries_[slot];
  const Result<StreamBooks> books = lane_->remove(entry.stream);
  CHECK(books.ok());
  merge(now, slot, *books);
  entry.stream = kHandleNone;
  entries_[entry.to.slot()].fed_by = kNobody;
  legs_.at_slot(slot)->rtp.bypass(false);
  --counter(NodeCounter::kKernelStreams);
  return books->packets;
}

void KernelStreams::take_back_calmly(Instant now, std::uint32_t slot) noexcept {
  (void)take_back(now, slot);
  entries_[slot].calm = kCalm;
  entries_[slot].not_before = now + kCalm;
}

void KernelStreams::take_back_for_longer(Instant now, std::uint32_t slot) noexcept {
  Entry& entry = entries_[slot];
  entry.calm = take_back(now, slot) < kWorthPackets ? std::min(entry.calm * 2, kCalmMax) : kCalm;
  entry.not_before = now + entry.calm;
}

void KernelStreams::merge(Instant now, std::uint32_t slot, const StreamBooks& books) noexcept {
  Entry& entry = entries_[slot];
  const rtp::StreamCount counted{.packets = books.packets - entry.counted.packets,
                                 .octets = books.octets - entry.counted.octets};
  // The kernel's clock is ours, but for a time namespace (time_namespaces(7)), which moves ours
  // alone. However that may be, these packets came since the last time.
  const Instant last_at = std::min(
      std::max(Instant::from_ns(static_cast<std::int64_t>(books.arrived_ns)), entry.settled_at),
      now);
  entry.settled_at = now;
  if (counted.packets == 0) return;
  entry.counted = {books.packets, books.octets};
  Leg* leg = legs_.at_slot(slot);
  Leg* target = legs_.find(entry.to);
  // Neither closes without having been released.
  CHECK(leg != nullptr);
  CHECK(target != nullptr);
  const rtp::StreamPosition position = position_of(books, entry.clock_rate_hz);
  leg->endpoint.on_forwarded_elsewhere(
      {.position = position, .counted = counted, .last_at = last_at});
  target->endpoint.on_sent_elsewhere(
      {.last = {.ssrc = position.ssrc,
                .timestamp = static_cast<rtp::RtpTimestamp>(books.timestamp),
                .clock_rate_hz = entry.clock_rate_hz},
       .last_at = last_at,
       .counted = counted});
  leg->rtp.spend_past(counted.packets);
  counter(NodeCounter::kPacketsReceived) += counted.packets;
  counter(NodeCounter::kPacketsSent) += counted.packets;
  counter(NodeCounter::kPacketsInKernel) += counted.packets;
}

}  // namespace trunkyard::engine
