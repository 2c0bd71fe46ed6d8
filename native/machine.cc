// Facts about the machine: clocks, the credentials of callers, this process's mappings.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <vector>

#include "call.h"
#include "calls.h"

namespace cfs {

int64_t clockGetTime(int32_t clock, Elements<double, 2> out) {
  timespec now;
  const int64_t result = outcome(clock_gettime(clock, &now));
  if (result < 0) return result;
  out.data[0] = static_cast<double>(now.tv_sec);
  out.data[1] = static_cast<double>(now.tv_nsec);
  return result;
}

// ---- reading /proc ------------------------------------------------------------------------------------------------

namespace {

constexpr size_t firstBufferBytes = 8192;

// The path of a file in a thread's directory. `/proc/<tid>` exists for every thread, though only leaders are listed.
struct ProcPath {
  char text[64];

  ProcPath(int32_t tid, std::string_view file) {
    constexpr std::string_view root = "/proc/";
    char* end = std::copy(root.begin(), root.end(), text);
    end = std::to_chars(end, text + sizeof text, tid).ptr;
    end = std::copy(file.begin(), file.end(), end);
    *end = '\0';
  }
};

// Reads the whole of a file into `buffer`, which grows as needed and is worth keeping. Returns the length or -errno.
int64_t readWhole(const char* path, std::vector<char>& buffer) {
  const int64_t fd = retried([&] { return open(path, O_RDONLY | O_CLOEXEC); });
  if (fd < 0) return fd;
  if (buffer.empty()) buffer.resize(firstBufferBytes);
  size_t length = 0;
  int64_t result;
  do {
    if (length == buffer.size()) buffer.resize(2 * length);
    result =
        retried([&] { return ::read(static_cast<int>(fd), buffer.data() + length, buffer.size() - length); });
    if (result > 0) length += static_cast<size_t>(result);
  } while (result > 0);
  close(static_cast<int>(fd));
  return result < 0 ? result : static_cast<int64_t>(length);
}

// What follows `key` on its line. `key` starts with the line break before it; the kernel escapes those in names.
std::string_view field(std::string_view text, std::string_view key) {
  const size_t start = text.find(key);
  if (start == std::string_view::npos) return {};
  const std::string_view rest = text.substr(start + key.size());
  return rest.substr(0, rest.find('\n'));
}

// The identity of a namespace, as the link's text: `user:[4026531837]`. Reading the link takes half the time of stat.
struct NamespaceName {
  char text[64];
  ssize_t length;  // Not positive when we may not look.

  explicit NamespaceName(const char* path) : length(readlink(path, text, sizeof text)) {}
  bool operator==(const NamespaceName& other) const {
    return length > 0 && length == other.length && memcmp(text, other.text, static_cast<size_t>(length)) == 0;
  }
};

// False when we may not look: a stranger, whose capabilities then do not count.
bool sharesOurUserNamespace(int32_t tid) {
  static const NamespaceName ours("/proc/self/ns/user");
  return NamespaceName(ProcPath(tid, "/ns/user").text) == ours;
}

}  // namespace

// ---- credentials --------------------------------------------------------------------------------------------------

int64_t readCredentials(int32_t tid, Credentials out) {
  thread_local std::vector<char> buffer;
  const int64_t length = readWhole(ProcPath(tid, "/status").text, buffer);
  if (length < 0) return length == -ENOENT ? -ESRCH : length;
  const std::string_view status(buffer.data(), static_cast<size_t>(length));

  const std::string_view effective = field(status, "\nCapEff:\t");
  uint64_t capabilities = 0;
  std::from_chars(effective.data(), effective.data() + effective.size(), capabilities, 16);
  out.data[0] = static_cast<uint32_t>(capabilities);
  out.data[1] = static_cast<uint32_t>(capabilities >> 32);
  out.data[2] = sharesOurUserNamespace(tid) ? 1 : 0;

  constexpr uint32_t groupLimit = 1024;
  const std::string_view groups = field(status, "\nGroups:\t");
  const char* next = groups.data();
  const char* const end = next + groups.size();
  uint32_t count = 0;
  while (count < groupLimit) {
    const auto [after, failure] = std::from_chars(next, end, out.data[4 + count]);
    if (failure != std::errc()) break;
    count += 1;
    next = std::min(after + 1, end);  // One space separates them.
  }
  out.data[3] = count;
  return 0;
}

// ---- mappings -----------------------------------------------------------------------------------------------------

namespace {

struct Mapping {
  uintptr_t start;
  uintptr_t end;
  bool shared;
  std::string_view path;
};

// A line of /proc/self/maps: `start-end perms offset device inode      path`.
Mapping parseMapping(std::string_view line) {
  Mapping mapping = {};
  const char* const end = line.data() + line.size();
  const char* next = std::from_chars(line.data(), end, mapping.start, 16).ptr;
  std::from_chars(next + 1, end, mapping.end, 16);
  const size_t permissions = line.find(' ');
  const size_t path = line.find('/');
  mapping.shared = permissions != std::string_view::npos && line.substr(permissions + 1, 4).back() == 's';
  if (path != std::string_view::npos) mapping.path = line.substr(path);
  return mapping;
}

}  // namespace

int64_t releaseMappedPages(const Path& path) {
  std::vector<char> buffer;
  const int64_t length = readWhole("/proc/self/maps", buffer);
  if (length < 0) return length;

  std::string_view rest(buffer.data(), static_cast<size_t>(length));
  int64_t advised = 0;
  while (!rest.empty()) {
    const size_t lineEnd = std::min(rest.find('\n'), rest.size());
    const Mapping mapping = parseMapping(rest.substr(0, lineEnd));
    rest.remove_prefix(std::min(lineEnd + 1, rest.size()));
    // On a private mapping the same advice would throw written data away.
    if (!mapping.shared || mapping.path != path.text) continue;
    const size_t bytes = mapping.end - mapping.start;
    if (madvise(reinterpret_cast<void*>(mapping.start), bytes, MADV_DONTNEED) == 0) {
      advised += static_cast<int64_t>(bytes);
    }
  }
  return advised;
}

// ---- datagrams ----------------------------------------------------------------------------------------------------

int64_t sendDatagram(const std::string& path, const std::string& text) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path.data(), path.size());
  // An abstract name begins with a zero, and is as long as it says.
  if (path[0] == '@') address.sun_path[0] = '\0';
  const size_t nameBytes = path[0] == '@' ? path.size() : path.size() + 1;
  const socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + nameBytes);

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  const int64_t result = retried([&] {
    return sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  });
  close(fd);
  return result;
}

}  // namespace cfs
