/** What `mandate resign` and `mandate transfer` were asked for. */
import type { CommandContext } from '../command.ts'
import { invalidConfiguration, resolveConfig } from '../config.ts'
import { checkElectionName } from '../election-name.ts'
import { UsageError } from '../exit-codes.ts'
import { flagReader } from '../flag-reader.ts'

export interface OperatorCommand {
  readonly command: 'resign' | 'transfer'
  readonly election: string
  /** Null: whoever is next. */
  readonly wanted: string | null
  /** Only if the leader has this token. */
  readonly ifToken: bigint | null
  readonly waitMs: number
}

/** Time for a command to stop within its grace, and for a session that just lost its peer to find another. */
const defaultWaitMs = 10_000

/** @throws INVALID_NAME, INVALID_OPTIONS, a UsageError */
export async function operatorCommand(
  command: OperatorCommand['command'],
  context: CommandContext,
): Promise<OperatorCommand> {
  const [election = ''] = context.operands
  checkElectionName(election)
  const flags = flagReader(context)
  const wanted = command === 'resign' ? null : flags.read('to', (text) => text, '')
  const ifToken = flags.read<{ readonly token: bigint } | null>('if-token', readToken, null)?.token ?? null
  if (wanted === '') flags.problems.push(`say who shall lead: mandate transfer ${election} --to <id>`)
  const { value, source } = (await resolveConfig(context)).wait
  // In a file it belongs to `run`, which waits for something else.
  const waitMs = source.startsWith('file') || value === undefined ? defaultWaitMs : value
  if (flags.problems.length > 0) throw new UsageError(flags.problems.join('\n'))
  if (waitMs === 0) throw invalidConfiguration(['wait is 0: it would always give up. Write at least 100ms.'])
  return { command, election, wanted, ifToken, waitMs }
}

function readToken(text: string): { readonly token: bigint } | string {
  return /^\d{1,39}$/.test(text)
    ? { token: BigInt(text) }
    : `'${text}' is no token: write it as \`mandate status\` shows it`
}
