// Who is heard and who isn't: voices over noise, clicks, hum, steady noise, pauses and timers.
#include "codec/voice_activity.h"

#include <cfenv>
#include <initializer_list>

#include "codec/level.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard::codec;
using test::Samples;
using trunkyard::Prng;

constexpr std::size_t kFrame = 160;

Samples noise(std::size_t ms, double level_dbov, std::uint64_t seed = 1) {
  Samples samples(ms * 8);
  Prng prng(seed);
  test::add_noise(samples, level_dbov, prng);
  return samples;
}

/// Syllables of 180 ms with gaps of 70 ms, as speech has.
Samples speech(std::size_t ms, double level_dbov) {
  Samples samples = test::voice(8'000, 120, ms * 8, level_dbov);
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const std::size_t at = index / 8 % 250;
    const double gain = at < 20 ? at / 20.0 : at < 160 ? 1.0 : at < 180 ? (180 - at) / 20.0 : 0.0;
    samples[index] = static_cast<std::int16_t>(samples[index] * gain);
  }
  return samples;
}

Samples mix(Samples left, const Samples& right) {
  for (std::size_t index = 0; index < left.size() && index < right.size(); ++index) {
    left[index] = to_sample(static_cast<float>(left[index] + right[index]));
  }
  return left;
}

