// Loudness by ear: voices come to the level wanted and stay there, pauses aren't pumped up, sudden
// shouts don't clip, and nothing clicks.
#include "mixer/loudness.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "codec/level.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::mixer;
using codec::Pcm;
using test::Samples;

constexpr std::uint32_t kRateHz = 8'000;
constexpr std::size_t kFrame = 80;
constexpr float kTargetDbov = -26;

/// Syllables of 180 ms with gaps of 70 ms, and room noise of -65 dBov all the time.
Samples speech(std::size_t ms, double level_dbov) {
  Samples samples = test::voice(kRateHz, 120, ms * 8, level_dbov);
  for (std::size_t index = 0; index < samples.size(); ++index) {
    const std::size_t at = index / 8 % 250;
    const double gain = at < 20 ? at / 20.0 : at < 160 ? 1.0 : at < 180 ? (180 - at) / 20.0 : 0.0;
    samples[index] = static_cast<std::int16_t>(samples[index] * gain);
  }
  Prng prng(1);
  test::add_noise(samples, -65, prng);
  return samples;
}

struct Run {
  Samples out;
  std::vector<float> gains_db;  // after each frame
};

Run run(Loudness& loudness, const Samples& in, float volume = 1.0F) {
  Run result{Samples(in.size()), {}};
  float gain = volume;
  for (std::size_t at = 0; at + kFrame <= in.size(); at += kFrame) {
    gain = loudness.apply(kernels(best_isa()), Pcm(in).subspan(at, kFrame),
                          std::span(result.out).subspan(at, kFrame), gain, volume);
    result.gains_db.push_back(loudness.gain_db());
  }
  return result;
}

Loudness make_loudness() {
  Loudness loudness(kRateHz);
  loudness.aim(kTargetDbov);
  return loudness;
}

/// Of the loud middles of syllables, in the last two seconds.
double voiced_dbov(const Samples& samples) {
  double energy = 0;
  double count = 0;
  for (std::size_t index = samples.size() - 16'000; index < samples.size(); ++index) {
    const std::size_t at = index / 8 % 250;
    if (at < 20 || at >= 160) continue;
    energy += double{1} * samples[index] * samples[index];
    count += 1;
  }
  return codec::dbov_of_mean_square(energy / count);
}

