/**
 * Who stands where in the queue of an election, and who holds it. Every change goes through here, so that an
 * election's record, the records of its sessions and the set of vacant elections always say the same.
 */
import type { SessionKey } from '../protocols/support/types.ts'
import type { ElectionState, Registry, Session, Waiter } from './state.ts'
import type { Exclusivity, FreedReason, Metadata, RegistryEvent } from './types.ts'

/** One command at work: what it told so far, and the queues in which somebody stands elsewhere now. */
export interface Change {
  readonly registry: Registry
  /** Of the log entry. */
  readonly index: number
  readonly events: RegistryEvent[]
  readonly queues: Set<string>
}

/** A transfer's target first, then the highest priority, then first come. */
export function precedes(election: ElectionState, left: Waiter, right: Waiter): boolean {
  if (election.preferred === left.session) return true
  if (election.preferred === right.session) return false
  if (left.priority !== right.priority) return left.priority > right.priority
  return left.index < right.index
}

/** Null: no such waiter. The holder counts as one, since it stands before everybody. */
export function aheadOf(registry: Registry, name: string, session: SessionKey): number | null {
  const election = registry.elections.get(name)
  const self = election?.queue.get(session)
  if (election === undefined || self === undefined) return null
  let ahead = election.holder === null ? 0 : 1
  for (const other of election.queue.values()) {
    if (other !== self && precedes(election, other, self)) ahead += 1
  }
  return ahead
}

/**
 * The waiter to be granted the election now, of those that are eligible (the leader skips the silent). Null when
 * the election is held, or nobody is eligible.
 */
export function nextWinner(
  registry: Registry,
  name: string,
  isEligible: (session: SessionKey) => boolean,
): SessionKey | null {
  const election = registry.elections.get(name)
  if (election === undefined || election.holder !== null) return null
  let best: Waiter | null = null
  for (const waiter of election.queue.values()) {
    if ((best === null || precedes(election, waiter, best)) && isEligible(waiter.session)) best = waiter
  }
  return best?.session ?? null
}

/** The election is made by its first candidate. Limits and exclusivity were checked. */
export function enqueue(
  change: Change,
  session: Session,
  name: string,
  candidacy: { readonly exclusivity: Exclusivity; readonly priority: number; readonly metadata: Metadata },
): void {
  const { registry, index } = change
  let election = registry.elections.get(name)
  if (election === undefined) {
    election = {
      name,
      exclusivity: candidacy.exclusivity,
      holder: null,
      queue: new Map(),
      preferred: null,
      lastReason: null,
      sinceIndex: index,
    }
    registry.elections.set(name, election)
  }
  const { priority, metadata } = candidacy
  const waiter: Waiter = { session: session.key, priority, metadata, index }
  noteIfSomebody(change, election, (other) => precedes(election, waiter, other))
  election.queue.set(session.key, waiter)
  session.waits.add(name)
  if (election.holder === null) registry.vacant.add(name)
}

/** Takes a waiter out of the queue without a grant. */
export function dequeue(change: Change, session: Session, name: string): void {
  const election = change.registry.elections.get(name)
  const waiter = election?.queue.get(session.key)
  if (election === undefined || waiter === undefined) return
  noteIfSomebody(change, election, (other) => other !== waiter && precedes(election, waiter, other))
  remove(election, session)
  forgetIfEmpty(change, election)
}

/** Checked by the caller: the election is vacant and the session waits for it. */
export function grantTo(change: Change, election: ElectionState, session: Session, waiter: Waiter): void {
  // The winner still stands before those it passed by or left behind; only whoever it overtook moves.
  noteIfSomebody(change, election, (other) => other !== waiter && precedes(election, other, waiter))
  remove(election, session)
  const token = change.registry.tokenBase + BigInt(change.index)
  const { metadata } = waiter
  election.holder = { session: session.key, id: session.id, token, metadata, index: change.index }
  election.sinceIndex = change.index
  // A transfer is over with the next grant, whoever won it.
  election.preferred = null
  session.holds.add(election.name)
  change.registry.vacant.delete(election.name)
  change.events.push({
    type: 'granted',
    election: election.name,
    session: session.key,
    id: session.id,
    token,
    metadata,
  })
}

/** Ends the grant of an election that the session holds; `preferred` is to win it next. */
export function free(
  change: Change,
  election: ElectionState,
  session: Session,
  reason: FreedReason,
  preferred: SessionKey | null = null,
): void {
  if (election.holder === null) return
  const { token } = election.holder
  election.holder = null
  election.lastReason = reason
  election.sinceIndex = change.index
  election.preferred = preferred
  session.holds.delete(election.name)
  change.events.push({ type: 'freed', election: election.name, session: session.key, token, reason })
  if (election.queue.size > 0) change.registry.vacant.add(election.name)
  noteIfSomebody(change, election, () => true)
  forgetIfEmpty(change, election)
}

function remove(election: ElectionState, session: Session): void {
  election.queue.delete(session.key)
  session.waits.delete(election.name)
  if (election.preferred === session.key) election.preferred = null
}

function forgetIfEmpty({ registry }: Change, election: ElectionState): void {
  if (election.queue.size > 0) return
  registry.vacant.delete(election.name)
  if (election.holder === null) registry.elections.delete(election.name)
}

function noteIfSomebody(change: Change, election: ElectionState, moves: (waiter: Waiter) => boolean): void {
  if (change.queues.has(election.name)) return
  for (const waiter of election.queue.values()) {
    if (!moves(waiter)) continue
    change.queues.add(election.name)
    return
  }
}
