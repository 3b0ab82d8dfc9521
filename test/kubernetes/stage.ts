/** Processes with the Kubernetes backend before an API server that does what a real one does not do on demand. */
import { afterAll, vi } from 'vitest'
import { createElection, type Election } from '../../src/election/election.ts'
import { mortalClock, type MortalClock } from '../integration/mortal-clock.ts'
import { watchSockets } from '../integration/open-sockets.ts'
import { defineBackend } from '../../src/backends/define-backend.ts'
import type { BackgroundFailure } from '../../src/backends/backend.ts'
import type { ClusterAccess } from '../../src/backends/kubernetes/access/access.ts'
import { KubernetesDriver } from '../../src/backends/kubernetes/driver.ts'
import { resolvePace, type PaceOptions } from '../../src/backends/kubernetes/pace-options.ts'
import { FakeApiServer } from './fake-api-server.ts'

// They mostly wait.
vi.setConfig({ maxConcurrency: 8 })

const sockets = watchSockets()
afterAll(() => sockets.close())

interface Process {
  readonly clock: MortalClock
  readonly failures: BackgroundFailure[]
  election(id: string, name?: string): Election
  close(): Promise<void>
}

interface Stage {
  readonly api: FakeApiServer
  process(options?: PaceOptions): Process
  /** Sockets of any process here to the API server. */
  openSockets(): number
  holder(): unknown
  version(): string | undefined
  /** Of Leases; watches are no requests. */
  requests(): readonly string[]
}

/** An API server, and processes that end with the test. */
export async function stage(finished: (end: () => Promise<void>) => void): Promise<Stage> {
  const api = await FakeApiServer.start()
  const ends: (() => Promise<void>)[] = [() => api.close()]
  finished(async () => {
    for (const end of ends.toReversed()) await end()
  })
  const lease = () => api.object('billing')
  return {
    api,
    openSockets: () => sockets.to([Number(new URL(api.url).port)]),
    holder: () => lease()?.spec?.['holderIdentity'],
    version: () => lease()?.metadata?.resourceVersion,
    requests: () => api.asked.filter((each) => !/watch|version/.test(each)),
    process: (options = {}) => {
      const started = processOn(api, options)
      ends.push(() => started.close())
      return started
    },
  }
}

function processOn(api: FakeApiServer, options: PaceOptions): Process {
  const clock = mortalClock()
  const failures: BackgroundFailure[] = []
  const pace = resolvePace(options)
  const timing = { leaseMs: pace.leaseMs, maxClockDrift: 0.001, tickMs: 1 }
  const access = (): Promise<ClusterAccess> => Promise.resolve(api.access)
  const names = {
    namespace: undefined,
    lease: undefined,
    lock: 'lease',
    scope: 'test',
    announce: undefined,
  } as const
  const backend = defineBackend(
    (env) => new KubernetesDriver({ access, ...names, timing, pace, tokenBase: 0n }, env),
    { clock, timing, onBackgroundFailure: (failure) => void failures.push(failure) },
  )
  return {
    clock,
    failures,
    election: (id, name = 'billing') => createElection({ name, backend, candidate: { id } }),
    close: () => backend.close(),
  }
}

/** What a foreign candidate writes. */
export const held = (by: string, seconds = 15) => ({
  spec: {
    holderIdentity: by,
    leaseDurationSeconds: seconds,
    acquireTime: '2026-11-23T08:00:00.000000Z',
    renewTime: new Date().toISOString().replace('Z', '000Z'),
    leaseTransitions: 3,
  },
})

/** Renewed every 1.3 s, with attempts of 1.3 s. */
export const quick: PaceOptions = { leaseMs: 4000, renewDeadlineMs: 3900, retryMs: 300 }
export const patient = { timeout: 20_000 }
