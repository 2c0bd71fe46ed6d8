#include "environment.h"

#include <string>

namespace cfs {

namespace {
// Calls beyond this many are freed rather than kept: a burst should not hold memory for ever.
constexpr size_t idleLimit = 128;
}  // namespace

// ---- life ---------------------------------------------------------------------------------------------------------

void Environment::create(napi_env env) {
  auto* environment = new Environment(env);
  napi_set_instance_data(
      env, environment, [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); }, nullptr);
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* data) { static_cast<Environment*>(data)->beginTeardown(); },
      environment, &environment->teardownHook);
}

Environment::~Environment() {
  for (PoolCall* call : idle) delete call;
}

Environment& Environment::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

// A worker's loop cannot be closed while requests are in it. The hook makes Node turn the loop until they have ended.
void Environment::beginTeardown() {
  tearingDown = true;
  endTeardownWhenIdle();
}

void Environment::endTeardownWhenIdle() {
  if (tearingDown && running == 0) napi_remove_async_cleanup_hook(teardownHook);
}

// ---- calls on the thread pool -------------------------------------------------------------------------------------

PoolCall* Environment::prepare(napi_value done, napi_value buffer) {
  PoolCall* call;
  if (idle.empty()) {
    call = new PoolCall;
    call->environment = this;
    call->work.data = call;
  } else {
    call = idle.back();
    idle.pop_back();
  }
  call->buffer = nullptr;
  napi_create_reference(env, done, 1, &call->done);
  if (buffer != nullptr) napi_create_reference(env, buffer, 1, &call->buffer);
  return call;
}

void PoolCall::start() {
  environment->running += 1;
  uv_queue_work(
      loopOf(environment->env), &work,
      [](uv_work_t* request) {
        auto* call = static_cast<PoolCall*>(request->data);
        call->result = call->run(call->storage);
      },
      [](uv_work_t* request, int) {
        auto* call = static_cast<PoolCall*>(request->data);
        call->environment->finish(call);
      });
}

void Environment::finish(PoolCall* call) {
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value done;
  napi_value result;
  napi_get_reference_value(env, call->done, &done);
  napi_create_int64(env, call->result, &result);
  napi_delete_reference(env, call->done);
  if (call->buffer != nullptr) napi_delete_reference(env, call->buffer);

  // Given back before JavaScript runs, so that a `done` which starts the next call finds this one.
  running -= 1;
  if (idle.size() < idleLimit) {
    idle.push_back(call);
  } else {
    delete call;
  }
  if (!tearingDown) callFromLoop(env, done, 1, &result);
  napi_close_handle_scope(env, scope);
  endTeardownWhenIdle();
}

// ---- into JavaScript ----------------------------------------------------------------------------------------------

uv_loop_t* loopOf(napi_env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  return loop;
}

void callFromLoop(napi_env env, napi_value function, size_t count, const napi_value* arguments) {
  napi_value global;
  napi_get_global(env, &global);
  napi_make_callback(env, nullptr, global, function, count, arguments, nullptr);
  surfaceException(env);
}

void surfaceException(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) return;
  napi_value exception;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

void throwWrongArgument(napi_env env, size_t position) {
  const std::string message = "argument " + std::to_string(position) + " is missing, too short or of the wrong type";
  napi_throw_type_error(env, nullptr, message.c_str());
}

napi_value throwErrno(napi_env env, int error, const char* call) {
  const std::string message = std::string(uv_err_name(-error)) + ": " + uv_strerror(-error) + ", " + call;
  napi_throw_error(env, uv_err_name(-error), message.c_str());
  return nullptr;
}

}  // namespace cfs
