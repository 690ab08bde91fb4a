// Calls whose streams the kernel forwards, beside the same calls by the sockets: what the parties
// get and what the books say must be the same, whatever happens to the call meanwhile.
#include "engine/kernel_streams.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "native/allocations.h"
#include "native/engine/forwarded_call.h"
#include "native/engine/party.h"
#include "native/engine/sounds.h"
#include "native/harness.h"
#include "native/kernel/net_lab.h"

using namespace test;
using contract::Code;
using contract::Counter;
using contract::EventKind;
using contract::NodeCounter;

namespace {

constexpr std::uint8_t kEvents = 101;
/// How far apart a party's packets are: less than a socket's share of a second, and quick.
constexpr auto kPace = std::chrono::milliseconds(4);

enum class Way { kSockets, kKernel };

RigOptions by(Way way, RigOptions options = {}) {
  options.kernel_path = way == Way::kKernel;
  return options;
}

/// Whether this machine has no fast path; then the running test is skipped, with the reason.
bool skipped() {
  const std::string missing = fast_path_missing();
  if (!missing.empty()) test::skip(missing);
  return !missing.empty();
}

/// Those that can be had here; that the kernel's is missing is told by a test of its own.
std::vector<Way> ways() {
  if (!fast_path_missing().empty()) return {Way::kSockets};
  return {Way::kSockets, Way::kKernel};
}

double streams_in_kernel(Rig& rig) {
  return rig.node(NodeCounter::kKernelStreams);
}

/// Somebody who speaks numbered packets at a steady pace, from a thread of his own until it goes.
class Speaker {
 public:
  Speaker(Peer& peer, std::uint16_t port)
      : thread_([this, &peer, port] {
          while (!stop_.load()) {
            peer.send(port, packet(static_cast<std::uint16_t>(sent_.load() + 1)));
            sent_.fetch_add(1);
            std::this_thread::sleep_for(kPace);
          }
        }) {}
  ~Speaker() { (void)stop(); }
  /// @returns how many packets it has sent: 1, 2, 3, ...
  std::uint32_t stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
    return sent_.load();
  }
  [[nodiscard]] std::uint32_t sent() const { return sent_.load(); }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint32_t> sent_ = 0;
  std::thread thread_;
};

/// The next RTP; with rtcp-mux, reports come between.
Buffer receive_rtp(Peer& peer) {
  Buffer next = peer.receive();
  while (next.size() > 1 && next[1] >= 200 && next[1] <= 204)
    next = peer.receive();
  return next;
}

/// Everything that a party has got by now, by number. The first that's missing ends it.
struct Heard {
  std::vector<std::uint16_t> numbers;
  std::uint32_t events = 0;

  void take(Peer& peer, std::uint32_t wait_ms = 200) {
    for (Buffer next = peer.receive(wait_ms); !next.empty(); next = peer.receive(wait_ms)) {
      if (next.size() == 172 && (next[1] & 0x7f) == 0) numbers.push_back(load_u16(&next[2]));
      if ((next[1] & 0x7f) == kEvents) ++events;
    }
  }
  /// Whether it was 1, 2, 3, ... `count`, each once and in their order.
  [[nodiscard]] bool all(std::uint32_t count) const {
    if (numbers.size() != count) return false;
    for (std::uint32_t index = 0; index < count; ++index)
      if (numbers[index] != static_cast<std::uint16_t>(index + 1)) return false;
    return true;
  }
};

std::vector<double> counters_of(const AnyEvent& closed, std::initializer_list<Counter> wanted) {
  std::vector<double> values;
  for (const Counter counter : wanted)
    values.push_back(party::count_of(closed, counter));
  return values;
}

