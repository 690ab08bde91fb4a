// Host: the media process's end. Takes all memory, makes the shared region and the pipes, runs the
// media threads, and leaves nothing behind when it stops.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/isa.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/files_thread.h"
#include "engine/kernel_path.h"
#include "engine/media_thread.h"
#include "engine/region.h"
#include "io/shared_memory.h"

namespace trunkyard::engine {

struct HostConfig {
  /// Name of the region, unguessable, chosen by the caller; see region_name_valid.
  std::string region;
  /// An existing directory of mode 0700.
  std::string run_dir;
  /// 1..kMediaThreadsMax.
  std::uint32_t threads = 1;
  /// Of the node; each thread gets an equal share, rounded up.
  std::uint32_t endpoints_max = 0;
  /// 1..256; each range holds at least one port pair a thread.
  std::vector<MediaAddress> addresses;
  Duration port_rest;
  /// Per media thread; powers of two from 16.
  std::uint32_t order_ring_records = 0;
  std::uint32_t event_ring_records = 0;
  /// An existing directory for clips and recordings; empty = none, and orders that need files are
  /// answered FILE_FAILED.
  std::string media_folder;
  /// Participants of the largest conference, 2..kMixParticipantsMax.
  std::uint32_t conference_participants_max = kMixParticipantsMax;
  /// No more than best_isa().
  Isa isa = best_isa();
  /// Whether plain streams are forwarded inside the kernel, where the machine lets this process.
  bool kernel_path = false;
};

class Host {
 public:
  /// @param problem on failure a sentence with the offending value.
  /// @returns kConfigInvalid, kAddressInvalid (an address that is not this machine's),
  /// kRegionExists,
  ///          or kSystemCallFailed. Nothing is left behind after a failure.
  [[nodiscard]] static Result<std::unique_ptr<Host>> start(const HostConfig& config,
                                                           std::string& problem);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] const Region& region() const noexcept { return region_; }
  /// Why no stream is forwarded inside the kernel, a sentence without its full stop; empty when
  /// streams are, or none was asked for.
  [[nodiscard]] const std::string& kernel_path_obstacle() const noexcept {
    return kernel_path_obstacle_;
  }

  /// Closes every endpoint, joins the threads, removes the names. Clients learn at once. Twice is
  /// fine.
  void close() noexcept;

 private:
  Host(const HostConfig& config, io::SharedMemory memory, Region region) noexcept
      : region_name_(config.region),
        run_dir_(config.run_dir),
        memory_(std::move(memory)),
        region_(region) {}
  [[nodiscard]] Result<void> start_threads(const HostConfig& config, std::string& problem);
  /// Without it the host does all the same, by the sockets.
  void open_kernel_path(const HostConfig& config);

  std::string region_name_;
  std::string run_dir_;
  io::SharedMemory memory_;
  Region region_;
  std::unique_ptr<FilesThread> files_;  ///< outlives the threads
  std::string kernel_path_obstacle_;
  /// Outlives the threads.
  std::unique_ptr<KernelPath> kernel_path_;
  std::unique_ptr<ConferenceLines> conference_lines_;
  std::vector<std::unique_ptr<MediaThread>> threads_;
  bool closed_ = false;
};

}  // namespace trunkyard::engine
