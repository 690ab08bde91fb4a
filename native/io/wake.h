// Wake-ups between processes: a named pipe in the run directory. It carries no data, only "look
// again"; a byte too many is harmless and a full pipe is a wake-up already on its way. The kernel
// also tells the listener when the last sleeper's waker has died, which is how a client learns,
// without polling and without a process id that might be reused, that its host is gone.
//
//   <run dir>/<region>.<name>    fifo, mode 0600; made and removed by the host
#pragma once

#include <cstdint>

#include "base/result.h"
#include "io/file.h"

namespace trunkyard::io {

/// The end that rings. Never blocks, never raises SIGPIPE.
class WakeSender {
 public:
  WakeSender() noexcept = default;
  /// Makes the pipe new (an old file of that name is removed); listeners may come and go.
  /// @returns kSystemCallFailed when the directory is not writable.
  [[nodiscard]] static Result<WakeSender> create(const char* path) noexcept;
  /// Rings an existing pipe that somebody listens to.
  /// @returns kRegionInvalid when there is no such pipe or no live listener.
  [[nodiscard]] static Result<WakeSender> open(const char* path) noexcept;

  void wake() noexcept;
  /// A second one for another thread; the pipe counts as rung by both until both are gone.
  [[nodiscard]] Result<WakeSender> duplicate() const noexcept;

 private:
  friend class WakeListener;
  explicit WakeSender(File file) noexcept : file_(std::move(file)) {}
  File file_;
};

/// Gets a listener of this process out of its sleep without touching the pipe: a listener that held
/// a sender to its own pipe could never notice that the others are gone.
class WakeInterrupt {
 public:
  WakeInterrupt() noexcept = default;
  [[nodiscard]] static Result<WakeInterrupt> create() noexcept;
  /// From any thread. Stays in force: every later wait ends at once.
  void interrupt() noexcept;

 private:
  friend class WakeListener;
  explicit WakeInterrupt(File file) noexcept : file_(std::move(file)) {}
  File file_;
};

/// The end that sleeps.
class WakeListener {
 public:
  enum class Outcome : std::uint8_t {
    kWoken,
    kTimedOut,
    kSenderGone,   ///< every sender has closed or died; for good
    kInterrupted,  ///< by WakeInterrupt
  };

  WakeListener() noexcept = default;
  /// Makes the pipe new (an old file of that name is removed) and listens; keeps a sender of its
  /// own, so it never sees kSenderGone.
  [[nodiscard]] static Result<WakeListener> create(const char* path) noexcept;
  /// Listens to a pipe that the other side made. Only one listener should.
  /// @returns kRegionInvalid when there is no such pipe.
  [[nodiscard]] static Result<WakeListener> open(const char* path) noexcept;

  /// For Poller::add.
  [[nodiscard]] int descriptor() const noexcept { return file_.descriptor(); }
  /// Another sender on this pipe, from the side that made it.
  [[nodiscard]] Result<WakeSender> sender() const noexcept;
  /// Takes back all wake-ups so far.
  void clear() noexcept;
  /// Sleeps. An interrupt counts before a wake-up, and a wake-up before a sender's death.
  [[nodiscard]] Outcome wait(std::uint32_t timeout_ms, const WakeInterrupt& interrupt) noexcept;

 private:
  explicit WakeListener(File file) noexcept : file_(std::move(file)) {}
  File file_;
};

/// Removes a pipe's name; those who hold it open keep it.
void remove_wake_pipe(const char* path) noexcept;

}  // namespace trunkyard::io
