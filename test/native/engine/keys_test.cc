// SRTP through a running engine, over real loopback sockets: legs with keys beside legs without.
#include <array>

#include "native/allocations.h"
#include "native/engine/rig.h"
#include "native/harness.h"
#include "native/srtp/build.h"

using namespace test;
using contract::Code;
using contract::Counter;
using contract::NodeCounter;
using contract::OrderKind;

namespace {

constexpr auto kSuite = srtp::Suite::kAesCm128HmacSha1Tag80;

Buffer voice(std::uint32_t number, std::uint32_t ssrc = 7) {
  return APacket{}
      .sequence(static_cast<std::uint16_t>(number))
      .timestamp(160 * number)
      .ssrc(ssrc)
      .payload(Buffer(160, 0xd5))
      .bytes();
}
Buffer report(std::uint32_t ssrc) {
  return an_rtcp_packet(201, 0, words({ssrc}));
}

void copy(Bytes from, std::uint8_t* into) {
  std::copy(from.begin(), from.end(), into);
}

/// @param ours what the leg sends under. @param theirs what its peer does.
contract::SetKeysOrder keys_order(std::uint32_t handle, const srtp::MasterKey& ours,
                                  const srtp::MasterKey& theirs) {
  contract::SetKeysOrder order;
  order.endpoint = handle;
  order.suite = static_cast<std::uint8_t>(static_cast<int>(ours.suite()) + 1);
  copy(ours.key(), order.send_key);
  copy(ours.salt(), order.send_key + ours.key().size());
  copy(theirs.key(), order.receive_key);
  copy(theirs.salt(), order.receive_key + theirs.key().size());
  order.send_mki_bytes = static_cast<std::uint8_t>(ours.mki().size());
  order.receive_mki_bytes = static_cast<std::uint8_t>(theirs.mki().size());
  copy(ours.mki(), order.send_mki);
  copy(theirs.mki(), order.receive_mki);
  return order;
}
Code set_keys(Rig& rig, const contract::SetKeysOrder& order) {
  CHECK(rig.submit(OrderKind::kSetKeys, order));
  return rig.answer().code();
}
Code keys_off(Rig& rig, std::uint32_t handle) {
  contract::SetKeysOrder order;
  order.endpoint = handle;
  return set_keys(rig, order);
}

/// Alice speaks SRTP, Bob doesn't; RTCP shares the port.
struct MixedCall {
  MixedCall(Rig& rig, srtp::Suite suite, bool latch = false, const Buffer& mki = {})
      : ours(a_key(suite, 1, mki)),
        theirs(a_key(suite, 2, mki)),
        send(srtp::SendContext::create(theirs, best_isa()).value()),
        receive(srtp::ReceiveContext::create(ours, best_isa()).value()),
        left(rig.open()),
        right(rig.open()) {
    CHECK(rig.update(left.handle, {alice.address(), {}, true, latch}) == Code::kOk);
    CHECK(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
    CHECK(set_keys(rig, keys_order(left.handle, ours, theirs)) == Code::kOk);
    CHECK(rig.link(left.handle, right.handle) == Code::kOk);
    CHECK(rig.link(right.handle, left.handle) == Code::kOk);
  }
  void alice_sends(const Buffer& packet) { alice.send(left.rtp_port, protect(send, packet).bytes); }
  /// What Alice understands of the next packet.
  [[nodiscard]] Buffer alice_hears() { return unprotect(receive, alice.receive()).bytes; }

  srtp::MasterKey ours;
  srtp::MasterKey theirs;
  srtp::SendContext send;
  srtp::ReceiveContext receive;
  Peer alice;
  Peer bob;
  Opened left;
  Opened right;
};

}  // namespace

TEST("A29 a party under SRTP and one without it hear each other, under every suite") {
  for (const srtp::Suite suite : kAllSuites) {
    Rig rig;
    MixedCall call(rig, suite);
    for (std::uint32_t number = 65'530; number < 65'545; ++number) {
      call.alice_sends(voice(number));
      CHECK_EQ(call.bob.receive(), voice(number));
      call.bob.send(call.right.rtp_port, voice(number, 9));
      CHECK_EQ(call.alice_hears(), voice(number, 9));
    }
    CHECK_EQ(rig.closing_count(call.left.handle, Counter::kPacketsReceived), 15.0);
    CHECK_EQ(rig.closing_count(call.right.handle, Counter::kPacketsSent), 15.0);
  }
}

TEST("A29 keys that are refused leave nothing in the clear, until an order says otherwise") {
  Rig rig;
  Peer alice;
  Peer bob;
  const Opened left = rig.open();
  const Opened right = rig.open();
  contract::SetKeysOrder refused = keys_order(left.handle, a_key(kSuite, 1), a_key(kSuite, 2));
  refused.send_mki_bytes = 5;
  CHECK_TRUE(set_keys(rig, refused) == Code::kOrderInvalid);
  CHECK_TRUE(rig.update(left.handle, {alice.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(rig.link(left.handle, right.handle) == Code::kOk);
  CHECK_TRUE(rig.link(right.handle, left.handle) == Code::kOk);
  bob.send(right.rtp_port, voice(1, 9));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPacketsUnsent) == 1.0; }));
  bob.send(right.rtp_port, report(9));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kRtcpDropped) == 1.0; }));
  alice.send(left.rtp_port, voice(1));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kSrtpRefused) == 1.0; }));
  CHECK_TRUE(alice.quiet());
  CHECK_TRUE(bob.quiet());
  CHECK_TRUE(keys_off(rig, left.handle) == Code::kOk);
  bob.send(right.rtp_port, voice(2, 9));
  CHECK_EQ(alice.receive(), voice(2, 9));
  // Keys that stand outlive a refusal.
  const srtp::MasterKey ours = a_key(kSuite, 1);
  CHECK_TRUE(set_keys(rig, keys_order(left.handle, ours, a_key(kSuite, 2))) == Code::kOk);
  CHECK_TRUE(set_keys(rig, refused) == Code::kOrderInvalid);
  auto receive = srtp::ReceiveContext::create(ours, best_isa()).value();
  bob.send(right.rtp_port, voice(3, 9));
  CHECK_EQ(unprotect(receive, alice.receive()).bytes, voice(3, 9));
}

