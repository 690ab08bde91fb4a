// The target of the playout delay; see playout_delay.h.
#include "jitter/playout_delay.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace trunkyard::jitter {
namespace {

/// What the fastest of one block may differ from those of the last without it being drift: 1,000
/// ppm at 20 ms a packet. Crystals are ten times better; a sender that isn't paced by one may be
/// worse.
constexpr MediaTime kResidueMin = kMediaPerMs;
/// 15 % of a packet of 20 ms: faster, nobody's clock drifts.
constexpr MediaTime kDriftPerPacketMax = 144;
/// Drift that isn't seen any more is forgotten by so much a block.
constexpr std::int64_t kDriftLeak = 32;
/// A packet is beyond reach when it is so much slower than the fastest, or by as much as the policy
/// may wait, if that is more.
constexpr MediaTime kReachMin = 100 * kMediaPerMs;
/// It must have come there at once: drift takes one beyond reach too, but step by small step.
constexpr MediaTime kStepMin = 50 * kMediaPerMs;
/// A greater change from one packet to the next is a pause or another path: jitter it is not, and
/// the figure would be of no use for a second.
constexpr MediaTime kJitterChangeMax = media_of(kDelayMax);

std::int64_t bin_of(MediaTime offset) noexcept {
  const std::int64_t quotient = offset / kMediaPerMs;
  return offset % kMediaPerMs < 0 ? quotient - 1 : quotient;
}

/// How much sooner than an offset beyond which a share of packets lies a tick may be so that it is
/// no worse than the next one. With a tail that falls to 1/e over `fall`, the share is worth `fall`
/// of waiting where it was chosen: a tick `early` before loses as much as fall x e^(early / fall)
/// is worth, the next one costs a tick more and loses e^(-tick / fall) of that; here both are
/// equal.
MediaTime early_by(MediaTime fall, MediaTime tick) noexcept {
  if (fall <= 0) return tick / 2;
  const double ticks = static_cast<double>(tick) / static_cast<double>(fall);
  const double early = std::log(ticks / -std::expm1(-ticks)) / ticks;
  return static_cast<MediaTime>(early * static_cast<double>(tick));
}

}  // namespace

PlayoutDelay::PlayoutDelay(const DelayPolicy& policy) noexcept : histogram_({}) {
  set_policy(policy);
}

void PlayoutDelay::set_policy(const DelayPolicy& policy) noexcept {
  CHECK(policy.delay_min >= Duration::zero());
  CHECK(policy.delay_max >= policy.delay_min);
  CHECK(policy.delay_max <= kDelayMax);
  const bool was_known = known();
  histogram_ =
      DelayHistogram({.memory_packets = policy.memory_packets, .beyond_ppm = policy.late_ppm});
  delay_min_ = media_of(policy.delay_min);
  delay_max_ = media_of(policy.delay_max);
  // With a share p beyond the quantile, a run of 4/p packets within it has the chance of e^-4.
  within_run_max_ = policy.late_ppm == 0 ? 0xffff'ffffu : 4'000'000 / policy.late_ppm;
  within_run_ = 0;
  if (!was_known) return;
  // The fastest packets are still known, and so is the jitter, which stands in for the rest.
  histogram_.add(bin_of(fastest_));
  packets_ = 1;
  aim();
}

void PlayoutDelay::add(MediaTime offset) noexcept {
  const MediaTime change = packets_ > 0 ? offset - offset_last_ : 0;
  if (packets_ > 0) {
    const MediaTime distance = std::min(change < 0 ? -change : change, kJitterChangeMax);
    // A.8 in integers, scaled by 16 with rounding.
    jitter_scaled_ += distance;
    jitter_scaled_ -= (jitter_scaled_ - distance + 8) >> kJitterShift;
  }
  offset_last_ = offset;
  if (packets_ < kSteadyPackets) ++packets_;

  shift_scaled_ += drift_scaled_;
  const MediaTime relative = offset - shift();
  if (is_step(relative, change)) forget_path();
  add_to_block(relative);
  add_to_histogram(relative);
}

void PlayoutDelay::add_copy(MediaTime offset) noexcept {
  if (known()) add_to_histogram(offset - shift());
}

void PlayoutDelay::add_to_histogram(MediaTime relative) noexcept {
  const std::int64_t bin = bin_of(relative);
  const bool within = !known() || bin <= histogram_.quantile();
  histogram_.add(bin);
  within_run_ = within ? within_run_ + 1 : 0;
  if (within_run_ > within_run_max_) forget_sooner();
  aim();
}

void PlayoutDelay::add_to_block(MediaTime relative) noexcept {
  MediaTime& block = block_fastest_[0];
  block = block_packets_ == 0 ? relative : std::min(block, relative);
  block_slowest_ = block_packets_ == 0 ? relative : std::max(block_slowest_, relative);
  fastest_ = block_packets_ + blocks_ == 0 ? relative : std::min(fastest_, relative);
  if (++block_packets_ == kBlockPackets) end_block();
}

