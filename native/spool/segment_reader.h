// SegmentReader: what is good of a segment, be it whole, cut off by a crash at any byte, or damaged
// in the middle. It never hands out a byte whose checksum doesn't hold. recover() walks through one
// once and says what it has, what is missing and where to cut it off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/limits.h"
#include "spool/segment.h"

namespace trunkyard::spool {

/// Walks over the blocks of one segment. Copies nothing; valid as long as the bytes it was opened
/// on. Takes time in proportion to the bytes, whatever they are.
class SegmentReader {
 public:
  /// @param bytes of a file's start, any number of them.
  /// @returns as read_segment_header(); kMediaMalformed too for more than kSegmentBytesMax.
  [[nodiscard]] static Result<SegmentReader> open(Bytes bytes) noexcept;

  [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }
  /// The next good block, media or gap, in the order they were written; of one channel, positions
  /// rise. @returns false after the last one; then `block` is unchanged and the rest is known.
  [[nodiscard]] bool next(Block& block) noexcept;

  /// What to cut the file off at before anything is appended: the end of the last good block.
  [[nodiscard]] std::size_t good_bytes() const noexcept { return good_bytes_; }
  /// The seal, once next() has met it.
  [[nodiscard]] const std::optional<Seal>& seal() const noexcept { return seal_; }
  /// Places passed over so far because a checksum or an order didn't hold, each one or more blocks.
  /// A block cut off at the end is none.
  [[nodiscard]] std::uint32_t damages() const noexcept { return damages_; }
  /// Good blocks so far, without the seal.
  [[nodiscard]] std::uint32_t blocks() const noexcept { return blocks_; }
  /// The number after the last good block's.
  [[nodiscard]] std::uint32_t next_number() const noexcept { return next_number_; }
  /// The hash of header and good blocks so far, begun with that of the segments before.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

 private:
  SegmentReader(Bytes bytes, const SegmentHeader& header) noexcept;
  [[nodiscard]] bool in_order(const Block& block) noexcept;
  void accept(const Block& block) noexcept;
  [[nodiscard]] bool find_block() noexcept;

  Bytes bytes_;
  SegmentHeader header_;
  std::size_t offset_ = kSegmentHeaderBytes;
  std::size_t good_bytes_ = kSegmentHeaderBytes;
  std::optional<Seal> seal_;
  std::uint32_t damages_ = 0;
  std::uint32_t blocks_ = 0;
  std::uint32_t next_number_ = 0;
  std::uint64_t hash_;
  std::array<std::uint64_t, kRecordingChannelsMax> ends_;
};

/// A piece of a recording that isn't there.
struct MissingPiece {
  /// kAllChannels, or the one that it is missing of.
  std::uint8_t channel = kAllChannels;
  GapReason reason = GapReason::kNone;
  std::uint64_t position = 0;
  std::uint64_t samples = 0;

  [[nodiscard]] bool operator==(const MissingPiece&) const noexcept = default;
};

/// What one segment holds.
struct SegmentReport {
  SegmentHeader header;
  std::size_t good_bytes = 0;
  std::optional<Seal> seal;
  std::uint32_t blocks = 0;
  std::uint32_t next_number = 0;
  std::uint32_t damages = 0;
  std::uint64_t hash = 0;
  /// Up to where each channel is recorded or its absence explained; the rest after the last block
  /// is unknown, unless there is a seal.
  std::array<std::uint64_t, kRecordingChannelsMax> ends{};
  std::array<std::uint64_t, kRecordingChannelsMax> samples{};
  /// All that are missing, also those for which there was no room in the list.
  std::uint64_t missing = 0;

  /// Sealed, and every block that the seal counts is there, unchanged.
  [[nodiscard]] bool is_whole() const noexcept {
    return seal.has_value() && damages == 0 && seal->blocks == blocks && seal->hash == hash;
  }
  [[nodiscard]] std::uint64_t end() const noexcept { return ends[0] > ends[1] ? ends[0] : ends[1]; }
};

/// Reads a segment from end to end.
/// @param missing filled from its start with gaps and holes in the order they are met, as many as
///                fit.
/// @returns as SegmentReader::open(): a file without a good header holds nothing to be saved.
[[nodiscard]] Result<SegmentReport> recover(Bytes segment,
                                            std::span<MissingPiece> missing) noexcept;

/// Whether a segment ends in what looks like a seal: a look that costs no reading, for whoever goes
/// through many that are whole. What the seal is worth, recover() says.
[[nodiscard]] bool ends_like_sealed(Bytes segment) noexcept;

/// The seal for a segment that a crash left without one, to be appended where the report says that
/// the good bytes end. With it a segment that was only cut off reads as whole, and says that it is
/// what was left; one that is damaged before its end stays so.
/// @param into at least kSealBytes (CHECKed, as is that there is no seal).
[[nodiscard]] Bytes write_recovery_seal(const SegmentReport& report, MutableBytes into) noexcept;

}  // namespace trunkyard::spool
