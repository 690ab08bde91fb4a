// AudioReceiver: what one leg's packets sound like. Takes the RTP that the leg's endpoint has
// accepted and gives exactly 10 ms of samples each time it is asked, at the rate of whoever
// listens, whatever the network did in between.
//
//   handle_packet ─> payload type ─> PayloadStore, JitterBuffer (redundancy unpacked)
//                        └ telephone-event ─> EventReceiver ─> next_digit
//   pull ─> JitterBuffer's decision ─> decode, conceal, comfort noise ─> stretch ─> resample
//        ─> SampleFifo ─> 10 ms ─> voice activity, digits in the audio ─> next_digit
//                                                                  └ HeldBack, so that these can
//                                                                    still be taken out
//
// Told the time; reads no clock, owns no socket. Setting up takes all memory, packets take none. A
// receiver of 8 kHz has 11 KB with PCMU and 30 KB with Opus, of which libopus is 18.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/isa.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/codec.h"
#include "codec/comfort_noise.h"
#include "codec/dtmf_detect.h"
#include "codec/event_receiver.h"
#include "codec/pcm.h"
#include "codec/resampler.h"
#include "codec/voice_activity.h"
#include "jitter/jitter_buffer.h"
#include "jitter/quality.h"
#include "pipeline/digit.h"
#include "pipeline/held_back.h"
#include "pipeline/payload_store.h"
#include "pipeline/payload_table.h"
#include "pipeline/sample_fifo.h"
#include "rtp/packet.h"

namespace trunkyard::pipeline {

/// Audio passes between legs in pieces of this length.
inline constexpr std::uint32_t kPieceMs = 10;
/// Samples of the longest piece.
inline constexpr std::size_t kPieceSamplesMax = codec::samples_of(kPcmRateHzMax, kPieceMs);

struct ReceiverSetup {
  /// As PayloadTable::Setup has it.
  std::span<const ReceivablePayload> payloads;
  jitter::BufferSize buffer_size = jitter::BufferSize::kMedium;
  /// Of what pull() gives: 8,000, 16,000 or 48,000.
  std::uint32_t rate_hz = 8'000;
  /// Listen for digits in the audio: for peers that say them in no other way, and listeners who
  /// are told of them in another. Everything is heard kHeldBackMs later then, so that an edge of
  /// next_digit() is known before more than a trace of the tone has been given away.
  bool detect_digits = false;
};

enum class PacketVerdict : std::uint8_t {
  kBuffered,   ///< will be heard when its time comes, or has told what silence sounds like
  kEvent,      ///< a telephone-event; ask next_digit()
  kRefused,    ///< duplicate, late, or of a source that isn't believed yet; see the statistics
  kUnknown,    ///< a payload type that isn't receivable
  kEmpty,      ///< without payload: keeps an address translation alive (RFC 6263 §4.6)
  kMalformed,  ///< a payload that its codec, or RFC 2198, doesn't allow
};

/// The best of what a piece is made of.
enum class Heard : std::uint8_t {
  kNothing,    ///< zeros: nothing has been received that could be played
  kPause,      ///< the peer sends nothing: comfort noise, or silence if it described none
  kConcealed,  ///< made up for what is lost or late
  kSpeech,     ///< what the peer sent
};

struct PullFacts {
  Heard heard = Heard::kNothing;
  /// Level and voice of the piece.
  codec::FrameActivity activity;
};

/// Totals since construction, except where a figure says otherwise.
struct ReceiverStatistics {
  jitter::BufferStatistics buffer = {};
  std::uint64_t unknown = 0;    ///< packets of payload types that aren't receivable
  std::uint64_t empty = 0;      ///< packets without payload
  std::uint64_t malformed = 0;  ///< payloads refused on arrival or by the decoder
  std::uint64_t recovered = 0;  ///< losses filled from the next packet's copy (Opus)
  std::uint64_t stretched = 0;  ///< pieces made longer or shorter to change the delay
  std::uint64_t concealed_ms = 0;
  std::uint64_t comfort_ms = 0;
  /// From arrival to being heard, mean over the packets of the last whole second; of the one before
  /// if none was played in it. What is held back is in it.
  Duration delay_mean;
  /// What the buffer aims at now, and the peer's jitter (RFC 3550 §6.4.1).
  Duration delay_target;
  Duration jitter;
  /// Since the events' clock was agreed on.
  codec::EventCounters events = {};
};

/// One leg's. Neither copied nor moved; one media thread.
class AudioReceiver {
 public:
  struct Options {
    Isa isa = Isa::kC;  ///< no more than best_isa()
    /// Of the comfort noise: legs with different seeds don't hiss in step.
    std::uint64_t seed = 0;
  };

