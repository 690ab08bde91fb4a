// SegmentWriter: turns the pieces of a recording into the bytes of its segments. A core: it is told
// the time and hands out bytes, which its caller appends to files in the order they come; each
// segment is a file of its own. What has been written may be read back whole at any moment; what
// hasn't is at most one open block a channel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/limits.h"
#include "base/time.h"
#include "spool/segment.h"

namespace trunkyard::spool {

/// How much goes into a block and into a segment.
struct SegmentPolicy {
  /// 100 to kSegmentBlockMsMax: what a killed process loses of each channel.
  std::uint32_t block_ms = 500;
  /// From one block's length up. A segment ends at whichever of the two comes first.
  std::uint32_t segment_ms = 30'000;
  std::size_t segment_bytes = std::size_t{4} * 1024 * 1024;

  /// Whether a segment that ends by it is one that can be read.
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return block_ms >= 100 && block_ms <= kSegmentBlockMsMax && segment_ms >= block_ms &&
           segment_bytes >= kSegmentBlockBytesMax &&
           segment_bytes <= kSegmentBytesMax - std::size_t{4} * kSegmentBlockBytesMax;
  }
};

/// Media that came, of one channel.
struct Piece {
  std::uint8_t channel = 0;
  /// Of its first sample, counted from the recording's start over losses and silences.
  std::uint64_t position = 0;
  /// At most 120 ms. For all kinds but Opus as many as `bytes` holds.
  std::uint32_t samples = 0;
  /// Samples in a row, or one Opus packet.
  Bytes bytes;
};

enum class AppendVerdict : std::uint8_t {
  kTaken,
  kFull,     ///< nothing taken: seal this segment, open the next, come again
  kLate,     ///< left out, counted: lies before the channel's end
  kRefused,  ///< left out, counted: no such channel, or not as many samples as bytes
};

/// What became of a piece, and what is to be written now. The bytes lie in the buffer given; empty
/// most of the time.
struct Appended {
  AppendVerdict verdict = AppendVerdict::kTaken;
  Bytes to_write;
};

/// Of the whole recording.
struct SegmentStatistics {
  std::array<std::uint64_t, kRecordingChannelsMax> samples{};
  std::uint64_t bytes = 0;
  std::uint64_t gaps = 0;
  std::uint32_t late = 0;
  std::uint32_t refused = 0;
};

enum class SealKind : std::uint8_t { kGoesOn, kEndsRecording };

/// One recording's writer; one thread. Takes memory for a block of each channel at construction: 16
/// KB for two channels of telephone audio. Every call that hands out bytes is given a buffer of
/// output_bytes_max() (CHECKed), which it may use until the bytes are written.
class SegmentWriter {
 public:
  /// @param recording its format is_valid() (CHECKed).
  /// @param policy    is_valid() (CHECKed).
  /// @param first     the start of a recording, or after a crash: the index after the last one, the
  ///                  hash of the recovered ones and for each channel the position that the time of
  ///                  day gives.
  SegmentWriter(const RecordingFacts& recording, const SegmentPolicy& policy,
                const SegmentPlace& first = {});

  /// Begins a segment; CHECKs that none is open and the recording hasn't ended.
  /// @returns the first bytes of a new file; kBufferFull after kSegmentsMax segments.
  [[nodiscard]] Result<Bytes> open(MutableBytes into) noexcept;
  /// The index of the segment that is open, or of the next.
  [[nodiscard]] std::uint32_t index() const noexcept { return place_.index; }

  /// Takes media of an open segment (CHECKed). A position beyond the channel's end leaves a hole,
  /// which reads as silence; say why by gap() where known.
  [[nodiscard]] Appended append(Instant now, const Piece& piece, MutableBytes into) noexcept;

  /// What is missing, of all channels. The part that lies before a channel's end has come after all
  /// and is left out.
  struct Gap {
    std::uint64_t position = 0;
    std::uint64_t samples = 0;
    GapReason reason = GapReason::kNone;
  };
  /// Marks a gap in an open segment (CHECKed); open blocks are closed.
  [[nodiscard]] Appended gap(const Gap& gap, MutableBytes into) noexcept;

  /// When a block becomes due although nothing comes that would fill it.
  [[nodiscard]] Instant next_deadline() const noexcept;
  [[nodiscard]] Bytes handle_deadline(Instant now, MutableBytes into) noexcept;

  /// The open segment has its length: seal it and open the next.
  [[nodiscard]] bool is_full() const noexcept;
  /// Ends the open segment (CHECKed). @returns its last bytes; the file is complete with them.
  [[nodiscard]] Bytes seal(SealKind kind, MutableBytes into) noexcept;

  [[nodiscard]] std::size_t output_bytes_max() const noexcept { return output_bytes_max_; }
  /// The hash of all segments sealed so far.
  [[nodiscard]] std::uint64_t hash() const noexcept { return place_.hash_before; }
  /// The greatest position that any channel has reached.
  [[nodiscard]] std::uint64_t end() const noexcept;
  [[nodiscard]] const SegmentStatistics& statistics() const noexcept { return statistics_; }

 private:
  /// A block that is being filled: a row of samples of one channel.
  struct OpenBlock {
    std::unique_ptr<std::uint8_t[]> payload;
    std::size_t bytes = 0;
    std::uint64_t position = 0;
    std::uint64_t samples = 0;
    Instant due = Instant::never();
  };
  enum class State : std::uint8_t { kClosed, kOpen, kEnded };

  [[nodiscard]] bool is_sound(const Piece& piece) const noexcept;
  [[nodiscard]] bool fits(const OpenBlock& open, const Piece& piece) const noexcept;
  void add(OpenBlock& open, const Piece& piece) noexcept;
  void close_block(std::uint8_t channel, ByteWriter& out) noexcept;
  void close_blocks(ByteWriter& out) noexcept;
  /// Writes a block and chains it into the segment's hash.
  void write_block(Block block, ByteWriter& out) noexcept;

  RecordingFacts recording_;
  SegmentPolicy policy_;
  SegmentPlace place_;
  std::uint64_t block_samples_;
  std::size_t block_bytes_;
  std::size_t output_bytes_max_;
  std::array<OpenBlock, kRecordingChannelsMax> open_blocks_;
  /// Up to where each channel is recorded or its absence explained; 0 for one that isn't there.
  std::array<std::uint64_t, kRecordingChannelsMax> ends_{};
  SegmentStatistics statistics_;

  // The open segment.
  State state_ = State::kClosed;
  std::uint32_t crc_ = 0;
  std::uint32_t blocks_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t end_at_open_ = 0;
  std::array<std::uint64_t, kRecordingChannelsMax> samples_{};
};

}  // namespace trunkyard::spool
