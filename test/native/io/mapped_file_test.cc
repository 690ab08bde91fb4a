// Files as memory.
#include "io/mapped_file.h"

#include <utility>

#include "native/harness.h"
#include "native/io/test_folder.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::io;
using test::TestFolder;

TEST("a mapped file has the file's bytes, also after its name is gone or another's") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  const std::vector<std::uint8_t> bytes(10'000, 0x42);
  place.write("clip", bytes);
  place.write("next", {1});
  for (const MappedFile::Use use : {MappedFile::Use::kOnce, MappedFile::Use::kOften}) {
    const Result<MappedFile> mapped = MappedFile::open(folder, "clip", 10'000, use);
    REQUIRE(mapped.ok());
    CHECK_EQ(mapped->bytes(), bytes);
    if (use == MappedFile::Use::kOften) {
      CHECK_TRUE(folder.remove("clip").ok());
      CHECK_TRUE(folder.rename("next", "clip").ok());
    }
    CHECK_EQ(mapped->bytes(), bytes);
  }
}

TEST("an empty file has no bytes, a longer one than wanted is refused") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  place.write("empty", {});
  place.write("long", std::vector<std::uint8_t>(11));
  const auto open = [&](const char* name) {
    return MappedFile::open(folder, name, 10, MappedFile::Use::kOnce);
  };
  CHECK_TRUE(open("empty").value().bytes().empty());
  CHECK_EQ(open("long").code(), ErrorCode::kBufferFull);
  CHECK_EQ(open("missing").code(), ErrorCode::kDiskFailed);
}

TEST("a mapping moves with its owner") {
  const TestFolder place;
  Folder folder = Folder::open(place.path()).value();
  place.write("one", {1});
  place.write("two", {2, 2});
  MappedFile first = MappedFile::open(folder, "one", 10, MappedFile::Use::kOnce).value();
  MappedFile second = MappedFile::open(folder, "two", 10, MappedFile::Use::kOnce).value();
  first = std::move(second);
  CHECK_EQ(first.bytes(), (std::vector<std::uint8_t>{2, 2}));
  const MappedFile third(std::move(first));
  CHECK_EQ(third.bytes(), (std::vector<std::uint8_t>{2, 2}));
}

}  // namespace
