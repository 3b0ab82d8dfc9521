/**
 * The registry, explored: every sequence of a few commands that a log may hold, repeated batches, late expiries and
 * grants of whoever included. A state is a registry as it is, so what counts is only what it will do.
 */
import { apply, cloneRegistry, createRegistry, type Registry } from '../../registry/registry.ts'
import type { Command, RegistryEvent } from '../../registry/types.ts'
import { Interner, PairMemo, canonical } from './interner.ts'
import type { ExploreBounds, Model, Sink, Told } from './model.ts'
import { brokenBy, type Granted } from './registry-claims.ts'

export type Apply = typeof apply

export interface RegistryBounds {
  readonly sessions: number
  /** Commands in a log. */
  readonly entries: number
}

interface Log {
  readonly registry: Registry
  /** Of the last entry. */
  readonly index: number
  /** Of each election the newest token ever, and of each session the batches that were applied. */
  readonly granted: Granted
}

const elections = { time: 'time', token: 'token' } as const

export class RegistryModel implements Model {
  readonly name: string
  readonly actors = ['log']
  readonly width = 1
  readonly checked: Record<string, number> = {}
  readonly #bounds: RegistryBounds
  readonly #apply: Apply
  readonly #logs = new Interner<Log>(keyOf)
  readonly #commands = new Interner<Command>()
  readonly #steps = new PairMemo<{ log: number; broken: { invariant: string; message: string } | null }>()

  constructor(name: string, bounds: RegistryBounds, changed: Apply = apply) {
    this.name = name
    this.#bounds = bounds
    this.#apply = changed
  }

  bounds(): ExploreBounds {
    const { sessions, entries } = this.#bounds
    return { peers: sessions, terms: 0, messages: entries, crashes: 0 }
  }

  initial(): number[][] {
    const registry = createRegistry({ tokenBase: 0n })
    return [[this.#logs.number({ registry, index: 0, granted: { tokens: {}, answers: {} } })]]
  }

  expand(state: Int32Array, sink: Sink): void {
    const number = state[0] as number
    const log = this.#logs.value(number)
    if (log.index >= this.#bounds.entries) return
    for (const command of this.#possible(log)) {
      const code = this.#commands.number(command)
      const { log: next, broken } = this.#steps.get(number, code, () => this.#step(log, command))
      if (broken !== null) sink.broken(code, broken.invariant, broken.message)
      else sink.next(code, [next])
    }
  }

  #step(log: Log, command: Command) {
    const registry = cloneRegistry(log.registry)
    const index = log.index + 1
    const events = this.#apply(registry, index, command)
    const verdict = brokenBy(
      { before: log.registry, after: registry, index, command, events },
      log.granted,
      this.checked,
    )
    return {
      log: this.#logs.number({ registry, index, granted: verdict.granted }),
      broken: verdict.broken,
    }
  }

  /** Sensible commands and late ones: nobody keeps a log from holding a command twice, or too late. */
  #possible({ registry }: Log): Command[] {
    const commands: Command[] = []
    const keys = ['r', 's', 't'].slice(0, this.#bounds.sessions)
    for (const [place, key] of keys.entries()) {
      // The last has the candidate id of the first, and takes its place.
      const id = place === 1 ? 'y' : 'x'
      commands.push({ type: 'open', session: key, id, leaseMs: 1, host: null })
      const session = registry.sessions.get(key)
      if (session === undefined) continue
      const { epoch, number } = session
      for (const batch of [number, number + 1]) {
        if (batch === 0) continue
        for (const [name, exclusivity] of Object.entries(elections)) {
          const token = registry.elections.get(name)?.holder?.token ?? 1n
          const campaign = {
            type: 'campaign',
            election: name,
            exclusivity,
            priority: 0,
            metadata: {},
          } as const
          commands.push({ type: 'batch', session: key, number: batch, requests: [campaign] })
          commands.push({
            type: 'batch',
            session: key,
            number: batch,
            requests: [{ type: 'release', election: name, token }],
          })
        }
      }
      commands.push({
        type: 'batch',
        session: key,
        number: number + 1,
        requests: [{ type: 'leave', election: 'time' }],
      })
      for (const election of Object.keys(elections))
        commands.push({ type: 'grant', grants: [{ election, session: key }] })
      for (const about of [epoch, epoch - 1]) {
        commands.push({ type: 'expire', session: key, epoch: about })
        commands.push({ type: 'suspect', session: key, epoch: about })
      }
      commands.push({ type: 'reopen', session: key, epoch })
      commands.push({ type: 'close', session: key })
    }
    return commands
  }

  tell(state: Int32Array, action: number): Told[] {
    const log = this.#logs.value(state[0] as number)
    const command = this.#commands.value(action)
    const events: RegistryEvent[] = this.#apply(cloneRegistry(log.registry), log.index + 1, command)
    return [
      { actor: 'log', text: `${log.index + 1} ${canonical(command)}` },
      ...events.map((event) => ({ actor: 'log', text: `  ${canonical(event)}` })),
    ]
  }
}

/** Order matters in a registry: who came first is served first. */
function keyOf({ registry, index, granted }: Log): string {
  const { sessions, elections: records, newest, vacant } = registry
  return canonical([index, [...sessions], [...records], [...newest], [...vacant], granted])
}
