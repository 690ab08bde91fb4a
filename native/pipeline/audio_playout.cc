// The playing half of AudioReceiver: ten milliseconds at a time, whatever is there; see
// audio_receiver.h. The receiving half is audio_receiver.cc.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/level.h"
#include "codec/time_scale.h"
#include "pipeline/audio_receiver.h"

namespace trunkyard::pipeline {
namespace {

constexpr jitter::MediaTime kPiece = kPieceMs * jitter::kMediaPerMs;
constexpr jitter::MediaTime kFrameMax = kFrameMsMax * jitter::kMediaPerMs;
constexpr std::uint32_t kPiecesPerSecond = 1'000 / kPieceMs;
/// How long it takes from one sound to another that doesn't follow it.
constexpr std::uint32_t kJoinMs = 5;

/// How the quality model rates a codec. Opus decoded at 8,000 Hz has nothing of a wide band left.
jitter::CodecImpairment impairment_of(const codec::Format& format) noexcept {
  switch (format.kind) {
    case codec::CodecKind::kPcmu:
    case codec::CodecKind::kPcma:
      return jitter::kG711Concealed;
    case codec::CodecKind::kG722:
      return jitter::kG722Concealed;
    case codec::CodecKind::kL16:
      return jitter::kLinearConcealed;
    case codec::CodecKind::kOpus:
      return format.rate_hz > 8'000 ? jitter::kOpusWide : jitter::kOpusNarrow;
  }
  return jitter::kG711Concealed;
}

}  // namespace

PullFacts AudioReceiver::pull(Instant now, codec::MutablePcm out) noexcept {
  CHECK(digit_count_ == 0);
  CHECK(out.size() == codec::samples_of(rate_hz_, kPieceMs));
  if (events_) add_edges(events_->handle_deadline(now));
  Heard heard = heard_;
  for (bool is_first = fifo_.size() == 0; fifo_.size() < out.size(); is_first = false) {
    step(now);
    heard = is_first ? heard_ : std::max(heard, heard_);
  }
  fifo_.pop(out);
  activity_ = voice_.handle(out);
  if (ear_) {
    listen_for_digits(out);
    ear_->held.exchange(out);
  }
  if (cut_due_) lead_over(given_last_, out);
  cut_due_ = false;
  given_last_ = out.back();
  follow_delay();
  return {.heard = heard, .activity = activity_};
}

void AudioReceiver::restart() noexcept {
  buffer_.restart();
  free_released();
  if (rest_pending_) store_.free(rest_);
  rest_pending_ = false;
  conceal_left_ = 0;
  fifo_.clear();
  if (playing_ != nullptr) begin_codec(*playing_);
  begins_ = true;
  heard_ = Heard::kNothing;
  sample_last_ = 0;
  given_last_ = 0;
  cut_due_ = false;
  voice_ = codec::VoiceActivity({.rate_hz = rate_hz_});
  activity_ = {};
  if (!ear_) return;
  add_heard(ear_->detector.finish());
  ear_->detector = codec::DtmfDetector{};
  ear_->held.clear();
}

/// Makes some more audio, or takes a packet out that has none. The first comes after less than a
/// window of the second.
void AudioReceiver::step(Instant now) noexcept {
  if (rest_pending_) return play_rest();
  if (conceal_left_ > 0) return conceal_piece({});
  const std::uint32_t media_per_sample = jitter::kMediaHz / rate_hz_;
  const jitter::Decision decision = buffer_.take(
      now, {.wanted = kPiece,
            .queued = static_cast<jitter::MediaTime>(fifo_.size() * media_per_sample),
            .activity = activity_.voice ? jitter::Activity::kSpeech : jitter::Activity::kPause});
  free_released();
  switch (decision.kind) {
    case jitter::DecisionKind::kPlay:
      return play(decision);
    case jitter::DecisionKind::kComfortUpdate:
      return update_noise(decision);
    case jitter::DecisionKind::kConceal: {
      const bool is_same = playing_ != nullptr && decision.payload_type == playing_->id;
      return conceal(decision.length,
                     decision.has_next && is_same ? store_.at(decision.next) : Bytes{});
    }
    case jitter::DecisionKind::kComfort:
    case jitter::DecisionKind::kSilence:
      return pause(decision.length);
  }
}

void AudioReceiver::play(const jitter::Decision& decision) noexcept {
  Codec* codec = payloads_.codec(decision.payload_type);
  if (codec == nullptr) {
    // A new answer has taken the codec away while the packet waited.
    store_.free(decision.packet);
    return conceal(decision.length, {});
  }
  if (codec != playing_ || begins_) begin_codec(*codec);
  rest_pending_ = true;
  rest_ = decision.packet;
  rest_from_ = 0;
  rest_length_ = decision.length;
  skip_ = decision.skip;
  stretch_ = decision.stretch;
  if (skip_ > 0 && is_opus()) {
    // libopus goes over from what it made up within the part that would be cut; the rest alone
    // would click. So it is taken out at pitch periods, as far as there are any.
    rest_length_ += skip_;
    stretch_ = -std::exchange(skip_, 0);
  }
  noise_.reset();
  play_rest();
}

/// What the peer sends from now on comes from an encoder that has just begun, and follows nothing
/// that this decoder may have heard earlier in the call.
void AudioReceiver::begin_codec(Codec& codec) noexcept {
  join_due_ = join_due_ || playing_ != nullptr;
  begins_ = false;
  playing_ = &codec;
  codec.decoder.reset();
  if (codec.resampler) {
    const std::uint32_t from_hz = codec.resampler->from_hz();
    *codec.resampler =
        codec::Resampler::open({.from_hz = from_hz, .to_hz = rate_hz_, .isa = options_.isa})
            .value();
  }
}

/// Plays as much of a packet as a frame holds: nearly always all of it.
void AudioReceiver::play_rest() noexcept {
  codec::PcmFrame frame;
  const auto per_sample = static_cast<jitter::MediaTime>(jitter::kMediaHz / playing_rate_hz());
  const auto skip = static_cast<std::size_t>(skip_ / per_sample);
  const Result<codec::Decoder::Progress> progress =
      playing_->decoder.decode(store_.at(rest_), rest_from_, frame, skip);
  if (!progress.ok() || progress->done) {
    rest_pending_ = false;
    store_.free(rest_);
  }
  if (!progress.ok()) {
    ++malformed_;
    return conceal(rest_length_, {});
  }
  rest_from_ = progress->next;
  // A packet longer than a frame goes on without; what is skipped is much shorter.
  skip_ = 0;
  rest_length_ -= static_cast<jitter::MediaTime>(frame.size()) * per_sample;
  const auto stretch = static_cast<std::int32_t>(stretch_ / per_sample);
  stretch_ = 0;
  if (stretch != 0 && codec::stretch_frame(frame, stretch) != 0) ++stretched_;
  heard_ = Heard::kSpeech;
  emit(frame);
}

void AudioReceiver::conceal(jitter::MediaTime length, Bytes next) noexcept {
  conceal_left_ = length;
  if (length > 0) conceal_piece(next);
}

/// A frame of what is left to be made up.
void AudioReceiver::conceal_piece(Bytes next) noexcept {
  const jitter::MediaTime length = std::min(conceal_left_, kFrameMax);
  conceal_left_ -= length;
  codec::PcmFrame frame;
  const codec::MutablePcm samples = frame.reset(playing_rate_hz(), samples_of_media(length));
  if (playing_ == nullptr) {
    std::fill(samples.begin(), samples.end(), std::int16_t{0});
  } else if (playing_->decoder.conceal(samples.size(), conceal_left_ == 0 ? next : Bytes{},
                                       frame) == codec::Filling::kRecovered) {
    ++recovered_;
  }
  heard_ = Heard::kConcealed;
  emit(frame);
}

/// The peer sends nothing. What it sent last fades out, as if it were lost, under the noise that it
/// described; Opus keeps up its own.
void AudioReceiver::pause(jitter::MediaTime length) noexcept {
  codec::PcmFrame frame;
  const codec::MutablePcm samples =
      frame.reset(playing_rate_hz(), samples_of_media(std::min(length, kFrameMax)));
  if (playing_ == nullptr) {
    std::fill(samples.begin(), samples.end(), std::int16_t{0});
  } else {
    (void)playing_->decoder.conceal(samples.size(), {}, frame);
  }
  if (noise_known_ && !is_opus()) add_noise(frame);
  heard_ = playing_ == nullptr && !noise_known_ ? Heard::kNothing : Heard::kPause;
  emit(frame);
}

void AudioReceiver::update_noise(const jitter::Decision& decision) noexcept {
  // Of Opus, an empty frame: its decoder knows what the background was like.
  if (decision.payload_type == PayloadTable::kNoCodec) {
    const Result<codec::ComfortNoise> noise =
        codec::parse_comfort_noise(store_.at(decision.packet));
    if (noise.ok()) {
      noise_told_ = *noise;
      noise_known_ = true;
      noise_.describe(noise_told_);
    }
  }
  store_.free(decision.packet);
}

void AudioReceiver::add_noise(codec::PcmFrame& frame) noexcept {
  if (frame.rate_hz() != noise_rate_hz_) {
    noise_rate_hz_ = frame.rate_hz();
    noise_ = codec::NoiseGenerator(noise_rate_hz_, options_.seed);
  }
  if (!noise_.described()) noise_.describe(noise_told_);
  std::array<std::int16_t, kPcmSamplesMax> noise;
  const codec::MutablePcm samples = frame.samples();
  noise_.generate(codec::MutablePcm(noise).first(samples.size()));
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const std::int32_t sum = samples[index] + noise[index];
    samples[index] = static_cast<std::int16_t>(std::clamp(sum, -32'768, 32'767));
  }
}

