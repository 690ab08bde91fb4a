// Clips of a host: loaded, played by several at once, unloaded while they are, and never mixed up.
#include "engine/clip_table.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "native/harness.h"
#include "native/io/test_folder.h"
#include "native/spool/sound_clip.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using namespace test;

struct Shelf {
  Shelf() : folder(io::Folder::open(files.path()).value()) {}
  io::MappedFile map(const std::string& name) {
    return io::MappedFile::open(folder, name.c_str(), kClipBytesMax, io::MappedFile::Use::kOften)
        .value();
  }
  io::MappedFile map(const std::string& name, const std::vector<std::uint8_t>& bytes) {
    files.write(name, bytes);
    return map(name);
  }
  TestFolder files;
  io::Folder folder;
};

constexpr std::uint32_t kClient = 7;

std::vector<std::uint8_t> short_clip(double hz = 500) {
  return sound_clip({.tracks = {kClipPcmu}, .ms = 40}, sine_sound(hz));
}

TEST("a clip is taken as often as one likes and unmapped when the last has given it back") {
  Shelf shelf;
  ClipTable clips;
  const auto clip = clips.add(shelf.map("a", short_clip()), kClient);
  REQUIRE(clip.ok());
  const spool::ClipView* first = clips.take(*clip, kClient);
  REQUIRE(first != nullptr);
  CHECK_TRUE(clips.take(*clip, kClient) == first);
  CHECK_EQ(first->facts().frame_count, 2u);
  CHECK_TRUE(clips.retire(*clip));
  CHECK_FALSE(clips.retire(*clip));
  CHECK_TRUE(clips.take(*clip, kClient) == nullptr);
  CHECK_EQ(clips.sweep(), 1u);
  clips.give_back(*clip);
  CHECK_EQ(clips.sweep(), 1u);
  CHECK_EQ(first->frame(0, 1).size(), 160u);
  CHECK_EQ(clips.size(), 1u);
  clips.give_back(*clip);
  CHECK_EQ(clips.sweep(), 0u);
  CHECK_EQ(clips.size(), 0u);
}

TEST("a handle of a clip that is gone is nobody else's, and no handle is 0") {
  Shelf shelf;
  ClipTable clips;
  shelf.files.write("a", short_clip());
  const auto first = clips.add(shelf.map("a"), kClient);
  REQUIRE(first.ok());
  CHECK_TRUE(clips.retire(*first));
  CHECK_EQ(clips.sweep(), 0u);
  std::uint32_t last = 0;
  for (std::uint32_t count = 0; count < kClipsMax; ++count) {
    const auto next = clips.add(shelf.map("a"), kClient);
    REQUIRE(next.ok());
    CHECK_TRUE(*next != *first);
    CHECK_TRUE(*next != 0);
    last = *next;
  }
  CHECK_TRUE(clips.add(shelf.map("a"), kClient).code() == ErrorCode::kBufferFull);
  CHECK_TRUE(clips.take(*first, kClient) == nullptr);
  CHECK_TRUE(clips.take(0, kClient) == nullptr);
  CHECK_TRUE(clips.take(0xffff'ffff, kClient) == nullptr);
  CHECK_TRUE(clips.take(last, kClient) != nullptr);
  clips.give_back(last);
  clips.retire_all();
  CHECK_EQ(clips.sweep(), 0u);
  CHECK_EQ(clips.size(), 0u);
}

TEST("a clip is its client's alone, also while nobody has retired it yet") {
  Shelf shelf;
  ClipTable clips;
  const auto clip = clips.add(shelf.map("a", short_clip()), kClient);
  REQUIRE(clip.ok());
  CHECK_TRUE(clips.take(*clip, kClient + 1) == nullptr);
  CHECK_TRUE(clips.take(*clip, kClient) != nullptr);
  // Asking for it in vain held on to nothing.
  CHECK_TRUE(clips.retire(*clip));
  CHECK_EQ(clips.sweep(), 1u);
  clips.give_back(*clip);
  CHECK_EQ(clips.sweep(), 0u);
}

TEST("what is no clip, is damaged or could be played to few is refused") {
  Shelf shelf;
  ClipTable clips;
  CHECK_TRUE(clips.add(shelf.map("text", {'h', 'e', 'l', 'l', 'o'}), kClient).code() ==
             ErrorCode::kMediaTruncated);
  auto damaged = short_clip();
  damaged.back() ^= 1;
  CHECK_TRUE(clips.add(shelf.map("damaged", damaged), kClient).code() ==
             ErrorCode::kMediaMalformed);
  const auto narrow = sound_clip({.tracks = {kClipOpus}, .ms = 40}, sine_sound(500));
  CHECK_TRUE(clips.add(shelf.map("opus", narrow), kClient).code() == ErrorCode::kMediaUnsupported);
  CHECK_EQ(clips.size(), 0u);
}

TEST("threads that play a clip while it is retired each have it whole or not at all") {
  Shelf shelf;
  ClipTable clips;
  shelf.files.write("a", short_clip());
  std::atomic<std::uint32_t> handle = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> players;
  std::atomic<std::uint64_t> bytes = 0;
  for (int count = 0; count < 3; ++count) {
    players.emplace_back([&] {
      while (!done.load()) {
        const std::uint32_t clip = handle.load();
        const spool::ClipView* view = clips.take(clip, kClient);
        if (view == nullptr) continue;
        bytes += view->frame(0, 1).back() == view->frame(0, 1).back() ? 1u : 0u;
        clips.give_back(clip);
      }
    });
  }
  for (int round = 0; round < 300; ++round) {
    const auto clip = clips.add(shelf.map("a"), kClient);
    CHECK_TRUE(clip.ok());
    handle.store(*clip);
    std::this_thread::yield();
    CHECK_TRUE(clips.retire(*clip));
    (void)clips.sweep();
  }
  done.store(true);
  for (std::thread& player : players)
    player.join();
  CHECK_EQ(clips.sweep(), 0u);
  CHECK_EQ(clips.size(), 0u);
}

}  // namespace
