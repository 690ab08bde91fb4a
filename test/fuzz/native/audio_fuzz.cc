// The audio path of one leg to another: the input is a script of packets, datagrams, ticks, digits
// and answers, with numbers, times, types and payloads as wild as a peer could send them. Whatever
// comes: a piece of audio a tick, keys that go down before they come up, packets out that are
// sound RTP, one number after the other.
#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/native/targets.h"
#include "pipeline/audio_receiver.h"
#include "pipeline/audio_sender.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;
using codec::CodecKind;
using codec::Format;

constexpr std::uint32_t kStepsMax = 48;

constexpr std::array kFormats = {Format{CodecKind::kPcmu, 8'000}, Format{CodecKind::kPcma, 8'000},
                                 Format{CodecKind::kG722, 16'000}, Format{CodecKind::kL16, 16'000}};
constexpr std::array<std::uint8_t, 8> kTypes = {0, 0, 8, 9, 13, 101, 103, 111};

/// What goes out: sound packets, numbered without a gap.
struct Sink {
  void send(MutableBytes packet, const SentFacts& facts) noexcept {
    const Result<rtp::PacketView> view = rtp::PacketView::parse(packet);
    CHECK(view.ok());
    CHECK(packet.size() + kSrtpTailBytesMax <= kPacketBytesMax);
    CHECK(!view->payload().empty());
    CHECK(!next || view->sequence() == *next);
    CHECK(view->sequence() == facts.sequence);
    next = static_cast<std::uint16_t>(view->sequence() + 1);
  }
  std::optional<std::uint16_t> next;
};

class Script {
 public:
  explicit Script(Bytes input)
      : reader_(input), receiver_({.isa = best_isa(), .seed = 1}), sender_({}, best_isa()) {
    set_up(reader_.u8());
  }

  void run() {
    for (std::uint32_t step = 0; step < kStepsMax && reader_.remaining() > 0; ++step) {
      const std::uint8_t operation = reader_.u8();
      switch (operation & 3) {
        case 0:
          tick(1u + (operation >> 2 & 3), operation >> 4);
          break;
        case 1:
        case 2:
          operation & 0x80 ? datagram(operation >> 2 & 0x1f) : packet(operation >> 2);
          break;
        default:
          order(operation >> 2);
          break;
      }
    }
    tick(4, 0);
  }

