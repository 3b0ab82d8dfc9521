/**
 * Guards that check the token at the resource. Each refuses with LEADERSHIP_LOST, before anything is written, what is
 * older than it has seen, and with CLUSTER_MISMATCH what comes from another scope.
 *
 * @module
 */
export { etcdGuard } from './etcd-guard.ts'
export type { EtcdCondition, EtcdGuard, EtcdGuardOptions, EtcdWrite } from './etcd-guard.ts'
export { fenceFromEnvironment, fenceOf } from './guard.ts'
export type { Fence } from './guard.ts'
export { consulGuard } from './consul-guard.ts'
export type { ConsulGuard, ConsulGuardOptions, ConsulWrite, ConsulWriteResult } from './consul-guard.ts'
export { fileFenceStore } from './fence-store.ts'
export type { FenceStore } from './fence-store.ts'
export { fenceHeaders, httpGuard } from './http-guard.ts'
export type { HttpGuard, HttpGuardOptions } from './http-guard.ts'
export { postgresGuard } from './postgres-guard.ts'
export type { PostgresClient, PostgresGuard, PostgresGuardOptions } from './postgres-guard.ts'
export { segmentedFile } from './segmented-file.ts'
export type {
  AppendResult,
  LedgerContents,
  LedgerLine,
  SegmentWriter,
  SegmentedFile,
  SegmentedFileOptions,
} from './segmented-file.ts'
export { zookeeperGuard } from './zookeeper-guard.ts'
export type {
  ZooKeeperGuard,
  ZooKeeperGuardOptions,
  ZooKeeperWrite,
  ZooKeeperWriteResult,
} from './zookeeper-guard.ts'
