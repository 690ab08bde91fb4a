// audio_bench: what one direction of a transcoded call costs between packets and packets: received
// RTP, jitter buffer, decoder, resampler, encoder, RTP to be sent. No sockets.
//
//   audio_bench            us of CPU for 20 ms of audio, the least of several runs, a checksum, and
//                          the memory of each half
//   audio_bench --count    runs each once between CALLGRIND_TOGGLE_COLLECT, for
//       valgrind --tool=callgrind --collect-atstart=no build/bench/audio_bench --count
//                          which counts instructions; one dump for each line printed
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "base/isa.h"
#include "codec/opus_policy.h"
#include "pipeline/audio_receiver.h"
#include "pipeline/audio_sender.h"

#include "buzz.h"
#include "cpu_cost.h"

namespace {
std::size_t bytes_held = 0;

void* take(std::size_t size, std::size_t alignment) {
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  bytes_held += malloc_usable_size(memory);
  return memory;
}
void give_back(void* memory) noexcept {
  bytes_held -= malloc_usable_size(memory);
  std::free(memory);
}
}  // namespace

// Counts what objects hold, as the allocator sees it.
void* operator new(std::size_t size) {
  return take(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give_back(memory);
}

namespace {

using namespace trunkyard;
using namespace trunkyard::bench;
using namespace trunkyard::pipeline;
using codec::CodecKind;
using codec::Format;

constexpr std::size_t kRuns = 9;
/// Packets of one run: five seconds.
constexpr std::size_t kPackets = 250;

constexpr Format kPcmu{CodecKind::kPcmu, 8'000};
constexpr Format kPcma{CodecKind::kPcma, 8'000};
constexpr Format kG722{CodecKind::kG722, 16'000};
constexpr Format kOpus8{CodecKind::kOpus, 8'000};
constexpr Format kOpus48{CodecKind::kOpus, 48'000};

using Packets = std::vector<std::vector<std::uint8_t>>;
struct Collector {
  void send(MutableBytes packet, const SentFacts&) noexcept {
    packets.emplace_back(packet.begin(), packet.end());
  }
  Packets packets;
};
struct Checksum {
  void send(MutableBytes packet, const SentFacts& facts) noexcept {
    sum = sum * 31 + packet.size() + packet.back() + facts.sequence;
  }
  std::uint64_t sum = 0;
};

Instant at_ms(std::size_t ms) {
  return Instant::from_ns(static_cast<std::int64_t>(ms) * 1'000'000);
}

SenderSetup sending(const Format& format, std::uint32_t source_rate_hz) {
  SenderSetup setup;
  setup.format = format;
  setup.source_rate_hz = source_rate_hz;
  setup.event_payload_type = 101;
  if (format.kind == CodecKind::kOpus)
    setup.opus = codec::opus_policy({}, {.source_rate_hz = format.rate_hz, .complexity = 5});
  return setup;
}

struct Way {
  const char* name;
  Format from;
  Format to;
};

Packets packets_of(const Format& format) {
  AudioSender sender({}, best_isa());
  (void)sender.set_up(sending(format, format.rate_hz));
  const std::vector<std::int16_t> voice =
      make_buzz(format.rate_hz, codec::samples_of(format.rate_hz, 20) * kPackets);
  const std::size_t piece = codec::samples_of(format.rate_hz, kPieceMs);
  Collector collector;
  for (std::size_t index = 0; index < 2 * kPackets; ++index)
    sender.push(at_ms(10 * index), codec::Pcm(voice).subspan(index * piece, piece), collector);
  return collector.packets;
}

std::unique_ptr<AudioReceiver> make_receiver(const Way& way) {
  auto receiver =
      std::make_unique<AudioReceiver>(AudioReceiver::Options{.isa = best_isa(), .seed = 1});
  const ReceivablePayload payloads[] = {
      {.payload_type = 0, .format = way.from},
      {.payload_type = 101, .role = PayloadRole::kTelephoneEvent, .clock_rate_hz = 8'000}};
  (void)receiver->set_up({.payloads = payloads, .rate_hz = way.to.rate_hz});
  return receiver;
}
std::unique_ptr<AudioSender> make_sender(const Way& way) {
  auto sender = std::make_unique<AudioSender>(AudioSender::Identity{}, best_isa());
  (void)sender->set_up(sending(way.to, way.to.rate_hz));
  return sender;
}

/// All packets through both halves, as a link does it: a piece every 10 ms.
std::uint64_t run(const Packets& packets, AudioReceiver& receiver, AudioSender& sender) {
  Checksum sink;
  std::array<std::int16_t, kPieceSamplesMax> memory;
  const codec::MutablePcm piece =
      codec::MutablePcm(memory).first(codec::samples_of(receiver.rate_hz(), kPieceMs));
  for (std::size_t index = 0; index < packets.size(); ++index) {
    const Instant now = at_ms(20 * index);
    (void)receiver.handle_packet(now, rtp::PacketView::parse(packets[index]).value());
    for (const Instant tick : {now, now + Duration::milliseconds(kPieceMs)}) {
      (void)receiver.pull(tick, piece);
      sender.push(tick, piece, sink);
    }
  }
  return sink.sum;
}

void measure(const Way& way, bool count) {
  const Packets packets = packets_of(way.from);
  if (count) {
    const auto receiver = make_receiver(way);
    const auto sender = make_sender(way);
    CALLGRIND_TOGGLE_COLLECT;
    const std::uint64_t sum = run(packets, *receiver, *sender);
    CALLGRIND_TOGGLE_COLLECT;
    dump_count(way.name, static_cast<double>(packets.size()));
    std::printf("%-22s %zu packets, checksum %llu\n", way.name, packets.size(),
                static_cast<unsigned long long>(sum));
    return;
  }
  double least = std::numeric_limits<double>::max();
  std::uint64_t sum = 0;
  std::size_t receiver_bytes = 0;
  std::size_t sender_bytes = 0;
  for (std::size_t index = 0; index < kRuns; ++index) {
    const std::size_t before = bytes_held;
    const auto receiver = make_receiver(way);
    receiver_bytes = bytes_held - before;
    const auto sender = make_sender(way);
    sender_bytes = bytes_held - before - receiver_bytes;
    const double start = cpu_ns();
    sum = run(packets, *receiver, *sender);
    least = std::min(least, cpu_ns() - start);
  }
  std::printf("%-22s %8.2f us for 20 ms, receiver %6zu bytes, sender %6zu, checksum %llu\n",
              way.name, least / static_cast<double>(packets.size()) / 1'000, receiver_bytes,
              sender_bytes, static_cast<unsigned long long>(sum));
}

}  // namespace

int main(int argc, char** argv) {
  const bool count = argc > 1 && std::strcmp(argv[1], "--count") == 0;
  if (argc > 1 && !count) {
    std::puts("audio_bench [--count]: what transcoding costs; see audio_bench.cc");
    return 2;
  }
  constexpr Way kWays[] = {
      {"PCMU to PCMU", kPcmu, kPcmu},           {"PCMU to PCMA", kPcmu, kPcma},
      {"PCMU to G.722", kPcmu, kG722},          {"G.722 to PCMU", kG722, kPcmu},
      {"PCMU to Opus, 8 kHz", kPcmu, kOpus8},   {"Opus, 8 kHz, to PCMU", kOpus8, kPcmu},
      {"Opus, 48 kHz, to PCMU", kOpus48, kPcmu}};
  for (const Way& way : kWays)
    measure(way, count);
  return 0;
}
