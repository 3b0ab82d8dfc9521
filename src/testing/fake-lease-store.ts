import type { LeaseRecord, LeaseSeen, LeaseStore, LeaseWrite } from '../backends/backend.ts'
import type { Timer } from '../seams/clock.ts'
import type { ManualClock } from './manual-clock.ts'

/** What happens to one request; what is not said goes well and takes no time. */
export interface Fate {
  /** True time until the server acts, in ms. A cancelled write still lands. */
  readonly toServerMs?: number
  /** True time from the server's act to the answer. */
  readonly toClientMs?: number
  /** `request`: never reaches the server. `answer`: never comes back. Nobody is told. */
  readonly lost?: 'request' | 'answer'
  /** The server refuses with this error. */
  readonly refused?: Error
}

export interface FakeRequest {
  readonly client: string
  readonly kind: 'read' | 'write'
  readonly name: string
  readonly next?: LeaseRecord
}

export interface AppliedWrite {
  readonly client: string
  readonly name: string
  readonly record: LeaseRecord
  readonly token: bigint
  readonly atMs: number
}

interface Slot {
  readonly record: LeaseRecord
  readonly version: number
  readonly token: bigint
}

export interface FakeLeaseServer {
  /** Decides the fate of each request; replace at will. */
  fate: (request: FakeRequest) => Fate
  /** Called at each change of a record, at the server. */
  readonly onChange: Set<(name: string, seen: LeaseSeen<number>) => void>
  readonly requests: FakeRequest[]
  readonly applied: AppliedWrite[]
  /**
   * The store as one client reaches it. `watch`: it tells of changes at once. `clock`: the client's machine, so that
   * answers wait while it is stalled or suspended.
   */
  connect(
    client: string,
    options?: { readonly watch?: boolean; readonly clock?: ManualClock },
  ): LeaseStore<number>
  record(name: string): LeaseRecord | null
  /** A foreign tool writes (or deletes) without asking. */
  force(name: string, record: LeaseRecord | null): void
  /** Open watches, for leak checks. */
  watching(): number
  /** Ends every open watch with an error. */
  breakWatches(): void
}

/** One in-memory server of lease records on true time, with every fault a network has. */
export function fakeLeaseServer(clock: ManualClock): FakeLeaseServer {
  const slots = new Map<string, Slot>()
  const watchers = new Set<{ name: string; changed: () => void; fail: (error: unknown) => void }>()
  // The server's own clock, so that no client's stall or rate delays what travels.
  const wire = clock.sibling()
  let lastVersion = 0

  const put = (client: string, name: string, record: LeaseRecord | null): Slot | undefined => {
    const version = ++lastVersion
    const before = slots.get(name)
    if (record === null) slots.delete(name)
    else {
      const acquired = record.transitions !== before?.record.transitions
      const token = acquired || before === undefined ? BigInt(version) : before.token
      slots.set(name, { record, version, token })
      server.applied.push({ client, name, record, token, atMs: clock.trueMs() })
    }
    for (const watcher of [...watchers]) if (watcher.name === name) watcher.changed()
    const slot = slots.get(name)
    for (const told of server.onChange) told(name, slot ?? { record: null, version: 0, token: 0n })
    return slot
  }

  const decide = (request: FakeRequest): Fate => {
    server.requests.push(request)
    return server.fate(request)
  }

  const travel = <Outcome>(
    fate: Fate,
    act: () => Outcome,
    signal: AbortSignal | undefined,
    machine: ManualClock | undefined,
  ): Promise<Outcome> => {
    const { toServerMs = 0, toClientMs = 0, lost } = fate
    return new Promise((resolve, reject) => {
      let arrival: Timer | undefined
      let cancelled = false
      signal?.addEventListener(
        'abort',
        () => {
          cancelled = true
          arrival?.cancel()
          reject(new Error('aborted'))
        },
        { once: true },
      )
      const arrive = (outcome: Outcome): void => {
        if (cancelled) return
        if (machine === undefined) resolve(outcome)
        else arrival = machine.setTimer(0, () => resolve(outcome))
      }
      if (lost === 'request') return
      after(wire, toServerMs, () => {
        const outcome = act()
        if (lost !== 'answer') after(wire, toClientMs, () => arrive(outcome))
      })
    })
  }

  const server: FakeLeaseServer = {
    fate: () => ({}),
    onChange: new Set(),
    requests: [],
    applied: [],
    connect: (client, { watch = false, clock: machine } = {}) => ({
      scope: 'fake',
      async read(name, { signal }) {
        const request: FakeRequest = { client, kind: 'read', name }
        const fate = decide(request)
        if (fate.refused !== undefined) throw fate.refused
        return travel(
          fate,
          () => {
            const slot = slots.get(name)
            return { record: slot?.record ?? null, version: slot?.version ?? 0, token: slot?.token ?? 0n }
          },
          signal,
          machine,
        )
      },
      async write(name, next, expect, { signal }): Promise<LeaseWrite<number>> {
        const request: FakeRequest = { client, kind: 'write', name, next }
        const fate = decide(request)
        if (fate.refused !== undefined) return { is: 'rejected', error: fate.refused }
        return travel(
          fate,
          () => {
            if ((slots.get(name)?.version ?? 0) !== expect) return { is: 'conflict' }
            const slot = put(client, name, next)
            return { is: 'applied', version: slot?.version ?? 0, token: slot?.token ?? 0n }
          },
          signal,
          machine,
        )
      },
      ...(watch && {
        watch: (
          name: string,
          _from: number,
          changed: () => void,
          { signal }: { signal?: AbortSignal | undefined },
        ) =>
          new Promise<never>((_resolve, reject) => {
            const told = machine === undefined ? changed : () => void machine.setTimer(0, changed)
            const watcher = { name, changed: told, fail: reject }
            watchers.add(watcher)
            signal?.addEventListener('abort', () => {
              watchers.delete(watcher)
              reject(new Error('aborted'))
            })
          }),
      }),
    }),
    record: (name) => slots.get(name)?.record ?? null,
    force: (name, record) => void put('operator', name, record),
    watching: () => watchers.size,
    breakWatches() {
      for (const watcher of watchers) watcher.fail(new Error('watch broken'))
      watchers.clear()
    },
  }
  return server
}

function after(clock: ManualClock, ms: number, run: () => void): void {
  if (ms <= 0) run()
  else clock.setTimer(ms, run)
}
