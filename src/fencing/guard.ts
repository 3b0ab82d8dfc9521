/**
 * What every guard shares. A guard stands at the resource and lets a write pass only with the newest token of its
 * election. It checks and writes in one atomic step where the resource can; where it cannot, its page says what is left.
 */
import { MandateError } from '../errors.ts'

/** What a write is made with. Plain data: it travels in headers, columns and job descriptions. */
export interface Fence {
  readonly token: bigint
  /** What the token compares within. Tokens of two scopes say nothing about each other. */
  readonly scope: string
  readonly election: string
}

/**
 * The fence of a `Leadership`. That of an advisory election has none: it has a rank, which excludes nobody.
 * @throws INVALID_OPTIONS
 */
export function fenceOf(leadership: {
  readonly token: bigint
  readonly tokenScope: string
  readonly electionName: string
}): Fence {
  refuseAdvisory(leadership)
  const { token, tokenScope, electionName } = leadership
  return { token, scope: tokenScope, election: electionName }
}

/**
 * The fence of a command under `mandate run`, from MANDATE_TOKEN, MANDATE_TOKEN_SCOPE and MANDATE_ELECTION.
 * @throws INVALID_OPTIONS outside of one
 */
export function fenceFromEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Fence {
  const {
    MANDATE_TOKEN: token = '',
    MANDATE_TOKEN_SCOPE: scope = '',
    MANDATE_ELECTION: election = '',
  } = environment
  return checkFence({ token: /^\d{1,20}$/.test(token) ? BigInt(token) : token, scope, election })
}

/** Whoever calls from JavaScript has no compiler that says what is missing. @throws INVALID_OPTIONS */
export function checkFence(fence: unknown): Fence {
  if (typeof fence !== 'object' || fence === null) throw wrong('fence', fence, '{ token, scope, election }')
  refuseAdvisory(fence)
  const { token, scope, election } = fence as Record<string, unknown>
  if (typeof token !== 'bigint' || token <= 0n || token >= 1n << 63n)
    throw wrong('token', token, "a leadership's token, a bigint above 0n")
  if (typeof scope !== 'string' || scope === '') throw wrong('scope', scope, "the token's scope, a text")
  if (typeof election !== 'string' || election === '')
    throw wrong('election', election, "the election's name, a text")
  return { token, scope, election }
}

/** The compiler says it to whoever has one. */
function refuseAdvisory(given: object): void {
  if ('token' in given || !('rank' in given)) return
  const message =
    'this leadership is advisory: it has a rank and no token, because somebody else may lead in another part of the network, ' +
    'and a guard would let both write. Use a backend with a quorum (bully without `quorum: false`, or raft)'
  const expected = 'the leadership of an election with a quorum, which has a token'
  throw new MandateError('INVALID_OPTIONS', message, { option: 'token', value: undefined, expected })
}

/** The address of a server alone: no path, and no password, which would be shown in errors. */
export function isServerUrl(text: unknown): boolean {
  return typeof text === 'string' && /^https?:\/\/[^/?#@\s]+$/.test(text) && URL.canParse(text)
}

/** The refusal: nothing was written. `newest`: the token that the resource has seen, where it can tell. */
export function staleToken(fence: Fence, newest?: bigint): MandateError<'LEADERSHIP_LOST'> {
  const { token, election } = fence
  const by = newest === undefined ? 'it is no longer that of the leader' : `token ${newest} was here`
  return new MandateError(
    'LEADERSHIP_LOST',
    `the write with token ${token} of election '${election}' is refused: ${by}`,
    { election, token: token.toString(), reason: 'superseded' },
  )
}

/** A token of another scope: neither older nor newer. Nothing was written. */
export function foreignScope(fence: Fence, expected: string): MandateError<'CLUSTER_MISMATCH'> {
  const { scope, election } = fence
  return new MandateError(
    'CLUSTER_MISMATCH',
    `election '${election}' is guarded by tokens of '${expected}', this one is of '${scope}', and the two cannot be ` +
      'compared: give a backend that moved a tokenBase above all tokens so far, and reset the guard to the new scope',
    { expected, actual: scope },
  )
}

function wrong(option: string, value: unknown, expected: string): MandateError<'INVALID_OPTIONS'> {
  const shown = typeof value === 'bigint' || typeof value === 'string' ? `'${value}'` : String(value)
  return new MandateError('INVALID_OPTIONS', `${option} is ${shown}: expected ${expected}`, {
    option,
    value,
    expected,
  })
}
