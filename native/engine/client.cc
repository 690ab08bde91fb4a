#include "engine/client.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/slab.h"
#include "base/time.h"
#include "engine/contract.gen.h"
#include "io/clock.h"
#include "io/process.h"

namespace trunkyard::engine {

namespace {

/// Closing what a dead client left open takes a media thread about 10 us a socket.
constexpr Duration kAttachWaitMax = Duration::seconds(10);
constexpr std::uint32_t kAttachLookMs = 20;
/// The helper needs no clock: it sleeps until somebody has something to say.
constexpr std::uint32_t kSleepMs = 60'000;

std::uint32_t read_u32(const std::uint8_t* at) noexcept {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::attach(const ClientConfig& config, ClientAlarm& alarm) {
  if (!region_name_valid(config.region)) return Error{ErrorCode::kConfigInvalid};
  Result<io::SharedMemory> opened =
      io::SharedMemory::open(shared_memory_name(config.region).c_str(), sizeof(RegionHeader));
  if (!opened) return Error{opened.error()};
  auto memory = std::make_shared<io::SharedMemory>(std::move(*opened));
  const Result<Region> region = Region::attach(memory->bytes());
  if (!region) return Error{region.error()};
  if (!memory->try_lock()) return Error{ErrorCode::kRegionExists};
  std::unique_ptr<Client> client(new Client(config, std::move(memory), *region, alarm));
  const Result<void> joined = client->join();
  if (!joined) {
    client->close();
    return Error{joined.error()};
  }
  return client;
}

Result<void> Client::join() {
  // The listener first: once a sender has found the host alive, the kernel reports its end.
  Result<io::WakeListener> listener =
      io::WakeListener::open(event_pipe_path(config_.run_dir, config_.region).c_str());
  if (!listener) return Error{listener.error()};
  listener_ = std::move(*listener);
  Result<io::WakeInterrupt> interrupt = io::WakeInterrupt::create();
  if (!interrupt) return Error{interrupt.error()};
  interrupt_ = std::move(*interrupt);

  std::vector<io::WakeSender> senders;
  for (std::uint32_t thread = 0; thread < region_.shape().threads; ++thread) {
    Result<io::WakeSender> sender =
        io::WakeSender::open(order_pipe_path(config_.run_dir, config_.region, thread).c_str());
    if (!sender) return Error{sender.error()};
    senders.push_back(std::move(*sender));
  }
  if (const Result<void> ready = await_host(senders); !ready) return ready;
  for (std::uint32_t thread = 0; thread < region_.shape().threads; ++thread) {
    const Result<RingMemory> orders = region_.order_ring(thread);
    const Result<RingMemory> events = region_.event_ring(thread);
    if (!orders || !events) return Error{ErrorCode::kRegionInvalid};
    lanes_.push_back({SpscProducer(*orders), SpscConsumer(*events), std::move(senders[thread])});
  }
  if (!arm_all()) return Error{ErrorCode::kRegionInvalid};  // new rings are empty
  helper_ = std::thread([this] { sleep_and_alarm(); });
  return {};
}

Result<void> Client::await_host(std::vector<io::WakeSender>& senders) noexcept {
  RegionHeader& header = region_.header();
  // 0 is what no client ever has.
  epoch_ = header.client_epoch.load(std::memory_order_acquire) + 1;
  if (epoch_ == 0) epoch_ = 1;
  header.client_epoch.store(epoch_, std::memory_order_seq_cst);
  for (io::WakeSender& sender : senders)
    sender.wake();
  const Instant give_up_at = io::now() + kAttachWaitMax;
  for (std::uint32_t thread = 0; thread < senders.size();) {
    if (header.epoch_ready[thread].load(std::memory_order_acquire) == epoch_) {
      ++thread;
      continue;
    }
    const auto outcome = listener_.wait(kAttachLookMs, interrupt_);
    if (outcome == io::WakeListener::Outcome::kSenderGone || io::now() >= give_up_at) {
      return Error{ErrorCode::kRegionInvalid};
    }
  }
  return {};
}

Client::~Client() {
  close();
}

void Client::close() noexcept {
  closing_.store(true, std::memory_order_release);
  if (helper_.joinable()) {
    interrupt_.interrupt();
    helper_.join();
  }
  if (host_gone_.exchange(false, std::memory_order_acq_rel)) {
    remove_names(config_.run_dir, config_.region, region_.shape().threads);
  }
  memory_->unlock();
}

void Client::sleep_and_alarm() noexcept {
  io::name_thread("engine-events");
  for (;;) {
    switch (listener_.wait(kSleepMs, interrupt_)) {
      case io::WakeListener::Outcome::kWoken:
        alarm_->on_events();
        break;
      case io::WakeListener::Outcome::kTimedOut:
        break;
      case io::WakeListener::Outcome::kInterrupted:
        if (closing_.load(std::memory_order_acquire)) return;
        alarm_->on_host_lost();  // a damaged ring; see declare_lost
        return;
      case io::WakeListener::Outcome::kSenderGone:
        lost_.store(true, std::memory_order_release);
        host_gone_.store(true, std::memory_order_release);
        alarm_->on_host_lost();
        return;
    }
  }
}

void Client::declare_lost() noexcept {
  // A region whose numbers can't be right has no engine behind it that could be trusted with a
  // call.
  if (lost_.exchange(true, std::memory_order_acq_rel)) return;
  interrupt_.interrupt();
}

std::uint32_t Client::lane_of(const std::uint8_t* record) const noexcept {
  std::uint16_t kind;
  std::memcpy(&kind, record + offsetof(contract::OrderHeader, kind), sizeof kind);
  const auto lanes = static_cast<std::uint32_t>(lanes_.size());
  if (kind == static_cast<std::uint16_t>(contract::OrderKind::kOpenEndpoint)) {
    return read_u32(record + offsetof(contract::OpenEndpointOrder, affinity)) % lanes;
  }
  if (kind == static_cast<std::uint16_t>(contract::OrderKind::kOpenConference)) {
    return read_u32(record + offsetof(contract::OpenConferenceOrder, affinity)) % lanes;
  }
  const Handle handle{read_u32(record + offsetof(contract::OrderHeader, endpoint))};
  // A handle of a thread that doesn't exist is stale like any other; thread 0 says so.
  return handle.thread() < lanes ? handle.thread() : 0;
}

std::size_t Client::submit(Bytes records) noexcept {
  if (closing_.load(std::memory_order_acquire) || lost_.load(std::memory_order_acquire) ||
      records.size() % contract::kOrderRecordBytes != 0) {
    return 0;
  }
  const std::size_t count = records.size() / contract::kOrderRecordBytes;
  std::array<std::uint32_t, kMediaThreadsMax> wanted = {};
  for (std::size_t index = 0; index < count; ++index) {
    ++wanted[lane_of(records.data() + index * contract::kOrderRecordBytes)];
  }
  // We alone write these rings, so room that is there now is there below.
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (wanted[lane] == 0) continue;
    const std::uint32_t room = lanes_[lane].orders.free_count();
    if (lanes_[lane].orders.damaged()) declare_lost();
    if (room < wanted[lane]) return 0;
  }
  for (std::size_t index = 0; index < count; ++index) {
    std::array<std::uint8_t, contract::kOrderRecordBytes> record;
    std::memcpy(record.data(), records.data() + index * record.size(), record.size());
    std::memcpy(record.data() + offsetof(contract::OrderHeader, epoch), &epoch_, sizeof epoch_);
    CHECK(lanes_[lane_of(record.data())].orders.try_push(record) == 1);
  }
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (wanted[lane] > 0 && lanes_[lane].orders.take_wake()) lanes_[lane].wake.wake();
  }
  return count;
}

bool Client::arm_all() noexcept {
  bool armed = true;
  for (Lane& lane : lanes_)
    armed = lane.events.arm() && armed;
  return armed;
}

std::size_t Client::drain(MutableBytes into) noexcept {
  if (closing_.load(std::memory_order_acquire)) return 0;
  std::size_t used = 0;
  do {
    for (std::size_t step = 0; step < lanes_.size(); ++step) {
      SpscConsumer& events = lanes_[drain_next_].events;
      used += std::size_t{events.try_pop(into.subspan(used))} * contract::kEventRecordBytes;
      if (events.damaged()) declare_lost();
      drain_next_ = static_cast<std::uint32_t>((drain_next_ + 1) % lanes_.size());
      // Full: the next call goes on with the next thread, so that a busy one can't starve the
      // others.
      if (into.size() - used < contract::kEventRecordBytes) break;
    }
  } while (used == 0 && into.size() >= contract::kEventRecordBytes &&
           !lost_.load(std::memory_order_acquire) && !arm_all());
  return used;
}

}  // namespace trunkyard::engine
