// The jitter buffer: the input is a script of arrivals, redundant copies and playouts, with clocks,
// numbers and lengths as wild as a peer could send them. Whatever comes: every packet is given back
// once, none is heard twice, the counts agree, and nobody is asked without end.
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/native/targets.h"
#include "jitter/jitter_buffer.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::jitter;

constexpr std::uint32_t kSlots = 512;

/// Who holds each slot. A slot is used again only after it has come back.
class Slots {
 public:
  /// A slot that the buffer doesn't hold.
  std::uint32_t next() {
    do {
      last_ = (last_ + 1) % kSlots;
    } while (held_[last_]);
    return last_;
  }
  void hold(std::uint32_t slot) {
    CHECK(!held_[slot]);
    held_[slot] = true;
    ++count_;
  }
  void give_back(std::uint32_t slot) {
    CHECK(slot < kSlots);
    CHECK(held_[slot]);
    held_[slot] = false;
    --count_;
  }
  [[nodiscard]] bool holds(std::uint32_t slot) const { return held_[slot]; }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  std::array<bool, kSlots> held_ = {};
  std::uint32_t last_ = 0;
  std::uint32_t count_ = 0;
};

class Script {
 public:
  explicit Script(Bytes input)
      : reader_(input),
        setup_(reader_.u8()),
        buffer_({.policy = delay_policy(static_cast<BufferSize>(setup_ & 3)),
                 .capacity_packets = 1u + (setup_ >> 2)}) {}

  void run() {
    while (reader_.remaining() >= 8) {
      const std::uint8_t operation = reader_.u8();
      now_ = now_ + Duration::microseconds(std::int64_t{reader_.u16()} * (operation & 4 ? 100 : 1));
      if ((operation & 3) == 0) {
        take(reader_.u8(), reader_.u16());
      } else {
        insert(operation);
      }
      check();
    }
  }

 private:
  void insert(std::uint8_t operation) {
    // Steps are small most of the time; with the high bits set, anything goes.
    const std::uint8_t step = reader_.u8();
    const std::uint16_t wild = reader_.u16();
    const std::uint8_t shape = reader_.u8();
    sequence_ = static_cast<std::uint16_t>(operation & 0x80 ? wild : sequence_ + (step & 7) - 1);
    timestamp_ = operation & 0x40 ? wild * 65'537u : timestamp_ + 160u * ((step & 7) - 1u);
    constexpr std::uint32_t kRates[] = {8'000, 48'000, 16'000, 44'100};
    constexpr std::uint32_t kSteps[] = {160, 960, 80, 0, 480, 320, 0xffff'ffff, 5'760};
    constexpr MediaKind kKinds[] = {MediaKind::kAudio, MediaKind::kFiller, MediaKind::kComfort,
                                    MediaKind::kEvent};
    const Arrival arrival{.ssrc = static_cast<rtp::Ssrc>(operation & 0x20 ? wild & 3 : 1),
                          .timestamp = static_cast<rtp::RtpTimestamp>(timestamp_),
                          .sequence = sequence_,
                          .kind = kKinds[operation & 0x10 ? shape & 3 : 0],
                          .clock_rate_hz = kRates[operation & 8 ? shape >> 2 & 3 : 0],
                          .clock_steps = kSteps[operation & 8 ? shape >> 4 & 7 : 0],
                          .packet = {.slot = slots_.next()}};
    const bool is_redundant = (operation & 3) == 3;
    const InsertVerdict verdict = is_redundant ? buffer_.insert_redundant(now_, arrival, wild)
                                               : buffer_.insert(now_, arrival);
    if (!is_redundant) ++inserted_;
    if (is_held(verdict, arrival.kind)) slots_.hold(arrival.packet.slot);
    drain();
  }

  void take(std::uint8_t shape, std::uint16_t queued) {
    const MediaTime wanted = (1 + (shape & 3)) * MediaTime{480};
    MediaTime in_hand = queued % wanted;
    for (std::uint32_t asked = 0; in_hand < wanted; ++asked) {
      // Each answer brings audio or takes a packet out.
      CHECK(asked < 3 * kWindowPacketsMax + 8 || in_hand > 0);
      CHECK(asked < 4'000);
      const Decision decision = buffer_.take(
          now_,
          {.wanted = wanted, .queued = in_hand, .activity = static_cast<Activity>(shape >> 2 & 1)});
      const bool is_packet =
          decision.kind == DecisionKind::kPlay || decision.kind == DecisionKind::kComfortUpdate;
      if (is_packet) slots_.give_back(decision.packet.slot);
      if (decision.kind != DecisionKind::kComfortUpdate) CHECK(decision.length > 0);
      CHECK(decision.length <= kPacketLengthMax);
      CHECK(decision.stretch <= decision.length && decision.stretch >= -decision.length);
      CHECK(decision.stretch == 0 || decision.kind == DecisionKind::kPlay);
      if (decision.has_next) CHECK(slots_.holds(decision.next.slot));
      if (decision.kind != DecisionKind::kComfortUpdate) in_hand += decision.length;
      played_ += decision.kind == DecisionKind::kPlay ? 1 : 0;
      drain();
    }
  }

  void drain() {
    PacketRef packet;
    while (buffer_.next_released(packet))
      slots_.give_back(packet.slot);
  }

  void check() const {
    const BufferStatistics& statistics = buffer_.statistics();
    // Waiting packets, less events, of which only the numbers wait, plus at most one candidate.
    CHECK(slots_.count() <= buffer_.size() + 1);
    CHECK(buffer_.size() <= 1u + (setup_ >> 2));
    CHECK(statistics.played == played_);
    CHECK(statistics.received >= inserted_);
    CHECK(statistics.unplayed_runs <= statistics.unplayed);
    // No counter that falls may fall below zero.
    CHECK(statistics.lost < std::uint64_t{1} << 40);
    CHECK(buffer_.target_delay() >= Duration::zero());
    CHECK(buffer_.target_delay() <= delay_policy(static_cast<BufferSize>(setup_ & 3)).delay_max);
    CHECK(buffer_.jitter() >= Duration::zero());
  }

  ByteReader reader_;
  std::uint8_t setup_;
  JitterBuffer buffer_;
  Slots slots_;
  Instant now_ = Instant::from_ns(1'000'000'000);
  std::uint16_t sequence_ = 65'500;
  std::uint32_t timestamp_ = 0xffff'f000;
  std::uint64_t inserted_ = 0;
  std::uint64_t played_ = 0;
};

}  // namespace

int jitter_fuzz(const std::uint8_t* data, std::size_t size) {
  Script({data, size}).run();
  return 0;
}

}  // namespace fuzz
