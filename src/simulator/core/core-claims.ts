/**
 * What must hold of sessions, leases and leaderships, held against every event of a run as it happens; Raft's own promises are
 * checked by `protocols/raft/testing/safety-checks.ts`. Names as in `../invariants/`, where the whole stack is judged.
 */
import type { KeepaliveAck, KeepaliveRefusal, WithdrawAnswer } from '../../protocols/support/types.ts'
import type { Withdrawal } from '../../protocols/support/types.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import { apply, createRegistry, type Registry } from '../../registry/registry.ts'
import type { Command, RegistryEvent } from '../../registry/types.ts'
import type { Entry } from '../../protocols/raft/types.ts'
import { ClaimBroken } from '../bare/claim-broken.ts'
import { rivalOf } from '../bare/rivals.ts'
import type { CoreCandidate } from './core-candidate.ts'

const names = [
  'exclusivity',
  'token-unique',
  'token-monotone',
  'token-is-the-grant',
  'no-support-after-withdrawal',
  'withdrawal-before-answer',
  'withdrawal-after-silence',
  'expire-needs-majority',
  'withdrawn-is-over',
  'freed-after-loss',
  'registries-agree',
  'nothing-fails',
  'core-is-led',
  'vacancy-ends',
] as const
export type CoreClaim = (typeof names)[number]

/** Of one voter, whatever runs it has had. */
interface VoterRecord {
  /** By session, the highest epoch it withdrew: handed to the disk, durable, or told. */
  readonly withdrawn: Map<string, number>
  /** By session, when it heard of it last, in true time. */
  readonly heardAt: Map<string, number>
  startedAt: number
  /** By session, the epochs that are withdrawn durably. */
  readonly durable: Map<string, number[]>
}

export class CoreClaims {
  readonly evaluations: Record<CoreClaim, number>
  /** Candidates that were told that they lead, and not that they lost; of processes that live. */
  readonly leading = new Set<CoreCandidate>()
  /** What the committed log amounts to. */
  readonly registry: Registry
  /** By index - 1, what each entry of the committed log changed. */
  readonly #effects: string[] = []
  /** Sessions that were ever replaced: a peer that lags may still have to learn that they ended. */
  readonly #superseded = new Set<string>()
  readonly #voters: VoterRecord[]
  readonly #leaseMs: number
  readonly #now: () => number
  readonly #tokens = new Map<string, Set<bigint>>()
  readonly #newest = new Map<string, bigint>()
  /** By session and epoch, who has withdrawn it durably. */
  readonly #withdrawnBy = new Map<string, Set<number>>()

