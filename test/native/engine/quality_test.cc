// What jitter, disorder and loss do to decoded calls, and what the counters say of it (real
// sockets, real time).
#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "native/engine/party.h"
#include "native/harness.h"

using namespace test;
using namespace test::party;
using contract::BufferSize;
using contract::Counter;

namespace {

/// What a leg had to say while it lived.
struct Measured {
  double delay_ms = 0;  ///< mean of what was published
  double concealed_ms = 0;
  double played_ms = 0;
  double late = 0;
};

/// Samples a leg's delay as it is published.
class DelayMeter {
 public:
  void read(const Rig& rig, std::uint32_t handle) {
    const double delay = rig.endpoint(handle, Counter::kPlayoutDelayMs);
    if (delay == 0) return;
    sum_ += delay;
    ++count_;
  }
  [[nodiscard]] Measured close(Rig& rig, std::uint32_t handle) const {
    const AnyEvent closed = rig.close(handle);
    return {.delay_ms = count_ == 0 ? 0 : sum_ / count_,
            .concealed_ms = count_of(closed, Counter::kConcealedMs),
            .played_ms = count_of(closed, Counter::kPlayedMs),
            .late = count_of(closed, Counter::kPacketsLate)};
  }

 private:
  double sum_ = 0;
  int count_ = 0;
};

constexpr int kFrames = 400;

/// Whether the network stands still when a frame is sent: for 400 ms, in which every size waits as
/// long as it may, and for 140 ms, which hurts the shorter ones alone; in turn, once a second.
bool stands_still(int frame) {
  const int place = frame % 100;
  return (place >= 30 && place < 50) || (place >= 70 && place < 77);
}

/// One call with each size over that network. Their limits lie 100 and 200 ms apart: what a busy
/// machine adds moves none past the next, and it comes to all four at once.
std::array<Measured, contract::kBufferSizeCount> measure_sizes() {
  Rig rig;
  std::vector<std::unique_ptr<DecodedCall>> calls;
  for (const BufferSize size :
       {BufferSize::kOff, BufferSize::kSmall, BufferSize::kMedium, BufferSize::kLarge}) {
    calls.push_back(std::make_unique<DecodedCall>(rig, AudioWishes{.buffer = size}, AudioWishes{}));
  }
  std::array<DelayMeter, contract::kBufferSizeCount> meters;
  std::vector<std::deque<Buffer>> held(calls.size());
  int frame = 0;
  (void)in_real_time(
      [&] {
        ++frame;
        for (std::size_t index = 0; index < calls.size(); ++index) {
          DecodedCall& call = *calls[index];
          held[index].push_back(call.alice.next_packet());
          if (frame > kFrames / 4) meters[index].read(rig, call.left.handle);
          if (stands_still(frame)) continue;
          for (; !held[index].empty(); held[index].pop_front())
            call.alice.peer.send(call.left.rtp_port, held[index].front());
          call.hear();
        }
      },
      [&] { return frame == kFrames; });
  std::array<Measured, contract::kBufferSizeCount> measured;
  for (std::size_t index = 0; index < calls.size(); ++index)
    measured[index] = meters[index].close(rig, calls[index]->left.handle);
  return measured;
}

}  // namespace

TEST("A22 larger buffers delay more and conceal less, off delays least") {
  CHECK_TRUE(in_some_run([] {
    const auto measured = measure_sizes();
    bool ordered = measured.back().concealed_ms < measured.front().concealed_ms;
    for (std::size_t size = 1; size < measured.size(); ++size) {
      ordered = ordered && measured[size].delay_ms > measured[size - 1].delay_ms &&
                measured[size].concealed_ms <= measured[size - 1].concealed_ms;
    }
    return ordered;
  }));
}

TEST("A23 with jitter, disorder and loss what is heard stays in order; lateness and losses count") {
  CHECK_TRUE(in_some_run([] {
    Rig rig;
    DecodedCall call(rig, {.buffer = BufferSize::kSmall}, {.voice = kPcma});
    Prng prng(7);
    DelayMeter meter;
    std::deque<Buffer> held;
    Buffer straggler;
    int frame = 0;
    (void)in_real_time(
        [&] {
          ++frame;
          meter.read(rig, call.left.handle);
          Buffer packet = call.alice.next_packet();
          // Every fiftieth comes 400 ms late: past all that a small buffer waits for.
          if (!straggler.empty() && frame % 50 == 20)
            call.alice.peer.send(call.left.rtp_port, straggler);
          if (frame % 50 == 0) straggler = std::exchange(packet, {});
          if (prng.unit() < 0.02) packet.clear();
          held.push_back(std::move(packet));
          if (held.size() > 1 && prng.unit() < 0.05) std::swap(held.back(), held.front());
          // Up to 60 ms late now and then.
          if (prng.unit() < 0.3 && held.size() < 3) return;
          for (; !held.empty(); held.pop_front())
            if (!held.front().empty()) call.alice.peer.send(call.left.rtp_port, held.front());
          call.hear();
        },
        [&] { return frame == 300; });
    for (std::size_t index = 1; index < call.bob.sequences.size(); ++index) {
      const auto step =
          static_cast<std::uint16_t>(call.bob.sequences[index] - call.bob.sequences[index - 1]);
      CHECK_EQ(step, 1);
    }
    const Measured measured = meter.close(rig, call.left.handle);
    return measured.concealed_ms > 0 && measured.delay_ms > 0 && measured.late > 0 &&
           measured.played_ms > 4'000;
  }));
}

TEST("A27 a party that sends no RTCP still has its loss, delay and MOS in its counters") {
  Rig rig;
  DecodedCall call(rig, {}, {.voice = kPcma});
  int frame = 0;
  CHECK_TRUE(in_real_time(
      [&] {
        const Buffer packet = call.alice.next_packet();
        // Every tenth is lost, which costs some of the quality and leaves the rest.
        if (++frame % 10 != 0) call.alice.peer.send(call.left.rtp_port, packet);
        call.hear();
      },
      [&] { return frame == 100; }));
  const AnyEvent closed = rig.close(call.left.handle);
  CHECK_EQ(count_of(closed, Counter::kPacketsReceived), 90.0);
  CHECK_TRUE(count_of(closed, Counter::kPacketsLost) >= 9);
  CHECK_TRUE(count_of(closed, Counter::kPlayedMs) > 500);
  CHECK_TRUE(count_of(closed, Counter::kConcealedMs) >= 100);
  const double listening = count_of(closed, Counter::kMosListening);
  CHECK_TRUE(listening > 1.5 && listening < 4.3);
  CHECK_TRUE(count_of(closed, Counter::kMosConversational) <= listening);
  CHECK_TRUE(count_of(closed, Counter::kRatingFactor) > 10);
}
