/** What an embedded cluster refuses, said the same way by each engine. */
import { MandateError } from '../errors.ts'
import type { CandidacyRequest, Exclusivity } from './backend.ts'

/** All elections of one candidate ride on one session of an embedded cluster. */
export function twoLeases(id: string, leaseMs: number, other: number): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `leaseMs is ${leaseMs}, but candidate ${JSON.stringify(id)} stands with a lease of ${other} ms already: all elections ` +
      'of one candidate share its session. Use the same lease, or another candidate id.',
    { option: 'leaseMs', value: leaseMs, expected: String(other) },
  )
}

export function standsAlready(id: string, election: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `Candidate ${id} already stands in election ${JSON.stringify(election)}. ` +
      'End that candidacy first, or use another candidate id.',
    { option: 'election', value: election, expected: 'one candidacy per session and election' },
  )
}

export function otherExclusivity(
  { election, exclusivity }: CandidacyRequest,
  theirs: Exclusivity,
): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `Election ${JSON.stringify(election)} has exclusivity '${theirs}', this candidate asked for '${exclusivity}'. ` +
      'Give all candidates of one election the same exclusivity.',
    { option: 'exclusivity', value: exclusivity, expected: theirs },
  )
}

export function sessionClosed(): MandateError<'CLOSED'> {
  return new MandateError('CLOSED', 'The session is closed.', { what: 'session' })
}

export interface Tried {
  readonly target: string
  readonly reason: string
}

export function unreachableMessage(tried: readonly Tried[]): string {
  const reasons = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
  return `No peer answers: ${reasons}. Start the peers, or check their addresses.`
}
