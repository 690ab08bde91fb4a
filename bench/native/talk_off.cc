// How often the DTMF detector takes speech for a digit: every file is listened to at many levels
// and speeds (a file played faster or slower is another voice), so that minutes of speech become
// hours. Prints each digit found, then their number an hour.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "codec/dtmf_detect.h"
#include "codec/level.h"

namespace {

using namespace trunkyard::codec;
using Samples = std::vector<std::int16_t>;

constexpr std::array<float, 3> kGains{0.1F, 0.5F, 2.0F};
constexpr std::size_t kSpeeds = 49;
constexpr double kSpeedMin = 0.70;
constexpr double kSpeedStep = 0.0125;

Samples read_samples(const char* path) {
  Samples samples;
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return samples;
  std::array<std::int16_t, 4096> block;
  for (std::size_t count = 0; (count = std::fread(block.data(), 2, block.size(), file)) > 0;) {
    samples.insert(samples.end(), block.begin(), block.begin() + static_cast<long>(count));
  }
  (void)std::fclose(file);
  return samples;
}

/// Louder and at another speed, by straight lines between samples.
Samples vary(const Samples& samples, float gain, double speed) {
  Samples varied(static_cast<std::size_t>(static_cast<double>(samples.size()) / speed));
  for (std::size_t index = 0; index < varied.size(); ++index) {
    const double at = static_cast<double>(index) * speed;
    const auto whole = static_cast<std::size_t>(at);
    const auto part = static_cast<float>(at - static_cast<double>(whole));
    const float left = samples[std::min(whole, samples.size() - 1)];
    const float right = samples[std::min(whole + 1, samples.size() - 1)];
    varied[index] = to_sample((left + (right - left) * part) * gain);
  }
  return varied;
}

std::uint32_t count_digits(const Samples& samples, const std::string& what) {
  DtmfDetector detector;
  std::uint32_t found = 0;
  const auto count = [&](const DtmfEdges& edges) {
    for (const DtmfEdge& edge : edges.edges()) {
      if (edge.kind != DtmfEdge::Kind::kEnd) continue;
      ++found;
      std::printf("%s: event %u at %.2f s for %u ms\n", what.c_str(), edge.event,
                  static_cast<double>(edge.start_sample) / kDtmfRateHz, edge.duration_samples / 8);
    }
  };
  constexpr std::size_t kFrame = 160;
  for (std::size_t at = 0; at + kFrame <= samples.size(); at += kFrame)
    count(detector.handle(Pcm(samples).subspan(at, kFrame)));
  count(detector.finish());
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: talk_off SPEECH.raw...   16-bit samples at 8,000 Hz; speech.sh makes some\n",
               stderr);
    return 64;
  }
  double seconds = 0;
  std::uint32_t found = 0;
  for (int index = 1; index < argc; ++index) {
    const Samples speech = read_samples(argv[index]);
    if (speech.empty()) continue;
    for (std::size_t step = 0; step < kSpeeds; ++step) {
      const double speed = kSpeedMin + kSpeedStep * static_cast<double>(step);
      for (const float gain : kGains) {
        const Samples varied = vary(speech, gain, speed);
        seconds += static_cast<double>(varied.size()) / kDtmfRateHz;
        found += count_digits(varied, std::string(argv[index]) + " x" + std::to_string(speed));
      }
    }
  }
  std::printf("%u digits in %.2f hours of speech: %.2f an hour\n", found, seconds / 3'600,
              found / std::max(seconds / 3'600, 1e-9));
  return 0;
}
