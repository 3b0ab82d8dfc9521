/** What one life of the command needs, and how it can end. */
import type { AdvisoryRank } from '../backends/advisory-rank.ts'
import type { Exclusivity, LossReason } from '../backends/backend.ts'
import type { GuardLink } from './guard-link.ts'
import type { CommandLine } from './guard-protocol.ts'
import type { RunLog } from './run-log.ts'

/** What is used of a leadership. */
export interface HeldLeadership {
  /** Absent: it is advisory, and has a rank instead. */
  readonly token?: bigint
  readonly tokenScope?: string
  readonly rank?: AdvisoryRank
  remainingMs(): number
  readonly lost: Promise<LossReason>
  resign(): Promise<unknown>
  transfer(to: string): Promise<'done' | 'refused' | 'unknown'>
}

/** `none`: its backend is advisory. */
export type RunExclusivity = Exclusivity | 'none'

export type TermEnd =
  /** The command ended, by itself or because `run` was asked to stop. */
  | { readonly is: 'ended'; readonly exitCode: number; readonly why: string; readonly byItself: boolean }
  /** `run` was asked to stop before the command was started. */
  | { readonly is: 'stopped' }
  | { readonly is: 'cannot-run'; readonly exitCode: number; readonly why: string }
  | { readonly is: 'lost'; readonly reason: string }
  | { readonly is: 'guard-lost'; readonly reason: string }

export interface TermOptions {
  readonly leadership: HeldLeadership
  readonly guard: GuardLink
  readonly command: CommandLine
  readonly exclusivity: RunExclusivity
  readonly leaseMs: number
  readonly graceMs: number
  readonly marginMs: number
  readonly killSignal: NodeJS.Signals
  readonly log: RunLog
}
