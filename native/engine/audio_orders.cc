// Orders about audio that is decoded and encoded here: what a leg's peer sends and takes, who hears
// whom, which digits are said. All memory of codecs and buffers is taken and given back here.
#include <memory>
#include <optional>
#include <span>

#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

using contract::Code;

namespace {

/// Said in an order for "the peer has no such payload type".
constexpr std::uint8_t kNoPayloadType = contract::kPayloadTypeDropped;
static_assert(kNoPayloadType == pipeline::kPayloadTypeDropped);
constexpr std::uint32_t kOpusLossPercentMax = 100;

/// Of a rate in kHz; 0 for what is none.
std::uint32_t rate_hz_of(std::uint8_t khz) noexcept {
  const std::uint32_t rate_hz = std::uint32_t{khz} * 1'000;
  return codec::is_pcm_rate(rate_hz) ? rate_hz : 0;
}

bool is_payload_type(std::uint32_t type) noexcept {
  return type < kPayloadTypes;
}
bool is_optional_payload_type(std::uint32_t type) noexcept {
  return type == kNoPayloadType || is_payload_type(type);
}

/// @param rate_hz of L16 and Opus; the others have one rate. 0 = none.
std::optional<codec::Format> format_of(std::uint32_t kind, std::uint32_t rate_hz) noexcept {
  codec::Format format;
  switch (static_cast<contract::PayloadKind>(kind)) {
    case contract::PayloadKind::kPcmu:
      format = {codec::CodecKind::kPcmu, 8'000};
      break;
    case contract::PayloadKind::kPcma:
      format = {codec::CodecKind::kPcma, 8'000};
      break;
    case contract::PayloadKind::kG722:
      format = {codec::CodecKind::kG722, 16'000};
      break;
    case contract::PayloadKind::kL16:
      format = {codec::CodecKind::kL16, rate_hz};
      break;
    case contract::PayloadKind::kOpus:
      format = {codec::CodecKind::kOpus, rate_hz};
      break;
    default:
      return std::nullopt;
  }
  if (!format.is_valid()) return std::nullopt;
  return format;
}

/// Nothing when it can't be. @param packed payload type, kind and rate in kHz, a byte each.
std::optional<pipeline::ReceivablePayload> read_payload(std::uint32_t packed) noexcept {
  const std::uint32_t payload_type = packed & 0xff;
  const std::uint32_t kind = packed >> 8 & 0xff;
  if (!is_payload_type(payload_type) || packed >> 16 >= 0xff) return std::nullopt;
  const auto khz = static_cast<std::uint8_t>(packed >> 16);
  pipeline::ReceivablePayload payload;
  payload.payload_type = static_cast<std::uint8_t>(payload_type);
  switch (static_cast<contract::PayloadKind>(kind)) {
    case contract::PayloadKind::kTelephoneEvent:
      payload.role = pipeline::PayloadRole::kTelephoneEvent;
      payload.clock_rate_hz = rate_hz_of(khz);
      break;
    case contract::PayloadKind::kRedundancy:
      payload.role = pipeline::PayloadRole::kRedundancy;
      payload.clock_rate_hz = rate_hz_of(khz);
      break;
    case contract::PayloadKind::kComfortNoise:
      payload.role = pipeline::PayloadRole::kComfortNoise;
      payload.clock_rate_hz = 8'000;
      break;
    default: {
      const bool opus = kind == static_cast<std::uint32_t>(contract::PayloadKind::kOpus);
      // Opus is decoded at the rate of whoever listens.
      const auto format = format_of(kind, opus ? 48'000 : rate_hz_of(khz));
      if (!format) return std::nullopt;
      payload.format = *format;
      return payload;
    }
  }
  if (payload.clock_rate_hz == 0) return std::nullopt;
  return payload;
}

/// False when the order can't be.
bool read_receivable(const contract::SetAudioOrder& order, Receivable& receivable) noexcept {
  static_assert(std::size(contract::SetAudioOrder{}.receive) == pipeline::kReceivablePayloadsMax);
  if (order.receive_count > pipeline::kReceivablePayloadsMax || order.detect_tones > 1)
    return false;
  if (order.buffer_size >= contract::kBufferSizeCount) return false;
  static_assert(static_cast<int>(contract::BufferSize::kOff) ==
                    static_cast<int>(jitter::BufferSize::kOff) &&
                static_cast<int>(contract::BufferSize::kLarge) ==
                    static_cast<int>(jitter::BufferSize::kLarge));
  receivable.buffer_size = static_cast<jitter::BufferSize>(order.buffer_size);
  receivable.detect_tones = order.detect_tones == 1;
  receivable.count = order.receive_count;
  for (std::uint32_t index = 0; index < order.receive_count; ++index) {
    const auto payload = read_payload(order.receive[index]);
    if (!payload) return false;
    receivable.payloads[index] = *payload;
  }
  return true;
}

bool read_opus(const contract::SetAudioOrder& order, pipeline::SenderSetup& setup) noexcept {
  if (order.opus_fec > 1 || order.opus_dtx > 1 || order.opus_cbr > 1) return false;
  if (order.opus_complexity > codec::kOpusComplexityMax) return false;
  if (order.opus_loss_percent > kOpusLossPercentMax) return false;
  if (order.opus_bitrate_bps > codec::kOpusBitrateBpsMax) return false;
  if (order.opus_bitrate_bps != 0 && order.opus_bitrate_bps < codec::kOpusBitrateBpsMin) {
    return false;
  }
  setup.frame_ms = codec::opus_frame_ms(order.packet_ms);
  const codec::OpusFmtp far{.max_playback_rate_hz = order.opus_playback_rate_hz,
                            .ptime_ms = setup.frame_ms,
                            .max_ptime_ms = setup.frame_ms,
                            .use_inband_fec = order.opus_fec == 1,
                            .use_dtx = order.opus_dtx == 1,
                            .cbr = order.opus_cbr == 1};
  setup.opus = codec::opus_policy(far, {.source_rate_hz = setup.format.rate_hz,
                                        .bitrate_bps = order.opus_bitrate_bps,
                                        .complexity = order.opus_complexity,
                                        .loss_percent = order.opus_loss_percent,
                                        .dtx_allowed = order.opus_dtx == 1});
  // A rate that the far side's ears or the band don't need is neither encoded nor decoded at.
  setup.format.rate_hz = setup.opus.rate_hz;
  setup.source_rate_hz = setup.opus.rate_hz;
  return true;
}

/// False when the order can't be. @param setup nothing when nothing is to be sent.
bool read_sent(const contract::SetAudioOrder& order,
               std::optional<pipeline::SenderSetup>& setup) noexcept {
  if (!is_optional_payload_type(order.send_payload_type)) return false;
  if (order.send_payload_type == kNoPayloadType) return true;
  const auto format = format_of(order.send_kind, rate_hz_of(order.send_rate_khz));
  if (!format || format->rate_hz != rate_hz_of(order.send_rate_khz)) return false;
  if (!codec::is_frame_ms(order.packet_ms)) return false;
  if (!is_optional_payload_type(order.event_payload_type) ||
      !is_optional_payload_type(order.comfort_payload_type) ||
      !is_optional_payload_type(order.redundancy_payload_type)) {
    return false;
  }
  setup.emplace();
  setup->payload_type = order.send_payload_type;
  setup->format = *format;
  setup->frame_ms = order.packet_ms;
  // Whoever is heard is decoded at the rate that is encoded.
  setup->source_rate_hz = format->rate_hz;
  setup->event_payload_type = order.event_payload_type;
  setup->noise_payload_type = order.comfort_payload_type;
  setup->redundancy_payload_type = order.redundancy_payload_type;
  if (order.event_payload_type != kNoPayloadType) {
    setup->event_clock_rate_hz = rate_hz_of(order.event_rate_khz);
    if (setup->event_clock_rate_hz == 0) return false;
  }
  return format->kind != codec::CodecKind::kOpus || read_opus(order, *setup);
}

bool has_codec(const Receivable& receivable) noexcept {
  for (std::uint32_t index = 0; index < receivable.count; ++index) {
    if (receivable.payloads[index].role == pipeline::PayloadRole::kAudio) return true;
  }
  return false;
}

pipeline::PayloadTypeSet types_of(const Receivable& receivable) noexcept {
  pipeline::PayloadTypeSet types;
  types[pipeline::kStaticNoiseType] = true;
  for (std::uint32_t index = 0; index < receivable.count; ++index)
    types[receivable.payloads[index].payload_type] = true;
  return types;
}

/// The telephone-events to be looked at while they are forwarded.
std::optional<pipeline::DigitWatch::Setup> watch_of(const Receivable& receivable) noexcept {
  std::optional<pipeline::DigitWatch::Setup> watch;
  for (std::uint32_t index = 0; index < receivable.count; ++index) {
    const pipeline::ReceivablePayload& payload = receivable.payloads[index];
    if (payload.role != pipeline::PayloadRole::kTelephoneEvent) continue;
    watch = {payload.payload_type, payload.clock_rate_hz};
  }
  return watch;
}

}  // namespace

Code MediaThread::set_audio(const contract::SetAudioOrder& order) noexcept {
  const Handle handle{order.endpoint};
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  Receivable receivable;
  std::optional<pipeline::SenderSetup> sent;
  if (!read_receivable(order, receivable) || !read_sent(order, sent)) return Code::kOrderInvalid;
  if (order.mute_digits > 1) return Code::kOrderInvalid;
  if (leg->audio == nullptr) {
    if (receivable.count == 0 && !sent) return Code::kOk;
    leg->audio = std::make_unique<LegAudio>();
  }
  LegAudio& audio = *leg->audio;
  const bool confers = audio.hears.kind == Hears::Kind::kConference;
  if (sent && confers) sent->source_rate_hz = conferences_.rate_hz(audio.hears);
  // The sending half first: of the two, it is the one that may still refuse.
  if (const Code code = set_sender(*leg, sent); code != Code::kOk) return code;
  audio.mute_digits = order.mute_digits == 1;
  if (confers) conferences_.renew(*leg);
  relieve(audio);
  if (const Code code = set_receiver(*leg, receivable); code != Code::kOk) return code;

  const Instant now = io::now();
  if (audio.receiver != nullptr || audio.sender != nullptr) {
    audio_legs_.add(now, handle.slot());
  } else {
    audio_legs_.remove(handle.slot());
  }
  // Who is heard here is decoded at the rate that is encoded here now.
  if (Leg* talker = talker_of(handle, audio)) return tune(*talker);
  return Code::kOk;
}

Code MediaThread::set_sender(Leg& leg, const std::optional<pipeline::SenderSetup>& setup) noexcept {
  LegAudio& audio = *leg.audio;
  if (!setup) {
    PlayDesk::fail(audio.player.get());
    follow_player(leg);
    audio.sender.reset();
    return Code::kOk;
  }
  std::unique_ptr<pipeline::AudioSender> made;
  if (audio.sender == nullptr) {
    const pipeline::AudioSender::Identity identity{
        .ssrc = static_cast<rtp::Ssrc>(prng_.next_u32()),
        .timestamp = static_cast<rtp::RtpTimestamp>(prng_.next_u32()),
        .sequence = static_cast<std::uint16_t>(prng_.next_u32())};
    made = std::make_unique<pipeline::AudioSender>(identity, isa_);
  }
  pipeline::AudioSender& sender = made != nullptr ? *made : *audio.sender;
  if (!sender.set_up(*setup)) return Code::kOrderInvalid;
  if (made != nullptr) {
    audio.sender = std::move(made);
    leg.endpoint.set_own_ssrc(audio.sender->ssrc());
  }
  return Code::kOk;
}

Code MediaThread::set_receiver(Leg& leg, const Receivable& receivable) noexcept {
  LegAudio& audio = *leg.audio;
  audio.receivable = receivable;
  if (!receivable.detect_tones) audio.tone_down = false;
  const auto watch = watch_of(receivable);
  if (!has_codec(receivable)) {
    end_presses(leg, watch.has_value());
    audio.drop_receiver(leg.endpoint.round_trip());
  } else if (audio.receiver == nullptr) {
    const pipeline::AudioReceiver::Options options{
        .isa = isa_, .seed = std::uint64_t{prng_.next_u32()} << 32 | prng_.next_u32()};
    audio.receiver = std::make_unique<pipeline::AudioReceiver>(options);
  }
  if (audio.watch && !(watch && audio.watch->setup() == *watch)) {
    // A press that is down would be told to nobody.
    audio.watch->finish();
    take_watched_digits(leg);
  }
  if (!watch) {
    audio.watch.reset();
  } else if (!audio.watch || !(audio.watch->setup() == *watch)) {
    audio.watch.emplace(*watch);
  }
  leg.endpoint.set_watched(watch ? watch->payload_type : kNoPayloadType);
  leg.endpoint.set_receivable(types_of(receivable));
  follow_link(leg);
  if (audio.receiver == nullptr) return Code::kOk;
  const Code code = tune(leg);
  take_digits(leg);
  return code;
}

void MediaThread::end_presses(Leg& leg, bool is_watched) noexcept {
  LegAudio& audio = *leg.audio;
  // A press by telephone-events goes on where these are watched, and is told when it ends there.
  if (audio.receiver == nullptr || (is_watched && audio.key_down)) return;
  CHECK(audio.receiver->set_up(Receivable{}.setup(audio.receiver->rate_hz())).ok());
  take_digits(leg);
}

Code MediaThread::tune(Leg& leg) noexcept {
  LegAudio& audio = *leg.audio;
  std::uint32_t rate_hz = audio.receiver->rate_hz();
  if (audio.hears.kind == Hears::Kind::kConference) {
    rate_hz = conferences_.rate_hz(audio.hears);
  } else if (const Leg* hearer = hearer_of(leg)) {
    // Whether he can be sent to yet or not: when he can, his next turn pulls.
    rate_hz = hearer->audio->sender->setup().source_rate_hz;
  }
  return audio.tune(rate_hz) ? Code::kOk : Code::kOrderInvalid;
}

void MediaThread::follow_link(Leg& leg) noexcept {
  const bool decodes = leg.audio != nullptr && leg.audio->receiver != nullptr;
  const bool forwards = leg.endpoint.link().forwards();
  const bool was_heard = leg.endpoint.listening() || leg.endpoint.overheard();
  leg.endpoint.set_listening(decodes && !forwards);
  const bool overheard =
      decodes && forwards && (leg.audio->wants_sound() || recorder_of(leg) != nullptr);
  leg.endpoint.set_overheard(overheard);
  if (!was_heard || leg.endpoint.listening() || overheard) return;
  // Nothing of what was said by now is heard, or taken for speech, when somebody listens again.
  leg.audio->speech.forget();
  if (!decodes) return;
  leg.audio->receiver->restart();
  take_digits(leg);
}

Code MediaThread::open_decoded_link(Handle handle, Leg& from, Handle to, Leg& target) noexcept {
  if (from.audio == nullptr || from.audio->receiver == nullptr) return Code::kOrderInvalid;
  if (target.audio == nullptr || target.audio->sender == nullptr) return Code::kOrderInvalid;
  target.audio->hears = Hears::of_leg(handle);
  change_link(from, pipeline::Link::decoded(to));
  const Code code = tune(from);
  take_digits(from);
  return code;
}

void MediaThread::change_link(Leg& leg, const pipeline::Link& link) noexcept {
  if (LegAudio* audio = leg.audio.get()) {
    const pipeline::Link& before = leg.endpoint.link();
    if (before.open() && link.open() && before.forwards() != link.forwards()) {
      audio->press_told = audio->press;
    }
    // What is down now, the receiver hears of in the packets that follow.
    if (!link.forwards() && audio->watch) audio->watch->hand_over();
  }
  leg.endpoint.set_link(link);
  // With a link of its own, it feeds whoever feeds it, as a call's legs do.
  follow_tap(leg);
}

Code MediaThread::send_digits(const contract::SendDigitsOrder& order) noexcept {
  Leg* leg = legs_.find(Handle{order.endpoint});
  if (leg == nullptr) return Code::kHandleStale;
  if (leg->audio == nullptr || leg->audio->sender == nullptr) return Code::kOrderInvalid;
  if (order.count == 0 || order.count > std::size(order.digits)) return Code::kOrderInvalid;
  if (order.tone_ms < codec::kEventMsMin || order.pause_ms < codec::kEventMsMin) {
    return Code::kOrderInvalid;
  }
  const auto digits = std::span(order.digits).first(order.count);
  for (const std::uint8_t digit : digits) {
    if (digit > codec::kDtmfEventMax) return Code::kOrderInvalid;
  }
  pipeline::AudioSender& sender = *leg->audio->sender;
  if (sender.digit_room() < digits.size()) return Code::kMemoryFull;
  sender.set_digit_pause(order.pause_ms);
  for (const std::uint8_t digit : digits)
    CHECK(sender.press({.event = digit, .duration_ms = order.tone_ms}));
  return Code::kOk;
}

}  // namespace trunkyard::engine
