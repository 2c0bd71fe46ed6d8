// A thread that writes notifications. In the kernel a notification may wait for a request that this daemon has yet to
// answer, so the thread which answers must never write one.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "call.h"
#include "calls.h"

namespace cfs {

namespace {

constexpr size_t queueLimit = 65536;

struct Message {
  Message(Bytes original, napi_ref whenDone)
      : bytes(original.data, original.data + original.length), done(whenDone) {}

  std::vector<uint8_t> bytes;
  napi_ref done;  // Null when nobody asks.
  int64_t result = 0;
};

// Shared by the JavaScript object and the thread. Nobody joins the thread: it may be in a write that ends only once
// this process has answered a request, and then the event loop must not wait for it.
class Notifier : public std::enable_shared_from_this<Notifier> {
 public:
  explicit Notifier(int ownFd) : fd(ownFd) {}
  ~Notifier() { close(fd); }

  // Returns 0 or a positive errno.
  int start(napi_env env);
  bool push(std::unique_ptr<Message> message);
  size_t pending();
  // End at once, and end when all is written.
  void stop();
  void abandon();

 private:
  void run();
  std::unique_ptr<Message> next();
  void finish(std::unique_ptr<Message> message);
  void cancelQueued();
  static void deliver(napi_env env, napi_value, void*, void* data);

  // A duplicate: a number that the caller closes could name another file by the time the thread writes.
  const int fd;
  napi_threadsafe_function completions = nullptr;
  bool completionsClosed = false;  // The thread's own.

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Message>> queue;
  bool writing = false;
  bool stopped = false;
  bool abandoned = false;
};

int Notifier::start(napi_env env) {
  napi_value name;
  napi_create_string_utf8(env, "cfs.notifier", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, deliver, &completions);
  napi_unref_threadsafe_function(env, completions);

  auto* self = new std::shared_ptr<Notifier>(shared_from_this());
  // Signals are for the threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failure = pthread_create(
      &thread, nullptr,
      [](void* data) -> void* {
        const std::unique_ptr<std::shared_ptr<Notifier>> owner(static_cast<std::shared_ptr<Notifier>*>(data));
        (*owner)->run();
        return nullptr;
      },
      self);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure != 0) {
    delete self;
    napi_release_threadsafe_function(completions, napi_tsfn_abort);
    return failure;
  }
  pthread_setname_np(thread, "cfs-notifier");
  pthread_detach(thread);
  return 0;
}

bool Notifier::push(std::unique_ptr<Message> message) {
  std::lock_guard lock(mutex);
  if (stopped || queue.size() >= queueLimit) return false;
  queue.push_back(std::move(message));
  changed.notify_one();
  return true;
}

size_t Notifier::pending() {
  std::lock_guard lock(mutex);
  return queue.size() + (writing ? 1 : 0);
}

void Notifier::stop() {
  std::lock_guard lock(mutex);
  stopped = true;
  changed.notify_one();
}

void Notifier::abandon() {
  std::lock_guard lock(mutex);
  abandoned = true;
  changed.notify_one();
}

// ---- on the thread ------------------------------------------------------------------------------------------------

void Notifier::run() {
  while (std::unique_ptr<Message> message = next()) {
    message->result = retried([&] { return ::write(fd, message->bytes.data(), message->bytes.size()); });
    {
      std::lock_guard lock(mutex);
      writing = false;
    }
    finish(std::move(message));
  }
  cancelQueued();
  if (!completionsClosed) napi_release_threadsafe_function(completions, napi_tsfn_release);
}

// Null at the end.
std::unique_ptr<Message> Notifier::next() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return stopped || abandoned || !queue.empty(); });
  if (stopped || queue.empty()) return nullptr;
  writing = true;
  std::unique_ptr<Message> message = std::move(queue.front());
  queue.pop_front();
  return message;
}

void Notifier::cancelQueued() {
  std::deque<std::unique_ptr<Message>> rest;
  {
    std::lock_guard lock(mutex);
    rest.swap(queue);
  }
  for (std::unique_ptr<Message>& message : rest) {
    message->result = -ECANCELED;
    finish(std::move(message));
  }
}

void Notifier::finish(std::unique_ptr<Message> message) {
  if (message->done == nullptr || completionsClosed) return;
  if (napi_call_threadsafe_function(completions, message.get(), napi_tsfn_nonblocking) == napi_ok) {
    message.release();  // `deliver` has it now.
  } else {
    // The environment is ending, and its references with it. The function must not be touched again.
    completionsClosed = true;
  }
}

// ---- on the event loop --------------------------------------------------------------------------------------------

void Notifier::deliver(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Message> message(static_cast<Message*>(data));
  if (env == nullptr) return;
  napi_value global;
  napi_value done;
  napi_get_global(env, &global);
  napi_get_reference_value(env, message->done, &done);
  napi_delete_reference(env, message->done);
  const napi_value result = toJs(env, message->result);
  napi_call_function(env, global, done, 1, &result, nullptr);
  surfaceException(env);
}

// What JavaScript holds.
class NotifierObject {
 public:
  NotifierObject(napi_env env, std::shared_ptr<Notifier> started) : notifier(std::move(started)) {
    napi_add_env_cleanup_hook(env, stopAtTeardown, notifier.get());
  }

  bool send(napi_env env, Bytes message, OptionalFunction done) {
    napi_ref reference = nullptr;
    if (done.value != nullptr) napi_create_reference(env, done.value, 1, &reference);
    const bool accepted = notifier->push(std::make_unique<Message>(message, reference));
    if (!accepted && reference != nullptr) napi_delete_reference(env, reference);
    return accepted;
  }
  int64_t pending(napi_env) { return static_cast<int64_t>(notifier->pending()); }
  void stop(napi_env) { notifier->stop(); }

  static void collect(napi_env env, void* data, void*) {
    const std::unique_ptr<NotifierObject> object(static_cast<NotifierObject*>(data));
    napi_remove_env_cleanup_hook(env, stopAtTeardown, object->notifier.get());
    object->notifier->abandon();
  }

 private:
  static void stopAtTeardown(void* data) { static_cast<Notifier*>(data)->stop(); }

  std::shared_ptr<Notifier> notifier;
};

}  // namespace

napi_value startNotifier(napi_env env, int32_t fd) {
  const int ownFd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (ownFd < 0) return throwErrno(env, errno, "startNotifier");
  auto notifier = std::make_shared<Notifier>(ownFd);
  const int failure = notifier->start(env);
  if (failure != 0) return throwErrno(env, failure, "startNotifier");

  constexpr napi_property_descriptor methods[] = {
      {"send", nullptr, method<&NotifierObject::send>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"pending", nullptr, method<&NotifierObject::pending>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"stop", nullptr, method<&NotifierObject::stop>, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_value object;
  napi_create_object(env, &object);
  napi_define_properties(env, object, std::size(methods), methods);
  napi_wrap(env, object, new NotifierObject(env, std::move(notifier)), NotifierObject::collect, nullptr, nullptr);
  return object;
}

}  // namespace cfs
