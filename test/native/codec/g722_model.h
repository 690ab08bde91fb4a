// G.722 mode 1 as ITU-T G.722 clauses 3 to 6 describe it, one block after the other, with the
// Recommendation's names and its 16-bit saturating arithmetic, and nothing done for speed. The
// tables of decision levels are written as the sums they come from where there is such a rule.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace test {

class G722Model {
 public:
  std::vector<std::uint8_t> encode(const std::vector<std::int16_t>& samples) {
    std::vector<std::uint8_t> codes;
    for (std::size_t at = 0; at + 1 < samples.size(); at += 2) {
      const auto [xl, xh] = transmit_filter(samples[at], samples[at + 1]);
      const int il = quantl(subtract(xl, low_.s), low_.det);
      const int ih = quanth(subtract(xh, high_.s), high_.det);
      adapt_low(il);
      adapt_high(ih);
      codes.push_back(static_cast<std::uint8_t>(ih << 6 | il));
    }
    return codes;
  }

  std::vector<std::int16_t> decode(const std::vector<std::uint8_t>& codes) {
    std::vector<std::int16_t> samples;
    for (const std::uint8_t code : codes) {
      const int il = code & 63;
      const int ih = code >> 6;
      const int rl = limit(add(low_.s, times(low_.det, inverse6(il))));
      const int rh = limit(add(high_.s, times(high_.det, inverse2(ih))));
      adapt_low(il);
      adapt_high(ih);
      receive_filter(add(rl, rh), subtract(rl, rh), samples);
    }
    return samples;
  }

 private:
  struct Predictor {
    std::array<int, 7> b{};  // index 1 to 6
    std::array<int, 7> d{};
    std::array<int, 3> a{};  // 1, 2
    std::array<int, 3> p{};
    std::array<int, 3> r{};
    int nb = 0;
    int det = 0;
    int sz = 0;
    int s = 0;
  };

  static int clip(int value) { return value > 32'767 ? 32'767 : value < -32'768 ? -32'768 : value; }
  static int add(int x, int y) { return clip(x + y); }
  static int subtract(int x, int y) { return clip(x - y); }
  static int times(int x, int y) { return clip((x * y) >> 15); }
  static int limit(int value) {
    return value > 16'383 ? 16'383 : value < -16'384 ? -16'384 : value;
  }
  static int sign(int value) { return value >> 15; }

  static constexpr std::array<int, 24> kFilter = {3,    -11,  -11,  53,   12,   -156, 32,   362,
                                                  -210, -805, 951,  3876, 3876, 951,  -805, -210,
                                                  362,  32,   -156, 12,   53,   -11,  -11,  3};

  /// 3.1: the delay line's newest sample is its first.
  std::array<int, 2> transmit_filter(int first, int second) {
    for (std::size_t at = 23; at > 1; --at)
      sent_[at] = sent_[at - 2];
    sent_[1] = first;
    sent_[0] = second;
    int even = 0;
    int odd = 0;
    for (std::size_t at = 0; at < 24; at += 2) {
      even += kFilter[at] * sent_[at];
      odd += kFilter[at + 1] * sent_[at + 1];
    }
    return {limit((even + odd) >> 14), limit((even - odd) >> 14)};
  }

  /// 4.4.
  void receive_filter(int sum, int difference, std::vector<std::int16_t>& out) {
    for (std::size_t at = 23; at > 1; --at)
      received_[at] = received_[at - 2];
    received_[1] = sum;
    received_[0] = difference;
    int even = 0;
    int odd = 0;
    for (std::size_t at = 0; at < 24; at += 2) {
      even += kFilter[at] * received_[at];
      odd += kFilter[at + 1] * received_[at + 1];
    }
    out.push_back(static_cast<std::int16_t>(clip(even >> 11)));
    out.push_back(static_cast<std::int16_t>(clip(odd >> 11)));
  }

  /// QUANTL (table 14): levels in units of det / 4096; codes run down from 31 for negative
  /// differences, with 63 and 62 for the two smallest, and down from 61 for positive ones.
  static int quantl(int e, int det) {
    static constexpr std::array<int, 29> kLevels = {
        35,  72,  110, 150,  190,  233,  276,  323,  370,  422,  473,  530,  587,  650, 714,
        786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919};
    const int wd = sign(e) == 0 ? e : -e - 1;
    int interval = 1;
    for (const int level : kLevels) {
      if (wd < times(level * 8, det)) break;
      ++interval;
    }
    if (sign(e) == 0) return 62 - interval;
    return interval <= 2 ? 64 - interval : 34 - interval;
  }

  /// QUANTH: one level of 564.
  static int quanth(int e, int det) {
    const int wd = sign(e) == 0 ? e : -e - 1;
    const bool outer = wd >= times(564 * 8, det);
    if (sign(e) == 0) return outer ? 2 : 3;
    return outer ? 0 : 1;
  }

