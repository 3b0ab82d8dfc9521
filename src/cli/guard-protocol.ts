/**
 * What `run` and its guard say to each other: one JSON object a line, over one socket pair.
 *
 * Instants are CLOCK_MONOTONIC nanoseconds (`process.hrtime.bigint()`), which all processes of a machine share, as
 * decimal strings; `bootMs` is the same instant on the clock that also counts while the machine is suspended.
 */
import { uptime } from 'node:os'
import type { SessionTicket } from '../backends/backend.ts'
import type { BackendDescription } from './description.ts'

export interface Deadline {
  readonly monotonicNs: string
  readonly bootMs: number
}

export interface CommandLine {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** How to free the session once both the supervisor and the command are dead. */
export interface ReleasePlan {
  readonly backend: BackendDescription
  readonly ticket: SessionTicket
  /** Later than this after the supervisor's death there is nothing left to release. */
  readonly leaseMs: number
}

export type ToGuard =
  | { readonly type: 'start'; readonly command: CommandLine; readonly deadline: Deadline }
  /** May also be nearer than the one before: a command that was asked to stop is killed then. */
  | { readonly type: 'deadline'; readonly deadline: Deadline }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly type: 'plan'; readonly plan: ReleasePlan | null }
  /** The supervisor ends in order: nothing to kill, nothing to release. */
  | { readonly type: 'end' }

export type FromGuard =
  | { readonly type: 'ready' }
  | { readonly type: 'started'; readonly pid: number }
  /** `code` is errno's name, or LATE: the deadline was past before the command could start. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** Answers each deadline: the guard is alive. */
  | { readonly type: 'heard' }
  /** The deadline passed: the group was sent SIGKILL. */
  | { readonly type: 'killed' }
  /** The command itself ended; `leftover`: others of its group still run. */
  | {
      readonly type: 'exited'
      readonly code: number | null
      readonly signal: NodeJS.Signals | null
      readonly leftover: boolean
    }
  /** Nobody of the group runs any more. */
  | { readonly type: 'gone' }

/** The instant `delayMs` after `from`, where `from` was read before the delay was computed. */
export function deadlineAfter(
  from: { readonly monotonicNs: bigint; readonly bootMs: number },
  delayMs: number,
): Deadline {
  const nanoseconds = BigInt(Math.floor(delayMs * 1e6))
  return { monotonicNs: String(from.monotonicNs + nanoseconds), bootMs: from.bootMs + delayMs }
}

/** Both clocks now. Read them before asking how much of a lease remains: a pause in between then errs to the safe side. */
export function readClocks(): { readonly monotonicNs: bigint; readonly bootMs: number } {
  return { monotonicNs: process.hrtime.bigint(), bootMs: uptime() * 1000 }
}

/** The clock of boot time moves in steps of 10 ms, and is read a little later. */
const bootStepMs = 20

/** What is left, in ms; negative when it is past by either clock. */
export function remainingUntil(deadline: Deadline): number {
  const monotonicMs = Number(BigInt(deadline.monotonicNs) - process.hrtime.bigint()) / 1e6
  return Math.min(monotonicMs, deadline.bootMs + bootStepMs - uptime() * 1000)
}

/** Cuts a stream into lines; `take` is called for each complete one. */
export function lineReader(take: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') take(line)
  }
}
