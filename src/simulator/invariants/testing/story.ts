/**
 * A history made by hand, told like a story, for the test of one checker: processes start, campaign, are elected, write
 * to their disks and send to each other, and the checker sees each event as it would in the simulated world.
 */
import type { Exclusivity, LossReason } from '../../../backends/backend.ts'
import type { LogRecord, ObservedState, PeerMessage } from '../../../cluster/messages.ts'
import { timingPresets } from '../../../lease/timing.ts'
import type { Entry, RaftMessage } from '../../../protocols/raft/types.ts'
import type { SupportMessage } from '../../../protocols/support/types.ts'
import type { Command } from '../../../registry/types.ts'
import type { HistoryEvent } from '../../history.ts'
import type { Protocol } from '../../sweep/level.ts'
import type { CheckContext, Checker, Invariant, LiveLeadership } from '../invariant.ts'

export interface StoryOptions {
  /** @default a, b, c */
  readonly voters?: readonly string[]
  /** @default safety */
  readonly mode?: CheckContext['mode']
  /** @default raft */
  readonly protocol?: Protocol
  /** @default 0 */
  readonly roundTripMs?: number
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** An event without when and where. */
type Happening = DistributiveOmit<HistoryEvent, 'at' | 'sequence' | 'process' | 'run'>

/** Tells the story to the checker of `invariant` and ends it. Returns how often the claim was evaluated. @throws Violated */
export function judge(
  invariant: Invariant,
  tell: (story: Story) => void,
  options: StoryOptions = {},
): number {
  const story = new Story(invariant, options)
  tell(story)
  story.ends()
  return story.evaluations
}

export class Story {
  /** True time, ms. */
  now = 0
  readonly timing = timingPresets.default
  readonly #types: ReadonlySet<string> | null
  readonly #checker: Checker
  readonly #leaderships = new Set<StoryAttempt>()
  #sequence = 0
  #attempts = 0
  #over = false

  constructor(
    invariant: Invariant,
    { voters = ['a', 'b', 'c'], mode = 'safety', protocol = 'raft', roundTripMs = 0 }: StoryOptions,
  ) {
    this.#types = invariant.types === undefined ? null : new Set(invariant.types)
    const leaderships = this.#leaderships
    const context: CheckContext = {
      protocol,
      timing: this.timing,
      roundTripMs,
      voters,
      mode,
      leaderships: () => leaderships,
    }
    this.#checker = invariant.check(context)
  }

  get evaluations(): number {
    return this.#checker.evaluations
  }

  passes(ms: number): void {
    this.now += ms
  }

  /** A process that has started. */
  process(id: string): StoryProcess {
    const process = new StoryProcess(this, id)
    process.happens({ type: 'started' })
    return process
  }

  heals(core: readonly string[]): void {
    this.tell({ process: '', run: 0 }, { type: 'healed', core, forEver: true })
  }

