// opus_bench: what 20 ms of one channel cost in Opus, encoder and decoder, as our calls use them.
//
//   opus_bench            us of CPU a frame, the least of several runs, and a checksum
//   opus_bench --count    runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/opus_bench --count
//                         which counts instructions; one dump for each line printed
//
// Which instructions libopus uses it finds out itself (SSE 4.1 at most), so there is no set to
// choose.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "codec/opus.h"

#include "buzz.h"
#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::codec;

constexpr std::size_t kRuns = 5;
/// Frames of one run: five seconds.
constexpr std::size_t kFrames = 250;

using Payloads = std::vector<std::vector<std::uint8_t>>;

Payloads encode(const OpusPolicy& policy, Pcm voice) {
  OpusEncoder encoder = OpusEncoder::open(policy).value();
  std::array<std::uint8_t, kOpusPayloadBytesMax> buffer;
  Payloads payloads;
  for (std::size_t index = 0; index < kFrames; ++index) {
    const Pcm frame = voice.subspan(index * encoder.frame_samples(), encoder.frame_samples());
    const OpusEncoded encoded = encoder.encode(frame, buffer).value();
    payloads.emplace_back(buffer.begin(), buffer.begin() + encoded.bytes);
  }
  return payloads;
}

/// Runs `stream()`, which works on all frames and answers something of its output.
template <typename Function>
void measure(const char* name, bool count, Function stream) {
  std::uint64_t checksum = 0;
  if (count) {
    CALLGRIND_TOGGLE_COLLECT;
    checksum = stream();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
    std::printf("%-28s %zu frames, checksum %llu\n", name, kFrames,
                static_cast<unsigned long long>(checksum));
    return;
  }
  double least = std::numeric_limits<double>::max();
  for (std::size_t run = 0; run < kRuns; ++run) {
    const double start = cpu_ns();
    checksum = stream();
    least = std::min(least, cpu_ns() - start);
  }
  std::printf("%-28s %7.1f us a frame of 20 ms, checksum %llu\n", name, least / kFrames / 1'000,
              static_cast<unsigned long long>(checksum));
}

void measure_encoder(const char* name, bool count, const OpusPolicy& policy) {
  const std::vector<std::int16_t> voice =
      make_buzz(policy.rate_hz, samples_of(policy.rate_hz, 20) * kFrames);
  measure(name, count, [&] {
    std::uint64_t sum = 0;
    for (const auto& payload : encode(policy, voice))
      sum = sum * 31 + payload.size() + payload.back();
    return sum;
  });
}

void measure_decoder(const char* name, bool count, const OpusPolicy& policy,
                     std::uint32_t rate_hz) {
  const Payloads payloads =
      encode(policy, make_buzz(policy.rate_hz, samples_of(policy.rate_hz, 20) * kFrames));
  measure(name, count, [&] {
    OpusDecoder decoder = OpusDecoder::open(rate_hz).value();
    PcmFrame pcm;
    std::uint64_t sum = 0;
    for (const auto& payload : payloads) {
      (void)decoder.decode(OpusPacket::parse(payload).value(), 0, pcm);
      sum = sum * 31 + static_cast<std::uint16_t>(pcm.samples()[7]);
    }
    return sum;
  });
}

OpusPolicy policy_of(std::uint32_t rate_hz, std::uint32_t complexity, bool fec = false) {
  return opus_policy({.use_inband_fec = fec},
                     {.source_rate_hz = rate_hz, .complexity = complexity});
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  if (argc > 1 && !count) {
    std::puts("opus_bench [--count]: what Opus costs; see opus_bench.cc");
    return 2;
  }
  measure_encoder("encode 8 kHz, cx 0", count, policy_of(8'000, 0));
  measure_encoder("encode 8 kHz, cx 5", count, policy_of(8'000, 5));
  measure_encoder("encode 8 kHz, cx 5, FEC", count, policy_of(8'000, 5, true));
  measure_encoder("encode 16 kHz, cx 5", count, policy_of(16'000, 5));
  measure_encoder("encode 48 kHz, cx 0", count, policy_of(48'000, 0));
  measure_encoder("encode 48 kHz, cx 5", count, policy_of(48'000, 5));
  measure_encoder("encode 48 kHz, cx 10", count, policy_of(48'000, 10));
  measure_decoder("decode 8 kHz at 8 kHz", count, policy_of(8'000, 5), 8'000);
  measure_decoder("decode 16 kHz at 16 kHz", count, policy_of(16'000, 5), 16'000);
  measure_decoder("decode 48 kHz at 8 kHz", count, policy_of(48'000, 5), 8'000);
  measure_decoder("decode 48 kHz at 48 kHz", count, policy_of(48'000, 5), 48'000);
  return 0;
}
