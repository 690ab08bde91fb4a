// Recordings read whole; see recording_reader.h.
#include "spool/recording_reader.h"

#include <algorithm>
#include <limits>

namespace trunkyard::spool {

bool ChannelCursor::next(Block& block) noexcept {
  Block found;
  for (;;) {
    if (!reader_.has_value() && !open_next()) return false;
    if (!reader_->next(found)) {
      reader_.reset();
      continue;
    }
    if (found.channel != channel_ && found.channel != kAllChannels) continue;
    if (found.position < end_) continue;
    end_ = found.end();
    block = found;
    return true;
  }
}

bool ChannelCursor::open_next() noexcept {
  while (segment_ < segments_.size()) {
    const Result<SegmentReader> reader = SegmentReader::open(segments_[segment_++]);
    if (!reader.ok()) continue;
    const SegmentHeader& header = reader->header();
    if (!first_.has_value()) first_ = header;
    if (header.recording != first_->recording || header.place.index < index_) continue;
    index_ = header.place.index + 1;
    reader_.emplace(*reader);
    return true;
  }
  return false;
}

Result<RecordingReader> RecordingReader::open(std::span<const Bytes> segments,
                                              const ExportRules& rules) noexcept {
  if (segments.empty()) return Error{ErrorCode::kMediaTruncated};
  const Result<SegmentReader> first = SegmentReader::open(segments[0]);
  if (!first.ok()) return Error{first.error()};
  const PayloadKind kind = first->header().recording.format.kind;
  if (kind == PayloadKind::kG722 || kind == PayloadKind::kOpus)
    return Error{ErrorCode::kMediaUnsupported};
  return RecordingReader(segments, first->header(), rules);
}

RecordingReader::RecordingReader(std::span<const Bytes> segments, const SegmentHeader& header,
                                 const ExportRules& rules) noexcept
    : header_(header),
      rules_(rules),
      strands_{Strand{.cursor = ChannelCursor(segments, 0), .block = {}},
               Strand{.cursor = ChannelCursor(segments, 1), .block = {}}},
      position_(header.place.positions[0]) {
  if (header.recording.format.channel_count > 1)
    position_ = std::min(position_, header.place.positions[1]);
}

std::span<RecordingReader::Strand> RecordingReader::strands() noexcept {
  return std::span(strands_).first(header_.recording.format.channel_count);
}

Bytes RecordingReader::read(MutableBytes into) noexcept {
  const std::size_t frames_max = into.size() / frame_bytes();
  std::size_t frames = 0;
  while (frames < frames_max && advance()) {
    const std::uint64_t run = std::min<std::uint64_t>(run_length(), frames_max - frames);
    const MutableBytes target = into.subspan(frames * frame_bytes());
    for (std::uint8_t channel = 0; channel < header_.recording.format.channel_count; ++channel)
      fill(target, channel, run);
    position_ += run;
    frames += run;
  }
  return into.first(frames * frame_bytes());
}

/// Brings every strand to the block that holds the position or lies next after it, and the position
/// over what is left out. @returns false at the end.
bool RecordingReader::advance() noexcept {
  for (;;) {
    bool all_ended = true;
    std::uint64_t next_position = position_;
    for (Strand& strand : strands()) {
      while (!strand.ended && strand.block.end() <= position_)
        strand.ended = !strand.cursor.next(strand.block);
      if (strand.ended) continue;
      all_ended = false;
      if (strand.block.position <= position_ && is_left_out(strand.block))
        next_position = std::max(next_position, strand.block.end());
    }
    if (all_ended) return false;
    if (next_position == position_) return true;
    position_ = next_position;
  }
}

bool RecordingReader::is_left_out(const Block& block) const noexcept {
  if (block.kind != BlockKind::kGap || block.channel != kAllChannels) return false;
  if (block.reason == GapReason::kPause) return !rules_.pauses_as_silence;
  return block.reason == GapReason::kSilence && !rules_.silences_as_silence;
}

/// How many samples from here on no strand changes between sound and silence.
std::uint64_t RecordingReader::run_length() noexcept {
  std::uint64_t run = std::numeric_limits<std::uint64_t>::max();
  for (const Strand& strand : strands()) {
    if (strand.ended) continue;
    const Block& block = strand.block;
    run = std::min(run, (block.position > position_ ? block.position : block.end()) - position_);
  }
  return run;
}

void RecordingReader::fill(MutableBytes into, std::uint8_t channel, std::uint64_t count) noexcept {
  const MediaFormat& format = header_.recording.format;
  const Strand& strand = strands_[channel];
  const Block& block = strand.block;
  const std::size_t sample_bytes = bits_per_sample(format.kind) / 8;
  const bool sounds =
      !strand.ended && block.kind == BlockKind::kMedia && block.position <= position_;
  const Bytes source = sounds ? block.payload.subspan((position_ - block.position) * sample_bytes,
                                                      count * sample_bytes)
                              : Bytes{};
  if (format.channel_count == 1) {
    if (sounds) {
      std::memcpy(into.data(), source.data(), source.size());
    } else {
      std::memset(into.data(), silence_byte(format.kind), count * sample_bytes);
    }
    return;
  }
  std::uint8_t* at = into.data() + channel * sample_bytes;
  for (std::uint64_t index = 0; index < count; ++index, at += 2 * sample_bytes) {
    if (sounds) {
      std::memcpy(at, source.data() + index * sample_bytes, sample_bytes);
    } else {
      std::memset(at, silence_byte(format.kind), sample_bytes);
    }
  }
}

}  // namespace trunkyard::spool
