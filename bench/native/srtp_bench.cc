// srtp_bench: what protecting and unprotecting an RTP packet costs under each suite: by our
// kernels, by OpenSSL alone, and by libsrtp (Debian: libsrtp2-dev) where it was there to build
// with.
//
//   srtp_bench           ns of CPU a packet, the least of several runs taken in turn
//   srtp_bench --count   runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/srtp_bench --count
//                        which counts instructions; one dump for each line printed. valgrind knows
//                        no SHA instructions, so HMAC-SHA1 is OpenSSL's there
//
// Packets of 172 bytes (20 ms of G.711) and of 1,200.

#if defined(TRUNKYARD_LIBSRTP)
#include <srtp2/srtp.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/isa.h"
#include "srtp/context.h"

#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::srtp;

constexpr std::size_t kRuns = 15;
constexpr std::size_t kPackets = 200;
constexpr std::size_t kSizes[] = {172, 1'200};

struct NamedSuite {
  Suite suite;
  const char* name;
};
constexpr NamedSuite kNamed[] = {
    {Suite::kAesCm128HmacSha1Tag80, "AES_CM_128_HMAC_SHA1_80"},
    {Suite::kAesCm128HmacSha1Tag32, "AES_CM_128_HMAC_SHA1_32"},
    {Suite::kAeadAes128Gcm, "AEAD_AES_128_GCM"},
    {Suite::kAeadAes256Gcm, "AEAD_AES_256_GCM"},
};

MasterKey key_of(Suite suite) {
  std::array<std::uint8_t, kMasterKeyBytesMax> bytes{};
  for (std::size_t index = 0; index < bytes.size(); ++index)
    bytes[index] = static_cast<std::uint8_t>(3 * index + 1);
  const SuiteShape shape = shape_of(suite);
  return MasterKey::from_bytes(suite, Bytes(bytes).first(shape.key_bytes),
                               Bytes(bytes).first(shape.salt_bytes))
      .value();
}

/// One implementation under one key, both directions.
class Work {
 public:
  virtual ~Work() = default;
  virtual const char* name() const = 0;
  /// @returns the length afterwards; 0 when refused.
  virtual std::size_t protect(MutableBytes buffer, std::size_t bytes) = 0;
  virtual std::size_t unprotect(MutableBytes packet) = 0;
};

class Ours : public Work {
 public:
  Ours(Suite suite, Isa isa)
      : isa_(isa),
        send_(SendContext::create(key_of(suite), isa).value()),
        receive_(ReceiveContext::create(key_of(suite), isa).value()) {}
  const char* name() const override { return isa_ == Isa::kC ? "OpenSSL alone" : "ours"; }
  std::size_t protect(MutableBytes buffer, std::size_t bytes) override {
    return send_.protect_rtp(buffer, bytes).bytes;
  }
  std::size_t unprotect(MutableBytes packet) override {
    return receive_.unprotect_rtp(packet).bytes;
  }

 private:
  Isa isa_;
  SendContext send_;
  ReceiveContext receive_;
};

#if defined(TRUNKYARD_LIBSRTP)
class Libsrtp : public Work {
 public:
  explicit Libsrtp(Suite suite) : send_(open(suite, true)), receive_(open(suite, false)) {}
  ~Libsrtp() override {
    (void)srtp_dealloc(send_);
    (void)srtp_dealloc(receive_);
  }
  const char* name() const override { return "libsrtp"; }
  std::size_t protect(MutableBytes buffer, std::size_t bytes) override {
    int length = static_cast<int>(bytes);
    const bool done = srtp_protect(send_, buffer.data(), &length) == srtp_err_status_ok;
    return done ? static_cast<std::size_t>(length) : 0;
  }
  std::size_t unprotect(MutableBytes packet) override {
    int length = static_cast<int>(packet.size());
    const bool done = srtp_unprotect(receive_, packet.data(), &length) == srtp_err_status_ok;
    return done ? static_cast<std::size_t>(length) : 0;
  }

 private:
  static srtp_t open(Suite suite, bool sends) {
    const MasterKey key = key_of(suite);
    std::vector<std::uint8_t> material(key.key().begin(), key.key().end());
    material.insert(material.end(), key.salt().begin(), key.salt().end());
    srtp_policy_t policy{};
    const auto set = [&](auto function) {
      function(&policy.rtp);
      function(&policy.rtcp);
    };
    if (suite == Suite::kAesCm128HmacSha1Tag80) set(srtp_crypto_policy_set_rtp_default);
    if (suite == Suite::kAesCm128HmacSha1Tag32) set(srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32);
    if (suite == Suite::kAeadAes128Gcm) set(srtp_crypto_policy_set_aes_gcm_128_16_auth);
    if (suite == Suite::kAeadAes256Gcm) set(srtp_crypto_policy_set_aes_gcm_256_16_auth);
    policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = material.data();
    policy.window_size = 128;
    srtp_t session = nullptr;
    CHECK(srtp_create(&session, &policy) == srtp_err_status_ok);
    return session;
  }

  srtp_t send_;
  srtp_t receive_;
};
#endif

using Packet = std::array<std::uint8_t, 1'200 + 160>;

struct Times {
  double protect_ns = std::numeric_limits<double>::max();
  double unprotect_ns = std::numeric_limits<double>::max();
};

/// A batch of packets protected, then unprotected; their numbers go on from run to run.
class Batch {
 public:
  explicit Batch(std::size_t bytes) : bytes_(bytes), packets_(kPackets), lengths_(kPackets) {}

  void write() {
    for (Packet& packet : packets_) {
      packet.fill(static_cast<std::uint8_t>(number_));
      packet[0] = 0x80;
      store_u16(packet.data() + 2, number_++);
      store_u32(packet.data() + 8, 0x5eed);
    }
  }
  void protect(Work& work) {
    for (std::size_t index = 0; index < kPackets; ++index)
      lengths_[index] = work.protect(packets_[index], bytes_);
  }
  void unprotect(Work& work) {
    for (std::size_t index = 0; index < kPackets; ++index)
      lengths_[index] = work.unprotect(MutableBytes(packets_[index]).first(lengths_[index]));
  }
  /// Every packet must have come back, or the figure means nothing.
  void check() const {
    for (const std::size_t length : lengths_)
      CHECK(length == bytes_);
  }

 private:
  std::size_t bytes_;
  std::vector<Packet> packets_;
  std::vector<std::size_t> lengths_;
  std::uint16_t number_ = 1;
};

void count(Work& work, const char* suite, std::size_t bytes) {
  Batch batch(bytes);
  batch.write();
  CALLGRIND_TOGGLE_COLLECT;
  batch.protect(work);
  CALLGRIND_TOGGLE_COLLECT;
  const auto dump = [&](const char* what) {
    const std::string name =
        std::string(suite) + " " + work.name() + " " + std::to_string(bytes) + " " + what;
    dump_count(name.c_str(), kPackets);
  };
  dump("protect");
  CALLGRIND_TOGGLE_COLLECT;
  batch.unprotect(work);
  CALLGRIND_TOGGLE_COLLECT;
  dump("unprotect");
  batch.check();
  std::printf("%-24s %-14s %5zu bytes: %zu packets protected, then unprotected\n", suite,
              work.name(), bytes, kPackets);
}

Times run_once(Work& work, Batch& batch) {
  batch.write();
  const double start = cpu_ns();
  batch.protect(work);
  const double middle = cpu_ns();
  batch.unprotect(work);
  const double end = cpu_ns();
  batch.check();
  return {(middle - start) / kPackets, (end - middle) / kPackets};
}

std::vector<std::unique_ptr<Work>> all_works(Suite suite) {
  std::vector<std::unique_ptr<Work>> works;
  works.push_back(std::make_unique<Ours>(suite, best_isa()));
  works.push_back(std::make_unique<Ours>(suite, Isa::kC));
#if defined(TRUNKYARD_LIBSRTP)
  works.push_back(std::make_unique<Libsrtp>(suite));
#endif
  return works;
}

}  // namespace

