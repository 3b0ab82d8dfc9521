/** The driver of `docs/custom-backend.md`, as it is printed there, against the suite. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

import type { Backend, BackendDriver, BackendEnv } from '../backends/backend.ts'
import { defineBackend } from '../backends/define-backend.ts'
import { playConformance } from '../../test/conformance/play.ts'
import type { ConformanceWorld } from './conformance.ts'
import { DocumentedStore } from './documented-store.ts'
import type { Link, StoreClient } from './documented-store.ts'
import { manualClock } from './manual-clock.ts'
import type { ManualClock } from './manual-clock.ts'

interface Documented {
  storeDriver(store: StoreClient, env: BackendEnv): BackendDriver
}

/** Gives the first example of the page a place of its own, from which it can be imported. */
async function documented(): Promise<Documented> {
  const page = readFileSync(new URL('../../docs/custom-backend.md', import.meta.url), 'utf8')
  const example = /^```ts\n([\s\S]*?)^```$/m.exec(page)?.[1]
  if (example === undefined) throw new Error('docs/custom-backend.md has no example')
  const library = pathToFileURL(fileURLToPath(new URL('../index.ts', import.meta.url))).pathname
  const folder = new URL('../../.cache/custom-backend/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const file = new URL('driver.ts', folder)
  writeFileSync(file, example.replaceAll(`'mandate'`, `'${library}'`))
  return (await import(/* @vite-ignore */ fileURLToPath(file))) as Documented
}

const MAX_DRIFT = 0.001
const { storeDriver } = await documented()

function connected(): Link {
  return { isCut: false, isDead: false, losesNextReply: false, replyDelayMs: 0 }
}

function world(): ConformanceWorld {
  const clock = manualClock({ rate: 1 + 0.99 * MAX_DRIFT })
  const store = new DocumentedStore(clock)
  const processes = new Map<Backend, { readonly link: Link; readonly own: ManualClock }>()
  const of = (backend: Backend): Link => {
    const known = processes.get(backend)
    if (known === undefined) throw new Error('a backend of another world')
    return known.link
  }
  return {
    candidate: (id) => {
      const own = clock.sibling({ rate: 1 - 0.99 * MAX_DRIFT })
      const link = connected()
      const backend = defineBackend((env) => storeDriver(store.client(own, link), env), {
        clock: own,
        defaultCandidateId: id,
        timing: { leaseMs: 1000, maxClockDrift: MAX_DRIFT, tickMs: 1 },
        onBackgroundFailure: () => undefined,
      })
      processes.set(backend, { link, own })
      return Promise.resolve(backend)
    },
    settle: async (condition, withinMs) => {
      const endMs = clock.trueMs() + withinMs
      await clock.advanceAsync(0)
      while (!condition()) {
        if (clock.trueMs() >= endMs) return false
        await clock.advanceAsync(Math.min(10, endMs - clock.trueMs()))
      }
      return true
    },
    advance: (ms) => clock.advanceAsync(ms),
    crash: (backend) => void (of(backend).isDead = true),
    cut: (backend) => void (of(backend).isCut = true),
    heal: (backend) => void (of(backend).isCut = false),
    loseNextReply: (backend) => void (of(backend).losesNextReply = true),
    delayReplies: (backend, ms) => void (of(backend).replyDelayMs = ms),
    openHandles: () =>
      [...processes.values()].flatMap(({ link, own }) => {
        const timers = link.isDead ? 0 : own.pendingTimers()
        return timers === 0 ? [] : [`${timers} timers`]
      }),
    close: () => Promise.resolve(),
  }
}

const { facts } = storeDriver(new DocumentedStore(manualClock()).client(manualClock(), connected()), {
  clock: manualClock(),
  random: { next: () => 0, id: () => '0' },
  report: () => undefined,
})

playConformance(
  {
    name: 'the backend of docs/custom-backend.md',
    facts,
    absent: {
      restartArbiter: 'its store does not restart',
      evidence: 'it frees an election by expiry alone',
    },
    leaseMs: 1000,
    create: () => Promise.resolve(world()),
  },
  [
    'no evidence here: it frees an election by expiry alone',
    'no restartArbiter here: its store does not restart',
  ],
)
