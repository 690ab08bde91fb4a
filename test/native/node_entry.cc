// The harness as an addon: SRTP's tests run once more inside node, on the OpenSSL that node brings,
// since that is the one in production. `require('.../node_tests.node').run()` gives the exit code.
#include <node_api.h>

#include "native/harness.h"

namespace {

napi_value run(napi_env env, napi_callback_info) {
  char name[] = "node_tests";
  char* arguments[] = {name, nullptr};
  napi_value code = nullptr;
  (void)napi_create_int32(env, test::run_all(1, arguments), &code);
  return code;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function = nullptr;
  if (napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, "run", function) != napi_ok) {
    (void)napi_throw_error(env, nullptr, "the tests can't be exported");
  }
  return exports;
}
