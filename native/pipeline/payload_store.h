// PayloadStore: the payloads that wait in one leg's jitter buffer. The buffer holds their names
// (jitter::PacketRef), this the bytes: packets come in the media thread's own memory, which the
// next batch overwrites. Made of small blocks of which a payload takes as many in a row as it
// needs, since payloads of voice are 20 bytes or 200 and a few are 1,500.
//
//   blocks   |aaaaa|bbbbb|.....|ccccc|dd|...          next_: where the last search ended
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "jitter/packet_window.h"

namespace trunkyard::pipeline {

/// One leg's. Takes memory in grow_to() alone; one thread.
class PayloadStore {
 public:
  static constexpr std::size_t kBlockBytes = 32;
  /// The longest payload of an Ethernet frame, in whole blocks.
  static constexpr std::size_t kPayloadBytesMax = 1'536;
  /// What a store has at least, once it has anything: room for that.
  static constexpr std::uint32_t kBlocksMin = kPayloadBytesMax / kBlockBytes;

  /// Has no room.
  PayloadStore() noexcept = default;

  /// Takes more memory; payloads keep their places and names. Never gives any back.
  /// @param blocks up to 65,535 (CHECKed), raised to kBlocksMin; fewer than there are change
  ///               nothing.
  void grow_to(std::uint32_t blocks) {
    CHECK(blocks <= 0xffff);
    if (blocks <= blocks_) return;
    PayloadStore larger(std::max(blocks, kBlocksMin));
    std::copy_n(bytes_.get(), blocks_ * kBlockBytes, larger.bytes_.get());
    std::copy_n(used_.get(), blocks_, larger.used_.get());
    larger.blocks_used_ = blocks_used_;
    *this = std::move(larger);
  }

  /// Copies a payload in. @param payload 1 to kPacketBytesMax bytes (CHECKed).
  /// @returns false when no gap is large enough; else `ref` names the copy until it is freed.
  [[nodiscard]] bool put(Bytes payload, jitter::PacketRef& ref) noexcept {
    CHECK(!payload.empty());
    CHECK(payload.size() <= kPacketBytesMax);
    const std::uint32_t count = blocks_of(payload.size());
    // One in the middle of an empty store would leave no gap for another as long.
    if (blocks_used_ == 0) next_ = 0;
    std::uint32_t first = 0;
    if (!find_gap(next_, blocks_, count, first) && !find_gap(0, blocks_, count, first)) {
      return false;
    }
    std::fill_n(used_.get() + first, count, std::uint8_t{1});
    next_ = first + count;
    blocks_used_ += count;
    std::copy(payload.begin(), payload.end(), bytes_.get() + first * kBlockBytes);
    ref = {.slot = first, .offset = 0, .bytes = static_cast<std::uint16_t>(payload.size())};
    return true;
  }

  /// The bytes behind a name that put() gave and free() hasn't taken back.
  [[nodiscard]] Bytes at(const jitter::PacketRef& ref) const noexcept {
    return {bytes_.get() + ref.slot * kBlockBytes, ref.bytes};
  }

  /// Ends a name. CHECKs that it is one.
  void free(const jitter::PacketRef& ref) noexcept {
    const std::uint32_t count = blocks_of(ref.bytes);
    CHECK(ref.slot + count <= blocks_);
    for (std::uint32_t block = ref.slot; block < ref.slot + count; ++block) {
      CHECK(used_[block] == 1);
      used_[block] = 0;
    }
    blocks_used_ -= count;
  }

  [[nodiscard]] std::uint32_t blocks() const noexcept { return blocks_; }
  [[nodiscard]] std::uint32_t blocks_used() const noexcept { return blocks_used_; }
  [[nodiscard]] static constexpr std::uint32_t blocks_of(std::size_t bytes) noexcept {
    return static_cast<std::uint32_t>((bytes + kBlockBytes - 1) / kBlockBytes);
  }

 private:
  explicit PayloadStore(std::uint32_t blocks)
      : bytes_(std::make_unique<std::uint8_t[]>(blocks * kBlockBytes)),
        used_(std::make_unique<std::uint8_t[]>(blocks)),
        blocks_(blocks) {}

  /// The first `count` free blocks in a row that begin at `from` or later and end by `to`.
  [[nodiscard]] bool find_gap(std::uint32_t from, std::uint32_t to, std::uint32_t count,
                              std::uint32_t& first) const noexcept {
    std::uint32_t run = 0;
    for (std::uint32_t block = from; block < to; ++block) {
      run = used_[block] == 0 ? run + 1 : 0;
      if (run < count) continue;
      first = block + 1 - count;
      return true;
    }
    return false;
  }

  std::unique_ptr<std::uint8_t[]> bytes_;
  std::unique_ptr<std::uint8_t[]> used_;  ///< 1 for a block that holds something
  std::uint32_t blocks_ = 0;
  std::uint32_t blocks_used_ = 0;
  std::uint32_t next_ = 0;
};

}  // namespace trunkyard::pipeline
