/**
 * The command line of the retired leader-elector sidecar, as far as it means something here: `--election`,
 * `--election-namespace`, `--id`, `--ttl`, `--use-cluster-credentials` and `--http`.
 */
import { hostname } from 'node:os'
import type { CommandContext, ExtraFlag } from '../command.ts'
import type { Parsed } from '../duration.ts'
import { UsageError } from '../exit-codes.ts'

export const oldFlags: readonly ExtraFlag[] = [
  {
    flag: '--election',
    placeholder: '<name>',
    help: 'with --compat leader-elector: the name of the election',
  },
  {
    flag: '--election-namespace',
    placeholder: '<namespace>',
    help: 'with --compat leader-elector: its namespace (default: default)',
  },
  {
    flag: '--ttl',
    placeholder: '<duration>',
    help: 'with --compat leader-elector: the lease (default: 10s)',
  },
  {
    flag: '--use-cluster-credentials',
    placeholder: '[bool]',
    help: 'with --compat leader-elector: no effect, a pod uses its service account anyway',
  },
]

const names = { election: '--election', electionNamespace: '--election-namespace', ttl: '--ttl' } as const

/** The same command line in our words. @throws UsageError */
export function translateOldFlags(context: CommandContext): CommandContext {
  const { flags, env, operands } = context
  const isCompat = (flags['compat'] ?? env['MANDATE_COMPAT']) === 'leader-elector'
  const given = Object.entries(names).filter(([key]) => flags[key] !== undefined)
  if (!isCompat) {
    const [first] = given
    if (first === undefined) return named(context)
    throw new UsageError(
      `${first[1]} is a flag of the old sidecar: add --compat leader-elector, or write NAME and --backend`,
    )
  }
  const election = flags['election'] ?? operands[0]
  if (election !== undefined && operands[0] !== undefined && election !== operands[0]) {
    throw new UsageError(`the election is named twice: ${operands[0]}, and --election ${String(election)}`)
  }
  const hasBackend =
    flags['backend'] !== undefined || (env['MANDATE_BACKEND'] ?? '') !== '' || hasConfig(context)
  if (hasBackend && flags['electionNamespace'] !== undefined) {
    throw new UsageError(
      '--election-namespace names a namespace, and so does the backend: leave one of them out',
    )
  }
  const namespace = String(flags['electionNamespace'] ?? 'default')
  const ttl = flags['ttl'] === undefined ? undefined : goDuration(String(flags['ttl']))
  if (ttl?.ok === false) throw new UsageError(`--ttl: ${ttl.problem}`)
  // A backend of one's own has a lease of its own.
  const saysLease = hasBackend || flags['lease'] !== undefined || (env['MANDATE_LEASE'] ?? '') !== ''
  return named({
    ...context,
    operands: election === undefined ? [] : [String(election)],
    flags: {
      ...flags,
      compat: 'leader-elector',
      ...(hasBackend ? {} : { backend: `k8s://${encodeURIComponent(namespace)}` }),
      // Applications compare the name that is answered with their own host's.
      ...(flags['id'] === undefined && (env['MANDATE_CANDIDATE_ID'] ?? '') === '' ? { id: hostname() } : {}),
      ...(ttl === undefined ? (saysLease ? {} : { lease: '10s' }) : { lease: `${ttl.value}ms` }),
    },
  })
}

function named(context: CommandContext): CommandContext {
  if (context.operands.length > 0) return context
  throw new UsageError(
    'which election? Write: mandate serve NAME (with --compat leader-elector also: --election NAME)',
  )
}

function hasConfig({ flags, env }: CommandContext): boolean {
  return flags['config'] !== undefined || (env['MANDATE_CONFIG'] ?? '') !== ''
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** As Go writes durations: `10s`, `1m30s`, `1.5s`. */
function goDuration(text: string): Parsed<number> {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  const value = parts.reduce((sum, [, digits, unit = '']) => sum + Number(digits) * (unitMs[unit] ?? 0), 0)
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join('') === text
  if (!isWhole || value <= 0)
    return { ok: false, problem: `'${text}' is not a duration: write it as 10s or 1m30s` }
  return { ok: true, value: Math.round(value) }
}
