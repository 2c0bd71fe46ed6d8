// Readiness of a descriptor, from Node's own event loop.
#include <uv.h>

#include "call.h"
#include "calls.h"

namespace cfs {

namespace {

// Two own it: the JavaScript object, whose methods may be called after the end, and libuv, until the handle is closed.
class Poller {
 public:
  // Returns 0 or -errno; the poller is not to be used after a failure.
  static int start(napi_env env, int fd, napi_value ready, Poller** out);

  void stop(napi_env);
  void ref(napi_env) {
    if (!closing) uv_ref(reinterpret_cast<uv_handle_t*>(&handle));
  }
  void unref(napi_env) {
    if (!closing) uv_unref(reinterpret_cast<uv_handle_t*>(&handle));
  }
  void disown() {
    owners -= 1;
    if (owners == 0) delete this;
  }

 private:
  void watch();
  void onReady(bool failed);
  void onClosed();

  napi_env env;
  uv_poll_t handle;
  napi_ref ready;
  napi_async_cleanup_hook_handle teardownHook;
  bool closing = false;
  int owners = 2;
};

int Poller::start(napi_env env, int fd, napi_value ready, Poller** out) {
  auto* poller = new Poller;
  const int failure = uv_poll_init(loopOf(env), &poller->handle, fd);
  if (failure != 0) {
    delete poller;
    return failure;
  }
  poller->env = env;
  poller->handle.data = poller;
  napi_create_reference(env, ready, 1, &poller->ready);
  // A worker's loop cannot be closed while a handle is open; the hook lets Node wait for the closing.
  napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle, void* data) {
        auto* ending = static_cast<Poller*>(data);
        ending->stop(ending->env);
      },
      poller, &poller->teardownHook);
  poller->watch();
  *out = poller;
  return 0;
}

void Poller::watch() {
  // A hang-up without data is reported by libuv as readable.
  uv_poll_start(&handle, UV_READABLE, [](uv_poll_t* polled, int status, int) {
    static_cast<Poller*>(polled->data)->onReady(status < 0);
  });
}

void Poller::onReady(bool failed) {
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value function;
  napi_get_reference_value(env, ready, &function);
  callFromLoop(env, function, 0, nullptr);
  napi_close_handle_scope(env, scope);
  // libuv stops watching at EPOLLERR, in which /dev/fuse is also before its mount.
  if (failed && !closing) watch();
}

void Poller::stop(napi_env) {
  if (closing) return;
  closing = true;
  napi_delete_reference(env, ready);
  // Takes the descriptor out of epoll at once, so that the caller may close it right after.
  uv_close(reinterpret_cast<uv_handle_t*>(&handle),
           [](uv_handle_t* closed) { static_cast<Poller*>(closed->data)->onClosed(); });
}

void Poller::onClosed() {
  napi_remove_async_cleanup_hook(teardownHook);
  disown();
}

}  // namespace

napi_value startPolling(napi_env env, int32_t fd, Function ready) {
  Poller* poller;
  const int failure = Poller::start(env, fd, ready.value, &poller);
  if (failure != 0) return throwErrno(env, -failure, "startPolling");

  constexpr napi_property_descriptor methods[] = {
      {"stop", nullptr, method<&Poller::stop>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"ref", nullptr, method<&Poller::ref>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"unref", nullptr, method<&Poller::unref>, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_value object;
  napi_create_object(env, &object);
  napi_define_properties(env, object, std::size(methods), methods);
  napi_wrap(
      env, object, poller, [](napi_env, void* data, void*) { static_cast<Poller*>(data)->disown(); }, nullptr, nullptr);
  return object;
}

}  // namespace cfs
