// Orders from the control plane, carried out between packets. Each is answered by exactly one
// event; an order whose answer has no room in the event ring stays in the order ring until it has.
// Whatever stands in a record is checked here, although the sender checked it too: it came through
// memory that another process writes.
#include <algorithm>
#include <cstring>

#include "engine/media_thread.h"
#include "engine/peer_address.h"
#include "io/clock.h"

namespace trunkyard::engine {

using contract::Code;
using contract::EventKind;
using contract::OrderKind;

namespace {

/// Orders between two looks at the sockets: about a millisecond of socket calls.
constexpr std::uint32_t kOrdersPerTurnMax = 64;
/// Ports that other programs hold are skipped, but not without end.
constexpr std::uint32_t kPortTriesMax = 16;
/// About two seconds of 50 packets a second, counted the way the kernel counts.
constexpr std::uint32_t kRtpReceiveBufferBytes = 64 * 1024;
constexpr std::uint32_t kRtcpReceiveBufferBytes = 8 * 1024;

template <typename Order>
Order as(const contract::OrderHeader& header) noexcept {
  static_assert(sizeof(Order) == sizeof(contract::OrderHeader));
  Order order;
  std::memcpy(static_cast<void*>(&order), &header, sizeof order);
  return order;
}

Code code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kOk:
      return Code::kOk;
    case ErrorCode::kAddressInvalid:
      return Code::kAddressInvalid;
    default:
      return Code::kSocketFailed;
  }
}

/// False when there are too many, or one of them is none.
bool read_conversions(const contract::OpenLinkOrder& order,
                      pipeline::Conversions& conversions) noexcept {
  static_assert(std::size(contract::OpenLinkOrder{}.conversions) == pipeline::kConversionsMax);
  if (order.conversion_count > pipeline::kConversionsMax) return false;
  for (std::uint32_t index = 0; index < order.conversion_count; ++index) {
    const std::uint32_t payload_type = order.conversions[index] & 0xff;
    if (payload_type >= kPayloadTypes) return false;
    pipeline::Conversion& conversion = conversions[index];
    conversion.payload_type = static_cast<std::uint8_t>(payload_type);
    switch (static_cast<contract::PayloadConversion>(order.conversions[index] >> 8)) {
      case contract::PayloadConversion::kNone:
        break;
      case contract::PayloadConversion::kPcmuToPcma:
        conversion.treatment = pipeline::Treatment::kToALaw;
        break;
      case contract::PayloadConversion::kPcmaToPcmu:
        conversion.treatment = pipeline::Treatment::kToMuLaw;
        break;
      default:
        return false;
    }
  }
  return true;
}

}  // namespace

void MediaThread::start_epoch(std::uint32_t epoch) noexcept {
  const Instant now = io::now();
  for (std::uint32_t slot = 0; slot < legs_.capacity(); ++slot) {
    if (Leg* leg = legs_.at_slot(slot)) close_leg(legs_.handle_of(slot), *leg, now);
  }
  conferences_.close_all();
  const Region::Rings rings = region_.renew_rings(index_);
  orders_ = SpscConsumer(rings.orders);
  events_ = SpscProducer(rings.events);
  epoch_ = epoch;
  // Without room the next request tells it.
  (void)files_.ask({.kind = FileRequest::Kind::kNewClient, .epoch = epoch});
  region_.header().epoch_ready[index_].store(epoch, std::memory_order_release);
  event_pipe_.wake();
}

