/** `mandate observe NAME`: one line now, and one at each change, until nobody reads or somebody asks to stop. */
import { isatty } from 'node:tty'
import { createElection } from '../index.ts'
import { version } from '../version.ts'
import type { CommandContext } from './command.ts'
import { wantsJson } from './config.ts'
import { checkElectionName } from './election-name.ts'
import { exitCode } from './exit-codes.ts'
import { leaderJson, markOf, openReader } from './reader.ts'
import type { LeaderJson } from './reader.ts'
import { print, printJson } from './streams.ts'

interface Line {
  readonly at: number
  readonly type: 'led' | 'vacant' | 'unknown'
  readonly election: string
  readonly leader: LeaderJson | null
  readonly reason: string | null
}

/** With nothing to tell for so long the first line is that nothing is known: a reader waits for the first line. */
const firstLineAfterMs = 2000

export async function observe(context: CommandContext): Promise<number> {
  const [name = ''] = context.operands
  checkElectionName(name)
  const stop = stopper()
  const backend = await openReader(context)
  const election = createElection({ name, backend })
  let told = false
  const tell = (type: Line['type'], leader: LeaderJson | null, reason: string | null): void => {
    told = true
    const line: Line = { at: Date.now(), type, election: name, leader, reason }
    // NDJSON for programs; on a terminal without --json, lines for people.
    const pretty = !wantsJson(context) && isatty(1)
    const result = pretty ? print(sentence(line)) : printJson('observe', version, line)
    if (result === 'closed') stop.abort()
  }
  const first = setTimeout(() => {
    if (!told) tell('unknown', null, 'no answer yet')
  }, firstLineAfterMs)
  try {
    for await (const state of election.observe({ signal: stop.signal })) {
      const reason = state.type === 'unknown' ? reasonOf(state.cause) : null
      tell(state.type, state.type === 'led' ? leaderJson(state.leader) : null, reason)
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    clearTimeout(first)
    await election.close()
    await backend.close()
  }
  return exitCode.done
}

/** The end of a stream that nobody reads any more, or that was asked to end, is its ordinary end. */
function stopper(): AbortController {
  const controller = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE'] as const)
    process.once(signal, () => controller.abort())
  return controller
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function sentence({ at, type, election, leader, reason }: Line): string {
  const time = new Date(at).toTimeString().slice(0, 8)
  if (type === 'unknown') return `${time}  ${election}: unknown (${reason})`
  if (leader === null) return `${time}  ${election}: vacant`
  const metadata = Object.entries(leader.metadata).map(([key, value]) => `${key}=${value}`)
  return `${time}  ${election}: ${[leader.id, leader.rank === null ? `token ${leader.token}` : markOf(leader), ...metadata].join('  ')}`
}
