// Audio that is kept back: how long, and how it begins.
#include "pipeline/held_back.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;

TEST("gives every sample 30 ms later, after silence and a rise of 5 ms") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    HeldBack held(rate_hz);
    const std::size_t count = codec::samples_of(rate_hz, 10);
    const std::size_t late = codec::samples_of(rate_hz, kHeldBackMs);
    const std::size_t rise = codec::samples_of(rate_hz, 5);
    std::vector<std::int16_t> given;
    std::int16_t number = 0;
    for (int turn = 0; turn < 20; ++turn) {
      std::vector<std::int16_t> piece(count);
      for (std::int16_t& sample : piece)
        sample = static_cast<std::int16_t>(10'000 + number++);
      held.exchange(piece);
      given.insert(given.end(), piece.begin(), piece.end());
    }
    for (std::size_t index = 0; index < given.size(); ++index) {
      if (index < late) {
        CHECK_EQ(given[index], 0);
      } else if (index >= late + rise) {
        CHECK_EQ(given[index], static_cast<std::int16_t>(10'000 + index - late));
      } else {
        const int step = std::abs(given[index] - given[index - 1]);
        CHECK_TRUE(step <= static_cast<int>(15'000 / rise + 2));
      }
    }
  }
}

TEST("gives nothing from before it was told to begin anew") {
  HeldBack held(8'000);
  std::vector<std::int16_t> piece(80);
  for (int turn = 0; turn < 10; ++turn) {
    if (turn == 4) held.clear();
    std::fill(piece.begin(), piece.end(), static_cast<std::int16_t>(turn < 4 ? 900 : 500));
    held.exchange(piece);
    const int expected = turn < 3 || (turn >= 4 && turn < 7) ? 0 : turn < 4 ? 900 : 500;
    CHECK_EQ(piece.back(), expected);
    if (turn == 7) CHECK_EQ(piece.front(), 0);
  }
}

TEST("pieces that don't fit into what is kept are our own fault") {
  HeldBack held(8'000);
  std::vector<std::int16_t> piece(70);
  CHECK_ABORTS(held.exchange(piece));
  piece.clear();
  CHECK_ABORTS(held.exchange(piece));
}

}  // namespace
