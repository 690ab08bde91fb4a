#include "engine/speech_watch.h"

namespace trunkyard::engine {

bool SpeechWatch::handle(const codec::FrameActivity& activity) noexcept {
  const bool begins = activity.voice && !voice_;
  voice_ = activity.voice;
  if (!timer_) return begins;
  switch (timer_->handle(activity)) {
    case codec::SpeechEvent::kNone:
      break;
    case codec::SpeechEvent::kSpeechStarted:
      waiting_.add(contract::SpeechChange::kStarted);
      break;
    case codec::SpeechEvent::kNoSpeech:
      waiting_.add(contract::SpeechChange::kNone);
      break;
    case codec::SpeechEvent::kSpeechEnded:
      waiting_.add(contract::SpeechChange::kEnded);
      break;
  }
  return begins;
}

}  // namespace trunkyard::engine
