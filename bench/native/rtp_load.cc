// rtp_load: drives RTP streams through a program under test and counts what comes back. Reads a
// plan (load_plan.h) from standard input or a file; prints JSON, one object a line, the last one
// with the result. Whether this tool was itself the limit stands in the result too; a run in which
// it was has no figures.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

#include "load_plan.h"
#include "load_run.h"

namespace {

using trunkyard::bench::DelayHistogram;
using trunkyard::bench::LoadResult;

constexpr int kExitUsage = 64;
constexpr int kExitUnavailable = 69;

constexpr double kOwnCpuMax = 0.9;
constexpr std::uint64_t kLatenessP99NsMax = 5'000'000;
constexpr double kSentShareMin = 0.999;

constexpr const char* kHelp =
    "usage: rtp_load [PLAN]\n"
    "\n"
    "Sends RTP by a plan and measures what comes back. Without PLAN it reads standard input.\n"
    "Lines of a plan (# begins a comment):\n"
    "  warmup_ms N, measure_ms N       time under load before and while counting\n"
    "  interval_ms N                   between two packets of a stream (20)\n"
    "  rtcp_interval_ms N              between two sender reports of a stream (5000; 0 for none)\n"
    "  local IP PORT [NETWORK]         a socket of ours; RTCP uses PORT + 1; in the named network\n"
    "                                  namespace (ip-netns) if one is given\n"
    "  payloads TYPE STEP FILE         what streams may say: each payload after its length (u16)\n"
    "  stream FROM TO IP PORT          sends from local FROM to IP:PORT, expects it at local TO\n"
    "    [source IP PORT]              known by where it comes from, not by what it holds\n"
    "    [payload N] [key HEX]         says the payloads of line N; under SRTP\n";

/// Why the figures say something about this tool rather than the program under test; null when they
/// don't.
const char* invalid_reason(const LoadResult& result) {
  if (result.own_cpu > kOwnCpuMax) return "the load tool used more than 90 % of its CPU";
  if (result.own_drops > 0) return "the load tool read too late and lost datagrams";
  if (result.lateness.quantile_ns(990) > kLatenessP99NsMax)
    return "the load tool sent more than 1 % of its packets over 5 ms late";
  if (static_cast<double>(result.sent) < kSentShareMin * static_cast<double>(result.planned))
    return "the load tool sent less than planned";
  return nullptr;
}

void print_histogram(const char* name, const DelayHistogram& histogram) {
  std::printf("\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f},", name,
              static_cast<double>(histogram.quantile_ns(500)) / 1e3,
              static_cast<double>(histogram.quantile_ns(900)) / 1e3,
              static_cast<double>(histogram.quantile_ns(990)) / 1e3,
              static_cast<double>(histogram.quantile_ns(999)) / 1e3,
              static_cast<double>(histogram.max_ns()) / 1e3);
}

void print_count(const char* name, std::uint64_t count) {
  std::printf("\"%s\":%llu,", name, static_cast<unsigned long long>(count));
}

void print(const LoadResult& result) {
  std::printf("{\"event\":\"result\",");
  print_count("planned", result.planned);
  print_count("sent", result.sent);
  print_count("received", result.received);
  print_count("duplicates", result.duplicates);
  print_count("misdelivered", result.misdelivered);
  print_count("gaps", result.gaps);
  print_count("rtcpSent", result.rtcp_sent);
  print_count("rtcpReceived", result.rtcp_received);
  print_count("ownDrops", result.own_drops);
  print_histogram("delayUs", result.delay);
  print_histogram("latenessUs", result.lateness);
  std::printf("\"measuredS\":%.6f,\"ownCpu\":%.4f,", result.measured_s, result.own_cpu);
  const char* reason = invalid_reason(result);
  if (reason == nullptr) {
    std::printf("\"invalidReason\":null}\n");
  } else {
    std::printf("\"invalidReason\":\"%s\"}\n", reason);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 || (argc == 2 && std::strcmp(argv[1], "--help") == 0)) {
    std::fputs(kHelp, argc > 2 ? stderr : stdout);
    return argc > 2 ? kExitUsage : 0;
  }
  std::ifstream file;
  if (argc == 2) file.open(argv[1]);
  std::istream& input = argc == 2 ? file : std::cin;
  std::string problem = "the plan can't be read";
  const auto plan = input ? trunkyard::bench::read_plan(input, problem) : std::nullopt;
  if (!plan) {
    std::fprintf(stderr, "rtp_load: %s\n", problem.c_str());
    return kExitUsage;
  }
  trunkyard::bench::LoadRun run(*plan);
  if (!run.open(problem)) {
    std::fprintf(stderr, "rtp_load: %s\n", problem.c_str());
    return kExitUnavailable;
  }
  print(run.run());
  return 0;
}
