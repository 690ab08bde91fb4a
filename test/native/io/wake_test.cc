// What processes share: wake-up pipes, and memory with its lock.
#include "io/wake.h"

#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <string>

#include "io/shared_memory.h"
#include "native/harness.h"

using namespace trunkyard;
using io::SharedMemory;
using io::WakeInterrupt;
using io::WakeListener;
using io::WakeSender;
using Outcome = WakeListener::Outcome;

namespace {

/// A directory that goes with the test.
class Folder {
 public:
  Folder() { CHECK(::mkdtemp(path_.data()) != nullptr); }
  ~Folder() { ::rmdir(path_.c_str()); }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_ = "/tmp/trunkyard-wake-XXXXXX";
};

}  // namespace

TEST("a wake-up ends one sleep, however often it was sent") {
  Folder folder;
  const std::string path = folder.file("pipe");
  WakeSender sender = WakeSender::create(path.c_str()).value();
  WakeListener listener = WakeListener::open(path.c_str()).value();
  const WakeInterrupt never;
  for (int count = 0; count < 1000; ++count)
    sender.wake();
  CHECK_TRUE(listener.wait(1000, never) == Outcome::kWoken);
  CHECK_TRUE(listener.wait(0, never) == Outcome::kTimedOut);
  io::remove_wake_pipe(path.c_str());
}

TEST("a pipe full of wake-ups takes another without blocking") {
  Folder folder;
  const std::string path = folder.file("pipe");
  WakeSender sender = WakeSender::create(path.c_str()).value();
  WakeListener listener = WakeListener::open(path.c_str()).value();
  for (int count = 0; count < 100'000; ++count)
    sender.wake();
  const WakeInterrupt never;
  CHECK_TRUE(listener.wait(1000, never) == Outcome::kWoken);
  CHECK_TRUE(listener.wait(0, never) == Outcome::kTimedOut);
  io::remove_wake_pipe(path.c_str());
}

TEST("the listener learns when the last sender is gone, after its last wake-up") {
  Folder folder;
  const std::string path = folder.file("pipe");
  WakeListener listener;
  const WakeInterrupt never;
  {
    WakeSender sender = WakeSender::create(path.c_str()).value();
    WakeSender second = sender.duplicate().value();
    listener = WakeListener::open(path.c_str()).value();
    sender = WakeSender();
    CHECK_TRUE(listener.wait(0, never) == Outcome::kTimedOut);
    second.wake();
  }
  CHECK_TRUE(listener.wait(1000, never) == Outcome::kWoken);
  CHECK_TRUE(listener.wait(1000, never) == Outcome::kSenderGone);
  io::remove_wake_pipe(path.c_str());
}

TEST("an interrupt ends the sleep and every later one") {
  Folder folder;
  const std::string path = folder.file("pipe");
  WakeSender sender = WakeSender::create(path.c_str()).value();
  WakeListener listener = WakeListener::open(path.c_str()).value();
  WakeInterrupt interrupt = WakeInterrupt::create().value();
  CHECK_TRUE(listener.wait(0, interrupt) == Outcome::kTimedOut);
  interrupt.interrupt();
  CHECK_TRUE(listener.wait(1000, interrupt) == Outcome::kInterrupted);
  CHECK_TRUE(listener.wait(1000, interrupt) == Outcome::kInterrupted);
  io::remove_wake_pipe(path.c_str());
}

TEST("a sender finds no pipe, a pipe nobody listens to, or a plain file: all refused") {
  Folder folder;
  const std::string path = folder.file("pipe");
  CHECK_EQ(WakeSender::open(path.c_str()).code(), ErrorCode::kRegionInvalid);
  {
    const auto listener = WakeListener::create(path.c_str());
    REQUIRE(listener.ok());
    CHECK_TRUE(WakeSender::open(path.c_str()).ok());
  }
  CHECK_EQ(WakeSender::open(path.c_str()).code(), ErrorCode::kRegionInvalid);
  io::remove_wake_pipe(path.c_str());
  REQUIRE(::mknod(path.c_str(), S_IFREG | 0600, 0) == 0);
  CHECK_EQ(WakeSender::open(path.c_str()).code(), ErrorCode::kRegionInvalid);
  CHECK_EQ(WakeListener::open(path.c_str()).code(), ErrorCode::kRegionInvalid);
  ::unlink(path.c_str());
}

TEST("shared memory is made once, joined by name and locked by one at a time") {
  const std::string name = "/trunkyard-test-" + std::to_string(::getpid());
  {
    SharedMemory made = SharedMemory::create(name.c_str(), 8192).value();
    CHECK_EQ(SharedMemory::create(name.c_str(), 8192).code(), ErrorCode::kRegionExists);
    made.bytes()[5000] = 42;
    SharedMemory joined = SharedMemory::open(name.c_str(), 8192).value();
    CHECK_EQ(joined.bytes()[5000], 42);
    CHECK_EQ(SharedMemory::open(name.c_str(), 8193).code(), ErrorCode::kRegionInvalid);

    CHECK_TRUE(joined.try_lock());
    {
      SharedMemory second = SharedMemory::open(name.c_str(), 1).value();
      CHECK_FALSE(second.try_lock());
      joined.unlock();
      CHECK_TRUE(second.try_lock());
    }
    CHECK_TRUE(joined.try_lock());
  }
  SharedMemory::unlink(name.c_str());
  CHECK_EQ(SharedMemory::open(name.c_str(), 1).code(), ErrorCode::kRegionInvalid);
}