  constructor(options: {
    readonly voters: number
    readonly leaseMs: number
    readonly tokenBase: bigint
    readonly now: () => number
  }) {
    this.evaluations = Object.fromEntries(names.map((name) => [name, 0])) as Record<CoreClaim, number>
    this.registry = createRegistry({ tokenBase: options.tokenBase })
    this.#leaseMs = options.leaseMs
    this.#now = options.now
    this.#voters = Array.from({ length: options.voters }, () => ({
      withdrawn: new Map(),
      heardAt: new Map(),
      startedAt: 0,
      durable: new Map(),
    }))
  }

  ensure(holds: boolean, claim: CoreClaim, facts: () => string): void {
    this.evaluations[claim] += 1
    if (!holds) throw new ClaimBroken(claim, facts())
  }

  // ---- the log -------------------------------------------------------------------------------------------------------

  /** An entry is known to be committed for the first time. */
  learned(entry: Entry<Command>): void {
    const events = entry.data === null ? [] : apply(this.registry, entry.index, entry.data)
    this.#effects[entry.index - 1] = shown(events)
    for (const event of events) {
      if (event.type === 'freed') this.#freed(event)
      if (event.type === 'session-superseded') this.#superseded.add(event.session)
    }
  }

  applied(voter: number, index: number, events: readonly RegistryEvent[]): void {
    const here = shown(events)
    const there = this.#effects[index - 1]
    this.ensure(here === there, 'registries-agree', () => {
      return `entry ${index} changes ${there ?? 'nothing yet'}, and at peer ${voter + 1} ${here}`
    })
  }

  /** Whoever leads proposes it. */
  proposed(process: string, command: Command): void {
    if (command.type !== 'expire') return
    const { session, epoch } = command
    const by = this.#withdrawnBy.get(`${session} ${epoch}`)?.size ?? 0
    this.ensure(by >= majoritySize(this.#voters.length), 'expire-needs-majority', () => {
      return `${process} proposes the expiry of ${session} in epoch ${epoch}; ${by} of ${this.#voters.length} withdrew`
    })
  }

  /** In time mode only its own release or the silence of a lease ends a grant: either way the holder has stopped. */
  #freed({ election, session, token, reason }: Extract<RegistryEvent, { type: 'freed' }>): void {
    for (const candidate of this.leading) {
      if (candidate.session !== session || candidate.plan.election !== election) continue
      if (candidate.plan.exclusivity === 'token' && reason === 'suspected') continue
      this.ensure(candidate.token !== token || !candidate.isValid(), 'freed-after-loss', () => {
        return `'${election}' is freed (${reason}) while ${about(candidate)} is valid at ${this.#now()}`
      })
    }
  }

  // ---- leaderships ---------------------------------------------------------------------------------------------------

  elected(candidate: CoreCandidate): void {
    const { election, exclusivity } = candidate.plan
    const token = candidate.token ?? 0n
    const tokens = this.#tokens.get(election) ?? new Set()
    this.#tokens.set(election, tokens)
    this.ensure(!tokens.has(token), 'token-unique', () => `${about(candidate)}, and somebody had it before`)
    tokens.add(token)
    const index = Number(token - this.registry.tokenBase)
    const grant = `"type":"granted","election":"${election}","session":"${candidate.session}"`
    this.ensure(this.#effects[index - 1]?.includes(grant) === true, 'token-is-the-grant', () => {
      return `${about(candidate)}, but entry ${index} is ${this.#effects[index - 1] ?? 'not known to be committed'}`
    })
    const newest = this.#newest.get(election) ?? -1n
    if (exclusivity === 'time') {
      this.ensure(token > newest, 'token-monotone', () => `${about(candidate)}, after ${newest}`)
    }
    if (token > newest) this.#newest.set(election, token)
    this.leading.add(candidate)
    this.alone(candidate)
  }

  /** Time mode: if it is valid, no other one is (S3). */
  alone(candidate: CoreCandidate): void {
    if (candidate.plan.exclusivity !== 'time' || !candidate.isValid()) return
    this.evaluations.exclusivity += 1
    const other = rivalOf(candidate, this.leading)
    if (other === null) return
    const message = `${about(candidate)} and ${about(other)} are both valid at ${this.#now()}`
    throw new ClaimBroken('exclusivity', message)
  }

  // ---- voters --------------------------------------------------------------------------------------------------------

  started(voter: number): void {
    const record = this.#record(voter)
    record.startedAt = this.#now()
    record.heardAt.clear()
  }

  /** What was on its way to the disk, and told to nobody, may be forgotten. */
  crashed(voter: number): void {
    const { withdrawn, durable } = this.#record(voter)
    withdrawn.clear()
    for (const [session, epochs] of durable) withdrawn.set(session, Math.max(...epochs))
  }

  heard(voter: number, session: string): void {
    this.#record(voter).heardAt.set(session, this.#now())
  }

  withdraws(voter: number, { session, epoch }: Withdrawal): void {
    const { startedAt, heardAt, withdrawn } = this.#record(voter)
    withdrawn.set(session, Math.max(epoch, withdrawn.get(session) ?? -1))
    const since = this.#superseded.has(session)
      ? startedAt
      : Math.max(startedAt, heardAt.get(session) ?? -Infinity)
    this.ensure(this.#now() - since >= this.#leaseMs, 'withdrawal-after-silence', () => {
      return `peer ${voter + 1} withdraws from ${session} at ${this.#now()}; it has heard nothing since ${since} only`
    })
  }

  withdrew(voter: number, { session, epoch }: Withdrawal): void {
    const key = `${session} ${epoch}`
    const { durable } = this.#record(voter)
    const epochs = durable.get(session)
    if (epochs === undefined) durable.set(session, [epoch])
    else epochs.push(epoch)
    const by = this.#withdrawnBy.get(key) ?? new Set()
    this.#withdrawnBy.set(key, by.add(voter))
    if (by.size < majoritySize(this.#voters.length)) return
    if (this.registry.sessions.get(session)?.epoch !== epoch) return
    for (const candidate of this.leading) {
      if (candidate.session !== session) continue
      this.ensure(!candidate.isValid(), 'withdrawn-is-over', () => {
        return `${about(candidate)} is valid at ${this.#now()}, although a majority withdrew epoch ${epoch} of ${session}`
      })
    }
  }

  /** About to leave. */
  tells(voter: number, message: KeepaliveAck | KeepaliveRefusal | WithdrawAnswer): void {
    const { withdrawn, durable } = this.#record(voter)
    const { session, epoch } = message
    if (message.type === 'keepalive-ack') {
      if (withdrawn.size === 0) return
      const last = withdrawn.get(session)
      if (last === undefined) return
      this.ensure(epoch > last, 'no-support-after-withdrawal', () => {
        return `peer ${voter + 1} acknowledges ${session} in epoch ${epoch} at ${this.#now()}, and withdrew ${last} before`
      })
      return
    }
    if (message.type === 'keepalive-refusal' && message.reason !== 'withdrawn') return
    const isRefusal = message.type === 'keepalive-refusal'
    // A refusal says that this epoch or a later one was withdrawn.
    const isDurable =
      durable.get(session)?.some((one) => one === epoch || (isRefusal && one > epoch)) === true
    this.ensure(isDurable, 'withdrawal-before-answer', () => {
      return `peer ${voter + 1} sends ${message.type} for ${session} in epoch ${epoch}; that is not on its disk`
    })
  }

  #record(voter: number): VoterRecord {
    return this.#voters[voter] as VoterRecord
  }
}

function shown(events: readonly RegistryEvent[]): string {
  return JSON.stringify(events, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

function about({ plan, token, session }: CoreCandidate): string {
  return `${plan.candidate} (session ${session}) with token ${token} of '${plan.election}'`
}
