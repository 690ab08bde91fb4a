// Whose packets count, by both rules.
#include "pipeline/source_guard.h"

#include "native/harness.h"

using namespace trunkyard;
using pipeline::SourceGuard;
using pipeline::SourceRule;
using Verdict = pipeline::SourceGuard::Verdict;

namespace {

constexpr rtp::Ssrc kSsrc{7};
const SocketAddress kSignalled = SocketAddress::v4(10, 0, 0, 1, 4000);
const SocketAddress kPeer = SocketAddress::v4(127, 0, 0, 1, 5000);
const SocketAddress kStranger = SocketAddress::v4(127, 0, 0, 1, 6000);

SourceGuard guard_of(SourceRule rule, const SocketAddress& signalled = kSignalled) {
  SourceGuard guard;
  guard.reset(rule, signalled, rtp::Ssrc{}, 0);
  return guard;
}

}  // namespace

TEST("a guard nobody has set up takes nothing") {
  SourceGuard guard;
  CHECK_FALSE(guard.possible(kPeer));
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 1) == Verdict::kRefused);
}

TEST("the strict rule takes the signalled address and port, nothing else") {
  SourceGuard guard = guard_of(SourceRule::kStrict);
  CHECK_TRUE(guard.certain());
  CHECK_TRUE(guard.judge(kSignalled, kSsrc, 1) == Verdict::kAccepted);
  CHECK_TRUE(guard.judge(kSignalled.with_port(4001), kSsrc, 2) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 2) == Verdict::kRefused);
}

TEST("without a signalled address both rules take nothing") {
  for (const SourceRule rule : {SourceRule::kStrict, SourceRule::kLatch}) {
    SourceGuard guard = guard_of(rule, {});
    CHECK_TRUE(guard.judge(kPeer, kSsrc, 1) == Verdict::kRefused);
    CHECK_TRUE(guard.judge(kPeer, kSsrc, 2) == Verdict::kRefused);
  }
}

TEST("A30 the latch takes the first source with two valid packets in a row and refuses others") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  CHECK_FALSE(guard.certain());
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 65535) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kStranger, kSsrc, 1) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 0) == Verdict::kLatched);
  CHECK_TRUE(guard.peer() == kPeer);
  CHECK_TRUE(guard.judge(kStranger, kSsrc, 2) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kStranger, kSsrc, 3) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kSignalled, kSsrc, 3) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, rtp::Ssrc{8}, 900) == Verdict::kAccepted);
}

TEST("A30 a repeat, a jump or another SSRC starts the run over") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 10) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 10) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 9) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 18) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, rtp::Ssrc{8}, 19) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, rtp::Ssrc{8}, 27) == Verdict::kLatched);
}

TEST("A30 single packets of many sources never win") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  for (std::uint16_t port = 1; port < 2000; ++port) {
    CHECK_TRUE(guard.judge(kStranger.with_port(port), kSsrc, port) == Verdict::kRefused);
  }
  CHECK_FALSE(guard.certain());
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 5) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 6) == Verdict::kLatched);
}

TEST("A30 after an update the old peer goes on at its next packet and a new one can win") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  (void)guard.judge(kPeer, kSsrc, 1);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 2) == Verdict::kLatched);
  guard.reset(SourceRule::kLatch, kSignalled, kSsrc, 50);
  CHECK_FALSE(guard.certain());
  SourceGuard moved = guard;
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 51) == Verdict::kLatched);
  CHECK_TRUE(moved.judge(kStranger, kSsrc, 70) == Verdict::kRefused);
  CHECK_TRUE(moved.judge(kStranger, kSsrc, 71) == Verdict::kLatched);
  CHECK_TRUE(moved.judge(kPeer, kSsrc, 52) == Verdict::kRefused);
}

