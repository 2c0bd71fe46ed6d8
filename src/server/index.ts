/** The server: volumes over stores of metadata and of content, and what answers the calls of clients. */
export { createCodec } from '#protocol';
export type { BlobStat, BlobStatistics, BlobStore, BlobTime, FileBlobStore } from './blob/blob-store.ts';
export { LocalBlobStore, type LocalBlobStoreOptions } from './blob/local.ts';
export { MemoryBlobStore, type MemoryBlobStoreOptions } from './blob/memory.ts';
export { checkStore, type StoreProblem, type StoreReport } from './check-store.ts';
export {
  type ClusterHandler,
  ClusterServer,
  type ClusterServerOptions,
  createClusterHandler,
} from './cluster-server.ts';
export { ClusterVolume, type ClusterVolumeOptions } from './cluster-volume.ts';
export { anonymousClient, exportAdmission } from './export/export-admission.ts';
export type { KvBatch, KvEngine, KvPair } from './kv/engine.ts';
export { LmdbEngine } from './kv/lmdb.ts';
export { MemoryEngine, type MemoryEngineOptions } from './kv/memory.ts';
export { check } from './meta/check.ts';
export { openVolume, type ServedVolume, type VolumeOptions, type VolumeParts } from './open-volume.ts';
export { createHandler, type LocalFiles, localFilesOf, type VolumeHandler } from './server.ts';
export type { SessionSummary } from './session/session.ts';
export { type Admit, type SessionView, wholeVolume } from './session/session-view.ts';
export { openLocalVolume, type StoreDirectory, takeStoreDirectory } from './store-directory.ts';
export type { Volume } from './volume.ts';
export { defaultVolume, requireVolumeName, VolumesDirectory } from './volumes-directory.ts';
