/**
 * Elections in ZooKeeper, beside Curator's and kazoo's own candidates: over a client of our own, on `node:net` and
 * `node:tls`.
 *
 * @module
 */
import { systemClock } from '../system/clock.ts'
import type { Backend } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { frameBytesMax } from '../clients/zookeeper/frame-reader.ts'
import { dialects } from './zookeeper/dialects.ts'
import { ZooKeeperDriver } from './zookeeper/driver.ts'
import { aclOf } from './zookeeper/layout.ts'
import { checkZooKeeperOptions } from './zookeeper/options.ts'
import type { ZooKeeperOptions } from './zookeeper/options.ts'

export type { ZooKeeperDialect } from './zookeeper/dialects.ts'
export type { ZooKeeperOptions } from './zookeeper/options.ts'

/**
 * Elections by a ZooKeeper ensemble. Foreign candidates in them obey rules of their own: Curator and kazoo stop later
 * than their session ends when they are cut off, and only the token protects against that.
 *
 * @throws INVALID_OPTIONS; on first use BACKEND_UNAVAILABLE, UNAUTHORIZED, FORBIDDEN, DATA_CORRUPT
 */
export function zookeeper(options: ZooKeeperOptions): Backend {
  checkZooKeeperOptions(options)
  const { auth } = options
  const timing = { leaseMs: options.sessionMs ?? 4000, maxClockDrift: 0.001, tickMs: 1 }
  const driverOptions = {
    servers: options.servers,
    chroot: options.chroot ?? '',
    dialect: dialects[options.dialect ?? 'curator-latch'],
    timing,
    serverTickMs: options.serverTickMs,
    auth,
    acl: aclOf(options.acl ?? (auth === undefined ? 'open' : 'creator')),
    tls: options.tls,
    tokenBase: options.tokenBase ?? 0n,
    connectMs: options.connectMs ?? 5000,
    frameBytesMax: options.frameBytesMax ?? frameBytesMax,
  }
  return defineBackend((env) => new ZooKeeperDriver(driverOptions, env), {
    timing,
    clock: options.clock ?? systemClock(),
    random: options.random,
    onBackgroundFailure: options.onBackgroundFailure,
  })
}
