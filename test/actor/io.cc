// Content: reading, writing, sizes, holes, locks.

#include "actor.h"

#include <climits>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

// Every transfer starts on a page boundary, as O_DIRECT demands, plus the wanted misalignment.
class PageBuffer {
 public:
  explicit PageBuffer(size_t size, size_t shift = 0) : shift_(shift) {
    if (posix_memalign(&memory_, 4096, size + shift + 1) != 0) abort();
  }
  ~PageBuffer() { free(memory_); }
  char* data() const { return static_cast<char*>(memory_) + shift_; }

 private:
  size_t shift_;
  void* memory_ = nullptr;
};

int64_t readSome(Arguments& a, Reply& reply) {
  PageBuffer buffer(a.number(1));
  ssize_t size = read(a.number(0), buffer.data(), a.number(1));
  if (size >= 0) reply.bytes(buffer.data(), size);
  return size;
}

int64_t writeSome(Arguments& a, Reply&) {
  const std::string& bytes = a.bytes(1);
  PageBuffer buffer(bytes.size());
  memcpy(buffer.data(), bytes.data(), bytes.size());
  return write(a.number(0), buffer.data(), bytes.size());
}

int64_t readAt(Arguments& a, Reply& reply) {
  PageBuffer buffer(a.number(1), a.number(3));
  ssize_t size = pread(a.number(0), buffer.data(), a.number(1), a.number(2));
  if (size >= 0) reply.bytes(buffer.data(), size);
  return size;
}

int64_t writeAt(Arguments& a, Reply&) {
  const std::string& bytes = a.bytes(1);
  PageBuffer buffer(bytes.size(), a.number(3));
  memcpy(buffer.data(), bytes.data(), bytes.size());
  return pwrite(a.number(0), buffer.data(), bytes.size(), a.number(2));
}

// "preadv2 FD OFFSET FLAGS SIZE...": one value of bytes per vector.
int64_t readVectors(Arguments& a, Reply& reply) {
  std::vector<std::string> parts;
  std::vector<struct iovec> vectors;
  for (size_t i = 3; i < a.count(); i++) parts.emplace_back(a.number(i), '\0');
  for (auto& part : parts) vectors.push_back({part.data(), part.size()});
  ssize_t size = preadv2(a.number(0), vectors.data(), vectors.size(), a.number(1), a.number(2));
  for (auto& part : parts) reply.bytes(part.data(), part.size());
  return size;
}

// "pwritev2 FD OFFSET FLAGS BYTES...".
int64_t writeVectors(Arguments& a, Reply&) {
  std::vector<struct iovec> vectors;
  for (size_t i = 3; i < a.count(); i++) {
    const std::string& part = a.bytes(i);
    vectors.push_back({const_cast<char*>(part.data()), part.size()});
  }
  return pwritev2(a.number(0), vectors.data(), vectors.size(), a.number(1), a.number(2));
}

// An offset argument of -1 means the descriptor's own position.
int64_t copyRange(Arguments& a, Reply&) {
  off64_t from = a.number(1);
  off64_t to = a.number(3);
  return copy_file_range(a.number(0), from < 0 ? nullptr : &from, a.number(2), to < 0 ? nullptr : &to, a.number(4), a.number(5));
}

int64_t sendFile(Arguments& a, Reply&) {
  off_t from = a.number(2);
  return sendfile(a.number(0), a.number(1), from < 0 ? nullptr : &from, a.number(3));
}

int64_t spliceSome(Arguments& a, Reply&) {
  off64_t from = a.number(1);
  off64_t to = a.number(3);
  return splice(a.number(0), from < 0 ? nullptr : &from, a.number(2), to < 0 ? nullptr : &to, a.number(4), 0);
}

int64_t makePipe(Arguments&, Reply& reply) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  reply.number(ends[0]).number(ends[1]);
  return 0;
}

// "lock FD COMMAND TYPE WHENCE START LENGTH": answers with the lock as the kernel left it.
int64_t lockRange(Arguments& a, Reply& reply) {
  struct flock lock = {};
  lock.l_type = a.number(2);
  lock.l_whence = a.number(3);
  lock.l_start = a.number(4);
  lock.l_len = a.number(5);
  int result = fcntl(a.number(0), a.number(1), &lock);
  reply.number(lock.l_type).number(lock.l_whence).number(lock.l_start).number(lock.l_len).number(lock.l_pid);
  return result;
}

}  // namespace

const Row ioOperations[] = {
    {"read", readSome},
    {"write", writeSome},
    {"pread", readAt},
    {"pwrite", writeAt},
    {"preadv2", readVectors},
    {"pwritev2", writeVectors},
    {"lseek", [](Arguments& a, Reply&) -> int64_t { return lseek(a.number(0), a.number(1), a.number(2)); }},
    {"truncate", [](Arguments& a, Reply&) -> int64_t { return truncate(a.path(0), a.number(1)); }},
    {"ftruncate", [](Arguments& a, Reply&) -> int64_t { return ftruncate(a.number(0), a.number(1)); }},
    {"fallocate", [](Arguments& a, Reply&) -> int64_t { return fallocate(a.number(0), a.number(1), a.number(2), a.number(3)); }},
    {"copyFileRange", copyRange},
    {"sendfile", sendFile},
    {"splice", spliceSome},
    {"pipe", makePipe},
    {"fsync", [](Arguments& a, Reply&) -> int64_t { return fsync(a.number(0)); }},
    {"fdatasync", [](Arguments& a, Reply&) -> int64_t { return fdatasync(a.number(0)); }},
    {"syncfs", [](Arguments& a, Reply&) -> int64_t { return syncfs(a.number(0)); }},
    {"syncFileRange",
     [](Arguments& a, Reply&) -> int64_t { return sync_file_range(a.number(0), a.number(1), a.number(2), a.number(3)); }},
    {"fadvise", [](Arguments& a, Reply&) -> int64_t {
       errno = posix_fadvise(a.number(0), a.number(1), a.number(2), a.number(3));
       return errno ? -1 : 0;
     }},
    {"clone", [](Arguments& a, Reply&) -> int64_t { return ioctl(a.number(0), FICLONE, a.number(1)); }},
    {"dup", [](Arguments& a, Reply&) -> int64_t { return fcntl(a.number(0), F_DUPFD_CLOEXEC, 3); }},
    {"getStatusFlags", [](Arguments& a, Reply&) -> int64_t { return fcntl(a.number(0), F_GETFL); }},
    {"setStatusFlags", [](Arguments& a, Reply&) -> int64_t { return fcntl(a.number(0), F_SETFL, a.number(1)); }},
    {"flock", [](Arguments& a, Reply&) -> int64_t { return flock(a.number(0), a.number(1)); }},
    {"lock", lockRange},
    {nullptr, nullptr},
};