void MediaThread::handle_orders() noexcept {
  const std::uint32_t epoch = region_.header().client_epoch.load(std::memory_order_acquire);
  if (epoch != epoch_) start_epoch(epoch);
  for (std::uint32_t done = 0; done < kOrdersPerTurnMax; ++done) {
    if (events_.free_count() == 0) {
      // No answer without room for it. The tick asks again; the client is slow, not the packets.
      if (orders_.available() > 0) count(Counter::kEventsDelayed);
      orders_waiting_ = false;
      return;
    }
    contract::OrderHeader order;
    if (!orders_.try_pop_record(order)) {
      orders_waiting_ = !orders_.damaged() && !orders_.arm();
      if (!orders_waiting_) return;
      continue;
    }
    if (order.epoch != epoch_) continue;
    count(Counter::kOrders);
    const auto kind = static_cast<OrderKind>(order.kind);
    // Whatever is ordered about a leg finds its streams at the sockets and its books complete.
    kernel_streams_.release(io::now(), Handle{order.endpoint});
    if (kind == OrderKind::kOpenEndpoint) {
      open_endpoint(as<contract::OpenEndpointOrder>(order));
    } else if (kind == OrderKind::kCloseEndpoint) {
      close_endpoint(as<contract::CloseEndpointOrder>(order));
    } else if (kind == OrderKind::kLoadClip) {
      load_clip(as<contract::LoadClipOrder>(order));
    } else if (kind == OrderKind::kUnloadClip) {
      unload_clip(as<contract::UnloadClipOrder>(order));
    } else if (kind == OrderKind::kOpenConference) {
      open_conference(as<contract::OpenConferenceOrder>(order));
    } else {
      answer(order, carry_out(order));
      // What the order has ended is told behind its answer.
      const Handle handle{order.endpoint};
      if (Leg* leg = legs_.find(handle); leg != nullptr && leg->pending.any())
        tell_pending(handle, *leg);
    }
  }
}

void MediaThread::answer(const contract::OrderHeader& order, Code code) noexcept {
  contract::OrderDoneEvent event;
  event.order = order.order;
  event.endpoint = order.endpoint;
  event.code = static_cast<std::uint16_t>(code);
  if (code != Code::kOk) count(Counter::kOrdersRefused);
  CHECK(push_event(event, EventKind::kOrderDone));
}

template <typename Event>
bool MediaThread::push_event(Event event, EventKind kind) noexcept {
  event.kind = static_cast<std::uint16_t>(kind);
  event.epoch = epoch_;
  if (!events_.try_push_record(event)) {
    count(Counter::kEventsDelayed);
    return false;
  }
  events_told_ = true;
  return true;
}
// The spontaneous ones are pushed from ticks.cc.
template bool MediaThread::push_event(contract::LatchedEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::MediaStartedEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::MediaTimeoutEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::DigitEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::PlayEndedEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::SpeechEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::ClipLoadedEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::RecordingEndedEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::OrderDoneEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::SpeakerEvent, EventKind) noexcept;
template bool MediaThread::push_event(contract::ConferenceOpenedEvent, EventKind) noexcept;

Code MediaThread::carry_out(const contract::OrderHeader& order) noexcept {
  switch (static_cast<OrderKind>(order.kind)) {
    case OrderKind::kUpdateEndpoint:
      return update_endpoint(as<contract::UpdateEndpointOrder>(order));
    case OrderKind::kOpenLink:
      return open_link(as<contract::OpenLinkOrder>(order));
    case OrderKind::kCloseLink:
      return close_link(as<contract::CloseLinkOrder>(order));
    case OrderKind::kSetKeys:
      return set_keys(as<contract::SetKeysOrder>(order));
    case OrderKind::kSetAudio:
      return set_audio(as<contract::SetAudioOrder>(order));
    case OrderKind::kSendDigits:
      return send_digits(as<contract::SendDigitsOrder>(order));
    case OrderKind::kPlay:
      return change_play(as<contract::PlayOrder>(order));
    case OrderKind::kPlayTone:
      return change_play(as<contract::PlayToneOrder>(order));
    case OrderKind::kStopPlay:
      return change_play(as<contract::StopPlayOrder>(order));
    case OrderKind::kStartRecording:
      return start_recording(as<contract::StartRecordingOrder>(order));
    case OrderKind::kPauseRecording:
      return pause_recording(as<contract::PauseRecordingOrder>(order));
    case OrderKind::kStopRecording:
      return stop_recording(as<contract::StopRecordingOrder>(order));
    case OrderKind::kDetectSpeech:
      return detect_speech(as<contract::DetectSpeechOrder>(order));
    case OrderKind::kCloseConference:
      return close_conference(Handle{order.endpoint});
    case OrderKind::kSetParticipant:
      return set_participant(as<contract::SetParticipantOrder>(order));
    case OrderKind::kLeaveConference:
      return leave_conference(Handle{order.endpoint});
    default:
      return Code::kOrderInvalid;
  }
}