TEST("A29 a wrong key means no audio, a counter that rises and a call that lives") {
  Rig rig;
  MixedCall call(rig, kSuite);
  auto wrong = srtp::SendContext::create(a_key(kSuite, 3), best_isa()).value();
  // In gulps, because the tests' receive buffers hold few.
  for (std::uint32_t number = 0; number < 500; ++number) {
    call.alice.send(call.left.rtp_port, protect(wrong, voice(number)).bytes);
    if (number % 50 == 49) {
      CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kSrtpRefused) == number + 1.0; }));
    }
  }
  call.alice_sends(voice(500));
  CHECK_EQ(call.bob.receive(), voice(500));
  CHECK_TRUE(call.bob.quiet());
  const auto closed = rig.close(call.left.handle).as<contract::EndpointClosedEvent>();
  CHECK_EQ(closed.counters[static_cast<int>(Counter::kSrtpRefused)], 500.0);
  CHECK_EQ(closed.counters[static_cast<int>(Counter::kPacketsReceived)], 1.0);
  CHECK_EQ(closed.counters[static_cast<int>(Counter::kPacketsLost)], 0.0);
}

TEST("A29 where keys are set nothing passes in the clear, in either direction") {
  Rig rig;
  MixedCall call(rig, kSuite);
  call.alice.send(call.left.rtp_port, voice(1));
  call.alice.send(call.left.rtp_port, report(7));
  call.alice_sends(voice(2));
  CHECK_EQ(call.bob.receive(), voice(2));
  CHECK_TRUE(call.bob.quiet());
  call.bob.send(call.right.rtp_port, report(9));
  const Buffer sent = call.alice.receive();
  CHECK_TRUE(sent != report(9) && sent.size() > report(9).size());
  CHECK_EQ(unprotect_rtcp(call.receive, sent).bytes, report(9));
  call.alice.send(call.left.rtp_port, protect_rtcp(call.send, report(7)).bytes);
  CHECK_EQ(call.bob.receive(), report(7));
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kSrtpRefused), 2.0);
}

