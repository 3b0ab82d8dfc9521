/** Who leads, once things are quiet enough to measure what comes next. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterView, RaftBackend } from '../../backends/raft.ts'
import { MandateError } from '../../errors.ts'
import { monotonicMs } from './protocol.ts'

export interface Reign {
  readonly id: string
  readonly token: string
  readonly ledRaft: boolean
}

export interface ReignQuestion {
  /** A client without a vote: it only asks. */
  readonly backend: RaftBackend
  readonly election: string
  readonly ids: readonly string[]
  readonly signal: AbortSignal
  /** Whether this leadership was seen to do its work. */
  works(token: string): boolean
}

const limitMs = 10_000
const pollMs = 30

/** Waits until one leads and works and everybody else waits behind it. @throws TIMEOUT */
export async function settledReign(question: ReignQuestion): Promise<Reign> {
  const { backend, election, signal } = question
  const limit = monotonicMs() + limitMs
  let found = ''
  while (monotonicMs() < limit) {
    const view = await backend.status({ signal, election, timeoutMs: 1000 })
    const answer = reignIn(view, question)
    if (typeof answer !== 'string') return answer
    found = answer
    await sleep(pollMs, undefined, { signal })
  }
  const message = `within ${limitMs} ms this was expected: one leads and works, all others wait. Instead: ${found}`
  throw new MandateError('TIMEOUT', message, { afterMs: limitMs })
}

/** The reign, or what there is instead. */
function reignIn({ answers }: ClusterView, { ids, works }: ReignQuestion): Reign | string {
  const newest = answers.toSorted((a, b) => b.appliedIndex - a.appliedIndex)[0]
  const election = newest?.elections[0]
  const leader = election?.leader ?? null
  const waiting = election?.waiting.map(({ id }) => id) ?? []
  const token = leader?.token.toString() ?? ''
  const othersWait = ids.every((id) => id === leader?.id || waiting.includes(id))
  if (leader !== null && othersWait && works(token)) {
    const ledRaft = answers.some(({ peer, role }) => peer === leader.id && role === 'leader')
    return { id: leader.id, token, ledRaft }
  }
  return `${leader?.id ?? 'nobody'} leads, ${waiting.join(' and ') || 'nobody'} waits, ${answers.length} peers answer`
}
