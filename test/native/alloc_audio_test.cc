// The pipeline's hot paths must not allocate: audio of a leg and of a conference. Counted by the
// operator new of alloc_test.cc.
#include <array>
#include <memory>
#include <vector>

#include "base/prng.h"
#include "codec/opus_policy.h"
#include "native/allocations.h"
#include "native/harness.h"
#include "pipeline/audio_receiver.h"
#include "pipeline/audio_sender.h"
#include "pipeline/conference.h"
#include "rtp/packet.h"

namespace {

using namespace trunkyard;

/// Carries packets to the receiver, all but some, as they are made.
struct Wire {
  void send(MutableBytes packet, const pipeline::SentFacts&) noexcept {
    ++sent;
    if (sent % 9 != 0) (void)receiver->handle_packet(now, rtp::PacketView::parse(packet).value());
    pipeline::Digit digit;
    while (receiver->next_digit(digit))
      ++digits;
  }
  pipeline::AudioReceiver* receiver;
  Instant now;
  std::uint64_t sent = 0;
  std::uint64_t digits = 0;
};

TEST("a leg's audio from packets to pieces and back allocates nothing, whatever happens") {
  using codec::CodecKind;
  constexpr codec::Format kFormats[] = {{CodecKind::kPcmu, 8'000},
                                        {CodecKind::kG722, 16'000},
                                        {CodecKind::kL16, 16'000},
                                        {CodecKind::kOpus, 16'000}};
  for (const codec::Format& format : kFormats) {
    const pipeline::ReceivablePayload payloads[] = {
        {.payload_type = 96, .format = format},
        {.payload_type = 13, .role = pipeline::PayloadRole::kComfortNoise},
        {.payload_type = 101, .role = pipeline::PayloadRole::kTelephoneEvent},
        {.payload_type = 103, .role = pipeline::PayloadRole::kRedundancy}};
    pipeline::AudioReceiver receiver({.isa = best_isa(), .seed = 1});
    CHECK_TRUE(
        receiver.set_up({.payloads = payloads, .rate_hz = 8'000, .detect_digits = true}).ok());
    pipeline::AudioSender sender({}, best_isa());
    pipeline::SenderSetup setup;
    setup.payload_type = 96;
    setup.format = format;
    setup.source_rate_hz = 8'000;
    setup.opus = codec::opus_policy({.use_inband_fec = true}, {.source_rate_hz = 16'000});
    setup.event_payload_type = 101;
    setup.noise_payload_type = 13;
    setup.redundancy_payload_type = 103;
    CHECK_TRUE(sender.set_up(setup).ok());

    Wire wire{.receiver = &receiver, .now = Instant::from_ns(0)};
    std::array<std::int16_t, 80> piece{};
    const std::uint64_t before = test::allocations_of_this_thread();
    for (std::uint32_t tick = 0; tick < 1'500; ++tick) {
      wire.now = Instant::from_ns(std::int64_t{tick} * 10'000'000);
      // Half a second of sound, half a second of next to nothing.
      for (std::size_t index = 0; index < piece.size(); ++index)
        piece[index] =
            static_cast<std::int16_t>(tick % 100 < 50 ? (index * 997) % 8'000 : index % 3);
      if (tick % 300 == 150) (void)sender.press({.event = 5});
      if (tick % 300 == 220) receiver.restart();
      sender.push(wire.now, piece, wire);
      (void)receiver.pull(wire.now, piece);
      pipeline::Digit digit;
      while (receiver.next_digit(digit))
        ++wire.digits;
    }
    CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
    CHECK_EQ(wire.digits, 10u);
    CHECK_TRUE(wire.sent > 400);
  }
}

/// Takes packets and counts them.
struct Drain {
  void send(MutableBytes, const pipeline::SentFacts&) noexcept { ++sent; }
  std::uint64_t sent = 0;
};

TEST("a conference allocates nothing in its ticks, whoever speaks, presses, changes or goes") {
  using codec::CodecKind;
  constexpr codec::Format kFormats[] = {{CodecKind::kPcmu, 8'000},
                                        {CodecKind::kPcma, 8'000},
                                        {CodecKind::kG722, 16'000},
                                        {CodecKind::kOpus, 16'000}};
  constexpr std::size_t kMembers = 24;
  pipeline::Conference room({.rate_hz = 16'000, .capacity = 2 * kMembers, .isa = best_isa()});
  std::vector<std::unique_ptr<pipeline::AudioSender>> senders;
  std::vector<pipeline::Seat> seats;
  for (std::size_t index = 0; index < kMembers; ++index) {
    pipeline::SenderSetup setup;
    setup.payload_type = 96;
    setup.format = kFormats[index % std::size(kFormats)];
    setup.source_rate_hz = 16'000;
    setup.opus = codec::opus_policy({}, {.source_rate_hz = 16'000, .complexity = 0});
    if (index % 2 == 0) setup.event_payload_type = 101;
    senders.push_back(std::make_unique<pipeline::AudioSender>(
        pipeline::AudioSender::Identity{.ssrc = static_cast<rtp::Ssrc>(index + 1)}, best_isa()));
    CHECK_TRUE(senders.back()->set_up(setup).ok());
    seats.push_back(room.join({}));
    room.set_sender(seats.back(), &senders.back()->setup());
  }
  const auto member_of = [&](pipeline::Seat seat) {
    std::size_t index = 0;
    while (index < kMembers && seats[index] != seat)
      ++index;
    return index;
  };
  Prng prng(4);
  Drain drain;
  const std::vector<std::int32_t> elsewhere(160, 500);
  const std::uint64_t before = test::allocations_of_this_thread();
  for (std::uint32_t tick = 0; tick < 2'000; ++tick) {
    const std::uint32_t act = prng.below(20);
    const std::size_t one = prng.below(kMembers);
    if (act == 0) (void)senders[one]->press({.event = 7});
    if (act == 1) room.change(seats[one], {.role = pipeline::ParticipantRole::kListen});
    if (act == 2) room.change(seats[one], {.gain_db = 3, .levelled = true});
    if (act == 3) room.relieve(prng.below(3));
    if (act == 4) {
      room.leave(seats[one], senders[one].get());
      seats[one] = room.join({});
      room.set_sender(seats[one], &senders[one]->setup());
    }
    room.begin();
    for (const pipeline::Seat seat : room.seats()) {
      // A few speak, others after them.
      const bool speaks = (member_of(seat) + tick / 250) % 8 == 0;
      for (std::int16_t& sample : room.space(seat))
        sample = speaks ? static_cast<std::int16_t>(prng.below(4'000)) : std::int16_t{0};
      room.add(seat);
    }
    if (tick % 7 != 0) room.add_remote(1, elsewhere);
    if (tick % 700 == 0) room.miss_remote(2);
    room.mix([&](pipeline::Seat seat) { return senders[member_of(seat)].get(); });
    const Instant now = Instant::from_ns(std::int64_t{tick} * 10'000'000);
    for (std::size_t index = 0; index < kMembers; ++index)
      (void)room.say(seats[index], now, *senders[index], drain);
  }
  CHECK_EQ(test::allocations_of_this_thread() - before, 0u);
  CHECK_TRUE(drain.sent > 20 * 950);
  CHECK_TRUE(room.shared_payloads() > 1'000);
}

}  // namespace
