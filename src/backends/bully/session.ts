/** One session of a bully cluster: attached to the peer of its own process, which stands for it. */
import { MandateError } from '../../errors.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type { CandidacyRequest, Renewal } from '../backend.ts'
import type { CandidacyProtocol } from '../engine/candidacy.ts'
import type { ProtocolOptions, SessionLife, SessionProtocol } from '../engine/engine.ts'
import { Questions } from '../engine/questions.ts'
import { RaftLiveness } from '../raft-liveness.ts'
import { onlyPeersStand } from './only-peers-stand.ts'
import type { BullyReply, SessionRequest } from './words.ts'

/** What was asked for, as the peer answers it. */
type Outcome = 'known' | 'not-holder' | 'stands' | 'absent'

interface Campaign {
  readonly exclusivity: CandidacyRequest['exclusivity']
  readonly tag: number
}

export class BullySession implements SessionProtocol<BullyReply> {
  readonly #options: ProtocolOptions
  readonly #self: PeerId
  readonly #life: SessionLife<SessionRequest>
  readonly #liveness: RaftLiveness
  /** By tag. */
  readonly #questions: Questions<number, Outcome>
  /** By election, what its candidacy asked for last. */
  readonly #campaigns = new Map<string, Campaign>()
  #key: string
  /** Of the newest campaign or question: tells each from all others of the session. */
  #tag = 0
  /** The epoch that was asked for last. */
  #asked = 1
  /** By `lower()`, since when this id is refused; null: it is not. */
  #refusedSince: number | null = null
  /** Another try to open, while somebody else may still have the id. */
  #again: Timer | null = null

