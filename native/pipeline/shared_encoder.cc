#include "pipeline/shared_encoder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace trunkyard::pipeline {

bool encodes_alike(const SenderSetup& left, const SenderSetup& right) noexcept {
  return left.format == right.format && left.frame_ms == right.frame_ms &&
         left.source_rate_hz == right.source_rate_hz &&
         (left.format.kind != codec::CodecKind::kOpus || left.opus == right.opus);
}

Result<std::unique_ptr<SharedEncoder>> SharedEncoder::open(const SenderSetup& setup, Isa isa) {
  if (!codec::is_pcm_rate(setup.source_rate_hz)) return Error{ErrorCode::kConfigInvalid};
  Result<codec::Encoder> encoder = codec::Encoder::open(
      {.format = setup.format, .frame_ms = setup.frame_ms, .isa = isa, .opus = setup.opus});
  if (!encoder.ok()) return Error{encoder.error()};
  std::unique_ptr<SharedEncoder> opened(new SharedEncoder(setup, std::move(encoder).value()));
  if (opened->encoder_.payload_bytes_max() > opened->payload_.size())
    return Error{ErrorCode::kConfigInvalid};
  if (setup.source_rate_hz != setup.format.rate_hz) {
    opened->resampler_ =
        codec::Resampler::open(
            {.from_hz = setup.source_rate_hz, .to_hz = setup.format.rate_hz, .isa = isa})
            .value();
  }
  return opened;
}

SharedEncoder::SharedEncoder(const SenderSetup& setup, codec::Encoder encoder)
    : setup_(setup),
      encoder_(std::move(encoder)),
      frame_(std::make_unique<std::int16_t[]>(encoder_.frame_samples())) {}

void SharedEncoder::push(codec::Pcm piece) noexcept {
  CHECK(piece.size() == codec::samples_of(setup_.source_rate_hz, kPieceMs));
  const std::size_t frame_samples = encoder_.frame_samples();
  const codec::MutablePcm room(frame_.get() + filled_, frame_samples - filled_);
  if (resampler_) {
    filled_ += resampler_->process(piece, room).size();
  } else {
    CHECK(piece.size() <= room.size());
    std::copy(piece.begin(), piece.end(), room.begin());
    filled_ += piece.size();
  }
  complete_ = filled_ == frame_samples;
  if (!complete_) return;
  filled_ = 0;
  const Result<codec::Encoder::Encoded> encoded =
      encoder_.encode({frame_.get(), frame_samples}, payload_);
  payload_bytes_ = encoded.ok() && encoded->send ? encoded->bytes : 0;
}

void SharedEncoder::take_over(const AudioSender& sender) noexcept {
  CHECK(encodes_alike(setup_, sender.setup()));
  CHECK(sender.encoder() != nullptr);
  encoder_.copy_state(*sender.encoder());
  if (resampler_) *resampler_ = *sender.resampler();
  filled_ = 0;
  complete_ = false;
}

void SharedEncoder::set_complexity(std::uint32_t complexity) noexcept {
  if (codec::OpusEncoder* opus = encoder_.opus()) opus->set_complexity(complexity);
}

}  // namespace trunkyard::pipeline
