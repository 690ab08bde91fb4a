#include "engine/load_gauge.h"

namespace trunkyard::engine {

namespace {

constexpr Duration kWindow = Duration::milliseconds(250);
/// Late enough to be heard as jitter. A turn alone may be: the machine has other work too.
constexpr Duration kLate = Duration::milliseconds(5);
/// Shares of the time in percent. From the first on there is too little of it; from the second,
/// when most turns also begin late, because the rest goes into packets. Below the last there is
/// enough for a step back.
constexpr std::int64_t kBusyPercentMax = 80;
constexpr std::int64_t kBusyLatePercentMax = 40;
constexpr std::int64_t kCalmPercentMax = 50;
/// As long as this it has to stay calm before each step back: up in seconds, down at once.
constexpr std::uint32_t kCalmWindows = 8;

}  // namespace

LoadGauge::Change LoadGauge::note_turn(Instant due, Instant began, Instant ended) noexcept {
  if (!begun_) {
    begun_ = true;
    window_at_ = began;
  }
  busy_ = busy_ + (ended - began);
  ++turns_;
  if (began - due > kLate) ++late_turns_;
  const Duration window = ended - window_at_;
  if (window < kWindow) return Change::kNone;
  const Change change = judge(window);
  window_at_ = ended;
  busy_ = Duration::zero();
  turns_ = 0;
  late_turns_ = 0;
  return change;
}

LoadGauge::Change LoadGauge::judge(Duration window) noexcept {
  const std::int64_t busy_percent = 100 * busy_.ns() / window.ns();
  const bool late = 2 * late_turns_ > turns_;
  if (busy_percent > kBusyPercentMax || (late && busy_percent > kBusyLatePercentMax)) {
    calm_windows_ = 0;
    if (relief_ == kReliefMax) return Change::kNone;
    ++relief_;
    return Change::kLower;
  }
  calm_windows_ = late || busy_percent > kCalmPercentMax ? 0 : calm_windows_ + 1;
  if (relief_ == 0 || calm_windows_ < kCalmWindows) return Change::kNone;
  calm_windows_ = 0;
  --relief_;
  return Change::kRaise;
}

}  // namespace trunkyard::engine
