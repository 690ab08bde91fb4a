// jitter_quality: what a jitter buffer's waiting buys. Plays the traces of jitter_traces.h through
// ours at several tolerances and, if it was there at build time, through speexdsp's, and sets both
// against the best fixed delay that hindsight knows.
//
//   jitter_quality [TRACE]         for each trace the mean playout delay at given shares of loss
//   jitter_quality --csv [TRACE]   every point of the curves
//
// Delay is from a packet being sent to being heard, less the path's least. Loss is the strictest
// that can be said of a buffer: the larger of two shares, of the packets that came but weren't
// heard, and of the time that was made up beyond what the network itself lost. So a buffer that
// stands still for a late packet pays for it like one that drops it.
//
// Two figures are called hindsight: the best fixed delay of a listener who may play at any moment,
// which is what curves are measured by; and "on ticks", that of one who asks every 10 ms.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "base/prng.h"
#include "jitter/jitter_buffer.h"
#include "jitter_traces.h"

#ifdef TRUNKYARD_HAS_SPEEXDSP
#include <speex/speex_jitter.h>
#endif

namespace trunkyard::bench {
namespace {

constexpr std::uint32_t kPackets = 30'000;  // 10 minutes
constexpr std::uint32_t kWarmUp = 250;      // 5 s that nobody is judged by
constexpr double kPacketMs = 20;

struct Arrived {
  Duration at;
  std::uint32_t index;
};

/// What a buffer did to a trace.
struct Outcome {
  double delay_ms = 0;       ///< mean from being sent to being heard, less the path's least
  double late_share = 0;     ///< of the packets that arrived: not heard
  double made_up_share = 0;  ///< of the time: concealed beyond what the network lost

  [[nodiscard]] double loss_share() const { return std::max(late_share, made_up_share); }
};

struct Tally {
  double delay_sum_ms = 0;
  std::uint32_t heard = 0;
  double concealed_ms = 0;
  double total_ms = 0;

