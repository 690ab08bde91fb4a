// AudioSender: one leg's packets. Takes 10 ms of samples at a time, or payloads that are encoded
// already, and makes the RTP that goes to the peer: its codec, its packet time, its own SSRC, one
// numbering and one media time whatever is sent.
//
//   push ─> Resampler ─> (tones) ─> Framer ─> Encoder ─────────┐
//   push_payload ──────────────────────────────────────────────┼─> header ─> sink.send(packet)
//   press, relay ─> EventSender: in place of audio ────────────┤
//                   VoiceActivity: comfort noise for a pause ──┘
//
// Told the time; reads no clock, draws no number, owns no socket. Setting up takes all memory,
// packets take none. 2 KB; libopus takes 30 more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/isa.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/codec.h"
#include "codec/comfort_noise.h"
#include "codec/event_sender.h"
#include "codec/framer.h"
#include "codec/pcm.h"
#include "codec/resampler.h"
#include "codec/tone.h"
#include "codec/voice_activity.h"
#include "pipeline/audio_receiver.h"
#include "pipeline/digit.h"
#include "pipeline/link.h"
#include "pipeline/reporter.h"
#include "rtp/sequence.h"

namespace trunkyard::pipeline {

/// What the peer wants to receive.
struct SenderSetup {
  std::uint8_t payload_type = 0;  ///< of the audio, 0..127
  /// For Opus with the rate that its encoder is to work at.
  codec::Format format;
  std::uint32_t frame_ms = 20;  ///< is_frame_ms(); for Opus what opus_frame_ms() answers
  /// For Opus alone; its rate and frame length must be those of above.
  codec::OpusPolicy opus;
  /// Of what push() gets: 8,000, 16,000 or 48,000.
  std::uint32_t source_rate_hz = 8'000;
  // kPayloadTypeDropped = the peer doesn't have it.
  /// Without telephone-events digits are sounded in the audio.
  std::uint8_t event_payload_type = kPayloadTypeDropped;
  std::uint32_t event_clock_rate_hz = 8'000;
  /// Comfort noise (RFC 3389): pauses are then described instead of encoded. Not used with Opus,
  /// which has DTX for it.
  std::uint8_t noise_payload_type = kPayloadTypeDropped;
  /// Redundancy (RFC 2198): each packet then brings the frame before it once more.
  std::uint8_t redundancy_payload_type = kPayloadTypeDropped;
};

class SharedEncoder;

enum class SentKind : std::uint8_t { kAudio, kEvent, kComfortNoise };

/// What a sink is told of each packet.
struct SentFacts {
  SentPacket packet = {};  ///< for Endpoint::on_sent
  SentKind kind = SentKind::kAudio;
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t sequence = 0;
};

/// Totals since construction.
struct SenderStatistics {
  std::uint64_t audio_packets = 0;
  std::uint64_t event_packets = 0;
  std::uint64_t noise_packets = 0;
  std::uint64_t frames_left_out = 0;  ///< pauses, by comfort noise or Opus DTX
  std::uint64_t frames_failed =
      0;  ///< payloads that didn't fit, or the encoder gave up (never seen)
  std::uint64_t digits_refused = 0;  ///< kEventQueueMax waited already
};

/// One leg's. Neither copied nor moved; one media thread.
///
/// A sink is any object with
///
///   void send(MutableBytes packet, const SentFacts& facts) noexcept;
///
/// It has the packet's memory to itself until it returns: it may change the packet and as many as
/// kSrtpTailBytesMax bytes behind it, which are there for SRTP.
class AudioSender {
 public:
  /// Where the stream begins; random numbers of the caller's (RFC 3550 §5.1, §8).
  struct Identity {
    rtp::Ssrc ssrc{};
    rtp::RtpTimestamp timestamp{};
    std::uint16_t sequence = 0;
  };

  /// Sends nothing until set_up(). @param isa no more than best_isa().
  AudioSender(const Identity& identity, Isa isa);
  AudioSender(const AudioSender&) = delete;
  AudioSender& operator=(const AudioSender&) = delete;

  /// A first or new offer or answer. SSRC, numbering and media time go on; the encoder does if its
  /// format, frame length and policy stay, and so do digits if the peer's events stay. Allocates.
  /// @returns kConfigInvalid, and nothing changed, for what Encoder::open() refuses, a source rate
  ///          that is none, a payload type that is none, an event clock out of 1..48,000, or frames
  ///          that fit no packet (L16 at 48,000 Hz above 20 ms).
  [[nodiscard]] Result<void> set_up(const SenderSetup& setup);

