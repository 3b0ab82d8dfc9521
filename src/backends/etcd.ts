/**
 * Elections in etcd, in the layout of Go's `concurrency.Election`: candidates stand beside those of `etcdctl elect`.
 *
 * @module
 */
import type { ConnectionOptions } from 'node:tls'
import type { Backend } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { EtcdDriver } from './etcd/driver.ts'
import { layoutOf } from './etcd/layout.ts'
import { authoritiesOf, checkEtcdOptions, type EtcdOptions, type EtcdTls } from './etcd/options.ts'

export type { EtcdOptions, EtcdTls } from './etcd/options.ts'

/**
 * Does not promise that a token is unique after the servers were rebuilt, or restored from a snapshot without
 * `--bump-revision`: their revisions start again.
 *
 * @throws INVALID_OPTIONS; when first used: BACKEND_UNAVAILABLE, UNAUTHORIZED, FORBIDDEN
 */
export function etcd(options: EtcdOptions): Backend {
  checkEtcdOptions(options)
  const { user, password = '', tls, prefix = '', layout = 'go', tokenBase = 0n } = options
  const timing = { leaseMs: options.ttlMs ?? 5000, maxClockDrift: options.maxClockDrift ?? 0.001, tickMs: 1 }
  const driverOptions = {
    authorities: authoritiesOf(options),
    tls: typeof tls === 'object' ? secure(tls) : {},
    credentials: user === undefined ? undefined : { user, password },
    layout: layoutOf(layout, prefix),
    tokenBase,
    timing,
  }
  return defineBackend((env) => new EtcdDriver(driverOptions, env), {
    timing,
    clock: options.clock,
    random: options.random,
    onBackgroundFailure: options.onBackgroundFailure,
    defaultCandidateId: options.candidateId,
  })
}

function secure({ ca, cert, key, servername }: EtcdTls): ConnectionOptions {
  const pem = (value: string | Uint8Array): string | Buffer =>
    typeof value === 'string' ? value : Buffer.from(value)
  return {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined ? {} : { cert: pem(cert) }),
    ...(key === undefined ? {} : { key: pem(key) }),
    ...(servername === undefined ? {} : { servername }),
  }
}