  /// INVQBL: the 6-bit output of a code, by the interval's number (table 17); codes 0 to 3 can't be
  /// sent in mode 1 and count as the smallest negative one.
  static int inverse6(int code) {
    static constexpr std::array<int, 30> kOutputs = {
        136,  432,   728,   1040,  1360,  1688,  2032,  2400,  2776,  3168,
        3576, 4008,  4464,  4944,  5456,  6000,  6576,  7192,  7856,  8576,
        9360, 10232, 11192, 12280, 13512, 14984, 16704, 19008, 21904, 24808};
    if (code < 4) return -kOutputs[0];
    if (code >= 62) return -kOutputs[static_cast<std::size_t>(63 - code)];
    if (code >= 32) return kOutputs[static_cast<std::size_t>(61 - code)];
    return -kOutputs[static_cast<std::size_t>(33 - code)];
  }
  /// INVQAL: the 4-bit output of the upper four bits; 0 and 15 are its smallest.
  static int inverse4(int code) {
    static constexpr std::array<int, 8> kOutputs = {0, 1200, 2584, 4240, 6288, 8968, 12896, 20456};
    if (code == 0 || code == 15) return 0;
    return code >= 8 ? kOutputs[static_cast<std::size_t>(15 - code)]
                     : -kOutputs[static_cast<std::size_t>(8 - code)];
  }
  static int inverse2(int code) {
    const int value = (code & 1) != 0 ? 1616 : 7408;
    return code >= 2 ? value : -value;
  }

  /// SCALEL, SCALEH: 2^(nb / 2048) by a table of 32 steps an octave.
  static int scale(int nb, int octaves_down) {
    static constexpr std::array<int, 32> kSteps = {2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383,
                                                   2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
                                                   2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371,
                                                   3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};
    const int mantissa = kSteps[static_cast<std::size_t>(nb >> 6 & 31)];
    const int down = octaves_down - (nb >> 11);
    return (down < 0 ? mantissa << -down : mantissa >> down) << 2;
  }

  void adapt_low(int il) {
    // LOGSCL: by the 4-bit code's distance from the middle.
    static constexpr std::array<int, 8> kGrowth = {-60, -30, 58, 172, 334, 538, 1198, 3042};
    const int ril = il >> 2;
    const int step = ril == 0 || ril == 15 ? 0 : ril >= 8 ? 15 - ril : 8 - ril;
    const int d = times(low_.det, inverse4(ril));
    const int nb = add(times(low_.nb, 32'512), kGrowth[static_cast<std::size_t>(step)]);
    low_.nb = nb < 0 ? 0 : nb > 18'432 ? 18'432 : nb;
    low_.det = scale(low_.nb, 8);
    predict(low_, d);
  }
  void adapt_high(int ih) {
    const int d = times(high_.det, inverse2(ih));
    const int nb = add(times(high_.nb, 32'512), (ih & 1) != 0 ? -214 : 798);
    high_.nb = nb < 0 ? 0 : nb > 22'528 ? 22'528 : nb;
    high_.det = scale(high_.nb, 10);
    predict(high_, d);
  }

  /// PARREC, RECONS, UPZERO, UPPOL2, UPPOL1, FILTEP, FILTEZ, PREDIC, each with its delays.
  static void predict(Predictor& of, int d) {
    of.d[0] = d;
    of.p[0] = add(d, of.sz);
    of.r[0] = add(of.s, d);

    for (std::size_t at = 6; at > 0; --at) {
      const int step = d == 0 ? 0 : 128;
      const int leaked = times(of.b[at], 32'640);
      of.b[at] = sign(d) == sign(of.d[at]) ? add(leaked, step) : subtract(leaked, step);
      of.d[at] = of.d[at - 1];
    }

    const int four = clip(4 * of.a[1]);
    const int turned = sign(of.p[0]) == sign(of.p[1]) ? subtract(0, four) : four;
    const int pull = sign(of.p[0]) == sign(of.p[2]) ? 128 : -128;
    const int a2 = add(add(turned >> 7, pull), times(of.a[2], 32'512));
    of.a[2] = a2 > 12'288 ? 12'288 : a2 < -12'288 ? -12'288 : a2;
    const int push = sign(of.p[0]) == sign(of.p[1]) ? 192 : -192;
    const int a1 = add(push, times(of.a[1], 32'640));
    const int most = subtract(15'360, of.a[2]);
    of.a[1] = a1 > most ? most : a1 < -most ? -most : a1;

    for (std::size_t at = 2; at > 0; --at) {
      of.p[at] = of.p[at - 1];
      of.r[at] = of.r[at - 1];
    }
    const int sp =
        add(times(of.a[1], add(of.r[1], of.r[1])), times(of.a[2], add(of.r[2], of.r[2])));
    of.sz = 0;
    for (std::size_t at = 6; at > 0; --at)
      of.sz = add(of.sz, times(add(of.d[at], of.d[at]), of.b[at]));
    of.s = add(sp, of.sz);
  }

  static Predictor start(int det) {
    Predictor made;
    made.det = det;
    return made;
  }

  Predictor low_ = start(32);
  Predictor high_ = start(8);
  std::array<int, 24> sent_{};
  std::array<int, 24> received_{};
};

}  // namespace test
