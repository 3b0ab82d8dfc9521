/** `mandate leader NAME`: the leader's id on stdout; exit 1 if there is none. */
import { MandateError } from '../errors.ts'
import { createElection } from '../index.ts'
import { version } from '../version.ts'
import type { CommandContext } from './command.ts'
import { wantsJson } from './config.ts'
import { checkElectionName } from './election-name.ts'
import { exitCode } from './exit-codes.ts'
import { answerLimitMs, leaderJson, openReader, silence } from './reader.ts'
import { print, printError, printJson } from './streams.ts'

export async function leader(context: CommandContext): Promise<number> {
  const [name = ''] = context.operands
  checkElectionName(name)
  const backend = await openReader(context)
  const election = createElection({ name, backend })
  try {
    const state = await election.current({ signal: AbortSignal.timeout(answerLimitMs) }).catch(noAnswer)
    if (state.type === 'unknown') throw unreachable(name, state.cause)
    const found = state.type === 'led' ? leaderJson(state.leader) : null
    if (wantsJson(context)) printJson('leader', version, { at: Date.now(), election: name, leader: found })
    else if (found === null) printError(`mandate: nobody leads '${name}'`)
    else print(found.id)
    return found === null ? exitCode.negative : exitCode.done
  } finally {
    await election.close()
    await backend.close()
  }
}

function noAnswer(cause: unknown) {
  return { type: 'unknown', cause: silence(cause) } as const
}

function unreachable(name: string, cause: unknown): MandateError<'BACKEND_UNAVAILABLE'> {
  const message = `Who leads '${name}' cannot be told.`
  return new MandateError('BACKEND_UNAVAILABLE', message, {}, { cause })
}
