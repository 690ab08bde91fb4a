// Framer: audio in pieces of any length becomes frames of one length, so that a leg's packet time
// is its own. A frame is handed out with its last sample's arrival and no later. Silence that was
// left out (a gap between positions) stays left out, save for what is needed to fill a frame that
// had begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "codec/pcm.h"

namespace trunkyard::codec {

/// One direction of one stream. Takes memory for a frame at construction.
class Framer {
 public:
  /// Audio that came.
  struct Piece {
    /// Of its first sample, in samples since the stream's start: counted by the caller over losses
    /// and silences, and never wrapping.
    std::uint64_t position = 0;
    /// A silence ends here, as the sender said by the marker of RTP (RFC 3551 §4.1).
    bool starts_talk = false;
    Pcm samples;  ///< any number
  };
  /// Audio to send.
  struct Frame {
    std::uint64_t position = 0;
    /// To be sent with a marker: the stream's first frame, the first after a gap, and one in which
    /// a piece said so.
    bool marker = false;
    /// Always as many as a frame has. The piece's own memory where a frame lies within a piece,
    /// else the framer's, until its next call.
    Pcm samples;
  };

  /// @param frame_samples 1 to kPcmSamplesMax (CHECKed).
  explicit Framer(std::size_t frame_samples);

  /// Takes a piece; its frames are then to be had from next() until there are none (CHECKed here),
  /// and its memory must stay until then.
  /// @returns how many samples were left out because they lie before what came already: 0 unless
  ///          the caller's positions go back.
  std::size_t push(const Piece& piece) noexcept;

  /// @returns whether there is a frame; then `frame` is it.
  [[nodiscard]] bool next(Frame& frame) noexcept;

  /// The stream's end: what is left over, filled up with silence.
  /// @returns whether anything was left. CHECKs as push() does.
  [[nodiscard]] bool flush(Frame& frame) noexcept;

  /// Forgets what waits for the rest of its frame: the next piece begins one. CHECKs as push()
  /// does.
  void drop() noexcept;

  [[nodiscard]] std::size_t frame_samples() const noexcept { return frame_samples_; }
  /// Samples that wait for the rest of their frame.
  [[nodiscard]] std::size_t waiting() const noexcept { return handed_out_ ? 0 : filled_; }

 private:
  void release() noexcept;
  void fill_with_silence(std::uint64_t count) noexcept;
  void hand_out(Frame& frame) noexcept;

  std::size_t frame_samples_;
  std::unique_ptr<std::int16_t[]> partial_;
  std::size_t filled_ = 0;            ///< of partial_
  std::uint64_t frame_position_ = 0;  ///< of partial_'s first sample
  std::uint64_t expected_ = 0;        ///< of the next sample, if the sender leaves none out
  Pcm input_;                         ///< what of the piece isn't in a frame yet
  bool marker_ = true;                ///< of the frame in the making, or of the next one
  bool piece_marker_ = false;         ///< the piece's first sample is yet to come
  bool handed_out_ = false;           ///< partial_ is the caller's until the next call
};

}  // namespace trunkyard::codec
