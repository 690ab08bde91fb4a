// SRTP contexts: what comes through, and above all what doesn't. Re-keying and take-over are in
// rekey_test.cc, other people's packets in libsrtp_test.cc.
#include "srtp/context.h"

#include <vector>

#include "base/prng.h"
#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using test::a_key;
using test::APacket;
using test::Buffer;
using test::protect;
using test::protect_rtcp;
using test::Sent;
using test::unprotect;
using test::unprotect_rtcp;

struct Pair {
  SendContext send;
  ReceiveContext receive;

  explicit Pair(Suite suite, Isa isa = best_isa(), const Buffer& mki = {})
      : send(SendContext::create(a_key(suite, 1, mki), isa).value()),
        receive(ReceiveContext::create(a_key(suite, 1, mki), isa).value()) {}
};

Buffer voice(std::uint16_t sequence, std::uint32_t ssrc = 0x1234) {
  return APacket{}
      .sequence(sequence)
      .timestamp(sequence * 160u)
      .ssrc(ssrc)
      .payload(Buffer(160, static_cast<std::uint8_t>(sequence)))
      .bytes();
}
Buffer a_report(std::uint32_t ssrc = 0x1234) {
  return test::an_rtcp_packet(201, 0, test::words({ssrc}));
}

TEST("A29 a packet comes back as it was, under every suite, by our kernels and by the library's") {
  for (const Suite suite : test::kAllSuites) {
    for (const Isa isa : {Isa::kC, best_isa()}) {
      Pair pair(suite, isa);
      for (const std::size_t payload : {0, 1, 2, 15, 16, 17, 80, 160, 320, 1'188, 1'488}) {
        const Buffer plain = APacket{}
                                 .sequence(static_cast<std::uint16_t>(payload))
                                 .payload(Buffer(payload, 0x5a))
                                 .bytes();
        const Sent sent = protect(pair.send, plain);
        REQUIRE(sent.verdict == Verdict::kOk);
        CHECK_EQ(sent.bytes.size(), plain.size() + shape_of(suite).rtp_tag_bytes);
        CHECK_EQ(Bytes(sent.bytes).first(12), Bytes(plain).first(12));
        const Sent received = unprotect(pair.receive, sent.bytes);
        CHECK_EQ(received.verdict, Verdict::kOk);
        CHECK_EQ(received.bytes, plain);
      }
      CHECK_EQ(pair.receive.counts()[Verdict::kOk], 11u);
    }
  }
}

TEST("our kernels and the library's make the same packets") {
  for (const Suite suite : test::kAllSuites) {
    Pair own(suite);
    Pair library(suite, Isa::kC);
    Prng prng(5);
    for (std::uint16_t number = 0; number < 300; ++number) {
      const Buffer plain =
          APacket{}.sequence(number).payload(test::random_bytes(prng, number)).bytes();
      CHECK_EQ(protect(own.send, plain).bytes, protect(library.send, plain).bytes);
      CHECK_EQ(protect_rtcp(own.send, a_report()).bytes,
               protect_rtcp(library.send, a_report()).bytes);
    }
  }
}

TEST("CSRCs, extension and padding come through; header and extension stay readable") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const Buffer plain = APacket{}
                             .csrcs({1, 2})
                             .extension(0xbede, {1, 2, 3, 4})
                             .payload({9, 9, 9})
                             .padding({0, 2})
                             .bytes();
    const Sent sent = protect(pair.send, plain);
    CHECK_EQ(Bytes(sent.bytes).first(28), Bytes(plain).first(28));
    CHECK_FALSE(test::equal(Bytes(sent.bytes).subspan(28, 5), Bytes(plain).subspan(28, 5)));
    CHECK_EQ(unprotect(pair.receive, sent.bytes).bytes, plain);
  }
}

TEST("A29 under a wrong key nothing comes through: counted, and not one byte is changed") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    ReceiveContext wrong = ReceiveContext::create(a_key(suite, 2), best_isa()).value();
    for (std::uint16_t number = 0; number < 50; ++number) {
      const Sent sent = protect(pair.send, voice(number));
      const Sent received = unprotect(wrong, sent.bytes);
      CHECK_EQ(received.verdict, Verdict::kUnauthentic);
      CHECK_EQ(received.bytes, sent.bytes);
      const Sent report = protect_rtcp(pair.send, a_report());
      CHECK_EQ(unprotect_rtcp(wrong, report.bytes).bytes, report.bytes);
    }
    CHECK_EQ(wrong.counts()[Verdict::kUnauthentic], 100u);
    CHECK_EQ(wrong.counts()[Verdict::kOk], 0u);
  }
}

