// Parties, networks and ears for tests of the audio path: a peer that talks, a network with loss,
// jitter and disorder from a seed, and whoever listens at the far end. Time is the test's own.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "codec/g711.h"
#include "codec/opus_policy.h"
#include "native/codec/sines.h"
#include "native/harness.h"
#include "native/rtp/build.h"
#include "pipeline/audio_receiver.h"
#include "pipeline/audio_sender.h"

namespace test {

using namespace trunkyard;
using namespace trunkyard::pipeline;
using codec::CodecKind;
using codec::Format;
using sines::Samples;

inline constexpr Format kPcmu{CodecKind::kPcmu, 8'000};
inline constexpr Format kPcma{CodecKind::kPcma, 8'000};
inline constexpr Format kG722{CodecKind::kG722, 16'000};
inline constexpr Format kL16{CodecKind::kL16, 16'000};
inline constexpr Format kOpus8{CodecKind::kOpus, 8'000};
inline constexpr Format kOpus16{CodecKind::kOpus, 16'000};
inline constexpr Format kOpus48{CodecKind::kOpus, 48'000};

// Payload types as every party here numbers them.
inline constexpr std::uint8_t kEventType = 101;
inline constexpr std::uint8_t kWideEventType = 102;
inline constexpr std::uint8_t kNoiseType = 13;
inline constexpr std::uint8_t kRedundantType = 103;
constexpr std::uint8_t type_of(const Format& format) {
  switch (format.kind) {
    case CodecKind::kPcmu:
      return 0;
    case CodecKind::kPcma:
      return 8;
    case CodecKind::kG722:
      return 9;
    case CodecKind::kL16:
      return 96;
    case CodecKind::kOpus:
      return 111;
  }
  return 127;
}

constexpr Instant at_ms(double ms) {
  return Instant::from_ns(static_cast<std::int64_t>(ms * 1e6));
}

inline ReceivablePayload audio_payload(const Format& format) {
  return {.payload_type = type_of(format), .format = format};
}
inline ReceivablePayload payload_of(std::uint8_t payload_type, PayloadRole role,
                                    std::uint32_t clock_rate_hz = 8'000) {
  return {.payload_type = payload_type, .role = role, .clock_rate_hz = clock_rate_hz};
}

/// A sender's setup for a codec, with what a usual policy makes of Opus.
inline SenderSetup sending(const Format& format, std::uint32_t source_rate_hz,
                           std::uint32_t frame_ms = 20) {
  SenderSetup setup;
  setup.payload_type = type_of(format);
  setup.format = format;
  setup.frame_ms = frame_ms;
  setup.source_rate_hz = source_rate_hz;
  if (format.kind == CodecKind::kOpus) {
    setup.opus = codec::opus_policy({.ptime_ms = frame_ms}, {.source_rate_hz = format.rate_hz});
    setup.frame_ms = setup.opus.frame_ms;
  }
  return setup;
}

/// A packet on its way, as bytes of its own.
struct Packet {
  std::vector<std::uint8_t> bytes;
  SentFacts facts = {};

  [[nodiscard]] rtp::PacketView view() const { return rtp::PacketView::parse(bytes).value(); }
};

inline Packet packet_of(const APacket& packet) {
  return {.bytes = packet.bytes()};
}

/// PCMU of 500 Hz.
inline std::vector<std::uint8_t> mu_tone(std::size_t bytes) {
  const Samples tone = sines::make_tone({.frequency_hz = 500}, bytes);
  std::vector<std::uint8_t> payload(bytes);
  for (std::size_t index = 0; index < bytes; ++index)
    payload[index] = codec::mu_encode(tone[index]);
  return payload;
}

/// A sink that keeps everything.
struct Collector {
  void send(MutableBytes packet, const SentFacts& facts) noexcept {
    packets.push_back({.bytes = {packet.begin(), packet.end()}, .facts = facts});
  }
  std::vector<Packet> packets;
};

/// Delivers packets late, in disorder, or not at all.
class Network {
 public:
  struct Setup {
    double loss = 0;               ///< share of packets that don't arrive
    double burst = 1;              ///< mean length of a run of losses
    std::uint32_t lost_of_20 = 0;  ///< instead: exactly so many of twenty, at random places
    double delay_ms = 20;          ///< the least
    double jitter_ms = 0;          ///< on top, evenly distributed
    double reorder = 0;            ///< share of packets that come this much later still:
    double reorder_ms = 25;
    double duplicate = 0;
    std::uint64_t seed = 1;
  };
  explicit Network(const Setup& setup) : setup_(setup), prng_(setup.seed) {}

  void send(double now_ms, const Packet& packet) {
    ++sent;
    if (is_lost()) {
      ++lost;
      return;
    }
    double arrival_ms = now_ms + setup_.delay_ms + setup_.jitter_ms * prng_.unit();
    if (prng_.unit() < setup_.reorder) arrival_ms += setup_.reorder_ms;
    on_way_.emplace(arrival_ms, packet);
    if (prng_.unit() < setup_.duplicate) on_way_.emplace(arrival_ms + 3, packet);
  }
  /// Hands over what has arrived by now: deliver(arrival_ms, packet).
  template <typename Deliver>
  void deliver(double now_ms, Deliver deliver) {
    while (!on_way_.empty() && on_way_.begin()->first <= now_ms) {
      const auto next = on_way_.extract(on_way_.begin());
      deliver(next.key(), next.mapped());
    }
  }

  std::uint64_t sent = 0;
  std::uint64_t lost = 0;

 private:
  /// Gilbert's model: losses come in runs of a mean length.
  bool is_lost() {
    if (setup_.lost_of_20 > 0) {
      // Of those left in the twenty, as many as are still to be lost.
      if (sent % 20 == 1) to_lose_ = setup_.lost_of_20;
      const auto left = static_cast<std::uint32_t>(20 - (sent - 1) % 20);
      const bool loses = prng_.below(left) < to_lose_;
      to_lose_ -= loses ? 1 : 0;
      return loses;
    }
    const double leave = 1 / setup_.burst;
    const double enter = setup_.loss >= 1 ? 1 : setup_.loss / (1 - setup_.loss) * leave;
    losing_ = losing_ ? prng_.unit() >= leave : prng_.unit() < enter;
    return losing_;
  }

  Setup setup_;
  Prng prng_;
  bool losing_ = false;
  std::uint32_t to_lose_ = 0;
  std::multimap<double, Packet> on_way_;
};

/// A receiver with its digits and its sound kept.
class Ear {
 public:
  explicit Ear(std::vector<ReceivablePayload> payloads, std::uint32_t rate_hz,
               jitter::BufferSize size = jitter::BufferSize::kMedium, bool detect_digits = false)
      : receiver({.isa = best_isa(), .seed = 7}) {
    set_up(payloads, rate_hz, size, detect_digits);
  }
  void set_up(const std::vector<ReceivablePayload>& payloads, std::uint32_t rate_hz,
              jitter::BufferSize size = jitter::BufferSize::kMedium, bool detect_digits = false) {
    CHECK_TRUE(receiver
                   .set_up({.payloads = payloads,
                            .buffer_size = size,
                            .rate_hz = rate_hz,
                            .detect_digits = detect_digits})
                   .ok());
    drain();
  }

  PacketVerdict hear(double ms, const Packet& packet) {
    const PacketVerdict verdict = receiver.handle_packet(at_ms(ms), packet.view());
    drain();
    return verdict;
  }
  PullFacts pull(double ms) {
    const std::size_t count = codec::samples_of(receiver.rate_hz(), kPieceMs);
    samples.resize(samples.size() + count);
    const PullFacts facts = receiver.pull(at_ms(ms), codec::MutablePcm(samples).last(count));
    drain();
    return facts;
  }
  [[nodiscard]] codec::Pcm piece() const {
    return codec::Pcm(samples).last(codec::samples_of(receiver.rate_hz(), kPieceMs));
  }

  AudioReceiver receiver;
  Samples samples;
  std::vector<Digit> digits;
  std::vector<Digit> fresh;  ///< of the last call

 private:
  void drain() {
    fresh.clear();
    Digit digit;
    while (receiver.next_digit(digit)) {
      digits.push_back(digit);
      fresh.push_back(digit);
    }
  }
};

inline AudioSender::Identity an_identity(std::uint32_t ssrc = 0xa11ce) {
  // Numbers and timestamps wrap early in every test.
  return {.ssrc = static_cast<rtp::Ssrc>(ssrc),
          .timestamp = static_cast<rtp::RtpTimestamp>(0xffff'f000u),
          .sequence = 65'500};
}

/// A sender with its packets kept.
class Mouth {
 public:
  explicit Mouth(const SenderSetup& setup, std::uint32_t ssrc = 0xa11ce)
      : sender(an_identity(ssrc), best_isa()) {
    CHECK_TRUE(sender.set_up(setup).ok());
  }
  /// The packets that a piece completes.
  std::vector<Packet> say(double ms, codec::Pcm piece) {
    Collector sink;
    sender.push(at_ms(ms), piece, sink);
    return sink.packets;
  }
  std::vector<Packet> say_payload(double ms, Bytes payload, std::uint32_t length_ms) {
    Collector sink;
    sender.push_payload(at_ms(ms), payload, length_ms, sink);
    return sink.packets;
  }

  AudioSender sender;
};

/// Ten milliseconds of something endless.
class Source {
 public:
  explicit Source(Samples samples, std::uint32_t rate_hz)
      : samples_(std::move(samples)), piece_(codec::samples_of(rate_hz, kPieceMs)) {}
  codec::Pcm next() {
    if (at_ + piece_ > samples_.size()) at_ = 0;
    at_ += piece_;
    return codec::Pcm(samples_).subspan(at_ - piece_, piece_);
  }

 private:
  Samples samples_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

}  // namespace test
