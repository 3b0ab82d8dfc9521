/** A world of the conformance suite around real servers: every candidate in it reaches them through proxies of its own. */
import { describe, expect, it, vi } from 'vitest'
import type { Backend } from '../../src/backends/backend.ts'
import type { Clock } from '../../src/seams/clock.ts'
import {
  backendConformance,
  type ConformanceSetup,
  type ConformanceWorld,
} from '../../src/testing/conformance.ts'
import { mortalClock, type MortalClock } from '../integration/mortal-clock.ts'
import { watchSockets } from '../integration/open-sockets.ts'
import { unlessStalled } from '../integration/stalls.ts'
import { FaultProxy, type Matcher } from './proxy.ts'

export interface ServerWorldOptions {
  /** `host:port` of each server. */
  readonly servers: readonly string[]
  /** A backend that reaches the servers at these addresses, in the order of `servers`. */
  backend(addresses: readonly string[], process: { readonly id: string; readonly clock: Clock }): Backend
  /** Which piece of a stream is a request whose reply can be lost. @default any */
  readonly isRequest?: Matcher
  restartServers(): Promise<void>
  close(): Promise<void>
}

interface Candidate {
  readonly proxies: readonly FaultProxy[]
  readonly clock: MortalClock
  readonly id: string
  dead: boolean
}

export function serverWorld(options: ServerWorldOptions): ConformanceWorld {
  const candidates = new Map<Backend, Candidate>()
  const sockets = watchSockets()
  const of = (backend: Backend): Candidate => {
    const candidate = candidates.get(backend)
    if (candidate === undefined) throw new Error('not a candidate of this world')
    return candidate
  }
  const each = (backend: Backend, hurt: (proxy: FaultProxy) => unknown): Promise<unknown> =>
    Promise.all(of(backend).proxies.map(hurt))
  const end = async ({ proxies, clock }: Candidate): Promise<void> => {
    clock.stop()
    await Promise.all(proxies.map((proxy) => proxy.close()))
  }
  return {
    candidate: async (id) => {
      const proxies = await FaultProxy.toAll(options.servers)
      const clock = mortalClock()
      const addresses = proxies.map(({ address }) => address)
      const backend = options.backend(addresses, { id, clock })
      candidates.set(backend, { proxies, clock, id, dead: false })
      return backend
    },
    settle: async (condition, withinMs) => {
      const endMs = performance.now() + withinMs
      while (!condition()) {
        if (performance.now() >= endMs) return false
        await pause(2)
      }
      return true
    },
    advance: pause,
    crash: async (backend) => {
      const candidate = of(backend)
      candidate.dead = true
      await end(candidate)
    },
    restartArbiter: () => options.restartServers(),
    cut: async (backend) => void (await each(backend, (proxy) => proxy.blackHole())),
    heal: async (backend) => void (await each(backend, (proxy) => proxy.heal())),
    loseNextReply: async (backend) =>
      void (await each(backend, (proxy) => proxy.loseReply(options.isRequest))),
    delayReplies: async (backend, ms) => void (await each(backend, (proxy) => proxy.delay(ms, 'down'))),
    openHandles: () =>
      [...candidates.values()].flatMap(({ proxies, clock, id, dead }) => {
        if (dead) return []
        const open = sockets.to(proxies.map(({ port }) => port))
        return [
          ...(clock.pending() === 0 ? [] : [`${clock.pending()} timers of ${id}`]),
          ...(open === 0 ? [] : [`${open} sockets of ${id}`]),
        ]
      }),
    close: async () => {
      sockets.close()
      for (const candidate of candidates.values()) await end(candidate)
      await options.close()
    },
  }
}

export interface ServerSuite extends ConformanceSetup {
  /** How many cases run side by side: they mostly wait. @default 6 */
  readonly concurrency?: number
  /** A longer pause of this process makes a failure no verdict. @default a third of the lease */
  readonly toleratedStallMs?: number
  /** How long the server let others wait at most, since then. @default it is not measured */
  readonly server?: { slowestMs(since: number): number }
}

/** Every case that applies; the reasons of those that do not are a claim of their own. */
export function playOnServers(suite: ServerSuite, leftOut: readonly string[]): void {
  const { concurrency = 6, leaseMs = 2000, toleratedStallMs = leaseMs / 3, server } = suite
  vi.setConfig({ maxConcurrency: concurrency, testTimeout: 180_000 })
  const cases = backendConformance(suite)
  describe.concurrent(`${suite.name} conforms`, () => {
    for (const { theme, name, skipped, run } of cases)
      if (skipped === undefined) it(`${theme}: ${name}`, () => unlessStalled(run, toleratedStallMs, server))
  })
  it(`${suite.name} leaves out only what it says`, () => {
    const toldByFacts = /^(it supports|it does not support|its (order|transfer) is) /
    const reasons = cases.flatMap(({ skipped }) => (skipped === undefined ? [] : [skipped]))
    const declared = new Set(reasons.filter((reason) => !toldByFacts.test(reason)))
    expect([...declared].toSorted()).toEqual([...leftOut].toSorted())
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