  /// Receives nothing until set_up().
  explicit AudioReceiver(const Options& options);
  AudioReceiver(const AudioReceiver&) = delete;
  AudioReceiver& operator=(const AudioReceiver&) = delete;

  /// A first or new offer or answer. What both have in common goes on: the stream, packets that
  /// wait, decoders of codecs that stay. Another rate drops less than 10 ms of decoded audio; that
  /// and the beginning and the end of listening for digits drop what is held back. Allocates. Ask
  /// next_digit() afterwards: a key that is down ends when events are no longer
  /// received or their clock changes, and a digit that sounds when the audio isn't listened to for
  /// digits any more.
  /// @returns kConfigInvalid, and nothing changed, for a rate or a format that is none, a payload
  ///          type above 127, too many of either, or a clock rate out of 1..48,000.
  [[nodiscard]] Result<void> set_up(const ReceiverSetup& setup);

  /// Hot path. A packet from the leg's right source; its bytes are free again afterwards. CHECKs
  /// that next_digit() was asked since the last call of any kind.
  /// @param now its arrival.
  PacketVerdict handle_packet(Instant now, const rtp::PacketView& packet) noexcept;

  /// Hot path, every 10 ms. The next piece. CHECKs as handle_packet() does.
  /// @param now the tick's nominal time, not when the thread came round to it.
  /// @param out exactly 10 ms at rate_hz() (CHECKed); all of it is written.
  PullFacts pull(Instant now, codec::MutablePcm out) noexcept;

  /// Nobody listens for a while: nothing that waits or is half said will be heard, and what comes
  /// later begins anew, whatever it is by then. What isn't handed in meanwhile is no loss; totals
  /// go on. Ends a digit that sounds in the audio, not a key that is down. Allocates nothing. Ask
  /// next_digit() afterwards.
  void restart() noexcept;

  /// For a caller who can choose the time of its pulls: how many steps later (above 0) or sooner
  /// they should come for packets to wait no longer than the network asks for. To be asked about
  /// once a second (JitterBuffer::tick_wish).
  /// @param step how finely the time can be chosen; above 0.
  [[nodiscard]] std::int32_t pull_wish(Duration step) noexcept {
    const jitter::MediaTime media = jitter::media_of(step);
    return static_cast<std::int32_t>(buffer_.tick_wish(media) / media);
  }

  /// Takes out the oldest edge that the last call made known; false when there is none. To be asked
  /// after set_up(), handle_packet(), pull() and restart() until it says so.
  [[nodiscard]] bool next_digit(Digit& digit) noexcept;

  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  /// The codec heard last; nothing before the first packet was played.
  [[nodiscard]] std::optional<codec::Format> format() const noexcept;
  [[nodiscard]] ReceiverStatistics statistics() const noexcept;
  /// What the call has sounded like so far, from the received packets alone.
  /// @param network one way, as far as it is known (half the round trip); else zero.
  [[nodiscard]] jitter::Quality quality(Duration network) const noexcept;

 private:
  using Codec = PayloadTable::Codec;
  /// For peers whose digits are in the audio.
  struct Ear {
    codec::DtmfDetector detector;
    codec::Resampler resampler;  ///< to the detector's rate
    HeldBack held;
  };
  struct EventSource {
    bool known = false;
    rtp::Ssrc ssrc{};
    std::uint16_t sequence = 0;
  };
  /// A call makes known at most 4 edges of events, or one and 4 in the audio; a restart() beside it
  /// one more.
  static constexpr std::uint32_t kDigitsMax = 8;

  // Setting up.
  void change_rate();
  void change_events();
  void change_ear(bool detect);

  // Packets.
  PacketVerdict handle_payload(Instant now, const jitter::Arrival& header,
                               std::uint8_t payload_type, Bytes payload) noexcept;
  PacketVerdict handle_audio(Instant now, const jitter::Arrival& header, const Codec& codec,
                             Bytes payload) noexcept;
  PacketVerdict handle_noise(Instant now, const jitter::Arrival& header,
                             std::uint32_t clock_rate_hz, Bytes payload) noexcept;
  PacketVerdict handle_event(Instant now, const jitter::Arrival& header, Bytes payload) noexcept;
  PacketVerdict handle_redundancy(Instant now, const jitter::Arrival& header,
                                  Bytes payload) noexcept;
  void note_number(Instant now, const jitter::Arrival& header, jitter::MediaKind kind) noexcept;
  [[nodiscard]] bool is_event_source(const jitter::Arrival& header, bool is_beside) noexcept;
  [[nodiscard]] PacketVerdict insert(Instant now, jitter::Arrival& arrival, Bytes payload) noexcept;
  [[nodiscard]] bool store(Bytes payload, jitter::PacketRef& ref) noexcept;
  void free_released() noexcept;

