// MediaThread: one OS thread with everything its legs need: sockets, ports, packet buffer, rings.
// No packet ever takes a lock or allocates, because nothing here is shared but the rings and the
// statistics slots, and all memory is taken by the constructor.
//
//   sleep in epoll -+-> datagram: receive, judge, count, forward            (packets.cc)
//                   +-> orders:   carry out, answer (orders.cc, key_, audio_, sound_,
//                                 conference_orders.cc)
//                   +-> turn:     audio decoded and encoded here             (audio_tick.cc)
//                   +-> tick:     reports, silence, statistics, late events (ticks.cc)
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/isa.h"
#include "base/limits.h"
#include "base/prng.h"
#include "base/slab.h"
#include "base/spsc.h"
#include "base/time.h"
#include "engine/audio_legs.h"
#include "engine/conferences.h"
#include "engine/contract.gen.h"
#include "engine/file_port.h"
#include "engine/files_thread.h"
#include "engine/kernel_path.h"
#include "engine/kernel_streams.h"
#include "engine/leg.h"
#include "engine/load_gauge.h"
#include "engine/play_desk.h"
#include "engine/region.h"
#include "engine/relay_times.h"
#include "engine/tap_desk.h"
#include "io/poller.h"
#include "io/port_pool.h"
#include "io/wake.h"
#include "pipeline/payload_converter.h"

namespace trunkyard::engine {

/// One of the node's addresses for media.
struct MediaAddress {
  SocketAddress bind;  ///< its port is ignored
  io::PortRange ports;
};

/// What the host gives each of its threads.
struct MediaThreadConfig {
  std::uint32_t index = 0;
  std::vector<MediaAddress> addresses;
  Duration port_rest;
  std::uint64_t seed = 0;
  /// RTCP CNAME of this node.
  std::string cname;
  Isa isa = Isa::kC;
  /// The host's; outlives the thread.
  FilesThread* files = nullptr;
  /// Of the host, which keeps it longer than its threads; null = every packet goes by the sockets.
  KernelPath* kernel_path = nullptr;
  /// Of the largest conference.
  std::uint32_t conference_participants_max = kMixParticipantsMax;
  /// The host's; outlives its threads.
  ConferenceLines* conference_lines = nullptr;
};

/// How many conferences a thread with so many endpoints may have: the smallest has two
/// participants.
[[nodiscard]] constexpr std::uint32_t conferences_max(std::uint32_t endpoints) noexcept {
  return (endpoints + 1) / 2;
}

/// Counters in the contract's order. @param into exactly contract::kCounterCount values (CHECKed).
void fill_counters(const Leg& leg, std::span<double> into) noexcept;

class MediaThread {
 public:
  /// Takes all memory. `orders` and `events` are this thread's ends of the pipes.
  MediaThread(const MediaThreadConfig& config, Region region, io::Poller poller,
              io::WakeListener orders, io::WakeSender events);
  ~MediaThread();
  MediaThread(const MediaThread&) = delete;
  MediaThread& operator=(const MediaThread&) = delete;

  /// @returns kSystemCallFailed when the order pipe can't be watched.
  [[nodiscard]] Result<void> start();
  /// Closes every leg and joins. Twice is fine.
  void stop() noexcept;

 private:
  enum class Source : std::uint32_t { kOrders, kRtp, kRtcp };
  using Counter = contract::NodeCounter;

  void run() noexcept;
  /// A datagram, and behind it what SRTP may add on the way out.
  using PacketBuffer = std::array<std::uint8_t, kPacketBytesMax + kSrtpTailBytesMax>;
  /// A datagram taken from an RTP port and not handled yet.
  struct Arrival {
    std::uint32_t slot = 0;
    bool vouched = false;
    std::size_t bytes = 0;
    SocketAddress source;
    alignas(kCacheLineBytes) PacketBuffer data;
  };
  /// Enough to keep the caches warm, few enough that the first doesn't wait long for the last.
  static constexpr std::size_t kArrivalsMax = 32;

