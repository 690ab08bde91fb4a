// Runs the fuzz targets wherever the native tests run: every input that once crashed one
// (test/fuzz/regressions/native/<target>/), the small corpus, and a seeded loop of mutations of
// both. libFuzzer digs deeper (node scripts/build.mjs fuzz); this keeps what it found from coming
// back.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/prng.h"
#include "fuzz/native/targets.h"
#include "native/harness.h"

namespace {

using trunkyard::Prng;
using Input = std::vector<std::uint8_t>;
using Target = int (*)(const std::uint8_t*, std::size_t);

constexpr std::uint32_t kMutations = 50'000;
constexpr std::size_t kInputBytesMax = 2'048;

std::vector<Input> read_folder(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(TRUNKYARD_ROOT) / folder, error)) {
    if (entry.is_regular_file()) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());  // so that a seed means the same on every machine
  std::vector<Input> inputs;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

/// One random change of the kinds that break parsers: bits, lengths, cuts, repeats, joints.
void mutate(Prng& prng, Input& input, const std::vector<Input>& corpus) {
  const auto place = [&] { return prng.below(static_cast<std::uint32_t>(input.size())); };
  switch (input.empty() ? 5 : prng.below(7)) {
    case 0:
      input[place()] ^= static_cast<std::uint8_t>(1u << prng.below(8));
      return;
    case 1:
      input[place()] = static_cast<std::uint8_t>(prng.next_u32());
      return;
    case 2: {
      static constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xbf, 0xc8, 0xfe, 0xff};
      input[place()] = kEdges[prng.below(8)];
      return;
    }
    case 3:
      input.resize(place());
      return;
    case 4: {
      const std::uint32_t start = place();
      const Input piece(input.begin() + start, input.end());
      input.insert(input.end(), piece.begin(), piece.end());
      break;
    }
    case 5:
      for (std::uint32_t count = prng.below(32); count > 0; --count) {
        input.push_back(static_cast<std::uint8_t>(prng.next_u32()));
      }
      break;
    default: {
      const Input& other = corpus[prng.below(static_cast<std::uint32_t>(corpus.size()))];
      input.resize(place());
      input.insert(input.end(), other.begin(), other.end());
    }
  }
  input.resize(std::min(input.size(), kInputBytesMax));
}

/// @param mutations fewer for a target that has to compute a lot for each input.
void run_target(Target target, const std::string& name, std::uint64_t seed,
                std::uint32_t mutations = kMutations) {
  for (const Input& input : read_folder("test/fuzz/regressions/native/" + name)) {
    target(input.data(), input.size());
  }
  std::vector<Input> corpus = read_folder("test/fuzz/corpus/native/" + name);
  CHECK_TRUE(corpus.size() >= 5);
  corpus.push_back({});
  for (const Input& input : corpus)
    target(input.data(), input.size());

  Prng prng(seed);
  for (std::uint32_t run = 0; run < mutations; ++run) {
    Input input = corpus[prng.below(static_cast<std::uint32_t>(corpus.size()))];
    for (std::uint32_t changes = 1 + prng.below(6); changes > 0; --changes) {
      mutate(prng, input, corpus);
    }
    // Copied to its exact size, so that AddressSanitizer sees a read one byte past the end.
    const Input exact(input);
    target(exact.data(), exact.size());
  }
}

// Each input is up to a second of a call.
TEST("a leg's audio holds its promises over old crashes, corpus and 2,000 mutations") {
  run_target(&fuzz::audio_fuzz, "audio", 20'265, 2'000);
}

// Each input is decoded twice and coded once more, which takes longer.
TEST("codecs hold their promises over old crashes, corpus and 2,000 mutations") {
  run_target(&fuzz::codec_fuzz, "codec", 20'264, 2'000);
}

TEST("decoding Opus holds its promises over old crashes, corpus and 1,000 mutations") {
  run_target(&fuzz::opus_fuzz, "opus", 20'263, 1'000);
}

TEST("reading Opus packets agrees with libopus over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::opus_packet_fuzz, "opus_packet", 20'264);
}

TEST("reading routes holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::route_fuzz, "route", 20'262);
}

TEST("RTP parsing holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::rtp_fuzz, "rtp", 20'260);
}

TEST("RTCP parsing holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::rtcp_fuzz, "rtcp", 20'261);
}

TEST("RED parsing holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::red_fuzz, "red", 20'262);
}

TEST("the jitter buffer holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::jitter_fuzz, "jitter", 20'263);
}

TEST("SRTP holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::srtp_fuzz, "srtp", 20'264);
}

TEST("comfort noise holds its promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::comfort_noise_fuzz, "comfort_noise", 20'262);
}

TEST("segments of recordings hold their promises over old crashes, corpus and 20,000 mutations") {
  run_target(&fuzz::segment_fuzz, "segment", 20'265, 20'000);
}

TEST("WAV files hold their promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::wav_fuzz, "wav", 20'266);
}

TEST("Ogg files hold their promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::ogg_fuzz, "ogg", 20'267);
}

TEST("clips hold their promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::clip_fuzz, "clip", 20'268);
}

TEST("telephone-events hold their promises over old crashes, corpus and 50,000 mutations") {
  run_target(&fuzz::telephone_event_fuzz, "telephone_event", 20'263);
}

}  // namespace
