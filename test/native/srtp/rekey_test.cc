// A leg's keys over its life: re-INVITEs with the same key and with another, peers that keep their
// rollover counters and peers that don't, take-over by another engine, and keys that are used up.
#include <vector>

#include "native/harness.h"
#include "native/srtp/build.h"
#include "srtp/context.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using rtp::Ssrc;
using test::a_key;
using test::APacket;
using test::Buffer;
using test::protect;
using test::protect_rtcp;
using test::unprotect;
using test::unprotect_rtcp;

constexpr Suite kSuite = Suite::kAesCm128HmacSha1Tag80;
constexpr std::uint32_t kSsrc = 0x77;

Buffer voice(std::uint32_t number, std::uint32_t ssrc = kSsrc) {
  return APacket{}.sequence(static_cast<std::uint16_t>(number)).ssrc(ssrc).bytes();
}
SendContext sender(const MasterKey& key) {
  return SendContext::create(key, best_isa()).value();
}
ReceiveContext receiver(const MasterKey& key) {
  return ReceiveContext::create(key, best_isa()).value();
}

TEST("A29 a re-INVITE with the same key leaves the rollover counter and the window as they are") {
  for (const Suite suite : test::kAllSuites) {
    const MasterKey key = a_key(suite);
    SendContext send = sender(key);
    ReceiveContext receive = receiver(key);
    REQUIRE(send.resume(Ssrc{kSsrc}, rtp_index(5, 65'534), 40));
    REQUIRE(receive.resume(Ssrc{kSsrc}, rtp_index(5, 65'534)));
    const Buffer last = protect(send, voice(65'535)).bytes;
    REQUIRE(unprotect(receive, last).verdict == Verdict::kOk);
    REQUIRE(send.rekey(key, RolloverRule::kReset).ok());
    REQUIRE(receive.rekey(key).ok());
    CHECK_EQ(protect(send, voice(65'535)).verdict, Verdict::kReplayed);
    CHECK_EQ(unprotect(receive, last).verdict, Verdict::kReplayed);
    CHECK_EQ(unprotect(receive, protect(send, voice(65'536)).bytes).verdict, Verdict::kOk);
  }
}

TEST("the same key under another suite leaves every number used, too") {
  SendContext send = sender(a_key(kSuite));
  ReceiveContext receive = receiver(a_key(kSuite));
  REQUIRE(unprotect(receive, protect(send, voice(9)).bytes).verdict == Verdict::kOk);
  const MasterKey shorter = a_key(Suite::kAesCm128HmacSha1Tag32);
  REQUIRE(send.rekey(shorter, RolloverRule::kReset).ok());
  REQUIRE(receive.rekey(shorter).ok());
  CHECK_EQ(protect(send, voice(9)).verdict, Verdict::kReplayed);
  const Buffer next = protect(send, voice(10)).bytes;
  CHECK_EQ(next.size(), voice(10).size() + 4);
  CHECK_EQ(unprotect(receive, next).verdict, Verdict::kOk);
}

TEST("under another key a stream goes on, whether the peer keeps its rollover counter or not") {
  for (const Suite suite : test::kAllSuites) {
    for (const RolloverRule rule : {RolloverRule::kKeep, RolloverRule::kReset}) {
      SendContext send = sender(a_key(suite, 1));
      ReceiveContext receive = receiver(a_key(suite, 1));
      // Three wraps in, by steps that a receiver can follow.
      for (std::uint32_t number = 1; number < 3 * 65'536 + 500; number += 20'000) {
        REQUIRE(unprotect(receive, protect(send, voice(number)).bytes).verdict == Verdict::kOk);
      }
      REQUIRE(send.rekey(a_key(suite, 2), rule).ok());
      REQUIRE(receive.rekey(a_key(suite, 2)).ok());
      for (std::uint32_t number = 3 * 65'536 + 600; number < 5 * 65'536; number += 10'000) {
        CHECK_EQ(unprotect(receive, protect(send, voice(number)).bytes).verdict, Verdict::kOk);
        CHECK_EQ(unprotect_rtcp(
                     receive,
                     protect_rtcp(send, test::an_rtcp_packet(201, 0, test::words({kSsrc}))).bytes)
                     .verdict,
                 Verdict::kOk);
      }
      CHECK_EQ(receive.counts()[Verdict::kUnauthentic], 0u);
    }
  }
}

TEST("A29 back under a key used before, its old packets are replays and the stream goes on") {
  for (const Suite suite : test::kAllSuites) {
    SendContext send = sender(a_key(suite, 1));
    ReceiveContext receive = receiver(a_key(suite, 1));
    const Buffer report = test::an_rtcp_packet(201, 0, test::words({kSsrc}));
    std::vector<Buffer> recorded;
    for (std::uint32_t number = 1; number <= 300; ++number) {
      recorded.push_back(protect(send, voice(number)).bytes);
      REQUIRE(unprotect(receive, recorded.back()).verdict == Verdict::kOk);
    }
    const Buffer recorded_report = protect_rtcp(send, report).bytes;
    REQUIRE(unprotect_rtcp(receive, recorded_report).verdict == Verdict::kOk);
    REQUIRE(send.rekey(a_key(suite, 2), RolloverRule::kKeep).ok());
    REQUIRE(receive.rekey(a_key(suite, 2)).ok());
    // So far on that from the old place its numbers could not be understood any more.
    for (std::uint32_t number = 301; number < 100'000; number += 9'000) {
      REQUIRE(unprotect(receive, protect(send, voice(number)).bytes).verdict == Verdict::kOk);
    }
    REQUIRE(send.rekey(a_key(suite, 1), RolloverRule::kKeep).ok());
    REQUIRE(receive.rekey(a_key(suite, 1)).ok());
    for (const Buffer& packet : recorded)
      CHECK_TRUE(unprotect(receive, packet).verdict != Verdict::kOk);
    CHECK_EQ(unprotect_rtcp(receive, recorded_report).verdict, Verdict::kReplayed);
    for (std::uint32_t number = 100'000; number < 100'010; ++number)
      CHECK_EQ(unprotect(receive, protect(send, voice(number)).bytes).verdict, Verdict::kOk);
    CHECK_EQ(unprotect_rtcp(receive, protect_rtcp(send, report).bytes).verdict, Verdict::kOk);
    // From the present place their numbers may be those of packets to come; no key opens them
    // there.
    for (const Buffer& packet : recorded)
      CHECK_TRUE(unprotect(receive, packet).verdict != Verdict::kOk);
  }
}

TEST("back under a key used before, no part of its keystream is used again, whatever the rule") {
  for (const RolloverRule rule : {RolloverRule::kKeep, RolloverRule::kReset}) {
    SendContext send = sender(a_key(kSuite, 1));
    for (std::uint32_t number = 1; number <= 5; ++number)
      REQUIRE(protect(send, voice(number)).verdict == Verdict::kOk);
    REQUIRE(send.rekey(a_key(kSuite, 2), rule).ok());
    REQUIRE(protect(send, voice(6)).verdict == Verdict::kOk);
    REQUIRE(send.rekey(a_key(kSuite, 1), rule).ok());
    for (std::uint32_t number = 1; number <= 5; ++number)
      CHECK_EQ(protect(send, voice(number)).verdict, Verdict::kReplayed);
    CHECK_EQ(protect(send, voice(7)).verdict, Verdict::kOk);
  }
}

TEST("a stream that starts over at any number under another key is heard") {
  SendContext send = sender(a_key(kSuite, 1));
  ReceiveContext receive = receiver(a_key(kSuite, 1));
  REQUIRE(unprotect(receive, protect(send, voice(5)).bytes).verdict == Verdict::kOk);
  REQUIRE(send.rekey(a_key(kSuite, 2), RolloverRule::kKeep).ok());
  REQUIRE(receive.rekey(a_key(kSuite, 2)).ok());
  CHECK_EQ(unprotect(receive, protect(send, voice(65'000)).bytes).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(receive, protect(send, voice(65'001)).bytes).verdict, Verdict::kOk);
}

TEST("packets of the old key are refused after a change, and its context still hears them") {
  for (const Suite suite : test::kAllSuites) {
    SendContext send = sender(a_key(suite, 1));
    ReceiveContext old = receiver(a_key(suite, 1));
    ReceiveContext fresh = receiver(a_key(suite, 2));
    const Buffer on_the_way = protect(send, voice(5)).bytes;
    const test::Sent refused = unprotect(fresh, on_the_way);
    CHECK_EQ(refused.verdict, Verdict::kUnauthentic);
    CHECK_EQ(unprotect(old, refused.bytes).bytes, voice(5));
  }
}

TEST("a full table of sources makes room for new ones under a new key") {
  SendContext send = sender(a_key(kSuite, 1));
  ReceiveContext receive = receiver(a_key(kSuite, 1));
  for (std::uint32_t ssrc = 1; ssrc <= kSrtpSourcesMax; ++ssrc) {
    REQUIRE(unprotect(receive, protect(send, voice(1, ssrc)).bytes).verdict == Verdict::kOk);
  }
  REQUIRE(send.rekey(a_key(kSuite, 2), RolloverRule::kKeep).ok());
  REQUIRE(receive.rekey(a_key(kSuite, 2)).ok());
  for (std::uint32_t ssrc = 101; ssrc <= 100 + kSrtpSourcesMax; ++ssrc) {
    CHECK_EQ(unprotect(receive, protect(send, voice(1, ssrc)).bytes).verdict, Verdict::kOk);
  }
  CHECK_EQ(protect(send, voice(1, 200)).verdict, Verdict::kSourcesFull);
}

TEST("an engine that takes a leg over goes on where the other stopped") {
  const MasterKey key = a_key(kSuite);
  ReceiveContext peer = receiver(key);
  SendContext peer_send = sender(key);
  REQUIRE(peer.resume(Ssrc{kSsrc}, rtp_index(9, 100)));
  REQUIRE(peer_send.resume(Ssrc{kSsrc}, rtp_index(9, 100), 0));

  SendContext send = sender(key);
  ReceiveContext receive = receiver(key);
  REQUIRE(send.resume(Ssrc{kSsrc}, rtp_index(9, 100), 55));
  REQUIRE(receive.resume(Ssrc{kSsrc}, rtp_index(9, 90)));
  CHECK_EQ(protect(send, voice(100)).verdict, Verdict::kReplayed);
  CHECK_EQ(unprotect(peer, protect(send, voice(101)).bytes).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(receive, protect(peer_send, voice(101)).bytes).verdict, Verdict::kOk);
  const Buffer report =
      protect_rtcp(send, test::an_rtcp_packet(201, 0, test::words({kSsrc}))).bytes;
  CHECK_EQ(load_u32(report.data() + report.size() - 14), 0x8000'0000u + 55);
}

TEST("a wrong hint about where a stream stands does no harm") {
  ReceiveContext receive = receiver(a_key(kSuite));
  SendContext send = sender(a_key(kSuite));
  REQUIRE(receive.resume(Ssrc{kSsrc}, rtp_index(1'000, 5)));
  CHECK_EQ(unprotect(receive, protect(send, voice(40'000)).bytes).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(receive, protect(send, voice(40'001)).bytes).verdict, Verdict::kOk);
}

TEST("after 2^48 RTP packets of a source the key is used up, on both sides") {
  const MasterKey key = a_key(kSuite);
  SendContext send = sender(key);
  ReceiveContext receive = receiver(key);
  REQUIRE(send.resume(Ssrc{kSsrc}, kRtpIndexEnd - 3, 0));
  REQUIRE(receive.resume(Ssrc{kSsrc}, kRtpIndexEnd - 3));
  CHECK_EQ(unprotect(receive, protect(send, voice(65'534)).bytes).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(receive, protect(send, voice(65'535)).bytes).verdict, Verdict::kOk);
  CHECK_EQ(protect(send, voice(0)).verdict, Verdict::kKeyExhausted);
  CHECK_EQ(send.counts()[Verdict::kKeyExhausted], 1u);
  Buffer forged = voice(0);
  forged.resize(forged.size() + 10);
  CHECK_EQ(unprotect(receive, forged).verdict, Verdict::kKeyExhausted);
  REQUIRE(send.rekey(a_key(kSuite, 2), RolloverRule::kReset).ok());
  REQUIRE(receive.rekey(a_key(kSuite, 2)).ok());
  CHECK_EQ(unprotect(receive, protect(send, voice(0)).bytes).verdict, Verdict::kOk);
}

TEST("after 2^31 RTCP packets of a source the key is used up") {
  SendContext send = sender(a_key(kSuite));
  const Buffer report = test::an_rtcp_packet(201, 0, test::words({kSsrc}));
  REQUIRE(send.resume(Ssrc{kSsrc}, 1, 0x7fff'ffff));
  CHECK_EQ(protect_rtcp(send, report).verdict, Verdict::kOk);
  CHECK_EQ(protect_rtcp(send, report).verdict, Verdict::kKeyExhausted);
}

}  // namespace
