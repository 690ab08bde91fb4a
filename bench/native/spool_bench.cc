// spool_bench: what 20 ms of a recording cost, to write and to read back, and what a frame of a
// clip costs. Run and read as codec_bench.cc says:
//
//   spool_bench            ns of CPU a frame, the least of several runs, and a checksum
//   spool_bench --count    each once between CALLGRIND_TOGGLE_COLLECT, one dump for each line

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string_view>
#include <vector>

#include "spool/checksum.h"
#include "spool/clip.h"
#include "spool/ogg_writer.h"
#include "spool/recording_reader.h"
#include "spool/segment_writer.h"

#include "cpu_cost.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::spool;
using Buffer = std::vector<std::uint8_t>;

constexpr std::size_t kRuns = 15;
constexpr std::size_t kFrames = 1'000;

/// Runs `run()`, which handles kFrames frames and answers something of its output.
template <typename Function>
void measure(const char* name, bool count, Function run) {
  std::uint64_t checksum = 0;
  if (count) {
    (void)run();
    CALLGRIND_TOGGLE_COLLECT;
    checksum = run();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name);
    std::printf("%-26s %zu frames, checksum %llu\n", name, kFrames,
                static_cast<unsigned long long>(checksum));
    return;
  }
  double least = std::numeric_limits<double>::max();
  for (std::size_t index = 0; index < kRuns; ++index) {
    const double start = cpu_ns();
    checksum += run();
    least = std::min(least, cpu_ns() - start);
  }
  std::printf("%-26s %9.1f ns a frame of 20 ms, checksum %llu\n", name, least / kFrames,
              static_cast<unsigned long long>(checksum));
}

/// A recording of one channel in one segment, read back as one piece.
void measure_recording(const char* write_name, const char* read_name, const MediaFormat& format,
                       bool count) {
  const RecordingFacts facts{.format = format};
  const auto samples = static_cast<std::uint32_t>(format.samples_of_ms(20));
  Buffer frame(static_cast<std::size_t>(format.bytes_of(samples)));
  for (std::size_t index = 0; index < frame.size(); ++index)
    frame[index] = static_cast<std::uint8_t>(index * 31);
  Buffer file(std::size_t{4} << 20);
  Buffer into(SegmentWriter(facts, {}).output_bytes_max());
  std::size_t size = 0;
  measure(write_name, count, [&] {
    SegmentWriter writer(facts, {});
    ByteWriter disk(file);
    disk.bytes(writer.open(into).value());
    for (std::size_t index = 0; index < kFrames; ++index) {
      const Piece piece{.position = index * samples, .samples = samples, .bytes = frame};
      disk.bytes(writer.append(Instant{}, piece, into).to_write);
    }
    disk.bytes(writer.seal(SealKind::kEndsRecording, into));
    size = disk.size();
    return writer.hash();
  });
  const Bytes segment = Bytes(file).first(size);
  measure(read_name, count, [&] {
    RecordingReader reader = RecordingReader::open({&segment, 1}, {}).value();
    std::uint64_t bytes = 0;
    for (Bytes got = reader.read(into); !got.empty(); got = reader.read(into))
      bytes += got.size();
    return bytes;
  });
}

void measure_ogg(bool count) {
  const Buffer packet(80, 7);
  Buffer page(kOggPageBytesMax);
  OggOpusWriter writer({}, 1);
  (void)writer.open(page);
  measure("Ogg, 80 bytes", count, [&] {
    std::uint64_t bytes = 0;
    for (std::size_t index = 0; index < kFrames; ++index)
      bytes += writer.append(packet, 960, page)->size();
    return bytes;
  });
}

void measure_clip(bool count) {
  const Buffer pcmu(kFrames * 160, 1);
  const Buffer opus(kFrames * 80, 2);
  const std::vector<std::uint16_t> lengths(kFrames, 80);
  const std::array<ClipSource, 2> sources{
      {{.encoding = {PayloadKind::kPcmu, 8'000}, .data = pcmu, .frame_bytes = {}},
       {.encoding = {PayloadKind::kOpus, 48'000}, .data = opus, .frame_bytes = lengths}}};
  const ClipFacts facts{.frame_count = kFrames, .duration_samples_48k = kFrames * 960};
  Buffer file(clip_bytes(facts, sources).value());
  const ClipView clip = ClipView::open(write_clip(file, facts, sources).value()).value();
  for (std::uint32_t track = 0; track < 2; ++track) {
    measure(track == 0 ? "clip, PCMU" : "clip, Opus", count, [&] {
      std::uint64_t bytes = 0;
      for (std::uint32_t index = 0; index < kFrames; ++index)
        bytes += clip.frame(track, index)[index % 80];
      return bytes;
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::string_view(argv[1]) == "--count";
  measure_recording("write, PCMU", "read, PCMU", {.kind = PayloadKind::kPcmu}, count);
  measure_recording("write, PCM 8 kHz", "read, PCM 8 kHz", {}, count);
  measure_recording("write, PCM 48 kHz", "read, PCM 48 kHz", {.rate_hz = 48'000}, count);
  measure_ogg(count);
  measure_clip(count);
  return 0;
}
