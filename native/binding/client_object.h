// The client as JavaScript holds it: submit(records), drain(into), statistics, close(), and a
// callback when there is something to drain.
#pragma once

#include <napi.h>

#include <memory>

#include "engine/client.h"

namespace trunkyard::binding {

class ClientObject : public Napi::ObjectWrap<ClientObject>, private engine::ClientAlarm {
 public:
  [[nodiscard]] static Napi::Function define(Napi::Env env);
  /// attach({region, runDir}, onWake) -> {code: 'OK', client, threads, slotsPerThread, statistics}
  /// or {code, message}. onWake(lost) runs on the JavaScript thread: false = drain until it gives
  /// 0; true = the host is gone, once and last.
  static Napi::Value attach(const Napi::CallbackInfo& info);

  explicit ClientObject(const Napi::CallbackInfo& info);
  ~ClientObject() override;

 private:
  /// submit(records: Uint8Array) -> number of records taken: all or 0.
  Napi::Value submit(const Napi::CallbackInfo& info);
  /// drain(into: Uint8Array) -> bytes written.
  Napi::Value drain(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  // On the client's helper thread.
  void on_events() noexcept override;
  void on_host_lost() noexcept override;
  void call(bool lost) noexcept;

  [[nodiscard]] bool create_callback(Napi::Env env, const Napi::Function& on_wake);
  static void call_javascript(napi_env env, napi_value callback, void* context, void* data);
  static void on_environment_end(void* self);
  void shut() noexcept;

  std::unique_ptr<engine::Client> client_;
  napi_env env_ = nullptr;
  napi_threadsafe_function callback_ = nullptr;
};

}  // namespace trunkyard::binding
