// Everything at once, for whoever watches the threads (ThreadSanitizer above all): eight media
// threads, five hundred calls forwarded and decoded, conferences across threads whose parts and
// people come and go, and orders in between.
#include <sys/resource.h>

#include <array>
#include <memory>
#include <vector>

#include "base/prng.h"
#include "native/engine/room.h"
#include "native/harness.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::NodeCounter;
using contract::ParticipantRole;

namespace {

constexpr std::uint32_t kThreads = 8;
constexpr std::size_t kForwardedCalls = 430;
constexpr std::size_t kDecodedCalls = 40;
constexpr std::size_t kConferences = 4;
constexpr std::size_t kInEach = 15;
static_assert(kForwardedCalls + kDecodedCalls + kConferences * kInEach / 2 == 500);
constexpr std::size_t kParts = 4;
/// Forwarded packets in 20 ms: enough to keep all threads at it, few enough for a slow build.
constexpr std::size_t kForwardedAtOnce = 80;

/// A thousand sockets and a few.
void allow_sockets() {
  rlimit limit = {};
  CHECK_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8'192);
  CHECK_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/// Legs whose peer is one socket for all: what matters here is the engine's side.
class Crowd {
 public:
  explicit Crowd(Rig& rig) : rig_(rig) {}

  Opened leg(std::uint32_t affinity) {
    const Opened opened = rig_.open(affinity);
    CHECK(opened.code == Code::kOk);
    CHECK(rig_.update(opened.handle, {peer_.address(), {}, true}) == Code::kOk);
    return opened;
  }
  void send(const Opened& to, std::uint16_t sequence) {
    peer_.send(to.rtp_port, APacket{}
                                .payload_type(0)
                                .sequence(sequence)
                                .timestamp(160u * sequence)
                                .ssrc(to.handle)
                                .payload(Buffer(160, 0xd5))
                                .bytes());
  }
  void hear() {
    while (!peer_.receive(0).empty())
      ++heard;
  }
  std::uint64_t heard = 0;

 private:
  Rig& rig_;
  Peer peer_;
};

/// A conference on four of the threads, and who is where.
struct Meeting {
  std::array<std::uint32_t, kParts> parts = {};
  std::vector<Opened> legs;
};

class Meetings {
 public:
  Meetings(Rig& rig, Crowd& crowd) : rig_(rig) {
    for (std::size_t index = 0; index < kConferences; ++index) {
      Meeting& meeting = meetings_[index];
      for (std::size_t part = 0; part < kParts; ++part)
        open_part(index, part);
      for (std::size_t leg = 0; leg < kInEach; ++leg) {
        meeting.legs.push_back(crowd.leg(thread_of(index, leg % kParts)));
        CHECK(set_audio(rig, meeting.legs.back().handle, {.voice = leg % 2 == 0 ? kPcmu : kG722}) ==
              Code::kOk);
        CHECK(take_part(rig, meeting.legs.back().handle, meeting.parts[leg % kParts]) == Code::kOk);
      }
    }
  }
  void send(Crowd& crowd, std::uint16_t sequence) {
    for (const Meeting& meeting : meetings_)
      for (const Opened& leg : meeting.legs)
        crowd.send(leg, sequence);
  }
  /// Something happens to one of the people, now and then to a part.
  void change(Prng& prng) {
    const std::size_t index = prng.below(kConferences);
    Meeting& meeting = meetings_[index];
    const std::size_t who = prng.below(kInEach);
    const std::uint32_t handle = meeting.legs[who].handle;
    const std::size_t part = who % kParts;
    switch (prng.below(8)) {
      case 0:
        (void)leave_conference(rig_, handle);
        return;
      case 1:
        CHECK(close_conference(rig_, meeting.parts[part]) == Code::kOk);
        open_part(index, part);
        for (std::size_t leg = part; leg < kInEach; leg += kParts)
          CHECK(take_part(rig_, meeting.legs[leg].handle, meeting.parts[part]) == Code::kOk);
        return;
      default: {
        const auto role = static_cast<ParticipantRole>(prng.below(2));
        CHECK(take_part(rig_, handle, meeting.parts[part], {.role = role, .pass_digits = true}) ==
              Code::kOk);
      }
    }
  }
  void close() {
    for (const Meeting& meeting : meetings_)
      for (const std::uint32_t part : meeting.parts)
        CHECK_TRUE(close_conference(rig_, part) == Code::kOk);
  }

 private:
  [[nodiscard]] static std::uint32_t thread_of(std::size_t meeting, std::size_t part) {
    return static_cast<std::uint32_t>((meeting + 2 * part) % kThreads);
  }
  void open_part(std::size_t index, std::size_t part) {
    Meeting& meeting = meetings_[index];
    // Any other part that is open will do.
    meeting.parts[part] = 0;
    std::uint32_t other = 0;
    for (const std::uint32_t handle : meeting.parts)
      if (handle != 0) other = handle;
    const AnyEvent event =
        open_conference(rig_, {.affinity = thread_of(index, part), .part_of = other});
    CHECK(event.code() == Code::kOk);
    meeting.parts[part] = event.header().endpoint;
  }

  Rig& rig_;
  std::array<Meeting, kConferences> meetings_;
};

}  // namespace

TEST("five hundred calls and conferences across eight threads go on while everything changes") {
  allow_sockets();
  Rig rig({.threads = kThreads, .endpoints_max = 2'048, .ports = {20'000, 25'999}});
  Crowd crowd(rig);
  std::vector<std::array<Opened, 2>> forwarded;
  for (std::size_t call = 0; call < kForwardedCalls; ++call) {
    const auto affinity = static_cast<std::uint32_t>(call);
    forwarded.push_back({crowd.leg(affinity), crowd.leg(affinity)});
    CHECK(rig.link(forwarded.back()[0].handle, forwarded.back()[1].handle) == Code::kOk);
  }
  std::vector<std::array<Opened, 2>> decoded;
  for (std::size_t call = 0; call < kDecodedCalls; ++call) {
    const auto affinity = static_cast<std::uint32_t>(call);
    const std::array<Opened, 2> legs = {crowd.leg(affinity), crowd.leg(affinity)};
    CHECK(set_audio(rig, legs[0].handle) == Code::kOk);
    CHECK(set_audio(rig, legs[1].handle, {.voice = kG722}) == Code::kOk);
    CHECK(link_decoded(rig, legs[0].handle, legs[1].handle) == Code::kOk);
    decoded.push_back(legs);
  }
  Meetings meetings(rig, crowd);
  CHECK_TRUE(eventually([&] { return rig.node(NodeCounter::kEndpointsOpen) == 1'000.0; }));

  Prng prng(7);
  std::uint16_t frame = 0;
  (void)in_real_time(
      [&] {
        for (std::size_t count = 0; count < kForwardedAtOnce; ++count)
          crowd.send(forwarded[(frame * kForwardedAtOnce + count) % kForwardedCalls][0], frame);
        for (const auto& legs : decoded)
          crowd.send(legs[0], frame);
        meetings.send(crowd, frame);
        meetings.change(prng);
        const auto& call = forwarded[prng.below(kForwardedCalls)];
        CHECK_TRUE(rig.link(call[0].handle, call[1].handle) == Code::kOk);
        crowd.hear();
      },
      [&] { return ++frame == 250; });
  CHECK_TRUE(crowd.heard > 2'000);
  CHECK_TRUE(rig.node(NodeCounter::kPacketsReceived) > 2'000);
  CHECK_EQ(rig.node(NodeCounter::kConferencesOpen), double{kConferences * kParts});
  CHECK_EQ(rig.node(NodeCounter::kConferencesRefused), 0.0);
  meetings.close();
  for (const auto& legs : decoded)
    CHECK_TRUE(rig.close(legs[0].handle).code() == Code::kOk);
  CHECK_TRUE(eventually([&] {
    return rig.node(NodeCounter::kConferencesOpen) + rig.node(NodeCounter::kParticipants) == 0.0;
  }));
}