  ends(): void {
    if (this.#over) return
    this.#over = true
    this.tell({ process: '', run: 0 }, { type: 'ended' })
    this.#checker.finish?.()
  }

  nextAttempt(): number {
    return ++this.#attempts
  }

  begins(leadership: StoryAttempt): void {
    this.#leaderships.add(leadership)
  }

  isOver(leadership: StoryAttempt): void {
    this.#leaderships.delete(leadership)
  }

  dies(process: StoryProcess): void {
    for (const one of this.#leaderships) if (one.by === process) this.#leaderships.delete(one)
  }

  tell(by: { readonly process: string; readonly run: number }, happening: Happening): void {
    if (this.#types !== null && !this.#types.has(happening.type)) return
    this.#sequence += 1
    const event = { at: this.now, sequence: this.#sequence, process: by.process, run: by.run, ...happening }
    this.#checker.observe(event)
  }
}

export class StoryProcess {
  readonly id: string
  run = 1
  readonly #story: Story
  #batches = 0

  constructor(story: Story, id: string) {
    this.#story = story
    this.id = id
  }

  happens(happening: Happening): void {
    this.#story.tell({ process: this.id, run: this.run }, happening)
  }

  crashes(): void {
    this.#story.dies(this)
    this.happens({ type: 'crashed' })
  }

  /** After a crash: the next run, and what it found on its disk. */
  startsAgain(...found: readonly LogRecord[]): void {
    this.run += 1
    this.#batches = 0
    this.happens({ type: 'started' })
    this.recovers(...found)
  }

  recovers(...records: readonly LogRecord[]): void {
    this.happens({ type: 'recovered', incarnation: this.run, records })
  }

  /** Returns the number of the batch. */
  appends(...records: readonly LogRecord[]): number {
    this.#batches += 1
    this.happens({ type: 'appended', batch: this.#batches, records })
    return this.#batches
  }

  hasDurable(batch: number): void {
    this.happens({ type: 'durable', batch })
  }

  writes(...records: readonly LogRecord[]): void {
    this.hasDurable(this.appends(...records))
  }

  sends(to: string, message: PeerMessage): void {
    this.happens({ type: 'sent', to, message })
  }

  receives(from: string, message: PeerMessage): void {
    this.happens({ type: 'received', from, message })
  }

  commits(...entries: readonly Entry<Command>[]): void {
    this.happens({ type: 'committed', entries })
  }

  leads(term: number): void {
    this.happens({ type: 'led', term })
  }

  /** `term`: the one it is in now. */
  stepsDown(term: number): void {
    this.happens({ type: 'stepped-down', term })
  }

  observes(observer: number, state: ObservedState, election = 'billing'): void {
    this.happens({ type: 'observed', observer, election, state })
  }

  campaigns(of: Partial<StoryCampaign> = {}): StoryAttempt {
    const campaign = { candidate: this.id, election: 'billing', exclusivity: 'time', ...of } as const
    return new StoryAttempt(this.#story, this, campaign)
  }

  /** A campaign that is won at once. */
  isElected(token: bigint, of: Partial<StoryCampaign> = {}): StoryAttempt {
    const attempt = this.campaigns(of)
    attempt.isElected(token)
    return attempt
  }
}

export interface StoryCampaign {
  readonly candidate: string
  readonly election: string
  readonly exclusivity: Exclusivity
}

/** One campaign, and the leadership that it wins. */
export class StoryAttempt implements LiveLeadership {
  readonly attempt: number
  readonly by: StoryProcess
  readonly process: string
  readonly candidate: string
  readonly election: string
  readonly exclusivity: Exclusivity
  token = 0n
  /** True time up to which `isValid()` says yes. */
  validUntil = Number.POSITIVE_INFINITY
  readonly #story: Story

  constructor(story: Story, by: StoryProcess, { candidate, election, exclusivity }: StoryCampaign) {
    this.#story = story
    this.attempt = story.nextAttempt()
    this.by = by
    this.process = by.id
    this.candidate = candidate
    this.election = election
    this.exclusivity = exclusivity
    by.happens({ type: 'campaign', attempt: this.attempt, candidate, election, exclusivity })
  }

  isValid(): boolean {
    return this.#story.now < this.validUntil
  }

  isElected(token: bigint, valid = true): void {
    this.token = token
    this.by.happens({ type: 'elected', attempt: this.attempt, token, valid })
    this.#story.begins(this)
  }

  isCancelled(): void {
    this.by.happens({ type: 'cancel', attempt: this.attempt })
  }

  isNotElected(code: string): void {
    this.by.happens({ type: 'not-elected', attempt: this.attempt, code })
  }

  isAborted(valid = false): void {
    if (!valid) this.validUntil = Math.min(this.validUntil, this.#story.now)
    this.by.happens({ type: 'aborted', attempt: this.attempt, valid })
  }

  isLost(reason: LossReason, aborted = true): void {
    this.#story.isOver(this)
    this.by.happens({ type: 'lost', attempt: this.attempt, reason, aborted })
  }

  /** In the order that is promised. */
  ends(reason: LossReason): void {
    this.isAborted()
    this.isLost(reason)
  }

  isChecked(valid: boolean): void {
    this.by.happens({ type: 'checked', attempt: this.attempt, valid })
  }

  hasWritten(accepted: boolean): void {
    this.by.happens({ type: 'wrote', attempt: this.attempt, token: this.token, accepted })
  }

  does(type: 'resign' | 'transfer' | 'proclaim'): void {
    this.by.happens({ type, attempt: this.attempt })
  }

  hasDone(type: 'resigned' | 'transferred' | 'proclaimed', outcome = 'done'): void {
    this.by.happens({ type, attempt: this.attempt, outcome })
  }
}

export const raft = (message: RaftMessage<Command>): PeerMessage => ({ kind: 'raft', message })
export const support = (message: SupportMessage): PeerMessage => ({ kind: 'support', message })