TEST("one flipped bit anywhere is noticed, leaves the packet alone and disturbs nothing later") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const Sent first = protect(pair.send, voice(100));
    const Sent second = protect(pair.send, voice(101));
    REQUIRE(unprotect(pair.receive, first.bytes).verdict == Verdict::kOk);
    for (std::size_t bit = 0; bit < second.bytes.size() * 8; ++bit) {
      Buffer changed = second.bytes;
      changed[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
      const Sent received = unprotect(pair.receive, changed);
      CHECK_FALSE(received.verdict == Verdict::kOk);
      CHECK_EQ(received.bytes, changed);
    }
    CHECK_EQ(unprotect(pair.receive, second.bytes).bytes, voice(101));
  }
}

TEST("the same for every bit of an RTCP packet") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const Sent report = protect_rtcp(pair.send, a_report());
    for (std::size_t bit = 0; bit < report.bytes.size() * 8; ++bit) {
      Buffer changed = report.bytes;
      changed[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
      const Sent received = unprotect_rtcp(pair.receive, changed);
      CHECK_FALSE(received.verdict == Verdict::kOk);
      CHECK_EQ(received.bytes, changed);
    }
    CHECK_EQ(unprotect_rtcp(pair.receive, report.bytes).bytes, a_report());
  }
}

TEST("a packet cut anywhere is refused, without a read behind its end") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const Buffer plain = APacket{}.csrcs({1}).extension(0, {1, 2, 3, 4}).bytes();
    const Sent sent = protect(pair.send, plain);
    const Sent report = protect_rtcp(pair.send, a_report());
    for (std::size_t length = 0; length < sent.bytes.size(); ++length) {
      // A buffer of its own, so that AddressSanitizer watches its end.
      const Buffer cut(sent.bytes.begin(), sent.bytes.begin() + static_cast<long>(length));
      const Verdict verdict = unprotect(pair.receive, cut).verdict;
      CHECK_TRUE(verdict == Verdict::kTruncated || verdict == Verdict::kUnauthentic);
      if (length < 24 + shape_of(suite).rtp_tag_bytes) CHECK_EQ(verdict, Verdict::kTruncated);
    }
    for (std::size_t length = 0; length < report.bytes.size(); ++length) {
      const Buffer cut(report.bytes.begin(), report.bytes.begin() + static_cast<long>(length));
      const Verdict verdict = unprotect_rtcp(pair.receive, cut).verdict;
      CHECK_FALSE(verdict == Verdict::kOk);
    }
  }
}

