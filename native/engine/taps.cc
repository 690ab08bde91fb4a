#include "engine/taps.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace trunkyard::engine {

bool Taps::full() const noexcept {
  return std::find(taps_.begin(), taps_.end(), nullptr) == taps_.end();
}

bool Taps::empty() const noexcept {
  return std::all_of(taps_.begin(), taps_.end(), [](const auto& tap) { return tap == nullptr; });
}

void Taps::add(std::unique_ptr<Tap> tap) noexcept {
  const auto place = std::find(taps_.begin(), taps_.end(), nullptr);
  CHECK(place != taps_.end());
  *place = std::move(tap);
}

Tap* Taps::find(std::uint32_t recording) noexcept {
  for (const std::unique_ptr<Tap>& tap : taps_) {
    if (tap != nullptr && tap->recording() == recording) return tap.get();
  }
  return nullptr;
}

bool Taps::end(std::uint32_t recording, contract::RecordingEnd why) noexcept {
  for (std::unique_ptr<Tap>& tap : taps_) {
    if (tap == nullptr || tap->recording() != recording) continue;
    tap->end(why);
    tap.reset();
    return true;
  }
  return false;
}

bool Taps::wants_sent() const noexcept {
  return std::any_of(taps_.begin(), taps_.end(),
                     [](const auto& tap) { return tap != nullptr && tap->wants_sent(); });
}

bool Taps::take(pipeline::Side side, Instant nominal, std::uint32_t rate_hz,
                codec::Pcm piece) noexcept {
  for (const std::unique_ptr<Tap>& tap : taps_) {
    if (tap == nullptr) continue;
    if (side == pipeline::Side::kReceived || tap->wants_sent())
      tap->take(side, nominal, rate_hz, piece);
  }
  return drop_over();
}

bool Taps::pass_time(Instant now) noexcept {
  for (const std::unique_ptr<Tap>& tap : taps_) {
    if (tap != nullptr) tap->pass_time(now);
  }
  return drop_over();
}

void Taps::note_unheard() noexcept {
  for (const std::unique_ptr<Tap>& tap : taps_) {
    if (tap != nullptr) tap->note_unheard();
  }
}

void Taps::note_quiet(std::uint64_t quiet_ms) noexcept {
  for (const std::unique_ptr<Tap>& tap : taps_) {
    if (tap != nullptr) tap->note_quiet(quiet_ms);
  }
}

/// @returns whether there was one.
bool Taps::drop_over() noexcept {
  bool ended = false;
  for (std::unique_ptr<Tap>& tap : taps_) {
    if (tap == nullptr || !tap->over()) continue;
    tap.reset();
    ended = true;
  }
  return ended;
}

}  // namespace trunkyard::engine
