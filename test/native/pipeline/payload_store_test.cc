// The memory of waiting payloads, compared with copies that a test keeps itself.
#include "pipeline/payload_store.h"

#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;

using Payload = std::vector<std::uint8_t>;

Payload payload_of(std::size_t bytes, std::uint8_t first) {
  Payload payload(bytes);
  for (std::size_t index = 0; index < bytes; ++index)
    payload[index] = static_cast<std::uint8_t>(first + index);
  return payload;
}

TEST("has no room before it was given any") {
  PayloadStore store;
  jitter::PacketRef ref;
  CHECK_FALSE(store.put(payload_of(1, 0), ref));
}

TEST("takes the longest payload of an Ethernet frame however small it was asked to be") {
  PayloadStore store;
  store.grow_to(1);
  jitter::PacketRef ref;
  REQUIRE(store.put(payload_of(1'500, 3), ref));
  CHECK_EQ(store.at(ref), Bytes(payload_of(1'500, 3)));
  CHECK_FALSE(store.put(payload_of(100, 0), ref));
}

TEST("keeps payloads and their names when it grows") {
  PayloadStore store;
  store.grow_to(PayloadStore::kBlocksMin);
  jitter::PacketRef first;
  jitter::PacketRef second;
  REQUIRE(store.put(payload_of(700, 1), first));
  REQUIRE(store.put(payload_of(700, 2), second));
  jitter::PacketRef third;
  REQUIRE(!store.put(payload_of(700, 4), third));
  store.grow_to(2 * PayloadStore::kBlocksMin);
  REQUIRE(store.put(payload_of(700, 4), third));
  CHECK_EQ(store.at(first), Bytes(payload_of(700, 1)));
  CHECK_EQ(store.at(second), Bytes(payload_of(700, 2)));
  CHECK_EQ(store.at(third), Bytes(payload_of(700, 4)));
  store.grow_to(10);
  CHECK_EQ(store.blocks(), 2 * PayloadStore::kBlocksMin);
}

TEST("never confuses payloads of any sizes that come and go in any order") {
  struct Held {
    jitter::PacketRef ref;
    Payload payload;
  };
  PayloadStore store;
  store.grow_to(100);
  std::vector<Held> held;
  Prng prng(5);
  std::uint32_t refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (prng.below(2) == 0 || held.empty()) {
      const std::size_t bytes = 1 + (prng.below(8) == 0 ? prng.below(1'500) : prng.below(240));
      Held next{.ref = {}, .payload = payload_of(bytes, static_cast<std::uint8_t>(step))};
      if (!store.put(next.payload, next.ref)) {
        ++refused;
        continue;
      }
      held.push_back(next);
    } else {
      const std::uint32_t index = prng.below(static_cast<std::uint32_t>(held.size()));
      CHECK_EQ(store.at(held[index].ref), Bytes(held[index].payload));
      store.free(held[index].ref);
      held.erase(held.begin() + index);
    }
    std::uint32_t blocks = 0;
    for (const Held& one : held)
      blocks += PayloadStore::blocks_of(one.payload.size());
    CHECK_EQ(store.blocks_used(), blocks);
  }
  CHECK_TRUE(refused > 0);
  for (const Held& one : held) {
    CHECK_EQ(store.at(one.ref), Bytes(one.payload));
    store.free(one.ref);
  }
  CHECK_EQ(store.blocks_used(), 0u);
}

TEST("takes two payloads of half its size one after the other, wherever the last one lay") {
  for (std::size_t last = 1; last <= 1'536; last += 32) {
    PayloadStore store;
    store.grow_to(PayloadStore::kBlocksMin);
    jitter::PacketRef ref;
    REQUIRE(store.put(payload_of(last, 0), ref));
    store.free(ref);
    CHECK_EQ(store.blocks_used(), 0u);
    REQUIRE(store.put(payload_of(768, 1), ref));
    jitter::PacketRef second;
    CHECK_TRUE(store.put(payload_of(768, 2), second));
    CHECK_EQ(store.blocks_used(), PayloadStore::kBlocksMin);
  }
}

TEST("a name given back twice is our own fault") {
  PayloadStore store;
  store.grow_to(PayloadStore::kBlocksMin);
  jitter::PacketRef ref;
  REQUIRE(store.put(payload_of(40, 0), ref));
  store.free(ref);
  CHECK_ABORTS(store.free(ref));
}

}  // namespace
