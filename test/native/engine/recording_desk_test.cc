// What is written of many recordings at once: none keeps the others waiting, however much there is
// to be written of it, and what has passed is in its file.
#include "engine/recording_desk.h"

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "native/codec/listen.h"
#include "native/harness.h"
#include "native/io/test_folder.h"
#include "spool/wav.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using namespace test;
using contract::RecordingContainer;
using contract::RecordingEnd;
using contract::RecordingSound;
using pipeline::Side;

constexpr std::size_t kRowBytes = 160;
const Samples kPiece(80, 1'000);

struct Office {
  /// @returns the feed, which is the desk's.
  RecordingFeed& start(const std::string& name, std::uint32_t order, bool trims = false,
                       RecordingContainer container = RecordingContainer::kWav) {
    FileRequest request{.kind = FileRequest::Kind::kRecord,
                        .order = order,
                        .rate_hz = 8'000,
                        .container = container,
                        .sound = RecordingSound::kReceived,
                        .trims = trims,
                        .feed = std::make_unique<RecordingFeed>(8'000).release()};
    std::memcpy(request.name.data(), name.data(), name.size());
    desk.start(0, request, Instant{});
    return *request.feed;
  }
  static void push(RecordingFeed& feed, std::uint32_t position) {
    CHECK_TRUE(feed.push({.side = Side::kReceived, .position = position, .samples = kPiece}));
  }
  [[nodiscard]] std::size_t written(const std::string& name) const {
    return std::filesystem::file_size(files.file(name + ".part"));
  }
  /// How a recording ended, once nothing is left to be written of it.
  FileAnswer ended() {
    const FileAnswer* first = desk.first_ended(0);
    CHECK(first != nullptr);
    const FileAnswer answer = *first;
    desk.pop_ended(0);
    return answer;
  }
  /// @returns how many times it took.
  std::uint32_t write_all() {
    std::uint32_t times = 0;
    do {
      desk.write(Instant{});
      ++times;
    } while (desk.behind());
    return times;
  }

  TestFolder files;
  io::Folder folder = io::Folder::open(files.path()).value();
  RecordingDesk desk{&folder, Isa::kC};
};

constexpr std::uint32_t kLongGap = 40 * 60 * 100;

TEST("the gap of one recording is written a second at a time, and the others go on meanwhile") {
  Office office;
  RecordingFeed& gap = office.start("gap.wav", 1);
  RecordingFeed& other = office.start("other.wav", 2);
  Office::push(gap, 0);
  Office::push(gap, kLongGap);
  std::uint32_t pushed = 0;
  std::size_t before = spool::kWavHeaderBytesMax;
  do {
    Office::push(other, pushed++);
    Office::push(other, pushed++);
    office.desk.write(Instant{});
    // What the recorder or the file keeps back is less than a second.
    CHECK_TRUE(office.written("other.wav") + 100 * kRowBytes >= pushed * kRowBytes);
    const std::size_t now = office.written("gap.wav");
    REQUIRE(now <= before + kRowsAtOnce * kRowBytes);
    before = now;
  } while (office.desk.behind());
  CHECK_TRUE(pushed / 2 >= kLongGap / kRowsAtOnce);
  for (RecordingFeed* feed : {&gap, &other})
    feed->close(RecordingEnd::kStopped, feed == &gap ? kLongGap + 1 : pushed);
  (void)office.write_all();
  FileAnswer answer = office.ended();
  CHECK_EQ(answer.order, 1u);
  CHECK_EQ(answer.duration_ms, 10 * (kLongGap + 1));
  answer = office.ended();
  CHECK_EQ(answer.duration_ms, 10 * pushed);
  CHECK_EQ(answer.lost_ms, 0u);
  CHECK_EQ(office.desk.size(), 0u);
  const auto file = office.files.contents("gap.wav");
  const auto wav = spool::read_wav(file).value();
  REQUIRE(wav.data.size() == (kLongGap + 1) * kRowBytes);
  CHECK_TRUE(wav.data[0] != 0 && wav.data[wav.data.size() - 1] != 0);
  CHECK_EQ(wav.data[wav.data.size() / 2], 0);
}

TEST("a gap that is open when a recording ends is written to its end before that is told") {
  for (const RecordingContainer container :
       {RecordingContainer::kWav, RecordingContainer::kOggOpus, RecordingContainer::kSegments}) {
    Office office;
    RecordingFeed& gap = office.start("gap", 1, false, container);
    Office::push(gap, 0);
    gap.close(RecordingEnd::kStopped, 2'000);
    office.desk.write(Instant{});
    CHECK_TRUE(office.desk.first_ended(0) == nullptr);
    CHECK_TRUE(office.desk.behind());
    CHECK_TRUE(office.write_all() >= 2'000 / kRowsAtOnce - 1);
    CHECK_EQ(office.ended().duration_ms, 20'000u);
  }
}

TEST("one that has more than its share to write when another one ends is finished all the same") {
  Office office;
  RecordingFeed& first = office.start("a.wav", 1);
  RecordingFeed& second = office.start("b.wav", 2);
  for (RecordingFeed* feed : {&first, &second})
    Office::push(*feed, 0);
  first.close(RecordingEnd::kStopped, kRowsAtOnce + 10);
  second.close(RecordingEnd::kStopped, 1);
  (void)office.write_all();
  CHECK_EQ(office.ended().duration_ms, 10u);
  CHECK_EQ(office.ended().duration_ms, 10 * (kRowsAtOnce + 10));
}

TEST("silence that is left out takes its turns, too") {
  Office office;
  RecordingFeed& feed = office.start("a.wav", 1, true);
  for (std::uint32_t row = 0; row < 10; ++row)
    Office::push(feed, row);
  Office::push(feed, 5'000);
  feed.close(RecordingEnd::kStopped, 5'001);
  CHECK_TRUE(office.write_all() >= 5'000 / kRowsAtOnce);
  const FileAnswer answer = office.ended();
  // The margin behind the first sound; the last is a click.
  CHECK_EQ(answer.duration_ms, 10u * (10 + pipeline::kTrimMarginRows));
  CHECK_EQ(answer.duration_ms + answer.trimmed_ms, 50'010u);
}

TEST(
    "A12 time that passes without sound is in the file within a second, for whoever is killed "
    "then") {
  Office office;
  RecordingFeed& feed = office.start("a.wav", 1);
  Office::push(feed, 0);
  for (std::uint32_t reached = 10; reached <= 3'000; reached += 10) {
    feed.reach(reached);
    office.desk.write(Instant{});
    CHECK_TRUE(office.written("a.wav") + 100 * kRowBytes >= reached * kRowBytes);
  }
  CHECK_FALSE(office.desk.behind());
  // And goes on in its place.
  Office::push(feed, 3'000);
  feed.close(RecordingEnd::kStopped, 3'001);
  (void)office.write_all();
  const FileAnswer answer = office.ended();
  CHECK_EQ(answer.duration_ms, 30'010u);
  CHECK_EQ(answer.lost_ms, 0u);
}

}  // namespace
