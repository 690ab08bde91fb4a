// Recordings made by a running engine: each party in its channel, forwarded or decoded; every
// container; how they end; what a disk that refuses leaves.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "codec/g711.h"
#include "native/engine/party.h"
#include "native/engine/sounds.h"
#include "native/harness.h"
#include "spool/ogg_reader.h"
#include "spool/recording_reader.h"

using namespace test;
using namespace test::party;
using contract::Code;
using contract::NodeCounter;
using contract::OrderKind;
using contract::RecordingContainer;
using contract::RecordingEnd;
using contract::RecordingSound;

namespace {

struct Studio : SoundRig {
  Samples channel(const std::string& name, std::size_t index) const {
    return wav_channel(folder, name, index);
  }
};

RecordingEnd end_of(const contract::RecordingEndedEvent& event) {
  return static_cast<RecordingEnd>(event.end);
}

/// Whether the last second is that tone and not the other one.
bool is_tone(const Samples& samples, double hz, double not_hz) {
  if (samples.size() < 8'000) return false;
  const codec::Pcm last = codec::Pcm(samples).last(8'000).first(6'400);
  return std::abs(sine_dbov(last, 8'000, hz) - Party::kToneDbov) < 2 &&
         sine_dbov(last, 8'000, not_hz) < -45;
}

void talk_for(DecodedCall& call, int frames) {
  int done = 0;
  (void)in_real_time([&] { call.talk(); }, [&] { return ++done == frames; });
}

}  // namespace

TEST("a decoded call is recorded with each party in its own channel, while both hear each other") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {.voice = kG722}, {.voice = kPcma});
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "a.wav")) == Code::kOk);
    talk_for(call, 150);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    const auto event = studio.recording_ended(call.left.handle);
    CHECK_EQ(event.recording, studio.recorded);
    CHECK_TRUE(end_of(event) == RecordingEnd::kStopped);
    CHECK_EQ(event.lost_ms, 0u);
    const Samples received = studio.channel("a.wav", 0);
    const Samples sent = studio.channel("a.wav", 1);
    CHECK_EQ(received.size(), std::size_t{event.duration_ms} * 8);
    CHECK_EQ(event.bytes, static_cast<double>(studio.folder.contents("a.wav").size()));
    return is_tone(received, kLeftHz, kRightHz) && is_tone(sent, kRightHz, kLeftHz) &&
           hears_tone(call.bob, kLeftHz);
  }));
}

TEST("a forwarded call is recorded beside its way, each party in its own channel") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    CHECK_TRUE(studio.rig.link(call.left.handle, call.right.handle) == Code::kOk);
    CHECK_TRUE(studio.rig.link(call.right.handle, call.left.handle) == Code::kOk);
    call.hear();
    call.alice.ssrcs.clear();
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "a.wav")) == Code::kOk);
    talk_for(call, 150);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    (void)studio.recording_ended(call.left.handle);
    const Samples received = studio.channel("a.wav", 0);
    const Samples sent = studio.channel("a.wav", 1);
    // Forwarded still: what alice hears is bob's own stream.
    CHECK_EQ(call.alice.ssrcs.size(), 1u);
    return is_tone(received, kLeftHz, kRightHz) && is_tone(sent, kRightHz, kLeftHz);
  }));
}

