// mix_bench: what a participant's frame costs in a room, for each set of kernels that the machine
// has and for rooms of 3 to 1,000. All talk: each frame is added, and each hears a mix of his own.
// Then rooms in which three talk and the others listen to one mix; and the arithmetic alone, a sum
// and a subtraction for each, without levels and books.
//
//   mix_bench                   ns of CPU a participant and frame of 20 ms at 8 kHz, the least of
//                               several runs, and a checksum
//   mix_bench --count [ISA]     runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/mix_bench --count avx2
//                               which counts instructions; one dump for each line printed.
//                               valgrind knows no AVX-512.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "base/isa.h"
#include "mixer/mixer.h"

#include "buzz.h"
#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::mixer;
using codec::MutablePcm;
using codec::Pcm;

constexpr std::size_t kRuns = 25;
/// Participant-frames of one run, at least.
constexpr std::size_t kFrames = 20'000;
constexpr std::size_t kSamples = 160;

struct Mode {
  bool count = false;
  Isa isa = Isa::kC;
};

/// A room whose frames lie ready where the decoders would have written them.
class Room {
 public:
  Room(Isa isa, std::size_t participants, std::size_t talkers)
      : mixer_({.rate_hz = 8'000,
                .tick_ms = 20,
                .participants_max = static_cast<std::uint32_t>(participants),
                .isa = isa}),
        talkers_(talkers) {
    const std::vector<std::int16_t> voice = make_buzz(8'000, kSamples * talkers);
    for (std::size_t index = 0; index < participants; ++index)
      slots_.push_back(mixer_.join({}));
    for (std::size_t index = 0; index < talkers; ++index) {
      const Pcm said = Pcm(voice).subspan(index * kSamples, kSamples);
      frames_.emplace_back(said.begin(), said.end());
      frames_.back()[0] = 1;  // nobody is silent
    }
    // Fade in, then leave the frames in place.
    for (int round = 0; round < 2; ++round) {
      mixer_.begin();
      for (std::size_t index = 0; index < talkers; ++index)
        mixer_.add(slots_[index], frames_[index]);
      (void)mixer_.mix();
    }
  }

  std::uint64_t tick() {
    mixer_.begin();
    for (std::size_t index = 0; index < talkers_; ++index)
      mixer_.add(slots_[index], mixer_.space(slots_[index]));
    std::uint64_t checksum = mixer_.mix().sounding;
    for (const Slot slot : slots_)
      checksum += static_cast<std::uint16_t>(mixer_.hear(slot, out_)[slot % kSamples]);
    return checksum;
  }

 private:
  Mixer mixer_;
  std::size_t talkers_;
  std::vector<Slot> slots_;
  std::vector<std::vector<std::int16_t>> frames_;
  alignas(kCacheLineBytes) std::array<std::int16_t, kSamples> out_ = {};
};

/// The kernels on as many frames, side by side in memory.
class Arithmetic {
 public:
  Arithmetic(Isa isa, std::size_t participants)
      : kernels_(kernels(isa)), voice_(make_buzz(8'000, kSamples * participants)) {
    for (std::size_t index = 0; index < participants; ++index)
      frames_.push_back(&voice_[index * kSamples]);
  }

  std::uint64_t tick() {
    kernels_.sum(frames_.data(), frames_.size(), sum_.data(), kSamples);
    std::uint64_t checksum = 0;
    for (std::size_t index = 0; index < frames_.size(); ++index) {
      kernels_.subtract(sum_.data(), frames_[index], out_.data(), kSamples);
      checksum += static_cast<std::uint16_t>(out_[index % kSamples]);
    }
    return checksum;
  }

 private:
  const Kernels& kernels_;
  std::vector<std::int16_t> voice_;
  std::vector<const std::int16_t*> frames_;
  alignas(kCacheLineBytes) std::array<std::int32_t, kSamples> sum_ = {};
  alignas(kCacheLineBytes) std::array<std::int16_t, kSamples> out_ = {};
};

template <typename Work>
void measure(const char* name, const Mode& mode, std::size_t participants, Work&& work) {
  const std::size_t ticks = (kFrames + participants - 1) / participants;
  std::uint64_t checksum = 0;
  if (mode.count) {
    CALLGRIND_TOGGLE_COLLECT;
    for (std::size_t tick = 0; tick < ticks; ++tick)
      checksum += work.tick();
    CALLGRIND_TOGGLE_COLLECT;
    dump_count(name, static_cast<double>(ticks * participants));
    std::printf("%-24s %-7s %zu participant-frames, checksum %llu\n", name,
                isa_name(mode.isa).data(), ticks * participants,
                static_cast<unsigned long long>(checksum));
    return;
  }
  double least = std::numeric_limits<double>::max();
  for (std::size_t run = 0; run < kRuns; ++run) {
    const double start = cpu_ns();
    for (std::size_t tick = 0; tick < ticks; ++tick)
      checksum += work.tick();
    least = std::min(least, cpu_ns() - start);
  }
  std::printf("%-24s %-7s %7.1f ns a participant-frame, checksum %llu\n", name,
              isa_name(mode.isa).data(), least / static_cast<double>(ticks * participants),
              static_cast<unsigned long long>(checksum));
}

void measure_all(const Mode& mode) {
  constexpr std::array<std::size_t, 6> kSizes = {3, 10, 50, 100, 256, 1'000};
  std::array<char, 48> name{};
  for (const std::size_t size : kSizes) {
    (void)std::snprintf(name.data(), name.size(), "mix %zu, all talking", size);
    measure(name.data(), mode, size, Room(mode.isa, size, size));
  }
  for (const std::size_t size : {10u, 100u, 1'000u}) {
    (void)std::snprintf(name.data(), name.size(), "mix %u, 3 talking", static_cast<unsigned>(size));
    measure(name.data(), mode, size, Room(mode.isa, size, 3));
  }
  for (const std::size_t size : kSizes) {
    (void)std::snprintf(name.data(), name.size(), "arithmetic of %zu", size);
    measure(name.data(), mode, size, Arithmetic(mode.isa, size));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  if (argc > 1 && !count) {
    std::puts("mix_bench [--count [c|avx2|avx512]]: what a room costs; see mix_bench.cc");
    return 2;
  }
  for (const Isa isa : {Isa::kC, Isa::kAvx2, Isa::kAvx512}) {
    if (isa > best_isa()) continue;
    if (argc > 2 && std::string_view(argv[2]) != isa_name(isa)) continue;
    measure_all({.count = count, .isa = isa});
  }
  return 0;
}
