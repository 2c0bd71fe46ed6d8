'use strict';

function load() {
  try {
    return require('./build/cfs.node');
  } catch (cause) {
    if (cause.code !== 'MODULE_NOT_FOUND') throw cause;
    throw new Error('the native addon is not built: run npm run build:native', { cause });
  }
}

module.exports = load();

// Never runs. An ES module may import by name only what Node finds by reading this file, and this form it finds.
0 &&
  (module.exports = {
    allocateSlots,
    backingClose,
    backingOpen,
    clockGetTime,
    clone,
    closeFd,
    copyRange,
    crc32c,
    duplicateFd,
    fallocate,
    fstat,
    fstatAt,
    fstatfs,
    fsync,
    getInodeFlags,
    lastReplyResult,
    lockFile,
    mount,
    openAt,
    openFuseDevice,
    read,
    readCredentials,
    readNowait,
    readSync,
    receiveFd,
    releaseMappedPages,
    seek,
    sendDatagram,
    sendFd,
    setCloseOnExec,
    setTimes,
    socketPair,
    startNotifier,
    startPolling,
    step,
    syncfs,
    truncate,
    truncateSync,
    umount,
    unlinkAt,
    write,
    writeReply,
    writeReplyWithBody,
    writeSync,
  });
