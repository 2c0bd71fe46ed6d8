// /dev/fuse: the memory that requests and replies lie in, the step of the request loop, and backing files.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <mutex>

#include "call.h"
#include "calls.h"

namespace cfs {

// ---- slots --------------------------------------------------------------------------------------------------------

namespace {

struct Block {
  uint8_t* memory;  // Null when this id is free.
  size_t length;

  bool holds(uint32_t start, uint32_t count) const { return uint64_t{start} + count <= length; }
};

// The ids are indices of this table. It belongs to the process rather than to an environment, since the garbage
// collector may return a block after its environment has ended. An unused entry has length 0 and so holds nothing.
constexpr uint32_t blockLimit = 64;
Block blocks[blockLimit];
std::mutex blocksMutex;
const Block noBlock{nullptr, 0};

const Block& blockOf(uint32_t id) { return id < blockLimit ? blocks[id] : noBlock; }

Block* takeBlock(uint8_t* memory, size_t length) {
  std::lock_guard lock(blocksMutex);
  for (Block& block : blocks) {
    if (block.memory != nullptr) continue;
    block = {memory, length};
    return &block;
  }
  return nullptr;
}

void returnBlock(napi_env, void* memory, void* entry) {
  std::lock_guard lock(blocksMutex);
  auto* block = static_cast<Block*>(entry);
  munmap(memory, block->length);
  *block = {nullptr, 0};
}

}  // namespace

napi_value allocateSlots(napi_env env, uint32_t slots, uint32_t slotBytes) {
  const uint64_t length = uint64_t{slots} * slotBytes;
  const bool aligned = slotBytes % static_cast<uint32_t>(sysconf(_SC_PAGESIZE)) == 0;
  // The calls below take 32-bit positions.
  if (length == 0 || length > UINT32_MAX || !aligned) return throwErrno(env, EINVAL, "allocateSlots");

  void* memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return throwErrno(env, errno, "mmap");
  Block* block = takeBlock(static_cast<uint8_t*>(memory), length);
  if (block == nullptr) {
    munmap(memory, length);
    return throwErrno(env, EMFILE, "allocateSlots");
  }

  napi_value buffer;
  if (napi_create_external_arraybuffer(env, memory, length, returnBlock, block, &buffer) != napi_ok) {
    returnBlock(env, memory, block);
    return throwErrno(env, ENOMEM, "allocateSlots");
  }
  napi_value result;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "id", toJs(env, static_cast<int32_t>(block - blocks)));
  napi_set_named_property(env, result, "memory", buffer);
  return result;
}

// ---- requests and replies -----------------------------------------------------------------------------------------

namespace {

// Of the thread, because every thread that runs a request loop has its own.
thread_local int32_t replyResult = 0;

int64_t monotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// Tells the core's other hyperthread that this one is only waiting.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int32_t readRequest(int fd, uint8_t* into, size_t limit, uint32_t spinUs) {
  int64_t deadlineNs = 0;
  for (;;) {
    const ssize_t length = ::read(fd, into, limit);
    if (length >= 0) return static_cast<int32_t>(length);
    // ENOENT: the request was aborted while it was copied. It is gone, so each retry meets another one.
    if (errno == EINTR || errno == ENOENT) continue;
    if (errno != EAGAIN || spinUs == 0) return -errno;

    const int64_t nowNs = monotonicNs();
    if (deadlineNs == 0) deadlineNs = nowNs + int64_t{spinUs} * 1000;
    if (nowNs >= deadlineNs) return -EAGAIN;
    relax();
  }
}

}  // namespace

int64_t openFuseDevice() { return retried([] { return open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK); }); }

int32_t step(int32_t fd, uint32_t id, uint32_t replyStart, uint32_t replyLength, uint32_t requestStart,
             uint32_t requestLimit, uint32_t spinUs) {
  const Block& block = blockOf(id);
  if (!block.holds(replyStart, replyLength) || !block.holds(requestStart, requestLimit)) return -EFAULT;
  if (replyLength != 0) {
    replyResult = static_cast<int32_t>(outcome(::write(fd, block.memory + replyStart, replyLength)));
  }
  return readRequest(fd, block.memory + requestStart, requestLimit, spinUs);
}

int32_t lastReplyResult() { return replyResult; }

int64_t writeReply(int32_t fd, uint32_t id, uint32_t start, uint32_t length) {
  const Block& block = blockOf(id);
  if (!block.holds(start, length)) return -EFAULT;
  return outcome(::write(fd, block.memory + start, length));
}

int64_t writeReplyWithBody(int32_t fd, uint32_t id, uint32_t start, uint32_t headLength, Bytes body,
                           uint32_t bodyOffset, uint32_t bodyLength) {
  const Block& block = blockOf(id);
  if (!block.holds(start, headLength) || uint64_t{bodyOffset} + bodyLength > body.length) return -EFAULT;
  const iovec parts[] = {{block.memory + start, headLength}, {body.data + bodyOffset, bodyLength}};
  return outcome(writev(fd, parts, 2));
}

// ---- backing files ------------------------------------------------------------------------------------------------

namespace {

// As in linux/fuse.h, which is too old on many machines that run newer kernels.
struct fuse_backing_map {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
constexpr unsigned long backingOpenRequest = _IOW(229, 1, fuse_backing_map);
constexpr unsigned long backingCloseRequest = _IOW(229, 2, uint32_t);

}  // namespace

int64_t backingOpen(int32_t fuseFd, int32_t backingFd) {
  const fuse_backing_map map{backingFd, 0, 0};
  return outcome(ioctl(fuseFd, backingOpenRequest, &map));
}

int64_t backingClose(int32_t fuseFd, int32_t backingId) {
  const auto id = static_cast<uint32_t>(backingId);
  return outcome(ioctl(fuseFd, backingCloseRequest, &id));
}

}  // namespace cfs
