// The addon's functions, with the parameters of index.d.cts, where each is described. addon.cc names and binds them;
// those that are bound as `async` take `done` as one parameter more.
#pragma once

#include "call.h"

namespace cfs {

// The fields that index.d.cts lists for fstat, fstatfs and readCredentials.
using FileStatus = Elements<double, 12>;
using FileSystemStatus = Elements<double, 6>;
using Credentials = Elements<uint32_t, 4 + 1024>;

// device.cc
napi_value allocateSlots(napi_env env, uint32_t slots, uint32_t slotBytes);
int64_t openFuseDevice();
int32_t step(int32_t fd, uint32_t id, uint32_t replyStart, uint32_t replyLength, uint32_t requestStart,
             uint32_t requestLimit, uint32_t spinUs);
int32_t lastReplyResult();
int64_t writeReply(int32_t fd, uint32_t id, uint32_t start, uint32_t length);
int64_t writeReplyWithBody(int32_t fd, uint32_t id, uint32_t start, uint32_t headLength, Bytes body,
                           uint32_t bodyOffset, uint32_t bodyLength);
int64_t backingOpen(int32_t fuseFd, int32_t backingFd);
int64_t backingClose(int32_t fuseFd, int32_t backingId);

// poller.cc, notifier.cc
napi_value startPolling(napi_env env, int32_t fd, Function ready);
napi_value startNotifier(napi_env env, int32_t fd);

// mount.cc
int64_t mount(const std::string& source, const std::string& target, const std::string& type, int64_t flags,
              const std::string& data);
int64_t umount(const std::string& target, int32_t flags);
int64_t socketPair(Elements<int32_t, 2> pair);
int64_t receiveFd(int32_t socket);
int64_t sendFd(int32_t socket, int32_t fd);
int64_t setCloseOnExec(int32_t fd, bool on);

// files.cc
int64_t openAt(int32_t dirFd, const Path& name, int32_t flags, uint32_t mode);
int64_t closeFd(int32_t fd);
int64_t unlinkAt(int32_t dirFd, const Path& name);
int64_t duplicateFd(int32_t fd);
int64_t fstat(int32_t fd, FileStatus out);
int64_t fstatAt(int32_t dirFd, const Path& name, FileStatus out);
int64_t fstatfs(int32_t fd, FileSystemStatus out);
int64_t setTimes(int32_t fd, int64_t atimeSec, int64_t atimeNsec, int64_t mtimeSec, int64_t mtimeNsec);
int64_t lockFile(int32_t fd, bool exclusive);
int64_t getInodeFlags(int32_t fd);

// data.cc
int64_t readNowait(int32_t fd, Bytes into, int64_t offset);
int64_t read(int32_t fd, Bytes into, int64_t offset);
int64_t write(int32_t fd, Bytes from, int64_t offset);
int64_t fsync(int32_t fd, bool dataOnly);
int64_t syncfs(int32_t fd);
int64_t truncate(int32_t fd, int64_t size);
int64_t fallocate(int32_t fd, int32_t mode, int64_t offset, int64_t length);
int64_t seek(int32_t fd, int64_t offset, int32_t whence);
int64_t copyRange(int32_t fromFd, int64_t fromOffset, int32_t toFd, int64_t toOffset, int64_t length);
int64_t clone(int32_t fromFd, int32_t toFd);

// checksum.cc
int64_t crc32c(Bytes bytes, uint32_t start, uint32_t end, uint32_t before);

// machine.cc
int64_t clockGetTime(int32_t clock, Elements<double, 2> out);
int64_t readCredentials(int32_t tid, Credentials out);
int64_t releaseMappedPages(const Path& path);
int64_t sendDatagram(const std::string& path, const std::string& text);

}  // namespace cfs