TEST("what is no RTP of version 2, or longer than any packet, is malformed both ways") {
  Pair pair(Suite::kAeadAes128Gcm);
  CHECK_EQ(protect(pair.send, APacket{}.version(1).bytes()).verdict, Verdict::kMalformed);
  CHECK_EQ(unprotect(pair.receive, APacket{}.version(3).payload(Buffer(50)).bytes()).verdict,
           Verdict::kMalformed);
  CHECK_EQ(protect(pair.send, APacket{}.payload(Buffer(2'037)).bytes()).verdict,
           Verdict::kMalformed);
  CHECK_EQ(unprotect(pair.receive, APacket{}.payload(Buffer(2'037)).bytes()).verdict,
           Verdict::kMalformed);
  CHECK_EQ(protect(pair.send, {}).verdict, Verdict::kTruncated);
  CHECK_EQ(protect(pair.send, APacket{}.extension_claiming(0, {}, 0xffff).bytes()).verdict,
           Verdict::kTruncated);
  CHECK_EQ(protect_rtcp(pair.send, Buffer(7, 0x80)).verdict, Verdict::kTruncated);
  CHECK_EQ(protect_rtcp(pair.send, Buffer(8, 0x40)).verdict, Verdict::kMalformed);
  CHECK_EQ(unprotect_rtcp(pair.receive, Buffer(60, 0x00)).verdict, Verdict::kMalformed);
  CHECK_EQ(pair.send.counts()[Verdict::kMalformed], 3u);
}

TEST("a buffer without room for the tail is refused and left alone") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const Buffer plain = voice(1);
    Buffer buffer = plain;
    buffer.resize(plain.size() + shape_of(suite).rtp_tag_bytes - 1);
    CHECK_EQ(pair.send.protect_rtp(buffer, plain.size()).verdict, Verdict::kNoRoom);
    CHECK_EQ(Bytes(buffer).first(plain.size()), plain);
    buffer.resize(plain.size() + shape_of(suite).rtp_tag_bytes);
    CHECK_EQ(pair.send.protect_rtp(buffer, plain.size()).verdict, Verdict::kOk);
    Buffer report = a_report();
    CHECK_EQ(pair.send.protect_rtcp(report, report.size()).verdict, Verdict::kNoRoom);
  }
}

TEST("A29 a replayed packet is refused, as often as it comes") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const Sent sent = protect(pair.send, voice(7));
    const Sent report = protect_rtcp(pair.send, a_report());
    CHECK_EQ(unprotect(pair.receive, sent.bytes).verdict, Verdict::kOk);
    CHECK_EQ(unprotect_rtcp(pair.receive, report.bytes).verdict, Verdict::kOk);
    for (int repeat = 0; repeat < 10; ++repeat) {
      CHECK_EQ(unprotect(pair.receive, sent.bytes).verdict, Verdict::kReplayed);
      CHECK_EQ(unprotect_rtcp(pair.receive, report.bytes).verdict, Verdict::kReplayed);
    }
    CHECK_EQ(pair.receive.counts()[Verdict::kReplayed], 20u);
  }
}

TEST("packets in disorder come through within the window and are too old behind it") {
  Pair pair(Suite::kAesCm128HmacSha1Tag80);
  std::vector<Buffer> sent;
  for (std::uint16_t number = 0; number < 200; ++number) {
    sent.push_back(protect(pair.send, voice(number)).bytes);
  }
  CHECK_EQ(unprotect(pair.receive, sent[150]).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(pair.receive, sent[150 - 127]).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(pair.receive, sent[150 - 128]).verdict, Verdict::kTooOld);
  CHECK_EQ(unprotect(pair.receive, sent[199]).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(pair.receive, sent[151]).verdict, Verdict::kOk);
  CHECK_EQ(unprotect(pair.receive, sent[0]).verdict, Verdict::kTooOld);
}

TEST("a stream goes on over many wraps with loss, disorder and repeats, each packet heard once") {
  for (const Suite suite : {Suite::kAesCm128HmacSha1Tag80, Suite::kAeadAes128Gcm}) {
    Pair pair(suite);
    Prng prng(99);
    std::uint64_t heard = 0;
    std::uint64_t sent_once = 0;
    std::vector<Buffer> late;
    std::uint16_t number = 65'000;
    for (int packet = 0; packet < 10'000; ++packet) {
      number = static_cast<std::uint16_t>(number + 1 + prng.below(40));  // about three wraps
      const Sent sent = protect(pair.send, voice(number));
      REQUIRE(sent.verdict == Verdict::kOk);
      const std::uint32_t fate = prng.below(10);
      if (fate == 0) continue;
      ++sent_once;
      if (fate == 1) {
        late.push_back(sent.bytes);
        continue;
      }
      heard += unprotect(pair.receive, sent.bytes).verdict == Verdict::kOk;
      if (fate == 2) {
        CHECK_EQ(unprotect(pair.receive, sent.bytes).verdict, Verdict::kReplayed);
      }
      // Three packets late at most: 120 numbers.
      if (!late.empty() && prng.below(2) == 0) {
        const Verdict verdict = unprotect(pair.receive, late.back()).verdict;
        CHECK_TRUE(verdict == Verdict::kOk || verdict == Verdict::kTooOld);
        heard += verdict == Verdict::kOk;
        sent_once -= verdict != Verdict::kOk;
        late.pop_back();
      }
    }
    CHECK_EQ(heard, sent_once - late.size());
    CHECK_EQ(pair.receive.counts()[Verdict::kUnauthentic], 0u);
  }
}

TEST("a stream whose numbers wrapped before we heard it is understood") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    std::vector<Buffer> sent;
    for (std::uint32_t number = 65'500; number < 65'600; ++number) {
      sent.push_back(protect(pair.send, voice(static_cast<std::uint16_t>(number))).bytes);
    }
    CHECK_EQ(unprotect(pair.receive, sent[60]).verdict, Verdict::kOk);
    CHECK_EQ(unprotect(pair.receive, sent[10]).verdict, Verdict::kOk);  // late, before the wrap
    CHECK_EQ(unprotect(pair.receive, sent[61]).verdict, Verdict::kOk);
    CHECK_EQ(unprotect(pair.receive, sent[60]).verdict, Verdict::kReplayed);
  }
}

