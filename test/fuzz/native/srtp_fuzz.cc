// SRTP: arbitrary bytes into receiving contexts of every suite; and a script of packets that were
// valid until the input changed them, with what must hold of each verdict.
#include <algorithm>
#include <array>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "fuzz/native/targets.h"
#include "srtp/context.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;

using Packet = std::array<std::uint8_t, kPacketBytesMax + kSrtpTailBytesMax>;

MasterKey key_of(Suite suite) {
  std::array<std::uint8_t, kMasterKeyBytesMax> key{};
  std::array<std::uint8_t, kMasterSaltBytesMax> salt{};
  key.fill(0x42);
  salt.fill(0x17);
  const SuiteShape shape = shape_of(suite);
  return MasterKey::from_bytes(suite, Bytes(key).first(shape.key_bytes),
                               Bytes(salt).first(shape.salt_bytes))
      .value();
}

struct Pair {
  SendContext send;
  ReceiveContext receive;

  explicit Pair(Suite suite)
      : send(SendContext::create(key_of(suite), best_isa()).value()),
        receive(ReceiveContext::create(key_of(suite), best_isa()).value()) {}
};

/// Whatever comes: refused, and left as it was. The chance to hit a 32-bit tag is one in 2^32.
void arbitrary(Suite suite, Bytes input) {
  // What is refused leaves no trace, so these serve every input.
  static std::vector<ReceiveContext> contexts = [] {
    std::vector<ReceiveContext> made;
    for (std::size_t number = 0; number < kSuites; ++number) {
      const MasterKey key = key_of(static_cast<Suite>(number));
      made.push_back(ReceiveContext::create(key, best_isa()).value());
    }
    return made;
  }();
  ReceiveContext& receive = contexts[static_cast<std::size_t>(suite)];
  // Exactly as long as the input, so that AddressSanitizer sees a read behind its end.
  std::vector<std::uint8_t> packet(input.begin(), input.end());
  const Outcome rtp = receive.unprotect_rtp(packet);
  CHECK(rtp.verdict != Verdict::kOk && rtp.bytes == 0);
  CHECK(std::equal(packet.begin(), packet.end(), input.begin(), input.end()));
  const Outcome rtcp = receive.unprotect_rtcp(packet);
  CHECK(rtcp.verdict != Verdict::kOk && rtcp.bytes == 0);
  CHECK(std::equal(packet.begin(), packet.end(), input.begin(), input.end()));
}

/// Any bytes may be handed to us to be protected: refused as no RTP, or they come back the same.
void round_trip(Pair& pair, Bytes input, bool rtcp) {
  if (input.empty() || input.size() > kPacketBytesMax) return;
  Packet buffer;
  std::copy(input.begin(), input.end(), buffer.begin());
  const Outcome sent = rtcp ? pair.send.protect_rtcp(buffer, input.size())
                            : pair.send.protect_rtp(buffer, input.size());
  if (sent.verdict != Verdict::kOk) {
    CHECK(std::equal(input.begin(), input.end(), buffer.begin()));
    return;
  }
  CHECK(sent.bytes > input.size() && sent.bytes <= input.size() + kSrtpTailBytesMax);
  std::vector<std::uint8_t> packet(buffer.begin(), buffer.begin() + sent.bytes);
  const auto receive = [&] {
    return rtcp ? pair.receive.unprotect_rtcp(packet) : pair.receive.unprotect_rtp(packet);
  };
  // One changed bit must cost it its life, and nothing else.
  const std::size_t place = input.back() % packet.size();
  packet[place] ^= 0x20;
  CHECK(receive().verdict != Verdict::kOk);
  packet[place] ^= 0x20;
  const Outcome received = receive();
  if (sent.bytes > kPacketBytesMax) {
    CHECK(received.verdict == Verdict::kMalformed);
    return;
  }
  CHECK(received.verdict == Verdict::kOk);
  CHECK(received.bytes == input.size());
  CHECK(std::equal(input.begin(), input.end(), packet.begin()));
}

/// Packets of one stream in an order that the input chooses, some lost, some forged: what is heard
/// is what was sent, and no forgery is.
void script(Pair& pair, Bytes input) {
  constexpr std::size_t kStepBytes = 3;
  constexpr std::size_t kPlainBytes = 16;
  constexpr std::size_t kStepsMax = 64;  // what 200 can show, 64 can, in a third of the time
  ByteReader reader(input.first(std::min(input.size(), kStepBytes * kStepsMax)));
  while (reader.remaining() >= kStepBytes) {
    const std::uint8_t operation = reader.u8();
    const std::uint16_t sequence = reader.u16();
    std::array<std::uint8_t, kPlainBytes + kSrtpTailBytesMax> buffer{0x80, 8};
    store_u16(buffer.data() + 2, sequence);
    store_u32(buffer.data() + kPlainBytes - 4, std::uint32_t{sequence} * 0x9e37'79b1u);
    const auto plain = buffer;
    const Outcome out = pair.send.protect_rtp(buffer, kPlainBytes);
    if (out.verdict != Verdict::kOk) {
      CHECK(out.verdict == Verdict::kReplayed || out.verdict == Verdict::kTooOld);
      CHECK(buffer == plain);
      continue;
    }
    const MutableBytes packet = MutableBytes(buffer).first(out.bytes);
    if ((operation & 0x0f) == 1) continue;  // lost
    if ((operation & 0x0f) == 2) packet[operation % packet.size()] ^= 0x10;
    const bool forged = (operation & 0x0f) == 2;
    const Outcome in = pair.receive.unprotect_rtp(packet);
    CHECK(!forged || in.verdict != Verdict::kOk);
    if (in.verdict != Verdict::kOk) continue;
    CHECK(in.bytes == kPlainBytes);
    CHECK(std::equal(plain.begin(), plain.begin() + kPlainBytes, buffer.begin()));
  }
}

}  // namespace

int srtp_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto suite = static_cast<Suite>(data[0] % kSuites);
  const Bytes input{data + 1, size - 1};
  const int mode = data[0] >> 6;
  if (mode == 0) {
    arbitrary(suite, input);
    return 0;
  }
  Pair pair(suite);
  if (mode == 1) {
    script(pair, input);
  } else {
    round_trip(pair, input, mode == 3);
  }
  return 0;
}

}  // namespace fuzz
