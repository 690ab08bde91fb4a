#include "engine/region.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.h"
#include "engine/contract.gen.h"
#include "io/shared_memory.h"
#include "io/wake.h"

namespace trunkyard::engine {

namespace {

constexpr std::size_t kPageBytes = 4096;
/// "TYregion" and the header's version.
constexpr std::uint64_t kRegionMagic = 0x5459'7265'6769'0001u;
constexpr std::uint32_t kRingRecordsMin = 16;

constexpr std::size_t pages(std::size_t bytes) noexcept {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}
constexpr std::size_t order_ring_bytes(const RegionShape& shape) noexcept {
  return pages(RingMemory::bytes_needed(contract::kOrderRecordBytes, shape.order_ring_records));
}
constexpr std::size_t event_ring_bytes(const RegionShape& shape) noexcept {
  return pages(RingMemory::bytes_needed(contract::kEventRecordBytes, shape.event_ring_records));
}
constexpr std::size_t rings_bytes(const RegionShape& shape) noexcept {
  return shape.threads * (order_ring_bytes(shape) + event_ring_bytes(shape));
}
constexpr std::size_t node_statistics_bytes(const RegionShape& shape) noexcept {
  return shape.threads * contract::kNodeSlotValues * sizeof(double);
}
constexpr std::size_t statistics_bytes(const RegionShape& shape) noexcept {
  return node_statistics_bytes(shape) + std::size_t{shape.threads} * shape.slots_per_thread *
                                            contract::kEndpointSlotValues * sizeof(double);
}
bool ring_valid(std::uint32_t records) noexcept {
  return std::has_single_bit(records) && records >= kRingRecordsMin && records <= kRingRecordsMax;
}

}  // namespace

bool Region::shape_valid(const RegionShape& shape) noexcept {
  return shape.threads > 0 && shape.threads <= kMediaThreadsMax && shape.slots_per_thread > 0 &&
         shape.slots_per_thread <= kSlotsPerThreadMax &&
         std::uint64_t{shape.threads} * shape.slots_per_thread <= kEndpointsMax &&
         ring_valid(shape.order_ring_records) && ring_valid(shape.event_ring_records);
}

std::size_t Region::bytes_needed(const RegionShape& shape) noexcept {
  return kPageBytes + rings_bytes(shape) + pages(statistics_bytes(shape));
}

Region::Region(MutableBytes memory, const RegionShape& shape) noexcept
    : memory_(memory),
      header_(std::launder(reinterpret_cast<RegionHeader*>(memory.data()))),
      shape_(shape) {}

Result<Region> Region::create(MutableBytes memory, const RegionShape& shape,
                              std::uint32_t host_process) noexcept {
  if (!shape_valid(shape) || memory.size() < bytes_needed(shape)) {
    return Error{ErrorCode::kConfigInvalid};
  }
  auto* header = ::new (static_cast<void*>(memory.data())) RegionHeader{};
  header->contract_hash = contract::kHash;
  header->host_process = host_process;
  header->shape = shape;
  header->bytes = bytes_needed(shape);
  const Region region(memory, shape);
  for (std::uint32_t thread = 0; thread < shape.threads; ++thread)
    (void)region.renew_rings(thread);
  header->magic.store(kRegionMagic, std::memory_order_release);
  return region;
}

Result<Region> Region::attach(MutableBytes memory) noexcept {
  if (memory.size() < kPageBytes) return Error{ErrorCode::kRegionInvalid};
  const auto* header = std::launder(reinterpret_cast<const RegionHeader*>(memory.data()));
  if (header->magic.load(std::memory_order_acquire) != kRegionMagic ||
      header->contract_hash != contract::kHash) {
    return Error{ErrorCode::kRegionInvalid};
  }
  const RegionShape shape = header->shape;
  if (!shape_valid(shape) || header->bytes != bytes_needed(shape) ||
      memory.size() < bytes_needed(shape)) {
    return Error{ErrorCode::kRegionInvalid};
  }
  return Region(memory, shape);
}

MutableBytes Region::ring_bytes(std::uint32_t thread, bool events) const noexcept {
  CHECK(thread < shape_.threads);
  const std::size_t of_thread = order_ring_bytes(shape_) + event_ring_bytes(shape_);
  const std::size_t at = kPageBytes + thread * of_thread;
  return events ? memory_.subspan(at + order_ring_bytes(shape_), event_ring_bytes(shape_))
                : memory_.subspan(at, order_ring_bytes(shape_));
}

Region::Rings Region::renew_rings(std::uint32_t thread) const noexcept {
  // The shape was checked when this view was made, so neither can fail.
  return {RingMemory::create(ring_bytes(thread, false), contract::kOrderRecordBytes,
                             shape_.order_ring_records)
              .value(),
          RingMemory::create(ring_bytes(thread, true), contract::kEventRecordBytes,
                             shape_.event_ring_records)
              .value()};
}

namespace {

Result<RingMemory> checked_ring(MutableBytes memory, std::uint32_t record_bytes) noexcept {
  Result<RingMemory> ring = RingMemory::attach(memory);
  if (ring && ring->record_bytes() != record_bytes) return Error{ErrorCode::kRegionInvalid};
  return ring;
}

}  // namespace

Result<RingMemory> Region::order_ring(std::uint32_t thread) const noexcept {
  return checked_ring(ring_bytes(thread, false), contract::kOrderRecordBytes);
}

Result<RingMemory> Region::event_ring(std::uint32_t thread) const noexcept {
  return checked_ring(ring_bytes(thread, true), contract::kEventRecordBytes);
}

MutableBytes Region::statistics() const noexcept {
  return memory_.subspan(kPageBytes + rings_bytes(shape_), statistics_bytes(shape_));
}

std::span<double> Region::node_slot(std::uint32_t thread) const noexcept {
  CHECK(thread < shape_.threads);
  const MutableBytes bytes =
      statistics().subspan(thread * contract::kNodeSlotValues * sizeof(double),
                           contract::kNodeSlotValues * sizeof(double));
  return {reinterpret_cast<double*>(bytes.data()), contract::kNodeSlotValues};
}

std::span<double> Region::endpoint_slot(std::uint32_t thread, std::uint32_t slot) const noexcept {
  CHECK(thread < shape_.threads);
  CHECK(slot < shape_.slots_per_thread);
  const std::size_t index = std::size_t{thread} * shape_.slots_per_thread + slot;
  const std::size_t slot_bytes = contract::kEndpointSlotValues * sizeof(double);
  const MutableBytes bytes =
      statistics().subspan(node_statistics_bytes(shape_) + index * slot_bytes, slot_bytes);
  return {reinterpret_cast<double*>(bytes.data()), contract::kEndpointSlotValues};
}

std::string order_pipe_path(const std::string& run_dir, const std::string& region,
                            std::uint32_t thread) {
  return run_dir + "/" + region + ".orders." + std::to_string(thread);
}

std::string event_pipe_path(const std::string& run_dir, const std::string& region) {
  return run_dir + "/" + region + ".events";
}

std::string shared_memory_name(const std::string& region) {
  return "/" + region;
}

void remove_names(const std::string& run_dir, const std::string& region,
                  std::uint32_t threads) noexcept {
  io::SharedMemory::unlink(shared_memory_name(region).c_str());
  io::remove_wake_pipe(event_pipe_path(run_dir, region).c_str());
  for (std::uint32_t thread = 0; thread < threads; ++thread) {
    io::remove_wake_pipe(order_pipe_path(run_dir, region, thread).c_str());
  }
}

bool region_name_valid(const std::string& region) noexcept {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !region.empty() && region.size() <= 64 && region.front() != '.' &&
         std::all_of(region.begin(), region.end(), plain);
}

}  // namespace trunkyard::engine
