/** What must hold of a bully with a quorum, held against every event of a run as it happens. */
import type { BullyMessage, BullyRecord } from '../../protocols/bully/types.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import { ClaimBroken } from '../bare/claim-broken.ts'
import { rivalOf } from '../bare/rivals.ts'
import type { BullyCandidate } from './bully-candidate.ts'

const names = [
  'exclusivity',
  'token-unique',
  'token-monotone',
  'elected-by-majority',
  'one-vote-per-epoch',
  'durable-before-told',
  'no-support-after-withdrawal',
  'withdrawal-after-silence',
  'withdrawn-is-over',
  'nothing-fails',
  'vacancy-ends',
] as const
export type BullyClaim = (typeof names)[number]

/** Of one voter, whatever runs it has had. */
interface VoterMemory {
  /** By election and epoch, the session voted for, as soon as it is handed to the disk. */
  readonly votes: Map<string, string>
  /** What is on its disk: a line for each vote, withdrawal and reopening. */
  readonly durable: Set<string>
  /** By session, the highest epoch withdrawn: handed to the disk in this life, or durable. */
  withdrawn: Map<string, number>
  readonly heardAt: Map<string, number>
  startedAt: number
}

export class BullyClaims {
  readonly evaluations = Object.fromEntries(names.map((name) => [name, 0])) as Record<BullyClaim, number>
  /** Candidates that were told that they lead, and not that they lost; of processes that live. */
  readonly leading = new Set<BullyCandidate>()
  readonly #voters: VoterMemory[]
  readonly #leaseMs: number
  readonly #now: () => number
  readonly #tokens = new Map<string, Set<number>>()
  /** By session and epoch, who withdrew durably; and by session the epoch that a majority agreed to. */
  readonly #withdrawnBy = new Map<string, Set<number>>()
  readonly #reopenedBy = new Map<string, Set<number>>()