/// Packets both ways, each awaited at its far end, until `done` or for ten seconds.
template <typename Done>
bool talk_until(Call& call, std::uint16_t& number, Done&& done) {
  return eventually([&] {
    ++number;
    call.alice.send(call.left.rtp_port, packet(number));
    CHECK_EQ(receive_rtp(call.bob), packet(number));
    call.bob.send(call.right.rtp_port, packet(number, 0, 9));
    CHECK_EQ(receive_rtp(call.alice), packet(number, 0, 9));
    std::this_thread::sleep_for(kPace);
    return done();
  });
}
bool talk_into_kernel(Rig& rig, Call& call, std::uint16_t& number) {
  return talk_until(call, number, [&] { return streams_in_kernel(rig) == 2.0; });
}

}  // namespace

TEST("a host without a fast path says why and relays by the sockets") {
  Rig with(by(Way::kKernel));
  CHECK_EQ(with.host().kernel_path_obstacle().empty(), fast_path_missing().empty());
  Rig without;
  CHECK_TRUE(without.host().kernel_path_obstacle().empty());
  Call call(without);
  call.alice.send(call.left.rtp_port, packet(1));
  CHECK_EQ(receive_rtp(call.bob), packet(1));
}

TEST("both ways the far end gets the same packets and the closing books are the same") {
  if (skipped()) return;
  std::vector<std::vector<double>> books;
  for (const Way way : ways()) {
    Rig rig(by(way));
    Call call(rig);
    std::uint16_t number = 0;
    // As many as it takes to get there, and a fixed sum.
    constexpr std::uint16_t kTotal = 600;
    if (way == Way::kKernel) CHECK_TRUE(talk_into_kernel(rig, call, number));
    CHECK_TRUE(talk_until(call, number, [&] { return number >= kTotal - 100; }));
    CHECK_EQ(streams_in_kernel(rig), way == Way::kKernel ? 2.0 : 0.0);
    // A gap of ten, one of them late, and a duplicate.
    const auto pass = [&](std::uint16_t which) {
      call.alice.send(call.left.rtp_port, packet(which));
      CHECK_EQ(receive_rtp(call.bob), packet(which));
    };
    number += 10;
    pass(++number);
    pass(static_cast<std::uint16_t>(number - 3));
    pass(number);
    CHECK_TRUE(talk_until(call, number, [&] { return number >= kTotal; }));
    if (way == Way::kKernel) {
      CHECK_TRUE(rig.node(NodeCounter::kPacketsInKernel) > 100);
      CHECK_EQ(rig.node(NodeCounter::kKernelReturns), 0.0);
    }
    const auto wanted = {Counter::kPacketsReceived, Counter::kOctetsReceived,
                         Counter::kPacketsSent,     Counter::kOctetsSent,
                         Counter::kPacketsLost,     Counter::kPacketsRefused,
                         Counter::kPacketsDropped};
    const auto left = rig.close(call.left.handle);
    const auto right = rig.close(call.right.handle);
    // Timestamps say 20 ms, the clock says 4 and a little: 15 ms, whoever measures.
    CHECK_TRUE(party::count_of(left, Counter::kJitterMs) > 10);
    CHECK_TRUE(party::count_of(left, Counter::kJitterMs) < 20);
    books.push_back(counters_of(left, wanted));
    const auto other = counters_of(right, wanted);
    books.back().insert(books.back().end(), other.begin(), other.end());
    CHECK_EQ(party::count_of(left, Counter::kPacketsLost), 8.0);
    CHECK_TRUE(eventually([&] { return streams_in_kernel(rig) == 0; }));
    CHECK_EQ(rig.node(NodeCounter::kPacketsReceived), rig.node(NodeCounter::kPacketsSent));
  }
  CHECK_TRUE(books[0] == books[1]);
}