  // Playout; audio_playout.cc.
  void step(Instant now) noexcept;
  void play(const jitter::Decision& decision) noexcept;
  void begin_codec(Codec& codec) noexcept;
  void play_rest() noexcept;
  void conceal(jitter::MediaTime length, Bytes next) noexcept;
  void conceal_piece(Bytes next) noexcept;
  void pause(jitter::MediaTime length) noexcept;
  void update_noise(const jitter::Decision& decision) noexcept;
  void add_noise(codec::PcmFrame& frame) noexcept;
  void emit(const codec::PcmFrame& frame) noexcept;
  void lead_over(std::int16_t from, codec::MutablePcm out) const noexcept;
  [[nodiscard]] bool is_opus() const noexcept;
  [[nodiscard]] std::uint32_t playing_rate_hz() const noexcept;
  [[nodiscard]] std::size_t samples_of_media(jitter::MediaTime length) const noexcept;
  void listen_for_digits(codec::Pcm piece) noexcept;
  void add_edges(const codec::EventEdges& edges) noexcept;
  void add_heard(const codec::DtmfEdges& edges) noexcept;
  void add_digit(const Digit& digit) noexcept;
  void follow_delay() noexcept;
  [[nodiscard]] Duration delay_mean() const noexcept;

  Options options_;
  std::uint32_t rate_hz_ = 8'000;
  jitter::BufferSize buffer_size_ = jitter::BufferSize::kMedium;
  PayloadTable payloads_;

  jitter::JitterBuffer buffer_;
  PayloadStore store_;
  SampleFifo fifo_;

  // What is being played.
  Codec* playing_ = nullptr;            ///< heard last
  bool begins_ = false;                 ///< what is played next follows nothing of it
  bool rest_pending_ = false;           ///< a packet longer than one frame, decoded in part
  jitter::PacketRef rest_;              ///< that packet
  std::size_t rest_from_ = 0;           ///< where to go on in it
  jitter::MediaTime rest_length_ = 0;   ///< what is left of it to be heard
  jitter::MediaTime skip_ = 0;          ///< what is left of it before that
  jitter::MediaTime stretch_ = 0;       ///< asked for with it, not done yet
  jitter::MediaTime conceal_left_ = 0;  ///< of a concealment longer than one frame
  Heard heard_ = Heard::kNothing;       ///< what fifo_ got last
  std::int16_t sample_last_ = 0;        ///< the last that fifo_ got
  bool join_due_ = false;               ///< what comes next doesn't follow that one
  bool cut_due_ = false;                ///< the next piece doesn't follow given_last_
  std::int16_t given_last_ = 0;         ///< the last sample of the last piece
  codec::FrameActivity activity_;
  codec::VoiceActivity voice_;

  // Pauses.
  bool noise_known_ = false;
  codec::ComfortNoise noise_told_;  ///< as the peer described it last
  std::uint32_t noise_rate_hz_ = 8'000;
  codec::NoiseGenerator noise_;

  // Digits.
  std::optional<codec::EventReceiver> events_;
  std::uint32_t event_clock_hz_ = 0;
  EventSource event_source_;     ///< whose events count
  EventSource event_candidate_;  ///< who else has sent one, and its number
  std::unique_ptr<Ear> ear_;
  std::array<Digit, kDigitsMax> digits_ = {};
  std::uint32_t digit_first_ = 0;
  std::uint32_t digit_count_ = 0;

  // Books.
  std::uint64_t unknown_ = 0;
  std::uint64_t empty_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t recovered_ = 0;
  std::uint64_t stretched_ = 0;
  std::uint32_t second_pieces_ = 0;  ///< pulled in the second that runs
  std::uint64_t second_played_ = 0;  ///< totals when it began
  Duration second_delay_sum_;
  Duration delay_mean_;
};
static_assert(sizeof(AudioReceiver) <= 3'328);

}  // namespace trunkyard::pipeline
