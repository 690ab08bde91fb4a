#include "engine/speech_watch.h"

#include "base/check.h"

namespace trunkyard::engine {

bool SpeechWatch::handle(const codec::FrameActivity& activity) noexcept {
  const bool begins = activity.voice && !voice_;
  voice_ = activity.voice;
  if (!timer_) return begins;
  switch (timer_->handle(activity)) {
    case codec::SpeechEvent::kNone:
      break;
    case codec::SpeechEvent::kSpeechStarted:
      add(contract::SpeechChange::kStarted);
      break;
    case codec::SpeechEvent::kNoSpeech:
      add(contract::SpeechChange::kNone);
      break;
    case codec::SpeechEvent::kSpeechEnded:
      add(contract::SpeechChange::kEnded);
      break;
  }
  return begins;
}

void SpeechWatch::add(contract::SpeechChange event) noexcept {
  // So many wait only when the control plane is away; what it missed first is the least use.
  if (count_ == kSpeechReportsMax) pop_first();
  waiting_[(first_ + count_) % kSpeechReportsMax] = event;
  ++count_;
}

contract::SpeechChange SpeechWatch::first() const noexcept {
  CHECK(count_ > 0);
  return waiting_[first_];
}

void SpeechWatch::pop_first() noexcept {
  CHECK(count_ > 0);
  first_ = (first_ + 1) % kSpeechReportsMax;
  --count_;
}

}  // namespace trunkyard::engine
