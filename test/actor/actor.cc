#include "actor.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

const Row* const tables[] = {nameOperations, ioOperations, mappingOperations, attributeOperations, processOperations};

const Row* find(const std::string& name) {
  for (const Row* table : tables)
    for (const Row* row = table; row->name; row++)
      if (name == row->name) return row;
  return nullptr;
}

void setAlarm(int64_t milliseconds) {
  struct itimerval timer = {};
  timer.it_value.tv_sec = milliseconds / 1000;
  timer.it_value.tv_usec = milliseconds % 1000 * 1000;
  // It repeats, so that a signal which arrives just before the call blocks is not the last one.
  timer.it_interval = timer.it_value;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

// "alarm MS OPERATION ...": runs the operation under a timer whose signal interrupts it.
std::string answerWithAlarm(Arguments& arguments) {
  setAlarm(arguments.number(0));
  arguments.dropName();
  arguments.dropName();
  std::string text = answer(arguments);
  setAlarm(0);
  return text;
}

// "child OPERATION ...": runs the operation in a forked child, which shares the open files but is another process.
std::string answerInChild(Arguments& arguments) {
  int ends[2];
  if (pipe(ends) != 0) return "error\t" + std::to_string(errno);
  pid_t child = fork();
  if (child == 0) {
    arguments.dropName();
    std::string text = answer(arguments);
    ssize_t written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char part[65536];
  ssize_t size;
  while ((size = read(ends[0], part, sizeof part)) > 0) text.append(part, size);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return text;
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  size_t start = 0;
  for (;;) {
    size_t end = line.find('\t', start);
    fields.push_back(line.substr(start, end == std::string::npos ? end : end - start));
    if (end == std::string::npos) return fields;
    start = end + 1;
  }
}

bool writeAll(const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t size = write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    done += size;
  }
  return true;
}

void onSignal(int) {}

}  // namespace

std::string answer(Arguments& arguments) {
  if (arguments.name() == "alarm") return answerWithAlarm(arguments);
  if (arguments.name() == "child") return answerInChild(arguments);
  const Row* row = find(arguments.name());
  if (!row) return "error\t" + std::to_string(ENOSYS);
  Reply reply;
  errno = 0;
  int64_t result = row->run(arguments, reply);
  if (result == -1) return "error\t" + std::to_string(errno);
  return "ok\t" + std::to_string(result) + reply.text;
}

int main() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction action = {};
  // Without SA_RESTART, so that a blocked call returns EINTR.
  action.sa_handler = onSignal;
  for (int signal : {SIGALRM, SIGUSR1, SIGUSR2}) sigaction(signal, &action, nullptr);
  struct sigaction ignored = {};
  ignored.sa_handler = SIG_IGN;
  for (int signal : {SIGPIPE, SIGXFSZ, SIGINT}) sigaction(signal, &ignored, nullptr);

  std::string pending;
  static char part[1 << 20];
  for (;;) {
    size_t end;
    size_t start = 0;
    std::string out;
    while ((end = pending.find('\n', start)) != std::string::npos) {
      Arguments arguments(split(pending.substr(start, end - start)));
      start = end + 1;
      out = answer(arguments) + "\n";
      if (!writeAll(out)) return 1;
    }
    pending.erase(0, start);
    ssize_t size = read(STDIN_FILENO, part, sizeof part);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return 0;
    pending.append(part, size);
  }
}
