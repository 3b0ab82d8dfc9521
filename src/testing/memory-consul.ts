/**
 * As much of a Consul server as an election asks of it, in memory: for tests of orders of events that a real one gives
 * too seldom. What it answers was looked up at real ones; the tests in `test/servers/consul` are against those.
 */
import { MandateError } from '../errors.ts'
import type { ConsulHttp, ConsulReply, ConsulRequest } from '../backends/consul/http.ts'
import { bigintOf, parseExact, stringifyExact } from '../fencing/consul/exact-json.ts'
import type { Clock } from '../seams/clock.ts'

interface Entry {
  readonly Key: string
  readonly Value: string
  readonly Flags: bigint
  readonly Session?: string
  readonly ModifyIndex: bigint
}

interface StoredSession {
  readonly ID: string
  readonly Name: string
  readonly TTL: string
  readonly Node: 'memory'
  readonly CreateIndex: bigint
}

interface Operation {
  readonly Verb: string
  readonly Key: string
  readonly Value?: string
  readonly Flags?: unknown
  readonly Index?: unknown
  readonly Session?: string
}

export class MemoryConsul {
  /** Which requests, or their answers, are on their way until `deliver`; who sent them gives up in its own time. */
  holds: (request: ConsulRequest) => 'request' | 'answer' | undefined = () => undefined
  /** The address of the server that leads. */
  leader = '127.0.0.1:1'
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #sessions = new Map<string, StoredSession>()
  readonly #changes = new Set<() => void>()
  #held: (() => void)[] = []
  #index = 10n

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A client's way to it. */
  get http(): ConsulHttp {
    const http = {
      target: 'http://memory',
      send: (request: ConsulRequest) => this.#send(request),
      close: () => Promise.resolve(),
    }
    return http as unknown as ConsulHttp
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  get sessions(): readonly string[] {
    return [...this.#sessions.keys()]
  }

  /** As an operator, or a native tool: undefined deletes the key. */
  put(key: string, entry: Partial<Omit<Entry, 'Key' | 'ModifyIndex'>> | undefined): void {
    this.#index++
    const rest = { Value: '', Flags: 0n, ...entry }
    if (entry === undefined) this.#entries.delete(key)
    else this.#entries.set(key, { Key: key, ...rest, ModifyIndex: this.#index })
    this.#changed()
  }

  /** Whatever is on its way arrives. */
  deliver(): void {
    for (const arrive of this.#held.splice(0)) arrive()
  }

  #send(request: ConsulRequest): Promise<ConsulReply> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = request
      const settle = (how: () => void): void => {
        timer.cancel()
        signal?.removeEventListener('abort', abort)
        how()
      }
      const fail = (code: 'CANCELLED' | 'BACKEND_UNAVAILABLE'): void =>
        settle(() => reject(new MandateError(code, 'no answer', {})))
      const abort = (): void => fail('CANCELLED')
      const timer = this.#clock.setTimer(timeoutMs, () => fail('BACKEND_UNAVAILABLE'))
      signal?.addEventListener('abort', abort, { once: true })
      const held = this.holds(request)
      const pass = (way: 'request' | 'answer', run: () => void): void => {
        if (held === way) this.#held.push(run)
        else run()
      }
      const arrive = async (): Promise<void> => {
        const answer = await this.#answer(request)
        pass('answer', () => settle(() => resolve(answer)))
      }
      queueMicrotask(() => pass('request', () => void arrive().catch(reject)))
      if (signal?.aborted === true) abort()
    })
  }

