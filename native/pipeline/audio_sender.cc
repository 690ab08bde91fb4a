// One leg's packets; see audio_sender.h.
#include "pipeline/audio_sender.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "codec/telephone_event.h"
#include "pipeline/shared_encoder.h"
#include "rtp/packet.h"
#include "rtp/redundancy.h"

namespace trunkyard::pipeline {
namespace {

/// A caller that comes later than this has left pieces out.
constexpr Duration kGapMin = Duration::milliseconds(40);
constexpr Duration kPiece = Duration::milliseconds(kPieceMs);
/// Louder is no background, whatever the voice decision takes it for: a steady tone, music.
constexpr float kPauseDbovMax = -40.0F;
/// A background is described anew when it has changed by so much, but not in every packet, and once
/// in a while in any case, so that nobody takes the silence for the end of the call.
constexpr float kNoiseChangeDb = 2.0F;
constexpr std::uint32_t kNoiseSpacingMs = 200;
constexpr std::uint32_t kNoiseRefreshMs = 2'000;
constexpr std::size_t kNoiseOrder = 10;
static_assert(1 + kNoiseOrder <= codec::kComfortNoiseBytesMax);
/// Of the presses that become tones; nobody sees it.
constexpr std::uint32_t kToneClockHz = 8'000;

/// What a packet may have before SRTP.
constexpr std::size_t kBytesMax = kPacketBytesMax - kSrtpTailBytesMax;
/// Redundancy isn't worth an IP fragment: an Ethernet frame less IPv6 and UDP.
constexpr std::size_t kRedundantPacketBytesMax = 1'500 - 48 - kSrtpTailBytesMax;
static_assert(kRedundantPacketBytesMax < kBytesMax);

bool is_payload_type(std::uint8_t payload_type) noexcept {
  return payload_type < kPayloadTypes || payload_type == kPayloadTypeDropped;
}

bool is_valid(const SenderSetup& setup) noexcept {
  if (setup.payload_type >= kPayloadTypes || !codec::is_pcm_rate(setup.source_rate_hz))
    return false;
  if (!is_payload_type(setup.event_payload_type) || !is_payload_type(setup.noise_payload_type) ||
      !is_payload_type(setup.redundancy_payload_type))
    return false;
  return setup.event_payload_type == kPayloadTypeDropped ||
         (setup.event_clock_rate_hz > 0 && setup.event_clock_rate_hz <= kPcmRateHzMax);
}

/// Whether an encoder of one policy can go on with the other by being tuned.
bool is_tunable(const SenderSetup& from, const SenderSetup& to) noexcept {
  if (from.format != to.format || from.frame_ms != to.frame_ms) return false;
  if (to.format.kind != codec::CodecKind::kOpus) return true;
  // What is out of range is for a new encoder to refuse.
  if (to.opus.bitrate_bps < codec::kOpusBitrateBpsMin ||
      to.opus.bitrate_bps > codec::kOpusBitrateBpsMax ||
      to.opus.complexity > codec::kOpusComplexityMax || to.opus.loss_percent > 100)
    return false;
  codec::OpusPolicy tuned = from.opus;
  tuned.bitrate_bps = to.opus.bitrate_bps;
  tuned.complexity = to.opus.complexity;
  tuned.loss_percent = to.opus.loss_percent;
  return tuned == to.opus;
}

bool has_packets(const SenderSetup& setup) noexcept {
  return setup.event_payload_type != kPayloadTypeDropped;
}
/// Whether what is being said in one setup can go on in the other.
bool are_events_alike(const SenderSetup& from, const SenderSetup& to) noexcept {
  if (has_packets(from) != has_packets(to)) return false;
  if (!has_packets(to)) return from.format.rate_hz == to.format.rate_hz;
  return from.event_clock_rate_hz == to.event_clock_rate_hz && from.frame_ms == to.frame_ms;
}

}  // namespace

AudioSender::AudioSender(const Identity& identity, Isa isa)
    : ssrc_(identity.ssrc),
      sequence_(identity.sequence),
      isa_(isa),
      base_(identity.timestamp),
      event_base_(identity.timestamp) {}

Result<void> AudioSender::set_up(const SenderSetup& setup) {
  if (!is_valid(setup)) return Error{ErrorCode::kConfigInvalid};
  // All that can be refused comes first, so that a refusal changes nothing.
  std::optional<codec::Encoder> encoder;
  if (!encoder_ || !is_tunable(setup_, setup)) {
    Result<codec::Encoder> opened = codec::Encoder::open(
        {.format = setup.format, .frame_ms = setup.frame_ms, .isa = isa_, .opus = setup.opus});
    if (!opened.ok()) return Error{opened.error()};
    if (rtp::kRtpHeaderBytes + opened->payload_bytes_max() > kBytesMax)
      return Error{ErrorCode::kConfigInvalid};
    encoder.emplace(std::move(opened).value());
  }

  change_resampler(setup);
  if (encoder) {
    rebase();
    encoder_.emplace(std::move(*encoder));
    framer_.emplace(encoder_->frame_samples());
    previous_bytes_ = 0;
  } else if (codec::OpusEncoder* opus = encoder_->opus(); opus != nullptr) {
    opus->set_bitrate(setup.opus.bitrate_bps);
    opus->set_complexity(setup.opus.complexity);
    opus->set_expected_loss(setup.opus.loss_percent);
  }
  change_digits(setup);
  change_options(setup);
  setup_ = setup;
  return {};
}

void AudioSender::change_resampler(const SenderSetup& setup) {
  if (setup.source_rate_hz == setup.format.rate_hz) {
    resampler_.reset();
  } else if (!resampler_ || resampler_->from_hz() != setup.source_rate_hz ||
             resampler_->to_hz() != setup.format.rate_hz) {
    resampler_ = std::make_unique<codec::Resampler>(
        codec::Resampler::open(
            {.from_hz = setup.source_rate_hz, .to_hz = setup.format.rate_hz, .isa = isa_})
            .value());
  }
}

/// What is being said goes on if the peer still understands it.
void AudioSender::change_digits(const SenderSetup& setup) {
  const bool goes_on = events_ && are_events_alike(setup_, setup);
  // Events and audio have one SSRC, and so one time where their clocks are the same (RFC 4733
  // §2.1); they drifted apart while the clocks weren't.
  const bool are_timed_alike = setup.event_clock_rate_hz == setup.format.clock_hz();
  if (are_timed_alike && !(goes_on && events_->active())) event_base_ = base_;
  if (goes_on) return;
  if (has_packets(setup)) {
    tones_.reset();
    events_.emplace(codec::EventSenderConfig{.clock_rate_hz = setup.event_clock_rate_hz,
                                             .packet_ms = setup.frame_ms});
  } else {
    tones_.emplace(setup.format.rate_hz);
    events_.emplace(codec::EventSenderConfig{.clock_rate_hz = kToneClockHz, .packet_ms = kPieceMs});
  }
}

void AudioSender::change_options(const SenderSetup& setup) {
  const bool has_noise = setup.noise_payload_type != kPayloadTypeDropped &&
                         setup.format.kind != codec::CodecKind::kOpus;
  if (!has_noise) {
    pauses_.reset();
  } else if (!pauses_ || setup.format.rate_hz != setup_.format.rate_hz) {
    pauses_ = std::make_unique<Pauses>(setup.format.rate_hz);
  }
  if (setup.redundancy_payload_type == kPayloadTypeDropped) {
    previous_.reset();
    previous_bytes_ = 0;
  } else if (!previous_) {
    previous_ = std::make_unique<std::uint8_t[]>(rtp::kRedundantBytesMax);
  }
}

/// Media time begins anew in another format, at the timestamp that it had come to.
void AudioSender::rebase() noexcept {
  if (!encoder_) return;
  base_ = timestamp_of(position_);
  event_base_ = event_timestamp_of(position_);
  position_ = 0;
}

rtp::RtpTimestamp AudioSender::timestamp_of(std::uint64_t position) const noexcept {
  return rtp::timestamp_add(base_, static_cast<std::uint32_t>(setup_.format.clock_of(position)));
}

rtp::RtpTimestamp AudioSender::event_timestamp_of(std::uint64_t position) const noexcept {
  const std::uint64_t units = position * setup_.event_clock_rate_hz / setup_.format.rate_hz;
  return rtp::timestamp_add(event_base_, static_cast<std::uint32_t>(units));
}

bool AudioSender::press(const codec::EventPress& press) noexcept {
  if (events_ && events_->press(press)) return true;
  ++statistics_.digits_refused;
  return false;
}

bool AudioSender::relay(const Digit& digit) noexcept {
  if (events_ && events_->relay(digit.edge, digit.clock_rate_hz)) return true;
  ++statistics_.digits_refused;
  return false;
}

void AudioSender::release_digit() noexcept {
  if (events_) (void)events_->relay({.kind = codec::EventEdge::Kind::kEnd}, kToneClockHz);
}

void AudioSender::cancel_digits() noexcept {
  if (events_) events_->cancel();
}

void AudioSender::begin_piece(Instant now, codec::Pcm piece, Scratch& scratch) noexcept {
  if (!encoder_) return;
  CHECK(piece.size() == codec::samples_of(setup_.source_rate_hz, kPieceMs));
  follow_clock(now, kPieceMs);
  if (!resampler_) return take_piece(piece, scratch);
  take_piece(resampler_->process(piece, scratch.piece), scratch);
}

void AudioSender::begin_payload(Instant now, Bytes payload, std::uint32_t ms) noexcept {
  CHECK(codec::is_frame_ms(ms));
  if (!encoder_) return;
  follow_clock(now, ms);
  framer_->drop();
  if (is_sounding()) {
    tone_pieces_ = ms / kPieceMs;
    return;
  }
  ready_ = payload;
  ready_samples_ = codec::samples_of(setup_.format.rate_hz, ms);
}

void AudioSender::start_frame() noexcept {
  if (framer_) framer_->drop();
}

void AudioSender::take_over(const SharedEncoder& shared) noexcept {
  if (!encoder_) return;
  CHECK(encodes_alike(setup_, shared.setup()));
  encoder_->copy_state(shared.encoder());
  if (resampler_) *resampler_ = *shared.resampler();
  framer_->drop();
  const codec::Pcm waiting = shared.waiting();
  (void)framer_->push({.position = position_, .samples = waiting});
  codec::Framer::Frame none;
  CHECK(!framer_->next(none));
  position_ += waiting.size();
  // Its pieces came in time, only not here.
  due_ = due_ + Duration::seconds(1) * static_cast<std::int64_t>(waiting.size()) /
                    std::int64_t{setup_.format.rate_hz};
}

/// Calls that were left out, while there was nothing to send, move the timestamps. Less than
/// kGapMin is a caller who came late and makes up for it.
void AudioSender::follow_clock(Instant now, std::uint32_t ms) noexcept {
  const Duration behind = now - due_;
  if (!begun_ || behind <= -kGapMin) {
    due_ = now;
  } else if (behind >= kGapMin) {
    const std::int64_t pieces = (behind + kPiece / 2).ns() / kPiece.ns();
    position_ +=
        static_cast<std::uint64_t>(pieces) * codec::samples_of(setup_.format.rate_hz, kPieceMs);
    due_ = due_ + kPiece * pieces;
    marker_due_ = true;
    // What waited for the rest of its frame was said before the gap.
    start_frame();
  }
  begun_ = true;
  due_ = due_ + Duration::milliseconds(ms);
}

void AudioSender::take_piece(codec::Pcm samples, Scratch& scratch) noexcept {
  if (is_sounding()) samples = sound_digits(samples.size(), scratch);
  if (pauses_) note_pause(samples);
  (void)framer_->push({.position = position_, .samples = samples});
  position_ += samples.size();
}

void AudioSender::note_pause(codec::Pcm samples) noexcept {
  const codec::FrameActivity activity = pauses_->voice.handle(samples);
  const bool is_pause = !activity.voice && activity.level_dbov <= kPauseDbovMax;
  if (is_pause) pauses_->analysis.handle(samples);
  pauses_->paused = is_pause && pauses_->analysis.ready();
  if (!pauses_->paused) pauses_->any_told = false;
}

bool AudioSender::is_sounding() const noexcept {
  return tones_ && (events_->active() || tones_->generator.active());
}

/// The next piece is one of a digit, of the pause after it, or of the tone's last few milliseconds.
codec::Pcm AudioSender::sound_digits(std::size_t samples, Scratch& scratch) noexcept {
  const auto now = static_cast<rtp::RtpTimestamp>(
      static_cast<std::uint32_t>(position_ * kToneClockHz / setup_.format.rate_hz));
  const std::optional<codec::EventPacket> told = events_->tick(now);
  bool ends = false;
  if (told) {
    const Result<codec::TelephoneEvent> event = codec::parse_telephone_event(told->payload);
    CHECK(event.ok());
    const std::optional<codec::Tone> tone = codec::dtmf_tone(event->event, {.on_ms = 0});
    if (told->marker && tone) tones_->generator.start(*tone);
    if (told->marker) tones_->down = true;
    ends = event->end && tones_->down;
  }
  const codec::MutablePcm out = codec::MutablePcm(scratch.piece).first(samples);
  const std::size_t sounded = tones_->generator.generate(out);
  codec::silence(out.subspan(sounded));
  if (ends) {
    tones_->generator.stop();
    tones_->down = false;
  }
  return out;
}

bool AudioSender::next_packet(Scratch& scratch, MutableBytes& packet, SentFacts& facts) noexcept {
  if (!encoder_) return false;
  if (ready_samples_ > 0) {
    const std::uint64_t samples = std::exchange(ready_samples_, 0);
    const std::uint64_t position = std::exchange(position_, position_ + samples);
    if (take_payload({.position = position, .samples = samples, .payload = ready_}, scratch, packet,
                     facts))
      return true;
  }
  for (;;) {
    codec::Framer::Frame frame;
    while (framer_->next(frame)) {
      if (take_frame(frame, scratch, packet, facts)) return true;
    }
    if (tone_pieces_ == 0) return false;
    --tone_pieces_;
    const codec::MutablePcm piece =
        codec::MutablePcm(scratch.piece).first(codec::samples_of(setup_.format.rate_hz, kPieceMs));
    codec::silence(piece);
    take_piece(piece, scratch);
  }
}

bool AudioSender::take_frame(const codec::Framer::Frame& frame, Scratch& scratch,
                             MutableBytes& packet, SentFacts& facts) noexcept {
  if (!tones_ && events_->active()) return take_event(frame.position, scratch, packet, facts);
  if (pauses_ && pauses_->paused) return take_noise(frame.position, scratch, packet, facts);
  const Result<codec::Encoder::Encoded> encoded = encoder_->encode(frame.samples, scratch.payload);
  if (!encoded.ok()) {
    ++statistics_.frames_failed;
    return false;
  }
  const std::size_t bytes = encoded->send ? encoded->bytes : 0;
  return put_audio({.position = frame.position,
                    .samples = frame.samples.size(),
                    .payload = Bytes(scratch.payload).first(bytes)},
                   scratch, packet, facts);
}

/// A payload that came encoded.
bool AudioSender::take_payload(const Audio& audio, Scratch& scratch, MutableBytes& packet,
                               SentFacts& facts) noexcept {
  if (!tones_ && events_->active()) return take_event(audio.position, scratch, packet, facts);
  if (audio.payload.size() + rtp::kRtpHeaderBytes > kBytesMax) {
    ++statistics_.frames_failed;
    return false;
  }
  return put_audio(audio, scratch, packet, facts);
}

bool AudioSender::put_audio(const Audio& audio, Scratch& scratch, MutableBytes& packet,
                            SentFacts& facts) noexcept {
  if (audio.payload.empty()) {
    ++statistics_.frames_left_out;
    marker_due_ = true;
    return false;
  }
  const MutableBytes room = MutableBytes(scratch.packet).subspan(rtp::kRtpHeaderBytes);
  facts = {.kind = SentKind::kAudio,
           .payload_type = setup_.payload_type,
           .marker = std::exchange(marker_due_, false)};
  std::size_t bytes = previous_ ? add_redundancy(audio, room) : 0;
  if (bytes > 0) {
    facts.payload_type = setup_.redundancy_payload_type;
  } else {
    std::copy(audio.payload.begin(), audio.payload.end(), room.begin());
    bytes = audio.payload.size();
  }
  facts.packet.timestamp = timestamp_of(audio.position);
  facts.packet.clock_rate_hz = setup_.format.clock_hz();
  ++statistics_.audio_packets;
  packet = finish(bytes, scratch, facts);
  return true;
}

/// The payload and the one before it, if that came right before. @returns 0 when they don't fit.
std::size_t AudioSender::add_redundancy(const Audio& audio, MutableBytes room) noexcept {
  rtp::RedundantBlock earlier{.payload_type = setup_.payload_type,
                              .payload = {previous_.get(), previous_bytes_}};
  std::size_t earlier_count = 0;
  if (previous_bytes_ > 0 && previous_at_ + previous_samples_ == audio.position) {
    earlier.timestamp_offset =
        static_cast<std::uint32_t>(setup_.format.clock_of(audio.position - previous_at_));
    earlier_count = 1;
  }
  const Result<Bytes> written = rtp::write_redundant_payload(
      room.first(kRedundantPacketBytesMax - rtp::kRtpHeaderBytes), {&earlier, earlier_count},
      {.payload_type = setup_.payload_type, .payload = audio.payload});

  previous_bytes_ = audio.payload.size() <= rtp::kRedundantBytesMax ? audio.payload.size() : 0;
  std::copy_n(audio.payload.begin(), previous_bytes_, previous_.get());
  previous_at_ = audio.position;
  previous_samples_ = audio.samples;
  return written.ok() ? written->size() : 0;
}

/// In place of a frame of audio.
bool AudioSender::take_event(std::uint64_t position, Scratch& scratch, MutableBytes& packet,
                             SentFacts& facts) noexcept {
  marker_due_ = true;
  const std::optional<codec::EventPacket> told = events_->tick(event_timestamp_of(position));
  if (!told) return false;
  std::copy(told->payload.begin(), told->payload.end(),
            scratch.packet.begin() + rtp::kRtpHeaderBytes);
  // Where an event began says nothing of the time that the stream has come to: no clock.
  facts = {.packet = {.timestamp = told->timestamp},
           .kind = SentKind::kEvent,
           .payload_type = setup_.event_payload_type,
           .marker = told->marker};
  ++statistics_.event_packets;
  packet = finish(told->payload.size(), scratch, facts);
  return true;
}

/// A frame of a pause isn't sent; what it sounds like is, where that is news.
bool AudioSender::take_noise(std::uint64_t position, Scratch& scratch, MutableBytes& packet,
                             SentFacts& facts) noexcept {
  ++statistics_.frames_left_out;
  marker_due_ = true;
  const codec::ComfortNoise noise = pauses_->analysis.describe();
  const std::uint64_t since_samples = position - pauses_->told_at;
  const auto has_passed = [&](std::uint32_t ms) {
    return since_samples >= codec::samples_of(setup_.format.rate_hz, ms);
  };
  const bool has_changed = std::abs(noise.level_dbov - pauses_->told.level_dbov) >= kNoiseChangeDb;
  const bool is_due = !pauses_->any_told || has_passed(kNoiseRefreshMs) ||
                      (has_changed && has_passed(kNoiseSpacingMs));
  if (!is_due) return false;
  pauses_->any_told = true;
  pauses_->told = noise;
  pauses_->told_at = position;
  const Bytes written = codec::write_comfort_noise(
      noise, kNoiseOrder, MutableBytes(scratch.packet).subspan(rtp::kRtpHeaderBytes));
  facts = {
      .packet = {.timestamp = timestamp_of(position), .clock_rate_hz = setup_.format.clock_hz()},
      .kind = SentKind::kComfortNoise,
      .payload_type = setup_.noise_payload_type};
  ++statistics_.noise_packets;
  packet = finish(written.size(), scratch, facts);
  return true;
}

/// Puts the header before a payload that stands in its place.
MutableBytes AudioSender::finish(std::size_t payload_bytes, Scratch& scratch,
                                 SentFacts& facts) noexcept {
  facts.sequence = sequence_++;
  facts.packet.ssrc = ssrc_;
  facts.packet.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  ByteWriter writer(scratch.packet);
  rtp::write_header(writer, {.payload_type = facts.payload_type,
                             .marker = facts.marker,
                             .sequence = facts.sequence,
                             .timestamp = facts.packet.timestamp,
                             .ssrc = ssrc_});
  return MutableBytes(scratch.packet).first(rtp::kRtpHeaderBytes + payload_bytes);
}

}  // namespace trunkyard::pipeline
