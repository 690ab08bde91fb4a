// What is played to one leg; see player.h.
#include "pipeline/player.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace trunkyard::pipeline {
namespace {

using spool::ClipEncoding;
using spool::ClipView;
using spool::PayloadKind;

/// A clip whose first and last half millisecond are no louder begins and ends softly.
constexpr int kSoftPeak = 256;

/// Clips count their duration at this rate, in ms.
constexpr std::uint32_t kSamplesPerMs48k = 48;

/// Tracks that samples are had from, the best first, where none has the very rate.
constexpr std::array<ClipEncoding, 5> kReadable{
    ClipEncoding{PayloadKind::kPcm16, 48'000}, ClipEncoding{PayloadKind::kPcm16, 16'000},
    ClipEncoding{PayloadKind::kPcm16, 8'000}, ClipEncoding{PayloadKind::kPcmu, 8'000},
    ClipEncoding{PayloadKind::kPcma, 8'000}};

/// The encoding whose payloads a peer takes as they are. L16's are of the other byte order. Those
/// of G.722 mean something only to a decoder that has heard all before: in the middle of a call,
/// and at every loop, they would burst.
std::optional<ClipEncoding> ready_for(const codec::Format& format) noexcept {
  switch (format.kind) {
    case codec::CodecKind::kPcmu:
      return ClipEncoding{PayloadKind::kPcmu, 8'000};
    case codec::CodecKind::kPcma:
      return ClipEncoding{PayloadKind::kPcma, 8'000};
    case codec::CodecKind::kOpus:
      return ClipEncoding{PayloadKind::kOpus, 48'000};
    case codec::CodecKind::kG722:
    case codec::CodecKind::kL16:
      return std::nullopt;
  }
  return std::nullopt;
}

bool is_stateless(const codec::Format& format) noexcept {
  return format.kind == codec::CodecKind::kPcmu || format.kind == codec::CodecKind::kPcma;
}

/// Flat at both ends, so that neither the sound nor its slope jumps. @param height below 0 is
/// silence, above 1 all of it.
float gain_of(float height) noexcept {
  const float at = std::clamp(height, 0.0F, 1.0F);
  return at * at * (3.0F - 2.0F * at);
}

void scale(std::int16_t& sample, float gain) noexcept {
  sample = static_cast<std::int16_t>(static_cast<float>(sample) * gain);
}

/// From silence to all of it, over the first kPlayFadeMs of 10 ms.
void fade_in(codec::MutablePcm piece) noexcept {
  const std::size_t count = piece.size() * kPlayFadeMs / kPieceMs;
  for (std::size_t index = 0; index < count; ++index)
    scale(piece[index], gain_of((static_cast<float>(index) + 0.5F) / static_cast<float>(count)));
}

/// The other way round; the rest is silence.
void fade_out(codec::MutablePcm piece) noexcept {
  const std::size_t count = piece.size() * kPlayFadeMs / kPieceMs;
  for (std::size_t index = 0; index < count; ++index)
    scale(piece[index],
          gain_of(1.0F - (static_cast<float>(index) + 0.5F) / static_cast<float>(count)));
  codec::silence(piece.subspan(count));
}

}  // namespace

bool is_playable(const ClipView& clip) noexcept {
  return std::any_of(kReadable.begin(), kReadable.end(),
                     [&](const ClipEncoding& encoding) { return clip.find(encoding).has_value(); });
}

bool Player::add(const PlayItem& item) noexcept {
  if (count_ == kPlayQueueMax || count_ + report_count_ >= kReportsMax) return false;
  if (item.view != nullptr) {
    CHECK(is_playable(*item.view));
    CHECK(std::uint64_t{item.start_ms} * kSamplesPerMs48k <
          item.view->facts().duration_samples_48k);
  }
  item_at(count_) = item;
  ++count_;
  return true;
}

void Player::report(const PlayItem& item, std::uint32_t played_ms, PlayEnd end) noexcept {
  CHECK(report_count_ < kReportsMax);
  reports_[(report_first_ + report_count_) % kReportsMax] = {
      .id = item.id, .clip = item.clip, .played_ms = played_ms, .end = end};
  ++report_count_;
}

const PlayReport& Player::first_report() const noexcept {
  CHECK(report_count_ > 0);
  return reports_[report_first_];
}

void Player::pop_report() noexcept {
  CHECK(report_count_ > 0);
  report_first_ = (report_first_ + 1) % kReportsMax;
  --report_count_;
}

void Player::end_current(PlayEnd end) noexcept {
  const bool fell_silent = begun_ && (current().view == nullptr || end != PlayEnd::kFinished);
  report(current(), begun_ ? played_ms_ : 0, end);
  first_ = (first_ + 1) % kPlayQueueMax;
  --count_;
  begun_ = false;
  stopping_.reset();
  // The next one begins with a frame of its own, as at the start.
  if (fell_silent) phase_ = Phase::kEntering;
}

void Player::remove_waiting(std::uint32_t index, PlayEnd end) noexcept {
  report(item_at(index), 0, end);
  for (std::uint32_t next = index + 1; next < count_; ++next)
    item_at(next - 1) = item_at(next);
  --count_;
}

template <typename Fits>
void Player::end_those(PlayEnd why, Fits fits) noexcept {
  if (count_ == 0) return;
  for (std::uint32_t index = count_ - 1; index > 0; --index) {
    if (fits(item_at(index))) remove_waiting(index, why);
  }
  if (!fits(current())) return;
  // What sounds fades out in its next turn.
  if (begun_) {
    if (!stopping_) stopping_ = why;
  } else {
    end_current(why);
  }
}

void Player::stop(PlayEnd why) noexcept {
  end_those(why, [](const PlayItem&) { return true; });
}

void Player::handle_digit() noexcept {
  end_those(PlayEnd::kDigit, [](const PlayItem& item) { return item.ends_on_digit; });
}

void Player::handle_voice() noexcept {
  end_those(PlayEnd::kVoice, [](const PlayItem& item) { return item.ends_on_voice; });
}

void Player::abandon(PlayEnd why) noexcept {
  stop(why);
  if (count_ > 0) end_current(why);
  phase_ = Phase::kIdle;
  goes_on_ms_ = 0;
  resampled_ = false;
  ready_run_ = false;
}

bool Player::waits_for_voice() const noexcept {
  for (std::uint32_t index = 0; index < count_; ++index) {
    if (item_at(index).ends_on_voice) return true;
  }
  return false;
}

Player::Outcome Player::take_turn(const PlayOutlet& outlet, codec::MutablePcm into) noexcept {
  CHECK(into.size() == codec::samples_of(outlet.rate_hz, kPieceMs));
  follow(outlet);
  if (goes_on_ms_ > 0) {
    goes_on_ms_ -= kPieceMs;
    return {.turn = PlayTurn::kGoesOn, .payload = {}};
  }
  if (count_ == 0) return leave(outlet, into);
  if (phase_ != Phase::kPlaying && enters(outlet, into))
    return {.turn = PlayTurn::kPiece, .payload = {}};
  if (!begun_) begin_current();
  return current().view != nullptr ? play_clip(outlet, into) : play_tone(into);
}

/// Keeps to an outlet that has changed: another codec, another rate.
void Player::follow(const PlayOutlet& outlet) noexcept {
  if (outlet.format == format_ && outlet.frame_ms == frame_ms_ && outlet.rate_hz == rate_hz_)
    return;
  format_ = outlet.format;
  frame_ms_ = outlet.frame_ms;
  rate_hz_ = outlet.rate_hz;
  goes_on_ms_ = 0;
  ready_run_ = false;
  resampled_ = false;
  tail_due_ = false;
  if (!begun_) return;
  if (current().view != nullptr) return find_source();
  generator_.emplace(rate_hz_);
  generator_->start(current().tone);
}

/// Whether this turn still belongs to the way in: the link fades out, and the frame that it had
/// begun is filled, so that ready payloads can follow.
bool Player::enters(const PlayOutlet& outlet, codec::MutablePcm into) noexcept {
  const bool leads_out = phase_ == Phase::kIdle && outlet.link_heard;
  if (leads_out || outlet.waiting_ms > 0) {
    leads_out ? fade_out(into) : codec::silence(into);
    phase_ = Phase::kEntering;
    return true;
  }
  phase_ = Phase::kPlaying;
  fresh_ = true;
  return false;
}

Player::Outcome Player::leave(const PlayOutlet& outlet, codec::MutablePcm into) noexcept {
  resampled_ = false;
  ready_run_ = false;
  if (phase_ == Phase::kIdle) return {};
  phase_ = Phase::kLeaving;
  if (outlet.link_heard) {
    fade_in(into);
  } else if (outlet.waiting_ms > 0) {
    codec::silence(into);
    return {.turn = PlayTurn::kPiece, .payload = {}};
  }
  phase_ = Phase::kIdle;
  return {};
}

void Player::begin_current() noexcept {
  const PlayItem& item = current();
  begun_ = true;
  played_ms_ = 0;
  fade_in_ = fresh_ || item.start_ms > 0;
  fresh_ = false;
  times_left_ = item.times;
  if (item.view == nullptr) {
    keep_tail();
    generator_.emplace(rate_hz_);
    generator_->start(item.tone);
    return;
  }
  const std::uint32_t frame_ms = item.view->facts().frame_ms;
  position_ms_ = item.start_ms / frame_ms * frame_ms;
  find_source();
  if (resampled_ && resampler_->from_hz() != source_.rate_hz) keep_tail();
}

void Player::find_source() noexcept {
  const ClipView& clip = *current().view;
  source_ = {};
  if (const auto encoding = ready_for(format_); encoding && clip.facts().frame_ms == frame_ms_) {
    source_.ready = clip.find(*encoding);
    source_.stateless = is_stateless(format_);
  }
  std::optional<std::uint32_t> track = clip.find({PayloadKind::kPcm16, rate_hz_});
  // G.711 is as good as what it was made from when it is all that the peer will get.
  if (!track && rate_hz_ == 8'000) track = clip.find({PayloadKind::kPcmu, 8'000});
  if (!track && rate_hz_ == 8'000) track = clip.find({PayloadKind::kPcma, 8'000});
  for (std::size_t index = 0; !track && index < kReadable.size(); ++index)
    track = clip.find(kReadable[index]);
  CHECK(track.has_value());
  source_.samples = *track;
  source_.rate_hz = clip.encoding(*track).rate_hz;
  if (source_.ready && !source_.stateless && !has_soft_ends()) source_.ready.reset();
}

bool Player::has_soft_ends() const noexcept {
  std::array<std::int16_t, kPieceSamplesMax> samples;
  const codec::MutablePcm piece =
      codec::MutablePcm(samples).first(codec::samples_of(source_.rate_hz, kPieceMs));
  const std::size_t count = source_.rate_hz / 2'000;
  const auto is_soft = [](codec::Pcm end) {
    return std::all_of(end.begin(), end.end(),
                       [](std::int16_t sample) { return std::abs(sample) <= kSoftPeak; });
  };
  const spool::ClipFacts& facts = current().view->facts();
  read_track(0, piece);
  if (!is_soft(codec::Pcm(piece).first(count))) return false;
  read_track(facts.frame_count * facts.frame_ms - kPieceMs, piece);
  return is_soft(codec::Pcm(piece).last(count));
}

bool Player::silence_follows() const noexcept {
  if (times_left_ != 1) return false;
  if (count_ == 1) return true;
  const PlayItem& next = item_at(1);
  return next.view == nullptr || next.start_ms > 0;
}

bool Player::may_send_ready(const PlayOutlet& outlet) const noexcept {
  if (!source_.ready || stopping_ || outlet.samples_wanted) return false;
  if (outlet.waiting_ms > 0 || position_ms_ % frame_ms_ != 0) return false;
  // A codec with memory goes on as it began, and begins where its clip does.
  if (!source_.stateless) return position_ms_ == 0 || ready_run_;
  if (fade_in_) return false;
  const std::uint64_t end_ms = current().view->facts().duration_samples_48k / kSamplesPerMs48k;
  return !silence_follows() || position_ms_ + frame_ms_ + kPlayFadeMs <= end_ms;
}

Player::Outcome Player::play_clip(const PlayOutlet& outlet, codec::MutablePcm into) noexcept {
  if (may_send_ready(outlet)) {
    const std::uint32_t frame_ms = frame_ms_;
    const Bytes payload = current().view->frame(*source_.ready, position_ms_ / frame_ms);
    fade_in_ = false;
    ready_run_ = true;
    resampled_ = false;
    goes_on_ms_ = frame_ms - kPieceMs;
    advance(frame_ms);
    return {.turn = PlayTurn::kPayload, .payload = payload};
  }
  ready_run_ = false;
  read(into);
  if (fade_in_) fade_in(into);
  fade_in_ = false;
  if (stopping_) {
    fade_out(into);
    resampled_ = false;
    played_ms_ += kPlayFadeMs;
    end_current(*stopping_);
  } else {
    if (silence_follows()) fade_end(into);
    advance(kPieceMs);
  }
  return {.turn = PlayTurn::kPiece, .payload = {}};
}

void Player::advance(std::uint32_t ms) noexcept {
  const spool::ClipFacts& facts = current().view->facts();
  position_ms_ += ms;
  played_ms_ += ms;
  if (position_ms_ < facts.frame_count * facts.frame_ms) return;
  position_ms_ = 0;
  if (times_left_ == 1) return end_current(PlayEnd::kFinished);
  if (times_left_ > 0) --times_left_;
}

Player::Outcome Player::play_tone(codec::MutablePcm into) noexcept {
  const std::uint32_t duration_ms = current().duration_ms;
  ready_run_ = false;
  codec::silence(into);
  if (stopping_) generator_->stop();
  std::size_t sounded = into.size();
  if (duration_ms > 0 && duration_ms < played_ms_ + kPieceMs) {
    const std::uint32_t left_ms = duration_ms > played_ms_ ? duration_ms - played_ms_ : 0;
    sounded = codec::samples_of(rate_hz_, left_ms);
  }
  (void)generator_->generate(into.first(sounded));
  if (sounded < into.size()) {
    generator_->stop();
    (void)generator_->generate(into.subspan(sounded));
  }
  played_ms_ += kPieceMs;
  if (duration_ms > 0) played_ms_ = std::min(played_ms_, duration_ms);
  add_tail(into);
  if (!generator_->active()) end_current(stopping_.value_or(PlayEnd::kFinished));
  return {.turn = PlayTurn::kPiece, .payload = {}};
}

/// The next 10 ms of the clip, at the outlet's rate.
void Player::read(codec::MutablePcm into) noexcept {
  if (source_.rate_hz == rate_hz_) {
    read_track(position_ms_, into);
    resampled_ = false;
  } else {
    read_resampled(into);
  }
  add_tail(into);
}

void Player::add_tail(codec::MutablePcm into) noexcept {
  if (!tail_due_) return;
  tail_due_ = false;
  for (std::size_t index = 0; index < into.size(); ++index) {
    into[index] =
        static_cast<std::int16_t>(std::clamp(into[index] + tail_[index], -32'768, 32'767));
  }
}

void Player::read_resampled(codec::MutablePcm into) noexcept {
  std::array<std::int16_t, kPieceSamplesMax> samples;
  const codec::MutablePcm piece =
      codec::MutablePcm(samples).first(codec::samples_of(source_.rate_hz, kPieceMs));
  if (!resampled_) {
    resampler_.emplace(
        codec::Resampler::open({.from_hz = source_.rate_hz, .to_hz = rate_hz_, .isa = isa_})
            .value());
    // In the middle of a clip the filter has to know what comes before.
    if (position_ms_ > 0) {
      read_track(position_ms_ - kPieceMs, piece);
      (void)resampler_->process(piece, into);
    }
    resampled_ = true;
  }
  read_track(position_ms_, piece);
  CHECK(resampler_->process(piece, into).size() == into.size());
}

/// @param into 10 ms at the track's rate.
void Player::read_track(std::uint32_t position_ms, codec::MutablePcm into) const noexcept {
  const ClipView& clip = *current().view;
  const std::uint32_t frame_ms = clip.facts().frame_ms;
  const Bytes frame = clip.frame(source_.samples, position_ms / frame_ms);
  const std::size_t first = codec::samples_of(source_.rate_hz, position_ms % frame_ms);
  const PayloadKind kind = clip.encoding(source_.samples).kind;
  if (kind == PayloadKind::kPcm16) {
    std::memcpy(into.data(), frame.data() + first * sizeof(std::int16_t),
                into.size() * sizeof(std::int16_t));
    return;
  }
  const codec::Law law = kind == PayloadKind::kPcmu ? codec::Law::kMu : codec::Law::kA;
  g711_.decode(law, frame.subspan(first, into.size()), into);
}

/// What the resampler still holds back of the item before, when the next one doesn't need it.
void Player::keep_tail() noexcept {
  if (!resampled_) return;
  std::array<std::int16_t, kPieceSamplesMax> zeros = {};
  const codec::Pcm none =
      codec::Pcm(zeros).first(codec::samples_of(resampler_->from_hz(), kPieceMs));
  tail_ = {};
  (void)resampler_->process(none, tail_);
  tail_due_ = true;
  resampled_ = false;
}

/// Takes the last kPlayFadeMs of the clip down to silence, as far as they lie in this piece.
void Player::fade_end(codec::MutablePcm into) const noexcept {
  const auto duration = static_cast<std::int64_t>(current().view->facts().duration_samples_48k);
  const std::int64_t end = duration - std::int64_t{position_ms_} * kSamplesPerMs48k;
  constexpr std::int64_t kFade = kPlayFadeMs * kSamplesPerMs48k;
  if (end >= std::int64_t{kPieceMs} * kSamplesPerMs48k + kFade) return;
  const std::int64_t step = kPcmRateHzMax / rate_hz_;
  std::int64_t left = end;
  for (std::int16_t& sample : into) {
    if (left < kFade) scale(sample, gain_of(static_cast<float>(left) / static_cast<float>(kFade)));
    left -= step;
  }
}

}  // namespace trunkyard::pipeline
