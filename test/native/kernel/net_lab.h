// A little network inside this machine for tests of the kernel's fast path: a relay between two
// parties, each in a network namespace of its own, joined by two veth pairs.
//
//   caller  10.77.1.2 ── veth ── 10.77.1.1  relay  10.77.2.1 ── veth ── 10.77.2.2  callee
//            "wire"              "left"            "right"              "wire"
//
// A thread enters a namespace to open sockets there and leaves again; the sockets stay there.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/address.h"
#include "io/file.h"
#include "io/udp_socket.h"

namespace test {

enum class Place { kCaller, kRelay, kCallee };

/// Makes the namespaces, and deletes them when it goes. Needs root and iproute2.
class NetLab {
 public:
  /// @returns nothing, with `problem` set, where the machine has no such thing.
  [[nodiscard]] static std::optional<NetLab> make(std::string& problem);
  NetLab(NetLab&& other) noexcept = default;
  NetLab& operator=(NetLab&&) = delete;
  ~NetLab();

  /// The calling thread's place from now on. False when the kernel refuses.
  [[nodiscard]] bool enter(Place place) const;
  /// Back to where the thread was when the lab was made.
  void leave() const;
  /// A socket that lives in a place; the thread is back at home afterwards.
  [[nodiscard]] trunkyard::io::UdpSocket bind(Place place,
                                              const trunkyard::SocketAddress& local) const;
  /// Runs `ip ARGUMENTS` in a place.
  [[nodiscard]] bool ip(Place place, const std::string& arguments) const;

 private:
  NetLab() = default;
  [[nodiscard]] bool build();

  trunkyard::io::File home_;
  std::array<std::string, 3> names_;
};

/// Why tests of the fast path can't run here; empty when they can.
[[nodiscard]] std::string fast_path_missing();

}  // namespace test
