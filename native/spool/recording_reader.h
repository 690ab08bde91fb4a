// RecordingReader: the segments of a recording as one piece of sound, for an export. Channels lie
// side by side, and what is missing is silence, or left out where the reason allows it.
// ChannelCursor, below it, gives the blocks of one channel through all segments; Opus packets are
// exported by it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/limits.h"
#include "spool/segment_reader.h"

namespace trunkyard::spool {

/// Blocks of one channel, gaps of all channels among them, in the order of their positions. A
/// segment that isn't one, isn't of the first one's recording, or comes out of order is passed
/// over.
class ChannelCursor {
 public:
  /// @param segments in the order of their indices; list and bytes must stay.
  ChannelCursor(std::span<const Bytes> segments, std::uint8_t channel) noexcept
      : segments_(segments), channel_(channel) {}

  /// @returns false when there are no more; then `block` is unchanged.
  [[nodiscard]] bool next(Block& block) noexcept;

 private:
  [[nodiscard]] bool open_next() noexcept;

  std::span<const Bytes> segments_;
  std::size_t segment_ = 0;
  std::optional<SegmentReader> reader_;
  std::optional<SegmentHeader> first_;
  std::uint32_t index_ = 0;
  std::uint64_t end_ = 0;
  std::uint8_t channel_;
};

/// What becomes of pauses and of silences left out when a recording is exported. Losses, outages
/// and damages are always silence, so that both sides of a talk stay in time.
struct ExportRules {
  bool pauses_as_silence = true;
  bool silences_as_silence = false;
};

class RecordingReader {
 public:
  /// @param segments in the order of their indices, the first one good; list and bytes must stay.
  /// @returns kMediaUnsupported for G.722 and Opus, which need a decoder; kMediaTruncated for an
  ///          empty list; else as SegmentReader::open() of the first one.
  [[nodiscard]] static Result<RecordingReader> open(std::span<const Bytes> segments,
                                                    const ExportRules& rules) noexcept;

  [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }
  /// Bytes of a sample of all channels.
  [[nodiscard]] std::size_t frame_bytes() const noexcept {
    return bits_per_sample(header_.recording.format.kind) / 8 *
           header_.recording.format.channel_count;
  }
  /// The next samples, channel by channel within each, as WAV has them.
  /// @param into filled with whole frames as far as it goes.
  /// @returns what was filled; empty at the end, or if not one frame fits.
  [[nodiscard]] Bytes read(MutableBytes into) noexcept;

 private:
  /// One channel's block of now.
  struct Strand {
    ChannelCursor cursor;
    Block block;
    bool ended = false;
  };

  RecordingReader(std::span<const Bytes> segments, const SegmentHeader& header,
                  const ExportRules& rules) noexcept;
  [[nodiscard]] std::span<Strand> strands() noexcept;
  [[nodiscard]] bool advance() noexcept;
  [[nodiscard]] bool is_left_out(const Block& block) const noexcept;
  [[nodiscard]] std::uint64_t run_length() noexcept;
  void fill(MutableBytes into, std::uint8_t channel, std::uint64_t count) noexcept;

  SegmentHeader header_;
  ExportRules rules_;
  std::array<Strand, kRecordingChannelsMax> strands_;
  std::uint64_t position_;
};

}  // namespace trunkyard::spool
