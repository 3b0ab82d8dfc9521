import {
  checkCandidateId,
  checkElectionName,
  checkExclusivity,
  checkLease,
  checkMetadata,
  checkPriority,
} from '../backends/backend.ts'
import type { Backend, Exclusivity, Guarantee, Metadata } from '../backends/backend.ts'
import { MandateError } from '../errors.ts'
import { healthSettings } from './health.ts'
import type { HealthCheck, HealthOptions, HealthSettings } from './health.ts'

export interface ElectionOptions<Its extends Guarantee = 'linearizable'> {
  /** 1 to 253 bytes without control characters; the backend may allow less. */
  readonly name: string
  /** What arbitrates: made by `raft()`, `memory()`, … */
  readonly backend: Backend<Its>
  /**
   * `time`: a successor is named only when every older leadership's deadline is surely past. `token`: as soon as there
   * is evidence of death, so only the token protects. Every candidate of an election asks for the same. An advisory backend
   * has none, and refuses both.
   * @default 'time'
   */
  readonly exclusivity?: Exclusivity | undefined
  /** Time to live of the leadership without a renewal, in ms. @default the backend's */
  readonly leaseMs?: number | undefined
  readonly candidate?: CandidateOptions | undefined
}

export interface CandidateOptions {
  /** Different in every process. @default the backend's: a peer's own id, elsewhere host name and a random suffix */
  readonly id?: string | undefined
  /** An integer; higher leads first among those who wait, and never pushes out a leader. @default 0 */
  readonly priority?: number | undefined
  /** What others see of the leader: an address, a version. @default none */
  readonly metadata?: Metadata | undefined
  /**
   * Whether this process can do the work. While it cannot, it does not stand; a leader that cannot hands over, with the
   * drain of `lead()`. Runs while this election campaigns or leads. @default none: always healthy
   */
  readonly health?: HealthCheck | HealthOptions | undefined
}

/** Options after validation, with every default filled in. */
export interface ElectionSettings {
  readonly name: string
  readonly backend: Backend<Guarantee>
  readonly exclusivity: Exclusivity
  readonly leaseMs: number
  readonly candidateId: string
  readonly priority: number
  readonly metadata: Metadata
  readonly health: HealthSettings | null
}

/** @throws INVALID_NAME, INVALID_OPTIONS, LIMIT_EXCEEDED */
export function electionSettings(options: ElectionOptions<Guarantee>): ElectionSettings {
  checkKeys(options, ['name', 'backend', 'exclusivity', 'leaseMs', 'candidate'], '')
  const { name, backend, exclusivity = 'time', candidate = {} } = options
  checkBackend(backend)
  checkKeys(candidate, ['id', 'priority', 'metadata', 'health'], 'candidate.')
  const { facts, timing } = backend
  const leaseMs = options.leaseMs ?? timing.leaseMs
  const candidateId = candidate.id ?? backend.defaultCandidateId ?? `candidate-${backend.env.random.id()}`
  const { priority = 0, metadata = {} } = candidate
  checkElectionName(name, facts)
  if (facts.guarantee !== 'advisory' || options.exclusivity !== undefined)
    checkExclusivity(exclusivity, facts)
  checkLease(leaseMs, facts, timing)
  checkCandidateId(candidateId, 'candidate.id')
  checkPriority(priority, 'candidate.priority')
  checkMetadata(metadata, facts, 'candidate.metadata')
  const health = candidate.health === undefined ? null : healthSettings(candidate.health, 'candidate.health')
  return { name, backend, exclusivity, leaseMs, candidateId, priority, metadata: copyOf(metadata), health }
}

/** A copy, so that later changes to the caller's object do not reach the backend half-way. */
export function copyOf(metadata: Metadata): Metadata {
  return Object.freeze(Object.fromEntries(Object.entries(metadata)))
}

/** A misspelt option would otherwise mean its default, silently. */
export function checkKeys(options: unknown, known: readonly string[], prefix: string): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(prefix === '' ? 'options' : prefix.slice(0, -1), options, 'an object')
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const value: unknown = Reflect.get(options, key)
    throw invalid(`${prefix}${key}`, value, `one of ${known.map((each) => prefix + each).join(', ')}`)
  }
}

function checkBackend(backend: unknown): void {
  const isOne = typeof backend === 'object' && backend !== null && 'facts' in backend && 'share' in backend
  if (!isOne) throw invalid('backend', backend, 'what raft(), memory() or another backend returned')
}

function invalid(option: string, value: unknown, expected: string): MandateError<'INVALID_OPTIONS'> {
  const message = `option ${option} is not understood; expected ${expected}`
  return new MandateError('INVALID_OPTIONS', message, { option, value, expected })
}
