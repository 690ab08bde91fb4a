// The RTCP interval; see report_interval.h.
#include "rtp/report_interval.h"

namespace trunkyard::rtp {
namespace {

constexpr std::uint32_t kMembers = 2;
/// e - 3/2: what makes up for reconsideration in the RFC's analysis. Kept, so that our mean
/// interval is the one other implementations expect.
constexpr double kCompensation = 2.718281828459045 - 1.5;

}  // namespace

Duration report_interval(const ReportIntervalInput& input, Prng& prng) noexcept {
  const Duration minimum = input.initial ? kReportIntervalMin / 2 : kReportIntervalMin;
  Duration calculated = minimum;
  if (input.rtcp_bytes_per_second > 0) {
    const std::int64_t by_bandwidth_ns = std::int64_t{input.average_packet_bytes} * kMembers *
                                         1'000'000 / input.rtcp_bytes_per_second * 1'000;
    if (by_bandwidth_ns > minimum.ns()) calculated = Duration::nanoseconds(by_bandwidth_ns);
  }
  const double spread = 0.5 + prng.unit();
  return Duration::nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(calculated.ns()) * spread / kCompensation));
}

}  // namespace trunkyard::rtp
