// The process: credentials, limits, programs.

#include "actor.h"

#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// The system calls themselves set the credentials of this thread, which is the only one.
int64_t setGroups(Arguments& a, Reply&) {
  std::vector<gid_t> groups;
  for (size_t i = 0; i < a.count(); i++) groups.push_back(a.number(i));
  return syscall(SYS_setgroups, groups.size(), groups.data());
}

// "setCapabilities LOW HIGH": intersects the effective, permitted and inheritable sets with the mask.
int64_t keepCapabilities(Arguments& a, Reply&) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    uint32_t mask = static_cast<uint32_t>(a.number(i));
    data[i].effective &= mask;
    data[i].permitted &= mask;
    data[i].inheritable &= mask;
  }
  return syscall(SYS_capset, &header, data);
}

// "exec PATH ARGUMENT...": forks and executes; answers with the wait status and what the program wrote. When the
// call itself failed, so does the operation.
int64_t execute(Arguments& a, Reply& reply) {
  std::vector<char*> arguments;
  for (size_t i = 0; i < a.count(); i++) arguments.push_back(const_cast<char*>(a.path(i)));
  arguments.push_back(nullptr);
  int failure[2];
  int output[2];
  if (pipe2(failure, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    char* environment[] = {const_cast<char*>("PATH=/usr/bin:/bin"), nullptr};
    dup2(output[1], STDOUT_FILENO);
    execve(arguments[0], arguments.data(), environment);
    int error = errno;
    _exit(write(failure[1], &error, sizeof error) < 0);
  }
  close(failure[1]);
  close(output[1]);
  std::string text;
  char part[4096];
  ssize_t size;
  while ((size = read(output[0], part, sizeof part)) > 0) text.append(part, size);
  int error = 0;
  bool failed = read(failure[0], &error, sizeof error) > 0;
  close(failure[0]);
  close(output[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (failed) {
    errno = error;
    return -1;
  }
  reply.bytes(text.data(), text.size());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int64_t now(Arguments&, Reply& reply) {
  struct timespec time;
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  reply.number(time.tv_sec).number(time.tv_nsec);
  return 0;
}

int64_t pause(Arguments& a, Reply&) {
  struct timespec time = {a.number(0) / 1000, a.number(0) % 1000 * 1000000};
  return nanosleep(&time, nullptr);
}

bool isAfter(const struct timespec& one, const struct timespec& other) {
  return one.tv_sec != other.tv_sec ? one.tv_sec > other.tv_sec : one.tv_nsec > other.tv_nsec;
}

// Waits until the kernel's clock for file times, which moves in ticks, has passed the present.
int64_t tick(Arguments&, Reply&) {
  struct timespec present;
  struct timespec coarse;
  struct timespec moment = {0, 2000000};
  clock_gettime(CLOCK_REALTIME, &present);
  do {
    nanosleep(&moment, nullptr);
    if (clock_gettime(CLOCK_REALTIME_COARSE, &coarse) != 0) return -1;
  } while (!isAfter(coarse, present));
  return 0;
}

int64_t limitFileSize(Arguments& a, Reply&) {
  struct rlimit limit = {};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = a.number(0) < 0 ? limit.rlim_max : static_cast<rlim_t>(a.number(0));
  return setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace

const Row processOperations[] = {
    {"umask", [](Arguments& a, Reply&) -> int64_t { return umask(a.number(0)); }},
    {"setuid", [](Arguments& a, Reply&) -> int64_t { return syscall(SYS_setresuid, a.number(0), a.number(0), a.number(0)); }},
    {"seteuid", [](Arguments& a, Reply&) -> int64_t { return syscall(SYS_setresuid, -1, a.number(0), -1); }},
    {"setgid", [](Arguments& a, Reply&) -> int64_t { return syscall(SYS_setresgid, a.number(0), a.number(0), a.number(0)); }},
    {"setgroups", setGroups},
    {"keepCapabilities", keepCapabilities},
    {"exec", execute},
    {"now", now},
    {"sleep", pause},
    {"tick", tick},
    {"limitFileSize", limitFileSize},
    {"getpid", [](Arguments&, Reply&) -> int64_t { return getpid(); }},
    {nullptr, nullptr},
};
