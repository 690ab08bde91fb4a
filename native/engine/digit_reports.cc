#include "engine/digit_reports.h"

namespace trunkyard::engine {

void DigitReports::add(const pipeline::Digit& digit) noexcept {
  const codec::EventEdge& edge = digit.edge;
  if (edge.kind != codec::EventEdge::Kind::kEnd || edge.event > codec::kDtmfEventMax) return;
  if (!digit.in_band && seen(edge.timestamp)) return;
  ++noticed_;
  const std::uint64_t ms = std::uint64_t{edge.duration_units} * 1'000 / digit.clock_rate_hz;
  waiting_.add(
      {.digit = edge.event,
       .source = digit.in_band ? contract::DigitSource::kTone : contract::DigitSource::kEvent,
       .duration_ms = static_cast<std::uint32_t>(ms)});
}

bool DigitReports::seen(rtp::RtpTimestamp at) noexcept {
  for (const Press& press : known_) {
    if (press.any && press.at == at) return true;
  }
  known_[known_next_] = {.any = true, .at = at};
  known_next_ = static_cast<std::uint32_t>((known_next_ + 1) % kPressesKnown);
  return false;
}

}  // namespace trunkyard::engine
