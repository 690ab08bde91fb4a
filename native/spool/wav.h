// WAV: PCM of 16 bits and G.711, one or two channels, as RIFF or, beyond 4 GB, RF64 (EBU Tech
// 3306). Writing is a header made twice: first with its sizes open, then, when all is written, over
// the first with the true ones. A file whose writer was killed in between says "as long as it is"
// and plays to its last sample in all readers that go to the end of the file then (ours, ffmpeg,
// SoX); who wants every player satisfied at every moment writes the header anew each second.
//
// Reading takes the chunks in any order and refuses what isn't audio that the engine plays. Layout:
//
//   "RIFF" size "WAVE"
//   "JUNK" 28 zeroes           -- becomes "ds64" with 64-bit sizes when the file outgrows RIFF
//   "fmt " 16 or 18 bytes      -- 18 for G.711, which also has "fact" with its samples
//   "data" size samples, interleaved, little-endian; a zero byte if odd
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "spool/format.h"

namespace trunkyard::spool {

/// The longest header that write_wav_header() makes.
inline constexpr std::size_t kWavHeaderBytesMax = 12 + 36 + 26 + 12 + 8;

/// Writes all that comes before the samples.
/// @param into       at least kWavHeaderBytesMax (CHECKed).
/// @param format     kPcm16, kPcmu or kPcma, is_valid() (CHECKed).
/// @param data_bytes of samples; nothing while they are not all known.
/// @returns the header; of one format always equally long.
[[nodiscard]] Bytes write_wav_header(MutableBytes into, const MediaFormat& format,
                                     std::optional<std::uint64_t> data_bytes) noexcept;

/// Whether a zero byte must follow the samples: chunks begin at even places.
[[nodiscard]] constexpr bool wav_needs_padding(std::uint64_t data_bytes) noexcept {
  return data_bytes % 2 != 0;
}

/// The audio in a WAV file. Valid as long as the bytes it was read from.
struct WavView {
  MediaFormat format;
  /// Whole samples of all channels, interleaved.
  Bytes data;
  /// How long its header says they are; nothing where it leaves that open.
  std::optional<std::uint64_t> data_bytes;
  /// The file is shorter than its header says, or its header is that of a file never finished: a
  /// crash or a broken download.
  bool is_cut = false;
};

/// @param file whole, from its first byte.
/// @returns kMediaTruncated when it ends before format and audio were met, kMediaMalformed when it
///          is no WAV, contradicts itself or has over kWavChunksMax chunks, kMediaUnsupported for
///          another coding, depth, rate or number of channels.
[[nodiscard]] Result<WavView> read_wav(Bytes file) noexcept;

}  // namespace trunkyard::spool
