// The addon's exports: start (host) and attach (client), on what they return submit, drain,
// statistics and close, kernelPathObstacle for whoever examines the machine, and contractHash, by
// which JavaScript knows an addon of another build. No packet passes here. Throws only for misuse
// (a wrong type); what may fail in a sound program comes back as {code, message}.
#include <napi.h>

#include "binding/client_object.h"
#include "binding/environment.h"
#include "binding/host_object.h"
#include "engine/contract.gen.h"

namespace trunkyard::binding {
namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* environment = new Environment;
  environment->host_constructor = Napi::Persistent(HostObject::define(env));
  environment->client_constructor = Napi::Persistent(ClientObject::define(env));
  env.SetInstanceData(environment);  // deleted with the environment
  exports.Set("start", Napi::Function::New(env, HostObject::start, "start"));
  exports.Set("attach", Napi::Function::New(env, ClientObject::attach, "attach"));
  exports.Set("kernelPathObstacle",
              Napi::Function::New(env, HostObject::kernel_path_obstacle, "kernelPathObstacle"));
  exports.Set("contractHash", Napi::Number::New(env, engine::contract::kHash));
  return exports;
}

}  // namespace
}  // namespace trunkyard::binding

namespace {
Napi::Object init_trunkyard(Napi::Env env, Napi::Object exports) {
  return trunkyard::binding::init(env, exports);
}
}  // namespace

NODE_API_MODULE(trunkyard, init_trunkyard)
