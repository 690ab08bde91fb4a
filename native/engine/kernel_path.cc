#include "engine/kernel_path.h"

#include <utility>
#include <vector>

#include "kernel/interfaces.h"

namespace trunkyard::engine {

std::string KernelPath::obstacle() {
  const auto found = kernel::FastPath::probe();
  return found ? describe(*found) : std::string();
}

Result<std::unique_ptr<KernelPath>> KernelPath::open(const KernelPathConfig& config,
                                                     std::string& reason) {
  kernel::Obstacle obstacle;
  const auto interfaces = kernel::find_interfaces(config.addresses, obstacle);
  if (!interfaces) {
    reason = describe(obstacle);
    return Error{interfaces.error()};
  }
  if (interfaces->empty() || interfaces->size() > kernel::kInterfacesMax) {
    reason = interfaces->empty() ? "there is no IPv4 media address"
                                 : "the media addresses lie on more than " +
                                       std::to_string(kernel::kInterfacesMax) + " interfaces";
    return Error{ErrorCode::kConfigInvalid};
  }
  std::vector<const char*> names;
  for (const std::string& name : *interfaces)
    names.push_back(name.c_str());
  auto path = kernel::FastPath::open(
      {.interfaces = names, .lanes = config.threads, .streams_per_lane = config.streams_per_thread},
      obstacle);
  if (!path) {
    reason = obstacle.none() ? "its numbers are out of range" : describe(obstacle);
    return Error{path.error()};
  }
  return std::unique_ptr<KernelPath>(new KernelPath(std::move(*path)));
}

}  // namespace trunkyard::engine
