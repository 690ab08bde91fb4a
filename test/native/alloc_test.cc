// Hot paths must not allocate. Every operator new of this program is counted, and every allocation
// of the TLS library; a test takes the count before and after thousands of packets and expects no
// difference (ARCHITECTURE, section 8). Of the pipeline see alloc_audio_test.cc.
#include <openssl/crypto.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "base/prng.h"
#include "base/ring.h"
#include "base/slab.h"
#include "base/spsc.h"
#include "codec/codec.h"
#include "codec/comfort_noise.h"
#include "codec/conceal.h"
#include "codec/dtmf_detect.h"
#include "codec/event_receiver.h"
#include "codec/event_sender.h"
#include "codec/framer.h"
#include "codec/opus.h"
#include "codec/resampler.h"
#include "codec/time_scale.h"
#include "codec/tone.h"
#include "codec/voice_activity.h"
#include "jitter/jitter_buffer.h"
#include "mixer/mixer.h"
#include "native/allocations.h"
#include "native/harness.h"
#include "rtp/demux.h"
#include "rtp/packet.h"
#include "rtp/redundancy.h"
#include "rtp/report_interval.h"
#include "rtp/rtcp.h"
#include "rtp/source_statistics.h"
#include "spool/clip.h"
#include "spool/ogg_reader.h"
#include "spool/ogg_writer.h"
#include "spool/recording_index.h"
#include "spool/recording_reader.h"
#include "spool/segment_writer.h"
#include "srtp/context.h"

