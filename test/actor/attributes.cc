// Attributes: stat, modes, owners, times, extended attributes, inode flags.

#include "actor.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace {

void putTime(Reply& reply, const struct statx_timestamp& time) { reply.number(time.tv_sec).number(time.tv_nsec); }

// "statx DIRFD PATH FLAGS".
int64_t getAttributes(Arguments& a, Reply& reply) {
  struct statx s;
  if (statx(a.number(0), a.path(1), a.number(2), STATX_ALL | STATX_MNT_ID, &s) != 0) return -1;
  reply.number(s.stx_mask).number(s.stx_blksize).number(s.stx_attributes).number(s.stx_nlink);
  reply.number(s.stx_uid).number(s.stx_gid).number(s.stx_mode).number(s.stx_ino);
  reply.number(s.stx_size).number(s.stx_blocks).number(s.stx_attributes_mask);
  for (auto& time : {s.stx_atime, s.stx_mtime, s.stx_ctime, s.stx_btime}) putTime(reply, time);
  reply.number(s.stx_rdev_major).number(s.stx_rdev_minor).number(s.stx_dev_major).number(s.stx_dev_minor);
  return 0;
}

int64_t putStatfs(Reply& reply, int result, const struct statfs& s) {
  if (result != 0) return -1;
  reply.number(s.f_type).number(s.f_bsize).number(s.f_blocks).number(s.f_bfree).number(s.f_bavail);
  reply.number(s.f_files).number(s.f_ffree).number(s.f_namelen).number(s.f_frsize).number(s.f_flags);
  return 0;
}

int64_t getStatfs(Arguments& a, Reply& reply) {
  struct statfs s;
  return putStatfs(reply, statfs(a.path(0), &s), s);
}

int64_t getStatfsOfDescriptor(Arguments& a, Reply& reply) {
  struct statfs s;
  return putStatfs(reply, fstatfs(a.number(0), &s), s);
}

// "utimensat DIRFD PATH FLAGS ASEC ANSEC MSEC MNSEC"; without the last four the times argument is NULL.
int64_t setTimes(Arguments& a, Reply&) {
  if (a.count() < 7) return utimensat(a.number(0), a.path(1), nullptr, a.number(2));
  struct timespec times[2] = {{a.number(3), a.number(4)}, {a.number(5), a.number(6)}};
  return utimensat(a.number(0), a.path(1), times, a.number(2));
}

int64_t setTimesOfDescriptor(Arguments& a, Reply&) {
  struct timespec times[2] = {{a.number(1), a.number(2)}, {a.number(3), a.number(4)}};
  return futimens(a.number(0), times);
}

int64_t getXattr(Arguments& a, Reply& reply) {
  std::string value(a.number(2), '\0');
  ssize_t size = getxattr(a.path(0), a.path(1), value.data(), value.size());
  if (size >= 0 && !value.empty()) reply.bytes(value.data(), size);
  return size;
}

int64_t getXattrOfLink(Arguments& a, Reply& reply) {
  std::string value(a.number(2), '\0');
  ssize_t size = lgetxattr(a.path(0), a.path(1), value.data(), value.size());
  if (size >= 0 && !value.empty()) reply.bytes(value.data(), size);
  return size;
}

int64_t getXattrOfDescriptor(Arguments& a, Reply& reply) {
  std::string value(a.number(2), '\0');
  ssize_t size = fgetxattr(a.number(0), a.path(1), value.data(), value.size());
  if (size >= 0 && !value.empty()) reply.bytes(value.data(), size);
  return size;
}

int64_t listXattrs(Arguments& a, Reply& reply) {
  std::string names(a.number(1), '\0');
  ssize_t size = listxattr(a.path(0), names.data(), names.size());
  if (size >= 0 && !names.empty()) reply.bytes(names.data(), size);
  return size;
}

int64_t listXattrsOfLink(Arguments& a, Reply& reply) {
  std::string names(a.number(1), '\0');
  ssize_t size = llistxattr(a.path(0), names.data(), names.size());
  if (size >= 0 && !names.empty()) reply.bytes(names.data(), size);
  return size;
}

int64_t listXattrsOfDescriptor(Arguments& a, Reply& reply) {
  std::string names(a.number(1), '\0');
  ssize_t size = flistxattr(a.number(0), names.data(), names.size());
  if (size >= 0 && !names.empty()) reply.bytes(names.data(), size);
  return size;
}

int64_t getInodeFlags(Arguments& a, Reply& reply) {
  int flags = 0;
  if (ioctl(a.number(0), FS_IOC_GETFLAGS, &flags) != 0) return -1;
  reply.number(flags);
  return 0;
}

int64_t setInodeFlags(Arguments& a, Reply&) {
  int flags = a.number(1);
  return ioctl(a.number(0), FS_IOC_SETFLAGS, &flags);
}

// The system call, which takes flags and is answered by the file system even for symbolic links.
int64_t changeMode(Arguments& a, Reply&) {
  return syscall(SYS_fchmodat2, static_cast<int>(a.number(0)), a.path(1), static_cast<mode_t>(a.number(2)),
                 static_cast<unsigned>(a.number(3)));
}

}  // namespace


const Row attributeOperations[] = {
    {"statx", getAttributes},
    {"statfs", getStatfs},
    {"fstatfs", getStatfsOfDescriptor},
    {"chmod", [](Arguments& a, Reply&) -> int64_t { return chmod(a.path(0), a.number(1)); }},
    {"fchmod", [](Arguments& a, Reply&) -> int64_t { return fchmod(a.number(0), a.number(1)); }},
    {"fchmodat2", changeMode},
    {"fchownat",
     [](Arguments& a, Reply&) -> int64_t { return fchownat(a.number(0), a.path(1), a.number(2), a.number(3), a.number(4)); }},
    {"fchown", [](Arguments& a, Reply&) -> int64_t { return fchown(a.number(0), a.number(1), a.number(2)); }},
    {"utimensat", setTimes},
    {"futimens", setTimesOfDescriptor},
    {"getxattr", getXattr},
    {"lgetxattr", getXattrOfLink},
    {"fgetxattr", getXattrOfDescriptor},
    {"setxattr",
     [](Arguments& a, Reply&) -> int64_t {
       const std::string& value = a.bytes(2);
       return setxattr(a.path(0), a.path(1), value.data(), value.size(), a.number(3));
     }},
    {"lsetxattr",
     [](Arguments& a, Reply&) -> int64_t {
       const std::string& value = a.bytes(2);
       return lsetxattr(a.path(0), a.path(1), value.data(), value.size(), a.number(3));
     }},
    {"fsetxattr",
     [](Arguments& a, Reply&) -> int64_t {
       const std::string& value = a.bytes(2);
       return fsetxattr(a.number(0), a.path(1), value.data(), value.size(), a.number(3));
     }},
    {"listxattr", listXattrs},
    {"llistxattr", listXattrsOfLink},
    {"flistxattr", listXattrsOfDescriptor},
    {"removexattr", [](Arguments& a, Reply&) -> int64_t { return removexattr(a.path(0), a.path(1)); }},
    {"lremovexattr", [](Arguments& a, Reply&) -> int64_t { return lremovexattr(a.path(0), a.path(1)); }},
    {"fremovexattr", [](Arguments& a, Reply&) -> int64_t { return fremovexattr(a.number(0), a.path(1)); }},
    {"getInodeFlags", getInodeFlags},
    {"setInodeFlags", setInodeFlags},
    {nullptr, nullptr},
};