TEST("segments and Ogg Opus hold what was said, and an endpoint that closes leaves them whole") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    CHECK_TRUE(studio.record(recording_order(
                   call.left.handle, "s",
                   {RecordingSound::kDual, RecordingContainer::kSegments})) == Code::kOk);
    CHECK_TRUE(studio.record(recording_order(
                   call.right.handle, "o.ogg",
                   {RecordingSound::kMixed, RecordingContainer::kOggOpus})) == Code::kOk);
    talk_for(call, 150);
    CHECK_TRUE(studio.rig.close(call.left.handle).code() == Code::kOk);
    CHECK_TRUE(studio.rig.close(call.right.handle).code() == Code::kOk);
    const auto left = studio.recording_ended(call.left.handle);
    CHECK_TRUE(end_of(left) == RecordingEnd::kClosed);
    const auto right = studio.recording_ended(call.right.handle);

    const auto segment = studio.folder.contents("s.00000.seg");
    const auto report = spool::recover(segment, {});
    CHECK_TRUE(report.ok() && report->is_whole() && report->seal->ends_recording);
    const std::array<Bytes, 1> segments{segment};
    auto reader = spool::RecordingReader::open(segments, {}).value();
    std::vector<std::uint8_t> pcm(std::size_t{4} * 8 * (left.duration_ms + 1'000));
    const Bytes read = reader.read(pcm);
    CHECK_EQ(read.size(), std::size_t{4} * 8 * left.duration_ms);

    const auto file = studio.folder.contents("o.ogg");
    std::array<std::uint8_t, kOpusPacketBytesMax> scratch;
    auto ogg = spool::OggOpusReader::open(file, scratch);
    CHECK_TRUE(ogg.ok());
    auto decoder = codec::Decoder::open({.format = {codec::CodecKind::kOpus, 8'000}}).value();
    Samples heard;
    spool::OggPacket packet;
    std::uint64_t granule = 0;
    while (ogg->next(packet)) {
      codec::PcmFrame frame;
      CHECK_TRUE(decoder.decode(packet.bytes, 0, frame).ok());
      heard.insert(heard.end(), frame.samples().begin(), frame.samples().end());
      if (packet.granule) granule = *packet.granule;
    }
    CHECK_TRUE(ogg->is_finished());
    CHECK_EQ(granule - ogg->head().pre_skip, std::uint64_t{48} * right.duration_ms);
    const codec::Pcm last = codec::Pcm(heard).last(8'000).first(6'400);
    return std::abs(sine_dbov(last, 8'000, kLeftHz) - Party::kToneDbov) < 2 &&
           std::abs(sine_dbov(last, 8'000, kRightHz) - Party::kToneDbov) < 2;
  }));
}

TEST("digits ordered on a recorded leg that is forwarded to cost neither side a second") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    CHECK_TRUE(studio.rig.link(call.left.handle, call.right.handle) == Code::kOk);
    CHECK_TRUE(studio.rig.link(call.right.handle, call.left.handle) == Code::kOk);
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "a.wav")) == Code::kOk);
    talk_for(call, 10);
    contract::SendDigitsOrder digits;
    digits.endpoint = call.left.handle;
    digits.tone_ms = 100;
    digits.pause_ms = 60;
    digits.count = 6;
    CHECK_TRUE(studio.carry_out(OrderKind::kSendDigits, digits) == Code::kOk);
    talk_for(call, 130);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    const auto event = studio.recording_ended(call.left.handle);
    CHECK_EQ(event.lost_ms, 0u);
    return event.duration_ms < 3'400 && is_tone(studio.channel("a.wav", 0), kLeftHz, kRightHz) &&
           is_tone(studio.channel("a.wav", 1), kRightHz, kLeftHz);
  }));
}

TEST("of two legs that are forwarded to a recorded one, the one linked last is in its recording") {
  CHECK_TRUE(in_some_run([] {
    constexpr double kCarolHz = 1'370;
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    Party carol(kPcmu, kCarolHz);
    const Opened third = studio.rig.open();
    CHECK_TRUE(studio.rig.update(third.handle, {carol.address(), {}, true}) == Code::kOk);
    CHECK_TRUE(set_audio(studio.rig, third.handle) == Code::kOk);
    CHECK_TRUE(studio.rig.link(call.left.handle, call.right.handle) == Code::kOk);
    CHECK_TRUE(studio.rig.link(call.right.handle, call.left.handle) == Code::kOk);
    const auto record = [&](const std::string& name) {
      CHECK_TRUE(studio.record(recording_order(call.right.handle, name)) == Code::kOk);
      int frames = 0;
      (void)in_real_time(
          [&] {
            carol.peer.send(third.rtp_port, carol.next_packet());
            call.talk();
          },
          [&] { return ++frames == 100; });
      CHECK_TRUE(studio.stop_recording(call.right.handle) == Code::kOk);
      const auto event = studio.recording_ended(call.right.handle);
      CHECK_EQ(event.lost_ms, 0u);
      return studio.channel(name, 1);
    };
    CHECK_TRUE(studio.rig.link(third.handle, call.right.handle) == Code::kOk);
    const Samples both = record("both.wav");
    CHECK_TRUE(studio.rig.unlink(third.handle) == Code::kOk);
    const Samples first = record("first.wav");
    return is_tone(both, kCarolHz, kLeftHz) && is_tone(first, kLeftHz, kCarolHz);
  }));
}