TEST("A30 what is sent follows the peer through updates, however long it sends nothing itself") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  CHECK_TRUE(guard.target() == kSignalled);
  (void)guard.judge(kPeer, kSsrc, 1);
  CHECK_TRUE(guard.target() == kSignalled);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 2) == Verdict::kLatched);
  CHECK_TRUE(guard.target() == kPeer);
  for (int updates = 0; updates < 3; ++updates) {
    guard.reset(SourceRule::kLatch, kSignalled, kSsrc, 2);
    CHECK_FALSE(guard.certain());
    CHECK_TRUE(guard.target() == kPeer);
  }
  SourceGuard moved = guard;
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 3) == Verdict::kLatched);
  // Elsewhere nobody has been met, whoever sends from the old place.
  const SocketAddress elsewhere = SocketAddress::v4(10, 0, 0, 2, 4000);
  moved.reset(SourceRule::kLatch, elsewhere, kSsrc, 2);
  CHECK_TRUE(moved.judge(kPeer, kSsrc, 3) == Verdict::kRefused);
  CHECK_TRUE(moved.judge(kPeer, kSsrc, 4) == Verdict::kRefused);
  CHECK_TRUE(moved.target() == elsewhere);
  moved.reset(SourceRule::kLatch, kSignalled, kSsrc, 2);
  CHECK_TRUE(moved.target() == kPeer);
  moved.reset(SourceRule::kLatch, {}, kSsrc, 2);
  CHECK_FALSE(moved.target().known());
  moved.reset(SourceRule::kStrict, kSignalled, kSsrc, 2);
  CHECK_TRUE(moved.target() == kSignalled);
}

TEST(
    "A30 when signalling names another address, the old peer's last packets do not win the latch") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  (void)guard.judge(kPeer, kSsrc, 1);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 2) == Verdict::kLatched);
  const SocketAddress elsewhere = SocketAddress::v4(10, 0, 0, 2, 4000);
  guard.reset(SourceRule::kLatch, elsewhere, kSsrc, 2);
  for (std::uint16_t number = 3; number < 20; ++number) {
    CHECK_TRUE(guard.judge(kPeer, kSsrc, number) == Verdict::kRefused);
  }
  // The same answer once more, as a retransmission or a session refresh brings it.
  guard.reset(SourceRule::kLatch, elsewhere, kSsrc, 2);
  SourceGuard lonely = guard;
  for (std::uint16_t number = 20; number < 30; ++number) {
    CHECK_TRUE(guard.judge(kPeer, kSsrc, number) == Verdict::kRefused);
  }
  CHECK_TRUE(guard.judge(kStranger, rtp::Ssrc{8}, 1) == Verdict::kRefused);
  CHECK_TRUE(guard.judge(kStranger, rtp::Ssrc{8}, 2) == Verdict::kLatched);
  // Nobody else came: it is the same party behind a NAT that kept its port.
  for (std::uint16_t number = 20; number < 69; ++number) {
    CHECK_TRUE(lonely.judge(kPeer, kSsrc, number) == Verdict::kRefused);
  }
  CHECK_TRUE(lonely.judge(kPeer, kSsrc, 69) == Verdict::kLatched);
}

TEST("A30 the old peer stays the old one through several updates, unless signalling goes back") {
  SourceGuard guard = guard_of(SourceRule::kLatch);
  (void)guard.judge(kPeer, kSsrc, 1);
  CHECK_TRUE(guard.judge(kPeer, kSsrc, 2) == Verdict::kLatched);
  // Sent elsewhere twice before anybody new was heard: to music, then to whoever takes the call.
  guard.reset(SourceRule::kLatch, SocketAddress::v4(10, 0, 0, 2, 4000), kSsrc, 2);
  guard.reset(SourceRule::kLatch, SocketAddress::v4(10, 0, 0, 3, 4000), kSsrc, 2);
  SourceGuard back = guard;
  for (std::uint16_t number = 3; number < 20; ++number)
    CHECK_TRUE(guard.judge(kPeer, kSsrc, number) == Verdict::kRefused);
  // It is the right one again where signalling names the same address as then.
  back.reset(SourceRule::kLatch, kSignalled, kSsrc, 2);
  CHECK_TRUE(back.judge(kPeer, kSsrc, 3) == Verdict::kLatched);
}

TEST("A30 a peer that signalling had named is an old one too, once the rule lets others in") {
  SourceGuard guard = guard_of(SourceRule::kStrict);
  CHECK_TRUE(guard.judge(kSignalled, kSsrc, 1) == Verdict::kAccepted);
  guard.reset(SourceRule::kLatch, SocketAddress::v4(10, 0, 0, 2, 4000), kSsrc, 1);
  for (std::uint16_t number = 2; number < 20; ++number)
    CHECK_TRUE(guard.judge(kSignalled, kSsrc, number) == Verdict::kRefused);
}
