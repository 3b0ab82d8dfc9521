/** One peer of a bully, by hand: whatever it writes is durable at once, and stays for its next life. */
import { createBully, type Bully } from '../../../protocols/bully/state.ts'
import { step } from '../../../protocols/bully/step.ts'
import type {
  Ballot,
  BullyEffect,
  BullyInput,
  BullyMessage,
  BullyRecord,
  Exclusivity,
  SessionFacts,
  SessionNews,
  Stand,
  View,
} from '../../../protocols/bully/types.ts'

type Vote = Extract<BullyMessage, { type: 'vote' }>

export const leaseMs = 300
const timing = { heartbeatMs: 50, rankStepMs: 10, bounds: { maxClockDrift: 0.001, tickMs: 1 } }
export const nothing: View = { promised: 0, won: 0, held: [], withdrawn: [], freed: [] }

export function factsOf(peer: string, epoch = 1): SessionFacts {
  return { session: `${peer}.1`, epoch, id: peer, leaseMs, host: { peer, incarnation: 1 } }
}

export function standOf(peer: string, exclusivity: Exclusivity = 'time'): Stand {
  return { of: factsOf(peer), priority: 0, exclusivity, metadata: {} }
}

export class BullyStage {
  now = 0
  bully: Bully
  readonly disk: BullyRecord[] = []
  readonly news: SessionNews[] = []
  /** The last message of each type that was sent to a peer. */
  readonly sent = new Map<string, BullyMessage>()
  readonly #peers: number
  #incarnation = 1

  constructor(peers: number) {
    this.#peers = peers
    this.bully = this.#born()
  }

  #born(): Bully {
    const voters = Array.from({ length: this.#peers }, (_, at) => `p${at + 1}`)
    const incarnation = this.#incarnation
    return createBully(
      { self: 'p1', incarnation, configuration: { voters }, startedAt: this.now, ...timing },
      this.disk,
    )
  }

  /** With what its disk holds. */
  restart(): void {
    this.#incarnation += 1
    this.bully = this.#born()
  }

  feed(input: BullyInput): readonly BullyEffect[] {
    const effects = step(this.bully, input, this.now)
    for (const effect of effects) this.#execute(effect)
    return effects
  }

  /** What waited in the sockets was read: it is woken, if it asked for that by now. */
  polled(): void {
    if (this.bully.wakeAt !== null && this.bully.wakeAt <= this.now) this.feed({ type: 'wake' })
  }

  hear(from: string, message: BullyMessage): readonly BullyEffect[] {
    return this.feed({ type: 'message', from, message })
  }

  #execute(effect: BullyEffect): void {
    if (effect.type === 'send') this.sent.set(`${effect.message.type} ${effect.to}`, effect.message)
    if (effect.type === 'tell') this.news.push(effect.news)
    if (effect.type !== 'persist') return
    this.disk.push(...effect.records)
    this.feed({ type: 'persisted', sequence: effect.sequence })
  }

  /** Whether it votes for the session of this peer. */
  votes(
    peer: string,
    epoch: number,
    why: Partial<Pick<Vote, 'won' | 'withdrawn' | 'freed'>> = {},
    stand: Stand = standOf(peer),
  ): boolean {
    const ballot: Ballot = { epoch, stand }
    this.hear(peer, { type: 'vote', election: 'e', ballot, won: 0, withdrawn: [], freed: [], ...why })
    this.polled()
    const reply = this.sent.get(`vote-reply ${peer}`)
    return reply?.type === 'vote-reply' && reply.epoch === epoch && reply.granted
  }
}