TEST("A24 digits pressed in a call that the kernel forwards arrive, and no packet is lost") {
  for (const Way way : ways()) {
    Rig rig(by(way));
    Call call(rig, false, true);
    CHECK_TRUE(rig.link(call.left.handle, call.right.handle, {{0, 0}, {kEvents, 96}}) == Code::kOk);
    std::uint16_t number = 0;
    const auto talk = [&] {
      call.alice.send(call.left.rtp_port, packet(++number));
      CHECK_EQ(receive_rtp(call.bob), packet(number));
      std::this_thread::sleep_for(kPace);
    };
    for (double presses = 0; presses < 2; ++presses) {
      if (way == Way::kKernel) {
        CHECK_TRUE(eventually([&] {
          talk();
          return streams_in_kernel(rig) == 1.0;
        }));
        CHECK_EQ(rig.node(NodeCounter::kKernelReturns), presses);
      }
      for (int count = 0; count < 30; ++count)
        talk();
      for (int count = 0; count < 8; ++count) {
        call.alice.send(call.left.rtp_port, packet(++number, kEvents));
        CHECK_EQ(receive_rtp(call.bob), packet(number, 96));
      }
      for (int count = 0; count < 10; ++count)
        talk();
    }
    const auto closed = rig.close(call.left.handle);
    CHECK_EQ(party::count_of(closed, Counter::kPacketsReceived), number);
    CHECK_EQ(party::count_of(closed, Counter::kPacketsLost), 0.0);
  }
}

TEST("re-INVITEs, watched digits and new links in the middle of the talk lose and double nothing") {
  for (const Way way : ways()) {
    Rig rig(by(way));
    Call call(rig, false, true);
    Speaker alice(call.alice, call.left.rtp_port);
    // Out of the kernel by what was just done, in again, and some packets further.
    const auto at_rest = [&] {
      if (way == Way::kSockets) return true;
      if (!eventually([&] { return streams_in_kernel(rig) == 0.0; })) return false;
      if (!eventually([&] { return streams_in_kernel(rig) == 1.0; })) return false;
      const std::uint32_t arrived = alice.sent();
      return eventually([&] { return alice.sent() > arrived + 30; });
    };
    CHECK_TRUE(at_rest());
    CHECK_TRUE(rig.update(call.left.handle, {call.alice.address(), {}, true}) == Code::kOk);
    CHECK_TRUE(at_rest());
    CHECK_TRUE(rig.update(call.right.handle, {call.bob.address(), {}, true}) == Code::kOk);
    CHECK_TRUE(at_rest());
    contract::SetAudioOrder watch;
    watch.endpoint = call.left.handle;
    watch.receive_count = 1;
    watch.receive[0] = party::receivable(kEvents, contract::PayloadKind::kTelephoneEvent, 8);
    watch.send_payload_type = party::kNoType;
    CHECK_TRUE(party::set_audio(rig, watch) == Code::kOk);
    CHECK_TRUE(at_rest());
    CHECK_TRUE(rig.link(call.left.handle, call.right.handle, {{0, 0}, {kEvents, kEvents}}) ==
               Code::kOk);
    CHECK_TRUE(at_rest());
    const std::uint32_t sent = alice.stop();
    Heard bob;
    bob.take(call.bob);
    CHECK_TRUE(bob.all(sent));
    const auto closed = rig.close(call.left.handle);
    CHECK_EQ(party::count_of(closed, Counter::kPacketsReceived), sent);
    CHECK_EQ(party::count_of(closed, Counter::kPacketsLost), 0.0);
    CHECK_EQ(rig.closing_count(call.right.handle, Counter::kPacketsSent), sent);
    if (way == Way::kKernel) {
      CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPacketsInKernel) > 100; }));
    }
  }
}

