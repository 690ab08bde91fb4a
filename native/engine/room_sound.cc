#include "engine/room_sound.h"

namespace trunkyard::engine {

bool RoomSound::play(codec::MutablePcm into) noexcept {
  // A mixer takes samples, so that is what it wants, in pieces; no payload is ever ready for it.
  const pipeline::Player::Outcome outcome =
      player_->take_turn({.format = {codec::CodecKind::kL16, rate_hz_},
                          .frame_ms = pipeline::kPieceMs,
                          .rate_hz = rate_hz_},
                         into);
  return outcome.turn == pipeline::PlayTurn::kPiece;
}

void RoomSound::record(Instant nominal, codec::Pcm heard) noexcept {
  if (!activity_) activity_.emplace(codec::VoiceActivityConfig{.rate_hz = rate_hz_});
  taps_.note_quiet(activity_->handle(heard).quiet_ms);
  (void)taps_.take(pipeline::Side::kReceived, nominal, rate_hz_, heard);
  if (taps_.empty()) activity_.reset();
}

}  // namespace trunkyard::engine
