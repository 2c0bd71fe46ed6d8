// Memory mappings, named by a small number; a fault becomes an error instead of the end of the actor.

#include "actor.h"

#include <csetjmp>
#include <csignal>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

namespace {

struct Mapping {
  char* address;
  size_t length;
};

std::map<int64_t, Mapping> mappings;
int64_t lastMapping = 0;
sigjmp_buf faulted;

void onFault(int) { siglongjmp(faulted, 1); }

void catchFaults(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(SIGBUS, &action, nullptr);
  sigaction(SIGSEGV, &action, nullptr);
}

// A fault is reported as EHOSTDOWN, which no file call returns; the other side turns it into the word SIGBUS.
int64_t access(char* to, const char* from, size_t length) {
  catchFaults(onFault);
  if (sigsetjmp(faulted, 1) != 0) {
    catchFaults(SIG_DFL);
    errno = EHOSTDOWN;
    return -1;
  }
  memcpy(to, from, length);
  catchFaults(SIG_DFL);
  return static_cast<int64_t>(length);
}

int64_t map(Arguments& a, Reply&) {
  void* address = mmap(nullptr, a.number(1), a.number(2), a.number(3), a.number(0), a.number(4));
  if (address == MAP_FAILED) return -1;
  mappings[++lastMapping] = {static_cast<char*>(address), static_cast<size_t>(a.number(1))};
  return lastMapping;
}

int64_t unmap(Arguments& a, Reply&) {
  Mapping mapping = mappings.at(a.number(0));
  mappings.erase(a.number(0));
  return munmap(mapping.address, mapping.length);
}

int64_t load(Arguments& a, Reply& reply) {
  std::string bytes(a.number(2), '\0');
  int64_t result = access(bytes.data(), mappings.at(a.number(0)).address + a.number(1), bytes.size());
  if (result >= 0) reply.bytes(bytes.data(), bytes.size());
  return result;
}

int64_t store(Arguments& a, Reply&) {
  const std::string& bytes = a.bytes(2);
  return access(mappings.at(a.number(0)).address + a.number(1), bytes.data(), bytes.size());
}

int64_t sync(Arguments& a, Reply&) {
  Mapping mapping = mappings.at(a.number(0));
  return msync(mapping.address, mapping.length, a.number(1));
}

int64_t protect(Arguments& a, Reply&) {
  Mapping mapping = mappings.at(a.number(0));
  return mprotect(mapping.address, mapping.length, a.number(1));
}

int64_t advise(Arguments& a, Reply&) {
  Mapping mapping = mappings.at(a.number(0));
  return madvise(mapping.address, mapping.length, a.number(1));
}

// "pwriteMapped FD OFFSET MAPPING START LENGTH": the data of the write lies in a mapping, perhaps of the same file.
int64_t writeMapped(Arguments& a, Reply&) {
  return pwrite(a.number(0), mappings.at(a.number(2)).address + a.number(3), a.number(4), a.number(1));
}

int64_t readMapped(Arguments& a, Reply&) {
  return pread(a.number(0), mappings.at(a.number(2)).address + a.number(3), a.number(4), a.number(1));
}

}  // namespace

const Row mappingOperations[] = {
    {"mmap", map},       {"munmap", unmap},     {"load", load},
    {"store", store},    {"msync", sync},       {"mprotect", protect},
    {"madvise", advise}, {"pwriteMapped", writeMapped}, {"preadMapped", readMapped},
    {nullptr, nullptr},
};
