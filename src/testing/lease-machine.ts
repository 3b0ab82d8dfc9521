/** The machine of `lease/`, fed by hand: time stands still unless `at` moves it, requests are answered by number. */
import { expect } from 'vitest'
import type { Instant } from '../seams/clock.ts'
import type { LeaseEffect, LeaseInput, LeaseSettings, LeaseState, Seen } from '../lease/machine-types.ts'
import { newCandidacy, stepLease } from '../lease/machine.ts'
import type { LeaseRecord } from '../lease/record.ts'

export const settings: LeaseSettings = {
  election: 'billing',
  id: 'a',
  incarnation: 'a1',
  exclusivity: 'time',
  leaseMs: 1_000,
  renewDeadlineMs: 1_000,
  maxClockDrift: 0.01,
  tickMs: 1,
  renewMs: 300,
  attemptMs: 300,
  retryMs: 300,
  pollMs: 300,
  preferenceMs: 300,
}

/** By hand: 1000 x 1.01 + 1 and 1000 x 0.99 - 1. */
export const SILENCE_MS = 1_011
export const VALIDITY_MS = 989

export const foreign: LeaseRecord = {
  holder: 'b',
  incarnation: 'b1',
  leaseMs: 1_000,
  transitions: 4,
  exclusivity: 'time',
  metadata: {},
}
export const free: LeaseRecord = { ...foreign, holder: '', incarnation: '' }
export const own: LeaseRecord = { ...foreign, holder: 'a', incarnation: 'a1' }

type Effect = LeaseEffect<number>

export function machine(over: Partial<LeaseSettings> = {}) {
  let state: LeaseState<number> = newCandidacy({ ...settings, ...over }, { url: 'x' })
  let nowMs = 0
  let suspended = false
  const input = (next: LeaseInput<number>): readonly Effect[] => {
    const done = stepLease(state, next, {
      lowerMs: nowMs,
      elapsedMs: (since) => (suspended ? Number.POSITIVE_INFINITY : nowMs - since.monotonicMs),
    })
    state = done.state
    return done.effects
  }
  const sentAt = (ms: number): Instant => ({ monotonicMs: ms, wallMs: ms, bootMs: ms })
  return {
    input,
    at: (ms: number) => (nowMs = ms),
    sleep: () => (suspended = true),
    phase: () => state.phase,
    hint: (seen?: Seen<number>) => input({ type: 'hint', seen }),
    timer: (timer: 'look' | 'renew' | 'deadline') => input({ type: 'timer', timer }),
    sees: (record: LeaseRecord | null, version: number) =>
      input({
        type: 'read-done',
        request: state.lastRequest,
        outcome: { is: 'read', record, version, token: BigInt(version) },
      }),
    readFails: (error: unknown = new Error('down')) =>
      input({ type: 'read-done', request: state.lastRequest, outcome: { is: 'failed', error } }),
    applied: (version: number, sentMs = nowMs) =>
      input({
        type: 'write-done',
        request: state.lastRequest,
        sentAt: sentAt(sentMs),
        outcome: { is: 'applied', version, token: BigInt(version) },
      }),
    written: (is: 'conflict' | 'unknown') =>
      input({ type: 'write-done', request: state.lastRequest, sentAt: sentAt(nowMs), outcome: { is } }),
    rejected: (error: unknown = new Error('quota')) =>
      input({
        type: 'write-done',
        request: state.lastRequest,
        sentAt: sentAt(nowMs),
        outcome: { is: 'rejected', error },
      }),
  }
}

/** A machine that leads since 0 by version 1. */
export function leading(over: Partial<LeaseSettings> = {}) {
  const m = machine(over)
  m.input({ type: 'start' })
  m.sees(null, 0)
  m.applied(1)
  return m
}

export const types = (effects: readonly Effect[]) => effects.map(({ type }) => type)

export function the<Type extends Effect['type']>(
  effects: readonly Effect[],
  type: Type,
): Extract<Effect, { type: Type }> {
  const found = effects.filter((effect) => effect.type === type)
  expect(found, `${type} among ${types(effects).join(', ')}`).toHaveLength(1)
  return found[0] as Extract<Effect, { type: Type }>
}

export function armed(effects: readonly Effect[], timer: string): readonly [number, number] {
  const found = effects.find((effect) => effect.type === 'arm' && effect.timer === timer)
  if (found?.type !== 'arm') throw new Error(`${timer} is not armed by ${types(effects).join(', ')}`)
  return found.afterMs
}