TEST("what is forwarded to a recorded leg is in its recording, in whatever order all that began") {
  enum class Step { kAudio, kForward, kRecord, kAnswer };
  using Steps = std::vector<Step>;
  for (const Steps& steps : {Steps{Step::kAudio, Step::kForward, Step::kRecord},
                             Steps{Step::kForward, Step::kAudio, Step::kRecord},
                             Steps{Step::kForward, Step::kAudio, Step::kRecord, Step::kAnswer},
                             Steps{Step::kAudio, Step::kRecord, Step::kForward}}) {
    CHECK_TRUE(in_some_run([&] {
      Studio studio;
      Party alice(kPcmu, kLeftHz);
      Party bob(kPcmu, kRightHz);
      const Opened left = studio.rig.open();
      const Opened right = studio.rig.open();
      CHECK_TRUE(studio.rig.update(left.handle, {alice.address(), {}, true}) == Code::kOk);
      CHECK_TRUE(studio.rig.update(right.handle, {bob.address(), {}, true}) == Code::kOk);
      CHECK_TRUE(set_audio(studio.rig, right.handle) == Code::kOk);
      for (const Step step : steps) {
        Code code = Code::kOk;
        if (step == Step::kAudio) code = set_audio(studio.rig, left.handle);
        if (step == Step::kForward) code = studio.rig.link(right.handle, left.handle);
        if (step == Step::kRecord) code = studio.record(recording_order(left.handle, "a.wav"));
        if (step == Step::kAnswer) code = studio.rig.link(left.handle, right.handle);
        CHECK_TRUE(code == Code::kOk);
      }
      int frames = 0;
      (void)in_real_time(
          [&] {
            bob.peer.send(right.rtp_port, bob.next_packet());
            alice.hear();
          },
          [&] { return ++frames == 75; });
      CHECK_TRUE(studio.stop_recording(left.handle) == Code::kOk);
      (void)studio.recording_ended(left.handle);
      return is_tone(studio.channel("a.wav", 1), kRightHz, kLeftHz);
    }));
  }
}

TEST("a recording that begins while its forwarded leg is played to hears the link after that") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    CHECK_TRUE(studio.rig.link(call.left.handle, call.right.handle) == Code::kOk);
    CHECK_TRUE(studio.rig.link(call.right.handle, call.left.handle) == Code::kOk);
    contract::PlayToneOrder tone;
    tone.endpoint = call.left.handle;
    tone.frequencies_hz[0] = 1'500;
    tone.duration_ms = 300;
    CHECK_TRUE(studio.play(tone) == Code::kOk);
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "a.wav")) == Code::kOk);
    talk_for(call, 100);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    (void)studio.recording_ended(call.left.handle);
    return is_tone(studio.channel("a.wav", 1), kRightHz, kLeftHz);
  }));
}

TEST("what is played to a leg is in its recording") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    contract::PlayToneOrder tone;
    tone.endpoint = call.left.handle;
    tone.frequencies_hz[0] = 1'500;
    tone.levels_below_full[0] = 13;
    CHECK_TRUE(studio.play(tone) == Code::kOk);
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "a.wav")) == Code::kOk);
    talk_for(call, 120);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    (void)studio.recording_ended(call.left.handle);
    return is_tone(studio.channel("a.wav", 1), 1'500, kRightHz);
  }));
}

