// Mounts, and handing descriptors from process to process.
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"
#include "calls.h"

namespace cfs {

// ---- mounting -----------------------------------------------------------------------------------------------------

int64_t mount(const std::string& source, const std::string& target, const std::string& type, int64_t flags,
              const std::string& data) {
  return outcome(
      ::mount(source.c_str(), target.c_str(), type.c_str(), static_cast<unsigned long>(flags), data.c_str()));
}

int64_t umount(const std::string& target, int32_t flags) { return outcome(umount2(target.c_str(), flags)); }

// ---- descriptors --------------------------------------------------------------------------------------------------

namespace {

// A message of one byte with room for exactly one descriptor: the kernel closes any others that were sent.
struct OneFdMessage {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};

  OneFdMessage() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  OneFdMessage(const OneFdMessage&) = delete;
};

}  // namespace

int64_t socketPair(Elements<int32_t, 2> pair) {
  return outcome(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data));
}

int64_t sendFd(int32_t socket, int32_t fd) {
  OneFdMessage message;
  cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(control), &fd, sizeof fd);
  // Without MSG_NOSIGNAL a peer that is gone would kill this process.
  const int64_t result = retried([&] { return sendmsg(socket, &message.header, MSG_NOSIGNAL); });
  return result < 0 ? result : 0;
}

int64_t receiveFd(int32_t socket) {
  // The socket may be non-blocking, since Node makes its own so.
  pollfd readable{socket, POLLIN, 0};
  const int64_t waited = retried([&] { return poll(&readable, 1, -1); });
  if (waited < 0) return waited;

  OneFdMessage message;
  const int64_t length = retried([&] { return recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC); });
  if (length < 0) return length;
  const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) {
    return length == 0 ? -ENOMSG : -EBADMSG;
  }
  int fd;
  memcpy(&fd, CMSG_DATA(control), sizeof fd);
  return fd;
}

int64_t setCloseOnExec(int32_t fd, bool on) {
  // FD_CLOEXEC is the only descriptor flag that exists, so there is none to preserve.
  return outcome(fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}

}  // namespace cfs
