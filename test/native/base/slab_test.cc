// Slab and Handle: a stale handle must find nothing.
#include "base/slab.h"

#include <map>
#include <memory>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using trunkyard::Handle;
using trunkyard::kHandleNone;
using trunkyard::Prng;
using trunkyard::Slab;

TEST("a handle takes its parts apart again") {
  const Handle handle = Handle::pack(63, 4095, 16383);
  CHECK_EQ(handle.bits, 0xffff'ffffu);
  CHECK_EQ(Handle::pack(1, 2, 3).thread(), 1u);
  CHECK_EQ(Handle::pack(1, 2, 3).generation(), 2u);
  CHECK_EQ(Handle::pack(1, 2, 3).slot(), 3u);
}

TEST("a released handle finds nothing, also after its slot is taken again") {
  Slab<int> slab(0, 1);
  const Handle first = slab.emplace(11);
  REQUIRE(slab.find(first) != nullptr);
  CHECK_TRUE(slab.release(first));
  CHECK_TRUE(slab.find(first) == nullptr);
  CHECK_FALSE(slab.release(first));
  const Handle second = slab.emplace(22);
  CHECK_TRUE(slab.find(first) == nullptr);
  CHECK_EQ(*slab.find(second), 22);
}

TEST("a full slab answers none and goes on after a release") {
  Slab<int> slab(0, 2);
  const Handle first = slab.emplace(1);
  (void)slab.emplace(2);
  CHECK_TRUE(slab.full());
  CHECK_TRUE(slab.emplace(3).none());
  (void)slab.release(first);
  CHECK_FALSE(slab.emplace(3).none());
}

TEST("slots are reused oldest first") {
  Slab<int> slab(0, 3);
  const Handle a = slab.emplace(0);
  const Handle b = slab.emplace(0);
  (void)slab.release(b);
  (void)slab.release(a);
  CHECK_EQ(slab.emplace(0).slot(), 2u);  // never used yet
  CHECK_EQ(slab.emplace(0).slot(), b.slot());
  CHECK_EQ(slab.emplace(0).slot(), a.slot());
}

TEST("handles of another thread, of no slot and of nothing find nothing") {
  Slab<int> slab(3, 4);
  const Handle mine = slab.emplace(1);
  CHECK_TRUE(slab.find(Handle::pack(2, mine.generation(), mine.slot())) == nullptr);
  CHECK_TRUE(slab.find(Handle::pack(3, 1, 4)) == nullptr);
  CHECK_TRUE(slab.find(Handle::pack(3, 1, 1)) == nullptr);
  CHECK_TRUE(slab.find(kHandleNone) == nullptr);
  CHECK_TRUE(slab.find(Handle{0xffff'ffff}) == nullptr);
}

TEST("generations wrap past zero, so that no handle is ever none") {
  Slab<int> slab(0, 1);
  for (int life = 0; life < 2 * 4095 + 3; ++life) {
    const Handle handle = slab.emplace(life);
    REQUIRE(!handle.none());
    REQUIRE(handle.generation() >= 1);
    REQUIRE(slab.release(handle));
  }
}

TEST("destroys what it holds, on release and with itself") {
  const auto shared = std::make_shared<int>(1);
  {
    Slab<std::shared_ptr<int>> slab(0, 2);
    const Handle first = slab.emplace(shared);
    (void)slab.emplace(shared);
    CHECK_EQ(shared.use_count(), 3);
    (void)slab.release(first);
    CHECK_EQ(shared.use_count(), 2);
  }
  CHECK_EQ(shared.use_count(), 1);
}

TEST("at_slot walks the live ones alone") {
  Slab<int> slab(5, 3);
  (void)slab.emplace(10);
  const Handle second = slab.emplace(20);
  (void)slab.release(slab.handle_of(0));
  CHECK_TRUE(slab.at_slot(0) == nullptr);
  CHECK_EQ(*slab.at_slot(1), 20);
  CHECK_EQ(slab.handle_of(1), second);
  CHECK_TRUE(slab.at_slot(2) == nullptr);
}

TEST("behaves like a map from handle to value over random operations") {
  Prng prng(5);
  Slab<std::uint32_t> slab(1, 50);
  std::map<std::uint32_t, std::uint32_t> model;
  std::vector<Handle> dead;
  for (int step = 0; step < 20'000; ++step) {
    if (prng.below(2) == 0) {
      const std::uint32_t value = prng.next_u32();
      const Handle handle = slab.emplace(value);
      REQUIRE(handle.none() == (model.size() == 50));
      if (!handle.none()) REQUIRE(model.emplace(handle.bits, value).second);
    } else if (!model.empty()) {
      auto chosen = model.begin();
      std::advance(chosen, prng.below(static_cast<std::uint32_t>(model.size())));
      const Handle handle{chosen->first};
      REQUIRE(slab.find(handle) != nullptr && *slab.find(handle) == chosen->second);
      REQUIRE(slab.release(handle));
      model.erase(chosen);
      dead.push_back(handle);
    }
    REQUIRE(slab.size() == model.size());
    if (!dead.empty()) {
      const Handle old = dead[prng.below(static_cast<std::uint32_t>(dead.size()))];
      REQUIRE((slab.find(old) != nullptr) == model.contains(old.bits));
    }
  }
}

}  // namespace
