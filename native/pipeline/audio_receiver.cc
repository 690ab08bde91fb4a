// The receiving half of AudioReceiver: what may come, and what comes; see audio_receiver.h. The
// playing half is audio_playout.cc.
#include "pipeline/audio_receiver.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/opus_packet.h"
#include "rtp/redundancy.h"

namespace trunkyard::pipeline {
namespace {

/// Decoded audio in hand at most: what is left of a piece, one frame, and half as much again that
/// it may be stretched by.
constexpr std::uint32_t kFifoMs = kPieceMs + kFrameMsMax + kFrameMsMax / 2;
/// Room for packets beyond the longest delay; a burst greater than that displaces the oldest.
constexpr Duration kStoreSlack = Duration::milliseconds(60);

/// The longest that packets of a buffer of that size lie here.
Duration longest_stay(jitter::BufferSize size) noexcept {
  return jitter::delay_policy(size).delay_max + kStoreSlack;
}

/// Bytes for what lies here so long, and at least for two of the longest packets that can come at
/// once: the first one of a new source is believed with the second. @param bytes_per_ms of audio.
std::size_t bytes_in(jitter::BufferSize size, std::size_t bytes_per_ms) noexcept {
  constexpr auto kPacketMsMax =
      static_cast<std::size_t>(jitter::kPacketLengthMax / jitter::kMediaPerMs);
  const auto stay_ms = static_cast<std::size_t>(longest_stay(size).ms());
  const std::size_t longest = std::min(bytes_per_ms * kPacketMsMax, PayloadStore::kPayloadBytesMax);
  return std::max(bytes_per_ms * stay_ms, 2 * longest);
}

/// Packets of 10 ms, the shortest that calls have, that fill it; some more where that is little,
/// since a burst may bring as many at once.
std::uint32_t packets_in(jitter::BufferSize size) noexcept {
  constexpr std::int64_t kPacketsMin = 32;
  const std::int64_t packets = longest_stay(size).ms() / 10;
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(packets, kPacketsMin, jitter::kWindowPacketsMax));
}

PacketVerdict verdict_of(jitter::InsertVerdict verdict) noexcept {
  switch (verdict) {
    case jitter::InsertVerdict::kAccepted:
    case jitter::InsertVerdict::kReordered:
    case jitter::InsertVerdict::kRecovered:
    case jitter::InsertVerdict::kRestarted:
      return PacketVerdict::kBuffered;
    case jitter::InsertVerdict::kInvalid:
      return PacketVerdict::kMalformed;
    case jitter::InsertVerdict::kCandidate:
    case jitter::InsertVerdict::kOutOfBand:
    case jitter::InsertVerdict::kBeside:
    case jitter::InsertVerdict::kDuplicate:
    case jitter::InsertVerdict::kLate:
    case jitter::InsertVerdict::kUnneeded:
      break;
  }
  return PacketVerdict::kRefused;
}

/// Tells the buffer of audio what it is. @returns false when the codec has no such payload.
bool describe(const PayloadTable::Codec& codec, Bytes payload, jitter::Arrival& arrival) noexcept {
  const codec::Format& format = codec.decoder.format();
  arrival.payload_type = codec.id;
  arrival.clock_rate_hz = format.clock_hz();
  if (format.kind == codec::CodecKind::kOpus) {
    const Result<codec::OpusPacket> packet = codec::OpusPacket::parse(payload);
    if (!packet.ok()) return false;
    arrival.clock_steps = static_cast<std::uint32_t>(packet->samples(codec::kOpusClockHz));
    arrival.kind = packet->silent() ? jitter::MediaKind::kComfort : jitter::MediaKind::kAudio;
    return true;
  }
  const Result<std::size_t> samples = codec.decoder.samples_in(payload);
  if (!samples.ok()) return false;
  arrival.clock_steps = static_cast<std::uint32_t>(format.clock_of(*samples));
  arrival.kind = jitter::MediaKind::kAudio;
  return true;
}

}  // namespace

