// Whose packets are heard: a sender's new numbers, clocks and sources, and no stray.
#include <cmath>
#include <string>

#include "native/codec/listen.h"
#include "native/pipeline/audio_rig.h"
#include "pipeline/audio_receiver.h"

namespace {

using namespace test;
using jitter::BufferSize;

TEST("plays on when numbers and timestamps wrap, jump, or another source takes over") {
  Ear ear({audio_payload(kPcmu)}, 8'000);
  const std::vector<std::uint8_t> payload = mu_tone(160);
  std::uint16_t sequence = 65'500;
  std::uint32_t timestamp = 0xffff'f000u;
  std::uint32_t ssrc = 1;
  for (int index = 0; index < 600; ++index) {
    if (index == 150) timestamp += 800'000;
    if (index == 250) sequence = static_cast<std::uint16_t>(sequence + 20'000);
    if (index == 350) timestamp -= 70'000;
    if (index == 450) {
      ssrc = 2;
      sequence = 7;
      timestamp = 99;
    }
    ear.hear(
        20 * index,
        packet_of(
            APacket{}.payload_type(0).sequence(sequence).timestamp(timestamp).ssrc(ssrc).payload(
                payload)));
    (void)ear.pull(20 * index + 3);
    (void)ear.pull(20 * index + 13);
    ++sequence;
    timestamp += 160;
  }
  const ReceiverStatistics statistics = ear.receiver.statistics();
  CHECK_TRUE(statistics.buffer.restarts >= 4);
  CHECK_TRUE(statistics.buffer.played >= 590);
  CHECK_TRUE(statistics.concealed_ms <= 4 * 60);
  CHECK_TRUE(std::abs(sines::level_dbov(codec::Pcm(ear.samples).last(8'000)) + 13) < 0.5);
}

/// A codec and the longest packets of it that one may send.
struct LongPackets {
  Format format;
  std::uint32_t ms;
  std::vector<std::uint8_t> payload;
};

std::vector<LongPackets> long_packets() {
  const auto of = [](const Format& format, std::uint32_t ms) {
    return LongPackets{format, ms, std::vector<std::uint8_t>(format.payload_bytes(ms), 0x55)};
  };
  // Opus: one frame of 60 ms, as many bytes as one may have (RFC 6716 §3.1, §3.4).
  std::vector<std::uint8_t> opus(1'275, 0x55);
  opus[0] = 11 << 3;
  return {of(kPcmu, 120),
          of(kPcma, 120),
          of(kG722, 120),
          of({CodecKind::kL16, 8'000}, 60),
          of({CodecKind::kL16, 8'000}, 90),
          of(kL16, 40),
          of({CodecKind::kL16, 48'000}, 15),
          {kOpus16, 60, opus}};
}

TEST("another source is believed at its second packet, however long, at any size of buffer") {
  for (const LongPackets& one : long_packets()) {
    for (const BufferSize size :
         {BufferSize::kOff, BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
      Ear ear({audio_payload(one.format)}, 8'000, size);
      const std::uint32_t steps = one.format.clock_hz() / 1'000 * one.ms;
      double due_ms = 0;
      std::uint32_t index = 0;
      for (double now_ms = 0; index < 40; now_ms += 5) {
        if (now_ms >= due_ms) {
          // A stray in the middle of each source's stream.
          const bool is_stray = index % 20 == 10;
          for (const std::uint32_t ssrc : {is_stray ? 9u : 0u, index < 20 ? 1u : 2u}) {
            if (ssrc == 0) continue;
            const PacketVerdict verdict =
                ear.hear(now_ms, packet_of(APacket{}
                                               .payload_type(type_of(one.format))
                                               .sequence(static_cast<std::uint16_t>(index))
                                               .timestamp(steps * index)
                                               .ssrc(ssrc)
                                               .payload(one.payload)));
            const bool is_first = ssrc == 9 || index == 20;
            CHECK_TRUE(verdict == (is_first ? PacketVerdict::kRefused : PacketVerdict::kBuffered));
          }
          ++index;
          due_ms += one.ms;
        }
        if (std::fmod(now_ms, 10) == 0) (void)ear.pull(now_ms + 1);
      }
      const ReceiverStatistics statistics = ear.receiver.statistics();
      CHECK_EQ(statistics.malformed, 0u);
      CHECK_EQ(statistics.buffer.restarts, 1u);
      // The strays; and where there is room for two alone, one that had to make it for them.
      CHECK_TRUE(statistics.buffer.discarded <= (size < BufferSize::kMedium ? 3u : 2u));
    }
  }
}

TEST("one packet far ahead of its time is never heard and costs nothing") {
  Ear ear({audio_payload(kPcmu)}, 8'000);
  Ear same({audio_payload(kPcmu)}, 8'000);
  const std::vector<std::uint8_t> payload = mu_tone(160);
  const auto at = [](int index, const std::vector<std::uint8_t>& sound) {
    return packet_of(APacket{}
                         .payload_type(0)
                         .sequence(static_cast<std::uint16_t>(index))
                         .timestamp(160u * index)
                         .payload(sound));
  };
  for (int index = 0; index < 250; ++index) {
    for (Ear* one : {&ear, &same})
      CHECK_TRUE(one->hear(20 * index, at(index, payload)) == PacketVerdict::kBuffered);
    if (index == 110) {
      CHECK_TRUE(ear.hear(20 * index + 1, at(index + 30, std::vector<std::uint8_t>(160, 0x80))) ==
                 PacketVerdict::kRefused);
    }
    for (Ear* one : {&ear, &same}) {
      (void)one->pull(20 * index + 3);
      (void)one->pull(20 * index + 13);
    }
  }
  CHECK_TRUE(ear.samples == same.samples);
  CHECK_EQ(ear.receiver.statistics().concealed_ms, 0u);
  CHECK_EQ(ear.receiver.statistics().buffer.unplayed, 0u);
}

TEST("packets of a type that isn't received are counted and take nothing from those that are") {
  for (const int ahead : {1, 30, 3'001, 40'000}) {
    Ear ear({audio_payload(kPcmu)}, 8'000);
    Ear same({audio_payload(kPcmu)}, 8'000);
    const std::vector<std::uint8_t> payload = mu_tone(160);
    for (int index = 0; index < 250; ++index) {
      const Packet packet = packet_of(APacket{}
                                          .payload_type(0)
                                          .sequence(static_cast<std::uint16_t>(index))
                                          .timestamp(160u * index)
                                          .payload(payload));
      for (Ear* one : {&ear, &same})
        CHECK_TRUE(one->hear(20 * index, packet) == PacketVerdict::kBuffered);
      for (int stray = 0; stray < 4 && index >= 100 && index < 112; ++stray) {
        const int number = index + ahead + 4 * (index - 100) + stray;
        CHECK_TRUE(ear.hear(20 * index + 1 + 4 * stray,
                            packet_of(APacket{}
                                          .payload_type(77)
                                          .sequence(static_cast<std::uint16_t>(number))
                                          .timestamp(160u * number)
                                          .payload(payload))) == PacketVerdict::kUnknown);
      }
      for (Ear* one : {&ear, &same}) {
        (void)one->pull(20 * index + 3);
        (void)one->pull(20 * index + 13);
      }
    }
    CHECK_TRUE(ear.samples == same.samples);
    CHECK_EQ(ear.receiver.statistics().unknown, 48u);
    CHECK_EQ(ear.receiver.statistics().buffer.received, 250u);
    CHECK_EQ(ear.receiver.statistics().buffer.unplayed, 0u);
  }
}

}  // namespace
