// codec_bench: what 20 ms of audio cost in G.711, G.722 and between rates, for each set of kernels
// that the machine has.
//
//   codec_bench                   ns of CPU a frame, the least of several runs, and a checksum
//   codec_bench --count [ISA]     runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no --dump-instr=no build/bench/codec_bench
//       --count avx2
//                                 which counts instructions; one dump for each line printed.
//                                 valgrind knows no AVX-512.
#include <time.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "base/isa.h"
#include "base/prng.h"
#include "codec/g711.h"
#include "codec/g722.h"
#include "codec/resampler.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

constexpr std::size_t kRuns = 15;
/// Frames of one run; as many different ones, so that branches and caches see a stream.
constexpr std::size_t kFrames = 500;
constexpr std::uint32_t kFrameMs = 20;

double cpu_ns() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// A voice of sorts: a buzz whose pitch and level wander, with noise between.
std::vector<std::int16_t> make_voice(std::uint32_t rate_hz) {
  Prng prng(20);
  std::vector<std::int16_t> samples(samples_of(rate_hz, kFrameMs) * kFrames);
  double phase = 0;
  double smooth = 0;
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double seconds = static_cast<double>(index) / rate_hz;
    const double syllable = seconds * 4 - static_cast<double>(static_cast<int>(seconds * 4));
    phase += (110 + 40 * syllable) / rate_hz;
    if (phase >= 1) phase -= 1;
    const double source = syllable < 0.7 ? (phase < 0.1 ? 1.0 : -0.1) : 0.2 * (prng.unit() - 0.5);
    smooth += (source - smooth) * 0.4;
    samples[index] = static_cast<std::int16_t>(smooth * 16'000 * (1 - syllable));
  }
  return samples;
}

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
    CALLGRIND_DUMP_STATS_AT(name);
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
  const std::vector<std::int16_t> voice = make_voice(8'000);
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
  const std::vector<std::int16_t> voice = make_voice(kG722RateHz);
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
    const std::vector<std::int16_t> voice = make_voice(from_hz);
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
