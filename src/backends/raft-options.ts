import { inspect } from 'node:util'
import type { TuningMode } from '../cluster/peer-options.ts'
import { MandateError } from '../errors.ts'
import type { TimingInput } from '../lease/timing.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import type { BackgroundFailure } from './backend.ts'

export interface RaftOptions {
  /** This process's id among `peers`. Absent: a client of the cluster, without a vote and without data. */
  readonly self?: string | undefined
  /** Every voter, id → `host:port`, the same in every process. Fixed for the life of the cluster (for now). */
  readonly peers: Readonly<Record<string, string>>
  /** The folder of this peer's log; required with `self`. One folder per peer, never copied. */
  readonly dataDir?: string | undefined
  /** Where to listen. @default this peer's own entry of `peers` */
  readonly listen?: string | undefined
  /** Names the cluster and is the tokens' scope. @default a hash of `peers` and `tokenBase` */
  readonly cluster?: string | undefined
  /** @default 'default' (100 / 500-1000 / 1000 ms) */
  readonly timing?: TimingInput | undefined
  /**
   * `adaptive`: heartbeats and the wait for a silent Raft leader follow the measured network, so that a peer that died
   * without a word is replaced sooner; never slower than `timing`. Changes no lease, and so no guarantee.
   * @default 'fixed'
   */
  readonly tuning?: TuningMode | undefined
  /** Added to every token, for an election that moves here. The same in every process. @default 0n */
  readonly tokenBase?: bigint | undefined
  /** Listen off loopback although frames are neither encrypted nor authenticated yet. @default false */
  readonly insecure?: boolean | undefined
  /** Above this size of the log new campaigns are refused (there are no snapshots yet), in bytes. @default 256 MiB */
  readonly logBytesMax?: number | undefined
  /** What to do with a leadership when the wall clock jumps forward. @default 'lose' */
  readonly onClockStep?: 'lose' | 'ignore' | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Failures that belong to no call. @default process.emitWarning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
}

/** `without`: options that another engine has not. @throws INVALID_OPTIONS (one error lists every problem), NOT_A_PEER */
export function checkRaftOptions(options: RaftOptions, without: readonly string[] = []): void {
  // Who calls from JavaScript has no compiler that says what is missing.
  if (!isRecord(options)) throw asError([problem('options', options, 'an object such as { peers }')])
  const { peers } = options
  if (!isRecord(peers)) throw asError([problem('peers', peers, 'an object, id → host:port')])
  const problems = [...unknownKeys(options, without), ...peerProblems(peers), ...ownProblems(options)]
  if (problems.length > 0) throw asError(problems)
  const ids = Object.keys(peers)
  if (options.self !== undefined && !ids.includes(options.self)) {
    throw new MandateError(
      'NOT_A_PEER',
      `self is ${JSON.stringify(options.self)}, but the peers are ${ids.join(', ')}. ` +
        'Use one of them, add this one to `peers` everywhere, or leave `self` out to be a client.',
      { id: options.self, peers: ids },
    )
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asError(problems: readonly Problem[]): MandateError<'INVALID_OPTIONS'> {
  const message = problems.map((each) => each.message).join('; ')
  return new MandateError('INVALID_OPTIONS', message, problems[0]?.details ?? { option: 'options' })
}

interface Problem {
  readonly message: string
  readonly details: { readonly option: string; readonly value?: unknown; readonly expected: string }
}

const known: { readonly [option in keyof Required<RaftOptions>]: true } = {
  self: true,
  peers: true,
  dataDir: true,
  listen: true,
  cluster: true,
  timing: true,
  tuning: true,
  tokenBase: true,
  insecure: true,
  logBytesMax: true,
  onClockStep: true,
  clock: true,
  random: true,
  onBackgroundFailure: true,
}

/** A misspelt option would otherwise mean its default, silently. */
function unknownKeys(options: RaftOptions, without: readonly string[]): Problem[] {
  const allowed = Object.keys(known).filter((option) => !without.includes(option))
  const names = allowed.join(', ')
  return Object.entries(options)
    .filter(([option]) => !allowed.includes(option))
    .map(([option, value]) => problem(option, value, `no such option; the options are ${names}`))
}

const peersMax = 63

function peerProblems(peers: RaftOptions['peers']): Problem[] {
  const problems: Problem[] = []
  const entries = Object.entries(peers)
  if (entries.length === 0 || entries.length > peersMax) {
    problems.push(problem('peers', entries.length, `1 to ${peersMax} peers (three or five are usual)`))
  }
  const byAddress = new Map<string, string>()
  for (const [id, address] of entries) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) {
      problems.push(problem('peers', id, 'ids of 1-64 letters, digits, dots, dashes or underscores'))
    }
    if (!isAddress(address))
      problems.push(problem(`peers.${id}`, address, 'host:port with a port of 1-65535'))
    const other = byAddress.get(address)
    if (other !== undefined) {
      problems.push(problem(`peers.${id}`, address, `an address of its own: ${other} has the same`))
    }
    byAddress.set(address, id)
  }
  return problems
}

