// Our packets and those of libsrtp (Debian: libsrtp2-dev), byte for byte and both ways: proof that
// nobody else's reading of RFC 3711 and RFC 7714 differs from ours.
#include "native/harness.h"
#include "native/srtp/build.h"
#include "srtp/context.h"

#if defined(TRUNKYARD_LIBSRTP)

#include <srtp2/srtp.h>

#include <vector>

#include "base/prng.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using test::APacket;
using test::Buffer;

/// libsrtp with one key, for one direction.
class Peer {
 public:
  Peer(const MasterKey& key, bool sends) {
    static const srtp_err_status_t started = srtp_init();
    CHECK_EQ(started, srtp_err_status_ok);
    Buffer material(key.key().begin(), key.key().end());
    material.insert(material.end(), key.salt().begin(), key.salt().end());
    srtp_policy_t policy{};
    policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
    policy.window_size = 128;
    policy.key = material.data();
    Buffer mki(key.mki().begin(), key.mki().end());
    srtp_master_key_t named{material.data(), mki.data(), static_cast<unsigned>(mki.size())};
    srtp_master_key_t* list = &named;
    if (!mki.empty()) {
      policy.key = nullptr;
      policy.keys = &list;
      policy.num_master_keys = 1;
      uses_mki_ = true;
    }
    switch (key.suite()) {
      case Suite::kAesCm128HmacSha1Tag80:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
        break;
      case Suite::kAesCm128HmacSha1Tag32:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
        break;
      case Suite::kAeadAes128Gcm:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        break;
      case Suite::kAeadAes256Gcm:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
        break;
    }
    CHECK_EQ(srtp_create(&session_, &policy), srtp_err_status_ok);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { (void)srtp_dealloc(session_); }

  Buffer protect(Buffer packet) {
    int length = static_cast<int>(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN);
    CHECK_EQ(srtp_protect_mki(session_, packet.data(), &length, uses_mki_, 0), srtp_err_status_ok);
    packet.resize(static_cast<std::size_t>(length));
    return packet;
  }
  Buffer protect_rtcp(Buffer packet) {
    int length = static_cast<int>(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
    CHECK_EQ(srtp_protect_rtcp_mki(session_, packet.data(), &length, uses_mki_, 0),
             srtp_err_status_ok);
    packet.resize(static_cast<std::size_t>(length));
    return packet;
  }
  Buffer unprotect(Buffer packet) {
    int length = static_cast<int>(packet.size());
    CHECK_EQ(srtp_unprotect_mki(session_, packet.data(), &length, uses_mki_), srtp_err_status_ok);
    packet.resize(static_cast<std::size_t>(length));
    return packet;
  }
  Buffer unprotect_rtcp(Buffer packet) {
    int length = static_cast<int>(packet.size());
    CHECK_EQ(srtp_unprotect_rtcp_mki(session_, packet.data(), &length, uses_mki_),
             srtp_err_status_ok);
    packet.resize(static_cast<std::size_t>(length));
    return packet;
  }

 private:
  srtp_t session_ = nullptr;
  unsigned uses_mki_ = 0;
};

Buffer a_packet(Prng& prng, std::uint16_t sequence, std::uint32_t ssrc) {
  APacket packet;
  packet.sequence(sequence).ssrc(ssrc).timestamp(prng.next_u32());
  if (prng.below(4) == 0) packet.csrcs({prng.next_u32()});
  if (prng.below(4) == 0) packet.extension(0xbede, {0x10, 1, 0, 0});
  return packet.payload(test::random_bytes(prng, prng.below(1'200))).bytes();
}

TEST("RTP goes both ways between libsrtp and us over a wrap, byte for byte the same") {
  for (const Suite suite : test::kAllSuites) {
    const MasterKey key = test::a_key(suite, 42);
    for (const Isa isa : {Isa::kC, best_isa()}) {
      SendContext send = SendContext::create(key, isa).value();
      ReceiveContext receive = ReceiveContext::create(key, isa).value();
      Peer peer_send(key, true);
      Peer peer_receive(key, false);
      Prng prng(7);
      std::uint16_t number = 60'000;
      for (int packet = 0; packet < 400; ++packet) {
        number = static_cast<std::uint16_t>(number + 1 + prng.below(60));
        const Buffer plain = a_packet(prng, number, 1 + prng.below(2));
        const Buffer ours = test::protect(send, plain).bytes;
        CHECK_EQ(ours, peer_send.protect(plain));
        CHECK_EQ(peer_receive.unprotect(ours), plain);
        CHECK_EQ(test::unprotect(receive, ours).bytes, plain);
      }
    }
  }
}

TEST("RTCP goes both ways between libsrtp and us") {
  for (const Suite suite : test::kAllSuites) {
    const MasterKey key = test::a_key(suite, 43);
    SendContext send = SendContext::create(key, best_isa()).value();
    ReceiveContext receive = ReceiveContext::create(key, best_isa()).value();
    Peer peer_send(key, true);
    Peer peer_receive(key, false);
    Prng prng(8);
    for (int packet = 0; packet < 200; ++packet) {
      Buffer body = test::words({7});
      const Buffer rest = test::random_bytes(prng, std::size_t{4} * prng.below(60));
      body.insert(body.end(), rest.begin(), rest.end());
      const Buffer plain = test::an_rtcp_packet(201, 0, body);
      CHECK_EQ(peer_receive.unprotect_rtcp(test::protect_rtcp(send, plain).bytes), plain);
      CHECK_EQ(test::unprotect_rtcp(receive, peer_send.protect_rtcp(plain)).bytes, plain);
    }
  }
}

TEST("an MKI stands where libsrtp expects it") {
  for (const Suite suite : test::kAllSuites) {
    const MasterKey key = test::a_key(suite, 44, {0, 0, 0, 7});
    SendContext send = SendContext::create(key, best_isa()).value();
    Peer peer_send(key, true);
    Peer peer_receive(key, false);
    const Buffer plain = APacket{}.bytes();
    const Buffer ours = test::protect(send, plain).bytes;
    CHECK_EQ(ours, peer_send.protect(plain));
    CHECK_EQ(peer_receive.unprotect(ours), plain);
    // libsrtp 2.5 looks for RTCP's MKI as far from the end as RTP's tag is long, which under _32 is
    // within the tag.
    if (suite == Suite::kAesCm128HmacSha1Tag32) continue;
    const Buffer report = test::an_rtcp_packet(201, 0, test::words({7}));
    CHECK_EQ(peer_receive.unprotect_rtcp(test::protect_rtcp(send, report).bytes), report);
  }
}

}  // namespace

#else

TEST("our packets and those of libsrtp are the same") {
  test::skip("libsrtp2-dev was not there when this was built");
}

#endif
