#include "engine/conference_lines.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "base/spsc.h"

namespace trunkyard::engine {

using contract::Code;

namespace {

constexpr std::size_t kHeadBytes = offsetof(PartWord, sum);
static_assert(kHeadBytes % 8 == 0);
static_assert(kConferenceSpansMax < 0xffff);
static_assert(kMixPartsMax <= 0xff);

/// What a span's word counts users in; the rest of it, as far as an entry has room, is its use.
constexpr std::uint32_t kUsersEnd = 0x1'0000;
constexpr std::uint32_t kUseMax = 0xffff;
static_assert(kMixPartsMax + kMediaThreadsMax < kUsersEnd, "parts, and who is about to come");

/// Of a word's bytes, those that are copied.
std::size_t bytes_of(std::uint32_t samples) noexcept {
  return kHeadBytes + std::size_t{samples} * sizeof(std::int32_t);
}

}  // namespace

ConferenceLines::Entered ConferenceLines::Entered::unpack(std::uint64_t packed) noexcept {
  return {.generation = static_cast<std::uint32_t>(packed & 0xffff),
          .rate_khz = static_cast<std::uint32_t>(packed >> 16 & 0xff),
          .span_after = static_cast<std::uint32_t>(packed >> 24 & 0xffff),
          .use = static_cast<std::uint32_t>(packed >> 40 & kUseMax),
          .line = static_cast<std::uint32_t>(packed >> 56 & 0xff)};
}

std::uint64_t ConferenceLines::Entered::pack() const noexcept {
  return std::uint64_t{generation} | std::uint64_t{rate_khz} << 16 |
         std::uint64_t{span_after} << 24 | std::uint64_t{use} << 40 | std::uint64_t{line} << 56;
}

ConferenceLines::ConferenceLines(std::uint32_t threads, std::uint32_t conferences,
                                 std::uint32_t spans)
    : threads_(threads),
      conferences_(conferences),
      spans_count_(spans),
      table_(std::make_unique<std::atomic<std::uint64_t>[]>(std::size_t{threads} * conferences)),
      spans_(std::make_unique<Span[]>(spans)),
      // Not initialised, so that pages nobody needs are never touched: what hasn't been said, by
      // the count of its line, isn't read.
      words_(std::make_unique_for_overwrite<Entry[]>(std::size_t{spans} * kMixPartsMax * kWords)) {
  CHECK(spans <= kConferenceSpansMax);
}

std::atomic<std::uint64_t>* ConferenceLines::entry_of(Handle part) noexcept {
  if (part.thread() >= threads_ || part.slot() >= conferences_) return nullptr;
  return &table_[std::size_t{part.thread()} * conferences_ + part.slot()];
}

void ConferenceLines::open(Handle part, std::uint32_t rate_hz) noexcept {
  const Entered entered{.generation = part.generation(), .rate_khz = rate_hz / 1'000};
  entry_of(part)->store(entered.pack(), std::memory_order_release);
}

Code ConferenceLines::join(Handle part, Handle of, std::uint32_t rate_hz) noexcept {
  Entered entered;
  if (const Code code = find_span(of, rate_hz / 1'000, entered); code != Code::kOk) return code;
  if (!take_line(entered)) {
    leave_span(entered);
    return Code::kConferenceFull;
  }
  entered.generation = part.generation();
  entry_of(part)->store(entered.pack(), std::memory_order_release);
  return Code::kOk;
}

/// Of a conference, with one more user.
Code ConferenceLines::find_span(Handle of, std::uint32_t rate_khz, Entered& found) noexcept {
  std::atomic<std::uint64_t>* entry = entry_of(of);
  if (entry == nullptr) return Code::kHandleStale;
  // Goes round again only when the other conference was closed, got a span or gave it up meanwhile.
  for (;;) {
    std::uint64_t packed = entry->load(std::memory_order_acquire);
    found = Entered::unpack(packed);
    if (found.generation == 0 || found.generation != of.generation()) return Code::kHandleStale;
    if (found.rate_khz != rate_khz) return Code::kOrderInvalid;
    if (found.span_after == 0) {
      if (!take_span(found)) return Code::kMemoryFull;
      if (entry->compare_exchange_strong(packed, found.pack(), std::memory_order_acq_rel)) {
        return Code::kOk;
      }
      leave_span(found);
      leave_span(found);
    } else if (share_span(found)) {
      // Between the two looks it may have closed.
      if (entry->load(std::memory_order_acquire) == packed) return Code::kOk;
      leave_span(found);
    } else {
      // Its last part has given it up and is about to say so, if it isn't closed: nobody waits.
      (void)entry->compare_exchange_strong(packed, found.alone().pack(), std::memory_order_acq_rel);
    }
  }
}

void ConferenceLines::close(Handle part) noexcept {
  const Entered entered = Entered::unpack(entry_of(part)->exchange(0, std::memory_order_acq_rel));
  if (entered.span_after == 0) return;
  span_of(entered).lines.fetch_and(~(1u << entered.line), std::memory_order_acq_rel);
  leave_span(entered);
}

bool ConferenceLines::take_span(Entered& entered) noexcept {
  for (std::uint32_t span = 0; span < spans_count_; ++span) {
    std::uint32_t use = spans_[span].use.load(std::memory_order_relaxed);
    if (use % kUsersEnd != 0) continue;
    const std::uint32_t number = (use / kUsersEnd + 1) & kUseMax;
    if (!spans_[span].use.compare_exchange_strong(use, number * kUsersEnd + 2,
                                                  std::memory_order_acq_rel)) {
      continue;
    }
    spans_[span].lines.store(1, std::memory_order_release);
    entered.span_after = span + 1;
    entered.use = number;
    entered.line = 0;
    return true;
  }
  return false;
}

bool ConferenceLines::share_span(const Entered& entered) noexcept {
  std::atomic<std::uint32_t>& shared = span_of(entered).use;
  std::uint32_t use = shared.load(std::memory_order_acquire);
  while (use / kUsersEnd == entered.use && use % kUsersEnd > 0) {
    if (shared.compare_exchange_weak(use, use + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

bool ConferenceLines::give_up_span(const Entered& entered) noexcept {
  std::uint32_t only = entered.use * kUsersEnd + 1;
  return span_of(entered).use.compare_exchange_strong(only, only - 1, std::memory_order_acq_rel);
}

void ConferenceLines::leave_span(const Entered& entered) noexcept {
  span_of(entered).use.fetch_sub(1, std::memory_order_acq_rel);
}

bool ConferenceLines::take_line(Entered& entered) noexcept {
  std::atomic<std::uint32_t>& taken = span_of(entered).lines;
  std::uint32_t lines = taken.load(std::memory_order_acquire);
  for (;;) {
    entered.line = static_cast<std::uint32_t>(std::countr_one(lines));
    if (entered.line >= kMixPartsMax) return false;
    if (taken.compare_exchange_weak(lines, lines | 1u << entered.line, std::memory_order_acq_rel)) {
      return true;
    }
  }
}

bool ConferenceLines::find(Handle part, PartPlace& place) noexcept {
  std::atomic<std::uint64_t>& entry = *entry_of(part);
  std::uint64_t packed = entry.load(std::memory_order_acquire);
  const Entered entered = Entered::unpack(packed);
  if (entered.span_after == 0) return false;
  if (lines(static_cast<std::uint16_t>(entered.span_after - 1)) == 1u << entered.line) {
    // If it has changed meanwhile, someone has noticed and said so for us.
    if (give_up_span(entered)) {
      (void)entry.compare_exchange_strong(packed, entered.alone().pack(),
                                          std::memory_order_acq_rel);
    }
    return false;
  }
  place = {static_cast<std::uint16_t>(entered.span_after - 1),
           static_cast<std::uint8_t>(entered.line)};
  return true;
}

std::uint32_t ConferenceLines::lines(std::uint16_t span) const noexcept {
  return spans_[span].lines.load(std::memory_order_acquire);
}

std::uint64_t ConferenceLines::said(const PartPlace& place) const noexcept {
  return spans_[place.span].counts[place.line].said.load(std::memory_order_acquire);
}

ConferenceLines::Entry& ConferenceLines::word_at(const PartPlace& place,
                                                 std::uint64_t number) const noexcept {
  return words_[(std::size_t{place.span} * kMixPartsMax + place.line) * kWords + number % kWords];
}

void ConferenceLines::say(const PartPlace& place, const PartWord& word) noexcept {
  std::atomic<std::uint64_t>& said = spans_[place.span].counts[place.line].said;
  const std::uint64_t number = said.load(std::memory_order_relaxed);
  Entry& entry = word_at(place, number);
  std::atomic_ref<std::uint64_t> mark(entry.number);
  mark.store(2 * number + 1, std::memory_order_relaxed);
  detail::store_words(entry.bytes.data(), reinterpret_cast<const std::uint8_t*>(&word),
                      bytes_of(word.samples));
  mark.store(2 * number + 2, std::memory_order_release);
  said.store(number + 1, std::memory_order_release);
}

bool ConferenceLines::read(const PartPlace& place, std::uint64_t number,
                           PartWord& word) const noexcept {
  Entry& entry = word_at(place, number);
  std::atomic_ref<std::uint64_t> mark(entry.number);
  if (mark.load(std::memory_order_acquire) != 2 * number + 2) return false;
  auto* const into = reinterpret_cast<std::uint8_t*>(&word);
  detail::load_words(into, entry.bytes.data(), kHeadBytes);
  // Torn, it may say anything.
  word.samples = std::min<std::uint32_t>(word.samples, kPcmRateHzMax / 100);
  word.presses_count = std::min(word.presses_count, kPartPressesMax);
  const std::size_t bytes = bytes_of(word.samples) / 8 * 8;
  detail::load_words(into + kHeadBytes, entry.bytes.data() + kHeadBytes, bytes - kHeadBytes);
  return mark.load(std::memory_order_relaxed) == 2 * number + 2;
}

}  // namespace trunkyard::engine