TEST("what is played, recorded and listened for takes a stream back without a lost packet") {
  for (const Way way : ways()) {
    TestFolder folder;
    Rig rig(by(way, {.media_folder = folder.path()}));
    Call call(rig, false, true);
    CHECK_TRUE(party::set_audio(rig, call.left.handle) == Code::kOk);
    CHECK_TRUE(party::set_audio(rig, call.right.handle) == Code::kOk);
    Speaker alice(call.alice, call.left.rtp_port);
    const auto goes_on = [&] {
      const std::uint32_t arrived = alice.sent();
      return eventually([&] { return alice.sent() > arrived + 30; });
    };
    const auto comes_to_be = [&](double streams) {
      if (way == Way::kSockets) return goes_on();
      return eventually([&] { return streams_in_kernel(rig) == streams; }) && goes_on();
    };
    const auto order = [&](contract::OrderKind kind, auto what) {
      what.endpoint = call.left.handle;
      CHECK(rig.submit(kind, what));
      const AnyEvent event = rig.answer();
      CHECK_TRUE(event.code() == Code::kOk);
      return event.header().order;
    };
    CHECK_TRUE(comes_to_be(1));
    contract::StopRecordingOrder stop;
    stop.recording =
        order(contract::OrderKind::kStartRecording, recording_order(call.left.handle, "a.wav"));
    CHECK_TRUE(comes_to_be(0));
    (void)order(contract::OrderKind::kStopRecording, stop);
    CHECK_TRUE(comes_to_be(1));
    contract::DetectSpeechOrder detect;
    detect.on = 1;
    (void)order(contract::OrderKind::kDetectSpeech, detect);
    CHECK_TRUE(comes_to_be(0));
    detect.on = 0;
    (void)order(contract::OrderKind::kDetectSpeech, detect);
    CHECK_TRUE(comes_to_be(1));
    // Played to her; what she says goes on.
    contract::PlayToneOrder tone;
    tone.frequencies_hz[0] = 440;
    tone.duration_ms = 300;
    (void)order(contract::OrderKind::kPlayTone, tone);
    CHECK_TRUE(comes_to_be(0));
    CHECK_TRUE(comes_to_be(1));
    CHECK_TRUE(rig.hears(EventKind::kPlayEnded, call.left.handle));
    const std::uint32_t sent = alice.stop();
    Heard bob;
    bob.take(call.bob);
    CHECK_TRUE(bob.all(sent));
    const auto closed = rig.close(call.left.handle);
    CHECK_EQ(party::count_of(closed, Counter::kPacketsReceived), sent);
    CHECK_EQ(party::count_of(closed, Counter::kPacketsLost), 0.0);
  }
}

TEST("A27 sender and receiver reports are right to the packet whoever forwards") {
  for (const Way way : ways()) {
    Rig rig(by(way));
    Call call(rig);
    std::uint16_t number = 0;
    if (way == Way::kKernel) CHECK_TRUE(talk_into_kernel(rig, call, number));
    // What was written before says nothing yet.
    while (!call.bob_rtcp.quiet())
      continue;
    Buffer report;
    CHECK_TRUE(talk_until(call, number, [&] {
      if (report.empty()) report = call.bob_rtcp.receive(0);
      return !report.empty();
    }));
    REQUIRE(report.size() >= 52);
    // A sender report about alice's stream, with a block about bob's.
    CHECK_EQ(report[1], 200);
    CHECK_EQ(load_u32(&report[4]), 7u);
    const std::uint32_t packets = load_u32(&report[20]);
    CHECK_TRUE(packets == number || packets + 1 == number);
    CHECK_EQ(load_u32(&report[24]), 160 * packets);
    CHECK_EQ(load_u32(&report[28]), 9u);
    CHECK_EQ(load_u32(&report[32]), 0u);  // nothing lost
    const std::uint32_t highest = load_u32(&report[36]);
    CHECK_TRUE(highest == number || highest + 1 == number);
    CHECK_EQ(streams_in_kernel(rig), way == Way::kKernel ? 2.0 : 0.0);
  }
}

