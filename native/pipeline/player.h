// Player: what is played to one leg: a short queue of clips and tones, one after the other without
// a gap. In each of the leg's turns it says what the leg's peer hears: 10 ms of samples, a payload
// that lies ready in the clip, or the link as usual.
//
//   add ──> queue of items ──> take_turn ──┬─> kPiece    10 ms of samples, for AudioSender::push
//                                          ├─> kPayload  ready, for AudioSender::push_payload
//                                          ├─> kGoesOn   the last payload still lasts
//                                          └─> kLink     nothing is played; the link is heard
//
// Payloads are taken as they are where the clip has the leg's codec and frame length: no decoder
// and no encoder works then. Wherever a cut would click, samples are used instead and fade within
// kPlayFadeMs: the link when it is left and when it comes back, and what is played where it is
// stopped or begins in its middle, and at its beginning and end. Payloads of Opus can't be replaced
// one by one, as its decoder remembers; so they are taken from clips alone that begin and end
// softly by themselves, and whoever makes clips makes them so. Others are encoded for such legs,
// and so is everything for G.722, whose decoder remembers too well. Clips are played in whole
// frames.
//
// A core: told what the sender looks like, reads no clock, allocates nothing after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/limits.h"
#include "codec/g711.h"
#include "codec/pcm.h"
#include "codec/resampler.h"
#include "codec/tone.h"
#include "pipeline/audio_sender.h"
#include "spool/clip.h"

namespace trunkyard::pipeline {

/// How long a fade is.
inline constexpr std::uint32_t kPlayFadeMs = 5;

/// Whether any leg can hear a clip: it has a track that samples are had from without a decoder of
/// its own (PCM, PCMU or PCMA).
[[nodiscard]] bool is_playable(const spool::ClipView& clip) noexcept;

/// How an item ended. Numbers as in contract.json.
enum class PlayEnd : std::uint8_t {
  kFinished,
  kStopped,  ///< by order
  kDigit,
  kVoice,
  kFailed,  ///< there is nothing left that it could be sent with
};

/// One clip or tone.
struct PlayItem {
  /// The caller's; reports bring them back.
  std::uint32_t id = 0;
  std::uint32_t clip = 0;
  /// is_playable() (CHECKed), and valid until the item's report was taken. Null = a tone.
  const spool::ClipView* view = nullptr;
  /// Where the first time begins, in ms, before the clip's end (CHECKed); rounded down to a frame.
  std::uint32_t start_ms = 0;
  /// How often a clip is played; 0 = until it is stopped.
  std::uint16_t times = 1;
  codec::Tone tone = {};
  /// Of a tone; 0 = as long as its cadence lasts, which may be for ever.
  std::uint32_t duration_ms = 0;
  bool ends_on_digit = false;
  bool ends_on_voice = false;
};

/// An item is over.
struct PlayReport {
  std::uint32_t id = 0;
  std::uint32_t clip = 0;
  std::uint32_t played_ms = 0;
  PlayEnd end = PlayEnd::kFinished;
};

/// What it plays into.
struct PlayOutlet {
  codec::Format format;           ///< of the sender
  std::uint32_t frame_ms = 20;    ///< of its packets
  std::uint32_t rate_hz = 8'000;  ///< of the pieces it takes
  std::uint32_t waiting_ms = 0;   ///< AudioSender::waiting_ms()
  bool link_heard = false;        ///< `into` holds what the link brought
  bool samples_wanted = false;    ///< somebody listens in (a recording): no ready payloads
};

enum class PlayTurn : std::uint8_t { kLink, kPiece, kPayload, kGoesOn };

/// One leg's; one thread. 4 KB.
class Player {
 public:
  struct Outcome {
    PlayTurn turn = PlayTurn::kLink;
    /// With kPayload; lies in the clip. Empty = a frame that the clip leaves out (DTX).
    Bytes payload;
  };

  /// @param isa no more than best_isa().
  explicit Player(Isa isa) noexcept : g711_(isa), isa_(isa) {}

  /// Puts an item behind the others. @returns false, and nothing changed, when it is full:
  /// kPlayQueueMax items, or twice as many with the reports that nobody took.
  [[nodiscard]] bool add(const PlayItem& item) noexcept;
  /// Ends everything: what sounds fades out in the next turn, the rest is over at once.
  void stop(PlayEnd why) noexcept;
  /// Ends everything at once, without another turn: the sender is gone.
  void abandon(PlayEnd why) noexcept;
  /// The leg's peer has pressed a key, or begun to speak: ends the items that are to end by it.
  void handle_digit() noexcept;
  void handle_voice() noexcept;

  /// Whether take_turn() has anything to do: something is played, or the link has to come back
  /// softly.
  [[nodiscard]] bool active() const noexcept { return count_ > 0 || phase_ != Phase::kIdle; }
  /// Whether an item that is to end by the peer's voice sounds or waits.
  [[nodiscard]] bool waits_for_voice() const noexcept;

