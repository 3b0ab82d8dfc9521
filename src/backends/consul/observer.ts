/** Who leads, as the key of an election shows it: a session in it means that somebody does, whoever wrote it. */
import { MandateError } from '../../errors.ts'
import type { BackendEnv, LeaderRecord, ObserveEvents } from '../backend.ts'
import type { KvEntry } from './answers.ts'
import { decode64 } from './api.ts'
import type { ConsulApi } from './api.ts'
import { keyOf } from '../../fencing/consul/layout.ts'
import { decodeLockValue, foreignUse } from '../../fencing/consul/lock-value.ts'
import type { ConsulSettings } from './options.ts'
import type { KeyState, Watches } from './watches.ts'

export interface ObserverHost {
  readonly api: ConsulApi
  readonly env: BackendEnv
  readonly settings: ConsulSettings
  readonly watches: Watches
}

/** For the name of a foreign session: without it the leader is known by its session alone. */
const INFO_MS = 3000

/** No event before it returns, none after `close`. */
export function observeKey(host: ObserverHost, election: string, on: ObserveEvents): { close(): void } {
  let open = true
  let watch: { close(): void } | undefined
  try {
    const observation = new Observation(host, on)
    watch = host.watches.follow(keyOf(election, host.settings), observation, { fresh: true })
    return {
      close: () => {
        open = false
        observation.close()
        watch?.close()
      },
    }
  } catch (error) {
    // A name that is no key here: there is nothing to see, and never will be.
    queueMicrotask(() => {
      if (open) on.unknown(error)
    })
    return { close: () => (open = false) }
  }
}

class Observation {
  readonly #host: ObserverHost
  readonly #on: ObserveEvents
  #open = true
  /** What was told last, as text: an equal state is told once. */
  #told = ''
  #newest = 0n
  /** The entry whose holder is being asked for: under a busy prefix the same one is told again and again. */
  #asked: { readonly session: string; readonly modifyIndex: bigint } | undefined

  constructor(host: ObserverHost, on: ObserveEvents) {
    this.#host = host
    this.#on = on
  }

  close(): void {
    this.#open = false
  }

  state({ entry }: KeyState): void {
    const asked = this.#asked
    this.#asked = undefined
    const foreign = entry === undefined ? undefined : foreignUse(entry.flags)
    if (entry !== undefined && foreign !== undefined) return this.#unknown(foreignKey(entry.key, foreign))
    if (entry?.session === undefined) return this.#tell('vacant', () => this.#on.vacant())
    const own = leaderOf(entry, entry.session)
    if (own !== undefined) return this.#led(own)
    const { session, modifyIndex } = entry
    if (asked?.session === session && asked.modifyIndex === modifyIndex) {
      this.#asked = asked
      return
    }
    const asking = { session, modifyIndex }
    this.#asked = asking
    void this.#strange(entry, session).then((leader) => {
      // The name of an older holder never comes after a newer one.
      if (this.#open && this.#asked === asking) this.#led(leader)
    })
  }

  failed(error: unknown): void {
    this.#asked = undefined
    this.#unknown(error)
  }

  #led(leader: LeaderRecord): void {
    const token = leader.token + this.#host.settings.tokenBase
    if (token < this.#newest) {
      const reason = `its token ${token} is below ${this.#newest}, which was seen: Consul was restored from an old snapshot`
      return this.#unknown(
        new MandateError('PROTOCOL_ERROR', `The leader is not certain: ${reason}.`, { reason }),
      )
    }
    this.#newest = token
    const { id, metadata } = leader
    this.#tell(JSON.stringify([id, token.toString(), metadata]), () => this.#on.led({ id, token, metadata }))
  }

  #unknown(cause: unknown): void {
    this.#tell('unknown', () => this.#on.unknown(cause))
  }

  #tell(state: string, tell: () => void): void {
    if (!this.#open || this.#told === state) return
    this.#told = state
    tell()
  }

  /** A leader that is not ours: by the value it wrote, else by the name of its session. */
  async #strange(entry: KvEntry, session: string): Promise<LeaderRecord> {
    const { api } = this.#host
    const info = await api.sessionInfo(session, { timeoutMs: INFO_MS }).catch(() => undefined)
    const text = decode64(entry.value64)
    const named = isName(text) ? text : info?.name
    const metadata = { session, ...(info === undefined ? {} : { agent: info.peer }) }
    return { id: named === undefined || named === '' ? session : named, token: entry.modifyIndex, metadata }
  }
}

/** Undefined: its value is not that of the session that holds it. */
function leaderOf(entry: KvEntry, session: string): LeaderRecord | undefined {
  const value = decodeLockValue(decode64(entry.value64))
  if (value === undefined || value.session !== session) return undefined
  return { id: value.id, token: value.index ?? entry.modifyIndex, metadata: value.metadata }
}

/** What other tools write is often a host name; what is long or binary says nothing to a reader. */
function isName(text: string): boolean {
  return /^[\x21-\x7e][\x20-\x7e]{0,127}$/.test(text) && !text.startsWith('{')
}

function foreignKey(key: string, use: string): MandateError<'INVALID_NAME'> {
  return new MandateError('INVALID_NAME', `the key ${key} ${use}`, { name: key, reason: use })
}
