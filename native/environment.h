// What the addon keeps for each JavaScript environment (the main thread and every worker): its calls on libuv's thread
// pool. And the ways into JavaScript: calling it and throwing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <node_api.h>
#include <uv.h>

namespace cfs {

class Environment;

// One call on the thread pool. It is kept and used again, because an allocation for each read would be felt.
struct PoolCall {
  Environment* environment;
  uv_work_t work;
  napi_ref done;
  napi_ref buffer;  // Null when the call has none.
  int64_t (*run)(void* storage);
  int64_t result;
  alignas(std::max_align_t) unsigned char storage[160];  // Its arguments; mount's, with four strings, are the most.

  void start();
};

class Environment {
 public:
  static void create(napi_env env);
  static Environment& of(napi_env env);

  // A call that will end in `done` and keeps `buffer` (may be null) alive until then.
  PoolCall* prepare(napi_value done, napi_value buffer);

 private:
  friend struct PoolCall;
  explicit Environment(napi_env owner) : env(owner) {}
  ~Environment();

  void finish(PoolCall* call);
  void beginTeardown();
  void endTeardownWhenIdle();

  napi_env env;
  napi_async_cleanup_hook_handle teardownHook = nullptr;
  bool tearingDown = false;
  size_t running = 0;
  std::vector<PoolCall*> idle;
};

uv_loop_t* loopOf(napi_env env);

// Calls `function` from the event loop, with the ticks and promise jobs that follow. What it throws becomes an uncaught
// exception.
void callFromLoop(napi_env env, napi_value function, size_t count, const napi_value* arguments);

// Hands a pending exception to the process's 'uncaughtException': nobody else would see it.
void surfaceException(napi_env env);

void throwWrongArgument(napi_env env, size_t position);

// Throws an Error with the `code` of `error` (a positive errno). Returns null, for `return throwErrno(…)`.
napi_value throwErrno(napi_env env, int error, const char* call);

}  // namespace cfs
