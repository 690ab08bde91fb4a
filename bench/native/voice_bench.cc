// voice_bench: what 20 ms of audio cost in concealment, comfort noise, DTMF detection, tones and
// the voice decision. Run and read as codec_bench.cc says:
//
//   voice_bench            ns of CPU a frame, the least of several runs, and a checksum
//   voice_bench --count    each once between CALLGRIND_TOGGLE_COLLECT, one dump for each line

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string_view>
#include <vector>

#include "codec/comfort_noise.h"
#include "codec/conceal.h"
#include "codec/dtmf_detect.h"
#include "codec/event_sender.h"
#include "codec/tone.h"
#include "codec/voice_activity.h"

#include "buzz.h"
#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::codec;

constexpr std::size_t kRuns = 15;
constexpr std::size_t kFrames = 500;
constexpr std::size_t kSize = 160;
constexpr std::uint32_t kRateHz = 8'000;
using Samples = std::vector<std::int16_t>;

/// Runs `frame(index)`, which answers something of its output, over all frames.
template <typename Function>
void measure(const char* name, bool count, Function frame) {
  std::uint64_t checksum = 0;
  if (count) {
    frame(0);
    CALLGRIND_TOGGLE_COLLECT;
    for (std::size_t index = 0; index < kFrames; ++index)
      checksum += frame(index);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
    std::printf("%-26s %zu frames, checksum %llu\n", name, kFrames,
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
  std::printf("%-26s %9.1f ns a frame of 20 ms, checksum %llu\n", name, least / kFrames,
              static_cast<unsigned long long>(checksum));
}

void measure_conceal(const Samples& voice, bool count) {
  std::array<std::int16_t, kSize> frame{};
  const auto load = [&](std::size_t index) {
    std::copy_n(voice.begin() + static_cast<std::ptrdiff_t>(index * kSize), kSize, frame.begin());
  };
  Concealer without(kRateHz);
  measure("conceal, good", count, [&](std::size_t index) {
    load(index);
    without.good(frame);
    return static_cast<std::uint8_t>(frame[index % kSize]);
  });
  Concealer with(kRateHz);
  measure("conceal, every other lost", count, [&](std::size_t index) {
    load(index);
    if (index % 2 == 0) {
      with.good(frame);
    } else {
      with.lost(frame);
    }
    return static_cast<std::uint8_t>(frame[index % kSize]);
  });
}

void measure_listening(const Samples& voice, bool count) {
  const auto frame_of = [&](std::size_t index) { return Pcm(voice).subspan(index * kSize, kSize); };
  DtmfDetector detector;
  measure("dtmf, voice", count, [&](std::size_t index) {
    return static_cast<std::uint8_t>(detector.handle(frame_of(index)).edges().size());
  });
  VoiceActivity activity({});
  measure("voice activity", count, [&](std::size_t index) {
    return static_cast<std::uint8_t>(activity.handle(frame_of(index)).voice);
  });
  NoiseAnalysis analysis(kRateHz);
  measure("comfort noise, analysis", count, [&](std::size_t index) {
    analysis.handle(frame_of(index));
    return static_cast<std::uint8_t>(analysis.ready());
  });
}

void measure_making(bool count) {
  std::array<std::int16_t, kSize> frame{};
  NoiseGenerator noise(kRateHz, 1);
  noise.describe({.level_dbov = -50.0F, .reflections = {-0.7F, 0.3F, -0.1F}});
  measure("comfort noise, generator", count, [&](std::size_t index) {
    noise.generate(frame);
    return static_cast<std::uint8_t>(frame[index % kSize]);
  });
  ToneGenerator tone(kRateHz);
  tone.start(progress_tone(ProgressTone::kDial, ToneRegion::kNorthAmerica));
  measure("tone, two sines", count, [&](std::size_t index) {
    (void)tone.generate(frame);
    return static_cast<std::uint8_t>(frame[index % kSize]);
  });
  EventSender sender({});
  EventReceiver receiver({});
  std::uint32_t packets = 0;
  measure("event, sent and received", count, [&](std::size_t index) {
    if (!sender.active()) (void)sender.press({.event = static_cast<std::uint8_t>(index % 16)});
    const auto packet = sender.tick(static_cast<rtp::RtpTimestamp>(++packets * kSize));
    const Instant now = Instant::from_ns(std::int64_t{packets} * 20'000'000);
    if (!packet.has_value()) return std::uint8_t{0};
    return static_cast<std::uint8_t>(
        receiver.handle_packet(now, packet->timestamp, packet->payload).edges().size());
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc == 2 && std::string_view(argv[1]) == "--count";
  if (argc > 1 && !count) {
    std::fputs("usage: voice_bench [--count]\n", stderr);
    return 64;
  }
  const Samples voice = make_buzz(kRateHz, kSize * kFrames);
  measure_conceal(voice, count);
  measure_listening(voice, count);
  measure_making(count);
  return 0;
}
