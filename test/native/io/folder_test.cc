// Files by name within one directory and nowhere else.
#include "io/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "native/harness.h"
#include "native/io/test_folder.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::io;
using test::TestFolder;

TEST("a folder is taken alone only while nobody else has or shares it") {
  TestFolder files;
  auto first = Folder::open(files.path()).value();
  auto second = std::optional(Folder::open(files.path()).value());
  CHECK_TRUE(first.take_alone());
  CHECK_FALSE(second->take_alone());
  first.share();
  CHECK_FALSE(second->take_alone());
  second->share();
  CHECK_FALSE(first.take_alone());
  { const auto gone = std::move(first); }
  CHECK_TRUE(second->take_alone());
}

TEST("a file is made once, for its owner alone") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  const Result<File> made = folder.create("take-1");
  REQUIRE(made.ok());
  struct stat facts;
  REQUIRE(::fstat(made->descriptor(), &facts) == 0);
  CHECK_EQ(facts.st_mode & 0777u, 0600u);
  CHECK_EQ(folder.create("take-1").code(), ErrorCode::kDiskFailed);
}

TEST("a name that is a path, hidden or empty is refused for every use") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  for (const char* name : {"", ".", "..", ".hidden", "a/b", "/etc/hostname", "../escape"}) {
    CHECK_EQ(folder.create(name).code(), ErrorCode::kConfigInvalid);
    CHECK_EQ(folder.open_to_read(name).code(), ErrorCode::kConfigInvalid);
    CHECK_EQ(folder.open_to_write(name).code(), ErrorCode::kConfigInvalid);
    CHECK_EQ(folder.rename(name, "a").code(), ErrorCode::kConfigInvalid);
    CHECK_EQ(folder.rename("a", name).code(), ErrorCode::kConfigInvalid);
    CHECK_EQ(folder.remove(name).code(), ErrorCode::kConfigInvalid);
  }
}

TEST("links, pipes and directories are no files") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  place.write("plain", {1});
  REQUIRE(::symlink(place.file("plain").c_str(), place.file("link").c_str()) == 0);
  REQUIRE(::mkfifo(place.file("pipe").c_str(), 0600) == 0);
  REQUIRE(::mkdir(place.file("inner").c_str(), 0700) == 0);
  for (const char* name : {"link", "pipe", "inner", "missing"}) {
    CHECK_EQ(folder.open_to_read(name).code(), ErrorCode::kDiskFailed);
    CHECK_EQ(folder.open_to_write(name).code(), ErrorCode::kDiskFailed);
  }
  CHECK_TRUE(folder.open_to_read("plain").ok());
  CHECK_EQ(Folder::open(place.file("plain").c_str()).code(), ErrorCode::kDiskFailed);
  CHECK_EQ(Folder::open(place.file("missing").c_str()).code(), ErrorCode::kDiskFailed);
}

TEST("a file gets another name, but not the one of a file that is there") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  place.write("old", {1, 2, 3});
  place.write("new", {4});
  CHECK_EQ(folder.rename("new", "old").code(), ErrorCode::kDiskFailed);
  CHECK_EQ(place.contents("old"), (std::vector<std::uint8_t>{1, 2, 3}));
  CHECK_EQ(place.contents("new"), (std::vector<std::uint8_t>{4}));
  CHECK_TRUE(folder.rename("new", "newest").ok());
  CHECK_EQ(place.contents("newest"), (std::vector<std::uint8_t>{4}));
  CHECK_EQ(folder.rename("new", "other").code(), ErrorCode::kDiskFailed);
}

TEST("removing what isn't there is no error") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  place.write("take", {1});
  CHECK_TRUE(folder.remove("take").ok());
  CHECK_TRUE(folder.remove("take").ok());
  CHECK_EQ(folder.open_to_read("take").code(), ErrorCode::kDiskFailed);
}

TEST("no room, no quota and too large are full; all else is failed") {
  for (const int error : {ENOSPC, EDQUOT, EFBIG})
    CHECK_EQ(disk_error(error), ErrorCode::kDiskFull);
  for (const int error : {EIO, EROFS, EACCES, EBADF})
    CHECK_EQ(disk_error(error), ErrorCode::kDiskFailed);
}

}  // namespace