  /// Hot path, every 10 ms while there is something to send. Time that passes without a call (40 ms
  /// or more) passes in the timestamps too. Nothing happens before set_up().
  /// @param now   the tick's nominal time.
  /// @param piece exactly 10 ms at the setup's source_rate_hz (CHECKed).
  /// @param sink  gets the packets that are complete now, mostly none or one.
  template <typename Sink>
  void push(Instant now, codec::Pcm piece, Sink& sink) noexcept {
    Scratch scratch;
    begin_piece(now, piece, scratch);
    send_all(scratch, sink);
  }

  /// Hot path. A payload of the setup's format, encoded elsewhere (a clip's, or a conference's for
  /// all its listeners), that takes the place of as many pieces. What push() left for a next frame
  /// is dropped. Digits being said take the payload's place.
  /// @param payload empty = the frame is left out and time goes on (DTX).
  /// @param ms      its length: a multiple of 10, up to kFrameMsMax (CHECKed).
  template <typename Sink>
  void push_payload(Instant now, Bytes payload, std::uint32_t ms, Sink& sink) noexcept {
    Scratch scratch;
    begin_payload(now, payload, ms);
    send_all(scratch, sink);
  }

  /// Of what push() took, how much waits for the rest of its frame.
  [[nodiscard]] std::uint32_t waiting_ms() const noexcept {
    if (!framer_) return 0;
    return static_cast<std::uint32_t>(framer_->waiting() * 1'000 / setup_.format.rate_hz);
  }

  // A conference encodes once for all who hear the same (SharedEncoder). Whoever hears something of
  // his own for a while is led over to this sender's encoder and back between two pieces, and his
  // decoder meets no break.

  /// push() goes on where `shared` stands, with what waits there for its frame: as if all its
  /// payloads had been made here. What waited here is dropped. Nothing happens before set_up().
  /// @param shared of the same encoding (CHECKed).
  void take_over(const SharedEncoder& shared) noexcept;
  /// Drops what waits for the rest of its frame; the next piece begins a frame.
  void start_frame() noexcept;
  /// What stands between a piece and its payload; null before set_up(), and where rates are equal.
  [[nodiscard]] const codec::Encoder* encoder() const noexcept {
    return encoder_ ? &*encoder_ : nullptr;
  }
  [[nodiscard]] const codec::Resampler* resampler() const noexcept { return resampler_.get(); }

  /// Says a key press of known length. @returns false, counted, when too many wait.
  bool press(const codec::EventPress& press) noexcept;
  /// How long the pause between two presses is from now on. @param ms less than kEventMsMin is
  /// raised to it.
  void set_digit_pause(std::uint32_t ms) noexcept {
    if (events_) events_->set_pause(ms);
  }
  /// Says what another leg's receiver made known: its start presses, its end releases.
  /// @returns false, counted, when a start found no room.
  bool relay(const Digit& digit) noexcept;
  /// Ends the press that relay() began, as soon as it is long enough to be one, and leaves those
  /// that wait: for when whoever holds the key is not heard any more. Nothing happens without one.
  void release_digit() noexcept;
  /// Forgets the digits that wait and ends the one being said.
  void cancel_digits() noexcept;
  /// Whether digits are being said or wait; audio is left out meanwhile.
  [[nodiscard]] bool saying_digits() const noexcept { return events_ && events_->active(); }
  /// Whether they are sounded now, so that payloads encoded elsewhere would not be sent.
  [[nodiscard]] bool sounding_digits() const noexcept { return is_sounding(); }

  /// Presses that can be queued now.
  [[nodiscard]] std::uint32_t digit_room() const noexcept { return events_ ? events_->room() : 0; }

  /// The Opus encoder, to be tuned between pieces; null for other codecs.
  [[nodiscard]] codec::OpusEncoder* opus() noexcept {
    return encoder_ ? encoder_->opus() : nullptr;
  }
  [[nodiscard]] rtp::Ssrc ssrc() const noexcept { return ssrc_; }
  [[nodiscard]] const SenderSetup& setup() const noexcept { return setup_; }
  [[nodiscard]] const SenderStatistics& statistics() const noexcept { return statistics_; }

 private:
  /// What one call works on; on its stack, not initialised.
  struct Scratch {
    std::array<std::int16_t, kPieceSamplesMax> piece;
    std::array<std::uint8_t, kPacketBytesMax> payload;  ///< before it gets into a redundant one
    std::array<std::uint8_t, kPacketBytesMax> packet;
  };
  /// Decides when the background is described instead of encoded.
  struct Pauses {
    explicit Pauses(std::uint32_t rate_hz) noexcept
        : voice({.rate_hz = rate_hz}), analysis(rate_hz) {}
    codec::VoiceActivity voice;
    codec::NoiseAnalysis analysis;
    codec::ComfortNoise told;   ///< in the last packet
    std::uint64_t told_at = 0;  ///< position of that
    bool paused = false;        ///< the last piece belongs to a pause
    bool any_told = false;      ///< in this pause
  };
  /// Digits as sound.
  struct Tones {
    explicit Tones(std::uint32_t rate_hz) noexcept : generator(rate_hz) {}
    codec::ToneGenerator generator;
    bool down = false;
  };

  template <typename Sink>
  void send_all(Scratch& scratch, Sink& sink) noexcept {
    MutableBytes packet;
    SentFacts facts;
    while (next_packet(scratch, packet, facts))
      sink.send(packet, facts);
  }
  /// A payload and its place in media time.
  struct Audio {
    std::uint64_t position = 0;
    std::uint64_t samples = 0;
    Bytes payload;
  };

  void change_resampler(const SenderSetup& setup);
  void change_digits(const SenderSetup& setup);
  void change_options(const SenderSetup& setup);
  void rebase() noexcept;
  [[nodiscard]] rtp::RtpTimestamp timestamp_of(std::uint64_t position) const noexcept;
  [[nodiscard]] rtp::RtpTimestamp event_timestamp_of(std::uint64_t position) const noexcept;

  void begin_piece(Instant now, codec::Pcm piece, Scratch& scratch) noexcept;
  void begin_payload(Instant now, Bytes payload, std::uint32_t ms) noexcept;
  void follow_clock(Instant now, std::uint32_t ms) noexcept;
  void take_piece(codec::Pcm samples, Scratch& scratch) noexcept;
  void note_pause(codec::Pcm samples) noexcept;
  [[nodiscard]] bool is_sounding() const noexcept;
  [[nodiscard]] codec::Pcm sound_digits(std::size_t samples, Scratch& scratch) noexcept;

  // Each of these makes one packet; false = none.
  [[nodiscard]] bool next_packet(Scratch& scratch, MutableBytes& packet, SentFacts& facts) noexcept;
  [[nodiscard]] bool take_frame(const codec::Framer::Frame& frame, Scratch& scratch,
                                MutableBytes& packet, SentFacts& facts) noexcept;
  [[nodiscard]] bool take_payload(const Audio& audio, Scratch& scratch, MutableBytes& packet,
                                  SentFacts& facts) noexcept;
  [[nodiscard]] bool take_event(std::uint64_t position, Scratch& scratch, MutableBytes& packet,
                                SentFacts& facts) noexcept;
  [[nodiscard]] bool take_noise(std::uint64_t position, Scratch& scratch, MutableBytes& packet,
                                SentFacts& facts) noexcept;
  [[nodiscard]] bool put_audio(const Audio& audio, Scratch& scratch, MutableBytes& packet,
                               SentFacts& facts) noexcept;
  [[nodiscard]] std::size_t add_redundancy(const Audio& audio, MutableBytes room) noexcept;
  [[nodiscard]] MutableBytes finish(std::size_t payload_bytes, Scratch& scratch,
                                    SentFacts& facts) noexcept;

  rtp::Ssrc ssrc_;
  std::uint16_t sequence_;
  Isa isa_;
  SenderSetup setup_;
  SenderStatistics statistics_;

  // Media time: samples at the encoder's rate, from where its format began.
  std::uint64_t position_ = 0;
  rtp::RtpTimestamp base_;        ///< timestamp of position 0
  rtp::RtpTimestamp event_base_;  ///< the same in the events' clock
  Instant due_;                   ///< when the next piece should come
  bool begun_ = false;
  bool marker_due_ = true;  ///< the next audio packet follows a silence

  std::unique_ptr<codec::Resampler> resampler_;  ///< null where rates are equal
  std::optional<codec::Framer> framer_;
  std::optional<codec::Encoder> encoder_;
  std::optional<codec::EventSender> events_;
  std::optional<Tones> tones_;  ///< where digits are sounded
  std::unique_ptr<Pauses> pauses_;

  // Redundancy: the payload of the frame before.
  std::unique_ptr<std::uint8_t[]> previous_;
  std::size_t previous_bytes_ = 0;
  std::uint64_t previous_at_ = 0;  ///< its position
  std::uint64_t previous_samples_ = 0;

  // Within one call.
  Bytes ready_;  ///< a payload to be sent
  std::uint64_t ready_samples_ = 0;
  std::uint32_t tone_pieces_ = 0;  ///< to be sounded in place of a payload
};
static_assert(sizeof(AudioSender) <= 1'536);

}  // namespace trunkyard::pipeline
