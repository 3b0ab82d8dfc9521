import type {
  BackendFacts,
  CandidacyRequest,
  Exclusivity,
  Guarantee,
  LeaseTiming,
  Metadata,
} from './facts.ts'
import { MandateError } from '../errors.ts'
import { holderValidityMs } from '../lease/deadline.ts'

/** What a backend cannot raise: names travel in URLs, headers and file names of many systems. */
const NAME_BYTES_MAX = 253

/** Fits every wire and store that a backend may use. */
const PRIORITY_MAX = 1_000_000

/** Longer leases are a mistake of units: nobody waits a day for a takeover. */
const LEASE_MAX_MS = 86_400_000

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u

const LONE_SURROGATE = /\p{Surrogate}/u

/** @throws INVALID_NAME */
export function checkElectionName(name: unknown, facts: BackendFacts<Guarantee>): asserts name is string {
  const shown = typeof name === 'string' ? name : String(name)
  const reason = nameProblem(name, Math.min(NAME_BYTES_MAX, facts.limits.nameBytes), facts.limits.nestedNames)
  if (reason === undefined) return
  const quoted = JSON.stringify(shown.slice(0, 80))
  throw new MandateError('INVALID_NAME', `election name ${quoted} ${reason}`, { name: shown, reason })
}

/** @throws INVALID_OPTIONS */
export function checkCandidateId(id: unknown, option: string): asserts id is string {
  const reason = nameProblem(id, NAME_BYTES_MAX, true)
  if (reason !== undefined)
    throw invalid(option, id, `${option} ${reason}`, `1 to ${NAME_BYTES_MAX} bytes of text`)
}

/** @throws INVALID_OPTIONS, naming the mode that was asked for and those there are, or why there is none */
export function checkExclusivity(
  exclusivity: unknown,
  facts: BackendFacts<Guarantee>,
): asserts exclusivity is Exclusivity {
  const supported: readonly unknown[] = facts.exclusivity
  if (supported.includes(exclusivity)) return
  const asked = typeof exclusivity === 'string' ? `'${exclusivity}'` : String(exclusivity)
  if (facts.guarantee === 'advisory')
    throw invalid(
      'exclusivity',
      exclusivity,
      `exclusivity is ${asked}, but this backend is advisory: while the network is split each part has a leader, so it has no ` +
        'exclusivity to offer. Leave the option out, or use a backend with a quorum',
      'none',
    )
  const expected = facts.exclusivity.map((mode) => `'${mode}'`).join(' or ')
  throw invalid(
    'exclusivity',
    exclusivity,
    `exclusivity is ${asked}, this backend supports only ${expected}`,
    expected,
  )
}

/** @throws INVALID_OPTIONS */
export function checkPriority(priority: unknown, option: string): asserts priority is number {
  if (Number.isInteger(priority) && Math.abs(priority as number) <= PRIORITY_MAX) return
  const expected = `an integer from -${PRIORITY_MAX} to ${PRIORITY_MAX}`
  throw invalid(option, priority, `${option} is ${String(priority)}; give ${expected}`, expected)
}

/** @throws INVALID_OPTIONS, LIMIT_EXCEEDED */
export function checkMetadata(
  metadata: unknown,
  facts: BackendFacts<Guarantee>,
  option: string,
): asserts metadata is Metadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw invalid(option, metadata, `${option} must be an object of strings`, 'an object of strings')
  }
  let bytes = 0
  for (const [key, value] of Object.entries(metadata as Record<string, unknown>)) {
    if (typeof value !== 'string') {
      throw invalid(
        `${option}.${key}`,
        value,
        `${option}.${key} is of type ${typeof value}; metadata values are strings`,
        'a string',
      )
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  const max = facts.limits.metadataBytes
  if (bytes <= max) return
  throw new MandateError(
    'LIMIT_EXCEEDED',
    `${option} has ${bytes} bytes, this backend keeps ${max}: shorten it`,
    {
      limit: 'metadataBytes',
      value: bytes,
      max,
    },
  )
}

/** @throws INVALID_OPTIONS */
export function checkLease(
  leaseMs: unknown,
  facts: BackendFacts<Guarantee>,
  timing: LeaseTiming,
): asserts leaseMs is number {
  const { minLeaseMs } = facts.limits
  if (typeof leaseMs !== 'number' || !(leaseMs >= minLeaseMs && leaseMs <= LEASE_MAX_MS)) {
    const expected = `${minLeaseMs} to ${LEASE_MAX_MS} ms`
    throw invalid(
      'leaseMs',
      leaseMs,
      `leaseMs is ${String(leaseMs)}; this backend takes ${expected}`,
      expected,
    )
  }
  const validMs = holderValidityMs(leaseMs, timing)
  if (validMs > 0) return
  const { maxClockDrift, tickMs } = timing
  throw invalid(
    'leaseMs',
    leaseMs,
    `leaseMs is ${leaseMs}, of which clock drift ${maxClockDrift} and tick ${tickMs} ms leave ${validMs} ms: raise it`,
    `more than ${tickMs / (1 - maxClockDrift)} ms`,
  )
}

/** @throws INVALID_NAME, INVALID_OPTIONS, LIMIT_EXCEEDED */
export function checkCandidacy(request: CandidacyRequest, facts: BackendFacts<Guarantee>): void {
  checkElectionName(request.election, facts)
  if (facts.guarantee !== 'advisory') checkExclusivity(request.exclusivity, facts)
  checkPriority(request.priority, 'priority')
  checkMetadata(request.metadata, facts, 'metadata')
}

function nameProblem(name: unknown, maxBytes: number, nested: boolean): string | undefined {
  if (typeof name !== 'string') return `is of type ${typeof name}; give a string`
  if (name === '') return 'is empty'
  if (CONTROL.test(name)) return 'holds a control character'
  if (LONE_SURROGATE.test(name)) return 'holds half of a surrogate pair, which is no text'
  const bytes = Buffer.byteLength(name)
  if (bytes > maxBytes) return `has ${bytes} bytes, the longest has ${maxBytes}`
  if (!nested && name.includes('/')) return `holds '/', which this backend does not take`
  return undefined
}

function invalid(
  option: string,
  value: unknown,
  message: string,
  expected: string,
): MandateError<'INVALID_OPTIONS'> {
  return new MandateError('INVALID_OPTIONS', message, { option, value, expected })
}
