#include "binding/environment.h"

#include <cmath>

namespace trunkyard::binding {

namespace {

const char* name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kConfigInvalid:
      return "CONFIG_INVALID";
    case ErrorCode::kAddressInvalid:
      return "ADDRESS_INVALID";
    case ErrorCode::kRegionInvalid:
      return "REGION_INVALID";
    case ErrorCode::kRegionExists:
      return "REGION_EXISTS";
    default:
      return "SYSTEM_CALL_FAILED";
  }
}

}  // namespace

void throw_type_error(Napi::Env env, const std::string& message) {
  if (env.IsExceptionPending()) return;
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

std::optional<std::uint32_t> read_u32(const Napi::Object& object, const char* name,
                                      std::uint32_t min, std::uint32_t max) {
  const Napi::Value value = object.Get(name);
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= min && number <= max && std::floor(number) == number) {
      return static_cast<std::uint32_t>(number);
    }
  }
  throw_type_error(object.Env(), std::string(name) + " must be an integer in " +
                                     std::to_string(min) + ".." + std::to_string(max));
  return std::nullopt;
}

std::optional<bool> read_flag(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  throw_type_error(object.Env(), std::string(name) + " must be true or false");
  return std::nullopt;
}

std::optional<std::string> read_text(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  throw_type_error(object.Env(), std::string(name) + " must be a string");
  return std::nullopt;
}

Napi::Object refusal(Napi::Env env, ErrorCode code, const std::string& message) {
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("code", name_of(code));
  answer.Set("message", message);
  return answer;
}

}  // namespace trunkyard::binding
