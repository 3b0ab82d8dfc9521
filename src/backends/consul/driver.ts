import { MandateError } from '../../errors.ts'
import type {
  BackendDriver,
  BackendEnv,
  BackendFacts,
  Cancellable,
  LeaseTiming,
  ObserveEvents,
  Observer,
  Session,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import { plainObserver } from '../observations.ts'
import type { Observation } from '../observations.ts'
import { ConsulApi } from './api.ts'
import { ConsulHttp } from './http.ts'
import { rootOf } from '../../fencing/consul/layout.ts'
import { observeKey } from './observer.ts'
import { CHECK_MIN_MS, TTL_MIN_MS } from './options.ts'
import type { ConsulSettings } from './options.ts'
import { releaseTicket } from './release.ts'
import { ConsulSession } from './session.ts'
import { Watches } from './watches.ts'

export function consulFacts({ checkMs, serfHealth }: ConsulSettings): BackendFacts {
  return {
    guarantee: 'linearizable',
    exclusivity: ['time'],
    tokenSource: 'Consul ModifyIndex of the lock transaction',
    order: 'race',
    transfer: 'none',
    proclaim: true,
    earlyLoss: [
      'operator',
      ...(checkMs === undefined ? [] : (['health-check'] as const)),
      ...(serfHealth ? (['gossip'] as const) : []),
    ],
    limits: {
      minLeaseMs: checkMs === undefined ? TTL_MIN_MS : CHECK_MIN_MS,
      nameBytes: 253,
      metadataBytes: 4096,
      nestedNames: true,
    },
  }
}

/** Whoever asks for the state of an agent waits no longer. */
const START_MS = 5000

/** A blocking query is asked again so often, at least: so late is it noticed that nothing comes through. */
const WAIT_MIN_MS = 1000
const WAIT_MAX_MS = 10_000

export class ConsulDriver implements BackendDriver {
  readonly facts: BackendFacts
  readonly #settings: ConsulSettings
  readonly #timing: LeaseTiming
  readonly #env: BackendEnv
  readonly #api: ConsulApi
  readonly #watches: Watches
  /** By candidate id, of the session that was opened last. */
  readonly #sessions = new Map<string, { readonly leaseMs: number }>()
  #scope = ''

  constructor(settings: ConsulSettings, timing: LeaseTiming, env: BackendEnv) {
    this.facts = consulFacts(settings)
    this.#settings = settings
    this.#timing = timing
    this.#env = env
    this.#api = new ConsulApi(new ConsulHttp(settings, env.clock))
    const waitMs = Math.max(WAIT_MIN_MS, Math.min(WAIT_MAX_MS, timing.leaseMs))
    this.#watches = new Watches({ api: this.#api, env, root: rootOf(settings), waitMs })
  }

  async start({ signal }: Cancellable): Promise<void> {
    const { scope, datacenter } = this.#settings
    const call = { timeoutMs: START_MS, signal }
    const known = scope ?? (datacenter === undefined ? undefined : `consul:${datacenter}`)
    if (known === undefined) this.#scope = `consul:${await this.#api.datacenter(call)}`
    else {
      await this.#api.leader(call)
      this.#scope = known
    }
  }

  async open(request: SessionRequest, o: Cancellable): Promise<Session> {
    const { candidateId } = request
    const { checkMs, ttlMs } = this.#settings
    const leaseMs = request.leaseMs ?? this.#timing.leaseMs
    const other = this.#sessions.get(candidateId)
    if (other !== undefined && other.leaseMs !== leaseMs) throw twoLeases(candidateId, leaseMs, other.leaseMs)
    const { lockDelayMs, serfHealth } = this.#settings
    if (serfHealth && leaseMs > lockDelayMs) throw longerThanDelay(leaseMs, lockDelayMs)
    const entry = { leaseMs }
    this.#sessions.set(candidateId, entry)
    return ConsulSession.open(
      {
        api: this.#api,
        env: this.#env,
        timing: this.#timing,
        settings: this.#settings,
        watches: this.#watches,
        scope: this.#scope,
        candidateId,
        // With a check, that is the lease: the session behind it only covers the agent.
        ttlMs: checkMs === undefined ? leaseMs : Math.max(ttlMs, leaseMs),
        checkMs: checkMs === undefined ? undefined : leaseMs,
        closed: () => {
          if (this.#sessions.get(candidateId) === entry) this.#sessions.delete(candidateId)
        },
      },
      o,
    )
  }

  openObserver(): Promise<Observer & { close(): Promise<void> }> {
    const host = { api: this.#api, env: this.#env, settings: this.#settings, watches: this.#watches }
    const observe = (election: string, on: ObserveEvents): Observation => observeKey(host, election, on)
    return Promise.resolve(plainObserver(this.#scope, observe))
  }

  releaseSession(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'> {
    return releaseTicket(this.#api, ticket, o)
  }

  close(): Promise<void> {
    this.#watches.close()
    return this.#api.http.close()
  }
}

function longerThanDelay(leaseMs: number, lockDelayMs: number): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `leaseMs is ${leaseMs}, and gossip may end the session at any instant of it, but lockDelayMs is ${lockDelayMs}: ` +
      'lower the lease, raise lockDelayMs (to at most 60 s), or leave serfHealth off',
    { option: 'leaseMs', value: leaseMs, expected: `at most ${lockDelayMs} ms` },
  )
}

function twoLeases(id: string, leaseMs: number, other: number): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `candidate '${id}' has a session with a lease of ${other} ms in this process, so it cannot have one of ${leaseMs} ms: ` +
      'use one lease, or another candidate id',
    { option: 'leaseMs', value: leaseMs, expected: `${other} ms` },
  )
}
