// leg_bench: what our own code spends on a packet from one leg to the other, sockets aside: judged,
// counted, forwarded (plain), and with keys on the way in, on the way out, or both. What the keys
// add is what SRTP costs on top of relaying.
//
//   leg_bench            ns of CPU a packet, the least of several runs taken in turn
//   leg_bench --count    runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/leg_bench --count
//
// Packets of 172 bytes (20 ms of G.711) under AES_CM_128_HMAC_SHA1_80.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "pipeline/endpoint.h"

#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;

constexpr std::size_t kRuns = 15;
constexpr std::size_t kPackets = 400;
constexpr std::size_t kPacketBytes = 172;
constexpr srtp::Suite kSuite = srtp::Suite::kAesCm128HmacSha1Tag80;

using Buffer = std::array<std::uint8_t, 256>;

srtp::MasterKey key_of(std::uint8_t number) {
  std::array<std::uint8_t, srtp::kMasterKeyBytesMax> bytes;
  bytes.fill(number);
  const srtp::SuiteShape shape = srtp::shape_of(kSuite);
  return srtp::MasterKey::from_bytes(kSuite, Bytes(bytes).first(shape.key_bytes),
                                     Bytes(bytes).first(shape.salt_bytes))
      .value();
}

/// A leg in, a leg out, and packets of one stream for them.
class Path {
 public:
  struct Keys {
    bool in = false;
    bool out = false;
  };
  explicit Path(const Keys& keys) : in_(Instant{}, 1), out_(Instant{}, 2) {
    const pipeline::ClockRate rate{0, 8'000};
    pipeline::EndpointSetup setup;
    setup.remote_rtp = SocketAddress::v4(127, 0, 0, 1, 4'000);
    setup.rtcp_mux = true;
    setup.clock_rates = std::span(&rate, 1);
    in_.set_up(Instant{}, setup);
    out_.set_up(Instant{}, setup);
    pipeline::PayloadMap map;
    map.fill(pipeline::kPayloadTypeDropped);
    map[0] = 0;
    in_.set_link(pipeline::Link(Handle{1}, map));
    in_keys_ = std::move(pipeline::LegKeys::create({key_of(1), key_of(2)}, best_isa())).value();
    out_keys_ = std::move(pipeline::LegKeys::create({key_of(3), key_of(4)}, best_isa())).value();
    if (keys.in) in_.set_keys(in_keys_.get());
    if (keys.out) out_.set_keys(out_keys_.get());
    peer_ = std::make_unique<srtp::SendContext>(
        srtp::SendContext::create(key_of(2), best_isa()).value());
    packets_.resize(kPackets);
  }

  /// Packets that have not been sent yet, as the wire brings them.
  void refill() {
    for (Packet& packet : packets_) {
      ++number_;
      packet.data.fill(0x55);
      packet.data[0] = 0x80;
      packet.data[1] = 0;
      store_u16(packet.data.data() + 2, static_cast<std::uint16_t>(number_));
      store_u32(packet.data.data() + 4, 160 * number_);
      store_u32(packet.data.data() + 8, 7);
      packet.bytes = kPacketBytes;
      if (in_.keyed()) packet.bytes = peer_->protect_rtp(packet.data, kPacketBytes).bytes;
    }
  }
  void run() {
    for (Packet& packet : packets_) {
      now_ = now_ + Duration::milliseconds(20);
      const MutableBytes datagram = MutableBytes(packet.data).first(packet.bytes);
      const pipeline::RtpOutcome outcome = in_.receive_rtp(now_, datagram, nullptr);
      CHECK(outcome.verdict == pipeline::RtpVerdict::kForward);
      std::size_t bytes = outcome.bytes;
      if (out_.keyed()) bytes = out_.protect_rtp(packet.data, bytes);
      CHECK(bytes > 0);
      out_.on_sent(now_, outcome.packet);
      sum_ += packet.data[bytes - 1];
    }
  }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  struct Packet {
    Buffer data;
    std::size_t bytes = 0;
  };
  pipeline::Endpoint in_;
  pipeline::Endpoint out_;
  std::unique_ptr<pipeline::LegKeys> in_keys_;
  std::unique_ptr<pipeline::LegKeys> out_keys_;
  std::unique_ptr<srtp::SendContext> peer_;
  std::vector<Packet> packets_;
  std::uint32_t number_ = 0;
  Instant now_;
  std::uint64_t sum_ = 0;
};

struct Row {
  const char* name;
  Path::Keys keys;
};
constexpr std::array<Row, 4> kRows = {{{"plain to plain", {false, false}},
                                       {"plain to SRTP", {false, true}},
                                       {"SRTP to plain", {true, false}},
                                       {"SRTP to SRTP", {true, true}}}};

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  std::vector<Path> paths;
  paths.reserve(kRows.size());
  for (const Row& row : kRows)
    paths.emplace_back(row.keys);
  std::array<double, kRows.size()> least;
  least.fill(std::numeric_limits<double>::max());
  const auto measure = [&](std::size_t index, bool counted) {
    paths[index].refill();
    if (counted) CALLGRIND_TOGGLE_COLLECT;
    const double before = cpu_ns();
    paths[index].run();
    const double spent = (cpu_ns() - before) / static_cast<double>(kPackets);
    if (counted) CALLGRIND_TOGGLE_COLLECT;
    if (counted) dump_count(kRows[index].name, kPackets);
    least[index] = std::min(least[index], spent);
  };
  for (std::size_t run = 0; run < (count ? 1 : kRuns); ++run) {
    for (std::size_t index = 0; index < kRows.size(); ++index)
      measure(index, false);
  }
  for (std::size_t index = 0; index < kRows.size(); ++index) {
    if (count) measure(index, true);
    std::printf("%-16s %7.1f ns a packet, checksum %llu\n", kRows[index].name, least[index],
                static_cast<unsigned long long>(paths[index].sum()));
  }
}
