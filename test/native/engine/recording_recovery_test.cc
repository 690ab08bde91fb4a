// What a killed process left of its recordings, and what others left beside it.
#include "engine/recording_recovery.h"

#include <array>
#include <filesystem>
#include <limits>
#include <optional>
#include <vector>

#include "io/mapped_file.h"
#include "native/harness.h"
#include "native/io/test_folder.h"
#include "spool/segment_reader.h"
#include "spool/segment_writer.h"
#include "spool/wav.h"

namespace {

using namespace trunkyard;
using namespace test;

TEST("A12 what a killed process left is made good at the next start, and whole files are let be") {
  TestFolder files;
  auto folder = io::Folder::open(files.path()).value();
  const spool::MediaFormat format{.kind = spool::PayloadKind::kPcm16};
  spool::SegmentWriter writer({.format = format}, {});
  std::vector<std::uint8_t> output(writer.output_bytes_max());
  std::vector<std::uint8_t> segment;
  const auto keep = [&](Bytes bytes) { segment.insert(segment.end(), bytes.begin(), bytes.end()); };
  keep(writer.open(output).value());
  const std::vector<std::uint8_t> piece(320, 1);
  for (std::uint64_t index = 0; index < 100; ++index) {
    keep(writer.append(Instant{}, {.position = 160 * index, .samples = 160, .bytes = piece}, output)
             .to_write);
  }
  segment.resize(segment.size() + 7, 0xee);  // half a block
  files.write("cut.00000.seg", segment);
  std::array<std::uint8_t, spool::kWavHeaderBytesMax> header;
  const Bytes open = spool::write_wav_header(header, format, std::nullopt);
  std::vector<std::uint8_t> wav(open.begin(), open.end());
  wav.resize(wav.size() + 1'601, 7);
  files.write("cut.wav.part", wav);
  files.write("text.part", {'h', 'i'});
  CHECK_EQ(engine::recover_recordings(folder), 2u);
  const auto sealed = files.contents("cut.00000.seg");
  const auto report = spool::recover(sealed, {});
  REQUIRE(report.ok());
  CHECK_TRUE(report->is_whole());
  CHECK_TRUE(report->seal->after_crash);
  CHECK_TRUE(report->ends[0] >= 12'000);
  const auto finished = files.contents("cut.wav");
  const auto view = spool::read_wav(finished);
  REQUIRE(view.ok());
  CHECK_FALSE(view->is_cut);
  CHECK_EQ(view->data.size(), 1'600u);
  CHECK_EQ(engine::recover_recordings(folder), 0u);
  CHECK_EQ(files.contents("text.part").size(), 2u);
}

TEST("a growing WAV file of somebody else's is let be, whatever it looks like") {
  TestFolder files;
  auto folder = io::Folder::open(files.path()).value();
  const spool::MediaFormat format{.kind = spool::PayloadKind::kPcm16};
  std::array<std::uint8_t, spool::kWavHeaderBytesMax> room;
  const Bytes own = spool::write_wav_header(room, format, 1'600);
  // The usual header of 44 bytes is ours without the chunk that keeps room for greater sizes.
  std::vector<std::uint8_t> usual(own.begin(), own.begin() + 12);
  usual.insert(usual.end(), own.begin() + 48, own.end());
  CHECK_EQ(usual.size(), 44u);
  for (const std::size_t behind : {0u, 36u, 500u}) {
    for (const std::size_t data : {10u, 1'599u, 1'600u}) {
      std::vector<std::uint8_t> foreign = usual;
      foreign.resize(44 + data, 7);
      if (data == 1'600) foreign.resize(44 + data + behind, 8);
      files.write("theirs.wav.part", foreign);
      CHECK_EQ(engine::recover_recordings(folder), 0u);
      CHECK_EQ(files.contents("theirs.wav.part"), foreign);
    }
  }
}

TEST("a WAV file whose name alone is missing gets it, cut or not, beyond 4 GB too") {
  TestFolder files;
  auto folder = io::Folder::open(files.path()).value();
  const spool::MediaFormat format{.kind = spool::PayloadKind::kPcma, .channel_count = 2};
  const std::uint64_t large = (std::uint64_t{4} << 30) + 8'000;
  for (const std::optional<std::uint64_t> claimed :
       {std::optional<std::uint64_t>(1'600), std::optional<std::uint64_t>(4'800),
        std::optional<std::uint64_t>(2 * large), std::optional<std::uint64_t>()}) {
    for (const std::uint64_t there : {std::uint64_t{1'600}, large}) {
      if (claimed && *claimed < there) continue;
      std::array<std::uint8_t, spool::kWavHeaderBytesMax> room;
      const Bytes header = spool::write_wav_header(room, format, claimed);
      files.write("ours.wav.part", {header.begin(), header.end()});
      std::filesystem::resize_file(files.file("ours.wav.part"), header.size() + there);
      CHECK_EQ(engine::recover_recordings(folder), 1u);
      CHECK_EQ(std::filesystem::file_size(files.file("ours.wav")), header.size() + there);
      const auto whole = io::MappedFile::open(
          folder, "ours.wav", std::numeric_limits<std::size_t>::max(), io::MappedFile::Use::kOnce);
      REQUIRE(whole.ok());
      const auto wav = spool::read_wav(whole->bytes());
      REQUIRE(wav.ok());
      CHECK_FALSE(wav->is_cut);
      CHECK_EQ(wav->data.size(), there);
      std::filesystem::remove(files.file("ours.wav"));
    }
  }
}

}  // namespace
