// The two sides of a leg as one recording; see recorder.h.
#include "pipeline/recorder.h"

#include <algorithm>

#include "base/check.h"

namespace trunkyard::pipeline {

Recorder::Recorder(const RecorderSetup& setup)
    : setup_(setup),
      samples_(codec::samples_of(setup.rate_hz, kPieceMs)),
      memory_(std::size_t{kRowsMax} * kSides * samples_) {
  CHECK(codec::is_pcm_rate(setup.rate_hz));
}

codec::MutablePcm Recorder::samples_of(std::uint32_t position, std::size_t side) noexcept {
  const std::size_t row = position % kRowsMax;
  return codec::MutablePcm(memory_).subspan((row * kSides + side) * samples_, samples_);
}

bool Recorder::take(Side side, std::uint32_t position, std::uint32_t rate_hz, codec::Pcm piece,
                    spool::GapReason before) noexcept {
  CHECK(piece.size() == codec::samples_of(rate_hz, kPieceMs));
  if (position < head_) {
    ++statistics_.late;
    return true;
  }
  newest_ = std::max(newest_, position + 1);
  if (position - head_ >= kRowsMax) return false;
  const auto index = static_cast<std::size_t>(side);
  Waiting& waiting = waiting_[position % kRowsMax];
  convert(index, rate_hz, piece, samples_of(position, index));
  waiting.there[index] = true;
  if (before != spool::GapReason::kNone) waiting.before = before;
  return true;
}

/// A side's rate changes with whoever listens to it; the recording's doesn't.
void Recorder::convert(std::size_t side, std::uint32_t rate_hz, codec::Pcm piece,
                       codec::MutablePcm into) noexcept {
  if (rate_hz == setup_.rate_hz) {
    std::copy(piece.begin(), piece.end(), into.begin());
    return;
  }
  std::optional<codec::Resampler>& resampler = resamplers_[side];
  if (!resampler || resampler->from_hz() != rate_hz) {
    resampler.emplace(
        codec::Resampler::open({.from_hz = rate_hz, .to_hz = setup_.rate_hz, .isa = setup_.isa})
            .value());
  }
  CHECK(resampler->process(piece, into).size() == into.size());
}

void Recorder::finish(std::uint32_t end) noexcept {
  newest_ = std::max(newest_, end);
  finished_ = true;
}

bool Recorder::is_complete(const Waiting& waiting) const noexcept {
  if (!waiting.there[static_cast<std::size_t>(Side::kReceived)]) return false;
  return setup_.sound == RecordedSound::kReceived ||
         waiting.there[static_cast<std::size_t>(Side::kSent)];
}

bool Recorder::next_row(RecorderRow& row) noexcept {
  if (head_ == newest_) return false;
  Waiting& waiting = waiting_[head_ % kRowsMax];
  const bool overdue = newest_ - head_ > kRecorderSkewRows;
  if (!finished_ && !overdue && !is_complete(waiting)) return false;
  const codec::MutablePcm received = samples_of(head_, 0);
  const codec::MutablePcm sent = samples_of(head_, 1);
  row = {.position = head_, .channels = {}, .reason = waiting.before};
  if (waiting.there[0]) row.channels[0] = received;
  if (waiting.there[1] && setup_.sound == RecordedSound::kDual) row.channels[1] = sent;
  if (waiting.there[1] && setup_.sound == RecordedSound::kMixed) {
    if (waiting.there[0]) {
      for (std::size_t index = 0; index < samples_; ++index) {
        received[index] =
            static_cast<std::int16_t>(std::clamp(received[index] + sent[index], -32'768, 32'767));
      }
    } else {
      row.channels[0] = sent;
    }
  }
  waiting = {};
  ++head_;
  return true;
}

}  // namespace trunkyard::pipeline