TEST("a recording ends at its longest, after a silence, and is shorter by its pauses") {
  Studio studio;
  DecodedCall call(studio.rig, {}, {});
  auto order = recording_order(call.left.handle, "max.wav");
  order.maximum_ms = 400;
  CHECK_TRUE(studio.record(order) == Code::kOk);
  const std::uint32_t leg = call.right.handle;
  order = recording_order(leg, "pause.wav", {.sound = RecordingSound::kMixed});
  const Moment began = moment_of([&] { CHECK_TRUE(studio.record(order) == Code::kOk); });
  talk_for(call, 40);
  const Moment paused = moment_of([&] { CHECK_TRUE(studio.pause(leg, {}) == Code::kOk); });
  talk_for(call, 50);
  const Moment resumed =
      moment_of([&] { CHECK_TRUE(studio.pause(leg, {.on = false}) == Code::kOk); });
  talk_for(call, 10);
  const Moment stopped = moment_of([&] { CHECK_TRUE(studio.stop_recording(leg) == Code::kOk); });
  auto event = studio.recording_ended(call.left.handle);
  CHECK_TRUE(end_of(event) == RecordingEnd::kMaximum);
  CHECK_EQ(event.duration_ms, 400u);
  CHECK_EQ(studio.channel("max.wav", 0).size(), 3'200u);
  RecordedTime recorded;
  recorded.add(began, paused);
  recorded.add(resumed, stopped);
  CHECK_TRUE(recorded.holds(studio.recording_ended(leg).duration_ms));

  order = recording_order(call.left.handle, "silence.wav", {.sound = RecordingSound::kReceived});
  order.end_silence_ms = 500;
  CHECK_TRUE(studio.record(order) == Code::kOk);
  talk_for(call, 25);
  const Samples quiet(160, 0);
  int frames = 0;
  (void)in_real_time([&] { call.alice.peer.send(call.left.rtp_port, call.alice.packet_of(quiet)); },
                     [&] { return ++frames == 60; });
  CHECK_TRUE(end_of(studio.recording_ended(call.left.handle)) == RecordingEnd::kSilence);
}

TEST("a recording of a leg that has no turns ends at its longest, and by silence") {
  Studio studio;
  const auto leg_that_sends = [&] {
    const std::uint32_t leg = studio.rig.open().handle;
    auto audio = audio_order(leg);
    audio.receive_count = 0;
    CHECK_TRUE(set_audio(studio.rig, audio) == Code::kOk);
    return leg;
  };
  const std::uint32_t longest = leg_that_sends();
  auto order = recording_order(longest, "max.wav");
  order.maximum_ms = 400;
  CHECK_TRUE(studio.record(order) == Code::kOk);
  const std::uint32_t silent = leg_that_sends();
  order = recording_order(silent, "silence.wav", {.sound = RecordingSound::kReceived});
  order.end_silence_ms = 300;
  CHECK_TRUE(studio.record(order) == Code::kOk);
  auto event = studio.recording_ended(longest);
  CHECK_TRUE(end_of(event) == RecordingEnd::kMaximum);
  CHECK_EQ(event.duration_ms, 400u);
  event = studio.recording_ended(silent);
  CHECK_TRUE(end_of(event) == RecordingEnd::kSilence);
  CHECK_TRUE(event.duration_ms >= 300);
  CHECK_EQ(studio.channel("silence.wav", 0).size(), std::size_t{event.duration_ms} * 8);
}

TEST("what can't be recorded is refused by code") {
  Studio studio;
  DecodedCall call(studio.rig, {}, {});
  const auto order = recording_order(call.left.handle, "a.wav");
  const auto refused = [&](auto change, Code code = Code::kOrderInvalid) {
    auto changed = order;
    change(changed);
    CHECK_TRUE(studio.record(changed) == code);
  };
  refused([&](auto& it) { it.endpoint = studio.rig.open().handle; });
  refused([](auto& it) { it.endpoint = 0xffff'ffff; }, Code::kHandleStale);
  refused([](auto& it) { it.container = contract::kRecordingContainerCount; });
  refused([](auto& it) { it.container = static_cast<int>(RecordingContainer::kOggOpus); });
  refused([](auto& it) {
    it.container = static_cast<int>(RecordingContainer::kWavPcmu);
    it.rate_khz = 16;
  });
  refused([](auto& it) { it.target = 2; });
  refused([](auto& it) { it.target = 1; }, Code::kHandleStale);
  refused([](auto& it) { it.trims = 2; });
  refused([](auto& it) { it.sound = 3; });
  refused([](auto& it) { it.rate_khz = 44; });
  refused([](auto& it) { it.name[0] = '/'; });
  CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kHandleStale);
  for (std::uint32_t count = 0; count < kTapsMax; ++count)
    CHECK_TRUE(studio.record(recording_order(call.left.handle, std::to_string(count))) ==
               Code::kOk);
  CHECK_TRUE(studio.record(order) == Code::kQueueFull);
}

TEST("one leg is recorded twice at once, each recording with its own sound and end") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "both.wav")) == Code::kOk);
    const std::uint32_t both = studio.recorded;
    CHECK_TRUE(studio.record(recording_order(
                   call.left.handle, "one.wav",
                   {RecordingSound::kReceived, RecordingContainer::kWavPcma})) == Code::kOk);
    talk_for(call, 75);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    const auto one = studio.recording_ended(call.left.handle);
    CHECK_EQ(one.recording, studio.recorded);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kHandleStale);
    talk_for(call, 75);
    studio.recorded = both;
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    const auto event = studio.recording_ended(call.left.handle);
    CHECK_EQ(event.recording, both);
    CHECK_TRUE(event.duration_ms >= one.duration_ms + 1'000);
    const std::vector<std::uint8_t> file = studio.folder.contents("one.wav");
    const auto wav = spool::read_wav(file).value();
    CHECK_TRUE(wav.format == (spool::MediaFormat{.kind = spool::PayloadKind::kPcma}));
    Samples received(wav.data.size());
    codec::G711(Isa::kC).decode(codec::Law::kA, wav.data, received);
    return is_tone(received, kLeftHz, kRightHz) &&
           is_tone(studio.channel("both.wav", 0), kLeftHz, kRightHz) &&
           is_tone(studio.channel("both.wav", 1), kRightHz, kLeftHz);
  }));
}

