#include "engine/relay_times.h"

#include <algorithm>

namespace trunkyard::engine {

void RelayTimes::handle_sent(Instant now) noexcept {
  timed_ = false;
  const std::int64_t us = (std::max(now - came_, Duration::zero()).ns() + 999) / 1'000;
  const auto& bounds = contract::kRelayTimeBoundsUs;
  const auto* bound = std::lower_bound(bounds.begin(), bounds.end(), us);
  ++values_[static_cast<std::size_t>(bound - bounds.begin())];
  values_.back() += static_cast<std::uint64_t>(us);
}

}  // namespace trunkyard::engine
