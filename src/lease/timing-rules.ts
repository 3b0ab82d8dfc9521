import type { ClockBounds } from './deadline.ts'

/** Every duration an embedded cluster and its leases depend on, in ms. */
export interface Timing {
  /** Between two keepalives of a session, and between two heartbeats of a Raft leader. */
  readonly heartbeatMs: number
  /** The range from which each wait for a silent Raft leader is drawn. */
  readonly electionTimeoutMs: readonly [min: number, max: number]
  /** How long a silent session's leaderships last. */
  readonly leaseMs: number
  /** rho: bounds the rate of every clock against true time. @default 0.001 */
  readonly maxClockDrift: number
  /** Quantisation of a clock reading. @default 1 */
  readonly tickMs: number
}

/** setTimeout takes a longer delay for 1 ms, and Kubernetes keeps a lease in 32 bits. */
const MAX_DURATION_MS = 2 ** 31 - 1

/** Above this a lease shrinks so much that the drift is surely a mistyped percentage. */
const MAX_DRIFT = 0.1

/** Every problem of a lease and its clock bounds, each naming the value and the fix; empty: sound. */
export function leaseProblems(lease: ClockBounds & { readonly leaseMs: number }): string[] {
  const problems = durationProblems('leaseMs', lease.leaseMs)
  const { maxClockDrift, tickMs } = lease
  if (!isNumber(maxClockDrift) || maxClockDrift <= 0 || maxClockDrift >= MAX_DRIFT) {
    problems.push(
      `maxClockDrift is ${show(maxClockDrift)}: use a ratio above 0 and below ${MAX_DRIFT}, such as 0.001 for 0.1 %`,
    )
  }
  if (!isNumber(tickMs) || tickMs < 0 || tickMs > MAX_DURATION_MS) {
    problems.push(`tickMs is ${show(tickMs)}: use the step of the clock in ms, 0 or more, such as 1`)
  }
  return problems
}

/** Every problem of a timing: single values first; the relations between them only if those are sound. */
export function timingProblems(timing: Timing): string[] {
  const [minMs, maxMs, ...rest]: readonly unknown[] = Array.isArray(timing.electionTimeoutMs)
    ? timing.electionTimeoutMs
    : []
  const problems = durationProblems('heartbeatMs', timing.heartbeatMs)
  if (!isNumber(minMs) || !isNumber(maxMs) || rest.length > 0) {
    problems.push(
      `electionTimeoutMs is ${show(timing.electionTimeoutMs)}: use [min, max] in ms, such as [500, 1000]`,
    )
  } else {
    problems.push(...durationProblems('electionTimeoutMs[0]', minMs))
    problems.push(...durationProblems('electionTimeoutMs[1]', maxMs))
  }
  problems.push(...leaseProblems(timing))
  return problems.length > 0 ? problems : relationProblems(timing)
}

function relationProblems(timing: Timing): string[] {
  const { heartbeatMs, leaseMs, maxClockDrift, tickMs } = timing
  const [minMs, maxMs] = timing.electionTimeoutMs
  const problems: string[] = []
  if (!(2 * heartbeatMs < minMs)) {
    // A single lost heartbeat must not start an election.
    problems.push(
      `electionTimeoutMs[0] is ${minMs} with heartbeatMs ${heartbeatMs}: ` +
        `raise it above ${2 * heartbeatMs} (two heartbeats), or lower heartbeatMs below ${minMs / 2}`,
    )
  }
  if (!(minMs < maxMs)) {
    // Equal waits make peers stand at the same time, again and again (Raft §5.2).
    problems.push(
      `electionTimeoutMs is [${minMs}, ${maxMs}]: raise the second above the first, such as [${minMs}, ${2 * minMs}]`,
    )
  }
  const fixMs = shortestLeaseMs(timing)
  if (!(leaseMs >= fixMs)) {
    problems.push(
      `leaseMs is ${leaseMs} with heartbeatMs ${heartbeatMs}, maxClockDrift ${maxClockDrift} and tickMs ${tickMs}: ` +
        `a holder could not miss one keepalive; raise leaseMs to ${fixMs} or more, or lower heartbeatMs`,
    )
  }
  return problems
}

/** One lost keepalive must not end a leadership: its holder's validity spans two heartbeats and a tick. */
export function shortestLeaseMs({
  heartbeatMs,
  maxClockDrift,
  tickMs,
}: Omit<Timing, 'leaseMs' | 'electionTimeoutMs'>): number {
  return Math.ceil((2 * heartbeatMs + 2 * tickMs) / (1 - maxClockDrift))
}

function durationProblems(name: string, value: unknown): string[] {
  if (isNumber(value) && value > 0 && value <= MAX_DURATION_MS) return []
  return [`${name} is ${show(value)}: use a number of ms above 0 and at most ${MAX_DURATION_MS}`]
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return Array.isArray(value) ? `[${value.map(show).join(', ')}]` : String(value)
}
