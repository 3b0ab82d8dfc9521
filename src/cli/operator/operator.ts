/**
 * `mandate resign NAME` and `mandate transfer NAME --to ID`: ask the leader to give up, from outside. It does what its
 * own `resign()` or `transfer()` would do: it stops its work first, and releases then.
 */
import { MandateError } from '../../errors.ts'
import type { CommandAction, CommandContext } from '../command.ts'
import { wantsJson } from '../config.ts'
import { hasTokens } from '../has-tokens.ts'
import { backendType, openReader } from '../reader.ts'
import { printError } from '../streams.ts'
import { handOver } from './hand-over.ts'
import { report } from './report.ts'
import { operatorCommand } from './request.ts'
import type { OperatorCommand } from './request.ts'

export const resign: CommandAction = (context) => run('resign', context)
export const transfer: CommandAction = (context) => run('transfer', context)

async function run(name: OperatorCommand['command'], context: CommandContext): Promise<number> {
  const command = await operatorCommand(name, context)
  const backend = await openReader(context)
  try {
    if (!hasTokens(backend)) throw noToken(name)
    if (backend.ask === undefined) throw noWay(name, await backendType(context))
    if (name === 'transfer' && backend.facts.transfer === 'none') throw noTransfer(await backendType(context))
    const result = await handOver(command, backend, (text) => printError(`mandate: ${text}`))
    return report(command, result, wantsJson(context))
  } finally {
    await backend.close()
  }
}

function noWay(command: OperatorCommand['command'], type: string): MandateError<'UNSUPPORTED'> {
  const instead =
    command === 'resign'
      ? "Send SIGTERM to the leader's `mandate run` or `mandate serve`: it stops its work, then resigns. "
      : 'A program that leads can call `leadership.transfer(to)`, where its backend can hand over. '
  return new MandateError(
    'UNSUPPORTED',
    `'mandate ${command}' has no way to the leader of an election in ${type}: whoever stands there may be any program. ` +
      `${instead}Deleting what it holds would end it while it still believes that it leads.`,
    { feature: command },
  )
}

/** Without a quorum each part of the network has a leader of its own. */
function noToken(command: OperatorCommand['command']): MandateError<'UNSUPPORTED'> {
  return new MandateError(
    'UNSUPPORTED',
    `'mandate ${command}' has to name the leadership that it means by its token, and a bully without a quorum has none. ` +
      "Send SIGTERM to the leader's `mandate run`: it stops its work, then resigns.",
    { feature: command },
  )
}

function noTransfer(type: string): MandateError<'UNSUPPORTED'> {
  const message = `Nobody can be named as successor in ${type}. Use 'mandate resign': whoever is next leads.`
  return new MandateError('UNSUPPORTED', message, { feature: 'transfer' })
}