TEST("a call that only the kernel hears is not silent, until it is") {
  for (const Way way : ways()) {
    Rig rig(by(way));
    Call call(rig, false, true);
    constexpr std::uint32_t kInactivityMs = 800;
    for (const auto& [leg, peer] :
         {std::pair{&call.left, &call.alice}, std::pair{&call.right, &call.bob}})
      CHECK_TRUE(rig.update(leg->handle, {peer->address(), {}, true, false, kInactivityMs}) ==
                 Code::kOk);
    std::uint16_t number = 0;
    if (way == Way::kKernel) CHECK_TRUE(talk_into_kernel(rig, call, number));
    const std::uint16_t began = number;
    CHECK_TRUE(talk_until(call, number, [&] { return number - began > 400; }));
    CHECK_EQ(rig.node(NodeCounter::kMediaTimeouts), 0.0);
    AnyEvent event;
    REQUIRE(rig.hears(EventKind::kMediaTimeout, call.left.handle, &event));
    CHECK_TRUE(event.as<contract::MediaTimeoutEvent>().silent_ms >= kInactivityMs);
  }
}

TEST("RTCP and what is no RTP at all pass by the kernel's stream without taking it back") {
  if (skipped()) return;
  Rig rig(by(Way::kKernel));
  Call call(rig, false, true);
  std::uint16_t number = 0;
  CHECK_TRUE(talk_into_kernel(rig, call, number));
  call.alice.send(call.left.rtp_port, receiver_report(1));
  CHECK_TRUE(eventually([&] { return call.bob.receive() == receiver_report(1); }));
  call.alice.send(call.left.rtp_port, {0x16, 0xfe, 0xfd});
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPacketsMalformed) == 1.0; }));
  CHECK_EQ(streams_in_kernel(rig), 2.0);
}

TEST("packets beyond the engine's bound are malformed and go nowhere, whoever forwards") {
  for (const Way way : ways()) {
    Rig rig(by(way));
    Call call(rig);
    std::uint16_t number = 0;
    if (way == Way::kKernel) CHECK_TRUE(talk_into_kernel(rig, call, number));
    const auto packet_of = [&](std::size_t bytes) {
      Buffer long_one = packet(++number);
      long_one.resize(bytes, 0xd5);
      return long_one;
    };
    const Buffer longest = packet_of(kPacketBytesMax);
    call.alice.send(call.left.rtp_port, longest);
    CHECK_EQ(receive_rtp(call.bob), longest);
    for (const std::size_t bytes : {kPacketBytesMax + 1, std::size_t{9'000}, std::size_t{60'000}})
      call.alice.send(call.left.rtp_port, packet_of(bytes));
    CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPacketsMalformed) == 3.0; }));
    CHECK_TRUE(call.bob.quiet());
    CHECK_EQ(streams_in_kernel(rig), way == Way::kKernel ? 2.0 : 0.0);
  }
}

TEST("A30 a latched call is forwarded by the kernel too, and nobody else's packets with it") {
  if (skipped()) return;
  Rig rig(by(Way::kKernel));
  Call call(rig, true, true);
  Peer stranger;
  // The first packet is latched by the second; both are alice's and bob's own.
  call.alice.send(call.left.rtp_port, packet(1));
  call.bob.send(call.right.rtp_port, packet(1, 0, 9));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kPacketsRefused) == 2.0; }));
  std::uint16_t number = 1;
  call.bob.send(call.right.rtp_port, packet(++number, 0, 9));
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kLatches) == 1.0; }));
  call.alice.send(call.left.rtp_port, packet(number));
  CHECK_EQ(receive_rtp(call.bob), packet(number));
  while (!call.alice.quiet())
    continue;
  CHECK_TRUE(talk_into_kernel(rig, call, number));
  for (std::uint16_t wild = 1; wild <= 20; ++wild)
    stranger.send(call.left.rtp_port, packet(static_cast<std::uint16_t>(number + wild)));
  CHECK_TRUE(talk_until(call, number, [] { return true; }));
  CHECK_TRUE(call.bob.quiet());
  CHECK_EQ(streams_in_kernel(rig), 2.0);
}

