// How well lost packets are hidden, beside SpanDSP's plc on the same speech, the same losses and
// the same frames: segmental signal-to-noise ratio and log-spectral distance against the audio that
// was sent, over the lost frames and over the frames after a gap, which concealment changes as
// well. Silence in place of what was lost stands beside them.
#include <spandsp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

#include "base/prng.h"
#include "codec/conceal.h"

namespace {

using Samples = std::vector<std::int16_t>;

constexpr std::size_t kFrame = 160;    // 20 ms
constexpr std::size_t kSegment = 160;  // of the signal-to-noise ratio
constexpr std::size_t kSpectrum = 256;

constexpr const char* kHelp =
    "usage: conceal_quality [--loss PERCENT] [--burst FRAMES] [--seeds N] SPEECH.raw...\n"
    "\n"
    "SPEECH.raw: 16-bit little-endian samples at 8,000 Hz. speech.sh makes some.\n"
    "Prints the measures for each file and for all, then how often ours is no worse.\n";

struct Options {
  double loss = 0.05;
  std::uint32_t burst = 1;
  std::uint32_t seeds = 10;
  std::vector<std::string> files;
};

/// The frames over which the measures are taken.
enum class Where { kLost, kAfter };

/// Sums of the two measures.
struct Quality {
  double snr_db = 0;
  double distance_db = 0;
  std::uint64_t segments = 0;
  std::uint64_t spectra = 0;

