// A leg's keys: both directions joined, changes in mid-call, streams that can't be sent as they
// are.
#include "pipeline/leg_keys.h"

#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using pipeline::KeyPair;
using pipeline::LegKeys;
using srtp::Suite;
using test::a_key;
using test::APacket;
using test::Buffer;

constexpr Suite kSuite = Suite::kAesCm128HmacSha1Tag80;

Instant at_ms(std::int64_t ms) {
  return Instant::from_ns(ms * 1'000'000);
}

Buffer voice(std::uint32_t number, std::uint32_t ssrc = 7) {
  return APacket{}
      .sequence(static_cast<std::uint16_t>(number))
      .ssrc(ssrc)
      .payload(Buffer(160, 0x55))
      .bytes();
}

/// The keys of a leg whose peer sends under key `theirs` and hears under key `ours`.
std::unique_ptr<LegKeys> leg_of(std::uint64_t ours, std::uint64_t theirs, Suite suite = kSuite) {
  return std::move(LegKeys::create({a_key(suite, ours), a_key(suite, theirs)}, best_isa())).value();
}

/// The peer's side.
struct FarEnd {
  FarEnd(std::uint64_t sends, std::uint64_t hears, Suite suite = kSuite)
      : send(srtp::SendContext::create(a_key(suite, sends), best_isa()).value()),
        receive(srtp::ReceiveContext::create(a_key(suite, hears), best_isa()).value()) {}
  srtp::SendContext send;
  srtp::ReceiveContext receive;
};

Buffer sealed(LegKeys& keys, Buffer packet) {
  const std::size_t plain_bytes = packet.size();
  packet.resize(plain_bytes + kSrtpTailBytesMax);
  packet.resize(keys.protect_rtp(packet, plain_bytes));
  return packet;
}
Buffer opened(LegKeys& keys, Buffer packet, std::int64_t ms = 0) {
  packet.resize(keys.unprotect_rtp(at_ms(ms), packet));
  return packet;
}
std::uint16_t sequence_of(const Buffer& packet) {
  return load_u16(packet.data() + 2);
}

TEST("A29 a leg hears its peer and is heard by it, under every suite") {
  for (const Suite suite : test::kAllSuites) {
    const auto leg = leg_of(1, 2, suite);
    FarEnd peer(2, 1, suite);
    CHECK_EQ(opened(*leg, test::protect(peer.send, voice(5)).bytes), voice(5));
    CHECK_EQ(test::unprotect(peer.receive, sealed(*leg, voice(6))).bytes, voice(6));
    const Buffer report = test::an_rtcp_packet(201, 0, test::words({7}));
    Buffer there = test::protect_rtcp(peer.send, report).bytes;
    there.resize(leg->unprotect_rtcp(at_ms(0), there));
    CHECK_EQ(there, report);
    Buffer back = report;
    back.resize(report.size() + kSrtpTailBytesMax);
    back.resize(leg->protect_rtcp(back, report.size()));
    CHECK_EQ(test::unprotect_rtcp(peer.receive, back).bytes, report);
  }
}

TEST("A29 what is in the clear, of another key, replayed or cut is refused") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  FarEnd stranger(3, 1);
  CHECK_EQ(opened(*leg, voice(1)).size(), 0u);
  CHECK_EQ(opened(*leg, test::protect(stranger.send, voice(1)).bytes).size(), 0u);
  const Buffer packet = test::protect(peer.send, voice(1)).bytes;
  for (std::size_t bytes = 0; bytes < packet.size(); ++bytes) {
    const Buffer part(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(bytes));
    CHECK_EQ(opened(*leg, part).size(), 0u);
  }
  CHECK_EQ(opened(*leg, packet), voice(1));
  CHECK_EQ(opened(*leg, packet).size(), 0u);
}

