// DTMF by the limits of ITU-T Q.24: what must be accepted, what must be refused, and when.
#include "codec/dtmf_detect.h"

#include <vector>

#include "codec/level.h"
#include "codec/tone.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard::codec;
using test::Samples;
using trunkyard::Prng;

constexpr std::array<double, 4> kLow{697, 770, 852, 941};
constexpr std::array<double, 4> kHigh{1209, 1336, 1477, 1633};
constexpr std::array<std::uint8_t, 16> kEvents{1, 2, 3, 12, 4,  5, 6,  13,
                                               7, 8, 9, 14, 10, 0, 11, 15};

/// One key press as a line may deliver it.
struct Press {
  std::size_t key = 0;  ///< row * 4 + column
  double on_ms = 40;
  double low_dbm0 = -10;
  double high_dbm0 = -10;
  double low_off = 0;  ///< share by which the frequency is off
  double high_off = 0;
  double phase = 0.7;
};

Samples sound(const Press& press) {
  Samples samples(static_cast<std::size_t>(press.on_ms * 8));
  test::add_sine(samples, 8'000, kLow[press.key / 4] * (1 + press.low_off),
                 press.low_dbm0 + kDbovOfDbm0, press.phase);
  test::add_sine(samples, 8'000, kHigh[press.key % 4] * (1 + press.high_off),
                 press.high_dbm0 + kDbovOfDbm0, press.phase * 3);
  return samples;
}

void append(Samples& line, const Samples& more) {
  line.insert(line.end(), more.begin(), more.end());
}
void pause(Samples& line, double ms) {
  line.resize(line.size() + static_cast<std::size_t>(ms * 8));
}

std::vector<DtmfEdge> detect(const Samples& line, std::size_t frame = 160) {
  DtmfDetector detector;
  std::vector<DtmfEdge> edges;
  const auto keep = [&](const DtmfEdges& found) {
    edges.insert(edges.end(), found.edges().begin(), found.edges().end());
  };
  for (Pcm rest(line); !rest.empty(); rest = rest.subspan(std::min(frame, rest.size()))) {
    keep(detector.handle(rest.first(std::min(frame, rest.size()))));
  }
  keep(detector.finish());
  return edges;
}

/// Events of the starts; and each start must have its end.
std::vector<std::uint8_t> digits(const Samples& line) {
  std::vector<std::uint8_t> events;
  bool sounding = false;
  for (const DtmfEdge& edge : detect(line)) {
    const bool start = edge.kind == DtmfEdge::Kind::kStart;
    CHECK_TRUE(start != sounding);
    sounding = start;
    if (start) events.push_back(edge.event);
  }
  CHECK_FALSE(sounding);
  return events;
}

/// Whether a press is found exactly as it is, for many positions against the detector's raster.
int found_of(Press press, int positions = 40, double noise_dbm0 = -90) {
  int found = 0;
  Prng prng(press.key + 1);
  for (int position = 0; position < positions; ++position) {
    Samples line;
    pause(line, 100 + position * 0.125);
    press.phase = position * 0.37;
    append(line, sound(press));
    pause(line, 100);
    test::add_noise(line, noise_dbm0 + kDbovOfDbm0, prng);
    const std::vector<std::uint8_t> events = digits(line);
    found += events.size() == 1 && events[0] == kEvents[press.key];
  }
  return found;
}

TEST("every digit of 40 ms is found wherever it falls, from 0 to -40 dBm0") {
  for (std::size_t key = 0; key < 16; ++key) {
    for (const double level : {-3.0, -10.0, -25.0, -40.0}) {
      // Each sine 3 dB under the sum.
      CHECK_EQ(found_of({.key = key, .low_dbm0 = level - 3, .high_dbm0 = level - 3}), 40);
    }
    CHECK_EQ(found_of({.key = key, .low_dbm0 = -3, .high_dbm0 = -3}), 40);
  }
}

TEST("a digit below the range is not found") {
  for (std::size_t key = 0; key < 16; ++key)
    CHECK_EQ(found_of({.key = key, .on_ms = 100, .low_dbm0 = -55, .high_dbm0 = -55}), 0);
}

TEST("frequencies off by 1.5 % and 2 Hz are accepted in all corners, at 40 ms") {
  for (std::size_t key = 0; key < 16; ++key) {
    const double low = 0.015 + 2 / kLow[key / 4];
    const double high = 0.015 + 2 / kHigh[key % 4];
    for (const double low_sign : {-1.0, 1.0}) {
      for (const double high_sign : {-1.0, 1.0}) {
        CHECK_EQ(
            found_of({.key = key, .low_off = low * low_sign, .high_off = high * high_sign}, 16),
            16);
      }
    }
  }
}

