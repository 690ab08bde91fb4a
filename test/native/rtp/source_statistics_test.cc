// Receive statistics: RFC 3550 A.1, A.3 and A.8, at the edges and against naive models.
#include "rtp/source_statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

constexpr Ssrc kAlice = static_cast<Ssrc>(0xa11ce);
constexpr Ssrc kBob = static_cast<Ssrc>(0xb0b);
constexpr std::uint32_t kRateHz = 8'000;

/// Feeds packets of 20 ms; the arrival follows the number unless a test says otherwise.
class Stream {
 public:
  explicit Stream(SourceStatistics& statistics, Ssrc ssrc = kAlice)
      : statistics_(statistics), ssrc_(ssrc) {}

  ArrivalVerdict send(std::uint16_t sequence) { return send_at(now_, sequence); }
  ArrivalVerdict send_at(Instant at, std::uint16_t sequence) {
    now_ = at + Duration::milliseconds(20);
    timestamp_ += 160;
    return statistics_.on_packet(at, {.ssrc = ssrc_,
                                      .sequence = sequence,
                                      .timestamp = static_cast<RtpTimestamp>(timestamp_),
                                      .payload_bytes = 160,
                                      .clock_rate_hz = kRateHz});
  }
  void send_run(std::uint16_t first, int count) {
    for (int index = 0; index < count; ++index)
      send(static_cast<std::uint16_t>(first + index));
  }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  SourceStatistics& statistics_;
  Ssrc ssrc_;
  Instant now_ = Instant::from_ns(1'000'000'000);
  std::uint32_t timestamp_ = 0xffff'ff00;  // wraps early in every test
};

TEST("two packets in order make a stream, and both count as received") {
  SourceStatistics statistics;
  Stream alice(statistics);
  CHECK_EQ(alice.send(100), ArrivalVerdict::kProbation);
  CHECK_FALSE(statistics.has_stream());
  CHECK_EQ(alice.send(101), ArrivalVerdict::kNewStream);
  CHECK_TRUE(statistics.has_stream());
  CHECK_EQ(statistics.packets_received(), 2u);
  CHECK_EQ(statistics.octets_received(), 320u);
  CHECK_EQ(statistics.packets_expected(), 2u);
  CHECK_EQ(statistics.packets_lost(), 0u);
}

TEST("a gap during probation starts the probation again") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send(100);
  CHECK_EQ(alice.send(102), ArrivalVerdict::kProbation);
  CHECK_EQ(alice.send(103), ArrivalVerdict::kNewStream);
  CHECK_EQ(statistics.packets_received(), 3u);
  CHECK_EQ(statistics.packets_expected(), 2u);
}

