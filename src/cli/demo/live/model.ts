/** What the live demo makes of everything that happens: a pure function, so that the screen is one, too. */
import type { Recorded } from '../event-log.ts'
import type { Input, Key, PeerState, State, Tone } from './state.ts'

const logKept = 200
const takeoversKept = 20
const stretchesKept = 20

export function begin(
  about: Pick<State, 'startedAt' | 'exclusivity' | 'preset' | 'timing'>,
  ids: readonly string[],
): State {
  const unknown = {
    pid: null,
    life: 'starting',
    cut: false,
    doomed: false,
    view: null,
    token: null,
    remaining: null,
  } as const
  return {
    ...about,
    peers: ids.map((id) => ({ id, ...unknown, refused: 0 })),
    ...{
      leader: null,
      pending: null,
      takeovers: [],
      stretches: [],
      lastWrote: null,
      twice: 0,
      missing: 0,
      refused: 0,
    },
    ...{ log: [], tried: [], chosen: null, help: false },
  }
}

export function update(state: State, input: Input): State {
  switch (input.is) {
    case 'happened':
      return happened(state, input.event)
    case 'viewed':
      return {
        ...state,
        peers: state.peers.map((peer) => ({ ...peer, view: input.views.get(peer.id) ?? peer.view })),
      }
    case 'starting':
      return change(say(tried(state, 'r'), input.at, `start ${input.id} again`), input.id, {
        life: 'starting',
        doomed: false,
        view: null,
      })
    case 'cut': {
      const next = change(tried(state, 'x'), input.id, { cut: true })
      const said = say(next, input.at, `cut ${input.id} off: nothing passes to it, nor from it`, 'warn')
      return upset(said, input.id, `cutting ${input.id} off`, input.at)
    }
    case 'healed':
      return say(
        change(tried(state, 'h'), input.id, { cut: false }),
        input.at,
        `heal the links of ${input.id}`,
      )
    case 'chose':
      return { ...state, chosen: input.id }
    case 'help':
      return { ...state, help: input.open }
    case 'said':
      return say(state, input.at, input.text, input.tone)
    default:
      return input satisfies never
  }
}

/** Everything that a process said, or that was done to one. */
function happened(state: State, event: Recorded): State {
  const { at, id } = event
  switch (event.event) {
    case 'started':
      return change(state, id, { pid: event.pid })
    case 'ready':
      return say(change(state, id, { life: 'running' }), at, `${id} listens`, 'dim')
    case 'failed':
      return say(state, at, `${id} cannot run: ${event.message}`, 'bad')
    case 'told':
      if (event.command !== 'resign') return state
      return upset(
        say(tried(state, 'g'), at, `tell ${id} to resign`, 'warn'),
        id,
        `the resignation of ${id}`,
        at,
      )
    case 'signal':
      return signalled(state, event)
    case 'exited':
      return exited(state, event)
    case 'leads':
      return leads(state, event)
    case 'remaining':
      return change(state, id, { remaining: { ms: event.ms, at } })
    case 'wrote':
      return wrote(state, event)
    case 'lost':
      return lost(state, event)
    case 'refused': {
      const peer = state.peers.find((each) => each.id === id)
      const text = `REFUSED: ${id} writes with token ${event.token}, but the ledger knows token ${event.by}`
      const next = change(state, id, { refused: (peer?.refused ?? 0) + 1 })
      return say({ ...next, refused: state.refused + 1 }, at, text, 'bad')
    }
    case 'uncertain':
      return say(state, at, `a line of ${id} met the seal of token ${event.by}: the ledger decides`, 'warn')
    case 'checked':
      return say(state, at, `${id} has checked that it leads, and is about to write`, 'dim')
    case 'left':
      return state
    default:
      return event satisfies never
  }
}

function signalled(state: State, { id, at, signal }: Recorded<'signal'>): State {
  switch (signal) {
    case 'SIGKILL': {
      const next = change(tried(state, 'k'), id, { doomed: true })
      return upset(say(next, at, `kill -9 ${id}`, 'warn'), id, `kill -9 of ${id}`, at)
    }
    case 'SIGSTOP': {
      const next = change(tried(state, 'p'), id, { life: 'paused' })
      return upset(say(next, at, `pause ${id} (SIGSTOP)`, 'warn'), id, `pausing ${id}`, at)
    }
    case 'SIGCONT':
      return say(
        change(tried(state, 'c'), id, { life: 'running' }),
        at,
        `${id} runs again (SIGCONT), and knows nothing yet`,
      )
    default:
      return state
  }
}