TEST("a frequency off by 3.5 % is refused, whichever it is") {
  for (std::size_t key = 0; key < 16; ++key) {
    for (const double off : {-0.035, 0.035, -0.05, 0.05}) {
      CHECK_EQ(found_of({.key = key, .on_ms = 100, .low_off = off}, 8), 0);
      CHECK_EQ(found_of({.key = key, .on_ms = 100, .high_off = off}, 8), 0);
    }
  }
}

TEST("the high sine may be 4 dB stronger and 8 dB weaker, but not 12") {
  for (std::size_t key = 0; key < 16; ++key) {
    CHECK_EQ(found_of({.key = key, .low_dbm0 = -14, .high_dbm0 = -10}, 16), 16);
    CHECK_EQ(found_of({.key = key, .low_dbm0 = -10, .high_dbm0 = -18}, 16), 16);
    CHECK_EQ(found_of({.key = key, .on_ms = 100, .low_dbm0 = -22, .high_dbm0 = -10}, 4), 0);
    CHECK_EQ(found_of({.key = key, .on_ms = 100, .low_dbm0 = -10, .high_dbm0 = -22}, 4), 0);
  }
}

TEST("all limits of level, twist and frequency at once are still accepted") {
  for (std::size_t key = 0; key < 16; ++key) {
    CHECK_EQ(
        found_of(
            {.key = key, .low_dbm0 = -35, .high_dbm0 = -43, .low_off = -0.015, .high_off = 0.015},
            16),
        16);
  }
}

TEST("tones shorter than 23 ms are refused") {
  for (std::size_t key = 0; key < 16; ++key) {
    for (const double ms : {5.0, 10.0, 15.0, 20.0, 23.0})
      CHECK_EQ(found_of({.key = key, .on_ms = ms}), 0);
  }
}