  void dispatch_all(std::span<const std::uint64_t> tags) noexcept;
  /// Handles a round's packets. @param first place of the first of them in the round.
  void handle_arrivals(Instant now, std::span<Arrival> arrivals, std::size_t first) noexcept;
  /// @returns whether `into` holds a datagram that handle_arrival has to see.
  [[nodiscard]] bool dispatch(std::uint64_t tag, Arrival& into) noexcept;
  [[nodiscard]] static std::uint64_t tag_of(Source source, std::uint32_t slot) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(source)} << 32 | slot;
  }
  void count(Counter counter) noexcept { ++counters_[static_cast<std::size_t>(counter)]; }
  [[nodiscard]] std::uint64_t& counter(Counter counter) noexcept {
    return counters_[static_cast<std::size_t>(counter)];
  }

  // packets.cc
  [[nodiscard]] io::IoStatus take_from_rtp_port(std::uint32_t slot, Leg& leg,
                                                Arrival& into) noexcept;
  void handle_arrival(Instant now, Arrival& arrival) noexcept;
  /// Takes and handles one datagram. @returns false when there was none.
  bool receive_rtp_port(std::uint32_t slot, Leg& leg) noexcept;
  bool receive_rtcp_port(std::uint32_t slot, Leg& leg) noexcept;
  /// @param buffer the datagram and, behind it, room for kSrtpTailBytesMax.
  void handle_rtp(Instant now, std::uint32_t slot, Leg& leg, MutableBytes buffer,
                  const SocketAddress* source) noexcept;
  void handle_rtcp(Instant now, Leg& leg, MutableBytes datagram,
                   const SocketAddress* source) noexcept;
  /// @param buffer the packet and, behind it, room for kSrtpTailBytesMax.
  void forward(Leg& leg, Instant now, MutableBytes buffer,
               const pipeline::RtpOutcome& outcome) noexcept;
  /// Protects, if the leg has keys, and sends to its peer. @param buffer as above.
  [[nodiscard]] bool send_rtp(Leg& leg, MutableBytes buffer, std::size_t bytes) noexcept;
  void relay_rtcp(Leg& leg, Instant now, Bytes datagram, bool without_bye) noexcept;
  [[nodiscard]] bool send_rtcp(Leg& leg, Bytes datagram) noexcept;
  void note_receive_error(io::IoStatus status) noexcept;
  /// Whether a datagram of this socket may be looked at; pauses the socket when it may not.
  [[nodiscard]] bool within_rate(Leg& leg, Channel& channel) noexcept;

  // orders.cc
  void start_epoch(std::uint32_t epoch) noexcept;
  void handle_orders() noexcept;
  [[nodiscard]] contract::Code carry_out(const contract::OrderHeader& order) noexcept;
  void open_endpoint(const contract::OpenEndpointOrder& order) noexcept;
  [[nodiscard]] contract::Code open_leg(std::uint8_t address_index, Handle& handle) noexcept;
  [[nodiscard]] contract::Code bind_pair(std::uint8_t address_index, Leg& leg) noexcept;
  [[nodiscard]] contract::Code update_endpoint(const contract::UpdateEndpointOrder& order) noexcept;
  [[nodiscard]] contract::Code switch_rtcp_socket(Handle handle, Leg& leg, bool mux) noexcept;
  [[nodiscard]] contract::Code open_link(const contract::OpenLinkOrder& order) noexcept;
  [[nodiscard]] contract::Code close_link(const contract::CloseLinkOrder& order) noexcept;
  [[nodiscard]] contract::Code set_keys(const contract::SetKeysOrder& order) noexcept;
  /// Of a suite other than "off". What is refused leaves the leg's keys as they were.
  [[nodiscard]] contract::Code take_keys(Leg& leg, const contract::SetKeysOrder& order) noexcept;
  void close_endpoint(const contract::CloseEndpointOrder& order) noexcept;
  void close_leg(Handle handle, Leg& leg, Instant now) noexcept;
  void say_goodbye(Leg& leg, Instant now) noexcept;
  void answer(const contract::OrderHeader& order, contract::Code code) noexcept;
  template <typename Event>
  [[nodiscard]] bool push_event(Event event, contract::EventKind kind) noexcept;

  // audio_orders.cc
  [[nodiscard]] contract::Code set_audio(const contract::SetAudioOrder& order) noexcept;
  [[nodiscard]] contract::Code set_sender(
      Leg& leg, const std::optional<pipeline::SenderSetup>& setup) noexcept;
  [[nodiscard]] contract::Code set_receiver(Leg& leg, const Receivable& receivable) noexcept;
  /// Ends what the peer holds down, before its receiver goes: nobody would tell of it any more.
  /// @param is_watched its telephone-events go on being looked at.
  void end_presses(Leg& leg, bool is_watched) noexcept;
  /// Sets a leg's receiver up again, at the rate of whoever listens to it now.
  [[nodiscard]] contract::Code tune(Leg& leg) noexcept;
  [[nodiscard]] contract::Code open_decoded_link(Handle handle, Leg& from, Handle to,
                                                 Leg& target) noexcept;
  void change_link(Leg& leg, const pipeline::Link& link) noexcept;
  /// Packets are for the leg's receiver, if it has one, unless a link forwards them and nobody
  /// wants them here as well.
  void follow_link(Leg& leg) noexcept;
  [[nodiscard]] contract::Code send_digits(const contract::SendDigitsOrder& order) noexcept;

  // sound_orders.cc
  void load_clip(const contract::LoadClipOrder& order) noexcept;
  void unload_clip(const contract::UnloadClipOrder& order) noexcept;
  /// What the files thread has to say: answers to orders, ends of recordings.
  void take_file_answers() noexcept;
  void tell_file_answer(const FileAnswer& answer) noexcept;
  /// @param order to play a clip or a tone, or to stop that.
  template <typename Order>
  [[nodiscard]] contract::Code change_play(const Order& order) noexcept;
  [[nodiscard]] contract::Code detect_speech(const contract::DetectSpeechOrder& order) noexcept;
  /// After each touch of what is played to a leg: its peer hears the link or that, and what is over
  /// waits to be told.
  void follow_player(Leg& leg) noexcept;
  /// @param player of the target; null = none. @returns whether nothing is left to be told.
  [[nodiscard]] bool tell_plays(contract::SoundTarget target, Handle handle,
                                pipeline::Player* player) noexcept;
  [[nodiscard]] bool tell_speech(Handle handle, Leg& leg) noexcept;
  // conference_orders.cc
  void open_conference(const contract::OpenConferenceOrder& order) noexcept;
  [[nodiscard]] contract::Code set_participant(const contract::SetParticipantOrder& order) noexcept;
  [[nodiscard]] contract::Code close_conference(Handle handle) noexcept;
  [[nodiscard]] contract::Code leave_conference(Handle handle) noexcept;
  /// Ends a leg's link, and the one that leads back.
  void end_links(Handle handle, Leg& leg) noexcept;
  [[nodiscard]] static bool confers(const Leg& leg) noexcept {
    return leg.audio != nullptr && leg.audio->hears.kind == Hears::Kind::kConference;
  }

  // recording_orders.cc
  [[nodiscard]] contract::Code start_recording(const contract::StartRecordingOrder& order) noexcept;
  [[nodiscard]] contract::Code pause_recording(const contract::PauseRecordingOrder& order) noexcept;
  [[nodiscard]] contract::Code stop_recording(const contract::StopRecordingOrder& order) noexcept;
  /// @param change what becomes of the taps of the order's target, and what it is answered.
  template <typename Order, typename Change>
  [[nodiscard]] contract::Code change_taps(const Order& order, Change change) noexcept;
  /// Streams that are forwarded from or to a leg are decoded as well, or no longer.
  void follow_tap(Leg& leg) noexcept;
  /// Recordings of a leg go on, and end, where no turns bring anything.
  void pass_recorded_time(Leg& leg, Instant now) noexcept;
  void tell_recording(const FileAnswer& answer) noexcept;

  // audio_tick.cc
  struct PacketSink;
  void take_audio_turns() noexcept;
  void take_conference_turn(std::uint32_t slot, Instant nominal) noexcept;
  void take_turn(Handle handle, Leg& leg, Instant nominal) noexcept;
  /// What is played to a leg, in its turn. @param piece what the link brought, and the answer.
  /// @returns whether the piece is still to be sent, as it is now.
  [[nodiscard]] bool play(Handle handle, Leg& leg, Instant nominal, codec::MutablePcm piece,
                          bool link_heard) noexcept;
  /// 10 ms for a leg's taps; one that is over goes.
  void record(Leg& leg, pipeline::Side side, Instant nominal, std::uint32_t rate_hz,
              codec::Pcm piece) noexcept;
  /// Who hears a forwarded leg and has that recorded; null = nobody.
  [[nodiscard]] Leg* recorder_of(const Leg& leg) noexcept;
  /// Whether a forwarded leg is the one that its recorder hears: a recording has room for one.
  /// @param far recorder_of() the leg.
  [[nodiscard]] bool is_recorded(Handle handle, const Leg& leg, Leg& far) noexcept;
  void pull(Handle handle, Leg& leg, Instant nominal, codec::MutablePcm into) noexcept;
  /// Whom the leg of that handle hears; null = nobody.
  [[nodiscard]] Leg* talker_of(Handle handle, const LegAudio& audio) noexcept;
  /// Whom the leg's audio is decoded for, at the rate that he encodes; null = nobody.
  [[nodiscard]] Leg* hearer_of(const Leg& leg) noexcept;
  /// The same if he is being sent to, and so pulls it; null = nobody.
  [[nodiscard]] Leg* listener_of(const Leg& leg) noexcept;
  /// A packet for the leg's own receiver.
  void listen(Leg& leg, Instant now, Bytes datagram) noexcept;
  /// A forwarded packet's copy for the leg's own receiver, before anything is done to it but the
  /// change of its payload type.
  void overhear(Leg& leg, Instant now, Bytes datagram,
                const pipeline::RtpOutcome& outcome) noexcept;
  /// What a forwarded packet needs beside forwarding. @returns whether it goes on.
  [[nodiscard]] bool treat(Leg& leg, Instant now, MutableBytes datagram,
                           pipeline::Treatment treatment) noexcept;
  void take_digits(Leg& leg) noexcept;
  /// Ends the press that the leg's peer is told of, unless it is still made by whom it hears.
  void release_key(Handle handle, LegAudio& audio) noexcept;
  void take_watched_digits(Leg& leg) noexcept;
  void note_digit(Leg& leg, const pipeline::Digit& digit) noexcept;
  void relieve_encoders() noexcept;
  void relieve(LegAudio& audio) noexcept;

  // ticks.cc
  void tick(Instant now) noexcept;
  void sweep(std::uint32_t slot, Leg& leg, Instant now) noexcept;
  void vouch(std::uint32_t slot, Leg& leg, Instant now) noexcept;
  /// Handles what is queued. @returns whether the queue was seen empty.
  bool empty_rtp_port(std::uint32_t slot, Leg& leg) noexcept;
  /// Moves the turns of a leg that hears another one to when that one's packets have come.
  void place_turn(Handle handle, const Leg& leg) noexcept;
  void offer_to_kernel(std::uint32_t slot, Leg& leg, Instant now) noexcept;
  /// A new second for a socket; one that was paused is read again.
  void refill(Channel& channel, std::uint64_t tag) noexcept;
  [[nodiscard]] pipeline::ReportContext report_context(Instant now) const noexcept;
  void tell_pending(Handle handle, Leg& leg) noexcept;
  [[nodiscard]] bool tell_digits(Handle handle, Leg& leg) noexcept;
  void publish_leg(Handle handle, const Leg& leg) noexcept;
  void publish_node(Instant now) noexcept;

  const std::uint32_t index_;
  const std::vector<MediaAddress> addresses_;
  const std::string cname_;
  const Isa isa_;
  Region region_;
  io::Poller poller_;
  io::WakeListener order_pipe_;
  io::WakeSender event_pipe_;
  SpscConsumer orders_;
  SpscProducer events_;
  Prng prng_;
  std::vector<io::PortPool> ports_;
  Slab<Leg> legs_;
  AudioLegs audio_legs_;
  FilePort files_;
  PlayDesk plays_;
  TapDesk recordings_;
  Conferences conferences_;
  LoadGauge load_gauge_;
  RelayTimes relay_times_;
  const pipeline::PayloadConverter to_a_law_;
  const pipeline::PayloadConverter to_mu_law_;
  KernelStreams::Counters counters_ = {};
  KernelStreams kernel_streams_;

  std::uint32_t epoch_ = 0;
  bool orders_waiting_ = false;
  bool events_told_ = false;
  Duration unix_offset_;
  Instant next_tick_;
  std::uint32_t sweep_slot_ = 0;

  std::atomic<bool> stopping_ = false;
  std::thread thread_;
  std::array<Arrival, kArrivalsMax> arrivals_;
  std::array<std::uint8_t, kPacketBytesMax> packet_;
  std::array<std::uint8_t, kPacketBytesMax> scratch_;
  PacketBuffer sealed_;
};

}  // namespace trunkyard::engine
