// What one JavaScript environment (main thread or worker) has of its own, and how values come in.
#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace trunkyard::binding {

/// Lives as long as its environment; several may be in one process.
struct Environment {
  Napi::FunctionReference host_constructor;
  Napi::FunctionReference client_constructor;
};

/// Throws a TypeError, unless something else is on its way to JavaScript already (a property whose
/// getter threw): a second exception on top of the first would abort the process.
void throw_type_error(Napi::Env env, const std::string& message);

/// An integer property in [min, max]; throws a TypeError that names it and gives nothing else.
[[nodiscard]] std::optional<std::uint32_t> read_u32(const Napi::Object& object, const char* name,
                                                    std::uint32_t min, std::uint32_t max);
/// A property that is true or false; throws a TypeError that names it.
[[nodiscard]] std::optional<bool> read_flag(const Napi::Object& object, const char* name);
/// A string property; throws a TypeError that names it.
[[nodiscard]] std::optional<std::string> read_text(const Napi::Object& object, const char* name);

/// {code, message} for something that a sound program may meet.
[[nodiscard]] Napi::Object refusal(Napi::Env env, ErrorCode code, const std::string& message);

}  // namespace trunkyard::binding
