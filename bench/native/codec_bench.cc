// codec_bench: what 20 ms of audio cost in G.711, G.722 and between rates, for each set of kernels
// that the machine has.
//
//   codec_bench                   ns of CPU a frame, the least of several runs, and a checksum
//   codec_bench --count [ISA]     runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no --dump-instr=no build/bench/codec_bench
//       --count avx2
//                                 which counts instructions; one dump for each line printed.
//                                 valgrind knows no AVX-512.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "base/isa.h"
#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/resampler.h"

#include "buzz.h"
#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::codec;

constexpr std::size_t kRuns = 15;
/// Frames of one run; as many different ones, so that branches and caches see a stream.
constexpr std::size_t kFrames = 500;
constexpr std::uint32_t kFrameMs = 20;

struct Mode {
  bool count = false;
  Isa isa = Isa::kC;
};

/// Runs `frame(index)`, which answers something of its output, over all frames.
template <typename Function>
void measure(const char* name, const Mode& mode, Function frame) {
  std::uint64_t checksum = 0;
  if (mode.count) {
    frame(0);
    CALLGRIND_TOGGLE_COLLECT;
    for (std::size_t index = 0; index < kFrames; ++index)
      checksum += frame(index);
    CALLGRIND_TOGGLE_COLLECT;
    dump_count(name, kFrames);
    std::printf("%-22s %-7s %zu frames, checksum %llu\n", name, isa_name(mode.isa).data(), kFrames,
                static_cast<unsigned long long>(checksum));
    return;
  }
  double least = std::numeric_limits<double>::max();
  for (std::size_t run = 0; run < kRuns; ++run) {
    const double start = cpu_ns();
    for (std::size_t index = 0; index < kFrames; ++index)
      checksum += frame(index);
    least = std::min(least, cpu_ns() - start);
  }
  std::printf("%-22s %-7s %9.1f ns a frame of %u ms, checksum %llu\n", name,
              isa_name(mode.isa).data(), least / kFrames, kFrameMs,
              static_cast<unsigned long long>(checksum));
}

void measure_g711(const Mode& mode) {
  constexpr std::size_t kSize = 160;
  const std::vector<std::int16_t> voice = make_buzz(8'000, samples_of(8'000, kFrameMs) * kFrames);
  const G711 g711(mode.isa);
  std::array<std::uint8_t, kSize> bytes{};
  std::array<std::uint8_t, kSize> other{};
  std::array<std::int16_t, kSize> samples{};
  std::vector<std::uint8_t> coded(voice.size());
  g711.encode(Law::kMu, voice, coded);
  for (const Law law : {Law::kMu, Law::kA}) {
    const bool mu = law == Law::kMu;
    measure(mu ? "g711 encode mu" : "g711 encode a", mode, [&](std::size_t index) {
      g711.encode(law, Pcm(voice).subspan(index * kSize, kSize), bytes);
      return bytes[index % kSize];
    });
    measure(mu ? "g711 decode mu" : "g711 decode a", mode, [&](std::size_t index) {
      g711.decode(law, Bytes(coded).subspan(index * kSize, kSize), samples);
      return static_cast<std::uint8_t>(samples[index % kSize]);
    });
    measure(mu ? "g711 a to mu" : "g711 mu to a", mode, [&](std::size_t index) {
      g711.transcode_to(law, Bytes(coded).subspan(index * kSize, kSize), other);
      return other[index % kSize];
    });
  }
}

void measure_g722(const Mode& mode) {
  constexpr std::size_t kSize = 320;
  const std::vector<std::int16_t> voice =
      make_buzz(kG722RateHz, samples_of(kG722RateHz, kFrameMs) * kFrames);
  G722Encoder encoder(mode.isa);
  G722Decoder decoder(mode.isa);
  std::vector<std::uint8_t> coded(voice.size() / 2);
  G722Encoder(mode.isa).encode(voice, coded);
  std::array<std::uint8_t, kSize / 2> bytes{};
  std::array<std::int16_t, kSize> samples{};
  measure("g722 encode", mode, [&](std::size_t index) {
    encoder.encode(Pcm(voice).subspan(index * kSize, kSize), bytes);
    return bytes[index % bytes.size()];
  });
  measure("g722 decode", mode, [&](std::size_t index) {
    decoder.decode(Bytes(coded).subspan(index * bytes.size(), bytes.size()), samples);
    return static_cast<std::uint8_t>(samples[index % kSize]);
  });
}

void measure_resampler(const Mode& mode) {
  constexpr std::uint32_t kRates[] = {8'000, 16'000, 48'000};
  for (const std::uint32_t from_hz : kRates) {
    const std::vector<std::int16_t> voice =
        make_buzz(from_hz, samples_of(from_hz, kFrameMs) * kFrames);
    for (const std::uint32_t to_hz : kRates) {
      if (from_hz == to_hz) continue;
      std::array<char, 32> name{};
      std::snprintf(name.data(), name.size(), "resample %u to %u", from_hz / 1'000, to_hz / 1'000);
      Resampler resampler =
          Resampler::open({.from_hz = from_hz, .to_hz = to_hz, .isa = mode.isa}).value();
      std::array<std::int16_t, samples_of(48'000, kFrameMs)> out{};
      const std::size_t size = samples_of(from_hz, kFrameMs);
      measure(name.data(), mode, [&](std::size_t index) {
        const Pcm made = resampler.process(Pcm(voice).subspan(index * size, size), out);
        return static_cast<std::uint8_t>(made[index % made.size()]);
      });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  if (argc > 1 && !count) {
    std::puts("codec_bench [--count [c|avx2|avx512]]: what codecs cost; see codec_bench.cc");
    return 2;
  }
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512}) {
    if (isa > best_isa()) continue;
    if (argc > 2 && std::string_view(argv[2]) != isa_name(isa)) continue;
    const Mode mode{.count = count, .isa = isa};
    measure_g711(mode);
    measure_g722(mode);
    measure_resampler(mode);
  }
  return 0;
}
