// What the control plane is told of key presses: each once, in order, as long as it takes.
#include "engine/digit_reports.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using engine::DigitReports;
using Kind = codec::EventEdge::Kind;

pipeline::Digit edge(Kind kind, std::uint8_t event, std::uint32_t timestamp, bool in_band = false) {
  return {.edge = {.kind = kind,
                   .event = event,
                   .timestamp = static_cast<rtp::RtpTimestamp>(timestamp),
                   .duration_units = 1'600},
          .clock_rate_hz = 16'000,
          .in_band = in_band};
}

TEST("a press is told when it ends, with its source and length") {
  DigitReports reports;
  reports.add(edge(Kind::kStart, 5, 100));
  CHECK_FALSE(reports.any());
  reports.add(edge(Kind::kEnd, 5, 100));
  REQUIRE(reports.any());
  CHECK_EQ(reports.first().digit, 5);
  CHECK_EQ(reports.first().duration_ms, 100u);
  CHECK_TRUE(reports.first().source == engine::contract::DigitSource::kEvent);
  reports.pop_first();
  reports.add(edge(Kind::kEnd, 5, 100, true));
  CHECK_TRUE(reports.first().source == engine::contract::DigitSource::kTone);
}

TEST("the same press noticed twice is told once, the same key pressed twice is told twice") {
  DigitReports reports;
  for (const std::uint32_t timestamp : {100u, 100u, 900u, 900u, 100u})
    reports.add(edge(Kind::kEnd, 7, timestamp));
  CHECK_EQ(reports.noticed(), 2u);
}

TEST("a hook flash is no digit") {
  DigitReports reports;
  reports.add(edge(Kind::kEnd, 16, 100));
  CHECK_FALSE(reports.any());
}

TEST("when more wait than there is room for, the oldest goes and all are counted") {
  DigitReports reports;
  for (std::uint32_t count = 0; count < kDigitReportsMax + 3; ++count)
    reports.add(edge(Kind::kEnd, static_cast<std::uint8_t>(count % 10), 10 * count));
  CHECK_EQ(reports.noticed(), kDigitReportsMax + 3);
  std::uint32_t told = 0;
  CHECK_EQ(reports.first().digit, 3);
  for (; reports.any(); reports.pop_first())
    ++told;
  CHECK_EQ(told, kDigitReportsMax);
}

}  // namespace
