// The load itself: every stream sends a packet each interval, evenly staggered, and what comes back
// is counted. One thread that wakes four thousand times a second; arrivals carry the kernel's time,
// so that our own lateness in reading them is no part of the delay.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "delay_histogram.h"
#include "load_plan.h"
#include "load_socket.h"
#include "load_srtp.h"

namespace trunkyard::bench {

/// Counts of the measured time alone: packets sent in it, and those of them that arrived.
struct LoadResult {
  std::uint64_t planned = 0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t duplicates = 0;
  /// Arrived at another socket than planned, or not ours at all.
  std::uint64_t misdelivered = 0;
  /// Runs of missing packets within a stream.
  std::uint64_t gaps = 0;
  std::uint64_t rtcp_sent = 0;
  std::uint64_t rtcp_received = 0;
  /// Datagrams lost because this tool read too late.
  std::uint64_t own_drops = 0;
  double measured_s = 0;
  /// Share of one CPU that this tool used.
  double own_cpu = 0;
  /// Sent to kernel's receipt at the far side.
  DelayHistogram delay;
  /// How late packets left.
  DelayHistogram lateness;
};

class LoadRun {
 public:
  explicit LoadRun(const LoadPlan& plan);

  /// Opens the sockets. @return false with `problem` set when one can't be had.
  [[nodiscard]] bool open(std::string& problem);

  /// Runs the plan to its end. Prints `{"event":"measuring"}` and `{"event":"measured"}` at the
  /// ends of the measured time, so that others can measure the same time.
  [[nodiscard]] const LoadResult& run();

 private:
  struct Stream {
    StreamPlan plan;
    std::uint32_t ssrc = 0;
    std::uint32_t sent = 0;
    /// Number of the packet expected next.
    std::uint32_t expected = 0;
    std::unique_ptr<LoadSrtp> srtp;
  };

  struct Outgoing {
    std::array<Datagram, kBatchPackets> packets;
    /// Those that say in their payload when they were sent.
    std::array<bool, kBatchPackets> stamped;
    std::size_t count = 0;
  };

  void send_due(std::uint64_t now_ns);
  void queue(Stream& stream, std::uint32_t index);
  void write_stamped(const Stream& stream, std::uint32_t index, Datagram& packet) const;
  void write_payload(Stream& stream, std::uint32_t index, Datagram& packet) const;
  void flush(std::size_t local);
  void send_reports(std::uint64_t now_ns);
  void send_report(const Stream& stream);
  void receive_all();
  void receive(std::size_t local, const Arrival& arrival);
  void receive_stamped(std::size_t local, const Arrival& arrival);
  void receive_reports();
  [[nodiscard]] bool is_measured(std::uint64_t sent_ns) const noexcept;

  LoadPlan plan_;
  std::vector<Stream> streams_;
  std::vector<LoadSocket> rtp_;
  std::vector<LoadSocket> rtcp_;
  std::vector<Outgoing> outgoing_;
  /// Streams that are known by where they come from.
  std::unordered_map<std::uint64_t, std::uint32_t> by_source_;
  LoadResult result_;
  /// Packets sent by all streams together, and their pace.
  std::uint64_t next_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t measure_begin_ns_ = 0;
  std::uint64_t measure_end_ns_ = 0;
};

}  // namespace trunkyard::bench
