// The shared region: who may join, what a dead or strange neighbour can do, what is left behind.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "native/engine/rig.h"
#include "native/harness.h"

using namespace test;
using contract::Code;
using contract::EventKind;
using contract::NodeCounter;

namespace {

ErrorCode attach_code(const HostConfig& config, CountingAlarm& alarm) {
  return Client::attach({config.region, config.run_dir}, alarm).code();
}

/// Another process. Forked while this one has no threads, because a sanitizer can't follow a fork
/// of several; so it is told what to do by pipe.
class Child {
 public:
  /// @param body gets the text from `tell`, does its work and says whether it went well; the
  /// process
  ///             then waits to be killed.
  template <typename Body>
  explicit Child(Body&& body) {
    int down[2];
    int up[2];
    CHECK(::pipe(down) == 0 && ::pipe(up) == 0);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::close(down[1]);
      std::string told;
      for (char letter = 0; ::read(down[0], &letter, 1) == 1 && letter != 0;)
        told += letter;
      // What the body makes must live until the kill, so it is waited for inside.
      body(told, [&](bool good) {
        const char byte = good ? 1 : 0;
        if (::write(up[1], &byte, 1) != 1) std::abort();
        for (;;)
          ::pause();
      });
      std::abort();
    }
    ::close(down[0]);
    ::close(up[1]);
    to_child_ = down[1];
    from_child_ = up[0];
  }
  ~Child() {
    kill();
    ::close(to_child_);
    ::close(from_child_);
  }
  Child(const Child&) = delete;

  /// Sends the text and waits until the child has done its work.
  [[nodiscard]] bool tell(const std::string& text) {
    char byte = 0;
    return ::write(to_child_, text.c_str(), text.size() + 1) ==
               static_cast<ssize_t>(text.size() + 1) &&
           ::read(from_child_, &byte, 1) == 1 && byte == 1;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  int to_child_ = -1;
  int from_child_ = -1;
};

/// What another process would do to the first word of the rings, a ring's magic; so ThreadSanitizer
/// must not look.
__attribute__((no_sanitize("thread"))) void overwrite(std::uint8_t* rings,
                                                      const std::atomic<bool>& enough) {
  while (!enough.load())
    *reinterpret_cast<volatile std::uint64_t*>(rings) = 0xdead;
}

bool exists(const std::string& path) {
  struct stat facts;
  return ::stat(path.c_str(), &facts) == 0;
}

}  // namespace

TEST("a region of another magic, contract, shape or size is refused") {
  const RegionShape shape{2, 8, 16, 16};
  std::vector<std::uint8_t> storage(Region::bytes_needed(shape) + 4096);
  const std::size_t skip = 4096 - reinterpret_cast<std::uintptr_t>(storage.data()) % 4096;
  const MutableBytes memory = MutableBytes(storage).subspan(skip, Region::bytes_needed(shape));
  CHECK_EQ(Region::attach(memory).code(), ErrorCode::kRegionInvalid);
  auto made = Region::create(memory, shape, 1);
  REQUIRE(made.ok());
  CHECK_TRUE(Region::attach(memory).ok());
  CHECK_EQ(Region::attach(memory.first(memory.size() - 1)).code(), ErrorCode::kRegionInvalid);
  CHECK_EQ(Region::attach(memory.first(100)).code(), ErrorCode::kRegionInvalid);

  RegionHeader& header = made->header();
  header.contract_hash ^= 1;
  CHECK_EQ(Region::attach(memory).code(), ErrorCode::kRegionInvalid);
  header.contract_hash ^= 1;
  for (const RegionShape bad :
       {RegionShape{0, 8, 16, 16}, RegionShape{65, 8, 16, 16}, RegionShape{2, 0, 16, 16},
        RegionShape{2, 16385, 16, 16}, RegionShape{2, 8, 17, 16}, RegionShape{2, 8, 16, 1u << 30},
        RegionShape{64, 16384, 1u << 20, 1u << 20}}) {
    header.shape = bad;
    CHECK_EQ(Region::attach(memory).code(), ErrorCode::kRegionInvalid);
  }
  header.shape = shape;
  header.bytes += 1;
  CHECK_EQ(Region::attach(memory).code(), ErrorCode::kRegionInvalid);
}

TEST("region names that could leave their folder are refused") {
  for (const char* name : {"", ".", "..", "../x", "a/b", "a b", ".hidden"}) {
    CHECK_FALSE(region_name_valid(name));
  }
  CHECK_FALSE(region_name_valid(std::string(65, 'a')));
  CHECK_TRUE(region_name_valid("trunkyard-0123abcd"));
}

