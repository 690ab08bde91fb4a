#include "engine/media_thread.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "io/clock.h"
#include "io/process.h"

namespace trunkyard::engine {

namespace {

SpscConsumer order_ring_of(const Region& region, std::uint32_t index) noexcept {
  return SpscConsumer(region.order_ring(index).value());
}
std::vector<SocketAddress> binds_of(const std::vector<MediaAddress>& addresses) {
  std::vector<SocketAddress> binds;
  for (const MediaAddress& address : addresses)
    binds.push_back(address.bind);
  return binds;
}
SpscProducer event_ring_of(const Region& region, std::uint32_t index) noexcept {
  return SpscProducer(region.event_ring(index).value());
}

}  // namespace

MediaThread::MediaThread(const MediaThreadConfig& config, Region region, io::Poller poller,
                         io::WakeListener orders, io::WakeSender events)
    : index_(config.index),
      addresses_(config.addresses),
      cname_(config.cname),
      isa_(config.isa),
      region_(region),
      poller_(std::move(poller)),
      order_pipe_(std::move(orders)),
      event_pipe_(std::move(events)),
      orders_(order_ring_of(region, config.index)),
      events_(event_ring_of(region, config.index)),
      prng_(config.seed),
      legs_(config.index, region.shape().slots_per_thread),
      audio_legs_(region.shape().slots_per_thread,
                  conferences_max(region.shape().slots_per_thread)),
      files_(config.files->port(config.index)),
      plays_(config.files->clips(), config.isa),
      recordings_(files_),
      conferences_({.thread = config.index,
                    .conferences = conferences_max(region.shape().slots_per_thread),
                    .seats = kSeatsPerSlotMax * region.shape().slots_per_thread +
                             config.conference_participants_max,
                    .participants_max = config.conference_participants_max,
                    .isa = config.isa},
                   legs_, audio_legs_, *config.conference_lines, plays_),
      to_a_law_({.to = codec::Law::kA, .isa = config.isa}),
      to_mu_law_({.to = codec::Law::kMu, .isa = config.isa}),
      kernel_streams_({config.kernel_path, config.index, binds_of(config.addresses)}, legs_,
                      counters_) {
  if (index_ == 0) counter(Counter::kRecordingsRecovered) = config.files->recovered();
  const io::PortShare share{index_, region_.shape().threads};
  ports_.reserve(addresses_.size());
  for (const MediaAddress& address : addresses_) {
    ports_.emplace_back(address.ports, share, config.port_rest, prng_);
  }
}

MediaThread::~MediaThread() {
  stop();
}

Result<void> MediaThread::start() {
  if (const auto added = poller_.add(order_pipe_.descriptor(), tag_of(Source::kOrders, 0));
      !added) {
    return added;
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void MediaThread::stop() noexcept {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  if (Result<io::WakeSender> self = order_pipe_.sender()) self->wake();
  // Without a sender (no descriptor left) the thread sees the flag at its next tick.
  thread_.join();
}

void MediaThread::run() noexcept {
  const std::string name = "media-" + std::to_string(index_);
  io::name_thread(name.c_str());
  next_tick_ = io::now();
  tick(next_tick_);
  while (!stopping_.load(std::memory_order_acquire)) {
    const Instant asked = io::now();
    relay_times_.handle_asked(asked);
    const Duration left = std::min(next_tick_, audio_legs_.next_due()) - asked;
    const bool hurry = orders_waiting_ || left <= Duration::zero();
    // Rounded up: waking a fraction early would only mean sleeping once more.
    const auto timeout_ms = hurry ? 0u : static_cast<std::uint32_t>(left.ms() + 1);
    dispatch_all(poller_.wait(timeout_ms));
    if (orders_waiting_) handle_orders();
    take_audio_turns();
    if (const Instant now = io::now(); now >= next_tick_) tick(now);
    if (events_told_) {
      events_told_ = false;
      if (events_.take_wake()) event_pipe_.wake();
    }
  }
  const Instant now = io::now();
  for (std::uint32_t slot = 0; slot < legs_.capacity(); ++slot) {
    if (Leg* leg = legs_.at_slot(slot)) close_leg(legs_.handle_of(slot), *leg, now);
  }
  publish_node(now);
}

// First all are received, then all are handled and sent: the kernel's long way in and its longer
// way out each run with warm caches instead of pushing the other out at every packet. Measured on
// bare sockets: a tenth of the CPU a packet.
void MediaThread::dispatch_all(std::span<const std::uint64_t> tags) noexcept {
  if (tags.empty()) return;
  if (relay_times_.begin_round()) relay_times_.handle_woken(io::now(), tags.size());
  std::size_t handled = 0;
  while (!tags.empty()) {
    const auto turn = tags.first(std::min<std::size_t>(tags.size(), kArrivalsMax));
    tags = tags.subspan(turn.size());
    std::size_t arrived = 0;
    for (const std::uint64_t tag : turn)
      if (dispatch(tag, arrivals_[arrived])) ++arrived;
    // One reading for the turn, nearer to the arrivals than one before each send would be.
    const Instant now = io::now();
    handle_arrivals(now, std::span(arrivals_).first(arrived), handled);
    handled += arrived;
  }
}

void MediaThread::handle_arrivals(Instant now, std::span<Arrival> arrivals,
                                  std::size_t first) noexcept {
  for (std::size_t index = 0; index < arrivals.size(); ++index) {
    if (!relay_times_.is_timed(first + index)) {
      handle_arrival(now, arrivals[index]);
      continue;
    }
    const std::uint64_t sent = counter(Counter::kPacketsSent);
    handle_arrival(now, arrivals[index]);
    if (counter(Counter::kPacketsSent) != sent) relay_times_.handle_sent(io::now());
  }
}

bool MediaThread::dispatch(std::uint64_t tag, Arrival& into) noexcept {
  const auto source = static_cast<Source>(tag >> 32);
  if (source == Source::kOrders) {
    order_pipe_.clear();
    orders_waiting_ = true;
    return false;
  }
  // A slot may have been closed, or closed and taken again, since this tag was collected. Then the
  // socket of now has nothing to read, and that is all that happens.
  const auto slot = static_cast<std::uint32_t>(tag);
  Leg* leg = legs_.at_slot(slot);
  if (leg == nullptr) return false;
  if (source == Source::kRtcp) {
    receive_rtcp_port(slot, *leg);
    return false;
  }
  if (take_from_rtp_port(slot, *leg, into) != io::IoStatus::kDone) return false;
  // The receives that follow take long enough for the other leg's memory to arrive meanwhile.
  legs_.prefetch(leg->endpoint.link_to().slot(), kSendingBytes);
  return true;
}

}  // namespace trunkyard::engine
