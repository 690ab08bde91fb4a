#include "native/kernel/net_lab.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

#include "kernel/fast_path.h"

namespace test {

namespace {

using trunkyard::SocketAddress;
using trunkyard::io::BindProblem;
using trunkyard::io::File;
using trunkyard::io::UdpSocket;

/// Room for a receiver that is not asked for a while.
constexpr std::uint32_t kReceiveBytes = 4 * 1024 * 1024;

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

bool enter_namespace(const File& file) {
  return file.open() && ::setns(file.descriptor(), CLONE_NEWNET) == 0;
}

}  // namespace

std::string fast_path_missing() {
  const auto obstacle = trunkyard::kernel::FastPath::probe();
  return obstacle ? describe(*obstacle) : std::string();
}

std::optional<NetLab> NetLab::make(std::string& problem) {
  NetLab lab;
  lab.home_ = File(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  const std::string prefix = "trunkyard-test-" + std::to_string(::getpid());
  lab.names_ = {prefix + "-caller", prefix + "-relay", prefix + "-callee"};
  if (!lab.home_.open() || !lab.build()) {
    problem = "no network namespaces with veth here (needs root and iproute2)";
    return std::nullopt;
  }
  return lab;
}

bool NetLab::build() {
  for (const std::string& name : names_) {
    if (!run("ip netns add " + name)) return false;
  }
  const auto join = [&](const std::string& side, const std::string& party,
                        const std::string& network) {
    const std::string& relay = names_[1];
    const std::string at_relay = "ip -n " + relay;
    const std::string at_party = "ip -n " + party;
    return run(at_relay + " link add " + side + " type veth peer name wire netns " + party) &&
           run(at_relay + " addr add " + network + ".1/24 dev " + side) &&
           run(at_party + " addr add " + network + ".2/24 dev wire") &&
           run(at_relay + " link set " + side + " up") && run(at_party + " link set wire up") &&
           run(at_party + " link set lo up");
  };
  return run("ip -n " + names_[1] + " link set lo up") && join("left", names_[0], "10.77.1") &&
         join("right", names_[2], "10.77.2");
}

NetLab::~NetLab() {
  if (!home_.open()) return;
  for (const std::string& name : names_)
    (void)run("ip netns del " + name);
}

bool NetLab::enter(Place place) const {
  const std::string path = "/run/netns/" + names_[static_cast<std::size_t>(place)];
  return enter_namespace(File(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

void NetLab::leave() const {
  if (!enter_namespace(home_)) std::abort();
}

UdpSocket NetLab::bind(Place place, const SocketAddress& local) const {
  if (!enter(place)) return UdpSocket();
  BindProblem problem = BindProblem::kNone;
  auto socket = UdpSocket::bind(local, kReceiveBytes, problem);
  leave();
  return socket ? std::move(*socket) : UdpSocket();
}

bool NetLab::ip(Place place, const std::string& arguments) const {
  return run("ip -n " + names_[static_cast<std::size_t>(place)] + " " + arguments);
}

}  // namespace test
