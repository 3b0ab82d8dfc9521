/**
 * Elections by HashiCorp Consul: a session and a lock in its key-value store, in the layout of `consul lock`, so that its
 * and Go's candidates stand in the same election.
 *
 * @module
 */
import { systemClock } from '../system/clock.ts'
import type { Backend } from './backend.ts'
import { ConsulDriver } from './consul/driver.ts'
import { consulSettings } from './consul/options.ts'
import type { ConsulOptions } from './consul/options.ts'
import { defineBackend } from './define-backend.ts'

export type { ConsulLayout } from '../fencing/consul/layout.ts'
export type { ConsulOptions, ConsulTls } from './consul/options.ts'

/**
 * Does not connect yet. A takeover after a crash takes up to twice `ttlMs`, or `checkMs`, and the lock delay.
 *
 * @throws INVALID_OPTIONS; when used: BACKEND_UNAVAILABLE, UNAUTHORIZED, FORBIDDEN, DUPLICATE_ID, …
 */
export function consul(options: ConsulOptions = {}): Backend {
  const settings = consulSettings(options)
  const timing = { leaseMs: settings.checkMs ?? settings.ttlMs, maxClockDrift: 0.001, tickMs: 1 }
  return defineBackend((env) => new ConsulDriver(settings, timing, env), {
    timing,
    clock: options.clock ?? systemClock({ onClockStep: options.onClockStep ?? 'lose' }),
    random: options.random,
    onBackgroundFailure: options.onBackgroundFailure,
  })
}
