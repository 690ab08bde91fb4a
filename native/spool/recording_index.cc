// The books of a recording; see recording_index.h.
#include "spool/recording_index.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::spool {
namespace {

std::uint64_t start_of(const SegmentHeader& header) noexcept {
  const auto& positions = header.place.positions;
  return header.recording.format.channel_count == 1 ? positions[0]
                                                    : std::min(positions[0], positions[1]);
}

}  // namespace

RecordingIndex::RecordingIndex(const RecordingFacts& recording, std::uint32_t segments_max)
    : recording_(recording), segments_max_(segments_max) {
  CHECK(segments_max >= 1);
  CHECK(segments_max <= kSegmentsMax);
  entries_ = std::make_unique<Entry[]>(segments_max);
}

IndexVerdict RecordingIndex::add(const SegmentReport& report) noexcept {
  if (report.header.recording != recording_) return IndexVerdict::kForeign;
  const SegmentPlace& place = report.header.place;
  if (place.index >= segments_max_) return IndexVerdict::kBeyondEnd;
  const Entry found{.bytes = report.good_bytes,
                    .hash_before = place.hash_before,
                    .hash = report.hash,
                    .start = start_of(report.header),
                    .end = report.end(),
                    .samples = report.samples,
                    .is_whole = report.is_whole(),
                    .ends_recording = report.seal.has_value() && report.seal->ends_recording};
  Entry& known = entries_[place.index];
  const bool is_new = known.bytes == 0;
  if (!is_new) {
    if (known.hash_before != found.hash_before || known.start != found.start ||
        (known.is_whole && found.is_whole && known.hash != found.hash)) {
      return IndexVerdict::kConflict;
    }
    if (known.is_whole || (!found.is_whole && found.bytes <= known.bytes))
      return IndexVerdict::kKnown;
  }
  known = found;
  segments_ = std::max(segments_, place.index + 1);
  return is_new ? IndexVerdict::kAdded : IndexVerdict::kReplaced;
}

RecordingSummary RecordingIndex::summary() const noexcept {
  RecordingSummary summary{.segments = segments_};
  // The hash that the next segment must begin with; nothing is asked of one whose predecessor isn't
  // there, since that one is counted already.
  std::uint64_t hash_before = 0;
  bool follows = true;
  for (std::uint32_t index = 0; index < segments_; ++index) {
    const Entry& entry = entries_[index];
    const bool is_there = entry.bytes > 0;
    summary.segments_missing += is_there ? 0 : 1;
    if (is_there) {
      const bool is_linked = !follows || entry.hash_before == hash_before;
      summary.segments_unsound += entry.is_whole && is_linked ? 0 : 1;
      summary.bytes += entry.bytes;
      for (std::size_t channel = 0; channel < entry.samples.size(); ++channel)
        summary.samples[channel] += entry.samples[channel];
      summary.end = std::max(summary.end, entry.end);
      summary.hash = entry.hash;
      hash_before = entry.hash;
    }
    follows = is_there;
  }
  summary.outages = list_outages({});
  summary.is_complete = segments_ > 0 && entries_[segments_ - 1].ends_recording &&
                        summary.segments_missing == 0 && summary.segments_unsound == 0;
  return summary;
}

std::uint32_t RecordingIndex::list_missing(std::span<std::uint32_t> into) const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t index = 0; index < segments_; ++index) {
    if (entries_[index].bytes > 0) continue;
    if (count < into.size()) into[count] = index;
    ++count;
  }
  return count;
}

std::uint32_t RecordingIndex::list_outages(std::span<MissingPiece> into) const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t index = 1; index < segments_; ++index) {
    const Entry& before = entries_[index - 1];
    const Entry& entry = entries_[index];
    // While the writer lives, a segment begins no later than the one before ends.
    if (before.bytes == 0 || entry.bytes == 0 || entry.start <= before.end) continue;
    if (count < into.size()) {
      into[count] = {.channel = kAllChannels,
                     .reason = GapReason::kOutage,
                     .position = before.end,
                     .samples = entry.start - before.end};
    }
    ++count;
  }
  return count;
}

}  // namespace trunkyard::spool
