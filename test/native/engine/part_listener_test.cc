// How the words of another part are kept up with.
#include "engine/part_listener.h"

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;

/// A word whose samples all tell its number.
PartWord word_of(std::int32_t number, std::uint32_t samples = 160) {
  PartWord word;
  word.samples = samples;
  word.sum.fill(number);
  return word;
}

}  // namespace

TEST(
    "a listener begins with a cushion, misses what is late, and leaves out silence that piles up") {
  using Outcome = PartListener::Outcome;
  ConferenceLines lines(1, 1, 1);
  const PartPlace place{0, 0};
  PartListener listener;
  PartWord word;
  int left_out = 0;
  const auto listen = [&] {
    return listener.listen(lines, place, word, [&](auto&) { ++left_out; });
  };
  lines.say(place, word_of(-1));
  CHECK_TRUE(listen() == Outcome::kNothing);  // what was said before he came isn't his
  lines.say(place, word_of(0));
  CHECK_TRUE(listen() == Outcome::kNothing);
  lines.say(place, word_of(1));
  CHECK_TRUE(listen() == Outcome::kWord);
  CHECK_EQ(word.sum[0], 0);
  // The other thread is a tick late once: the cushion has it. Twice: it has not.
  CHECK_TRUE(listen() == Outcome::kWord);
  CHECK_TRUE(listen() == Outcome::kMissed);
  for (std::int32_t number = 2; number < 6; ++number)
    lines.say(place, word_of(number));
  for (std::int32_t number = 2; number < 6; ++number) {
    CHECK_TRUE(listen() == Outcome::kWord);
    CHECK_EQ(word.sum[0], number);
    lines.say(place, word_of(number + 4, number == 5 ? 160 : 0));
  }
  // Four wait, three of them silent: two are taken at once until the rest is the cushion.
  CHECK_TRUE(listen() == Outcome::kWord);
  CHECK_TRUE(listen() == Outcome::kWord);
  CHECK_EQ(word.samples + lines.said(place), 11u);
  // A long stall of this thread: what can't be caught up is left out, its presses are not.
  for (int count = 0; count < 12; ++count) {
    PartWord press = word_of(0, 0);
    press.presses_count = count == 9 ? 1 : 0;
    lines.say(place, press);
  }
  CHECK_TRUE(listen() == Outcome::kMissed);
  CHECK_EQ(left_out, 1);
  CHECK_TRUE(listen() == Outcome::kWord);
  CHECK_TRUE(listen() == Outcome::kMissed);
}
