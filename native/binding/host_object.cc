#include "binding/host_object.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.h"
#include "binding/environment.h"
#include "engine/kernel_path.h"

namespace trunkyard::binding {

namespace {

constexpr std::uint32_t kPortRestMsMax = 600'000;

/// {family, bytes, portMin, portMax}
bool read_address(Napi::Env env, const Napi::Value& value, engine::MediaAddress& address) {
  if (!value.IsObject()) {
    throw_type_error(env, "addresses must hold objects");
    return false;
  }
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Value bytes_value = object.Get("bytes");
  if (!bytes_value.IsTypedArray() ||
      bytes_value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      bytes_value.As<Napi::TypedArray>().ByteLength() != address.bind.bytes.size()) {
    throw_type_error(env, "bytes must be a Uint8Array of 16");
    return false;
  }
  const auto bytes = bytes_value.As<Napi::Uint8Array>();
  const auto family = read_u32(object, "family", 4, 6);
  if (!family) return false;
  const auto port_min = read_u32(object, "portMin", 1, 65'535);
  if (!port_min) return false;
  const auto port_max = read_u32(object, "portMax", 1, 65'535);
  if (!port_max) return false;
  address.bind.family = static_cast<std::uint8_t>(*family);
  std::copy_n(bytes.Data(), address.bind.bytes.size(), address.bind.bytes.begin());
  address.ports = {static_cast<std::uint16_t>(*port_min), static_cast<std::uint16_t>(*port_max)};
  return true;
}

/// Nothing when a JavaScript exception is pending.
std::optional<engine::HostConfig> read_config(const Napi::Object& object) {
  engine::HostConfig config;
  const auto region = read_text(object, "region");
  if (!region) return std::nullopt;
  const auto run_dir = read_text(object, "runDir");
  if (!run_dir) return std::nullopt;
  const auto media_folder = read_text(object, "mediaFolder");
  if (!media_folder) return std::nullopt;
  const auto threads = read_u32(object, "threads", 1, kMediaThreadsMax);
  if (!threads) return std::nullopt;
  const auto endpoints_max = read_u32(object, "endpointsMax", 1, kEndpointsMax);
  if (!endpoints_max) return std::nullopt;
  const auto port_rest_ms = read_u32(object, "portRestMs", 0, kPortRestMsMax);
  if (!port_rest_ms) return std::nullopt;
  const auto order_records = read_u32(object, "orderRingRecords", 1, kRingRecordsMax);
  if (!order_records) return std::nullopt;
  const auto event_records = read_u32(object, "eventRingRecords", 1, kRingRecordsMax);
  if (!event_records) return std::nullopt;
  const auto kernel_path = read_flag(object, "kernelPath");
  if (!kernel_path) return std::nullopt;
  const Napi::Value isa = object.Get("isa");
  if (!isa.IsUndefined()) {
    const auto wanted = read_text(object, "isa");
    if (!wanted) return std::nullopt;
    config.isa = choose_isa(*wanted, best_isa());
  }
  const auto participants_max =
      read_u32(object, "conferenceParticipantsMax", 2, kMixParticipantsMax);
  if (!participants_max) return std::nullopt;
  const Napi::Value addresses = object.Get("addresses");
  if (!addresses.IsArray()) {
    throw_type_error(object.Env(), "addresses must be an array");
    return std::nullopt;
  }
  const Napi::Array list = addresses.As<Napi::Array>();
  for (std::uint32_t index = 0; index < list.Length(); ++index) {
    engine::MediaAddress address;
    if (!read_address(object.Env(), list.Get(index), address)) return std::nullopt;
    config.addresses.push_back(address);
  }
  config.region = *region;
  config.run_dir = *run_dir;
  config.media_folder = *media_folder;
  config.threads = *threads;
  config.endpoints_max = *endpoints_max;
  config.port_rest = Duration::milliseconds(*port_rest_ms);
  config.order_ring_records = *order_records;
  config.event_ring_records = *event_records;
  config.kernel_path = *kernel_path;
  config.conference_participants_max = *participants_max;
  return config;
}

}  // namespace

Napi::Function HostObject::define(Napi::Env env) {
  return DefineClass(env, "Host", {InstanceMethod<&HostObject::close>("close")});
}

HostObject::HostObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HostObject>(info) {}

Napi::Value HostObject::start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) {
    Napi::TypeError::New(env, "start takes a config object").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto config = read_config(info[0].As<Napi::Object>());
  if (!config) return env.Undefined();
  std::string problem;
  Result<std::unique_ptr<engine::Host>> host = engine::Host::start(*config, problem);
  if (!host) return refusal(env, host.error(), problem);
  const Napi::Object object = env.GetInstanceData<Environment>()->host_constructor.New({});
  if (env.IsExceptionPending()) return env.Undefined();
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("code", "OK");
  answer.Set("host", object);
  answer.Set("kernelPathObstacle", (*host)->kernel_path_obstacle());
  Unwrap(object)->host_ = std::move(*host);
  return answer;
}

Napi::Value HostObject::kernel_path_obstacle(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), engine::KernelPath::obstacle());
}

void HostObject::close(const Napi::CallbackInfo&) {
  if (host_) host_->close();
}

}  // namespace trunkyard::binding
