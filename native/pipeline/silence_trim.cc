// Silence before and after a recording's sound, left out; see silence_trim.h.
#include "pipeline/silence_trim.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/level.h"

namespace trunkyard::pipeline {

namespace {

bool is_loud(const RecorderRow& row) noexcept {
  return std::any_of(row.channels.begin(), row.channels.end(), [](codec::Pcm samples) {
    return codec::level_dbov(samples) > kTrimLevelDbov;
  });
}

}  // namespace

SilenceTrim::SilenceTrim(std::size_t row_samples)
    : row_samples_(row_samples),
      memory_(std::size_t{kWaitingMax} * kRecordingChannelsMax * row_samples) {
  CHECK(row_samples <= kPieceSamplesMax);
}

codec::MutablePcm SilenceTrim::samples_of(std::uint32_t place, std::size_t channel) noexcept {
  return codec::MutablePcm(memory_).subspan(
      (std::size_t{place} * kRecordingChannelsMax + channel) * row_samples_, row_samples_);
}

void SilenceTrim::take(const RecorderRow& row) noexcept {
  CHECK(!sounded_ || count_ == 0);
  loud_rows_ = is_loud(row) ? loud_rows_ + 1 : 0;
  if (loud_rows_ >= kTrimSoundRows) {
    sounded_ = true;
    quiet_rows_ = 0;
  } else if (sounded_) {
    ++quiet_rows_;
  }
  keep(row);
}

void SilenceTrim::keep(const RecorderRow& row) noexcept {
  if (count_ == kWaitingMax) {
    first_ = (first_ + 1) % kWaitingMax;
    --count_;
    ++left_out_;
  }
  const std::uint32_t place = (first_ + count_) % kWaitingMax;
  ++count_;
  RecorderRow& kept = waiting_[place];
  kept = row;
  for (std::size_t channel = 0; channel < row.channels.size(); ++channel) {
    const codec::Pcm samples = row.channels[channel];
    if (samples.empty()) continue;
    const codec::MutablePcm into = samples_of(place, channel);
    CHECK(samples.size() == into.size());
    std::copy(samples.begin(), samples.end(), into.begin());
    kept.channels[channel] = into;
  }
}

bool SilenceTrim::next(RecorderRow& row) noexcept {
  if (!sounded_ || count_ == 0) return false;
  row = waiting_[first_];
  first_ = (first_ + 1) % kWaitingMax;
  --count_;
  return true;
}

void SilenceTrim::finish() noexcept {
  if (sounded_) return;
  left_out_ += std::exchange(count_, 0);
}

}  // namespace trunkyard::pipeline