void MediaThread::open_endpoint(const contract::OpenEndpointOrder& order) noexcept {
  contract::EndpointOpenedEvent event;
  event.order = order.order;
  Handle handle;
  Code code = Code::kAddressInvalid;
  if (order.address_index < addresses_.size()) {
    code = open_leg(static_cast<std::uint8_t>(order.address_index), handle);
  }
  event.code = static_cast<std::uint16_t>(code);
  if (code == Code::kOk) {
    const Leg& leg = *legs_.find(handle);
    event.endpoint = handle.bits;
    event.rtp_port = leg.even_port;
    event.rtcp_port = static_cast<std::uint16_t>(leg.even_port + 1);
    publish_leg(handle, leg);
  } else {
    count(Counter::kOrdersRefused);
    if (code == Code::kEndpointsFull) count(Counter::kEndpointsRefused);
    if (code == Code::kPortsExhausted) count(Counter::kPortsRefused);
  }
  CHECK(push_event(event, EventKind::kEndpointOpened));
}

Code MediaThread::open_leg(std::uint8_t address_index, Handle& handle) noexcept {
  const Instant now = io::now();
  handle = legs_.emplace(now, prng_.next_u32());
  if (handle.none()) return Code::kEndpointsFull;
  Leg& leg = *legs_.find(handle);
  leg.address_index = address_index;
  Code code = bind_pair(address_index, leg);
  if (code == Code::kOk &&
      (!poller_.add(leg.rtp.descriptor(), tag_of(Source::kRtp, handle.slot())).ok() ||
       !poller_.add(leg.rtcp.descriptor(), tag_of(Source::kRtcp, handle.slot())).ok())) {
    ports_[address_index].give_back(leg.even_port, now);
    code = Code::kSocketFailed;
  }
  if (code != Code::kOk) {
    legs_.release(handle);
    handle = kHandleNone;
  }
  return code;
}

Code MediaThread::bind_pair(std::uint8_t address_index, Leg& leg) noexcept {
  io::PortPool& pool = ports_[address_index];
  const SocketAddress& local = addresses_[address_index].bind;
  for (std::uint32_t tries = 0; tries < kPortTriesMax; ++tries) {
    const Instant now = io::now();
    const std::optional<std::uint16_t> port = pool.take(now);
    if (!port) return Code::kPortsExhausted;
    io::BindProblem problem = io::BindProblem::kNone;
    const auto odd_port = static_cast<std::uint16_t>(*port + 1);
    Result<io::UdpSocket> rtp =
        io::UdpSocket::bind(local.with_port(*port), kRtpReceiveBufferBytes, problem);
    if (rtp) {
      Result<io::UdpSocket> rtcp =
          io::UdpSocket::bind(local.with_port(odd_port), kRtcpReceiveBufferBytes, problem);
      if (rtcp) {
        leg.rtp = Channel(std::move(*rtp));
        leg.rtcp = Channel(std::move(*rtcp));
        leg.even_port = *port;
        return Code::kOk;
      }
    }
    pool.give_back(*port, now);
    if (problem == io::BindProblem::kAddress) return Code::kAddressInvalid;
    if (problem != io::BindProblem::kInUse) return Code::kSocketFailed;
    count(Counter::kPortsForeign);
  }
  return Code::kPortsExhausted;
}

