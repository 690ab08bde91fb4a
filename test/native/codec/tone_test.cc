// Tones by ear: frequency, level, edges, cadences, and that frames may be cut anywhere.
#include "codec/tone.h"

#include <array>

#include "base/prng.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard::codec;
using test::Samples;
using trunkyard::Prng;

Samples play(const Tone& tone, std::uint32_t rate_hz, std::size_t count) {
  ToneGenerator generator(rate_hz);
  generator.start(tone);
  Samples samples(count);
  samples.resize(generator.generate(samples));
  return samples;
}

/// The middle half, away from the edges.
Pcm inner(const Samples& samples) {
  return Pcm(samples).subspan(samples.size() / 4, samples.size() / 2);
}

TEST("a tone has the frequency and the level asked for, at every rate") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    const Tone tone{.sines = {{{425.0F, -20.0F}, {1'700.0F, -30.0F}}}};
    const Samples heard = play(tone, rate_hz, rate_hz * 2);
    CHECK_EQ(heard.size(), rate_hz * 2);
    CHECK_TRUE(std::abs(test::loudest_hz(inner(heard), rate_hz, 400, 450) - 425.0) < 0.02);
    CHECK_TRUE(std::abs(test::sine_dbov(inner(heard), rate_hz, 425) + 20.0) < 0.01);
    CHECK_TRUE(std::abs(test::sine_dbov(inner(heard), rate_hz, 1'700) + 30.0) < 0.01);
  }
}

TEST("after ten minutes a tone has kept its phase and its level") {
  ToneGenerator generator(8'000);
  generator.start({.sines = {{{1'001.0F, -10.0F}, {}}}});
  Samples heard(8'000);
  for (int second = 0; second < 600; ++second)
    CHECK_EQ(generator.generate(heard), heard.size());
  Samples expected(8'000);
  test::add_sine(expected, 8'000, 1'001, -10);
  CHECK_TRUE(test::snr_db(expected, heard) > 60.0);
}

TEST("cutting the stream into frames of any size gives the same samples") {
  const Tone tone = progress_tone(ProgressTone::kCongestion, ToneRegion::kUnitedKingdom);
  const Samples whole = play(tone, 8'000, 40'000);
  Prng prng(7);
  ToneGenerator generator(8'000);
  generator.start(tone);
  Samples pieces;
  while (pieces.size() < whole.size()) {
    Samples piece(prng.below(700));
    CHECK_EQ(generator.generate(piece), piece.size());
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  pieces.resize(whole.size());
  CHECK_TRUE(pieces == whole);
}

TEST("a switched tone begins and ends without a click") {
  const Tone tone{.sines = {{{400.0F, -10.0F}, {}}}, .steps = {{{100, 100}}}, .repeats = true};
  const Samples heard = play(tone, 8'000, 16'000);
  // No step is greater than those of the sine itself.
  const double natural = sine_peak_of_dbov(-10) * 2 * std::sin(std::numbers::pi * 400 / 8'000);
  CHECK_TRUE(test::largest_jump(heard) <= natural + 1);
  // Nor does the slope jump, which would be heard as a tick.
  int bend = 0;
  for (std::size_t index = 2; index < heard.size(); ++index) {
    bend = std::max(bend, std::abs(heard[index] - 2 * heard[index - 1] + heard[index - 2]));
  }
  const double natural_bend = natural * 2 * std::sin(std::numbers::pi * 400 / 8'000);
  CHECK_TRUE(bend <= natural_bend * 1.1);
}

TEST("a cadence is timed from half amplitude to half amplitude") {
  const Tone tone{
      .sines = {{{1'000.0F, -10.0F}, {}}}, .steps = {{{50, 30}, {20, 100}}}, .repeats = true};
  const Samples heard = play(tone, 8'000, 8'000);
  const auto level_at_ms = [&](std::size_t ms) {
    return level_dbov(Pcm(heard).subspan(ms * 8, 8));
  };
  for (std::size_t start : {0u, 200u, 400u}) {
    CHECK_TRUE(level_at_ms(start + 10) > -11.0F);
    CHECK_TRUE(level_at_ms(start + 49) > -11.0F);
    CHECK_TRUE(std::abs(level_at_ms(start + 51) + level_at_ms(start + 52) + 32.0F) < 12.0F);
    CHECK_EQ(level_at_ms(start + 54), kLevelDbovMin);
    CHECK_EQ(level_at_ms(start + 79), kLevelDbovMin);
    CHECK_TRUE(level_at_ms(start + 90) > -11.0F);
    CHECK_EQ(level_at_ms(start + 104), kLevelDbovMin);
    CHECK_EQ(level_at_ms(start + 199), kLevelDbovMin);
  }
}

TEST("every digit is its pair of frequencies, the high one 2 dB stronger") {
  constexpr std::array<std::array<double, 2>, 16> kPairs{{{941, 1336},
                                                          {697, 1209},
                                                          {697, 1336},
                                                          {697, 1477},
                                                          {770, 1209},
                                                          {770, 1336},
                                                          {770, 1477},
                                                          {852, 1209},
                                                          {852, 1336},
                                                          {852, 1477},
                                                          {941, 1209},
                                                          {941, 1477},
                                                          {697, 1633},
                                                          {770, 1633},
                                                          {852, 1633},
                                                          {941, 1633}}};
  for (std::uint8_t event = 0; event < 16; ++event) {
    const std::optional<Tone> tone = dtmf_tone(event, {.level_dbov = -12.0F, .on_ms = 200});
    REQUIRE(tone.has_value());
    const Samples heard = play(*tone, 8'000, 8'000);
    CHECK_EQ(heard.size(), 260u * 8);
    const Pcm steady = Pcm(heard).subspan(80, 1'440);
    CHECK_TRUE(std::abs(level_dbov(steady) + 12.0F) < 0.1F);
    const double low = test::sine_dbov(steady, 8'000, kPairs[event][0]);
    const double high = test::sine_dbov(steady, 8'000, kPairs[event][1]);
    CHECK_TRUE(std::abs(high - low - 2.0) < 0.05);
    CHECK_TRUE(std::abs(test::db(std::pow(10, low / 10) + std::pow(10, high / 10)) + 12) < 0.05);
  }
  CHECK_FALSE(dtmf_tone(16).has_value());
}

TEST("call-progress tones sound as each network's callers know them") {
  struct Case {
    ToneRegion region;
    ProgressTone signal;
    std::array<double, 2> hz;
    std::size_t on_ms;
    std::size_t off_ms;
  };
  constexpr std::array<Case, 7> kCases{{
      {ToneRegion::kNorthAmerica, ProgressTone::kRingback, {440, 480}, 2'000, 4'000},
      {ToneRegion::kNorthAmerica, ProgressTone::kBusy, {480, 620}, 500, 500},
      {ToneRegion::kNorthAmerica, ProgressTone::kCongestion, {480, 620}, 250, 250},
      {ToneRegion::kUnitedKingdom, ProgressTone::kBusy, {400, 400}, 375, 375},
      {ToneRegion::kGermany, ProgressTone::kRingback, {425, 425}, 1'000, 4'000},
      {ToneRegion::kGermany, ProgressTone::kBusy, {425, 425}, 480, 480},
      {ToneRegion::kGermany, ProgressTone::kCongestion, {425, 425}, 240, 240},
  }};
  for (const Case& wanted : kCases) {
    const Samples heard = play(progress_tone(wanted.signal, wanted.region), 8'000, 8'000 * 13);
    const Pcm all(heard);
    for (const std::size_t start : {std::size_t{0}, wanted.on_ms + wanted.off_ms}) {
      const Pcm on = all.subspan(start * 8 + 40, wanted.on_ms * 8 - 40);
      CHECK_TRUE(std::abs(level_dbov(on) - (-16 + kDbovOfDbm0)) < 0.2);
      CHECK_TRUE(test::sine_dbov(on, 8'000, wanted.hz[0]) > -29);
      CHECK_TRUE(test::sine_dbov(on, 8'000, wanted.hz[1]) > -29);
      const Pcm off = all.subspan((start + wanted.on_ms) * 8 + 40, wanted.off_ms * 8 - 40);
      CHECK_EQ(level_dbov(off), kLevelDbovMin);
    }
  }
  // Two short rings, then a long pause.
  const Samples rings =
      play(progress_tone(ProgressTone::kRingback, ToneRegion::kUnitedKingdom), 8'000, 24'000);
  CHECK_TRUE(level_dbov(Pcm(rings).subspan(200 * 8, 80)) > -40);
  CHECK_EQ(level_dbov(Pcm(rings).subspan(500 * 8, 80)), kLevelDbovMin);
  CHECK_TRUE(level_dbov(Pcm(rings).subspan(800 * 8, 80)) > -40);
  CHECK_EQ(level_dbov(Pcm(rings).subspan(1'100 * 8, 15'000)), kLevelDbovMin);
  // Dial tone goes on.
  const Samples dial =
      play(progress_tone(ProgressTone::kDial, ToneRegion::kNorthAmerica), 8'000, 80'000);
  CHECK_TRUE(level_dbov(Pcm(dial).last(800)) > -23);
}

TEST("the next tone follows in the same frame, where the last one ended") {
  ToneGenerator generator(8'000);
  generator.start(*dtmf_tone(5, {.on_ms = 50, .off_ms = 45}));
  Samples frame(800, std::int16_t{77});
  CHECK_EQ(generator.generate(frame), 760u);
  CHECK_FALSE(generator.active());
  CHECK_EQ(frame[760], 77);
  generator.start(*dtmf_tone(6));
  CHECK_EQ(generator.generate(std::span(frame).subspan(760)), 40u);
  CHECK_EQ(generator.generate({}), 0u);
}

TEST("a stopped tone fades out, whenever it is stopped") {
  for (std::size_t before : {0u, 1u, 10u, 31u, 32u, 33u, 400u, 795u, 805u, 831u}) {
    ToneGenerator generator(8'000);
    generator.start({.sines = {{{400.0F, -10.0F}, {}}}, .steps = {{{100, 100}}}, .repeats = true});
    Samples heard(before + 400);
    CHECK_EQ(generator.generate(std::span(heard).first(before)), before);
    generator.stop();
    generator.stop();
    const std::size_t rest = generator.generate(std::span(heard).subspan(before));
    CHECK_TRUE(rest <= 32u);
    CHECK_FALSE(generator.active());
    heard.resize(before + rest);
    heard.push_back(0);
    const double natural = sine_peak_of_dbov(-10) * 2 * std::sin(std::numbers::pi * 400 / 8'000);
    CHECK_TRUE(test::largest_jump(heard) <= natural + 1);
  }
}

TEST("a stop in a pause ends the tone at once") {
  ToneGenerator generator(8'000);
  generator.start({.sines = {{{400.0F, -10.0F}, {}}}, .steps = {{{100, 100}}}, .repeats = true});
  Samples heard(1'200);
  CHECK_EQ(generator.generate(heard), 1'200u);
  generator.stop();
  CHECK_FALSE(generator.active());
}

TEST("before a tone and for times shorter than an edge it still behaves") {
  ToneGenerator generator(8'000);
  Samples heard(100, std::int16_t{5});
  CHECK_FALSE(generator.active());
  CHECK_EQ(generator.generate(heard), 0u);
  CHECK_EQ(heard[0], 5);
  generator.stop();
  generator.start({.sines = {{{400.0F, -10.0F}, {}}}, .steps = {{{1, 0}}}});
  CHECK_EQ(generator.generate(heard), 64u);  // both edges, 4 ms each
}

TEST("sums beyond full scale saturate instead of wrapping round") {
  const Tone tone{.sines = {{{100.0F, 0.0F}, {200.0F, 0.0F}}}};
  const Samples heard = play(tone, 8'000, 8'000);
  CHECK_EQ(*std::max_element(heard.begin(), heard.end()), 32'767);
  CHECK_TRUE(test::largest_jump(heard) < 8'000);
}

TEST("a rate that nothing runs at is a mistake of ours") {
  CHECK_ABORTS(ToneGenerator(44'100));
}

}  // namespace
