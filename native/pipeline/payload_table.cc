// What payload types mean, and the decoders behind them; see payload_table.h.
#include "pipeline/payload_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/opus_policy.h"

namespace trunkyard::pipeline {
namespace {

/// What Opus may send in a millisecond: 128 kbit/s, as much as helps one channel of speech. The
/// peer chooses, whatever it usually sends; beyond this, less delay fits the store, and what
/// doesn't is discarded.
constexpr std::size_t kOpusBytesPerMs = codec::kOpusVoiceBitrateBpsMax / 8 / 1'000;

std::size_t bytes_per_ms_of(const codec::Format& format) noexcept {
  return format.kind == codec::CodecKind::kOpus ? kOpusBytesPerMs : format.payload_bytes(1);
}

/// Whether both are the same on the wire, whatever rate they are decoded at.
bool is_same_codec(const codec::Format& left, const codec::Format& right) noexcept {
  if (left.kind != right.kind) return false;
  return left.kind == codec::CodecKind::kOpus || left.rate_hz == right.rate_hz;
}

bool is_valid(const ReceivablePayload& payload) noexcept {
  if (payload.payload_type >= kPayloadTypes) return false;
  if (payload.role == PayloadRole::kAudio)
    return payload.format.kind == codec::CodecKind::kOpus || payload.format.is_valid();
  return payload.clock_rate_hz > 0 && payload.clock_rate_hz <= kPcmRateHzMax;
}

}  // namespace

Result<void> PayloadTable::set_up(const Setup& setup) {
  if (!codec::is_pcm_rate(setup.rate_hz) || setup.payloads.size() > kReceivablePayloadsMax ||
      !std::all_of(setup.payloads.begin(), setup.payloads.end(), is_valid))
    return Error{ErrorCode::kConfigInvalid};
  Plan plan;
  const Result<void> is_possible = make_plan(setup, plan);
  if (!is_possible.ok()) return is_possible;

  adopt(setup, plan);
  index_.fill(kNone);
  event_clock_hz_ = 0;
  std::uint8_t count = 0;
  for (const ReceivablePayload& payload : setup.payloads) {
    Meaning meaning{.role = payload.role, .clock_rate_hz = payload.clock_rate_hz};
    if (payload.role == PayloadRole::kAudio) {
      meaning.codec = find_codec(codecs_, payload.format);
      meaning.clock_rate_hz = meaning.codec->decoder.format().clock_hz();
    }
    if (payload.role == PayloadRole::kTelephoneEvent) event_clock_hz_ = payload.clock_rate_hz;
    meanings_[count] = meaning;
    index_[payload.payload_type] = count;
    ++count;
  }
  return {};
}

/// Opens the decoders that are missing. One for another rate takes the old one's id, since packets
/// that wait are as good for it.
Result<void> PayloadTable::make_plan(const Setup& setup, Plan& plan) {
  for (const ReceivablePayload& payload : setup.payloads) {
    if (payload.role != PayloadRole::kAudio) continue;
    codec::Format format = payload.format;
    if (format.kind == codec::CodecKind::kOpus) format.rate_hz = setup.rate_hz;
    const auto planned = std::span(plan.formats).first(plan.count);
    if (std::find(planned.begin(), planned.end(), format) != planned.end()) continue;
    if (plan.count == kReceivableCodecsMax) return Error{ErrorCode::kConfigInvalid};
    plan.formats[plan.count] = format;
    const Codec* open = find_codec(codecs_, format);
    if (open == nullptr || open->decoder.format() != format) {
      Result<codec::Decoder> decoder = codec::Decoder::open({.format = format, .isa = setup.isa});
      if (!decoder.ok()) return Error{decoder.error()};
      plan.opened[plan.count] = std::make_unique<Codec>(std::move(decoder).value(),
                                                        open == nullptr ? fresh_id() : open->id);
    }
    ++plan.count;
  }
  return {};
}

void PayloadTable::adopt(const Setup& setup, Plan& plan) {
  for (std::size_t index = 0; index < plan.count; ++index) {
    std::unique_ptr<Codec>& codec = plan.opened[index];
    if (!codec) {
      const auto open = std::find_if(codecs_.begin(), codecs_.end(), [&](const auto& candidate) {
        return candidate && candidate->decoder.format() == plan.formats[index];
      });
      codec = std::move(*open);
    }
    resample(setup, *codec);
  }
  codecs_.swap(plan.opened);
  keep(setup, plan.opened);
}

/// @param before those that are received no more, and gaps where the others stood.
void PayloadTable::keep(const Setup& setup, Codecs& before) {
  if (kept_ && kept_->id != setup.kept_id) kept_.reset();
  if (setup.kept_id == kNoCodec) return;
  for (std::unique_ptr<Codec>& codec : before) {
    const bool is_replaced = codec && find_by_id(codecs_, codec->id) != nullptr;
    if (codec && codec->id == setup.kept_id && !is_replaced) kept_ = std::move(codec);
  }
  if (kept_) resample(setup, *kept_);
}

/// From what the codec decodes to what the listener hears.
void PayloadTable::resample(const Setup& setup, Codec& codec) {
  const std::uint32_t from_hz = codec.decoder.format().rate_hz;
  if (from_hz == setup.rate_hz) {
    codec.resampler.reset();
  } else if (!codec.resampler || codec.resampler->to_hz() != setup.rate_hz) {
    codec.resampler = std::make_unique<codec::Resampler>(
        codec::Resampler::open({.from_hz = from_hz, .to_hz = setup.rate_hz, .isa = setup.isa})
            .value());
  }
}

PayloadTable::Codec* PayloadTable::find_codec(const Codecs& codecs,
                                              const codec::Format& format) noexcept {
  for (const std::unique_ptr<Codec>& codec : codecs) {
    if (codec && is_same_codec(codec->decoder.format(), format)) return codec.get();
  }
  return nullptr;
}

PayloadTable::Codec* PayloadTable::find_by_id(const Codecs& codecs, std::uint8_t id) noexcept {
  for (const std::unique_ptr<Codec>& codec : codecs) {
    if (codec && codec->id == id) return codec.get();
  }
  return nullptr;
}

PayloadTable::Codec* PayloadTable::codec(std::uint8_t id) const noexcept {
  if (kept_ && kept_->id == id) return kept_.get();
  return find_by_id(codecs_, id);
}

std::size_t PayloadTable::bytes_per_ms() const noexcept {
  std::size_t most = 0;
  for (const std::unique_ptr<Codec>& codec : codecs_) {
    if (codec) most = std::max(most, bytes_per_ms_of(codec->decoder.format()));
  }
  return most;
}

/// Ids come round after 256 codecs; by then no packet knows the old one.
std::uint8_t PayloadTable::fresh_id() noexcept {
  do {
    ++id_last_;
  } while (id_last_ == kNoCodec || codec(id_last_) != nullptr);
  return id_last_;
}

}  // namespace trunkyard::pipeline
