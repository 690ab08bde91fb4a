#include "pipeline/source_guard.h"

#include <utility>

namespace trunkyard::pipeline {

void SourceGuard::reset(SourceRule rule, const SocketAddress& signalled, rtp::Ssrc last_ssrc,
                        std::uint16_t last_sequence) noexcept {
  const SocketAddress last = peer_.known() ? peer_ : met_;
  SocketAddress goes_on;
  if (signalled == signalled_) {
    goes_on = last;
    if (peer_ == left_) left_ = {};
  } else if (left_.known() && !last.known() && signalled == left_signalled_) {
    goes_on = std::exchange(left_, {});
  } else if (last.known()) {
    left_ = last;
    left_signalled_ = signalled_;
  }
  rule_ = rule;
  met_ = goes_on;
  signalled_ = signalled;
  peer_ = rule == SourceRule::kStrict ? signalled : SocketAddress{};
  candidates_.fill({});
  oldest_ = 0;
  if (rule == SourceRule::kLatch && goes_on.known()) {
    candidates_[0] = {goes_on, last_ssrc, last_sequence, kLatchRun - 1};
    oldest_ = 1;
  }
}

SourceGuard::Verdict SourceGuard::judge(const SocketAddress& source, rtp::Ssrc ssrc,
                                        std::uint16_t sequence) noexcept {
  if (!possible(source)) return Verdict::kRefused;
  if (peer_.known()) return Verdict::kAccepted;
  for (Candidate& candidate : candidates_) {
    if (candidate.run == 0 || candidate.source != source) continue;
    const std::int32_t step = rtp::sequence_distance(candidate.sequence, sequence);
    const bool follows = candidate.ssrc == ssrc && step > 0 && step <= kLatchStepMax;
    candidate.run = follows ? candidate.run + 1 : 1;
    candidate.ssrc = ssrc;
    candidate.sequence = sequence;
    if (candidate.run < (source == left_ ? kLatchRunLeft : kLatchRun)) return Verdict::kRefused;
    peer_ = source;
    return Verdict::kLatched;
  }
  candidates_[oldest_] = {source, ssrc, sequence, 1};
  oldest_ = static_cast<std::uint8_t>((oldest_ + 1) % kLatchCandidates);
  return Verdict::kRefused;
}

}  // namespace trunkyard::pipeline