void PlayoutDelay::end_block() noexcept {
  follow_drift(blocks_ > 0 ? block_fastest_[0] - block_fastest_[1] : 0);
  if (blocks_ > 0) forget_longer_path();
  fall_ = histogram_.fall() * kMediaPerMs;
  early_tick_ = 0;
  block_slowest_last_ = block_slowest_;
  blocks_ = std::min<std::uint32_t>(blocks_ + 1, kBlocks - 1);
  std::copy_backward(block_fastest_.begin(), block_fastest_.end() - 1, block_fastest_.end());
  block_packets_ = 0;
  fastest_ = *std::min_element(block_fastest_.begin() + 1, block_fastest_.begin() + 1 + blocks_);
}

/// Two blocks in a row that moved the same way are a drift, as far as both of them moved; a single
/// one is a new route or chance.
void PlayoutDelay::follow_drift(MediaTime residue) noexcept {
  const MediaTime either =
      residue > 0 ? std::min(residue, residue_last_) : std::max(residue, residue_last_);
  residue_last_ = residue;
  const bool is_drift = residue > 0 ? either > kResidueMin : either < -kResidueMin;
  if (is_drift) {
    constexpr std::int64_t kMost = kDriftPerPacketMax << kDriftShift;
    drift_scaled_ += either * (1 << kDriftShift) / kBlockPackets;
    drift_scaled_ = std::clamp(drift_scaled_, -kMost, kMost);
  } else {
    drift_scaled_ -= drift_scaled_ / kDriftLeak;
  }
}

/// The slowest packet of two blocks in a row is faster than most that are remembered: by chance
/// that is never so, on whatever path. What is remembered is another path's, and the target would
/// stay with it until that was forgotten, a minute with a long memory.
void PlayoutDelay::forget_longer_path() noexcept {
  const MediaTime slowest = std::max(block_slowest_, block_slowest_last_);
  if (!histogram_.is_mostly_beyond(bin_of(slowest))) return;
  histogram_.clear();
  histogram_.add(bin_of(std::min(block_fastest_[0], block_fastest_[1])));
  histogram_.add(bin_of(slowest));
  within_run_ = 0;
}

/// Whether all packets take so much longer now that waiting for the old path's would be in vain: a
/// detour, or a sender whose clock stood still while it paused. When a network lets go what it kept
/// back, packets are as slow at first, but each is faster than the one before.
bool PlayoutDelay::is_step(MediaTime relative, MediaTime change) noexcept {
  const bool was_beyond = is_beyond_;
  is_beyond_ = known() && relative > fastest_ + std::max(delay_max_, kReachMin) &&
               (was_beyond || change > kStepMin);
  if (!is_beyond_) return false;
  if (!was_beyond || relative < beyond_fastest_) {
    beyond_fastest_ = relative;
    beyond_packets_ = 0;
    return false;
  }
  return ++beyond_packets_ >= kStepPackets;
}

/// Longer without a late packet than chance allows: the path has become better than the histogram
/// remembers. Halving the past again and again lets the target follow in seconds instead of the
/// minute that the memory alone would take.
void PlayoutDelay::forget_sooner() noexcept {
  histogram_.fade();
  within_run_ -= within_run_max_ / 4;
}

void PlayoutDelay::aim() noexcept {
  const MediaTime least = fastest_ + delay_min_;
  const MediaTime most = fastest_ + delay_max_;
  // The end of the bin: whoever plays at its beginning misses the packets inside.
  wanted_ = (histogram_.quantile() + 1) * kMediaPerMs;
  if (packets_ < kYoungPackets) {
    const MediaTime guess = fastest_ + kYoungJitters * jitter();
    if (wanted_ < guess) wanted_ = guess;
  }
  target_ = std::clamp(wanted_, least, most);
}

MediaTime PlayoutDelay::soonest(MediaTime tick) noexcept {
  if (!known()) return 0;
  if (early_tick_ != tick) {
    early_tick_ = tick;
    early_ = early_by(fall_, tick);
  }
  const MediaTime half = tick / 2;
  const MediaTime least = fastest_ + delay_min_ - half;
  const MediaTime most = fastest_ + delay_max_ - half;
  return std::clamp(wanted_ - early_, least, most) + shift();
}

/// Of the sender's clock what is known stays known.
void PlayoutDelay::forget_path() noexcept {
  histogram_.clear();
  fastest_ = 0;
  wanted_ = 0;
  target_ = 0;
  fall_ = 0;
  early_tick_ = 0;
  blocks_ = 0;
  block_packets_ = 0;
  residue_last_ = 0;
  is_beyond_ = false;
  packets_ = 1;
  within_run_ = 0;
}

void PlayoutDelay::restart() noexcept {
  forget_path();
  drift_scaled_ = 0;
  shift_scaled_ = 0;
  packets_ = 0;
}

}  // namespace trunkyard::jitter
