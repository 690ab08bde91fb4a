// The thread that waits for disks: clips for several media threads, for one client after the other.
#include "engine/files_thread.h"

#include <cstring>
#include <string>

#include "native/engine/rig.h"
#include "native/harness.h"
#include "native/io/test_folder.h"
#include "native/spool/sound_clip.h"
#include "spool/wav.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;
using namespace test;
using contract::Code;

struct Desk {
  explicit Desk(const std::string& folder, std::uint32_t threads = 1)
      : files(FilesThread::start({.folder = folder, .threads = threads}).value()) {}
  FileAnswer ask(FilePort& port, FileRequest request, const char* name = "") {
    std::strncpy(request.name.data(), name, kFileNameBytesMax);
    CHECK_TRUE(port.ask(request));
    FileAnswer answer;
    CHECK_TRUE(eventually([&] { return port.next_answer(answer); }));
    return answer;
  }
  std::unique_ptr<FilesThread> files;
};

constexpr auto kLoad = FileRequest::Kind::kLoadClip;
constexpr auto kUnload = FileRequest::Kind::kUnloadClip;

TEST("a clip is loaded for all media threads, with its length, and unloaded by any") {
  TestFolder folder;
  folder.write("a.clip", sound_clip({.tracks = {kClipPcmu}, .ms = 1'240}, sine_sound(500)));
  Desk desk(folder.path(), 2);
  FilePort left = desk.files->port(0);
  FilePort right = desk.files->port(1);
  const FileAnswer loaded = desk.ask(left, {.kind = kLoad, .epoch = 1, .order = 5}, "a.clip");
  CHECK_TRUE(loaded.kind == FileAnswer::Kind::kClipLoaded);
  CHECK_TRUE(loaded.code == Code::kOk);
  CHECK_EQ(loaded.order, 5u);
  CHECK_EQ(loaded.epoch, 1u);
  CHECK_EQ(loaded.duration_ms, 1'240u);
  CHECK_TRUE(desk.files->clips().take(loaded.clip, 1) != nullptr);
  desk.files->clips().give_back(loaded.clip);
  const FileRequest unload{.kind = kUnload, .epoch = 1, .order = 6, .clip = loaded.clip};
  CHECK_TRUE(desk.ask(right, unload).code == Code::kOk);
  CHECK_TRUE(desk.ask(right, unload).code == Code::kHandleStale);
}

TEST("files that aren't there, aren't clips or lie elsewhere are refused by code") {
  TestFolder folder;
  folder.write("text", {'h', 'e', 'l', 'l', 'o'});
  Desk desk(folder.path());
  FilePort port = desk.files->port(0);
  CHECK_TRUE(desk.ask(port, {.kind = kLoad, .epoch = 1}, "none").code == Code::kFileFailed);
  CHECK_TRUE(desk.ask(port, {.kind = kLoad, .epoch = 1}, "../text").code == Code::kFileFailed);
  CHECK_TRUE(desk.ask(port, {.kind = kLoad, .epoch = 1}, "text").code == Code::kClipInvalid);
  Desk without("");
  FilePort other = without.files->port(0);
  CHECK_TRUE(without.ask(other, {.kind = kLoad, .epoch = 1}, "text").code == Code::kFileFailed);
  CHECK_FALSE(FilesThread::start({.folder = folder.file("missing")}).ok());
}

TEST("what another host is writing is not taken for what a killed one has left") {
  TestFolder folder;
  std::array<std::uint8_t, spool::kWavHeaderBytesMax> header;
  const Bytes open =
      spool::write_wav_header(header, {.kind = spool::PayloadKind::kPcm16}, std::nullopt);
  std::vector<std::uint8_t> growing(open.begin(), open.end());
  growing.resize(growing.size() + 1'600, 7);
  Desk desk(folder.path());
  folder.write("growing.wav.part", growing);
  { Desk other(folder.path()); }
  CHECK_TRUE(folder.contents("growing.wav.part") == growing);
  desk.files.reset();
  Desk next(folder.path());
  CHECK_EQ(next.files->recovered(), 1u);
}

TEST("the next client's first word lets the clips of the last one go, and only those") {
  TestFolder folder;
  folder.write("a", sound_clip({.tracks = {kClipPcmu}, .ms = 40}, sine_sound(500)));
  Desk desk(folder.path(), 2);
  FilePort left = desk.files->port(0);
  FilePort right = desk.files->port(1);
  const std::uint32_t old = desk.ask(left, {.kind = kLoad, .epoch = 1}, "a").clip;
  const std::uint32_t fresh = desk.ask(right, {.kind = kLoad, .epoch = 2}, "a").clip;
  CHECK_TRUE(desk.files->clips().take(old, 1) == nullptr);
  // The other thread hears of the new client later; an order of the old one is not answered.
  CHECK_TRUE(left.ask({.kind = kLoad, .epoch = 1}));
  CHECK_TRUE(left.ask({.kind = FileRequest::Kind::kNewClient, .epoch = 2}));
  CHECK_TRUE(desk.ask(left, {.kind = kUnload, .epoch = 2, .order = 9, .clip = old}).code ==
             Code::kHandleStale);
  CHECK_TRUE(desk.files->clips().take(fresh, 2) != nullptr);
  desk.files->clips().give_back(fresh);
}

}  // namespace