AudioReceiver::AudioReceiver(const Options& options)
    : options_(options),
      buffer_({.policy = jitter::delay_policy(buffer_size_),
               .capacity_packets = packets_in(buffer_size_)}),
      fifo_(codec::samples_of(rate_hz_, kFifoMs)),
      voice_({.rate_hz = rate_hz_}),
      noise_(rate_hz_, options.seed) {}

Result<void> AudioReceiver::set_up(const ReceiverSetup& setup) {
  CHECK(digit_count_ == 0);
  const std::uint8_t playing_id = playing_ == nullptr ? PayloadTable::kNoCodec : playing_->id;
  const Result<void> is_set_up = payloads_.set_up({.payloads = setup.payloads,
                                                   .rate_hz = setup.rate_hz,
                                                   .kept_id = playing_id,
                                                   .isa = options_.isa});
  if (!is_set_up.ok()) return is_set_up;

  // Received or not: what the peer said last ends with the decoder that it began with.
  playing_ = payloads_.codec(playing_id);
  if (rest_pending_ && setup.rate_hz != rate_hz_) {
    rest_pending_ = false;
    store_.free(rest_);
  }
  if (setup.rate_hz != rate_hz_) {
    rate_hz_ = setup.rate_hz;
    change_rate();
  }
  if (setup.buffer_size != buffer_size_) {
    buffer_size_ = setup.buffer_size;
    buffer_.set_policy(jitter::delay_policy(buffer_size_));
    buffer_.grow_to(packets_in(buffer_size_));
  }
  store_.grow_to(PayloadStore::blocks_of(bytes_in(buffer_size_, payloads_.bytes_per_ms())));
  change_events();
  change_ear(setup.detect_digits);
  return {};
}

void AudioReceiver::change_rate() {
  fifo_ = SampleFifo(codec::samples_of(rate_hz_, kFifoMs));
  voice_ = codec::VoiceActivity({.rate_hz = rate_hz_});
  activity_ = {};
  join_due_ = playing_ != nullptr || join_due_;
}

/// A key that is down stays so as long as the same events are received.
void AudioReceiver::change_events() {
  const std::uint32_t clock_rate_hz = payloads_.event_clock_hz();
  if (clock_rate_hz == event_clock_hz_) return;
  if (events_) add_edges(events_->reset());
  event_clock_hz_ = clock_rate_hz;
  events_.reset();
  if (clock_rate_hz > 0)
    events_.emplace(codec::EventReceiverConfig{.clock_rate_hz = clock_rate_hz});
}

/// A digit that sounds goes on at another rate, and ends when nobody listens for it any more:
/// whoever was told that it began would wait for its end.
void AudioReceiver::change_ear(bool detect) {
  if (!detect) {
    if (!ear_) return;
    add_heard(ear_->detector.finish());
    ear_.reset();
    cut_due_ = true;
    return;
  }
  if (ear_ && ear_->resampler.from_hz() == rate_hz_) return;
  cut_due_ = true;
  codec::Resampler resampler =
      codec::Resampler::open(
          {.from_hz = rate_hz_, .to_hz = codec::kDtmfRateHz, .isa = options_.isa})
          .value();
  if (ear_) {
    ear_->resampler = resampler;
    ear_->held = HeldBack(rate_hz_);
  } else {
    ear_ = std::make_unique<Ear>(codec::DtmfDetector{}, resampler, HeldBack(rate_hz_));
  }
}

PacketVerdict AudioReceiver::handle_packet(Instant now, const rtp::PacketView& packet) noexcept {
  CHECK(digit_count_ == 0);
  jitter::Arrival header;
  header.ssrc = packet.ssrc();
  header.timestamp = packet.timestamp();
  header.sequence = packet.sequence();
  return handle_payload(now, header, packet.payload_type(), packet.payload());
}