void AudioReceiver::emit(const codec::PcmFrame& frame) noexcept {
  const codec::Pcm samples = frame.samples();
  codec::Resampler* resampler = playing_ == nullptr ? nullptr : playing_->resampler.get();
  const std::size_t count =
      resampler == nullptr ? samples.size() : resampler->output_size(samples.size());
  const codec::MutablePcm out = fifo_.append(count);
  if (count == 0) return;
  if (resampler == nullptr) {
    std::copy(samples.begin(), samples.end(), out.begin());
  } else {
    (void)resampler->process(samples, out);
  }
  if (join_due_) lead_over(sample_last_, out);
  join_due_ = false;
  sample_last_ = out.back();
}

/// Leads from the last sample heard over to a sound that doesn't follow it.
void AudioReceiver::lead_over(std::int16_t from, codec::MutablePcm out) const noexcept {
  const std::size_t count = std::min(codec::samples_of(rate_hz_, kJoinMs), out.size());
  const auto steps = static_cast<std::int32_t>(count);
  for (std::int32_t step = 0; step < steps; ++step) {
    std::int16_t& sample = out[static_cast<std::size_t>(step)];
    const std::int32_t sum = from * (steps - step) + sample * step;
    sample = static_cast<std::int16_t>(sum / steps);
  }
}

