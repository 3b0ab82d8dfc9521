import { inspect } from 'node:util'
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import type { BackgroundFailure } from '../backend.ts'
import { pathProblem } from '../../fencing/consul/layout.ts'
import type { ConsulLayout } from '../../fencing/consul/layout.ts'

export interface ConsulTls {
  /** PEM of the authorities to trust. @default those of the system */
  readonly ca?: string | Uint8Array | undefined
  /** PEM of this client's certificate, and of its key. */
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  /** The name that the server's certificate must have. @default the host of the address */
  readonly serverName?: string | undefined
}

export interface ConsulOptions {
  /** `host:port`, or with `http://` or `https://`: the local agent, best. @default '127.0.0.1:8500' */
  readonly address?: string | undefined
  /** What the keys of all elections begin with, without slashes at its ends. @default '' */
  readonly prefix?: string | undefined
  /** `lock`: `prefix/NAME/.lock`, as `consul lock`. `key`: `prefix/NAME`, as Go's `api.LockKey`. @default 'lock' */
  readonly layout?: ConsulLayout | undefined
  /** The session's time to live, in ms; Consul waits up to twice as long. 10 s to 24 h. @default 10000 */
  readonly ttlMs?: number | undefined
  /**
   * Links the session to a check at the agent that expires after so many ms without a heartbeat, so that a crash frees
   * the elections in that time. Needs the address of one agent, not of a balancer before several. @default off
   */
  readonly checkMs?: number | undefined
  /**
   * How long Consul keeps a key from everybody after a session ended otherwise than by a release, in ms; at most 60 s.
   * @default 1000, or a quarter of `checkMs` if that is less; with `serfHealth` the time to live
   */
  readonly lockDelayMs?: number | undefined
  /** Also end the session when gossip takes the agent for failed. Needs a `lockDelayMs` of at least `ttlMs`. @default false */
  readonly serfHealth?: boolean | undefined
  /** @default the agent's own */
  readonly datacenter?: string | undefined
  /** Enterprise only. */
  readonly namespace?: string | undefined
  /** ACL token. @default the variable CONSUL_HTTP_TOKEN */
  readonly token?: string | undefined
  readonly tls?: ConsulTls | undefined
  /** What tokens compare within. @default 'consul:' and the datacentre */
  readonly scope?: string | undefined
  /** Added to every token, for an election that moves here. The same in every process. @default 0n */
  readonly tokenBase?: bigint | undefined
  /** What to do with a leadership when the wall clock jumps forward. @default 'lose' */
  readonly onClockStep?: 'lose' | 'ignore' | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Failures that belong to no call. @default process.emitWarning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
}

/** The options with every default in its place. */
export interface ConsulSettings {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  readonly prefix: string
  readonly layout: ConsulLayout
  readonly ttlMs: number
  readonly checkMs: number | undefined
  readonly lockDelayMs: number
  readonly serfHealth: boolean
  readonly datacenter: string | undefined
  readonly namespace: string | undefined
  readonly token: string | undefined
  readonly tls: ConsulTls
  readonly scope: string | undefined
  readonly tokenBase: bigint
}

/** Consul's own bounds (`session_ttl_min`, SessionTTLMax, MaxLockDelay). */
export const TTL_MIN_MS = 10_000
const TTL_MAX_MS = 86_400_000
const LOCK_DELAY_MAX_MS = 60_000

/** A check that is shorter takes every pause of garbage collection for a death. */
export const CHECK_MIN_MS = 1000

const known: { readonly [option in keyof Required<ConsulOptions>]: true } = {
  address: true,
  prefix: true,
  layout: true,
  ttlMs: true,
  checkMs: true,
  lockDelayMs: true,
  serfHealth: true,
  datacenter: true,
  namespace: true,
  token: true,
  tls: true,
  scope: true,
  tokenBase: true,
  onClockStep: true,
  clock: true,
  random: true,
  onBackgroundFailure: true,
}

/** @throws INVALID_OPTIONS; one error lists every problem */
export function consulSettings(options: ConsulOptions): ConsulSettings {
  const found = new Problems()
  if (typeof options !== 'object' || options === null) {
    found.add('options', options, 'an object such as { address }')
    throw found.error()
  }
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, option))
      found.add(option, value, `no such option; the options are ${Object.keys(known).join(', ')}`)
  }
  const address = splitAddress(options.address ?? '127.0.0.1:8500')
  if (address === undefined)
    found.add('address', options.address, 'host:port, with http:// or https:// or without')
  checkTexts(options, found)
  const durations = checkDurations(options, found)
  const { tokenBase = 0n, tls = {} } = options
  if (typeof tokenBase !== 'bigint' || tokenBase < 0n || tokenBase >= 1n << 62n)
    found.add('tokenBase', tokenBase, 'a bigint of 0n to 2^62')
  if ((tls.cert === undefined) !== (tls.key === undefined))
    found.add('tls', Object.keys(tls), 'a certificate and its key, or neither')
  const secure = address?.secure ?? options.tls !== undefined
  if (!secure && options.tls !== undefined)
    found.add('address', options.address, 'https://, because tls is given')
  if (found.any || address === undefined) throw found.error()
  const token = options.token ?? process.env['CONSUL_HTTP_TOKEN']
  return {
    ...durations,
    secure,
    host: address.host,
    port: address.port ?? (secure ? 8501 : 8500),
    prefix: options.prefix ?? '',
    layout: options.layout ?? 'lock',
    datacenter: options.datacenter,
    namespace: options.namespace,
    token: token === '' ? undefined : token,
    tls,
    scope: options.scope,
    tokenBase,
  }
}

