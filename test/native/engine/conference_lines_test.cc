// Where parts of conferences meet: spans and lines taken and given back, words that are read by
// many, written over and never torn.
#include "engine/conference_lines.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using contract::Code;

constexpr std::uint32_t kRateHz = 16'000;

Handle handle_of(std::uint32_t thread, std::uint32_t slot, std::uint32_t generation = 1) {
  return Handle::pack(thread, generation, slot);
}

/// A word whose samples all tell its number.
PartWord word_of(std::int32_t number, std::uint32_t samples = 160) {
  PartWord word;
  word.samples = samples;
  word.sum.fill(number);
  return word;
}

bool is_whole(const PartWord& word) {
  for (std::uint32_t index = 0; index < word.samples; ++index)
    if (word.sum[index] != word.sum[0]) return false;
  return true;
}

}  // namespace

TEST("a conference alone has no span; with its second part both have a line of the same one") {
  ConferenceLines lines(2, 4, 8);
  const Handle first = handle_of(0, 3);
  const Handle second = handle_of(1, 2);
  PartPlace place;
  lines.open(first, kRateHz);
  CHECK_FALSE(lines.find(first, place));
  CHECK_TRUE(lines.join(second, first, kRateHz) == Code::kOk);
  PartPlace other;
  CHECK_TRUE(lines.find(first, place));
  CHECK_TRUE(lines.find(second, other));
  CHECK_EQ(place.span, other.span);
  CHECK_TRUE(place.line != other.line);
  CHECK_EQ(lines.lines(place.span), 0b11u);
  // Any part will do.
  const Handle third = handle_of(0, 1);
  CHECK_TRUE(lines.join(third, second, kRateHz) == Code::kOk);
  CHECK_EQ(lines.lines(place.span), 0b111u);
  lines.close(first);
  CHECK_FALSE(lines.find(first, place));
  CHECK_EQ(lines.lines(other.span), 0b110u);
  // The line is free again.
  CHECK_TRUE(lines.join(first, third, kRateHz) == Code::kOk);
  CHECK_EQ(lines.lines(other.span), 0b111u);
}

TEST("a part that is left alone has no span any more, and whoever comes then finds it again") {
  ConferenceLines lines(2, 4, 1);
  const Handle first = handle_of(0, 0);
  const Handle second = handle_of(1, 0);
  const Handle others = handle_of(0, 1);
  PartPlace place;
  lines.open(first, kRateHz);
  CHECK_TRUE(lines.join(second, first, kRateHz) == Code::kOk);
  CHECK_TRUE(lines.find(second, place));
  lines.close(first);
  CHECK_FALSE(lines.find(second, place));
  // The one span is another conference's now.
  lines.open(others, kRateHz);
  CHECK_TRUE(lines.join(handle_of(1, 1), others, kRateHz) == Code::kOk);
  CHECK_FALSE(lines.find(second, place));
  CHECK_TRUE(lines.join(handle_of(0, 2), second, kRateHz) == Code::kMemoryFull);
  CHECK_EQ(lines.lines(0), 0b11u);
  lines.close(others);
  CHECK_FALSE(lines.find(handle_of(1, 1), place));
  CHECK_TRUE(lines.join(handle_of(0, 2), second, kRateHz) == Code::kOk);
  CHECK_TRUE(lines.find(second, place));
  CHECK_EQ(lines.lines(0), 0b11u);
  // Nobody has ticked meanwhile, so the span is as it was left.
  lines.close(second);
  CHECK_TRUE(lines.join(second, handle_of(0, 2), kRateHz) == Code::kOk);
  CHECK_EQ(lines.lines(0), 0b11u);
}

TEST("whoever comes to a part just as it finds itself alone is in one span with it") {
  constexpr std::uint32_t kRounds = 1'000;
  ConferenceLines lines(3, 2, 2);
  const Handle first = handle_of(0, 0);
  lines.open(first, kRateHz);
  std::atomic<std::uint32_t> found = 0;  // where the first finds itself: span + 1
  std::atomic<bool> done = false;
  std::thread ticks([&] {
    PartPlace place;
    while (!done.load())
      found.store(lines.find(first, place) ? place.span + 1u : 0u);
  });
  // Others take and leave the spans that are given back.
  std::atomic<std::uint32_t> kept = 0;
  std::thread churn([&] {
    std::uint32_t generation = 0;
    while (!done.load()) {
      generation = generation % kHandleGenerationMax + 1;
      const Handle one = handle_of(2, 0, generation);
      const Handle two = handle_of(2, 1, generation);
      lines.open(one, kRateHz);
      if (lines.join(two, one, kRateHz) != Code::kOk) lines.open(two, kRateHz);
      lines.close(one);
      PartPlace place;
      if (lines.find(two, place)) kept.fetch_add(1);
      lines.close(two);
    }
  });
  std::uint32_t together = 0;
  for (std::uint32_t round = 1; round <= kRounds; ++round) {
    const Handle second = handle_of(1, 0, round);
    CHECK_TRUE(lines.join(second, first, kRateHz) == Code::kOk);
    PartPlace place;
    CHECK_TRUE(lines.find(second, place));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool meets = false;
    while (!meets && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
      meets = found.load() == place.span + 1u;
    }
    if (meets) ++together;
    lines.close(second);
  }
  done.store(true);
  ticks.join();
  churn.join();
  CHECK_EQ(together, kRounds);
  CHECK_EQ(kept.load(), 0u);
}

