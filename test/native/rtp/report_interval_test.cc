// The RTCP interval of a two-party session.
#include "rtp/report_interval.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

/// Draws many intervals and checks that they fill [0.5, 1.5] x calculated / 1.21828 and nothing
/// else.
void check_spread(const ReportIntervalInput& input, double calculated_s) {
  Prng prng(23);
  const double least_s = 0.5 * calculated_s / 1.2182818;
  const double most_s = 1.5 * calculated_s / 1.2182818;
  double lowest_s = 1e9;
  double highest_s = 0;
  for (int draw = 0; draw < 20'000; ++draw) {
    const double interval_s = report_interval(input, prng).ms_exact() / 1'000;
    lowest_s = interval_s < lowest_s ? interval_s : lowest_s;
    highest_s = interval_s > highest_s ? interval_s : highest_s;
  }
  CHECK_TRUE(lowest_s >= least_s * 0.9999 && lowest_s < least_s * 1.01);
  CHECK_TRUE(highest_s <= most_s * 1.0001 && highest_s > most_s * 0.99);
}

TEST("the first report comes after half of five seconds, spread") {
  check_spread({.initial = true}, 2.5);
}

TEST("later ones after five seconds, where bandwidth would allow more") {
  // G.711: 5 % of 80 kbit/s are 500 bytes a second.
  check_spread({.average_packet_bytes = 130, .rtcp_bytes_per_second = 500}, 5.0);
}

TEST("a narrow stream reports less often, for two members") {
  check_spread({.average_packet_bytes = 130, .rtcp_bytes_per_second = 20}, 13.0);
  check_spread({.initial = true, .average_packet_bytes = 130, .rtcp_bytes_per_second = 20}, 13.0);
}

TEST("extreme input yields a positive interval") {
  Prng prng(1);
  const ReportIntervalInput extreme{.average_packet_bytes = 0xffff'ffff,
                                    .rtcp_bytes_per_second = 1};
  CHECK_TRUE(report_interval(extreme, prng) > Duration::zero());
}

TEST("the average starts at the first packet and follows by sixteenths") {
  CHECK_EQ(average_packet_bytes(0, 120), 120u);
  CHECK_EQ(average_packet_bytes(160, 0), 150u);
  CHECK_EQ(average_packet_bytes(0xffff'ffff, 0xffff'ffff), 0xffff'ffffu);
}

}  // namespace