TEST("quiet and loud voices come to the level wanted, within 2 dB") {
  for (const double level_dbov : {-38.0, -32.0, -26.0, -20.0, -14.0}) {
    Loudness loudness = make_loudness();
    const Run heard = run(loudness, speech(10'000, level_dbov));
    CHECK_TRUE(std::abs(voiced_dbov(heard.out) - kTargetDbov) < 2.0);
    // Settled: over the last three seconds the gain moves by less than one dB.
    const auto [least, most] =
        std::minmax_element(heard.gains_db.end() - 300, heard.gains_db.end());
    CHECK_TRUE(*most - *least < 1.0F);
  }
}

TEST("a voice is moved no further than the bounds") {
  Loudness loudness = make_loudness();
  CHECK_TRUE(std::abs(run(loudness, speech(20'000, -47)).gains_db.back() - kLoudnessDbMax) < 0.01F);
  loudness.restart();
  CHECK_EQ(loudness.gain_db(), 0.0F);
  loudness.aim(-500.0F);
  CHECK_TRUE(std::abs(run(loudness, speech(20'000, -9)).gains_db.back() - kLoudnessDbMin) < 0.01F);
}

TEST("the gain moves no faster than it should") {
  Loudness loudness = make_loudness();
  Samples in = speech(5'000, -34);
  const Samples loud = speech(5'000, -22);
  in.insert(in.end(), loud.begin(), loud.end());
  const Run heard = run(loudness, in);
  for (std::size_t frame = 1; frame < heard.gains_db.size(); ++frame) {
    const float moved_db = heard.gains_db[frame] - heard.gains_db[frame - 1];
    CHECK_TRUE(moved_db <= kLoudnessRiseDbPerSecond * 0.01F + 1e-4F);
    CHECK_TRUE(moved_db >= -kLoudnessFallDbPerSecond * 0.01F - 1e-4F);
  }
}

TEST("a target that is no number is the lowest one") {
  const Samples voice = speech(4'000, -30);
  std::array<Samples, 2> heard;
  for (const bool is_number : {false, true}) {
    Loudness loudness(kRateHz);
    loudness.aim(is_number ? kLoudnessTargetDbovMin : std::nanf(""));
    Samples& out = heard[is_number ? 1 : 0];
    out.resize(voice.size());
    float gain = 0;
    for (std::size_t at = 0; at + kFrame <= voice.size(); at += kFrame)
      gain = loudness.apply(kernels(Isa::kC), Pcm(voice).subspan(at, kFrame),
                            codec::MutablePcm(out).subspan(at, kFrame), gain, 1);
    CHECK_TRUE(std::abs(loudness.gain_db() + 10) < 3);
  }
  CHECK_TRUE(heard[0] == heard[1]);
}

TEST("in pauses and in silence the gain stays to the bit, however long they are") {
  Loudness loudness = make_loudness();
  (void)run(loudness, speech(5'000, -36));
  (void)run(loudness, speech(60, -120));  // the last syllable's end is still judged
  const float gain_db = loudness.gain_db();
  CHECK_TRUE(gain_db > 5);
  Samples noise(kRateHz * 60);
  Prng prng(9);
  test::add_noise(noise, -60, prng);
  const Run heard = run(loudness, noise);
  for (const float now_db : heard.gains_db)
    CHECK_EQ(now_db, gain_db);
  (void)run(loudness, Samples(kRateHz));
  CHECK_EQ(loudness.gain_db(), gain_db);
}

TEST("a shout after a whisper isn't clipped, nor does its onset click") {
  for (const std::size_t cut : {0u, 1u, 13u, 40u, 79u}) {
    Loudness loudness = make_loudness();
    Samples whisper = speech(8'000, -42);
    Samples shout(4'000);
    test::add_sine(shout, kRateHz, 200, -3.02);
    whisper.resize(whisper.size() - cut);
    whisper.insert(whisper.end(), shout.begin(), shout.end());
    whisper.resize(whisper.size() / kFrame * kFrame);
    const std::size_t onset = 64'000 - cut;
    const Run heard = run(loudness, whisper);
    const auto [least, most] = std::minmax_element(heard.out.begin(), heard.out.end());
    CHECK_TRUE(*least >= -32'767);
    CHECK_TRUE(*most <= 32'766);
    // A sine of 200 Hz at full scale steps by 5,144 at most.
    const Pcm loud = Pcm(heard.out).subspan(onset);
    CHECK_TRUE(test::largest_jump(loud) < 5'500);
    // What the shout took from the gain comes back slowly.
    const std::size_t frame = onset / kFrame + 2;
    CHECK_TRUE(heard.gains_db[frame] < 1.0F);
    // It goes on undistorted: a clipped sine has its third harmonic within 20 dB.
    CHECK_TRUE(test::sine_dbov(loud.last(3'200), kRateHz, 600) <
               test::sine_dbov(loud.last(3'200), kRateHz, 200) - 60);
  }
}

TEST("volume goes on top, and fading in begins at nothing") {
  Loudness loudness = make_loudness();
  Samples tone(kFrame);
  test::add_sine(tone, kRateHz, 1'000, -26);
  Samples out(kFrame);
  const float ended = loudness.apply(kernels(Isa::kC), tone, out, 0.0F, 0.5F);
  CHECK_EQ(ended, 0.5F);
  CHECK_EQ(out[0], 0);
  CHECK_TRUE(std::abs(out[10]) < std::abs(tone[10]) / 2 + 1);
  const float next = loudness.apply(kernels(Isa::kC), tone, out, ended, 0.5F);
  CHECK_EQ(next, 0.5F);
  CHECK_TRUE(std::abs(codec::level_dbov(out) - (codec::level_dbov(tone) - 6.02F)) < 0.1F);
}

TEST("a volume that saturates by itself is the operator's wish") {
  Loudness loudness = make_loudness();
  Samples tone(kFrame);
  test::add_sine(tone, kRateHz, 500, -6);
  Samples out(kFrame);
  CHECK_EQ(loudness.apply(kernels(Isa::kC), tone, out, 4.0F, 4.0F), 4.0F);
  CHECK_EQ(*std::max_element(out.begin(), out.end()), 32'767);
}

TEST("a rate that nothing runs at, or less room than samples, is a mistake of ours") {
  CHECK_ABORTS(Loudness(44'100));
  Loudness loudness = make_loudness();
  const Samples in(kFrame);
  Samples out(kFrame - 1);
  CHECK_ABORTS((void)loudness.apply(kernels(Isa::kC), in, out, 1.0F, 1.0F));
}

}  // namespace