  constructor(options: { readonly voters: number; readonly leaseMs: number; readonly now: () => number }) {
    this.#leaseMs = options.leaseMs
    this.#now = options.now
    this.#voters = Array.from({ length: options.voters }, () => ({
      votes: new Map(),
      durable: new Set(),
      withdrawn: new Map(),
      heardAt: new Map(),
      startedAt: 0,
    }))
  }

  ensure(holds: boolean, claim: BullyClaim, facts: () => string): void {
    this.evaluations[claim] += 1
    if (!holds) throw new ClaimBroken(claim, facts())
  }

  // ---- leaderships ---------------------------------------------------------------------------------------------------

  elected(candidate: BullyCandidate): void {
    const { election, exclusivity } = candidate.plan
    const token = candidate.token ?? 0
    const tokens = this.#tokens.get(election) ?? new Set<number>()
    this.#tokens.set(election, tokens)
    this.ensure(!tokens.has(token), 'token-unique', () => `${about(candidate)}, and somebody had it before`)
    if (exclusivity === 'time') {
      const newest = Math.max(0, ...tokens)
      this.ensure(token > newest, 'token-monotone', () => `${about(candidate)}, after ${newest}`)
    }
    tokens.add(token)
    const line = voteLine(election, token, candidate.session)
    const voters = this.#voters.filter(({ durable }) => durable.has(line)).length
    this.ensure(voters >= majoritySize(this.#voters.length), 'elected-by-majority', () => {
      return `${about(candidate)} by ${voters} of ${this.#voters.length} durable votes`
    })
    this.leading.add(candidate)
    this.alone(candidate)
  }

  /** Time mode: if it is valid, no other one is. */
  alone(candidate: BullyCandidate): void {
    if (candidate.plan.exclusivity !== 'time' || !candidate.isValid()) return
    this.evaluations.exclusivity += 1
    const other = rivalOf(candidate, this.leading)
    if (other === null) return
    const message = `${about(candidate)} and ${about(other)} are both valid at ${this.#now()}`
    throw new ClaimBroken('exclusivity', message)
  }

  // ---- voters --------------------------------------------------------------------------------------------------------

  started(voter: number): void {
    const memory = this.#of(voter)
    memory.startedAt = this.#now()
    memory.heardAt.clear()
  }

  /** What was on its way to the disk, and told to nobody, may be forgotten. */
  crashed(voter: number): void {
    const memory = this.#of(voter)
    memory.withdrawn = new Map()
    memory.votes.clear()
    for (const line of memory.durable) {
      const [type, name = '', epoch = '', session = ''] = line.split(' ')
      if (type === 'vote') memory.votes.set(`${name} ${epoch}`, session)
      if (type === 'withdrawal')
        memory.withdrawn.set(name, Math.max(Number(epoch), memory.withdrawn.get(name) ?? 0))
    }
  }

  heard(voter: number, session: string): void {
    this.#of(voter).heardAt.set(session, this.#now())
  }

  /** Handed to the disk. */
  persists(voter: number, record: BullyRecord): void {
    const memory = this.#of(voter)
    switch (record.type) {
      case 'vote': {
        const { election, ballot } = record
        const key = `${election} ${ballot.epoch}`
        const { session } = ballot.stand.of
        const before = memory.votes.get(key)
        this.ensure(before === undefined || before === session, 'one-vote-per-epoch', () => {
          return `peer ${voter + 1} votes for ${session} in epoch ${ballot.epoch} of '${election}', and voted for ${before}`
        })
        memory.votes.set(key, session)
        return
      }
      case 'withdrawal': {
        const { session, epoch } = record.withdrawal
        memory.withdrawn.set(session, Math.max(epoch, memory.withdrawn.get(session) ?? 0))
        const since = Math.max(memory.startedAt, memory.heardAt.get(session) ?? -Infinity)
        this.ensure(this.#now() - since >= this.#leaseMs, 'withdrawal-after-silence', () => {
          return `peer ${voter + 1} withdraws from ${session} at ${this.#now()}, silent since ${since} only`
        })
        return
      }
      case 'reopened':
        return
      default:
        record satisfies never
    }
  }

  durable(voter: number, record: BullyRecord): void {
    this.#of(voter).durable.add(lineOf(record))
    if (record.type === 'vote') return
    const { session, epoch } = record.withdrawal
    const key = `${session} ${epoch}`
    const by = record.type === 'withdrawal' ? this.#withdrawnBy : this.#reopenedBy
    by.set(key, (by.get(key) ?? new Set()).add(voter))
    if (record.type !== 'withdrawal' || (by.get(key)?.size ?? 0) < this.#majority) return
    // Unless it goes on in a later epoch, to which a majority agreed.
    const next = this.#reopenedBy.get(`${session} ${epoch + 1}`)?.size ?? 0
    if (next >= this.#majority) return
    for (const candidate of this.leading) {
      if (candidate.session !== session) continue
      this.ensure(!candidate.isValid(), 'withdrawn-is-over', () => {
        return `${about(candidate)} is valid at ${this.#now()}, although a majority withdrew epoch ${epoch} of ${session}`
      })
    }
  }

  /** About to leave. */
  tells(voter: number, message: BullyMessage): void {
    const { withdrawn, durable } = this.#of(voter)
    switch (message.type) {
      case 'keepalive-ack': {
        const last = withdrawn.get(message.session) ?? 0
        this.ensure(message.epoch > last, 'no-support-after-withdrawal', () => {
          return `peer ${voter + 1} acknowledges ${message.session} in epoch ${message.epoch}, and withdrew ${last} before`
        })
        return
      }
      case 'withdraw-answer':
        this.#ensureDurable(durable, `withdrawal ${message.session} ${message.epoch}`, voter)
        return
      case 'vote-reply':
        if (!message.granted) return
        this.#ensureDurable(durable, voteLine(message.election, message.epoch, message.session), voter)
        return
      case 'open-reply':
        if (message.is === 'open' && message.epoch > 1)
          this.#ensureDurable(durable, `reopened ${message.session} ${message.epoch}`, voter)
        return
      default:
    }
  }

  get #majority(): number {
    return majoritySize(this.#voters.length)
  }

  #ensureDurable(durable: ReadonlySet<string>, line: string, voter: number): void {
    this.ensure(durable.has(line), 'durable-before-told', () => {
      return `peer ${voter + 1} tells '${line}' at ${this.#now()}; that is not on its disk`
    })
  }

  #of(voter: number): VoterMemory {
    return this.#voters[voter] as VoterMemory
  }
}

function lineOf(record: BullyRecord): string {
  if (record.type === 'vote')
    return voteLine(record.election, record.ballot.epoch, record.ballot.stand.of.session)
  return `${record.type} ${record.withdrawal.session} ${record.withdrawal.epoch}`
}

function voteLine(election: string, epoch: number, session: string): string {
  return `vote ${election} ${epoch} ${session}`
}

function about({ plan, token, session }: BullyCandidate): string {
  return `${plan.candidate} (session ${session}) with token ${token} of '${plan.election}'`
}
