// Client: the control plane's end of the shared region. Joins a running host, carries orders to the
// media threads and events back. One client at a time: the lock on the region is the kernel's, so
// it is free again the moment a client dies, and the next one to attach makes the host close
// everything the dead one had open.
//
// Threads: submit, drain and close belong to one thread (JavaScript's). A helper thread sleeps on
// the host's pipe and calls the alarm; it touches no ring.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/spsc.h"
#include "engine/region.h"
#include "io/shared_memory.h"
#include "io/wake.h"

namespace trunkyard::engine {

struct ClientConfig {
  /// As the host was given it.
  std::string region;
  /// Directory of mode 0700 that holds the host's pipes.
  std::string run_dir;
};

/// Called on the helper thread; must not block and not call back into the client.
class ClientAlarm {
 public:
  virtual ~ClientAlarm() = default;
  /// Events are waiting: drain until it gives nothing. Not repeated before that.
  virtual void on_events() noexcept = 0;
  /// The host is gone, for good; called once. What it wrote before can still be drained.
  virtual void on_host_lost() noexcept = 0;
};

class Client {
 public:
  /// Joins, waits until the media threads have closed what an earlier client left open.
  /// @param alarm outlives the client.
  /// @returns kConfigInvalid for a bad name, kRegionInvalid when no live host of this build has
  /// that
  ///          region, kRegionExists while another client holds it, kSystemCallFailed otherwise.
  [[nodiscard]] static Result<std::unique_ptr<Client>> attach(const ClientConfig& config,
                                                              ClientAlarm& alarm);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Hands orders to their media threads.
  /// @param records whole records of contract::kOrderRecordBytes.
  /// @returns the number of records: all of them, or 0 when one of the rings hasn't the room, the
  ///          host is gone or `records` is not a whole number of records.
  [[nodiscard]] std::size_t submit(Bytes records) noexcept;

  /// Copies events out, oldest first per media thread. An answer of 0 also arms the next alarm.
  /// @param into at least one record of contract::kEventRecordBytes.
  /// @returns bytes written, a multiple of the record.
  [[nodiscard]] std::size_t drain(MutableBytes into) noexcept;

  [[nodiscard]] const Region& region() const noexcept { return region_; }
  /// Keeps the mapping alive beyond the client, for whoever still reads statistics.
  [[nodiscard]] std::shared_ptr<const void> mapping() const noexcept { return memory_; }

  /// Ends the helper thread and gives the region free. After the host's death also removes the
  /// names it could not remove itself. Twice is fine.
  void close() noexcept;

 private:
  struct Lane {
    SpscProducer orders;
    SpscConsumer events;
    io::WakeSender wake;
  };

  Client(const ClientConfig& config, std::shared_ptr<io::SharedMemory> memory, Region region,
         ClientAlarm& alarm)
      : config_(config), memory_(std::move(memory)), region_(region), alarm_(&alarm) {}
  [[nodiscard]] Result<void> join();
  [[nodiscard]] Result<void> await_host(std::vector<io::WakeSender>& senders) noexcept;
  [[nodiscard]] bool arm_all() noexcept;
  void declare_lost() noexcept;
  [[nodiscard]] std::uint32_t lane_of(const std::uint8_t* record) const noexcept;
  void sleep_and_alarm() noexcept;

  const ClientConfig config_;
  std::shared_ptr<io::SharedMemory> memory_;
  Region region_;
  ClientAlarm* alarm_;
  std::uint32_t epoch_ = 0;
  std::uint32_t drain_next_ = 0;
  std::vector<Lane> lanes_;
  io::WakeListener listener_;
  io::WakeInterrupt interrupt_;
  std::atomic<bool> closing_ = false;
  std::atomic<bool> lost_ = false;
  std::atomic<bool> host_gone_ = false;
  std::thread helper_;
};

}  // namespace trunkyard::engine