  void hear(const TracePacket& packet, double at_ms) {
    delay_sum_ms += at_ms - packet.sent.ms_exact();
    ++heard;
  }
};

std::vector<Arrived> arrivals_of(const Trace& trace) {
  std::vector<Arrived> arrivals;
  for (std::uint32_t index = 0; index < trace.size(); ++index) {
    if (!trace[index].is_lost) arrivals.push_back({trace[index].arrived, index});
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const Arrived& a, const Arrived& b) { return a.at < b.at; });
  return arrivals;
}

double least_delay_ms(const Trace& trace) {
  double least = 1e9;
  for (const TracePacket& packet : trace) {
    if (!packet.is_lost) least = std::min(least, (packet.arrived - packet.sent).ms_exact());
  }
  return least;
}

Outcome outcome_of(const Trace& trace, const Tally& tally) {
  std::uint32_t arrived = 0;
  std::uint32_t lost = 0;
  for (std::uint32_t index = kWarmUp; index < trace.size(); ++index) {
    ++(trace[index].is_lost ? lost : arrived);
  }
  Outcome outcome;
  outcome.delay_ms = tally.delay_sum_ms / std::max(tally.heard, 1u) - least_delay_ms(trace);
  outcome.late_share = 1.0 - static_cast<double>(tally.heard) / arrived;
  outcome.made_up_share = (tally.concealed_ms - lost * kPacketMs) / tally.total_ms;
  return outcome;
}

/// Somebody talks for a second and pauses for 0.7 s, both exponential.
class Talk {
 public:
  [[nodiscard]] jitter::Activity at(double now_ms) {
    while (now_ms >= until_ms_) {
      is_pause_ = !is_pause_;
      until_ms_ -= (is_pause_ ? 700.0 : 1'000.0) * std::log(1.0 - prng_.unit());
    }
    return is_pause_ ? jitter::Activity::kPause : jitter::Activity::kSpeech;
  }

 private:
  Prng prng_{11};
  double until_ms_ = 0;
  bool is_pause_ = false;
};

/// What a time-scaler grants: what it is asked for in a pause, in speech a pitch period of 3 to 9
/// ms or nothing.
jitter::MediaTime granted(Prng& prng, jitter::MediaTime wish, jitter::Activity activity) {
  if (activity == jitter::Activity::kPause) return wish;
  const auto period = static_cast<jitter::MediaTime>(144 + prng.below(288));
  if (wish >= period) return period;
  return wish <= -period ? -period : 0;
}

/// How a listener of ours asks: at ticks that stay where they are, or as a leg that hears one other
/// does (engine/audio_legs.h): its turn is in one of five places of a round of 10 ms, and about
/// once a second may be given another of them.
struct Listener {
  double tick_ms = 10;
  bool moves = false;
};

constexpr double kPlaceMs = 2;
constexpr int kPlaces = 5;
constexpr int kTicksPerMove = 100;

Outcome run_ours(const Trace& trace, const jitter::DelayPolicy& policy, const Listener& listener,
                 double phase_ms) {
  const double tick_ms = listener.tick_ms;
  const auto tick = static_cast<jitter::MediaTime>(tick_ms * jitter::kMediaPerMs);
  const std::vector<Arrived> arrivals = arrivals_of(trace);
  jitter::JitterBuffer buffer({.policy = policy});
  Prng prng(7);
  Talk talk;
  Tally tally;
  jitter::MediaTime queued = 0;
  std::size_t next = 0;
  const double end_ms = trace.back().sent.ms_exact();
  // Any place of the round, another for each phase.
  int place = listener.moves ? static_cast<int>(phase_ms) * 3 % kPlaces : 0;
  int ticks = 0;
  double round_ms = phase_ms - place * kPlaceMs;
  for (;; round_ms += tick_ms) {
    if (listener.moves && ++ticks % kTicksPerMove == 0) {
      constexpr auto kStep = static_cast<jitter::MediaTime>(kPlaceMs * jitter::kMediaPerMs);
      place = std::clamp(place + static_cast<int>(buffer.tick_wish(kStep) / kStep), 0, kPlaces - 1);
    }
    const double at_ms = round_ms + place * kPlaceMs;
    if (at_ms >= end_ms) break;
    for (; next < arrivals.size() && arrivals[next].at.ms_exact() <= at_ms; ++next) {
      const std::uint32_t index = arrivals[next].index;
      (void)buffer.insert(Instant::from_ns(arrivals[next].at.ns()),
                          {.timestamp = static_cast<rtp::RtpTimestamp>(index * 160),
                           .sequence = static_cast<std::uint16_t>(index),
                           .clock_rate_hz = 8'000,
                           .clock_steps = 160,
                           .packet = {.slot = index}});
      jitter::PacketRef released;
      while (buffer.next_released(released)) {
      }
    }
    const Instant now = Instant::from_ns(static_cast<std::int64_t>(at_ms * 1e6));
    const bool is_judged = at_ms > kWarmUp * kPacketMs;
    if (is_judged) tally.total_ms += tick_ms;
    const jitter::Activity activity = talk.at(at_ms);
    while (queued < tick) {
      const jitter::Decision decision =
          buffer.take(now, {.wanted = tick, .queued = queued, .activity = activity});
      jitter::PacketRef released;
      while (buffer.next_released(released)) {
      }
      const double offset_ms = static_cast<double>(queued) / jitter::kMediaPerMs;
      queued += decision.length;
      if (decision.kind == jitter::DecisionKind::kPlay) {
        const std::uint32_t index = decision.packet.slot;
        if (index >= kWarmUp) tally.hear(trace[index], at_ms + offset_ms);
        queued += granted(prng, decision.stretch, activity);
      } else if (decision.kind == jitter::DecisionKind::kConceal && is_judged) {
        tally.concealed_ms += static_cast<double>(decision.length) / jitter::kMediaPerMs;
      }
    }
    queued -= tick;
  }
  return outcome_of(trace, tally);
}

#ifdef TRUNKYARD_HAS_SPEEXDSP
/// Below 0 = as the library has it.
struct SpeexSetting {
  int late_cost;
  int late_rate_max;  ///< percent
  int margin;         ///< samples
};

Outcome run_speex(const Trace& trace, const SpeexSetting& setting, double phase_ms) {
  const std::vector<Arrived> arrivals = arrivals_of(trace);
  JitterBuffer* buffer = jitter_buffer_init(160);
  int late_cost = setting.late_cost;
  int late_rate_max = setting.late_rate_max;
  int margin = setting.margin;
  if (late_cost >= 0) jitter_buffer_ctl(buffer, JITTER_BUFFER_SET_LATE_COST, &late_cost);
  if (late_rate_max >= 0) {
    jitter_buffer_ctl(buffer, JITTER_BUFFER_SET_MAX_LATE_RATE, &late_rate_max);
  }
  jitter_buffer_ctl(buffer, JITTER_BUFFER_SET_MARGIN, &margin);
  Tally tally;
  std::size_t next = 0;
  const double end_ms = trace.back().sent.ms_exact();
  for (double at_ms = phase_ms; at_ms < end_ms; at_ms += kPacketMs) {
    for (; next < arrivals.size() && arrivals[next].at.ms_exact() <= at_ms; ++next) {
      std::uint32_t index = arrivals[next].index;
      JitterBufferPacket packet = {};
      packet.data = reinterpret_cast<char*>(&index);
      packet.len = sizeof index;
      packet.timestamp = index * 160;
      packet.span = 160;
      packet.sequence = static_cast<spx_uint16_t>(index);
      jitter_buffer_put(buffer, &packet);
    }
    if (next == 0) continue;
    const bool is_judged = at_ms > kWarmUp * kPacketMs;
    if (is_judged) tally.total_ms += kPacketMs;
    std::uint32_t index = 0;
    JitterBufferPacket packet = {};
    packet.data = reinterpret_cast<char*>(&index);
    packet.len = sizeof index;
    spx_int32_t offset = 0;
    const int answer = jitter_buffer_get(buffer, &packet, 160, &offset);
    if (answer == JITTER_BUFFER_OK) {
      if (index >= kWarmUp) tally.hear(trace[index], at_ms + offset / 8.0);
    } else if (is_judged) {
      tally.concealed_ms += kPacketMs;
    }
    jitter_buffer_tick(buffer);
  }
  jitter_buffer_destroy(buffer);
  return outcome_of(trace, tally);
}
#endif

/// The fixed delay beyond the path's least that loses exactly this share of what arrived.
double hindsight_delay_ms(const Trace& trace, double late_share) {
  std::vector<double> delays;
  for (std::uint32_t index = kWarmUp; index < trace.size(); ++index) {
    if (trace[index].is_lost) continue;
    delays.push_back((trace[index].arrived - trace[index].sent).ms_exact());
  }
  std::sort(delays.begin(), delays.end());
  const double rank = (1.0 - std::max(late_share, 0.0)) * static_cast<double>(delays.size() - 1);
  return delays[static_cast<std::size_t>(rank)] - least_delay_ms(trace);
}

/// The listener's clock and the sender's have no phase in common, so a point is the mean over four.
constexpr double kPhasesMs[] = {1, 6, 11, 16};

/// The same for a listener who asks every 10 ms and no sooner: a packet is heard at the first tick
/// at least so much after it was sent, if it is there by then. The least mean of such delays that
/// loses no more than this share.
double hindsight_on_ticks_ms(const Trace& trace, double late_share) {
  constexpr double kTickMs = 10;
  constexpr double kStepMs = 0.25;
  const double least_ms = least_delay_ms(trace);
  for (double wait_ms = 0; wait_ms < 500; wait_ms += kStepMs) {
    double delay_sum_ms = 0;
    std::uint64_t heard = 0;
    std::uint64_t arrived = 0;
    for (const double phase_ms : kPhasesMs) {
      for (std::uint32_t index = kWarmUp; index < trace.size(); ++index) {
        if (trace[index].is_lost) continue;
        ++arrived;
        const double due_ms = trace[index].sent.ms_exact() + least_ms + wait_ms;
        const double tick_ms = phase_ms + std::ceil((due_ms - phase_ms) / kTickMs) * kTickMs;
        if (trace[index].arrived.ms_exact() > tick_ms) continue;
        ++heard;
        delay_sum_ms += tick_ms - due_ms + wait_ms;
      }
    }
    const double lost = 1.0 - static_cast<double>(heard) / static_cast<double>(arrived);
    if (lost <= late_share) return delay_sum_ms / static_cast<double>(heard);
  }
  return -1;
}

struct Point {
  std::string setting;
  Outcome outcome;
};
using Curve = std::vector<Point>;

template <typename Run>
Outcome mean_over_phases(Run&& run) {
  Outcome mean;
  for (const double phase_ms : kPhasesMs) {
    const Outcome outcome = run(phase_ms);
    mean.delay_ms += outcome.delay_ms / std::size(kPhasesMs);
    mean.late_share += outcome.late_share / std::size(kPhasesMs);
    mean.made_up_share += outcome.made_up_share / std::size(kPhasesMs);
  }
  return mean;
}

/// Ours from the strictest tolerance to none worth the name: where curves bend, points lie close.
constexpr std::uint32_t kLatePpm[] = {200,    500,    1'000,  1'400,   2'000,  3'000,
                                      5'000,  7'000,  10'000, 14'000,  20'000, 30'000,
                                      40'000, 50'000, 70'000, 100'000, 200'000};

Curve curve_of_ours(const Trace& trace, const Listener& listener) {
  Curve curve;
  for (const std::uint32_t late_ppm : kLatePpm) {
    const std::uint32_t memory = late_ppm > 20'000 ? 384 : (late_ppm > 2'000 ? 1'024 : 2'048);
    const jitter::DelayPolicy policy{Duration::zero(), Duration::milliseconds(400), late_ppm,
                                     memory};
    curve.push_back({std::to_string(late_ppm), mean_over_phases([&](double phase_ms) {
                       return run_ours(trace, policy, listener, phase_ms);
                     })});
  }
  return curve;
}

#ifdef TRUNKYARD_HAS_SPEEXDSP
/// Its own choice by cost, then its limit on lateness from 1 to 10 %, each with margins of up to 40
/// ms.
Curve curve_of_speex(const Trace& trace) {
  Curve curve;
  for (const int late_rate_max : {-1, 1, 2, 4, 10}) {
    for (const int margin : {0, 80, 160, 320}) {
      const SpeexSetting setting{-1, late_rate_max, margin};
      curve.push_back(
          {std::to_string(late_rate_max) + "/" + std::to_string(margin),
           mean_over_phases([&](double phase_ms) { return run_speex(trace, setting, phase_ms); })});
    }
  }
  return curve;
}
#else
Curve curve_of_speex(const Trace&) {
  return {};
}
#endif

/// The least delay at which a curve loses no more than a share, between its points too; below 0
/// when it never loses so little.
double delay_at(const Curve& curve, double loss_share) {
  double least = -1;
  const Point* below = nullptr;
  const Point* above = nullptr;
  for (const Point& point : curve) {
    const double share = point.outcome.loss_share();
    if (share > loss_share) {
      if (above == nullptr || share < above->outcome.loss_share()) above = &point;
      continue;
    }
    if (least < 0 || point.outcome.delay_ms < least) least = point.outcome.delay_ms;
    if (below == nullptr || share > below->outcome.loss_share()) below = &point;
  }
  if (below != nullptr && above != nullptr) {
    const double span = above->outcome.loss_share() - below->outcome.loss_share();
    const double part = (loss_share - below->outcome.loss_share()) / span;
    least = std::min(least, below->outcome.delay_ms +
                                part * (above->outcome.delay_ms - below->outcome.delay_ms));
  }
  return least;
}

void print_csv(const char* trace, const char* buffer, const Trace& packets, const Curve& curve) {
  for (const Point& point : curve) {
    const Outcome& outcome = point.outcome;
    std::printf("%s,%s,%s,%.2f,%.5f,%.5f,%.2f\n", trace, buffer, point.setting.c_str(),
                outcome.delay_ms, outcome.late_share, outcome.made_up_share,
                hindsight_delay_ms(packets, outcome.loss_share()));
  }
}

/// Losses that curves are compared at.
constexpr double kLossShares[] = {0.001, 0.002, 0.005, 0.01, 0.02};

void print_hindsight_csv(const char* trace, const Trace& packets) {
  for (const double loss_share : kLossShares) {
    const double delay_ms = hindsight_delay_ms(packets, loss_share);
    std::printf("%s,hindsight,%g,%.2f,%.5f,%.5f,%.2f\n", trace, loss_share, delay_ms, loss_share,
                0.0, delay_ms);
    std::printf("%s,hindsight@10,%g,%.2f,%.5f,%.5f,%.2f\n", trace, loss_share,
                hindsight_on_ticks_ms(packets, loss_share), loss_share, 0.0, delay_ms);
  }
}

void print_cell(double delay_ms, double hindsight_ms) {
  if (delay_ms < 0) {
    std::printf("       -      ");
  } else {
    std::printf("  %6.1f (%4.2f)", delay_ms, delay_ms / hindsight_ms);
  }
}

void compare(const TraceKind& kind, bool is_csv) {
  const Trace trace = kind.make(4'177, kPackets);
  const Curve ours_turn = curve_of_ours(trace, {.tick_ms = 10, .moves = true});
  const Curve ours_10 = curve_of_ours(trace, {.tick_ms = 10});
  const Curve ours_20 = curve_of_ours(trace, {.tick_ms = 20});
  const Curve speex = curve_of_speex(trace);
  if (is_csv) {
    print_csv(kind.name, "ours@turn", trace, ours_turn);
    print_csv(kind.name, "ours@10", trace, ours_10);
    print_csv(kind.name, "ours@20", trace, ours_20);
    print_csv(kind.name, "speexdsp@20", trace, speex);
    print_hindsight_csv(kind.name, trace);
    return;
  }
  for (const double loss_share : kLossShares) {
    const double hindsight_ms = hindsight_delay_ms(trace, loss_share);
    std::printf("%-10s %4.1f %%  %9.1f  %9.1f", kind.name, loss_share * 100, hindsight_ms,
                hindsight_on_ticks_ms(trace, loss_share));
    print_cell(delay_at(ours_turn, loss_share), hindsight_ms);
    print_cell(delay_at(ours_10, loss_share), hindsight_ms);
    print_cell(delay_at(ours_20, loss_share), hindsight_ms);
    print_cell(delay_at(speex, loss_share), hindsight_ms);
    std::printf("\n");
  }
}

}  // namespace
}  // namespace trunkyard::bench

int main(int argc, char** argv) {
  using namespace trunkyard::bench;
  bool is_csv = false;
  std::string only;
  for (int index = 1; index < argc; ++index) {
    if (std::strcmp(argv[index], "--csv") == 0) {
      is_csv = true;
    } else {
      only = argv[index];
    }
  }
  if (is_csv) {
    std::printf("trace,buffer,setting,delay_ms,late_share,made_up_share,hindsight_ms\n");
  } else {
    std::printf("mean playout delay in ms (and times that of the best fixed delay)\n");
    std::printf("%-10s %6s  %9s  %9s  %-13s  %-13s  %-13s  %-13s\n", "trace", "loss", "hindsight",
                "on ticks", "ours, turns", "ours, 10 ms", "ours, 20 ms", "speexdsp, 20 ms");
  }
  for (const TraceKind& kind : trace_kinds()) {
    if (only.empty() || only == kind.name) compare(kind, is_csv);
  }
  return 0;
}