TEST("what isn't there, has another rate or is full is refused, and nothing is kept of it") {
  ConferenceLines lines(2, 32, 1);
  const Handle first = handle_of(0, 0, 7);
  lines.open(first, kRateHz);
  const Handle part = handle_of(1, 0);
  CHECK_TRUE(lines.join(part, handle_of(0, 0, 6), kRateHz) == Code::kHandleStale);
  CHECK_TRUE(lines.join(part, handle_of(0, 1), kRateHz) == Code::kHandleStale);
  CHECK_TRUE(lines.join(part, handle_of(0, 32), kRateHz) == Code::kHandleStale);
  CHECK_TRUE(lines.join(part, handle_of(9, 0), kRateHz) == Code::kHandleStale);
  CHECK_TRUE(lines.join(part, first, 8'000) == Code::kOrderInvalid);
  for (std::uint32_t slot = 0; slot + 1 < kMixPartsMax; ++slot)
    CHECK_TRUE(lines.join(handle_of(1, slot), first, kRateHz) == Code::kOk);
  CHECK_TRUE(lines.join(handle_of(1, 30), first, kRateHz) == Code::kConferenceFull);
  // One span is all there is.
  const Handle other = handle_of(0, 5);
  lines.open(other, kRateHz);
  CHECK_TRUE(lines.join(handle_of(1, 30), other, kRateHz) == Code::kMemoryFull);
  lines.close(first);
  for (std::uint32_t slot = 0; slot + 1 < kMixPartsMax; ++slot)
    lines.close(handle_of(1, slot));
  CHECK_TRUE(lines.join(handle_of(1, 30), other, kRateHz) == Code::kOk);
  PartPlace place;
  CHECK_TRUE(lines.find(other, place));
  CHECK_EQ(lines.lines(place.span), 0b11u);
}

TEST("words are read in order by whoever wants, until they are written over") {
  ConferenceLines lines(1, 1, 1);
  const PartPlace place{0, 5};
  PartWord word;
  for (std::int32_t number = 0; number < 20; ++number)
    lines.say(place, word_of(number));
  CHECK_EQ(lines.said(place), 20u);
  for (std::uint64_t number = 0; number < 20; ++number) {
    const bool there = number >= 20 - ConferenceLines::kWords;
    for (int reader = 0; reader < 2; ++reader) {
      CHECK_EQ(lines.read(place, number, word), there);
      if (there) CHECK_EQ(word.sum[159], static_cast<std::int32_t>(number));
    }
  }
  PartWord press = word_of(0, 0);
  press.speaker_dbov = -31;
  press.presses_count = 1;
  press.presses[0] = {.event = 7, .volume = 9, .duration_ms = 120};
  lines.say(place, press);
  CHECK_TRUE(lines.read(place, 20, word));
  CHECK_EQ(word.samples, 0u);
  CHECK_EQ(word.presses[0].duration_ms, 120u);
  CHECK_EQ(word.speaker_dbov, -31.0F);
}

TEST("lines that are joined, left and spoken into by eight threads at once stay whole") {
  constexpr std::uint32_t kThreads = 8;
  constexpr std::uint32_t kSlots = 4;
  ConferenceLines lines(kThreads, kSlots, 6);
  // What each thread has opened last, for the others to join.
  std::array<std::atomic<std::uint32_t>, kThreads> latest = {};
  std::atomic<std::uint32_t> torn = 0;
  std::atomic<std::uint32_t> heard = 0;
  const auto run = [&](std::uint32_t thread) {
    Prng prng(thread + 1);
    std::array<std::uint32_t, kSlots> generations = {};
    std::array<Handle, kSlots> open = {};
    auto word = std::make_unique<PartWord>();
    for (std::uint32_t step = 1; step <= 4'000; ++step) {
      const std::uint32_t slot = prng.below(kSlots);
      Handle& mine = open[slot];
      if (mine.none()) {
        mine = handle_of(thread, slot, ++generations[slot] % kHandleGenerationMax + 1);
        const Handle of{latest[prng.below(kThreads)].load()};
        if (of.none() || lines.join(mine, of, kRateHz) != Code::kOk) lines.open(mine, kRateHz);
        latest[thread].store(mine.bits);
      } else if (prng.below(8) == 0) {
        lines.close(mine);
        mine = kHandleNone;
        continue;
      }
      PartPlace place;
      if (!lines.find(mine, place)) continue;
      lines.say(place, word_of(static_cast<std::int32_t>(thread * 10'000 + step)));
      for (std::uint8_t line = 0; line < kMixPartsMax; ++line) {
        const PartPlace other{place.span, line};
        if (line == place.line || (lines.lines(place.span) >> line & 1) == 0) continue;
        const std::uint64_t said = lines.said(other);
        if (said == 0 || !lines.read(other, said - 1, *word)) continue;
        heard.fetch_add(1);
        if (!is_whole(*word)) torn.fetch_add(1);
      }
    }
    for (const Handle handle : open)
      if (!handle.none()) lines.close(handle);
  };
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread)
    threads.emplace_back(run, thread);
  for (std::thread& thread : threads)
    thread.join();
  CHECK_EQ(torn.load(), 0u);
  CHECK_TRUE(heard.load() > 0);
  // All spans are free again.
  lines.open(handle_of(0, 0), kRateHz);
  for (std::uint32_t span = 0; span < 6; ++span) {
    const std::uint32_t thread = span % kThreads;
    if (span > 0) lines.open(handle_of(thread, 1), kRateHz);
    const Handle of = span > 0 ? handle_of(thread, 1) : handle_of(0, 0);
    CHECK_TRUE(lines.join(handle_of(thread, 2), of, kRateHz) == Code::kOk);
  }
}