  /** @throws UNSUPPORTED for a process that is no peer: it observes, and does not stand */
  constructor(options: ProtocolOptions, life: SessionLife<SessionRequest>) {
    const { env, timing, voters, leaseMs, self, candidateId } = options
    if (self === undefined) throw onlyPeersStand(candidateId)
    this.#options = options
    this.#self = self
    this.#life = life
    this.#key = this.#newKey()
    this.#questions = new Questions({ clock: env.clock, leaseMs })
    this.#liveness = new RaftLiveness(
      { ...timing, clock: env.clock, voters, leaseMs },
      {
        keepalive: (epoch, sequence) => this.#ask({ type: 'keepalive', epoch, sequence }),
        reopen: (epoch) => this.#reopen(epoch),
        renewed: (renewal) => life.renewed(renewal),
        beaten: () => false,
        forsaken: () => false,
      },
    )
  }

  get key(): string {
    return this.#key
  }

  get renewal(): Renewal | null {
    return this.#liveness.renewal
  }

  // ---- the peer of this process ---------------------------------------------------------------------------------

  up(): void {
    this.#open(1)
  }

  down(): void {}

  heard(_from: PeerId, replies: readonly BullyReply[]): void {
    const key = this.#key
    // One by one: the session may end in the middle of them, and none of the rest is about the next.
    for (const reply of replies) if (this.#key === key) this.#heard(reply)
  }

  close(): void {
    this.#ask({ type: 'close' })
  }

  stop(): void {
    this.#again?.cancel()
    this.#liveness.stop()
    this.#questions.endAll(null)
  }

  #ask(request: SessionRequest): void {
    if (this.#life.phase === 'over') return
    this.#life.post({ type: 'ask', session: this.#key, to: this.#self, requests: [request] })
  }

  #heard(reply: BullyReply): void {
    switch (reply.type) {
      case 'opened':
        this.#hasOpened(reply.epoch)
        return
      case 'duplicate':
        this.#isDuplicate()
        return
      case 'over':
        if (this.#life.phase === 'opening' || this.#life.phase === 'open') this.#hasEnded()
        return
      case 'ack':
        this.#liveness.received({ type: 'keepalive-ack', session: this.#key, ...reply.ack })
        return
      case 'refusal':
        this.#liveness.received({ type: 'keepalive-refusal', session: this.#key, ...reply.refusal })
        return
      case 'granted':
      case 'waiting':
      case 'refused':
      case 'superseded':
      case 'risen':
        this.#concerning(reply)
        return
      case 'known':
      case 'not-holder':
        this.#questions.answered(reply.tag, reply.type)
        return
      case 'sought':
        this.#questions.answered(reply.tag, reply.stands ? 'stands' : 'absent')
        return
      case 'closed':
        this.#life.closed()
        return
      case 'state':
        return
      default:
        reply satisfies never
    }
  }

  // ---- opening --------------------------------------------------------------------------------------------------

  #open(epoch: number): void {
    const { candidateId: id, leaseMs } = this.#options
    this.#asked = epoch
    this.#ask({ type: 'open', epoch, id, leaseMs })
  }

  #hasOpened(epoch: number): void {
    const { phase } = this.#life
    if (phase === 'opening' && epoch === 1) {
      this.#refusedSince = null
      this.#liveness.opened(1)
      this.#liveness.beat()
      this.#life.opened()
    } else if (phase === 'open') {
      if (this.renewal === null) this.#hasEnded()
      else this.#liveness.moved(epoch)
    }
  }

  /**
   * Single voters withdrew for good. Only a session that is still supported goes on in another epoch: one that is not may
   * have been replaced, and what it held would come back to life.
   */
  #reopen(epoch: number): void {
    if (this.#life.phase !== 'open') return
    if (this.renewal === null) this.#hasEnded()
    else if (this.#asked <= epoch) this.#open(epoch + 1)
  }

  /** Under a new key: what belonged to the old one is over for good. */
  #hasEnded(): void {
    this.#life.startsOver(
      new MandateError('CLOSED', 'The session was silent for its lease, and ended.', { what: 'session' }),
    )
    this.#questions.endAll(null)
    this.#ask({ type: 'close' })
    this.#liveness.reset()
    this.#key = this.#newKey()
    this.#open(1)
  }

  /** Whoever had the id may have died a moment ago: silent for so long it would have been let go. */
  #isDuplicate(): void {
    if (this.#life.phase !== 'opening') return
    const { clock, random } = this.#options.env
    const { heartbeatMs } = this.#options.timing
    this.#refusedSince ??= clock.lower()
    if (clock.lower() - this.#refusedSince < 4 * heartbeatMs) {
      this.#ask({ type: 'close' })
      this.#key = this.#newKey()
      // By chance: of two that refuse each other at once, one is to come back first.
      this.#again = clock.setTimer(between(random, heartbeatMs / 2, 1.5 * heartbeatMs), () => {
        if (this.#life.phase === 'opening') this.#open(1)
      })
      return
    }
    const id = this.#options.candidateId
    const error = new MandateError(
      'DUPLICATE_ID',
      `Candidate ${JSON.stringify(id)} is connected already, from another process. Give every process an id of its own.`,
      { id },
    )
    this.#life.fails('refused', error)
    this.#life.stop()
  }

  #newKey(): string {
    return `${this.#options.candidateId}~${this.#options.env.random.id()}`
  }

  // ---- candidacies ----------------------------------------------------------------------------------------------

  candidacy({ election, exclusivity, priority, metadata }: CandidacyRequest): CandidacyProtocol {
    return {
      campaign: () => {
        const tag = this.#nextTag()
        this.#campaigns.set(election, { exclusivity, tag })
        this.#ask({ type: 'campaign', election, exclusivity, priority, metadata, tag })
      },
      leave: async (heir, signal) => {
        const known = await this.#question(signal, (tag) => ({ type: 'leave', election, heir, tag }))
        return known !== null
      },
      stands: async (to, signal) => {
        const sought = await this.#question(signal, (tag) => ({ type: 'seek', election, to, tag }))
        return sought === null ? null : sought === 'stands'
      },
      proclaim: async (news, signal) => {
        const outcome = await this.#question(signal, (tag) => ({
          type: 'proclaim',
          election,
          metadata: news,
          tag,
        }))
        if (outcome === null) return 'unknown'
        return outcome === 'known' ? 'done' : 'was-not-holder'
      },
      over: () => void this.#campaigns.delete(election),
    }
  }

  #nextTag(): number {
    return (this.#tag += 1)
  }

  #question(
    signal: AbortSignal | undefined,
    requestOf: (tag: number) => SessionRequest,
  ): Promise<Outcome | null> {
    const tag = this.#nextTag()
    return this.#questions.ask(tag, { signal, send: () => this.#ask(requestOf(tag)) })
  }

  #concerning(
    reply: Extract<BullyReply, { type: 'granted' | 'waiting' | 'refused' | 'superseded' | 'risen' }>,
  ): void {
    const { election } = reply
    const candidacy = this.#life.candidacies.get(election)
    if (candidacy === undefined) return
    const campaign = this.#campaigns.get(election)
    switch (reply.type) {
      case 'waiting':
        candidacy.waiting(reply.ahead)
        return
      case 'granted':
        // With another tag it belongs to an earlier candidacy, which has given it back.
        if (campaign?.tag === reply.tag) candidacy.granted(reply.epoch)
        return
      case 'superseded':
        if (candidacy.token !== reply.epoch) return
        // Stopped before it is said: the classic bully announces a merge upon that word.
        candidacy.end('superseded')
        this.#ask({ type: 'leave', election, heir: null, tag: this.#nextTag() })
        return
      case 'risen':
        candidacy.rose(reply.epoch)
        return
      case 'refused':
        if (campaign !== undefined) candidacy.refused(campaign.exclusivity === 'time' ? 'token' : 'time')
        return
      default:
        reply satisfies never
    }
  }
}
