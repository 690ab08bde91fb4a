// The shared region: everything that host and client both see, in one named piece of memory.
//
//   page 0   RegionHeader: who made it, its shape, who is attached
//   rings    per media thread: orders (client to thread), events (thread to client)
//   slots    statistics: one a media thread, then one an endpoint (float64, seqlock)
//
// The host makes it; a client joins by name. Neither trusts it: the shape is copied out once,
// checked against limits and against the size of the mapping, and never read again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/spsc.h"

namespace trunkyard::engine {

/// What determines the region's layout.
struct RegionShape {
  std::uint32_t threads = 0;
  std::uint32_t slots_per_thread = 0;
  std::uint32_t order_ring_records = 0;
  std::uint32_t event_ring_records = 0;
};

/// In page 0. Members that change are atomic; the rest is written before `magic`.
struct RegionHeader {
  std::atomic<std::uint64_t> magic;
  std::uint32_t contract_hash;
  std::uint32_t host_process;
  RegionShape shape;
  std::uint64_t bytes;
  /// Raised by each client that attaches. Orders and events carry it, so that what a dead client
  /// left in a ring is recognised and dropped.
  alignas(kCacheLineBytes) std::atomic<std::uint32_t> client_epoch;
  /// Per media thread: the epoch for which its endpoints are closed and its rings are new.
  alignas(kCacheLineBytes) std::atomic<std::uint32_t> epoch_ready[kMediaThreadsMax];
};
static_assert(sizeof(RegionHeader) <= 4096);

/// A checked view of a mapped region. Copyable; owns nothing.
class Region {
 public:
  /// Whether a shape keeps to the limits (rings powers of two, slots a handle can name).
  [[nodiscard]] static bool shape_valid(const RegionShape& shape) noexcept;
  /// Bytes a region of a valid shape takes.
  [[nodiscard]] static std::size_t bytes_needed(const RegionShape& shape) noexcept;

  /// Fills a new, zeroed mapping. The rings are made later, by their media threads.
  [[nodiscard]] static Result<Region> create(MutableBytes memory, const RegionShape& shape,
                                             std::uint32_t host_process) noexcept;
  /// @returns kRegionInvalid when the memory is not a region of this very build.
  [[nodiscard]] static Result<Region> attach(MutableBytes memory) noexcept;

  [[nodiscard]] RegionHeader& header() const noexcept { return *header_; }
  [[nodiscard]] const RegionShape& shape() const noexcept { return shape_; }

  /// The two rings of a media thread.
  struct Rings {
    RingMemory orders;
    RingMemory events;
  };
  /// Empties a thread's rings for a new epoch. Only its media thread does this, before it says
  /// `epoch_ready`, and it goes on with what it gets here: read back from memory that a client
  /// writes too, the rings might not be rings any more.
  Rings renew_rings(std::uint32_t thread) const noexcept;
  /// @returns kRegionInvalid when what lies there is not a ring.
  [[nodiscard]] Result<RingMemory> order_ring(std::uint32_t thread) const noexcept;
  [[nodiscard]] Result<RingMemory> event_ring(std::uint32_t thread) const noexcept;

  [[nodiscard]] std::span<double> node_slot(std::uint32_t thread) const noexcept;
  [[nodiscard]] std::span<double> endpoint_slot(std::uint32_t thread,
                                                std::uint32_t slot) const noexcept;
  /// All slots, those of the threads first.
  [[nodiscard]] MutableBytes statistics() const noexcept;

 private:
  Region(MutableBytes memory, const RegionShape& shape) noexcept;
  [[nodiscard]] MutableBytes ring_bytes(std::uint32_t thread, bool events) const noexcept;

  MutableBytes memory_;
  RegionHeader* header_;
  RegionShape shape_;
};

/// Path of the pipe that wakes media thread `thread`, or of the one that wakes the client.
[[nodiscard]] std::string order_pipe_path(const std::string& run_dir, const std::string& region,
                                          std::uint32_t thread);
[[nodiscard]] std::string event_pipe_path(const std::string& run_dir, const std::string& region);
/// Name for shm_open. Region names are 1 to 64 letters, digits, '-', '_' or '.'.
[[nodiscard]] std::string shared_memory_name(const std::string& region);
/// Removes a region's name and its pipes; whoever has them open keeps them. Missing ones are fine.
void remove_names(const std::string& run_dir, const std::string& region,
                  std::uint32_t threads) noexcept;
[[nodiscard]] bool region_name_valid(const std::string& region) noexcept;

}  // namespace trunkyard::engine