TEST("A29 reports of our own are under the keys too") {
  Rig rig;
  MixedCall call(rig, kSuite);
  std::uint32_t number = 0;
  Buffer written;
  CHECK_TRUE(eventually([&] {
    call.bob.send(call.right.rtp_port, voice(++number, 9));
    const Buffer packet = call.alice.receive(10);
    if (packet.size() > 2 && packet[1] == 200) written = packet;
    return !written.empty();
  }));
  const Sent heard = unprotect_rtcp(call.receive, written);
  CHECK_EQ(heard.verdict, srtp::Verdict::kOk);
  CHECK_EQ(load_u32(heard.bytes.data() + 4), 9u);
}

TEST("A29 packets that were heard before are refused, also after the same keys were set again") {
  Rig rig;
  MixedCall call(rig, kSuite);
  const Buffer packet = protect(call.send, voice(1)).bytes;
  call.alice.send(call.left.rtp_port, packet);
  call.alice.send(call.left.rtp_port, packet);
  CHECK_TRUE(set_keys(rig, keys_order(call.left.handle, call.ours, call.theirs)) == Code::kOk);
  call.alice.send(call.left.rtp_port, packet);
  CHECK_TRUE(keys_off(rig, call.left.handle) == Code::kOk);
  CHECK_TRUE(set_keys(rig, keys_order(call.left.handle, call.ours, call.theirs)) == Code::kOk);
  call.alice.send(call.left.rtp_port, packet);
  call.alice_sends(voice(2));
  CHECK_EQ(call.bob.receive(), voice(1));
  CHECK_EQ(call.bob.receive(), voice(2));
  CHECK_TRUE(call.bob.quiet());
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kSrtpRefused), 3.0);
}

TEST("A29 new keys in mid-call lose no packet of the old ones, and SRTP can end") {
  Rig rig;
  MixedCall call(rig, kSuite);
  call.alice_sends(voice(1));
  CHECK_EQ(call.bob.receive(), voice(1));
  const auto ours = a_key(srtp::Suite::kAeadAes256Gcm, 5);
  const auto theirs = a_key(srtp::Suite::kAeadAes256Gcm, 6);
  CHECK_TRUE(set_keys(rig, keys_order(call.left.handle, ours, theirs)) == Code::kOk);
  call.alice_sends(voice(2));
  CHECK_EQ(call.bob.receive(), voice(2));
  REQUIRE(call.send.rekey(theirs, srtp::RolloverRule::kKeep).ok());
  REQUIRE(call.receive.rekey(ours).ok());
  call.alice_sends(voice(3));
  CHECK_EQ(call.bob.receive(), voice(3));
  call.bob.send(call.right.rtp_port, voice(1, 9));
  CHECK_EQ(call.alice_hears(), voice(1, 9));
  CHECK_TRUE(keys_off(rig, call.left.handle) == Code::kOk);
  call.alice.send(call.left.rtp_port, voice(4));
  CHECK_EQ(call.bob.receive(), voice(4));
}

TEST("A29 a master key identifier is carried, and another one refused") {
  Rig rig;
  MixedCall call(rig, kSuite, false, {1, 2, 3, 4});
  auto unnamed = srtp::SendContext::create(a_key(kSuite, 2, {9, 9, 9, 9}), best_isa()).value();
  call.alice.send(call.left.rtp_port, protect(unnamed, voice(1)).bytes);
  call.alice_sends(voice(2));
  CHECK_EQ(call.bob.receive(), voice(2));
  call.bob.send(call.right.rtp_port, voice(1, 9));
  CHECK_EQ(call.alice_hears(), voice(1, 9));
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kSrtpRefused), 1.0);
}

