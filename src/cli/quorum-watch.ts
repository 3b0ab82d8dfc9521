/** Says why nobody can be elected: which peers answer, which do not, and why. At most one line a second. */
import type { Backend, Guarantee } from '../backends/backend.ts'
import type { ClusterView, EmbeddedBackend } from '../backends/cluster-view.ts'
import { majoritySize } from '../protocols/quorum/majority.ts'

export interface QuorumWatch {
  start(): void
  stop(): void
}

/** A peer without a quorum answers only after it has looked for one. */
const answerLimitMs = 1500
/** With the answers' time: the first line comes after 2 s. Elections take less; whoever waits longer wants to know why. */
const firstLookAfterMs = 500
const pauseMs = 1000
/** The same line again only so often, so that a log of a long outage can be read. */
const repeatAfterMs = 10_000

export function watchQuorum(backend: Backend<Guarantee>, say: (line: string) => void): QuorumWatch {
  let timer: NodeJS.Timeout | undefined
  let told: { readonly line: string; readonly atMs: number } | undefined
  if (!hasStatus(backend)) return { start: () => undefined, stop: () => undefined }
  const look = async (mine: AbortController): Promise<void> => {
    const view = await backend
      .status({ timeoutMs: answerLimitMs, signal: mine.signal })
      .catch(() => undefined)
    if (mine.signal.aborted) return
    const line = view === undefined ? undefined : missingQuorum(view, backend.engine)
    const nowMs = performance.now()
    if (line === undefined) {
      if (told !== undefined) say('the peers have a quorum again')
      told = undefined
    } else if (told?.line !== line || nowMs - told.atMs >= repeatAfterMs) {
      say(line)
      told = { line, atMs: nowMs }
    }
    timer = setTimeout(() => void look(mine), pauseMs)
  }
  let current: AbortController | undefined
  const stop = (): void => {
    clearTimeout(timer)
    current?.abort()
    current = undefined
    told = undefined
  }
  return {
    start: () => {
      stop()
      const mine = (current = new AbortController())
      timer = setTimeout(() => void look(mine), firstLookAfterMs)
    },
    stop,
  }
}

export function hasStatus(backend: Backend<Guarantee>): backend is EmbeddedBackend<Guarantee> {
  return 'status' in backend && typeof backend.status === 'function'
}

/** One line for people, or undefined when there is a quorum. */
export function missingQuorum(
  { answers, silent }: ClusterView,
  engine: EmbeddedBackend<Guarantee>['engine'],
): string | undefined {
  if (answers.some((answer) => answer.quorum)) return undefined
  const peers = answers.length + silent.length
  // Only Raft's peers have roles.
  const named = answers.map(({ peer, role }) => (engine === 'raft' ? `${peer} (${role})` : peer))
  const answered = named.length === 0 ? 'none' : named.join(', ')
  const silence = silent.map(({ peer, address, reason }) => `${peer} at ${address} (${reason})`).join(', ')
  const needed = majoritySize(peers)
  const must = answers.length < needed ? `${needed} must` : 'but not yet each other'
  const not = silence === '' ? '' : `; no answer from ${silence}`
  return `no quorum yet: ${answers.length} of ${peers} peers answer, ${must}. Answered: ${answered}${not}`
}
