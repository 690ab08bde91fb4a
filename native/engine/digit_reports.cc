#include "engine/digit_reports.h"

#include "base/check.h"

namespace trunkyard::engine {

void DigitReports::add(const pipeline::Digit& digit) noexcept {
  const codec::EventEdge& edge = digit.edge;
  if (edge.kind != codec::EventEdge::Kind::kEnd || edge.event > codec::kDtmfEventMax) return;
  // A press is named by the time it began (RFC 4733 §2.2.2).
  if (!digit.in_band && seen(edge.timestamp)) return;
  ++noticed_;
  if (count_ == kDigitReportsMax) {
    // So many wait only when the control plane is away; what it missed first is the least use.
    pop_first();
  }
  const std::uint64_t ms = std::uint64_t{edge.duration_units} * 1'000 / digit.clock_rate_hz;
  waiting_[(first_ + count_) % kDigitReportsMax] = {
      .digit = edge.event,
      .source = digit.in_band ? contract::DigitSource::kTone : contract::DigitSource::kEvent,
      .duration_ms = static_cast<std::uint32_t>(ms)};
  ++count_;
}

bool DigitReports::seen(rtp::RtpTimestamp at) noexcept {
  for (const Press& press : known_) {
    if (press.any && press.at == at) return true;
  }
  known_[known_next_] = {.any = true, .at = at};
  known_next_ = static_cast<std::uint32_t>((known_next_ + 1) % kPressesKnown);
  return false;
}

const DigitReport& DigitReports::first() const noexcept {
  CHECK(count_ > 0);
  return waiting_[first_];
}

void DigitReports::pop_first() noexcept {
  CHECK(count_ > 0);
  first_ = (first_ + 1) % kDigitReportsMax;
  --count_;
}

}  // namespace trunkyard::engine
