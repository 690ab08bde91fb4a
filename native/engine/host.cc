#include "engine/host.h"

#include <array>
#include <utility>

#include "io/clock.h"
#include "io/poller.h"
#include "io/process.h"
#include "io/udp_socket.h"
#include "io/wake.h"

namespace trunkyard::engine {

namespace {

/// Ready sockets taken from the kernel at once.
constexpr std::uint32_t kPollBatchMax = 512;
constexpr std::size_t kAddressesMax = 256;

/// RFC 7022 §4.2: a short-term name of 96 random bits, so that it tells nobody who we are.
std::string random_cname() {
  static constexpr std::array<char, 17> kHex = {"0123456789abcdef"};
  std::string name;
  for (std::uint64_t bits = io::random_seed(); name.size() < 24;) {
    name.push_back(kHex[bits & 15]);
    bits = name.size() == 12 ? io::random_seed() : bits >> 4;
  }
  return name;
}

Result<RegionShape> shape_of(const HostConfig& config, std::string& problem) {
  if (!region_name_valid(config.region)) {
    problem = "region: 1 to 64 letters, digits, '-', '_' or '.'";
    return Error{ErrorCode::kConfigInvalid};
  }
  if (config.threads == 0 || config.threads > kMediaThreadsMax) {
    problem = "threads: " + std::to_string(config.threads) + " is not in 1.." +
              std::to_string(kMediaThreadsMax);
    return Error{ErrorCode::kConfigInvalid};
  }
  const RegionShape shape{config.threads,
                          (config.endpoints_max + config.threads - 1) / config.threads,
                          config.order_ring_records, config.event_ring_records};
  if (!Region::shape_valid(shape)) {
    problem = "endpointsMax " + std::to_string(config.endpoints_max) + " (at most " +
              std::to_string(kSlotsPerThreadMax) + " a thread), orderRingRecords " +
              std::to_string(config.order_ring_records) + " or eventRingRecords " +
              std::to_string(config.event_ring_records) +
              " (powers of two from 16) is out of range";
    return Error{ErrorCode::kConfigInvalid};
  }
  if (config.conference_participants_max < 2 ||
      config.conference_participants_max > kMixParticipantsMax) {
    problem = "conferenceParticipantsMax: " + std::to_string(config.conference_participants_max) +
              " is not in 2.." + std::to_string(kMixParticipantsMax);
    return Error{ErrorCode::kConfigInvalid};
  }
  return shape;
}

Result<void> check_addresses(const HostConfig& config, std::string& problem) {
  if (config.addresses.empty() || config.addresses.size() > kAddressesMax) {
    problem = "addresses: " + std::to_string(config.addresses.size()) + " is not in 1..256";
    return Error{ErrorCode::kConfigInvalid};
  }
  for (std::size_t index = 0; index < config.addresses.size(); ++index) {
    const MediaAddress& address = config.addresses[index];
    if (io::port_pairs(address.ports) < config.threads) {
      problem = "addresses[" + std::to_string(index) + "]: ports " +
                std::to_string(address.ports.min) + "-" + std::to_string(address.ports.max) +
                " hold fewer than one even/odd pair for each thread";
      return Error{ErrorCode::kConfigInvalid};
    }
    io::BindProblem bind_problem = io::BindProblem::kNone;
    // Any free port will do: the question is whether the address is this machine's.
    const auto probe = io::UdpSocket::bind(address.bind.with_port(0), 4096, bind_problem);
    if (!probe) {
      problem = "addresses[" + std::to_string(index) + "]: can't bind this address here";
      return Error{ErrorCode::kAddressInvalid};
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Host>> Host::start(const HostConfig& config, std::string& problem) {
  const Result<RegionShape> shape = shape_of(config, problem);
  if (!shape) return Error{shape.error()};
  if (const Result<void> checked = check_addresses(config, problem); !checked) {
    return Error{checked.error()};
  }
  const std::string name = shared_memory_name(config.region);
  Result<io::SharedMemory> memory =
      io::SharedMemory::create(name.c_str(), Region::bytes_needed(*shape));
  if (!memory) {
    problem = memory.error() == ErrorCode::kRegionExists
                  ? "region " + config.region + " exists already"
                  : "no shared memory for " + std::to_string(Region::bytes_needed(*shape)) +
                        " bytes (/dev/shm)";
    return Error{memory.error()};
  }
  const Result<Region> region = Region::create(memory->bytes(), *shape, io::process_id());
  CHECK(region.ok());
  std::unique_ptr<Host> host(new Host(config, std::move(*memory), *region));
  if (config.kernel_path) host->open_kernel_path(config);
  if (const Result<void> started = host->start_threads(config, problem); !started) {
    host->close();
    return Error{started.error()};
  }
  return host;
}

void Host::open_kernel_path(const HostConfig& config) {
  std::vector<SocketAddress> addresses;
  for (const MediaAddress& address : config.addresses)
    addresses.push_back(address.bind);
  auto opened = KernelPath::open({.addresses = addresses,
                                  .threads = region_.shape().threads,
                                  .streams_per_thread = region_.shape().slots_per_thread},
                                 kernel_path_obstacle_);
  if (opened) kernel_path_ = std::move(*opened);
}

Result<void> Host::start_threads(const HostConfig& config, std::string& problem) {
  Result<std::unique_ptr<FilesThread>> files = FilesThread::start(
      {.folder = config.media_folder, .threads = config.threads, .isa = config.isa});
  if (!files) {
    problem = "mediaFolder: can't open " + config.media_folder;
    return Error{ErrorCode::kConfigInvalid};
  }
  files_ = std::move(*files);
  problem = "can't make pipes in " + config.run_dir;
  Result<io::WakeSender> events =
      io::WakeSender::create(event_pipe_path(run_dir_, region_name_).c_str());
  if (!events) return Error{events.error()};
  MediaThreadConfig thread_config;
  thread_config.addresses = config.addresses;
  thread_config.port_rest = config.port_rest;
  thread_config.cname = random_cname();
  thread_config.isa = config.isa;
  thread_config.kernel_path = kernel_path_.get();
  thread_config.files = files_.get();
  thread_config.conference_participants_max = config.conference_participants_max;
  // On a single thread no conference has two parts.
  conference_lines_ = std::make_unique<ConferenceLines>(
      config.threads, conferences_max(region_.shape().slots_per_thread),
      config.threads > 1 ? kConferenceSpansMax : 0);
  thread_config.conference_lines = conference_lines_.get();
  for (std::uint32_t index = 0; index < config.threads; ++index) {
    Result<io::Poller> poller = io::Poller::create(kPollBatchMax);
    Result<io::WakeListener> orders =
        io::WakeListener::create(order_pipe_path(run_dir_, region_name_, index).c_str());
    Result<io::WakeSender> own_events =
        index + 1 < config.threads ? events->duplicate() : std::move(events);
    if (!poller || !orders || !own_events) return Error{ErrorCode::kSystemCallFailed};
    thread_config.index = index;
    thread_config.seed = io::random_seed();
    threads_.push_back(std::make_unique<MediaThread>(thread_config, region_, std::move(*poller),
                                                     std::move(*orders), std::move(*own_events)));
    if (const Result<void> started = threads_.back()->start(); !started) return started;
  }
  problem.clear();
  return {};
}

Host::~Host() {
  close();
}

void Host::close() noexcept {
  if (closed_) return;
  closed_ = true;
  // The threads hold the pipes; with the last of them the client's end hangs up.
  for (const auto& thread : threads_)
    thread->stop();
  threads_.clear();
  kernel_path_.reset();
  files_.reset();
  remove_names(run_dir_, region_name_, region_.shape().threads);
}

}  // namespace trunkyard::engine
