// The clip: a sound ready to be played to any number of legs, in several encodings side by side, so
// that a leg takes frames in its own codec and nobody encodes or decodes. A clip is a file that the
// engine maps; it is written once, moved into place, and never changed. All numbers are big-endian,
// but samples of PCM, which are little-endian.
//
//   header, 64 bytes
//      0  "TYCP"   4  version (16)   6  tracks (8)   7  frame length in ms (8)
//      8  frames (32)   12  loudness in 1/10 dB, signed (16)   14  zero (16)
//     16  bytes of the whole file (64)   24  duration in samples at 48,000 Hz (64)
//     32  zero (28 bytes)   60  CRC-32C of the header before it, then of table and indices (32)
//   table, 40 bytes a track
//      0  payload kind (8)   1  zero (24)   4  rate in Hz (32)
//      8  bytes of a frame; 0 where they differ (32)   12  CRC-32C of the data (32)
//     16  offset of the data in the file (64)   24  bytes of data (64)
//     32  offset of the index in the file; 0 if there is none (64)
//   indices: for each track whose frames differ, (frames + 1) offsets in its data (32)
//   data, each track's beginning at a multiple of 64
//
// All tracks have the same frames, so a player may change from one to the other between two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/result.h"
#include "spool/format.h"

namespace trunkyard::spool {

inline constexpr std::size_t kClipHeaderBytes = 64;
inline constexpr std::size_t kClipTrackBytes = 40;
inline constexpr std::size_t kClipAlignment = 64;

/// One encoding of a clip. PCM is one channel.
struct ClipEncoding {
  PayloadKind kind = PayloadKind::kPcmu;
  std::uint32_t rate_hz = 8'000;

  [[nodiscard]] bool operator==(const ClipEncoding&) const noexcept = default;
};

/// What holds for all tracks.
struct ClipFacts {
  /// 10 to kFrameMsMax, in steps of 10.
  std::uint8_t frame_ms = 20;
  /// 1 to kClipFramesMax.
  std::uint32_t frame_count = 0;
  /// Of the speech or music in it, relative to full scale; for the gain of a mix.
  std::int16_t loudness_tenths_db = 0;
  /// Without the silence that fills the last frame; the frames last at least as long, and less than
  /// one frame longer.
  std::uint64_t duration_samples_48k = 0;
};

/// A clip whose every length and offset has been checked. Valid as long as the bytes it was opened
/// on, which must not change; any number of threads may read.
class ClipView {
 public:
  /// @param file whole, from its first byte. O(frames of Opus); the data themselves aren't read.
  /// @returns kMediaTruncated when it is shorter than it says, kMediaMalformed for anything that
  ///          isn't a clip or contradicts itself, kMediaUnsupported for another version.
  [[nodiscard]] static Result<ClipView> open(Bytes file) noexcept;

  [[nodiscard]] const ClipFacts& facts() const noexcept { return facts_; }
  [[nodiscard]] std::uint32_t track_count() const noexcept { return track_count_; }
  /// @param track below track_count() (CHECKed).
  [[nodiscard]] const ClipEncoding& encoding(std::uint32_t track) const noexcept {
    CHECK(track < track_count_);
    return tracks_[track].encoding;
  }
  /// Which track has an encoding, if any.
  [[nodiscard]] std::optional<std::uint32_t> find(const ClipEncoding& encoding) const noexcept;

  /// The payload of one frame. O(1).
  /// @param track below track_count() (CHECKed).
  /// @param index below facts().frame_count (CHECKed).
  [[nodiscard]] Bytes frame(std::uint32_t track, std::uint32_t index) const noexcept {
    CHECK(track < track_count_);
    CHECK(index < facts_.frame_count);
    const Track& from = tracks_[track];
    if (from.frame_bytes > 0)
      return from.data.subspan(std::size_t{index} * from.frame_bytes, from.frame_bytes);
    const std::uint8_t* at = from.index.data() + std::size_t{4} * index;
    const std::uint32_t start = load_u32(at);
    return from.data.subspan(start, load_u32(at + 4) - start);
  }
  /// Copies one frame of a PCM track, as samples.
  /// @param into at least as many as a frame has (CHECKed, as is that the track is PCM).
  /// @returns how many.
  std::size_t read_pcm(std::uint32_t track, std::uint32_t index,
                       std::span<std::int16_t> into) const noexcept;

  /// Whether every track's data are what was written. Reads the whole file: for whoever loads it.
  [[nodiscard]] bool is_intact() const noexcept;

 private:
  struct Track {
    ClipEncoding encoding;
    std::uint32_t frame_bytes = 0;
    std::uint32_t crc = 0;
    Bytes data;
    Bytes index;
  };

  ClipView() noexcept = default;
  [[nodiscard]] ErrorCode read_track(Bytes file, ByteReader& reader, Track& track) const noexcept;

  ClipFacts facts_;
  std::uint32_t track_count_ = 0;
  std::array<Track, kClipTracksMax> tracks_{};
};

/// An encoding to be written.
struct ClipSource {
  ClipEncoding encoding;
  /// All frames, one after the other.
  Bytes data;
  /// The bytes of each frame, for Opus; empty for the others, whose frames are equally long.
  std::span<const std::uint16_t> frame_bytes;
};

/// How long a clip's file will be.
/// @returns kMediaMalformed when facts and sources don't agree: no or too many or doubled
///          encodings, not as many bytes as frames need, or a number out of range.
[[nodiscard]] Result<std::size_t> clip_bytes(const ClipFacts& facts,
                                             std::span<const ClipSource> sources) noexcept;

/// Lays a clip out.
/// @param into at least clip_bytes().
/// @returns the file; errors as clip_bytes(), and kBufferFull.
[[nodiscard]] Result<Bytes> write_clip(MutableBytes into, const ClipFacts& facts,
                                       std::span<const ClipSource> sources) noexcept;

}  // namespace trunkyard::spool
