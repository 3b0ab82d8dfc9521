import { inspect } from 'node:util'
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import type { BackgroundFailure } from '../backend.ts'
import { frameBytesMax } from '../../clients/zookeeper/frame-reader.ts'
import { isServerAddress } from '../../clients/zookeeper/server-list.ts'
import type { TlsOptions } from '../../clients/zookeeper/socket.ts'
import { dialects } from './dialects.ts'
import type { ZooKeeperDialect } from './dialects.ts'
import { chrootProblem } from './layout.ts'
import type { AclPolicy } from './layout.ts'

export interface ZooKeeperOptions {
  /** The servers of one ensemble, host:port each; tried in random order. */
  readonly servers: readonly string[]
  /** Below which all elections lie; created if it is missing. @default '' (the root) */
  readonly chroot?: string | undefined
  /**
   * Whose layout the elections have, and so who else may stand in them: Curator's LeaderLatch, its LeaderSelector (and
   * InterProcessMutex), or kazoo's Election (and Lock). They do not mix in one election. @default 'curator-latch'
   */
  readonly dialect?: ZooKeeperDialect | undefined
  /**
   * The session timeout to ask for, in ms. The servers keep it within bounds of their own, by default 2 to 20 ticks of
   * 2 s; what they grant counts. @default 4000
   */
  readonly sessionMs?: number | undefined
  /**
   * The servers' tickTime, in ms, if it is not half of the session timeout: the smaller it is, the longer a leader
   * outlasts an interruption. Must not be set below the true one. @default half of the granted timeout
   */
  readonly serverTickMs?: number | undefined
  /** Credentials of the scheme `digest`, as `user:password`. */
  readonly auth?: string | undefined
  /** Of the znodes that are made: `open` to everybody, or `creator`: all to these credentials, reading to everybody. @default 'creator' with `auth`, else 'open' */
  readonly acl?: AclPolicy | undefined
  /** TLS to the servers; contents, not file names. */
  readonly tls?: TlsOptions | undefined
  /** Added to every token, for an election that moved here. @default 0n */
  readonly tokenBase?: bigint | undefined
  /** For how long a first server is sought, in ms. @default 5000 */
  readonly connectMs?: number | undefined
  /** The longest message that is read, as the servers' `jute.maxbuffer`. @default 1 MiB */
  readonly frameBytesMax?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Failures that belong to no call. @default process.emitWarning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
}

const known: { readonly [option in keyof Required<ZooKeeperOptions>]: true } = {
  servers: true,
  chroot: true,
  dialect: true,
  sessionMs: true,
  serverTickMs: true,
  auth: true,
  acl: true,
  tls: true,
  tokenBase: true,
  connectMs: true,
  frameBytesMax: true,
  clock: true,
  random: true,
  onBackgroundFailure: true,
}

const SERVERS_MAX = 64
const HOUR_MS = 3_600_000

interface Problem {
  readonly option: string
  readonly value: unknown
  readonly expected: string
}

/** @throws INVALID_OPTIONS: one error lists every problem */
export function checkZooKeeperOptions(options: ZooKeeperOptions): void {
  const problems = isRecord(options)
    ? [...unknownOptions(options), ...serverProblems(options.servers), ...valueProblems(options)]
    : [{ option: 'options', value: options, expected: 'an object such as { servers }' }]
  const [first] = problems
  if (first === undefined) return
  const message = problems
    .map(({ option, value, expected }) => `${option} is ${show(option, value)}: expected ${expected}`)
    .join('; ')
  // What is secret must not come back in an error.
  throw new MandateError('INVALID_OPTIONS', message, {
    ...first,
    value: first.option === 'auth' ? '***' : first.value,
  })
}

function unknownOptions(options: object): Problem[] {
  const names = Object.keys(known).join(', ')
  return Object.entries(options)
    .filter(([option]) => !Object.hasOwn(known, option))
    .map(([option, value]: [string, unknown]) => ({
      option,
      value,
      expected: `no such option; the options are ${names}`,
    }))
}

function serverProblems(servers: unknown): Problem[] {
  if (!Array.isArray(servers) || servers.length === 0 || servers.length > SERVERS_MAX)
    return [
      {
        option: 'servers',
        value: servers,
        expected: `a list of 1 to ${SERVERS_MAX} servers, host:port each`,
      },
    ]
  return servers.flatMap((server: unknown, index) => {
    const option = `servers[${index}]`
    if (!isServerAddress(server))
      return [{ option, value: server, expected: 'host:port with a port of 1-65535' }]
    if (servers.indexOf(server) === index) return []
    return [{ option, value: server, expected: 'every server once' }]
  })
}

function valueProblems(options: ZooKeeperOptions): Problem[] {
  const problems: Problem[] = []
  const want = (
    option: keyof ZooKeeperOptions,
    isGood: (value: never) => boolean,
    expected: string,
  ): void => {
    const value: unknown = options[option]
    if (value !== undefined && !isGood(value as never)) problems.push({ option, value, expected })
  }
  const msUpTo = (max: number) => (value: unknown) => typeof value === 'number' && value > 0 && value <= max
  const chroot: unknown = options.chroot ?? ''
  const chrootExpected = typeof chroot === 'string' ? chrootProblem(chroot) : 'a path'
  if (chrootExpected !== undefined)
    problems.push({ option: 'chroot', value: chroot, expected: chrootExpected })
  const names = Object.keys(dialects)
  want('dialect', (value: string) => names.includes(value), names.map((name) => `'${name}'`).join(' or '))
  want('sessionMs', msUpTo(24 * HOUR_MS), 'a number of ms above 0, up to a day')
  want('serverTickMs', msUpTo(HOUR_MS), "the servers' tickTime in ms")
  want('connectMs', msUpTo(HOUR_MS), 'a number of ms above 0')
  want('auth', (value: unknown) => typeof value === 'string' && /^[^:]+:./s.test(value), "'user:password'")
  want('acl', (value: unknown) => value === 'open' || value === 'creator', "'open' or 'creator'")
  if (options.acl === 'creator' && options.auth === undefined)
    problems.push({
      option: 'acl',
      value: 'creator',
      expected: "'open', because without auth nobody would be the creator",
    })
  want('tls', isRecord, 'an object of ca, cert, key and servername')
  want(
    'tokenBase',
    (value: unknown) => typeof value === 'bigint' && value >= 0n && value < 1n << 62n,
    'a bigint of 0n to 2^62',
  )
  want(
    'frameBytesMax',
    (value: unknown) =>
      Number.isSafeInteger(value) && (value as number) >= 4096 && (value as number) < 2 ** 31,
    `a whole number of bytes from 4096, such as ${frameBytesMax}`,
  )
  want('onBackgroundFailure', (value: unknown) => typeof value === 'function', 'a function')
  return problems
}

function show(option: string, value: unknown): string {
  if (value === undefined) return 'absent'
  if (option === 'auth') return 'not usable'
  return typeof value === 'string'
    ? JSON.stringify(value)
    : inspect(value, { depth: 0, breakLength: Infinity })
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
