// Parties of calls whose audio is decoded in the engine: they talk in real time with codecs of
// their own, keep what they hear, and read digits and reports. And the orders that such calls need.
#pragma once

#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <numbers>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "codec/codec.h"
#include "codec/event_receiver.h"
#include "codec/telephone_event.h"
#include "native/codec/listen.h"
#include "native/engine/rig.h"
#include "rtp/packet.h"

namespace test::party {

/// A codec as signalling names it.
struct Voice {
  contract::PayloadKind kind = contract::PayloadKind::kPcmu;
  std::uint8_t payload_type = 0;
  std::uint32_t rate_khz = 8;

  [[nodiscard]] codec::Format format() const {
    return {static_cast<codec::CodecKind>(kind), rate_khz * 1'000};
  }
};
inline constexpr Voice kPcmu{contract::PayloadKind::kPcmu, 0, 8};
inline constexpr Voice kPcma{contract::PayloadKind::kPcma, 8, 8};
inline constexpr Voice kG722{contract::PayloadKind::kG722, 9, 16};
inline constexpr Voice kOpus{contract::PayloadKind::kOpus, 111, 48};

inline constexpr std::uint8_t kEventType = 101;
inline constexpr std::uint8_t kNoType = contract::kPayloadTypeDropped;
inline constexpr std::uint32_t kFrameMs = 20;

inline std::uint32_t receivable(std::uint32_t payload_type, contract::PayloadKind kind,
                                std::uint32_t rate_khz) {
  return payload_type | static_cast<std::uint32_t>(kind) << 8 | rate_khz << 16;
}

/// Receives and sends one codec, and telephone-events unless told otherwise.
struct AudioWishes {
  Voice voice = kPcmu;
  bool events = true;
  contract::BufferSize buffer = contract::BufferSize::kMedium;
  bool detect_tones = false;
  std::uint8_t packet_ms = kFrameMs;
  /// Of our encoder; 0 = the codec's own.
  std::uint8_t send_rate_khz = 0;
};

inline contract::SetAudioOrder audio_order(std::uint32_t handle, const AudioWishes& wishes = {}) {
  contract::SetAudioOrder order;
  order.endpoint = handle;
  const auto add = [&](std::uint32_t packed) { order.receive[order.receive_count++] = packed; };
  const Voice& voice = wishes.voice;
  add(receivable(voice.payload_type, voice.kind, voice.rate_khz));
  if (wishes.events) add(receivable(kEventType, contract::PayloadKind::kTelephoneEvent, 8));
  order.buffer_size = static_cast<std::uint8_t>(wishes.buffer);
  order.detect_tones = wishes.detect_tones ? 1 : 0;
  order.send_payload_type = voice.payload_type;
  order.send_kind = static_cast<std::uint8_t>(voice.kind);
  order.send_rate_khz =
      wishes.send_rate_khz != 0 ? wishes.send_rate_khz : static_cast<std::uint8_t>(voice.rate_khz);
  order.packet_ms = wishes.packet_ms;
  order.event_payload_type = wishes.events ? kEventType : kNoType;
  order.event_rate_khz = 8;
  order.comfort_payload_type = kNoType;
  order.redundancy_payload_type = kNoType;
  order.opus_complexity = 5;
  order.opus_playback_rate_hz = 48'000;
  return order;
}
inline contract::Code set_audio(Rig& rig, const contract::SetAudioOrder& order) {
  CHECK(rig.submit(contract::OrderKind::kSetAudio, order));
  return rig.answer().code();
}
inline contract::Code set_audio(Rig& rig, std::uint32_t handle, const AudioWishes& wishes = {}) {
  return set_audio(rig, audio_order(handle, wishes));
}
inline contract::Code link_decoded(Rig& rig, std::uint32_t from, std::uint32_t to) {
  contract::OpenLinkOrder order;
  order.endpoint = from;
  order.to = to;
  std::memset(order.payload_map, contract::kPayloadTypeDropped, sizeof order.payload_map);
  order.mode = static_cast<std::uint8_t>(contract::LinkMode::kDecoded);
  CHECK(rig.submit(contract::OrderKind::kOpenLink, order));
  return rig.answer().code();
}

/// Someone at the far end of a leg. Talks a tone until told otherwise.
class Party {
 public:
  /// @param port_of_leg where its packets go.
  Party(const Voice& voice, double tone_hz)
      : voice_(voice),
        tone_hz_(tone_hz),
        encoder_(codec::Encoder::open({.format = voice.format(),
                                       .frame_ms = kFrameMs,
                                       .isa = best_isa(),
                                       .opus = opus_policy_of(voice)})
                     .value()),
        decoder_(codec::Decoder::open({.format = voice.format(), .isa = best_isa()}).value()),
        events_({.clock_rate_hz = 8'000}) {}

  [[nodiscard]] SocketAddress address() const { return peer.address(); }
  [[nodiscard]] std::uint32_t rate_hz() const { return voice_.rate_khz * 1'000; }

  /// The next packet of its tone.
  [[nodiscard]] Buffer next_packet() {
    Samples frame(encoder_.frame_samples());
    const double peak = codec::sine_peak_of_dbov(kToneDbov);
    for (std::int16_t& sample : frame) {
      const double angle = 2 * std::numbers::pi * tone_hz_ * static_cast<double>(sample_++) /
                           static_cast<double>(rate_hz());
      sample = codec::to_sample(static_cast<float>(peak * std::sin(angle)));
    }
    return packet_of(frame);
  }
  /// The next packet, with samples of the test's own.
  [[nodiscard]] Buffer packet_of(const Samples& frame) {
    Buffer payload(codec::kOpusPayloadBytesMax);
    payload.resize(encoder_.encode(frame, payload).value().bytes);
    return packet(voice_.payload_type, timestamp_ += encoder_.frame_clock(), payload);
  }
  /// Packets of one key press of 100 ms: five, and the end twice more.
  [[nodiscard]] std::vector<Buffer> press(std::uint8_t event) {
    std::vector<Buffer> packets;
    const std::uint32_t began = timestamp_ += encoder_.frame_clock();
    for (std::uint16_t count = 1; count <= 7; ++count) {
      const auto payload = codec::write_telephone_event(
          {.event = event,
           .end = count >= 5,
           .volume = 10,
           .duration = static_cast<std::uint16_t>(160 * std::min<int>(count, 5))});
      packets.push_back(packet(kEventType, began, Buffer(payload.begin(), payload.end())));
    }
    timestamp_ = began + 7 * encoder_.frame_clock();
    return packets;
  }

  /// Takes what has come. @param under what its packets are protected by; null = nothing.
  void hear(srtp::ReceiveContext* under = nullptr) {
    for (Buffer datagram = peer.receive(0); !datagram.empty(); datagram = peer.receive(0))
      take(datagram, under);
  }

  Peer peer;
  Samples heard;
  std::string digits;                    ///< pressed at the far end, as heard in packets
  std::set<std::uint32_t> event_times;   ///< their timestamps
  std::vector<std::uint16_t> sequences;  ///< as they came
  std::set<std::uint32_t> ssrcs;
  std::vector<Buffer> reports;
  Buffer latest;  ///< payload of audio
  std::uint32_t packets = 0;
  std::uint32_t unreadable = 0;
  static constexpr double kToneDbov = -16;

 private:
  [[nodiscard]] static codec::OpusPolicy opus_policy_of(const Voice& voice) {
    if (voice.kind != contract::PayloadKind::kOpus) return {};
    return codec::opus_policy({}, {.source_rate_hz = voice.rate_khz * 1'000});
  }
  [[nodiscard]] Buffer packet(std::uint8_t type, std::uint32_t timestamp, const Buffer& payload) {
    return APacket{}
        .payload_type(type)
        .sequence(++sequence_)
        .timestamp(timestamp)
        .ssrc(ssrc_)
        .payload(payload)
        .bytes();
  }
  void take(Buffer datagram, srtp::ReceiveContext* under) {
    if (datagram.size() > 1 && datagram[1] >= 200 && datagram[1] <= 204) {
      reports.push_back(datagram);
      return;
    }
    if (under != nullptr) {
      const srtp::Outcome outcome = under->unprotect_rtp(datagram);
      if (outcome.verdict != srtp::Verdict::kOk) ++unreadable;
      datagram.resize(outcome.bytes);
    }
    const Result<rtp::PacketView> view = rtp::PacketView::parse(datagram);
    if (!view) return;
    ++packets;
    sequences.push_back(view->sequence());
    ssrcs.insert(static_cast<std::uint32_t>(view->ssrc()));
    if (view->payload_type() == kEventType) {
      const auto edges = events_.handle_packet(Instant{}, view->timestamp(), view->payload());
      event_times.insert(static_cast<std::uint32_t>(view->timestamp()));
      for (const codec::EventEdge& edge : edges.edges()) {
        if (edge.kind == codec::EventEdge::Kind::kEnd)
          digits += codec::digit_of_event(edge.event).value_or('?');
      }
    } else if (view->payload_type() == voice_.payload_type) {
      latest.assign(view->payload().begin(), view->payload().end());
      codec::PcmFrame frame;
      if (!decoder_.decode(view->payload(), 0, frame)) ++unreadable;
      heard.insert(heard.end(), frame.samples().begin(), frame.samples().end());
    } else {
      ++unreadable;
    }
  }

  Voice voice_;
  double tone_hz_;
  codec::Encoder encoder_;
  codec::Decoder decoder_;
  codec::EventReceiver events_;
  std::uint64_t sample_ = 0;
  std::uint16_t sequence_ = 0;
  std::uint32_t timestamp_ = 160;
  std::uint32_t ssrc_ = static_cast<std::uint32_t>(7 + tone_hz_);
};

/// Whether some 200 ms of the last two seconds that a party heard are a tone: within 1 Hz and 1 dB
/// of the one that was sent (SPEC A25). Not all of them, as a busy machine leaves gaps.
inline bool hears_tone(const Party& party, double hz) {
  const std::size_t step = party.rate_hz() / 10;
  const double rate_hz = party.rate_hz();
  const codec::Pcm heard(party.heard);
  const codec::Pcm latest = heard.last(std::min(heard.size(), 20 * step));
  for (std::size_t at = 0; at + 2 * step <= latest.size(); at += step) {
    const codec::Pcm piece = latest.subspan(at, 2 * step);
    // The level first: it costs a hundredth of the frequency.
    if (std::abs(sine_dbov(piece, rate_hz, hz) - Party::kToneDbov) >= 1) continue;
    if (std::abs(loudest_hz(piece, rate_hz, hz - 8, hz + 8) - hz) < 1) return true;
  }
  return false;
}

/// Calls `each` every 20 ms, as a telephone would send, until `done` or for twenty seconds.
/// @param ask_every frames between two questions: measuring takes longer than a frame.
/// @returns whether it was done.
inline bool in_real_time(const std::function<void()>& each, const std::function<bool()>& done,
                         int ask_every = 1) {
  constexpr std::chrono::milliseconds kFrame{20};
  auto next = std::chrono::steady_clock::now();
  for (int frame = 1; frame <= 1000; ++frame) {
    each();
    if (frame % ask_every == 0) {
      if (done()) return true;
      // What was missed meanwhile is missed: a burst is no telephone. Waking up a moment late isn't
      // missing anything: added up, it would be a clock that runs slow.
      const auto now = std::chrono::steady_clock::now();
      if (now - next > kFrame) next = now;
    }
    next += kFrame;
    std::this_thread::sleep_until(next);
  }
  return false;
}
/// For questions to hears_tone().
inline constexpr int kMeasureEvery = 20;

inline constexpr double kLeftHz = 1'000;
inline constexpr double kRightHz = 620;

/// Two parties who hear each other through decoder and encoder.
struct DecodedCall {
  DecodedCall(Rig& rig, const AudioWishes& left_wishes, const AudioWishes& right_wishes,
              std::uint32_t affinity = 0)
      : alice(left_wishes.voice, kLeftHz),
        bob(right_wishes.voice, kRightHz),
        left(rig.open(affinity)),
        right(rig.open(affinity)) {
    CHECK(rig.update(left.handle, {alice.address(), {}, true}) == contract::Code::kOk);
    CHECK(rig.update(right.handle, {bob.address(), {}, true}) == contract::Code::kOk);
    CHECK(set_audio(rig, left.handle, left_wishes) == contract::Code::kOk);
    CHECK(set_audio(rig, right.handle, right_wishes) == contract::Code::kOk);
    CHECK(link_decoded(rig, left.handle, right.handle) == contract::Code::kOk);
    CHECK(link_decoded(rig, right.handle, left.handle) == contract::Code::kOk);
  }
  void talk() {
    alice.peer.send(left.rtp_port, alice.next_packet());
    bob.peer.send(right.rtp_port, bob.next_packet());
    hear();
  }
  void hear() {
    alice.hear();
    bob.hear();
  }
  [[nodiscard]] bool both_hear() const {
    return hears_tone(alice, kRightHz) && hears_tone(bob, kLeftHz);
  }

  Party alice;
  Party bob;
  Opened left;
  Opened right;
};

inline double count_of(const AnyEvent& closed, contract::Counter counter) {
  return closed.as<contract::EndpointClosedEvent>().counters[static_cast<int>(counter)];
}

/// Tries a run in real time up to five times: what a busy machine does to one says nothing.
template <typename Run>
bool in_some_run(Run&& run) {
  for (int tries = 0; tries < 5; ++tries)
    if (run()) return true;
  return false;
}

}  // namespace test::party