function checkTexts(options: ConsulOptions, found: Problems): void {
  const { prefix = '', layout = 'lock', onClockStep, onBackgroundFailure, token, serfHealth } = options
  if (typeof prefix !== 'string' || (prefix !== '' && pathProblem(prefix) !== undefined))
    found.add('prefix', prefix, "parts with single slashes between them, such as 'service/leaders'")
  if (layout !== 'lock' && layout !== 'key') found.add('layout', layout, "'lock' or 'key'")
  for (const option of ['datacenter', 'namespace', 'scope'] as const) {
    const value = options[option]
    if (value !== undefined && !/^[\x21-\x7e]{1,128}$/.test(String(value)))
      found.add(option, value, '1-128 printable characters without spaces')
  }
  // A token is a secret: its value is told to nobody.
  if (token !== undefined && !/^[\x21-\x7e]{1,4096}$/.test(String(token)))
    found.add('token', '***', 'printable characters without spaces')
  if (serfHealth !== undefined && typeof serfHealth !== 'boolean')
    found.add('serfHealth', serfHealth, 'true or false')
  if (onClockStep !== undefined && onClockStep !== 'lose' && onClockStep !== 'ignore')
    found.add('onClockStep', onClockStep, "'lose' or 'ignore'")
  if (onBackgroundFailure !== undefined && typeof onBackgroundFailure !== 'function')
    found.add('onBackgroundFailure', onBackgroundFailure, 'a function')
}

function checkDurations(
  options: ConsulOptions,
  found: Problems,
): Pick<ConsulSettings, 'ttlMs' | 'checkMs' | 'lockDelayMs' | 'serfHealth'> {
  const { ttlMs = TTL_MIN_MS, checkMs, serfHealth = false } = options
  if (!isWithin(ttlMs, TTL_MIN_MS, TTL_MAX_MS))
    found.add('ttlMs', ttlMs, `${TTL_MIN_MS} to ${TTL_MAX_MS} ms, as Consul takes them`)
  if (checkMs !== undefined && !isWithin(checkMs, CHECK_MIN_MS, ttlMs))
    found.add('checkMs', checkMs, `${CHECK_MIN_MS} ms up to ttlMs (${ttlMs} ms)`)
  const lockDelayMs = options.lockDelayMs ?? defaultLockDelayMs({ ttlMs, checkMs, serfHealth })
  if (!isWithin(lockDelayMs, 0, LOCK_DELAY_MAX_MS))
    found.add('lockDelayMs', lockDelayMs, `0 to ${LOCK_DELAY_MAX_MS} ms, as Consul takes them`)
  // Gossip may take an agent for dead at any instant of a lease: nobody may lead before that lease is over.
  else if (serfHealth && lockDelayMs < ttlMs)
    found.add(
      'lockDelayMs',
      lockDelayMs,
      `at least ttlMs (${ttlMs} ms) with serfHealth; or leave serfHealth off`,
    )
  return { ttlMs, checkMs, lockDelayMs, serfHealth }
}

export function defaultLockDelayMs({
  ttlMs,
  checkMs,
  serfHealth,
}: Pick<ConsulSettings, 'ttlMs' | 'checkMs' | 'serfHealth'>): number {
  return serfHealth ? ttlMs : Math.min(1000, (checkMs ?? Number.POSITIVE_INFINITY) / 4)
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max
}

interface Address {
  /** Undefined: no scheme was given. */
  readonly secure: boolean | undefined
  readonly host: string
  readonly port: number | undefined
}

function splitAddress(text: unknown): Address | undefined {
  const match =
    typeof text === 'string'
      ? /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?\/?$/.exec(text)
      : null
  if (match === null) return undefined
  const [, scheme, ipv6, name = '', digits] = match
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && !(port >= 1 && port <= 65_535)) return undefined
  return { secure: scheme === undefined ? undefined : scheme === 'https', host: ipv6 ?? name, port }
}

class Problems {
  readonly #found: {
    readonly message: string
    readonly option: string
    readonly value: unknown
    readonly expected: string
  }[] = []

  get any(): boolean {
    return this.#found.length > 0
  }

  add(option: string, value: unknown, expected: string): void {
    const shown = value === undefined ? 'absent' : inspect(value, { depth: 0, breakLength: Infinity })
    this.#found.push({ message: `${option} is ${shown}: expected ${expected}`, option, value, expected })
  }

  error(): MandateError<'INVALID_OPTIONS'> {
    const [{ option, value, expected } = { option: 'options', value: undefined, expected: '' }] = this.#found
    const message = this.#found.map((each) => each.message).join('; ')
    return new MandateError('INVALID_OPTIONS', message, { option, value, expected })
  }
}
