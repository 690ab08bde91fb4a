// A running engine for tests: host and client in this process, as they are in two, and UDP peers on
// a loopback address of this test program's own, so that nothing else on the machine gets in the
// way.
#pragma once

#include <unistd.h>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/slab.h"
#include "engine/client.h"
#include "engine/contract.gen.h"
#include "engine/host.h"
#include "io/poller.h"
#include "io/udp_socket.h"
#include "native/rtp/build.h"

namespace test {

using namespace trunkyard;
using namespace trunkyard::engine;

/// 127.x.y.z by process id.
inline SocketAddress own_loopback(std::uint16_t port = 0) {
  const auto id = static_cast<std::uint32_t>(::getpid());
  return SocketAddress::v4(127, static_cast<std::uint8_t>(64 + id % 60),
                           static_cast<std::uint8_t>(id / 60 % 250), 1, port);
}

/// Asks again until it is so, for ten seconds at most. @returns whether it was.
template <typename Condition>
bool eventually(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class CountingAlarm : public ClientAlarm {
 public:
  void on_events() noexcept override { events.fetch_add(1); }
  void on_host_lost() noexcept override { lost.fetch_add(1); }
  std::atomic<int> events = 0;
  std::atomic<int> lost = 0;
};

/// One event, read as whichever kind it is.
struct AnyEvent {
  alignas(8) std::array<std::uint8_t, contract::kEventRecordBytes> bytes = {};

  template <typename Event>
  [[nodiscard]] Event as() const {
    Event event;
    std::memcpy(static_cast<void*>(&event), bytes.data(), sizeof event);
    return event;
  }
  [[nodiscard]] contract::EventHeader header() const { return as<contract::EventHeader>(); }
  [[nodiscard]] contract::EventKind kind() const {
    return static_cast<contract::EventKind>(header().kind);
  }
  [[nodiscard]] contract::Code code() const { return static_cast<contract::Code>(header().code); }
};

/// A party's socket.
class Peer {
 public:
  explicit Peer(std::uint16_t port = 0) {
    io::BindProblem problem = io::BindProblem::kNone;
    socket_ = io::UdpSocket::bind(own_loopback(port), 1 << 20, problem).value();
    CHECK(poller_.add(socket_.descriptor(), 1).ok());
  }
  [[nodiscard]] SocketAddress address() const { return socket_.local(); }
  void send(std::uint16_t port, const Buffer& packet) {
    (void)socket_.send_to(packet, own_loopback(port));
  }
  /// The next datagram; empty when none came in time.
  [[nodiscard]] Buffer receive(std::uint32_t timeout_ms = 5000) {
    for (;;) {
      if (poller_.wait(timeout_ms).empty()) return {};
      const io::Received received = socket_.receive(buffer_);
      // An ICMP error of something sent before; look again.
      if (received.status != io::IoStatus::kDone) continue;
      return Buffer(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(received.bytes));
    }
  }
  /// Whether nothing is there now; ask after something later has provably passed.
  [[nodiscard]] bool quiet() {
    return socket_.receive(buffer_).status == io::IoStatus::kWouldBlock;
  }

 private:
  io::UdpSocket socket_;
  io::Poller poller_ = std::move(io::Poller::create(4)).value();
  std::array<std::uint8_t, 4096> buffer_;
};

struct RigOptions {
  std::uint32_t threads = 1;
  std::uint32_t endpoints_max = 16;
  io::PortRange ports = {20000, 20199};
  Duration port_rest = Duration::milliseconds(0);
  std::uint32_t order_ring_records = 64;
  std::uint32_t event_ring_records = 64;
  bool kernel_path = false;
  std::string media_folder = {};
};

struct Opened {
  contract::Code code = contract::Code::kOk;
  std::uint32_t handle = 0;
  std::uint16_t rtp_port = 0;
  std::uint16_t rtcp_port = 0;
};

struct Update {
  SocketAddress rtp;
  SocketAddress rtcp;
  bool mux = false;
  bool latch = false;
  std::uint32_t inactivity_ms = 0;
};

class Rig {
 public:
  explicit Rig(const RigOptions& options = {}) : config_(config_of(options, folder_)) {
    std::string problem;
    auto host = Host::start(config_, problem);
    if (!host) std::fprintf(stderr, "host: %s\n", problem.c_str());
    host_ = std::move(host).value();
    attach();
  }
  ~Rig() {
    client_.reset();
    host_.reset();
    ::rmdir(folder_.c_str());
  }
  Rig(const Rig&) = delete;

  void attach() {
    client_ = std::move(Client::attach({config_.region, config_.run_dir}, alarm)).value();
    events_.clear();
  }
  [[nodiscard]] Client& client() { return *client_; }
  void drop_client() { client_.reset(); }
  [[nodiscard]] Host& host() { return *host_; }
  [[nodiscard]] const HostConfig& config() const { return config_; }

  template <typename Order>
  bool submit(contract::OrderKind kind, Order order) {
    order.kind = static_cast<std::uint16_t>(kind);
    order.order = ++last_order_;
    return client_->submit(Bytes{reinterpret_cast<const std::uint8_t*>(&order), sizeof order}) == 1;
  }
  /// Takes events until one fits; those of others are kept for later questions.
  template <typename Fits>
  [[nodiscard]] std::optional<AnyEvent> await(Fits&& fits) {
    std::optional<AnyEvent> found;
    (void)eventually([&] {
      std::array<AnyEvent, 32> batch;
      const std::size_t bytes = client_->drain(MutableBytes{batch[0].bytes.data(), sizeof batch});
      for (std::size_t index = 0; index < bytes / contract::kEventRecordBytes; ++index) {
        events_.push_back(batch[index]);
      }
      for (auto it = events_.begin(); it != events_.end(); ++it) {
        if (!fits(*it)) continue;
        found = *it;
        events_.erase(it);
        return true;
      }
      return false;
    });
    return found;
  }
  /// The answer to the last order.
  [[nodiscard]] AnyEvent answer() {
    const std::uint32_t order = last_order_;
    const auto event = await([&](const AnyEvent& it) { return it.header().order == order; });
    CHECK(event.has_value());
    return *event;
  }
  [[nodiscard]] bool hears(contract::EventKind kind, std::uint32_t handle,
                           AnyEvent* out = nullptr) {
    const auto event = await(
        [&](const AnyEvent& it) { return it.kind() == kind && it.header().endpoint == handle; });
    if (event && out != nullptr) *out = *event;
    return event.has_value();
  }

  Opened open(std::uint32_t affinity = 0) {
    contract::OpenEndpointOrder order;
    order.affinity = affinity;
    CHECK(submit(contract::OrderKind::kOpenEndpoint, order));
    const AnyEvent event = answer();
    const auto opened = event.as<contract::EndpointOpenedEvent>();
    return {event.code(), opened.endpoint, opened.rtp_port, opened.rtcp_port};
  }
  contract::Code update(std::uint32_t handle, const Update& update) {
    contract::UpdateEndpointOrder order;
    order.endpoint = handle;
    order.remote_rtp = record_of(update.rtp);
    order.remote_rtcp = record_of(update.rtcp);
    order.rtcp_mux = update.mux ? 1 : 0;
    order.source_rule = update.latch ? 1 : 0;
    order.inactivity_ms = update.inactivity_ms;
    order.clock_rate_count = 1;
    order.clock_rates[0] = 8000;
    CHECK(submit(contract::OrderKind::kUpdateEndpoint, order));
    return answer().code();
  }
  contract::Code link(std::uint32_t from, std::uint32_t to,
                      std::vector<std::pair<int, int>> pairs = {{0, 0}}) {
    contract::OpenLinkOrder order;
    order.endpoint = from;
    order.to = to;
    std::memset(order.payload_map, contract::kPayloadTypeDropped, sizeof order.payload_map);
    for (const auto& [source, target] : pairs) {
      order.payload_map[source] = static_cast<std::uint8_t>(target);
    }
    CHECK(submit(contract::OrderKind::kOpenLink, order));
    return answer().code();
  }
  contract::Code unlink(std::uint32_t from) {
    contract::CloseLinkOrder order;
    order.endpoint = from;
    CHECK(submit(contract::OrderKind::kCloseLink, order));
    return answer().code();
  }
  AnyEvent close(std::uint32_t handle) {
    contract::CloseEndpointOrder order;
    order.endpoint = handle;
    CHECK(submit(contract::OrderKind::kCloseEndpoint, order));
    return answer();
  }
  /// As counted when the endpoint closes: exact, and it ends the endpoint.
  [[nodiscard]] double closing_count(std::uint32_t handle, contract::Counter counter) {
    return close(handle).as<contract::EndpointClosedEvent>().counters[static_cast<int>(counter)];
  }
  /// As published last, about once a second.
  [[nodiscard]] double endpoint(std::uint32_t handle, contract::Counter counter) const {
    std::array<double, 1 + contract::kCounterCount> values = {};
    const Handle known{handle};
    (void)read_stats_slot(client_->region().endpoint_slot(known.thread(), known.slot()), values);
    return values[1 + static_cast<std::size_t>(counter)];
  }
  [[nodiscard]] double node(contract::NodeCounter counter) {
    double sum = 0;
    for (std::uint32_t thread = 0; thread < config_.threads; ++thread) {
      std::array<double, contract::kNodeCounterCount> values = {};
      (void)read_stats_slot(client_->region().node_slot(thread), values);
      sum += values[static_cast<std::size_t>(counter)];
    }
    return sum;
  }

  [[nodiscard]] static contract::AddressRecord record_of(const SocketAddress& address) {
    contract::AddressRecord record;
    record.family = address.family;
    record.port = address.port;
    std::memcpy(record.bytes, address.bytes.data(), sizeof record.bytes);
    return record;
  }

  CountingAlarm alarm;

 private:
  [[nodiscard]] static HostConfig config_of(const RigOptions& options, std::string& folder) {
    CHECK(::mkdtemp(folder.data()) != nullptr);
    static std::atomic<int> count = 0;
    HostConfig config;
    config.region = "trunkyard-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    config.run_dir = folder;
    config.threads = options.threads;
    config.endpoints_max = options.endpoints_max;
    config.addresses = {{own_loopback(), options.ports}};
    config.port_rest = options.port_rest;
    config.order_ring_records = options.order_ring_records;
    config.event_ring_records = options.event_ring_records;
    config.kernel_path = options.kernel_path;
    config.media_folder = options.media_folder;
    return config;
  }

  std::string folder_ = "/tmp/trunkyard-rig-XXXXXX";
  HostConfig config_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<Client> client_;
  std::vector<AnyEvent> events_;
  std::uint32_t last_order_ = 0;
};

}  // namespace test
