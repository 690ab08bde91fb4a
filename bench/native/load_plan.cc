#include "load_plan.h"

#include <arpa/inet.h>

#include <fstream>
#include <istream>
#include <sstream>
#include <utility>

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

bool read_payloads(std::istream& words, LoadPlan& plan) {
  std::uint32_t type = 0;
  PayloadPlan read;
  std::string path;
  if (plan.payloads.size() >= kPayloadFilesMax) return false;
  if (!(words >> type >> read.timestamp_step >> path) || type > 127) return false;
  read.payload_type = static_cast<std::uint8_t>(type);
  std::ifstream file(path, std::ios::binary);
  for (int high = file.get(); high != std::istream::traits_type::eof(); high = file.get()) {
    const int low = file.get();
    const auto size = static_cast<std::size_t>(high << 8 | low);
    if (low < 0 || size > kPayloadBytesMax) return false;
    std::vector<std::uint8_t> payload(size);
    if (!file.read(reinterpret_cast<char*>(payload.data()), static_cast<std::streamsize>(size)))
      return false;
    read.payloads.push_back(std::move(payload));
  }
  if (read.payloads.empty()) return false;
  plan.payloads.push_back(std::move(read));
  return true;
}

bool read_key(std::istream& words, StreamPlan& stream) {
  std::string digits;
  if (!(words >> digits) || digits.size() != 2 * kKeyAndSaltBytes) return false;
  std::array<std::uint8_t, kKeyAndSaltBytes> key = {};
  for (std::size_t index = 0; index < key.size(); ++index) {
    const std::string byte = digits.substr(2 * index, 2);
    if (byte.find_first_not_of("0123456789abcdef") != std::string::npos) return false;
    key[index] = static_cast<std::uint8_t>(std::stoul(byte, nullptr, 16));
  }
  stream.key = key;
  return true;
}

bool read_stream(std::istream& words, LoadPlan& plan) {
  StreamPlan stream;
  if (plan.streams.size() >= kStreamsMax) return false;
  if (!(words >> stream.from >> stream.to) || !read_address(words, stream.target)) return false;
  if (stream.from >= plan.locals.size() || stream.to >= plan.locals.size()) return false;
  for (std::string word; words >> word;) {
    if (word == "source") {
      sockaddr_in source = {};
      if (!read_address(words, source)) return false;
      stream.source = source;
    } else if (word == "payload") {
      std::uint32_t index = 0;
      if (!(words >> index) || index >= plan.payloads.size()) return false;
      stream.payload = index;
    } else if (word != "key" || !read_key(words, stream)) {
      return false;
    }
  }
  // Nothing in them could tell which stream they are of.
  if ((stream.payload || stream.key) && !stream.source) return false;
  words.clear();
  plan.streams.push_back(stream);
  return true;
}

bool read_line(const std::string& key, std::istream& words, LoadPlan& plan) {
  if (key == "warmup_ms") return read_number(words, 0, 600'000, plan.warmup_ms);
  if (key == "measure_ms") return read_number(words, 1, 3'600'000, plan.measure_ms);
  if (key == "interval_ms") return read_number(words, 1, 1'000, plan.interval_ms);
  if (key == "rtcp_interval_ms") return read_number(words, 0, 600'000, plan.rtcp_interval_ms);
  if (key == "local") return read_local(words, plan);
  if (key == "payloads") return read_payloads(words, plan);
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