function ownProblems(options: RaftOptions): Problem[] {
  const { self, dataDir, listen, cluster, tokenBase, logBytesMax, insecure, onClockStep } = options
  const problems: Problem[] = []
  if (self !== undefined && (typeof dataDir !== 'string' || dataDir === '')) {
    problems.push(
      problem('dataDir', dataDir, 'a folder for the log of this peer (it votes, so it must remember)'),
    )
  }
  if (self === undefined && dataDir !== undefined) {
    problems.push(
      problem('self', self, 'the id of this peer, because dataDir is given; a client keeps no data'),
    )
  }
  if (listen !== undefined && !isAddress(listen)) {
    problems.push(problem('listen', listen, 'host:port with a port of 1-65535'))
  }
  if (self === undefined && listen !== undefined) {
    problems.push(problem('listen', listen, 'no address, because self is absent: only a peer listens'))
  }
  if (cluster !== undefined && !/^[\x21-\x7e]{1,64}$/.test(cluster)) {
    problems.push(problem('cluster', cluster, '1-64 printable characters without spaces'))
  }
  if (
    tokenBase !== undefined &&
    (typeof tokenBase !== 'bigint' || tokenBase < 0n || tokenBase >= 1n << 62n)
  ) {
    problems.push(problem('tokenBase', tokenBase, 'a bigint of 0n to 2^62'))
  }
  if (logBytesMax !== undefined && !(Number.isSafeInteger(logBytesMax) && logBytesMax > 0)) {
    problems.push(problem('logBytesMax', logBytesMax, 'a whole number of bytes above 0'))
  }
  if (insecure !== undefined && typeof insecure !== 'boolean') {
    problems.push(problem('insecure', insecure, 'true or false'))
  }
  if (onClockStep !== undefined && onClockStep !== 'lose' && onClockStep !== 'ignore') {
    problems.push(problem('onClockStep', onClockStep, "'lose' or 'ignore'"))
  }
  const { onBackgroundFailure, tuning } = options
  if (tuning !== undefined && tuning !== 'fixed' && tuning !== 'adaptive') {
    problems.push(problem('tuning', tuning, "'fixed' or 'adaptive'"))
  }
  if (onBackgroundFailure !== undefined && typeof onBackgroundFailure !== 'function') {
    problems.push(problem('onBackgroundFailure', onBackgroundFailure, 'a function'))
  }
  return problems
}

function problem(option: string, value: unknown, expected: string): Problem {
  return {
    message: `${option} is ${show(value)}: expected ${expected}`,
    details: { option, value, expected },
  }
}

function show(value: unknown): string {
  if (value === undefined) return 'absent'
  return typeof value === 'string'
    ? JSON.stringify(value)
    : inspect(value, { depth: 0, breakLength: Infinity })
}

function isAddress(address: unknown): boolean {
  if (typeof address !== 'string') return false
  const match = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(address)
  const port = Number(match?.[1])
  return port >= 1 && port <= 65_535
}