namespace {
std::atomic<std::uint64_t> total{0};
thread_local std::uint64_t of_this_thread = 0;

void* counted(std::size_t size, std::size_t alignment) {
  total.fetch_add(1, std::memory_order_relaxed);
  ++of_this_thread;
  const std::size_t wanted = size == 0 ? 1 : size;
  void* memory =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(wanted)
          : std::aligned_alloc(alignment, (wanted + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

/// The TLS library has an allocator of its own, which has to be changed before its first use.
const bool library_counted =
    CRYPTO_set_mem_functions([](std::size_t size, const char*, int) { return counted(size, 0); },
                             [](void* memory, std::size_t size, const char*, int) {
                               ++of_this_thread;
                               return std::realloc(memory, size);
                             },
                             [](void* memory, const char*, int) { std::free(memory); }) == 1;
}  // namespace

namespace test {
std::uint64_t allocations_total() {
  return total.load(std::memory_order_relaxed);
}
std::uint64_t allocations_of_this_thread() {
  return of_this_thread;
}
}  // namespace test

// Every form, because a sanitizer's library would otherwise supply the missing ones and find that
// new and delete don't belong together.
void* operator new(std::size_t size) {
  return counted(size, 0);
}
void* operator new[](std::size_t size) {
  return counted(size, 0);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size, 0);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

TEST("the counter counts, so that its zero means something") {
  const std::uint64_t before = test::allocations_of_this_thread();
  delete new int(1);
  CHECK_EQ(test::allocations_of_this_thread() - before, 1u);
}

TEST("parsing, rewriting and counting RTP allocates nothing") {
  std::array<std::uint8_t, 172> packet{0x80};
  SourceStatistics statistics;
  const std::uint64_t before = test::allocations_of_this_thread();
  for (std::uint32_t index = 0; index < 10'000; ++index) {
    rewrite_sequence(packet, static_cast<std::uint16_t>(index));
    rewrite_timestamp(packet, static_cast<RtpTimestamp>(index * 160));
    rewrite_payload_type(packet, 8);
    if (classify(packet) != DatagramKind::kRtp) continue;
    const Result<PacketView> view = PacketView::parse(packet);
    if (!view.ok()) continue;
    (void)statistics.on_packet(Instant::from_ns(std::int64_t{index} * 20'000'000),
                               {.ssrc = view->ssrc(),
                                .sequence = view->sequence(),
                                .timestamp = view->timestamp(),
                                .payload_bytes = static_cast<std::uint32_t>(view->payload().size()),
                                .clock_rate_hz = 8'000});
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_EQ(statistics.packets_received(), 10'000u);
}

TEST("building, parsing and relaying RTCP allocates nothing") {
  SourceStatistics statistics;
  Prng prng(4);
  (void)statistics.on_packet(Instant{}, {.sequence = 1});
  (void)statistics.on_packet(Instant{}, {.sequence = 2});
  std::array<std::uint8_t, 256> buffer{};
  std::array<std::uint8_t, 256> relayed{};
  std::uint64_t packets = 0;
  const std::uint64_t before = test::allocations_of_this_thread();
  for (int round = 0; round < 1'000; ++round) {
    const std::array<ReportBlock, 1> blocks{statistics.make_report_block(Instant{})};
    CompoundBuilder builder{buffer};
    builder.add_receiver_report(static_cast<Ssrc>(1), blocks);
    builder.add_cname(static_cast<Ssrc>(1), std::array<std::uint8_t, 4>{1, 2, 3, 4});
    Result<CompoundReader> reader =
        CompoundReader::parse(builder.finish(), CompoundRule::kCompound);
    RtcpPacket packet;
    while (reader.ok() && reader->next(packet))
      ++packets;
    (void)copy_without_bye(builder.finish(), relayed);
    (void)report_interval({}, prng);
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_EQ(packets, 2'000u);
}

TEST("buffering, recovering, playing and stretching audio allocates nothing") {
  jitter::JitterBuffer buffer({});
  codec::PcmFrame frame;
  std::array<std::uint8_t, 512> red{};
  const std::array<std::uint8_t, 160> audio{};
  std::uint64_t played = 0;
  const std::uint64_t before = test::allocations_of_this_thread();
  for (std::uint32_t index = 0; index < 10'000; ++index) {
    const Instant now = Instant::from_ns(std::int64_t{index} * 20'000'000);
    const std::array<RedundantBlock, 1> earlier{{{0, 160, audio}}};
    const Result<Bytes> written = write_redundant_payload(red, earlier, {0, 0, audio});
    if (!written.ok() || !RedundantPayload::parse(*written).ok()) continue;
    const jitter::Arrival arrival{.timestamp = static_cast<RtpTimestamp>(index * 160),
                                  .sequence = static_cast<std::uint16_t>(index),
                                  .clock_rate_hz = 8'000,
                                  .clock_steps = 160,
                                  .packet = {}};
    if (index % 10 != 0) (void)buffer.insert(now, arrival);
    if (index % 10 == 1) (void)buffer.insert_redundant(now, arrival, 160);
    const jitter::Decision decision = buffer.take(now, {.wanted = 960});
    played += decision.kind == jitter::DecisionKind::kPlay ? 1 : 0;
    jitter::PacketRef packet;
    while (buffer.next_released(packet)) {
    }
    (void)frame.reset(8'000, 160);
    (void)codec::stretch_frame(frame, index % 2 == 0 ? 80 : -80);
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(played > 9'900);
}

TEST("slabs, rings and statistics slots allocate when they are made and never again") {
  struct Record {
    std::uint64_t number;
  };
  Slab<Record> slab(0, 16);
  Ring<Record> ring(16);
  alignas(64) std::array<std::uint8_t, 4'096> memory{};
  const RingMemory shared = RingMemory::create(memory, sizeof(Record), 64).value();
  SpscProducer producer(shared);
  SpscConsumer consumer(shared);
  std::array<double, 4> slot{};
  const std::uint64_t before = test::allocations_of_this_thread();
  for (std::uint64_t number = 0; number < 10'000; ++number) {
    const Handle handle = slab.emplace(Record{number});
    (void)ring.push_back(*slab.find(handle));
    ring.pop_front();
    (void)slab.release(handle);
    (void)producer.try_push_record(Record{number});
    Record record{};
    (void)consumer.try_pop_record(record);
    write_stats_slot(slot, std::array<double, 3>{1, 2, 3});
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
}

TEST("SRTP allocates nothing for a packet, not in the TLS library either, taken or refused") {
  REQUIRE(library_counted);
  constexpr std::size_t kPlainBytes = 172;
  for (const Isa isa : {Isa::kC, best_isa()}) {
    for (std::size_t suite = 0; suite < srtp::kSuites; ++suite) {
      const auto shape = srtp::shape_of(static_cast<srtp::Suite>(suite));
      std::array<std::uint8_t, 32> bytes{7};
      const auto key = srtp::MasterKey::from_bytes(static_cast<srtp::Suite>(suite),
                                                   Bytes(bytes).first(shape.key_bytes),
                                                   Bytes(bytes).first(shape.salt_bytes));
      const std::uint64_t before_made = test::allocations_of_this_thread();
      srtp::SendContext send = srtp::SendContext::create(*key, isa).value();
      srtp::ReceiveContext receive = srtp::ReceiveContext::create(*key, isa).value();
      // Shows that the library's are counted; AES-CM by our own kernels needs none at all.
      const std::uint64_t made = test::allocations_of_this_thread() - before_made;
      CHECK_TRUE(made > 0 || (!shape.aead && isa != Isa::kC));
      std::array<std::uint8_t, kPlainBytes + kSrtpTailBytesMax> packet{0x80};
      const std::uint64_t before = test::allocations_of_this_thread();
      for (std::uint32_t index = 0; index < 1'000; ++index) {
        rewrite_sequence(packet, static_cast<std::uint16_t>(index));
        const MutableBytes sent =
            MutableBytes(packet).first(send.protect_rtp(packet, kPlainBytes).bytes);
        sent.back() ^= 1;
        (void)receive.unprotect_rtp(sent);
        sent.back() ^= 1;
        (void)receive.unprotect_rtp(sent);
        const auto report = send.protect_rtcp(packet, 64);
        (void)receive.unprotect_rtcp(MutableBytes(packet).first(report.bytes));
      }
      CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
      CHECK_EQ(receive.counts()[srtp::Verdict::kOk], 2'000u);
      CHECK_EQ(receive.counts()[srtp::Verdict::kUnauthentic], 1'000u);
    }
  }
}

TEST("Opus allocates when it is opened and never again") {
  const auto opened_at = test::allocations_of_this_thread();
  codec::OpusEncoder encoder =
      codec::OpusEncoder::open(
          {.rate_hz = 8'000, .bitrate_bps = 16'000, .loss_percent = 10, .fec = true})
          .value();
  codec::OpusDecoder decoder = codec::OpusDecoder::open(48'000).value();
  const std::uint64_t before = test::allocations_of_this_thread();
  CHECK_EQ(before - opened_at, 2u);
  std::array<std::int16_t, 160> frame{};
  std::array<std::uint8_t, codec::kOpusPayloadBytesMax> payload;
  codec::PcmFrame pcm;
  Prng prng(1);
  for (std::uint32_t index = 0; index < 500; ++index) {
    for (std::int16_t& sample : frame)
      sample = static_cast<std::int16_t>(prng.below(8'000));
    encoder.set_complexity(index % 11);
    const Result<codec::OpusEncoded> encoded = encoder.encode(frame, payload);
    if (!encoded.ok()) continue;
    const Result<codec::OpusPacket> packet =
        codec::OpusPacket::parse(Bytes(payload).first(encoded->bytes));
    if (!packet.ok()) continue;
    if (index % 10 == 0) (void)decoder.conceal(960, pcm);
    if (index % 10 == 5) (void)decoder.recover(*packet, 960, pcm);
    (void)decoder.decode(*packet, 0, pcm);
  }
  encoder.reset();
  decoder.reset();
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
}

TEST(
    "concealing allocates when it is opened and never again, nor do tones, noise, voices and "
    "digits") {
  codec::Concealer concealer(48'000);
  codec::ToneGenerator tones(8'000);
  codec::NoiseAnalysis analysis(8'000);
  codec::NoiseGenerator noise(8'000, 1);
  codec::VoiceActivity activity({});
  codec::SpeechTimer timer({});
  codec::DtmfDetector detector;
  std::array<std::int16_t, 160> frame{};
  std::array<std::uint8_t, codec::kComfortNoiseBytesMax> payload{};
  std::uint64_t digits = 0;
  const std::uint64_t before = test::allocations_of_this_thread();
  for (std::uint32_t index = 0; index < 2'000; ++index) {
    if (!tones.active()) tones.start(*codec::dtmf_tone(index % 16));
    (void)tones.generate(frame);
    digits += detector.handle(frame).edges().size();
    (void)timer.handle(activity.handle(frame));
    analysis.handle(frame);
    const Bytes written = codec::write_comfort_noise(analysis.describe(), 10, payload);
    const Result<codec::ComfortNoise> read = codec::parse_comfort_noise(written);
    if (read.ok()) noise.describe(*read);
    noise.generate(frame);
    if (index % 7 == 0) {
      concealer.lost(frame);
    } else {
      concealer.good(frame);
    }
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(digits > 0);
}

TEST("mixing a room allocates nothing, whoever comes, goes, changes, whispers and is levelled") {
  using namespace trunkyard::mixer;
  Mixer mixer({.rate_hz = 16'000, .participants_max = 30, .isa = best_isa()});
  std::array<std::int16_t, 160> out{};
  std::array<std::int32_t, 160> remote{};
  std::array<Slot, 30> slots{};
  std::uint64_t heard = 0;
  const std::uint64_t before = test::allocations_of_this_thread();
  for (int tick = 0; tick < 300; ++tick) {
    const std::size_t first = static_cast<std::size_t>(tick) % 30;
    if (tick >= 30) mixer.leave(slots[first]);
    slots[first] = mixer.join({.gain_db = tick % 2 == 0 ? 0.0F : 3.0F});
    if (mixer.size() == slots.size()) (void)mixer.join({});  // refused
    if (tick >= 60) {
      mixer.update(slots[(first + 7) % 30], {.loudness_dbov = -26.0F});
      mixer.update(slots[(first + 9) % 30], {.voice = Voice::kOne, .to = slots[(first + 3) % 30]});
    }
    mixer.begin();
    mixer.add_remote(1, remote);
    for (std::size_t index = 0; index < mixer.size(); ++index) {
      const codec::MutablePcm frame = mixer.space(static_cast<Slot>(index));
      std::fill(frame.begin(), frame.end(), static_cast<std::int16_t>(tick * 7 + 1));
      mixer.add(static_cast<Slot>(index), frame);
    }
    (void)mixer.mix();
    for (std::size_t index = 0; index < mixer.size(); ++index)
      heard += mixer.hear(static_cast<Slot>(index), out).size();
    std::copy(mixer.local_sum().begin(), mixer.local_sum().end(), remote.begin());
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(heard > 1'000'000);
  CHECK_TRUE(mixer.counters().joins_refused > 200);
}

TEST("sending, receiving and relaying telephone-events allocates nothing") {
  codec::EventSender near({});
  codec::EventReceiver between({});
  codec::EventSender far({.clock_rate_hz = 48'000});
  std::uint64_t packets = 0;
  const std::uint64_t before = test::allocations_of_this_thread();
  for (std::uint32_t index = 0; index < 5'000; ++index) {
    const Instant now = Instant::from_ns(std::int64_t{index} * 20'000'000);
    if (!near.active()) (void)near.press({.event = static_cast<std::uint8_t>(index % 16)});
    const auto packet = near.tick(static_cast<RtpTimestamp>(index * 160));
    codec::EventEdges found = packet.has_value()
                                  ? between.handle_packet(now, packet->timestamp, packet->payload)
                                  : between.handle_deadline(now);
    for (const codec::EventEdge& edge : found.edges())
      (void)far.relay(edge, 8'000);
    packets += far.tick(static_cast<RtpTimestamp>(index * 960)).has_value();
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(packets > 2'000);
}

TEST("audio through any decoder, resampler, framer and encoder allocates nothing once opened") {
  using namespace trunkyard::codec;
  constexpr std::array kFormats = {Format{CodecKind::kPcmu, 8'000}, Format{CodecKind::kPcma, 8'000},
                                   Format{CodecKind::kG722, 16'000},
                                   Format{CodecKind::kL16, 16'000},
                                   Format{CodecKind::kOpus, 48'000}};
  for (const Format& format : kFormats) {
    Encoder::Spec spec{.format = format, .isa = best_isa()};
    spec.opus = opus_policy({.use_inband_fec = true}, {.source_rate_hz = format.rate_hz});
    Encoder encoder = Encoder::open(spec).value();
    Decoder decoder = Decoder::open({.format = format, .isa = best_isa()}).value();
    Resampler resampler =
        Resampler::open({.from_hz = format.rate_hz, .to_hz = 8'000, .isa = best_isa()}).value();
    Framer framer(240);
    std::array<std::int16_t, kPcmSamplesMax> tone{};
    for (std::size_t index = 0; index < tone.size(); ++index)
      tone[index] = static_cast<std::int16_t>(index * 331);
    std::array<std::uint8_t, kPacketBytesMax> payload{};
    std::array<std::int16_t, kPcmSamplesMax> converted{};
    PcmFrame frame;
    std::uint64_t position = 0;
    std::uint64_t frames = 0;
    const std::uint64_t before = test::allocations_of_this_thread();
    for (int round = 0; round < 60; ++round) {
      const auto encoded = encoder.encode(Pcm(tone).first(encoder.frame_samples()), payload);
      if (!encoded.ok()) break;
      if (round % 10 == 9)
        (void)decoder.conceal(encoder.frame_samples(), Bytes(payload).first(encoded->bytes), frame);
      else
        (void)decoder.decode(Bytes(payload).first(encoded->bytes), 0, frame);
      const Pcm heard = resampler.process(frame.samples(), converted);
      (void)framer.push({.position = position, .samples = heard});
      position += heard.size();
      Framer::Frame out;
      while (framer.next(out))
        ++frames;
      if (round == 30) decoder.reset();
    }
    CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
    CHECK_EQ(frames, 40u);
  }
}

TEST("recording, recovering and exporting allocates nothing after the start") {
  using namespace trunkyard::spool;
  const RecordingFacts facts{.format = {.kind = PayloadKind::kPcmu, .channel_count = 2}};
  SegmentWriter writer(facts, {.block_ms = 100, .segment_ms = 1'000});
  RecordingIndex index(facts, 4);
  std::vector<std::uint8_t> into(writer.output_bytes_max());
  std::vector<std::uint8_t> file(1 << 20);
  std::array<std::uint8_t, 4'096> audio{};
  const std::array<std::uint8_t, 160> frame{};
  const std::uint64_t before = test::allocations_of_this_thread();
  ByteWriter disk(file);
  disk.bytes(writer.open(into).value());
  for (std::uint64_t number = 0; number < 90; ++number) {
    const Instant now = Instant::from_ns(static_cast<std::int64_t>(number) * 20'000'000);
    const Piece piece{.channel = static_cast<std::uint8_t>(number % 2),
                      .position = number / 2 * 160,
                      .samples = 160,
                      .bytes = frame};
    disk.bytes(writer.append(now, piece, into).to_write);
    if (number % 11 == 0) disk.bytes(writer.handle_deadline(now, into));
    if (number == 60) disk.bytes(writer.gap({.position = 4'800, .samples = 240}, into).to_write);
  }
  disk.bytes(writer.seal(SealKind::kEndsRecording, into));
  const Bytes segment = disk.written();
  std::array<MissingPiece, 4> missing;
  (void)index.add(recover(segment, missing).value());
  const bool is_complete = index.summary().is_complete;
  Result<RecordingReader> reader = RecordingReader::open({&segment, 1}, {});
  std::size_t exported = 0;
  while (const std::size_t bytes = reader.ok() ? reader->read(audio).size() : 0)
    exported += bytes;
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(is_complete);
  CHECK_TRUE(exported > 10'000);
}

TEST("writing and reading Ogg and playing a clip allocates nothing after the start") {
  using namespace trunkyard::spool;
  OggOpusWriter writer({}, 1);
  std::vector<std::uint8_t> page(kOggPageBytesMax);
  std::vector<std::uint8_t> file(1 << 20);
  std::vector<std::uint8_t> scratch(kOpusPacketBytesMax);
  const std::array<std::uint8_t, 160> packet{};
  const std::array<std::uint8_t, 3 * 160> pcmu{};
  const std::array<ClipSource, 1> sources{{{.encoding = {}, .data = pcmu, .frame_bytes = {}}}};
  std::uint32_t packets = 0;
  std::size_t played = 0;
  const std::uint64_t before = test::allocations_of_this_thread();
  ByteWriter disk(file);
  disk.bytes(writer.open(page));
  for (int number = 0; number < 200; ++number)
    disk.bytes(writer.append(packet, 960, page).value());
  disk.bytes(writer.finish(0, page));
  Result<OggOpusReader> reader = OggOpusReader::open(disk.written(), scratch);
  for (OggPacket found; reader.ok() && reader->next(found);)
    ++packets;
  const Result<Bytes> clip_file =
      write_clip(file, {.frame_count = 3, .duration_samples_48k = 3 * 960}, sources);
  if (clip_file.ok()) {
    const Result<ClipView> clip = ClipView::open(*clip_file);
    for (std::uint32_t index = 0; clip.ok() && index < 3; ++index)
      played += clip->frame(0, index).size();
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_EQ(packets, 200u);
  CHECK_EQ(played, 480u);
}

}  // namespace
