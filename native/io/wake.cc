#include "io/wake.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace trunkyard::io {

namespace {

constexpr int kFlags = O_NONBLOCK | O_CLOEXEC;

Result<File> open_pipe(const char* path, int mode) noexcept {
  File file(::open(path, mode | kFlags | O_NOFOLLOW));
  struct stat facts;
  // Anything but a pipe under that name (a left-over file, a trap) would make reads and writes mean
  // something else.
  if (!file.open() || ::fstat(file.descriptor(), &facts) != 0 || !S_ISFIFO(facts.st_mode)) {
    return Error{ErrorCode::kRegionInvalid};
  }
  return file;
}

bool make_pipe(const char* path) noexcept {
  ::unlink(path);
  return ::mkfifo(path, 0600) == 0;
}

// Reading one's own pipe by descriptor name avoids a second look-up of the path, which could have
// been replaced meanwhile.
Result<File> reopen(int descriptor, int mode) noexcept {
  char name[32];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
  File file(::open(name, mode | kFlags));
  if (!file.open()) return Error{ErrorCode::kSystemCallFailed};
  return file;
}

}  // namespace

Result<WakeSender> WakeSender::create(const char* path) noexcept {
  if (!make_pipe(path)) return Error{ErrorCode::kSystemCallFailed};
  Result<File> file = open_pipe(path, O_RDWR);
  if (!file) return Error{ErrorCode::kSystemCallFailed};
  return WakeSender(std::move(*file));
}

Result<WakeSender> WakeSender::open(const char* path) noexcept {
  // Write-only fails with ENXIO when nobody reads: the kernel's word that the host is not there.
  // The pipe is then held read-write, because a write to a pipe without readers raises SIGPIPE.
  Result<File> probe = open_pipe(path, O_WRONLY);
  if (!probe) return Error{probe.error()};
  Result<File> file = reopen(probe->descriptor(), O_RDWR);
  if (!file) return Error{file.error()};
  return WakeSender(std::move(*file));
}

void WakeSender::wake() noexcept {
  const char byte = 1;
  // EAGAIN: the pipe is full of wake-ups nobody has taken yet.
  [[maybe_unused]] const ssize_t written = ::write(file_.descriptor(), &byte, 1);
}

Result<WakeSender> WakeSender::duplicate() const noexcept {
  Result<File> file = reopen(file_.descriptor(), O_RDWR);
  if (!file) return Error{file.error()};
  return WakeSender(std::move(*file));
}

Result<WakeListener> WakeListener::create(const char* path) noexcept {
  if (!make_pipe(path)) return Error{ErrorCode::kSystemCallFailed};
  Result<File> file = open_pipe(path, O_RDWR);
  if (!file) return Error{ErrorCode::kSystemCallFailed};
  return WakeListener(std::move(*file));
}

Result<WakeListener> WakeListener::open(const char* path) noexcept {
  Result<File> file = open_pipe(path, O_RDONLY);
  if (!file) return Error{file.error()};
  return WakeListener(std::move(*file));
}

Result<WakeSender> WakeListener::sender() const noexcept {
  Result<File> file = reopen(descriptor(), O_RDWR);
  if (!file) return Error{file.error()};
  return WakeSender(std::move(*file));
}

void WakeListener::clear() noexcept {
  char bytes[512];
  while (::read(descriptor(), bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes)) {
  }
}

WakeListener::Outcome WakeListener::wait(std::uint32_t timeout_ms,
                                         const WakeInterrupt& interrupt) noexcept {
  // poll skips a negative descriptor, so an interrupt that was never created simply never comes.
  pollfd entries[2] = {{descriptor(), POLLIN, 0}, {interrupt.file_.descriptor(), POLLIN, 0}};
  const int ready = ::poll(entries, 2, static_cast<int>(std::min(timeout_ms, 60'000u)));
  if (ready <= 0) return Outcome::kTimedOut;
  if (entries[1].revents != 0) return Outcome::kInterrupted;
  if ((entries[0].revents & POLLIN) != 0) {
    clear();
    return Outcome::kWoken;
  }
  return Outcome::kSenderGone;
}

Result<WakeInterrupt> WakeInterrupt::create() noexcept {
  File file(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!file.open()) return Error{ErrorCode::kSystemCallFailed};
  return WakeInterrupt(std::move(file));
}

void WakeInterrupt::interrupt() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(file_.descriptor(), &one, sizeof one);
}

void remove_wake_pipe(const char* path) noexcept {
  ::unlink(path);
}

}  // namespace trunkyard::io
