// RecordingIndex: what is there of a whole recording. Fed with the report of each segment, in any
// order and as often as one likes, it says which are missing, whether the recording is complete and
// what its hash is. So two places that hold the same recording can tell by two numbers whether they
// hold the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/limits.h"
#include "spool/segment_reader.h"

namespace trunkyard::spool {

enum class IndexVerdict : std::uint8_t {
  kAdded,
  kReplaced,   ///< more of a segment that wasn't whole yet
  kKnown,      ///< nothing new
  kConflict,   ///< two segments of one index that can't both be right; the one known is kept
  kForeign,    ///< of another recording
  kBeyondEnd,  ///< an index that this index has no room for
};

/// The whole recording so far.
struct RecordingSummary {
  /// Up to the last one known.
  std::uint32_t segments = 0;
  /// Of those, how many are not there.
  std::uint32_t segments_missing = 0;
  /// Of those there, how many have no seal, are damaged or don't follow the one before.
  std::uint32_t segments_unsound = 0;
  std::uint64_t bytes = 0;
  std::array<std::uint64_t, kRecordingChannelsMax> samples{};
  /// Where the media known ends, gaps included.
  std::uint64_t end = 0;
  /// Times that the recording stood still because nobody was there to write.
  std::uint32_t outages = 0;
  /// From the first segment to the one whose seal ends the recording, all there, all whole, each
  /// with the hash of the one before.
  bool is_complete = false;
  /// Of the last segment known; of the recording, if it is complete.
  std::uint64_t hash = 0;
};

/// Takes 72 bytes for each segment at construction.
class RecordingIndex {
 public:
  /// @param segments_max 1 to kSegmentsMax (CHECKed).
  RecordingIndex(const RecordingFacts& recording, std::uint32_t segments_max);

  IndexVerdict add(const SegmentReport& report) noexcept;
  /// O(segments).
  [[nodiscard]] RecordingSummary summary() const noexcept;
  /// The indices of those that are missing before the last one known, in order. @returns how many
  /// there are; as many as fit are written.
  std::uint32_t list_missing(std::span<std::uint32_t> into) const noexcept;
  /// The gaps between segments: the machine or process was down. @returns as list_missing().
  std::uint32_t list_outages(std::span<MissingPiece> into) const noexcept;

 private:
  struct Entry {
    std::uint64_t bytes = 0;  ///< 0: not there
    std::uint64_t hash_before = 0;
    std::uint64_t hash = 0;
    std::uint64_t start = 0;  ///< where its first channel goes on
    std::uint64_t end = 0;
    std::array<std::uint64_t, kRecordingChannelsMax> samples{};
    bool is_whole = false;
    bool ends_recording = false;
  };
  static_assert(sizeof(Entry) <= 72);

  RecordingFacts recording_;
  std::unique_ptr<Entry[]> entries_;
  std::uint32_t segments_max_;
  std::uint32_t segments_ = 0;
};

}  // namespace trunkyard::spool
