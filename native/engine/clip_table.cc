#include "engine/clip_table.h"

#include <utility>

#include "base/check.h"
#include "pipeline/player.h"

namespace trunkyard::engine {

namespace {

constexpr std::uint32_t kSlotBits = 12;
constexpr std::uint32_t kGenerationMax = (1u << (32 - kSlotBits)) - 1;
static_assert(kClipsMax == 1u << kSlotBits);
constexpr std::uint64_t kTakable = std::uint64_t{1} << 31;
constexpr std::uint64_t kPlayers = kTakable - 1;

constexpr std::uint32_t generation_of(std::uint64_t state) noexcept {
  return static_cast<std::uint32_t>(state >> 32);
}
constexpr std::uint32_t slot_of(std::uint32_t handle) noexcept {
  return handle & (kClipsMax - 1);
}
/// Whether a state is that of the handle's clip, and it may be taken.
constexpr bool is_takable(std::uint64_t state, std::uint32_t handle) noexcept {
  return generation_of(state) == handle >> kSlotBits && (state & kTakable) != 0;
}

}  // namespace

ClipTable::ClipTable() : slots_(std::make_unique<Slot[]>(kClipsMax)) {
  free_.reserve(kClipsMax);
  retired_.reserve(kClipsMax);
  for (std::uint32_t slot = kClipsMax; slot > 0; --slot)
    free_.push_back(static_cast<std::uint16_t>(slot - 1));
}

Result<std::uint32_t> ClipTable::add(io::MappedFile file, std::uint32_t epoch) {
  if (free_.empty()) return Error{ErrorCode::kBufferFull};
  const Result<spool::ClipView> view = spool::ClipView::open(file.bytes());
  if (!view) return Error{view.error()};
  if (!pipeline::is_playable(*view)) return Error{ErrorCode::kMediaUnsupported};
  if (!view->is_intact()) return Error{ErrorCode::kMediaMalformed};
  const std::uint16_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.content.emplace(Content{std::move(file), *view, epoch});
  const std::uint32_t before = generation_of(slot.state.load(std::memory_order_relaxed));
  const std::uint32_t generation = before == kGenerationMax ? 1 : before + 1;
  slot.state.store(std::uint64_t{generation} << 32 | kTakable, std::memory_order_release);
  return generation << kSlotBits | index;
}

bool ClipTable::retire(std::uint32_t handle) noexcept {
  const std::uint32_t index = slot_of(handle);
  Slot& slot = slots_[index];
  // Only this thread sets and clears what is compared here; others change the count.
  if (!is_takable(slot.state.load(std::memory_order_relaxed), handle)) return false;
  slot.state.fetch_and(~kTakable, std::memory_order_relaxed);
  retired_.push_back(static_cast<std::uint16_t>(index));
  return true;
}

void ClipTable::retire_all() noexcept {
  for (std::uint32_t index = 0; index < kClipsMax; ++index) {
    const std::uint64_t state = slots_[index].state.load(std::memory_order_relaxed);
    if ((state & kTakable) != 0) (void)retire(generation_of(state) << kSlotBits | index);
  }
}

std::size_t ClipTable::sweep() noexcept {
  std::size_t waiting = 0;
  for (const std::uint16_t index : retired_) {
    Slot& slot = slots_[index];
    if ((slot.state.load(std::memory_order_acquire) & kPlayers) != 0) {
      retired_[waiting++] = index;
      continue;
    }
    slot.content.reset();
    // Behind all others, so that a handle stays stale for as long as possible.
    free_.insert(free_.begin(), index);
  }
  retired_.resize(waiting);
  return waiting;
}

const spool::ClipView* ClipTable::take(std::uint32_t handle, std::uint32_t epoch) noexcept {
  Slot& slot = slots_[slot_of(handle)];
  std::uint64_t state = slot.state.load(std::memory_order_acquire);
  do {
    if (!is_takable(state, handle)) return nullptr;
  } while (!slot.state.compare_exchange_weak(state, state + 1, std::memory_order_acquire));
  if (slot.content->epoch == epoch) return &slot.content->view;
  give_back(handle);
  return nullptr;
}

void ClipTable::give_back(std::uint32_t handle) noexcept {
  Slot& slot = slots_[slot_of(handle)];
  const std::uint64_t before = slot.state.fetch_sub(1, std::memory_order_release);
  CHECK((before & kPlayers) > 0);
}

}  // namespace trunkyard::engine
