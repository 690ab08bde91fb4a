#include "binding/client_object.h"

#include <optional>
#include <string>
#include <utility>

#include "binding/environment.h"

namespace trunkyard::binding {

namespace {

/// Bytes of a Uint8Array argument; throws and gives nothing for any other value.
std::optional<MutableBytes> read_bytes(const Napi::CallbackInfo& info, const char* function) {
  if (info.Length() >= 1 && info[0].IsTypedArray() &&
      info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    auto array = info[0].As<Napi::Uint8Array>();
    return MutableBytes{array.Data(), array.ByteLength()};
  }
  Napi::TypeError::New(info.Env(), std::string(function) + " takes a Uint8Array")
      .ThrowAsJavaScriptException();
  return std::nullopt;
}

const char* message_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kConfigInvalid:
      return "region: 1 to 64 letters, digits, '-', '_' or '.'";
    case ErrorCode::kRegionInvalid:
      return "no live media host of this build has that region";
    case ErrorCode::kRegionExists:
      return "another client holds that region";
    default:
      return "a system call failed";
  }
}

}  // namespace

Napi::Function ClientObject::define(Napi::Env env) {
  return DefineClass(env, "Client",
                     {InstanceMethod<&ClientObject::submit>("submit"),
                      InstanceMethod<&ClientObject::drain>("drain"),
                      InstanceMethod<&ClientObject::close>("close")});
}

ClientObject::ClientObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ClientObject>(info), env_(info.Env()) {}

ClientObject::~ClientObject() {
  shut();
}

Napi::Value ClientObject::attach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "attach takes a config object and a function")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const Napi::Object object = info[0].As<Napi::Object>();
  const auto region = read_text(object, "region");
  if (!region) return env.Undefined();
  const auto run_dir = read_text(object, "runDir");
  if (!run_dir) return env.Undefined();

  const Napi::Object wrapped = env.GetInstanceData<Environment>()->client_constructor.New({});
  if (env.IsExceptionPending()) return env.Undefined();
  ClientObject* self = Unwrap(wrapped);
  if (!self->create_callback(env, info[1].As<Napi::Function>())) {
    return refusal(env, ErrorCode::kSystemCallFailed, "no thread-safe function");
  }
  Result<std::unique_ptr<engine::Client>> client =
      engine::Client::attach({*region, *run_dir}, *self);
  if (!client) {
    self->shut();
    return refusal(env, client.error(), message_of(client.error()));
  }
  self->client_ = std::move(*client);

  const engine::Region& view = self->client_->region();
  const MutableBytes statistics = view.statistics();
  // The buffer keeps the mapping: JavaScript may read it long after close().
  auto* mapping = new std::shared_ptr<const void>(self->client_->mapping());
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("code", "OK");
  answer.Set("client", wrapped);
  answer.Set("threads", view.shape().threads);
  answer.Set("slotsPerThread", view.shape().slots_per_thread);
  answer.Set(
      "statistics",
      Napi::ArrayBuffer::New(
          env, statistics.data(), statistics.size(),
          [](Napi::Env, void*, std::shared_ptr<const void>* held) { delete held; }, mapping));
  return answer;
}

bool ClientObject::create_callback(Napi::Env env, const Napi::Function& on_wake) {
  const Napi::String name = Napi::String::New(env, "trunkyard.events");
  if (napi_create_threadsafe_function(env, on_wake, nullptr, name, 0, 1, nullptr, nullptr, nullptr,
                                      &ClientObject::call_javascript, &callback_) != napi_ok) {
    return false;
  }
  // Hooks run last in, first out: the helper thread is joined before the function above goes.
  napi_add_env_cleanup_hook(env, &ClientObject::on_environment_end, this);
  return true;
}

void ClientObject::call_javascript(napi_env env, napi_value callback, void*, void* data) {
  if (env == nullptr || callback == nullptr) return;  // the environment is ending
  napi_value lost;
  napi_value receiver;
  if (napi_get_boolean(env, data != nullptr, &lost) != napi_ok ||
      napi_get_undefined(env, &receiver) != napi_ok) {
    return;
  }
  if (napi_call_function(env, receiver, callback, 1, &lost, nullptr) != napi_pending_exception) {
    return;
  }
  // Node would only warn of it (DEP0168) and go on. A mistake in the control plane has to end or be
  // handled there, as one from any timer: by the process's uncaughtException.
  napi_value exception;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

void ClientObject::on_events() noexcept {
  call(false);
}
void ClientObject::on_host_lost() noexcept {
  call(true);
}

void ClientObject::call(bool lost) noexcept {
  // Unbounded queue, yet at most two entries: the client repeats no alarm before a drain.
  napi_call_threadsafe_function(callback_, lost ? this : nullptr, napi_tsfn_nonblocking);
}

Napi::Value ClientObject::submit(const Napi::CallbackInfo& info) {
  const auto records = read_bytes(info, "submit");
  if (!records) return info.Env().Undefined();
  const std::size_t taken = client_ ? client_->submit(*records) : 0;
  return Napi::Number::New(info.Env(), static_cast<double>(taken));
}

Napi::Value ClientObject::drain(const Napi::CallbackInfo& info) {
  const auto into = read_bytes(info, "drain");
  if (!into) return info.Env().Undefined();
  const std::size_t bytes = client_ ? client_->drain(*into) : 0;
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

void ClientObject::close(const Napi::CallbackInfo&) {
  shut();
}

void ClientObject::on_environment_end(void* self) {
  static_cast<ClientObject*>(self)->shut();
}

void ClientObject::shut() noexcept {
  // First the thread that uses the callback, then the callback.
  if (client_) client_->close();
  if (callback_ == nullptr) return;
  napi_remove_env_cleanup_hook(env_, &ClientObject::on_environment_end, this);
  napi_release_threadsafe_function(callback_, napi_tsfn_abort);
  callback_ = nullptr;
}

}  // namespace trunkyard::binding