TEST("who floods his own leg through the kernel gets the socket's share back") {
  if (skipped()) return;
  Rig rig(by(Way::kKernel));
  Call call(rig, false, true);
  std::uint16_t number = 0;
  CHECK_TRUE(talk_into_kernel(rig, call, number));
  CHECK_TRUE(eventually([&] {
    for (int count = 0; count < 50; ++count)
      call.alice.send(call.left.rtp_port, packet(++number));
    while (!call.bob.quiet())
      continue;
    return rig.node(NodeCounter::kSocketsPaused) >= 1.0;
  }));
  CHECK_TRUE(streams_in_kernel(rig) <= 1.0);
}

TEST("a sender whose every packet is unusual is left to the sockets for longer each time") {
  if (skipped()) return;
  Rig rig(by(Way::kKernel));
  Call call(rig, false, true);
  std::uint16_t number = 0;
  // One CSRC: plain enough for the relay, not for the kernel.
  const auto unusual = [](std::uint16_t number) {
    return APacket{}
        .sequence(number)
        .timestamp(160u * number)
        .ssrc(7)
        .csrcs({5})
        .payload(Buffer(160, 0xd5))
        .bytes();
  };
  const auto began = std::chrono::steady_clock::now();
  CHECK_TRUE(eventually([&] {
    const Buffer next = unusual(++number);
    call.alice.send(call.left.rtp_port, next);
    CHECK_EQ(receive_rtp(call.bob), next);
    std::this_thread::sleep_for(kPace);
    return std::chrono::steady_clock::now() - began > std::chrono::seconds(5);
  }));
  // After 1, 2 and 4 s: the third is yet to come.
  CHECK_TRUE(rig.node(NodeCounter::kKernelReturns) >= 1.0);
  CHECK_TRUE(rig.node(NodeCounter::kKernelReturns) <= 2.0);
}

TEST("each media thread has its own streams in the kernel, and they end with the client") {
  if (skipped()) return;
  constexpr std::uint32_t kThreads = 3;
  Rig rig(by(Way::kKernel, {.threads = kThreads, .endpoints_max = 48}));
  std::vector<std::unique_ptr<Call>> calls;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread)
    calls.push_back(std::make_unique<Call>(rig, false, true, thread));
  std::vector<std::uint16_t> numbers(kThreads, 0);
  CHECK_TRUE(eventually([&] {
    for (std::uint32_t index = 0; index < kThreads; ++index)
      (void)talk_until(*calls[index], numbers[index], [] { return true; });
    return streams_in_kernel(rig) == 2.0 * kThreads;
  }));
  rig.drop_client();
  rig.attach();
  CHECK_TRUE(eventually([&] { return streams_in_kernel(rig) == 0.0; }));
  // What is left of the call, reports among it.
  Call& call = *calls[0];
  while (!call.bob.quiet()) {
  }
  // The second goes straight there, behind whatever became of the first.
  call.alice.send(call.left.rtp_port, packet(1));
  call.alice.send(call.bob.address().port, packet(2));
  CHECK_EQ(call.bob.receive(), packet(2));
}

TEST("going into the kernel and coming back allocates nothing") {
  if (skipped()) return;
  Rig rig(by(Way::kKernel));
  Call call(rig, false, true);
  std::uint16_t number = 0;
  CHECK_TRUE(talk_into_kernel(rig, call, number));
  const auto others = [] { return allocations_total() - allocations_of_this_thread(); };
  const std::uint64_t before = others();
  CHECK_TRUE(rig.update(call.left.handle, {call.alice.address(), {}, true}) == Code::kOk);
  CHECK_TRUE(talk_into_kernel(rig, call, number));
  call.alice.send(call.left.rtp_port, packet(++number, kEvents));
  CHECK_TRUE(talk_into_kernel(rig, call, number));
  CHECK_EQ(others() - before, 0u);
}
