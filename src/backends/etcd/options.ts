import { inspect } from 'node:util'
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import type { BackgroundFailure } from '../backend.ts'

/** `go`: Go's `concurrency.Election`, as `etcdctl elect`. `etcd3`: the npm package of that name. */
export type LayoutName = 'go' | 'etcd3'

/** PEM texts, as Node's `tls.connect` takes them. */
export interface EtcdTls {
  /** Who signed the servers' certificates. @default those that Node trusts */
  readonly ca?: string | Uint8Array | undefined
  /** Of this client, with its key. */
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  /** The name that the servers' certificates must have. @default the host of the endpoint */
  readonly servername?: string | undefined
}

export interface EtcdOptions {
  /** `host:port`, `http://host:port` or `https://host:port`; the port may be absent (2379). */
  readonly endpoints: readonly string[]
  /** Keys are `prefix/NAME/LEASE`. Must not be the name of an election, nor be under it. @default none */
  readonly prefix?: string | undefined
  /** The lease of a session that asks for none, in ms; etcd counts whole seconds, and may grant more. @default 5000 */
  readonly ttlMs?: number | undefined
  /** `go`: as `etcdctl elect` and Go's `concurrency`. `etcd3`: as the npm package of that name. @default 'go' */
  readonly layout?: LayoutName | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** `true`: with what Node trusts. @default true if an endpoint is `https://` */
  readonly tls?: boolean | EtcdTls | undefined
  /** Added to every token, for an election that moves here. The same in every process. @default 0n */
  readonly tokenBase?: bigint | undefined
  /** rho: bounds every clock's rate against true time. @default 0.001 */
  readonly maxClockDrift?: number | undefined
  /** @default host name and a random suffix */
  readonly candidateId?: string | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Failures that belong to no call. @default process.emitWarning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
}

interface Problem {
  readonly message: string
  readonly details: { readonly option: string; readonly value?: unknown; readonly expected: string }
}

const known: { readonly [option in keyof Required<EtcdOptions>]: true } = {
  ...{ endpoints: true, prefix: true, ttlMs: true, layout: true, user: true, password: true, tls: true },
  ...{ tokenBase: true, maxClockDrift: true, candidateId: true },
  ...{ clock: true, random: true, onBackgroundFailure: true },
}

const ENDPOINTS_MAX = 64

/** @throws INVALID_OPTIONS (one error lists every problem) */
export function checkEtcdOptions(options: EtcdOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw asError([problem('options', options, 'an object such as { endpoints }')])
  }
  const problems = [...unknownKeys(options), ...endpointProblems(options), ...otherProblems(options)]
  if (problems.length > 0) throw asError(problems)
}

/** `http://host:port` or `https://host:port` of each. */
export function authoritiesOf({ endpoints, tls }: EtcdOptions): readonly string[] {
  const scheme = tls === undefined || tls === false ? 'http' : 'https'
  return endpoints.map((endpoint) => {
    const { protocol = `${scheme}:`, host = '', port = '2379' } = endpointPattern.exec(endpoint)?.groups ?? {}
    return `${protocol}//${host}:${port}`
  })
}

const endpointPattern =
  /^(?:(?<protocol>https?:)\/\/)?(?<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::(?<port>\d{1,5}))?\/?$/

function unknownKeys(options: EtcdOptions): Problem[] {
  const names = Object.keys(known).join(', ')
  return Object.entries(options)
    .filter(([option]) => !Object.hasOwn(known, option))
    .map(([option, value]) => problem(option, value, `no such option; the options are ${names}`))
}

function endpointProblems({ endpoints, tls }: EtcdOptions): Problem[] {
  if (!Array.isArray(endpoints) || endpoints.length === 0 || endpoints.length > ENDPOINTS_MAX) {
    return [problem('endpoints', endpoints, `1 to ${ENDPOINTS_MAX} addresses such as 'etcd-1:2379'`)]
  }
  const problems: Problem[] = []
  for (const endpoint of endpoints as readonly unknown[]) {
    const groups = typeof endpoint === 'string' ? endpointPattern.exec(endpoint)?.groups : undefined
    const port = Number(groups?.['port'] ?? 2379)
    if (groups === undefined || port < 1 || port > 65_535) {
      problems.push(problem('endpoints', endpoint, 'host:port, http://host:port or https://host:port'))
    } else if (groups['protocol'] === 'http:' && tls !== undefined && tls !== false) {
      problems.push(problem('endpoints', endpoint, 'https://, because tls is given'))
    }
  }
  return problems
}

function otherProblems(options: EtcdOptions): Problem[] {
  const { prefix, layout, user, password, tls, tokenBase, onBackgroundFailure, ttlMs, maxClockDrift } =
    options
  const problems: Problem[] = []
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
  if (
    prefix !== undefined &&
    (!isText(prefix) || prefix.length > 200 || prefix.endsWith('/') || prefix.includes('//'))
  ) {
    problems.push(problem('prefix', prefix, 'a path of at most 200 characters that does not end in a slash'))
  }
  if (layout !== undefined && layout !== 'go' && layout !== 'etcd3') {
    problems.push(problem('layout', layout, "'go' or 'etcd3'"))
  }
  if (user !== undefined && !isText(user)) problems.push(problem('user', user, 'the name of an etcd user'))
  if ((user === undefined) !== (password === undefined)) {
    const missing = user === undefined ? 'user' : 'password'
    problems.push(problem(missing, undefined, 'both user and password, or neither of them'))
  }
  // Its value is not shown.
  if (password !== undefined && typeof password !== 'string')
    problems.push(problem('password', '…', 'a string'))
  if (tls !== undefined && typeof tls !== 'boolean' && (typeof tls !== 'object' || tls === null)) {
    problems.push(problem('tls', tls, 'true, or an object of ca, cert, key and servername'))
  }
  if (typeof tls === 'object' && tls !== null && (tls.cert === undefined) !== (tls.key === undefined)) {
    problems.push(problem('tls', '…', 'a certificate together with its key'))
  }
  if (
    tokenBase !== undefined &&
    (typeof tokenBase !== 'bigint' || tokenBase < 0n || tokenBase >= 1n << 62n)
  ) {
    problems.push(problem('tokenBase', tokenBase, 'a bigint of 0n to 2^62'))
  }
  if (ttlMs !== undefined && !(typeof ttlMs === 'number' && ttlMs >= 1000 && ttlMs <= 86_400_000)) {
    problems.push(problem('ttlMs', ttlMs, '1000 to 86400000 ms'))
  }
  if (
    maxClockDrift !== undefined &&
    !(typeof maxClockDrift === 'number' && maxClockDrift > 0 && maxClockDrift < 0.1)
  ) {
    problems.push(problem('maxClockDrift', maxClockDrift, 'a ratio above 0 and below 0.1'))
  }
  if (onBackgroundFailure !== undefined && typeof onBackgroundFailure !== 'function') {
    problems.push(problem('onBackgroundFailure', onBackgroundFailure, 'a function'))
  }
  return problems
}

function asError(problems: readonly Problem[]): MandateError<'INVALID_OPTIONS'> {
  const message = problems.map((each) => each.message).join('; ')
  return new MandateError('INVALID_OPTIONS', message, problems[0]?.details ?? { option: 'options' })
}

function problem(option: string, value: unknown, expected: string): Problem {
  const shown = value === undefined ? 'absent' : inspect(value, { depth: 1, breakLength: Infinity })
  return { message: `${option} is ${shown}: expected ${expected}`, details: { option, value, expected } }
}
