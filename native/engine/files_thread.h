// FilesThread: the one thread of a host that may wait for a disk. Maps clips and checks them, so
// that media threads find them in memory, and writes recordings. Media threads hand it requests and
// take its answers over rings (file_port.h); it never touches a leg.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/clip_table.h"
#include "engine/file_port.h"
#include "engine/recording_desk.h"
#include "io/folder.h"

namespace trunkyard::engine {

class FilesThread {
 public:
  struct Config {
    /// Of clips and recordings; exists. Empty = there are none, and whatever needs files is
    /// answered FILE_FAILED.
    std::string folder;
    /// Media threads, 1..kMediaThreadsMax.
    std::uint32_t threads = 1;
    Isa isa = Isa::kC;  ///< no more than best_isa()
  };

  /// @returns kDiskFailed when there is no such folder.
  [[nodiscard]] static Result<std::unique_ptr<FilesThread>> start(const Config& config);
  /// Stops; the media threads have ended before.
  ~FilesThread();
  FilesThread(const FilesThread&) = delete;
  FilesThread& operator=(const FilesThread&) = delete;

  /// For media thread `thread` alone.
  [[nodiscard]] FilePort port(std::uint32_t thread) noexcept {
    return FilePort(lanes_[thread]->rings, bell_);
  }
  [[nodiscard]] ClipTable& clips() noexcept { return clips_; }
  /// Unfinished files of a killed process that were finished at the start.
  [[nodiscard]] std::uint32_t recovered() const noexcept { return recovered_; }

 private:
  struct Lane {
    std::uint32_t index = 0;
    FileRings rings;
    SpscConsumer requests{rings.requests.ring()};
    SpscProducer answers{rings.answers.ring()};
  };

  FilesThread(const Config& config, std::optional<io::Folder> folder);
  void run() noexcept;
  /// @returns whether all lanes were empty.
  bool serve() noexcept;
  /// Writes what taps have brought and tells what has ended.
  void write_recordings() noexcept;
  void carry_out(Lane& lane, const FileRequest& request) noexcept;
  void follow_client(std::uint32_t epoch) noexcept;
  [[nodiscard]] FileAnswer load_clip(const FileRequest& request) noexcept;

  std::optional<io::Folder> folder_;
  std::uint32_t epoch_ = 0;  ///< of the client whose clips these are
  std::vector<std::unique_ptr<Lane>> lanes_;
  ClipTable clips_;
  RecordingDesk recordings_;
  std::uint32_t recovered_ = 0;
  std::counting_semaphore<> bell_{0};
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace trunkyard::engine
