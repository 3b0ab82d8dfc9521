/** Three acceptors whose every message and restart is told by hand; what they write is durable at once. */
import {
  createAcceptor,
  stepAcceptor,
  stopAcceptor,
  type Acceptor,
} from '../../../protocols/paxos/acceptor/acceptor.ts'
import type {
  AcceptorEffect,
  AcceptorInput,
  AcceptorRecord,
  Owner,
  PaxosReply,
  PaxosRequest,
} from '../../../protocols/paxos/types.ts'
import { Broken } from '../schedule.ts'

export const acceptors = ['a', 'b', 'c'] as const
export type AcceptorName = (typeof acceptors)[number]
export const bounds = { maxClockDrift: 0.001, tickMs: 1 }
export const leaseMs = 1_000
export const heartbeatMs = 100
/** Whatever an acceptor waits for before it is sure, or lets go of a silent owner, is over after so long. */
export const longMs = 1_100
export const instance = 'e:x'

export class PaxosStage {
  now = 0
  readonly #acceptors = new Map<AcceptorName, Acceptor>()
  readonly #disks = new Map<AcceptorName, AcceptorRecord>()
  readonly #lives = new Map<AcceptorName, number>()

  constructor() {
    for (const name of acceptors) this.restart(name)
  }

  /** It remembers what is on its disk, and nothing else. */
  restart(name: AcceptorName): void {
    const incarnation = (this.#lives.get(name) ?? 0) + 1
    this.#lives.set(name, incarnation)
    this.#acceptors.set(
      name,
      createAcceptor({
        self: name,
        incarnation,
        bounds,
        heartbeatMs,
        startedAt: this.now,
        recovered: this.#disks.get(name) ?? null,
      }),
    )
  }

  /** Ends in order; `restart` is its next life. */
  stop(name: AcceptorName): void {
    const record = stopAcceptor(this.acceptor(name), this.now)
    if (record !== null) this.#disks.set(name, record)
  }

  /** What it answers whoever asked; news for others is left out. */
  ask(name: AcceptorName, session: string, request: PaxosRequest): PaxosReply | undefined {
    const from = { session, via: 'a', host: { peer: session, incarnation: 1 } }
    const effects = this.step(name, { type: 'request', from, request })
    const replies = effects.flatMap((effect) =>
      effect.type === 'reply' && effect.to.session === session && effect.reply.type !== 'free'
        ? [effect.reply]
        : [],
    )
    return replies.at(-1)
  }

  step(name: AcceptorName, input: AcceptorInput): AcceptorEffect[] {
    const effects = stepAcceptor(this.acceptor(name), input, this.now)
    for (const effect of effects) if (effect.type === 'persist') this.#disks.set(name, effect.record)
    return effects
  }

  wake(name: AcceptorName): void {
    this.step(name, { type: 'wake' })
  }

  prepare(name: AcceptorName, session: string, ballot: number): PaxosReply | undefined {
    return this.ask(name, session, prepareOf(session, ballot))
  }

  propose(
    name: AcceptorName,
    session: string,
    ballot: number,
    owner: Partial<Owner> = {},
  ): PaxosReply | undefined {
    return this.ask(name, session, proposeOf(session, ballot, owner))
  }

  /** Both phases at two acceptors, with ballots that rise until both accept. */
  acquire(session: string, at: readonly AcceptorName[], firstBallot: number): number {
    let ballot = firstBallot
    for (let tries = 0; tries < 10; tries++) {
      const promises = at.map((name) => this.prepare(name, session, ballot))
      if (promises.every((reply) => reply?.type === 'promise')) {
        const answers = at.map((name) => this.propose(name, session, ballot))
        if (answers.every((reply) => reply?.type === 'accepted')) return ballot
      }
      for (const reply of promises) if (reply?.type === 'rejected') ballot = Math.max(ballot, reply.promised)
      ballot += 1
    }
    throw new Broken(`${session} is not accepted by ${at.join(' and ')} within 10 ballots`)
  }

  owner(name: AcceptorName): string | null {
    return this.acceptor(name).entries.get(instance)?.accepted?.session ?? null
  }

  /** Acceptors that hold it for this session. */
  supporters(session: string): number {
    return acceptors.filter((name) => this.owner(name) === session).length
  }

  acceptor(name: AcceptorName): Acceptor {
    return this.#acceptors.get(name) as Acceptor
  }
}

export function prepareOf(session: string, ballot: number): PaxosRequest {
  return { type: 'prepare', instance, ballot, id: session, leaseMs, exclusivity: 'time', priority: 0 }
}

export function proposeOf(session: string, ballot: number, owner: Partial<Owner> = {}): PaxosRequest {
  return {
    type: 'propose',
    instance,
    ballot,
    sequence: 1,
    owner: {
      session,
      id: session,
      leaseMs,
      exclusivity: 'time',
      token: ballot,
      metadata: {},
      revision: 0,
      ...owner,
    },
  }
}