  void add(const Quality& other) {
    snr_db += other.snr_db;
    distance_db += other.distance_db;
    segments += other.segments;
    spectra += other.spectra;
  }
  [[nodiscard]] double mean_snr_db() const {
    return segments ? snr_db / static_cast<double>(segments) : 0.0;
  }
  [[nodiscard]] double mean_distance_db() const {
    return spectra ? distance_db / static_cast<double>(spectra) : 0.0;
  }
};

Samples read_samples(const std::string& path) {
  Samples samples;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return samples;
  std::array<std::int16_t, 4096> block;
  for (std::size_t count = 0; (count = std::fread(block.data(), 2, block.size(), file)) > 0;) {
    samples.insert(samples.end(), block.begin(), block.begin() + static_cast<long>(count));
  }
  (void)std::fclose(file);
  samples.resize(samples.size() / kFrame * kFrame);
  return samples;
}

/// Which frames are lost: independently, or as runs of `burst` with the same total.
std::vector<bool> draw_losses(std::size_t frames, const Options& options, std::uint64_t seed) {
  trunkyard::Prng prng(seed);
  std::vector<bool> lost(frames, false);
  // The first 100 ms arrive: no concealment can know what nobody has heard.
  for (std::size_t frame = 5; frame < frames; ++frame) {
    if (prng.unit() >= options.loss / options.burst) continue;
    for (std::uint32_t run = 0; run < options.burst && frame < frames; ++run, ++frame) {
      lost[frame] = true;
    }
  }
  return lost;
}

Samples by_ours(const Samples& sent, const std::vector<bool>& lost) {
  Samples heard = sent;
  trunkyard::codec::Concealer concealer(8'000);
  for (std::size_t frame = 0; frame < lost.size(); ++frame) {
    const std::span<std::int16_t> part(heard.data() + frame * kFrame, kFrame);
    if (lost[frame]) {
      concealer.lost(part);
    } else {
      concealer.good(part);
    }
  }
  return heard;
}

Samples by_spandsp(const Samples& sent, const std::vector<bool>& lost) {
  Samples heard = sent;
  plc_state_t* state = plc_init(nullptr);
  for (std::size_t frame = 0; frame < lost.size(); ++frame) {
    std::int16_t* part = heard.data() + frame * kFrame;
    if (lost[frame]) {
      plc_fillin(state, part, kFrame);
    } else {
      plc_rx(state, part, kFrame);
    }
  }
  plc_free(state);
  return heard;
}

Samples by_silence(const Samples& sent, const std::vector<bool>& lost) {
  Samples heard = sent;
  for (std::size_t frame = 0; frame < lost.size(); ++frame) {
    if (lost[frame]) std::fill_n(heard.begin() + static_cast<long>(frame * kFrame), kFrame, 0);
  }
  return heard;
}

/// Power spectrum of kSpectrum samples under a Hann window, by a plain radix-2 transform.
std::array<double, kSpectrum / 2 + 1> spectrum(const std::int16_t* samples) {
  std::array<std::complex<double>, kSpectrum> values;
  for (std::size_t index = 0; index < kSpectrum; ++index) {
    std::size_t reversed = 0;
    for (std::size_t bit = 1, mirror = kSpectrum / 2; bit < kSpectrum; bit *= 2, mirror /= 2) {
      if (index & bit) reversed |= mirror;
    }
    const double phase = 2 * std::numbers::pi * static_cast<double>(index) / kSpectrum;
    values[reversed] = samples[index] * (0.5 - 0.5 * std::cos(phase));
  }
  for (std::size_t length = 2; length <= kSpectrum; length *= 2) {
    const std::complex<double> step =
        std::polar(1.0, -2 * std::numbers::pi / static_cast<double>(length));
    for (std::size_t start = 0; start < kSpectrum; start += length) {
      std::complex<double> turn = 1;
      for (std::size_t index = start; index < start + length / 2; ++index, turn *= step) {
        const std::complex<double> odd = values[index + length / 2] * turn;
        values[index + length / 2] = values[index] - odd;
        values[index] += odd;
      }
    }
  }
  std::array<double, kSpectrum / 2 + 1> power;
  for (std::size_t bin = 0; bin < power.size(); ++bin)
    power[bin] = std::norm(values[bin]);
  return power;
}

Quality compare(const Samples& sent, const Samples& heard, const std::vector<bool>& lost,
                Where where) {
  Quality quality;
  for (std::size_t frame = 1; frame + 2 < lost.size(); ++frame) {
    const bool counts = where == Where::kLost ? lost[frame] : lost[frame - 1] && !lost[frame];
    if (!counts) continue;
    const std::size_t start = frame * kFrame;
    double signal = 0;
    double noise = 0;
    for (std::size_t index = start; index < start + kSegment; ++index) {
      const double error = double{1} * sent[index] - heard[index];
      signal += double{1} * sent[index] * sent[index];
      noise += error * error;
    }
    // Pauses say nothing about concealment: segments below -50 dBov are left out.
    if (signal / kSegment < 32'768.0 * 32'768.0 * 1e-5) continue;
    // The usual limits of a segment: what lies beyond is inaudible or equally bad.
    quality.snr_db += std::clamp(10 * std::log10(signal / std::max(noise, 1e-9)), -10.0, 35.0);
    ++quality.segments;

    const std::size_t middle = start + kFrame / 2 - kSpectrum / 2;
    const auto wanted = spectrum(sent.data() + middle);
    const auto got = spectrum(heard.data() + middle);
    double sum = 0;
    // 50 dB below the segment's loudest bin is where hearing ends.
    const double floor = *std::max_element(wanted.begin(), wanted.end()) * 1e-5 + 1.0;
    for (std::size_t bin = 3; bin < 110; ++bin) {  // 94..3,437 Hz
      const double db = 10 * std::log10(std::max(got[bin], floor) / std::max(wanted[bin], floor));
      sum += db * db;
    }
    quality.distance_db += std::sqrt(sum / 107);
    ++quality.spectra;
  }
  return quality;
}

bool parse(int argc, char** argv, Options& options) {
  for (int index = 1; index < argc; ++index) {
    const std::string argument = argv[index];
    const bool more = index + 1 < argc;
    if (argument == "--loss" && more) {
      options.loss = std::atof(argv[++index]) / 100;
    } else if (argument == "--burst" && more) {
      options.burst = static_cast<std::uint32_t>(std::max(1, std::atoi(argv[++index])));
    } else if (argument == "--seeds" && more) {
      options.seeds = static_cast<std::uint32_t>(std::max(1, std::atoi(argv[++index])));
    } else if (argument.starts_with("--")) {
      return false;
    } else {
      options.files.push_back(argument);
    }
  }
  return !options.files.empty();
}

using Way = Samples (*)(const Samples&, const std::vector<bool>&);
constexpr std::array<Way, 3> kWays{by_ours, by_spandsp, by_silence};
using Qualities = std::array<Quality, kWays.size()>;

void print(const char* name, const Qualities& of) {
  std::printf("%-28s %8.2f %8.2f %8.2f   %8.2f %8.2f %8.2f   %8llu\n", name, of[0].mean_snr_db(),
              of[1].mean_snr_db(), of[2].mean_snr_db(), of[0].mean_distance_db(),
              of[1].mean_distance_db(), of[2].mean_distance_db(),
              static_cast<unsigned long long>(of[0].segments));
}

void measure(const Options& options, Where where, const char* title) {
  std::printf("%-28s %26s   %26s\n", title, "segmental SNR, dB (more)",
              "spectral distance, dB (less)");
  std::printf("%-28s %8s %8s %8s   %8s %8s %8s   %8s\n", "", "ours", "spandsp", "silence", "ours",
              "spandsp", "silence", "frames");
  Qualities all{};
  std::uint32_t runs = 0;
  std::uint32_t snr_no_worse = 0;
  std::uint32_t distance_no_worse = 0;
  for (const std::string& path : options.files) {
    const Samples sent = read_samples(path);
    Qualities of_file{};
    for (std::uint32_t seed = 1; seed <= options.seeds; ++seed) {
      const std::vector<bool> lost = draw_losses(sent.size() / kFrame, options, seed);
      Qualities of_run{};
      for (std::size_t way = 0; way < kWays.size(); ++way) {
        of_run[way] = compare(sent, kWays[way](sent, lost), lost, where);
        of_file[way].add(of_run[way]);
        all[way].add(of_run[way]);
      }
      ++runs;
      snr_no_worse += of_run[0].mean_snr_db() >= of_run[1].mean_snr_db();
      distance_no_worse += of_run[0].mean_distance_db() <= of_run[1].mean_distance_db();
    }
    print(path.substr(path.find_last_of('/') + 1).c_str(), of_file);
  }
  print("all", all);
  std::printf("no worse than SpanDSP in %u of %u runs by SNR, in %u by distance\n\n", snr_no_worse,
              runs, distance_no_worse);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(kHelp, stderr);
    return 64;
  }
  measure(options, Where::kLost, "lost frames");
  measure(options, Where::kAfter, "first frames after a gap");
  return 0;
}
