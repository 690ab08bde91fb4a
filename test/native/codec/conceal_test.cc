// Concealment by ear: what is continued, what fades, and that no edge clicks.
#include "codec/conceal.h"

#include <vector>

#include "base/prng.h"
#include "native/codec/listen.h"
#include "native/harness.h"

namespace {

using namespace trunkyard::codec;
using test::Samples;
using trunkyard::Prng;

/// What is heard when the frames for which `lost` says so don't arrive.
template <typename Lost>
Samples conceal(const Samples& sent, std::uint32_t rate_hz, std::size_t frame, Lost&& lost) {
  Samples heard = sent;
  Concealer concealer(rate_hz);
  for (std::size_t at = 0; at + frame <= heard.size(); at += frame) {
    const MutablePcm part(heard.data() + at, frame);
    if (lost(at / frame)) {
      concealer.lost(part);
    } else {
      concealer.good(part);
    }
  }
  return heard;
}

TEST("without loss every sample stays as it is") {
  const Samples sent = test::voice(8'000, 130, 16'000, -20);
  CHECK_TRUE(conceal(sent, 8'000, 160, [](std::size_t) { return false; }) == sent);
}

TEST("a steady voice of any pitch goes on through a lost frame, at every rate and length") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    for (const double pitch_hz : {75.0, 110.0, 160.0, 230.0, 350.0}) {
      Samples sent(rate_hz);
      for (int harmonic = 1; harmonic < 8; ++harmonic)
        test::add_sine(sent, rate_hz, harmonic * pitch_hz, -24 - harmonic, harmonic);
      for (const std::uint32_t ms : {10u, 20u, 30u}) {
        const std::size_t frame = rate_hz / 1'000 * ms;
        const std::size_t gap = 300 / ms;
        const Samples heard =
            conceal(sent, rate_hz, frame, [&](std::size_t index) { return index == gap; });
        const Pcm lost = Pcm(heard).subspan(gap * frame, frame / 2);
        const Pcm wanted = Pcm(sent).subspan(gap * frame, frame / 2);
        // What is missing is mostly the fade; and a high voice's period is no whole number of
        // samples.
        CHECK_TRUE(test::snr_db(wanted, lost) > (pitch_hz < 300 ? 10.0 : 4.5));
      }
    }
  }
}

TEST("silence stays silence, and a gap before anything was heard too") {
  const Samples silence(1'600);
  CHECK_TRUE(conceal(silence, 8'000, 160, [](std::size_t index) { return index % 3 == 0; }) ==
             silence);
  Concealer concealer(8'000);
  Samples out(480, std::int16_t{99});
  concealer.lost(out);
  CHECK_TRUE(out == Samples(480));
}

TEST("a gap fades and is silent from 60 ms on") {
  Samples sent(16'000);
  test::add_sine(sent, 8'000, 200, -15);
  const Samples heard =
      conceal(sent, 8'000, 80, [](std::size_t index) { return index >= 40 && index < 60; });
  float last = 0.0F;
  for (std::size_t ten = 40; ten < 46; ++ten) {
    const float level = level_dbov(Pcm(heard).subspan(ten * 80, 80));
    CHECK_TRUE(level < last);
    CHECK_TRUE(level > -45.0F);
    last = level;
  }
  CHECK_EQ(level_dbov(Pcm(heard).subspan(46 * 80, 14 * 80)), kLevelDbovMin);
}

TEST("tells when it conceals and when nothing is left to hear") {
  Concealer concealer(8'000);
  Samples frame = test::voice(8'000, 100, 160, -20);
  CHECK_FALSE(concealer.concealing());
  concealer.good(frame);
  CHECK_FALSE(concealer.concealing());
  for (int index = 0; index < 3; ++index) {
    CHECK_FALSE(concealer.silent());
    concealer.lost(frame);
    CHECK_TRUE(concealer.concealing());
  }
  CHECK_TRUE(concealer.silent());
  concealer.good(frame);
  CHECK_FALSE(concealer.concealing());
  CHECK_FALSE(concealer.silent());
}

/// The greatest step within the 3 ms around both edges of every gap.
int edge_jump(const Samples& heard, std::size_t frame, std::uint32_t rate_hz,
              const std::vector<bool>& lost) {
  const std::size_t near = rate_hz / 1'000 * 3;
  int jump = 0;
  for (std::size_t index = 1; index < lost.size(); ++index) {
    if (lost[index] == lost[index - 1]) continue;
    const std::size_t from = index * frame - near;
    jump = std::max(jump, test::largest_jump(Pcm(heard).subspan(from, 2 * near)));
  }
  return jump;
}

TEST("no edge of a gap jumps by more than the voice itself does") {
  Prng prng(5);
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    for (const double pitch_hz : {80.0, 125.0, 210.0, 300.0}) {
      for (const std::uint32_t ms : {10u, 20u, 60u}) {
        const std::size_t frame = rate_hz / 1'000 * ms;
        const Samples sent = test::voice(rate_hz, pitch_hz, std::size_t{rate_hz} * 3, -18);
        std::vector<bool> lost(sent.size() / frame);
        for (std::size_t index = 6; index < lost.size(); ++index)
          lost[index] = prng.below(100) < 25;
        const Samples heard =
            conceal(sent, rate_hz, frame, [&](std::size_t index) { return lost[index]; });
        CHECK_TRUE(edge_jump(heard, frame, rate_hz, lost) <= test::largest_jump(sent) * 5 / 4);
      }
    }
  }
}

TEST("an offset and a low tone that stop in a gap don't click either") {
  for (const double hz : {20.0, 50.0, 90.0}) {
    Samples sent(16'000, std::int16_t{2'000});
    test::add_sine(sent, 8'000, hz, -20);
    std::vector<bool> lost(100);
    for (std::size_t index = 10; index < 100; index += 7)
      lost[index] = true;
    const Samples heard = conceal(sent, 8'000, 160, [&](std::size_t index) { return lost[index]; });
    // A click would be a good part of the 9,200 between its extremes.
    CHECK_TRUE(edge_jump(heard, 160, 8'000, lost) < 700);
  }
}

TEST("noise goes on as noise of about its level and gets no pitch") {
  Prng prng(3);
  Samples sent(16'000);
  test::add_noise(sent, -30, prng);
  const Samples heard = conceal(sent, 8'000, 160, [](std::size_t index) { return index % 5 == 4; });
  double energy_lost = 0;
  for (std::size_t index = 4; index < 100; index += 5)
    energy_lost += static_cast<double>(energy(Pcm(heard).subspan(index * 160, 80)));
  CHECK_TRUE(std::abs(dbov_of_mean_square(energy_lost / (20 * 80)) + 32.0F) < 2.5F);
}

TEST("the first frame after a gap is its own again after 1.5 ms, after silence after 2 ms") {
  const Samples sent = test::voice(8'000, 130, 16'000, -20);
  for (const std::size_t gap : {1u, 10u}) {
    const Samples heard = conceal(
        sent, 8'000, 160, [&](std::size_t index) { return index >= 50 && index < 50 + gap; });
    const std::size_t after = (50 + gap) * 160;
    const std::size_t join = gap == 1 ? 12 : 16;
    CHECK_TRUE(std::equal(heard.begin() + static_cast<long>(after + join), heard.end(),
                          sent.begin() + static_cast<long>(after + join)));
    CHECK_FALSE(std::equal(heard.begin() + static_cast<long>(after),
                           heard.begin() + static_cast<long>(after + join),
                           sent.begin() + static_cast<long>(after)));
  }
}

TEST("frames of one sample, of none and longer than the history are taken as well") {
  Concealer concealer(8'000);
  Samples frame = test::voice(8'000, 120, 800, -20);
  const Samples before = frame;
  concealer.good(frame);
  CHECK_TRUE(frame == before);
  concealer.lost({});
  CHECK_FALSE(concealer.concealing());
  std::int16_t one = 0;
  concealer.lost(MutablePcm(&one, 1));
  CHECK_TRUE(concealer.concealing());
  concealer.good({});
  one = 123;
  concealer.good(MutablePcm(&one, 1));
  Samples rest(900);
  concealer.lost(rest);
  CHECK_TRUE(concealer.silent());
}

TEST("samples at full scale saturate and never wrap round") {
  Prng prng(9);
  Samples sent(32'000);
  for (std::int16_t& sample : sent)
    sample = prng.below(2) == 0 ? std::int16_t{32'767} : std::int16_t{-32'768};
  const Samples heard = conceal(sent, 16'000, 320, [&](std::size_t) { return prng.below(3) == 0; });
  CHECK_EQ(heard.size(), sent.size());
}

TEST("a gap in parts sounds like the same gap in one piece") {
  const Samples sent = test::voice(8'000, 140, 4'000, -20);
  Concealer whole(8'000);
  Concealer parts(8'000);
  Samples one = sent;
  Samples other = sent;
  whole.good(one);
  parts.good(other);
  Samples gap(400);
  whole.lost(gap);
  Samples pieces(400);
  for (std::size_t at = 0; at < 400; at += 50)
    parts.lost(MutablePcm(pieces).subspan(at, 50));
  CHECK_TRUE(gap == pieces);
}

TEST("a rate that nothing runs at is a mistake of ours") {
  CHECK_ABORTS(Concealer(44'100));
}

}  // namespace