function exited(state: State, { id, pid, at, signal, code, stderr }: Recorded<'exited'>): State {
  const peer = state.peers.find((each) => each.id === id)
  // A successor of this process may run already.
  if (peer?.pid !== pid) return state
  const upsetState = upset(state, id, `the death of ${id}`, at)
  const next = change(upsetState, id, { life: 'dead', view: null, token: null, remaining: null })
  if (peer.doomed) return next
  const said = stderr.trim().split('\n').at(-1) ?? ''
  return say(next, at, `${id} died (${signal ?? `code ${code}`})${said && `: ${said}`}`, 'warn')
}

function leads(state: State, { id, at, token }: Recorded<'leads'>): State {
  const { pending } = state
  const next = change(state, id, { token, remaining: { ms: state.timing.leaseMs, at } })
  const led = { ...next, leader: { id, token, since: at }, pending: null }
  if (pending === null) return say(led, at, `${id} LEADS with token ${token}`, 'good')
  const { cause, from, token: fromToken, at: since } = pending
  const takeover = { cause, from, fromToken, to: id, toToken: token, ms: at - since, at }
  const text = `${id} LEADS with token ${token}, ${inMs(takeover.ms)} after ${cause}`
  return say({ ...led, takeovers: [...state.takeovers, takeover].slice(-takeoversKept) }, at, text, 'good')
}

function wrote(state: State, event: Recorded<'wrote'>): State {
  const { id, token, number } = event
  const current = state.stretches.at(-1)
  if (current !== undefined && number <= current.last) return { ...state, twice: state.twice + 1 }
  // Who was killed between writing a line and saying so wrote it all the same: the next one counts on from it.
  const before =
    current === undefined
      ? []
      : [...state.stretches.slice(0, -1), { ...current, last: current.token === token ? number : number - 1 }]
  const stretches =
    current?.token === token
      ? before
      : [...before, { id, token, first: current === undefined ? 1 : number, last: number }]
  const skipped = current?.token === token ? number - current.last - 1 : 0
  const missing = state.missing + skipped
  return { ...state, lastWrote: event, stretches: stretches.slice(-stretchesKept), missing }
}

function lost(state: State, { id, at, token, reason }: Recorded<'lost'>): State {
  const next = change(state, id, { token: null, remaining: null })
  const why = reason === 'expired' ? expiry(state, id) : reason
  const told = say(next, at, `${id} knows that it lost token ${token}: ${why}`, 'dim')
  const cause = reason === 'expired' ? `the lease of ${id} ran out` : `${id} lost it (${reason})`
  return state.leader?.token === token ? upset(told, id, cause, at) : told
}

/** Why a lease was not renewed, as far as one can tell from outside. */
function expiry(state: State, id: string): string {
  if (!hasMajority(state)) return 'expired, for want of a majority'
  const wasUpset = state.leader?.id !== id || state.pending !== null
  return wasUpset ? 'expired' : 'expired, because this machine is busy'
}

export function hasMajority({ peers }: State): boolean {
  const up = peers.filter(({ life, cut }) => life === 'running' && !cut).length
  return up * 2 > peers.length
}

/** If that is the leader: nobody leads until the next one says so; the first cause counts. */
function upset(state: State, id: string, cause: string, at: number): State {
  const { leader } = state
  if (leader?.id !== id) return state
  return { ...state, pending: state.pending ?? { cause, from: id, token: leader.token, at } }
}

function change(state: State, id: string, part: Partial<PeerState>): State {
  return { ...state, peers: state.peers.map((peer) => (peer.id === id ? { ...peer, ...part } : peer)) }
}

function say(state: State, at: number, text: string, tone: Tone = 'plain'): State {
  // What a process said in its last words may hold anything.
  const line = { at, text: text.replaceAll(/[\s\p{Cc}]+/gu, ' '), tone }
  return { ...state, log: [...state.log, line].slice(-logKept) }
}

function tried(state: State, key: Key): State {
  return state.tried.includes(key) ? state : { ...state, tried: [...state.tried, key] }
}

export function inMs(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`
}
