import { MandateError } from '../errors.ts'

/** All elections of one candidate ride on one session of an embedded cluster. */
export function twoLeases(id: string, leaseMs: number, other: number): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `leaseMs is ${leaseMs}, but candidate ${JSON.stringify(id)} stands with a lease of ${other} ms already: all elections ` +
      'of one candidate share its session. Use the same lease, or another candidate id.',
    { option: 'leaseMs', value: leaseMs, expected: String(other) },
  )
}

interface Tried {
  readonly target: string
  readonly reason: string
}

export function unreachableMessage(tried: readonly Tried[]): string {
  const reasons = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
  return `No peer answers: ${reasons}. Start the peers, or check their addresses.`
}