TEST("a recording never takes the place of a file that is there") {
  Studio studio;
  DecodedCall call(studio.rig, {}, {});
  const std::vector<std::uint8_t> kept = {'m', 'i', 'n', 'e'};
  studio.folder.write("a.wav", kept);
  studio.folder.write("s.00000.seg", kept);
  for (const auto& order :
       {recording_order(call.left.handle, "a.wav"),
        recording_order(call.left.handle, "s",
                        {RecordingSound::kDual, RecordingContainer::kSegments})}) {
    CHECK_TRUE(studio.record(order) == Code::kOk);
    CHECK_TRUE(end_of(studio.recording_ended(call.left.handle)) == RecordingEnd::kFailed);
  }
  // One that appears meanwhile is kept too, and what was recorded lies beside it.
  CHECK_TRUE(studio.record(recording_order(call.right.handle, "b.wav")) == Code::kOk);
  CHECK_TRUE(eventually([&] { return !studio.folder.contents("b.wav.part").empty(); }));
  studio.folder.write("b.wav", kept);
  talk_for(call, 20);
  CHECK_TRUE(studio.stop_recording(call.right.handle) == Code::kOk);
  CHECK_TRUE(end_of(studio.recording_ended(call.right.handle)) == RecordingEnd::kFailed);
  for (const char* name : {"a.wav", "b.wav", "s.00000.seg"})
    CHECK_EQ(studio.folder.contents(name), kept);
  CHECK_TRUE(studio.folder.contents("b.wav.part").size() > 1'000);
  CHECK_TRUE(eventually([&] { return studio.rig.node(NodeCounter::kRecordingsFailed) == 3.0; }));
}

TEST("silence before and after what is said is left out, and counted") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    auto order = recording_order(call.left.handle, "a.wav", {.sound = RecordingSound::kReceived});
    order.trims = 1;
    CHECK_TRUE(studio.record(order) == Code::kOk);
    const Samples quiet(160, 0);
    const auto say_nothing_for = [&](int frames) {
      int done = 0;
      (void)in_real_time(
          [&] { call.alice.peer.send(call.left.rtp_port, call.alice.packet_of(quiet)); },
          [&] { return ++done == frames; });
    };
    say_nothing_for(60);
    talk_for(call, 100);
    say_nothing_for(60);
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kOk);
    const auto event = studio.recording_ended(call.left.handle);
    const Samples samples = studio.channel("a.wav", 0);
    CHECK_EQ(samples.size(), std::size_t{event.duration_ms} * 8);
    CHECK_EQ(event.bytes, static_cast<double>(studio.folder.contents("a.wav").size()));
    const codec::Pcm middle = codec::Pcm(samples).subspan(samples.size() / 2 - 4'000, 8'000);
    // Two seconds and the margins, of 4.4 seconds.
    return event.duration_ms >= 2'300 && event.duration_ms <= 2'600 && event.trimmed_ms >= 1'600 &&
           std::abs(sine_dbov(middle, 8'000, kLeftHz) - Party::kToneDbov) < 2;
  }));
}

TEST("A13 a full disk ends the recording that meets it, and the call and others go on") {
  CHECK_TRUE(in_some_run([] {
    Studio studio;
    DecodedCall call(studio.rig, {}, {});
    // Both sides fill what a file may have in two seconds, one side in four.
    struct rlimit before;
    CHECK(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {64 * 1024, before.rlim_max};
    CHECK(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_TRUE(studio.record(recording_order(call.right.handle, "small.wav",
                                             {.sound = RecordingSound::kReceived})) == Code::kOk);
    const std::uint32_t other = studio.recorded;
    CHECK_TRUE(studio.record(recording_order(call.left.handle, "big.wav")) == Code::kOk);
    talk_for(call, 150);
    const auto event = studio.recording_ended(call.left.handle);
    CHECK_TRUE(end_of(event) == RecordingEnd::kDiskFull);
    CHECK_TRUE(eventually([&] { return studio.rig.node(NodeCounter::kRecordingsFailed) == 1.0; }));
    // Its orders find no recording any more, and what there is of it can be read.
    CHECK_TRUE(studio.stop_recording(call.left.handle) == Code::kHandleStale);
    CHECK_TRUE(studio.channel("big.wav", 0).size() > 8'000);
    studio.recorded = other;
    CHECK_TRUE(studio.stop_recording(call.right.handle) == Code::kOk);
    CHECK_TRUE(end_of(studio.recording_ended(call.right.handle)) == RecordingEnd::kStopped);
    CHECK(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    (void)std::signal(SIGXFSZ, handler);
    return is_tone(studio.channel("small.wav", 0), kRightHz, kLeftHz) &&
           hears_tone(call.bob, kLeftHz);
  }));
}
