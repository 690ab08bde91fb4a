// One encoder for many: the same payloads as a sender's own, and the way from one to the other.
#include "pipeline/shared_encoder.h"

#include <cmath>
#include <memory>
#include <vector>

#include "native/pipeline/audio_rig.h"

namespace {

using namespace test;
using pipeline::SharedEncoder;

constexpr std::uint32_t kSourceHz = 16'000;

/// 10 ms of a tone that wanders.
Samples piece_of(int number) {
  Samples samples(codec::samples_of(kSourceHz, pipeline::kPieceMs));
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const double at = number * 160 + static_cast<double>(index);
    samples[index] = static_cast<std::int16_t>(6'000 * std::sin(0.1 * at + 4 * std::sin(at / 900)));
  }
  return samples;
}

std::vector<std::vector<std::uint8_t>> payloads_of(const Collector& out) {
  std::vector<std::vector<std::uint8_t>> payloads;
  for (const Packet& packet : out.packets) {
    const Bytes payload = packet.view().payload();
    payloads.emplace_back(payload.begin(), payload.end());
  }
  return payloads;
}

TEST("payloads are those that a sender of the same setup makes, in every frame length") {
  for (const Format& format : {kPcmu, kPcma, kG722, kL16, kOpus8, kOpus16, kOpus48}) {
    for (const std::uint32_t frame_ms : {10u, 20u, 40u, 60u}) {
      const SenderSetup setup = sending(format, kSourceHz, frame_ms);
      AudioSender sender({}, best_isa());
      CHECK_TRUE(sender.set_up(setup).ok());
      const auto shared = SharedEncoder::open(setup, best_isa()).value();
      Collector own;
      std::vector<std::vector<std::uint8_t>> payloads;
      for (int number = 0; number < 48; ++number) {
        sender.push(at_ms(number * 10), piece_of(number), own);
        shared->push(piece_of(number));
        if (shared->complete())
          payloads.emplace_back(shared->payload().begin(), shared->payload().end());
      }
      CHECK_TRUE(payloads == payloads_of(own));
    }
  }
}

TEST("a sender goes on where the encoder stands, and the encoder where a sender does") {
  for (const Format& format : {kPcmu, kG722, kOpus16}) {
    const SenderSetup setup = sending(format, kSourceHz, 40);
    AudioSender all({}, best_isa());
    AudioSender some({.ssrc = rtp::Ssrc{9}}, best_isa());
    CHECK_TRUE(all.set_up(setup).ok());
    CHECK_TRUE(some.set_up(setup).ok());
    const auto shared = SharedEncoder::open(setup, best_isa()).value();
    Collector whole;
    Collector patched;
    for (int number = 0; number < 120; ++number) {
      const Samples piece = piece_of(number);
      all.push(at_ms(number * 10), piece, whole);
      // Shared, then own from the middle of a frame, then shared again from a frame's beginning.
      if (number == 42) some.take_over(*shared);
      if (number == 80) shared->take_over(some);
      if (number >= 42 && number < 80) {
        some.push(at_ms(number * 10), piece, patched);
        continue;
      }
      shared->push(piece);
      if (shared->complete())
        some.push_payload(at_ms(number * 10 - 30), shared->payload(), 40, patched);
    }
    CHECK_TRUE(payloads_of(whole) == payloads_of(patched));
    for (std::size_t index = 0; index < whole.packets.size(); ++index) {
      CHECK_EQ(static_cast<std::uint32_t>(whole.packets[index].facts.packet.timestamp),
               static_cast<std::uint32_t>(patched.packets[index].facts.packet.timestamp));
    }
  }
}

TEST("what makes no difference to a payload is left out of the comparison, what does is not") {
  const SenderSetup setup = sending(kOpus16, kSourceHz);
  SenderSetup other = setup;
  other.payload_type = 99;
  other.event_payload_type = 101;
  other.redundancy_payload_type = 63;
  CHECK_TRUE(pipeline::encodes_alike(setup, other));
  other.opus.bitrate_bps += 1'000;
  CHECK_FALSE(pipeline::encodes_alike(setup, other));
  SenderSetup plain = sending(kPcmu, kSourceHz);
  other = plain;
  other.opus.complexity = 1;
  CHECK_TRUE(pipeline::encodes_alike(plain, other));
  other.source_rate_hz = 8'000;
  CHECK_FALSE(pipeline::encodes_alike(plain, other));
  other = sending(kPcmu, kSourceHz, 30);
  CHECK_FALSE(pipeline::encodes_alike(plain, other));
  CHECK_FALSE(pipeline::encodes_alike(plain, sending(kPcma, kSourceHz)));
  CHECK_TRUE(pipeline::can_share_encoder(plain));
  plain.noise_payload_type = 13;
  CHECK_FALSE(pipeline::can_share_encoder(plain));
}

TEST("a setup that no encoder takes is refused") {
  SenderSetup setup = sending(kPcmu, kSourceHz);
  setup.frame_ms = 15;
  CHECK_TRUE(SharedEncoder::open(setup, best_isa()).code() == ErrorCode::kConfigInvalid);
  setup = sending(kPcmu, 11'025);
  CHECK_TRUE(SharedEncoder::open(setup, best_isa()).code() == ErrorCode::kConfigInvalid);
}

}  // namespace
