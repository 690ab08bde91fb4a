// The window of waiting packets: places, order, history, edges.
#include "jitter/packet_window.h"

#include <map>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::jitter;

WaitingPacket packet_of(std::int64_t order) {
  WaitingPacket packet;
  packet.order = order;
  packet.packet.slot = static_cast<std::uint32_t>(order);
  return packet;
}

TEST("packets come out in the order of their numbers, however they came in") {
  PacketWindow window(8);
  window.begin_at(100);
  CHECK_TRUE(window.head() == nullptr);
  for (const std::int64_t order : {103, 100, 107, 101})
    window.store(packet_of(order));
  CHECK_EQ(window.size(), 4u);
  CHECK_EQ(window.head()->order, 100);
  CHECK_EQ(window.pop().order, 100);
  CHECK_EQ(window.pop().order, 101);
  CHECK_EQ(window.head()->order, 103);
  CHECK_EQ(window.pass_to(103), 1u);
  CHECK_EQ(window.pop().packet.slot, 103u);
}

TEST("a window that grows keeps what waits, and never shrinks") {
  PacketWindow window(5);
  window.begin_at(0);
  for (const std::int64_t order : {0, 1, 2, 4})
    window.store(packet_of(order));
  CHECK_EQ(window.pop().order, 0);
  CHECK_EQ(window.place_of(6), Place::kBeyond);
  window.grow_to(20);
  CHECK_EQ(window.capacity(), 20u);
  CHECK_EQ(window.place_of(20), Place::kFree);
  CHECK_EQ(window.place_of(21), Place::kBeyond);
  window.store(packet_of(20));
  window.grow_to(3);
  CHECK_EQ(window.capacity(), 20u);
  CHECK_EQ(window.pop().packet.slot, 1u);
  CHECK_EQ(window.pop().packet.slot, 2u);
  CHECK_EQ(window.pass_to(4), 1u);
  CHECK_EQ(window.pop().packet.slot, 4u);
  CHECK_EQ(window.head()->packet.slot, 20u);
}

TEST("every order has the place it should have") {
  PacketWindow window(4);
  window.begin_at(50);
  CHECK_EQ(window.place_of(49), Place::kEarlier);
  CHECK_EQ(window.place_of(53), Place::kFree);
  CHECK_EQ(window.place_of(54), Place::kBeyond);
  window.store(packet_of(50));
  CHECK_EQ(window.place_of(50), Place::kHeld);
  (void)window.pop();
  CHECK_EQ(window.place_of(50), Place::kPassed);
  CHECK_EQ(window.pass_to(52), 1u);
  CHECK_EQ(window.place_of(51), Place::kPassedMissing);
  window.note_late(51);
  CHECK_EQ(window.place_of(51), Place::kPassed);
  CHECK_EQ(window.pass_to(51), 0u);
  CHECK_EQ(window.pass_to(52 + 63), 63u);
  CHECK_EQ(window.place_of(51), Place::kPassed);
  CHECK_EQ(window.place_of(50), Place::kForgotten);
  CHECK_EQ(window.pass_to(10'000), 9'885u);
  CHECK_EQ(window.place_of(9'999), Place::kPassedMissing);
}

TEST("a window that nothing has passed yet may begin earlier, if its last still fits") {
  PacketWindow window(4);
  window.begin_at(50);
  window.store(packet_of(51));
  CHECK_TRUE(window.begin_earlier_at(48, 51));
  CHECK_EQ(window.next(), 48);
  CHECK_EQ(window.place_of(48), Place::kFree);
  CHECK_EQ(window.place_of(51), Place::kHeld);
  CHECK_FALSE(window.begin_earlier_at(47, 51));
  CHECK_EQ(window.pass_to(51), 3u);
  CHECK_EQ(window.place_of(48), Place::kPassedMissing);
}

TEST("broken promises of the caller abort") {
  PacketWindow window(4);
  window.begin_at(0);
  window.store(packet_of(1));
  CHECK_ABORTS(window.store(packet_of(1)));
  CHECK_ABORTS(window.store(packet_of(4)));
  CHECK_ABORTS((void)window.pop());
  CHECK_ABORTS((void)window.pass_to(2));
  CHECK_ABORTS(window.begin_at(9));
  CHECK_ABORTS(PacketWindow(0));
  CHECK_ABORTS(PacketWindow(65));
  CHECK_ABORTS(window.grow_to(65));
}

TEST("agrees with an ordered map over random stores, pops and passes") {
  Prng prng(31);
  for (const std::uint32_t capacity : {1u, 2u, 7u, 63u, 64u}) {
    PacketWindow window(capacity);
    std::map<std::int64_t, WaitingPacket> naive;
    std::int64_t next = 1'000;
    window.begin_at(next);
    for (int step = 0; step < 20'000; ++step) {
      const std::int64_t order = next + prng.below(capacity);
      switch (prng.below(3)) {
        case 0:
          if (window.place_of(order) != Place::kFree) break;
          CHECK_TRUE(naive.emplace(order, packet_of(order)).second);
          window.store(packet_of(order));
          break;
        case 1:
          if (window.place_of(next) != Place::kHeld) break;
          CHECK_EQ(window.pop().order, naive.begin()->first);
          naive.erase(naive.begin());
          ++next;
          break;
        default: {
          const std::int64_t to = naive.empty() ? order : naive.begin()->first;
          CHECK_EQ(window.pass_to(to), static_cast<std::uint64_t>(to - next));
          next = to;
        }
      }
      CHECK_EQ(window.size(), naive.size());
      CHECK_EQ(window.next(), next);
      CHECK_EQ(window.head() == nullptr, naive.empty());
      if (!naive.empty()) CHECK_EQ(window.head()->order, naive.begin()->first);
    }
  }
}

}  // namespace
