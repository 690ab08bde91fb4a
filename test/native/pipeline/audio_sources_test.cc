// Whose packets are heard: a sender's new numbers, clocks and sources, and no stray.
#include <cmath>

#include "native/codec/listen.h"
#include "native/pipeline/audio_rig.h"
#include "pipeline/audio_receiver.h"

namespace {

using namespace test;

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