/// A packet's payload, or the present one of a redundant payload.
PacketVerdict AudioReceiver::handle_payload(Instant now, const jitter::Arrival& header,
                                            std::uint8_t payload_type, Bytes payload) noexcept {
  const PayloadTable::Meaning* meaning = payloads_.find(payload_type);
  if (meaning == nullptr) {
    // Its number is nobody's: it may be one that the stream's own packet is still to bring. Comfort
    // noise alone is sent by many unasked, between their own.
    ++unknown_;
    if (payload_type == kStaticNoiseType) note_number(now, header, jitter::MediaKind::kEvent);
    return PacketVerdict::kUnknown;
  }
  if (payload.empty() && meaning->role != PayloadRole::kRedundancy) {
    ++empty_;
    note_number(now, header, jitter::MediaKind::kFiller);
    return PacketVerdict::kEmpty;
  }
  switch (meaning->role) {
    case PayloadRole::kAudio:
      return handle_audio(now, header, *meaning->codec, payload);
    case PayloadRole::kTelephoneEvent:
      return handle_event(now, header, payload);
    case PayloadRole::kComfortNoise:
      return handle_noise(now, header, meaning->clock_rate_hz, payload);
    case PayloadRole::kRedundancy:
      return handle_redundancy(now, header, payload);
  }
  return PacketVerdict::kUnknown;
}

/// A packet that isn't audio has a number all the same, which is no loss.
/// @param kind an event where nothing but it is said for a while, else a filler.
void AudioReceiver::note_number(Instant now, const jitter::Arrival& header,
                                jitter::MediaKind kind) noexcept {
  jitter::Arrival arrival = header;
  arrival.kind = kind;
  (void)buffer_.insert(now, arrival);
  free_released();
}

PacketVerdict AudioReceiver::handle_audio(Instant now, const jitter::Arrival& header,
                                          const Codec& codec, Bytes payload) noexcept {
  jitter::Arrival arrival = header;
  if (!describe(codec, payload, arrival)) {
    // Its number is left out: there was audio, which is missing now.
    ++malformed_;
    return PacketVerdict::kMalformed;
  }
  return insert(now, arrival, payload);
}

PacketVerdict AudioReceiver::handle_noise(Instant now, const jitter::Arrival& header,
                                          std::uint32_t clock_rate_hz, Bytes payload) noexcept {
  jitter::Arrival arrival = header;
  arrival.kind = jitter::MediaKind::kComfort;
  arrival.clock_rate_hz = clock_rate_hz;
  arrival.payload_type = PayloadTable::kNoCodec;
  return insert(now, arrival, payload);
}

PacketVerdict AudioReceiver::insert(Instant now, jitter::Arrival& arrival, Bytes payload) noexcept {
  if (!store(payload, arrival.packet)) {
    ++malformed_;
    return PacketVerdict::kMalformed;
  }
  const jitter::InsertVerdict verdict = buffer_.insert(now, arrival);
  if (!jitter::is_held(verdict, arrival.kind)) store_.free(arrival.packet);
  free_released();
  return verdict_of(verdict);
}

/// The oldest packets give way to a new one. @returns false only for what the store never holds.
bool AudioReceiver::store(Bytes payload, jitter::PacketRef& ref) noexcept {
  if (payload.empty() || PayloadStore::blocks_of(payload.size()) > store_.blocks()) return false;
  while (!store_.put(payload, ref)) {
    if (!buffer_.discard_oldest()) return false;
    free_released();
  }
  return true;
}

void AudioReceiver::free_released() noexcept {
  jitter::PacketRef packet;
  while (buffer_.next_released(packet))
    store_.free(packet);
}

PacketVerdict AudioReceiver::handle_event(Instant now, const jitter::Arrival& header,
                                          Bytes payload) noexcept {
  jitter::Arrival arrival = header;
  arrival.kind = jitter::MediaKind::kEvent;
  const jitter::InsertVerdict verdict = buffer_.insert(now, arrival);
  free_released();
  // One that comes late is news all the same: it may be an event's only packet.
  const bool is_beside = verdict == jitter::InsertVerdict::kBeside;
  const bool is_ours = is_beside || verdict == jitter::InsertVerdict::kOutOfBand ||
                       verdict == jitter::InsertVerdict::kLate;
  if (!is_ours || !is_event_source(header, is_beside)) return PacketVerdict::kRefused;
  event_candidate_.known = false;
  if (!event_source_.known || header.ssrc != event_source_.ssrc) {
    event_source_ = {.known = true, .ssrc = header.ssrc};
    add_edges(events_->reset());
  }
  add_edges(events_->handle_packet(now, header.timestamp, payload));
  return PacketVerdict::kEvent;
}

