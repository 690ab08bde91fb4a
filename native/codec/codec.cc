#include "codec/codec.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/l16.h"

namespace trunkyard::codec {
namespace {

constexpr Law law_of(CodecKind kind) noexcept {
  return kind == CodecKind::kPcma ? Law::kA : Law::kMu;
}

/// Shortens a frame at its beginning.
void leave_out(PcmFrame& frame, std::size_t skip) noexcept {
  if (skip == 0) return;
  const std::size_t rest = frame.size() - std::min(skip, frame.size());
  const MutablePcm samples = frame.samples();
  std::copy(samples.end() - static_cast<std::ptrdiff_t>(rest), samples.end(), samples.begin());
  frame.reset(frame.rate_hz(), rest);
}

/// libopus conceals in steps of 2.5 ms.
std::size_t concealable(std::size_t samples, std::uint32_t rate_hz) noexcept {
  const std::size_t step = rate_hz / 400;
  return (samples + step - 1) / step * step;
}

}  // namespace

Decoder::Decoder(const Spec& spec, Codec codec) noexcept
    : format_(spec.format), isa_(spec.isa), codec_(std::move(codec)) {
  if (!std::holds_alternative<OpusDecoder>(codec_)) concealer_.emplace(format_.rate_hz);
}

Result<Decoder> Decoder::open(const Spec& spec) {
  if (!spec.format.is_valid()) return Error{ErrorCode::kConfigInvalid};
  switch (spec.format.kind) {
    case CodecKind::kPcmu:
    case CodecKind::kPcma:
      return Decoder(spec, G711(spec.isa));
    case CodecKind::kL16:
      return Decoder(spec, Linear{});
    case CodecKind::kG722:
      return Decoder(spec, G722Decoder(spec.isa));
    case CodecKind::kOpus: {
      Result<OpusDecoder> opus = OpusDecoder::open(spec.format.rate_hz);
      if (!opus.ok()) return Error{opus.error()};
      return Decoder(spec, std::move(opus).value());
    }
  }
  return Error{ErrorCode::kConfigInvalid};
}

Result<std::size_t> Decoder::samples_in(Bytes payload) const noexcept {
  if (format_.kind == CodecKind::kOpus) {
    const Result<OpusPacket> packet = OpusPacket::parse(payload);
    if (!packet.ok()) return Error{packet.error()};
    return packet->samples(format_.rate_hz);
  }
  const std::size_t bits = format_.payload_bits_per_sample();
  if (payload.empty()) return Error{ErrorCode::kPacketTruncated};
  if (payload.size() * 8 % bits != 0) return Error{ErrorCode::kPacketMalformed};
  return payload.size() * 8 / bits;
}

void Decoder::decode_samples(Bytes payload, MutablePcm into) noexcept {
  if (const auto* g711 = std::get_if<G711>(&codec_)) {
    g711->decode(law_of(format_.kind), payload, into);
  } else if (auto* g722 = std::get_if<G722Decoder>(&codec_)) {
    g722->decode(payload, into);
  } else {
    l16_decode(payload, into);
  }
}

Result<Decoder::Progress> Decoder::decode(Bytes payload, std::size_t from, PcmFrame& into,
                                          std::size_t skip) noexcept {
  into.reset(format_.rate_hz, 0);
  if (auto* opus = std::get_if<OpusDecoder>(&codec_)) {
    const Result<OpusPacket> packet = OpusPacket::parse(payload);
    if (!packet.ok()) return Error{packet.error()};
    const Result<std::uint32_t> next =
        opus->decode(*packet, static_cast<std::uint32_t>(from), into);
    if (!next.ok()) return Error{next.error()};
    leave_out(into, skip);
    return Progress{.next = *next, .done = *next == packet->frame_count()};
  }
  const Result<std::size_t> samples = samples_in(payload);
  if (!samples.ok()) return Error{samples.error()};
  CHECK(from < payload.size());
  const std::size_t bytes = std::min(payload.size() - from, format_.payload_bytes(kFrameMsMax));
  const std::size_t count = bytes * 8 / format_.payload_bits_per_sample();
  decode_samples(payload.subspan(from, bytes), into.reset(format_.rate_hz, count));
  leave_out(into, skip);
  concealer_->good(into.samples());
  return Progress{.next = from + bytes, .done = from + bytes == payload.size()};
}

Filling Decoder::conceal(std::size_t samples, Bytes next, PcmFrame& into) noexcept {
  CHECK(samples > 0);
  CHECK(samples <= samples_of(format_.rate_hz, kFrameMsMax));
  auto* opus = std::get_if<OpusDecoder>(&codec_);
  if (opus == nullptr) {
    concealer_->lost(into.reset(format_.rate_hz, samples));
    return Filling::kGuessed;
  }
  const std::size_t whole = concealable(samples, format_.rate_hz);
  const Result<OpusPacket> packet = OpusPacket::parse(next);
  Filling filling = Filling::kGuessed;
  bool filled = false;
  if (packet.ok()) {
    const Result<OpusRecovery> recovery = opus->recover(*packet, whole, into);
    filled = recovery.ok();
    if (filled && *recovery == OpusRecovery::kRecovered) filling = Filling::kRecovered;
  } else {
    filled = opus->conceal(whole, into).ok();
  }
  // What is longer than asked for is cut; what libopus can't fill is silence.
  const MutablePcm out = into.reset(format_.rate_hz, samples);
  if (!filled) silence(out);
  return filling;
}

void Decoder::reset() noexcept {
  if (auto* opus = std::get_if<OpusDecoder>(&codec_)) opus->reset();
  if (auto* g722 = std::get_if<G722Decoder>(&codec_)) *g722 = G722Decoder(isa_);
  if (concealer_) concealer_->reset();
}

Encoder::Encoder(const Spec& spec, Codec codec) noexcept
    : format_(spec.format),
      frame_samples_(samples_of(spec.format.rate_hz, spec.frame_ms)),
      codec_(std::move(codec)) {}

Result<Encoder> Encoder::open(const Spec& spec) {
  if (!spec.format.is_valid() || !is_frame_ms(spec.frame_ms))
    return Error{ErrorCode::kConfigInvalid};
  switch (spec.format.kind) {
    case CodecKind::kPcmu:
    case CodecKind::kPcma:
      return Encoder(spec, G711(spec.isa));
    case CodecKind::kL16:
      return Encoder(spec, Linear{});
    case CodecKind::kG722:
      return Encoder(spec, G722Encoder(spec.isa));
    case CodecKind::kOpus: {
      if (spec.opus.rate_hz != spec.format.rate_hz || spec.opus.frame_ms != spec.frame_ms)
        return Error{ErrorCode::kConfigInvalid};
      Result<OpusEncoder> opus = OpusEncoder::open(spec.opus);
      if (!opus.ok()) return Error{opus.error()};
      return Encoder(spec, std::move(opus).value());
    }
  }
  return Error{ErrorCode::kConfigInvalid};
}

void Encoder::copy_state(const Encoder& other) noexcept {
  CHECK(format_ == other.format_);
  CHECK(frame_samples_ == other.frame_samples_);
  if (auto* opus = std::get_if<OpusEncoder>(&codec_)) {
    opus->copy_state(std::get<OpusEncoder>(other.codec_));
  } else if (auto* g722 = std::get_if<G722Encoder>(&codec_)) {
    *g722 = std::get<G722Encoder>(other.codec_);
  }
}

std::size_t Encoder::payload_bytes_max() const noexcept {
  if (format_.kind == CodecKind::kOpus) return kOpusPayloadBytesMax;
  return frame_samples_ * format_.payload_bits_per_sample() / 8;
}

Result<Encoder::Encoded> Encoder::encode(Pcm frame, MutableBytes into) noexcept {
  CHECK(frame.size() == frame_samples_);
  if (into.size() < payload_bytes_max()) return Error{ErrorCode::kBufferFull};
  if (auto* opus = std::get_if<OpusEncoder>(&codec_)) {
    const Result<OpusEncoded> encoded = opus->encode(frame, into);
    if (!encoded.ok()) return Error{encoded.error()};
    return Encoded{.bytes = encoded->bytes, .send = encoded->send};
  }
  if (const auto* g711 = std::get_if<G711>(&codec_)) {
    g711->encode(law_of(format_.kind), frame, into);
  } else if (auto* g722 = std::get_if<G722Encoder>(&codec_)) {
    g722->encode(frame, into);
  } else {
    l16_encode(frame, into);
  }
  return Encoded{.bytes = payload_bytes_max()};
}

}  // namespace trunkyard::codec
