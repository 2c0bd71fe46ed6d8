// The application side of the benchmark: loops of system calls with a clock around them, and nothing else, so that
// what is timed is the file system. Every verb changes into its directory first (one path component per call), names
// its files f0000000, f0000001, … and prints {"operations": N, "nanoseconds": T} for the timed part alone.
//
//   create DIR COUNT BYTES      open(O_CREAT|O_WRONLY|O_TRUNC), write, close: what fopen("w") and fclose do
//   unlink|rename|mkdir DIR COUNT
//   stat|open DIR COUNT PASSES  of known files; one pass runs first, untimed
//   lookup DIR COUNT PASSES     open(O_PATH) and close: one name resolved, nothing opened and no attribute asked for
//   getattr DIR COUNT           fstat of one O_PATH descriptor: attributes asked for, no name resolved
//   probe DIR COUNT SAMPLES     stat of SAMPLES names, spread over COUNT in an order that no read-ahead can guess
//   list DIR                    readdir with a stat after each name, as `ls -l` and `find` do
//   names DIR                   readdir alone
//   fill FILE BYTES             writes and syncs a file (set-up; its time is not reported as a result)
//   warm FILE                   reads it once through the page cache (set-up)
//   drop FILE                   drops its clean pages from the page cache of the file system it is opened in
//   read FILE                   reads it in pieces of 1 MiB
//   spawn COMMAND...            runs a command and waits for it

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace {

constexpr size_t pieceBytes = 1 << 20;

[[noreturn]] void die(const char *what) {
  fprintf(stderr, "bench-app: %s: %s\n", what, strerror(errno));
  exit(1);
}

long require(long result, const char *what) {
  if (result < 0) die(what);
  return result;
}

uint64_t nowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

void report(uint64_t operations, uint64_t nanoseconds) {
  printf("{\"operations\": %llu, \"nanoseconds\": %llu}\n", (unsigned long long)operations,
         (unsigned long long)nanoseconds);
}

void timed(uint64_t operations, const std::function<void()> &work) {
  uint64_t start = nowNs();
  work();
  report(operations, nowNs() - start);
}

/// "f0000000" in place: formatting seven digits costs nanoseconds where snprintf would cost a tenth of a warm stat.
class Name {
 public:
  explicit Name(char first = 'f') { text_[0] = first; }
  const char *at(uint64_t index) {
    for (int digit = 7; digit >= 1; digit -= 1, index /= 10) text_[digit] = char('0' + index % 10);
    return text_;
  }

 private:
  char text_[9] = "f0000000";
};

void createFiles(uint64_t count, size_t bytes) {
  Name name;
  std::vector<char> content(bytes, 'x');
  for (uint64_t i = 0; i < count; i += 1) {
    int fd = int(require(open(name.at(i), O_CREAT | O_WRONLY | O_TRUNC, 0644), "open"));
    if (bytes > 0) require(write(fd, content.data(), bytes), "write");
    require(close(fd), "close");
  }
}

void eachName(uint64_t count, uint64_t passes, const std::function<void(const char *)> &call) {
  Name name;
  for (uint64_t pass = 0; pass < passes; pass += 1) {
    for (uint64_t i = 0; i < count; i += 1) call(name.at(i));
  }
}

void statName(const char *name) {
  struct stat attributes;
  require(fstatat(AT_FDCWD, name, &attributes, AT_SYMLINK_NOFOLLOW), "stat");
}

void openName(const char *name, int flags) {
  require(close(int(require(open(name, flags), "open"))), "close");
}

void getattr(uint64_t count) {
  int fd = int(require(open("f0000000", O_PATH), "open"));
  struct stat attributes;
  timed(count, [&] {
    for (uint64_t i = 0; i < count; i += 1) require(fstat(fd, &attributes), "fstat");
  });
}

void probe(uint64_t count, uint64_t samples) {
  Name name;
  timed(samples, [&] {
    // A multiplier that is odd and large walks the names without repeating and without any order on the disk.
    for (uint64_t i = 0; i < samples; i += 1) statName(name.at((i * 2'654'435'761ULL + 12'345) % count));
  });
}

void list(bool withStat) {
  uint64_t start = nowNs();
  DIR *directory = opendir(".");
  if (directory == nullptr) die("opendir");
  uint64_t entries = 0;
  while (dirent *entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    if (withStat) statName(entry->d_name);
    entries += 1;
  }
  closedir(directory);
  report(entries, nowNs() - start);
}

void fill(const char *path, uint64_t bytes) {
  int fd = int(require(open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644), "open"));
  std::vector<char> piece(pieceBytes);
  for (size_t i = 0; i < piece.size(); i += 1) piece[i] = char(i * 31 + i / 4096);
  timed(bytes, [&] {
    for (uint64_t done = 0; done < bytes; done += pieceBytes) require(write(fd, piece.data(), pieceBytes), "write");
    require(fsync(fd), "fsync");
    require(close(fd), "close");
  });
}