TEST("a host refuses a configuration it can't keep, with the value in the message") {
  Rig rig;
  HostConfig config = rig.config();
  config.region += "-other";
  std::string problem;
  config.threads = 0;
  CHECK_EQ(Host::start(config, problem).code(), ErrorCode::kConfigInvalid);
  config.threads = 1;
  config.endpoints_max = 20'000;
  CHECK_EQ(Host::start(config, problem).code(), ErrorCode::kConfigInvalid);
  CHECK_TRUE(problem.find("20000") != std::string::npos);
  config.endpoints_max = 4;
  config.addresses[0].ports = {20001, 20002};
  CHECK_EQ(Host::start(config, problem).code(), ErrorCode::kConfigInvalid);
  CHECK_TRUE(problem.find("20001-20002") != std::string::npos);
  config.addresses[0] = {SocketAddress::v4(192, 0, 2, 1, 0), {20000, 20099}};
  CHECK_EQ(Host::start(config, problem).code(), ErrorCode::kAddressInvalid);
  config = rig.config();
  CHECK_EQ(Host::start(config, problem).code(), ErrorCode::kRegionExists);
  config.region += "-other";
  config.run_dir = "/nonexistent";
  CHECK_EQ(Host::start(config, problem).code(), ErrorCode::kSystemCallFailed);
  CHECK_FALSE(exists("/dev/shm/" + config.region));
}

TEST("only one client holds a region; the next one finds all endpoints closed") {
  Rig rig({.threads = 2});
  CountingAlarm alarm;
  CHECK_EQ(attach_code(rig.config(), alarm), ErrorCode::kRegionExists);
  const Opened first = rig.open(0);
  const Opened second = rig.open(1);
  CHECK_TRUE(first.code == Code::kOk && second.code == Code::kOk);
  rig.drop_client();
  rig.attach();
  CHECK_TRUE(rig.close(first.handle).code() == Code::kHandleStale);
  CHECK_TRUE(rig.close(second.handle).code() == Code::kHandleStale);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kEndpointsOpen) == 0.0; }));
  CHECK_TRUE(rig.open(1).code == Code::kOk);
}

TEST("a client that is killed gives the region free and its endpoints close") {
  Child child([](const std::string& told, auto&& done) {
    const std::size_t space = told.find(' ');
    CountingAlarm alarm;
    auto client = Client::attach({told.substr(0, space), told.substr(space + 1)}, alarm);
    contract::OpenEndpointOrder order;
    order.kind = static_cast<std::uint16_t>(contract::OrderKind::kOpenEndpoint);
    done(client.ok() && (*client)->submit(Bytes{reinterpret_cast<const std::uint8_t*>(&order),
                                                sizeof order}) == 1);
  });
  Rig rig;
  rig.drop_client();
  REQUIRE(child.tell(rig.config().region + " " + rig.config().run_dir));
  CountingAlarm alarm;
  CHECK_EQ(attach_code(rig.config(), alarm), ErrorCode::kRegionExists);
  child.kill();
  rig.attach();
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kEndpointsOpen) == 0.0; }));
  CHECK_TRUE(rig.open().code == Code::kOk);
}

TEST("a client learns once that its host has stopped, and nothing breaks after") {
  Rig rig;
  const Opened leg = rig.open();
  rig.host().close();
  CHECK_TRUE(eventually([&] { return rig.alarm.lost.load() == 1; }));
  contract::CloseEndpointOrder order;
  order.endpoint = leg.handle;
  CHECK_FALSE(rig.submit(contract::OrderKind::kCloseEndpoint, order));
  std::array<std::uint8_t, contract::kEventRecordBytes> into;
  (void)rig.client().drain(into);
  rig.client().close();
  rig.client().close();
  CHECK_EQ(rig.alarm.lost.load(), 1);
  rig.host().close();
}

TEST("a host leaves neither memory nor pipes behind") {
  std::string region;
  std::string run_dir;
  {
    Rig rig({.threads = 2});
    region = rig.config().region;
    run_dir = rig.config().run_dir;
    CHECK_TRUE(exists("/dev/shm/" + region));
    CHECK_TRUE(exists(event_pipe_path(run_dir, region)));
  }
  CHECK_FALSE(exists("/dev/shm/" + region));
  CHECK_FALSE(exists(run_dir));
}

TEST("a client learns of its host's kill and removes the names it left") {
  Child child([](const std::string& told, auto&& done) {
    HostConfig config;
    config.region = "trunkyard-test-killed-" + std::to_string(::getppid());
    config.run_dir = told;
    config.endpoints_max = 4;
    config.addresses = {{own_loopback(), {20000, 20099}}};
    config.order_ring_records = 16;
    config.event_ring_records = 16;
    std::string problem;
    const auto host = Host::start(config, problem);
    done(host.ok());
  });
  std::string folder = "/tmp/trunkyard-killed-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  REQUIRE(child.tell(folder));
  const std::string region = "trunkyard-test-killed-" + std::to_string(::getpid());
  CountingAlarm alarm;
  auto client = Client::attach({region, folder}, alarm);
  REQUIRE(client.ok());
  child.kill();
  CHECK_TRUE(eventually([&] { return alarm.lost.load() == 1; }));
  CHECK_TRUE(exists("/dev/shm/" + region));
  (*client)->close();
  CHECK_FALSE(exists("/dev/shm/" + region));
  CHECK_EQ(::rmdir(folder.c_str()), 0);
}

