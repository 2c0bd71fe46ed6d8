// The content of files: reading, writing, sizes, holes, copies.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "call.h"
#include "calls.h"

namespace cfs {

// ---- reading and writing ------------------------------------------------------------------------------------------

int64_t readNowait(int32_t fd, Bytes into, int64_t offset) {
  const iovec part{into.data, into.length};
  const int64_t result = retried([&] { return preadv2(fd, &part, 1, offset, RWF_NOWAIT); });
  // Some file systems cannot tell whether they would wait. Then they might.
  return result == -EOPNOTSUPP ? -EAGAIN : result;
}

// A failure after a part is the failure: as a count it would look like the end of the file.
int64_t read(int32_t fd, Bytes into, int64_t offset) {
  size_t filled = 0;
  while (filled < into.length) {
    const int64_t result = retried(
        [&] { return pread(fd, into.data + filled, into.length - filled, offset + static_cast<int64_t>(filled)); });
    if (result < 0) return result;
    if (result == 0) break;
    filled += static_cast<size_t>(result);
  }
  return static_cast<int64_t>(filled);
}

int64_t write(int32_t fd, Bytes from, int64_t offset) {
  size_t written = 0;
  while (written < from.length) {
    const int64_t result = retried(
        [&] { return pwrite(fd, from.data + written, from.length - written, offset + static_cast<int64_t>(written)); });
    if (result < 0 && written == 0) return result;
    if (result <= 0) break;
    written += static_cast<size_t>(result);
  }
  return static_cast<int64_t>(written);
}

int64_t fsync(int32_t fd, bool dataOnly) {
  return retried([&] { return dataOnly ? fdatasync(fd) : ::fsync(fd); });
}

int64_t syncfs(int32_t fd) {
  return retried([&] { return ::syncfs(fd); });
}

// ---- sizes and holes ----------------------------------------------------------------------------------------------

int64_t truncate(int32_t fd, int64_t size) {
  return retried([&] { return ftruncate(fd, size); });
}

int64_t fallocate(int32_t fd, int32_t mode, int64_t offset, int64_t length) {
  return retried([&] { return ::fallocate(fd, mode, offset, length); });
}

int64_t seek(int32_t fd, int64_t offset, int32_t whence) { return outcome(lseek(fd, offset, whence)); }

// ---- copies -------------------------------------------------------------------------------------------------------

namespace {

constexpr size_t copyBufferBytes = 256 * 1024;

bool diskCannotCopy(int64_t result) { return result == -EXDEV || result == -EOPNOTSUPP || result == -ENOSYS; }

int64_t copyThroughMemory(int32_t fromFd, int64_t fromOffset, int32_t toFd, int64_t toOffset, int64_t length) {
  const std::unique_ptr<uint8_t[]> buffer(new uint8_t[copyBufferBytes]);
  int64_t copied = 0;
  while (copied < length) {
    const auto chunk = std::min(copyBufferBytes, static_cast<size_t>(length - copied));
    const int64_t filled = read(fromFd, {buffer.get(), chunk}, fromOffset + copied);
    if (filled < 0) return copied > 0 ? copied : filled;
    const int64_t written = write(toFd, {buffer.get(), static_cast<size_t>(filled)}, toOffset + copied);
    if (written < 0) return copied > 0 ? copied : written;
    copied += written;
    if (static_cast<size_t>(written) < chunk) break;  // The source has ended, or the disk is full.
  }
  return copied;
}

}  // namespace

int64_t copyRange(int32_t fromFd, int64_t fromOffset, int32_t toFd, int64_t toOffset, int64_t length) {
  int64_t copied = 0;
  while (copied < length) {
    off_t from = fromOffset + copied;
    off_t to = toOffset + copied;
    const int64_t result =
        retried([&] { return copy_file_range(fromFd, &from, toFd, &to, static_cast<size_t>(length - copied), 0); });
    if (diskCannotCopy(result) && copied == 0) {
      return copyThroughMemory(fromFd, fromOffset, toFd, toOffset, length);
    }
    if (result < 0 && copied == 0) return result;
    if (result <= 0) break;
    copied += result;
  }
  return copied;
}

int64_t clone(int32_t fromFd, int32_t toFd) { return outcome(ioctl(toFd, FICLONE, fromFd)); }

}  // namespace cfs
