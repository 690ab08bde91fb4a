// What a media thread does without being asked: every few milliseconds a few legs, so that each leg
// is visited about once a second and no visit delays packets by more than a moment. There is no
// timer per packet and none per leg.
#include <algorithm>

#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

namespace {

constexpr Duration kTickEvery = Duration::milliseconds(20);
/// Ticks in which every slot is visited once: one second.
constexpr std::uint32_t kTicksPerRound = 50;
/// A tick this late (a stopped machine) starts a new rhythm instead of catching up.
constexpr Duration kTickLateMax = Duration::seconds(1);
/// Datagrams taken from one socket before its kernel is trusted; a receive buffer holds fewer.
constexpr std::uint32_t kVouchReceivesMax = 512;

contract::AddressRecord to_record(const SocketAddress& address) noexcept {
  contract::AddressRecord record;
  record.family = address.family;
  record.port = address.port;
  std::copy(address.bytes.begin(), address.bytes.end(), record.bytes);
  return record;
}

}  // namespace

void MediaThread::tick(Instant now) noexcept {
  next_tick_ = now - next_tick_ > kTickLateMax ? now + kTickEvery : next_tick_ + kTickEvery;
  count(Counter::kTicks);
  unix_offset_ = Duration::nanoseconds(io::epoch_offset_ns());
  const std::uint32_t epoch = region_.header().client_epoch.load(std::memory_order_acquire);
  // Orders are announced by the pipe; looking here as well costs nothing and survives a client that
  // died between its order and its wake-up.
  if (epoch != epoch_) start_epoch(epoch);
  orders_waiting_ = true;
  kernel_streams_.tick(now);
  take_file_answers();

  const std::uint32_t slots = (legs_.capacity() + kTicksPerRound - 1) / kTicksPerRound;
  for (std::uint32_t visited = 0; visited < slots; ++visited) {
    if (Leg* leg = legs_.at_slot(sweep_slot_)) sweep(sweep_slot_, *leg, now);
    sweep_slot_ = sweep_slot_ + 1 == legs_.capacity() ? 0 : sweep_slot_ + 1;
  }
  publish_node(now);
}

