// Files of recordings, row by row: each container holds what was written, begins and ends where
// silence was left out, and is bit for bit the file that a recording without that silence makes.
#include "engine/recording_file.h"

#include <sys/resource.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "codec/codec.h"
#include "codec/g711.h"
#include "native/codec/listen.h"
#include "native/harness.h"
#include "native/io/test_folder.h"
#include "spool/ogg_reader.h"
#include "spool/recording_reader.h"
#include "spool/segment_reader.h"
#include "spool/wav.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using namespace test;
using contract::RecordingContainer;
using pipeline::RecordedSound;
using pipeline::RecorderRow;

constexpr std::size_t kRow = 80;

/// A tone of each channel, half a row of it after the other.
struct Sound {
  explicit Sound(std::size_t rows) : left(kRow * rows), right(kRow * rows) {
    add_sine(left, 8'000, 500, -16);
    add_sine(right, 8'000, 1'200, -20);
  }
  [[nodiscard]] RecorderRow row(std::uint32_t index, std::uint32_t position) const {
    return {.position = position,
            .channels = {codec::Pcm(left).subspan(index * kRow, kRow),
                         codec::Pcm(right).subspan(index * kRow, kRow)}};
  }
  /// The same, of one channel.
  [[nodiscard]] RecorderRow row_of_left(std::uint32_t index, std::uint32_t position) const {
    RecorderRow of_both = row(index, position);
    of_both.channels[1] = {};
    return of_both;
  }
  Samples left;
  Samples right;
};

struct Place {
  explicit Place(const char* under = nullptr)
      : files(under), folder(io::Folder::open(files.path()).value()) {}
  std::unique_ptr<RecordingFile> create(RecordingContainer container, RecordedSound sound) {
    return RecordingFile::create(folder, plan(container, sound)).value();
  }
  [[nodiscard]] static RecordingPlan plan(RecordingContainer container, RecordedSound sound) {
    return {.name = "take", .container = container, .sound = sound, .seed = 3, .isa = best_isa()};
  }
  TestFolder files;
  io::Folder folder;
};

/// What becomes of a recording: rows left out at its start, kept, and taken back from its end.
struct Shape {
  std::uint32_t skipped = 0;
  std::uint32_t kept = 0;
  std::uint32_t cut = 0;
};

/// @returns the file's name in the folder.
std::string write(Place& place, RecordingContainer container, RecordedSound sound,
                  const Shape& shape) {
  const Sound tone(shape.kept + shape.cut);
  auto file = place.create(container, sound);
  for (std::uint32_t row = 0; row < shape.skipped; ++row)
    file->skip();
  for (std::uint32_t row = 0; row < shape.kept + shape.cut; ++row) {
    // What isn't the last place to end is forgotten.
    if (row % 7 == 0 && row < shape.kept) file->mark();
    if (row == shape.kept) file->mark();
    CHECK_TRUE(file->write(Instant{}, tone.row(row, shape.skipped + row)).ok());
  }
  if (shape.cut > 0) CHECK_TRUE(file->cut().ok());
  CHECK_TRUE(file->finish().ok());
  const bool takes_back = container != RecordingContainer::kSegments;
  const std::uint32_t left = shape.kept + (takes_back ? 0 : shape.cut);
  CHECK_EQ(file->duration_ms(), 10 * left);
  CHECK_EQ(file->trimmed_ms(), 10 * (shape.skipped + shape.kept + shape.cut - left));
  const std::string name = container == RecordingContainer::kSegments ? "take.00000.seg" : "take";
  CHECK_EQ(file->bytes(), place.files.contents(name).size());
  return name;
}

TEST("WAV holds every sample as it came, one channel or two") {
  for (const bool dual : {false, true}) {
    Place place;
    (void)write(place, RecordingContainer::kWav,
                dual ? RecordedSound::kDual : RecordedSound::kMixed, {.kept = 133});
    const auto bytes = place.files.contents("take");
    const auto wav = spool::read_wav(bytes).value();
    CHECK_FALSE(wav.is_cut);
    const std::size_t channels = dual ? 2 : 1;
    CHECK_EQ(wav.format.channel_count, channels);
    REQUIRE(wav.data.size() == 2 * channels * 133 * kRow);
    const Sound tone(133);
    for (std::size_t index = 0; index < 133 * kRow; ++index) {
      std::array<std::int16_t, 2> samples = {};
      std::memcpy(samples.data(), wav.data.data() + 2 * channels * index, 2 * channels);
      CHECK_EQ(samples[0], tone.left[index]);
      if (dual) CHECK_EQ(samples[1], tone.right[index]);
    }
  }
}

TEST("WAV of either law holds its codes, one channel or two") {
  const std::array<std::pair<RecordingContainer, codec::Law>, 2> laws = {
      {{RecordingContainer::kWavPcmu, codec::Law::kMu},
       {RecordingContainer::kWavPcma, codec::Law::kA}}};
  for (const auto& [container, law] : laws) {
    for (const bool dual : {false, true}) {
      Place place;
      (void)write(place, container, dual ? RecordedSound::kDual : RecordedSound::kReceived,
                  {.kept = 77});
      const auto bytes = place.files.contents("take");
      const auto wav = spool::read_wav(bytes).value();
      CHECK_TRUE(wav.format.kind ==
                 (law == codec::Law::kMu ? spool::PayloadKind::kPcmu : spool::PayloadKind::kPcma));
      const std::size_t channels = dual ? 2 : 1;
      REQUIRE(wav.data.size() == channels * 77 * kRow);
      const Sound tone(77);
      const auto code = [law](std::int16_t sample) {
        return law == codec::Law::kMu ? codec::mu_encode(sample) : codec::a_encode(sample);
      };
      for (std::size_t index = 0; index < 77 * kRow; ++index) {
        CHECK_EQ(wav.data[channels * index], code(tone.left[index]));
        if (dual) CHECK_EQ(wav.data[channels * index + 1], code(tone.right[index]));
      }
    }
  }
}

TEST("what was left out at the start and taken back at the end leaves no trace, to the bit") {
  for (const RecordingContainer container :
       {RecordingContainer::kWav, RecordingContainer::kWavPcma, RecordingContainer::kOggOpus}) {
    for (const std::uint32_t cut : {1u, 2u, 3u, 49u, 50u, 51u, 333u}) {
      for (const std::uint32_t kept : {1u, 24u, 50u, 99u}) {
        Place trimmed;
        Place plain;
        const Shape shape{.skipped = 31, .kept = kept, .cut = cut};
        const auto left =
            trimmed.files.contents(write(trimmed, container, RecordedSound::kMixed, shape));
        const auto right =
            plain.files.contents(write(plain, container, RecordedSound::kMixed, {.kept = kept}));
        if (container != RecordingContainer::kOggOpus) {
          CHECK_EQ(left, right);
          continue;
        }
        // The last packets are encoded with what followed still in hand, so only what they are
        // about is the same.
        std::array<std::uint8_t, kOpusPacketBytesMax> scratch;
        auto ogg = spool::OggOpusReader::open(left, scratch).value();
        std::uint64_t granule = 0;
        for (spool::OggPacket packet; ogg.next(packet);)
          granule = packet.granule.value_or(granule);
        CHECK_TRUE(ogg.is_finished());
        CHECK_EQ(ogg.damages(), 0u);
        CHECK_EQ(granule - ogg.head().pre_skip, std::uint64_t{480} * kept);
        CHECK_TRUE(left.size() <= right.size() + 200);
      }
    }
  }
}

TEST("a recording of nothing but silence is an empty file, whole") {
  for (const RecordingContainer container :
       {RecordingContainer::kWav, RecordingContainer::kOggOpus, RecordingContainer::kSegments}) {
    Place place;
    const auto bytes =
        place.files.contents(write(place, container, RecordedSound::kMixed, {.skipped = 400}));
    if (container == RecordingContainer::kWav) {
      CHECK_EQ(spool::read_wav(bytes).value().data.size(), 0u);
    } else if (container == RecordingContainer::kSegments) {
      CHECK_TRUE(spool::recover(bytes, {}).value().is_whole());
    }
  }
}

TEST("of segments, silence left out at the start is a gap that says so; at the end it stays") {
  Place place;
  const auto bytes =
      place.files.contents(write(place, RecordingContainer::kSegments, RecordedSound::kDual,
                                 {.skipped = 100, .kept = 50, .cut = 30}));
  std::array<spool::MissingPiece, 4> missing;
  const auto report = spool::recover(bytes, missing).value();
  CHECK_TRUE(report.is_whole());
  CHECK_EQ(report.missing, 1u);
  CHECK_TRUE(missing[0] ==
             (spool::MissingPiece{
                 .reason = spool::GapReason::kSilence, .position = 0, .samples = 100 * kRow}));
  CHECK_EQ(report.ends[0], 180 * kRow);
}

/// Of a channel, longer than one segment.
constexpr std::uint32_t kSegmentRows = 3'000;

TEST("a full segment is saved behind the next one's back, one wait after the other") {
  Place place;
  const Sound tone(100);
  auto file = place.create(RecordingContainer::kSegments, RecordedSound::kMixed);
  CHECK_TRUE(file->has_unsaved());  // its name
  CHECK_TRUE(file->save().ok());
  CHECK_FALSE(file->has_unsaved());
  for (std::uint32_t row = 0; row < kSegmentRows + 20; ++row)
    CHECK_TRUE(file->write(Instant{}, tone.row_of_left(row % 100, row)).ok());
  for (int wait = 0; wait < 2; ++wait) {
    CHECK_TRUE(file->has_unsaved());
    CHECK_TRUE(file->save().ok());
  }
  CHECK_FALSE(file->has_unsaved());
  CHECK_TRUE(file->finish().ok());
  const auto first = place.files.contents("take.00000.seg");
  const auto second = place.files.contents("take.00001.seg");
  CHECK_TRUE(spool::recover(first, {}).value().is_whole());
  const auto report = spool::recover(second, {}).value();
  CHECK_TRUE(report.is_whole() && report.seal->ends_recording);
  CHECK_EQ(report.ends[0], (kSegmentRows + 20) * kRow);
  CHECK_EQ(file->bytes(), first.size() + second.size());
}

TEST("a next segment that can't be made ends the recording with a whole one") {
  for (const bool in_gap : {false, true}) {
    Place place;
    place.files.write("take.00001.seg", {1, 2, 3});
    const Sound tone(100);
    auto file = place.create(RecordingContainer::kSegments, RecordedSound::kMixed);
    bool written = true;
    for (std::uint32_t row = 0; row < kSegmentRows + 20 && written; ++row) {
      const RecorderRow next = in_gap && row >= kSegmentRows
                                   ? RecorderRow{.position = row, .channels = {}}
                                   : tone.row_of_left(row % 100, row);
      written = file->write(Instant{}, next).ok();
    }
    // In a gap nothing is written before its end.
    CHECK_EQ(written, in_gap);
    CHECK_EQ(file->finish().code(), ErrorCode::kDiskFailed);
    CHECK_TRUE(spool::recover(place.files.contents("take.00000.seg"), {}).value().is_whole());
    CHECK_EQ(place.files.contents("take.00001.seg").size(), 3u);
  }
}

TEST("a recording that needs more segments than there may be ends with the last one, whole") {
  // Six thousand files, each of which waits for a disk, where there is one.
  Place place("/dev/shm");
  const Sound tone(1);
  auto file = place.create(RecordingContainer::kSegments, RecordedSound::kDual);
  std::uint32_t row = 0;
  Result<void> written;
  // One row that sounds in each segment.
  for (std::uint32_t segment = 0; segment < kSegmentsMax; ++segment) {
    written = file->write(Instant{}, tone.row(0, row++));
    REQUIRE(written.ok());
    for (std::uint32_t quiet = 1; quiet < kSegmentRows; ++quiet)
      CHECK(file->write(Instant{}, {.position = row++, .channels = {}}).ok());
  }
  // The gap belongs to the segment before, whatever ends it.
  CHECK_EQ(file->write(Instant{}, tone.row(0, row)).code(), ErrorCode::kBufferFull);
  CHECK_TRUE(file->finish().ok());
  CHECK_EQ(file->duration_ms(), 10 * std::uint64_t{row});
  const auto last = place.files.contents("take.06143.seg");
  const auto report = spool::recover(last, {}).value();
  CHECK_TRUE(report.is_whole() && report.seal->ends_recording);
  CHECK_EQ(report.ends[0], std::uint64_t{row} * kRow);
  CHECK_EQ(place.folder.list().value().size(), kSegmentsMax);
}

TEST("which containers hold what is known before a file is made") {
  CHECK_TRUE(can_hold(RecordingContainer::kWav, RecordedSound::kDual, 48'000));
  CHECK_TRUE(can_hold(RecordingContainer::kSegments, RecordedSound::kDual, 16'000));
  CHECK_TRUE(can_hold(RecordingContainer::kWavPcma, RecordedSound::kDual, 8'000));
  CHECK_FALSE(can_hold(RecordingContainer::kWavPcmu, RecordedSound::kMixed, 16'000));
  CHECK_TRUE(can_hold(RecordingContainer::kOggOpus, RecordedSound::kMixed, 48'000));
  CHECK_FALSE(can_hold(RecordingContainer::kOggOpus, RecordedSound::kDual, 48'000));
  Place place;
  CHECK_ABORTS((void)place.create(RecordingContainer::kOggOpus, RecordedSound::kDual));
}

TEST("a name that is taken, finished or growing, is refused and left alone") {
  for (const char* taken : {"take", "take.part"}) {
    Place place;
    place.files.write(taken, {1, 2, 3});
    for (const RecordingContainer container :
         {RecordingContainer::kWav, RecordingContainer::kOggOpus}) {
      CHECK_EQ(
          RecordingFile::create(place.folder, Place::plan(container, RecordedSound::kMixed)).code(),
          ErrorCode::kDiskFailed);
    }
    CHECK_EQ(place.files.contents(taken).size(), 3u);
  }
}

TEST("a file that nothing could be written to leaves nothing behind, and its name is free") {
  Place place;
  struct rlimit before;
  CHECK(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit none = {4, before.rlim_max};
  for (const RecordingContainer container :
       {RecordingContainer::kWav, RecordingContainer::kWavPcma, RecordingContainer::kOggOpus,
        RecordingContainer::kSegments}) {
    CHECK(::setrlimit(RLIMIT_FSIZE, &none) == 0);
    const ErrorCode code =
        RecordingFile::create(place.folder, Place::plan(container, RecordedSound::kMixed)).code();
    CHECK(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_EQ(code, ErrorCode::kDiskFull);
    CHECK_TRUE(place.folder.list().value().empty());
    CHECK_TRUE(place.create(container, RecordedSound::kMixed)->finish().ok());
    const auto names = place.folder.list().value();
    for (const std::string& name : names)
      CHECK_TRUE(place.folder.remove(name.c_str()).ok());
  }
  (void)std::signal(SIGXFSZ, handler);
}

}  // namespace
