/** What every checker is: fed with each event as it happens, asked once more at the end. */
import type { Exclusivity } from '../../backends/backend.ts'
import type { Timing } from '../../lease/timing.ts'
import type { RaftMessage } from '../../protocols/raft/types.ts'
import type { SupportMessage } from '../../protocols/support/types.ts'
import type { AnyPeerMessage, HistoryEvent } from '../history.ts'
import type { Protocol } from '../sweep/level.ts'

/** A leadership whose `isValid()` a checker may read at the present instant of true time. */
export interface LiveLeadership {
  readonly attempt: number
  readonly process: string
  readonly candidate: string
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly token: bigint
  /** Reads the process's own clock, also while the process is frozen; changes nothing. */
  isValid(): boolean
}

/** What a checker may know besides the events. */
export interface CheckContext {
  /** @default 'raft' */
  readonly protocol?: Protocol
  readonly timing: Timing
  /** The ids of all voters. */
  readonly voters: readonly string[]
  readonly mode: 'safety' | 'liveness'
  /** A question and its answer take so long at most where nothing is broken, the disk's part included. @default 0 */
  readonly roundTripMs?: number
  /** Added to the source of the tokens, as the log index of a grant. @default 0n */
  readonly tokenBase?: bigint
  /** Leaderships that were elected and are not lost yet, of processes that run (or are frozen), oldest first. */
  leaderships(): Iterable<LiveLeadership>
}

export interface Checker {
  /** How often the claim was really put to the test; 0 over many runs is an error of the simulator. */
  readonly evaluations: number
  /** @throws Violated */
  observe(event: HistoryEvent): void
  /** After the last event. @throws Violated */
  finish?(): void
}

/** What a message between peers is called: the type that Raft or support gives it, or else its kind. */
export type MessageName =
  | RaftMessage<never>['type']
  | SupportMessage['type']
  | Exclude<AnyPeerMessage['kind'], 'raft' | 'support'>

export function nameOf(message: AnyPeerMessage): MessageName {
  return message.kind === 'raft' || message.kind === 'support' ? message.message.type : message.kind
}

export interface Invariant {
  /** Kebab-case, as in `Violation.invariant` and in the name of its file. */
  readonly name: string
  /** One sentence, with its source: `S2`, `Raft §5.2`, `DESIGN §4.1 A5`. */
  readonly claim: string
  /** What it wants to see; nothing else is shown to it. @default all events */
  readonly types?: readonly HistoryEvent['type'][]
  /** Of `sent` and `received`, which it wants to see: most of all events are messages, and most say nothing about it. @default all */
  readonly messages?: readonly MessageName[]
  check(context: CheckContext): Checker
}

/** Thrown by a checker; the run ends with it. */
export class Violated extends Error {
  override readonly name = 'Violated'
}

/** `facts` is called only when the claim does not hold. @throws Violated */
export function ensure(holds: boolean, facts: () => string): asserts holds {
  if (!holds) throw new Violated(facts())
}
