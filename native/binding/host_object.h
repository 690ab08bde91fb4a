// The host as JavaScript holds it: an object with close().
#pragma once

#include <napi.h>

#include <memory>

#include "engine/host.h"

namespace trunkyard::binding {

class HostObject : public Napi::ObjectWrap<HostObject> {
 public:
  [[nodiscard]] static Napi::Function define(Napi::Env env);
  /// start(config) -> {code: 'OK', host, kernelPathObstacle} or {code, message}.
  static Napi::Value start(const Napi::CallbackInfo& info);
  /// kernelPathObstacle() -> a sentence, or ''.
  static Napi::Value kernel_path_obstacle(const Napi::CallbackInfo& info);

  explicit HostObject(const Napi::CallbackInfo& info);

 private:
  void close(const Napi::CallbackInfo& info);

  // Also closed when the environment ends or the object is collected.
  std::unique_ptr<engine::Host> host_;
};

}  // namespace trunkyard::binding
