// How long to wait between two RTCP reports. RFC 3550 §6.2, §6.3.1, reduced to what a leg of a call
// is: a session of two members. Membership never grows, so timer reconsideration (§6.3.3) and the
// sharing of bandwidth between senders and receivers have nothing to do here; what remains is the
// bandwidth rule, the minimum, and the random spread that keeps the legs of a node from reporting
// in step.
#pragma once

#include <cstdint>

#include "base/prng.h"
#include "base/time.h"

namespace trunkyard::rtp {

/// Tmin of §6.3.1.
inline constexpr Duration kReportIntervalMin = Duration::seconds(5);

struct ReportIntervalInput {
  /// Nothing sent yet: half the minimum, so that a short call gets a report too (§6.2).
  bool initial = false;
  /// Recent compound packets with UDP and IP headers, smoothed; bytes.
  std::uint32_t average_packet_bytes = 0;
  /// Share of the session's bandwidth for RTCP, bytes per second; 5 % by §6.2. 0 = unknown, then
  /// the minimum alone rules.
  std::uint32_t rtcp_bytes_per_second = 0;
};

/// @returns the time to the next report: spread evenly over 0.5 to 1.5 times the calculated
/// interval,
///          then divided by e - 3/2 as §6.3.1 says.
[[nodiscard]] Duration report_interval(const ReportIntervalInput& input, Prng& prng) noexcept;

/// The running average of §6.3.3: one sixteenth of the newest.
[[nodiscard]] constexpr std::uint32_t average_packet_bytes(std::uint32_t average_so_far,
                                                           std::uint32_t newest) noexcept {
  return average_so_far == 0
             ? newest
             : static_cast<std::uint32_t>((std::uint64_t{average_so_far} * 15 + newest) / 16);
}

}  // namespace trunkyard::rtp