Code MediaThread::update_endpoint(const contract::UpdateEndpointOrder& order) noexcept {
  const Handle handle{order.endpoint};
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  if (order.rtcp_mux > 1 ||
      order.source_rule > static_cast<std::uint8_t>(contract::SourceRule::kLatch) ||
      order.clock_rate_count > pipeline::kClockRatesMax) {
    return Code::kOrderInvalid;
  }
  static_assert(std::size(contract::UpdateEndpointOrder{}.clock_rates) == pipeline::kClockRatesMax);
  const SocketAddress& local = addresses_[leg->address_index].bind;
  pipeline::EndpointSetup setup;
  if (!read_peer_address(order.remote_rtp, local, setup.remote_rtp) ||
      !read_peer_address(order.remote_rtcp, local, setup.remote_rtcp)) {
    return Code::kAddressInvalid;
  }
  std::array<pipeline::ClockRate, pipeline::kClockRatesMax> clock_rates;
  for (std::uint32_t index = 0; index < order.clock_rate_count; ++index) {
    const std::uint32_t packed = order.clock_rates[index];
    clock_rates[index] = {static_cast<std::uint8_t>(packed >> 24), packed & 0xff'ffff};
  }
  setup.rtcp_mux = order.rtcp_mux == 1;
  setup.source_rule = order.source_rule == static_cast<std::uint8_t>(contract::SourceRule::kLatch)
                          ? pipeline::SourceRule::kLatch
                          : pipeline::SourceRule::kStrict;
  setup.inactivity = Duration::milliseconds(order.inactivity_ms);
  setup.clock_rates = std::span(clock_rates).first(order.clock_rate_count);

  if (const Code code = switch_rtcp_socket(handle, *leg, setup.rtcp_mux); code != Code::kOk) {
    return code;
  }
  const Instant now = io::now();
  leg->pending = {
      .digits = leg->pending.digits, .plays = leg->pending.plays, .speech = leg->pending.speech};
  leg->endpoint.set_up(now, setup);
  Result<void> followed = leg->rtp.follow(now, leg->endpoint.rtp_peer());
  if (followed) followed = leg->rtcp.follow(now, leg->endpoint.rtcp_peer());
  if (!followed) {
    // No way there (a family or network this machine lacks): the leg is deaf until the next update.
    leg->endpoint.set_up(now, {});
    (void)leg->rtp.follow(now, {});
    (void)leg->rtcp.follow(now, {});
  }
  return code_of(followed.code());
}

Code MediaThread::switch_rtcp_socket(Handle handle, Leg& leg, bool mux) noexcept {
  if (mux) {
    // The port stays reserved with its pair, so a later offer without rtcp-mux can have it back.
    leg.rtcp.close();
    return Code::kOk;
  }
  if (leg.rtcp.open()) return Code::kOk;
  io::BindProblem problem = io::BindProblem::kNone;
  const SocketAddress local =
      addresses_[leg.address_index].bind.with_port(static_cast<std::uint16_t>(leg.even_port + 1));
  Result<io::UdpSocket> socket = io::UdpSocket::bind(local, kRtcpReceiveBufferBytes, problem);
  if (!socket) return Code::kSocketFailed;
  if (!poller_.add(socket->descriptor(), tag_of(Source::kRtcp, handle.slot())).ok()) {
    return Code::kSocketFailed;
  }
  leg.rtcp = Channel(std::move(*socket));
  return Code::kOk;
}

Code MediaThread::open_link(const contract::OpenLinkOrder& order) noexcept {
  Leg* from = legs_.find(Handle{order.endpoint});
  const Handle to{order.to};
  if (from == nullptr) return Code::kHandleStale;
  if (order.mode >= contract::kLinkModeCount) return Code::kOrderInvalid;
  // A call lives on one media thread; a link between threads would need a lock.
  if (to.thread() != index_) return Code::kOrderInvalid;
  Leg* target = legs_.find(to);
  if (target == nullptr) return Code::kHandleStale;
  // A participant hears and says what its conference's are; it leaves first.
  if (confers(*from) || confers(*target)) return Code::kOrderInvalid;
  if (order.mode == static_cast<std::uint8_t>(contract::LinkMode::kDecoded)) {
    // Packets don't pass, so there is nothing to be converted.
    if (order.conversion_count != 0) return Code::kOrderInvalid;
    return open_decoded_link(Handle{order.endpoint}, *from, to, *target);
  }
  pipeline::PayloadMap map;
  std::copy(std::begin(order.payload_map), std::end(order.payload_map), map.begin());
  if (!pipeline::payload_map_valid(map)) return Code::kOrderInvalid;
  pipeline::Conversions conversions;
  if (!read_conversions(order, conversions)) return Code::kOrderInvalid;
  target->forwarded_from = Handle{order.endpoint};
  change_link(*from, pipeline::Link(to, map, conversions));
  return Code::kOk;
}

Code MediaThread::close_link(const contract::CloseLinkOrder& order) noexcept {
  Leg* from = legs_.find(Handle{order.endpoint});
  if (from == nullptr) return Code::kHandleStale;
  change_link(*from, pipeline::Link());
  return Code::kOk;
}

void MediaThread::close_endpoint(const contract::CloseEndpointOrder& order) noexcept {
  contract::EndpointClosedEvent event;
  event.order = order.order;
  event.endpoint = order.endpoint;
  const Handle handle{order.endpoint};
  if (Leg* leg = legs_.find(handle)) {
    const Instant now = io::now();
    if (leg->audio != nullptr && leg->audio->sender != nullptr) say_goodbye(*leg, now);
    fill_counters(*leg, event.counters);
    close_leg(handle, *leg, now);
  } else {
    event.code = static_cast<std::uint16_t>(Code::kHandleStale);
    count(Counter::kOrdersRefused);
  }
  CHECK(push_event(event, EventKind::kEndpointClosed));
}

void MediaThread::say_goodbye(Leg& leg, Instant now) noexcept {
  const Bytes report = leg.endpoint.write_goodbye(report_context(now), prng_, scratch_);
  if (report.empty() || !send_rtcp(leg, report)) return;
  leg.endpoint.on_report_sent();
  count(Counter::kRtcpGenerated);
}

void MediaThread::close_leg(Handle handle, Leg& leg, Instant now) noexcept {
  kernel_streams_.release(now, handle);
  ports_[leg.address_index].give_back(leg.even_port, now);
  if (leg.audio != nullptr) {
    (void)leg.audio->taps.pass_time(now);
    plays_.close(leg.audio->player.get());
  }
  conferences_.leave(leg);
  audio_legs_.remove(handle.slot());
  // Links that lead here end by themselves: their handle is stale from now on.
  legs_.release(handle);
  const std::array<double, 1 + contract::kCounterCount> nothing = {};
  write_stats_slot(region_.endpoint_slot(index_, handle.slot()), nothing);
}

void fill_counters(const Leg& leg, std::span<double> into) noexcept {
  CHECK(into.size() == contract::kCounterCount);
  const pipeline::EndpointCounters counters = leg.endpoint.counters();
  const auto set = [&](contract::Counter counter, auto value) {
    into[static_cast<std::size_t>(counter)] = static_cast<double>(value);
  };
  set(contract::Counter::kPacketsReceived, counters.packets_received);
  set(contract::Counter::kOctetsReceived, counters.octets_received);
  set(contract::Counter::kPacketsSent, counters.packets_sent);
  set(contract::Counter::kOctetsSent, counters.octets_sent);
  set(contract::Counter::kPacketsLost, counters.packets_lost);
  set(contract::Counter::kJitterMs, counters.jitter_ms);
  set(contract::Counter::kPacketsRefused, counters.packets_refused);
  set(contract::Counter::kPacketsDropped, counters.packets_dropped);
  set(contract::Counter::kRtcpReceived, counters.rtcp_received);
  set(contract::Counter::kRtcpSent, counters.rtcp_sent);
  set(contract::Counter::kRoundTripMs, counters.round_trip_ms);
  set(contract::Counter::kSrtpRefused, counters.srtp_refused);
  if (leg.audio == nullptr) return;
  const AudioCounters audio = leg.audio->counters(leg.endpoint.round_trip());
  set(contract::Counter::kPacketsLate, audio.packets_late);
  set(contract::Counter::kPacketsDuplicate, audio.packets_duplicate);
  set(contract::Counter::kPlayoutDelayMs, audio.playout_delay_ms);
  set(contract::Counter::kPlayedMs, audio.played_ms);
  set(contract::Counter::kConcealedMs, audio.concealed_ms);
  set(contract::Counter::kRatingFactor, audio.rating_factor);
  set(contract::Counter::kMosListening, audio.mos_listening);
  set(contract::Counter::kMosConversational, audio.mos_conversational);
  set(contract::Counter::kDigitsReceived, leg.audio->digits.noticed());
}

}  // namespace trunkyard::engine