TEST("counts what is missing, over the wrap of the sequence number") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(65'530, 4);                            // ..65533
  CHECK_EQ(alice.send(3), ArrivalVerdict::kInOrder);    // 5 missing
  CHECK_EQ(alice.send(65'535), ArrivalVerdict::kLate);  // one of them after all
  CHECK_EQ(statistics.packets_expected(), 10u);
  CHECK_EQ(statistics.packets_lost(), 4u);
  CHECK_EQ(statistics.highest().wire(), 0x1'0003u);
}

TEST("a duplicate counts as received, and loss never goes below zero for the leg") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(1, 3);
  CHECK_EQ(alice.send(3), ArrivalVerdict::kDuplicate);
  CHECK_EQ(statistics.packets_received(), 4u);
  CHECK_EQ(statistics.packets_lost(), 0u);
  CHECK_EQ(statistics.make_report_block(alice.now()).cumulative_lost, -1);
}

TEST("the limits of dropout and misordering stand where the RFC puts them") {
  for (const auto& [step, verdict] :
       {std::pair{2'999, ArrivalVerdict::kInOrder}, std::pair{3'000, ArrivalVerdict::kJump},
        std::pair{65'536 - 100, ArrivalVerdict::kJump},
        std::pair{65'536 - 99, ArrivalVerdict::kLate}}) {
    SourceStatistics statistics;
    Stream alice(statistics);
    alice.send_run(10, 2);
    CHECK_EQ(alice.send(static_cast<std::uint16_t>(11 + step)), verdict);
  }
}

TEST("one stray number changes nothing, two in a row restart the stream without counting loss") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(100, 10);
  CHECK_EQ(alice.send(40'000), ArrivalVerdict::kJump);
  CHECK_EQ(alice.send(110), ArrivalVerdict::kInOrder);
  CHECK_EQ(statistics.packets_expected(), 11u);

  CHECK_EQ(alice.send(50'000), ArrivalVerdict::kJump);
  CHECK_EQ(alice.send(50'001), ArrivalVerdict::kRestart);
  CHECK_EQ(alice.send(50'002), ArrivalVerdict::kInOrder);
  CHECK_EQ(statistics.restarts(), 1u);
  CHECK_EQ(statistics.packets_expected(), 11u + 3);
  CHECK_EQ(statistics.packets_lost(), 0u);
  CHECK_EQ(statistics.highest().wire(), 50'002u);
}

TEST("strays are received and belong to no stream: neither lost nor late for it") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(100, 10);
  const ExtendedSeq highest = statistics.highest();
  for (int count = 0; count < 50; ++count)
    statistics.on_stray(160);
  CHECK_TRUE(statistics.highest() == highest);
  CHECK_EQ(statistics.packets_received(), 60u);
  CHECK_EQ(statistics.octets_received(), 60u * 160);
  CHECK_EQ(statistics.packets_expected(), 10u);
  CHECK_EQ(statistics.packets_lost(), 0u);
  CHECK_EQ(alice.send(110), ArrivalVerdict::kInOrder);
}

TEST("a new SSRC becomes the stream after two in order, and the leg's totals go on") {
  SourceStatistics statistics;
  Stream alice(statistics, kAlice);
  alice.send_run(100, 5);
  alice.send(107);  // two lost
  Stream bob(statistics, kBob);
  CHECK_EQ(bob.send(9'000), ArrivalVerdict::kProbation);
  CHECK_EQ(statistics.ssrc(), kAlice);
  CHECK_EQ(bob.send(9'001), ArrivalVerdict::kNewStream);
  CHECK_EQ(statistics.ssrc(), kBob);
  CHECK_EQ(statistics.streams(), 2u);
  bob.send(9'003);  // one lost
  CHECK_EQ(statistics.packets_received(), 9u);
  CHECK_EQ(statistics.packets_lost(), 3u);
  const ReportBlock block = statistics.make_report_block(bob.now());
  CHECK_EQ(block.ssrc, kBob);
  CHECK_EQ(block.cumulative_lost, 1);
}

TEST("a stranger's SSRC mixed into a living stream never becomes the stream") {
  SourceStatistics statistics;
  Stream alice(statistics, kAlice);
  Stream bob(statistics, kBob);
  alice.send_run(100, 2);
  for (std::uint16_t index = 0; index < 50; ++index) {
    CHECK_EQ(bob.send(static_cast<std::uint16_t>(700 + index)), ArrivalVerdict::kProbation);
    CHECK_EQ(alice.send(static_cast<std::uint16_t>(102 + index)), ArrivalVerdict::kInOrder);
  }
  CHECK_EQ(statistics.streams(), 1u);
  CHECK_EQ(statistics.packets_lost(), 0u);
}

TEST("the fraction lost is of the interval alone, in 256ths") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(0, 100);
  CHECK_EQ(statistics.make_report_block(alice.now()).fraction_lost, 0);
  alice.send_run(150, 50);  // 50 of 100 missing
  const ReportBlock half = statistics.make_report_block(alice.now());
  CHECK_EQ(half.fraction_lost, 128);
  CHECK_EQ(half.cumulative_lost, 50);
  alice.send_run(200, 10);
  CHECK_EQ(statistics.make_report_block(alice.now()).fraction_lost, 0);
  CHECK_EQ(statistics.make_report_block(alice.now()).fraction_lost, 0);  // an empty interval
  alice.send(2'000);
  const ReportBlock most = statistics.make_report_block(alice.now());
  CHECK_EQ(most.fraction_lost, 255);
}

TEST("a report names the peer's last sender report and how long ago it came") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(1, 2);
  CHECK_EQ(statistics.make_report_block(alice.now()).last_sr, 0u);
  const Instant at = Instant::from_ns(5'000'000'000);
  statistics.on_sender_report(at, kBob, NtpTime::from_bits(~std::uint64_t{0}));  // not the stream's
  CHECK_EQ(statistics.make_report_block(at).last_sr, 0u);
  statistics.on_sender_report(at, kAlice, NtpTime::from_bits(0x1111'2222'3333'4444));
  const ReportBlock block = statistics.make_report_block(at + Duration::milliseconds(1'500));
  CHECK_EQ(block.last_sr, 0x2222'3333u);
  CHECK_EQ(block.delay_since_sr, 0x1'8000u);
}

TEST("packets that arrive as regularly as they were sent have no jitter") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(65'000, 1'000);
  CHECK_EQ(statistics.jitter_units(), 0u);
  CHECK_EQ(statistics.jitter_ms(), 0.0);
}

TEST("telephone-events and unknown clocks are left out of the jitter") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(1, 10);
  for (std::uint16_t sequence = 11; sequence < 30; ++sequence) {
    // The timestamp of an event stands still while time goes on (RFC 4733 §2.5.1.2).
    (void)statistics.on_packet(alice.now() + Duration::milliseconds(20 * (sequence - 10)),
                               {.ssrc = kAlice,
                                .sequence = sequence,
                                .timestamp = static_cast<RtpTimestamp>(160),
                                .payload_bytes = 4,
                                .clock_rate_hz = 0});
  }
  CHECK_EQ(statistics.jitter_units(), 0u);
  CHECK_EQ(statistics.packets_received(), 29u);
}

TEST("a sender's new clock does not count as network delay") {
  SourceStatistics statistics;
  Instant now = Instant::from_ns(0);
  std::uint32_t timestamp = 1'000;
  for (std::uint16_t sequence = 0; sequence < 100; ++sequence) {
    if (sequence == 50) timestamp += 0x4000'0000;
    (void)statistics.on_packet(now, {.ssrc = kAlice,
                                     .sequence = sequence,
                                     .timestamp = static_cast<RtpTimestamp>(timestamp),
                                     .payload_bytes = 160,
                                     .clock_rate_hz = kRateHz});
    timestamp += 160;
    now = now + Duration::milliseconds(20);
  }
  CHECK_EQ(statistics.jitter_units(), 0u);
}

TEST("a change of clock rate keeps the jitter's length in time") {
  SourceStatistics statistics;
  Prng prng(8);
  std::uint16_t sequence = 0;
  const auto feed = [&](Instant start, std::uint32_t rate_hz, int count) {
    for (int index = 0; index < count; ++index) {
      const Duration late = Duration::microseconds(prng.below(10'000));
      (void)statistics.on_packet(
          start + Duration::milliseconds(20 * index) + late,
          {.ssrc = kAlice,
           .sequence = sequence++,
           .timestamp = static_cast<RtpTimestamp>(static_cast<std::uint32_t>(index) * rate_hz / 50),
           .payload_bytes = 160,
           .clock_rate_hz = rate_hz});
    }
  };
  feed(Instant::from_ns(0), 8'000, 500);
  const double before_ms = statistics.jitter_ms();
  feed(Instant::from_ns(0) + Duration::seconds(10), 48'000, 1);
  CHECK_TRUE(std::abs(statistics.jitter_ms() - before_ms) < 0.01);
  CHECK_TRUE(before_ms > 1.0 && before_ms < 10.0);
}

TEST("jitter follows A.8 in real numbers to within a unit and a half") {
  SourceStatistics statistics;
  Prng prng(2);
  double model = 0;
  bool model_started = false;
  std::int64_t transit_before = 0;
  for (std::uint16_t index = 0; index < 5'000; ++index) {
    const std::int64_t sent_units = std::int64_t{index} * 160;
    const Instant at = Instant::from_ns(std::int64_t{index} * 20'000'000 + 77'000'000'000'000 +
                                        std::int64_t{prng.below(30'000'000)});
    (void)statistics.on_packet(at, {.ssrc = kAlice,
                                    .sequence = index,
                                    .timestamp = static_cast<RtpTimestamp>(sent_units),
                                    .payload_bytes = 160,
                                    .clock_rate_hz = kRateHz});
    if (index == 0) continue;  // on probation
    const std::int64_t transit = at.ns() / 125'000 - sent_units;
    if (model_started) {
      const double change = std::abs(static_cast<double>(transit - transit_before));
      model += (change - model) / 16.0;
    }
    transit_before = transit;
    model_started = true;
    REQUIRE(std::abs(static_cast<double>(statistics.jitter_units()) - model) < 1.5);
  }
  CHECK_TRUE(model > 40);
}

// The network of the model: drops, doubles and delays single packets by up to 50 places.
struct Network {
  std::vector<std::uint32_t> arrivals;  // indices of sent packets, in order of arrival
};
Network deliver(Prng& prng, std::uint32_t sent) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> due;  // arrival time, index
  for (std::uint32_t index = 0; index < sent; ++index) {
    const bool kept = index < 2 || index + 1 == sent || prng.below(10) != 0;
    if (!kept) continue;
    const std::uint32_t late =
        index < 2 || index + 1 == sent || prng.below(8) != 0 ? 0 : prng.below(50);
    due.emplace_back(index * 10 + late * 10, index);
    if (index > 2 && prng.below(20) == 0) due.emplace_back(index * 10 + 5, index);
  }
  std::stable_sort(due.begin(), due.end());
  Network network;
  for (const auto& [time, index] : due)
    network.arrivals.push_back(index);
  return network;
}

TEST("agrees with counting by hand over random loss, doubles and reordering") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    const std::uint32_t sent = 200 + prng.below(70'000);
    const auto first = static_cast<std::uint16_t>(prng.next_u32());
    const Network network = deliver(prng, sent);
    SourceStatistics statistics;
    std::uint32_t highest = 0;
    std::uint64_t reported_expected = 0;
    std::uint64_t reported_arrived = 0;
    std::uint64_t arrived = 0;
    for (const std::uint32_t index : network.arrivals) {
      (void)statistics.on_packet(Instant::from_ns(std::int64_t{index} * 20'000'000),
                                 {.ssrc = kAlice,
                                  .sequence = static_cast<std::uint16_t>(first + index),
                                  .timestamp = static_cast<RtpTimestamp>(index * 160),
                                  .payload_bytes = 160,
                                  .clock_rate_hz = kRateHz});
      ++arrived;
      highest = index > highest ? index : highest;
      if (arrived % 5'000 != 0) continue;
      const ReportBlock block = statistics.make_report_block(Instant::from_ns(0));
      const std::uint64_t expected = std::uint64_t{highest} + 1;
      const std::uint64_t expected_now = expected - reported_expected;
      const std::uint64_t arrived_now = arrived - reported_arrived;
      const std::uint64_t fraction =
          expected_now > arrived_now ? (expected_now - arrived_now) * 256 / expected_now : 0;
      REQUIRE(block.fraction_lost == fraction);
      REQUIRE(block.cumulative_lost ==
              static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(arrived));
      REQUIRE(block.highest_sequence == first + highest);
      reported_expected = expected;
      reported_arrived = arrived;
    }
    REQUIRE(statistics.packets_received() == arrived);
    REQUIRE(statistics.packets_expected() == sent);
    REQUIRE(statistics.packets_lost() == (sent > arrived ? sent - arrived : 0));
    REQUIRE(statistics.streams() == 1 && statistics.restarts() == 0);
  }
}

}  // namespace

TEST("packets that somebody else counted in between leave no trace but their sums") {
  Prng prng(11);
  for (int round = 0; round < 50; ++round) {
    SourceStatistics alone;
    SourceStatistics first;
    SourceStatistics other;
    std::uint32_t timestamp = prng.next_u32();
    std::int64_t now_ns = 5'000'000'000 + prng.next_u32();
    std::uint16_t sequence = static_cast<std::uint16_t>(prng.next_u32());
    StreamCount lent_before;
    const auto give_back = [&] {
      first.resume(other.position(), {other.packets_received() - lent_before.packets,
                                      other.octets_received() - lent_before.octets});
    };
    bool lent = false;
    for (int count = 0; count < 400; ++count) {
      // Every now and then the stream changes hands, or the books are asked for in between.
      if (count > 2 && prng.below(20) == 0) {
        if (lent) give_back();
        if (!lent) other = first;
        lent_before = {other.packets_received(), other.octets_received()};
        lent = !lent || prng.below(2) == 0;
      }
      sequence = static_cast<std::uint16_t>(sequence + (prng.below(10) == 0 ? prng.below(6) : 1));
      timestamp += 160;
      now_ns += 18'000'000 + static_cast<std::int64_t>(prng.below(4'000'000));
      const auto late = static_cast<std::uint16_t>(prng.below(15) == 0 ? 3 : 0);
      const PacketArrival packet = {.ssrc = kAlice,
                                    .sequence = static_cast<std::uint16_t>(sequence - late),
                                    .timestamp = static_cast<RtpTimestamp>(timestamp),
                                    .payload_bytes = prng.below(200),
                                    .clock_rate_hz = kRateHz};
      alone.on_packet(Instant::from_ns(now_ns), packet);
      (lent ? other : first).on_packet(Instant::from_ns(now_ns), packet);
    }
    if (lent) give_back();
    CHECK_EQ(first.packets_received(), alone.packets_received());
    CHECK_EQ(first.octets_received(), alone.octets_received());
    CHECK_EQ(first.packets_lost(), alone.packets_lost());
    CHECK_EQ(first.packets_expected(), alone.packets_expected());
    CHECK_EQ(first.highest().value(), alone.highest().value());
    CHECK_EQ(first.jitter_units(), alone.jitter_units());
    const ReportBlock ours = first.make_report_block(Instant::from_ns(now_ns));
    const ReportBlock theirs = alone.make_report_block(Instant::from_ns(now_ns));
    CHECK_EQ(ours.cumulative_lost, theirs.cumulative_lost);
    CHECK_EQ(ours.highest_sequence, theirs.highest_sequence);
    CHECK_EQ(ours.jitter, theirs.jitter);
  }
}

TEST("a stranger on probation starts over when the known stream went on elsewhere") {
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(1, 3);
  Stream bob(statistics, kBob);
  CHECK_EQ(bob.send(7), ArrivalVerdict::kProbation);
  StreamPosition position = statistics.position();
  position.highest = position.highest.extend(4);
  statistics.resume(position, {.packets = 1, .octets = 160});
  CHECK_EQ(bob.send(8), ArrivalVerdict::kProbation);
  CHECK_EQ(statistics.ssrc(), kAlice);
}

TEST("only the current stream's position is taken, and only once there is one") {
  CHECK_ABORTS((void)SourceStatistics().position());
  SourceStatistics statistics;
  Stream alice(statistics);
  alice.send_run(1, 3);
  StreamPosition position = statistics.position();
  position.ssrc = kBob;
  CHECK_ABORTS(statistics.resume(position, {}));
}