TEST("a single sine is no digit") {
  for (const double hz : {697.0, 941.0, 1209.0, 1633.0, 440.0, 1000.0}) {
    Samples line(8'000);
    test::add_sine(line, 8'000, hz, -15);
    CHECK_TRUE(digits(line).empty());
  }
}

TEST("digits are found in noise 15 dB below them") {
  int found = 0;
  for (std::size_t key = 0; key < 16; ++key)
    found += found_of({.key = key, .on_ms = 50, .low_dbm0 = -13, .high_dbm0 = -13}, 40, -25);
  CHECK_TRUE(found >= 634);  // of 640: 99 %
}

TEST("the same digit twice with a pause of 40 ms is two digits") {
  for (int position = 0; position < 40; ++position) {
    Samples line;
    pause(line, 50 + position * 0.125);
    for (int press = 0; press < 4; ++press) {
      append(line, sound({.key = 5, .phase = position * 0.4}));
      pause(line, 40);
    }
    pause(line, 100);
    CHECK_EQ(digits(line).size(), 4u);
  }
}

TEST("a break of 10 ms does not split a digit") {
  for (int position = 0; position < 40; ++position) {
    Samples line;
    pause(line, 50 + position * 0.125);
    append(line, sound({.key = 9, .on_ms = 60}));
    pause(line, 10);
    append(line, sound({.key = 9, .on_ms = 60, .phase = 2.0}));
    pause(line, 100);
    CHECK_EQ(digits(line).size(), 1u);
  }
}

TEST("another digit without a pause ends the one before it, in order") {
  Samples line;
  pause(line, 100);
  for (std::size_t key = 0; key < 16; ++key)
    append(line, sound({.key = key, .on_ms = 80}));
  pause(line, 100);
  const std::vector<std::uint8_t> heard = digits(line);
  CHECK_EQ(heard.size(), 16u);
  CHECK_TRUE(std::equal(heard.begin(), heard.end(), kEvents.begin(), kEvents.end()));
}

TEST("starts and lengths are right to 5 and 10 ms") {
  for (const double on_ms : {40.0, 65.0, 100.0, 400.0}) {
    for (int position = 0; position < 40; ++position) {
      Samples line;
      const double before_ms = 200 + position * 0.125;
      pause(line, before_ms);
      append(line, sound({.key = 6, .on_ms = on_ms}));
      pause(line, 100);
      const std::vector<DtmfEdge> edges = detect(line);
      REQUIRE(edges.size() == 2);
      CHECK_TRUE(std::abs(static_cast<double>(edges[0].start_sample) / 8 - before_ms) <= 5);
      CHECK_EQ(edges[1].start_sample, edges[0].start_sample);
      CHECK_TRUE(std::abs(edges[1].duration_samples / 8.0 - on_ms) <= 10);
    }
  }
}

TEST("the power of both sines is told as a telephone-event says it, right to a decibel") {
  for (const double sine_dbm0 : {0.0, -6.0, -13.0, -25.0, -40.0}) {
    for (int position = 0; position < 40; ++position) {
      Samples line;
      pause(line, 100 + position * 0.125);
      append(line, sound({.key = 6, .on_ms = 60, .low_dbm0 = sine_dbm0, .high_dbm0 = sine_dbm0}));
      pause(line, 100);
      const std::vector<DtmfEdge> edges = detect(line);
      REQUIRE(edges.size() == 2);
      CHECK_TRUE(std::abs(edges[0].volume - std::max(0.0, -(sine_dbm0 + 3))) <= 1);
      CHECK_EQ(edges[1].volume, edges[0].volume);
    }
  }
}

TEST("a digit is told no later than 45 ms after its first sample") {
  Samples line;
  pause(line, 100);
  append(line, sound({.key = 2, .on_ms = 200}));
  DtmfDetector detector;
  std::size_t at = 0;
  while (at < line.size() && !detector.sounding()) {
    (void)detector.handle(Pcm(line).subspan(at, 8));
    at += 8;
  }
  CHECK_TRUE(detector.sounding());
  CHECK_TRUE(at <= 145u * 8);
}

TEST("frames of any size give the same edges") {
  Samples line;
  for (std::size_t key = 0; key < 16; ++key) {
    pause(line, 45);
    append(line, sound({.key = key, .on_ms = 45}));
  }
  const std::vector<DtmfEdge> whole = detect(line, 480);
  CHECK_EQ(whole.size(), 32u);
  for (const std::size_t frame : {1u, 7u, 80u, 160u, 333u}) {
    const std::vector<DtmfEdge> edges = detect(line, frame);
    REQUIRE(edges.size() == whole.size());
    for (std::size_t index = 0; index < edges.size(); ++index) {
      CHECK_EQ(edges[index].event, whole[index].event);
      CHECK_EQ(edges[index].start_sample, whole[index].start_sample);
      CHECK_EQ(edges[index].duration_samples, whole[index].duration_samples);
    }
  }
}

TEST("our own tones are found, the shortest one allowed included") {
  for (std::uint8_t event = 0; event < 16; ++event) {
    ToneGenerator generator(kDtmfRateHz);
    Samples line(800);
    generator.start(*dtmf_tone(event, {.on_ms = 40, .off_ms = 40}));
    Samples press(1'000);
    press.resize(generator.generate(press));
    append(line, press);
    generator.start(*dtmf_tone(event, {.on_ms = 40, .off_ms = 40}));
    press.resize(1'000);
    press.resize(generator.generate(press));
    append(line, press);
    CHECK_TRUE(digits(line) == std::vector<std::uint8_t>({event, event}));
  }
}

TEST("synthetic voices, noise and music-like chords are not taken for digits") {
  for (int pitch_hz = 70; pitch_hz < 400; pitch_hz += 5)
    CHECK_TRUE(digits(test::voice(8'000, pitch_hz, 24'000, -15)).empty());
  Prng prng(11);
  Samples noise(80'000);
  test::add_noise(noise, -15, prng);
  CHECK_TRUE(digits(noise).empty());
  for (double root_hz = 220; root_hz < 700; root_hz *= 1.0595) {
    Samples chord(16'000);
    for (const double ratio : {1.0, 1.2599, 1.4983, 2.0, 2.5198, 3.0})
      test::add_sine(chord, 8'000, root_hz * ratio, -22, ratio);
    CHECK_TRUE(digits(chord).empty());
  }
}

TEST("square waves at full scale and the extremes of samples do no harm") {
  Samples square(16'000);
  for (std::size_t index = 0; index < square.size(); ++index)
    square[index] = index / 5 % 2 == 0 ? 32'767 : -32'768;
  CHECK_TRUE(digits(square).empty());
  CHECK_TRUE(digits(Samples(8'000, std::int16_t{-32'768})).empty());
  CHECK_TRUE(digits({}).empty());
}

TEST("a frame longer than any is a mistake of ours") {
  DtmfDetector detector;
  const Samples frame(481);
  CHECK_ABORTS(detector.handle(frame));
}

}  // namespace