  /// Hot path, every 10 ms while active().
  /// @param into 10 ms at outlet.rate_hz (CHECKed), holding what the link brought, or anything if
  ///             it brought nothing. With kPiece, and with kLink, to be sent.
  [[nodiscard]] Outcome take_turn(const PlayOutlet& outlet, codec::MutablePcm into) noexcept;

  [[nodiscard]] bool has_reports() const noexcept { return report_count_ > 0; }
  /// The oldest report. There is one (CHECKed).
  [[nodiscard]] const PlayReport& first_report() const noexcept;
  /// Takes it out.
  void pop_report() noexcept;
  /// Items that sound or wait.
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }

 private:
  enum class Phase : std::uint8_t {
    kIdle,
    kEntering,  ///< the link has been faded out; its last frame is being filled
    kPlaying,
    kLeaving,  ///< all is over; the last frame is being filled, the link comes back
  };
  /// Those of items that were replaced, and of those that replace them.
  static constexpr std::uint32_t kReportsMax = 2 * kPlayQueueMax;
  /// Where an item's sound is taken from, for one outlet.
  struct Source {
    std::optional<std::uint32_t> ready;  ///< track whose payloads are sent as they are
    std::uint32_t samples = 0;           ///< track that samples are taken from
    std::uint32_t rate_hz = 8'000;       ///< of that
    bool stateless = false;              ///< a ready payload may stand beside encoded samples
  };

  [[nodiscard]] const PlayItem& current() const noexcept { return items_[first_]; }
  [[nodiscard]] PlayItem& item_at(std::uint32_t index) noexcept {
    return items_[(first_ + index) % kPlayQueueMax];
  }
  [[nodiscard]] const PlayItem& item_at(std::uint32_t index) const noexcept {
    return items_[(first_ + index) % kPlayQueueMax];
  }
  void report(const PlayItem& item, std::uint32_t played_ms, PlayEnd end) noexcept;
  void end_current(PlayEnd end) noexcept;
  void remove_waiting(std::uint32_t index, PlayEnd end) noexcept;
  template <typename Fits>
  void end_those(PlayEnd why, Fits fits) noexcept;
  void begin_current() noexcept;
  void follow(const PlayOutlet& outlet) noexcept;
  void find_source() noexcept;
  [[nodiscard]] bool has_soft_ends() const noexcept;
  [[nodiscard]] bool enters(const PlayOutlet& outlet, codec::MutablePcm into) noexcept;
  [[nodiscard]] Outcome leave(const PlayOutlet& outlet, codec::MutablePcm into) noexcept;
  [[nodiscard]] Outcome play_clip(const PlayOutlet& outlet, codec::MutablePcm into) noexcept;
  [[nodiscard]] Outcome play_tone(codec::MutablePcm into) noexcept;
  [[nodiscard]] bool may_send_ready(const PlayOutlet& outlet) const noexcept;
  [[nodiscard]] bool silence_follows() const noexcept;
  void advance(std::uint32_t ms) noexcept;
  void read(codec::MutablePcm into) noexcept;
  void read_resampled(codec::MutablePcm into) noexcept;
  void read_track(std::uint32_t position_ms, codec::MutablePcm into) const noexcept;
  void keep_tail() noexcept;
  void add_tail(codec::MutablePcm into) noexcept;
  void fade_end(codec::MutablePcm into) const noexcept;

  codec::G711 g711_;
  Isa isa_;
  std::array<PlayItem, kPlayQueueMax> items_ = {};
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::array<PlayReport, kReportsMax> reports_ = {};
  std::uint32_t report_first_ = 0;
  std::uint32_t report_count_ = 0;

  Phase phase_ = Phase::kIdle;
  // The item that sounds.
  bool begun_ = false;
  bool fresh_ = false;    ///< nothing sounds that the next item could follow
  bool fade_in_ = false;  ///< the next piece
  std::optional<PlayEnd> stopping_;
  std::uint32_t position_ms_ = 0;
  std::uint32_t played_ms_ = 0;
  std::uint32_t times_left_ = 0;
  std::uint32_t goes_on_ms_ = 0;  ///< of the last payload
  bool ready_run_ = false;        ///< the last frame was a payload
  Source source_;
  codec::Format format_;  ///< that source_ is for
  std::uint32_t frame_ms_ = 0;
  std::uint32_t rate_hz_ = 0;
  std::optional<codec::ToneGenerator> generator_;

  // Samples at another rate.
  std::optional<codec::Resampler> resampler_;
  bool resampled_ = false;  ///< the last piece came through it, so the next one follows
  bool tail_due_ = false;
  std::array<std::int16_t, kPieceSamplesMax> tail_ = {};  ///< of the resampler before
};
static_assert(sizeof(Player) <= 6'144);

}  // namespace trunkyard::pipeline
