// The addon: the table of its functions. What each promises is in index.d.cts.
#include "call.h"
#include "calls.h"

namespace cfs {

namespace {

struct Export {
  const char* name;
  napi_callback function;
};

constexpr Export table[] = {
    {"allocateSlots", sync<allocateSlots>},
    {"openFuseDevice", sync<openFuseDevice>},
    {"step", sync<step>},
    {"lastReplyResult", sync<lastReplyResult>},
    {"writeReply", sync<writeReply>},
    {"writeReplyWithBody", sync<writeReplyWithBody>},
    {"startPolling", sync<startPolling>},
    {"startNotifier", sync<startNotifier>},
    {"backingOpen", sync<backingOpen>},
    {"backingClose", sync<backingClose>},

    {"mount", async<mount>},
    {"umount", async<umount>},
    {"socketPair", sync<socketPair>},
    {"receiveFd", async<receiveFd>},
    {"sendFd", sync<sendFd>},
    {"setCloseOnExec", sync<setCloseOnExec>},

    {"openAt", sync<openAt>},
    {"closeFd", sync<closeFd>},
    {"unlinkAt", sync<unlinkAt>},
    {"duplicateFd", sync<duplicateFd>},
    {"fstat", sync<fstat>},
    {"fstatAt", sync<fstatAt>},
    {"fstatfs", sync<fstatfs>},
    {"readNowait", sync<readNowait>},
    {"readSync", sync<read>},
    {"writeSync", sync<write>},
    {"read", async<read>},
    {"write", async<write>},
    {"fsync", async<fsync>},
    {"syncfs", async<syncfs>},
    {"truncate", async<truncate>},
    {"truncateSync", sync<truncate>},
    {"fallocate", async<fallocate>},
    {"seek", async<seek>},
    {"copyRange", async<copyRange>},
    {"clone", async<clone>},
    {"setTimes", sync<setTimes>},
    {"lockFile", sync<lockFile>},
    {"releaseMappedPages", sync<releaseMappedPages>},
    {"sendDatagram", sync<sendDatagram>},

    {"crc32c", sync<crc32c>},

    {"clockGetTime", sync<clockGetTime>},
    {"readCredentials", sync<readCredentials>},
    {"getInodeFlags", sync<getInodeFlags>},
};

}  // namespace

NAPI_MODULE_INIT() {
  Environment::create(env);
  for (const Export& each : table) {
    napi_value function;
    if (napi_create_function(env, each.name, NAPI_AUTO_LENGTH, each.function, nullptr, &function) != napi_ok ||
        napi_set_named_property(env, exports, each.name, function) != napi_ok) {
      return nullptr;
    }
  }
  return exports;
}

}  // namespace cfs