TEST("A29 the same keys again change nothing, new ones are joined by the old for five seconds") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  const Buffer first = test::protect(peer.send, voice(1)).bytes;
  CHECK_EQ(opened(*leg, first), voice(1));
  REQUIRE(leg->change(at_ms(0), {a_key(kSuite, 1), a_key(kSuite, 2)}).ok());
  CHECK_EQ(opened(*leg, first).size(), 0u);

  REQUIRE(leg->change(at_ms(100), {a_key(kSuite, 11), a_key(kSuite, 12)}).ok());
  FarEnd later(12, 11);
  CHECK_EQ(opened(*leg, first, 200).size(), 0u);
  CHECK_EQ(opened(*leg, test::protect(peer.send, voice(2)).bytes, 5'099), voice(2));
  CHECK_EQ(opened(*leg, test::protect(later.send, voice(3)).bytes, 5'099), voice(3));
  CHECK_EQ(opened(*leg, test::protect(peer.send, voice(4)).bytes, 5'100).size(), 0u);
  leg->handle_deadline(at_ms(5'100));
  CHECK_EQ(opened(*leg, test::protect(later.send, voice(5)).bytes, 5'200), voice(5));
  CHECK_EQ(test::unprotect(later.receive, sealed(*leg, voice(6))).bytes, voice(6));
}

TEST("A29 a rollover counter goes on under the next key, for peers that keep theirs") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  for (const std::uint32_t number : {65'534u, 65'535u, 0u, 1u})
    CHECK_EQ(opened(*leg, test::protect(peer.send, voice(number)).bytes), voice(number));
  REQUIRE(leg->change(at_ms(0), {a_key(kSuite, 1), a_key(kSuite, 12)}).ok());
  REQUIRE(peer.send.rekey(a_key(kSuite, 12), srtp::RolloverRule::kKeep).ok());
  CHECK_EQ(opened(*leg, test::protect(peer.send, voice(2)).bytes), voice(2));
}

TEST("back to the key before within its five seconds, its packets are still known") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  const Buffer first = test::protect(peer.send, voice(1)).bytes;
  CHECK_EQ(opened(*leg, first), voice(1));
  REQUIRE(leg->change(at_ms(0), {a_key(kSuite, 1), a_key(kSuite, 12)}).ok());
  REQUIRE(leg->change(at_ms(50), {a_key(kSuite, 1), a_key(kSuite, 2)}).ok());
  CHECK_EQ(opened(*leg, first, 60).size(), 0u);
  CHECK_EQ(opened(*leg, test::protect(peer.send, voice(2)).bytes, 60), voice(2));
}

TEST("back to a key of longer ago, what was heard under it is still known") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  const Buffer first = test::protect(peer.send, voice(1)).bytes;
  const Buffer under_way = test::protect(peer.send, voice(2)).bytes;
  CHECK_EQ(opened(*leg, first), voice(1));
  REQUIRE(leg->change(at_ms(0), {a_key(kSuite, 1), a_key(kSuite, 12)}).ok());
  // Heard under the old key after the change.
  CHECK_EQ(opened(*leg, under_way, 100), voice(2));
  leg->handle_deadline(at_ms(5'000));
  REQUIRE(leg->change(at_ms(60'000), {a_key(kSuite, 1), a_key(kSuite, 2)}).ok());
  CHECK_EQ(opened(*leg, first, 60'010).size(), 0u);
  CHECK_EQ(opened(*leg, under_way, 60'010).size(), 0u);
  CHECK_EQ(opened(*leg, test::protect(peer.send, voice(3)).bytes, 60'020), voice(3));
  // The same for the key of the meantime, and for one that a third has pushed out at once.
  FarEnd meanwhile(12, 1);
  const Buffer other = test::protect(meanwhile.send, voice(4)).bytes;
  CHECK_EQ(opened(*leg, other, 60'030), voice(4));
  REQUIRE(leg->change(at_ms(60'040), {a_key(kSuite, 1), a_key(kSuite, 22)}).ok());
  leg->handle_deadline(at_ms(70'000));
  REQUIRE(leg->change(at_ms(80'000), {a_key(kSuite, 1), a_key(kSuite, 12)}).ok());
  CHECK_EQ(opened(*leg, other, 80'010).size(), 0u);
  CHECK_EQ(opened(*leg, first, 80'010).size(), 0u);
}

TEST("a stream that begins its numbers anew goes on where it stood from its second packet") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  for (std::uint32_t number = 30'000; number < 30'010; ++number)
    CHECK_EQ(test::unprotect(peer.receive, sealed(*leg, voice(number))).bytes, voice(number));
  CHECK_EQ(sealed(*leg, voice(100)).size(), 0u);
  for (std::uint32_t number = 101; number < 110; ++number) {
    const test::Sent heard = test::unprotect(peer.receive, sealed(*leg, voice(number)));
    REQUIRE(heard.verdict == srtp::Verdict::kOk);
    CHECK_EQ(sequence_of(heard.bytes), 30'010 + number - 101);
  }
  // A straggler from before is not sent again.
  CHECK_EQ(sealed(*leg, voice(30'005)).size(), 0u);
  CHECK_EQ(sealed(*leg, voice(110)).empty(), false);
}

TEST(
    "a stream that goes back by less than the replay window is heard again from its fifth packet") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  for (std::uint32_t number = 1'000; number < 1'100; ++number)
    REQUIRE(!sealed(*leg, voice(number)).empty());
  for (std::uint32_t number = 1'020; number < 1'024; ++number)
    CHECK_EQ(sealed(*leg, voice(number)).size(), 0u);
  for (std::uint32_t number = 1'024; number < 1'300; ++number) {
    const test::Sent heard = test::unprotect(peer.receive, sealed(*leg, voice(number)));
    REQUIRE(heard.verdict == srtp::Verdict::kOk);
    CHECK_EQ(sequence_of(heard.bytes), 1'100 + number - 1'024);
  }
  // And once more.
  for (std::uint32_t number = 1'250; number < 1'254; ++number)
    CHECK_EQ(sealed(*leg, voice(number)).size(), 0u);
  const test::Sent again = test::unprotect(peer.receive, sealed(*leg, voice(1'254)));
  REQUIRE(again.verdict == srtp::Verdict::kOk);
  CHECK_EQ(sequence_of(again.bytes), 1'376);
}

TEST("packets doubled in runs are sent once each as long as new ones come between") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  std::uint32_t number = 100;
  for (int burst = 0; burst < 50; ++burst) {
    for (int copy = 0; copy < 2; ++copy) {
      for (std::uint32_t index = 0; index < 4; ++index) {
        const Buffer packet = sealed(*leg, voice(number + index));
        CHECK_EQ(packet.empty(), copy == 1);
        if (copy == 0) CHECK_EQ(test::unprotect(peer.receive, packet).bytes, voice(number + index));
      }
    }
    number += 4;
  }
}

TEST("a packet doubled on the way is sent once, a late one in its place") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  for (const std::uint32_t number : {1u, 2u, 4u})
    (void)sealed(*leg, voice(number));
  CHECK_EQ(sealed(*leg, voice(2)).size(), 0u);
  CHECK_EQ(test::unprotect(peer.receive, sealed(*leg, voice(3))).bytes, voice(3));
  CHECK_EQ(sealed(*leg, voice(3)).size(), 0u);
}

TEST("a party that changes its SSRC without end stays audible under one key") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  std::uint32_t heard = 0;
  for (std::uint32_t ssrc = 1; ssrc <= 3 * kSrtpSourcesMax; ++ssrc) {
    for (std::uint32_t number = 0; number < 3; ++number) {
      const Buffer packet = sealed(*leg, voice(1'000 * ssrc + number, ssrc));
      if (test::unprotect(peer.receive, packet).verdict == srtp::Verdict::kOk) ++heard;
    }
  }
  CHECK_EQ(heard, 9 * kSrtpSourcesMax);
}

TEST(
    "reports of a stream that is sent under another SSRC name that one, and those about it the "
    "first") {
  const auto leg = leg_of(1, 2);
  FarEnd peer(2, 1);
  for (std::uint32_t ssrc = 1; ssrc <= kSrtpSourcesMax; ++ssrc)
    REQUIRE(!sealed(*leg, voice(1, ssrc)).empty());
  const std::uint32_t last = kSrtpSourcesMax;
  const std::uint32_t next = 5'000;
  REQUIRE(!sealed(*leg, voice(1, next)).empty());
  const auto report_of = [](std::uint32_t sender, std::uint32_t about) {
    Buffer body = test::words({sender, about});
    body.resize(4 + 24, 0);
    return test::an_rtcp_packet(201, 1, body);
  };
  Buffer out = report_of(next, 9);
  const std::size_t plain_bytes = out.size();
  out.resize(plain_bytes + kSrtpTailBytesMax);
  out.resize(leg->protect_rtcp(out, plain_bytes));
  CHECK_EQ(test::unprotect_rtcp(peer.receive, out).bytes, report_of(last, 9));
  Buffer in = test::protect_rtcp(peer.send, report_of(9, last)).bytes;
  in.resize(leg->unprotect_rtcp(at_ms(0), in));
  CHECK_EQ(in, report_of(9, next));
}

TEST("nothing is sent without room for its tail or that is no RTP") {
  const auto leg = leg_of(1, 2);
  Buffer packet = voice(1);
  CHECK_EQ(leg->protect_rtp(packet, packet.size()), 0u);
  Buffer odd(11 + kSrtpTailBytesMax, 0x80);
  CHECK_EQ(leg->protect_rtp(odd, 11), 0u);
  Buffer old(40 + kSrtpTailBytesMax, 0x40);
  CHECK_EQ(leg->protect_rtp(old, 40), 0u);
}

}  // namespace