Samples operator+(Samples left, const Samples& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// Milliseconds that count as voice.
std::size_t voice_ms(VoiceActivity& activity, Pcm samples) {
  std::size_t ms = 0;
  for (; samples.size() >= kFrame; samples = samples.subspan(kFrame)) {
    if (activity.handle(samples.first(kFrame)).voice) ms += kFrame / 8;
  }
  return ms;
}

TEST("speech over a quiet line is voice, and the line alone is not") {
  VoiceActivity activity({});
  CHECK_EQ(voice_ms(activity, noise(2'000, -65)), 0u);
  const std::size_t heard = voice_ms(activity, mix(speech(4'000, -22), noise(4'000, -65)));
  CHECK_TRUE(heard >= 3'900);
  CHECK_TRUE(heard <= 4'000);
  const std::size_t after = voice_ms(activity, noise(2'000, -65, 2));
  CHECK_TRUE(after >= 120);
  CHECK_TRUE(after <= 220);
}

TEST("speech is told from noise 15 dB below it, at any level of the noise") {
  for (const double level : {-60.0, -50.0, -40.0, -35.0}) {
    VoiceActivity activity({});
    (void)voice_ms(activity, noise(2'500, level));
    CHECK_EQ(voice_ms(activity, noise(2'000, level, 3)), 0u);
    const std::size_t heard =
        voice_ms(activity, mix(speech(3'000, level + 15), noise(3'000, level, 4)));
    CHECK_TRUE(heard >= 2'700);
  }
}

TEST("somebody who speaks from the first moment is heard") {
  VoiceActivity activity({});
  CHECK_TRUE(voice_ms(activity, speech(2'000, -25)) >= 1'850);
}

TEST("a noise that begins is background within two and a half seconds") {
  VoiceActivity activity({});
  (void)voice_ms(activity, noise(1'000, -70));
  (void)voice_ms(activity, noise(2'500, -40));
  CHECK_FALSE(activity.voice());
  CHECK_EQ(voice_ms(activity, noise(2'000, -40, 9)), 0u);
  CHECK_TRUE(std::abs(activity.floor_dbov() + 40.0F) < 2.0F);
}

TEST("clicks, hum and an offset are not voices") {
  VoiceActivity activity({});
  Samples line = noise(10'000, -70);
  for (std::size_t at = 1'600; at < line.size(); at += 2'400)
    line[at] = 20'000;
  CHECK_EQ(voice_ms(activity, line), 0u);
  Samples hum(80'000, std::int16_t{600});
  test::add_sine(hum, 8'000, 50, -35);
  VoiceActivity other({});
  (void)voice_ms(other, Pcm(hum).first(8'000));
  CHECK_EQ(voice_ms(other, Pcm(hum).subspan(8'000)), 0u);
}

TEST("digital silence is silence of the least level") {
  VoiceActivity activity({});
  const Samples silence(kFrame);
  const FrameActivity frame = activity.handle(silence);
  CHECK_EQ(frame.level_dbov, -127.0F);
  CHECK_FALSE(frame.voice);
  CHECK_EQ(frame.ms, 20u);
  CHECK_EQ(frame.quiet_ms, 20u);
}

TEST("a line that falls silent leaves no numbers behind that are too small to compute with") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    VoiceActivity activity({.rate_hz = rate_hz});
    (void)activity.handle(test::voice(rate_hz, 120, rate_hz, -20));
    for (const std::int16_t steady : {std::int16_t{0}, std::int16_t{8}}) {
      const Samples silence(rate_hz * 2, steady);
      // Underflows set this flag; on most CPUs each costs a hundred cycles and more.
      std::feclearexcept(FE_UNDERFLOW);
      (void)activity.handle(silence);
      CHECK_EQ(std::fetestexcept(FE_UNDERFLOW), 0);
    }
  }
}

TEST("a weak voice on a silent line is below the threshold and a stronger one above") {
  VoiceActivity activity({});
  CHECK_EQ(voice_ms(activity, Samples(16'000) + speech(2'000, -58)), 0u);
  CHECK_TRUE(voice_ms(activity, speech(2'000, -40)) > 1'500);
}

TEST("decisions don't depend on how the stream is cut, at any rate") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    Samples samples(rate_hz * 3);
    const Samples spoken = test::voice(rate_hz, 140, rate_hz, -20);
    std::copy(spoken.begin(), spoken.end(), samples.begin() + rate_hz);
    VoiceActivity by_twenty({.rate_hz = rate_hz});
    VoiceActivity by_sixty({.rate_hz = rate_hz});
    const std::size_t ms = rate_hz / 1'000;
    bool heard = false;
    for (std::size_t at = 0; at < samples.size(); at += 60 * ms) {
      const Pcm frame = Pcm(samples).subspan(at, 60 * ms);
      (void)by_twenty.handle(frame.first(20 * ms));
      (void)by_twenty.handle(frame.subspan(20 * ms, 20 * ms));
      const FrameActivity last = by_twenty.handle(frame.last(20 * ms));
      const FrameActivity whole = by_sixty.handle(frame);
      CHECK_EQ(whole.voice, last.voice);
      CHECK_EQ(whole.quiet_ms, last.quiet_ms);
      CHECK_EQ(whole.ms, 60u);
      heard = heard || whole.voice;
    }
    CHECK_TRUE(heard);
  }
}

TEST("the hangover lasts as long as it was told to") {
  for (const std::uint32_t hangover_ms : {0u, 100u, 500u}) {
    VoiceActivity activity({.hangover_ms = hangover_ms});
    (void)voice_ms(activity, Samples(8'000) + speech(1'160, -20));
    const std::size_t after = voice_ms(activity, Samples(16'000));
    CHECK_TRUE(after + 20 >= hangover_ms);
    CHECK_TRUE(after <= hangover_ms + 20);
  }
}

/// Events with the time of the frame's end at which they came.
struct Heard {
  SpeechEvent event;
  std::size_t ms;
};
std::vector<Heard> listen(const SpeechTimerConfig& config, const Samples& samples) {
  VoiceActivity activity({});
  SpeechTimer timer(config);
  std::vector<Heard> heard;
  for (std::size_t at = 0; at + kFrame <= samples.size(); at += kFrame) {
    const SpeechEvent event = timer.handle(activity.handle(Pcm(samples).subspan(at, kFrame)));
    if (event != SpeechEvent::kNone) heard.push_back({event, (at + kFrame) / 8});
  }
  return heard;
}

TEST("nobody speaking is told once, after exactly the time asked for") {
  const std::vector<Heard> heard = listen({.no_speech_ms = 3'000}, noise(20'000, -60));
  REQUIRE(heard.size() == 1);
  CHECK_EQ(heard[0].event, SpeechEvent::kNoSpeech);
  CHECK_EQ(heard[0].ms, 3'000u);
  CHECK_TRUE(listen({.no_speech_ms = 0}, noise(20'000, -60)).empty());
}

TEST("speech starts and ends, a pause shorter than asked for doesn't end it") {
  const Samples line = noise(1'000, -65) + speech(1'000, -20) + noise(700, -65) +
                       speech(1'000, -20) + noise(5'000, -65);
  const std::vector<Heard> heard = listen({.no_speech_ms = 5'000, .end_silence_ms = 1'000}, line);
  REQUIRE(heard.size() == 2);
  CHECK_EQ(heard[0].event, SpeechEvent::kSpeechStarted);
  CHECK_TRUE(heard[0].ms >= 1'020 && heard[0].ms <= 1'080);
  CHECK_EQ(heard[1].event, SpeechEvent::kSpeechEnded);
  // The last syllable fades at 3,620 ms.
  CHECK_TRUE(heard[1].ms >= 4'600 && heard[1].ms <= 4'660);
}

TEST("a second utterance is told as well, and then nobody is missed") {
  const Samples line =
      noise(500, -65) + speech(500, -20) + noise(2'000, -65) + speech(500, -20) + noise(9'000, -65);
  const std::vector<Heard> heard = listen({.no_speech_ms = 4'000, .end_silence_ms = 800}, line);
  REQUIRE(heard.size() == 4);
  CHECK_EQ(heard[2].event, SpeechEvent::kSpeechStarted);
  CHECK_EQ(heard[3].event, SpeechEvent::kSpeechEnded);
}

TEST("an end shorter than the hangover ends speech once and not again and again") {
  const Samples line = noise(500, -65) + speech(430, -20) + noise(3'000, -65);
  const std::vector<Heard> heard = listen({.end_silence_ms = 100}, line);
  REQUIRE(heard.size() == 2);
  CHECK_EQ(heard[1].event, SpeechEvent::kSpeechEnded);
}

TEST("a rate that nothing runs at is a mistake of ours") {
  CHECK_ABORTS(VoiceActivity({.rate_hz = 11'025}));
}

}  // namespace
