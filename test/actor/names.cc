// Names: opening, creating, linking, moving, listing.

#include "actor.h"

#include <cstring>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

int64_t readLink(Arguments& a, Reply& reply) {
  std::string buffer(a.number(2), '\0');
  ssize_t size = readlinkat(a.number(0), a.path(1), buffer.data(), buffer.size());
  if (size >= 0) reply.bytes(buffer.data(), size);
  return size;
}

int64_t workingDirectory(Arguments&, Reply& reply) {
  char buffer[PATH_MAX];
  // The system call itself: the C library would walk up by hand where the kernel says ENOENT.
  long size = syscall(SYS_getcwd, buffer, sizeof buffer);
  if (size < 0) return -1;
  reply.bytes(buffer, size - 1);
  return 0;
}

struct DirectoryEntry {
  uint64_t ino;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

// One getdents64: for each entry its inode number, cookie, type and name.
int64_t listSome(Arguments& a, Reply& reply) {
  std::vector<uint64_t> buffer(a.number(1) / 8);
  long size = syscall(SYS_getdents64, static_cast<int>(a.number(0)), buffer.data(), buffer.size() * 8);
  if (size < 0) return -1;
  const char* start = reinterpret_cast<const char*>(buffer.data());
  for (long at = 0; at < size;) {
    const auto* entry = reinterpret_cast<const DirectoryEntry*>(start + at);
    reply.number(static_cast<int64_t>(entry->ino)).number(entry->next).number(entry->type);
    reply.bytes(entry->name, strlen(entry->name));
    at += entry->length;
  }
  return size;
}

union Handle {
  struct file_handle header;
  char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

int64_t nameToHandle(Arguments& a, Reply& reply) {
  Handle handle = {};
  handle.header.handle_bytes = MAX_HANDLE_SZ;
  int mountId = 0;
  if (name_to_handle_at(a.number(0), a.path(1), &handle.header, &mountId, a.number(2)) != 0) return -1;
  reply.number(handle.header.handle_type).bytes(handle.header.f_handle, handle.header.handle_bytes);
  return mountId;
}

int64_t openByHandle(Arguments& a, Reply&) {
  Handle handle = {};
  const std::string& bytes = a.bytes(2);
  handle.header.handle_type = a.number(1);
  handle.header.handle_bytes = bytes.size();
  memcpy(handle.header.f_handle, bytes.data(), bytes.size());
  return open_by_handle_at(a.number(0), &handle.header, a.number(3));
}

int64_t withAddress(Arguments& a, int (*call)(int, const struct sockaddr*, socklen_t)) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string& path = a.bytes(1);
  memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return call(a.number(0), reinterpret_cast<struct sockaddr*>(&address), sizeof address);
}

}  // namespace

const Row nameOperations[] = {
    {"openat", [](Arguments& a, Reply&) -> int64_t { return openat(a.number(0), a.path(1), a.number(2) | O_CLOEXEC, a.number(3)); }},
    {"openInherited", [](Arguments& a, Reply&) -> int64_t { return openat(a.number(0), a.path(1), a.number(2), a.number(3)); }},
    {"close", [](Arguments& a, Reply&) -> int64_t { return close(a.number(0)); }},
    {"mkdirat", [](Arguments& a, Reply&) -> int64_t { return mkdirat(a.number(0), a.path(1), a.number(2)); }},
    {"mknodat",
     [](Arguments& a, Reply&) -> int64_t { return mknodat(a.number(0), a.path(1), a.number(2), makedev(a.number(3), a.number(4))); }},
    {"symlinkat", [](Arguments& a, Reply&) -> int64_t { return symlinkat(a.path(0), a.number(1), a.path(2)); }},
    {"readlinkat", readLink},
    {"linkat",
     [](Arguments& a, Reply&) -> int64_t { return linkat(a.number(0), a.path(1), a.number(2), a.path(3), a.number(4)); }},
    {"unlinkat", [](Arguments& a, Reply&) -> int64_t { return unlinkat(a.number(0), a.path(1), a.number(2)); }},
    {"rmdir", [](Arguments& a, Reply&) -> int64_t { return rmdir(a.path(0)); }},
    {"renameat2",
     [](Arguments& a, Reply&) -> int64_t {
       return syscall(SYS_renameat2, static_cast<int>(a.number(0)), a.path(1), static_cast<int>(a.number(2)), a.path(3),
                      static_cast<unsigned>(a.number(4)));
     }},
    {"chdir", [](Arguments& a, Reply&) -> int64_t { return chdir(a.path(0)); }},
    {"fchdir", [](Arguments& a, Reply&) -> int64_t { return fchdir(a.number(0)); }},
    {"getcwd", workingDirectory},
    {"getdents", listSome},
    {"faccessat2",
     [](Arguments& a, Reply&) -> int64_t {
       return syscall(SYS_faccessat2, static_cast<int>(a.number(0)), a.path(1), static_cast<int>(a.number(2)),
                      static_cast<int>(a.number(3)));
     }},
    {"nameToHandle", nameToHandle},
    {"openByHandle", openByHandle},
    {"socket", [](Arguments& a, Reply&) -> int64_t { return socket(AF_UNIX, a.number(0) | SOCK_CLOEXEC, 0); }},
    {"bind", [](Arguments& a, Reply&) -> int64_t { return withAddress(a, bind); }},
    {"listen", [](Arguments& a, Reply&) -> int64_t { return listen(a.number(0), 4); }},
    {"connect", [](Arguments& a, Reply&) -> int64_t { return withAddress(a, connect); }},
    {"accept", [](Arguments& a, Reply&) -> int64_t { return accept(a.number(0), nullptr, nullptr); }},
    {nullptr, nullptr},
};
