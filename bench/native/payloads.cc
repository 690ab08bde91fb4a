// payloads: writes what the load tool says in calls that are transcoded, five seconds of it as
// payloads of 20 ms: FOLDER/pcmu, pcma, g722, opus. Each payload is preceded by its length, two
// bytes, the higher one first.
//
// Opus as a browser sends it: 48 kHz, one channel, 24 kbit/s.
#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "codec/codec.h"
#include "codec/opus_policy.h"

#include "buzz.h"

namespace {

using namespace trunkyard;
using codec::CodecKind;
using codec::Format;

constexpr std::size_t kPayloads = 250;
constexpr std::uint32_t kBitrateBps = 24'000;

struct Kind {
  const char* name;
  Format format;
};
constexpr Kind kKinds[] = {{"pcmu", {CodecKind::kPcmu, 8'000}},
                           {"pcma", {CodecKind::kPcma, 8'000}},
                           {"g722", {CodecKind::kG722, 16'000}},
                           {"opus", {CodecKind::kOpus, 48'000}}};

bool write(const std::string& path, const Format& format) {
  codec::Encoder::Spec spec{.format = format, .frame_ms = 20, .isa = best_isa()};
  if (format.kind == CodecKind::kOpus)
    spec.opus = codec::opus_policy(
        {}, {.source_rate_hz = format.rate_hz, .bitrate_bps = kBitrateBps, .complexity = 5});
  codec::Encoder encoder = std::move(codec::Encoder::open(spec)).value();
  const std::size_t size = encoder.frame_samples();
  const std::vector<std::int16_t> voice = bench::make_buzz(format.rate_hz, size * kPayloads);
  std::ofstream file(path, std::ios::binary);
  std::array<std::uint8_t, codec::kOpusPayloadBytesMax> payload;
  for (std::size_t index = 0; index < kPayloads; ++index) {
    const auto encoded = encoder.encode(codec::Pcm(voice).subspan(index * size, size), payload);
    if (!encoded.ok()) return false;
    const std::size_t bytes = encoded->bytes;
    file.put(static_cast<char>(bytes >> 8)).put(static_cast<char>(bytes & 0xff));
    file.write(reinterpret_cast<const char*>(payload.data()), static_cast<std::streamsize>(bytes));
  }
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: payloads FOLDER\n", stderr);
    return 64;
  }
  for (const Kind& kind : kKinds) {
    const std::string path = std::string(argv[1]) + "/" + kind.name;
    if (write(path, kind.format)) continue;
    std::fprintf(stderr, "payloads: %s can't be written\n", path.c_str());
    return 69;
  }
  return 0;
}
