// Ring, also against std::deque on random operations.
#include "base/ring.h"

#include <deque>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using trunkyard::Prng;
using trunkyard::Ring;

TEST("gives back in the order it was given, and refuses when full") {
  Ring<int> ring(3);
  CHECK_TRUE(ring.push_back(1));
  CHECK_TRUE(ring.push_back(2));
  CHECK_TRUE(ring.push_back(3));
  CHECK_FALSE(ring.push_back(4));
  CHECK_EQ(ring.front(), 1);
  ring.pop_front();
  CHECK_TRUE(ring.push_back(4));
  CHECK_EQ(ring[0], 2);
  CHECK_EQ(ring[2], 4);
}

TEST("taking from an empty ring is our own mistake and aborts") {
  Ring<int> ring(1);
  CHECK_ABORTS((void)ring.front());
  CHECK_ABORTS(ring.pop_front());
  CHECK_ABORTS((void)ring[0]);
}

TEST("behaves like a deque with a limit over random operations") {
  Prng prng(99);
  for (const std::uint32_t capacity : {1u, 2u, 7u, 64u}) {
    Ring<std::uint32_t> ring(capacity);
    std::deque<std::uint32_t> model;
    for (int step = 0; step < 5'000; ++step) {
      if (prng.below(2) == 0) {
        const std::uint32_t value = prng.next_u32();
        CHECK_EQ(ring.push_back(value), model.size() < capacity);
        if (model.size() < capacity) model.push_back(value);
      } else if (!model.empty()) {
        ring.pop_front();
        model.pop_front();
      }
      REQUIRE(ring.size() == model.size());
      for (std::uint32_t index = 0; index < ring.size(); ++index) {
        REQUIRE(ring[index] == model[index]);
      }
    }
    ring.clear();
    CHECK_TRUE(ring.empty());
  }
}

}  // namespace