TEST("a region whose host is dead is refused at once") {
  Rig rig;
  const HostConfig& config = rig.config();
  rig.drop_client();
  // What a killed host leaves: memory and pipes with nobody behind them.
  const std::string stale = config.region + "-stale";
  const Region& alive = rig.host().region();
  auto memory = io::SharedMemory::create(shared_memory_name(stale).c_str(),
                                         Region::bytes_needed(alive.shape()));
  REQUIRE(memory.ok());
  REQUIRE(Region::create(memory->bytes(), alive.shape(), 1).ok());
  CountingAlarm alarm;
  CHECK_TRUE(Client::attach({stale, config.run_dir}, alarm).code() == ErrorCode::kRegionInvalid);
  REQUIRE(::mkfifo(event_pipe_path(config.run_dir, stale).c_str(), 0600) == 0);
  REQUIRE(::mkfifo(order_pipe_path(config.run_dir, stale, 0).c_str(), 0600) == 0);
  CHECK_TRUE(Client::attach({stale, config.run_dir}, alarm).code() == ErrorCode::kRegionInvalid);
  CHECK_TRUE(Client::attach({"no-such-region", config.run_dir}, alarm).code() ==
             ErrorCode::kRegionInvalid);
  CHECK_TRUE(Client::attach({"../x", config.run_dir}, alarm).code() == ErrorCode::kConfigInvalid);
  ::unlink(event_pipe_path(config.run_dir, stale).c_str());
  ::unlink(order_pipe_path(config.run_dir, stale, 0).c_str());
  io::SharedMemory::unlink(shared_memory_name(stale).c_str());
  rig.attach();
}

TEST("a ring that holds nonsense loses the engine, not the process") {
  Rig rig;
  const MutableBytes memory{reinterpret_cast<std::uint8_t*>(&rig.client().region().header()),
                            Region::bytes_needed(rig.client().region().shape())};
  // Both rings' heads and tails: the first ring lies in page 1, its tail 64 bytes in.
  std::memset(memory.data() + 4096 + 64, 0xee, 8);
  std::memset(memory.data() + 4096 + 128, 0x11, 8);
  contract::OpenEndpointOrder order;
  CHECK_FALSE(rig.submit(contract::OrderKind::kOpenEndpoint, order));
  CHECK_TRUE(eventually([&] { return rig.alarm.lost.load() == 1; }));
}

TEST("a host outlives a client that damages a ring and mends it again") {
  Rig rig;
  const RegionShape& shape = rig.client().region().shape();
  auto* const page = reinterpret_cast<std::uint8_t*>(&rig.client().region().header()) + 4096;
  // The ring of events follows that of orders, which ends at a page; its head lies 128 bytes in.
  const std::size_t order_ring =
      (RingMemory::bytes_needed(contract::kOrderRecordBytes, shape.order_ring_records) + 4095) /
      4096 * 4096;
  std::atomic_ref<std::uint64_t> head(*reinterpret_cast<std::uint64_t*>(page + order_ring + 128));
  const std::uint64_t right = head.exchange(0x1111'1111'1111'1111u);
  // A tick looks at the ring; the node's books show when two have passed.
  const double ticks = rig.node(NodeCounter::kTicks);
  REQUIRE(eventually([&] { return rig.node(NodeCounter::kTicks) >= ticks + 3; }));
  head.store(right);
  contract::OpenEndpointOrder order;
  CHECK_TRUE(rig.submit(contract::OrderKind::kOpenEndpoint, order));
  const double later = rig.node(NodeCounter::kTicks);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kTicks) >= later + 3; }));
  // The next client gets new rings, and with them a whole engine.
  rig.drop_client();
  rig.attach();
  CHECK_TRUE(rig.open().code == Code::kOk);
}

TEST("a host outlives a neighbour that writes over its rings while they are made new") {
  Rig rig;
  auto* const page = reinterpret_cast<std::uint8_t*>(&rig.client().region().header()) + 4096;
  std::atomic<bool> enough = false;
  std::thread vandal([&] { overwrite(page, enough); });
  const double ticks = rig.node(NodeCounter::kTicks);
  auto& epoch = rig.client().region().header().client_epoch;
  CHECK_TRUE(eventually([&] {
    epoch.fetch_add(1);
    return rig.node(NodeCounter::kTicks) >= ticks + 10;
  }));
  enough.store(true);
  vandal.join();
  rig.drop_client();
  rig.attach();
  CHECK_TRUE(rig.open().code == Code::kOk);
}