void readAll(const char *path) {
  int fd = int(require(open(path, O_RDONLY), "open"));
  std::vector<char> piece(pieceBytes);
  uint64_t total = 0;
  uint64_t start = nowNs();
  while (long got = require(read(fd, piece.data(), pieceBytes), "read")) total += uint64_t(got);
  report(total, nowNs() - start);
}

void drop(const char *path) {
  int fd = int(require(open(path, O_RDONLY), "open"));
  errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  if (errno != 0) die("posix_fadvise");
  report(1, 0);
}

void spawn(char **command) {
  timed(1, [&] {
    pid_t child = pid_t(require(fork(), "fork"));
    if (child == 0) {
      execvp(command[0], command);
      die(command[0]);
    }
    int status = 0;
    require(waitpid(child, &status, 0), "waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fprintf(stderr, "bench-app: %s failed with status %d\n", command[0], status);
      exit(1);
    }
  });
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: bench-app VERB DIR|FILE|COMMAND [NUMBER...]; see bench/app.cc\n");
    return 2;
  }
  std::string verb = argv[1];
  if (verb == "spawn") return spawn(argv + 2), 0;
  auto number = [&](int index) { return index < argc ? strtoull(argv[index], nullptr, 10) : 1ULL; };
  if (verb == "fill") return fill(argv[2], number(3)), 0;
  if (verb == "read" || verb == "warm") return readAll(argv[2]), 0;
  if (verb == "drop") return drop(argv[2]), 0;

  require(chdir(argv[2]), argv[2]);
  uint64_t count = number(3), extra = number(4);
  Name target('g');
  auto once = [&](const std::function<void(const char *)> &call) { timed(count, [&] { eachName(count, 1, call); }); };
  auto again = [&](const std::function<void(const char *)> &call) {
    eachName(count, 1, call);
    timed(count * extra, [&] { eachName(count, extra, call); });
  };
  if (verb == "create") timed(count, [&] { createFiles(count, extra); });
  else if (verb == "unlink") once([](const char *name) { require(unlink(name), "unlink"); });
  else if (verb == "rename") {
    once([&](const char *name) { require(rename(name, target.at(strtoull(name + 1, nullptr, 10))), "rename"); });
  } else if (verb == "mkdir") once([](const char *name) { require(mkdir(name, 0755), "mkdir"); });
  else if (verb == "stat") again(statName);
  else if (verb == "open") again([](const char *name) { openName(name, O_RDONLY); });
  else if (verb == "lookup") again([](const char *name) { openName(name, O_PATH); });
  else if (verb == "getattr") getattr(count);
  else if (verb == "probe") probe(count, extra);
  else if (verb == "list") list(true);
  else if (verb == "names") list(false);
  else {
    fprintf(stderr, "bench-app: unknown verb %s\n", verb.c_str());
    return 2;
  }
  return 0;
}
