// Files that grow, on disks that have room and on disks that haven't. The full disk is a tiny tmpfs
// in a mount namespace of a child process, which needs root; a limit on the size of files stands
// for it everywhere.
#include "io/append_file.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "native/harness.h"
#include "native/io/test_folder.h"
#include "native/spool/tape.h"
#include "spool/segment_reader.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::io;
using test::Buffer;
using test::TestFolder;

/// Runs `body` in a child process. @returns what it returns.
template <typename Function>
int in_child(Function body) {
  (void)std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = -1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

// What a child answers; anything else is the number of the step that went wrong.
constexpr int kAllRight = 0;
constexpr int kNotAllowed = 100;

Buffer counted(std::size_t bytes, std::size_t from) {
  Buffer buffer(bytes);
  for (std::size_t index = 0; index < bytes; ++index)
    buffer[index] = static_cast<std::uint8_t>((from + index) * 131 >> 3);
  return buffer;
}

/// Appends 1,000 bytes at a time until the disk refuses, and expects the file to end with a whole
/// write, then to take bytes again once there is room.
int fill_disk(Folder& folder, const TestFolder& place, void (*make_room)(Folder&)) {
  Result<AppendFile> made = AppendFile::create(folder, "take");
  if (!made.ok()) return 1;
  AppendFile& file = *made;
  ErrorCode code = ErrorCode::kOk;
  while (code == ErrorCode::kOk && file.size() < 1'000'000)
    code = file.append(counted(1'000, file.size())).code();
  if (code != ErrorCode::kDiskFull) return 2;
  if (file.counters().full != 1 || file.counters().failed != 0) return 3;
  if (file.size() % 1'000 != 0 || file.size() == 0) return 4;
  if (place.contents("take") != counted(file.size(), 0)) return 5;
  // The disk stays full: refused again, and nothing has changed.
  if (file.append(counted(1'000, file.size())).code() != ErrorCode::kDiskFull) return 6;
  if (place.contents("take") != counted(file.size(), 0)) return 7;
  make_room(folder);
  if (!file.append(counted(1'000, file.size())).ok()) return 8;
  if (place.contents("take") != counted(file.size(), 0)) return 9;
  return kAllRight;
}

/// A tmpfs of so many pages over a folder, seen by this process alone.
bool mount_small(const char* path, const char* options) {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

/// Records until the disk is full, with another recording on the same disk that ends before.
int record_on_full_disk(const TestFolder& place) {
  using namespace trunkyard::spool;
  Folder folder = Folder::open(place.path()).value();
  test::Tape other({.kind = PayloadKind::kPcmu, .rate_hz = 8'000});
  other.run(0, 100);
  other.seal(SealKind::kEndsRecording);
  AppendFile neighbour = AppendFile::create(folder, "neighbour").value();
  if (!neighbour.append(other.segments[0]).ok()) return 1;

  SegmentWriter writer(test::Tape::facts({.kind = PayloadKind::kPcmu, .rate_hz = 8'000}), {});
  Buffer into(writer.output_bytes_max());
  AppendFile file = AppendFile::create(folder, "take").value();
  if (!file.append(writer.open(into).value()).ok()) return 2;
  ErrorCode code = ErrorCode::kOk;
  for (std::uint64_t position = 0; code == ErrorCode::kOk && position < 1'000'000;
       position += 160) {
    const Buffer bytes = test::numbered({.kind = PayloadKind::kPcmu}, 0, position, 160);
    code = file.append(
                   writer
                       .append(Instant{},
                               {.channel = 0, .position = position, .samples = 160, .bytes = bytes},
                               into)
                       .to_write)
               .code();
  }
  if (code != ErrorCode::kDiskFull) return 3;
  const SegmentReport report = recover(place.contents("take"), {}).value();
  if (report.good_bytes != file.size() || report.damages != 0 || report.blocks == 0) return 4;
  return recover(place.contents("neighbour"), {}).value().is_whole() ? kAllRight : 5;
}

TEST("what is appended stands in the file, in order") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  AppendFile file = AppendFile::create(folder, "take").value();
  Buffer expected;
  for (std::size_t index = 0; index < 50; ++index) {
    const Buffer bytes = counted(index * 97, expected.size());
    CHECK_TRUE(file.append(bytes).ok());
    expected.insert(expected.end(), bytes.begin(), bytes.end());
    CHECK_EQ(file.size(), expected.size());
  }
  CHECK_TRUE(file.sync().ok());
  CHECK_EQ(place.contents("take"), expected);
  CHECK_EQ(file.counters().writes, 50u);
  CHECK_EQ(file.counters().full + file.counters().failed + file.counters().writes_short, 0u);
}

TEST("A13 on a full disk a write is refused whole, and the file goes on once there is room") {
  const TestFolder place;
  const int answer = in_child([&] {
    if (!mount_small(place.path(), "size=64k")) return kNotAllowed;
    Folder folder = Folder::open(place.path()).value();
    if (!AppendFile::create(folder, "ballast")->append(Buffer(8'192)).ok()) return 10;
    return fill_disk(folder, place, [](Folder& there) { (void)there.remove("ballast"); });
  });
  if (answer == kNotAllowed && ::geteuid() != 0) return test::skip("only root may mount a tmpfs");
  CHECK_EQ(answer, kAllRight);
}

TEST("A13 a recording on a full disk keeps what it had, and harms no other") {
  const TestFolder place;
  const int answer = in_child([&] {
    if (!mount_small(place.path(), "size=64k")) return kNotAllowed;
    return record_on_full_disk(place);
  });
  if (answer == kNotAllowed && ::geteuid() != 0) return test::skip("only root may mount a tmpfs");
  CHECK_EQ(answer, kAllRight);
}

TEST("A13 no more files than the disk may have is a full disk, too") {
  const TestFolder place;
  const int answer = in_child([&] {
    if (!mount_small(place.path(), "size=64k,nr_inodes=3")) return kNotAllowed;
    Folder folder = Folder::open(place.path()).value();
    if (!folder.create("a").ok() || !folder.create("b").ok()) return 1;
    return folder.create("c").code() == ErrorCode::kDiskFull ? kAllRight : 2;
  });
  if (answer == kNotAllowed && ::geteuid() != 0) return test::skip("only root may mount a tmpfs");
  CHECK_EQ(answer, kAllRight);
}

TEST("a write beyond the greatest size of a file is taken back, and counted as short and full") {
  const TestFolder place;
  const int answer = in_child([&] {
    (void)std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2'500, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    Folder folder = Folder::open(place.path()).value();
    AppendFile file = AppendFile::create(folder, "take").value();
    if (!file.append(counted(1'000, 0)).ok() || !file.append(counted(1'000, 1'000)).ok()) return 2;
    if (file.append(counted(1'000, 2'000)).code() != ErrorCode::kDiskFull) return 3;
    if (file.counters().writes_short != 1 || file.counters().full != 1) return 4;
    if (file.size() != 2'000) return 5;
    return place.contents("take") == counted(2'000, 0) ? kAllRight : 6;
  });
  CHECK_EQ(answer, kAllRight);
}

TEST("a header is written over the start without moving the end") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  AppendFile file = AppendFile::create(folder, "take").value();
  CHECK_TRUE(file.append(Buffer(10, 1)).ok());
  CHECK_TRUE(file.overwrite_start(Buffer(4, 2)).ok());
  CHECK_TRUE(file.append(Buffer(1, 3)).ok());
  CHECK_EQ(place.contents("take"), (Buffer{2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 3}));
  CHECK_ABORTS((void)file.overwrite_start(Buffer(12)));
}

TEST("A12 a file left by a crash is cut to its good part and written on") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  place.write("take", counted(1'234, 0));
  Result<AppendFile> file = AppendFile::reopen(folder, "take");
  REQUIRE(file.ok());
  CHECK_EQ(file->size(), 1'234u);
  CHECK_TRUE(file->truncate(1'000).ok());
  CHECK_TRUE(file->append(counted(500, 1'000)).ok());
  CHECK_EQ(place.contents("take"), counted(1'500, 0));
  CHECK_ABORTS((void)file->truncate(1'501));
  CHECK_EQ(AppendFile::reopen(folder, "missing").code(), ErrorCode::kDiskFailed);
}

TEST("A12 what was appended outlives the process that is killed right after") {
  const TestFolder place;
  (void)std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    Folder folder = Folder::open(place.path()).value();
    AppendFile file = AppendFile::create(folder, "take").value();
    (void)file.append(counted(100'000, 0));
    (void)::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  CHECK_EQ(place.contents("take"), counted(100'000, 0));
}

}  // namespace
