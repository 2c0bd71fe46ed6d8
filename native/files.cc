// Files by descriptor: opening, attributes, times, locks.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "call.h"
#include "calls.h"

namespace cfs {

int64_t openAt(int32_t dirFd, const Path& name, int32_t flags, uint32_t mode) {
  // Close-on-exec always, as in Node: a child inherits only what `setCloseOnExec` names.
  return retried([&] { return openat(dirFd, name.text, flags | O_CLOEXEC, mode); });
}

// Not repeated after EINTR: Linux has closed the descriptor by then, and its number may already be another file's.
int64_t closeFd(int32_t fd) { return outcome(close(fd)); }

int64_t unlinkAt(int32_t dirFd, const Path& name) { return outcome(unlinkat(dirFd, name.text, 0)); }

int64_t duplicateFd(int32_t fd) { return outcome(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// ---- attributes ---------------------------------------------------------------------------------------------------

namespace {

int64_t fillStatus(int64_t result, const struct stat& status, FileStatus out) {
  if (result < 0) return result;
  double* field = out.data;
  *field++ = static_cast<double>(status.st_size);
  *field++ = static_cast<double>(status.st_blocks);
  for (const timespec& time : {status.st_mtim, status.st_ctim, status.st_atim}) {
    *field++ = static_cast<double>(time.tv_sec);
    *field++ = static_cast<double>(time.tv_nsec);
  }
  *field++ = static_cast<double>(status.st_mode);
  *field++ = static_cast<double>(status.st_nlink);
  *field++ = static_cast<double>(status.st_ino);
  *field++ = static_cast<double>(status.st_blksize);
  return result;
}

}  // namespace

int64_t fstat(int32_t fd, FileStatus out) {
  struct stat status;
  return fillStatus(outcome(::fstat(fd, &status)), status, out);
}

int64_t fstatAt(int32_t dirFd, const Path& name, FileStatus out) {
  struct stat status;
  return fillStatus(outcome(fstatat(dirFd, name.text, &status, AT_SYMLINK_NOFOLLOW)), status, out);
}

int64_t fstatfs(int32_t fd, FileSystemStatus out) {
  struct statfs status;
  const int64_t result = retried([&] { return ::fstatfs(fd, &status); });
  if (result < 0) return result;
  out.data[0] = static_cast<double>(status.f_bsize);
  out.data[1] = static_cast<double>(status.f_blocks);
  out.data[2] = static_cast<double>(status.f_bfree);
  out.data[3] = static_cast<double>(status.f_bavail);
  out.data[4] = static_cast<double>(status.f_files);
  out.data[5] = static_cast<double>(status.f_ffree);
  return result;
}

int64_t setTimes(int32_t fd, int64_t atimeSec, int64_t atimeNsec, int64_t mtimeSec, int64_t mtimeNsec) {
  const timespec times[] = {{atimeSec, atimeNsec}, {mtimeSec, mtimeNsec}};
  return outcome(futimens(fd, times));
}

int64_t getInodeFlags(int32_t fd) {
  // The request is declared with a long, yet the kernel writes an int.
  int flags = 0;
  const int64_t result = outcome(ioctl(fd, FS_IOC_GETFLAGS, &flags));
  return result < 0 ? result : static_cast<uint32_t>(flags);
}

// ---- locks --------------------------------------------------------------------------------------------------------

int64_t lockFile(int32_t fd, bool exclusive) {
  struct flock lock = {};
  lock.l_type = exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;  // From 0 with length 0: the whole file, however long it grows.
  const int64_t result = outcome(fcntl(fd, F_OFD_SETLK, &lock));
  return result == -EACCES ? -EAGAIN : result;  // POSIX allows both.
}

}  // namespace cfs