void MediaThread::sweep(std::uint32_t slot, Leg& leg, Instant now) noexcept {
  const Handle handle = legs_.handle_of(slot);
  kernel_streams_.settle(now, slot);
  refill(leg.rtp, tag_of(Source::kRtp, slot));
  refill(leg.rtcp, tag_of(Source::kRtcp, slot));
  vouch(slot, leg, now);
  if (leg.keys != nullptr) leg.keys->handle_deadline(now);
  place_turn(handle, leg);
  if (leg.audio != nullptr && leg.audio->watch) {
    leg.audio->watch->handle_deadline(now);
    take_watched_digits(leg);
  }
  if (leg.audio != nullptr && !leg.audio->taps.empty()) pass_recorded_time(leg, now);
  if (leg.endpoint.handle_silence(now)) {
    count(Counter::kMediaTimeouts);
    leg.pending.media_timeout = true;
    leg.silent_ms = static_cast<std::uint32_t>(
        std::min<std::int64_t>(leg.endpoint.silence(now).ms(), 0xffff'ffff));
  }
  if (leg.pending.any()) tell_pending(handle, leg);
  const Bytes report = leg.endpoint.handle_report(report_context(now), prng_, scratch_);
  if (!report.empty() && send_rtcp(leg, report)) {
    leg.endpoint.on_report_sent();
    count(Counter::kRtcpGenerated);
  }
  publish_leg(handle, leg);
  offer_to_kernel(slot, leg, now);
}

void MediaThread::place_turn(Handle handle, const Leg& leg) noexcept {
  // What a conference says is asked for in its own turns, whatever those of its parties are.
  const Leg* talker = leg.audio == nullptr ? nullptr : talker_of(handle, *leg.audio);
  if (talker == nullptr || leg.audio->sender == nullptr || !leg.reachable()) return;
  audio_legs_.move(handle.slot(), talker->audio->receiver->pull_wish(AudioLegs::kPhaseStep));
}

void MediaThread::offer_to_kernel(std::uint32_t slot, Leg& leg, Instant now) noexcept {
  if (!kernel_streams_.wants(now, slot)) return;
  if (empty_rtp_port(slot, leg)) kernel_streams_.offer(now, slot);
}

pipeline::ReportContext MediaThread::report_context(Instant now) const noexcept {
  return {now, unix_offset_,
          Bytes{reinterpret_cast<const std::uint8_t*>(cname_.data()), cname_.size()}};
}

void MediaThread::vouch(std::uint32_t slot, Leg& leg, Instant now) noexcept {
  // Still not empty: more comes in than goes out, so the question is put again in the next round.
  if (leg.rtp.vouch_due(now) && empty_rtp_port(slot, leg)) leg.rtp.vouch();
  if (leg.rtcp.vouch_due(now)) {
    std::uint32_t received = 0;
    while (received < kVouchReceivesMax && receive_rtcp_port(slot, leg))
      ++received;
    if (received < kVouchReceivesMax) leg.rtcp.vouch();
  }
}

bool MediaThread::empty_rtp_port(std::uint32_t slot, Leg& leg) noexcept {
  std::uint32_t received = 0;
  while (received < kVouchReceivesMax && receive_rtp_port(slot, leg))
    ++received;
  return received < kVouchReceivesMax;
}

void MediaThread::refill(Channel& channel, std::uint64_t tag) noexcept {
  channel.refill();
  if (!channel.paused()) return;
  // When the kernel has no memory for it now, the next second has.
  if (poller_.add(channel.descriptor(), tag).ok()) channel.pause(false);
}

void MediaThread::tell_pending(Handle handle, Leg& leg) noexcept {
  if (leg.pending.latched) {
    contract::LatchedEvent event;
    event.endpoint = handle.bits;
    event.remote = to_record(leg.endpoint.rtp_peer());
    if (!push_event(event, contract::EventKind::kLatched)) return;
    leg.pending.latched = false;
  }
  if (leg.pending.media_started) {
    contract::MediaStartedEvent event;
    event.endpoint = handle.bits;
    if (!push_event(event, contract::EventKind::kMediaStarted)) return;
    leg.pending.media_started = false;
  }
  if (leg.pending.media_timeout) {
    contract::MediaTimeoutEvent event;
    event.endpoint = handle.bits;
    event.silent_ms = leg.silent_ms;
    if (!push_event(event, contract::EventKind::kMediaTimeout)) return;
    leg.pending.media_timeout = false;
  }
  if (leg.pending.digits) leg.pending.digits = !tell_digits(handle, leg);
  if (leg.pending.plays) {
    leg.pending.plays =
        !tell_plays(contract::SoundTarget::kEndpoint, handle, leg.audio->player.get());
  }
  if (leg.pending.speech) leg.pending.speech = !tell_speech(handle, leg);
}

/// @returns whether none is left.
bool MediaThread::tell_digits(Handle handle, Leg& leg) noexcept {
  for (DigitReports& digits = leg.audio->digits; digits.any(); digits.pop_first()) {
    const DigitReport& report = digits.first();
    contract::DigitEvent event;
    event.endpoint = handle.bits;
    event.digit = report.digit;
    event.source = static_cast<std::uint8_t>(report.source);
    event.duration_ms = report.duration_ms;
    if (!push_event(event, contract::EventKind::kDigit)) return false;
  }
  return true;
}

void MediaThread::publish_leg(Handle handle, const Leg& leg) noexcept {
  std::array<double, 1 + contract::kCounterCount> values;
  values[0] = handle.bits;
  fill_counters(leg, std::span(values).subspan<1>());
  write_stats_slot(region_.endpoint_slot(index_, handle.slot()), values);
}

void MediaThread::publish_node(Instant now) noexcept {
  counter(Counter::kEndpointsOpen) = legs_.size();
  counter(Counter::kAudioEndpoints) = audio_legs_.size();
  counter(Counter::kConferencesOpen) = conferences_.size();
  counter(Counter::kParticipants) = conferences_.participants();
  counter(Counter::kConferencesRefused) = conferences_.counters().refused;
  counter(Counter::kPartsLate) = conferences_.counters().parts_late;
  std::uint64_t in_use = 0;
  std::uint64_t resting = 0;
  for (io::PortPool& pool : ports_) {
    in_use += 2 * std::uint64_t{pool.pairs_in_use()};
    resting += 2 * std::uint64_t{pool.pairs_resting(now)};
  }
  counter(Counter::kPortsInUse) = in_use;
  counter(Counter::kPortsResting) = resting;
  std::array<double, contract::kNodeCounterCount + RelayTimes::kValueCount> values;
  const std::span<const std::uint64_t> times = relay_times_.values();
  std::copy(times.begin(), times.end(),
            std::copy(counters_.begin(), counters_.end(), values.begin()));
  write_stats_slot(region_.node_slot(index_), values);
}

}  // namespace trunkyard::engine