 private:
  void set_up(std::uint8_t choice) {
    const Format& format = kFormats[choice & 3];
    constexpr std::uint32_t kRates[] = {8'000, 16'000, 8'000, 48'000};
    const ReceivablePayload payloads[] = {
        {.payload_type = 0, .format = kFormats[0]},
        {.payload_type = 8, .format = kFormats[1]},
        {.payload_type = 9, .format = format},
        {.payload_type = 13, .role = PayloadRole::kComfortNoise, .clock_rate_hz = 8'000},
        {.payload_type = 101, .role = PayloadRole::kTelephoneEvent, .clock_rate_hz = 8'000},
        {.payload_type = 103, .role = PayloadRole::kRedundancy, .clock_rate_hz = 8'000},
        {.payload_type = 111, .format = {CodecKind::kOpus, 8'000}}};
    // Opus is slow to open, so it is there one time in eight.
    const std::size_t count = (choice & 0x1c) == 0 ? std::size(payloads) : std::size(payloads) - 1;
    const std::uint32_t rate_hz = kRates[choice >> 2 & 3];
    CHECK(receiver_
              .set_up({.payloads = std::span(payloads).first(count),
                       .buffer_size = static_cast<jitter::BufferSize>(choice >> 4 & 3),
                       .rate_hz = rate_hz,
                       .detect_digits = (choice & 0x40) != 0})
              .ok());
    SenderSetup setup;
    setup.format = format;
    setup.frame_ms = 10u * (1 + (choice >> 2 & 3));
    setup.source_rate_hz = rate_hz;
    if ((choice & 0x20) != 0) setup.event_payload_type = 101;
    if ((choice & 0x40) != 0) setup.noise_payload_type = 13;
    if ((choice & 0x80) != 0) setup.redundancy_payload_type = 103;
    CHECK(sender_.set_up(setup).ok());
    take_digits();
  }

  void tick(std::uint32_t count, std::uint32_t late) {
    now_ = now_ + Duration::milliseconds(std::int64_t{late} * late);
    std::array<std::int16_t, kPieceSamplesMax> memory;
    const codec::MutablePcm piece =
        codec::MutablePcm(memory).first(codec::samples_of(receiver_.rate_hz(), kPieceMs));
    for (std::uint32_t index = 0; index < count; ++index) {
      const PullFacts facts = receiver_.pull(now_, piece);
      CHECK(facts.heard <= Heard::kSpeech);
      take_digits();
      sender_.push(now_, piece, sink_);
      now_ = now_ + Duration::milliseconds(kPieceMs);
    }
  }

  /// A packet that fits the stream, more or less.
  void packet(std::uint8_t shape) {
    const std::uint8_t step = reader_.u8();
    sequence_ =
        static_cast<std::uint16_t>((step & 0x80) != 0 ? step * 257 : sequence_ + (step & 3));
    timestamp_ += (step & 0x40) != 0 ? step * 65'537u : (step >> 2 & 3) * 160u;
    const std::size_t bytes = std::min<std::size_t>(
        (shape & 0x10) != 0 ? 8 * std::size_t{reader_.u8()} : 160, kPacketBytesMax - 12);
    std::array<std::uint8_t, kPacketBytesMax> buffer = {};
    ByteWriter writer(buffer);
    rtp::write_header(writer, {.payload_type = kTypes[shape & 7],
                               .sequence = sequence_,
                               .timestamp = static_cast<rtp::RtpTimestamp>(timestamp_),
                               .ssrc = static_cast<rtp::Ssrc>(step >> 6)});
    // What the input has no bytes for is silence of its law, more or less.
    const Bytes own = reader_.take(std::min({reader_.remaining(), bytes, std::size_t{24}}));
    writer.bytes(own);
    std::fill_n(buffer.begin() + 12 + static_cast<std::ptrdiff_t>(own.size()), bytes - own.size(),
                std::uint8_t{0xd5});
    handle(Bytes(buffer).first(12 + bytes));
  }

  void datagram(std::size_t bytes) { handle(reader_.take(std::min(bytes, reader_.remaining()))); }

  void handle(Bytes bytes) {
    const Result<rtp::PacketView> view = rtp::PacketView::parse(bytes);
    if (!view.ok()) return;
    (void)receiver_.handle_packet(now_, *view);
    take_digits();
  }

  void order(std::uint8_t choice) {
    switch (choice & 3) {
      case 0:
        return set_up(reader_.u8());
      case 1:
        (void)sender_.press({.event = choice, .duration_ms = std::uint32_t{reader_.u8()} * 4});
        return;
      case 2:
        return sender_.cancel_digits();
      default: {
        const Bytes payload = reader_.take(std::min<std::size_t>(choice, reader_.remaining()));
        sender_.push_payload(now_, payload, 10u * (1 + choice % 6), sink_);
        return;
      }
    }
  }

  void take_digits() {
    Digit digit;
    while (receiver_.next_digit(digit)) {
      const bool is_start = digit.edge.kind == codec::EventEdge::Kind::kStart;
      bool& is_down = digit.in_band ? heard_down_ : told_down_;
      CHECK(is_start != is_down);
      is_down = is_start;
      (void)sender_.relay(digit);
    }
  }

  ByteReader reader_;
  AudioReceiver receiver_;
  AudioSender sender_;
  Sink sink_;
  Instant now_ = Instant::from_ns(1'000'000'000);
  std::uint16_t sequence_ = 65'530;
  std::uint32_t timestamp_ = 0xffff'fc00u;
  bool told_down_ = false;
  bool heard_down_ = false;
};

}  // namespace

int audio_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Script(Bytes(data, size)).run();
  return 0;
}

}  // namespace fuzz
