#include "codec/framer.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::codec {

Framer::Framer(std::size_t frame_samples)
    : frame_samples_(frame_samples), partial_(std::make_unique<std::int16_t[]>(frame_samples)) {
  CHECK(frame_samples > 0);
  CHECK(frame_samples <= kPcmSamplesMax);
}

void Framer::release() noexcept {
  if (!handed_out_) return;
  handed_out_ = false;
  filled_ = 0;
}

void Framer::fill_with_silence(std::uint64_t count) noexcept {
  const std::size_t zeros =
      static_cast<std::size_t>(std::min<std::uint64_t>(count, frame_samples_ - filled_));
  std::fill_n(partial_.get() + filled_, zeros, std::int16_t{0});
  filled_ += zeros;
}

void Framer::hand_out(Frame& frame) noexcept {
  frame = {.position = frame_position_,
           .marker = marker_,
           .samples = Pcm(partial_.get(), frame_samples_)};
  marker_ = false;
  handed_out_ = true;
}

std::size_t Framer::push(const Piece& piece) noexcept {
  CHECK(input_.empty());
  release();
  CHECK(filled_ < frame_samples_);
  const std::uint64_t behind = expected_ > piece.position ? expected_ - piece.position : 0;
  const auto old = static_cast<std::size_t>(std::min<std::uint64_t>(behind, piece.samples.size()));
  input_ = piece.samples.subspan(old);
  if (input_.empty()) return old;
  const std::uint64_t start = piece.position + old;
  const std::uint64_t gap = start - expected_;
  if (filled_ > 0 && gap > 0) fill_with_silence(gap);
  // A gap beyond the frame that had begun leaves frames out.
  piece_marker_ = piece.starts_talk || start > frame_position_ + frame_samples_;
  expected_ = start;
  return old;
}

bool Framer::next(Frame& frame) noexcept {
  release();
  if (filled_ == frame_samples_) {  // completed by the silence before the piece
    hand_out(frame);
    return true;
  }
  if (input_.empty()) return false;
  marker_ = marker_ || piece_marker_;
  piece_marker_ = false;
  if (filled_ == 0) frame_position_ = expected_;
  const std::size_t count = std::min(frame_samples_ - filled_, input_.size());
  const Pcm taken = input_.first(count);
  input_ = input_.subspan(count);
  expected_ += count;
  if (count == frame_samples_) {
    frame = {.position = frame_position_, .marker = marker_, .samples = taken};
    marker_ = false;
    return true;
  }
  std::copy(taken.begin(), taken.end(), partial_.get() + filled_);
  filled_ += count;
  if (filled_ < frame_samples_) return false;
  hand_out(frame);
  return true;
}

void Framer::drop() noexcept {
  CHECK(input_.empty());
  handed_out_ = false;
  filled_ = 0;
}

bool Framer::flush(Frame& frame) noexcept {
  CHECK(input_.empty());
  release();
  if (filled_ == 0) return false;
  expected_ = frame_position_ + frame_samples_;
  fill_with_silence(frame_samples_);
  hand_out(frame);
  return true;
}

}  // namespace trunkyard::codec