TEST("A30 a stranger without the key never wins the latch, whatever he sends") {
  Rig rig;
  MixedCall call(rig, kSuite, true);
  Peer stranger;
  const Buffer heard = protect(call.send, voice(1)).bytes;
  for (std::uint32_t number = 1; number < 50; ++number) {
    stranger.send(call.left.rtp_port, voice(number));
    stranger.send(call.left.rtp_port, heard);  // authentic once, and one is no run
  }
  call.alice_sends(voice(2));
  call.alice_sends(voice(3));
  CHECK_EQ(call.bob.receive(), voice(3));
  AnyEvent event;
  REQUIRE(rig.hears(contract::EventKind::kLatched, call.left.handle, &event));
  CHECK_EQ(event.as<contract::LatchedEvent>().remote.port, call.alice.address().port);
  CHECK_EQ(rig.closing_count(call.left.handle, Counter::kPacketsReceived), 1.0);
}

TEST("A29 two legs under SRTP with the same keys still each authenticate") {
  Rig rig;
  MixedCall call(rig, kSuite);
  CHECK_TRUE(set_keys(rig, keys_order(call.right.handle, call.theirs, call.ours)) == Code::kOk);
  call.alice.send(call.left.rtp_port, voice(1));
  call.alice_sends(voice(2));
  auto bob = srtp::ReceiveContext::create(call.theirs, best_isa()).value();
  CHECK_EQ(unprotect(bob, call.bob.receive()).bytes, voice(2));
  CHECK_TRUE(call.bob.quiet());
}

TEST("A29 the longest packet finds room for its tail, and what grows too long is dropped") {
  Rig rig;
  MixedCall call(rig, kSuite);
  const Buffer longest =
      APacket{}.sequence(1).ssrc(9).payload(Buffer(kPacketBytesMax - 12, 1)).bytes();
  call.bob.send(call.right.rtp_port, longest);
  CHECK_EQ(call.alice.receive().size(), longest.size() + 10);
}

TEST("keys that can't be are refused and change nothing") {
  Rig rig;
  MixedCall call(rig, kSuite);
  const auto good = keys_order(call.left.handle, call.ours, call.theirs);
  for (const int suite : {5, 0xff}) {
    auto order = good;
    order.suite = static_cast<std::uint8_t>(suite);
    CHECK_TRUE(set_keys(rig, order) == Code::kOrderInvalid);
  }
  auto order = good;
  order.send_mki_bytes = 5;
  CHECK_TRUE(set_keys(rig, order) == Code::kOrderInvalid);
  order = good;
  order.receive_mki_bytes = 255;
  CHECK_TRUE(set_keys(rig, order) == Code::kOrderInvalid);
  order = good;
  order.endpoint = 0x3000'0001;
  CHECK_TRUE(set_keys(rig, order) == Code::kHandleStale);
  call.alice_sends(voice(1));
  CHECK_EQ(call.bob.receive(), voice(1));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kOrdersRefused) == 5.0; }));
}

TEST("SRTP of a running call allocates nothing, its strangers included") {
  Rig rig;
  MixedCall call(rig, kSuite);
  std::uint32_t number = 0;
  const auto pass = [&] {
    ++number;
    const Buffer packet = protect(call.send, voice(number)).bytes;
    call.alice.send(call.left.rtp_port, packet);
    call.alice.send(call.left.rtp_port, packet);
    call.bob.send(call.right.rtp_port, voice(number, 9));
    return !call.bob.receive().empty() && !call.alice.receive().empty();
  };
  CHECK_TRUE(pass());
  const auto others = [] { return allocations_total() - allocations_of_this_thread(); };
  const std::uint64_t before = others();
  for (int count = 0; count < 300; ++count)
    CHECK_TRUE(pass());
  CHECK_EQ(others() - before, 0u);
}
