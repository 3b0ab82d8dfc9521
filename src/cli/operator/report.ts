/** What came of an operator's request, for people and for programs. */
import { MandateError } from '../../errors.ts'
import { version } from '../../version.ts'
import { formatDuration } from '../duration.ts'
import { exitCode } from '../exit-codes.ts'
import { explain } from '../explain.ts'
import type { LeaderJson } from '../reader.ts'
import { print, printError, printJson } from '../streams.ts'
import type { HandOver } from './hand-over.ts'
import type { OperatorCommand } from './request.ts'

/** Gives the exit code. */
export function report(command: OperatorCommand, result: HandOver, json: boolean): number {
  const code = codeOf(result)
  const text = sentence(command, result)
  if (json) {
    const { election, wanted } = command
    const { outcome, from, to, told, waiting } = result
    const token = from?.token ?? null
    const facts = { at: Date.now(), election, outcome, from, to, token, wanted, told, waiting }
    printJson(command.command, version, facts)
  }
  if (result.outcome === 'vacant' || result.outcome === 'changed')
    printError(explain(new MandateError('NOT_LEADER', text, { election: command.election })))
  else if (code !== exitCode.done) printError(`mandate: ${text}`)
  else if (!json) print(text)
  return code
}

function codeOf({ outcome }: HandOver): number {
  switch (outcome) {
    case 'done':
    case 'leads-already':
      return exitCode.done
    case 'vacant':
    case 'changed':
    case 'no-such-candidate':
    case 'another':
      return exitCode.negative
    case 'late':
      return exitCode.notElected
    default:
      return outcome satisfies never
  }
}

function sentence({ election, wanted, ifToken, waitMs }: OperatorCommand, result: HandOver): string {
  const { outcome, from, to, told, waiting } = result
  const before = from === null ? '' : described(from)
  switch (outcome) {
    case 'done':
      return `${before} gave up; ${present(result)}`
    case 'leads-already':
      return `${before} leads '${election}' already`
    case 'vacant':
      return `nobody leads '${election}'`
    case 'changed':
      if (from === null) return `not asked, for token ${ifToken} does not lead: ${present(result)}`
      return `not asked, for ${before} had ended: ${present(result)}`
    case 'no-such-candidate':
      return `'${wanted}' does not stand in '${election}', so ${before} leads on; ${waiters(waiting)}`
    case 'another':
      return `${before} gave up, but '${wanted}' did not take over; ${to === null ? 'nobody leads yet' : present(result)}`
    case 'late': {
      const waited = formatDuration(waitMs)
      if (told)
        return `${before} was told, and has not stopped within ${waited}; it gives up as soon as it has`
      return (
        `${before} did not answer within ${waited}, and was not seen to end. ` +
        'A request that is still on its way ends no other leadership than this one'
      )
    }
    default:
      return outcome satisfies never
  }
}

function described({ id, token }: LeaderJson): string {
  return `${id} (token ${token})`
}

function present({ from, to, waiting }: HandOver): string {
  const alone = waiting?.length === 0 ? ': nobody else stood' : ''
  if (to === null) return `nobody leads yet${alone}`
  return to.id === from?.id ? `it leads again, token ${to.token}${alone}` : `${described(to)} leads now`
}

function waiters(waiting: readonly string[] | null): string {
  if (waiting === null) return 'the id must be that of a candidate that waits'
  return waiting.length === 0 ? 'nobody else waits' : `these wait: ${waiting.join(', ')}`
}