bool AudioReceiver::is_opus() const noexcept {
  return playing_ != nullptr && playing_->decoder.format().kind == codec::CodecKind::kOpus;
}

std::uint32_t AudioReceiver::playing_rate_hz() const noexcept {
  return playing_ == nullptr ? rate_hz_ : playing_->decoder.format().rate_hz;
}

/// At the rate of what is being played, upwards to whole samples. Of Opus upwards to what libopus
/// makes at a time: cut, it would not fit what follows.
std::size_t AudioReceiver::samples_of_media(jitter::MediaTime length) const noexcept {
  const std::uint32_t rate_hz = playing_rate_hz();
  const jitter::MediaTime step = is_opus() ? jitter::kMediaHz / 400 : jitter::kMediaHz / rate_hz;
  const jitter::MediaTime whole = (length + step - 1) / step * step;
  return static_cast<std::size_t>(whole * rate_hz / jitter::kMediaHz);
}

void AudioReceiver::listen_for_digits(codec::Pcm piece) noexcept {
  std::array<std::int16_t, codec::samples_of(codec::kDtmfRateHz, kPieceMs)> narrow;
  add_heard(ear_->detector.handle(ear_->resampler.process(piece, narrow)));
}

void AudioReceiver::follow_delay() noexcept {
  if (++second_pieces_ < kPiecesPerSecond) return;
  second_pieces_ = 0;
  const jitter::BufferStatistics& totals = buffer_.statistics();
  const std::uint64_t played = totals.played - second_played_;
  if (played > 0)
    delay_mean_ = (totals.delay_sum - second_delay_sum_) / static_cast<std::int64_t>(played);
  second_played_ = totals.played;
  second_delay_sum_ = totals.delay_sum;
}

Duration AudioReceiver::delay_mean() const noexcept {
  return ear_ ? delay_mean_ + Duration::milliseconds(kHeldBackMs) : delay_mean_;
}

std::optional<codec::Format> AudioReceiver::format() const noexcept {
  if (playing_ == nullptr) return std::nullopt;
  return playing_->decoder.format();
}

ReceiverStatistics AudioReceiver::statistics() const noexcept {
  ReceiverStatistics statistics{.buffer = buffer_.statistics(),
                                .unknown = unknown_,
                                .empty = empty_,
                                .malformed = malformed_,
                                .recovered = recovered_,
                                .stretched = stretched_,
                                .delay_mean = delay_mean(),
                                .delay_target = buffer_.target_delay(),
                                .jitter = buffer_.jitter()};
  const auto ms_of = [](jitter::MediaTime length) {
    return static_cast<std::uint64_t>(length / jitter::kMediaPerMs);
  };
  statistics.concealed_ms = ms_of(statistics.buffer.concealed_length);
  statistics.comfort_ms = ms_of(statistics.buffer.comfort_length);
  if (events_) statistics.events = events_->counters();
  return statistics;
}

jitter::Quality AudioReceiver::quality(Duration network) const noexcept {
  const jitter::BufferStatistics& totals = buffer_.statistics();
  // What the next packet's copy has filled was heard nearly as it was said.
  const std::uint64_t recovered = std::min(recovered_, totals.unplayed);
  const Duration packet = totals.played == 0 ? Duration::zero()
                                             : jitter::duration_of(totals.played_length) /
                                                   static_cast<std::int64_t>(totals.played);
  return jitter::estimate_quality(
      impairment_of(playing_ == nullptr ? codec::Format{} : playing_->decoder.format()),
      {.played = totals.played + recovered,
       .unplayed = totals.unplayed - recovered,
       .unplayed_runs = totals.unplayed_runs},
      network + packet + delay_mean());
}

}  // namespace trunkyard::pipeline
