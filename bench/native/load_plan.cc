#include "load_plan.h"

#include <arpa/inet.h>

#include <istream>
#include <sstream>

namespace trunkyard::bench {

namespace {

bool read_address(std::istream& words, sockaddr_in& address) {
  std::string host;
  std::uint32_t port = 0;
  if (!(words >> host >> port) || port == 0 || port > 0xffff) return false;
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
}

bool read_number(std::istream& words, std::uint64_t min, std::uint64_t max, std::uint64_t& value) {
  std::uint64_t read = 0;
  if (!(words >> read) || read < min || read > max) return false;
  value = read;
  return true;
}

bool read_local(std::istream& words, LoadPlan& plan) {
  LocalPlan local;
  if (plan.locals.size() >= kLocalsMax || !read_address(words, local.address)) return false;
  // RTP on the even port, RTCP on the odd one above (RFC 3550 §11).
  if (ntohs(local.address.sin_port) % 2 != 0) return false;
  if (!(words >> local.network)) local.network.clear();
  plan.locals.push_back(local);
  return true;
}

bool read_stream(std::istream& words, LoadPlan& plan) {
  StreamPlan stream;
  if (plan.streams.size() >= kStreamsMax) return false;
  if (!(words >> stream.from >> stream.to) || !read_address(words, stream.target)) return false;
  if (stream.from >= plan.locals.size() || stream.to >= plan.locals.size()) return false;
  plan.streams.push_back(stream);
  return true;
}

bool read_line(const std::string& key, std::istream& words, LoadPlan& plan) {
  if (key == "warmup_ms") return read_number(words, 0, 600'000, plan.warmup_ms);
  if (key == "measure_ms") return read_number(words, 1, 3'600'000, plan.measure_ms);
  if (key == "interval_ms") return read_number(words, 1, 1'000, plan.interval_ms);
  if (key == "rtcp_interval_ms") return read_number(words, 0, 600'000, plan.rtcp_interval_ms);
  if (key == "local") return read_local(words, plan);
  if (key == "stream") return read_stream(words, plan);
  return false;
}

}  // namespace

std::optional<LoadPlan> read_plan(std::istream& input, std::string& problem) {
  LoadPlan plan;
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string key;
    if (!(words >> key)) continue;
    std::string rest;
    if (read_line(key, words, plan) && !(words >> rest)) continue;
    problem = "line " + std::to_string(number) + " can't be used: " + line;
    return std::nullopt;
  }
  if (plan.streams.empty()) {
    problem = "the plan has no stream";
    return std::nullopt;
  }
  return plan;
}

}  // namespace trunkyard::bench