TEST("a packet from before the first one's rollover period is too old") {
  Pair pair(Suite::kAesCm128HmacSha1Tag80);
  REQUIRE(unprotect(pair.receive, protect(pair.send, voice(3)).bytes).verdict == Verdict::kOk);
  Pair other(Suite::kAesCm128HmacSha1Tag80);
  const Sent early = protect(other.send, voice(65'530));
  CHECK_EQ(unprotect(pair.receive, early.bytes).verdict, Verdict::kTooOld);
  CHECK_EQ(protect(pair.send, voice(65'530)).verdict, Verdict::kTooOld);
}

TEST("A29 forged numbers can't move the rollover counter or the window") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    Prng prng(13);
    for (std::uint16_t number = 0; number < 200; ++number) {
      const Sent sent = protect(pair.send, voice(number));
      for (int forged = 0; forged < 5; ++forged) {
        Buffer attack = sent.bytes;
        // Anywhere in the cycle: half of these look like a wrap to come, or one just passed.
        attack[2] = static_cast<std::uint8_t>(prng.next_u32());
        attack[3] = static_cast<std::uint8_t>(prng.next_u32());
        if (Bytes(attack)[2] == sent.bytes[2] && attack[3] == sent.bytes[3]) continue;
        CHECK_FALSE(unprotect(pair.receive, attack).verdict == Verdict::kOk);
      }
      CHECK_EQ(unprotect(pair.receive, sent.bytes).verdict, Verdict::kOk);
    }
    CHECK_EQ(pair.receive.counts()[Verdict::kOk], 200u);
  }
}

TEST("the receiver won't hear a packet of one SSRC under another") {
  Pair pair(Suite::kAesCm128HmacSha1Tag80);
  Buffer packet = protect(pair.send, voice(1, 0xaaaa)).bytes;
  packet[11] ^= 1;
  CHECK_EQ(unprotect(pair.receive, packet).verdict, Verdict::kUnauthentic);
}

TEST("streams of several SSRCs don't disturb each other") {
  Pair pair(Suite::kAeadAes128Gcm);
  for (std::uint16_t number = 0; number < 500; ++number) {
    for (std::uint32_t ssrc = 1; ssrc <= 8; ++ssrc) {
      const auto sequence = static_cast<std::uint16_t>(number + ssrc * 8'190);
      const Sent sent = protect(pair.send, voice(sequence, ssrc));
      CHECK_EQ(unprotect(pair.receive, sent.bytes).verdict, Verdict::kOk);
    }
  }
}

TEST("two senders of one SSRC under one key: the second use of a number never leaves") {
  Pair pair(Suite::kAesCm128HmacSha1Tag80);
  CHECK_EQ(protect(pair.send, voice(10)).verdict, Verdict::kOk);
  const Buffer other = APacket{}.sequence(10).ssrc(0x1234).payload({1, 2, 3}).bytes();
  CHECK_EQ(protect(pair.send, other).verdict, Verdict::kReplayed);
  Buffer buffer = other;
  buffer.resize(other.size() + kSrtpTailBytesMax, 0xee);
  CHECK_EQ(pair.send.protect_rtp(buffer, other.size()).verdict, Verdict::kReplayed);
  CHECK_EQ(Bytes(buffer).first(other.size()), other);
  CHECK_EQ(Bytes(buffer)[other.size()], 0xee);
  CHECK_EQ(pair.send.counts()[Verdict::kReplayed], 2u);
}

TEST("a thirty-third SSRC is refused and counted, the others go on") {
  Pair pair(Suite::kAesCm128HmacSha1Tag80);
  for (std::uint32_t ssrc = 1; ssrc <= kSrtpSourcesMax; ++ssrc) {
    CHECK_EQ(unprotect(pair.receive, protect(pair.send, voice(1, ssrc)).bytes).verdict,
             Verdict::kOk);
  }
  CHECK_EQ(protect(pair.send, voice(1, 500)).verdict, Verdict::kSourcesFull);
  CHECK_EQ(protect_rtcp(pair.send, a_report(501)).verdict, Verdict::kSourcesFull);
  Pair other(Suite::kAesCm128HmacSha1Tag80);
  const Sent stranger = protect(other.send, voice(1, 500));
  CHECK_EQ(unprotect(pair.receive, stranger.bytes).verdict, Verdict::kSourcesFull);
  const Sent report = protect_rtcp(other.send, a_report(500));
  CHECK_EQ(unprotect_rtcp(pair.receive, report.bytes).verdict, Verdict::kSourcesFull);
  CHECK_EQ(unprotect(pair.receive, protect(pair.send, voice(2, 1)).bytes).verdict, Verdict::kOk);
}

TEST("packets that fail make no source known") {
  const Suite suite = Suite::kAesCm128HmacSha1Tag80;
  Pair pair(suite);
  SendContext stranger = SendContext::create(a_key(suite, 9), best_isa()).value();
  for (std::uint32_t ssrc = 1; ssrc <= kSrtpSourcesMax; ++ssrc) {
    CHECK_EQ(unprotect(pair.receive, protect(stranger, voice(1, ssrc)).bytes).verdict,
             Verdict::kUnauthentic);
  }
  CHECK_EQ(unprotect(pair.receive, protect(pair.send, voice(1, 77)).bytes).verdict, Verdict::kOk);
}

TEST("RTCP counts its own index from 0, is encrypted, and signed with 80 bits under _32 too") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    const std::size_t tail = shape_of(suite).aead ? 0 : 10;
    for (std::uint32_t index = 0; index < 3; ++index) {
      const Sent sent = protect_rtcp(pair.send, a_report());
      CHECK_EQ(sent.bytes.size(), a_report().size() + 4 + (shape_of(suite).aead ? 16 : 10));
      CHECK_EQ(load_u32(sent.bytes.data() + sent.bytes.size() - tail - 4), 0x8000'0000u | index);
      CHECK_EQ(unprotect_rtcp(pair.receive, sent.bytes).bytes, a_report());
    }
  }
}

TEST("RTCP that claims not to be encrypted is refused") {
  for (const Suite suite : test::kAllSuites) {
    Pair pair(suite);
    Buffer report = protect_rtcp(pair.send, a_report()).bytes;
    const std::size_t tail = shape_of(suite).aead ? 0 : 10;
    report[report.size() - tail - 4] &= 0x7f;
    CHECK_EQ(unprotect_rtcp(pair.receive, report).verdict, Verdict::kNotEncrypted);
  }
}

TEST("RTCP in disorder comes through once") {
  Pair pair(Suite::kAesCm128HmacSha1Tag80);
  const Buffer first = protect_rtcp(pair.send, a_report()).bytes;
  const Buffer second = protect_rtcp(pair.send, a_report()).bytes;
  CHECK_EQ(unprotect_rtcp(pair.receive, second).verdict, Verdict::kOk);
  CHECK_EQ(unprotect_rtcp(pair.receive, first).verdict, Verdict::kOk);
  CHECK_EQ(unprotect_rtcp(pair.receive, second).verdict, Verdict::kReplayed);
}

TEST("with an agreed MKI packets carry it, and those without or with another are refused") {
  for (const Suite suite : test::kAllSuites) {
    Pair named(suite, best_isa(), {0, 0, 0, 1});
    Pair other(suite, best_isa(), {0, 0, 0, 2});
    Pair plain(suite);
    CHECK_EQ(unprotect(named.receive, protect(named.send, voice(1)).bytes).bytes, voice(1));
    CHECK_EQ(unprotect_rtcp(named.receive, protect_rtcp(named.send, a_report()).bytes).bytes,
             a_report());
    CHECK_EQ(unprotect(named.receive, protect(other.send, voice(2)).bytes).verdict,
             Verdict::kKeyUnknown);
    CHECK_EQ(unprotect_rtcp(named.receive, protect_rtcp(other.send, a_report()).bytes).verdict,
             Verdict::kKeyUnknown);
    CHECK_FALSE(unprotect(named.receive, protect(plain.send, voice(2)).bytes).verdict ==
                Verdict::kOk);
    CHECK_EQ(unprotect(plain.receive, protect(named.send, voice(3)).bytes).verdict,
             Verdict::kUnauthentic);
  }
}

}  // namespace
