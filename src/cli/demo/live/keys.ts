/** What a key means right now: something to do, or why there is nothing to do. Pure. */
import { hasMajority } from './model.ts'
import type { Key, PeerState, State } from './state.ts'

export type Deed = 'kill' | 'pause' | 'continue' | 'restart' | 'resign' | 'cut' | 'heal'

export type Intent =
  | { readonly do: Deed; readonly id: string }
  | { readonly do: 'choose'; readonly id: string | null }
  | { readonly do: 'help'; readonly open: boolean }
  | { readonly do: 'say'; readonly text: string }
  | { readonly do: 'quit' | 'nothing' }

const deeds: Readonly<Record<Key, Deed>> = {
  k: 'kill',
  p: 'pause',
  c: 'continue',
  r: 'restart',
  g: 'resign',
  x: 'cut',
  h: 'heal',
}

const escape = String.fromCharCode(0x1b)
/** `ESC [ … letter`, `ESC O letter`, a bare ESC, or a character. */
const oneKey = new RegExp(`${escape}(?:\\[[0-9;?]*[ -/]*[@-~]|O.)?|[^${escape}]`, 'gu')

/** What a terminal sent, as keys. An escape sequence (an arrow, a paste mark) is one key that means nothing. */
export function keysIn(text: string): readonly string[] {
  return text.match(oneKey) ?? []
}

export function intentOf(key: string, state: State): Intent {
  const lower = key.toLowerCase()
  if (lower === 'q' || key === '\u0003' || key === '\u0004') return { do: 'quit' }
  if (state.help) return { do: 'help', open: false }
  if (key === '?') return { do: 'help', open: true }
  if (key === '\u001b' || key === '0') return { do: 'choose', id: null }
  if (/^[1-9]$/.test(key)) return choice(Number(key), state)
  const deed = Object.hasOwn(deeds, lower) ? deeds[lower as Key] : undefined
  return deed === undefined ? { do: 'nothing' } : deedOn(deed, state)
}

/** The peer that a key acts on, if the choice does not name another: the leader. */
export function target({ chosen, leader, peers }: State): PeerState | undefined {
  return peers.find(({ id }) => id === (chosen ?? leader?.id))
}

function choice(number: number, { peers }: State): Intent {
  const peer = peers[number - 1]
  if (peer === undefined) return { do: 'say', text: `there is no peer ${number}` }
  return { do: 'choose', id: peer.id }
}

function deedOn(deed: Deed, state: State): Intent {
  switch (deed) {
    case 'restart':
      return undo(deed, state, (peer) => peer.life === 'dead', 'nobody is dead: k kills')
    case 'continue':
      return undo(deed, state, (peer) => peer.life === 'paused', 'nobody is paused: p pauses')
    case 'heal':
      return undo(deed, state, (peer) => peer.cut, 'nobody is cut off: x cuts')
    case 'kill':
    case 'pause':
    case 'resign':
    case 'cut':
      return upsetting(deed, state)
    default:
      return deed satisfies never
  }
}

/** The chosen one if it fits, otherwise the first that does: there is little doubt who is meant. */
function undo(deed: Deed, state: State, fits: (peer: PeerState) => boolean, none: string): Intent {
  const chosen = state.peers.find(({ id }) => id === state.chosen)
  const peer = chosen !== undefined && fits(chosen) ? chosen : state.peers.find(fits)
  return peer === undefined ? { do: 'say', text: none } : { do: deed, id: peer.id }
}

function upsetting(deed: 'kill' | 'pause' | 'resign' | 'cut', state: State): Intent {
  const peer = target(state)
  if (peer === undefined) return { do: 'say', text: 'nobody leads: choose a peer by its number' }
  const { id, life } = peer
  if (life === 'starting') return { do: 'say', text: `${id} is still starting` }
  if (life === 'dead') return { do: 'say', text: `${id} is dead: r starts it again` }
  if (deed === 'cut' && peer.cut) return { do: 'say', text: `${id} is cut off already: h heals` }
  if (life === 'paused' && deed !== 'kill' && deed !== 'cut')
    return { do: 'say', text: `${id} is paused: c lets it go on` }
  if (deed === 'resign' && peer.token === null)
    return { do: 'say', text: `${id} does not lead: only a leader can resign (Esc chooses it)` }
  return { do: deed, id }
}

/** What to press next: first mend what is broken, then what was not tried yet. */
export function advice(state: State): string {
  const { peers, tried, leader, pending, exclusivity } = state
  const paused = peers.find(({ life }) => life === 'paused')
  const dead = peers.find(({ life }) => life === 'dead')
  const cut = peers.find((peer) => peer.cut)
  if (!hasMajority(state) && (paused ?? dead ?? cut) !== undefined) return tooFew(paused, dead)
  if (paused !== undefined) {
    return paused.token === null || pending !== null
      ? `Press c: ${paused.id} runs again.`
      : `Press c: ${paused.id} wakes up and writes. Watch the ledger refuse its old token.`
  }
  if (dead !== undefined) return `Press r: ${dead.id} starts again, with the log it had.`
  if (cut !== undefined) return `Press h: the links of ${cut.id} heal, and it falls in line.`
  if (leader === null || pending !== null) return 'Wait for a leader.'
  if (!tried.includes('k')) return `Press k: kill -9 strikes the leader, ${leader.id}. Another takes over.`
  if (!tried.includes('p'))
    return `Press p: ${leader.id} freezes between its check that it leads and its write.`
  if (!tried.includes('x'))
    return exclusivity === 'time'
      ? `Press x: ${leader.id} is cut off, and must stop before another may lead.`
      : `Press x: ${leader.id} is cut off. While it still believes, the ledger refuses it.`
  if (!tried.includes('g')) return `Press g: ${leader.id} resigns. A planned hand-over waits for no lease.`
  return 'You have seen it all: q quits. Or kill -9 a pid from another terminal.'
}

function tooFew(paused: PeerState | undefined, dead: PeerState | undefined): string {
  const key = paused !== undefined ? 'c' : dead !== undefined ? 'r' : 'h'
  return `No majority, so nobody may lead. Press ${key}.`
}
