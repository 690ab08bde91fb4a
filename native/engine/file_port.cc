#include "engine/file_port.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::engine {

namespace {

RingMemory make_ring(MutableBytes memory, std::uint32_t record_bytes, std::uint32_t capacity) {
  return RingMemory::create(memory, record_bytes, capacity).value();
}

std::size_t lines_of(std::uint32_t record_bytes, std::uint32_t capacity) {
  const std::size_t bytes = RingMemory::bytes_needed(record_bytes, capacity);
  return (bytes + kCacheLineBytes - 1) / kCacheLineBytes;
}

}  // namespace

bool read_file_name(std::span<const std::uint8_t> field, FileName& name) noexcept {
  name = {};
  if (field.size() >= name.size()) return false;
  const auto end = std::find(field.begin(), field.end(), std::uint8_t{0});
  const bool is_clean = std::all_of(field.begin(), end, [](std::uint8_t letter) {
    return letter >= 0x20 && letter != 0x7f && letter != '/';
  });
  if (end == field.begin() || field[0] == '.' || !is_clean) return false;
  if (!std::all_of(end, field.end(), [](std::uint8_t rest) { return rest == 0; })) return false;
  std::copy(field.begin(), end, name.begin());
  return true;
}

RingStore::RingStore(std::uint32_t record_bytes, std::uint32_t capacity)
    : lines_(std::make_unique<Line[]>(lines_of(record_bytes, capacity))),
      ring_(make_ring({lines_[0].bytes.data(), lines_of(record_bytes, capacity) * kCacheLineBytes},
                      record_bytes, capacity)) {}

FileRings::FileRings()
    : requests(sizeof(FileRequest), kFileRequestsMax),
      answers(sizeof(FileAnswer), kFileRequestsMax) {}

bool FilePort::ask(const FileRequest& request) noexcept {
  if (!requests_.try_push_record(request)) return false;
  bell_->release();
  return true;
}

}  // namespace trunkyard::engine