/// Whether events under that SSRC count. Some gateways send them under another one than the
/// audio's: then two in order are believed, as with a stream, since a stray is no key press.
/// Whatever comes before anything else is.
bool AudioReceiver::is_event_source(const jitter::Arrival& header, bool is_beside) noexcept {
  if (!is_beside) return true;
  if (event_source_.known ? header.ssrc == event_source_.ssrc : !buffer_.started()) return true;
  const bool follows = event_candidate_.known && event_candidate_.ssrc == header.ssrc &&
                       rtp::sequence_distance(event_candidate_.sequence, header.sequence) == 1;
  event_candidate_ = {.known = true, .ssrc = header.ssrc, .sequence = header.sequence};
  return follows;
}

PacketVerdict AudioReceiver::handle_redundancy(Instant now, const jitter::Arrival& header,
                                               Bytes payload) noexcept {
  const Result<rtp::RedundantPayload> redundant = rtp::RedundantPayload::parse(payload);
  if (!redundant.ok()) {
    ++malformed_;
    return PacketVerdict::kMalformed;
  }
  const rtp::RedundantBlock& primary = redundant->primary();
  const PayloadTable::Meaning* meaning = payloads_.find(primary.payload_type);
  if (meaning != nullptr && meaning->role == PayloadRole::kRedundancy) {
    ++malformed_;
    return PacketVerdict::kMalformed;
  }
  const PacketVerdict verdict = handle_payload(now, header, primary.payload_type, primary.payload);
  if (verdict != PacketVerdict::kBuffered) return verdict;
  for (std::uint32_t index = 0; index < redundant->earlier_count(); ++index) {
    const rtp::RedundantBlock& block = redundant->earlier(index);
    meaning = payloads_.find(block.payload_type);
    if (meaning == nullptr || meaning->role != PayloadRole::kAudio) continue;
    jitter::Arrival arrival = header;
    if (!describe(*meaning->codec, block.payload, arrival)) continue;
    if (!store(block.payload, arrival.packet)) continue;
    const jitter::InsertVerdict earlier =
        buffer_.insert_redundant(now, arrival, block.timestamp_offset);
    if (!jitter::is_held(earlier, arrival.kind)) store_.free(arrival.packet);
    free_released();
  }
  return verdict;
}

bool AudioReceiver::next_digit(Digit& digit) noexcept {
  if (digit_count_ == 0) {
    digit_first_ = 0;
    return false;
  }
  digit = digits_[digit_first_];
  ++digit_first_;
  --digit_count_;
  return true;
}

void AudioReceiver::add_edges(const codec::EventEdges& edges) noexcept {
  for (const codec::EventEdge& edge : edges.edges())
    add_digit({.edge = edge, .clock_rate_hz = event_clock_hz_});
}

void AudioReceiver::add_heard(const codec::DtmfEdges& edges) noexcept {
  for (const codec::DtmfEdge& edge : edges.edges()) {
    const bool is_start = edge.kind == codec::DtmfEdge::Kind::kStart;
    add_digit(
        {.edge = {.kind = is_start ? codec::EventEdge::Kind::kStart : codec::EventEdge::Kind::kEnd,
                  .event = edge.event,
                  .volume = edge.volume,
                  .timestamp =
                      static_cast<rtp::RtpTimestamp>(static_cast<std::uint32_t>(edge.start_sample)),
                  .duration_units = edge.duration_samples},
         .clock_rate_hz = codec::kDtmfRateHz,
         .in_band = true});
  }
}

void AudioReceiver::add_digit(const Digit& digit) noexcept {
  CHECK(digit_first_ + digit_count_ < kDigitsMax);
  digits_[digit_first_ + digit_count_] = digit;
  ++digit_count_;
}

}  // namespace trunkyard::pipeline