  async #answer({ method, path, query = {}, body = '', signal }: ConsulRequest): Promise<ConsulReply> {
    const [, , room = '', verb = '', ...rest] = path.split('/').map(decodeURIComponent)
    if (room === 'kv') return this.#read([verb, ...rest].join('/'), query, signal)
    if (room === 'txn') return this.#transact(parseExact(body) as readonly { readonly KV: Operation }[])
    if (room === 'status') return reply(200, this.leader)
    if (room === 'session') return this.#session(verb, rest[0] ?? '', body)
    throw new TypeError(`${method} ${path}: not in this Consul`)
  }

  async #read(
    key: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<ConsulReply> {
    const after = BigInt(query['index'] ?? 0)
    while (this.#index <= after && signal?.aborted !== true)
      await new Promise<void>((resolve) => this.#changes.add(resolve))
    const found = [...this.#entries.values()].filter(({ Key }) =>
      query['recurse'] === undefined ? Key === key : Key.startsWith(key),
    )
    const text = stringifyExact(found)
    return { status: found.length === 0 ? 404 : 200, index: this.#index, text }
  }

  #transact(operations: readonly { readonly KV: Operation }[]): ConsulReply {
    const before = new Map(this.#entries)
    this.#index++
    const errors = operations.flatMap(({ KV }, OpIndex) => {
      const What = this.#apply(KV)
      return What === undefined ? [] : [{ OpIndex, What }]
    })
    if (errors.length === 0) {
      this.#changed()
      const last = operations.at(-1)?.KV.Key ?? ''
      return reply(200, { Results: [{ KV: this.#entries.get(last) ?? { ModifyIndex: this.#index } }] })
    }
    this.#entries.clear()
    for (const [key, entry] of before) this.#entries.set(key, entry)
    return reply(409, { Errors: errors })
  }

  /** What is wrong; undefined: done. */
  #apply({ Verb, Key, Value = '', Flags = 0, Index, Session = '' }: Operation): string | undefined {
    const present = this.#entries.get(Key)
    const write = (holder: string | undefined): undefined => {
      const entry = { Key, Value, Flags: bigintOf(Flags) ?? 0n, ModifyIndex: this.#index }
      this.#entries.set(Key, holder === undefined ? entry : { ...entry, Session: holder })
    }
    switch (Verb) {
      case 'check-not-exists':
        return present === undefined ? undefined : `key "${Key}" exists`
      case 'check-index':
        return present?.ModifyIndex === bigintOf(Index)
          ? undefined
          : `current modify index of "${Key}" differs`
      case 'check-session':
        return present?.Session === Session ? undefined : `failed session check for key "${Key}"`
      case 'set':
        return write(present?.Session)
      case 'lock':
        if (!this.#sessions.has(Session)) return 'invalid session'
        if (present?.Session !== undefined && present.Session !== Session) return 'lock is already held'
        return write(Session)
      case 'unlock':
        return present?.Session === Session
          ? write(undefined)
          : "lock isn't held, or is held by another session"
      default:
        throw new TypeError(`${Verb}: not in this Consul`)
    }
  }

  #session(verb: string, id: string, body: string): ConsulReply {
    const session = this.#sessions.get(id)
    switch (verb) {
      case 'create': {
        const { Name, TTL } = parseExact(body) as { readonly Name: string; readonly TTL: string }
        const ID = `00000000-0000-4000-8000-${String(++this.#index).padStart(12, '0')}`
        this.#sessions.set(ID, { ID, Name, TTL, Node: 'memory', CreateIndex: this.#index })
        return reply(200, { ID })
      }
      case 'renew':
        return session === undefined ? reply(404, '') : reply(200, [session])
      case 'destroy':
        this.#sessions.delete(id)
        this.#index++
        for (const entry of [...this.#entries.values()])
          if (entry.Session === id) this.#entries.set(entry.Key, freed(entry, this.#index))
        this.#changed()
        return reply(200, true)
      case 'list':
        return reply(200, [...this.#sessions.values()])
      case 'info':
        return reply(200, session === undefined ? [] : [session])
      default:
        throw new TypeError(`session/${verb}: not in this Consul`)
    }
  }

  #changed(): void {
    const wake = [...this.#changes]
    this.#changes.clear()
    for (const each of wake) each()
  }
}

function freed({ Key, Value, Flags }: Entry, ModifyIndex: bigint): Entry {
  return { Key, Value, Flags, ModifyIndex }
}

function reply(status: number, body: unknown): ConsulReply {
  return { status, index: undefined, text: stringifyExact(body) }
}