int main(int argc, char** argv) {
  const bool counts = argc == 2 && std::strcmp(argv[1], "--count") == 0;
  if (argc > 1 && !counts) {
    std::puts("srtp_bench [--count]: what SRTP costs a packet; see srtp_bench.cc");
    return 2;
  }
#if defined(TRUNKYARD_LIBSRTP)
  CHECK(srtp_init() == srtp_err_status_ok);
#endif
  for (const NamedSuite& named : kNamed) {
    for (const std::size_t bytes : kSizes) {
      const auto works = all_works(named.suite);
      std::vector<Batch> batches(works.size(), Batch(bytes));
      std::vector<Times> least(works.size());
      for (std::size_t run = 0; run < kRuns && !counts; ++run) {
        for (std::size_t index = 0; index < works.size(); ++index) {
          const Times times = run_once(*works[index], batches[index]);
          least[index].protect_ns = std::min(least[index].protect_ns, times.protect_ns);
          least[index].unprotect_ns = std::min(least[index].unprotect_ns, times.unprotect_ns);
        }
      }
      for (std::size_t index = 0; index < works.size(); ++index) {
        if (counts) {
          count(*works[index], named.name, bytes);
          continue;
        }
        std::printf("%-24s %-14s %5zu bytes: protect %7.0f ns, unprotect %7.0f ns\n", named.name,
                    works[index]->name(), bytes, least[index].protect_ns,
                    least[index].unprotect_ns);
      }
    }
  }
  return 0;
}
